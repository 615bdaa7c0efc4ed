// Delivery: routing of all recipients, batches to transports, results to the store, retry times, bounces, warnings.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/io/settler.h"
#include "core/log/log.h"
#include "core/store/store.h"
#include "lang/config.h"
#include "lang/scope.h"
#include "routers/router.h"
#include "transports/connection_pool.h"
#include "transports/destination_limits.h"
#include "transports/transport.h"

namespace remex::delivery {

/// What a delivery needs from its process. All shared; configuration is the one in force when it started.
struct Engine {
  std::shared_ptr<const lang::Config> config;
  std::shared_ptr<store::Store> store;  ///< null in mua_wrapper and -bt
  std::shared_ptr<log::Log> log;
  lang::Services* services = nullptr;
  /// Idle SMTP connections shared by this process's deliveries; null: a queue run has its own, other deliveries none.
  std::shared_ptr<transports::ConnectionPool> pool;
  /// What keeps destinations from getting too much, for all deliveries of the process; null: nothing does.
  std::shared_ptr<transports::DestinationLimits> limits;
  bool callouts = true;  ///< false: verification stops after routing (-bh without c)
  /// Mailbox directories are synced together, shortly after the deliveries, and the spool keeps a message until then.
  /// Null (commands that end soon): each delivery syncs its own.
  std::shared_ptr<io::Settler> settler;
  /// Takes what an attempt made (bounces, reports, warnings) once it is in the store, so that the message it is about
  /// is given back at once. Null: each is delivered at the end of the attempt.
  std::function<void(store::StoredMessage&&)> take_on = nullptr;
};

struct DeliverOptions {
  bool force = false;         ///< -M / -qf: ignore retry times
  bool force_frozen = false;  ///< -qff
  bool thaw = false;          ///< -M
  bool give_up = false;       ///< -Mg: fail all undelivered now
  bool local_only = false;    ///< -ql
  bool queue_run = false;
  bool queue_smtp = false;     ///< -odqs: what goes to remote hosts waits for a queue run
  bool dry_run = false;        ///< -N: transports are not called; everything counts as delivered
  bool first_attempt = false;  ///< right after reception: routing and local retry times ignored
  bool untried_only = false;   ///< -qi: messages that had an attempt before are left alone
  bool insist = false;         ///< deliver_message: one that is being delivered is waited for, for a second
  /// Counts the runs of local transports that are under way, and is changed on the loop's thread; null: nobody asks.
  std::shared_ptr<int> local_runs = nullptr;
};

/// Which messages a queue run takes, and how.
struct QueueRun {
  DeliverOptions each;
  std::string queue_name;  ///< -qG: empty is the default queue
  /// -R, -S and id ranges; unset: all due messages. The first selected message is delivered with force, so that it
  /// tells whether the way is free; the others respect what it left in the retry hints.
  std::function<bool(const store::QueueEntry&)> select;
  bool look_at_all = false;   ///< -q: also what is not due or frozen; each says in the log why it stays
  bool retries_only = false;  ///< what has a retry time that is over; not what waits for a queue run
  int parallel = 1;           ///< messages at once
  /// Asked before each message; true: the rest is left to the next run. Unset: never.
  std::function<bool()> enough;
};

/// One delivery attempt of a stored message, whole: loads, claims, routes, delivers, records, bounces, removes when
/// complete. Not an error when some other process has it, or when it cannot be loaded (cannot_load()). Parks.
Status deliver_message(Engine& eng, const std::string& id, const DeliverOptions& opt);
/// As deliver_message for a message just inserted: it is loaded only when it is another one in the store now, for
/// between insertion and claim anybody may have delivered, removed or changed it. One that somebody else has tried
/// meanwhile is left to its next attempt.
Status deliver_fresh(Engine& eng, store::StoredMessage msg, const DeliverOptions& opt);

/// The store could not load this message for that reason, which is not that it is gone: a damaged one is set aside, and
/// the logs say so once; one that cannot be loaded for now is left alone for a minute.
void cannot_load(Engine& eng, const std::string& id, const Error& why);
/// The text of `why` with what an operator can do about it.
std::string load_advice(const std::string& id, const Error& why);

/// "Start 'name' queue run: pid=1234 -qff": what the log says of a run.
std::string run_line(std::string_view what, const std::string& queue_name, std::string_view label);
/// One pass over all due messages, at most `parallel` at once, until deliver_queue_load_max is exceeded. Parks.
Status run_queue(Engine& eng, const QueueRun& run);

/// mua_wrapper: one message, no queue. Success: empty error. Failure: text for stderr; nothing kept.
Status deliver_wrapped(Engine& eng, store::StoredMessage& msg);

/// control = cutthrough_delivery: like deliver_wrapped for a message that would be queued otherwise. Only what was
/// delivered is logged (">>").
struct Through {
  enum class Kind : std::uint8_t { delivered, refused, deferred, not_possible } kind = Kind::not_possible;
  int code = 0;      ///< SMTP code of the next host; 0: it gave none
  std::string text;  ///< its words
  std::string log_message;
};
Through deliver_through(Engine& eng, store::StoredMessage& msg);

/// Address verification (verify=recipient/sender, -bv, -bvs, VRFY).
lang::VerifyOutcome verify_address(Engine& eng, lang::Scope& scope, const std::string& address, bool sender,
                                   std::string_view options);

/// EXPN: what the routers make of an address, one level deep.
struct AddressExpansion {
  lang::VerifyOutcome::Kind kind = lang::VerifyOutcome::Kind::ok;
  std::vector<std::string> addresses;  ///< without files and commands: those are nobody's business
  std::string message;                 ///< for the client when it failed
};
AddressExpansion expand_address(Engine& eng, lang::Scope& scope, const std::string& address);

/// -bt: prints Exim's routing report of one address to `out`; exit status 0 routed, 2 failed, 1 deferred.
int test_address(Engine& eng, lang::Scope& scope, const std::string& address, std::string& out);

/// Login name of the user this process runs as: bounces and other messages of our own come from it.
const std::string& own_login();
/// Received: header of a message of our own (received_header_text); put at the start of its headers.
void add_own_received(Engine& eng, mail::Envelope& envelope, mail::HeaderList& headers);

/// Generates and stores a bounce for failed recipients; used by deliver_* and -Mg.
struct FailedRecipient {
  std::string address;             ///< for programs; empty: it is not disclosed
  std::string top_address;         ///< the recipient it comes from
  std::vector<std::string> lines;  ///< who, for people; empty: address and top_address say it
  std::string text;                ///< for people
  std::string status;              ///< "5.0.0"
  std::string remote_mta, diagnostic;
  std::string host;    ///< "host name [ip]": who said it, on a line of its own
  std::string output;  ///< of a command, quoted in the bounce
};
Status send_bounce(Engine& eng, const store::StoredMessage& original, const std::string& to,
                   const std::vector<FailedRecipient>& failed);

}  // namespace remex::delivery
