// Walks a compiled expansion. Values are appended to one growing Text; taint joins on the way.
//
// Called by Expansion::eval and by the entries themselves for their arguments. Failure: the first error ends the
// evaluation and is returned with Exim's text; a forced failure has kind forced_fail.
#include <fmt/format.h>

#include <utility>

#include "core/base/strings.h"
#include "lang/branches.h"
#include "lang/config.h"
#include "lang/confinement.h"
#include "lang/node.h"
#include "lang/operand.h"
#include "lang/scope.h"

namespace remex::lang {

SavedValue::SavedValue(Scope& s) : scope_(s), had_(s.value.has_value()) {
  if (had_) saved_ = std::move(*s.value);
}

SavedValue::~SavedValue() {
  if (had_) {
    scope_.value = std::move(saved_);
  } else {
    scope_.value.reset();
  }
}

namespace {

/// Captures of this thread that were dropped, for the next ones: a loop over a list makes them for every item.
constexpr std::size_t kKeptCaptures = 10;
constexpr std::size_t kKeptCaptureBytes = 1024;  ///< of each
thread_local std::vector<Text> spare_captures;

}  // namespace

void make_captures(Scope& scope, std::size_t count) {
  if (scope.captures.capacity() == 0) scope.captures.swap(spare_captures);
  scope.captures.resize(count);
}

void drop_captures(std::vector<Text>&& captures) {
  if (captures.empty() || captures.size() > kKeptCaptures || spare_captures.capacity() != 0) return;
  for (const Text& t : captures)
    if (t.str().capacity() > kKeptCaptureBytes) return;
  spare_captures = std::move(captures);
}

Status append_limited(Text& out, const Text& piece) {
  if (out.size() + piece.size() > kMaxExpanded) return fail("expansion result is too long");
  if (out.empty() && !out.is_tainted()) {
    out = piece;
  } else {
    out.append(piece);
  }
  return {};
}

Status append_limited(Text& out, Text&& piece) {
  if (!out.empty() || out.is_tainted()) return append_limited(out, std::as_const(piece));
  if (piece.size() > kMaxExpanded) return fail("expansion result is too long");
  out = std::move(piece);
  return {};
}

Status append_piece(Text& out, std::string_view bytes, Taint taint, QuoterId quoter) {
  if (out.size() + bytes.size() > kMaxExpanded) return fail("expansion result is too long");
  if (taint == Taint::tainted && !(out.is_tainted() && out.quoter() == quoter))
    out.append(Text(std::string(), taint, quoter));
  out.append(bytes);
  return {};
}

namespace {

/// The operand is evaluated behind what `out` has and changed there. The result has its taint, and the operator's mark.
Status operate_in_place(const Node& node, Scope& scope, Text& out) {
  const Taint taint = out.taint();
  const QuoterId quoter = out.quoter();
  const std::size_t from = out.size();
  out.set_taint(Taint::clean);
  out.set_quoter(0);
  REMEX_CHECK(eval_into(*node.children[0], scope, out));
  const bool tainted = out.is_tainted();
  REMEX_CHECK(node.op->in_place(scope, node, out.mutable_str(), from));
  out.set_taint(taint);
  out.set_quoter(quoter);
  if (tainted) out.append(Text(std::string(), Taint::tainted, node.op->marks));
  if (out.size() > kMaxExpanded) return fail("expansion result is too long");
  return {};
}

Status eval_operator(const Node& node, Scope& scope, Text& out) {
  const OperatorDef& def = *node.op;
  if (scope.confined != nullptr) REMEX_CHECK(check_confinement(scope, def.name, def.cost));
  if (def.part != nullptr)
    if (const Text* there = peek_variable(*node.children[0], scope))
      if (const auto part = def.part(node, there->view())) return append_piece(out, *part, there->taint(), 0);
  if (def.in_place != nullptr) return operate_in_place(node, scope, out);
  Text in;
  REMEX_CHECK(eval_into(*node.children[0], scope, in));
  if (def.apply_text != nullptr) {
    auto value = def.apply_text(scope, node, std::move(in));
    if (!value) return std::unexpected(std::move(value).error());
    return append_limited(out, std::move(*value));
  }
  Taint taint = in.taint();
  if (def.taint == TaintRule::cleans) taint = Taint::clean;
  if (def.taint == TaintRule::taints) taint = Taint::tainted;
  auto value = def.apply(scope, node, std::move(in).str());
  if (!value) return std::unexpected(std::move(value).error());
  return append_limited(out, Text(std::move(*value), taint));
}

}  // namespace

Status eval_into(const Node& node, Scope& scope, Text& out) {
  switch (node.kind) {
    case NodeKind::constant:
      if (out.size() + node.text.size() > kMaxExpanded) return fail("expansion result is too long");
      out.append(std::string_view(node.text));
      return {};
    case NodeKind::variable: {
      if (node.variable->peek != nullptr) {
        const Text* there = node.variable->peek(scope);
        return there == nullptr ? Status{} : append_limited(out, *there);
      }
      if (node.variable->find != nullptr)
        if (const Text* there = node.variable->find(scope, node.text)) return append_limited(out, *there);
      auto value = node.variable->get(scope, node.text);
      if (!value) return std::unexpected(std::move(value).error());
      return append_limited(out, std::move(*value));
    }
    case NodeKind::capture: {
      const auto n = static_cast<std::size_t>(node.numbers[0]);
      if (n < scope.captures.size()) return append_limited(out, scope.captures[n]);
      return {};
    }
    case NodeKind::header: {
      REMEX_TRY(const Text value, insert_header(scope, node.text, node.form));
      return append_limited(out, value);
    }
    case NodeKind::sequence:
      for (const NodePtr& child : node.children) REMEX_CHECK(eval_into(*child, scope, out));
      return {};
    case NodeKind::op: return eval_operator(node, scope, out);
    case NodeKind::item:
      if (scope.confined != nullptr) REMEX_CHECK(check_confinement(scope, node.item->name, node.item->cost));
      return node.item->eval(node, scope, out);
    case NodeKind::condition: break;
  }
  throw std::logic_error("a condition was evaluated as a string");
}

Result<Text> eval_node(const Node* node, Scope& scope) {
  if (node != nullptr && node->kind == NodeKind::variable) return node->variable->get(scope, node->text);
  Result<Text> out(std::in_place);  // the value is made where the caller gets it
  if (node == nullptr) return out;
  if (Status done = eval_into(*node, scope, *out); !done) return std::unexpected(std::move(done).error());
  return out;
}

Result<Text> eval_arg(const Node& node, std::size_t i, Scope& scope) {
  return eval_node(i < node.children.size() ? node.children[i].get() : nullptr, scope);
}

Result<bool> eval_condition(const Node& node, Scope& scope) {
  if (scope.confined != nullptr) REMEX_CHECK(check_confinement(scope, node.condition->name, node.condition->cost));
  Result<bool> truth = node.condition->test(node, scope);
  if (truth && node.negated) *truth = !*truth;
  return truth;
}

namespace {

bool is_value(const Node& branch) { return branch.kind == NodeKind::variable && branch.text == "value"; }

/// The branch to evaluate, after what has no branch was dealt with.
Result<const Node*> choose_branch(const Node& node, bool success, const Text* value, Text& out) {
  if (!success && node.fail_on_no) {
    return fail(ErrorKind::forced_fail, fmt::format("\"{}\" failed and \"fail\" requested", node.text));
  }
  if (node.has_branches) return success ? node.yes.get() : node.no.get();
  if (success && value != nullptr) REMEX_CHECK(append_limited(out, *value));
  if (success && value == nullptr) out.append(std::string_view("true"));
  return nullptr;
}

}  // namespace

Status eval_branches(const Node& node, Scope& scope, bool success, const Text* value, Text& out, bool value_in_no) {
  if (node.has_branches && value == nullptr && (success || !node.fail_on_no)) {  // ${if, nearly always
    const Node* chosen = success ? node.yes.get() : node.no.get();
    return chosen == nullptr ? Status{} : eval_into(*chosen, scope, out);
  }
  REMEX_TRY(const Node* branch, choose_branch(node, success, value, out));
  if (branch == nullptr) return {};
  if (value == nullptr || !(success || value_in_no)) return eval_into(*branch, scope, out);
  const SavedValue saved(scope);
  scope.value = *value;
  return eval_into(*branch, scope, out);
}

Status eval_branches_taking(const Node& node, Scope& scope, bool success, Text* value, Text& out) {
  REMEX_TRY(const Node* branch, choose_branch(node, success, value, out));
  if (branch == nullptr) return {};
  if (value == nullptr || !success || branch->kind == NodeKind::constant) return eval_into(*branch, scope, out);
  if (is_value(*branch)) return append_limited(out, std::move(*value));
  const SavedValue saved(scope);
  scope.value = std::move(*value);
  return eval_into(*branch, scope, out);
}

Status eval_branches_of(const Node& node, Scope& scope, std::optional<std::string_view> part, const Operand& whole,
                        Text& out) {
  if (!part) return eval_branches(node, scope, false, nullptr, out);
  const Node* branch = node.yes.get();
  if (node.has_branches && branch == nullptr) return {};
  if (!node.has_branches || is_value(*branch)) return append_piece(out, *part, whole.taint(), whole.quoter());
  if (branch->kind == NodeKind::constant) return eval_into(*branch, scope, out);
  Text value(std::string(*part), whole.taint(),
             whole.quoter());  // before $value, which it may be a part of, moves away
  const SavedValue saved(scope);
  scope.value = std::move(value);
  return eval_into(*branch, scope, out);
}

const Registries& registries_of(const Scope& scope) {
  if (scope.config != nullptr && scope.config->registries != nullptr) return *scope.config->registries;
  static const std::shared_ptr<Registries> own = make_language_registries();
  return *own;
}

Status refuse_tainted(const Text& t, std::string_view what) {
  if (!t.is_tainted()) return {};
  return fail(ErrorKind::taint, fmt::format("Tainted {} '{}'", what, printable(t.view().substr(0, 200))));
}

Result<std::int64_t> parse_expansion_integer(std::string_view s) {
  const std::string_view t = trim(s);
  if (t.empty()) return 0;
  std::string_view digits = t;
  bool negative = false;
  if (digits[0] == '-' || digits[0] == '+') {
    negative = digits[0] == '-';
    digits.remove_prefix(1);
  }
  if (digits.empty() || !is_digit(digits[0])) return fail(fmt::format("integer expected but \"{}\" found", s));
  std::size_t n = 0;
  while (n < digits.size() && is_digit(digits[n])) ++n;
  std::int64_t factor = 1;
  const std::string_view unit = digits.substr(n);
  if (unit.size() == 1) {
    const char c = ascii_lower(unit[0]);
    factor = c == 'k' ? 1LL << 10U : c == 'm' ? 1LL << 20U : c == 'g' ? 1LL << 30U : 0;
  } else if (!unit.empty()) {
    factor = 0;
  }
  if (factor == 0) return fail(fmt::format("invalid integer \"{}\"", s));
  const auto value = parse_int(digits.substr(0, n));
  std::int64_t scaled = 0;
  if (!value || __builtin_mul_overflow(*value, factor, &scaled)) {
    return fail(fmt::format("absolute value of integer \"{}\" is too large (overflow)", s));
  }
  return negative ? -scaled : scaled;
}

}  // namespace remex::lang
