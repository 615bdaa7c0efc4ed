// ETRN (RFC 1985) and EXPN (RFC 5321 4.1.1.7). ETRN #TEXT starts a queue run for the recipients that contain TEXT, or
// smtp_etrn_command; the client does not wait for it. EXPN shows one level of the expansion of an address.

#include <fmt/core.h>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "core/smtp/fixups.h"
#include "core/smtp/session.h"

namespace remex::smtp {

namespace {

/// Splits a command before expansion: blanks separate, except in quotes and in braces.
std::vector<std::string> command_words(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  bool quoted = false, any = false;
  int braces = 0;
  for (const char c : text) {
    if (c == '"' && braces == 0) {
      quoted = !quoted;
      any = true;
    } else if (is_space(c) && !quoted && braces == 0) {
      if (any || !word.empty()) out.push_back(std::move(word));
      word.clear();
      any = false;
    } else {
      if (c == '{') ++braces;
      if (c == '}' && braces > 0) --braces;
      word += c;
    }
  }
  if (any || !word.empty()) out.push_back(std::move(word));
  return out;
}

}  // namespace

/// The words of smtp_etrn_command, each expanded with the argument as $domain.
Result<std::vector<std::string>> Session::etrn_command(std::string_view argument) {
  lang::AddressState a;
  a.domain = std::string(argument);
  struct Guard {
    lang::Scope& scope;
    ~Guard() { scope.address = nullptr; }
  } const guard{scope_};
  scope_.address = &a;
  const lang::Expansion& option = config_->main.smtp_etrn_command;
  std::vector<std::string> argv;
  for (const std::string& word : command_words(option.source_text())) {
    const lang::CompileContext compile{config_->registries.get(), nullptr, "smtp_etrn_command"};
    auto e = lang::Expansion::compile(lang::SourceText(word, option.pos()), compile);
    if (!e) return fail(e.error().text);
    REMEX_TRY(const Text text, e->eval(scope_));
    if (text.is_tainted())
      return fail(ErrorKind::taint,
                  fmt::format("Tainted arg {} for ETRN processing command: '{}'", argv.size(), printable(text.view())));
    argv.push_back(text.str());
  }
  if (argv.empty() || !argv.front().starts_with('/')) return fail("the command is no absolute path");
  return argv;
}

Session::Next Session::cmd_etrn(const Command& c) {
  const auto& m = config_->main;
  if (in_transaction_) return protocol_error(503, "ETRN is not permitted inside a transaction", state_.command);
  if (server_.log->on(log::Selector::etrn))
    log_line(log::kMain, fmt::format("ETRN {} received from {}", printable(c.argument), peer()));
  const acl::Outcome o = run_acl(acl::Hook::etrn, m.acl_smtp_etrn);
  const std::string queue = envelope_.queue_name;
  envelope_.queue_name = queue_name_;
  if (o.verdict != acl::Verdict::accept) {
    if (o.verdict != acl::Verdict::deny) return refuse(o, fmt::format("ETRN {}", printable(c.argument)));
    log_line(o.log_targets, fmt::format("{} rejected ETRN {}{}{}", host_text(), printable(c.argument),
                                        o.log_message.empty() ? "" : ": ", printable(o.log_message)));
    Reply r = reply_from_acl(o, 250, "", *server_.log);
    const bool coded = o.user_message.size() > 3 && is_digit(o.user_message[0]) && o.user_message[3] == ' ';
    reply(coded ? r.code : 458, r.text);  // RFC 1985 5.2
    return Next::go_on;
  }
  Server::EtrnJob job;
  job.key = std::string(c.argument);
  job.serialize = m.smtp_etrn_serialize;
  if (m.smtp_etrn_command.is_set()) {
    auto argv = etrn_command(c.argument);
    if (!argv) {
      log_line(log::kMain | log::kPanic, fmt::format("failed to set up ETRN command: {}", argv.error().text));
      reply(458, "Internal failure");
      return Next::go_on;
    }
    job.argv = std::move(*argv);
  } else {
    if (!c.argument.starts_with('#')) return protocol_error(501, "argument must begin with #", state_.command);
    job.text = std::string(c.argument.substr(1));
    job.queue_name = queue;
  }
  if (server_.fake) {
    scope_.services->trace(job.argv.empty() ? fmt::format("ETRN would run the queue for \"{}\"", printable(job.text))
                                            : "ETRN would run " + printable(join(job.argv, " ")));
  } else if (!server_.etrn) {
    reply(458, "Unable to queue messages now");
    return Next::go_on;
  } else if (!server_.etrn(job)) {
    reply(458, "Already processing " + printable(c.argument));
    return Next::go_on;
  }
  reply(reply_from_acl(o, 250, "OK", *server_.log));
  return Next::go_on;
}

Session::Next Session::cmd_expn(const Command& c) {
  if (c.argument.empty()) return protocol_error(501, "empty address", state_.command);
  const acl::Outcome o = run_acl(acl::Hook::expn, config_->main.acl_smtp_expn);
  if (o.verdict != acl::Verdict::accept) return refuse(o, fmt::format("EXPN {}", printable(c.argument)));
  std::string_view text = c.argument;
  if (const auto blank = text.find(' ');
      blank != std::string_view::npos && iequals(trim(text.substr(blank)), "SMTPUTF8"))
    text = text.substr(0, blank);
  mail::PathOptions po;
  po.allow_unqualified = true;
  po.allow_utf8 = true;
  auto addr = mail::parse_path(text, po);
  if (!addr) return protocol_error(501, addr.error().text, state_.command);
  if (addr->domain.empty()) addr->domain = qualify_recipient(*config_, server_.primary_hostname);
  const std::string address = addr->str();
  if (!server_.expand_address) {
    reply(252, "Administrative prohibition");
    return Next::go_on;
  }
  const Server::Expanded e = server_.expand_address(scope_, address);
  std::string lines;
  switch (e.kind) {
    case lang::VerifyOutcome::Kind::ok:
      for (const std::string& a : e.addresses) lines += fmt::format("<{}>\n", printable(a));
      reply(250, lines.empty() ? fmt::format("<{}>", printable(address)) : lines);
      break;
    case lang::VerifyOutcome::Kind::defer:
      reply(451, fmt::format("<{}> could not be resolved at this time", printable(address)));
      break;
    case lang::VerifyOutcome::Kind::fail:
      log_line(log::kMain, fmt::format("EXPN failed for {} {}", printable(c.argument), host_text()));
      reply(550, fmt::format("<{}> {}", printable(address), e.message.empty() ? "Unrouteable address" : e.message));
      break;
  }
  return Next::go_on;
}

}  // namespace remex::smtp
