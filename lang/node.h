// The compiled form of an expansion, and the descriptors of operators, items and conditions that it is made of.
//
// Used by the compiler (lang/compiler.cc makes the tree), the evaluator (lang/evaluator.cc walks it), the static checks
// (they read it), and by every file in lang/operators, lang/items, lang/conditions (they are it). The tree is immutable
// after compilation and shared by all fibers and reloads in flight. Nothing here fails by itself: functions return
// Result.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/text.h"
#include "lang/registry.h"

namespace remex::lang {

class Parser;   // lang/compiler.h
class Operand;  // lang/operand.h
class Scope;
struct Node;
using NodePtr = std::unique_ptr<Node>;

enum class NodeKind : std::uint8_t {
  constant,   ///< text is the value
  variable,   ///< $name: variable is the descriptor, text the full name
  capture,    ///< $0, $1, ...: number[0]
  header,     ///< $h_name: text is the name, form the kind of insertion
  sequence,   ///< children one behind the other
  op,         ///< ${op_args:string}: children[0] is the string, numbers the arguments, text the name as written
  item,       ///< ${item ...}: children, yes, no and extra as the item's parser made them
  condition,  ///< inside items: children are its arguments or sub-conditions
};

enum class HeaderForm : std::uint8_t { decoded, raw, binary, list };  // $h_ $rh_ $bh_ $lh_

/// What an entry prepares at compile time (a compiled regex, a lookup specification).
struct NodeExtra {
  virtual ~NodeExtra() = default;
};

struct Node {
  NodeKind kind = NodeKind::constant;
  HeaderForm form = HeaderForm::decoded;
  bool negated = false;       ///< condition: "!" before it
  bool has_branches = false;  ///< item: {yes} was given
  bool fail_on_no = false;    ///< item: the word `fail` stands in the place of the second string
  bool only_truth = false;    ///< condition: nobody looks at the captures and the $value it would leave
  bool still = false;         ///< evaluating it neither parks nor changes $item, $value or an ACL argument
  std::uint32_t offset = 0;   ///< first character in the source text (of the "$" for insertions)
  std::uint32_t length = 0;
  std::string text;
  union {
    const void* def = nullptr;
    const VariableDef* variable;
    const OperatorDef* op;
    const ItemDef* item;
    const ConditionDef* condition;
  };
  const LookupDef* lookup = nullptr;  ///< ${lookup ...}, ${quote_<type>:...}, else null
  std::vector<NodePtr> children;
  NodePtr yes, no;  ///< null = not given
  std::vector<std::int64_t> numbers;
  std::unique_ptr<NodeExtra> extra;

  explicit Node(NodeKind k = NodeKind::constant, std::size_t at = 0)
      : kind(k), offset(static_cast<std::uint32_t>(at)) {}
};

/// ${name_args:string}
struct OperatorDef {
  std::string_view name;  ///< a trailing * takes any rest ("quote_*")
  std::string_view summary;
  std::string_view doc;
  TaintRule taint = TaintRule::keeps;
  Cost cost = Cost::pure;
  std::span<const Example> examples = {};
  std::string_view cannot_fail = {};  ///< why no example fails
  State state = State::works;
  std::uint8_t tier = 1;
  /// Most operators: bytes in, bytes out; the evaluator applies the taint rule. Error texts are Exim's.
  Result<std::string> (*apply)(Scope&, const Node&, std::string in) = nullptr;
  /// Those that look at taint or quoting themselves; the evaluator leaves the result alone.
  Result<Text> (*apply_text)(Scope&, const Node&, Text in) = nullptr;
  /// Instead of `apply`, for operators that are used in loops: the string is what stands in `out` from `from` on, and
  /// is replaced there. Only for TaintRule::keeps.
  Status (*in_place)(Scope&, const Node&, std::string& out, std::size_t from) = nullptr;
  QuoterId marks = 0;  ///< in_place: the quoter of the result
  /// With `in_place`: the result where it is a part of the string as that stands, for callers who need no copy.
  /// nullopt: this one has to be made.
  std::optional<std::string_view> (*part)(const Node&, std::string_view in) = nullptr;
  /// Numbers behind underscores: at least, at most. A suffix that is no number goes to `accepts_suffix`.
  std::uint8_t min_args = 0, max_args = 0;
  bool negative_first = false;  ///< the first number may be negative (substr)
  bool accepts_suffix = false;  ///< any text behind the underscore (listnamed_d); Node::text has all
};

/// ${name ...}
struct ItemDef {
  std::string_view name;
  std::string_view arguments;  ///< for the manual: "{subject}{regex}{replacement}"
  std::string_view summary;
  std::string_view doc;
  TaintRule taint = TaintRule::keeps;
  Cost cost = Cost::pure;
  std::span<const Example> examples = {};
  std::string_view cannot_fail = {};  ///< why no example fails
  State state = State::works;
  std::uint8_t tier = 1;
  /// Appends the value.
  Status (*eval)(const Node&, Scope&, Text& out) = nullptr;
  /// Reads what stands between the name and the closing brace. Null: min_args..max_args brace groups, then branches.
  Status (*parse)(Parser&, Node&) = nullptr;
  std::uint8_t min_args = 0, max_args = 0;
  bool branches = false;  ///< {yes}{no} may follow
  /// Makes what can be made of constant arguments, into Node::extra. What is wrong with them is found when it runs.
  void (*prepare)(const Registries&, Node&) = nullptr;
};

/// Used by ${if and whatever takes a condition.
struct ConditionDef {
  std::string_view name;
  std::string_view arguments;
  std::string_view summary;
  std::string_view doc;
  TaintRule taint = TaintRule::keeps;  ///< of $value and captures it sets
  Cost cost = Cost::pure;
  std::span<const Example> examples = {};
  std::string_view cannot_fail = {};  ///< why no example fails
  State state = State::works;
  std::uint8_t tier = 1;
  /// Without the negation.
  Result<bool> (*test)(const Node&, Scope&) = nullptr;
  /// Null: exactly `args` brace groups.
  Status (*parse)(Parser&, Node&) = nullptr;
  std::uint8_t args = 0;
};

// ------------------------------------------------------------------ evaluation (lang/evaluator.cc)

/// Longest value an expansion may make; beyond it the expansion fails.
inline constexpr std::size_t kMaxExpanded = 16U << 20U;
/// Deepest nesting of evaluation ($acl, ${expand}, lists in expansions) and of braces in one string.
inline constexpr int kMaxEvalDepth = 60;
inline constexpr int kMaxParseDepth = 100;

/// Appends the value of a node. May park.
Status eval_into(const Node& node, Scope& scope, Text& out);
/// The value of a node (null = empty).
Result<Text> eval_node(const Node* node, Scope& scope);
/// eval_node of children[i]; empty when there is none.
Result<Text> eval_arg(const Node& node, std::size_t i, Scope& scope);
/// A condition node, negation included.
Result<bool> eval_condition(const Node& node, Scope& scope);
/// The yes/no tail of an item. `value`: $value inside the yes string, and the result when no string was given.
/// With no strings and value null the result is "true" or nothing.
Status eval_branches(const Node& node, Scope& scope, bool success, const Text* value, Text& out,
                     bool value_in_no = false);
/// eval_branches for a part of `whole`, which is not copied unless the yes string needs it as $value. nullopt: no.
Status eval_branches_of(const Node& node, Scope& scope, std::optional<std::string_view> part, const Operand& whole,
                        Text& out);
/// Appends with the size limit.
Status append_limited(Text& out, const Text& piece);
Status append_limited(Text& out, Text&& piece);

/// Appends bytes with the taint and quoter of the value they are a part of.
Status append_piece(Text& out, std::string_view bytes, Taint taint, QuoterId quoter);

/// Sets Scope::value for a block.
class SavedValue {
 public:
  explicit SavedValue(Scope& s);
  ~SavedValue();
  bool had() const { return had_; }
  const Text& get() const { return saved_; }
  SavedValue(const SavedValue&) = delete;
  SavedValue& operator=(const SavedValue&) = delete;

 private:
  Scope& scope_;
  bool had_;
  Text saved_;
};

/// The registries an evaluation uses: of the configuration, else the language's own (no lookups).
const Registries& registries_of(const Scope& scope);
/// The language's own entries: operators, items, conditions, variables, main options.
std::shared_ptr<Registries> make_language_registries();

/// "Tainted filename '...'": refuses tainted text for a sink; `what` as in Exim ("filename", "command"...).
Status refuse_tainted(const Text& t, std::string_view what);

/// Parses the integers of numeric conditions: blanks around, sign, K/M/G; empty is 0. Exim's error texts.
Result<std::int64_t> parse_expansion_integer(std::string_view s);

/// $h_name and friends (lang/header_insert.cc).
Result<Text> insert_header(Scope& scope, std::string_view name, HeaderForm form);

}  // namespace remex::lang
