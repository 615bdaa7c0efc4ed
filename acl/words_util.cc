// Access to the generated list of ACL words.

#include <algorithm>
#include <map>

#include "acl/word.h"

namespace remex::registry::acl_words {
extern const std::span<const std::span<const acl::AclWordDef>* const> all;
}

namespace remex::acl {

namespace {
using Index = std::map<std::string_view, const AclWordDef*>;

Index make_index(bool controls) {
  Index m;
  for (const AclWordDef* w : all_words())
    if (w->kind != WordKind::verb && (w->kind == WordKind::control) == controls) m.emplace(w->name, w);
  return m;
}

const AclWordDef* find_in(const Index& m, std::string_view name) {
  const auto it = m.find(name);
  return it == m.end() ? nullptr : it->second;
}
}  // namespace

const std::vector<const AclWordDef*>& all_words() {
  static const auto list = lang::flatten<AclWordDef>(registry::acl_words::all);
  return list;
}

const AclWordDef* find_word(std::string_view name) {
  static const Index words = make_index(false);
  return find_in(words, name);
}
const AclWordDef* find_control(std::string_view name) {
  static const Index controls = make_index(true);
  return find_in(controls, name);
}

Answer trouble(const Error& e, std::string_view what) {
  Answer a;
  a.truth = e.kind == ErrorKind::forced_fail ? Truth::yes : Truth::defer;
  a.log_message = std::string(what) + ": " + e.text;
  return a;
}

}  // namespace remex::acl
