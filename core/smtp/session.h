// One SMTP session on the server side: a fiber reads commands, ACLs judge them, replies go out in groups.
//
// The session ends at QUIT, end of input, a time-out, an error limit, `drop`, or shutdown (421). Nothing of it
// survives. One file per group of commands: session.cc (loop), cmd_hello.cc, cmd_mail.cc, cmd_data.cc,
// cmd_tls.cc, cmd_auth.cc, cmd_misc.cc; session_connect.cc is the beginning, batch.cc what is different in a file.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "acl/acl.h"
#include "core/io/stream.h"
#include "core/smtp/grammar.h"
#include "core/smtp/reception.h"
#include "core/smtp/server.h"
#include "lang/list_trace.h"

namespace remex::smtp {

struct SessionOptions {
  bool tls_on_connect = false;
  bool is_tcp = true;    ///< false: -bs over standard input
  bool stdio = false;    ///< bytes come from standard input (-bs, -bh): LF line ends, no synchronisation check
  bool batched = false;  ///< -bS: no replies, no SMTP ACLs, first error ends
  std::string login;     ///< local caller
  std::int64_t caller_uid = -1, caller_gid = -1;
  bool trusted = false;               ///< the local caller may say who sends
  std::int64_t receive_timeout = -1;  ///< -os, seconds: instead of smtp_receive_timeout; 0 = for ever
  bool no_qualify = false;            ///< -bnq: addresses without a domain are no addresses, on -bs too
  /// -bS: gets what went wrong, for a person; unset: standard error.
  std::function<void(std::string_view)> tell;
};

class Session {
 public:
  /// `server` must outlive the session (shared_ptr held by the caller's fiber).
  Session(Server& server, std::unique_ptr<io::Stream> stream, mail::ReceivedFrom from, SessionOptions opt);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Runs to the end of the session. Returns the number of messages accepted.
  int run();
  /// An error happened in -bS.
  bool batch_failed() const { return batch_failed_; }
  /// Too many errors, or the input ended without QUIT.
  bool ended_badly() const { return !quit_ && close_reason_ != "acl-drop"; }

 private:
  enum class Next : std::uint8_t { go_on, close };

  // session_connect.cc; false: the connection is to be closed, and what there is to say was said
  bool connect();
  /// Replies and logs; always false. No `why`: host_reject_connection.
  bool turn_away(int code, std::string_view text, std::string_view why);
  /// Load, reserved slots and connections of this client. Counts the client.
  bool within_limits();
  void tell_of_the_beginning();
  /// hosts_proxy: reads the PROXY header, after which the client is the one that it names. Parks up to
  /// proxy_protocol_timeout.
  bool meet_proxy();
  /// rfc1413_hosts. Parks up to rfc1413_query_timeout.
  void ask_ident();
  bool greet(const acl::Outcome& connect_acl);
  /// The client has spoken before the greeting. May it (pipelining_connect_advertise_hosts)? Only with EHLO.
  bool spoke_well();

  // session.cc
  Next command(std::string_view line);
  Next dispatch(const Command& c);
  Next unknown_command();
  bool check_sync(const Command& c);
  void reply(int code, std::string_view text);
  void reply(const Reply& r) { reply(r.code, r.text); }
  bool flush();
  Result<std::string> read_command();
  Next protocol_error(int code, std::string_view text, std::string_view line);
  void log_line(int targets, std::string_view line);
  std::string host_text() const;  ///< "H=name (helo) [ip]", as rejections begin
  std::string peer() const;       ///< the same without "H=", for "... from name (helo) [ip]"
  void finish(std::string_view reason);
  Millis receive_timeout();
  void reset_message();
  void know_caller();
  /// Is the client in the host list `option`? An error, which is logged: the list cannot be looked at now. What such a
  /// list lets through, or keeps away, is then not to be had: see cannot_tell().
  /// Does -bh tell now how this option's list is asked? Some are told at the beginning, in Exim's order.
  bool tells_of(std::string_view option) const;
  /// -bh: the lists that Exim asks about every client. A name that host_lookup asks for is looked up.
  void explain_client();
  void explain_early();  ///< the same for PIPECONNECT
  Result<bool> find_host(const lang::MatchList& list, std::string_view option);
  /// The same for lists that only offer something: what cannot be looked at offers nothing, and is logged.
  bool host_matches(const lang::MatchList& list, std::string_view option);
  /// Addresses without a domain are of this machine, because the client is.
  bool qualifies_local() const { return !opt_.is_tcp && !opt_.no_qualify; }
  /// find_host() failed: 421, and the end of the connection. Always false.
  bool cannot_tell(std::string_view option);
  /// Logs an ACL refusal of a command and replies. `what`: "RCPT <x>"; `with_sender` adds F=<> and A=.
  Next refuse(const acl::Outcome& o, std::string_view what, bool with_sender = false);
  /// One HELO, STARTTLS, AUTH and (per message) RSET are free; the rest counts (smtp_accept_max_nonmail). True: too
  /// many.
  bool too_many_nonmail(Verb verb);
  /// ",  C=EHLO,MAIL": what the client did before it was dropped.
  std::string history_text() const;
  int serve();
  void tell_of_the_end();
  /// A parameter that cannot be: counts as a syntax error. Always false.
  bool parameter_error(int code, std::string_view text);
  acl::Outcome run_acl(acl::Hook hook, const lang::Expansion& option);
  /// Controls about the connection that an ACL has just set.
  void apply_controls(acl::Hook hook);

  // cmd_*.cc
  Next cmd_hello(const Command& c, bool extended);
  std::string ehlo_reply();
  /// Is PIPECONNECT for this client: may it send EHLO, and what follows, without waiting for the answers before?
  bool may_pipeline_early();
  /// What the field L of the log says about the pipelining of this client; empty: none was offered.
  std::string pipelining_field() const;
  void forget_advertised();
  /// " PLAIN LOGIN": mechanisms offered to this client now; empty = AUTH is not advertised.
  std::string auth_mechanisms();
  Next cmd_mail(const Command& c);
  Next cmd_rcpt(const Command& c);
  Next cmd_data(const Command& c);
  Next cmd_bdat(const Command& c);
  Next cmd_starttls(const Command& c);
  Next cmd_auth(const Command& c);
  Next cmd_vrfy(const Command& c);
  Next cmd_rset();
  Next cmd_quit();
  Next cmd_help();
  Next cmd_etrn(const Command& c);
  Next cmd_expn(const Command& c);
  Next batch_command(const Command& c);
  void batch_reply(int code, std::string_view reply_text);
  /// A message of a local caller who is not trusted is his own, whatever MAIL said, unless untrusted_set_sender permits
  /// that. (ACLs up to DATA see what MAIL said.)
  void take_local_sender();
  static bool is_for_batch(Verb verb);
  Result<std::vector<std::string>> etrn_command(std::string_view argument);
  bool mail_parameters(const PathCommand& pc);
  /// 501 "<address>: why".
  Next bad_address(std::string_view path, const Error& e);
  /// Remembers a refusal for the reply to DATA.
  void note_rcpt_error(std::string_view text);
  Next too_many_recipients(std::int64_t max);
  void refused_by_next_host(const std::string& address, acl::Outcome& o);
  void answer_rcpt(const acl::Outcome& o, const lang::AddressState& a);
  bool start_tls();
  /// The event tls:cert about each certificate of the client, the one that vouches for the others first (DER, his own
  /// is [0]). False: event_action refuses one.
  bool certificates_welcome(const std::vector<std::string>& chain);
  void set_protocol();
  std::int64_t size_limit();
  /// smtp_accept_max_per_connection and recipients_max; 0: no limit.
  std::int64_t max_messages();
  std::string limits_keyword();
  bool receive_data(DataReader& reader);
  bool receive_chunk(std::uint64_t size, DataReader* data);
  Next refuse_chunk(std::uint64_t size, int code, std::string_view text);
  void prepare_reception(Reception& reception);
  Next end_of_message(const Reply& r);
  /// helo_verify_hosts and helo_try_verify_hosts. False: the command was refused.
  bool helo_allowed(bool extended);
  /// smtp_ratelimit_mail and smtp_ratelimit_rcpt: waits before the n-th command of a client in smtp_ratelimit_hosts.
  void slow_down(const std::string& option, int count);
  bool rcpt_parameters(const PathCommand& pc, mail::Recipient& r);
  bool data_lost(ErrorKind why);
  bool mail_auth_holds();
  void authenticate_by_tls();
  Status disk_room();
  /// Reverse lookup of the client, once in a session (host_lookup, helo_lookup_domains). Parks.
  void learn_host_name();

  Server& server_;
  std::shared_ptr<const lang::Config> config_;
  std::unique_ptr<io::Stream> stream_;
  io::Reader reader_;
  SessionOptions opt_;

  mail::ReceivedFrom from_;
  mail::Envelope envelope_;
  lang::SessionState state_;
  std::map<std::string, Text> acl_c_, acl_m_;
  acl::Effects effects_;
  SessionServices services_;
  lang::Scope scope_;
  lang::ListTrace trace_;           ///< of -bh
  bool explaining_client_ = false;  ///< in explain_client()

  std::string out_;              ///< replies not yet written
  bool in_transaction_ = false;  ///< MAIL was accepted
  bool esmtp_ = false, pipelining_advertised_ = false, tls_active_ = false, tls_advertised_ = false,
       auth_advertised_ = false;
  bool early_advertised_ = false;  ///< PIPECONNECT was advertised
  bool early_used_ = false;        ///< the client did not wait for the greeting, or for the answer to EHLO
  bool pipelined_ = false;         ///< it did not wait for answers inside a transaction
  bool enhanced_ = false;          ///< ENHANCEDSTATUSCODES was advertised
  bool discarded_sender_ = false;  ///< MAIL ACL said discard
  /// What the RCPT ACL discarded, with the number of recipients accepted before.
  std::vector<std::pair<std::size_t, std::string>> discarded_rcpts_;
  bool too_many_rcpt_ = false;  ///< recipients_max was passed
  bool rcpt_errors_differ_ = false;
  std::string rcpt_error_;          ///< text of the first refused RCPT, shown again when DATA follows
  Verb verb_ = Verb::unknown;       ///< of the command being answered
  std::uint8_t free_commands_ = 0;  ///< bits of commands that were not counted as nonmail
  std::string_view close_reason_ = "local-scan-error";  ///< $smtp_notquit_reason
  bool accepted_any_rcpt_ = false;
  int accepted_messages_ = 0, mail_commands_ = 0, nonmail_ = 0, synprot_errors_ = 0, unknown_commands_ = 0;
  const Reception* receiving_ = nullptr;          ///< while DATA is read
  bool give_up_ = false;                          ///< too many errors were counted where the loop could not end
  bool load_latch_ = false;                       ///< queue_only_load made a message of this connection wait
  std::size_t batch_line_ = 0, batch_began_ = 0;  ///< lines read; the last one before the transaction
  bool batch_in_data_ = false;                    ///< an error is not one of the command
  bool batch_failed_ = false, counted_ = false, quit_ = false;
  std::string counted_host_;  ///< in Counters::per_host; empty: nowhere
  /// control = dkim_disable_verify, dmarc_disable_verify in the connect ACL: for the whole connection
  bool dkim_off_ = false, dmarc_off_ = false;
  std::string active_hostname_;
  std::string queue_name_;  ///< `queue =` before MAIL: for all messages of the connection
  int dscp_ = -1;           ///< set on the socket
  WallTime started_{};
  bool chunking_advertised_ = false, dsn_advertised_ = false, prdr_advertised_ = false, smtputf8_advertised_ = false;
  bool prdr_requested_ = false;  ///< MAIL said PRDR
  bool chunk_failed_ = false;    ///< a chunk was refused: only RSET helps
  mail::Recipient rcpt_dsn_;     ///< NOTIFY= and ORCPT= of the RCPT being judged
  /// A message that comes in chunks, between its BDAT commands.
  struct ChunkedMessage {
    Reception reception;
    DataReader data;
    ChunkedMessage(Server& server, lang::Scope& scope, acl::Effects& effects, std::int64_t limit)
        : reception(server, scope, effects, limit), data(reception, {.lf_ends_data = false, .dots = false}) {}
  };
  std::unique_ptr<ChunkedMessage> bdat_;  ///< last member: it refers to the scope
};

/// The enhanced status code (RFC 3463) that goes with a reply that has none; empty for codes that carry none (220, 354
/// ...).
std::string_view default_enhanced_code(int code, Verb verb);

}  // namespace remex::smtp
