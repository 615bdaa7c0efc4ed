// sg, substr, length and tr: strings changed or cut; certextract.
#include <fmt/format.h>
#include <algorithm>

#include "core/base/strings.h"
#include "lang/confinement.h"
#include "lang/expand.h"
#include "lang/list_cursor.h"
#include "lang/node.h"
#include "lang/operand.h"
#include "lang/regex.h"
#include "lang/scope.h"
#include "lang/substring.h"

namespace remex::lang {
namespace {

// All arguments were expanded before; what is left of "$1" and "${1}" names the captures of each match. In a tainted
// replacement nothing else is expanded: it may hold text of a message.
void insert_captures(std::string_view text, const std::vector<Text>& captures, Text& out) {
  for (std::size_t i = 0; i < text.size();) {
    std::size_t j = i + 1;
    const bool braced = text[i] == '$' && j < text.size() && text[j] == '{';
    if (braced) ++j;
    const std::size_t digits = j;
    while (j < text.size() && is_digit(text[j])) ++j;
    const auto n = parse_uint(text.substr(digits, j - digits));
    if (text[i] != '$' || !n || (braced && (j >= text.size() || text[j] != '}'))) {
      out.append(text.substr(i++, 1));
      continue;
    }
    if (*n < captures.size()) out.append(captures[*n]);
    i = braced ? j + 1 : j;
  }
}

/// What of ${sg is known when it is compiled.
struct SgExtra : NodeExtra {
  std::shared_ptr<const Regex> regex;  ///< null: made when it runs
  Expansion replacement;               ///< the constant replacement, which is expanded once more; may be unset
};

void prepare_sg(const Registries& registries, Node& node) {
  auto extra = std::make_unique<SgExtra>();
  if (const Node& pattern = *node.children[1]; pattern.kind == NodeKind::constant)
    if (auto regex = Regex::cached(pattern.text)) extra->regex = std::move(*regex);
  if (const Node& text = *node.children[2]; text.kind == NodeKind::constant)
    if (auto made = Expansion::cached(text.text, registries)) extra->replacement = std::move(*made);
  node.extra = std::move(extra);
}

/// Every match replaced by a constant: nobody looks at the captures.
Status replace_by(const Operand& subject, const Regex& regex, std::string_view replacement, const Scope& scope,
                  Text& out) {
  thread_local Regex::Spans spans;
  std::size_t at = 0, copied = 0;
  bool not_empty = false;
  std::string& to = out.mutable_str();
  while (at <= subject.view().size()) {
    if (scope.confined != nullptr) REMEX_CHECK(check_confinement(scope, "sg", Cost::pure));
    REMEX_TRY(const bool matched, regex.search(subject.view(), &spans, at, not_empty));
    if (!matched) break;
    to.append(subject.view(), copied, spans[0].first - copied).append(replacement);
    if (to.size() > kMaxExpanded) return fail("expansion result is too long");
    copied = at = spans[0].second;
    not_empty = spans[0].first == spans[0].second;
  }
  to.append(subject.view(), copied);
  return to.size() > kMaxExpanded ? fail("expansion result is too long") : Status{};
}

/// A trusted replacement is expanded a second time, once per match, as Exim does; compiled when there is a match.
Status replace_each(const Text& subject, const Regex& regex, const Text& replacement, Expansion again, Scope& scope,
                    Text& out) {
  const SavedCaptures captures(scope);
  Regex::Spans spans;
  std::size_t at = 0, copied = 0;
  bool not_empty = false;
  while (at <= subject.size()) {
    if (scope.confined != nullptr) REMEX_CHECK(check_confinement(scope, "sg", Cost::pure));
    REMEX_TRY(const bool matched, regex.search(subject.view(), &spans, at, not_empty));
    if (!matched) break;
    const auto [from, to] = spans[0];
    out.append(subject.view().substr(copied, from - copied));
    make_captures(scope, spans.size());
    for (std::size_t i = 0; i < spans.size(); ++i) {
      const auto [a, b] = spans[i];
      const bool set = a != std::string_view::npos;
      reassign(scope.captures[i], set ? subject.view().substr(a, b - a) : std::string_view{}, subject.taint());
    }
    if (!again.is_set() && !replacement.is_tainted()) {
      REMEX_TRY(again, Expansion::cached(replacement.view(), registries_of(scope)));
    }
    if (again.is_set()) {
      REMEX_TRY(const Text piece, again.eval(scope));
      out.append(piece);
    } else {
      insert_captures(replacement.view(), scope.captures, out);
    }
    if (out.size() > kMaxExpanded) return fail("expansion result is too long");
    copied = at = to;
    not_empty = from == to;
  }
  return append_piece(out, subject.view().substr(copied), Taint::clean, 0);
}

Status eval_sg(const Node& node, Scope& scope, Text& out) {
  const auto& extra = static_cast<const SgExtra&>(*node.extra);
  Operand subject, pattern, replacement;
  REMEX_CHECK(subject.take(node, 0, scope));
  REMEX_CHECK(pattern.take(node, 1, scope));
  REMEX_CHECK(replacement.take(node, 2, scope));
  std::shared_ptr<const Regex> regex = extra.regex;
  if (regex == nullptr) {
    REMEX_TRY(regex, Regex::cached(pattern.view()));
  }
  REMEX_CHECK(append_piece(out, {}, subject.taint() | replacement.taint(), 0));
  if (extra.replacement.is_constant()) return replace_by(subject, *regex, extra.replacement.constant(), scope, out);
  return replace_each(subject.text(), *regex, replacement.text(), extra.replacement, scope, out);
}

// An empty argument is zero.
std::optional<std::int64_t> number_or_nothing(std::string_view s) {
  const std::string_view t = trim(s);
  return t.empty() ? 0 : parse_int(t);
}

Status eval_substr(const Node& node, Scope& scope, Text& out) {
  const std::size_t last = node.children.size() - 1;
  Operand given[2], s;
  for (std::size_t i = 0; i < last; ++i) REMEX_CHECK(given[i].take(node, i, scope));
  REMEX_CHECK(s.take(node, last, scope));
  std::int64_t numbers[2] = {0, -1};
  for (std::size_t i = 0; i < last; ++i) {
    const auto n = number_or_nothing(given[i].view());
    if (!n || (i == 1 && *n < 0))
      return fail(fmt::format("\"{}\" is not a {}number (in \"substr\" expansion)", given[i].view(),
                              i == 0 ? "" : "positive "));
    numbers[i] = *n;
  }
  return append_piece(out, substring(s.view(), numbers[0], numbers[1]), s.taint(), s.quoter());
}

Status eval_length(const Node& node, Scope& scope, Text& out) {
  Operand t, s;
  REMEX_CHECK(t.take(node, 0, scope));
  REMEX_CHECK(s.take(node, 1, scope));
  const auto n = number_or_nothing(t.view());
  if (!n || *n < 0) return fail(fmt::format("\"{}\" is not a positive number (in \"length\" expansion)", t.view()));
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(static_cast<std::uint64_t>(*n), s.view().size()));
  return append_piece(out, s.view().substr(0, size), s.taint(), s.quoter());
}

Status eval_tr(const Node& node, Scope& scope, Text& out) {
  Operand subject, from, to;
  REMEX_CHECK(subject.take(node, 0, scope));
  REMEX_CHECK(from.take(node, 1, scope));
  REMEX_CHECK(to.take(node, 2, scope));
  const std::size_t start = out.size();
  REMEX_CHECK(append_piece(out, subject.view(), subject.taint(), subject.quoter()));
  if (to.empty()) return {};
  std::array<char, 256> table;
  for (std::size_t c = 0; c < table.size(); ++c) table[c] = static_cast<char>(c);
  for (std::size_t i = 0; i < from.view().size(); ++i)  // the last of equal characters counts
    table[static_cast<unsigned char>(from.view()[i])] = to.view()[std::min(i, to.view().size() - 1)];
  std::string& s = out.mutable_str();
  for (auto c = s.begin() + static_cast<std::ptrdiff_t>(start); c != s.end(); ++c)
    *c = table[static_cast<unsigned char>(*c)];
  return {};
}

constexpr Example kSg[] = {{"${sg{abc}{b}{[\\$0]}}", "a[b]c"},
                           {"${sg{abc}{b}{[$0]}}", "a[]c"},
                           {"${sg{abcabc}{b}{}}", "acac"},
                           {"${sg{abc}{b}}", "", "Not enough arguments for 'sg' (min is 3)"}};
constexpr Example kSubstr[] = {
    {"${substr{-3}{2}{abcdef}}", "de"},
    {"${substr{1}{abcdef}}", "bcdef"},
    {"${substr{1}{-1}{abc}}", "", "\"-1\" is not a positive number (in \"substr\" expansion)"}};
constexpr Example kLengthExamples[] = {
    {"${length{2}{abc}}", "ab"}, {"${length{x}{abc}}", "", "\"x\" is not a positive number (in \"length\" expansion)"}};
constexpr Example kTr[] = {
    {"${tr{abc}{ab}{x}}", "xxc"}, {"${tr{abc}{}{x}}", "abc"}, {"${tr{abc}{a}}", "", "Not enough arguments for 'tr'"}};
constexpr ItemDef defs[] = {
    {.name = "sg",
     .arguments = "{subject}{regex}{replacement}",
     .summary = "Replace every match of a regular expression",
     .doc = "All arguments are expanded first; \\$0, \\$1 in the replacement name what matched.",
     .examples = kSg,
     .eval = eval_sg,
     .min_args = 3,
     .max_args = 3,
     .prepare = prepare_sg},
    {.name = "substr",
     .arguments = "{start}{length}{string}",
     .summary = "A part of a string",
     .doc = "As the operator.",
     .examples = kSubstr,
     .tier = 2,
     .eval = eval_substr,
     .min_args = 2,
     .max_args = 3},
    {.name = "length",
     .arguments = "{n}{string}",
     .summary = "The first n bytes",
     .doc = "As the operator.",
     .examples = kLengthExamples,
     .tier = 2,
     .eval = eval_length,
     .min_args = 2,
     .max_args = 2},
    {.name = "tr",
     .arguments = "{subject}{characters}{replacements}",
     .summary = "Translate bytes",
     .doc = "The last replacement is repeated; none means no change.",
     .examples = kTr,
     .tier = 2,
     .eval = eval_tr,
     .min_args = 3,
     .max_args = 3},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::items {
extern const std::span<const ItemDef> strings;
constinit const std::span<const ItemDef> strings{lang::defs};
}  // namespace remex::registry::items
