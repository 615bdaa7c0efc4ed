// One delivery attempt of one message: routing, grouping, transports, outcome. Private to core/delivery.
//
// Owned by the fiber that delivers; remote groups run in child fibers of it. The message is claimed by the caller.
#pragma once

#include <fmt/format.h>

#include <array>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/delivery/delivery.h"
#include "core/delivery/parallel.h"
#include "core/log/delivery_lines.h"
#include "lang/filter/filter.h"

namespace remex::delivery {

using routers::Addr;

/// Envelope::saved: reports of success that are owed, see Attempt::owe_success_reports().
inline constexpr const char* kOwedReports = "success_reports";
/// What senders learn of troubles here.
inline constexpr const char* kLocalTrouble = "local delivery failed";
/// "defer (-53)", as log readers know it: nothing was tried.
inline constexpr int kRetryNotReached = -53;

/// Addresses that go to one run of a transport.
struct Group {
  const lang::DriverInstance* transport = nullptr;
  const transports::TransportDef* def = nullptr;
  std::vector<Addr*> addrs;
  std::shared_ptr<transports::Outcome> outcome{};  ///< of its run
  bool repeats = false;                            ///< something was delivered that a second run would deliver again
};

/// Why a transport did not deliver.
struct Failure {
  transports::Trouble trouble;
  std::string host_name, host_ip;  ///< the host it was given to; empty: none
};

/// What a message of ours says.
struct ReportText {
  std::string subject, text, action;  ///< action: "failed", "delayed"; empty: a plain notice, no report
  bool with_body = true;
  std::string headers;                ///< first item of a template file: header lines, Subject: among them
  std::vector<std::string> copies{};  ///< further recipients, not named in the message
};

class Attempt {
 public:
  Attempt(Engine& eng, store::StoredMessage& msg, const DeliverOptions& opt);

  /// Runs the system filter, which may add deliveries and decide about the recipients. Before route_all(). Parks.
  void system_filter();
  /// Routes every pending recipient and its children. Parks.
  void route_all();
  /// Gives up on all pending recipients (-Mg).
  void fail_all(const std::string& why);
  /// Runs all transports. Parks.
  void transport_all();
  /// Bounces, warnings, freezing; writes the outcome to the store. Parks.
  Status finish();

  // Used by deliver_wrapped.
  std::vector<Group> make_groups();
  /// max_parallel. Nothing: the transport may not run now, and `results` say why.
  std::optional<TransportRun> may_run(const Group& g, lang::Scope& scope, std::vector<transports::AddrResult>& results);
  /// Adds the value of TransportDef::batch_by to what must be equal for a common run. False: it could not be expanded,
  /// and the address is delivered alone (the manual, chapter "Address batching in local transports").
  bool add_batch_value(Addr& a, const transports::TransportDef& def, std::string& key);
  /// DeliverContext::envelope_of_copy for these addresses.
  Result<mail::Envelope> envelope_of_copy(const std::vector<Addr*>& batch) const;
  void run_group(Group& g);
  bool mua_wrapper = false;
  bool can_wait = false;  ///< with mua_wrapper: the message is queued when the next host refuses it for now
  /// Held as long as somebody may still write about the message; finish() may hand it on.
  std::shared_ptr<store::Claim> claim;
  /// First address that is not delivered; null when all are.
  const Addr* first_trouble() const;
  /// Its transport did not deliver: why. Null: it was not tried, or is delivered.
  const Failure* failure_of(const Addr& a) const;

 private:
  Result<lang::filter::Outcome> run_system_filter(const std::string& text);
  void apply_system_filter(const lang::filter::Outcome& out);
  void add_filter_action(const lang::filter::Action& action, bool of_user);
  void set_filter_transport(Addr& child, const lang::Expansion& name, const std::string& option);
  /// Nobody is routed this time.
  void hold_recipients(const std::string& why);
  void add_recipients();
  /// The recipient an address comes from; one of no wishes for those of the system filter.
  const mail::Recipient& recipient_of(const Addr& a) const;
  void route_one(Addr* a);
  /// same_domain_copy_routing: gives `a` the routing of another address of its domain, if there is one to give.
  bool copy_from_domain(Addr& a) const;
  /// queue_smtp_domains and queue_only_file: takes out of `remote` what a queue run shall deliver.
  void leave_for_queue_run(std::vector<Group*>& remote);
  /// remote_sort_domains.
  void sort_by_domain(std::vector<Addr*>& addresses);
  void send_notice(Addr& a);
  bool routing_deferred_by_hint(Addr& a);
  /// hold_domains, and for the first attempt queue_domains.
  bool held_back(Addr& a);
  void routing_outcome(Addr& a);
  /// An exception while routing `a`: a bug. It costs this address this attempt, and no other anything.
  void routing_bug(Addr& a, const std::string& what);
  /// Takes the record of a failure out of the hints, if there is one: the next failure begins a new time of patience.
  void forget_failure(const std::string& key);
  /// What was routed, for good or bad, without a deferral: its routing works again.
  void forget_routing_failures();
  void wait_for_retry_time();
  void log_routing(Addr& a);
  /// Deferred addresses whose time is up: one more line each, and they have failed.
  void time_out();
  /// The message has been here for longer than the rule of this failure goes: it is tried at once and for the last time
  /// (manual 32.11).
  bool older_than_rule(const lang::RetryRule* rule) const;
  bool older_than_rule_for(const std::string& subject, const std::string& second, const std::string& error);
  /// Retry hint of the address as far as it keeps this message waiting. Parks.
  std::optional<store::RetryRecord> hint_against(const std::string& key, const std::string& subject);
  std::string key_for_sender(const Addr& a) const;
  bool already_done(const Addr& a) const;
  /// The address whose delivery stands for that of the duplicate `a`; null: it is none of this attempt.
  const Addr* delivered_for(const Addr& a) const;
  /// Hosts a run asked about ("name\nip\nport" → key of the retry record): two servers may share an address.
  using Asked = std::map<std::string, std::string>;
  /// The key of the retry record of a host that a run used.
  static std::string key_of(const Asked& asked, const std::string& name, const std::string& ip, int port);
  /// A run of a transport and what of it has been recorded.
  struct Run {
    Group& group;
    Asked asked;
    Instant started;
    std::vector<bool> recorded;  ///< for each address of the group
    std::set<int> transactions;  ///< of delivered addresses: the first of each gets "=>", the others "->"
    std::size_t hosts_told;      ///< how many of the host results are in the log
  };
  void tell_of_hosts(Run& run, const std::vector<transports::HostResult>& hosts);
  /// `which`: indices of addresses and results.
  void record_results(Run& run, std::vector<std::size_t> which, const std::vector<transports::AddrResult>& results);
  void record_result(Run& run, Addr& a, const transports::AddrResult& r);
  /// DeliverContext::settle.
  Status settle_run(Run& run, const std::vector<transports::HostResult>& hosts,
                    const std::vector<transports::AddrResult>& so_far);
  void schedule_after(Addr& a, const transports::AddrResult& r, const Asked& asked);
  /// Raises an event of event_action (lang/events.h) about an address: that of its transport, without one the main
  /// option. `r`: what the transport said, null: it did not run. Parks.
  void raise_event(Addr& a, const transports::AddrResult* r, std::string_view name, std::string_view data,
                   int defer_errno = 0);
  /// msg:complete.
  void raise_complete();
  void log_result(const Group& g, Addr& a, const transports::AddrResult& r, bool first_of_run, std::int64_t took_us);
  /// `of_message`: the trouble is with this message (4xx to MAIL or DATA), so it began when that came at the
  /// latest. `text` is what a server said, for the record; empty: it keeps the address's messages.
  void deferred(Addr& a, const std::string& key, const std::string& subject, const std::string& error,
                bool of_message = false, const std::string& text = {});
  void record_hosts(const std::vector<transports::HostResult>& hosts, const Asked& asked, const Addr& a);
  void host_deferral(Addr& a, const std::string& error, const Asked& asked);
  transports::HostGate host_gate(const routers::HostItem& h, const Addr& a, bool delay);
  /// Whether those who are told of failures have been: a bounce is in the store before the recipient is done.
  enum class Failures : std::uint8_t { untold, told };
  /// Nothing is left to be done for the address and what was made of it. A failure counts when it was told.
  bool complete(const Addr& a, Failures failures) const;
  /// A finished recipient may be reached again from one that is not.
  void note_done_recipients();
  /// The name of the finished address is that of the recipient, whose flag says the same.
  bool is_recipient_itself(const Addr& a) const;
  /// Adds the address to the message's finished ones.
  void remember_done(const Addr& a);
  /// Marks the recipients that are complete.
  void settle_tops(Failures failures);
  /// Between the runs: what of `tried` was delivered is finished, and the recipients of which nothing else is left.
  /// Whatever failed stays as it was until finish() has stored the bounces.
  void settle_deliveries(const std::vector<Addr*>& tried);
  /// Puts what was settled on the disk, if there is anything new. Error: the spool does not take it; the log knows, and
  /// no further run begins before it does (may_run()). Parks.
  Status write_down();
  /// The spool did not take the outcome of the attempt: it is queued with the claim, so that nobody delivers again what
  /// was delivered, until the spool takes it.
  void hold_outcome(bool done, std::int64_t next, const Error& why);
  /// At the end, when the bounces are in the store.
  void settle_recipients();
  /// Between local runs: what was delivered is on the disk when this returns. Parks.
  void record_so_far();
  /// Syncs what deliveries left to be synced, so that they may be recorded; an address whose directory cannot be
  /// synced is deferred. Parks.
  void make_durable();
  /// The message leaves the spool once its mailbox directories were synced. False: nothing is left to be synced.
  bool forget_later();
  void handle_failures();
  /// The attempt was cut short: nobody can be told, so the next one finds again what failed.
  void leave_failures();
  void send_warning();
  /// freeze_tell.
  void tell_of_freezing();
  ReportText warning_report(const std::string& delay, const std::vector<FailedRecipient>& waiting);
  /// A line of the main log (`panic`: and of the panic log), and one of the message's own log unless that is empty.
  void note(const std::string& line, const std::string& for_message_log, bool panic = false);
  log::DeliveryFields fields(const Addr& a) const;
  std::int64_t age_us() const;
  /// When a failure happened that is being recorded: now, while now_ is when the attempt began. Epoch seconds.
  std::int64_t failed_at() const;
  lang::Scope fresh_scope();

  Engine& eng_;
  store::StoredMessage& msg_;
  DeliverOptions opt_;
  transports::Job job_;
  lang::DeliveryState routing_state_;
  lang::Scope scope_;
  std::int64_t now_;  ///< when the attempt began, epoch seconds
  std::vector<std::unique_ptr<Addr>> tops_;
  /// What the system filter wants done with them.
  enum class Recipients : std::uint8_t { routed, ignored, deferred, failed } recipients_are_ = Recipients::routed;
  std::string recipients_text_;
  std::unique_ptr<Addr> filter_top_;      ///< parent of what the system filter set up
  std::array<std::string, 10> counters_;  ///< $sn0..$sn9
  bool headers_changed_ = false;
  std::vector<Addr*> all_;  ///< every address that was routed, children after parents
  /// By domain and first router: the address whose routing the others of the domain get.
  std::map<std::pair<std::string, std::string>, const Addr*> routed_domains_;
  /// In the order in which the log tells of them; reports name the last first.
  std::vector<Addr*> failures_, deferrals_;
  std::unordered_set<std::string> done_;          ///< non_recipients, domains in lower case
  std::unordered_map<std::string, Addr*> seen_;   ///< by duplicate key: the one that will be delivered
  std::unordered_map<std::string, Addr*> named_;  ///< by the name it will be finished under: the same
  std::int64_t next_attempt_ = 0;
  bool wait_for_run_ = false;  ///< something waits for a queue run, not for a time
  bool freeze_ = false;
  std::unordered_set<const Addr*> settled_;  ///< delivered, and finished in the envelope
  std::size_t written_ = 0;                  ///< how many of these are on the disk
  bool refused_ = false;                     ///< by the spool: the last outcome it was given between runs
  std::string freeze_reason_;                ///< for the log, with a space before it
  std::string freeze_cause_;                 ///< the address that is the reason, and what was said about it
  void freeze_for(const Addr& a, std::string_view message);
  /// Addresses and domains of which routing came to an end, and of which some routing was deferred, in this attempt.
  std::set<std::string> answered_, deferring_;
  std::vector<std::pair<io::UnsyncedPtr, Addr*>> unsynced_;  ///< deliveries that may not be recorded yet
  /// Delivered addresses whose sender asked to hear of it (NOTIFY=SUCCESS) and whose next host will not tell, with what
  /// became of them ("delivered", "relayed") and where.
  struct Success {
    Addr* addr;
    std::string action, remote;
  };
  std::vector<Success> successes_;
  std::string owed_before_;  ///< lines of owed_reports() left by an attempt that was cut short
  void report_success();
  /// Notes in the envelope what report_success() would tell now: part of the next update of the store, so that a
  /// recipient is never recorded as delivered without its report.
  void owe_success_reports();
  /// A line for each address: action, address, recipient and host, with tabs between.
  std::string owed_reports() const;
  std::vector<std::shared_ptr<transports::Outcome>> outcomes_;  ///< of the runs
  std::set<std::string> said_of_hosts_;                         ///< lines about hosts that are in the log already
  std::map<const Addr*, Failure> troubles_;                     ///< of what transports did not deliver
  std::vector<store::StoredMessage> made_;                      ///< bounces and warnings to be delivered afterwards
  /// To the engine's take_on, else delivered now. Parks.
  void send_made();
};

/// Name under which a finished address that is not a whole recipient is remembered, as in Exim's spool: with its
/// domain in lower case. Commands and files belong to the address that asked for them: two users may have the same
/// command.
std::string finished_name(const Addr& a);
/// "A@Box.Test" as "A@box.test", for comparing names of finished addresses.
std::string with_lower_domain(const std::string& address);
/// The name of a finished address that has an ancestor of the same name, as in Exim's spool: "a@b/transport". Empty: it
/// has no such ancestor, or no transport.
std::string homonym_name(const Addr& a);

/// This fiber is cancelled, because the process ends: what does not work any more is nobody's failure, and no record is
/// made of it.
bool cut_short();

/// The text of an exception that ended `body`, empty when there was none. Nothing may wait inside a catch block, so
/// what is done about it is done after this.
template <class Body>
std::string exception_of(Body&& body) {
  try {
    body();
  } catch (const std::exception& e) {
    return fmt::format("internal error: {}", e.what());
  }
  return {};
}

/// A message of ours to `to` with the null sender: stored and logged. Null when there is nobody to tell.
Result<store::StoredMessage> make_report(Engine& eng, const store::StoredMessage& original, const std::string& to,
                                         const std::vector<FailedRecipient>& about, const ReportText& what);
/// An address and why, as reports list them; a server's answer has lines of its own. `before`: in front of the reason.
std::string address_and_reason(const FailedRecipient& r, std::string_view before);
/// `intro` replaces the built-in beginning when it is not empty; `other_sender`: whose message it was, when the bounce
/// goes to somebody else.
std::string bounce_text(const Engine& eng, const std::vector<FailedRecipient>& failed, const std::string& intro,
                        const std::string& other_sender);
/// Subject and text of a bounce to `to`, with what bounce_message_file and errors_copy say. Parks.
ReportText bounce_report(Engine& eng, lang::Scope& scope, const std::string& to,
                         const std::vector<FailedRecipient>& failed);
/// qualify_domain, or the primary host name.
std::string qualify_domain(const Engine& eng);

}  // namespace remex::delivery
