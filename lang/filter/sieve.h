// Sieve filters (RFC 5228) with the extensions Exim has; see sieve_run.cc. Private to lang/filter.
#pragma once

#include <string_view>

#include "lang/filter/filter.h"

namespace remex::lang::filter {

/// Parses and runs. A mistake is Verdict::error with its line; the message is then kept, which the caller does.
void run_sieve(std::string_view text, Scope& scope, const Options& options, Outcome& out);

}  // namespace remex::lang::filter
