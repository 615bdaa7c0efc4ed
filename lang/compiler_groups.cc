// The expansion compiler's parts that items and conditions parse with: groups in braces, yes/no branches, conditions.
//
// Called by their descriptors' parse functions and by compiler.cc. Errors as there: reported with their place.
#include <fmt/format.h>

#include <algorithm>

#include "core/base/strings.h"
#include "lang/compiler.h"
#include "lang/compiler_internal.h"

namespace remex::lang {

Result<NodePtr> Parser::group_node() {
  skip_blanks();
  ++pos_;  // the opening brace
  REMEX_TRY(NodePtr node, string_until(true));
  ++pos_;
  return node;
}

Status Parser::group(Node& parent) {
  REMEX_TRY(NodePtr node, group_node());
  parent.children.push_back(std::move(node));
  return {};
}

Status Parser::groups(Node& parent, std::string_view name, std::size_t min, std::size_t max) {
  for (std::size_t i = 0; i < max; ++i) {
    skip_blanks();
    if (peek() != '{') {
      if (i < min) {
        return fail("too-few-arguments", fmt::format("Not enough arguments for '{}' (min is {})", name, min), pos_);
      }
      return {};
    }
    REMEX_CHECK(group(parent));
  }
  skip_blanks();
  if (parent.kind == NodeKind::item && !parent.item->branches && peek() == '{') {
    return fail("too-many-arguments", fmt::format("Too many arguments for '{}' (max is {})", name, max), pos_);
  }
  return {};
}

Status Parser::required_group(Node& parent, std::string_view what) {
  skip_blanks();
  if (peek() != '{') return fail("missing-brace", fmt::format("missing '{{' for {}", what), pos_);
  return group(parent);
}

Status Parser::literal_dollar_group(Node& parent) {
  const bool before = literal_dollar_;
  literal_dollar_ = true;
  Status done = group(parent);
  literal_dollar_ = before;
  return done;
}

Status Parser::verbatim_group(Node& parent, std::string_view what,
                              std::vector<std::pair<std::size_t, std::size_t>>& insertions) {
  skip_blanks();
  if (peek() != '{') return fail("missing-brace", fmt::format("missing '{{' for {}", what), pos_);
  const std::size_t start = ++pos_;
  while (peek() != '}' || at_end()) {
    if (at_end()) return missing_brace();
    const char c = text_[pos_];
    if (c == '$') {
      const std::size_t at = pos_;
      REMEX_TRY(const NodePtr inserted, insertion());
      insertions.emplace_back(at - start, pos_ - start);
    } else if (c == '\\' && text_.substr(pos_).starts_with("\\N")) {
      const std::size_t end = text_.find("\\N", pos_ + 2);
      pos_ = end == std::string_view::npos ? text_.size() : end + 2;
    } else {
      pos_ = std::min(pos_ + (c == '\\' ? 2 : 1), text_.size());
    }
  }
  auto node = std::make_unique<Node>(NodeKind::constant, start);
  node->text = text_.substr(start, pos_ - start);
  node->still = true;
  node->length = static_cast<std::uint32_t>(pos_ - start);
  ++pos_;
  parent.children.push_back(std::move(node));
  return {};
}

Status Parser::branches(Node& item, std::string_view item_name) {
  skip_blanks();
  if (peek() == '}' && !at_end()) return {};
  const auto problem = [&](std::string_view what) {
    return fail(
        "missing-brace",
        fmt::format("curly-bracket problem in conditional yes/no parsing: {}\n remaining string is '{}'", what, rest()),
        pos_);
  };
  if (peek() != '{') return problem("'yes' part did not start with '{'");
  item.has_branches = true;
  REMEX_TRY(item.yes, group_node());
  skip_blanks();
  if (peek() == '{') {
    REMEX_TRY(item.no, group_node());
  } else if (!at_end() && peek() != '}') {
    const std::size_t at = pos_;
    const std::string_view word = read_name("_");
    if (word != "fail") {
      return fail("bad-branch", fmt::format("syntax error in \"{}\" item - \"fail\" expected", item_name), at,
                  std::max<std::size_t>(word.size(), 1));
    }
    item.fail_on_no = true;
  }
  skip_blanks();
  if (peek() != '}' || at_end()) return problem("did not close with '}'");
  return {};
}

Result<NodePtr> Parser::condition() {
  if (depth_ >= kMaxParseDepth) return fail("too-deep", "condition is nested too deeply", pos_);
  const DepthGuard guard(depth_);
  bool negated = false;
  skip_blanks();
  while (peek() == '!') {
    negated = !negated;
    ++pos_;
    skip_blanks();
  }
  const std::size_t at = pos_;
  std::string_view name = read_name("_");
  if (name.empty()) {
    if (peek() == '<' || peek() == '>' || peek() == '=') {
      ++pos_;
      if (peek() == '=') ++pos_;
    }
    name = text_.substr(at, pos_ - at);
  }
  if (name.empty()) {
    return fail("missing-condition", fmt::format("condition name expected, but found \"{:.16}\"", rest()), at);
  }
  const ConditionDef* def = registries_.find_condition(name);
  if (def == nullptr) {
    return fail("unknown-condition", fmt::format("unknown condition \"{}\"", name), at, name.size(),
                did_you_mean(suggest(registries_.conditions, name)));
  }
  if (def->state == State::later) {
    return fail("not-supported", fmt::format("condition \"{}\" is not supported{}", name, why(def->doc)), at,
                name.size());
  }
  auto node = std::make_unique<Node>(NodeKind::condition, at);
  node->condition = def;
  node->text = name;
  node->negated = negated;
  if (def->parse != nullptr) {
    REMEX_CHECK(def->parse(*this, *node));
  } else {
    for (int i = 0; i < def->args; ++i) {
      skip_blanks();
      if (peek() != '{') {
        return fail("missing-brace",
                    i == 0 ? fmt::format("missing {{ after \"{}\"", name)
                           : fmt::format("missing 2nd string in {{}} after \"{}\"", name),
                    pos_);
      }
      REMEX_CHECK(group(*node));
    }
  }
  node->length = static_cast<std::uint32_t>(pos_ - at);
  return node;
}

}  // namespace remex::lang
