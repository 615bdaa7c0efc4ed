// Exim filter text to tree; see exim_tree.h. The texts of mistakes are Exim's: they stand in logs and in what -bf says.
#include <fmt/format.h>

#include <algorithm>

#include "core/base/strings.h"
#include "lang/filter/exim_tree.h"
#include "lang/filter/exim_words.h"

namespace remex::lang::filter {
namespace {

constexpr int kMaxDepth = 40;
constexpr std::size_t kMaxNodes = 100000;

struct VerbName {
  std::string_view name;
  Verb verb;
};
constexpr VerbName kVerbs[] = {
    {"add", Verb::add},         {"defer", Verb::defer},         {"deliver", Verb::deliver},   {"fail", Verb::fail},
    {"finish", Verb::finish},   {"freeze", Verb::freeze},       {"headers", Verb::headers},   {"if", Verb::if_},
    {"logfile", Verb::logfile}, {"logwrite", Verb::logwrite},   {"mail", Verb::mail},         {"pipe", Verb::pipe},
    {"save", Verb::save},       {"testprint", Verb::testprint}, {"vacation", Verb::vacation},
};

constexpr std::string_view kMailParts[MailPart::parts] = {
    "to", "cc", "bcc", "from", "reply_to", "subject", "extra_headers", "text", "file", "log", "once", "once_repeat"};
struct TestName {
  std::string_view name;
  Test test;
};
constexpr TestName kTests[] = {
    {"begins", Test::begins},    {"begin", Test::begins},  {"contains", Test::contains},
    {"contain", Test::contains}, {"ends", Test::ends},     {"end", Test::ends},
    {"matches", Test::matches},  {"match", Test::matches}, {"is", Test::is},
};
constexpr TestName kWords[] = {
    {"delivered", Test::delivered},
    {"error_message", Test::error_message},
    {"first_delivery", Test::first_delivery},
    {"foranyaddress", Test::for_any_address},
    {"manually_thawed", Test::manually_thawed},
    {"personal", Test::personal},
};

class Parser {
 public:
  Parser(std::string_view text, const Permissions& may, const CompileContext& ctx)
      : words_(text), may_(may), ctx_(ctx) {}

  Result<Program> run() {
    std::string end;
    return commands(false, 0, end);
  }

 private:
  Result<Program> commands(bool inside, int depth, std::string& end);
  Status command(std::string_view name, Command& c, int depth);
  Status branch(Command& c, int depth);
  Status mail(Command& c);
  Status verdict(std::string_view name, Command& c);
  Status headers(Command& c);
  Status add(Command& c);
  Result<Condition> condition(bool bracket, int depth, std::string& end);
  Result<Condition> term(int depth, bool& none, std::string& end);
  Result<Condition> named_test(Test test, int depth);
  Status text_test(Condition& c);

  Argument argument(std::string text) const {
    Argument a;
    auto compiled = Expansion::compile(SourceText(text), ctx_);
    a.text = std::move(text);
    if (compiled)
      a.compiled = std::move(*compiled);
    else
      a.error = compiled.error().text;
    return a;
  }
  /// The argument a command cannot do without.
  Status required(std::string_view name, Command& c) {
    REMEX_TRY(std::string text, words_.item());
    if (text.empty()) return words_.mistake(fmt::format("\"{}\" requires an argument", name));
    c.args.push_back(argument(std::move(text)));
    return {};
  }
  Status count() {
    if (++nodes_ > kMaxNodes) return words_.mistake("the filter is too long");
    return {};
  }

  Words words_;
  const Permissions& may_;
  const CompileContext& ctx_;
  std::size_t nodes_ = 0;
};

Result<Program> Parser::commands(bool inside, int depth, std::string& end) {
  if (depth > kMaxDepth) return words_.mistake("\"if\" commands are nested too deeply");
  Program out;
  while (!words_.at_end()) {
    Command c;
    std::string name;
    for (;;) {  // seen, unseen, noerror
      REMEX_TRY(name, words_.word());
      const bool seen = name == "seen" || name == "unseen";
      if (!seen && name != "noerror") break;
      if (seen && c.seen >= 0)
        return fail(ErrorKind::config, fmt::format("\"seen\" or \"unseen\" repeated near line {}", words_.line()));
      if (words_.at_end())
        return fail(ErrorKind::config, fmt::format("{} near line {} is not followed by a command",
                                                   seen ? "\"seen\" or \"unseen\"" : "\"noerror\"", words_.line()));
      if (seen)
        c.seen = name == "seen" ? 1 : 0;
      else
        c.noerror = true;
    }
    if (name == "elif" || name == "else" || name == "endif") {
      if (!inside) return words_.mistake(fmt::format("unexpected \"{}\" command", name));
      end = name;
      return out;
    }
    REMEX_CHECK(count());
    REMEX_CHECK(command(name, c, depth));
    out.push_back(std::move(c));
  }
  if (inside) return fail(ErrorKind::config, "\"endif\" missing at end of filter file");
  return out;
}

Status Parser::command(std::string_view name, Command& c, int depth) {
  const auto* known =
      std::find_if(std::begin(kVerbs), std::end(kVerbs), [&](const VerbName& v) { return v.name == name; });
  if (known == std::end(kVerbs))
    return words_.mistake(fmt::format("unknown filtering command \"{}\"", printable(name)));
  c.verb = known->verb;
  const bool takes_none = c.verb == Verb::add || c.verb == Verb::headers || c.verb == Verb::if_;
  if (takes_none && (c.seen >= 0 || c.noerror))
    return fail(ErrorKind::config,
                fmt::format("\"seen\", \"unseen\", or \"noerror\" found before an \"{}\" command near line {}", name,
                            words_.line()));
  switch (c.verb) {
    case Verb::if_: return branch(c, depth);
    case Verb::finish: return {};
    case Verb::mail:
    case Verb::vacation: return mail(c);
    case Verb::fail:
    case Verb::defer:
    case Verb::freeze: return verdict(name, c);
    case Verb::headers: return headers(c);
    case Verb::add: return add(c);
    case Verb::deliver:
      REMEX_CHECK(required(name, c));
      if (words_.take("errors_to")) {
        REMEX_TRY(std::string errors_to, words_.item());
        c.args.push_back(argument(std::move(errors_to)));
      }
      return {};
    case Verb::save:
    case Verb::logfile:
      REMEX_CHECK(required(name, c));
      if (is_digit(words_.peek())) {
        REMEX_TRY(const std::string digits, words_.word());
        c.mode = 0;
        for (const char d : digits) {
          if (d < '0' || d > '7') break;
          c.mode = (c.mode * 8 + (d - '0')) & 07777;
        }
      }
      return {};
    case Verb::pipe:
    case Verb::logwrite:
    case Verb::testprint: return required(name, c);
  }
  return {};
}

Status Parser::branch(Command& c, int depth) {
  std::string end = "elif";
  while (end == "elif") {
    REMEX_CHECK(count());
    Branch& b = c.branches.emplace_back();
    REMEX_TRY(b.condition, condition(false, 0, end));
    REMEX_TRY(b.then, commands(true, depth + 1, end));
  }
  if (end == "else") {
    REMEX_TRY(c.otherwise, commands(true, depth + 1, end));
    if (end != "endif") return words_.mistake("\"endif\" missing");
  }
  return {};
}

Status Parser::mail(Command& c) {
  c.args.resize(MailPart::parts);
  if (c.verb == Verb::vacation) {
    c.args[MailPart::subject] = argument("On vacation");
    c.args[MailPart::file] = argument(".vacation.msg");
    c.args[MailPart::log] = argument(".vacation.log");
    c.args[MailPart::once] = argument(".vacation");
    c.args[MailPart::once_repeat] = argument("7d");
    for (const MailPart p : {MailPart::subject, MailPart::file, MailPart::log, MailPart::once, MailPart::once_repeat})
      c.given |= 1U << p;
    c.expand_file = true;
  }
  for (;;) {
    if (words_.take("return")) {
      if (!words_.take("message")) {
        REMEX_CHECK(words_.word());
        return words_.mistake("\"return\" not followed by \"message\" ");
      }
      c.return_message = true;
      continue;
    }
    const bool expand = words_.take("expand");
    std::size_t part = 0;
    while (part < MailPart::parts && !words_.take(kMailParts[part])) ++part;
    if (expand && part != MailPart::file) {
      if (part == MailPart::parts) REMEX_CHECK(words_.word());
      return words_.mistake("\"expand\" not followed by \"file\" ");
    }
    if (part == MailPart::parts) return {};
    if (part == MailPart::file) c.expand_file = expand;
    REMEX_TRY(std::string text, words_.item());
    c.args[part] = argument(std::move(text));
    c.given |= 1U << part;
  }
}

Status Parser::verdict(std::string_view name, Command& c) {
  const bool allowed = may_.system || (c.verb == Verb::fail    ? may_.fail
                                       : c.verb == Verb::defer ? may_.defer
                                                               : may_.freeze);
  if (!allowed) return words_.mistake(fmt::format("filtering command \"{}\" is disabled:", name));
  if (words_.take("text") || words_.peek() == '"') {
    REMEX_TRY(std::string text, words_.item());
    c.args.push_back(argument(std::move(text)));
  }
  return {};
}

Status Parser::headers(Command& c) {
  REMEX_TRY(c.word, words_.item());
  if (c.word.empty()) return words_.mistake("\"headers\" requires an argument");
  if (c.word != "charset") {
    if (!may_.system) return words_.mistake("header addition and removal is available only in system filters:");
    if (c.word != "add" && c.word != "remove")
      return words_.mistake("\"add\", \"remove\", or \"charset\" expected after \"headers\"");
  }
  REMEX_TRY(std::string text, words_.item());
  if (text.empty()) return words_.mistake("value missing after \"add\", \"remove\", or \"charset\"");
  c.args.push_back(argument(std::move(text)));
  return {};
}

Status Parser::add(Command& c) {
  REMEX_CHECK(required("add", c));
  if (!words_.take("to")) return words_.mistake("\"to\" expected in \"add\" command");
  return required("add", c);
}

/// A whole condition up to "then" or, with `bracket`, its closing bracket.
Result<Condition> Parser::condition(bool bracket, int depth, std::string& end) {
  if (depth > kMaxDepth) return words_.mistake("conditions are nested too deeply");
  // "or" of "and"s
  Condition any;
  any.test = Test::any;
  Condition all;
  for (;;) {
    bool none = false;
    REMEX_TRY(Condition one, term(depth, none, end));
    if (none) {
      if (end == ")")
        return fail(ErrorKind::config, fmt::format("unexpected \")\" in line {} of filter file", words_.line()));
      if (end.empty()) return fail(ErrorKind::config, "\"then\" missing at end of filter file");
      return words_.mistake("unexpected \"then\"");
    }
    all.parts.push_back(std::move(one));
    REMEX_TRY(const std::string next, words_.word(true));
    if (next == "and") continue;
    const auto close = [&] {
      any.parts.push_back(all.parts.size() == 1 ? std::move(all.parts.front()) : std::move(all));
      all = Condition();
    };
    if (next == "or") {
      close();
      continue;
    }
    if (next == ")" && !bracket)
      return fail(ErrorKind::config, fmt::format("unexpected \")\" in line {} of filter file", words_.line()));
    if (next == "then" && bracket) return words_.mistake("missing \")\" at end of condition");
    if (next != ")" && next != "then")
      return fail(ErrorKind::config,
                  fmt::format("\"and\" or \"or\" or \"{}\" expected near line {} of filter file, but found \"{}\"",
                              bracket ? ")" : "then", words_.line(), printable(next)));
    close();
    if (any.parts.size() > 1) return any;
    Condition only = std::move(any.parts.front());
    return only;
  }
}

/// One test, "not"s included. `none`: there is none; `end` says what stands there.
Result<Condition> Parser::term(int depth, bool& none, std::string& end) {
  REMEX_CHECK(count());
  bool negated = false;
  while (words_.peek() != '"' && words_.take("not", true)) negated = !negated;
  Condition c;
  if (words_.take("(", true)) {
    REMEX_TRY(c, condition(true, depth + 1, end));
    c.negated = c.negated != negated;
    return c;
  }
  const bool quoted = words_.peek() == '"';
  REMEX_TRY(std::string left, words_.item(true));
  if (!quoted) {
    const std::string_view word = left;
    none = word.empty() || word == "then" || word == ")";
    end = left;
    if (none) return c;
    for (const TestName& t : kWords) {
      if (t.name != left) continue;
      REMEX_TRY(c, named_test(t.test, depth));
      c.negated = negated;
      return c;
    }
  }
  c.left = argument(std::move(left));
  c.negated = negated;
  REMEX_CHECK(text_test(c));
  return c;
}

Result<Condition> Parser::named_test(Test test, int depth) {
  Condition c;
  c.test = test;
  if (test == Test::personal) {
    while (words_.take("alias", true)) {
      REMEX_TRY(std::string alias, words_.item(true));
      c.aliases.push_back(argument(std::move(alias)));
      REMEX_CHECK(count());
    }
  } else if (test == Test::for_any_address) {
    REMEX_TRY(std::string list, words_.item(true));
    c.left = argument(std::move(list));
    if (!words_.take("(", true)) {
      REMEX_CHECK(words_.word(true));
      return words_.mistake("\"(\" expected after \"foranyaddress\"");
    }
    std::string end;
    REMEX_TRY(Condition inner, condition(true, depth + 1, end));
    c.parts.push_back(std::move(inner));
  }
  return c;
}

/// The operator and the right side. Lower case compares without regard to case, upper case with; "does", "is" and "not"
/// may be either.
Status Parser::text_test(Condition& c) {
  REMEX_TRY(std::string op, words_.word(true));
  if (const std::string_view first = op; first == "does" || first == "DOES") {
    REMEX_TRY(op, words_.word(true));
    if (op == "not" || op == "NOT") {
      c.negated = !c.negated;
      REMEX_TRY(op, words_.word(true));
    }
  }
  const auto* known = std::find_if(std::begin(kTests), std::end(kTests),
                                   [&](const TestName& t) { return t.name == op || to_upper(t.name) == op; });
  if (known == std::end(kTests))
    return words_.mistake(fmt::format("unrecognized condition word \"{}\"", printable(op)));
  c.test = known->test;
  c.caseful = op == to_upper(op);
  if (c.test == Test::is) {
    if (words_.take("not", true) || words_.take("NOT", true)) c.negated = !c.negated;
    if (words_.take("above", true))
      c.test = Test::above;
    else if (words_.take("below", true))
      c.test = Test::below;
  }
  REMEX_TRY(std::string right, words_.item(true));
  c.right = argument(std::move(right));
  return {};
}

}  // namespace

Result<Program> parse_exim(std::string_view text, const Permissions& may, const CompileContext& ctx) {
  return Parser(text, may, ctx).run();
}

}  // namespace remex::lang::filter
