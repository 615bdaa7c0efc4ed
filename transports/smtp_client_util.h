// The client side of an SMTP or LMTP dialogue (RFC 5321, 2033, 2920, 3207): one connection, message after message.
//
// Everything the server says is bounded (line 4096 octets, reply 64 KiB and 500 lines) and made printable before it
// gets into a result. Every wait has the deadline the options give for its step. Used by smtp.cc; tests talk to it
// directly.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/io/stream.h"
#include "core/io/tls.h"
#include "core/mail/message.h"
#include "transports/connection_pool.h"
#include "transports/smtp_dane.h"
#include "transports/smtp_dialogue.h"
#include "transports/smtp_socks.h"
#include "transports/trouble.h"

namespace remex::transports {

struct SmtpReply {
  int code = 0;
  std::vector<std::string> lines;  ///< text behind the code, as received
  int first() const { return code / 100; }
  /// "550-one\n550 two" on one line (the LF written as \n), printable, at most 1000 characters.
  std::string text() const;
};

/// What went wrong with a host.
struct HostTrouble {
  Trouble trouble = Trouble::Kind::other;
  std::string message;
  int code = 0;                 ///< SMTP code when it was a reply
  std::string command, answer;  ///< of such a reply: what it answers, and what it says
  int sys_errno = 0;
  bool permanent = false;   ///< 5xx to the connection or EHLO: the addresses fail
  bool tls_failed = false;  ///< trying again without TLS may help
  bool waits = false;       ///< no trouble at all: there are enough connections
  /// What is to blame (manual, "Errors in outgoing SMTP"): the host; this message at that host; the first recipient who
  /// has no answer yet.
  enum class Of : std::uint8_t { host, message, recipient } of = Of::host;
  bool early = false;  ///< what was remembered of the server does not hold: to be tried again without it
};
template <class T>
using HostResultOf = std::expected<T, HostTrouble>;
/// What the answer to a whole message stands behind, in texts.
inline constexpr std::string_view kEndOfData = "end of data";
/// A reply that ends the matter with this host; `after` what it answers.
HostTrouble reply_trouble(const SmtpReply& r, std::string_view after, Trouble::Kind kind = Trouble::Kind::reply);

class SmtpConnection;
/// Tells an event (lang/events.h) about a connection, null before there is one; the answer forbids when it is not
/// empty. `certificate`: what tls:cert is about, PEM. May park. It is called until the connection is closed with
/// quit().
using EventHook = std::function<std::string(const SmtpConnection* connection, std::string_view name,
                                            std::string_view data, const std::string& certificate)>;

/// Is `keyword` among lines of an answer to EHLO (upper case)?
bool has_keyword(const std::vector<std::string>& lines, std::string_view keyword);

/// The answers to EHLO of a server that offered PIPECONNECT: it may be sent EHLO, and what follows, at once. Upper case
/// lines, without the first.
struct KnownServer {
  std::vector<std::string> clear, secure;  ///< before and inside TLS; empty: there was none
  /// Is PIPECONNECT among them?
  static bool early(const std::vector<std::string>& keywords);
  std::string text() const;  ///< for the hints; empty when there is nothing to gain, or it is too long to keep
  static KnownServer parse(std::string_view text);
};

struct SmtpConnectOptions {
  io::Endpoint to;
  std::string host;  ///< its name, to be shown
  EventHook event;   ///< empty: nobody wants to know
  std::string local_ip, helo;
  /// What to say in the place of `helo` from this address and port. May park.
  std::function<Result<std::string>(const std::string& local_ip, int local_port)> helo_from;
  bool lmtp = false, tls_on_connect = false, try_tls = true, require_tls = false, avoid_esmtp = false;
  bool must_verify = false, keepalive = true;
  bool require_ocsp = false;    ///< the server must prove that its certificate is not revoked
  bool clear_after_4xx = true;  ///< a server that answers STARTTLS with 4xx may be used in clear
  std::string sni, verify_name;
  io::TlsClientConfig tls;
  std::string demanded_by;  ///< who wants the TLS and the certificate, for the log (" (MTA-STS of a.example)")
  bool dane = false;        ///< the certificate must fit one of `tlsa`; nothing else about it counts
  std::vector<TlsaRecord> tlsa;
  std::vector<std::string> dane_names;
  std::vector<SocksProxy> proxies;  ///< connect through one of these
  int dscp = -1;                    ///< mark of the packets (0..63); -1: none
  KnownServer known;                ///< what the server said before; empty: each answer is waited for
  Seconds connect_timeout{300}, command_timeout{300};
};

/// One recipient of a transaction and what the server said.
struct RcptState {
  std::string address;     ///< as it stands between the angle brackets
  std::string parameters;  ///< " NOTIFY=... ORCPT=...", for a server that knows DSN
  enum class Fate : std::uint8_t { pending, accepted, delivered, failed, deferred } fate = Fate::pending;
  std::string message;  ///< why not
  int code = 0;
  Trouble trouble;
  bool message_scope = false;  ///< the trouble is with host and message, not with this address
};

struct TransactionOptions {
  std::string sender;
  std::string mail_parameters;  ///< " RET=... ENVID=...", for a server that knows DSN
  std::uint64_t size = 0;       ///< 0: no SIZE= parameter
  std::string auth;             ///< AUTH= as xtext, empty = none
  bool ignore_quota = false;    ///< LMTP: IGNOREQUOTA with each recipient when it is offered
  bool body_8bit = false, smtputf8 = false, pipelining = true;
  bool prdr = false;         ///< ask for a reply per recipient when it is offered and there are several
  bool chunking = false;     ///< BDAT (RFC 3030) when the server offers it
  bool all_or_none = false;  ///< one refused recipient fails them all, before DATA
  bool can_wait = false;     ///< with all_or_none: one that is refused for now defers them all instead
  std::string_view head;     ///< header section and the empty line, LF ends
  const mail::Body* body = nullptr;
  Seconds command_timeout{300}, data_timeout{300}, final_timeout{600};
};

/// What a server said about itself with LIMITS (RFC 9422); 0: nothing.
struct PeerLimits {
  std::uint64_t messages = 0;    ///< MAILMAX: transactions on one connection
  std::uint64_t recipients = 0;  ///< RCPTMAX: recipients of one transaction
  std::uint64_t domains = 0;     ///< RCPTDOMAINMAX: domains among them
};
/// From what stands behind the keyword. Unknown limits are passed over, and values that are none (RFC 9422 3).
PeerLimits peer_limits(std::string_view values);

/// Turns message text (LF ends) into what goes on the wire: CRLF ends, dots doubled. A CR in front of LF is dropped,
/// any other CR becomes a space: no bare CR or LF leaves this host, so nothing in a body can look like the end of the
/// data.
class WireEncoder {
 public:
  /// `dots` false: for BDAT, where dots are not doubled and no dot ends the text.
  explicit WireEncoder(bool dots = true) : dots_(dots) {}
  void encode(std::string_view in, std::string& out);
  /// Ends the last line when it has no end, then the final dot.
  void finish(std::string& out);

 private:
  bool dots_, at_line_start_ = true, pending_cr_ = false;
};

class SmtpConnection {
 public:
  /// Connects, reads the greeting, says EHLO, starts TLS when wanted. Parks.
  static HostResultOf<std::unique_ptr<SmtpConnection>> open(const SmtpConnectOptions& opt);
  /// The same on a stream that is connected already (tests).
  static HostResultOf<std::unique_ptr<SmtpConnection>> start(std::unique_ptr<io::Stream> stream,
                                                             const SmtpConnectOptions& opt);
  ~SmtpConnection();

  /// Sends one message. Fills the recipients' fates; `confirmation` is the answer to the final dot. An error means the
  /// connection is gone; recipients without a fate are untouched by the server as far as we know. Parks.
  HostResultOf<void> send(const TransactionOptions& opt, std::vector<RcptState>& rcpts, std::string& confirmation);
  /// One command line and its reply (callouts). Parks.
  HostResultOf<SmtpReply> exchange(const std::string& line, Seconds timeout) { return command(line, timeout, line); }
  /// The same; errors and logs name it `shown` (the line has a secret).
  HostResultOf<SmtpReply> exchange(const std::string& line, Seconds timeout, std::string_view shown) {
    return command(line, timeout, shown);
  }
  /// What stands behind a keyword of EHLO ("PLAIN LOGIN" of AUTH), upper case.
  std::string keyword_values(std::string_view keyword) const;
  std::string authenticator;  ///< A=: who we are to this server; empty: not authenticated
  bool authenticated = false;
  bool poolable = true;  ///< false: a login was wanted and did not work, so the next message tries again
  /// QUIT, waits a moment for the answer, closes. Only closes what is broken. Parks.
  void quit();
  /// False after an error or when the server closed (or spoke unasked) meanwhile. Never parks.
  bool usable();
  /// It said 421: nothing but QUIT may follow (RFC 5321 3.8).
  bool closing() const { return closing_; }

  bool has(std::string_view keyword) const;
  bool esmtp() const { return esmtp_; }
  const PeerLimits& limits() const { return limits_; }
  /// With SmtpConnectOptions::known, EHLO may still be unanswered: waits for the answer. Error with `early`: something
  /// else was promised before. Parks.
  HostResultOf<void> settle_hello();
  /// EHLO was sent before the answer to what precedes it came.
  bool used_early() const { return early_; }
  /// What it said in this session.
  const KnownServer& heard() const { return heard_; }
  const io::TlsInfo* tls() const { return tls_ ? &tls_info_ : nullptr; }
  /// The certificate was found good by TLSA records.
  bool dane() const { return dane_; }
  bool used_chunking() const { return chunked_; }
  const std::string& local_ip() const { return local_ip_; }
  /// What this side calls itself.
  const std::string& helo() const { return helo_; }
  /// Of the SOCKS proxy that the connection goes through; empty: none.
  const std::string& proxy_ip() const { return proxy_ip_; }
  int local_port() const { return local_port_; }
  bool used_pipelining() const { return pipelined_; }
  bool used_prdr() const { return prdr_; }
  std::string destination;                 ///< it counts for this one (destination_max_connections)
  std::shared_ptr<const Outcome> outcome;  ///< of the last message; null: nobody records it
  std::shared_ptr<void> lease;             ///< of DestinationLimits, for as long as the connection is open
  int messages = 0;                        ///< transactions begun on this connection
  bool begun = false;      ///< the last send() got as far as MAIL: before it, nothing was said about a message
  bool data_sent = false;  ///< the last send() got as far as the text: losing the connection then leaves doubt
  Instant idle_since{};

 private:
  SmtpConnection() = default;
  static HostResultOf<std::unique_ptr<SmtpConnection>> start(std::unique_ptr<io::Stream> stream,
                                                             const SmtpConnectOptions& opt, const io::Endpoint& local,
                                                             const std::string& proxy_ip);
  HostResultOf<void> greet(const SmtpConnectOptions& opt);
  HostResultOf<void> say_hello(const SmtpConnectOptions& opt);
  HostResultOf<void> read_banner(Seconds timeout);
  /// `keywords` were said in an answer to EHLO.
  void take_keywords(std::vector<std::string> keywords);
  /// EHLO, which settle_hello() or the first group of commands sends; until then the server counts as offering
  /// `known`.
  void hello_later(const SmtpConnectOptions& opt, const std::vector<std::string>& known, bool banner);
  /// In clear, to a server that is known: EHLO and STARTTLS at once, then all that the answers bring. Gives the answer
  /// to STARTTLS.
  HostResultOf<SmtpReply> early_starttls(const SmtpConnectOptions& opt);
  HostResultOf<void> finish_starttls(const SmtpConnectOptions& opt, const SmtpReply& go);
  HostResultOf<void> start_tls(const SmtpConnectOptions& opt, bool on_connect);
  HostResultOf<SmtpReply> read_reply(Seconds timeout, std::string_view after);
  /// Commands; `secret` ones are not shown.
  HostResultOf<void> write(std::string_view bytes, Seconds timeout, std::string_view what, bool secret = false);
  HostResultOf<void> write_text(std::string_view bytes, Seconds timeout);
  HostResultOf<SmtpReply> command(const std::string& line, Seconds timeout, std::string_view after);
  HostResultOf<void> send_body(const TransactionOptions& opt);
  /// After the answer 353: one reply for each accepted recipient; the one for the message comes next.
  HostResultOf<void> prdr_answers(const TransactionOptions& opt, std::vector<RcptState>& rcpts);
  /// What the answer to the whole text (and, with PRDR, those before it) means for the recipients.
  HostResultOf<void> take_final_answer(const TransactionOptions& opt, SmtpReply answer, bool asked_prdr,
                                       std::vector<RcptState>& rcpts, std::string& confirmation);
  /// The text in BDAT chunks; gives the answer to the last one, or the first that is no success.
  HostResultOf<SmtpReply> send_chunks(const TransactionOptions& opt);
  /// Gives every piece of head and body to `take`, encoded.
  template <class Take>
  HostResultOf<void> each_piece(const TransactionOptions& opt, WireEncoder& encoder, std::string& out, Take take);
  HostTrouble unreadable_body(const std::string& why);
  HostTrouble lost(const Error& e, std::string_view after);
  std::string raise(std::string_view name, std::string_view data = {}, const std::string& certificate = {});
  /// Asks about each certificate of the server, the one that vouches for the others first. Why it is refused; empty:
  /// it is not.
  std::string certificate_objection();

  std::unique_ptr<io::Stream> stream_;
  std::unique_ptr<io::Reader> reader_;
  std::vector<std::string> keywords_;  ///< EHLO lines, upper case
  bool lmtp_ = false, esmtp_ = false, tls_ = false, broken_ = false, need_rset_ = false, pipelined_ = false,
       prdr_ = false, dane_ = false, chunked_ = false;
  bool closing_ = false;  ///< it said 421: nothing but QUIT may follow
  /// An EHLO whose answer is not read yet: what to send first (empty: it was sent), whether the greeting comes before,
  /// and what is expected.
  struct PendingHello {
    std::string unsent;
    bool banner = false, wants_tls = false;
    std::vector<std::string> expected;
    Seconds timeout{300};
  };
  std::unique_ptr<PendingHello> pending_;
  bool early_ = false;
  KnownServer heard_;
  std::unique_ptr<SmtpDialogue> told_;  ///< -v
  std::uint64_t written_ = 0;           ///< octets since the text of a message began
  io::TlsInfo tls_info_;
  PeerLimits limits_;
  EventHook event_;
  std::string local_ip_, helo_;
  std::string proxy_ip_;
  int local_port_ = 0;
};

}  // namespace remex::transports
