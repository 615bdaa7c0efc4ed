// Scanner, parser and evaluation of queue questions; see queue_query.h. Depth and length are bounded.

#include "core/cli/queue_query.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "core/base/clock.h"
#include "core/base/strings.h"

namespace remex::cli {

bool wildcard_match(std::string_view pattern, std::string_view text) {
  // Greedy with one point to return to: linear in practice, quadratic at worst.
  std::size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && ascii_lower(pattern[p]) == ascii_lower(text[t])) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

struct QueueQuery::Node {
  enum class Kind : std::uint8_t { all, both, either, negation, test } kind = Kind::all;
  std::shared_ptr<const Node> left, right;
  std::string field, op, value;
  std::int64_t number = 0;
};

namespace {

using Node = QueueQuery::Node;
using NodePtr = std::shared_ptr<const Node>;

constexpr std::size_t kTextMax = 8192;
constexpr int kDepthMax = 50;
constexpr std::string_view kFields[] = {"id",   "sender", "recipient",  "domain", "queue",   "error",  "age",
                                        "next", "size",   "recipients", "frozen", "damaged", "bounce", "due"};

bool is_bare(std::string_view f) { return f == "frozen" || f == "damaged" || f == "bounce" || f == "due"; }
bool is_time(std::string_view f) { return f == "age" || f == "next"; }
bool is_number(std::string_view f) { return is_time(f) || f == "size" || f == "recipients"; }

struct Token {
  std::string text;
  bool quoted = false;
};

bool is_operator_char(char c) { return c == '=' || c == '!' || c == '~' || c == '<' || c == '>'; }

Result<std::vector<Token>> scan(std::string_view in) {
  std::vector<Token> out;
  for (std::size_t i = 0; i < in.size();) {
    const char c = in[i];
    if (is_space(c)) {
      ++i;
    } else if (c == '(' || c == ')') {
      out.push_back({std::string(1, c)});
      ++i;
    } else if (is_operator_char(c)) {
      const std::size_t from = i;
      while (i < in.size() && is_operator_char(in[i])) ++i;
      out.push_back({std::string(in.substr(from, i - from))});
    } else if (c == '"' || c == '\'') {
      const auto end = in.find(c, i + 1);
      if (end == std::string_view::npos) return fail("a quote is not closed");
      out.push_back({std::string(in.substr(i + 1, end - i - 1)), true});
      i = end + 1;
    } else {
      const std::size_t from = i;
      while (i < in.size() && !is_space(in[i]) && in[i] != '(' && in[i] != ')' && !is_operator_char(in[i])) ++i;
      out.push_back({std::string(in.substr(from, i - from))});
    }
  }
  return out;
}

Result<std::int64_t> octets(const std::string_view whole) {
  std::int64_t unit = 1;
  std::string_view text = whole;
  if (!text.empty()) {
    const char u = ascii_upper(text.back());
    unit = u == 'K' ? 1024 : u == 'M' ? 1024 * 1024 : u == 'G' ? 1024 * 1024 * 1024 : 1;
    if (unit > 1) text.remove_suffix(1);
  }
  const auto n = parse_int(text);
  if (!n || *n < 0 || *n > (std::int64_t{1} << 40)) return fail(fmt::format("\"{}\" is not a size such as 10K", whole));
  return *n * unit;
}

class QueryParser {
 public:
  explicit QueryParser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  Result<NodePtr> run() {
    if (tokens_.empty()) return std::make_shared<const Node>();
    REMEX_TRY(auto n, either(0));
    if (at_ < tokens_.size()) return fail(fmt::format("\"{}\" is not expected here", tokens_[at_].text));
    return n;
  }

 private:
  bool word(std::string_view w) const {
    return at_ < tokens_.size() && !tokens_[at_].quoted && iequals(tokens_[at_].text, w);
  }

  static NodePtr join(Node::Kind kind, NodePtr a, NodePtr b) {
    auto n = std::make_shared<Node>();
    n->kind = kind;
    n->left = std::move(a);
    n->right = std::move(b);
    return n;
  }

  Result<NodePtr> either(int depth) {
    if (depth > kDepthMax) return fail("too many parentheses");
    REMEX_TRY(auto left, both(depth));
    while (word("or")) {
      ++at_;
      REMEX_TRY(auto right, both(depth));
      left = join(Node::Kind::either, std::move(left), std::move(right));
    }
    return left;
  }

  Result<NodePtr> both(int depth) {
    REMEX_TRY(auto left, single(depth));
    while (at_ < tokens_.size() && !word("or") && !word(")")) {
      if (word("and")) ++at_;
      REMEX_TRY(auto right, single(depth));
      left = join(Node::Kind::both, std::move(left), std::move(right));
    }
    return left;
  }

  Result<NodePtr> single(int depth) {
    if (depth > kDepthMax) return fail("too many \"not\"s or parentheses");
    if (at_ >= tokens_.size()) return fail("the question ends too early");
    if (word("not")) {
      ++at_;
      REMEX_TRY(auto inner, single(depth + 1));
      return join(Node::Kind::negation, std::move(inner), nullptr);
    }
    if (word("(")) {
      ++at_;
      REMEX_TRY(auto inner, either(depth + 1));
      if (!word(")")) return fail("a parenthesis is not closed");
      ++at_;
      return inner;
    }
    return test();
  }

  Result<NodePtr> test() {
    auto n = std::make_shared<Node>();
    n->kind = Node::Kind::test;
    n->field = to_lower(tokens_[at_++].text);
    if (std::find(std::begin(kFields), std::end(kFields), n->field) == std::end(kFields)) {
      const auto near = nearest(n->field, {std::begin(kFields), std::end(kFields)});
      return fail(fmt::format("unknown field \"{}\"{}", n->field,
                              near.empty() ? fmt::format("; the fields are {}", fmt::join(kFields, " "))
                                           : fmt::format("; did you mean \"{}\"?", near)));
    }
    if (is_bare(n->field)) return n;
    if (at_ >= tokens_.size() || tokens_[at_].quoted || tokens_[at_].text.empty() ||
        !is_operator_char(tokens_[at_].text.front()))
      return fail(fmt::format("\"{}\" needs an operator: = != ~ !~ < > <= >=", n->field));
    n->op = tokens_[at_++].text;
    static constexpr std::string_view kText[] = {"=", "!=", "~", "!~"}, kNumber[] = {"=", "!=", "<", ">", "<=", ">="};
    const bool known = is_number(n->field)
                           ? std::find(std::begin(kNumber), std::end(kNumber), n->op) != std::end(kNumber)
                           : std::find(std::begin(kText), std::end(kText), n->op) != std::end(kText);
    if (!known)
      return fail(fmt::format("\"{}\" does not go with \"{}\"; use {}", n->op, n->field,
                              is_number(n->field) ? "= != < > <= >=" : "= != ~ !~"));
    if (at_ >= tokens_.size()) return fail(fmt::format("\"{} {}\" needs a value", n->field, n->op));
    n->value = tokens_[at_++].text;
    if (is_time(n->field)) {
      if (!parse_interval(n->value, n->number)) return fail(fmt::format("\"{}\" is not a time such as 2h", n->value));
    } else if (is_number(n->field)) {
      REMEX_TRY(n->number, octets(n->value));
    }
    return n;
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

bool compare(std::int64_t a, std::string_view op, std::int64_t b) {
  if (op == "=") return a == b;
  if (op == "!=") return a != b;
  if (op == "<") return a < b;
  if (op == ">") return a > b;
  return op == "<=" ? a <= b : a >= b;
}

bool text_is(std::string_view text, const Node& n) {
  if (n.op == "=" || n.op == "!=") return wildcard_match(n.value, text);
  return to_lower(text).find(to_lower(n.value)) != std::string::npos;
}

bool test_holds(const Node& n, const store::QueueEntry& e, const QueryFacts& facts) {
  if (n.field == "frozen") return e.frozen;
  if (n.field == "damaged") return e.damaged;
  if (n.field == "bounce") return e.sender.empty();
  if (n.field == "due") return !e.frozen && e.next_attempt <= facts.now;
  if (n.field == "age") return compare(facts.now - e.received, n.op, n.number);
  if (n.field == "next") return compare(std::max<std::int64_t>(0, e.next_attempt - facts.now), n.op, n.number);
  if (n.field == "size") return compare(static_cast<std::int64_t>(e.size), n.op, n.number);
  if (n.field == "recipients")
    return compare(std::count_if(e.recipients.begin(), e.recipients.end(), [](const auto& r) { return !r.done; }), n.op,
                   n.number);
  bool found = false;
  if (n.field == "id") {
    found = text_is(e.id, n);
  } else if (n.field == "sender") {
    found = text_is(e.sender.empty() ? "<>" : e.sender, n);
  } else if (n.field == "queue") {
    found = text_is(e.queue_name, n);
  } else if (n.field == "error") {
    const std::string history = facts.history ? facts.history(e.id) : "";
    if (n.op == "~" || n.op == "!~") found = text_is(history, n);
    for (const auto line : split(history, '\n')) found = found || text_is(line, n);
  } else {
    for (const auto& r : e.recipients) {
      if (r.done) continue;
      const std::string_view a = r.address;
      found = found || text_is(n.field == "domain" ? a.substr(std::min(a.size(), a.rfind('@') + 1)) : a, n);
    }
  }
  return found != n.op.starts_with('!');
}

bool holds(const Node& n, const store::QueueEntry& e, const QueryFacts& facts) {
  switch (n.kind) {
    case Node::Kind::all: return true;
    case Node::Kind::both: return holds(*n.left, e, facts) && holds(*n.right, e, facts);
    case Node::Kind::either: return holds(*n.left, e, facts) || holds(*n.right, e, facts);
    case Node::Kind::negation: return !holds(*n.left, e, facts);
    case Node::Kind::test: return test_holds(n, e, facts);
  }
  return false;
}

}  // namespace

Result<QueueQuery> QueueQuery::parse(std::string_view text) {
  if (text.size() > kTextMax) return fail("the question is too long");
  REMEX_TRY(auto tokens, scan(text));
  QueueQuery q;
  REMEX_TRY(q.root_, QueryParser(std::move(tokens)).run());
  return q;
}

bool QueueQuery::matches(const store::QueueEntry& e, const QueryFacts& facts) const { return holds(*root_, e, facts); }

}  // namespace remex::cli
