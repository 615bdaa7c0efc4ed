// -bt, -bv, -bvs: how an address would be routed, whether it verifies. Addresses from arguments or standard input.
// Exit status: 0 all fine, 1 some deferred, 2 some failed.

#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <iostream>

#include "core/base/strings.h"
#include "core/cli/modes.h"
#include "core/io/fiber.h"
#include "core/mail/address.h"
#include "core/mail/plain_address.h"
#include "core/smtp/fixups.h"

namespace remex::cli {

namespace {

/// Runs `one` for every address given; its status is merged (failure over deferral over success).
int for_each_address(const Options& o, const std::function<int(const std::string&, std::string&)>& one) {
  int worst = 0;
  const bool terminal_in = isatty(0) != 0, terminal_out = isatty(1) != 0;
  std::string out;
  const auto take = [&](const std::string& a) {
    const int rc = one(a, out);
    if (rc == 2 || (rc == 1 && worst == 0)) worst = rc;
    if (out.size() > 60000 || terminal_out) {
      std::fwrite(out.data(), 1, out.size(), stdout);
      out.clear();
    }
  };
  if (!o.arguments.empty()) {
    for (const auto& a : o.arguments) take(a);
  } else {
    std::ios::sync_with_stdio(false);
    std::string line;
    for (;;) {
      out += "> ";
      if (terminal_in) {
        std::fwrite(out.data(), 1, out.size(), stdout);
        std::fflush(stdout);
        out.clear();
      }
      if (!std::getline(std::cin, line)) {
        out += '\n';
        break;
      }
      io::next_turn();
      const std::string address(trim(line));
      if (!address.empty()) take(address);
    }
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
  std::fflush(stdout);
  return worst;
}

struct Setup {
  std::shared_ptr<daemon::Process> process;
  std::unique_ptr<LocalScope> local;
};

Result<Setup> make(const Options& o, std::shared_ptr<const lang::Config> config, std::shared_ptr<io::Courier> courier) {
  Setup s;
  daemon::ProcessOptions po;
  po.want_store = false;
  po.log_to_stderr_only = true;
  po.courier = std::move(courier);
  REMEX_TRY(s.process, daemon::Process::create(config, po));
  enable_debug(o, *s.process);
  s.local = std::make_unique<LocalScope>(*s.process);
  s.local->scope.testing = true;
  s.local->envelope.sender = o.sender == "<>" ? "" : o.sender;
  if (!o.sender_given)
    s.local->envelope.sender = find_caller(*s.process->engine.config).login + "@" +
                               smtp::qualify_domain(*s.process->engine.config, s.process->primary_hostname);
  s.local->from.host_address = o.host_address;
  s.local->from.interface_address = o.interface_address;
  return s;
}

/// Why a text is no address, or empty.
std::string syntax_error(const std::string& text, const lang::Config& config) {
  if (mail::plain_address_at(text) != std::string::npos) return {};
  mail::PathOptions po;
  po.allow_unqualified = po.allow_domain_literal = true;
  po.allow_utf8 = config.main.allow_utf8_domains;
  if (!mail::extract_address(text).empty() && mail::extract_address(text) != text) return {};
  const auto a = mail::parse_path(text, po);
  return a ? std::string() : a.error().text;
}

std::string qualify(const std::string& address, const lang::Config& config, const std::string& host) {
  if (mail::plain_address_at(address) != std::string::npos) return address;
  const std::string only = mail::extract_address(address);
  const mail::Address a = mail::split_address(only.empty() ? address : only);
  return a.domain.empty() ? a.local_part + "@" + smtp::qualify_recipient(config, host) : a.str();
}

}  // namespace

int run_route_test(const Options& o, std::shared_ptr<const lang::Config> config) {
  const auto courier = start_routing_courier(config);
  return io::run_loop([&]() -> int {
    auto s = make(o, config, courier);
    if (!s) {
      fmt::print(stderr, "remex: {}\n", s.error().text);
      return 1;
    }
    return for_each_address(o, [&](const std::string& a, std::string& out) {
      if (const std::string why = syntax_error(a, *config); !why.empty()) {
        out += fmt::format("syntax error: {}\n", why);
        return 2;
      }
      return delivery::test_address(s->process->engine, s->local->scope,
                                    qualify(a, *config, s->process->primary_hostname), out);
    });
  });
}

int run_verify(const Options& o, std::shared_ptr<const lang::Config> config) {
  const auto courier = start_routing_courier(config);
  return io::run_loop([&]() -> int {
    auto s = make(o, config, courier);
    if (!s) {
      fmt::print(stderr, "remex: {}\n", s.error().text);
      return 1;
    }
    const bool sender = o.mode == Mode::verify_sender;
    return for_each_address(o, [&](const std::string& a, std::string& out) {
      if (const std::string why = syntax_error(a, *config); !why.empty()) {
        out += fmt::format("syntax error: {}\n", why);
        return 2;
      }
      const std::string full = qualify(a, *config, s->process->primary_hostname);
      const auto v = delivery::verify_address(s->process->engine, s->local->scope, full, sender, {});
      switch (v.kind) {
        case lang::VerifyOutcome::Kind::ok:
          if (o.verbose && !o.debug) return delivery::test_address(s->process->engine, s->local->scope, full, out);
          out += full + " verified\n";
          return 0;
        case lang::VerifyOutcome::Kind::fail:
          out += fmt::format("{} failed to verify: {}\n", full,
                             v.log_message.empty() ? "Unrouteable address" : v.log_message);
          return 2;
        case lang::VerifyOutcome::Kind::defer: break;
      }
      out += fmt::format("{} cannot be resolved at this time: {}\n", full, v.log_message);
      return 1;
    });
  });
}

}  // namespace remex::cli
