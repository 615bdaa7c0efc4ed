// env, readfile and run: what lies outside of the configuration; dlfunc, which is refused.
//
// Tainted names of files and commands are refused; what comes back is tainted.
#include <fmt/format.h>
#include <sys/stat.h>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "core/base/strings.h"
#include "core/io/process.h"
#include "lang/branches.h"
#include "lang/compiler.h"
#include "lang/expand.h"
#include "lang/node.h"
#include "lang/operand.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

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

/// The words of a command as they are written: they end at blanks outside quotes. `whole`: insertions, which are not
/// looked into.
std::vector<std::string> command_words(std::string_view text,
                                       const std::vector<std::pair<std::size_t, std::size_t>>& whole) {
  std::vector<std::string> words;
  std::string word;
  char quote = '\0';
  bool open = false;
  auto next = whole.begin();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (next != whole.end() && i == next->first) {
      word.append(text, next->first, next->second - next->first);
      open = true;
      i = next++->second - 1;
      continue;
    }
    const char c = text[i];
    if (quote == '\0' && is_space(c)) {
      if (open) words.push_back(std::move(word));
      word.clear();
      open = false;
    } else if (!open && (c == '"' || c == '\'')) {
      quote = c;
      open = true;
    } else if (quote != '\0' && c == quote) {
      quote = '\0';
    } else {
      open = true;
      word += c;
    }
  }
  if (open) words.push_back(std::move(word));
  return words;
}

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
    return p.branches(node, "run");
  }
  std::vector<std::pair<std::size_t, std::size_t>> insertions;
  REMEX_CHECK(p.verbatim_group(node, "command arg of run", insertions));
  auto extra = std::make_unique<RunExtra>();
  CompileContext ctx = p.context();
  ctx.registries = &p.registries();
  ctx.diagnostics = nullptr;  // the insertions were looked at, with their places
  for (std::string& w : command_words(node.children[0]->text, insertions)) {
    auto e = Expansion::compile(SourceText(std::move(w)), ctx);
    if (!e) return p.fail("bad-escape", std::move(e).error().text, node.children[0]->offset, node.children[0]->length);
    extra->words.push_back(std::move(*e));
  }
  node.extra = std::move(extra);
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

constexpr Example kEnvExamples[] = {
    {"${env{NO_SUCH_VARIABLE}{$value}{not set}}", "not set"},
    {"${env{NO_SUCH_VARIABLE}{$value}fail}", "", "\"env\" failed and \"fail\" requested"}};
constexpr Example kReadfileExamples[] = {
    {"${readfile{/dev/null}}", ""},
    {"${length_7:${readfile{/proc/version}{ }}}", "Linux v"},
    {"${readfile{/no/such/file}}", "", "failed to open /no/such/file: No such file or directory"}};
constexpr Example kRunExamples[] = {{"${run{/bin/echo a b}{<$value>}}", "<a b\n>"},
                                    {"${run{/bin/false}{yes}{$runrc}}", "1"},
                                    {"${run,nosuch{/bin/true}}", "", "bad option 'nosuch' for run"}};
constexpr Example kDlfuncExamples[] = {{"${dlfunc{/usr/lib/x.so}{f}}", "",
                                        "expansion item \"dlfunc\" is not supported: foreign code inside the server "
                                        "could read every message and block every session"},
                                       {"${dlfunc{/usr/lib/x.so}{f}{arg}}", "",
                                        "expansion item \"dlfunc\" is not supported: foreign code inside the server "
                                        "could read every message and block every session"}};

constexpr ItemDef defs[] = {
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
extern const std::span<const ItemDef> outside;
constinit const std::span<const ItemDef> outside{lang::defs};
}  // namespace remex::registry::items
