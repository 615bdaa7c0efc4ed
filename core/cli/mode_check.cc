// remex check: everything that is wrong with a configuration, and what the codes mean. Exit status 0: it would be
// taken.

#include <fmt/core.h>

#include <cstdio>

#include "core/base/strings.h"
#include "core/cli/modes.h"
#include "core/daemon/registries.h"
#include "lang/diagnostic_kinds.h"
#include "lang/diagnostics.h"

namespace remex::cli {
namespace {

std::string kind_json(const lang::DiagnosticKind& k) {
  using lang::json_string;
  return fmt::format("{{\"code\": {}, \"name\": {}, \"title\": {}, \"doc\": {}, \"wrong\": {}, \"right\": {}}}",
                     json_string(k.code), json_string(k.name), json_string(k.title), json_string(k.doc),
                     json_string(k.wrong), json_string(k.right));
}

int explain(const Options& o) {
  std::vector<const lang::DiagnosticKind*> kinds;
  if (o.explain == "all") {
    kinds = lang::all_diagnostic_kinds();
  } else if (const auto* k = lang::find_diagnostic_kind(o.explain); k != nullptr) {
    kinds.push_back(k);
  } else {
    std::vector<std::string_view> names;
    for (const auto* known : lang::all_diagnostic_kinds()) names.insert(names.end(), {known->code, known->name});
    const auto near = nearest(o.explain, names);
    fmt::print(stderr, "remex: \"{}\" is not the code of a diagnostic{}\n", printable(o.explain),
               near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
    return 1;
  }
  bool first = true;
  if (o.json) fmt::print("[");
  for (const auto* k : kinds) {
    if (o.json)
      fmt::print("{}\n{}", first ? "" : ",", kind_json(*k));
    else
      fmt::print("{}{}", first ? "" : "\n", lang::explain_diagnostic(*k));
    first = false;
  }
  if (o.json) fmt::print("\n]\n");
  return 0;
}

std::string counted(std::size_t n, const char* word) { return fmt::format("{} {}{}", n, word, n == 1 ? "" : "s"); }

}  // namespace

int run_check(const Options& in) {
  Options o = in;
  if (!o.explain.empty()) return explain(o);
  if (!o.arguments.empty()) o.config_file = o.arguments.front();
  auto files = std::make_shared<lang::SourceFiles>();
  lang::Diagnostics diag(*files);
  lang::LoadOptions lo;
  lo.macros = o.macros;
  lo.hints = true;
  auto config = lang::load_config(config_path(o), lo, daemon::all_registries(), diag, files);
  if (o.strict) diag.promote_warnings();
  if (o.json) {
    fmt::print("{}", diag.render_json());
    return diag.has_errors() ? 1 : 0;
  }
  fmt::print(stderr, "{}", diag.render());
  std::size_t warnings = 0, hints = 0;
  std::string_view example;
  for (const auto& d : diag.all()) {
    warnings += d.severity == lang::Severity::warning ? 1 : 0;
    hints += d.severity == lang::Severity::note ? 1 : 0;
    if (const auto* k = lang::find_diagnostic_kind(d.code); example.empty() && k != nullptr) example = k->code;
  }
  if (!example.empty()) fmt::print(stderr, "\nremex check --explain {} tells more (any code).\n", example);
  if (config)
    fmt::print("{}: {}, {}, {}; {}, {}, {}\n", config_path(o), counted(config->routers.size(), "router"),
               counted(config->transports.size(), "transport"), counted(config->acls.size(), "ACL"),
               counted(diag.error_count(), "error"), counted(warnings, "warning"), counted(hints, "hint"));
  else
    fmt::print("{}: refused; {}, {}, {}\n", config_path(o), counted(diag.error_count(), "error"),
               counted(warnings, "warning"), counted(hints, "hint"));
  return diag.has_errors() ? 1 : 0;
}

}  // namespace remex::cli
