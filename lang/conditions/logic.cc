// and, or, bool, bool_lax, def:, first_delivery, queue_running.
#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/compiler.h"
#include "lang/expand.h"
#include "lang/node.h"
#include "lang/operand.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

Status parse_group(Parser& p, Node& node) {
  if (!p.take('{')) return p.fail("missing-brace", fmt::format("missing {{ after \"{}\"", node.text), p.position());
  for (;;) {
    p.skip_blanks();
    if (p.peek() == '}' && !p.at_end()) break;
    if (p.peek() != '{') {
      return p.fail(
          "missing-brace",
          fmt::format("each subcondition inside an \"{}{{...}}\" condition must be in its own {{}}", node.text),
          p.position());
    }
    p.advance(1);
    auto sub = p.condition();
    if (!sub) {
      Error e = std::move(sub).error();
      if (e.text.starts_with("unknown condition")) e.text += fmt::format(" inside \"{}{{...}}\" condition", node.text);
      return std::unexpected(std::move(e));
    }
    if (!p.take('}')) {
      return p.fail("missing-brace", fmt::format("missing }} at end of condition inside \"{}\" group", node.text),
                    p.position());
    }
    node.children.push_back(std::move(*sub));
  }
  p.advance(1);
  return {};
}

Result<bool> test_and(const Node& node, Scope& scope) {
  for (const NodePtr& c : node.children) {
    REMEX_TRY(const bool truth, eval_condition(*c, scope));
    if (!truth) return false;
  }
  return true;
}

Result<bool> test_or(const Node& node, Scope& scope) {
  for (const NodePtr& c : node.children) {
    REMEX_TRY(const bool truth, eval_condition(*c, scope));
    if (truth) return true;
  }
  return false;
}

Result<bool> test_bool(const Node& node, Scope& scope) {
  Operand t;
  REMEX_CHECK(t.take(node, 0, scope));
  bool value = false;
  if (!parse_strict_bool(t.view(), value)) return fail(fmt::format("unrecognised boolean value \"{}\"", t.view()));
  return value;
}

Result<bool> test_bool_lax(const Node& node, Scope& scope) {
  Operand t;
  REMEX_CHECK(t.take(node, 0, scope));
  return is_loosely_true(t.view());
}

Status parse_def(Parser& p, Node& node) {
  if (p.peek() != ':') return p.fail("missing-colon", "\":\" expected after \"def\"", p.position());
  p.advance(1);
  const std::size_t at = p.position();
  const std::string_view name = p.read_name("_");
  HeaderForm form{};
  if (const std::size_t prefix = header_prefix(name, form); prefix != 0) {
    const std::string_view rest = p.rest();
    const std::size_t more = std::min(rest.find_first_of(":{} \t\n"), rest.size());
    node.form = form;
    auto header = std::make_unique<Node>(NodeKind::header, at);
    header->text = std::string(name.substr(prefix)) + std::string(rest.substr(0, more));
    header->form = form;
    p.advance(more);
    if (p.peek() != ':') {
      if (p.peek() == '{' || p.peek() == '}') {
        return p.fail("missing-colon", "missing or misplaced { or } - could be header name not terminated by colon",
                      p.position());
      }
    } else {
      p.advance(1);
    }
    node.children.push_back(std::move(header));
    return {};
  }
  if (name.empty()) return p.fail("missing-variable", "variable name omitted after \"def:\"", at);
  const VariableDef* def = is_digit(name[0]) ? nullptr : resolve_variable(p.registries(), name);
  if (def == nullptr) {
    return p.fail("unknown-variable", fmt::format("unknown variable \"{}\" after \"def:\"", name), at, name.size());
  }
  auto variable = std::make_unique<Node>(NodeKind::variable, at);
  variable->text = name;
  variable->variable = def;
  node.children.push_back(std::move(variable));
  return {};
}

Result<bool> test_def(const Node& node, Scope& scope) {
  const Node& what = *node.children[0];
  if (what.kind == NodeKind::header) return scope.headers != nullptr && scope.headers->find(what.text) != nullptr;
  if (what.variable->get == nullptr) return false;  // a feature that is not there has set nothing
  if (const Text* there = peek_variable(what, scope)) return !there->empty();
  REMEX_TRY(const Text value, eval_node(&what, scope));
  return !value.empty();
}

Status parse_nothing(Parser&, Node&) { return {}; }
Result<bool> test_first_delivery(const Node&, Scope& scope) {
  return scope.envelope != nullptr && (scope.address != nullptr || scope.delivery != nullptr) &&
         scope.envelope->deliver_first_time;
}
Result<bool> test_queue_running(const Node&, Scope& scope) { return scope.extra.contains("queue_running"); }

constexpr Example kAnd[] = {{"${if and{{eq{a}{a}}{eq{b}{b}}}{y}{n}}", "y"},
                            {"${if and{{eq{a}{b}}{=={x}{1}}}{y}{n}}", "n"},
                            {"${if and{}{y}{n}}", "y"},
                            {"${if and{eq{a}{a}}{y}{n}}", "", "must be in its own {}"}};
constexpr Example kOr[] = {{"${if or{{eq{a}{b}}{eq{b}{b}}}{y}{n}}", "y"},
                           {"${if or{}{y}{n}}", "n"},
                           {"${if or{a}}", "", "must be in its own {}"}};
constexpr Example kBool[] = {{"${if bool{yes}{y}{n}}", "y"},
                             {"${if bool{00}{y}{n}}", "n"},
                             {"${if bool{foo}{y}{n}}", "", "unrecognised boolean value \"foo\""}};
constexpr Example kLax[] = {{"${if bool_lax{foo}{y}{n}}", "y"},
                            {"${if bool_lax{ No }{y}{n}}", "n"},
                            {"${if bool_lax{${if}}}", "", "condition name expected"}};
constexpr Example kDef[] = {{"${if def:primary_hostname{y}{n}}", "y"},
                            {"${if def:domain{y}{n}}", "n"},
                            {"${if def:h_subject:{y}{n}}", "n"},
                            {"${if def:nosuch{y}{n}}", "", "unknown variable \"nosuch\" after \"def:\""}};

constexpr Example kFirstDeliveryExamples[] = {{"${if first_delivery{y}{n}}", "n"},
                                              {"${if !first_delivery{y}{n}}", "y"}};
constexpr Example kQueueRunningExamples[] = {{"${if queue_running{y}{n}}", "n"}, {"${if !queue_running{y}{n}}", "y"}};
constexpr ConditionDef defs[] = {
    {.name = "and",
     .arguments = "{{cond}{cond}...}",
     .summary = "All hold; stops at the first that does not",
     .doc = "Evaluated from left to right.",
     .examples = kAnd,
     .test = test_and,
     .parse = parse_group},
    {.name = "or",
     .arguments = "{{cond}{cond}...}",
     .summary = "One holds; stops at the first that does",
     .doc = "Evaluated from left to right.",
     .examples = kOr,
     .test = test_or,
     .parse = parse_group},
    {.name = "bool",
     .arguments = "{string}",
     .summary = "Strict boolean: yes, no, true, false, a number or nothing",
     .doc = "Any other text fails the expansion.",
     .examples = kBool,
     .tier = 2,
     .test = test_bool,
     .args = 1},
    {.name = "bool_lax",
     .arguments = "{string}",
     .summary = "Loose boolean, as a router condition",
     .doc = "False is empty, 0, no, false.",
     .examples = kLax,
     .tier = 2,
     .test = test_bool_lax,
     .args = 1},
    {.name = "def",
     .arguments = ":variable or :h_name:",
     .summary = "Variable is not empty, or header is present",
     .doc = "The name is not preceded by $.",
     .cost = Cost::reads,
     .examples = kDef,
     .test = test_def,
     .parse = parse_def},
    {.name = "first_delivery",
     .summary = "First delivery attempt of the message",
     .doc = "False outside delivery.",
     .cost = Cost::reads,
     .examples = kFirstDeliveryExamples,
     .cannot_fail = "it takes nothing",
     .tier = 2,
     .test = test_first_delivery,
     .parse = parse_nothing},
    {.name = "queue_running",
     .summary = "Delivery was started by a queue runner",
     .doc = "False outside delivery.",
     .cost = Cost::reads,
     .examples = kQueueRunningExamples,
     .cannot_fail = "it takes nothing",
     .tier = 3,
     .test = test_queue_running,
     .parse = parse_nothing},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::conditions {
extern const std::span<const ConditionDef> logic;
constinit const std::span<const ConditionDef> logic{lang::defs};
}  // namespace remex::registry::conditions
