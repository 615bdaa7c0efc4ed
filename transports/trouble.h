// The kind of what went wrong in a delivery. Transports set it where they know it; retry rules, the log and bounces ask
// it, so that nobody has to tell kinds apart by the beginnings of texts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace remex::transports {

struct Trouble {
  enum class Kind : std::uint8_t {
    none,
    other,            ///< nobody asks for its kind
    refused,          ///< the host refused the connection
    connect_timeout,  ///< no connection in time
    connect,          ///< no connection for another reason
    closed,           ///< the far end closed the connection
    broken,           ///< the connection failed in another way
    timeout,          ///< no answer in time
    rcpt_timeout,     ///< the same, to RCPT
    malformed_reply,  ///< an answer that is no SMTP reply
    reply,            ///< a reply that refuses none of the next three; `code`
    mail,
    rcpt,
    data,           ///< a reply to MAIL, to RCPT, to the text of a message or what begins it; `code`
    tls_required,   ///< TLS that was demanded could not be had
    tls_failed,     ///< the same, where TLS was not demanded
    helo,           ///< what this side calls itself (helo_data) could not be expanded, or cannot be sent
    login,          ///< authentication that was demanded could not be had
    dns_timeout,    ///< a host's name could not be looked up
    hosts_not_due,  ///< no host was tried: their retry times are not reached
    quota,          ///< the mailbox is full
    unreadable,     ///< the text of the message could not be read here
    command,        ///< a command ended in a way that is a temporary error
    configuration,  ///< an option cannot be used: the panic log is told, too
  };

  Kind kind = Kind::none;
  int code = 0;              ///< SMTP code of a reply; 0: none
  std::int64_t unread = -1;  ///< with quota: seconds since the mailbox was read; -1: unknown
  std::optional<bool> mx;    ///< the host was found by MX records, or was not; nothing: it is not known, or no host
  /// The text is about a session with the server: the log puts a colon in front of it.
  bool in_session = false;

  Trouble() = default;
  Trouble(Kind k, int smtp_code = 0);  // NOLINT(google-explicit-constructor): a kind is a trouble of that kind
  /// Out of "quota" or "quota_<seconds>", as the programs that write mailboxes answer; `other` for anything else.
  static Trouble of_mailbox(std::string_view word);

  /// As retry rules name it: "refused_MX", "timeout_connect", "rcpt_450", "quota_604800". Empty: they have no word for
  /// it.
  std::string retry_error() const;
  bool is_timeout() const { return kind == Kind::timeout || kind == Kind::rcpt_timeout; }
  /// The connection was there, and then ended or fell silent.
  bool is_end_of_session() const { return kind == Kind::closed || is_timeout(); }
  /// A refusal for now (4xx).
  bool is_temporary_reply() const { return code / 100 == 4; }
};

}  // namespace remex::transports
