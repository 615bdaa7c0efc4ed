// Retry rules: which rule governs a failure, when the next attempt is due, when patience ends.
//
// Used by core/delivery and -brt. Keys are Exim's: "R:domain" (routing), "T:address" (local or RCPT 4xx),
// "T:name[:ip][:port]" (host), "T:name:ip:msgid" (host and message). A failure without a rule is final at once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/store/store.h"
#include "lang/config.h"
#include "lang/scope.h"
#include "routers/address.h"

namespace remex::delivery {

/// Does a rule's error word cover the error that happened? `rcpt_4xx` covers rcpt_450, `refused` covers refused_MX,
/// `timeout_MX` covers timeout_connect_MX, `quota_7d` covers quota_N for N seconds unread >= 7 days, `*` everything.
bool error_matches(std::string_view rule, std::string_view happened);

/// First rule for this subject ("*@host.example", "user@domain"), error and sender; null when there is none. Each rule
/// is tried with `subject` and, when that is not empty, with `second` before the next one is looked at (manual 32.4).
/// No sender (-brt): rules with senders= are left out. Parks (lookups).
const lang::RetryRule* find_rule(const lang::Config& config, lang::Scope& scope, const std::string& subject,
                                 const std::string& second, std::string_view error,
                                 const std::optional<std::string>& sender);

/// Fills last_try, next_try and expired of `rec` (first_failed and the times before are there) for a failure now of an
/// attempt that began at `began`; epoch seconds. An attempt that began before the record's time (another recipient or
/// message of the same round has just failed, or somebody forced it) waits for the same gap again: only failures at
/// their time make it grow.
void schedule(const lang::RetryRule& rule, const lang::Config& config, std::int64_t began, std::int64_t now,
              store::RetryRecord& rec);

/// "name\nip\nport": what tells one server from another.
std::string place_of(const std::string& name, const std::string& ip, int port);
/// The key of a host's retry record.
std::string host_key(const routers::HostItem& h);
std::string host_key(const std::string& name, const std::string& ip, int port);

}  // namespace remex::delivery
