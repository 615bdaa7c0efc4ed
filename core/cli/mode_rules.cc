// -brw and -brt: what the rewriting rules make of an address, and which retry rule governs a failure.
// Exit status: 0, or 1 for a bad argument (-brw, -brt).

#include <fmt/core.h>

#include <cstdio>

#include "core/base/strings.h"
#include "core/cli/modes.h"
#include "core/delivery/retry.h"
#include "core/io/fiber.h"
#include "core/mail/address_items.h"
#include "core/smtp/fixups.h"
#include "lang/print_config.h"
#include "lang/rewrite.h"

namespace remex::cli {

namespace {

Result<std::shared_ptr<daemon::Process>> test_process(std::shared_ptr<const lang::Config> config, const Options& o) {
  daemon::ProcessOptions po;
  po.want_store = false;
  po.log_to_stderr_only = true;
  REMEX_TRY(auto process, daemon::Process::create(std::move(config), po));
  enable_debug(o, *process);
  return process;
}

int complain(std::string_view text) {
  fmt::print(stderr, "remex: {}\n", text);
  return 1;
}

/// One address of -brw through the SMTP-time rules, then every field.
int show_rewriting(lang::Scope& scope, const lang::Config& config, std::string address, const std::string& host) {
  lang::Rewriter rewriter(scope, config.rewrite);
  if (const std::string at_smtp = rewriter.smtp_path(address, true); at_smtp != address) {
    std::string_view shown = at_smtp;
    if (shown.size() > 1 && shown.front() == '<' && shown.back() == '>') shown = shown.substr(1, shown.size() - 2);
    fmt::print("    SMTP: {}\n", shown);
    return 0;
  }
  if (address.find('@') == std::string::npos) address += "@" + smtp::qualify_recipient(config, host);
  const auto items = mail::address_items(address);
  if (items.size() != 1 || !items[0].error.empty()) {
    fmt::print("Syntax error in {}\n{}\n", address,
               items.empty()       ? "no address"
               : items.size() != 1 ? "more than one address"
                                   : items[0].error);
    return 0;
  }
  struct Header {
    const char *shown, *name;
  };
  constexpr Header kHeaders[] = {{"  sender", "Sender"}, {"    from", "From"}, {"      to", "To"},
                                 {"      cc", "Cc"},     {"     bcc", "Bcc"},  {"reply-to", "Reply-To"}};
  for (const Header& h : kHeaders) {
    mail::Header line;
    line.text = fmt::format("{}: {}\n", h.name, address);
    line.type = mail::classify_header(line.text);
    if (auto text = rewriter.header(line, {}, {})) line.text = std::move(*text);
    fmt::print("{}: {}\n", h.shown, trim(line.value()));
  }
  const std::string plain = items[0].address.str();
  fmt::print("env-from: {}\n", rewriter.address(plain, lang::RewriteField::env_from));
  fmt::print("  env-to: {}\n", rewriter.address(plain, lang::RewriteField::env_to));
  return 0;
}

/// "x.test" → "*@x.test", as rules see a failure that has no local part.
std::string retry_subject(const std::string& given) {
  if (given.find('@') != std::string::npos) return to_lower(given);
  return "*@" + to_lower(given);
}

int show_retry(lang::Scope& scope, const lang::Config& config, const Options& o) {
  const auto& args = o.arguments;
  if (args.empty()) {
    fmt::print("-brt needs a domain or address argument\n");
    return 1;
  }
  if (args[0].find_first_of("@.") == std::string::npos)
    fmt::print(
        "Warning: \"{}\" contains no '@' and no '.' characters. It is being \ntreated as a one-component domain, "
        "not as a local part.\n\n",
        args[0]);
  std::size_t at = 1;
  std::string second;
  if (at < args.size() && args[at].find('.') != std::string::npos) second = retry_subject(args[at++]);
  std::string error;
  if (at < args.size()) {
    if (!lang::is_retry_error(args[at])) {
      fmt::print("unknown or malformed retry error \"{}\"\n", args[at]);
      return 1;
    }
    error = lang::retry_error_as_happened(args[at]);
  }
  const auto* rule =
      delivery::find_rule(config, scope, retry_subject(args[0]), second, error,
                          o.sender_given ? std::optional(o.sender == "<>" ? "" : o.sender) : std::nullopt);
  if (rule == nullptr) {
    fmt::print("No retry information found\n");
    return 0;
  }
  fmt::print("Retry rule: {}\n", retry_rule_text(*rule));
  return 0;
}

}  // namespace

std::string retry_rule_text(const lang::RetryRule& rule) {
  std::string line = fmt::format("{}  {}  ", rule.pattern_text, rule.error);
  if (rule.senders.is_set()) line += fmt::format("senders={}  ", rule.senders.source_text());
  for (const auto& s : rule.steps) line += lang::format_retry_step(s) + "; ";
  return line;
}

int run_rewrite_test(const Options& o, std::shared_ptr<const lang::Config> config) {
  if (o.arguments.empty()) return complain("-brw needs an address argument");
  return io::run_loop([&]() -> int {
    auto process = test_process(config, o);
    if (!process) return complain(process.error().text);
    LocalScope local(**process);
    local.scope.testing = true;
    int rc = 0;
    for (const std::string& address : o.arguments)
      rc = std::max(rc, show_rewriting(local.scope, *config, address, (*process)->primary_hostname));
    return rc;
  });
}

int run_retry_test(const Options& o, std::shared_ptr<const lang::Config> config) {
  return io::run_loop([&]() -> int {
    auto process = test_process(config, o);
    if (!process) return complain(process.error().text);
    LocalScope local(**process);
    local.scope.testing = true;
    return show_retry(local.scope, *config, o);
  });
}

}  // namespace remex::cli
