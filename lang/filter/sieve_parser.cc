// Sieve text to tree; see sieve_tree.h. Strict: code that is never reached is checked as well.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "core/mail/address_items.h"
#include "lang/filter/sieve_tree.h"
#include "lang/filter/sieve_words.h"

namespace remex::lang::filter::sieve {
namespace {

constexpr int kMaxDepth = 32;
constexpr std::size_t kMaxNodes = 50000;
constexpr std::string_view kExtensions[] = {"copy",
                                            "encoded-character",
                                            "enotify",
                                            "envelope",
                                            "fileinto",
                                            "subaddress",
                                            "vacation",
                                            "comparator-i;ascii-casemap",
                                            "comparator-i;ascii-numeric",
                                            "comparator-i;octet"};

bool is_command(std::string_view name) {
  constexpr std::string_view kNames[] = {"discard", "fileinto", "if", "keep", "notify", "redirect", "stop", "vacation"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

/// Headers that hold addresses (RFC 5228 5.1 lets an implementation name them).
bool is_address_header(std::string_view name) {
  constexpr std::string_view kNames[] = {"from",
                                         "to",
                                         "cc",
                                         "bcc",
                                         "sender",
                                         "reply-to",
                                         "resent-from",
                                         "resent-to",
                                         "resent-cc",
                                         "resent-bcc",
                                         "resent-sender",
                                         "return-path",
                                         "envelope-to",
                                         "delivered-to",
                                         "x-original-to",
                                         "errors-to",
                                         "disposition-notification-to"};
  return std::any_of(std::begin(kNames), std::end(kNames), [&](std::string_view n) { return iequals(n, name); });
}

class Parser {
 public:
  Parser(std::string_view text, const Offer& offer) : t_(text), offer_(offer) {}

  Result<Script> run() {
    REMEX_CHECK(t_.start());
    while (t_.is_word("require")) REMEX_CHECK(require());
    Script script;
    REMEX_CHECK(commands(script, 0, false));
    return script;
  }

 private:
  Status require();
  Status commands(Script& out, int depth, bool block);
  Status command(Command& c, const std::string& name, int depth);
  Status branches(Command& c, int depth);
  Status block(Script& out, int depth);
  Result<Test> test(int depth);
  Status test_list(Test& t, int depth);
  Status comparison(Test& t);
  Status redirect(Command& c);
  Status fileinto(Command& c);
  Status vacation(Command& c);
  Status notify(Command& c);
  Status needs(std::string_view extension) {
    if (required_.contains(std::string(extension))) return {};
    return t_.mistake(fmt::format("missing previous require \"{}\";", extension));
  }
  Status mark(char c, std::string_view otherwise) {
    if (!t_.is_mark(c)) return t_.mistake(otherwise);
    return t_.advance();
  }
  /// The tag that is next, taken; empty: none.
  Result<std::string> tag() {
    if (t_.now().kind != Token::Kind::tag) return std::string();
    std::string name = t_.now().text;
    REMEX_CHECK(t_.advance());
    return name;
  }
  Result<std::string> string(std::string_view otherwise) {
    if (t_.now().kind != Token::Kind::string) return t_.mistake(otherwise);
    std::string s = t_.now().text;
    REMEX_CHECK(t_.advance());
    return s;
  }
  Result<std::vector<std::string>> strings(std::string_view otherwise);
  Status headers(std::vector<std::string>& names);
  Status count() {
    if (++nodes_ > kMaxNodes) return t_.mistake("the script is too long");
    return {};
  }

  Tokens t_;
  Offer offer_;
  std::set<std::string> required_;
  std::size_t nodes_ = 0;
};

Result<std::vector<std::string>> Parser::strings(std::string_view otherwise) {
  std::vector<std::string> out;
  if (!t_.is_mark('[')) {
    REMEX_TRY(std::string one, string(otherwise));
    out.push_back(std::move(one));
    return out;
  }
  REMEX_CHECK(t_.advance());
  while (!t_.is_mark(']')) {
    if (!out.empty()) REMEX_CHECK(mark(',', "missing string list"));
    REMEX_TRY(std::string one, string("missing string list"));
    out.push_back(std::move(one));
    if (out.size() > kMaxNodes) return t_.mistake("the list is too long");
  }
  REMEX_CHECK(t_.advance());
  return out;
}

Status Parser::require() {
  REMEX_CHECK(t_.advance());
  REMEX_TRY(const auto names, strings("capability string list expected"));
  for (const std::string& given : names) {
    const std::string name = to_lower(given);
    const bool known = std::find(std::begin(kExtensions), std::end(kExtensions), name) != std::end(kExtensions);
    if (!known) return t_.mistake("unknown capability");
    if (name == "vacation" && !offer_.vacation) return t_.mistake("vacation disabled");
    if (name == "enotify" && !offer_.notify) return t_.mistake("enotify disabled");
    required_.insert(name);
    if (name == "encoded-character") t_.encoded_characters = true;
  }
  return mark(';', "missing semicolon");
}

Status Parser::commands(Script& out, int depth, bool block) {
  while (t_.now().kind != Token::Kind::end && !(block && t_.is_mark('}'))) {
    const std::string name = t_.now().text;
    if (t_.now().kind != Token::Kind::word || !is_command(name))
      return t_.mistake(block ? "expecting command or closing brace" : "syntax error");
    REMEX_CHECK(count());
    Command c;
    c.line = t_.line();
    REMEX_CHECK(t_.advance());
    REMEX_CHECK(command(c, name, depth));
    out.push_back(std::move(c));
  }
  return {};
}

Status Parser::block(Script& out, int depth) {
  if (depth > kMaxDepth) return t_.mistake("blocks are nested too deeply");
  REMEX_CHECK(mark('{', "missing block"));
  REMEX_CHECK(commands(out, depth, true));
  return mark('}', "expecting command or closing brace");
}

Status Parser::branches(Command& c, int depth) {
  c.kind = CommandKind::if_;
  for (bool last = false; !last;) {
    Test t;
    if (!last) {
      REMEX_TRY(t, test(depth + 1));
    }
    c.tests.push_back(std::move(t));
    REMEX_CHECK(block(c.blocks.emplace_back(), depth + 1));
    if (t_.is_word("elsif")) {
      REMEX_CHECK(count());
      REMEX_CHECK(t_.advance());
    } else {
      last = true;
    }
  }
  if (t_.is_word("else")) {
    REMEX_CHECK(t_.advance());
    c.tests.emplace_back();  // always true
    REMEX_CHECK(block(c.blocks.emplace_back(), depth + 1));
  }
  return {};
}

Status Parser::command(Command& c, const std::string& name, int depth) {
  if (name == "if") return branches(c, depth);
  if (name == "keep") {
    c.kind = CommandKind::keep;
  } else if (name == "discard") {
    c.kind = CommandKind::discard;
  } else if (name == "stop") {
    c.kind = CommandKind::stop;
  } else if (name == "redirect") {
    REMEX_CHECK(redirect(c));
  } else if (name == "fileinto") {
    REMEX_CHECK(needs("fileinto"));
    REMEX_CHECK(fileinto(c));
  } else if (name == "vacation") {
    REMEX_CHECK(needs("vacation"));
    REMEX_CHECK(vacation(c));
  } else {
    REMEX_CHECK(needs("enotify"));
    REMEX_CHECK(notify(c));
  }
  return mark(';', "missing semicolon");
}

Status Parser::redirect(Command& c) {
  c.kind = CommandKind::redirect;
  REMEX_TRY(const std::string name, tag());
  if (!name.empty() && name != "copy") return t_.mistake("missing redirect recipient string");
  c.copy = !name.empty();
  if (c.copy) REMEX_CHECK(needs("copy"));
  REMEX_TRY(const std::string to, string("missing redirect recipient string"));
  const auto items = mail::address_items(trim(to));
  if (to.find('@') == std::string::npos) return t_.mistake("unqualified recipient address");
  if (items.size() != 1 || !items.front().error.empty()) return t_.mistake("malformed recipient address");
  if (items.front().address.domain.empty()) return t_.mistake("unqualified recipient address");
  c.target = items.front().address.str();
  return {};
}

Status Parser::fileinto(Command& c) {
  c.kind = CommandKind::fileinto;
  REMEX_TRY(const std::string name, tag());
  if (!name.empty() && name != "copy") return t_.mistake("missing fileinto folder string");
  c.copy = !name.empty();
  if (c.copy) REMEX_CHECK(needs("copy"));
  REMEX_TRY(c.target, string("missing fileinto folder string"));
  bool control = c.target.empty();
  for (const char x : c.target) control = control || (static_cast<unsigned char>(x) < 32 || x == 127);
  if (control || c.target.find("..") != std::string::npos) return t_.mistake("invalid folder");
  return {};
}

Status Parser::vacation(Command& c) {
  c.kind = CommandKind::vacation;
  for (;;) {
    REMEX_TRY(const std::string name, tag());
    if (name.empty()) break;
    if (name == "days") {
      if (t_.now().kind != Token::Kind::number) return t_.mistake("missing number");
      c.days = static_cast<std::int64_t>(std::clamp<std::uint64_t>(t_.now().number, 1, 31));
      REMEX_CHECK(t_.advance());
    } else if (name == "subject") {
      REMEX_TRY(c.subject, string("subject string expected"));
    } else if (name == "from") {
      REMEX_TRY(c.from, string("from string expected"));
      const auto items = mail::address_items(c.from);
      if (items.size() != 1 || !items.front().error.empty()) return t_.mistake("malformed from address");
    } else if (name == "addresses") {
      REMEX_TRY(c.addresses, strings("addresses string list expected"));
    } else if (name == "handle") {
      REMEX_TRY(c.handle, string("handle string expected"));
    } else if (name == "mime") {
      c.mime = true;
    } else {
      return t_.mistake("syntax error");
    }
  }
  REMEX_TRY(c.target, string("missing reason string"));
  return {};
}

Status Parser::notify(Command& c) {
  c.kind = CommandKind::notify;
  for (;;) {
    REMEX_TRY(const std::string name, tag());
    if (name.empty()) break;
    if (name == "from") {
      REMEX_TRY(c.from, string("from string expected"));
    } else if (name == "message") {
      REMEX_TRY(c.message, string("message string expected"));
    } else if (name == "importance") {
      REMEX_TRY(const std::string importance, string("importance string expected"));
      const std::string_view level = importance;
      if (level != "1" && level != "2" && level != "3") return t_.mistake("importance must be 1, 2 or 3");
    } else if (name == "options") {
      REMEX_CHECK(strings("options string list expected"));
    } else {
      return t_.mistake("syntax error");
    }
  }
  REMEX_TRY(c.target, string("missing method string"));
  if (auto m = parse_mailto(c.target); !m) return t_.mistake(m.error().text);
  return {};
}

// ------------------------------------------------------------------ tests

Status Parser::headers(std::vector<std::string>& names) {
  REMEX_TRY(names, strings("header string list expected"));
  for (const std::string& n : names)
    for (const char c : n)
      if (static_cast<unsigned char>(c) <= 32 || c == ':' || c == 127)
        return t_.mistake("header string expansion failed");
  return {};
}

/// Tags of a comparison, in any order.
Status Parser::comparison(Test& t) {
  bool match_given = false;
  while (t_.now().kind == Token::Kind::tag) {
    const std::string name = t_.now().text;
    const bool parts = t.kind == TestKind::address || t.kind == TestKind::envelope;
    if (name == "comparator") {
      REMEX_CHECK(t_.advance());
      REMEX_TRY(const std::string given, string("comparator name expected"));
      const std::string comparator = to_lower(given);
      if (comparator == "i;octet")
        t.comparator = Comparator::octet;
      else if (comparator == "i;ascii-casemap")
        t.comparator = Comparator::casemap;
      else if (comparator == "i;ascii-numeric")
        t.comparator = Comparator::numeric;
      else
        return t_.mistake("invalid comparator");
      continue;
    }
    if (name == "is" || name == "contains" || name == "matches") {
      if (match_given) return t_.mistake("match type already specified");
      match_given = true;
      t.match = name == "is" ? Match::is : name == "contains" ? Match::contains : Match::matches;
    } else if (parts && (name == "all" || name == "localpart" || name == "domain")) {
      t.part = name == "all" ? Part::all : name == "domain" ? Part::domain : Part::localpart;
    } else if (parts && (name == "user" || name == "detail")) {
      REMEX_CHECK(needs("subaddress"));
      t.part = name == "user" ? Part::user : Part::detail;
    } else {
      return {};  // the string list that should be here is missed
    }
    REMEX_CHECK(t_.advance());
  }
  if (t.comparator == Comparator::numeric && t.match != Match::is)
    return t_.mistake("comparator does not support this match type");
  return {};
}

Status Parser::test_list(Test& t, int depth) {
  REMEX_CHECK(mark('(', "missing '('"));
  for (;;) {
    REMEX_TRY(Test one, test(depth + 1));
    t.tests.push_back(std::move(one));
    if (!t_.is_mark(',')) break;
    REMEX_CHECK(t_.advance());
  }
  return mark(')', "missing ')'");
}

Result<Test> Parser::test(int depth) {
  if (depth > kMaxDepth) return t_.mistake("tests are nested too deeply");
  REMEX_CHECK(count());
  if (t_.now().kind != Token::Kind::word) return t_.mistake("missing test");
  const std::string name = t_.now().text;
  REMEX_CHECK(t_.advance());
  Test t;
  if (name == "true") return t;
  if (name == "false") {
    t.kind = TestKind::false_;
  } else if (name == "not") {
    t.kind = TestKind::not_;
    REMEX_TRY(Test one, test(depth + 1));
    t.tests.push_back(std::move(one));
  } else if (name == "allof" || name == "anyof") {
    t.kind = name == "allof" ? TestKind::allof : TestKind::anyof;
    REMEX_CHECK(test_list(t, depth));
  } else if (name == "size") {
    t.kind = TestKind::size;
    REMEX_TRY(const std::string which, tag());
    if (which != "over" && which != "under") return t_.mistake("missing :over or :under");
    if (t_.now().kind != Token::Kind::number) return t_.mistake("missing number");
    t.over = which == "over";
    t.limit = t_.now().number;
    REMEX_CHECK(t_.advance());
  } else if (name == "exists") {
    t.kind = TestKind::exists;
    REMEX_CHECK(headers(t.names));
  } else if (name == "header" || name == "address" || name == "envelope") {
    t.kind = name == "header" ? TestKind::header : name == "address" ? TestKind::address : TestKind::envelope;
    if (t.kind == TestKind::envelope) REMEX_CHECK(needs("envelope"));
    REMEX_CHECK(comparison(t));
    REMEX_CHECK(headers(t.names));
    if (t.kind == TestKind::envelope)
      for (const std::string& n : t.names)
        if (!iequals(n, "from") && !iequals(n, "to")) return t_.mistake("invalid envelope string");
    if (t.kind == TestKind::address)
      for (const std::string& n : t.names)
        if (!is_address_header(n)) return t_.mistake("invalid header field");
    REMEX_TRY(t.keys, strings("key string list expected"));
  } else if (name == "valid_notify_method") {
    REMEX_CHECK(needs("enotify"));
    t.kind = TestKind::valid_notify_method;
    REMEX_TRY(t.names, strings("method string list expected"));
  } else {
    return t_.mistake("missing test");
  }
  return t;
}

/// %XX of a URI.
std::string unescape(std::string_view s) {
  std::string out;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '%' && i + 2 < s.size())
      if (const auto byte = hex_decode(s.substr(i + 1, 2))) {
        out += *byte;
        i += 2;
        continue;
      }
    out += s[i];
  }
  return out;
}

}  // namespace

Result<Mailto> parse_mailto(std::string_view uri) {
  if (!istarts_with(uri, "mailto:")) return fail(ErrorKind::config, "unknown notification method");
  uri.remove_prefix(7);
  Mailto m;
  const std::size_t query = uri.find('?');
  m.to = unescape(uri.substr(0, query));
  if (query != std::string_view::npos) {
    for (const std::string_view field : split(std::string_view(uri.substr(query + 1)), '&')) {
      const std::size_t eq = field.find('=');
      const std::string_view name = field.substr(0, eq);
      const std::string value = eq == std::string_view::npos ? std::string() : unescape(field.substr(eq + 1));
      if (iequals(name, "to"))
        m.to += (m.to.empty() ? "" : ",") + value;
      else if (iequals(name, "subject"))
        m.subject = value;
      else if (iequals(name, "body"))
        m.body = value;
    }
  }
  const auto items = mail::address_items(m.to);
  bool good = !items.empty();
  for (const auto& item : items) good = good && item.error.empty() && !item.address.domain.empty();
  for (const char c : m.to + m.subject) good = good && static_cast<unsigned char>(c) >= 32;
  if (!good) return fail(ErrorKind::config, "invalid mailto URI");
  return m;
}

Result<Script> parse(std::string_view text, const Offer& offer) { return Parser(text, offer).run(); }

}  // namespace remex::lang::filter::sieve
