// See reception.h. Order of judgement after the last byte: limits, DKIM ACL per signer, MIME ACL per part, DATA (or
// not_smtp) ACL, store, log.

#include "core/smtp/reception.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/ids.h"
#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/log/log.h"
#include "core/mail/freezing.h"
#include "core/smtp/fixups.h"
#include "core/smtp/queueing.h"
#include "lang/rewrite.h"

namespace remex::smtp {

namespace {

constexpr std::size_t kBodyChunk = 64 * 1024;
constexpr std::size_t kRejectedHeaders = 32 * 1024;  ///< of a refused message, in the reject log

bool is_reply_code(std::string_view s) {
  return s.size() > 3 && is_digit(s[0]) && is_digit(s[1]) && is_digit(s[2]) && s[3] == ' ';
}

/// Others get their turn when this has taken long; `began` is the beginning of the present turn.
void yield_when_due(Instant& began) {
  if (monotonic_now() - began < Millis(5)) return;
  io::yield_fiber();
  began = monotonic_now();
}

constexpr std::string_view kTooBig = "Message size exceeds maximum permitted";

}  // namespace

std::string sender_fields(const mail::Envelope& envelope, const mail::ReceivedFrom& from) {
  std::string out = fmt::format(" F=<{}>", printable(envelope.sender));
  if (!from.authenticator.empty()) {
    out += " A=" + from.authenticator;
    if (!from.authenticated_id.empty()) out += ":" + printable(from.authenticated_id);
  }
  return out;
}

Reply reply_from_acl(const acl::Outcome& o, int success_code, std::string_view success_text, log::Log& log) {
  Reply r;
  std::string_view fallback = success_text;
  r.code = success_code;
  switch (o.verdict) {
    case acl::Verdict::accept:
    case acl::Verdict::discard: break;
    case acl::Verdict::defer:
      r.code = 451;
      fallback = "Temporary local problem - please try later";
      break;
    case acl::Verdict::drop:
    case acl::Verdict::deny:
      r.code = 550;
      fallback = "Administrative prohibition";
      break;
  }
  r.close = o.verdict == acl::Verdict::drop;
  std::string_view text = o.user_message;
  if (is_reply_code(text)) {
    const int given = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
    if (given / 100 == r.code / 100) {
      r.code = given;
    } else {
      log.write(log::kMain | log::kPanic, "",
                fmt::format("configured error code starts with incorrect digit (expected {}) in \"{}\"", r.code / 100,
                            printable(text)));
    }
    text = text.substr(4);
  }
  r.text = o.details + (text.empty() ? std::string(fallback) : std::string(text));
  return r;
}

std::int64_t message_size_limit(lang::Scope& scope, log::Log& log) {
  constexpr std::int64_t kUsual = std::int64_t{50} * 1024 * 1024;
  const lang::Expansion& e = scope.config->main.message_size_limit;
  if (!e.is_set()) return kUsual;
  auto v = e.eval(scope);
  if (!v) {
    log.write(log::kMain | log::kPanic, "", fmt::format("unable to expand message_size_limit: {}", v.error().text));
    return kUsual;
  }
  std::string_view t = trim(v->view());
  std::int64_t scale = 1;
  if (!t.empty()) {
    const char last = ascii_lower(t.back());
    scale = last == 'k' ? 1024 : last == 'm' ? 1024 * 1024 : last == 'g' ? 1024 * 1024 * 1024 : 1;
    if (scale != 1) t.remove_suffix(1);
  }
  const auto n = parse_int(t);
  if (!n || *n < 0 || *n > (std::int64_t{1} << 50) / scale) {
    log.write(log::kMain | log::kPanic, "", fmt::format("invalid message_size_limit \"{}\"", printable(v->view())));
    return kUsual;
  }
  return *n * scale;
}

std::int64_t recipients_max(lang::Scope& scope) {
  const lang::Expansion& e = scope.config->main.recipients_max;
  constexpr std::int64_t kUsual = 50000;
  if (!e.is_set()) return kUsual;
  const auto v = e.eval(scope);
  return v ? parse_int(trim(v->view())).value_or(kUsual) : kUsual;
}

Reception::Reception(Server& server, lang::Scope& scope, acl::Effects& effects, std::int64_t size_limit)
    : server_(server), scope_(scope), effects_(effects), size_limit_(size_limit) {
  scope_.envelope->id = new_message_id();
  scope_.envelope->received = wall_now();
}

Reception::~Reception() {
  acl::remove_scan_files(scope_, effects_);
  if (scope_.headers == &headers_) scope_.headers = nullptr;
  if (scope_.dkim == &dkim_) scope_.dkim = nullptr;
  if (scope_.body == body_.get()) scope_.body = nullptr;
}

void Reception::store_failed(const Error& e) {
  failure_ = {452, "space shortage, please try later", false};
  if (e.sys_errno != ENOSPC && e.sys_errno != EDQUOT)
    failure_ = {451, "Temporary local problem - please try later", false};
  writer_.reset();
  body_buffer_.clear();
  memory_body_.clear();
  server_.log->write(log::kMain | log::kPanic, scope_.envelope->id,
                     fmt::format("spooling a message failed: {}", e.text));
}

void Reception::flush_body() {
  if (body_buffer_.empty() || failed()) return;
  body_size_ += body_buffer_.size();
  if (size_limit_ > 0 && static_cast<std::int64_t>(size()) > size_limit_) {
    failure_ = {552, std::string(kTooBig), false};
    writer_.reset();
    memory_body_.clear();
    memory_body_.shrink_to_fit();
  } else if (server_.store != nullptr && !deliver_instead) {
    if (writer_ == nullptr) writer_ = server_.store->new_body();
    if (auto st = writer_->write(body_buffer_); !st) return store_failed(st.error());
  } else {
    memory_body_ += body_buffer_;
  }
  body_buffer_.clear();
}

void Reception::end_header(bool blank_line) {
  in_header_ = false;
  if (ignore_from_line && (header_text_.starts_with("From ") || header_text_.starts_with(">From ")))
    header_text_.erase(0, header_text_.find('\n') + 1);
  // The first line that cannot be a header begins the body.
  const std::size_t used = mail::split_headers(header_text_, headers_);
  if (used < header_text_.size()) {
    body_buffer_ = header_text_.substr(used);
    if (body_buffer_.front() != '\n') {
      extra_body_lines_ = static_cast<std::uint64_t>(std::ranges::count(body_buffer_, '\n'));
      if (blank_line) {  // which belongs to the body then
        body_buffer_ += '\n';
        ++extra_body_lines_;
      }
    } else {
      body_buffer_.erase(0, 1);
    }
    header_text_.resize(used);
  }
}

void Reception::write(std::string_view bytes) {
  seen_ += bytes.size();
  if (failed()) return;
  if (in_header_) {
    if (bytes == "\n" && at_line_start_) return end_header(true);
    const auto& m = scope_.config->main;
    if (header_text_.size() + bytes.size() > static_cast<std::size_t>(m.header_maxsize)) {
      failure_ = {552, "Message header is ridiculously overlong", false};
      header_text_.clear();
      return;
    }
    header_text_ += bytes;
    at_line_start_ = bytes.back() == '\n';
    return;
  }
  body_buffer_ += bytes;
  if (body_buffer_.size() >= kBodyChunk) flush_body();
}

void Reception::log_rejection(std::string_view what, const acl::Outcome& o) {
  const std::string_view prefix = o.verdict == acl::Verdict::defer ? "temporarily rejected " : "rejected ";
  const int targets = o.log_targets;
  // A message that did not come by SMTP has no host to speak of.
  const bool by_smtp = scope_.from->is_smtp && scope_.from->protocol != "local-bsmtp";
  std::string line = by_smtp || !scope_.from->host_address.empty()
                         ? log::host_and_ident(*scope_.from, server_.log->selectors(), true)
                         : std::string();
  line += sender_fields(*scope_.envelope, *scope_.from);
  line = fmt::format("{} {}{}", trim_left(line), prefix, what);
  if (!o.log_message.empty()) line += ": " + printable(o.log_message);
  write_rejection(targets, line);
}

void Reception::write_rejection(int targets, const std::string& line) {
  const std::string& id = scope_.envelope->id;
  const bool whole = (targets & log::kReject) != 0 && server_.log->on(log::Selector::rejected_header);
  server_.log->write(whole ? targets & ~log::kReject : targets, id, line);
  if (!whole) return;
  std::string text = line + fmt::format("\nEnvelope-from: <{}>\n", printable(scope_.envelope->sender));
  for (std::size_t i = 0; i < scope_.envelope->recipients.size() && text.size() < kRejectedHeaders; ++i)
    text +=
        fmt::format("{}<{}>\n", i == 0 ? "Envelope-to: " : "    ", printable(scope_.envelope->recipients[i].address));
  for (const auto& h : headers_.all()) {
    if (text.size() > kRejectedHeaders) break;
    text += fmt::format("{} {}", h.type, h.text);
  }
  while (text.ends_with('\n')) text.pop_back();
  server_.log->write(log::kReject, id, text);
}

void Reception::apply_header_changes() {
  Instant began = monotonic_now();
  for (; removals_applied_ < effects_.remove_headers.size(); ++removals_applied_) {
    const std::string& name = effects_.remove_headers[removals_applied_];
    headers_.remove(name);
    if (removals_applied_ % 16 == 15) yield_when_due(began);
  }
  effects_.removed_names.clear();  // what is removed from now on is asked for anew
  for (; headers_applied_ < effects_.add_headers.size(); ++headers_applied_) {
    headers_.add(effects_.add_headers[headers_applied_].text, effects_.add_headers[headers_applied_].where);
    if (headers_applied_ % 16 == 15) yield_when_due(began);
  }
}

void Reception::fix_and_rewrite() {
  mail::Envelope& env = *scope_.envelope;
  remove_delivery_headers(scope_);
  lang::Rewriter rewriter(scope_, scope_.config->rewrite);
  for (auto& r : env.recipients) {
    raw_recipients_.push_back(r.address);
    r.address = rewriter.address(r.address, lang::RewriteField::env_to);
  }
  local_fixups(scope_, effects_, server_.primary_hostname);
  lang::rewrite_sender(scope_, env);
  rewriter.headers(headers_, header_sender_domain, header_recipient_domain);
}

Reply Reception::judge(acl::Hook hook, bool& stop) {
  stop = true;
  mail::Envelope& env = *scope_.envelope;
  const auto& m = scope_.config->main;
  if (static_cast<std::int64_t>(headers_.find_all("Received").size()) > m.received_headers_max) {
    acl::Outcome o;
    o.log_message = "Too many \"Received\" headers";
    log_rejection("after DATA", o);
    return {550, "Too many \"Received\" headers - suspected mail loop", false};
  }
  if (m.header_line_maxsize > 0)
    for (const auto& h : headers_.all())
      if (static_cast<std::int64_t>(h.text.size()) > m.header_line_maxsize)
        return {552, "A message header line is too long", false};
  if (hook == acl::Hook::data)
    if (Reply r = verify_dkim(stop); stop) return r;  // over the headers as they came
  stop = true;
  id_created_ = headers_.find("Message-ID") == nullptr;
  fix_and_rewrite();
  if (const auto* id = headers_.find("Message-ID"); id != nullptr) {
    std::string_view v = trim(id->value());
    if (!v.empty() && v.front() == '<') v.remove_prefix(1);
    env.user_message_id = std::string(v.substr(0, v.find('>')));
  }
  if (env.recipients.size() == 1) scope_.extra["received_for"] = env.recipients.front().address;
  add_received_header(scope_, server_.primary_hostname);
  scope_.extra.erase("received_for");
  apply_header_changes();
  env.size = headers_.size_bytes() + (body_ ? body_->size() : 0) + 1;

  // The manual, chapter "Access control lists": with no recipients left no ACL looks at the message.
  if (env.recipients.empty() && !discarded_by.empty()) {
    stop = false;
    return {250, {}, false};
  }
  if (hook == acl::Hook::data) {
    Reply r = dkim_acl(stop);
    if (stop) return r;
    stop = true;
  }
  bool discarded = false;
  if (Reply r = mime_acl(hook, stop, discarded); stop) return r;
  apply_header_changes();
  if (discarded) return {250, {}, false};
  if (Reply r = prdr_acl(stop); stop) return r;
  apply_header_changes();
  if (env.recipients.empty() && discarded_by == "PRDR") return {250, {}, false};
  stop = true;
  scope_.headers_added.clear();
  const lang::Expansion& option = hook == acl::Hook::data ? m.acl_smtp_data : m.acl_not_smtp;
  const acl::Outcome o = acl::run_hook(hook, option, scope_, effects_);
  if (o.verdict != acl::Verdict::accept && o.verdict != acl::Verdict::discard) {
    log_rejection(hook == acl::Hook::data ? "after DATA" : "by non-SMTP ACL", o);
    return reply_from_acl(o, 250, "OK", *server_.log);
  }
  apply_header_changes();
  stop = false;
  if (o.verdict == acl::Verdict::discard) discard(hook == acl::Hook::data ? "DATA" : "non-SMTP", o);
  Reply ok{250, {}, false};
  if (!o.user_message.empty()) ok = reply_from_acl(o, 250, "", *server_.log);
  return ok;
}

void Reception::discard(std::string_view by, const acl::Outcome& o) {
  if (scope_.envelope->recipients.empty()) return;
  discarded_by = by;
  discard_text_ = o.log_message;
  scope_.envelope->recipients.clear();
}

std::string Reception::arrival_text() {
  const mail::Envelope& env = *scope_.envelope;
  log::ArrivalExtras extras;
  if (const auto* s = headers_.find("Subject"); s != nullptr) extras.subject = std::string(trim(s->value()));
  if (const auto it = scope_.extra.find("message_reference"); it != scope_.extra.end()) extras.bounced_id = it->second;
  if (env.raw_sender) extras.raw_sender = &*env.raw_sender;
  extras.raw_recipients = &raw_recipients_;
  extras.id_created = id_created_;
  extras.pipelining = pipelining;
  std::string arrival = log::arrival_line(env, server_.log->selectors(), extras);
  if (effects_.fakereject && arrival.starts_with("<=")) arrival[0] = '(';
  if (const auto size = arrival.find(" S="); size != std::string::npos)
    arrival.insert(size, fmt::format("{}{}", prdr_ ? " PRDR" : "", chunked ? " K" : ""));
  return arrival;
}

Reply Reception::keep(acl::Hook hook) {
  mail::Envelope& env = *scope_.envelope;
  const WallTime now = wall_now();
  env.received_complete_us = (now - env.received).count();
  env.size = headers_.size_bytes() + (body_ ? body_->size() : 0) + 1;
  if (scope_.acl_c != nullptr) env.acl_c = *scope_.acl_c;
  if (scope_.acl_m != nullptr) env.acl_m = *scope_.acl_m;
  if (effects_.utf8_downconvert) env.saved["utf8_downconvert"] = std::to_string(*effects_.utf8_downconvert);
  env.from = *scope_.from;
  if (env.from.proxy_session) {
    env.saved["proxy_session"] = "yes";
    env.saved["proxy_local_address"] = env.from.proxy_local_address;
    env.saved["proxy_local_port"] = std::to_string(env.from.proxy_local_port);
    env.saved["proxy_external_address"] = env.from.proxy_external_address;
    env.saved["proxy_external_port"] = std::to_string(env.from.proxy_external_port);
  }
  if (scope_.session != nullptr && !scope_.session->tls_peercert.empty())
    env.saved["tls_in_peercert"] = scope_.session->tls_peercert;
  if (effects_.freeze) mail::freeze(env, wall_seconds(), "by an ACL");
  store::StoredMessage msg{env, headers_, body_};
  if (deliver_instead) return deliver_instead(std::move(msg));

  if (Reply through; cut_through(hook, msg, through)) return through;
  const std::string arrival = arrival_text();
  if (env.recipients.empty()) {
    server_.log->write(log::kMain, env.id, arrival);
    server_.log->write(
        log::kMain, env.id,
        fmt::format("=> blackhole ({} ACL discarded recipients){}{}", discarded_by.empty() ? "RCPT" : discarded_by,
                    discard_text_.empty() ? "" : ": ", printable(discard_text_)));
    server_.log->write(log::kMain, env.id, "Completed");
    return {250, "OK id=" + env.id, false};
  }
  if (server_.store != nullptr) {
    if (auto st = server_.store->insert(msg); !st) {
      store_failed(st.error());
      return failure_;
    }
  }
  server_.log->write(log::kMain, env.id, arrival);
  if (env.frozen) server_.log->write(log::kMain, env.id, "frozen by ACL");
  if (effects_.queue_only) server_.log->write(log::kMain, env.id, "no immediate delivery: queued by ACL");
  if (leave_queued.empty()) {
    bool once = false;
    auto queueing =
        queueing_on_arrival(scope_.config->main, load_latch != nullptr ? *load_latch : once, override_queueing);
    leave_queued = queueing.reason;
    waits = queueing.waits;
  }
  if (!leave_queued.empty()) server_.log->write(log::kMain, env.id, "no immediate delivery: " + leave_queued);
  waits = waits || effects_.queue_only || env.frozen || !leave_queued.empty();
  if (server_.store != nullptr && server_.accepted) server_.accepted(std::move(msg), waits);
  Reply ok{250, "OK id=" + env.id, false};
  if (effects_.fakereject || effects_.fakedefer) {
    ok.code = effects_.fakereject ? 550 : 450;
    ok.text = !effects_.fake_message.empty() ? effects_.fake_message
                                             : fmt::format(
                                                   "Your message has been {} but is being kept for evaluation.\nIf it "
                                                   "was a legitimate message, it may still be "
                                                   "delivered to the target\nrecipient(s).",
                                                   effects_.fakereject ? "rejected" : "deferred");
  }
  (void)hook;
  return ok;
}

Reply Reception::complete(const DataReader& data, acl::Hook hook) {
  if (in_header_) end_header(false);
  flush_body();
  if (!failed()) {
    if (writer_ != nullptr) {
      auto b = writer_->finish();
      if (!b)
        store_failed(b.error());
      else
        body_ = std::move(*b);
      writer_.reset();
    } else {
      body_ = mail::Body::from_string(std::move(memory_body_));
    }
  }
  if (failed()) {
    if (failure_.code == 552 && failure_.text == kTooBig) {
      scope_.headers = &headers_;
      local_fixups(scope_, effects_, server_.primary_hostname);
      if (server_.log->on(log::Selector::size_reject))
        write_rejection(
            log::kMain | log::kReject,
            fmt::format("rejected from <{}> {}: message too big: read={} max={}", printable(scope_.envelope->sender),
                        log::host_and_ident(*scope_.from, server_.log->selectors(), true), seen_, size_limit_));
    } else if (failure_.code == 552) {
      acl::Outcome o;
      o.log_message = failure_.text;
      log_rejection("after DATA", o);
    }
    return failure_;
  }
  header_text_.clear();
  header_text_.shrink_to_fit();
  mail::Envelope& env = *scope_.envelope;
  env.body_lines = data.body_lines() + extra_body_lines_;
  env.body_zeros = data.body_zeros();
  env.max_line = data.longest_line();
  env.body_8bit = data.has_8bit();
  scope_.headers = &headers_;
  scope_.body = body_.get();
  if (on_headers)
    if (auto st = on_headers(headers_); !st) return {554, st.error().text, false};
  bool stop = false;
  Reply r = judge(hook, stop);
  if (stop) return r;
  Reply kept = keep(hook);
  if (prdr_ && kept.code == 250)
    kept.text = fmt::format("id={} message accepted{}", env.id, prdr_lost_ ? " for some recipients" : "");
  return kept.code == 250 && !r.text.empty() ? r : kept;
}

}  // namespace remex::smtp
