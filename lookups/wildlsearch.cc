// wildlsearch and nwildlsearch: lsearch whose keys are patterns (*suffix, ^regex, a nested lookup). wildlsearch expands
// each key before it compares, so a look-up may park. Linear by nature; the first key that matches wins.
#include "core/base/strings.h"
#include "lang/expand.h"
#include "lang/list.h"
#include "lang/lookup.h"
#include "lang/scope.h"
#include "lookups/linear_file.h"

namespace remex::lookups {

namespace {

using namespace lang;

struct PatternFile : LookupHandle {
  std::vector<LinearRecord> records;
};

Result<std::unique_ptr<LookupHandle>> open(Scope&, const std::string& file) {
  auto handle = std::make_unique<PatternFile>();
  REMEX_TRY(handle->records, read_linear_file(file, "wildlsearch"));
  return handle;
}

/// One key against one pattern.
Result<bool> matches(Scope& scope, const Text& pattern, const Text& key) {
  const std::string_view p = pattern.view();
  if (p.starts_with('*')) return iends_with(key.view(), p.substr(1));
  if (!p.starts_with('^') && p.find(';') == std::string_view::npos) return iequals(p, key.view());
  if (p.starts_with('^') || is_alpha(p.empty() ? ' ' : p.front())) {
    // The engine of lists knows regular expressions and nested lookups; as a list of one item, separator doubled.
    REMEX_TRY(const ListMatch got,
              match_list_text(scope, ListKind::domain, pattern.with(join_list({pattern.str()})), key));
    return got.matched;
  }
  return iequals(p, key.view());
}

LookupResult find_pattern(Scope& scope, LookupHandle* handle, const LookupRequest& request, bool expand) {
  const auto& file = *static_cast<PatternFile*>(handle);
  const SavedCaptures saved(scope);
  for (const LinearRecord& r : file.records) {
    Text pattern(r.key);
    if (expand && r.key.find_first_of("$\\") != std::string::npos) {
      auto expanded = expand_once(r.key, scope);
      if (!expanded) {
        if (expanded.error().kind == ErrorKind::forced_fail) continue;
        return defer("expansion of key \"" + printable(r.key) + "\" failed: " + expanded.error().text);
      }
      pattern = std::move(*expanded);
    }
    REMEX_TRY(const bool hit, matches(scope, pattern, request.key));
    if (hit) return std::optional<Text>(Text(wants_full(request.options) ? full_line(r) : r.data));
  }
  return std::optional<Text>();
}

LookupResult find_expanded(Scope& scope, LookupHandle* handle, const LookupRequest& request) {
  return find_pattern(scope, handle, request, true);
}
LookupResult find_literal(Scope& scope, LookupHandle* handle, const LookupRequest& request) {
  return find_pattern(scope, handle, request, false);
}

constexpr Example kNwildlsearchExamples[] = {
    {.input = "${lookup{mx3.example.net}nwildlsearch{/etc/remex/partners}}",
     .output = "friend",
     .setup = "*.example.org: known\n^mx[0-9]\\.: friend\nexample.net: plain"},
    {.input = "${lookup{nobody.test}nwildlsearch{/etc/remex/partners}{$value}fail}",
     .error = "failed and \"fail\" requested",
     .setup = "*.example.org: known"}};
constexpr Example kWildlsearchExamples[] = {
    {.input = "${lookup{mail.example.com}wildlsearch{/etc/remex/partners}}",
     .output = "this host",
     .setup = "$primary_hostname: this host\n*.example.org: known"},
    {.input = "${lookup{nobody.test}wildlsearch{/etc/remex/partners}{$value}fail}",
     .error = "failed and \"fail\" requested",
     .setup = "*.example.org: known"}};

constexpr LookupDef defs[] = {
    {.name = "nwildlsearch",
     .style = LookupStyle::single_key,
     .summary = "lsearch with wildcards and regular expressions as keys",
     .doc = "Keys are compared in file order: *suffix, ^regex, type;file or plain text, all caseless.",
     .examples = kNwildlsearchExamples,
     .options = "ret=full",
     .open = open,
     .find = find_literal},
    {.name = "wildlsearch",
     .style = LookupStyle::single_key,
     .summary = "nwildlsearch whose keys are expanded first",
     .doc = "As nwildlsearch, but each key of the file is expanded before it is compared; \\N protects a regular "
            "expression.",
     .examples = kWildlsearchExamples,
     .options = "ret=full",
     .open = open,
     .find = find_expanded},
};

}  // namespace

}  // namespace remex::lookups

namespace remex::registry::lookups {
extern const std::span<const LookupDef> wildlsearch;
constinit const std::span<const LookupDef> wildlsearch{remex::lookups::defs};
}  // namespace remex::registry::lookups
