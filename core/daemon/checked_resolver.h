// A resolver with what the main options say about every DNS question: dns_check_names_pattern, dns_again_means_nonexist
// and slow_lookup_log.
//
// Made by ProcessServices around the real one when one of these options asks for something. Trouble with a list (it
// needs a lookup that fails) leaves the answer as it was.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "core/dns/resolver.h"
#include "lang/config.h"
#include "lang/scope.h"

namespace remex::daemon {

/// `config` and `services` must outlive the resolver; `log` gets the lines of slow_lookup_log. Returns `inner` itself
/// when the options ask for nothing.
std::shared_ptr<dns::Resolver> checked_resolver(std::shared_ptr<dns::Resolver> inner, const lang::Config& config,
                                                lang::Services& services, std::function<void(std::string_view)> log);

/// The part of `name` that dns_check_names_pattern is about when records of `type` are asked for: host names. Empty:
/// none (TXT, PTR and the names of services and keys have underscores).
std::string_view checked_part(std::string_view name, dns::Type type);

}  // namespace remex::daemon
