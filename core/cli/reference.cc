// The reference from the registry entries: text of one name, JSON of all, and the pages of docs/reference.
//
// A page that cannot be written is an error with its name; what is there already is replaced.
#include "core/cli/reference.h"

#include <fmt/core.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "acl/word.h"
#include "core/base/strings.h"
#include "core/daemon/registries.h"
#include "lang/driver.h"
#include "lang/lookup.h"
#include "lang/node.h"

namespace remex::cli {

namespace {

using lang::State;

std::string_view type_word(lang::OptionType type) {
  using T = lang::OptionType;
  switch (type) {
    case T::boolean: return "boolean";
    case T::expanded_boolean: return "boolean, expanded";
    case T::integer: return "integer";
    case T::expanded_integer: return "integer, expanded";
    case T::octal: return "octal integer";
    case T::fixed: return "fixed-point number";
    case T::time: return "time";
    case T::expanded_time: return "time, expanded";
    case T::string: return "string";
    case T::expanded: return "string, expanded";
    case T::dollar_expanded: return "string, expanded when it begins with $";
    case T::string_list: return "string list";
    case T::expanded_list: return "string list, expanded";
    case T::time_list: return "time list";
    case T::domain_list: return "domain list";
    case T::host_list: return "host list";
    case T::address_list: return "address list";
    case T::local_part_list: return "local part list";
    case T::user: return "user";
    case T::group: return "group";
    case T::user_list: return "user list";
    case T::group_list: return "group list";
    case T::repeated_expanded: return "string, expanded; may be repeated";
    case T::special: return "special";
  }
  return {};
}

std::string_view taint_word(lang::TaintRule rule) {
  switch (rule) {
    case lang::TaintRule::keeps: return "as tainted as what goes in";
    case lang::TaintRule::cleans: return "never tainted";
    case lang::TaintRule::taints: return "tainted";
  }
  return {};
}

Standing standing_of(State s) { return s == State::works ? Standing::works : Standing::not_yet; }

ReferenceEntry option_entry(std::string kind, const lang::OptionDef& d) {
  ReferenceEntry e{.kind = std::move(kind), .name = d.name, .arguments = {}, .summary = d.summary};
  e.type = type_word(d.type);
  e.default_text = d.default_text;
  e.standing = standing_of(d.state);
  if (d.state == State::later) e.harmless = d.harmless;
  if (e.harmless == "*") e.standing = Standing::no_effect;
  e.examples = lang::examples_of(d);
  return e;
}

void add_drivers(std::vector<ReferenceEntry>& out, std::string_view kind,
                 const std::vector<const lang::DriverDef*>& list, const lang::DriverFamily* family) {
  for (const auto& row : family->generic_options) out.push_back(option_entry(fmt::format("{} option", kind), row));
  for (const auto* d : list) {
    ReferenceEntry e{.kind = std::string(kind), .name = d->name, .arguments = {}, .summary = d->summary};
    e.doc = d->doc;
    e.standing = standing_of(d->state);
    e.examples = lang::examples_of(*d);
    out.push_back(std::move(e));
    for (const auto& row : d->options) {
      out.push_back(option_entry(fmt::format("{} {} option", d->name, kind), row));
      if (d->state == State::later) out.back().standing = Standing::not_yet;  // there is no such driver to set it on
    }
  }
}

template <class Def>
ReferenceEntry language_entry(std::string kind, const Def& d) {
  ReferenceEntry e{.kind = std::move(kind), .name = d.name, .arguments = {}, .summary = d.summary};
  if constexpr (requires { d.arguments; }) e.arguments = d.arguments;
  if constexpr (requires { d.doc; }) e.doc = d.doc;
  if constexpr (requires { d.taint; }) e.taint = taint_word(d.taint);
  e.examples = lang::examples_of(d);
  e.standing = standing_of(d.state);
  return e;
}

std::string_view standing_word(Standing s) {
  switch (s) {
    case Standing::works: return "works";
    case Standing::no_effect: return "accepted, has no effect";
    case Standing::not_yet: return "not yet";
  }
  return {};
}

std::string plural(const std::string& kind) { return kind + "s"; }

std::string file_stem(std::string kind) {
  for (char& c : kind)
    if (c == ' ') c = '-';
  return to_lower(plural(kind));
}

std::string cell(std::string_view s) { return replace_all(replace_all(s, "|", "\\|"), "\n", " "); }
std::string code_cell(std::string_view s) { return s.empty() ? std::string() : "`" + cell(s) + "`"; }

/// An example as lines: "input  =  output  (where)". What has lines of its own gets the result on one more.
std::string example_text(const ReferenceEntry& entry, const lang::Example& e) {
  const bool option = entry.kind.ends_with("option"), several = e.input.find('\n') != std::string_view::npos;
  const bool configuration =
      option || entry.kind == "router" || entry.kind == "transport" || entry.kind == "authenticator";
  std::string out = option ? fmt::format("{} = {}", entry.name, e.input) : std::string(e.input);
  if (!e.setup.empty()) out = option ? fmt::format("{}\n{}", e.setup, out) : fmt::format("{}\n\n{}", e.setup, out);
  const std::string_view gap = several ? "\n    " : "  ";
  if (e.error != nullptr)
    out += fmt::format("{}{}: {}", gap, e.error[0] == 'E' && e.error[1] == '0' ? "refused" : "fails", e.error);
  else if (!configuration)
    out += fmt::format("{}=  {}", gap, e.output.empty() ? "(nothing)" : printable(e.output));
  const std::string_view where = lang::where_phrase(e.where);
  return where.empty() ? out : fmt::format("{}  ({})", out, where);
}

using Grouped = std::map<std::string, std::vector<const ReferenceEntry*>>;

std::string page_of(const std::string& kind, const std::vector<const ReferenceEntry*>& list) {
  const bool typed = kind.ends_with("option");
  std::string page = fmt::format("# {}\n\n", plural(kind));
  page += typed ? "| name | type | default | state | meaning |\n|---|---|---|---|---|\n"
                : "| name | arguments | state | meaning |\n|---|---|---|---|\n";
  for (const auto* e : list) {
    if (typed)
      page += fmt::format("| `{}` | {} | {} | {} | {} |\n", cell(e->name), e->type, code_cell(e->default_text),
                          standing_word(e->standing), cell(e->summary));
    else
      page += fmt::format("| `{}` | {} | {} | {} |\n", cell(e->name), code_cell(e->arguments),
                          standing_word(e->standing), cell(e->summary));
  }
  for (const auto* e : list) {
    if (e->doc.empty() && e->examples.list.empty()) continue;
    page += fmt::format("\n## {}\n\n{}{}\n", e->name, e->doc.empty() ? std::string(e->summary) + "." : e->doc,
                        e->taint.empty() ? "" : fmt::format(" The result is {}.", e->taint));
    if (!e->examples.cannot_fail.empty()) page += fmt::format("\nIt cannot fail: {}.\n", e->examples.cannot_fail);
    if (e->examples.list.empty()) continue;
    page += "\n```\n";
    for (const lang::Example& x : e->examples.list) page += example_text(*e, x) + "\n";
    page += "```\n";
  }
  return page;
}

/// Totals per kind, then every name that does not simply work.
std::string coverage_page(const Grouped& kinds) {
  std::string page =
      "# Coverage\n\nEvery name this version knows and what becomes of it: it works; it is accepted and has no effect "
      "here; or it is not there yet, and a configuration that uses it is refused.\n\n"
      "| kind | names | work | no effect | not yet |\n|---|---|---|---|---|\n";
  std::size_t sum[4] = {};
  for (const auto& [kind, list] : kinds) {
    std::size_t n[4] = {list.size()};
    for (const auto* e : list) ++n[1 + static_cast<std::size_t>(e->standing)];
    for (int i = 0; i < 4; ++i) sum[i] += n[i];
    page += fmt::format("| [{}]({}.md) | {} | {} | {} | {} |\n", plural(kind), file_stem(kind), n[0], n[1], n[2], n[3]);
  }
  page += fmt::format("| all | {} | {} | {} | {} |\n", sum[0], sum[1], sum[2], sum[3]);
  for (const auto& [kind, list] : kinds) {
    page += fmt::format("\n## {}\n\n| name | state |\n|---|---|\n", plural(kind));
    for (const auto* e : list) {
      const bool some = !e->harmless.empty() && e->standing == Standing::not_yet;
      page += fmt::format("| `{}` | {}{} |\n", cell(e->name), standing_word(e->standing),
                          some ? fmt::format("; accepted without effect: {}", code_cell(e->harmless)) : "");
    }
  }
  return page;
}

bool write_page(const std::string& directory, const std::string& name, const std::string& text) {
  std::ofstream out(directory + "/" + name);
  out << text;
  out.close();
  if (out) return true;
  fmt::print(stderr, "remex: cannot write {}/{}\n", directory, name);
  return false;
}

}  // namespace

std::vector<ReferenceEntry> reference_entries() {
  static constexpr const char* kAclKinds[] = {"ACL condition", "ACL modifier", "ACL control", "ACL verb"};
  static const auto reg = daemon::all_registries();  // entries are views into it
  std::vector<ReferenceEntry> out;
  for (const auto* d : reg->main_options) out.push_back(option_entry("main option", *d));
  for (const auto* d : reg->operators) out.push_back(language_entry("operator", *d));
  for (const auto* d : reg->items) out.push_back(language_entry("item", *d));
  for (const auto* d : reg->conditions) out.push_back(language_entry("condition", *d));
  for (const auto* d : reg->variables) out.push_back(language_entry("variable", *d));
  for (const auto* d : reg->lookups) out.push_back(language_entry("lookup", *d));
  for (const auto* w : acl::all_words())
    out.push_back(language_entry(kAclKinds[static_cast<std::size_t>(w->kind)], *w));
  add_drivers(out, "router", reg->routers, reg->families[0]);
  add_drivers(out, "transport", reg->transports, reg->families[1]);
  add_drivers(out, "authenticator", reg->authenticators, reg->families[2]);
  return out;
}

std::string describe(const ReferenceEntry& e) {
  std::string out =
      fmt::format("{} ({}){}\n    {}\n", e.name, e.kind,
                  e.standing == Standing::works ? "" : fmt::format(": {}", standing_word(e.standing)), e.summary);
  if (!e.arguments.empty()) out += fmt::format("    arguments: {}\n", e.arguments);
  if (!e.doc.empty()) out += fmt::format("    {}\n", e.doc);
  if (!e.type.empty()) out += fmt::format("    type: {}\n", e.type);
  if (!e.default_text.empty()) out += fmt::format("    default: {}\n", e.default_text);
  if (!e.harmless.empty() && e.harmless != "*") out += fmt::format("    accepted without effect: {}\n", e.harmless);
  if (!e.taint.empty()) out += fmt::format("    result: {}\n", e.taint);
  for (const lang::Example& x : e.examples.list)
    out += "        " + replace_all(example_text(e, x), "\n", "\n        ") + "\n";
  if (!e.examples.cannot_fail.empty()) out += fmt::format("    cannot fail: {}\n", e.examples.cannot_fail);
  return out;
}

std::string reference_json() {
  std::string out = "[";
  for (const auto& e : reference_entries()) {
    nlohmann::json j = {
        {"kind", e.kind}, {"name", e.name}, {"state", standing_word(e.standing)}, {"summary", e.summary}};
    const std::pair<const char*, std::string_view> optional[] = {
        {"arguments", e.arguments},  {"doc", e.doc},           {"type", e.type},
        {"default", e.default_text}, {"harmless", e.harmless}, {"taint", e.taint},
    };
    for (const auto& [key, value] : optional)
      if (!value.empty()) j[key] = value;
    if (!e.examples.cannot_fail.empty()) j["cannot_fail"] = e.examples.cannot_fail;
    for (const lang::Example& x : e.examples.list) {
      nlohmann::json one = {{"input", x.input}};
      if (!x.setup.empty()) one["setup"] = x.setup;
      if (const auto where = lang::where_word(x.where); !where.empty()) one["where"] = where;
      if (x.error != nullptr)
        one["error"] = x.error;
      else
        one["output"] = x.output;
      j["examples"].push_back(std::move(one));
    }
    out += (out.size() > 1 ? ",\n" : "\n") + j.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  return out + "\n]\n";
}

int write_reference(const std::string& directory) {
  std::error_code ec;
  std::filesystem::create_directories(directory, ec);
  const auto entries = reference_entries();
  Grouped kinds;
  for (const auto& e : entries) kinds[e.kind].push_back(&e);
  std::string index =
      "# Reference\n\nGenerated from the registry entries by `remex help --markdown`; [coverage.md](coverage.md) has "
      "the state of every name.\n\n| kind | names | work |\n|---|---|---|\n";
  for (const auto& [kind, list] : kinds) {
    if (!write_page(directory, file_stem(kind) + ".md", page_of(kind, list))) return 1;
    std::size_t works = 0;
    for (const auto* e : list) works += e->standing == Standing::works ? 1U : 0U;
    index += fmt::format("| [{}]({}.md) | {} | {} |\n", plural(kind), file_stem(kind), list.size(), works);
  }
  index += "\n" + lang::examples_markdown();
  return write_page(directory, "README.md", index) && write_page(directory, "coverage.md", coverage_page(kinds)) ? 0
                                                                                                                 : 1;
}

}  // namespace remex::cli
