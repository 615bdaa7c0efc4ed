// Conditions that match session and envelope data against lists: hosts, domains, local_parts, recipients, senders,
// sender_domains, authenticated, encrypted. A lookup that could not be done defers; nothing else fails.

#include "acl/word.h"
#include "core/base/strings.h"
#include "core/mail/address.h"

namespace remex::acl {
namespace {

/// A forced failure makes the condition true, also a negated one.
Answer from_match(const Item& it, Result<lang::ListMatch> m, std::string_view what, Text* data) {
  if (!m) {
    if (m.error().kind == ErrorKind::forced_fail) return answer(!it.negated);
    return trouble(m.error(), what);
  }
  if (m->matched && data != nullptr) *data = m->data;
  return answer(m->matched);
}

Answer hosts(Run& run, const Item& it) {
  const mail::ReceivedFrom* from = run.scope.from;
  const std::string_view ip = from != nullptr ? from->host_address : std::string_view();
  const std::string_view name = from != nullptr ? from->host_name : std::string_view();
  return from_match(it, it.list.match_host(run.scope, ip, name), "hosts", &run.scope.host_data);
}

Answer domains(Run& run, const Item& it) {
  if (run.scope.address == nullptr) return answer(false);
  Text data;
  Answer a = from_match(it, it.list.match_tainted(run.scope, run.scope.address->domain), "domains", &data);
  if (a.truth == Truth::yes) {
    run.scope.acl_domain_data = data;
    run.scope.address->domain_data = data;
  }
  return a;
}

Answer local_parts(Run& run, const Item& it) {
  if (run.scope.address == nullptr) return answer(false);
  Text data;
  Answer a = from_match(it, it.list.match_tainted(run.scope, run.scope.address->local_part), "local_parts", &data);
  if (a.truth == Truth::yes) {
    run.scope.acl_local_part_data = data;
    run.scope.address->local_part_data = data;
  }
  return a;
}

Answer recipients(Run& run, const Item& it) {
  if (run.scope.address == nullptr) return answer(false);
  lang::ListOptions opt;
  opt.fresh = true;
  return from_match(it, it.list.match_tainted(run.scope, run.scope.address->address, opt), "recipients",
                    &run.scope.recipient_data);
}

Answer senders(Run& run, const Item& it) {
  const std::string_view sender = run.scope.envelope != nullptr ? run.scope.envelope->sender : std::string_view();
  return from_match(it, it.list.match_tainted(run.scope, sender), "senders", &run.scope.sender_data);
}

Answer sender_domains(Run& run, const Item& it) {
  const std::string sender = run.scope.envelope != nullptr ? run.scope.envelope->sender : std::string();
  lang::ListOptions opt;
  opt.keep_domain_variable = true;
  const std::string domain = to_lower(mail::split_address(sender).domain);
  return from_match(it, it.list.match_tainted(run.scope, domain, opt), "sender_domains", nullptr);
}

Answer authenticated(Run& run, const Item& it) {
  const std::string_view name = run.scope.from != nullptr ? run.scope.from->authenticator : std::string_view();
  if (name.empty()) return answer(false);
  return from_match(it, it.list.match(run.scope, Text::clean(name)), "authenticated", nullptr);
}

Answer encrypted(Run& run, const Item& it) {
  const std::string_view cipher = run.scope.from != nullptr ? run.scope.from->tls_cipher : std::string_view();
  if (cipher.empty()) return answer(false);
  return from_match(it, it.list.match(run.scope, Text::clean(cipher)), "encrypted", nullptr);
}

constexpr HookSet kRcpt =
    hook_bit(Hook::rcpt) | hook_bit(Hook::prdr) | hook_bit(Hook::unknown) | hook_bit(Hook::vrfy) | hook_bit(Hook::expn);
constexpr HookSet kFromMail = kMessageHooks;

constexpr AclWordDef defs[] = {
    {.name = "hosts",
     .value = ValueKind::host_list,
     .summary = "Client is in the host list; sets $host_data",
     .run = &hosts,
     .examples = {{"deny    message = the client is $sender_host_name\n        hosts = *.example.net",
                   "550 5.7.1 the client is client.example.net"},
                  {"accept  hosts = +relay_from_host", "", "E0404"}}},
    {.name = "domains",
     .value = ValueKind::domain_list,
     .hooks = kRcpt,
     .summary = "Recipient domain is in the list; sets $domain_data",
     .run = &domains,
     .examples = {{"deny    message = $domain is ours\n        domains = +local_domains",
                   "550 5.7.1 example.com is ours"},
                  {"accept  domains = +local_domain", "", "E0404"}}},
    {.name = "local_parts",
     .value = ValueKind::local_part_list,
     .hooks = kRcpt,
     .summary = "Recipient local part is in the list; sets $local_part_data",
     .run = &local_parts,
     .examples = {{"deny    message = $local_part_data\n        local_parts = ^j : !jane", "550 5.7.1 ^j"},
                  {"accept  local_parts = ^(j", "", "E0401"}}},
    {.name = "recipients",
     .value = ValueKind::address_list,
     .hooks = kRcpt,
     .summary = "Whole recipient address is in the list",
     .run = &recipients,
     .examples = {{"deny    message = matched\n        recipients = *@example.org : joe@example.com",
                   "550 5.7.1 matched"},
                  {"accept  recipients = +nobody", "", "E0404"}}},
    {.name = "senders",
     .value = ValueKind::address_list,
     .hooks = kFromMail,
     .summary = "Envelope sender is in the list; sets $sender_data",
     .run = &senders,
     .examples = {{"deny    message = jane again\n        senders = jane@example.net", "550 5.7.1 jane again"},
                  {"accept  senders = +friends", "", "E0404"}}},
    {.name = "sender_domains",
     .value = ValueKind::domain_list,
     .hooks = kFromMail,
     .summary = "Envelope sender's domain is in the list",
     .run = &sender_domains,
     .examples = {{"deny    message = from $sender_address_domain\n        sender_domains = *.net",
                   "550 5.7.1 from example.net"},
                  {"accept  sender_domains = +partners", "", "E0404"}}},
    {.name = "authenticated",
     .value = ValueKind::string_list,
     .hooks = kSmtpHooks,
     .summary = "Authenticator that was used is in the list",
     .run = &authenticated,
     .examples = {{"accept  authenticated = plain\ndeny    message = log in first", "250 2.1.5 Accepted"},
                  {"deny    message = log in first\n        !authenticated = cram", "550 5.7.1 log in first"}}},
    {.name = "encrypted",
     .value = ValueKind::string_list,
     .hooks = kSmtpHooks,
     .summary = "Cipher in use is in the list; false in clear",
     .run = &encrypted,
     .examples = {{"deny    message = only inside TLS\n        !encrypted = *", "550 5.7.1 only inside TLS"},
                  {"accept  encrypted = *\ndeny    message = in clear", "550 5.7.1 in clear"}}},
};

}  // namespace
}  // namespace remex::acl

namespace remex::registry::acl_words {
extern const std::span<const acl::AclWordDef> lists;
constinit const std::span<const acl::AclWordDef> lists{acl::defs};
}  // namespace remex::registry::acl_words
