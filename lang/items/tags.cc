// Keyed hashes: hmac, hash, nhash, and the address tags srs_encode, prvs, prvscheck.
//
// Results keep the taint of what they were made of. Failures are Exim's texts.
#include <fmt/format.h>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "lang/address_tags.h"
#include "lang/compiler.h"
#include "lang/node.h"
#include "lang/operand.h"
#include "lang/scope.h"
#include "lang/substring.h"

namespace remex::lang {
namespace {

Status eval_hmac(const Node& node, Scope& scope, Text& out) {
  Operand name, secret, data;
  REMEX_CHECK(name.take(node, 0, scope));
  REMEX_CHECK(secret.take(node, 1, scope));
  REMEX_CHECK(data.take(node, 2, scope));
  const bool sha1 = name.view() == "sha1";
  if (!sha1 && name.view() != "md5") return fail(fmt::format("hmac algorithm \"{}\" is not recognised", name.view()));
  return append_limited(out, Text(hmac_hex(sha1, secret.view(), data.view()), secret.taint() | data.taint()));
}

// {first}{second}{string}, the second may be missing; numbers as in the operator.
Status eval_hash(const Node& node, Scope& scope, Text& out) {
  const bool numeric = node.text == "nhash";
  std::int64_t numbers[2] = {0, numeric ? -1 : 26};
  const std::size_t last = node.children.size() - 1;
  Text words[2];
  for (std::size_t i = 0; i < last; ++i) REMEX_CHECK(eval_into(*node.children[i], scope, words[i]));
  REMEX_TRY(const Text s, eval_arg(node, last, scope));
  for (std::size_t i = 0; i < last; ++i) {
    const std::string_view word = trim(words[i].view());
    const auto n = word.empty() ? std::optional<std::int64_t>(0) : parse_int(word);
    if (!n || *n < 0)
      return fail(fmt::format("\"{}\" is not a {}number (in \"{}\" expansion)", words[i].view(),
                              i > 0 || n ? "positive " : "", node.text));
    numbers[i] = *n;
  }
  if (numeric && (numbers[0] == 0 || numbers[1] == 0)) return fail("nhash count is zero");
  if (!numeric && numbers[1] > 62) return fail(fmt::format("hash count \"{}\" too big", numbers[1]));
  if (numeric) return append_limited(out, s.with(numeric_hash(s.view(), numbers[0], numbers[1])));
  std::string hashed = s.str();
  text_hash(hashed, 0, numbers[0], numbers[1]);
  return append_limited(out, s.with(std::move(hashed)));
}

Status eval_srs_encode(const Node& node, Scope& scope, Text& out) {
  REMEX_TRY(const Text secret, eval_arg(node, 0, scope));
  REMEX_TRY(const Text path, eval_arg(node, 1, scope));
  REMEX_TRY(const Text domain, eval_arg(node, 2, scope));
  if (path.empty()) return {};
  if (trim(path.view()).empty()) return fail("empty address");
  REMEX_TRY(const auto addresses, mail::parse_address_list(path.view()));
  if (addresses.size() != 1) return fail("one address expected");
  const std::string address = addresses[0].address.str();
  std::string encoded = srs_encode(secret.view(), address, today());
  encoded += '@';
  encoded += domain.view();
  return append_limited(out, Text(std::move(encoded), path.taint() | domain.taint() | secret.taint()));
}

Status eval_prvs(const Node& node, Scope& scope, Text& out) {
  REMEX_TRY(const Text address, eval_arg(node, 0, scope));
  REMEX_TRY(const Text secret, eval_arg(node, 1, scope));
  REMEX_TRY(const Text number, eval_arg(node, 2, scope));
  const std::size_t at = address.view().rfind('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == address.size()) {
    return fail("prvs first argument must be a qualified email address");
  }
  if (number.size() > 1 || (number.size() == 1 && !is_digit(number.view()[0]))) {
    return fail("prvs third argument must be a single digit");
  }
  const char key = number.empty() ? '0' : number.view()[0];
  const std::string days = fmt::format("{:03}", (today() + 7) % 1000);
  return append_limited(
      out, address.with(fmt::format("prvs={}{}{}={}", key, days, prvs_hash(secret.view(), key, days, address.view()),
                                    address.view())));
}

Status parse_prvscheck(Parser& p, Node& node) { return p.groups(node, "prvscheck", 2, 3); }

Status eval_prvscheck(const Node& node, Scope& scope, Text& out) {
  REMEX_TRY(const Text address, eval_arg(node, 0, scope));
  scope.extra.erase("prvscheck_result");
  const auto tag = parse_prvs(address.view());
  if (!tag) return {};
  const struct Names {
    Scope& scope;
    ~Names() {
      scope.extra.erase("prvscheck_address");
      scope.extra.erase("prvscheck_keynum");
    }
  } names{scope};
  scope.extra["prvscheck_address"] = tag->address;
  scope.extra["prvscheck_keynum"].assign(1, tag->key_number);
  REMEX_TRY(const Text secret, eval_arg(node, 1, scope));
  // The day is that on which the tag ends, seven days from its making, modulo 1000.
  const std::int64_t left = ((parse_int(tag->days).value_or(0) - today() % 1000) % 1000 + 1000) % 1000;
  const bool good =
      left <= 7 && same_secret(tag->hash, prvs_hash(secret.view(), tag->key_number, tag->days, tag->address));
  if (good) scope.extra["prvscheck_result"].assign(1, '1');
  REMEX_TRY(const Text third, eval_arg(node, 2, scope));
  return append_limited(out, third.empty() ? address.with(tag->address) : third);
}

constexpr Example kHmac[] = {{"${hmac{md5}{secret}{abc}}", "d9bf7c3a63eae7031c4e6d7c9b78ba93"},
                             {"${hmac{sha1}{secret}{abc}}", "694abd10842d161ddbc54df8a0d57cf64d0dbcc9"},
                             {"${hmac{sha256}{secret}{abc}}", "", "hmac algorithm \"sha256\" is not recognised"}};
constexpr Example kHash[] = {{"${hash{3}{5}{abcdefgh}}", "bba"},
                             {"${hash{3}{abcdefgh}}", "jac"},
                             {"${hash{x}{5}{abc}}", "", "\"x\" is not a number (in \"hash\" expansion)"}};
constexpr Example kNhash[] = {{"${nhash{8}{64}{abc}}", "7/44"}, {"${nhash{0}{abc}}", "", "nhash count is zero"}};
constexpr Example kSrs[] = {{"${length_5:${srs_encode{secret}{joe@a.example}{srs.example}}}", "SRS0="},
                            {"${domain:${srs_encode{secret}{joe@a.example}{srs.example}}}", "srs.example"},
                            {"${srs_encode{secret}{}{srs.example}}", ""},
                            {"${srs_encode{s}{a@b}{c}{d}}", "", "Too many arguments for 'srs_encode' (max is 3)"}};
constexpr Example kPrvs[] = {{"${prvs{user}{secret}}", "", "must be a qualified email address"}};
constexpr Example kPrvscheck[] = {{"${prvscheck{user@example.com}{secret}{x}}", ""},
                                  {"${prvscheck{prvs=3000000000=user@example.com}{secret}{}}", "user@example.com"},
                                  {"${prvscheck{a}}", "", "Not enough arguments for 'prvscheck'"}};

constexpr Example kPrvsExamples[] = {{"${prvs{user}{secret}}", "", "must be a qualified email address"},
                                     {"${prvs{a@b}{secret}{10}}", "", "prvs third argument must be a single digit"}};
constexpr ItemDef defs[] = {
    {.name = "hmac",
     .arguments = "{md5 or sha1}{secret}{string}",
     .summary = "Keyed hash, lower-case hex",
     .doc = "RFC 2104.",
     .examples = kHmac,
     .tier = 2,
     .eval = eval_hmac,
     .min_args = 3,
     .max_args = 3},
    {.name = "hash",
     .arguments = "{length}{symbols}{string}",
     .summary = "Textual hash",
     .doc = "As the operator.",
     .examples = kHash,
     .tier = 2,
     .eval = eval_hash,
     .min_args = 2,
     .max_args = 3},
    {.name = "nhash",
     .arguments = "{n}{m}{string}",
     .summary = "Numeric hash",
     .doc = "As the operator.",
     .examples = kNhash,
     .tier = 2,
     .eval = eval_hash,
     .min_args = 2,
     .max_args = 3},
    {.name = "srs_encode",
     .arguments = "{secret}{return path}{domain}",
     .summary = "SRS0 form of a return path",
     .doc = "Empty for an empty path. inbound_srs is the inverse.",
     .cost = Cost::reads,
     .examples = kSrs,
     .eval = eval_srs_encode,
     .min_args = 3,
     .max_args = 3},
    {.name = "prvs",
     .arguments = "{address}{secret}{key number}",
     .summary = "BATV-sign an address",
     .doc = "Valid for seven days.",
     .cost = Cost::reads,
     .examples = kPrvsExamples,
     .tier = 3,
     .eval = eval_prvs,
     .min_args = 2,
     .max_args = 3},
    {.name = "prvscheck",
     .arguments = "{address}{secret}{string}",
     .summary = "Check a BATV address",
     .doc = "$prvscheck_result is 1 when it is ours and not expired.",
     .cost = Cost::reads,
     .examples = kPrvscheck,
     .tier = 3,
     .eval = eval_prvscheck,
     .parse = parse_prvscheck},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::items {
extern const std::span<const ItemDef> tags;
constinit const std::span<const ItemDef> tags{lang::defs};
}  // namespace remex::registry::items
