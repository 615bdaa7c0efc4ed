#include "core/msgauth/dmarc.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "core/msgauth/dkim_tags.h"

namespace remex::msgauth {
namespace {

constexpr std::size_t kMaxAuthors = 4;

std::optional<DmarcPolicy> policy_of(std::string_view word) {
  if (iequals(word, "none")) return DmarcPolicy::none;
  if (iequals(word, "quarantine")) return DmarcPolicy::quarantine;
  if (iequals(word, "reject")) return DmarcPolicy::reject;
  return std::nullopt;
}

/// Records of other versions and other texts are passed over (6.6.3 step 2).
bool is_dmarc_record(std::string_view text) {
  const std::string_view first = text.substr(0, text.find(';'));
  const std::size_t eq = first.find('=');
  return eq != std::string_view::npos && trim(first.substr(0, eq)) == "v" && trim(first.substr(eq + 1)) == "DMARC1";
}

/// What a domain publishes.
struct Published {
  bool any = false;                   ///< it has DMARC records: the organizational domain is not asked
  std::optional<DmarcRecord> record;  ///< the one that counts; several, or one without a usable policy, do not
};

/// Error: the DNS did not answer.
Result<Published> fetch(dns::Resolver& resolver, const std::string& domain) {
  const dns::Answer a = resolver.query("_dmarc." + domain, dns::Type::txt);
  if (a.outcome == dns::Outcome::try_again) return defer(a.why);
  Published out;
  for (const dns::Record& r : a.records) {
    if (!is_dmarc_record(r.text)) continue;
    if (out.any) return Published{true, std::nullopt};  // 6.6.3 step 5: with several, discovery ends
    out.any = true;
    if (auto parsed = parse_dmarc_record(r.text)) out.record = std::move(*parsed);
  }
  return out;
}

bool aligned(std::string_view identifier, std::string_view author, bool strict, const DmarcQuery& q) {
  if (iequals(identifier, author)) return true;
  if (strict || identifier.empty()) return false;
  return iequals(q.organizational(to_lower(identifier)), q.organizational(author));
}

void judge(DmarcVerdict& v, const DmarcRecord& record, const DmarcQuery& q) {
  const bool subdomain = v.used_domain != v.from_domain;
  const DmarcPolicy policy = subdomain ? record.subdomain_policy.value_or(record.policy) : record.policy;
  v.policy = policy;
  v.spf_aligned = q.spf == SpfResult::pass && aligned(q.spf_domain, v.from_domain, record.strict_spf, q);
  v.dkim_aligned = std::any_of(q.signatures.begin(), q.signatures.end(), [&](const DkimSignature& s) {
    // A signature over part of the body says nothing about the rest.
    return s.status == DkimStatus::pass && s.covers_whole_body() &&
           aligned(s.domain, v.from_domain, record.strict_dkim, q);
  });
  if (v.spf_aligned || v.dkim_aligned) {
    v.status = DmarcStatus::accept;
    v.text = "Accept";
    return;
  }
  const bool undecided =
      (q.spf == SpfResult::temperror && aligned(q.spf_domain, v.from_domain, record.strict_spf, q)) ||
      std::any_of(q.signatures.begin(), q.signatures.end(), [&](const DkimSignature& s) {
        return s.temporary && aligned(s.domain, v.from_domain, record.strict_dkim, q);
      });
  if (undecided) {
    v.status = DmarcStatus::temperror;
    v.text = "SPF or DKIM of the domain could not be checked now";
    return;
  }
  DmarcPolicy applied = policy;
  if (applied != DmarcPolicy::none && q.sample >= record.percent) {
    v.sampled_out = true;  // 6.6.4
    applied = applied == DmarcPolicy::reject ? DmarcPolicy::quarantine : DmarcPolicy::none;
  }
  v.status = applied == DmarcPolicy::reject       ? DmarcStatus::reject
             : applied == DmarcPolicy::quarantine ? DmarcStatus::quarantine
                                                  : DmarcStatus::none;
  v.text = applied == DmarcPolicy::reject       ? "Reject"
           : applied == DmarcPolicy::quarantine ? "Quarantine"
                                                : "None, Accept";
}

DmarcVerdict check_one(dns::Resolver& resolver, const DmarcQuery& q, const std::string& author) {
  DmarcVerdict v;
  v.from_domain = v.used_domain = author;
  const auto trouble = [&](const Error& e) {
    v.status = DmarcStatus::temperror;
    v.text = "The DMARC record could not be looked up now: " + e.text;
    return v;
  };
  auto found = fetch(resolver, author);
  if (!found) return trouble(found.error());
  if (const std::string organization = q.organizational(author); !found->any && organization != author) {
    found = fetch(resolver, organization);
    if (!found) return trouble(found.error());
    if (found->record) v.used_domain = organization;
  }
  if (!found->record) {
    v.status = DmarcStatus::norecord;
    v.text = "No policy in DMARC";
    return v;
  }
  judge(v, *found->record, q);
  return v;
}

/// Reject is the strictest; what is unknown is stricter than what is fine.
int severity(DmarcStatus s) {
  switch (s) {
    case DmarcStatus::reject: return 6;
    case DmarcStatus::quarantine: return 5;
    case DmarcStatus::temperror: return 4;
    case DmarcStatus::nofrom: return 3;
    case DmarcStatus::none: return 2;
    case DmarcStatus::norecord: return 1;
    default: return 0;
  }
}

}  // namespace

std::string_view to_string(DmarcPolicy p) {
  constexpr std::string_view kNames[] = {"none", "quarantine", "reject"};
  return kNames[static_cast<std::size_t>(p)];
}

std::string_view to_string(DmarcStatus s) {
  constexpr std::string_view kNames[] = {"accept",   "reject", "quarantine", "none",
                                         "norecord", "nofrom", "temperror",  "off"};
  return kNames[static_cast<std::size_t>(s)];
}

Result<DmarcRecord> parse_dmarc_record(std::string_view text) {
  // 6.3: behind v= and p=, what cannot be understood is left out and the rest counts.
  REMEX_TRY(const TagList tags, TagList::parse(text, TagRules::lenient));
  if (tags.all().empty() || tags.all().front().name != "v" || tags.all().front().value != "DMARC1")
    return fail("the record does not begin with v=DMARC1");
  DmarcRecord r;
  if (const auto rua = tags.get("rua")) r.rua = std::string(*rua);
  if (const auto ruf = tags.get("ruf")) r.ruf = std::string(*ruf);
  const auto p = tags.get("p"), sp = tags.get("sp");
  const auto policy = p ? policy_of(*p) : std::nullopt;
  if (sp) r.subdomain_policy = policy_of(*sp);
  if (!policy || (sp && !r.subdomain_policy)) {
    // 6.6.3 step 6: somebody who wants reports is taken to mean "none"
    if (!istarts_with(r.rua, "mailto:")) return fail("the record has no usable policy");
    r.policy = DmarcPolicy::none;
    r.subdomain_policy.reset();
  } else {
    r.policy = *policy;
  }
  r.strict_dkim = iequals(tags.get("adkim").value_or("r"), "s");
  r.strict_spf = iequals(tags.get("aspf").value_or("r"), "s");
  if (const auto pct = tags.get("pct")) {
    const auto n = parse_uint(*pct);
    if (n && *n <= 100) r.percent = static_cast<unsigned>(*n);
  }
  return r;
}

Result<std::vector<std::string>> author_domains(std::span<const std::string> from_values) {
  if (from_values.empty()) return fail("No From: header");
  if (from_values.size() > 1) return fail("more than one From: header");
  auto list = mail::parse_address_list(from_values.front());
  if (!list) return fail("From: is not parsable");
  std::vector<std::string> domains;
  for (const auto& a : *list) {
    auto ascii = mail::domain_to_ascii(a.address.domain);
    std::string domain = to_lower(ascii ? *ascii : a.address.domain);
    if (domain.ends_with('.')) domain.pop_back();
    if (domain.empty() || domain.find('.') == std::string::npos || domain.front() == '[') continue;
    if (std::find(domains.begin(), domains.end(), domain) == domains.end()) domains.push_back(std::move(domain));
    if (domains.size() > kMaxAuthors) return fail("too many domains in From:");
  }
  if (domains.empty()) return fail("no domain in From:");
  return domains;
}

DmarcVerdict check_dmarc(dns::Resolver& resolver, const DmarcQuery& query) {
  DmarcVerdict worst;
  bool first = true;
  for (const std::string& author : query.authors) {
    DmarcVerdict v = check_one(resolver, query, author);
    if (first || severity(v.status) > severity(worst.status)) worst = std::move(v);
    first = false;
  }
  return worst;
}

}  // namespace remex::msgauth
