// extract, listextract, sg, substr, length, tr, env, readfile, run, map, filter, reduce, sort, acl, listquote.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "core/base/strings.h"
#include "core/io/process.h"
#include "lang/branches.h"
#include "lang/compiler.h"
#include "lang/expand.h"
#include "lang/json_fields.h"
#include "lang/list.h"
#include "lang/list_cursor.h"
#include "lang/node.h"
#include "lang/operand.h"
#include "lang/regex.h"
#include "lang/scope.h"
#include "lang/substring.h"

namespace remex::lang {
namespace {

// ---------------------------------------------------------------- extract

constexpr std::int64_t kDecideLater = 1, kJson = 2, kJsonStrings = 3;  // Node::numbers[0]

Status parse_extract(Parser& p, Node& node) {
  p.skip_blanks();
  if (const std::string_view rest = p.rest(); rest.starts_with("json")) {
    const bool strings = rest.starts_with("jsons");
    const std::string_view behind = rest.substr(strings ? 5 : 4);
    if (!behind.empty() && !is_alnum(behind[0])) {
      p.advance(strings ? 5 : 4);
      for (int i = 1; i <= 2; ++i) REMEX_CHECK(p.required_group(node, fmt::format("arg {} of extract", i)));
      node.numbers.push_back(strings ? kJsonStrings : kJson);
      return p.branches(node, "extract");
    }
  }
  for (int i = 1; i <= 2; ++i) REMEX_CHECK(p.required_group(node, fmt::format("arg {} of extract", i)));
  // A first argument of digits has a separator string, and so one argument more.
  const Node& first = *node.children[0];
  const std::string_view key = first.kind == NodeKind::constant ? trim(first.text) : std::string_view{};
  const bool numeric = !key.empty() &&
                       key.find_first_not_of("0123456789", key[0] == '-' ? 1 : 0) == std::string_view::npos &&
                       key != "-";
  if (first.kind == NodeKind::constant && key.empty()) {
    return p.fail("empty-key", "first argument of \"extract\" must not be empty", first.offset);
  }
  if (numeric) REMEX_CHECK(p.required_group(node, "arg 3 of extract"));
  if (first.kind == NodeKind::constant) return p.branches(node, "extract");
  // The number of strings depends on the value: keep up to three more groups and decide at run time.
  node.numbers.push_back(kDecideLater);
  for (int i = 0; i < 3; ++i) {
    p.skip_blanks();
    if (p.peek() != '{') break;
    REMEX_CHECK(p.group(node));
  }
  p.skip_blanks();
  if (p.rest().starts_with("fail")) {
    p.advance(4);
    node.fail_on_no = true;
  }
  return {};
}

std::optional<std::string_view> nth_field(std::string_view s, std::string_view separators, std::int64_t n) {
  if (n < 0) {
    n += 2 + std::count_if(s.begin(), s.end(), [&](char c) { return separators.find(c) != std::string_view::npos; });
    if (n < 1) return std::nullopt;
  }
  for (std::size_t start = 0;; --n) {
    const std::size_t end = std::min(s.find_first_of(separators, start), s.size());
    if (n == 1) return s.substr(start, end - start);
    if (end >= s.size()) return std::nullopt;
    start = end + 1;
  }
}

// key=value pairs, values bare or in double quotes with backslash escapes (then made in `storage`).
std::optional<std::string_view> keyed_value(std::string_view s, std::string_view key, std::string& storage) {
  std::size_t i = 0;
  while (i < s.size()) {
    while (i < s.size() && is_space(s[i])) ++i;
    std::size_t start = i;
    while (i < s.size() && !is_space(s[i]) && s[i] != '=') ++i;
    const std::string_view name = s.substr(start, i - start);
    const bool wanted = !name.empty() && iequals(name, key);
    while (i < s.size() && is_space(s[i])) ++i;
    if (i < s.size() && s[i] == '=') ++i;
    while (i < s.size() && is_space(s[i])) ++i;
    if (i < s.size() && s[i] == '"') {
      storage.clear();
      for (++i; i < s.size() && s[i] != '"'; ++i) {
        if (s[i] == '\\' && i + 1 < s.size()) ++i;
        if (wanted) storage += s[i];
      }
      if (i < s.size()) ++i;
      if (wanted) return storage;
    } else {
      start = i;
      while (i < s.size() && !is_space(s[i])) ++i;
      if (wanted) return s.substr(start, i - start);
    }
  }
  return std::nullopt;
}

Status eval_json(const Node& node, Scope& scope, Text& out) {
  REMEX_TRY(const Text key, eval_arg(node, 0, scope));
  REMEX_TRY(const Text json, eval_arg(node, 1, scope));
  const std::string_view k = trim(key.view());
  if (k.empty()) return fail("first argument of \"extract\" must not be empty");
  std::optional<std::string_view> found;
  if (const auto n = parse_int(k)) {
    if (*n <= 0) return fail("first argument of \"extract\" must be greater than zero");
    REMEX_TRY(const auto elements, json_elements(json.view()));
    if (static_cast<std::uint64_t>(*n) <= elements.size()) found = elements[static_cast<std::size_t>(*n - 1)];
  } else {
    REMEX_TRY(found, json_member(json.view(), key.view()));
  }
  if (found && node.numbers[0] == kJsonStrings) {
    REMEX_TRY(found, json_unquoted(*found));
  }
  Text value = json.with(std::string(found.value_or(std::string_view{})));
  return eval_branches_taking(node, scope, found.has_value(), found ? &value : nullptr, out);
}

// The key was no constant: how many strings there are is known now.
Status eval_late_branches(const Node& node, Scope& scope, bool numeric, std::optional<std::string_view> found,
                          const Operand& whole, Text& out) {
  const std::size_t yes = numeric ? 3 : 2;
  if (node.children.size() > yes + 2)
    return fail("curly-bracket problem in conditional yes/no parsing: did not close with '}'");
  if (!found && node.fail_on_no) return fail(ErrorKind::forced_fail, "\"extract\" failed and \"fail\" requested");
  if (found && yes >= node.children.size()) return append_piece(out, *found, whole.taint(), whole.quoter());
  const std::size_t branch = found ? yes : yes + 1;
  if (branch >= node.children.size()) return {};
  std::optional<Text> value;
  if (found) value = whole.with(std::string(*found));
  const SavedValue saved(scope);
  if (value)
    scope.value = std::move(value);
  else if (saved.had())
    scope.value = saved.get();
  return eval_into(*node.children[branch], scope, out);
}

Status eval_extract(const Node& node, Scope& scope, Text& out) {
  if (!node.numbers.empty() && node.numbers[0] != kDecideLater) return eval_json(node, scope, out);
  Operand key, second, third;
  REMEX_CHECK(key.take(node, 0, scope));
  const std::string_view k = trim(key.view());
  if (k.empty()) return fail("first argument of \"extract\" must not be empty");
  const auto n = parse_int(k);
  REMEX_CHECK(second.take(node, 1, scope));
  if (n && node.children.size() > 2) REMEX_CHECK(third.take(node, 2, scope));
  std::optional<std::string_view> found;
  std::string unescaped;
  if (!n)
    found = keyed_value(second.view(), k, unescaped);
  else if (*n == 0)
    found = third.view();
  else if (!third.empty())
    found = nth_field(third.view(), second.view(), *n);
  else if (*n == 1 || *n == -1)
    found = std::string_view{};
  const Operand& whole = n ? third : second;
  if (node.numbers.empty()) return eval_branches_of(node, scope, found, whole, out);
  return eval_late_branches(node, scope, n.has_value(), found, whole, out);
}

Status parse_listextract(Parser& p, Node& node) {
  for (int i = 1; i <= 2; ++i) REMEX_CHECK(p.required_group(node, fmt::format("arg {} of listextract", i)));
  return p.branches(node, "listextract");
}

// From 1; negative numbers count from the end. Valid as long as the list and the cursor.
std::optional<std::string_view> list_item(std::string_view list, std::int64_t n, ListCursor& cursor) {
  std::string_view item;
  if (n < 0) {
    std::int64_t size = 0;
    for (ListCursor all(list); all.next(item);) ++size;
    n += size + 1;
  }
  while (n > 0 && cursor.next(item))
    if (--n == 0) return item;
  return std::nullopt;
}

Status eval_listextract(const Node& node, Scope& scope, Text& out) {
  Operand index, list;
  REMEX_CHECK(index.take(node, 0, scope));
  const std::string_view i = trim(index.view());
  const auto n = i == "-" ? std::optional<std::int64_t>(0) : parse_int(i);
  const bool empty = i.empty();
  REMEX_CHECK(list.take(node, 1, scope));
  if (empty) return fail("first argument of \"listextract\" must not be empty");
  if (!n) return fail("first argument of \"listextract\" must be numeric");
  ListCursor cursor(list.view());
  return eval_branches_of(node, scope, list_item(list.view(), *n, cursor), list, out);
}

// ---------------------------------------------------------------- sg, substr, length, tr

// All arguments were expanded before; what is left of "$1" and "${1}" names the captures of each match. In a tainted
// replacement nothing else is expanded: it may hold text of a message.
void insert_captures(std::string_view text, const std::vector<Text>& captures, Text& out) {
  for (std::size_t i = 0; i < text.size();) {
    std::size_t j = i + 1;
    const bool braced = text[i] == '$' && j < text.size() && text[j] == '{';
    if (braced) ++j;
    const std::size_t digits = j;
    while (j < text.size() && is_digit(text[j])) ++j;
    const auto n = parse_uint(text.substr(digits, j - digits));
    if (text[i] != '$' || !n || (braced && (j >= text.size() || text[j] != '}'))) {
      out.append(text.substr(i++, 1));
      continue;
    }
    if (*n < captures.size()) out.append(captures[*n]);
    i = braced ? j + 1 : j;
  }
}

/// What of ${sg is known when it is compiled.
struct SgExtra : NodeExtra {
  std::shared_ptr<const Regex> regex;  ///< null: made when it runs
  Expansion replacement;               ///< the constant replacement, which is expanded once more; may be unset
};

void prepare_sg(const Registries& registries, Node& node) {
  auto extra = std::make_unique<SgExtra>();
  if (const Node& pattern = *node.children[1]; pattern.kind == NodeKind::constant)
    if (auto regex = Regex::cached(pattern.text)) extra->regex = std::move(*regex);
  if (const Node& text = *node.children[2]; text.kind == NodeKind::constant)
    if (auto made = Expansion::cached(text.text, registries)) extra->replacement = std::move(*made);
  node.extra = std::move(extra);
}

/// Every match replaced by a constant: nobody looks at the captures.
Status replace_by(const Operand& subject, const Regex& regex, std::string_view replacement, Text& out) {
  thread_local Regex::Spans spans;
  std::size_t at = 0, copied = 0;
  bool not_empty = false;
  std::string& to = out.mutable_str();
  while (at <= subject.view().size()) {
    REMEX_TRY(const bool matched, regex.search(subject.view(), &spans, at, not_empty));
    if (!matched) break;
    to.append(subject.view(), copied, spans[0].first - copied).append(replacement);
    if (to.size() > kMaxExpanded) return fail("expansion result is too long");
    copied = at = spans[0].second;
    not_empty = spans[0].first == spans[0].second;
  }
  to.append(subject.view(), copied);
  return to.size() > kMaxExpanded ? fail("expansion result is too long") : Status{};
}

/// A trusted replacement is expanded a second time, once per match, as Exim does; compiled when there is a match.
Status replace_each(const Text& subject, const Regex& regex, const Text& replacement, Expansion again, Scope& scope,
                    Text& out) {
  const SavedCaptures captures(scope);
  Regex::Spans spans;
  std::size_t at = 0, copied = 0;
  bool not_empty = false;
  while (at <= subject.size()) {
    REMEX_TRY(const bool matched, regex.search(subject.view(), &spans, at, not_empty));
    if (!matched) break;
    const auto [from, to] = spans[0];
    out.append(subject.view().substr(copied, from - copied));
    make_captures(scope, spans.size());
    for (std::size_t i = 0; i < spans.size(); ++i) {
      const auto [a, b] = spans[i];
      const bool set = a != std::string_view::npos;
      reassign(scope.captures[i], set ? subject.view().substr(a, b - a) : std::string_view{}, subject.taint());
    }
    if (!again.is_set() && !replacement.is_tainted()) {
      REMEX_TRY(again, Expansion::cached(replacement.view(), registries_of(scope)));
    }
    if (again.is_set()) {
      REMEX_TRY(const Text piece, again.eval(scope));
      out.append(piece);
    } else {
      insert_captures(replacement.view(), scope.captures, out);
    }
    if (out.size() > kMaxExpanded) return fail("expansion result is too long");
    copied = at = to;
    not_empty = from == to;
  }
  return append_piece(out, subject.view().substr(copied), Taint::clean, 0);
}

Status eval_sg(const Node& node, Scope& scope, Text& out) {
  const auto& extra = static_cast<const SgExtra&>(*node.extra);
  Operand subject, pattern, replacement;
  REMEX_CHECK(subject.take(node, 0, scope));
  REMEX_CHECK(pattern.take(node, 1, scope));
  REMEX_CHECK(replacement.take(node, 2, scope));
  std::shared_ptr<const Regex> regex = extra.regex;
  if (regex == nullptr) {
    REMEX_TRY(regex, Regex::cached(pattern.view()));
  }
  REMEX_CHECK(append_piece(out, {}, subject.taint() | replacement.taint(), 0));
  if (extra.replacement.is_constant()) return replace_by(subject, *regex, extra.replacement.constant(), out);
  return replace_each(subject.text(), *regex, replacement.text(), extra.replacement, scope, out);
}

// An empty argument is zero.
std::optional<std::int64_t> number_or_nothing(std::string_view s) {
  const std::string_view t = trim(s);
  return t.empty() ? 0 : parse_int(t);
}

Status eval_substr(const Node& node, Scope& scope, Text& out) {
  const std::size_t last = node.children.size() - 1;
  Operand given[2], s;
  for (std::size_t i = 0; i < last; ++i) REMEX_CHECK(given[i].take(node, i, scope));
  REMEX_CHECK(s.take(node, last, scope));
  std::int64_t numbers[2] = {0, -1};
  for (std::size_t i = 0; i < last; ++i) {
    const auto n = number_or_nothing(given[i].view());
    if (!n || (i == 1 && *n < 0))
      return fail(fmt::format("\"{}\" is not a {}number (in \"substr\" expansion)", given[i].view(),
                              i == 0 ? "" : "positive "));
    numbers[i] = *n;
  }
  return append_piece(out, substring(s.view(), numbers[0], numbers[1]), s.taint(), s.quoter());
}

Status eval_length(const Node& node, Scope& scope, Text& out) {
  Operand t, s;
  REMEX_CHECK(t.take(node, 0, scope));
  REMEX_CHECK(s.take(node, 1, scope));
  const auto n = number_or_nothing(t.view());
  if (!n || *n < 0) return fail(fmt::format("\"{}\" is not a positive number (in \"length\" expansion)", t.view()));
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(static_cast<std::uint64_t>(*n), s.view().size()));
  return append_piece(out, s.view().substr(0, size), s.taint(), s.quoter());
}

Status eval_tr(const Node& node, Scope& scope, Text& out) {
  Operand subject, from, to;
  REMEX_CHECK(subject.take(node, 0, scope));
  REMEX_CHECK(from.take(node, 1, scope));
  REMEX_CHECK(to.take(node, 2, scope));
  const std::size_t start = out.size();
  REMEX_CHECK(append_piece(out, subject.view(), subject.taint(), subject.quoter()));
  if (to.empty()) return {};
  std::array<char, 256> table;
  for (std::size_t c = 0; c < table.size(); ++c) table[c] = static_cast<char>(c);
  for (std::size_t i = 0; i < from.view().size(); ++i)  // the last of equal characters counts
    table[static_cast<unsigned char>(from.view()[i])] = to.view()[std::min(i, to.view().size() - 1)];
  std::string& s = out.mutable_str();
  for (auto c = s.begin() + static_cast<std::ptrdiff_t>(start); c != s.end(); ++c)
    *c = table[static_cast<unsigned char>(*c)];
  return {};
}

// ---------------------------------------------------------------- env, readfile, run

Status eval_env(const Node& node, Scope& scope, Text& out) {
  REMEX_TRY(const Text key, eval_arg(node, 0, scope));
  const char* v = key.empty() ? nullptr : std::getenv(key.c_str());
  const Text value(v == nullptr ? "" : v, Taint::tainted);
  return eval_branches(node, scope, v != nullptr, v == nullptr ? nullptr : &value, out);
}

Status eval_readfile(const Node& node, Scope& scope, Text& out) {
  REMEX_TRY(const Text name, eval_arg(node, 0, scope));
  REMEX_TRY(const Text eol, eval_arg(node, 1, scope));
  REMEX_CHECK(refuse_tainted(name, "filename"));
  std::ifstream in;
  in.rdbuf()->pubsetbuf(nullptr, 0);  // what is read goes where it belongs
  in.open(name.str(), std::ios::binary);
  if (!in) return fail(fmt::format("failed to open {}: {}", name.view(), std::strerror(errno)));
  struct stat st{};
  const bool known = ::stat(name.c_str(), &st) == 0 && st.st_size > 0;
  std::string bytes;
  std::size_t size = 0;
  for (std::size_t step = known ? static_cast<std::size_t>(st.st_size) + 1 : 8192;; step = 8192) {
    bytes.resize(std::min(size + step, kMaxExpanded + 1));
    in.read(bytes.data() + size, static_cast<std::streamsize>(bytes.size() - size));
    size += static_cast<std::size_t>(in.gcount());
    if (size > kMaxExpanded) return fail(fmt::format("file {} is too long", name.view()));
    if (!in) break;
  }
  bytes.resize(size);
  if (node.children.size() > 1 && eol.size() == 1) {
    for (std::size_t at = bytes.find('\n'); at != std::string::npos; at = bytes.find('\n', at + 1))
      bytes[at] = eol.view()[0];
  }
  if (node.children.size() > 1 && eol.size() != 1) bytes = replace_all(bytes, "\n", eol.view());
  return append_limited(out, Text(std::move(bytes), Taint::tainted));
}

std::vector<std::string> split_command(std::string_view s) {
  std::vector<std::string> words;
  std::size_t i = 0;
  for (;;) {
    while (i < s.size() && is_space(s[i])) ++i;
    if (i >= s.size()) return words;
    std::string word;
    const char quote = s[i] == '"' || s[i] == '\'' ? s[i++] : '\0';
    while (i < s.size() && (quote != '\0' ? s[i] != quote : !is_space(s[i]))) {
      if (quote == '"' && s[i] == '\\' && i + 1 < s.size()) ++i;
      word += s[i++];
    }
    if (quote != '\0' && i < s.size()) ++i;
    words.push_back(std::move(word));
  }
}

// Without preexpand the text is split into words first and each word is expanded: data cannot add words.
struct RunExtra : NodeExtra {
  std::vector<Expansion> words;
};

Status parse_run(Parser& p, Node& node) {
  bool preexpand = false;
  if (p.peek() == ',') {
    p.advance(1);
    const std::size_t at = p.position();
    const std::string_view option = p.read_name("_");
    if (option != "preexpand")
      return p.fail("bad-option", fmt::format("bad option '{}' for run", option), at, option.size());
    preexpand = true;
  }
  p.skip_blanks();
  if (preexpand) {
    REMEX_CHECK(p.required_group(node, "command arg of run"));
  } else {
    if (p.peek() != '{') return p.fail("missing-brace", "missing '{' for command arg of run", p.position());
    REMEX_CHECK(p.verbatim_group(node, "command arg of run"));
    auto extra = std::make_unique<RunExtra>();
    const Node& text = *node.children[0];
    CompileContext ctx = p.context();
    ctx.registries = &p.registries();
    std::string word;
    int level = 0;
    // Words end at blanks outside braces and quotes.
    std::vector<std::string> words;
    char quote = '\0';
    bool open = false;
    for (std::size_t i = 0; i < text.text.size(); ++i) {
      const char c = text.text[i];
      if (quote == '\0' && level == 0 && is_space(c)) {
        if (open) words.push_back(std::move(word));
        word.clear();
        open = false;
        continue;
      }
      if (!open && (c == '"' || c == '\'')) {
        quote = c;
        open = true;
        continue;
      }
      open = true;
      if (quote != '\0' && c == quote && level == 0) {
        quote = '\0';
        continue;
      }
      if (c == '{') ++level;
      if (c == '}') --level;
      word += c;
    }
    if (open) words.push_back(std::move(word));
    for (std::string& w : words) {
      REMEX_TRY(Expansion e, Expansion::compile(SourceText(std::move(w)), ctx));
      extra->words.push_back(std::move(e));
    }
    node.extra = std::move(extra);
  }
  return p.branches(node, "run");
}

Status eval_run(const Node& node, Scope& scope, Text& out) {
  io::ProcessSpec spec;
  if (node.extra != nullptr) {
    const auto& words = static_cast<const RunExtra&>(*node.extra).words;
    for (std::size_t i = 0; i < words.size(); ++i) {
      REMEX_TRY(const Text w, words[i].eval(scope));
      if (i == 0) REMEX_CHECK(refuse_tainted(w, "command name"));
      spec.argv.push_back(w.str());
    }
  } else {
    REMEX_TRY(const Text command, eval_arg(node, 0, scope));
    REMEX_CHECK(refuse_tainted(command, "command"));
    spec.argv = split_command(command.view());
  }
  spec.environment = {"PATH=/bin:/usr/bin"};
  std::string output;
  scope.runrc = 127;
  if (!spec.argv.empty() && spec.argv[0].starts_with('/')) {
    auto result = io::run_process(spec);
    if (!result && result.error().kind != ErrorKind::not_found && result.error().sys_errno != EACCES &&
        result.error().sys_errno != ENOEXEC) {
      return std::unexpected(std::move(result).error());
    }
    if (result) {
      scope.runrc = result->signal != 0 ? -result->signal : result->exit_code;
      output = std::move(result->output);
    }
  }
  const Text value(std::move(output), Taint::tainted);
  const bool success = scope.runrc == 0;
  if (!success && !node.has_branches && !node.fail_on_no) return {};
  return eval_branches(node, scope, success, &value, out, true);
}

// ---------------------------------------------------------------- lists

Status parse_map(Parser& p, Node& node) {
  REMEX_CHECK(p.required_group(node, fmt::format("first arg of {}", node.text)));
  if (node.text == "reduce") REMEX_CHECK(p.required_group(node, "second arg of reduce"));
  if (node.text != "filter") return p.required_group(node, fmt::format("last arg of {}", node.text));
  if (!p.take('{')) return p.fail("missing-brace", "missing '{' for last arg of filter", p.position());
  auto c = p.condition();
  if (!c) {
    Error e = std::move(c).error();
    if (e.text.starts_with("unknown condition")) e.text += " inside \"filter\" item";
    return std::unexpected(std::move(e));
  }
  if (!p.take('}')) return p.fail("missing-brace", "missing } at end of condition inside \"filter\"", p.position());
  node.children.push_back(std::move(*c));
  return {};
}

/// Results of smaller lists grow as they need.
constexpr std::size_t kReserveFrom = 4096;

char list_separator(std::string_view list) {
  const std::string_view t = trim_left(list);
  return t.size() > 1 && t[0] == '<' && !is_space(t[1]) && !is_alnum(t[1]) ? t[1] : ':';
}

struct ItemScope {
  explicit ItemScope(Scope& s) : scope(s), saved(std::move(s.item)) { reassign(scope.item, {}); }
  ~ItemScope() { scope.item = std::move(saved); }
  ItemScope(const ItemScope&) = delete;
  ItemScope& operator=(const ItemScope&) = delete;
  Scope& scope;
  Text saved;
};

/// `result` has an item from `from` on: separators in it are doubled, and it is kept apart from what stands before.
Status finish_item(Text& result, std::size_t from, char separator, bool first) {
  std::string& s = result.mutable_str();
  // An empty item, or one that begins with the separator, would read as a doubled one; a blank keeps them apart.
  if (!first && (from == s.size() || s[from] == separator)) s.insert(from++, 1, ' ');
  if (std::string_view(s).find(separator, from) != std::string_view::npos) {
    const std::string doubled =
        replace_all(std::string_view(s).substr(from), std::string(1, separator), std::string(2, separator));
    s.replace(from, std::string::npos, doubled);
  }
  return s.size() > kMaxExpanded ? fail("expansion result is too long") : Status{};
}

Status add_item(Text& result, const Text& item, char separator, bool first) {
  if (!first) result.mutable_str() += separator;
  const std::size_t from = result.size();
  result.append(item);
  return finish_item(result, from, separator, first);
}

Status eval_map(const Node& node, Scope& scope, Text& out) {
  REMEX_TRY(const Text list, eval_arg(node, 0, scope));
  const ItemScope items(scope);
  const SavedCaptures captures(scope);
  Text result;
  const Node& each = *node.children[1];
  const bool filter = each.kind == NodeKind::condition;
  if (list.size() > kReserveFrom) result.mutable_str().reserve(list.size());
  const char separator = list_separator(list.view());
  bool first = true;
  ListCursor cursor(list.view());
  for (std::string_view item; cursor.next(item);) {
    reassign(scope.item, item, list.taint(), list.quoter());
    if (filter) {
      REMEX_TRY(const bool keep, eval_condition(each, scope));
      if (!keep) continue;
      REMEX_CHECK(add_item(result, scope.item, separator, first));
    } else {
      if (!first) result.mutable_str() += separator;
      const std::size_t from = result.size();
      REMEX_CHECK(eval_into(each, scope, result));
      REMEX_CHECK(finish_item(result, from, separator, first));
    }
    first = false;
  }
  return append_limited(out, std::move(result));
}

Status eval_reduce(const Node& node, Scope& scope, Text& out) {
  REMEX_TRY(const Text list, eval_arg(node, 0, scope));
  REMEX_TRY(Text value, eval_arg(node, 1, scope));
  const ItemScope items(scope);
  const SavedValue saved(scope);
  ListCursor cursor(list.view());
  for (std::string_view item; cursor.next(item);) {
    reassign(scope.item, item, list.taint(), list.quoter());
    if (!scope.value) scope.value.emplace();
    std::swap(*scope.value, value);
    reassign(value, {});
    REMEX_CHECK(eval_into(*node.children[2], scope, value));
  }
  return append_limited(out, std::move(value));
}

Status parse_sort(Parser& p, Node& node) {
  REMEX_CHECK(p.required_group(node, "list arg of sort"));
  REMEX_CHECK(p.required_group(node, "comparator arg of sort"));
  return p.required_group(node, "extractor arg of sort");
}

Status eval_sort(const Node& node, Scope& scope, Text& out) {
  REMEX_TRY(const Text list, eval_arg(node, 0, scope));
  REMEX_TRY(const Text comparator, eval_arg(node, 1, scope));
  const std::string_view c = trim(comparator.view());
  static constexpr std::string_view kKnown[] = {"<",  "<=", ">",   ">=",  "lt",  "le",
                                                "gt", "ge", "lti", "lei", "gti", "gei"};
  if (std::find(std::begin(kKnown), std::end(kKnown), c) == std::end(kKnown)) {
    return registries_of(scope).find_condition(c) != nullptr ? fail("comparator not handled for sort")
                                                             : fail(fmt::format("unknown condition \"{}\"", c));
  }
  const bool numeric = c[0] == '<' || c[0] == '>', down = c[0] == '>' || c[0] == 'g', caseless = c.size() == 3;
  struct Entry {
    std::string item, key;
    std::int64_t number = 0;
  };
  std::vector<Entry> entries;
  const ItemScope items(scope);
  Taint taint = list.taint();
  ListCursor cursor(list.view());
  for (std::string_view item; cursor.next(item);) {
    reassign(scope.item, item, list.taint(), list.quoter());
    REMEX_TRY(const Text key, eval_arg(node, 2, scope));
    taint = taint | key.taint();
    Entry e{std::string(item), caseless ? to_lower(key.view()) : key.str(), 0};
    if (numeric) {
      REMEX_TRY(e.number, parse_expansion_integer(key.view()));
    }
    entries.push_back(std::move(e));
  }
  std::stable_sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
    const Entry& x = down ? b : a;
    const Entry& y = down ? a : b;
    return numeric ? x.number < y.number : x.key < y.key;
  });
  Text result(std::string{}, taint);
  bool first = true;
  for (const Entry& e : entries) {
    REMEX_CHECK(add_item(result, Text(e.item, taint), list_separator(list.view()), first));
    first = false;
  }
  return append_limited(out, result);
}

Status eval_listquote(const Node& node, Scope& scope, Text& out) {
  REMEX_TRY(const Text separator, eval_arg(node, 0, scope));
  REMEX_TRY(const Text s, eval_arg(node, 1, scope));
  if (s.empty()) return append_limited(out, s.with(" "));
  if (separator.empty()) return append_limited(out, s);
  const std::string one = separator.str().substr(0, 1);
  return append_limited(out, s.with(replace_all(s.view(), one, one + one)));
}

Status eval_acl(const Node& node, Scope& scope, Text& out) {
  if (scope.services == nullptr) return fail("ACLs cannot run here");
  REMEX_TRY(const Text name, eval_arg(node, 0, scope));
  std::vector<Text> args;
  for (std::size_t i = 1; i < node.children.size(); ++i) {
    REMEX_TRY(Text t, eval_arg(node, i, scope));
    args.push_back(std::move(t));
  }
  Text message;
  auto r = scope.services->run_acl(scope, name, args, message);
  if (!r) {
    const bool deferred = r.error().kind == ErrorKind::defer || r.error().kind == ErrorKind::forced_fail;
    if (!deferred) return std::unexpected(std::move(r).error());
    return fail(ErrorKind::forced_fail, fmt::format("DEFER from acl \"{}\"", printable(name.view())));
  }
  return append_limited(out, message);
}

constexpr Example kExtract[] = {{"${extract{1}{:}{a:b:c}}", "a"},
                                {"${extract{-1}{:}{a:b:c}}", "c"},
                                {"${extract{0}{:}{a:b:c}}", "a:b:c"},
                                {"${extract{Z}{A=1 z=\"a b\" C=3}}", "a b"},
                                {"${extract{7}{:}{a}{$value}fail}", "", "\"extract\" failed and \"fail\" requested"},
                                {"${extract json{a}{\\{\"a\":[1, \"x,y\"]\\}}}", "[1, \"x,y\"]"},
                                {"${extract jsons{2}{[\"a\", \"b\"]}}", "b"},
                                {"${extract json{1}{junk}}", "", "missing '[' wrapping array for extract json"}};
constexpr Example kListextract[] = {{"${listextract{2}{a:b:c}}", "b"},
                                    {"${listextract{5}{a:b:c}{$value}{no}}", "no"},
                                    {"${listextract{x}{a}}", "", "must be numeric"}};
constexpr Example kSg[] = {{"${sg{abc}{b}{[\\$0]}}", "a[b]c"},
                           {"${sg{abc}{b}{[$0]}}", "a[]c"},
                           {"${sg{abcabc}{b}{}}", "acac"},
                           {"${sg{abc}{b}}", "", "Not enough arguments for 'sg' (min is 3)"}};
constexpr Example kMap[] = {{"${map{<, a,b}{x$item}}", "xa,xb"},
                            {"${filter{a:b}{eq{$item}{a}}}", "a"},
                            {"${map{a:b}}", "", "missing '{' for last arg of map"}};
constexpr Example kReduce[] = {{"${reduce{1:2:3}{x}{$value$item}}", "x123"}};
constexpr Example kSort[] = {{"${sort{3:1:2:10}{>}{$item}}", "10:3:2:1"}};
constexpr Example kSubstr[] = {
    {"${substr{-3}{2}{abcdef}}", "de"},
    {"${substr{1}{abcdef}}", "bcdef"},
    {"${substr{1}{-1}{abc}}", "", "\"-1\" is not a positive number (in \"substr\" expansion)"}};
constexpr Example kTr[] = {{"${tr{abc}{ab}{x}}", "xxc"}, {"${tr{abc}{}{x}}", "abc"}};

constexpr Example kLengthExamples[] = {
    {"${length{2}{abc}}", "ab"}, {"${length{x}{abc}}", "", "\"x\" is not a positive number (in \"length\" expansion)"}};
constexpr Example kEnvExamples[] = {
    {"${env{NO_SUCH_VARIABLE}{$value}{not set}}", "not set"},
    {"${env{NO_SUCH_VARIABLE}{$value}fail}", "", "\"env\" failed and \"fail\" requested"}};
constexpr Example kReadfileExamples[] = {
    {"${readfile{/dev/null}}", ""},
    {"${readfile{/no/such/file}}", "", "failed to open /no/such/file: No such file or directory"}};
constexpr Example kRunExamples[] = {{"${run{/bin/echo a b}{<$value>}}", "<a b\n>"},
                                    {"${run{/bin/false}{yes}{$runrc}}", "1"},
                                    {"${run,nosuch{/bin/true}}", "", "bad option 'nosuch' for run"}};
constexpr Example kReduceExamples[] = {{"${reduce{1:2:3}{x}{$value$item}}", "x123"},
                                       {"${reduce{<, 3,9,4}{0}{${if >{$item}{$value}{$item}{$value}}}}", "9"},
                                       {"${reduce{a:b}{}}", "", "missing '{' for last arg of reduce"}};
constexpr Example kSortExamples[] = {{"${sort{3:1:2:10}{>}{$item}}", "10:3:2:1"},
                                     {"${sort{b:C:a}{lti}{$item}}", "a:b:C"},
                                     {"${sort{a:b}{nosuch}{$item}}", "", "unknown condition \"nosuch\""}};
constexpr Example kListquoteExamples[] = {{"${listquote{:}{a:b}}", "a::b"}, {"${listquote{:}{}}", " "}};
constexpr Example kAclExamples[] = {{"${acl}", "", "Not enough arguments for 'acl' (min is 1)"},
                                    {"${acl{name}x}", "", "missing '}' after 'acl'"}};
constexpr Example kDlfuncExamples[] = {{"${dlfunc{/usr/lib/x.so}{f}}", "",
                                        "expansion item \"dlfunc\" is not supported: foreign code inside the server "
                                        "could read every message and block every session"},
                                       {"${dlfunc{/usr/lib/x.so}{f}{arg}}", "",
                                        "expansion item \"dlfunc\" is not supported: foreign code inside the server "
                                        "could read every message and block every session"}};
constexpr ItemDef defs[] = {
    {.name = "extract",
     .arguments = "{key}{string}{yes}{no} or {number}{separators}{string}{yes}{no}",
     .summary = "A field by name or number",
     .doc = "Names are caseless.",
     .examples = kExtract,
     .eval = eval_extract,
     .parse = parse_extract},
    {.name = "listextract",
     .arguments = "{number}{list}{yes}{no}",
     .summary = "An item of a list by number",
     .doc = "Negative numbers count from the end.",
     .examples = kListextract,
     .tier = 2,
     .eval = eval_listextract,
     .parse = parse_listextract},
    {.name = "sg",
     .arguments = "{subject}{regex}{replacement}",
     .summary = "Replace every match of a regular expression",
     .doc = "All arguments are expanded first; \\$0, \\$1 in the replacement name what matched.",
     .examples = kSg,
     .eval = eval_sg,
     .min_args = 3,
     .max_args = 3,
     .prepare = prepare_sg},
    {.name = "substr",
     .arguments = "{start}{length}{string}",
     .summary = "A part of a string",
     .doc = "As the operator.",
     .examples = kSubstr,
     .tier = 2,
     .eval = eval_substr,
     .min_args = 2,
     .max_args = 3},
    {.name = "length",
     .arguments = "{n}{string}",
     .summary = "The first n bytes",
     .doc = "As the operator.",
     .examples = kLengthExamples,
     .tier = 2,
     .eval = eval_length,
     .min_args = 2,
     .max_args = 2},
    {.name = "tr",
     .arguments = "{subject}{characters}{replacements}",
     .summary = "Translate bytes",
     .doc = "The last replacement is repeated; none means no change.",
     .examples = kTr,
     .tier = 2,
     .eval = eval_tr,
     .min_args = 3,
     .max_args = 3},
    {.name = "env",
     .arguments = "{key}{yes}{no}",
     .summary = "Environment variable",
     .doc = "Tainted.",
     .taint = TaintRule::taints,
     .cost = Cost::reads,
     .examples = kEnvExamples,
     .eval = eval_env,
     .min_args = 1,
     .max_args = 1,
     .branches = true},
    {.name = "readfile",
     .arguments = "{file}{eol}",
     .summary = "Contents of a file",
     .doc = "Refuses tainted names; the result is tainted.",
     .taint = TaintRule::taints,
     .cost = Cost::reads,
     .examples = kReadfileExamples,
     .eval = eval_readfile,
     .min_args = 1,
     .max_args = 2},
    {.name = "run",
     .arguments = "[,preexpand] {command}{yes}{no}",
     .summary = "Run a program; its output is $value, its code $runrc",
     .doc = "No shell. Words are split before they are expanded.",
     .taint = TaintRule::taints,
     .cost = Cost::waits,
     .examples = kRunExamples,
     .eval = eval_run,
     .parse = parse_run},
    {.name = "map",
     .arguments = "{list}{expression}",
     .summary = "Change every item of a list",
     .doc = "$item is the item.",
     .examples = kMap,
     .tier = 2,
     .eval = eval_map,
     .parse = parse_map},
    {.name = "filter",
     .arguments = "{list}{condition}",
     .summary = "Keep the items that satisfy a condition",
     .doc = "$item is the item.",
     .examples = kMap,
     .tier = 2,
     .eval = eval_map,
     .parse = parse_map},
    {.name = "reduce",
     .arguments = "{list}{initial}{expression}",
     .summary = "Fold a list",
     .doc = "$value is the value so far, $item the item.",
     .examples = kReduceExamples,
     .tier = 2,
     .eval = eval_reduce,
     .parse = parse_map},
    {.name = "sort",
     .arguments = "{list}{comparator}{extractor}",
     .summary = "Sort a list",
     .doc = "Stable.",
     .examples = kSortExamples,
     .tier = 2,
     .eval = eval_sort,
     .parse = parse_sort},
    {.name = "listquote",
     .arguments = "{separator}{string}",
     .summary = "Double the separators",
     .doc = "Nothing becomes a space.",
     .examples = kListquoteExamples,
     .tier = 2,
     .eval = eval_listquote,
     .min_args = 2,
     .max_args = 2},
    {.name = "acl",
     .arguments = "{name}{arg}...",
     .summary = "Run an ACL; the message is the value",
     .doc = "defer is a forced failure.",
     .cost = Cost::waits,
     .examples = kAclExamples,
     .tier = 2,
     .eval = eval_acl,
     .min_args = 1,
     .max_args = 10},
    {.name = "dlfunc",
     .arguments = "{file}{function}{arg}...",
     .summary = "Call a function of a shared object",
     .doc = "Refused: foreign code inside the server could read every message and block every session. Use ${run} or "
            "${readsocket}.",
     .examples = kDlfuncExamples,
     .state = State::later,
     .tier = 4},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::items {
extern const std::span<const ItemDef> strings;
constinit const std::span<const ItemDef> strings{lang::defs};
}  // namespace remex::registry::items
