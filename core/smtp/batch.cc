// Batched SMTP (-bS): the commands come from a file and nobody reads replies. No SMTP ACL is run: a batch is no
// conversation, and its messages are judged by acl_not_smtp. The first error ends it; what it was is told on standard
// output, in lines for a program, and on standard error, for a person (the manual, chapter 5, "-bS").
#include <fmt/core.h>

#include <cstdio>

#include "core/base/strings.h"
#include "core/smtp/session.h"

namespace remex::smtp {
namespace {

/// What batches have always called it: programs compare the text.
std::string batch_text(int code, std::string_view text) {
  using Pair = std::pair<std::string_view, std::string_view>;
  for (const auto& [here, there] :
       {Pair{"unrecognized command", "Command unrecognized"}, Pair{"sender not yet given", "No sender yet given"},
        Pair{"sender already given", "Sender already given"}})
    if (text == here) return std::string(there);
  // "ADDRESS: what is wrong": the command is told anyway.
  if (const auto gap = text.rfind(": "); code == 501 && gap != std::string_view::npos && !text.starts_with("malformed"))
    text.remove_prefix(gap + 2);
  return std::string(text);
}

}  // namespace

bool Session::is_for_batch(Verb verb) {
  switch (verb) {
    case Verb::vrfy:
    case Verb::expn:
    case Verb::help:
    case Verb::etrn: return false;
    default: return true;
  }
}

Session::Next Session::batch_command(const Command& c) {
  if (!is_for_batch(c.verb)) return Next::go_on;  // there is nobody to tell
  if (c.verb == Verb::helo || c.verb == Verb::ehlo || c.verb == Verb::rset) batch_began_ = batch_line_;
  if (c.verb == Verb::data && !accepted_any_rcpt_) {
    reply(503,
          in_transaction_ ? "RCPT TO:<recipient> must precede DATA" : "MAIL FROM:<sender> command must precede DATA");
    return Next::go_on;
  }
  if ((c.verb == Verb::helo || c.verb == Verb::ehlo) && c.argument.empty()) return Next::go_on;
  if (c.verb == Verb::starttls || c.verb == Verb::auth || c.verb == Verb::bdat) {
    reply(500, "Command unrecognized");
    return Next::go_on;
  }
  return dispatch(c);
}

void Session::batch_reply(int code, std::string_view reply_text) {
  if (code < 400 || batch_failed_) return;
  batch_failed_ = true;
  const std::string text = batch_text(code, reply_text);
  const std::string command = batch_in_data_ ? "" : state_.command;
  out_ += fmt::format("{} {}\nTransaction started in line {}\nError detected in line {}\n", code, text, batch_began_,
                      batch_line_);
  if (!command.empty()) out_ += printable(command) + "\n";
  std::string told = fmt::format(
      "An error was detected while processing a file of BSMTP input.\nThe error message was:\n\n  {} {}\n\n"
      "The SMTP transaction started in line {}.\nThe error was detected in line {}.\n",
      code, text, batch_began_, batch_line_);
  if (!command.empty()) told += fmt::format("The SMTP command at fault was:\n\n   {}\n\n", printable(command));
  told += fmt::format("{} previous message{} successfully processed.\nThe rest of the batch was abandoned.\n",
                      accepted_messages_, accepted_messages_ == 1 ? " was" : "s were");
  if (opt_.tell)
    opt_.tell(told);
  else
    fmt::print(stderr, "{}", told);
}

}  // namespace remex::smtp
