// See fixups.h.

#include "core/smtp/fixups.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/mail/address.h"

namespace remex::smtp {

void add_received_header(lang::Scope& scope, const std::string& primary_hostname) {
  const lang::Expansion& option = scope.config->main.received_header_text;
  std::string text;
  if (option.is_set()) {
    auto v = option.eval(scope);
    if (v) {
      text = std::move(*v).str();
      if (text.empty()) return;  // an empty value means no Received: line
    } else {
      scope.services->log(lang::LogTarget::main_log | lang::LogTarget::panic_log,
                          fmt::format("expansion of \"received_header_text\" failed: {}", v.error().text));
    }
  }
  if (text.empty()) text = fmt::format("Received: by {}\n\tid {}", primary_hostname, scope.envelope->id);
  while (!text.empty() && is_space(text.back())) text.pop_back();
  text += ";\n\t" + rfc5322_date(scope.envelope->received) + "\n";
  scope.headers->add(std::move(text), mail::Where::at_start);
}

void remove_delivery_headers(lang::Scope& scope) {
  const auto& m = scope.config->main;
  if (m.return_path_remove) scope.headers->remove("Return-path");
  if (m.delivery_date_remove) scope.headers->remove("Delivery-date");
  if (m.envelope_to_remove) scope.headers->remove("Envelope-to");
}

const std::string& qualify_domain(const lang::Config& config, const std::string& primary_hostname) {
  return config.main.qualify_domain.empty() ? primary_hostname : config.main.qualify_domain;
}

const std::string& qualify_recipient(const lang::Config& config, const std::string& primary_hostname) {
  return config.main.qualify_recipient.empty() ? qualify_domain(config, primary_hostname)
                                               : config.main.qualify_recipient;
}

namespace {

std::string message_id_header(lang::Scope& scope, const std::string& host) {
  std::string domain = host, extra;
  const auto& m = scope.config->main;
  if (m.message_id_header_domain.is_set())
    if (auto v = m.message_id_header_domain.eval(scope); v && !v->empty()) {
      domain.clear();
      for (const char c : v->view())
        if (is_alnum(c) || c == '.' || c == '-') domain += c;
    }
  if (m.message_id_header_text.is_set())
    if (auto v = m.message_id_header_text.eval(scope); v && !v->empty()) {
      extra = ".";
      for (const char c : v->view())
        extra += is_alnum(c) || std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos ? c : '-';
    }
  return fmt::format("Message-Id: <E{}{}@{}>\n", scope.envelope->id, extra, domain);
}

/// "Full Name <address>" with the name quoted when it needs to be.
std::string named_address(const std::string& name, const std::string& address) {
  if (name.empty()) return address;
  bool plain = true;
  for (const char c : name)
    plain = plain && (is_alnum(c) || std::string_view(" !#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos ||
                      static_cast<unsigned char>(c) >= 128);
  std::string phrase;
  if (plain) {
    phrase = name;
  } else {
    phrase = "\"";
    for (const char c : name) {
      if (c == '"' || c == '\\') phrase += '\\';
      if (c != '\n' && c != '\r') phrase += c;
    }
    phrase += '"';
  }
  return phrase + " <" + address + ">";
}

/// The address of From: is the owner's, perhaps with local_from_prefix and local_from_suffix around the local part.
bool is_owner(const lang::Scope& scope, const std::string& address, const std::string& owner) {
  if (iequals(address, owner)) return true;
  const mail::Address have = mail::split_address(address), want = mail::split_address(owner);
  if (!iequals(have.domain, want.domain)) return false;
  const auto& m = scope.config->main;
  std::string_view local = have.local_part;
  const auto wild = [](std::string_view pattern, std::string_view text, bool front) {
    // "*-": anything ending in "-" (front); the longest stretch that leaves the rest to be compared.
    if (!pattern.starts_with('*') && !pattern.ends_with('*'))
      return (front ? text.starts_with(pattern) : text.ends_with(pattern)) ? pattern.size() : std::string_view::npos;
    const std::string_view fixed = front ? pattern.substr(1) : pattern.substr(0, pattern.size() - 1);
    const std::size_t at = front ? text.rfind(fixed) : text.find(fixed);
    if (at == std::string_view::npos) return at;
    return front ? at + fixed.size() : text.size() - at;
  };
  if (!m.local_from_prefix.empty())
    if (const auto n = wild(m.local_from_prefix, local, true); n != std::string_view::npos) local.remove_prefix(n);
  if (!m.local_from_suffix.empty())
    if (const auto n = wild(m.local_from_suffix, local, false); n != std::string_view::npos) local.remove_suffix(n);
  return iequals(local, want.local_part);
}

}  // namespace

namespace {

/// What from_fixups() adds; Resent- headers come first in the message, others last.
void from_fixups(lang::Scope& scope, const acl::Effects& effects, const std::string& primary_hostname,
                 const std::string& prefix, mail::Where where, bool local);

}  // namespace

void local_fixups(lang::Scope& scope, const acl::Effects& effects, const std::string& primary_hostname) {
  const bool local = scope.from->is_local && scope.from->host_address.empty() && !effects.suppress_local_fixups;
  if (!local && !effects.submission) return;
  mail::HeaderList& h = *scope.headers;
  const mail::Envelope& env = *scope.envelope;
  const bool resent = h.find("Resent-From") != nullptr || h.find("Resent-To") != nullptr ||
                      h.find("Resent-Sender") != nullptr || h.find("Resent-Date") != nullptr;
  const std::string prefix = resent ? "Resent-" : "";
  const mail::Where where = resent ? mail::Where::at_start : mail::Where::at_end;
  if (h.find(prefix + "Message-ID") == nullptr) h.add(prefix + message_id_header(scope, primary_hostname), where);
  from_fixups(scope, effects, primary_hostname, prefix, where, local);
  if (h.find(prefix + "Date") == nullptr) h.add(prefix + "Date: " + rfc5322_date(env.received) + "\n", where);
}

namespace {

void from_fixups(lang::Scope& scope, const acl::Effects& effects, const std::string& primary_hostname,
                 const std::string& prefix, mail::Where where, bool local) {
  mail::HeaderList& h = *scope.headers;
  mail::Envelope& env = *scope.envelope;
  // Who the message is really from: the authenticated submitter, or the local caller.
  std::string owner = env.sender, name;
  if (effects.submission && !scope.from->authenticated_id.empty()) {
    owner = scope.from->authenticated_id;
    if (owner.find('@') == std::string::npos)
      owner += "@" + (effects.submission_domain.empty() ? qualify_domain(*scope.config, primary_hostname)
                                                        : effects.submission_domain);
    name = effects.submission_name;
  } else if (local && !env.login.empty()) {
    owner = env.login + "@" + qualify_domain(*scope.config, primary_hostname);
    name = scope.extra["originator_name"];
  }
  const bool authenticated = effects.submission && !scope.from->authenticated_id.empty();
  const bool check = effects.submission ? authenticated && !effects.submission_sender_retain
                                        : scope.config->main.local_from_check && !env.login.empty() &&
                                              scope.extra["trusted_caller"] != "1";
  // The envelope is the submitter's whatever the headers say, or lack.
  if (effects.submission && check && !env.sender.empty()) env.sender = owner;
  const mail::Header* from = h.find(prefix + "From");
  if (from == nullptr) {
    if (!env.sender.empty() || effects.submission)
      h.add(
          prefix + "From: " + named_address(name, env.sender.empty() || effects.submission ? owner : env.sender) + "\n",
          where);
    return;
  }
  // As sendmail does it: just the caller's login name becomes the full address with the full name (manual 47.11).
  if (!effects.submission && !scope.from->is_smtp && !env.login.empty() && trim(from->value()) == env.login) {
    h.remove(prefix + "From");
    h.add(prefix + "From: " + named_address(name, owner) + "\n", where);
    return;
  }
  // RFC 6409 8.1: add Sender: when From: is not the submitter.
  if (!check) return;
  if (effects.submission || !scope.config->main.local_sender_retain) h.remove(prefix + "Sender");
  const auto all = h.find_all(prefix + "From");
  const bool honest = std::ranges::all_of(
      all, [&](const mail::Header* f) { return is_owner(scope, mail::extract_address(f->value()), owner); });
  if (!honest) h.add(prefix + "Sender: " + named_address(name, owner) + "\n", where);
}

}  // namespace

}  // namespace remex::smtp
