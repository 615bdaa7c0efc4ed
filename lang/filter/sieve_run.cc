// Obeys Sieve scripts; see sieve_run.h. A script with a mistake keeps the message (RFC 5228 2.10.6) and does nothing
// else.
//
// vacation (RFC 5230) and notify (RFC 5435, 5436) answer no lists, no robots, no bounces and nobody who did not write
// to the user; the autoreply transport remembers who was answered.
#include "lang/filter/sieve_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "core/mail/address_items.h"
#include "core/mail/rfc2047.h"
#include "lang/filter/sieve.h"

namespace remex::lang::filter {
namespace sieve {
namespace {

/// FNV-1a: a name for the memory of one vacation text.
std::string digest(std::string_view s) {
  std::uint64_t h = 0xcbf29ce484222325U;
  for (const char c : s) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return fmt::format("{:016x}", h);
}

bool is_robot(std::string_view sender) {
  const std::string local = to_lower(mail::split_address(sender).local_part);
  for (const std::string_view name : {"mailer-daemon", "listserv", "majordomo", "postmaster", "root"})
    if (local == name) return true;
  return local.starts_with("owner-") || local.ends_with("-request") || local.ends_with("-owner") ||
         local.ends_with("-bounces");
}

/// One line for a header: encoded when it must be.
std::string header_text(std::string_view s) {
  std::string line;
  for (const char c : s) line += c == '\n' || c == '\r' ? ' ' : c;
  const bool plain = std::all_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 128; });
  return plain ? line : mail::encode_rfc2047(line, "UTF-8");
}

}  // namespace

std::string Runner::own_address() const {
  const AddressState* a = scope_.address;
  return a == nullptr ? std::string() : a->cased_local_part + "@" + a->domain;
}

void Runner::file(const std::string& folder) {
  if (!done_.insert("f" + folder).second) return;
  Action a;
  a.kind = Action::Kind::file;
  a.target = folder;
  out_.actions.push_back(std::move(a));
}

void Runner::keep() {
  file(opt_.inbox);
  implicit_keep_ = false;
}

void Runner::redirect(const Command& c) {
  if (!c.copy) implicit_keep_ = false;
  if (!done_.insert("r" + c.target).second) return;
  Action a;
  a.target = c.target;
  out_.actions.push_back(std::move(a));
}

/// RFC 5230 4.5, 4.6.
bool Runner::answers(const Command& c) const {
  if (scope_.headers == nullptr || scope_.envelope == nullptr) return false;
  const std::string& sender = scope_.envelope->sender;
  if (sender.empty() || is_robot(sender)) return false;
  const auto& h = *scope_.headers;
  for (const char* name :
       {"List-Id", "List-Help", "List-Subscribe", "List-Unsubscribe", "List-Post", "List-Owner", "List-Archive"})
    if (h.find(name) != nullptr) return false;
  if (const auto* automatic = h.find("Auto-Submitted");
      automatic != nullptr && !iequals(trim(automatic->value()), "no"))
    return false;
  if (const auto* p = h.find("Precedence")) {
    const std::string value = to_lower(trim(p->value()));
    if (value == "bulk" || value == "list" || value == "junk") return false;
  }
  std::vector<std::string> own = c.addresses;
  own.push_back(own_address());
  for (const AddressState* a = scope_.address; a != nullptr; a = a->parent) own.push_back(a->address);
  for (const std::string& o : own)
    if (iequals(o, sender)) return false;
  for (const char* name : {"To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"})
    for (const auto* line : h.find_all(name))
      for (const auto& item : mail::address_items(line->value()))
        for (const std::string& o : own)
          if (spend(1) && item.error.empty() && iequals(item.address.str(), trim(o))) return true;
  return false;
}

void Runner::vacation(const Command& c) {
  if (std::exchange(answered_, true)) {
    trouble_ = fmt::format("trying to execute vacation more than once in line {}", c.line);
    return;
  }
  if (!answers(c)) return;
  Action a;
  a.kind = Action::Kind::reply;
  a.ignore_errors = true;
  Reply& r = a.reply;
  r.to = a.target = scope_.envelope->sender;
  r.from = c.from.empty() ? own_address() : c.from;
  const auto* subject = scope_.headers->find("Subject");
  r.subject = !c.subject.empty()   ? header_text(c.subject)
              : subject != nullptr ? "Auto: " + header_text(trim(subject->value()))
                                   : "Automated reply";
  r.text = c.target;
  r.headers = "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit";
  if (c.mime) {
    mail::HeaderList parts;
    const std::string all = replace_all(c.target, "\r\n", "\n");
    const std::size_t body = mail::split_headers(all, parts);
    r.headers = "MIME-Version: 1.0\n" + parts.raw();
    r.text = all.substr(body);
  }
  r.once_repeat = c.days * 86400;
  const std::string handle =
      c.handle.empty() ? c.subject + "\n" + c.from + "\n" + (c.mime ? "m" : "") + c.target : c.handle;
  r.once = opt_.vacation_directory + "/" + digest(handle);
  r.make_directory = true;
  out_.actions.push_back(std::move(a));
}

void Runner::notify(const Command& c) {
  const auto method = parse_mailto(c.target);
  if (!method || scope_.headers == nullptr || scope_.envelope == nullptr || scope_.envelope->sender.empty()) return;
  if (const auto* automatic = scope_.headers->find("Auto-Submitted");
      automatic != nullptr && !iequals(trim(automatic->value()), "no"))
    return;
  if (!done_.insert("n" + c.target).second) return;
  Action a;
  a.kind = Action::Kind::reply;
  a.ignore_errors = true;
  Reply& r = a.reply;
  r.to = a.target = method->to;
  r.from = !c.from.empty() ? c.from : !opt_.notify_owner.empty() ? opt_.notify_owner : own_address();
  const auto* from = scope_.headers->find("From");
  r.subject = !c.message.empty()         ? header_text(c.message)
              : !method->subject.empty() ? header_text(method->subject)
              : from != nullptr          ? "New message from " + header_text(trim(from->value()))
                                         : "New message";
  r.headers = fmt::format(
      "Auto-Submitted: auto-notified; owner-email=\"{}\"\nMIME-Version: 1.0\n"
      "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit",
      opt_.notify_owner.empty() ? own_address() : opt_.notify_owner);
  r.text = method->body;
  out_.actions.push_back(std::move(a));
}

void Runner::obey(const Command& c) {
  switch (c.kind) {
    case CommandKind::keep: keep(); return;
    case CommandKind::discard: implicit_keep_ = false; return;
    case CommandKind::stop: stopped_ = true; return;
    case CommandKind::redirect: redirect(c); return;
    case CommandKind::vacation: vacation(c); return;
    case CommandKind::notify: notify(c); return;
    case CommandKind::fileinto:
      if (!c.copy) implicit_keep_ = false;
      file(c.target);
      return;
    case CommandKind::if_:
      for (std::size_t i = 0; i < c.tests.size() && budget_ >= 0; ++i)
        if (holds(c.tests[i]) && budget_ >= 0) return block(c.blocks[i]);
  }
}

void Runner::block(const Script& script) {
  for (const Command& c : script) {
    if (stopped_ || !trouble_.empty()) return;
    obey(c);
    if (budget_ < 0) trouble_ = fmt::format("the script takes too long in line {}", c.line);
  }
}

void Runner::run(const Script& script) { block(script); }

}  // namespace sieve

void run_sieve(std::string_view text, Scope& scope, const Options& options, Outcome& out) {
  const auto script = sieve::parse(text, {options.has_vacation, options.has_notify});
  sieve::Runner runner(scope, options, out);
  out.significant = true;
  if (script) runner.run(*script);
  out.text = script ? runner.trouble() : script.error().text;
  if (!out.text.empty()) {  // as if there were no script
    out.actions.clear();
    sieve::Runner(scope, options, out).keep();
    return;
  }
  if (options.testing && options.print && out.text.empty())
    options.print(runner.keeps() ? "Implicit keep\n" : "No implicit keep\n");
  if (runner.keeps()) runner.keep();
}

}  // namespace remex::lang::filter
