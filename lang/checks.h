// Checks over a whole configuration, run by the reader after every section is compiled and before it is accepted.
#pragma once

namespace remex::lang {

class Config;
class Diagnostics;

/// Named lists that do not exist, tainted data that would reach a file name, directory or command, and warnings about
/// what can never be meant. Reports everything to `diagnostics`; never stops at the first.
void run_static_checks(const Config& config, Diagnostics& diagnostics);

}  // namespace remex::lang
