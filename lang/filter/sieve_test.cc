// Tests of Sieve scripts; see sieve_run.h. Headers are compared unfolded, with encoded words as UTF-8.
#include <algorithm>
#include <cstring>
#include <optional>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "core/mail/address_items.h"
#include "core/mail/rfc2047.h"
#include "lang/filter/sieve_run.h"

namespace remex::lang::filter::sieve {
namespace {

/// i;ascii-numeric (RFC 4790 9.1): leading digits without zeros; nullopt is positive infinity.
std::optional<std::string_view> numeric(std::string_view s) {
  std::size_t n = 0;
  while (n < s.size() && is_digit(s[n])) ++n;
  if (n == 0) return std::nullopt;
  s = s.substr(0, n);
  while (s.size() > 1 && s.front() == '0') s.remove_prefix(1);
  return s;
}

/// In linear time, which find() does not promise.
bool contains(std::string_view s, std::string_view part) {
  return part.empty() || ::memmem(s.data(), s.size(), part.data(), part.size()) != nullptr;
}

std::string unfolded(std::string_view value) {
  std::string out;
  for (const char c : trim(value))
    if (c != '\n' && c != '\r') out += c;
  if (out.find("=?") != std::string::npos)
    if (auto decoded = mail::decode_rfc2047(out)) out = std::move(*decoded);
  return out;
}

/// The characters a "?" takes: one of UTF-8.
std::size_t character_length(std::string_view s) {
  const auto c = static_cast<unsigned char>(s.front());
  const std::size_t n = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
  return std::min(n, s.size());
}

}  // namespace

bool glob(std::string_view pattern, std::string_view text, std::int64_t& budget) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, from = 0;
  while (--budget >= 0) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = t;
      continue;
    }
    if (t == text.size() && p == pattern.size()) return true;
    if (t < text.size() && p < pattern.size()) {
      const bool any = pattern[p] == '?';
      const std::size_t escape = pattern[p] == '\\' && p + 1 < pattern.size() ? 1 : 0;
      if (any || pattern[p + escape] == text[t]) {
        t += any ? character_length(text.substr(t)) : 1;
        p += 1 + escape;
        continue;
      }
    }
    // Back to the last star, which takes one character more.
    if (star == std::string_view::npos || from >= text.size()) return false;
    p = star + 1;
    t = ++from;
  }
  return false;
}

bool Runner::matches(const Test& t, std::string_view value) const {
  if (!spend(value.size() + 1)) return false;
  return std::any_of(t.keys.begin(), t.keys.end(), [&](const std::string& key) {
    if (!spend(value.size() + key.size() + 1)) return false;
    if (t.comparator == Comparator::numeric) return numeric(value) == numeric(key);
    const bool fold = t.comparator == Comparator::casemap;
    const std::string a = fold ? to_lower(value) : std::string(value), b = fold ? to_lower(key) : key;
    switch (t.match) {
      case Match::is: return a == b;
      case Match::contains: return contains(a, b);
      case Match::matches: return glob(b, a, budget_);
    }
    return false;
  });
}

/// :user and :detail (RFC 5233) of this installation's own address are what the router says; other addresses have no
/// detail.
bool Runner::matches_part(const Test& t, const std::string& address) const {
  const mail::Address a = mail::split_address(address);
  const bool own = iequals(address, own_address());
  switch (t.part) {
    case Part::all: return matches(t, address);
    case Part::domain: return matches(t, a.domain);
    case Part::localpart: return matches(t, mail::unquote_local_part(a.local_part));
    case Part::user:
      return matches(t, own && opt_.has_useraddress ? opt_.useraddress : mail::unquote_local_part(a.local_part));
    case Part::detail: return own && !opt_.subaddress.empty() && matches(t, opt_.subaddress);
  }
  return false;
}

bool Runner::spend(std::size_t n) const {
  budget_ -= static_cast<std::int64_t>(n);
  return budget_ >= 0;
}

std::vector<const mail::Header*> Runner::headers_named(const std::string& name) const {
  constexpr std::size_t kLook = 16;  ///< to see that a header has another name
  if (scope_.headers == nullptr || !spend(kLook * scope_.headers->all().size() + kLook)) return {};
  return scope_.headers->find_all(name);
}

bool Runner::holds_header(const Test& t) const {
  for (const std::string& name : t.names)
    for (const mail::Header* h : headers_named(name))
      if (spend(h->value().size()) && matches(t, unfolded(h->value()))) return true;
  return false;
}

bool Runner::holds_address(const Test& t) const {
  for (const std::string& name : t.names)
    for (const mail::Header* h : headers_named(name)) {
      if (!spend(h->value().size())) return false;
      for (const auto& item : mail::address_items(h->value()))
        if (item.error.empty() && matches_part(t, item.address.str())) return true;
    }
  return false;
}

bool Runner::holds_envelope(const Test& t) const {
  return std::any_of(t.names.begin(), t.names.end(), [&](const std::string& name) {
    if (iequals(name, "to")) return matches_part(t, own_address());
    const std::string sender = scope_.envelope == nullptr ? std::string() : scope_.envelope->sender;
    return sender.empty() ? matches(t, "") : matches_part(t, sender);
  });
}

bool Runner::holds(const Test& t) const {
  if (!spend(1)) return false;
  switch (t.kind) {
    case TestKind::true_: return true;
    case TestKind::false_: return false;
    case TestKind::not_: return !holds(t.tests.front());
    case TestKind::allof: return std::all_of(t.tests.begin(), t.tests.end(), [&](const Test& x) { return holds(x); });
    case TestKind::anyof: return std::any_of(t.tests.begin(), t.tests.end(), [&](const Test& x) { return holds(x); });
    case TestKind::header: return holds_header(t);
    case TestKind::address: return holds_address(t);
    case TestKind::envelope: return holds_envelope(t);
    case TestKind::exists:
      return std::all_of(t.names.begin(), t.names.end(),
                         [&](const std::string& n) { return !headers_named(n).empty(); });
    case TestKind::size: {
      const std::uint64_t size = scope_.envelope == nullptr ? 0 : scope_.envelope->size;
      return t.over ? size > t.limit : size < t.limit;
    }
    case TestKind::valid_notify_method:
      return std::all_of(t.names.begin(), t.names.end(),
                         [](const std::string& n) { return parse_mailto(n).has_value(); });
  }
  return false;
}

}  // namespace remex::lang::filter::sieve
