// dkim_signers, dkim_status, and dkim_login: a verified signature as authentication.
//
// dkim_login = DOMAINLIST [/suffix=CHARS] [/max_age=TIME] [/replay_ok] is true when one verified signature ties the
// message to its sender: d= equals the domain of the envelope sender and of From:, s= equals the local part of both
// (each cut at the first of CHARS), the signature covers From, To, Subject, Date and the whole body (no l=), is fresh
// (t= within max_age, default 1h) and was not used before. It sets $authenticated_id and the authenticator name "dkim"
// (log field A=dkim:<selector>).

#include <fmt/core.h>

#include "acl/word.h"
#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/mail/address.h"

namespace remex::acl {
namespace {

Answer run_signers(Run& run, const Item& it) {
  if (run.scope.dkim == nullptr) return answer(false);
  auto m = it.list.match(run.scope, Text::tainted(run.scope.dkim->cur_signer));
  if (!m) return m.error().kind == ErrorKind::forced_fail ? answer(true) : trouble(m.error(), "dkim_signers");
  return answer(m->matched);
}

/// In the DKIM ACL the current signature's status; afterwards any of the statuses.
Answer run_status(Run& run, const Item& it) {
  auto v = run.value_of(it);
  if (!v)
    return v.error().kind == ErrorKind::forced_fail ? answer(!it.negated)
                                                    : trouble(v.error(), "failed to expand dkim_status");
  std::vector<std::string> have;
  if (run.scope.dkim != nullptr) have = lang::split_list(run.scope.dkim->verify_status);
  if (have.empty()) have.emplace_back("none");
  for (const std::string& want : lang::split_list(v->view()))
    for (const std::string& status : have)
      if (iequals(want, status)) return answer(true);
  return answer(false);
}

struct LoginOptions {
  std::int64_t max_age = 3600;
  bool replay_ok = false;
  std::string suffix;  // characters that begin the suffix of a local part
  std::string domains;

  std::string_view user(std::string_view local_part) const {
    return local_part.substr(0, local_part.find_first_of(suffix));
  }
};

std::string parse_login(std::string_view text, LoginOptions& o) {
  // options are at the end, " /name"; a slash inside the list (a file name) has no blank before it
  std::string_view rest = trim(text);
  for (;;) {
    const std::size_t at = rest.rfind(" /");
    if (at == std::string_view::npos) break;
    const std::string_view word = trim(rest.substr(at + 2));
    if (word == "replay_ok")
      o.replay_ok = true;
    else if (word.starts_with("suffix=") && word.size() > 7)
      o.suffix = word.substr(7);
    else if (!word.starts_with("max_age=") || !parse_interval(word.substr(8), o.max_age) || o.max_age <= 0)
      return fmt::format("unknown dkim_login option \"{}\"", printable(word));
    rest = trim(rest.substr(0, at));
  }
  o.domains = std::string(rest);
  return {};
}

/// Why this signature is not a login; empty when it is.
std::string objection(const msgauth::DkimSignature& s, const mail::Address& sender, const mail::Address& from,
                      const LoginOptions& o) {
  if (s.status != msgauth::DkimStatus::pass)
    return fmt::format("signature of {} {}", s.domain, msgauth::to_string(s.status));
  if (!iequals(s.domain, sender.domain)) return fmt::format("signer {} is not the sender's domain", s.domain);
  if (!iequals(s.domain, from.domain)) return fmt::format("signer {} is not the domain of From:", s.domain);
  if (!iequals(s.selector, o.user(sender.local_part)))
    return fmt::format("selector {} is not the sender's local part", s.selector);
  if (!iequals(s.selector, o.user(from.local_part)))
    return fmt::format("selector {} is not the local part of From:", s.selector);
  if (s.key_testing) return "the key is published as a test";
  if (s.body_length >= 0) return "the signature covers only part of the body (l=)";
  for (std::string_view name : {"From", "To", "Subject", "Date"})
    if (!s.signs(name)) return fmt::format("header {}: is not signed", name);
  if (s.created == 0) return "the signature has no time (t=); set dkim_timestamps on the client";
  const std::int64_t now = wall_seconds();
  if (s.created > now + 300) return "the signature is from the future";
  if (s.created < now - o.max_age) return fmt::format("the signature is older than {}", format_interval(o.max_age));
  return {};
}

Answer run_login(Run& run, const Item& it) {
  auto v = run.value_of(it);
  if (!v)
    return v.error().kind == ErrorKind::forced_fail ? answer(!it.negated)
                                                    : trouble(v.error(), "failed to expand dkim_login");
  LoginOptions o;
  Answer bad;
  bad.truth = Truth::error;
  bad.log_message = parse_login(v->view(), o);
  if (!bad.log_message.empty()) return bad;
  Answer no = answer(false);
  no.user_message = "message is not signed by its sender";
  no.log_message = "DKIM login failed: no signature";
  if (run.scope.dkim == nullptr || run.scope.envelope == nullptr || run.scope.headers == nullptr ||
      run.scope.from == nullptr)
    return no;
  const mail::Address sender = mail::split_address(run.scope.envelope->sender);
  const auto froms = run.scope.headers->find_all("From");
  auto list = froms.size() == 1 ? mail::parse_address_list(froms.front()->value())
                                : Result<std::vector<mail::HeaderAddress>>(fail("not exactly one From: header"));
  if (!list || list->size() != 1) {
    no.log_message = "DKIM login failed: From: must hold exactly one address";
    return no;
  }
  auto allowed = lang::match_list_text(run.scope, lang::ListKind::domain, Text(o.domains, v->taint()),
                                       Text::tainted(to_lower(sender.domain)));
  if (!allowed) return trouble(allowed.error(), "dkim_login");
  if (!allowed->matched) {
    no.log_message = fmt::format("DKIM login failed: sender domain {} may not submit here", printable(sender.domain));
    return no;
  }
  const mail::Address& author = list->front().address;
  bool temporary = false;
  for (const msgauth::DkimSignature& s : run.scope.dkim->results) {
    temporary = temporary || s.temporary;
    const std::string why = objection(s, sender, author, o);
    if (!why.empty()) {
      no.log_message = "DKIM login failed: " + printable(why);
      continue;
    }
    if (!o.replay_ok) {
      const std::string key = s.domain + "/" + s.selector + "/" + std::to_string(s.created) + "/" + s.b_prefix;
      auto fresh = run.scope.services->first_use("dkim_login", key, o.max_age + 300);
      if (!fresh) return trouble(fresh.error(), "dkim_login");
      if (!*fresh) {
        no.log_message =
            fmt::format("DKIM login failed: signature of {} was used before", printable(s.selector + "@" + s.domain));
        continue;
      }
    }
    run.scope.from->authenticator = "dkim";
    run.scope.from->authenticated_id = s.selector;
    return answer(true);
  }
  if (temporary) {
    no.truth = Truth::defer;
    no.log_message = "DKIM login: a key could not be fetched now";
  }
  return no;
}

constexpr HookSet kAfter = hook_bit(Hook::data) | hook_bit(Hook::mime) | hook_bit(Hook::prdr);

constexpr AclWordDef defs[] = {
    {.name = "dkim_signers",
     .value = ValueKind::domain_list,
     .hooks = hook_bit(Hook::dkim),
     .summary = "Current signer is in the list",
     .run = &run_signers,
     .tier = 3,
     .where = lang::Where::dkim,
     .examples = {{"deny    message = example.net signs\n        dkim_signers = example.net",
                   "550 5.7.1 example.net signs"},
                  {"deny    dkim_signers = +no_such_list", "", "E0404"}}},
    {.name = "dkim_status",
     .hooks = kAfterBody,
     .summary = "DKIM verification status is in the list",
     .run = &run_status,
     .tier = 2,
     .where = lang::Where::data,
     .examples = {{"deny    message = the signature is good\n        dkim_status = pass",
                   "550 5.7.1 the signature is good"},
                  {"deny    message = no good signature\n        dkim_status = none:invalid:fail\naccept",
                   "250 2.0.0 OK id=..."}}},
    {.name = "dkim_login",
     .hooks = kAfter,
     .summary = "A verified, fresh signature by the sender itself, as authentication",
     .run = &run_login,
     .where = lang::Where::data,
     .examples = {{"deny    message = no fresh signature\n        !dkim_login = example.net",
                   "550 5.7.1 no fresh signature"},
                  {"accept  dkim_login = +no_such_list", "451 4.3.0 Temporary local problem - please try later"}}},
};

}  // namespace
}  // namespace remex::acl

namespace remex::registry::acl_words {
extern const std::span<const acl::AclWordDef> dkim;
constinit const std::span<const acl::AclWordDef> dkim{acl::defs};
}  // namespace remex::registry::acl_words
