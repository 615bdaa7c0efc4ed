// See spf.h: check_host() of RFC 7208 4, with the limits of 4.6.4, and the texts made of its result.
#include "core/msgauth/spf.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/msgauth/spf_record.h"

namespace remex::msgauth {
namespace {

using dns::Answer;
using dns::Outcome;
using dns::Type;
using enum SpfMechanismKind;

constexpr unsigned kMaxTerms = 10, kMaxVoids = 2;
constexpr std::size_t kMaxNames = 10;  ///< of one MX or PTR answer
constexpr auto kMaxTime = std::chrono::seconds(20);
constexpr std::size_t kMaxExplanation = 450;  ///< an SMTP reply line has 512

/// Ends the whole check: temperror or permerror.
struct Stop {
  SpfResult result;
  std::string why;
};
template <class T>
using Or = std::expected<T, Stop>;

std::unexpected<Stop> stop(SpfResult r, std::string why) { return std::unexpected(Stop{r, std::move(why)}); }

/// At least two labels of 1 to 63 octets (4.3).
bool is_checkable(std::string_view domain) {
  if (domain.ends_with('.')) domain.remove_suffix(1);
  if (domain.size() > 253 || domain.find('.') == std::string_view::npos) return false;
  std::size_t label = 0;
  for (const char c : domain) {
    if (c != '.') {
      if (++label > 63 || static_cast<unsigned char>(c) <= 32 || c == '[') return false;
    } else if (label == 0) {
      return false;
    } else {
      label = 0;
    }
  }
  return label > 0;
}

bool same_network(std::string_view a, std::string_view b, unsigned bits) {
  if (a.size() != b.size() || bits > a.size() * 8) return false;
  const std::size_t whole = bits / 8;
  if (a.substr(0, whole) != b.substr(0, whole)) return false;
  if (bits % 8 == 0) return true;
  const auto octet = [&](std::string_view s) { return static_cast<unsigned>(static_cast<unsigned char>(s[whole])); };
  return ((octet(a) ^ octet(b)) >> (8 - bits % 8)) == 0;
}

/// One check: the counters are shared by all records it visits.
class Check {
 public:
  Check(dns::Resolver& resolver, const SpfQuery& query) : resolver_(resolver), query_(query) {
    client_ = spf_address_octets(query.client_ip);
    macros_.client_ip = query.client_ip;
    macros_.helo = query.helo;
    macros_.receiver = query.receiver;
    macros_.now = query.now;
    macros_.validated_name = [this] { return validated_name(); };
  }

  SpfVerdict run() {
    SpfVerdict v;
    v.from_helo = query_.sender.empty();
    std::string sender = v.from_helo ? "postmaster@" + query_.helo : query_.sender;
    if (sender.find('@') == std::string::npos || sender.front() == '@')
      sender = "postmaster@" + sender.substr(sender.front() == '@' ? 1 : 0);
    macros_.sender = v.sender = sender;
    v.domain = to_lower(std::string_view(sender).substr(sender.rfind('@') + 1));
    if (v.domain.ends_with('.')) v.domain.pop_back();
    if (client_.empty() || !is_checkable(v.domain)) return v;  // an address literal, a bare name, a local client
    auto result = check_host(v.domain, false);
    if (result && *result == SpfResult::none && !query_.guess.empty()) {
      v.guessed = true;
      terms_ = voids_ = 0;
      auto record = parse_spf_record(query_.guess);
      if (record)
        result = evaluate(*record, v.domain, false);
      else
        result = stop(SpfResult::permerror, "spf_guess: " + record.error().text);
    }
    v.result = result ? *result : result.error().result;
    if (!result) v.why = result.error().why;
    if (result && *result != SpfResult::none) v.matched = matched_;
    if (v.result == SpfResult::fail) v.explanation = explanation();
    v.terms = terms_;
    v.voids = voids_;
    return v;
  }

 private:
  Or<Answer> ask(std::string_view name, Type type) {
    if (monotonic_now() - started_ > kMaxTime) return stop(SpfResult::temperror, "the check took too long");
    return resolver_.query(name, type);
  }
  /// A query a mechanism is about: DNS trouble is temperror, an empty answer is counted (4.6.4).
  Or<Answer> ask_counted(std::string_view name, Type type) {
    auto a = ask(name, type);
    if (!a) return a;
    if (a->outcome == Outcome::try_again)
      return stop(SpfResult::temperror, fmt::format("lookup of {} failed: {}", printable(name), a->why));
    if (a->outcome != Outcome::found && ++voids_ > kMaxVoids)
      return stop(SpfResult::permerror, "more than two DNS lookups without an answer");
    return a;
  }
  Or<void> count_term() {
    if (++terms_ > kMaxTerms) return stop(SpfResult::permerror, "more than ten terms that need DNS lookups");
    return {};
  }
  Type address_type() const { return client_.size() == 4 ? Type::a : Type::aaaa; }

  /// The domain's one record, or nullopt. 4.4, 4.5.
  Or<std::optional<std::string>> fetch(const std::string& domain) {
    auto a = ask(domain, Type::txt);
    if (!a) return std::unexpected(a.error());
    if (a->outcome == Outcome::try_again)
      return stop(SpfResult::temperror, fmt::format("lookup of {} failed: {}", printable(domain), a->why));
    std::optional<std::string> found;
    for (const dns::Record& r : a->records) {
      if (!is_spf_record(r.text)) continue;
      if (found) return stop(SpfResult::permerror, "Multiple SPF or TXT records for domain.");
      found = r.text;
    }
    return found;
  }

  Or<SpfResult> check_host(const std::string& domain, bool included) {
    if (!is_checkable(domain)) return SpfResult::none;
    auto text = fetch(domain);
    if (!text) return std::unexpected(text.error());
    if (!*text) return SpfResult::none;
    auto record = parse_spf_record(**text);
    if (!record)
      return stop(SpfResult::permerror, fmt::format("record of {}: {}", printable(domain), record.error().text));
    return evaluate(*record, domain, included);
  }

  Or<SpfResult> evaluate(const SpfRecord& record, const std::string& domain, bool included) {
    constexpr SpfResult kResults[] = {SpfResult::pass, SpfResult::fail, SpfResult::softfail, SpfResult::neutral};
    for (const SpfMechanism& m : record.mechanisms) {
      auto hit = matches(m, domain);
      if (!hit) return std::unexpected(hit.error());
      if (!*hit) continue;
      if (!included) {
        matched_ = m.text;
        exp_ = record.exp;
        exp_domain_ = domain;
      }
      return kResults[static_cast<std::size_t>(m.qualifier)];
    }
    if (record.redirect.empty()) return SpfResult::neutral;
    const bool has_all = std::any_of(record.mechanisms.begin(), record.mechanisms.end(),
                                     [](const SpfMechanism& m) { return m.kind == all; });
    if (has_all) return SpfResult::neutral;  // never reached: "all" matches
    if (auto counted = count_term(); !counted) return std::unexpected(counted.error());
    auto target = target_of(record.redirect, domain);
    if (!target) return std::unexpected(target.error());
    auto result = check_host(*target, included);
    if (result && *result == SpfResult::none)
      return stop(SpfResult::permerror, fmt::format("redirect to {}, which has no SPF record", printable(*target)));
    return result;
  }

  Or<std::string> target_of(const std::string& spec, const std::string& domain) {
    if (spec.empty()) return domain;
    macros_.domain = domain;
    auto name = expand_spf_domain(spec, macros_);
    if (!name) return stop(SpfResult::permerror, name.error().text);
    return to_lower(*name);
  }

  Or<bool> matches(const SpfMechanism& m, const std::string& domain) {
    if (m.kind == all) return true;
    if (m.kind == ip4 || m.kind == ip6) return same_network(client_, m.address, m.kind == ip4 ? m.prefix4 : m.prefix6);
    if (auto counted = count_term(); !counted) return std::unexpected(counted.error());
    auto target = target_of(m.domain_spec, domain);
    if (!target) return std::unexpected(target.error());
    switch (m.kind) {
      case include: return match_include(*target);
      case a: return match_addresses(*target, m, true);
      case mx: return match_mx(*target, m);
      case ptr: return match_ptr(*target);
      default: return match_exists(*target);
    }
  }

  Or<bool> match_include(const std::string& target) {
    auto result = check_host(target, true);
    if (!result) return std::unexpected(result.error());
    if (*result == SpfResult::none)
      return stop(SpfResult::permerror, fmt::format("include of {}, which has no SPF record", printable(target)));
    return *result == SpfResult::pass;
  }

  Or<bool> match_addresses(const std::string& name, const SpfMechanism& m, bool counted) {
    if (!is_checkable(name)) return false;
    auto found = counted ? ask_counted(name, address_type()) : ask(name, address_type());
    if (!found) return std::unexpected(found.error());
    if (found->outcome == Outcome::try_again)
      return stop(SpfResult::temperror, fmt::format("lookup of {} failed: {}", printable(name), found->why));
    const unsigned bits = client_.size() == 4 ? m.prefix4 : m.prefix6;
    return std::any_of(found->records.begin(), found->records.end(),
                       [&](const dns::Record& r) { return same_network(client_, spf_address_octets(r.text), bits); });
  }

  Or<bool> match_mx(const std::string& target, const SpfMechanism& m) {
    if (!is_checkable(target)) return false;
    auto hosts = ask_counted(target, Type::mx);
    if (!hosts) return std::unexpected(hosts.error());
    if (hosts->records.size() > kMaxNames)
      return stop(SpfResult::permerror, fmt::format("{} has more than ten MX records", printable(target)));
    for (const dns::Record& r : hosts->records) {
      auto hit = match_addresses(to_lower(r.text), m, false);
      if (!hit || *hit) return hit;
    }
    return false;
  }

  Or<bool> match_exists(const std::string& target) {
    if (!is_checkable(target)) return false;
    auto found = ask_counted(target, Type::a);  // A, whatever the client's family (5.7)
    if (!found) return std::unexpected(found.error());
    return !found->records.empty();
  }

  /// Names of the client that have its address; at most ten are looked at. Trouble: none (5.5).
  const std::vector<std::string>& validated_names(bool& failed) {
    failed = false;
    if (names_) return *names_;
    names_.emplace();
    auto back = ask(dns::reverse_name(query_.client_ip), Type::ptr);
    if (!back || back->outcome == Outcome::try_again) return *names_;
    if (back->outcome != Outcome::found && ++voids_ > kMaxVoids) failed = true;
    for (std::size_t i = 0; i < back->records.size() && i < kMaxNames; ++i) {
      const std::string name = to_lower(back->records[i].text);
      if (!is_checkable(name)) continue;
      auto forward = ask(name, address_type());
      if (!forward) break;
      for (const dns::Record& r : forward->records) {
        if (spf_address_octets(r.text) != client_) continue;
        names_->push_back(name);
        break;
      }
    }
    return *names_;
  }

  Or<bool> match_ptr(const std::string& target) {
    bool failed = false;
    const auto& names = validated_names(failed);
    if (failed) return stop(SpfResult::permerror, "more than two DNS lookups without an answer");
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& n) { return n == target || n.ends_with("." + target); });
  }

  /// %{p}: the domain itself, else a name below it, else any, else "unknown" (7.3).
  std::string validated_name() {
    bool failed = false;
    const auto& names = validated_names(failed);
    if (names.empty()) return "unknown";
    for (const std::string& n : names)
      if (n == macros_.domain) return n;
    for (const std::string& n : names)
      if (n.ends_with("." + macros_.domain)) return n;
    return names.front();
  }

  /// exp= of the record that failed; any trouble with it means there is none (6.2).
  std::string explanation() {
    if (exp_.empty()) return {};
    auto target = target_of(exp_, exp_domain_);
    if (!target || !is_checkable(*target)) return {};
    auto text = ask(*target, Type::txt);
    if (!text || text->outcome != Outcome::found || text->records.size() != 1) return {};
    macros_.domain = exp_domain_;
    auto expanded = expand_spf_macros(text->records.front().text, macros_, true);
    if (!expanded || expanded->size() > kMaxExplanation) return {};
    if (!std::all_of(expanded->begin(), expanded->end(), is_printable)) return {};
    return *expanded;
  }

  dns::Resolver& resolver_;
  const SpfQuery& query_;
  SpfMacros macros_;
  std::string client_;  ///< octets
  unsigned terms_ = 0, voids_ = 0;
  Instant started_ = monotonic_now();
  std::string matched_, exp_, exp_domain_;
  std::optional<std::vector<std::string>> names_;
};

/// For a comment: parentheses and backslashes quoted, nothing unprintable (RFC 5322 3.2.2).
std::string comment_text(std::string_view s) {
  std::string out;
  for (const char c : printable(s)) {
    if (c == '(' || c == ')' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

/// A dot-atom (with one @) as it is, anything else as a quoted string (RFC 7208 9.1).
std::string pair_value(std::string_view s) {
  const bool plain = !s.empty() && std::all_of(s.begin(), s.end(), [](char c) {
    return is_alnum(c) || std::string_view("!#$%&'*+-/=?^_`{|}~.@:").find(c) != std::string_view::npos;
  });
  if (plain) return std::string(s);
  std::string out = "\"";
  for (const char c : s) {
    if (c == '"' || c == '\\') out += '\\';
    out += is_printable(c) ? c : '?';
  }
  return out + '"';
}

}  // namespace

std::string_view to_string(SpfResult r) {
  constexpr std::string_view kNames[] = {"none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"};
  return kNames[static_cast<std::size_t>(r)];
}

SpfVerdict check_spf(dns::Resolver& resolver, const SpfQuery& query) { return Check(resolver, query).run(); }

std::string spf_comment(const SpfVerdict& v, const SpfQuery& query) {
  const std::string domain = v.domain.empty() ? "unknown" : v.domain, &ip = query.client_ip;
  std::string text;
  switch (v.result) {
    case SpfResult::pass: text = fmt::format("domain of {} designates {} as permitted sender", domain, ip); break;
    case SpfResult::fail:
      text = fmt::format("domain of {} does not designate {} as permitted sender", domain, ip);
      break;
    case SpfResult::softfail:
      text = fmt::format("transitioning domain of {} does not designate {} as permitted sender", domain, ip);
      break;
    case SpfResult::neutral:
      text = fmt::format("{} is neither permitted nor denied by domain of {}", ip, domain);
      break;
    case SpfResult::none: text = fmt::format("domain of {} does not provide an SPF record", domain); break;
    case SpfResult::temperror:
    case SpfResult::permerror:
      text = fmt::format("error in processing during lookup of domain of {}: {}", domain, v.why);
      break;
  }
  return comment_text(query.receiver + ": " + text);
}

std::string received_spf_header(const SpfVerdict& v, const SpfQuery& query) {
  return fmt::format("Received-SPF: {} ({}) client-ip={}; envelope-from={}; helo={};", to_string(v.result),
                     spf_comment(v, query), pair_value(query.client_ip), pair_value(v.sender), pair_value(query.helo));
}

std::string spf_smtp_comment(const SpfVerdict& v, const SpfQuery& query, std::string_view fallback) {
  if (v.result != SpfResult::fail && v.result != SpfResult::softfail && v.result != SpfResult::neutral) return {};
  if (!v.explanation.empty()) return v.explanation;
  SpfMacros macros{.sender = v.sender,
                   .domain = v.domain,
                   .client_ip = query.client_ip,
                   .helo = query.helo,
                   .receiver = query.receiver,
                   .now = query.now,
                   .validated_name = {}};
  auto text = expand_spf_macros(fallback, macros, true);
  return fmt::format("{} : Reason: {}", printable(text ? *text : fallback),
                     v.matched.empty() ? "default" : "mechanism");
}

}  // namespace remex::msgauth
