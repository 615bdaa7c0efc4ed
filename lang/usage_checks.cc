// Hints about what is defined and never used: named lists, ACLs, transports, macros.
//
// Every word of every value is collected once; a name that is nowhere among them is not used. What only builds a name
// at run time ("acl_${x}") hides it, which is why these are hints.
#include <fmt/format.h>

#include <string>
#include <unordered_set>

#include "core/base/strings.h"
#include "lang/checks.h"
#include "lang/macros.h"

namespace remex::lang {
namespace {

constexpr std::size_t kMaxMacros = 500;  // looked for in the text of the files

class Words {
 public:
  explicit Words(const Config& config) {
    for (const auto& g : config.main_given) add(g.value.text());
    for (const auto* drivers : {&config.routers, &config.transports, &config.authenticators})
      for (const DriverInstance& d : *drivers)
        for (const auto& g : d.given) add(g.value.text());
    for (const auto& kind : config.named_lists)
      for (const auto& [name, named] : kind)
        if (named.list.is_set()) add(named.list.source_text());
    for (const RetryRule& r : config.retry) {
      add(r.pattern_text);
      if (r.senders.is_set()) add(r.senders.source_text());
    }
    for (const RewriteRule& r : config.rewrite) {
      add(r.pattern_text);
      add(r.replacement_source.text());
    }
    const AclCompiler* acls = config.registries->acl_compiler;
    if (acls != nullptr && acls->each_value)
      acls->each_value(config, [&](const AclValue& v) {
        if (v.value != nullptr && v.value->is_set()) add(v.value->source_text());
        if (v.list != nullptr && v.list->is_set()) add(v.list->source_text());
      });
  }
  bool has(std::string_view name) const { return words_.contains(std::string(name)); }

 private:
  void add(std::string_view text) {
    const auto part = [](char ch) { return is_alnum(ch) || ch == '_' || ch == '-'; };
    for (std::size_t i = 0; i < text.size();) {
      if (!part(text[i])) {
        ++i;
        continue;
      }
      std::size_t end = i;
      while (end < text.size() && part(text[end])) ++end;
      words_.emplace(text.substr(i, end - i));
      // "listnamed_d:name" and "+name" end where the word ends; "a-b" may be two names and a minus.
      i = end;
    }
  }
  std::unordered_set<std::string> words_;
};

void check_macros(CheckContext& c) {
  std::size_t looked = 0;
  for (const Macro& m : c.config.macros) {
    if (m.from_command_line || m.pos.file == 0 || c.macros->was_used(m.name) || ++looked > kMaxMacros) continue;
    // Lines that a condition leaves out are not substituted: look whether they mention it.
    bool mentioned = false;
    for (FileId f = 1; f <= c.config.files->count() && !mentioned; ++f) {
      const std::string& text = c.config.files->content(f);
      for (std::size_t i = text.find(m.name); i != std::string::npos && !mentioned; i = text.find(m.name, i + 1)) {
        const std::size_t nl = text.rfind('\n', i);
        const std::string_view before = trim_left(std::string_view(text).substr(
            nl == std::string::npos ? 0 : nl + 1, i - (nl == std::string::npos ? 0 : nl + 1)));
        const std::string_view after = trim_left(std::string_view(text).substr(i + m.name.size(), 40));
        mentioned = !before.starts_with('#') && !(before.empty() && after.starts_with('='));
      }
    }
    if (!mentioned)
      c.diag.hint("macro-unused", m.pos, static_cast<std::uint32_t>(m.name.size()),
                  fmt::format("macro \"{}\" is never used", m.name));
  }
}

}  // namespace

void check_usage(CheckContext& c) {
  const Words words(c.config);
  constexpr std::string_view kKinds[] = {"domainlist", "hostlist", "addresslist", "localpartlist"};
  for (std::size_t k = 0; k < 4; ++k)
    for (const auto& [name, named] : c.config.named_lists[k])
      if (!words.has(name))
        c.diag.hint("list-unused", named.pos, static_cast<std::uint32_t>(name.size()),
                    fmt::format("{} \"{}\" is never used", kKinds[k], name));
  for (const auto& [name, pos] : c.config.acl_positions)
    if (!words.has(name))
      c.diag.hint("acl-unused", pos, static_cast<std::uint32_t>(name.size()),
                  fmt::format("ACL \"{}\" is never used", name));
  for (const DriverInstance& t : c.config.transports)
    if (!words.has(t.name))
      c.diag.hint("transport-unused", t.pos, static_cast<std::uint32_t>(t.name.size()),
                  fmt::format("transport \"{}\" is never used", t.name));
  if (c.macros != nullptr && c.config.files != nullptr) check_macros(c);
}

}  // namespace remex::lang
