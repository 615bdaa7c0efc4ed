// -be: expands its arguments, or lines of standard input. Output and prompts are Exim's.

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "core/base/ids.h"
#include "core/base/strings.h"
#include "core/cli/modes.h"
#include "core/daemon/submission.h"
#include "core/io/fiber.h"
#include "core/smtp/fixups.h"
#include "core/store/store.h"
#include "lang/expand.h"
#include "lang/macros.h"

namespace remex::cli {

namespace {

constexpr std::size_t kBodySeen = 1 << 20;  ///< of a queued message that -be looks at

/// Expands lines with the macros of the configuration, to which lines may add.
class Expander {
 public:
  Expander(const lang::Config& config, lang::Scope& scope) : macros_(*config.registries), scope_(scope) {
    for (const lang::Macro& m : config.macros)
      if (m.from_command_line)
        macros_.define_from_command_line(m.name, m.value);
      else
        (void)macros_.define(m.name, m.value, false, m.pos);
  }

  /// What is printed for the line.
  std::string line(std::string_view text) {
    lang::SourceText source{std::string(text)};
    bool too_long = false;
    std::size_t name_end = 0;
    const bool defines = lang::looks_like_macro_definition(text, name_end) && text[0] >= 'A' && text[0] <= 'Z';
    if (defines) return define(text, name_end);
    macros_.substitute(source, 0, too_long);
    if (too_long) return "Failed: the line is longer than 1M after macro substitution";
    auto v = lang::expand_once(source.text(), scope_);
    if (v) return std::move(*v).str();
    return "Failed: " + v.error().text;
  }

 private:
  std::string define(std::string_view text, std::size_t name_end) {
    std::string_view value = text.substr(text.find('=', name_end) + 1);
    const bool redefine = value.starts_with('=');
    if (redefine) value.remove_prefix(1);
    const std::string name(text.substr(0, name_end));
    lang::SourceText source{std::string(trim(value))};
    bool too_long = false;
    macros_.substitute(source, 0, too_long);
    if (const auto problem = macros_.define(name, source.text(), redefine, {})) return "Failed: " + problem->message;
    return fmt::format("Defined macro '{}'", name);
  }

  lang::MacroTable macros_;
  lang::Scope& scope_;
};

/// A logical line: a final backslash joins the next one without its leading blanks.
bool read_logical(std::string& out) {
  out.clear();
  std::string line;
  bool first = true;
  while (std::getline(std::cin, line)) {
    io::next_turn();
    if (!line.empty() && line.back() == '\r') line.pop_back();
    std::string_view part = line;
    if (!first) part = trim_left(part);
    const std::string_view bare = trim_right(part);
    if (!bare.empty() && bare.back() == '\\') {
      out += bare.substr(0, bare.size() - 1);
      first = false;
      continue;
    }
    out += part;
    return true;
  }
  return !first;
}

}  // namespace

namespace {

/// The message whose variables -be is to see.
struct TestMessage {
  bool given = false;
  store::StoredMessage m;
};

/// -Mset: out of the queue. -bem: a file as a message that came from the caller.
Status load_message(const Options& o, const lang::Config& config, TestMessage& out) {
  if (!o.message_id.empty()) {
    if (!find_caller(config).admin) return fail("permission denied");
    if (!is_message_id(o.message_id))
      return fail(fmt::format("malformed message id {} after -Mset option", printable(o.message_id)));
    store::StoreOptions so;
    so.directory = config.main.spool_directory;
    so.read_only = true;
    REMEX_TRY(auto store, store::Store::open(so));
    auto m = store->load(o.message_id);
    if (!m) return fail(fmt::format("failed to load message {} from spool", o.message_id));
    REMEX_TRY(const std::string body, m->body->read(0, kBodySeen));
    m->body = mail::Body::from_string(body);  // it outlives the store
    out.m = std::move(*m);
    out.given = true;
    return {};
  }
  if (o.message_file.empty()) return {};
  std::ifstream in(o.message_file, std::ios::binary);
  if (!in) return fail(fmt::format("failed to open {}: {}", o.message_file, std::strerror(errno)));
  std::ostringstream text;
  text << in.rdbuf();
  const std::string whole = text.str();
  const std::size_t used = mail::split_headers(whole, out.m.headers);
  if (used == 0) fmt::print("Warning: no message headers read\n");
  std::string_view body = std::string_view(whole).substr(used);
  if (body.starts_with('\n')) body.remove_prefix(1);
  out.m.body = mail::Body::from_string(std::string(body));
  out.m.envelope.received = wall_now();
  out.m.envelope.size = whole.size();
  out.m.envelope.body_lines = static_cast<std::uint64_t>(std::count(body.begin(), body.end(), '\n'));
  out.given = true;
  return {};
}

/// What the caller wrote is evaluated with nothing but his own rights.
bool give_up_borrowed_rights() {
  if (geteuid() == getuid()) return true;
  return setresgid(getgid(), getgid(), getgid()) == 0 && setresuid(getuid(), getuid(), getuid()) == 0;
}

}  // namespace

int run_expand(const Options& o, std::shared_ptr<const lang::Config> config) {
  TestMessage message;
  Status loaded;
  if (!o.message_id.empty() || !o.message_file.empty())
    io::run_loop([&]() -> int {
      loaded = load_message(o, *config, message);
      return 0;
    });
  if (!loaded) return complain(1, loaded.error().text);
  if (!give_up_borrowed_rights()) return complain(1, "cannot give up privilege");
  return io::run_loop([&]() -> int {
    auto p = daemon::Process::create_with(config, nullptr, nullptr);
    if (!p) {
      fmt::print(stderr, "remex: {}\n", p.error().text);
      return 1;
    }
    enable_debug(o, **p);
    LocalScope ls(**p);
    ls.scope.testing = true;
    // -oM values are visible to tests
    daemon::apply_origin(o, ls.from);
    // Without -f and -oM it is the caller's own message, as Exim has it.
    const std::string login = find_caller(*config).login;
    const std::string caller = login + "@" + smtp::qualify_domain(*config, config->main.primary_hostname);
    const auto own = [&](const std::string& given, const std::string& value) {
      return given.empty() && !o.sender_given ? value : given;
    };
    ls.from.ident = o.ident.empty() ? login : o.ident;
    ls.from.authenticated_id = own(o.authenticated_id, login);
    ls.from.authenticated_sender = own(o.authenticated_sender, caller);
    ls.envelope.sender = o.sender == "<>" ? "" : own(o.sender, caller);
    ls.envelope.queue_name = o.queue_name;
    if (message.given) {
      const std::string sender = ls.envelope.sender;
      ls.envelope = message.m.envelope;
      if (o.message_id.empty()) ls.envelope.sender = sender;
      if (!o.message_id.empty()) ls.from = ls.envelope.from;
      ls.scope.headers = &message.m.headers;
      ls.scope.body = message.m.body.get();
      ls.acl_c = ls.envelope.acl_c;
      ls.acl_m = ls.envelope.acl_m;
    }
    Expander expander(*config, ls.scope);
    if (!o.arguments.empty()) {
      for (const auto& a : o.arguments) fmt::print("{}\n", expander.line(a));
      return 0;
    }
    std::ios::sync_with_stdio(false);
    std::string line, out;
    const bool terminal = isatty(0) != 0;
    out.reserve(1 << 16);
    for (;;) {
      out += "> ";
      if (terminal || out.size() > 60000) {
        std::fwrite(out.data(), 1, out.size(), stdout);
        std::fflush(stdout);
        out.clear();
      }
      if (!read_logical(line)) break;
      if (trim(line).empty()) continue;
      out += expander.line(trim_left(line));
      out += '\n';
    }
    out += '\n';
    std::fwrite(out.data(), 1, out.size(), stdout);
    std::fflush(stdout);
    return 0;
  });
}

}  // namespace remex::cli
