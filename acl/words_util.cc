// Access to the generated list of ACL words.

#include <algorithm>
#include <map>

#include "acl/word.h"

namespace remex::registry::acl_words {
extern const std::span<const std::span<const acl::AclWordDef>* const> all;
}

namespace remex::acl {

namespace {
const std::map<std::string_view, const AclWordDef*>& index(bool controls) {
  static const auto make = [](bool want) {
    std::map<std::string_view, const AclWordDef*> m;
    for (const AclWordDef* w : all_words())
      if ((w->kind == WordKind::control) == want) m.emplace(w->name, w);
    return m;
  };
  static const std::map<std::string_view, const AclWordDef*> words = make(false), control_words = make(true);
  return controls ? control_words : words;
}

const AclWordDef* find_in(std::string_view name, bool controls) {
  const auto& m = index(controls);
  const auto it = m.find(name);
  return it == m.end() ? nullptr : it->second;
}
}  // namespace

const std::vector<const AclWordDef*>& all_words() {
  static const auto list = lang::flatten<AclWordDef>(registry::acl_words::all);
  return list;
}

const AclWordDef* find_word(std::string_view name) { return find_in(name, false); }
const AclWordDef* find_control(std::string_view name) { return find_in(name, true); }

Answer trouble(const Error& e, std::string_view what) {
  Answer a;
  a.truth = e.kind == ErrorKind::forced_fail ? Truth::yes : Truth::defer;
  a.log_message = std::string(what) + ": " + e.text;
  return a;
}

}  // namespace remex::acl
