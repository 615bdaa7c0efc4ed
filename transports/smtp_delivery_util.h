// One delivery over SMTP: the parts of deliver_by_smtp() (smtp_options_util.h), which share what stays the same while
// hosts are tried. smtp_delivery_util.cc prepares the message and goes through the hosts, smtp_connecting_util.cc opens
// connections as the options want them, smtp_sending_util.cc does the transactions. Only these three include this.
#pragma once

#include <fmt/core.h>

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lang/events.h"
#include "routers/router.h"
#include "transports/mta_sts.h"
#include "transports/smtp_client_util.h"
#include "transports/smtp_options_util.h"
#include "transports/smtp_turns.h"

namespace remex::transports {

/// All that stays the same while hosts are tried.
class SmtpDelivery {
 public:
  SmtpDelivery(DeliverContext& ctx, const lang::DriverInstance& t, std::span<routers::Addr* const> batch)
      : ctx_(ctx), t_(t), o_(static_cast<const SmtpOptions&>(*t.options)), batch_(batch), results_(batch.size()) {}

  std::vector<AddrResult> run();

  Result<std::vector<routers::HostItem>> hosts_for_callout() { return host_list(); }
  HostResultOf<std::unique_ptr<SmtpConnection>> open_for_callout(const routers::HostItem& h, Seconds connect_timeout,
                                                                 Seconds command_timeout);

 private:
  using Group = std::vector<std::size_t>;  ///< indices into batch_

  std::vector<AddrResult> all(const Error& e) {
    return same_for_all(batch_.size(), e.kind == ErrorKind::failed ? failed_result(e.text) : deferred_for(e));
  }
  Result<std::string> expand(const lang::Expansion& e, std::string_view what, std::string fallback = {});
  Result<bool> in_list(const lang::MatchList& list, const routers::HostItem& h, bool when_unset = false);
  Status prepare();
  /// transport_filter over headers and body_.
  Status filter(std::string& headers, bool body_only);
  Result<std::vector<routers::HostItem>> host_list();
  /// fallback_hosts of the router, else of the transport. Parks.
  Result<std::vector<routers::HostItem>> fallback_list();
  /// `which` addresses, as max_rcpt, multi_domain and policies of single domains divide them.
  Result<std::vector<Group>> groups(const Group& which);
  Result<int> port_of(const routers::HostItem& h);
  /// helo_data for a connection from this address and port. Kind defer: it cannot be expanded or sent. Parks.
  Result<std::string> helo_name(const std::string& local_ip, int local_port);
  Result<SmtpConnectOptions> connect_options(const routers::HostItem& h);
  /// Asks for TLSA records and sets `c` accordingly. Error: the host must not be used now.
  Status use_dane(const routers::HostItem& h, SmtpConnectOptions& c);
  /// hosts_request_ocsp and hosts_require_ocsp.
  Status use_ocsp(const routers::HostItem& h, SmtpConnectOptions& c);
  /// Finds the policy of the domain of `a`.
  Status find_sts(const routers::Addr& a);
  /// Demands what the policy does. Error: the host must not be used.
  Status use_sts(const routers::HostItem& h, SmtpConnectOptions& c);
  /// mode testing: what would have failed is logged, nothing more.
  void test_sts(const routers::HostItem& h, const SmtpConnection& c);
  void log_for_message(const std::string& line);
  /// event_action: a hook that outlives this object, but not the context.
  EventHook event_hook() const;
  std::string event(std::string_view name, std::string_view data = {}, int error = 0) {
    return lang::raise_event(ctx_.scope, generic(t_).event_action, name, data, error);
  }
  /// hosts_pipe_connect: what the hints say of a host, so that EHLO can go out at once; empty: nothing, or this message
  /// wants to hear first what the host offers.
  KnownServer recall(const routers::HostItem& h, const SmtpConnectOptions& c);
  /// Keeps what a host has said, when it is in hosts_pipe_connect and this is news.
  void remember(const routers::HostItem& h, const SmtpConnectOptions& c, const KnownServer& heard);
  std::string pool_key(const routers::HostItem& h, const SmtpConnectOptions& c) const;

  void deliver_group(const Group& group, const std::vector<routers::HostItem>& hosts);
  /// Asks whether the destination may have this message now. False: the addresses of `group` have been told to wait.
  bool enter(const Group& group, const std::vector<routers::HostItem>& hosts);
  void wait_for_turn(const Group& group, const DestinationLimits::Refusal& why);
  /// No connection can be made for want of something here: the addresses wait a minute, and nobody remembers a failure.
  void wait_for_resources(const Group& group, const routers::HostItem& h, int error);
  /// What the transactions before came to cannot be recorded: the rest waits, so that no crash repeats more than that.
  void wait_for_record(const Group& group, const Error& why);
  /// Before anything that may take long: what the transactions came to so far is recorded. False: it cannot be, and
  /// those of `open` without an answer wait. Parks.
  bool record_so_far(const Group& open);
  /// `h` could not be reached, or did not let us in: what it said about `open` is said of the other addresses of this
  /// run, too, and nobody waits for it again.
  void note_dead(const routers::HostItem& h, int port, const Group& open);
  /// True: the host is dead for this run, and that is the result of `open` so far.
  bool known_dead(const routers::HostItem& h, const Group& open);
  /// A host has said something about the address or the message.
  static bool has_answer(const AddrResult& r);
  /// Those of `open` about which no host has said anything yet.
  Group without_answer(const Group& open) const;
  /// Opens a connection that counts for the destination.
  HostResultOf<std::unique_ptr<SmtpConnection>> open_counted(const SmtpConnectOptions& c);
  /// Tries one host for the addresses of `open`; takes out those that got an answer that ends the matter.
  void try_host(const routers::HostItem& h, Group& open);
  /// answered: as told for each address. refused: this message cannot go to this server. again: the connection was dead
  /// before anything was sent. lost: it broke; what is left is for other hosts.
  /// closed: answered by 421, which is the answer for the next transactions, too.
  enum class Sent : std::uint8_t { answered, refused, again, lost, closed };
  /// Sends to the addresses of `open`, in as many transactions as the server's limits ask for and it allows. What is
  /// still in `open` needs another connection; `undone` gets what this host does not take now.
  Sent use_connection(const routers::HostItem& h, const SmtpConnectOptions& options, SmtpConnection& c, bool reused,
                      Group& open, Group& undone);
  /// One transaction for `now`, which keeps the addresses that are still to be delivered.
  Sent send_share(const routers::HostItem& h, const SmtpConnectOptions& options, SmtpConnection& c, bool reused,
                  Group& now, Group& later);
  TransactionOptions transaction(const routers::HostItem& h, const SmtpConnectOptions& options, const Group& group);
  /// Those of `open` that fit into one transaction with this server (RFC 9422); the others go to `later`.
  Group share(const SmtpConnection& c, const Group& open, Group& later) const;
  /// It takes no more messages: connection_max_messages, or the server's limit.
  bool full(const SmtpConnection& c) const;
  HostResultOf<std::unique_ptr<SmtpConnection>> connect(const routers::HostItem& h, SmtpConnectOptions& c, bool fresh,
                                                        bool& reused);
  /// A host does not take this recipient now.
  void recipient_waits(routers::Addr& a, const std::string& why);
  /// The delivery was cancelled: `group` waits for the next process, and no host is to blame. False: it was not.
  bool cut_short(const Group& group);
  void host_failed(const routers::HostItem& h, int port, const HostTrouble& trouble, Group& open);
  /// Of this message or a recipient (HostTrouble::of): the host is not to blame. `later` were not in the transaction;
  /// `asked`: who got no answer.
  void transaction_failed(const routers::HostItem& h, int port, const HostTrouble& trouble, const Group& unanswered,
                          const Group& later, std::size_t asked);
  void take_answers(const routers::HostItem& h, int port, const SmtpConnection& c, const std::vector<RcptState>& rcpts,
                    const std::string& confirmation, Group& open);
  HostResultOf<void> log_in(const routers::HostItem& h, SmtpConnection& c, const SmtpConnectOptions& options);
  Result<std::string> auth_parameter(const SmtpConnection& c);
  /// `chosen`: somebody said so; otherwise it is the default.
  Result<int> downconvert_mode(bool& chosen);
  /// Whether the transaction needs SMTPUTF8; turns its addresses into A-labels where that is wanted. Error: it cannot
  /// go to this host.
  Result<bool> internationalise(const SmtpConnection& c, TransactionOptions& tx, std::vector<RcptState>& rcpts);
  void set_host_variables(const routers::HostItem& h, int port);

  DeliverContext& ctx_;
  const lang::DriverInstance& t_;
  const SmtpOptions& o_;
  std::span<routers::Addr* const> batch_;
  std::vector<AddrResult> results_;
  std::optional<MtaStsPolicy> sts_;  ///< of the domain being delivered to
  std::string sts_domain_;
  DestinationRule rule_;                             ///< of the hosts that are being tried
  std::optional<DestinationLimits::Permit> permit_;  ///< while they are
  int transactions_ = 0;
  /// What a host that failed in this run came to, and the addresses it failed.
  struct DeadHost {
    HostResult host;
    AddrResult result;
  };
  std::map<std::pair<std::string, int>, DeadHost> dead_;  ///< by address and port
  std::string sender_, head_, plain_head_;
  std::shared_ptr<const mail::Body> body_;
  bool told_of_serial_ = false;  ///< that serialize_hosts cannot be used
};

/// $tls_out_… of the connection; null: there is none yet.
void set_tls_variables(const lang::Scope& scope, const SmtpConnection* c);

}  // namespace remex::transports
