// The expansion compiler: one pass over the text, names resolved, constants folded. Groups in braces, branches and
// conditions, which the entries parse with, are in compiler_groups.cc.
//
// Wording of errors follows Exim's, because `-be` output is compared with it and operators search for these texts.
// Called by Expansion::compile; every failure carries the place in the configuration file.
#include "lang/compiler.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/strings.h"
#include "lang/compiler_internal.h"
#include "lang/lookup.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

bool is_graph(char c) { return static_cast<unsigned char>(c) > 32 && c != 127; }

void push_constant(Node& sequence, std::string& text, std::size_t at) {
  if (text.empty()) return;
  auto node = std::make_unique<Node>(NodeKind::constant, at);
  node->text = std::move(text);
  text.clear();
  sequence.children.push_back(std::move(node));
}

// Neighbouring constants (a folded operator between texts) become one.
void merge_constants(std::vector<NodePtr>& nodes) {
  std::size_t out = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (out > 0 && nodes[i]->kind == NodeKind::constant && nodes[out - 1]->kind == NodeKind::constant) {
      nodes[out - 1]->text += nodes[i]->text;
      nodes[out - 1]->length = nodes[i]->offset + nodes[i]->length - nodes[out - 1]->offset;
      continue;
    }
    if (out != i) nodes[out] = std::move(nodes[i]);
    ++out;
  }
  nodes.resize(out);
}

/// See Node::still; the node's children know already.
bool is_still(const Node& node) {
  switch (node.kind) {
    case NodeKind::constant:
    case NodeKind::capture:
    case NodeKind::header: return true;
    case NodeKind::variable: return node.variable->peek != nullptr || node.variable->find != nullptr;
    case NodeKind::op: return node.op->cost == Cost::pure && node.children[0]->still;
    default: return false;
  }
}

}  // namespace

std::size_t header_prefix(std::string_view name, HeaderForm& form) {
  if (name.empty() || std::string_view("hrbl").find(name[0]) == std::string_view::npos) return 0;
  static constexpr struct {
    std::string_view prefix;
    HeaderForm form;
  } kPrefixes[] = {{"h_", HeaderForm::decoded},      {"rh_", HeaderForm::raw},         {"bh_", HeaderForm::binary},
                   {"lh_", HeaderForm::list},        {"header_", HeaderForm::decoded}, {"rheader_", HeaderForm::raw},
                   {"bheader_", HeaderForm::binary}, {"lheader_", HeaderForm::list}};
  for (const auto& p : kPrefixes) {
    if (name.starts_with(p.prefix)) {
      form = p.form;
      return p.prefix.size();
    }
  }
  return 0;
}

const VariableDef* resolve_variable(const Registries& registries, std::string_view name) {
  if (const VariableDef* v = registries.find_variable(name); v != nullptr && !v->name.ends_with('*')) return v;
  std::string_view family;
  if ((name.starts_with("acl_c") || name.starts_with("acl_m")) &&
      (name.size() == 5 || is_digit(name[5]) || name[5] == '_')) {
    family = name[4] == 'c' ? "acl_c*" : "acl_m*";
  } else if (name.starts_with("r_") && name.size() > 2) {
    family = "r_*";
  }
  if (family.empty()) return nullptr;
  for (const VariableDef* v : registries.variables) {
    if (v->name == family) return v;
  }
  return nullptr;
}

Parser::Parser(const SourceText& source, const CompileContext& ctx, const Registries& registries)
    : source_(source), ctx_(ctx), registries_(registries), text_(source.text()) {}

std::unexpected<Error> Parser::fail(std::string code, std::string message, std::size_t at, std::size_t length,
                                    std::string hint) {
  if (ctx_.diagnostics != nullptr) {
    std::string text = message.substr(0, message.find('\n'));
    if (!text.empty()) text[0] = text.starts_with("ERROR") ? text[0] : ascii_lower(text[0]);
    if (!ctx_.where.empty()) text = ctx_.where + ": " + text;
    const std::size_t place = std::min(at, text_.empty() ? 0 : text_.size() - 1);
    ctx_.diagnostics->error(std::move(code), source_.at(place),
                            static_cast<std::uint32_t>(std::max<std::size_t>(length, 1)), std::move(text),
                            std::move(hint));
  }
  return remex::fail(ErrorKind::config, std::move(message));
}

std::unexpected<Error> Parser::missing_brace() {
  return fail("missing-brace",
              open_header_ ? "missing } at end of string - could be header name not terminated by colon"
                           : "missing } at end of string",
              text_.size());
}

void Parser::skip_blanks() {
  while (pos_ < text_.size() && is_space(text_[pos_])) ++pos_;
}

bool Parser::take(char c) {
  skip_blanks();
  if (pos_ >= text_.size() || text_[pos_] != c) return false;
  ++pos_;
  return true;
}

std::string_view Parser::read_name(std::string_view extra) {
  const std::size_t start = pos_;
  while (pos_ < text_.size() && (is_alnum(text_[pos_]) || extra.find(text_[pos_]) != std::string_view::npos)) ++pos_;
  return text_.substr(start, pos_ - start);
}

// Backslash sequences outside \N. The position is on the character behind the backslash.
void Parser::escape(std::string& out) {
  const char c = text_[pos_++];
  const auto octal = [](char d) { return d >= '0' && d <= '7'; };
  if (octal(c)) {
    int value = c - '0';
    for (int i = 0; i < 2 && pos_ < text_.size() && octal(text_[pos_]); ++i) value = value * 8 + (text_[pos_++] - '0');
    out += static_cast<char>(value);
    return;
  }
  switch (c) {
    case 'b': out += '\b'; return;
    case 'f': out += '\f'; return;
    case 'n': out += '\n'; return;
    case 'r': out += '\r'; return;
    case 't': out += '\t'; return;
    case 'v': out += '\v'; return;
    case 'x': {
      int value = 0;
      for (int i = 0; i < 2 && pos_ < text_.size(); ++i) {
        const auto digit = parse_uint(text_.substr(pos_, 1), 16);
        if (!digit) break;
        value = value * 16 + static_cast<int>(*digit);
        ++pos_;
      }
      out += static_cast<char>(value);
      return;
    }
    default: out += c;
  }
}

Result<NodePtr> Parser::parse_all() {
  REMEX_TRY(NodePtr node, string_until(false));
  return node;
}

// A string with insertions: to the end of the text, or to a closing brace (which stays).
Result<NodePtr> Parser::string_until(bool brace) {
  if (depth_ >= kMaxParseDepth) return fail("too-deep", "expansion is nested too deeply", pos_);
  const DepthGuard guard(depth_);
  auto sequence = std::make_unique<Node>(NodeKind::sequence, pos_);
  std::string text;
  std::size_t text_at = pos_;
  for (;;) {
    std::size_t stop = pos_;
    while (stop < text_.size() && (text_[stop] != '$' || literal_dollar_) && text_[stop] != '\\' &&
           !(brace && text_[stop] == '}'))
      ++stop;
    if (text.empty()) text_at = pos_;
    text.append(text_, pos_, stop - pos_);
    pos_ = stop;
    if (pos_ >= text_.size()) {
      if (brace) return missing_brace();
      break;
    }
    if (text_[pos_] == '}') break;
    if (text_[pos_] == '\\') {
      if (++pos_ >= text_.size()) return fail("bad-escape", "\\ at end of string", pos_ - 1);
      if (text_[pos_] == 'N') {
        const std::size_t end = text_.find("\\N", pos_ + 1);
        text.append(text_, pos_ + 1, (end == std::string_view::npos ? text_.size() : end) - pos_ - 1);
        pos_ = end == std::string_view::npos ? text_.size() : end + 2;
      } else {
        escape(text);
      }
      continue;
    }
    push_constant(*sequence, text, text_at);
    REMEX_TRY(NodePtr inserted, insertion());
    sequence->children.push_back(std::move(inserted));
  }
  push_constant(*sequence, text, text_at);
  sequence->length = static_cast<std::uint32_t>(pos_ - sequence->offset);
  merge_constants(sequence->children);
  sequence->still = true;
  for (const NodePtr& child : sequence->children) {
    child->still = is_still(*child);
    sequence->still = sequence->still && child->still;
  }
  if (sequence->children.size() == 1) return std::move(sequence->children.front());
  if (sequence->children.empty()) sequence->kind = NodeKind::constant;
  return sequence;
}

Result<NodePtr> Parser::insertion() {
  const std::size_t at = pos_++;
  const char c = peek();
  if (is_alpha(c)) return plain_variable();
  if (is_digit(c)) {
    auto node = std::make_unique<Node>(NodeKind::capture, at);
    node->text = read_name("");
    const auto n = parse_int(std::string_view(node->text).substr(0, node->text.find_first_not_of("0123456789")));
    pos_ = at + 1 + std::min(node->text.find_first_not_of("0123456789"), node->text.size());
    node->numbers.push_back(n.value_or(1 << 20));
    node->length = static_cast<std::uint32_t>(pos_ - at);
    return node;
  }
  if (c == '{') return braced();
  return fail("bad-dollar", "$ not followed by letter, digit, or {", at);
}

NodePtr Parser::header(std::string_view name, std::size_t prefix, HeaderForm form, std::size_t at) {
  // A header name may have any printing character but the colon, so it is read again from behind the prefix.
  pos_ -= name.size() - prefix;
  const std::size_t start = pos_;
  while (pos_ < text_.size() && is_graph(text_[pos_]) && text_[pos_] != ':') ++pos_;
  auto node = std::make_unique<Node>(NodeKind::header, at);
  node->text = text_.substr(start, pos_ - start);
  node->form = form;
  if (peek() == ':') {
    ++pos_;
  } else {
    open_header_ = true;
  }
  node->length = static_cast<std::uint32_t>(pos_ - at);
  return node;
}

Result<NodePtr> Parser::plain_variable() {
  const std::size_t at = pos_ - 1;
  const std::string_view name = read_name("_");
  HeaderForm form{};
  if (const std::size_t prefix = header_prefix(name, form); prefix != 0) return header(name, prefix, form, at);
  return variable(name, at, false);
}

Result<NodePtr> Parser::variable(std::string_view name, std::size_t at, bool braced) {
  const VariableDef* def = resolve_variable(registries_, name);
  const std::size_t name_at = at + (braced ? 2 : 1);
  if (def == nullptr) {
    std::string message = braced ? fmt::format("unknown variable in \"${{{}}}\"", name)
                                 : fmt::format("unknown variable name \"{}\"", name);
    if (name.starts_with("acl_c") || name.starts_with("acl_m")) {
      message += name.size() > 5 ? " (6th character of a user-defined ACL variable must be a digit or underscore)"
                                 : " (invalid name for a user-defined ACL variable)";
    } else if (name.starts_with("acl_")) {
      message += " (user-defined ACL variables must start acl_c or acl_m)";
    }
    return fail("unknown-variable", std::move(message), name_at, name.size(),
                did_you_mean(suggest(registries_.variables, name)));
  }
  if (def->state == State::later) {
    return fail("not-supported", fmt::format("variable \"{}\" is not supported yet", name), name_at, name.size());
  }
  auto node = std::make_unique<Node>(NodeKind::variable, at);
  node->text = name;
  node->variable = def;
  node->length = static_cast<std::uint32_t>(pos_ - at);
  return node;
}

// "${": a variable in braces, an item, or an operator.
Result<NodePtr> Parser::braced() {
  const std::size_t at = pos_ - 1;
  ++pos_;
  const std::size_t name_at = pos_;
  if (is_digit(peek())) {
    auto node = std::make_unique<Node>(NodeKind::capture, at);
    while (is_digit(peek())) ++pos_;
    node->text = text_.substr(name_at, pos_ - name_at);
    node->numbers.push_back(parse_int(node->text).value_or(1 << 20));
    if (peek() != '}') return fail("missing-brace", "} expected after number", pos_);
    ++pos_;
    node->length = static_cast<std::uint32_t>(pos_ - at);
    return node;
  }
  if (!is_alpha(peek())) return fail("bad-dollar", "letter or digit expected after ${", at, 2);
  const std::string_view name = read_name("_-");
  if (const ItemDef* def = registries_.find_item(name); def != nullptr) return item(*def, at);
  if (peek() == '}') {
    ++pos_;
    return variable(name, at, true);
  }
  if (peek() != ':') {
    return fail("unknown-item",
                fmt::format("\"${{{}\" is not a known operator (or a }} is missing in a variable reference)", name),
                name_at, name.size(), did_you_mean(suggest(registries_.items, name)));
  }
  ++pos_;
  return operation(name, at, name_at);
}

Result<NodePtr> Parser::item(const ItemDef& def, std::size_t at) {
  if (def.state == State::later) {
    return fail("not-supported", fmt::format("expansion item \"{}\" is not supported{}", def.name, why(def.doc)), at,
                def.name.size() + 2);
  }
  if (depth_ >= kMaxParseDepth) return fail("too-deep", "expansion is nested too deeply", at);
  const DepthGuard guard(depth_);
  auto node = std::make_unique<Node>(NodeKind::item, at);
  node->item = &def;
  node->text = def.name;
  if (def.parse != nullptr) {
    REMEX_CHECK(def.parse(*this, *node));
  } else {
    REMEX_CHECK(groups(*node, def.name, def.min_args, def.max_args));
    if (def.branches) REMEX_CHECK(branches(*node, def.name));
  }
  if (def.prepare != nullptr) def.prepare(registries_, *node);
  if (!take('}')) {
    const bool list_item = def.name == "map" || def.name == "filter" || def.name == "reduce" || def.name == "sort";
    if ((def.parse == nullptr && !def.branches) || def.name == "prvscheck")
      return fail("missing-brace", fmt::format("missing '}}' after '{}'", def.name), pos_);
    if (at_end() && !list_item) return missing_brace();
    return fail("missing-brace", fmt::format("missing }} at end of \"{}\"", def.name), pos_);
  }
  node->length = static_cast<std::uint32_t>(pos_ - at);
  return node;
}

Status Parser::operator_numbers(Node& node, const OperatorDef& def, std::string_view suffix, std::size_t name_at) {
  const auto bad = [&] {
    return fail("bad-operator-argument", fmt::format("non-digit after underscore in \"{}\"", node.text), name_at,
                node.text.size());
  };
  for (std::size_t i = 0; !suffix.empty() || i == 0; ++i) {
    const std::size_t end = std::min(suffix.find('_'), suffix.size());
    std::string_view word = suffix.substr(0, end);
    const bool more = end < suffix.size();
    suffix.remove_prefix(std::min(end + 1, suffix.size()));
    bool negative = false;
    if (i == 0 && def.negative_first && word.starts_with('-')) {
      negative = true;
      word.remove_prefix(1);
    }
    // Nothing behind the only underscore is zero, as in Exim.
    const auto value = word.empty() && i == 0 && !more ? std::optional<std::uint64_t>(0) : parse_uint(word);
    if (!value || i >= def.max_args || (more && suffix.empty())) return bad();
    const auto clipped = static_cast<std::int64_t>(std::min<std::uint64_t>(*value, 1ULL << 40U));
    node.numbers.push_back(negative ? -clipped : clipped);
  }
  return {};
}

Result<NodePtr> Parser::operation(std::string_view name, std::size_t at, std::size_t name_at) {
  auto node = std::make_unique<Node>(NodeKind::op, at);
  node->text = name;
  REMEX_TRY(NodePtr operand, string_until(true));  // its mistakes are named before those of the operator
  ++pos_;
  const OperatorDef* def = registries_.find_operator(name);
  if (def != nullptr && def->name.ends_with('*')) def = nullptr;
  if (def == nullptr && name.starts_with("quote_")) {
    for (const OperatorDef* d : registries_.operators) {
      if (d->name == "quote_*") def = d;
    }
    std::string_view type = name.substr(6);
    node->lookup = registries_.find_lookup(type);
    if (node->lookup == nullptr) {
      const std::size_t bar = type.find('_');
      const LookupDef* base = bar == std::string_view::npos ? nullptr : registries_.find_lookup(type.substr(0, bar));
      if (base == nullptr) {
        return fail("unknown-lookup", fmt::format("unknown lookup type \"{}\"", type), name_at + 6, type.size(),
                    did_you_mean(suggest(registries_.lookups, type)));
      }
      const std::string_view option = type.substr(bar + 1);
      const auto options = split(base->quote_options, ' ');
      if (option.empty() || std::ranges::find(options, option) == options.end())
        return fail("bad-operator-argument",
                    fmt::format("\"{}\" unrecognized after \"${{quote_{}\"", option, base->name), name_at, name.size());
      node->lookup = base;
    }
  } else if (def == nullptr) {
    const std::size_t bar = name.find('_');
    if (bar != std::string_view::npos) {
      def = registries_.find_operator(name.substr(0, bar));
      if (def != nullptr && def->max_args == 0 && !def->accepts_suffix) {
        // Exim ignores what stands there; it is a slip all the same.
        if (ctx_.diagnostics != nullptr) {
          ctx_.diagnostics->warning(
              "ignored-suffix", source_.at(name_at), static_cast<std::uint32_t>(name.size()),
              fmt::format("\"{}\" behind operator \"{}\" means nothing", name.substr(bar), def->name));
        }
      } else if (def != nullptr && !def->accepts_suffix)
        REMEX_CHECK(operator_numbers(*node, *def, name.substr(bar + 1), name_at));
    }
  }
  if (def == nullptr) {
    const std::string_view word = name.substr(0, name.find('_'));
    std::string_view near = suggest(registries_.operators, name);
    if (near.empty()) near = suggest(registries_.operators, word);
    return fail("unknown-operator", fmt::format("unknown expansion operator \"{}\"", name), name_at, name.size(),
                did_you_mean(near));
  }
  if (def->state == State::later) {
    return fail("not-supported", fmt::format("operator \"{}\" is not supported yet", name), name_at, name.size());
  }
  if (node->numbers.size() < def->min_args) {
    return fail("bad-operator-argument", fmt::format("missing values after {}", name), name_at, name.size());
  }
  node->op = def;
  node->children.push_back(std::move(operand));
  node->length = static_cast<std::uint32_t>(pos_ - at);
  return fold(std::move(node));
}

// A pure operator on a constant has one value. An error stays for run time: the branch may never be taken.
Result<NodePtr> Parser::fold(NodePtr node) {
  const OperatorDef& op = *node->op;
  if (op.cost != Cost::pure || (op.apply == nullptr && op.in_place == nullptr) || op.taint == TaintRule::taints ||
      node->children[0]->kind != NodeKind::constant) {
    return node;
  }
  static thread_local Scope scope;  // pure operators do not look at it
  Result<std::string> value = node->children[0]->text;
  if (op.in_place != nullptr) {
    if (!op.in_place(scope, *node, *value, 0)) return node;
  } else {
    value = op.apply(scope, *node, std::move(*value));
  }
  if (!value) return node;
  auto folded = std::make_unique<Node>(NodeKind::constant, node->offset);
  folded->length = node->length;
  folded->text = std::move(*value);
  return folded;
}

}  // namespace remex::lang
