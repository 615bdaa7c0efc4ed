// Conditions of Exim filters; see exim_run.h.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "core/mail/address_items.h"
#include "lang/config.h"
#include "lang/filter/exim_run.h"
#include "lang/regex.h"
#include "lang/rewrite.h"

namespace remex::lang::filter {
namespace {

constexpr std::string_view kWhere = "filter file";

bool icontains(std::string_view s, std::string_view part) {
  const std::string a = to_lower(s), b = to_lower(part);
  return b.empty() || ::memmem(a.data(), a.size(), b.data(), b.size()) != nullptr;  // find() may take the product
}

/// Text of a condition as Exim's trace has it.
std::string describe(const Condition& c, bool inside_all);

std::string join_parts(const Condition& c, std::size_t from) {
  std::string out;
  for (std::size_t i = from; i < c.parts.size(); ++i)
    out += (out.empty() ? "" : c.test == Test::all ? " and " : " or ") + describe(c.parts[i], c.test == Test::all);
  return out;
}

std::string describe(const Condition& c, bool inside_all) {
  const auto binary = [&](std::string_view plain, std::string_view negated) {
    return fmt::format("{} {} {}", shown(c.left.text), c.negated ? negated : plain, shown(c.right.text));
  };
  const std::string no = c.negated ? "not " : "";
  switch (c.test) {
    case Test::all: return c.negated ? "not (" + join_parts(c, 0) + ")" : join_parts(c, 0);
    case Test::any: return c.negated || inside_all ? no + "(" + join_parts(c, 0) + ")" : join_parts(c, 0);
    case Test::begins: return binary("begins", "does not begin");
    case Test::contains: return binary("contains", "does not contain");
    case Test::ends: return binary("ends", "does not end");
    case Test::is: return binary("is", "is not");
    case Test::matches: return binary("matches", "does not match");
    case Test::above: return binary("above", "not above");
    case Test::below: return binary("below", "not below");
    case Test::delivered: return no + "delivered";
    case Test::error_message: return no + "error_message";
    case Test::first_delivery: return no + "first_delivery";
    case Test::manually_thawed: return no + "manually_thawed";
    case Test::personal: return no + "personal";
    case Test::for_any_address:
      return fmt::format("{}foranyaddress {} ({})", no, shown(c.left.text), describe(c.parts.front(), false));
  }
  return {};
}

/// The number of "above" and "below": digits, and K or M.
Result<std::int64_t> number(std::string_view s) {
  std::string_view digits = trim(s);
  std::int64_t factor = 1, value = 0;
  if (!digits.empty() && !is_digit(digits.back())) {
    const char unit = ascii_lower(digits.back());
    factor = unit == 'k' ? 1024 : unit == 'm' ? 1024 * 1024 : 0;
    digits.remove_suffix(1);
  }
  if (digits.starts_with('+')) digits.remove_prefix(1);
  const auto n = parse_int(digits);
  if (factor == 0 || !n || __builtin_mul_overflow(*n, factor, &value))
    return fail(fmt::format("malformed numerical string \"{}\"", shown(s)));
  return value;
}

bool is_daemon(std::string_view address) {
  for (const std::string_view part : {"server@", "daemon@", "root@", "listserv@", "majordomo@", "-request@"})
    if (icontains(address, part)) return true;
  const std::size_t at = address.find('@');
  return istarts_with(address, "owner-") && at != std::string_view::npos && at > 6;
}

/// Mailing lists and robots say what they are.
bool is_bulk(const mail::HeaderList& headers) {
  for (const char* name :
       {"List-Id", "List-Help", "List-Subscribe", "List-Unsubscribe", "List-Post", "List-Owner", "List-Archive"})
    if (headers.find(name) != nullptr) return true;
  if (const auto* automatic = headers.find("Auto-Submitted");
      automatic != nullptr && !iequals(trim(automatic->value()), "no"))
    return true;
  const auto all = headers.find_all("Precedence");
  return std::any_of(all.begin(), all.end(), [](const mail::Header* h) {
    return icontains(h->value(), "bulk") || icontains(h->value(), "list") || icontains(h->value(), "junk");
  });
}

/// The addresses in all headers of a name; broken ones are left out.
std::vector<std::string> addresses_of(const mail::HeaderList& headers, std::string_view name) {
  std::vector<std::string> out;
  for (const mail::Header* h : headers.find_all(name))
    for (const auto& item : mail::address_items(h->value()))
      if (item.error.empty()) out.push_back(item.address.str());
  return out;
}

}  // namespace

void Runner::trace(const Condition& c, bool whole, bool result) const {
  if (!opt_.trace) return;
  opt_.trace(fmt::format("{:{}} {}ondition is {}: {}", "", depth_ * 2, whole ? "C" : "Sub-c", result ? "true" : "false",
                         describe(c, false)));
}

Result<bool> Runner::test(const Condition& c) {
  REMEX_CHECK(step());
  Result<bool> truth = false;
  switch (c.test) {
    case Test::all:
    case Test::any: truth = test_parts(c); break;
    case Test::above:
    case Test::below: truth = test_number(c); break;
    case Test::delivered: truth = out_.significant; break;
    case Test::error_message: truth = scope_.envelope != nullptr && scope_.envelope->sender.empty(); break;
    case Test::first_delivery: truth = scope_.envelope == nullptr || scope_.envelope->deliver_first_time; break;
    case Test::manually_thawed: truth = scope_.envelope != nullptr && scope_.envelope->manual_thaw; break;
    case Test::for_any_address: truth = test_addresses(c); break;
    case Test::personal: truth = test_personal(c); break;
    default: truth = test_text(c);
  }
  if (truth && c.negated) *truth = !*truth;
  return truth;
}

Result<bool> Runner::test_parts(const Condition& c) {
  const bool all = c.test == Test::all;
  for (const Condition& part : c.parts) {
    REMEX_TRY(const bool truth, test(part));
    trace(part, false, truth);
    if (truth != all) return truth;
  }
  return all;
}

Result<bool> Runner::test_text(const Condition& c) {
  REMEX_TRY(const Text left, expand(c.left, kWhere));
  REMEX_TRY(const Text right, expand(c.right, kWhere));
  if (c.test == Test::matches) return test_match(c, left, right);
  const std::string_view a = left.view(), b = right.view();
  switch (c.test) {
    case Test::begins: return c.caseful ? a.starts_with(b) : istarts_with(a, b);
    case Test::ends: return c.caseful ? a.ends_with(b) : iends_with(a, b);
    case Test::contains:
      // Nothing contains the empty string, as in Exim, unless case counts.
      return c.caseful ? a.find(b) != std::string_view::npos : !b.empty() && icontains(a, b);
    default: return c.caseful ? a == b : iequals(a, b);
  }
}

Result<bool> Runner::test_match(const Condition& c, const Text& left, const Text& right) {
  auto regex = Regex::cached(right.view(), !c.caseful);
  if (!regex) {
    const std::string& text = regex.error().text;
    const std::size_t why = text.find(right.str() + "\": ");
    return fail(fmt::format("error while compiling regular expression \"{}\": {}", shown(right.view()),
                            why == std::string::npos ? text : text.substr(why + right.size() + 3)));
  }
  Regex::Spans spans;
  REMEX_TRY(const bool matched, (*regex)->search(left.view(), &spans));
  if (!matched) return false;
  scope_.captures.clear();  // they stay until the next match, behind endif too
  for (const auto& [from, to] : spans)
    scope_.captures.emplace_back(from == std::string::npos ? std::string() : left.str().substr(from, to - from),
                                 left.taint());
  return true;
}

Result<bool> Runner::test_number(const Condition& c) {
  REMEX_TRY(const Text left, expand(c.left, kWhere));
  REMEX_TRY(const Text right, expand(c.right, kWhere));
  REMEX_TRY(const std::int64_t a, number(left.view()));
  REMEX_TRY(const std::int64_t b, number(right.view()));
  return c.test == Test::above ? a > b : a < b;
}

Result<bool> Runner::test_addresses(const Condition& c) {
  REMEX_TRY(const Text list, expand(c.left, kWhere));
  for (const auto& item : mail::address_items(list.view())) {
    if (!item.error.empty()) continue;
    scope_.extra["thisaddress"] = item.address.str();
    REMEX_TRY(const bool truth, test(c.parts.front()));
    trace(c.parts.front(), false, truth);
    if (truth) return true;
  }
  return false;
}

Result<bool> Runner::test_personal(const Condition& c) {
  if (opt_.system || scope_.envelope == nullptr || scope_.envelope->sender.empty() || scope_.headers == nullptr ||
      scope_.address == nullptr)
    return false;
  if (is_bulk(*scope_.headers)) return false;
  const AddressState& a = *scope_.address;
  std::vector<std::string> own{a.local_part + "@" + a.domain, a.cased_local_part + "@" + a.domain};
  if (scope_.config != nullptr && !scope_.config->rewrite.empty()) {
    Rewriter rewriter(scope_, scope_.config->rewrite);
    own.push_back(rewriter.address(own.front(), RewriteField::from));
  }
  for (const Argument& alias : c.aliases) {
    REMEX_TRY(const Text text, expand(alias, kWhere));
    own.emplace_back(trim(text.view()));
  }
  const auto is_own = [&](const std::string& x) {
    return std::any_of(own.begin(), own.end(), [&](const std::string& o) { return iequals(o, x); });
  };
  const auto to = addresses_of(*scope_.headers, "To");
  if (std::none_of(to.begin(), to.end(), is_own)) return false;
  const auto from = addresses_of(*scope_.headers, "From");
  return std::none_of(from.begin(), from.end(), [&](const std::string& x) { return is_own(x) || is_daemon(x); });
}

}  // namespace remex::lang::filter
