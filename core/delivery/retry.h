// Retry rules and records: when a failed address, host or message may be tried again, and when to give up.
//
// Keys as in Exim: "R:domain" or "R:local@domain" (routing), "T:address" (local transport or RCPT 4xx: "T:address" plus ":<sender>" when
// address_retry_include_sender), "T:host:ip[:port]" (host), "T:host:ip[:port]:message-id" (message).
// Cut-offs count from the first failure of the key. No matching rule: no retry.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/delivery/delivery.h"

namespace remex::delivery {

/// What failed. `error` is a retry-rule word: "refused_MX", "refused_A", "timeout_connect_MX", "timeout_DNS", "lost_connection", "rcpt_4xx",
/// "mail_4xx", "data_4xx", "tls_required", "quota", "auth_failed", "lookup", ... ; smtp_code refines the 4xx words (rcpt_452).
struct Failure {
  std::string key;
  std::string address;          ///< for matching rules by address or domain
  std::string host_name;        ///< tried first for matching when not empty
  std::string error;
  int smtp_code = 0;
  std::int64_t file_idle = 0;   ///< quota_<time>: seconds since the mailbox was read, 0 unknown
  std::string text;             ///< kept for listing
};

enum class RetryDecision : std::uint8_t { retry, give_up };

struct RetryOutcome {
  RetryDecision decision = RetryDecision::retry;
  std::int64_t next_try = 0;    ///< epoch seconds
  bool no_rule = false;         ///< gave up because nothing matched
};

/// Records the failure (first_failed kept, next_try computed) and decides. `received` is the message's arrival (epoch seconds).
RetryOutcome record_failure(Engine& eng, lang::Scope& scope, const Failure& f, std::int64_t received);
/// The key worked: its record goes.
void record_success(Engine& eng, const std::string& key);
/// Nullopt: may be tried. Otherwise the time before which it should not (and whether the record has expired: one last try then).
struct RetryWait {
  std::int64_t next_try = 0;
  bool expired = false;
  std::string text;
};
std::optional<RetryWait> waiting(Engine& eng, const std::string& key, std::int64_t now);

std::string routing_key(const std::string& domain, const std::string& local_part, bool use_local_part);
std::string host_key(const std::string& host, const std::string& ip, int port);
std::string address_key(const std::string& address);
std::string message_key(const std::string& host, const std::string& ip, int port, const std::string& id);

/// The first rule that matches host name, then address; null when none.
const lang::RetryRule* find_rule(Engine& eng, lang::Scope& scope, const Failure& f);
/// Exposed for tests: time of the next attempt by the rule's steps.
std::optional<std::int64_t> next_by_rule(const lang::RetryRule& rule, std::int64_t first_failed, std::int64_t last_interval_start, std::int64_t now,
                                         std::int64_t last_interval);

}  // namespace remex::delivery
