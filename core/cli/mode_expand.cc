// -be: expands its arguments, or lines of standard input. Output and prompts are Exim's.

#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string>

#include "core/base/strings.h"
#include "core/cli/modes.h"
#include "core/io/fiber.h"
#include "core/smtp/fixups.h"
#include "lang/expand.h"

namespace remex::cli {

namespace {

std::string expand_line(std::string_view text, lang::Scope& scope) {
  auto v = lang::expand_once(text, scope);
  if (v) return std::move(*v).str();
  return "Failed: " + v.error().text;
}

/// A logical line: a final backslash joins the next one without its leading blanks.
bool read_logical(std::string& out) {
  out.clear();
  std::string line;
  bool first = true;
  while (std::getline(std::cin, line)) {
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

int run_expand(const Options& o, std::shared_ptr<const lang::Config> config) {
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
    ls.from.host_address = o.host_address;
    ls.from.host_name = o.host_name;
    ls.from.interface_address = o.interface_address;
    ls.from.protocol = o.protocol;
    // Without -f and -oM it is the caller's own message, as Exim has it.
    const std::string login = find_caller(*config).login;
    const std::string caller = login + "@" + smtp::qualify_domain(*config, config->main.primary_hostname);
    const auto own = [&](const std::string& given, const std::string& value) {
      return given.empty() && !o.sender_given ? value : given;
    };
    ls.from.ident = o.ident.empty() ? login : o.ident;
    ls.from.authenticated_id = own(o.authenticated_id, login);
    ls.from.authenticated_sender = own(o.authenticated_sender, caller);
    ls.envelope.sender = own(o.sender, caller);
    if (!o.arguments.empty()) {
      for (const auto& a : o.arguments) fmt::print("{}\n", expand_line(a, ls.scope));
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
      out += expand_line(trim_left(line), ls.scope);
      out += '\n';
    }
    out += '\n';
    std::fwrite(out.data(), 1, out.size(), stdout);
    std::fflush(stdout);
    return 0;
  });
}

}  // namespace remex::cli
