#include "acl/sender_policy.h"

#include <fmt/core.h>

#include <random>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/mail/address.h"
#include "core/msgauth/dmarc.h"
#include "core/msgauth/public_suffix.h"
#include "core/msgauth/spf.h"
#include "lang/list.h"

namespace remex::acl {
namespace {

/// "=" and the author domains with blanks between, or why there are none.
constexpr const char* kAuthors = "dmarc_authors";
constexpr std::string_view kDefaultTemplate = "Please%_see%_http://www.open-spf.org/Why";

/// For this message, and as far as it is a word we chose, with the message.
void publish(lang::Scope& scope, const std::string& name, const std::string& value, bool keep = false) {
  scope.extra[name] = value;
  if (keep && scope.envelope != nullptr) scope.envelope->saved[name] = value;
}

/// Domains are compared and asked for in their ASCII form.
std::string ascii_address(const std::string& address) {
  const mail::Address a = mail::split_address(address);
  auto ascii = mail::domain_to_ascii(a.domain);
  return a.domain.empty() ? address : a.local_part + "@" + (ascii ? *ascii : a.domain);
}

Result<std::string> comment_template(lang::Scope& scope) {
  const lang::Expansion& option = scope.config->main.spf_smtp_comment_template;
  if (!option.is_set()) return std::string(kDefaultTemplate);
  auto text = option.eval(scope);
  if (text) return std::move(*text).str();
  if (text.error().kind == ErrorKind::forced_fail) return std::string(kDefaultTemplate);
  return defer("failed to expand spf_smtp_comment_template: " + text.error().text);
}

msgauth::SpfResult spf_result_of(std::string_view word) {
  using enum msgauth::SpfResult;
  for (const auto r : {none, neutral, pass, fail, softfail, temperror, permerror})
    if (word == msgauth::to_string(r)) return r;
  return none;
}

Result<msgauth::DmarcVerdict> judge_dmarc(lang::Scope& scope, const Effects& effects) {
  msgauth::DmarcVerdict v;
  const lang::Expansion& option = scope.config->main.dmarc_tld_file;
  if (effects.dmarc_disable_verify || !option.is_set() || scope.from == nullptr || scope.headers == nullptr ||
      scope.from->host_address.empty() || !scope.from->authenticator.empty())
    return v;
  auto file = option.eval(scope);
  if (!file) {
    if (file.error().kind == ErrorKind::forced_fail) return v;
    return defer("failed to expand dmarc_tld_file: " + file.error().text);
  }
  if (file->empty()) return v;
  if (file->is_tainted()) return defer("dmarc_tld_file is tainted");
  if (file->view().front() != '/') return defer("dmarc_tld_file must be an absolute path");
  const std::string path = file->str();
  auto suffixes = io::offload([path] { return msgauth::PublicSuffixes::load(path); });
  if (!suffixes) return std::unexpected(suffixes.error());

  const std::string& authors = scope.extra[kAuthors];
  if (!authors.starts_with('=')) {
    v.status = msgauth::DmarcStatus::nofrom;
    v.text = authors.empty() ? "No From: header" : authors;
    return v;
  }
  // A guess tells what a real check would have said, too; its $spf_result stays.
  if (!scope.extra.contains("spf_plain_result")) REMEX_CHECK(check_spf_of(scope, false));
  msgauth::DmarcQuery q;
  const std::string_view names = std::string_view(authors).substr(1);
  for (std::string_view name : split(names, ' ')) q.authors.emplace_back(name);
  q.spf = spf_result_of(scope.extra["spf_plain_result"]);
  q.spf_domain = scope.extra["spf_plain_domain"];
  if (scope.dkim != nullptr) q.signatures = scope.dkim->results;
  q.organizational = [&](std::string_view domain) { return (*suffixes)->organizational(domain); };
  static std::mt19937 random{std::random_device{}()};
  q.sample = static_cast<unsigned>(random() % 100);
  return msgauth::check_dmarc(scope.services->resolver(), q);
}

}  // namespace

Result<std::string> check_spf_of(lang::Scope& scope, bool guess) {
  const std::string kind = guess ? "guess" : "check";
  if (scope.extra["spf_kind"] == kind) return scope.extra["spf_result"];
  msgauth::SpfQuery q;
  if (scope.from != nullptr) {
    q.client_ip = scope.from->host_address;
    q.helo = scope.from->helo_name;
  }
  if (scope.envelope != nullptr && !scope.envelope->sender.empty()) q.sender = ascii_address(scope.envelope->sender);
  q.receiver = scope.config->main.primary_hostname;
  q.now = wall_seconds();
  if (guess) q.guess = scope.config->main.spf_guess;
  REMEX_TRY(const std::string fallback, comment_template(scope));
  const msgauth::SpfVerdict v = msgauth::check_spf(scope.services->resolver(), q);
  std::string word(msgauth::to_string(v.result));
  publish(scope, "spf_kind", kind);
  publish(scope, "spf_result", word, true);
  publish(scope, "spf_result_guessed", v.guessed ? "yes" : "no", true);
  publish(scope, "spf_header_comment", msgauth::spf_comment(v, q));
  publish(scope, "spf_received", msgauth::received_spf_header(v, q));
  publish(scope, "spf_smtp_comment", msgauth::spf_smtp_comment(v, q, fallback));
  publish(scope, "spf_domain", v.domain);
  publish(scope, "spf_identity", v.from_helo ? "helo" : "mailfrom");
  if (!v.guessed) {
    publish(scope, "spf_plain_result", word);
    publish(scope, "spf_plain_domain", v.domain);
  } else {
    publish(scope, "spf_plain_result", "none");
    publish(scope, "spf_plain_domain", v.domain);
  }
  if (scope.services->debugging())
    scope.services->debug(fmt::format("SPF of {} for {}: {}{}{} ({} lookup terms, {} without answer)",
                                      printable(v.domain), q.client_ip, word, v.why.empty() ? "" : ": ", v.why, v.terms,
                                      v.voids));
  return word;
}

void note_authors(lang::Scope& scope) {
  std::vector<std::string> from_values;
  for (const auto* h : scope.headers->find_all("From")) from_values.emplace_back(h->value());
  auto authors = msgauth::author_domains(from_values);
  scope.extra[kAuthors] = authors ? "=" + join(*authors, " ") : authors.error().text;
}

Result<std::string> check_dmarc_of(lang::Scope& scope, const Effects& effects) {
  if (const auto known = scope.extra.find("dmarc_status"); known != scope.extra.end()) return known->second;
  REMEX_TRY(const msgauth::DmarcVerdict v, judge_dmarc(scope, effects));
  std::string word(msgauth::to_string(v.status));
  publish(scope, "dmarc_status", word, true);
  publish(scope, "dmarc_status_text", v.text);
  publish(scope, "dmarc_used_domain", v.used_domain, true);
  publish(scope, "dmarc_from_domain", v.from_domain);
  publish(scope, "dmarc_domain_policy", v.policy ? std::string(msgauth::to_string(*v.policy)) : std::string(), true);
  publish(scope, "dmarc_alignment_spf", v.spf_aligned ? "yes" : "no");
  publish(scope, "dmarc_alignment_dkim", v.dkim_aligned ? "yes" : "no");
  if (scope.services->debugging())
    scope.services->debug(fmt::format("DMARC of {}: {} ({}){}", printable(v.from_domain), word, printable(v.text),
                                      v.sampled_out ? ", not in the sample of pct=" : ""));
  return word;
}

bool result_is_in(const std::string& result, std::string_view list) {
  for (const std::string& item : lang::split_list(list)) {
    const bool negated = item.starts_with('!');
    const std::string_view word = trim(std::string_view(item).substr(negated ? 1 : 0));
    if (iequals(word, result) != negated) return true;
  }
  return false;
}

}  // namespace remex::acl
