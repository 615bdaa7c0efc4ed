// Main, reject and panic log in Exim's format; files are reopened when renamed; syslog; bounded, line-atomic writes.
// Any fiber; never parks (one write(2) per line or per loop turn). A log that cannot be written goes to the panic log,
// then stderr.
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/mail/envelope.h"

namespace remex::log {

/// One name of log_selector; rows (name, default on/off) in core/log/selectors.cc.
enum class Selector : std::uint8_t {
  acl_warn_skipped,
  address_rewrite,
  all_parents,
  arguments,
  connection_id,
  connection_reject,
  deliver_time,
  delay_delivery,
  delivery_size,
  dkim,
  dkim_verbose,
  dnslist_defer,
  dnssec,
  etrn,
  host_lookup_failed,
  ident_timeout,
  incoming_interface,
  incoming_port,
  lost_incoming_connection,
  millisec,
  msg_id,
  msg_id_created,
  outgoing_interface,
  outgoing_port,
  pid,
  pipelining,
  protocol_detail,
  proxy,
  queue_run,
  queue_time,
  queue_time_exclusive,
  queue_time_overall,
  receive_time,
  received_recipients,
  received_sender,
  rejected_header,
  retry_defer,
  return_path_on_delivery,
  sender_on_delivery,
  sender_verify_fail,
  size_reject,
  skip_delivery,
  smtp_confirmation,
  smtp_connection,
  smtp_incomplete_transaction,
  smtp_mailauth,
  smtp_no_mail,
  smtp_protocol_error,
  smtp_syntax_error,
  subject,
  tls_certificate_verified,
  tls_cipher,
  tls_on_connect,
  tls_peerdn,
  tls_resumption,
  tls_sni,
  unknown_in_list,
  eight_bitmime,
  kCount
};
using Selectors = std::bitset<static_cast<std::size_t>(Selector::kCount)>;
/// Exim's defaults.
Selectors default_selectors();
/// Applies "+name -name +all" to the defaults; error names the unknown word.
Result<Selectors> parse_selectors(std::string_view text);

enum Target : std::uint8_t { kMain = 1, kReject = 2, kPanic = 4 };

struct LogConfig {
  std::string
      file_path;  ///< log_file_path as configured ("" = spool/log/%slog); "syslog" and ":" forms as in the manual
  std::string spool_directory;
  Selectors selectors = default_selectors();
  bool timestamps_in_syslog = true;
  std::string syslog_facility = "mail", syslog_processname = "exim";
  bool syslog_pid = true;
  bool syslog_duplication = true;  ///< false: a line for two logs goes to syslog once, under the more important one
  bool log_timezone = false;
  bool write_rejectlog = true;
  std::string timezone;
  bool to_stderr = false;  ///< mua_wrapper, -bh and the like: lines also/only on stderr
  bool only_stderr = false;
  bool verbose = false;           ///< -v: every line also on stderr, as "LOG: MAIN"
  bool keep_line_breaks = false;  ///< of a line for the panic log, which Exim writes as they are
  bool panic_to_stderr = false;   ///< a command's: lines for the panic log also on stderr, as they stand in the file;
                                  ///< not with -v, which shows them
};

class Log {
 public:
  static Result<std::shared_ptr<Log>> open(const LogConfig& cfg);
  virtual ~Log() = default;
  /// `id` = message id or "" ; line gets timestamp (and pid, id) in front. Control characters in `line` are escaped.
  virtual void write(int targets, std::string_view id, std::string_view line) = 0;
  bool on(Selector s) const { return selectors_[static_cast<std::size_t>(s)]; }
  const Selectors& selectors() const { return selectors_; }
  virtual void reopen() = 0;

 protected:
  Selectors selectors_;
};

/// "H=name (helo) [ip]:port I=[..]:.. " as Exim's host_and_ident: pieces depend on selectors. No trailing blank.
std::string host_and_ident(const mail::ReceivedFrom& from, const Selectors& sel, bool with_h_prefix);
/// $sender_fullhost: "name (helo) [ip]:port".
std::string sender_fullhost(const mail::ReceivedFrom& from);

/// The "<=" line of an arrival (without id and time).
struct ArrivalExtras {
  std::string bounced_id;  ///< R=
  std::string subject;
  bool id_created = false;  ///< the Message-ID: header is ours: logged only with +msg_id_created
  /// Sender and recipients as they came, before rewriting; null: those of the envelope.
  const std::string* raw_sender = nullptr;
  const std::vector<std::string>* raw_recipients = nullptr;
  std::string pipelining;  ///< "L", "L.", "L*", each with "-" when the client did not pipeline; empty: not offered
};
std::string arrival_line(const mail::Envelope& e, const Selectors& sel, const ArrivalExtras& extras = {});

}  // namespace remex::log
