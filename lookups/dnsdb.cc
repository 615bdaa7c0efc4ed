// dnsdb: the DNS as a database. Query: [>sep[,|;fieldsep]] [defer_..., dnssec_..., retrans_..., retry_...,] [type=]
// names.
//
// Data comes from strangers' zones: the result is tainted. Absent unless one name of the list gives something; the
// defer_ words say what a temporary error of one of them means. The resolver caches by TTL, so answers are not kept
// here.
#include <fmt/format.h>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/dns/resolver.h"
#include "core/mail/address.h"
#include "lang/list.h"
#include "lang/lookup.h"
#include "lang/scope.h"

namespace remex::lookups {

namespace {

using namespace lang;

constexpr std::size_t kMaxNames = 100;
constexpr std::size_t kMaxData = 256U << 10U;

enum class Strictness : std::uint8_t { strict, lax, never };

struct Query {
  std::string separator = "\n";
  std::optional<std::string> field_separator;  ///< empty: joined without one
  Strictness on_defer = Strictness::lax, dnssec = Strictness::lax;
  std::string type = "txt";
  std::string names;
};

/// ">x", ">x,y" or ">x;" in front.
void take_separators(std::string_view& s, Query& q) {
  s = trim_left(s);
  if (!s.starts_with('>') || s.size() < 2) return;
  q.separator = s[1];
  s.remove_prefix(2);
  if (s.starts_with(',') && s.size() > 1) {
    q.field_separator = std::string(1, s[1]);
    s.remove_prefix(2);
  } else if (s.starts_with(';')) {
    q.field_separator = "";
    s.remove_prefix(1);
  }
  s = trim_left(s);
}

bool take_word(std::string_view word, Query& q) {
  if (word == "defer_strict")
    q.on_defer = Strictness::strict;
  else if (word == "defer_lax")
    q.on_defer = Strictness::lax;
  else if (word == "defer_never")
    q.on_defer = Strictness::never;
  else if (word == "dnssec_strict")
    q.dnssec = Strictness::strict;
  else if (word == "dnssec_lax")
    q.dnssec = Strictness::lax;
  else if (word == "dnssec_never")
    q.dnssec = Strictness::never;
  else if (word.starts_with("retrans_")) {
    // The resolver has one deadline for a query with all its retries; the words are checked and have no further effect.
    std::int64_t seconds = 0;
    return parse_interval(word.substr(8), seconds);
  } else if (word.starts_with("retry_")) {
    return parse_uint(word.substr(6)).has_value();
  } else {
    return false;
  }
  return true;
}

Result<Query> parse_query(std::string_view s) {
  Query q;
  take_separators(s, q);
  for (;;) {
    const std::size_t comma = s.find(',');
    const std::size_t equals = s.find('=');
    if (comma == std::string_view::npos || (equals != std::string_view::npos && equals < comma)) break;
    const std::string word = to_lower(trim(s.substr(0, comma)));
    if (!take_word(word, q)) {
      if (word.starts_with("defer_") || word.starts_with("dnssec_") || word.starts_with("retr"))
        return fail(fmt::format("unsupported dnsdb modifier \"{}\"", printable(word)));
      break;
    }
    s = trim_left(s.substr(comma + 1));
  }
  if (const std::size_t equals = s.find('='); equals != std::string_view::npos) {
    q.type = to_lower(trim(s.substr(0, equals)));
    s = s.substr(equals + 1);
  }
  q.names.assign(trim(s));
  return q;
}

struct Plan {
  std::string_view word;
  dns::Type type;
};
constexpr Plan kTypes[] = {{"a", dns::Type::a},         {"aaaa", dns::Type::aaaa}, {"a+", dns::Type::aaaa},
                           {"cname", dns::Type::cname}, {"mx", dns::Type::mx},     {"mxh", dns::Type::mx},
                           {"ns", dns::Type::ns},       {"zns", dns::Type::ns},    {"ptr", dns::Type::ptr},
                           {"soa", dns::Type::soa},     {"spf", dns::Type::txt},   {"srv", dns::Type::srv},
                           {"tlsa", dns::Type::tlsa},   {"txt", dns::Type::txt}};

/// The primary name server; with a field separator all seven fields.
std::string soa_text(const dns::Record& r, const Query& q) {
  const auto fields = split(r.text, ' ');
  if (!q.field_separator || q.field_separator->empty()) return std::string(fields.front());
  std::string out;
  for (const std::string_view field : fields) {
    if (!out.empty()) out += *q.field_separator;
    out += field;
  }
  return out;
}

std::string tlsa_text(const dns::Record& r, const Query& q) {
  const std::string f = q.field_separator.value_or(" ");
  if (r.raw.size() < 3) return {};
  const auto octet = [&r](std::size_t i) { return static_cast<int>(static_cast<unsigned char>(r.raw[i])); };
  return fmt::format("{}{}{}{}{}{}{}", octet(0), f, octet(1), f, octet(2), f,
                     hex_encode(std::string_view(r.raw).substr(3)));
}

std::string record_text(const dns::Record& r, const Query& q) {
  const std::string f = q.field_separator.value_or(" ");
  if (q.type == "txt") {
    if (r.strings.empty()) return r.text;
    return q.field_separator ? join(r.strings, *q.field_separator) : r.strings.front();
  }
  if (q.type == "mx") return fmt::format("{}{}{}", r.preference, f, r.text);
  if (q.type == "srv") return fmt::format("{}{}{}{}{}{}{}", r.preference, f, r.weight, f, r.port, f, r.text);
  if (q.type == "soa") return soa_text(r, q);
  if (q.type == "tlsa") return tlsa_text(r, q);
  return r.text;
}

/// soa and zns go up to the parents until something is found.
dns::Answer ask(dns::Resolver& resolver, std::string name, dns::Type type, bool climb) {
  for (;;) {
    dns::Answer a = resolver.query(name, type);
    const std::size_t dot = name.find('.');
    if (!climb || a.outcome == dns::Outcome::found || a.outcome == dns::Outcome::try_again || dot == std::string::npos)
      return a;
    name.erase(0, dot + 1);
  }
}

std::vector<std::string> names_of(const Query& q) {
  if (q.type == "ptr" && mail::is_ipv6(q.names)) return {q.names};
  return split_list(q.names);
}

/// Result of all names and types together.
struct Gathered {
  std::string data;
  bool any = false, secure = true;
  std::string trouble;
};

Status gather(dns::Resolver& resolver, const Query& q, std::string name, dns::Type type, Gathered& out) {
  if (q.type == "ptr" && mail::is_ip_address(name)) name = dns::reverse_name(name);
  if (name.empty() || name.size() > 255) return {};
  dns::Answer a = ask(resolver, to_lower(name), type, q.type == "zns" || q.type == "soa");
  const bool bogus = q.dnssec == Strictness::strict && a.outcome == dns::Outcome::found && !a.secure;
  if (a.outcome == dns::Outcome::try_again || bogus) {
    out.trouble = bogus ? fmt::format("{} is not DNSSEC-authenticated", printable(name))
                        : fmt::format("{}: {}", printable(name), a.why);
    if (q.on_defer == Strictness::strict) return defer("DNS lookup of " + out.trouble);
    return {};
  }
  if (a.outcome != dns::Outcome::found) return {};
  for (const dns::Record& r : a.records) {
    if (q.type == "spf" && !istarts_with(r.text, "v=spf1")) continue;
    const std::string text = record_text(r, q);
    if (out.data.size() + text.size() > kMaxData) return fail("dnsdb answer is too long");
    if (out.any) out.data += q.separator;
    out.data += text;
    out.any = true;
    out.secure = out.secure && a.secure;
  }
  return {};
}

LookupResult find(Scope& scope, LookupHandle*, const LookupRequest& request) {
  request.keep_answer = false;  // the resolver keeps records as long as they live
  REMEX_TRY(const Query q, parse_query(request.key.view()));
  const Plan* plan = nullptr;
  for (const Plan& p : kTypes)
    if (p.word == q.type) plan = &p;
  if (plan == nullptr) return defer(fmt::format("unsupported DNS record type \"{}\"", printable(q.type)));
  if (scope.services == nullptr) return defer("no DNS resolver here");
  const std::vector<std::string> names = names_of(q);
  if (names.size() > kMaxNames) return fail(fmt::format("more than {} names in a dnsdb query", kMaxNames));
  Gathered all;
  auto& resolver = scope.services->resolver();
  for (const std::string& name : names) {
    REMEX_CHECK(gather(resolver, q, name, plan->type, all));
    if (q.type == "a+") REMEX_CHECK(gather(resolver, q, name, dns::Type::a, all));
  }
  if (!all.any) {
    scope.lookup_dnssec_authenticated.clear();
    if (!all.trouble.empty() && q.on_defer == Strictness::lax) return defer("DNS lookup of " + all.trouble);
    return std::optional<Text>();
  }
  scope.lookup_dnssec_authenticated = q.dnssec == Strictness::never ? "" : all.secure ? "yes" : "no";
  return std::optional<Text>(Text::tainted(all.data));
}

constexpr Example kDnsdbExamples[] = {
    {"${lookup dnsdb{a=client.example.net}}", "192.0.2.7"},
    {"${lookup dnsdb{nosuchtype=client.example.net}}", "", "unsupported DNS record type"}};

constexpr LookupDef defs[] = {{
    .name = "dnsdb",
    .style = LookupStyle::query,
    .summary = "Records from the DNS",
    .doc = "Types a, aaaa, a+, cname, mx, mxh, ns, zns, ptr, soa, spf, srv, tlsa, txt (the default). >x chooses the "
           "separator of records, a comma or semicolon behind it that of fields. defer_strict, defer_lax, defer_never, "
           "dnssec_strict, dnssec_lax and dnssec_never are honoured; retrans_ and retry_ are accepted without effect. "
           "The result is tainted. csa is not supported.",
    .examples = kDnsdbExamples,
    .find = find,
}};

}  // namespace

}  // namespace remex::lookups

namespace remex::registry::lookups {
extern const std::span<const LookupDef> dnsdb;
constinit const std::span<const LookupDef> dnsdb{remex::lookups::defs};
}  // namespace remex::registry::lookups
