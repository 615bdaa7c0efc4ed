// Transports: generic options and the drivers' interface. A delivery gives a transport a batch of addresses and gets
// each one's fate.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/io/courier.h"
#include "core/io/settler.h"
#include "core/mail/envelope.h"
#include "core/mail/message.h"
#include "lang/config.h"
#include "lang/driver.h"
#include "lang/scope.h"
#include "routers/address.h"
#include "transports/trouble.h"

namespace remex::transports {

class ConnectionPool;     // transports/connection_pool.h
struct Outcome;           // transports/connection_pool.h
class DestinationLimits;  // transports/destination_limits.h

/// Generic options; rows in transports/generic_util.cc.
struct TransportGeneric : lang::DriverOptions {
  lang::Expansion current_directory, debug_print, group, user, home_directory, message_size_limit, return_path,
      transport_filter, max_parallel, retry_use_local_part_exp, shadow_condition, event_action;
  std::vector<lang::Expansion> headers_add, headers_remove;
  std::vector<lang::Expansion> headers_remove_items;  ///< split before expansion; made by check_generic()
  lang::ExpandedBool body_only, headers_only;
  bool delivery_date_add = false, envelope_to_add = false, return_path_add = false, disable_logging = false,
       initgroups = false;
  bool retry_use_local_part = false, retry_use_local_part_set = false, rcpt_include_affixes = false;
  std::string headers_rewrite;
  std::vector<lang::RewriteRule> rewrite_rules;  ///< headers_rewrite, split and compiled by check_generic()
  std::string shadow_transport;
  std::int64_t transport_filter_timeout = 300;
};

/// What is delivered: envelope, original headers and body. Shared by all transports of one delivery run.
struct Job {
  mail::Envelope& envelope;
  const mail::HeaderList& headers;
  std::shared_ptr<const mail::Body> body;
  bool first_attempt = true;
};

enum class Fate : std::uint8_t { delivered, failed, deferred };

/// What became of one address. Texts are what the log line and the bounce say.
struct AddrResult {
  Fate fate = Fate::deferred;
  std::string message;             ///< error text ("SMTP error from remote mail server after RCPT TO:<...>: 550 ...")
  std::string host_name, host_ip;  ///< where (H=)
  int host_port = 0;
  std::string confirmation;   ///< C="..."
  int transaction = 0;        ///< the same for addresses that were delivered together
  std::string tls_cipher;     ///< X=
  bool tls_verified = false;  ///< CV=
  bool tls_dane = false;      ///< CV=dane
  std::string tls_peer_dn;    ///< DN=
  bool used_chunking = false, used_dsn = false, pipelined = false, used_prdr = false;
  bool early = false;  ///< EHLO was pipelined, too (PIPECONNECT)
  /// Delivered, but to be synced before it is recorded as such (DeliverContext::settle_later).
  io::UnsyncedPtr unsynced;
  bool found_again = false;    ///< Delivered where a second run for this message finds it (maildir, mailstore).
  std::string local_ip;        ///< I=
  std::string proxy_ip;        ///< PRX=: the SOCKS proxy, empty: none
  std::string authenticator;   ///< A=
  std::string file;            ///< where a local delivery went, for logs
  std::string shadow;          ///< ST=: the shadow transport that ran, with its trouble in brackets
  std::string output;          ///< of a failed command, for the bounce
  bool local_trouble = false;  ///< the bounce says "local delivery failed" instead of the message
  // retry: which key failed and how (core/delivery/retry.h words)
  enum class Scope : std::uint8_t { none, address, host, message } retry_scope = Scope::none;
  Trouble trouble;  ///< of what kind the failure is
  /// With scope address: other senders may try this address now (address_retry_include_sender).
  bool retry_for_sender = false;
  int smtp_code = 0;
  int sys_errno = 0;
  /// Deferred without a failure: nothing was tried, and there is no retry hint; epoch seconds of the next attempt.
  std::int64_t wait_until = 0;
  bool waited_before = false;  ///< with wait_until: the log knows already that the message waits
  bool freeze = false;
  bool doubt = false;  ///< deferred, but the host may have it: the end of the text was sent and no answer came
};

/// A host that failed for all, so that delivery can update its retry record. No `trouble`: it worked (the record is
/// cleared).
struct HostResult {
  std::string name, ip;
  int port = 25;
  Trouble trouble{};
  std::string message{};
};

/// What the retry hints say about a host.
enum class HostGate : std::uint8_t {
  open,      ///< it may be tried
  expired,   ///< it may be tried; it has failed for longer than its last retry rule goes
  wait,      ///< its retry time is not reached
  given_up,  ///< the same, and it has failed for longer than its last retry rule goes
};

struct DeliverContext {
  const lang::Config& config;
  lang::Scope& scope;  ///< scope.address = first address; scope.delivery is set
  Job& job;
  /// Asks whether this host may be tried now (retry times). Null: always. `delay`: delay_after_cutoff of the transport;
  /// false: a host that was given up may be tried when it was not since the message came. `by_address`: each address of
  /// a host has its retry time (retry_include_ip_address), false: the name has one.
  std::function<HostGate(const routers::HostItem&, bool delay, bool by_address)> host_gate;
  std::vector<HostResult> host_results;  ///< filled by remote transports
  bool mua_wrapper = false;
  ConnectionPool* pool = nullptr;       ///< keeps SMTP connections for the next message; null: each delivery its own
  DestinationLimits* limits = nullptr;  ///< null: no limits for destinations
  /// The caller takes AddrResult::unsynced and syncs it; a transport that knows nothing of it is durable by itself.
  bool settle_later = false;
  /// With mua_wrapper: the message can be queued, so a refusal for now is none for good.
  bool can_wait = false;
  /// The envelope of a copy that somebody else goes on with: all is finished but the addresses of this run and the
  /// recipients they come from. Kind defer: the names do not tell them from what goes another way. Null where nothing
  /// is delivered in earnest.
  std::function<Result<mail::Envelope>()> envelope_of_copy{};
  /// For runs that deliver in several steps, before the next one: of what was given so far (a result for each address
  /// of the batch), what is delivered or failed is final, and is recorded on the disk when something was delivered, so
  /// that a crash in a later step repeats none of it. Error: it could not be recorded, and the next step has to wait
  /// for another attempt. Null where nothing is recorded. Parks.
  std::function<Status(const std::vector<AddrResult>& so_far)> settle{};
  /// Of this run, for the connections it leaves in the pool; null: nothing is recorded.
  std::shared_ptr<const Outcome> outcome{};
  /// Waits until that of another message, which is recorded, is on the disk. Error: it is not. Parks.
  std::function<Status(const Outcome&)> await_outcome{};
  bool is_shadow = false;  ///< a shadow transport runs: it has none of its own
};

struct TransportDef {
  lang::DriverDef driver;
  bool is_local = false;
  /// Delivers to all of `batch` (same transport, same hosts, compatible envelopes); one AddrResult each, same order.
  /// Parks.
  std::vector<AddrResult> (*deliver)(DeliverContext&, const lang::DriverInstance&,
                                     std::span<routers::Addr* const> batch) = nullptr;
  /// How many addresses may share one run: 1 = each alone; 0 = unlimited. May look at options ($local_part use prevents
  /// batching).
  int (*batch_limit)(const lang::DriverInstance&) = nullptr;
  /// The expanded option whose value must be the same for addresses that share a run; one that the driver does not
  /// have, or that is not set, separates nothing.
  std::string_view batch_by = "batch_id";
  /// It hands on the message as it is, with DeliverContext::envelope_of_copy: addresses share a run, however many they
  /// are, when their transport, user, group and value of batch_by are equal. What else routers set has no effect.
  bool hands_on_envelope = false;
  /// May the courier do this request for this transport? It was sent by a process that may have been taken over: only
  /// the configuration is believed. `redirected`: addresses may bring a file or command of their own. Null: it asks for
  /// nothing. Error: why not. Blocking; called in the courier's child.
  Status (*may_ask)(const lang::DriverInstance&, const io::Fields&, bool redirected) = nullptr;
};

extern const lang::DriverFamily transport_family;
const TransportDef* find_transport_def(const lang::DriverDef* def);
const TransportGeneric& generic(const lang::DriverInstance& t);
/// Cross-option rules of the generic part; every driver's check() calls it first.
void check_generic(lang::DriverInstance& t, const lang::Config& config, lang::Diagnostics& diag);

/// The envelope sender of this copy: the transport's return_path, else the address's errors_to, else the message's
/// sender. Also stored in scope.delivery. Kind defer: the expansion failed.
Result<std::string> return_path(DeliverContext& ctx, const lang::DriverInstance& t, const routers::Addr& addr);
/// message_size_limit: kind failed when the message is larger, with the text for the bounce.
Status check_size_limit(DeliverContext& ctx, const lang::DriverInstance& t, std::uint64_t size);

/// The header section as this transport writes it for this batch: return-path, delivery-date, envelope-to, removals,
/// additions (router's then transport's). LF ends, without the empty line. Used by all drivers. Errors: expansion
/// trouble.
Result<std::string> build_headers(DeliverContext& ctx, const lang::DriverInstance& t,
                                  std::span<routers::Addr* const> batch);

}  // namespace remex::transports

namespace remex {
using transports::TransportDef;
}
