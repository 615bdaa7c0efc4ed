// Applying rewriting rules; see rewrite.h. A broken expansion or result stops rewriting of that address, logged.
#include "lang/rewrite.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/strings.h"
#include "core/mail/address_items.h"
#include "core/mail/rfc2047.h"
#include "lang/config.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

constexpr int kMaxRepeats = 11;            ///< of a rule with R: once, and ten times more
constexpr std::size_t kMaxLineWidth = 78;  ///< RFC 5322 2.1.1; a replacement that passes it starts a new line

constexpr std::string_view kFieldNames[] = {
    "sender:", "from:", "to:", "cc:", "bcc:", "reply-to:", "env-from", "env-to"};

bool is_envelope(RewriteField f) { return f == RewriteField::env_from || f == RewriteField::env_to; }

const std::string& recipient_domain_of(const Config& c) {
  return c.main.qualify_recipient.empty() ? c.main.primary_hostname : c.main.qualify_recipient;
}

/// $local_part and $domain are the address being rewritten, case kept; all is put back at the end.
class AddressInScope {
 public:
  AddressInScope(Scope& scope, const std::string& address) : scope_(scope), old_(scope.address), captures_(scope) {
    const mail::Address a = mail::split_address(address);
    state_.address = address;
    state_.local_part = state_.cased_local_part = a.local_part;
    state_.domain = a.domain;
    scope.address = &state_;
  }
  ~AddressInScope() { scope_.address = old_; }
  AddressInScope(const AddressInScope&) = delete;
  AddressInScope& operator=(const AddressInScope&) = delete;

 private:
  Scope& scope_;
  AddressState* old_;
  SavedCaptures captures_;
  AddressState state_;
};

bool wants_encoding(std::string_view s) {
  return std::any_of(s.begin(), s.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u > 126 || (u < 32 && c != '\t');
  });
}

/// The complete mailbox of a `w` rule, fit for a header: what is outside the angle brackets encoded when it must be.
std::string printable_mailbox(std::string text, const std::string& charset) {
  const std::size_t open = text.rfind('<');
  if (open == std::string::npos) return text;
  const std::size_t close = text.find('>', open);
  std::string before(trim(std::string_view(text).substr(0, open)));
  std::string after = close == std::string::npos ? std::string() : text.substr(close + 1);
  if (wants_encoding(before)) before = mail::encode_rfc2047(before, charset);
  if (wants_encoding(after)) after = " " + mail::encode_rfc2047(trim(after), charset);
  const std::string spec = text.substr(open, close == std::string::npos ? close : close + 1 - open);
  return before + (before.empty() ? "" : " ") + spec + after;
}

}  // namespace

std::string_view field_name(RewriteField f) { return kFieldNames[static_cast<std::size_t>(f)]; }

std::optional<RewriteField> rewrite_field(char type) {
  switch (type) {
    case 'B': return RewriteField::bcc;
    case 'C': return RewriteField::cc;
    case 'F': return RewriteField::from;
    case 'R': return RewriteField::reply_to;
    case 'S': return RewriteField::sender;
    case 'T': return RewriteField::to;
    default: return std::nullopt;
  }
}

void rewrite_sender(Scope& scope, mail::Envelope& envelope) {
  if (envelope.raw_sender) return;
  envelope.raw_sender = envelope.sender;
  envelope.sender = Rewriter(scope, scope.config->rewrite).address(envelope.sender, RewriteField::env_from);
}

void Rewriter::complain(const std::string& text) {
  if (scope_.services != nullptr) scope_.services->log(LogTarget::main_log | LogTarget::panic_log, log_prefix + text);
}

void Rewriter::report(const std::string& before, std::string_view where, std::string_view after, std::size_t rule) {
  if (scope_.services != nullptr)
    scope_.services->log(LogTarget::main_log | LogTarget::address_rewrite,
                         fmt::format("{}\"{}\" from {} rewritten as \"{}\" by rule {}", log_prefix, printable(before),
                                     where, printable(after), rule));
}

// The expanded replacement becomes the address. False: it is none, and rewriting stops.
bool Rewriter::take_replacement(const RewriteRule& rule, const std::string& text, RewriteField field, Result& now) {
  const auto bad = [&](std::string_view why) {
    complain(fmt::format("Rewrite of {} yielded {}", printable(now.address), why));
    return false;
  };
  auto items = mail::address_items(text);
  if (items.size() != 1 || !items[0].error.empty()) {
    const std::string why = items.empty()       ? std::string("empty address")
                            : items.size() != 1 ? std::string("more than one address")
                                                : items[0].error;
    return bad(fmt::format("unparseable address: {} in address {}", why, printable(text)));
  }
  mail::Address made = items[0].address;
  if (made.domain.empty()) {
    if (!rule.unqualified_ok) return bad(fmt::format("unqualified address \"{}\"", printable(text)));
    made.domain = recipient_domain_of(*scope_.config);
  }
  const std::string fresh = made.str();
  if (rule.whole && !is_envelope(field)) {
    now.whole = text;
    std::replace_if(now.whole.begin(), now.whole.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    if (items[0].address.domain.empty())
      now.whole.replace(items[0].spec_begin, items[0].spec_end - items[0].spec_begin, fresh);
  } else if (!now.whole.empty()) {  // an earlier rule made the phrase: it stays
    if (const auto old = mail::address_items(now.whole); old.size() == 1)
      now.whole.replace(old[0].spec_begin, old[0].spec_end - old[0].spec_begin, fresh);
  }
  now.address = fresh;
  return true;
}

Rewriter::Step Rewriter::apply_rule(const RewriteRule& rule, std::size_t number, RewriteField field, Result& now) {
  const AddressInScope in_scope(scope_, now.address);
  auto matched = rule.pattern.match(scope_, Text::tainted(now.address), {.caseful = true});
  if (!matched) {
    if (matched.error().kind != ErrorKind::forced_fail)
      complain(fmt::format("\"{}\" could not be matched while rewriting: {}", rule.pattern_text, matched.error().text));
    return Step::next;
  }
  if (!matched->matched) return Step::next;
  if (!rule.replacement.is_set()) return Step::stop;
  auto text = rule.replacement.eval(scope_);
  if (!text && text.error().kind == ErrorKind::forced_fail) return rule.quit ? Step::stop : Step::next;
  if (!text) {
    complain(
        fmt::format("Expansion of {} failed while rewriting: {}", rule.replacement.source_text(), text.error().text));
    return Step::stop;
  }
  const std::string before = now.address;
  if (!take_replacement(rule, text->str(), field, now)) return Step::stop;
  report(before, field_name(field), rule.unqualified_ok ? now.address : text->str(), number);
  return Step::again;
}

Rewriter::Result Rewriter::apply(const std::string& address, RewriteField field) {
  Result now{address, {}};
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const RewriteRule& rule = rules_[i];
    if (!rule.in(field)) continue;
    bool rewritten = false;
    for (int round = 0; round < (rule.repeat ? kMaxRepeats : 1); ++round) {
      const Step step = apply_rule(rule, i + 1, field, now);
      if (step == Step::stop) return now;
      if (step == Step::next) break;
      rewritten = true;
    }
    if (rewritten && rule.quit) return now;
  }
  return now;
}

std::string Rewriter::address(const std::string& address, RewriteField field) {
  if (rules_.empty() || address.empty()) return address;
  return apply(address, field).address;
}

std::string Rewriter::smtp_path(const std::string& path, bool sender) {
  std::string now = path;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const RewriteRule& rule = rules_[i];
    if (!rule.smtp) continue;
    bool rewritten = false;
    for (int round = 0; round < (rule.repeat ? kMaxRepeats : 1); ++round) {
      const SavedCaptures saved(scope_);
      auto matched = rule.pattern.match(scope_, Text::tainted(now), {.caseful = true});
      if (!matched || !matched->matched) break;
      if (!rule.replacement.is_set()) return now;
      auto text = rule.replacement.eval(scope_);
      if (!text && text.error().kind == ErrorKind::forced_fail && !rule.quit) break;
      if (!text) {
        if (text.error().kind != ErrorKind::forced_fail)
          complain(fmt::format("Expansion of {} failed while rewriting: {}", rule.replacement.source_text(),
                               text.error().text));
        return now;
      }
      report(now, sender ? "smtp sender" : "smtp recipient", text->view(), i + 1);
      now = text->str();
      rewritten = true;
    }
    if (rewritten && rule.quit) break;
  }
  return now;
}

std::optional<std::string> Rewriter::header(const mail::Header& h, std::string_view sender_domain,
                                            std::string_view recipient_domain) {
  const auto field = rewrite_field(h.type);
  if (!field) return std::nullopt;
  const bool senders =
      *field == RewriteField::sender || *field == RewriteField::from || *field == RewriteField::reply_to;
  const std::string_view domain = senders ? sender_domain : recipient_domain;
  const auto mine = [&](const RewriteRule& r) { return r.in(*field); };
  if (domain.empty() && std::none_of(rules_.begin(), rules_.end(), mine)) return std::nullopt;
  const std::string_view value = h.value();
  const auto value_at = static_cast<std::size_t>(value.data() - h.text.data());
  std::string out;
  std::size_t copied = 0;
  bool changed = false, told = false;
  for (const mail::AddressItem& item : mail::address_items(value)) {
    if (!item.error.empty()) {
      // A stranger's address, not the operator's mistake: not for the panic log, and a header gets one line.
      if (!rules_.empty() && !told && scope_.services != nullptr)
        scope_.services->log(static_cast<int>(LogTarget::main_log),
                             fmt::format("{}rewrite: {}", log_prefix, item.error));
      told = true;
      continue;
    }
    if (item.address.domain.empty() && domain.empty()) continue;
    std::string now = item.address.str();
    if (item.address.domain.empty()) now += fmt::format("@{}", domain);
    const std::string before = now;
    Result r = rules_.empty() ? Result{now, {}} : apply(now, *field);
    if (r.whole.empty() && r.address == before && !item.address.domain.empty()) continue;
    changed = true;
    const bool whole = !r.whole.empty();
    const std::string text = whole ? printable_mailbox(r.whole, scope_.config->main.headers_charset) : r.address;
    const std::size_t begin = value_at + (whole ? item.begin : item.spec_begin);
    const std::size_t end = value_at + (whole ? item.end : item.spec_end);
    out.append(h.text, copied, value_at + item.begin - copied);
    const std::size_t width = out.size() - (out.rfind('\n') == std::string::npos ? 0 : out.rfind('\n') + 1);
    const std::size_t mailbox = text.size() + (whole ? 0 : item.end - item.begin - (end - begin));
    if (const std::string_view so_far = trim_right(out); width + mailbox > kMaxLineWidth && so_far.ends_with(',')) {
      out.resize(so_far.size());
      out += "\n\t";
    }
    out.append(h.text, value_at + item.begin, begin - (value_at + item.begin));
    out += text;
    copied = end;
  }
  if (!changed) return std::nullopt;
  out.append(h.text, copied);
  return out;
}

void Rewriter::headers(mail::HeaderList& list, std::string_view sender_domain, std::string_view recipient_domain) {
  if (rules_.empty() && sender_domain.empty() && recipient_domain.empty()) return;
  for (mail::Header& h : list.all())
    if (auto text = header(h, sender_domain, recipient_domain)) h.text = std::move(*text);
}

}  // namespace remex::lang
