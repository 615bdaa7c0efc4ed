// queryprogram: an external program decides. Its first line of output says Accept, Decline, Fail, Defer, Freeze, Pass
// or Redirect.
//
// Started as root, the program runs as command_user in a child of the courier; otherwise as the user this process is.
// A program that cannot be run, ends with an error or says something else defers; one that takes too long freezes the
// message.
#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/strings.h"
#include "core/io/accounts.h"
#include "core/io/fiber.h"
#include "core/io/process.h"
#include "core/mail/address.h"
#include "lang/diagnostics.h"
#include "lang/word_match.h"
#include "routers/courier_work.h"
#include "routers/host_text.h"
#include "routers/internal.h"
#include "routers/redirect_list_util.h"

namespace remex::routers {
namespace {

using lang::OptionType;
using lang::ref;

constexpr std::size_t kMaxLine = 1023;  ///< of the answer; the rest is not looked at
constexpr std::size_t kMaxWords = 1000;

struct QueryprogramOptions : lang::DriverOptions {
  lang::Expansion command;
  std::string command_user, command_group, current_directory = "/";
  std::int64_t timeout = 3600;
  std::vector<lang::Expansion> words;  ///< `command`, split by check()
};
using O = QueryprogramOptions;

constexpr OptionDef kOptions[] = {
    {.name = "command",
     .type = OptionType::expanded,
     .ref = ref<&O::command>,
     .summary = "program and arguments: split into words, then each is expanded",
     .tier = 3,
     .examples = {{"/usr/local/bin/route $local_part_data"}, {"/usr/local/bin/route ${lc", "", "E0306"}}},
    {.name = "command_group",
     .type = OptionType::string,
     .ref = ref<&O::command_group>,
     .summary = "group of the program",
     .tier = 3,
     .examples = {{.input = "mail"},
                  {.input = "",
                   .error = "E0609",
                   .setup = "driver = queryprogram\ncommand = /usr/local/bin/route\ncommand_user = 65534"}}},
    {.name = "command_user",
     .type = OptionType::string,
     .ref = ref<&O::command_user>,
     .summary = "user the program runs as",
     .tier = 3,
     .examples = {{"nobody"}, {"", "", "E0609"}}},
    {.name = "current_directory",
     .type = OptionType::string,
     .ref = ref<&O::current_directory>,
     .default_text = "/",
     .summary = "working directory of the program",
     .tier = 3,
     .examples = {{"/var/empty"}, {"var", "", "E0609"}}},
    {.name = "timeout",
     .type = OptionType::time,
     .ref = ref<&O::timeout>,
     .default_text = "1h",
     .summary = "limit for the program; when it passes the message is frozen",
     .tier = 3,
     .examples = {{"30s"}}},
};

/// Words at blanks; quotes hold a word together. Error: an open quote.
Result<std::vector<lang::SourceText>> split_words(const lang::SourceText& source) {
  const std::string& s = source.text();
  std::vector<lang::SourceText> out;
  for (std::size_t i = 0; i < s.size();) {
    if (is_space(s[i])) {
      ++i;
      continue;
    }
    if (out.size() >= kMaxWords) return fail("too many arguments");
    if (s[i] == '"' || s[i] == '\'') {
      const std::size_t end = s.find(s[i], i + 1);
      if (end == std::string::npos) return fail("missing closing quote");
      out.push_back(source.substr(i + 1, end - i - 1));
      i = end + 1;
      continue;
    }
    const std::size_t end = std::min(s.find_first_of(" \t\r\n\v\f", i), s.size());
    out.push_back(source.substr(i, end - i));
    i = end;
  }
  return out;
}

void check(lang::DriverInstance& r, const lang::Config& config, lang::Diagnostics& diag) {
  check_generic(r, config, diag);
  auto& o = static_cast<QueryprogramOptions&>(*r.options);
  const auto complain = [&](std::string text) {
    diag.error("bad-router", r.pos, static_cast<std::uint32_t>(r.name.size()),
               fmt::format("router \"{}\": {}", r.name, text));
  };
  if (!o.command.is_set()) complain("queryprogram needs the option command");
  if (o.command_user.empty()) complain("queryprogram needs the option command_user");
  if (!o.command_user.empty() && is_digit(o.command_user.front()) && o.command_group.empty())
    complain("command_group must be set when command_user is a number");
  if (!o.current_directory.starts_with('/')) complain("current_directory is not an absolute path");
  const auto* given = r.find_given("command");
  if (given == nullptr) return;
  const lang::CompileContext ctx{config.registries.get(), &diag,
                                 fmt::format("router \"{}\": option \"command\"", r.name)};
  auto words = split_words(given->value);
  if (!words) return complain("command: " + words.error().text);
  for (const lang::SourceText& w : *words)
    if (auto e = lang::Expansion::compile(w, ctx)) o.words.push_back(std::move(*e));
}

Result<std::vector<std::string>> arguments(RouteContext& ctx, const lang::DriverInstance& r,
                                           const QueryprogramOptions& o) {
  std::vector<std::string> argv;
  for (const lang::Expansion& e : o.words) {
    auto text = e.eval(ctx.scope);
    if (!text)
      return defer(
          fmt::format("{} router: expansion of \"{}\" failed: {}", r.name, e.source_text(), text.error().text));
    if (text->is_tainted())
      return defer(fmt::format("Tainted arg '{}' for {} router command", printable(text->view()), r.name));
    if (text->view().find('\0') != std::string_view::npos)
      return defer(fmt::format("{} router: NUL in an argument of the command", r.name));
    argv.push_back(text->str());
  }
  if (argv.empty() || !argv[0].starts_with('/'))
    return defer(fmt::format("{} router: the command must begin with an absolute path", r.name));
  return argv;
}

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
};

/// Blocking.
Result<Identity> identity_of(const QueryprogramOptions& o) {
  Identity id;
  std::string buf;
  if (const auto n = parse_uint(o.command_user)) {
    id.uid = static_cast<uid_t>(*n);
  } else {
    passwd entry{};
    passwd* p = nullptr;
    io::account_entry(::getpwnam_r, o.command_user.c_str(), entry, buf, p);
    if (p == nullptr) return defer(fmt::format("there is no user \"{}\"", printable(o.command_user)));
    id = {p->pw_uid, p->pw_gid};
  }
  if (const auto n = parse_uint(o.command_group)) {
    id.gid = static_cast<gid_t>(*n);
  } else if (!o.command_group.empty()) {
    group entry{};
    group* g = nullptr;
    io::account_entry(::getgrnam_r, o.command_group.c_str(), entry, buf, g);
    if (g == nullptr) return defer(fmt::format("there is no group \"{}\"", printable(o.command_group)));
    id.gid = g->gr_gid;
  }
  return id;
}

/// What the program printed. Kind timed_out: it took too long.
Result<io::ProcessResult> run(RouteContext& ctx, const lang::DriverInstance& r, const QueryprogramOptions& o,
                              const std::vector<std::string>& argv) {
  REMEX_TRY(const Identity id, io::offload([&o] { return identity_of(o); }));
  const Seconds limit{o.timeout > 0 ? o.timeout : 24 * 3600};
  io::Courier* courier = ctx.scope.services != nullptr ? ctx.scope.services->courier() : nullptr;
  if (courier != nullptr && courier->privileged() && id.uid != ::geteuid()) {
    io::Fields request{{"op", "query"},
                       {"argc", std::to_string(argv.size())},
                       {"directory", o.current_directory},
                       {"limit", std::to_string(limit.count())}};
    for (std::size_t i = 0; i < argv.size(); ++i) request["arg" + std::to_string(i)] = argv[i];
    request["router"] = r.name;
    request["uid"] = std::to_string(id.uid);
    request["gid"] = std::to_string(id.gid);
    REMEX_TRY(io::Fields answer, courier->call(request, limit + Seconds(5)));
    if (answer["timeout"] == "1") return fail(ErrorKind::timed_out, "it took too long");
    if (const auto it = answer.find("error"); it != answer.end()) return defer(it->second);
    io::ProcessResult out;
    out.exit_code = static_cast<int>(parse_int(answer["exit"]).value_or(-1));
    out.signal = static_cast<int>(parse_int(answer["signal"]).value_or(0));
    out.output = std::move(answer["output"]);
    return out;
  }
  const io::DeadlineScope deadline{std::chrono::duration_cast<Millis>(limit)};
  return io::run_process({.argv = argv,
                          .environment = {"PATH=/bin:/usr/bin"},
                          .input = {},
                          .max_output = kMaxLine * 4,
                          .directory = o.current_directory,
                          .merge_stderr = false});
}

/// "transport=x hosts="a : b" data=...": keys in lower case.
std::map<std::string, std::string> key_values(std::string_view s) {
  std::map<std::string, std::string> out;
  for (s = trim_left(s); !s.empty(); s = trim_left(s)) {
    std::size_t i = 0;
    while (i < s.size() && !is_space(s[i]) && s[i] != '=') ++i;
    std::string key = to_lower(s.substr(0, i));
    s.remove_prefix(i);
    s = trim_left(s);
    std::string value;
    if (s.starts_with('=')) {
      s = trim_left(s.substr(1));
      if (s.starts_with('"')) {
        for (i = 1; i < s.size() && s[i] != '"'; ++i) {
          if (s[i] == '\\' && i + 1 < s.size()) ++i;
          value += s[i];
        }
        s.remove_prefix(std::min(i + 1, s.size()));
      } else {
        i = 0;
        while (i < s.size() && !is_space(s[i])) ++i;
        value = s.substr(0, i);
        s.remove_prefix(i);
      }
    }
    if (!key.empty()) out[key] = value;
  }
  return out;
}

RouteResult find_hosts(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr, const std::string& list,
                       const std::string& how) {
  LookupOptions lookup;
  if (iequals(how, "byname"))
    lookup.how = LookupHow::by_name;
  else if (iequals(how, "bydns"))
    lookup.how = LookupHow::dns_only;
  else if (!how.empty())
    return deferred(fmt::format("{} router: the command gave a bad lookup type \"{}\"", r.name, printable(how)), true);
  bool first = true;
  for (const auto& [text, place] : arrange_host_list(lang::split_list(list), false)) {
    bool mx = false, null_mx = false;
    auto host = parse_host_item(text, mx);
    if (!host) return deferred(fmt::format("{} router: {}", r.name, host.error().text), true);
    std::vector<HostItem> found;
    const HostFindResult one = mx ? find_mx_hosts(ctx, r, host->name, host->port,
                                                  {.lookup = lookup, .fall_back_to_address = false}, found, null_mx)
                                  : find_addresses(ctx, r, *host, lookup, found);
    if (one.outcome == HostFind::again) return generic(r).pass_on_timeout ? passed() : deferred(one.message);
    if (one.outcome == HostFind::ignored) continue;
    if (one.outcome == HostFind::not_found) return deferred(one.message, true);
    for (HostItem& h : found) {
      h.place = place;
      if (h.is_self && !first) return accepted();
      if (h.is_self) {
        addr.hosts.push_back(h);
        RouteResult self = handle_self(ctx, r, addr, h);
        if (self.outcome != Outcome::accept) {
          addr.hosts.clear();
          return self;
        }
      } else {
        addr.hosts.push_back(std::move(h));
      }
      first = false;
    }
  }
  return accepted();
}

RouteResult accept(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr, std::string_view rest) {
  auto values = key_values(rest);
  if (const auto it = values.find("transport"); it != values.end() && !it->second.empty()) {
    addr.transport = ctx.config.find_transport(it->second);
    if (addr.transport == nullptr)
      return deferred(
          fmt::format("{} router: the command named an unknown transport \"{}\"", r.name, printable(it->second)), true);
  }
  if (const auto it = values.find("data"); it != values.end()) addr.state.address_data = Text::tainted(it->second);
  if (const auto it = values.find("hosts"); it != values.end() && !it->second.empty())
    return find_hosts(ctx, r, addr, it->second, values["lookup"]);
  return accepted();
}

RouteResult redirect(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr, std::string_view rest) {
  const RedirectList list = parse_redirect_list(rest);
  if (list.verdict != RedirectList::Verdict::items || list.items.empty() || !list.errors.empty())
    return deferred(fmt::format("{} router: the command gave a bad list of addresses", r.name), true);
  for (const RedirectItem& item : list.items) {
    if (item.kind != RedirectItem::Kind::address)
      return deferred(fmt::format("{} router: the command may redirect to addresses only", r.name), true);
    std::string address = item.text;
    if (address.find('@') == std::string::npos)
      address += "@" + (item.keep_domain ? addr.state.domain : ctx.config.main.qualify_recipient);
    auto child = make_child(addr, address);
    child->start_router = generic(r).redirect_router;
    child->is_child_of_redirect = true;
    addr.children.push_back(std::move(child));
  }
  return {Outcome::rerouted, {}, {}, false};
}

RouteResult route(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr) {
  const auto& o = static_cast<const QueryprogramOptions&>(*r.options);
  auto argv = arguments(ctx, r, o);
  if (!argv) return deferred(argv.error().text);
  auto ran = run(ctx, r, o, *argv);
  if (!ran) {
    const bool late = ran.error().kind == ErrorKind::timed_out;
    return deferred(fmt::format("{} router: command {}: {}", r.name, late ? "timed out" : "failed", ran.error().text),
                    late);
  }
  if (ran->signal != 0) return deferred(fmt::format("{} router: command ended by signal {}", r.name, ran->signal));
  if (ran->exit_code != 0)
    return deferred(fmt::format("{} router: command returned status {}", r.name, ran->exit_code));
  std::string_view line = std::string_view(ran->output).substr(0, kMaxLine);
  line = trim(line.substr(0, line.find('\n')));
  debug_line(ctx, fmt::format("{} router: command said {}", r.name, printable(line)));
  const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
  const std::string_view word = line.substr(0, end), rest = trim(line.substr(end));
  const std::string why(rest);
  if (iequals(word, "accept")) return accept(ctx, r, addr, rest);
  if (iequals(word, "decline")) return declined();
  if (iequals(word, "pass")) return passed();
  if (iequals(word, "redirect")) return redirect(ctx, r, addr, rest);
  if (iequals(word, "fail")) return {Outcome::fail, printable(why), printable(why), false};
  if (iequals(word, "defer")) return deferred(printable(why));
  if (iequals(word, "freeze")) return deferred(printable(why), true);
  return deferred(fmt::format("{} router: bad command answer \"{}\"", r.name, printable(line.substr(0, 100))));
}

/// The words are those of `command`: constant ones literally, others from their constant start on.
Status may_ask(const lang::DriverInstance& r, const io::Fields& f) {
  const auto field = [&f](const std::string& name) {
    const auto it = f.find(name);
    return it == f.end() ? std::string() : it->second;
  };
  if (field("op") != "query")
    return fail(fmt::format("the {} router never asks for \"{}\"", r.name, printable(field("op"))));
  const auto& o = static_cast<const QueryprogramOptions&>(*r.options);
  if (o.words.empty()) return fail("the router has no command");
  std::vector<lang::WordPattern> patterns;
  patterns.reserve(o.words.size());
  for (const lang::Expansion& e : o.words)
    patterns.push_back(e.is_constant() ? lang::WordPattern{e.constant(), true, false}
                                       : lang::word_pattern(e.source_text()));
  std::vector<std::string> words;
  const std::uint64_t count = parse_uint(field("argc")).value_or(0);
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(count, kMaxWords + 1); ++i)
    words.push_back(field(fmt::format("arg{}", i)));
  if (!lang::words_match(patterns, words))
    return fail(fmt::format("{} is not the command of the {} router", printable(join(words, " ")), r.name));
  if (field("directory") != o.current_directory)
    return fail(fmt::format("directory is not what the {} router says", r.name));
  return {};
}

constexpr RouterDef defs[] = {
    {.driver = {.kind = lang::DriverKind::router,
                .name = "queryprogram",
                .summary = "asks an external program",
                .doc = "The program's first line of output: Accept [TRANSPORT=t] [HOSTS=list] [LOOKUP=byname|bydns] "
                       "[DATA=text], Decline, Fail text, Defer text, Freeze text, Pass, or Redirect addresses. Tainted "
                       "arguments are refused.",
                .options = kOptions,
                .make_options =
                    +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<QueryprogramOptions>(); },
                .check = check,
                .examples = {{R"(ask_a_program:
  driver = queryprogram
  domains = +local_domains
  command = /usr/local/bin/route
  command_user = nobody
  transport = local_delivery
)"},
                             {R"(ask_a_program:
  driver = queryprogram
  command_user = nobody
)",
                              "", "E0609"}}},
     .route = route,
     .may_ask = may_ask},
};

}  // namespace
}  // namespace remex::routers

namespace remex::registry::routers {
extern const std::span<const RouterDef> queryprogram;
constinit const std::span<const RouterDef> queryprogram{remex::routers::defs};
}  // namespace remex::registry::routers
