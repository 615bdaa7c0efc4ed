// The examples of registry entries as the reference shows them and the tests run them: those an entry has, and those
// that follow from its type. Nothing here fails.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lang/registry.h"

namespace remex::lang {

/// All examples of one entry. `cannot_fail`: why none of them fails; empty when one does.
struct ExampleSet {
  std::vector<Example> list;
  std::string_view cannot_fail = {};
};

/// The value every option of this type refuses; input null where any text is taken.
Example refused_value(OptionType type);

/// An option's own examples; without one that is refused, the one of its type.
ExampleSet examples_of(const OptionDef& option);
/// A variable's own examples, in the situation the variable names; one that is always tainted is refused as a file
/// name.
ExampleSet examples_of(const VariableDef& variable);
inline std::array<Example, 2> written_examples(const Examples& e) { return e.list(); }
inline std::span<const Example> written_examples(std::span<const Example> e) { return e; }

/// Entries with examples and perhaps a reason why none fails: operators, ACL words, drivers...
template <class Def>
ExampleSet examples_of(const Def& def) {
  ExampleSet set;
  for (const Example& e : written_examples(def.examples)) {
    if (e.input.data() == nullptr) continue;
    set.list.push_back(e);
    if constexpr (requires { def.where; })
      if (e.where == Where::usual) set.list.back().where = def.where;
  }
  if constexpr (requires { def.cannot_fail; }) set.cannot_fail = def.cannot_fail;
  return set;
}

/// "in the RCPT ACL"; empty for Where::usual and Where::anywhere.
std::string_view where_phrase(Where where);
/// One word of a situation, for programs: "rcpt".
std::string_view where_word(Where where);

/// The part of docs/reference/README.md that shows what the examples stand in. The tests read its code blocks.
std::string examples_markdown();
/// The configuration around the example of an option or a driver: @main@, @routers@, @transports@ and @authenticators@
/// stand where it goes.
extern const std::string_view kExampleSurroundings;

}  // namespace remex::lang
