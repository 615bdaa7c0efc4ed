// Warnings about settings that are legal and can hardly be meant.
#pragma once

namespace remex::lang {

class Config;
class Diagnostics;

/// List text that message data can extend; routers that nothing reaches are routers/' own check.
void run_lints(const Config& config, Diagnostics& diagnostics);

}  // namespace remex::lang
