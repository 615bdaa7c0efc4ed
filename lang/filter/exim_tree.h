// An Exim filter as a tree: commands with arguments that are expanded when they are obeyed. Made by exim_parser.cc,
// walked by exim_run.cc and exim_condition.cc.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "lang/expand.h"

namespace remex::lang::filter {

/// Text as written, and what came of compiling it: a mistake in it counts only when it is used.
struct Argument {
  std::string text;
  Expansion compiled;
  std::string error;  ///< why it does not compile
};

enum class Test : std::uint8_t {
  all,  ///< and
  any,  ///< or
  begins,
  contains,
  ends,
  is,
  matches,
  above,
  below,
  delivered,
  error_message,
  first_delivery,
  for_any_address,
  manually_thawed,
  personal,
};

struct Condition {
  Test test = Test::all;
  bool negated = false, caseful = false;
  Argument left, right;
  std::vector<Argument> aliases;  ///< personal
  std::vector<Condition> parts;   ///< all, any: two or more; for_any_address: one
};

enum class Verb : std::uint8_t {
  add,
  defer,
  deliver,
  fail,
  finish,
  freeze,
  headers,
  if_,
  logfile,
  logwrite,
  mail,
  pipe,
  save,
  testprint,
  vacation,
};

/// Order of a mail command's strings in Command::args, and in what tests print.
enum MailPart : std::uint8_t {
  to,
  cc,
  bcc,
  from,
  reply_to,
  subject,
  extra_headers,
  body_text,
  file,
  log,
  once,
  once_repeat,
  parts
};

struct Branch;

struct Command {
  Verb verb = Verb::finish;
  std::int8_t seen = -1;  ///< 0 unseen, 1 seen, -1 neither was said
  bool noerror = false;
  std::vector<Argument> args;
  std::uint32_t given = 0;  ///< mail: bit per MailPart
  bool expand_file = false, return_message = false;
  std::int64_t mode = -1;
  std::string word;              ///< headers: add, remove, charset
  std::vector<Branch> branches;  ///< if, elif, ...
  std::vector<Command> otherwise;
};

struct Branch {
  Condition condition;
  std::vector<Command> then;
};

using Program = std::vector<Command>;

/// Parses everything behind the first line. Kind config: Exim's text with its line number. Bounded: words of 1024
/// characters, 40 levels of if and of brackets, 100 000 commands and conditions.
struct Permissions {
  bool system = false, fail = false, defer = false, freeze = false;
};
Result<Program> parse_exim(std::string_view text, const Permissions& may, const CompileContext& ctx);

}  // namespace remex::lang::filter
