// dnslists: DNS block lists. "domain[=values]/key", several separated by colons; sets $dnslist_*. A lookup that cannot
// be completed counts as "not listed" unless +defer_unknown or +include_unknown says otherwise.

#include <arpa/inet.h>
#include <fmt/core.h>

#include "acl/word.h"
#include "core/base/strings.h"
#include "core/mail/address.h"

namespace remex::acl {
namespace {

enum class Unknown : std::uint8_t { exclude, include, defer };

struct Test {
  std::string domain, text_domain;
  bool inverted = false, all = false, mask = false;
  std::vector<std::string> values;
  std::vector<std::string> keys;  ///< empty: the client's address
};

bool parse(std::string_view item, Test& t) {
  std::string_view rest = item;
  if (const std::size_t slash = rest.find('/'); slash != std::string_view::npos) {
    t.keys = lang::split_list(rest.substr(slash + 1));
    rest = trim(rest.substr(0, slash));
  }
  const std::size_t op = rest.find_first_of("!=&");
  std::string_view domains = trim(rest.substr(0, op));
  if (op != std::string_view::npos) {
    std::string_view o = rest.substr(op);
    if (o.starts_with("!")) t.inverted = true, o.remove_prefix(1);
    if (o.starts_with("=="))
      t.all = true, o.remove_prefix(2);
    else if (o.starts_with("=&"))
      t.all = t.mask = true, o.remove_prefix(2);
    else if (o.starts_with("="))
      o.remove_prefix(1);
    else if (o.starts_with("&"))
      t.mask = true, o.remove_prefix(1);
    else
      return false;
    for (std::string_view v : split(o, ',')) t.values.emplace_back(trim(v));
  }
  t.domain = t.text_domain = std::string(domains);
  if (const std::size_t comma = domains.find(',');
      comma != std::string_view::npos) {  // text from the first, test with the second
    t.text_domain = std::string(trim(domains.substr(0, comma)));
    t.domain = std::string(trim(domains.substr(comma + 1)));
  }
  return !t.domain.empty();
}

std::uint32_t to_bits(std::string_view ip) {
  in_addr a{};
  return inet_pton(AF_INET, std::string(ip).c_str(), &a) == 1 ? ntohl(a.s_addr) : 0;
}

/// The label string put before the list's domain: reversed address, or the key as it is.
std::string query_prefix(std::string_view key) {
  if (mail::has_8bit(key))  // lists hold A-labels: an international name must not slip through
    if (auto ascii = mail::domain_to_ascii(key)) return std::move(*ascii);
  if (!mail::is_ip_address(key)) return std::string(key);
  std::string r = dns::reverse_name(key);
  for (std::string_view tail : {".in-addr.arpa", ".ip6.arpa"})
    if (r.ends_with(tail)) r.erase(r.size() - tail.size());
  return r;
}

bool value_matches(const Test& t, const std::vector<std::string>& found) {
  if (t.values.empty()) return true;
  const auto one = [&](const std::string& ip) {
    for (const auto& v : t.values)
      if (t.mask ? (to_bits(ip) & to_bits(v)) == to_bits(v) : ip == v) return true;
    return false;
  };
  bool any = false, every = true;
  for (const auto& ip : found) {
    const bool hit = one(ip);
    any = any || hit;
    every = every && hit;
  }
  return (t.all ? every : any) != t.inverted;
}

Answer check_one(Run& run, const Test& t, const std::string& key, Unknown unknown) {
  dns::Resolver& r = run.scope.services->resolver();
  const dns::Answer a = r.query(query_prefix(key) + "." + t.domain, dns::Type::a);
  if (a.outcome == dns::Outcome::try_again) {
    if (unknown == Unknown::include) return answer(true);
    if (unknown == Unknown::exclude) return answer(false);
    Answer d;
    d.truth = Truth::defer;
    d.log_message = fmt::format("DNS list lookup defer (probably timeout) for {}.{}", query_prefix(key), t.domain);
    return d;
  }
  std::vector<std::string> ips;
  for (const auto& rec : a.records)
    if (rec.text.starts_with("127.")) ips.push_back(rec.text);  // anything else is not a block list's answer
  if (ips.empty() || !value_matches(t, ips)) return answer(false);
  run.scope.dnslist_domain = t.text_domain;
  run.scope.dnslist_matched = key;
  run.scope.dnslist_value = join(ips, ", ");
  const dns::Answer txt = r.query(query_prefix(key) + "." + t.text_domain, dns::Type::txt);
  run.scope.dnslist_text = txt.records.empty() ? std::string() : txt.records.front().text;
  Answer yes = answer(true);
  yes.log_message = fmt::format("found in {}{}", t.text_domain,
                                run.scope.dnslist_text.empty() ? "" : ": " + printable(run.scope.dnslist_text));
  return yes;
}

Answer run_dnslists(Run& run, const Item& it) {
  auto v = run.value_of(it);
  if (!v)
    return v.error().kind == ErrorKind::forced_fail ? answer(!it.negated)
                                                    : trouble(v.error(), "failed to expand dnslists");
  Unknown unknown = Unknown::exclude;
  for (const std::string& item : lang::split_list(v->view())) {
    if (item == "+include_unknown")
      unknown = Unknown::include;
    else if (item == "+exclude_unknown")
      unknown = Unknown::exclude;
    else if (item == "+defer_unknown")
      unknown = Unknown::defer;
    else if (!item.empty()) {
      Test t;
      Answer bad;
      bad.truth = Truth::error;
      bad.log_message = fmt::format("syntax error in dnslists item \"{}\"", printable(item));
      if (!parse(item, t)) return bad;
      if (t.keys.empty()) {
        if (run.scope.from == nullptr || run.scope.from->host_address.empty()) continue;
        t.keys = {run.scope.from->host_address};
      }
      for (const std::string& key : t.keys) {
        Answer a = check_one(run, t, key, unknown);
        if (a.truth != Truth::no) return a;
      }
    }
  }
  return answer(false);
}

constexpr AclWordDef defs[] = {
    {.name = "dnslists",
     .summary = "DNS block list test",
     .run = &run_dnslists,
     .examples = {{"deny    message = $sender_host_address is $dnslist_text at "
                   "$dnslist_domain\n        dnslists = bl.example.org",
                   "550 5.7.1 192.0.2.7 is listed since Monday at bl.example.org"},
                  {"deny    dnslists = bl.example.org!=127.0.0.2\naccept", "250 2.1.5 Accepted"}}}};

}  // namespace
}  // namespace remex::acl

namespace remex::registry::acl_words {
extern const std::span<const acl::AclWordDef> dnslists;
constinit const std::span<const acl::AclWordDef> dnslists{acl::defs};
}  // namespace remex::registry::acl_words
