// From the bytes of a message to a durable queue entry: headers parsed, fixed up and judged, DKIM verified, ACLs run,
// stored. Used by the SMTP session (DATA) and by local submission (standard input).
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "acl/acl.h"
#include "core/smtp/data_reader.h"
#include "core/smtp/server.h"

namespace remex::smtp {

/// An SMTP reply; `text` may have several lines and may begin with an enhanced code.
struct Reply {
  int code = 250;
  std::string text;
  bool close = false;
};

/// Turns an ACL's verdict into a reply: a code in front of the message is taken when its class fits.
/// `expected` is the default code for success (250, 354, ...).
Reply reply_from_acl(const acl::Outcome& o, int success_code, std::string_view success_text, log::Log& log);

/// " F=<sender> A=authenticator:id": what a rejection line says about the sender.
std::string sender_fields(const mail::Envelope& envelope, const mail::ReceivedFrom& from);

class Reception : public DataSink {
 public:
  /// `scope` must have envelope, from and services set; it gets headers, body and dkim during complete().
  Reception(Server& server, lang::Scope& scope, acl::Effects& effects, std::int64_t size_limit);
  ~Reception() override;

  void write(std::string_view bytes) override;
  /// Everything was read: judges and stores. 250 means durable. Parks.
  Reply complete(const DataReader& data, acl::Hook hook);
  /// Bytes stored so far.
  std::uint64_t size() const { return header_text_.size() + body_size_; }
  /// Set once storing failed (too large, disk full): reading goes on, the reply is known.
  bool failed() const { return failure_.code != 250; }
  mail::HeaderList& headers() { return headers_; }
  /// The headers are not complete yet.
  bool in_header() const { return in_header_; }
  std::shared_ptr<const mail::Body> body() const { return body_; }
  /// -t: called with the parsed headers before anything is judged.
  std::function<Status(mail::HeaderList&)> on_headers;
  /// Domains for unqualified addresses in headers of senders and recipients; empty: they stay as they are.
  std::string header_sender_domain, header_recipient_domain;
  bool ignore_from_line = false;  ///< a "From " line before the headers is dropped
  /// Why the message is left to a queue run ("too many connections"); empty: delivered at once.
  std::string leave_queued;
  /// A caller's explicit wish for delivery overrides queue_only and queue_only_file (queue_only_override).
  bool override_queueing = false;
  /// Kept per connection for queue_only_load_latch; null: this message only.
  bool* load_latch = nullptr;
  /// After complete(): the message waits for a queue run.
  bool waits = false;
  /// It came by BDAT (log field K).
  bool chunked = false;
  /// The field L= of the log, without the blank; empty: PIPELINING was not offered.
  std::string pipelining;
  /// Who discarded recipients ("MAIL", "RCPT"), for the log line of a message that has none left.
  std::string discarded_by;
  /// The client asked for PRDR: gets the reply for each recipient. Unset: it did not.
  std::function<void(const Reply&)> prdr_reply;
  /// What the RCPT ACL discarded, with the number of recipients accepted before: the client counts on a reply for each.
  std::vector<std::pair<std::size_t, std::string>> discarded_rcpts;
  /// mua_wrapper: gets the finished message instead of the store; its Reply is the result.
  std::function<Reply(store::StoredMessage&&)> deliver_instead;

 private:
  /// `blank_line`: an empty line ended the header section; otherwise the message ended.
  void end_header(bool blank_line);
  void flush_body();
  void store_failed(const Error& e);
  void apply_header_changes();
  /// Verifies all signatures; must see the headers unchanged.
  Reply verify_dkim(bool& stop);
  /// Runs acl_smtp_dkim per signer.
  Reply dkim_acl(bool& stop);
  Reply judge(acl::Hook hook, bool& stop);
  /// Runs acl_smtp_mime or acl_not_smtp_mime per part. `discarded`: it took the recipients, no further ACL runs.
  Reply mime_acl(acl::Hook hook, bool& stop, bool& discarded);
  /// Runs acl_smtp_data_prdr per recipient when prdr_reply is set and there are several.
  Reply prdr_acl(bool& stop);
  /// The recipients are thrown away by the ACL named.
  void discard(std::string_view by, const acl::Outcome& o);
  /// What the message lacks is added, and envelope and headers are rewritten (manual 31.2).
  void fix_and_rewrite();
  Reply keep(acl::Hook hook);
  /// control = cutthrough_delivery. True: `out` is the end of the matter (delivered, or refused by the next host).
  bool cut_through(acl::Hook hook, store::StoredMessage& msg, Reply& out);
  /// The "<=" line.
  std::string arrival_text();
  /// The line, and in the reject log the envelope and headers as far as they were read.
  void write_rejection(int targets, const std::string& line);
  void log_rejection(std::string_view what, const acl::Outcome& o);

  Server& server_;
  lang::Scope& scope_;
  acl::Effects& effects_;
  std::int64_t size_limit_;
  std::string header_text_;
  bool in_header_ = true, at_line_start_ = true;
  std::string body_buffer_;
  std::uint64_t body_size_ = 0, seen_ = 0;
  std::uint64_t extra_body_lines_ = 0;  ///< of the body, counted as header lines when they came
  std::string discard_text_;
  std::unique_ptr<store::BodyWriter> writer_;
  std::string memory_body_;
  mail::HeaderList headers_;
  std::shared_ptr<const mail::Body> body_;
  lang::DkimState dkim_;
  Reply failure_;
  bool prdr_ = false, prdr_lost_ = false;    ///< recipients were judged one by one; some were refused
  bool id_created_ = false;                  ///< the Message-ID: is ours
  std::vector<std::string> raw_recipients_;  ///< before rewriting, for the log
  std::size_t headers_applied_ = 0, removals_applied_ = 0;
};

/// message_size_limit now, octets; 0 is no limit. A value that cannot be used is logged, and the default counts.
std::int64_t message_size_limit(lang::Scope& scope, log::Log& log);

/// recipients_max now; 0 is no limit. A value that cannot be used: the default counts.
std::int64_t recipients_max(lang::Scope& scope);

}  // namespace remex::smtp
