// ${lookup{key} type {file}{yes}{no}} and ${lookup type {query}{yes}{no}}.
#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/branches.h"
#include "lang/compiler.h"
#include "lang/lookup_engine.h"
#include "lang/node.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

struct Extra : NodeExtra {
  LookupSpec spec;
};

Status parse_lookup(Parser& p, Node& node) {
  p.skip_blanks();
  const bool keyed = p.peek() == '{';
  if (keyed) REMEX_CHECK(p.group(node));
  p.skip_blanks();
  const std::size_t at = p.position();
  if (p.at_end() || p.peek() == '}') return p.fail("missing-lookup-type", "missing lookup type", at);
  // To the brace of the file or query; an affix like partial(.) has no braces.
  const std::string_view rest = p.rest();
  const std::size_t end = std::min(rest.find_first_of("{"), rest.size());
  const std::string_view spec = trim(rest.substr(0, end));
  p.advance(end);
  auto parsed = parse_lookup_spec(spec, p.registries());
  if (!parsed) {
    const std::string_view near = nearest_lookup(lookup_type_word(spec), p.registries());
    std::string text = std::move(parsed).error().text;
    text.resize(std::min(text.find(" (did you mean"), text.size()));  // the hint below says it
    return p.fail("unknown-lookup", std::move(text), at, spec.size(),
                  near.empty() ? std::string{} : fmt::format("did you mean \"{}\"?", near));
  }
  if (parsed->def->state == State::later) {
    return p.fail("not-supported", fmt::format("lookup type \"{}\" is not supported yet", parsed->def->name), at,
                  spec.size());
  }
  if (keyed && parsed->style() == LookupStyle::query) {
    return p.fail("lookup-style",
                  fmt::format("a single key was given for lookup type \"{}\", which is not a single-key lookup type",
                              parsed->def->name),
                  at, spec.size());
  }
  if (!keyed && parsed->style() == LookupStyle::single_key) {
    return p.fail("lookup-style", fmt::format("missing {{key}} for single-key \"{}\" lookup", parsed->def->name), at,
                  spec.size());
  }
  node.lookup = parsed->def;
  auto extra = std::make_unique<Extra>();
  extra->spec = std::move(*parsed);
  node.extra = std::move(extra);
  REMEX_CHECK(p.required_group(node, "lookup file-or-query arg"));
  return p.branches(node, "lookup");
}

// A file that cannot be opened speaks for itself; other deferrals say for which key they happened.
Error name_key(Error e, const Text& key) {
  if (e.kind != ErrorKind::defer || e.text.starts_with("failed to open") || e.text.ends_with(" lookup)")) return e;
  e.text = fmt::format("lookup of \"{}\" gave DEFER: {}", printable(key.view()), e.text);
  return e;
}

Status eval_lookup(const Node& node, Scope& scope, Text& out) {
  const LookupSpec& spec = static_cast<const Extra&>(*node.extra).spec;
  REMEX_TRY(const Text first, eval_arg(node, 0, scope));
  REMEX_TRY(const Text file, eval_arg(node, 1, scope));  // empty for a query
  PartialMatch partial;
  LookupResult looked_up = run_lookup(scope, spec, first, file, &partial);
  if (!looked_up) return std::unexpected(name_key(std::move(looked_up).error(), first));
  std::optional<Text> data = std::move(*looked_up);
  const SavedCaptures captures(scope);
  if (spec.partial >= 0 && data && !partial.used) scope.captures = {first, Text{}, first};  // nothing of it was wild
  if (partial.used) {
    const Taint taint = first.taint();
    scope.captures = {first, Text(partial.wild, taint), Text(partial.fixed, taint)};
  }
  return eval_branches_taking(node, scope, data.has_value(), data ? &*data : nullptr, out);
}

constexpr Example kExamples[] = {
    {"${lookup{x}nosuchtype{/x}}", "", "unknown lookup type \"nosuchtype\""},
    {"${lookup{x}}", "", "missing lookup type"},
};

constexpr ItemDef defs[] = {
    {.name = "lookup",
     .arguments = "{key} type {file}{yes}{no} or type {query}{yes}{no}",
     .summary = "Look data up in a file or database; $value in the yes string",
     .doc = "Not found gives the second string or nothing; a lookup that could not be done defers. "
            "The data is trusted; file names must not be tainted.",
     .taint = TaintRule::cleans,
     .cost = Cost::waits,
     .examples = kExamples,
     .eval = eval_lookup,
     .parse = parse_lookup}};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::items {
extern const std::span<const ItemDef> lookup;
constinit const std::span<const ItemDef> lookup{lang::defs};
}  // namespace remex::registry::items
