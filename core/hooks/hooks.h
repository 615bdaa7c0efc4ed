// Test mode: what an acceptance harness needs from a build made for it (cmake -DREMEX_TEST_HOOKS=ON;
// docs/test-build.md).
//
// MTA_TEST_SUITE=DIR in the environment of such a build gives root's rights to any caller of a set-uid launcher, so a
// normal build never obeys it: every function below is then a constant (hooks.cc), and enter() refuses to run with
// rights that are not the caller's. The rest of the program asks this room and nobody else; there is no other #ifdef.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace remex::hooks {

/// The variable's name.
inline constexpr const char* kVariable = "MTA_TEST_SUITE";

/// Another one: set when the program begins in test mode, the dates of OCSP responses do not count.
inline constexpr const char* kOcspVariable = "EXIM_TESTHARNESS_DISABLE_OCSPVALIDITYCHECK";

/// Was this program built with hooks?
bool built();

/// The first thing main() does, with the variable's value (null: not set) and whether the effective user is another
/// than the real one. Turns test mode on, or says why the program must not go on; without hooks the variable has no
/// effect else.
Status enter(const char* value, bool borrowed_rights);
/// As enter() with the environment's value and this process's user ids.
Status enter();

/// Test mode is on. Constant after enter().
bool active();
/// DIR; empty outside test mode.
const std::string& directory();

// ---- names

/// "remex", or "Exim" in test mode: in banners, Received: lines and the log.
std::string_view product();
/// "remex" or "exim": before messages on standard error.
std::string_view program();
/// The version; "x.yz" in test mode.
std::string_view version();
/// A default value with "remex $version_number" replaced by the product's name and version.
std::string with_product(std::string_view text);

// ---- the world outside

/// The program that is asked instead of the DNS with the arguments DIR NAME TYPE; empty: the resolver as configured.
std::string dns_program();
/// /etc/hosts takes no part; names come from the fake DNS, localhost is the loopback address.
bool hosts_from_dns();
/// Looking up the name of this address fails for the moment.
bool reverse_lookup_defers(std::string_view ip);
/// What is the load average (thousandths)? Test mode counts from 0 in steps of 10.
std::int64_t load_average(std::int64_t measured);
/// The challenge of a CRAM-MD5 server.
std::string cram_challenge(std::string fresh);
/// A refused connection counts as timed out when connect_timeout is this long (seconds).
bool refused_is_timeout(std::int64_t connect_timeout);
/// Seconds that a self-signed certificate is good for.
std::int64_t certificate_lifetime(std::int64_t usual);
/// The date of an OCSP response is not looked at: kOcspVariable was set when the program began.
bool ignore_ocsp_dates();

// ---- the program itself

/// Lines for the syslog go to standard error instead.
bool syslog_to_stderr();
/// The directories of an Exim spool, which scripts look for: log, input, msglog, db. Errors are nobody's trouble.
void make_directories(const std::string& spool);
/// Deliveries one after another, so that logs have one order.
bool one_at_a_time();
/// This main option is unset unless the configuration sets it, whatever its default: what test configurations do not
/// expect to be offered.
bool not_offered(std::string_view main_option);
/// unknown_login is believed even for callers who have a login.
bool unknown_login_wins();
/// -Tqt T1/T2/...: ages of messages in the first, second, ... queue run, in seconds; -1: as it is.
void set_queue_times(std::vector<std::int64_t> seconds);
/// The age to assume now; a queue run begins with next_queue_run().
std::int64_t age(std::int64_t measured);
void next_queue_run();

}  // namespace remex::hooks
