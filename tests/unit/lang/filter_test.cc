// Exim and Sieve filters without a process around them: what comes out of a run, what is refused, what is bounded.
#include <boost/test/unit_test.hpp>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "lang/config.h"
#include "lang/confinement.h"
#include "lang/filter/filter.h"
#include "lang/filter/sieve_run.h"
#include "lang/node.h"
#include "lang/scope.h"

using namespace remex;
using namespace remex::lang;
using filter::Action;
using filter::Outcome;

namespace {

struct Fixture {
  Config config;
  mail::Envelope envelope;
  mail::HeaderList headers;
  AddressState address;
  Scope scope;
  std::shared_ptr<const mail::Body> body = mail::Body::from_string("the body\n");
  filter::Options options;

  Fixture() {
    config.registries = make_language_registries();
    config.main.qualify_domain = "x.test";
    envelope.sender = "from@far.test";
    envelope.size = 2000;
    headers.add("From: A <from@far.test>\nTo: u@x.test, team: b@y.test;\nSubject: Hello =?utf-8?q?w=C3=B6rld?=\n");
    address.local_part = address.cased_local_part = "u";
    address.domain = "x.test";
    address.address = "u@x.test";
    address.home = "/home/u";
    scope.config = &config;
    scope.envelope = &envelope;
    scope.headers = &headers;
    scope.body = body.get();
    scope.address = &address;
  }
  Outcome exim(std::string_view text) { return filter::run("# Exim filter\n" + std::string(text), scope, options); }
  Outcome sieve(std::string_view text) { return filter::run("# Sieve filter\n" + std::string(text), scope, options); }
  /// Folders and addresses, "f:" and "a:" in front; "r:" replies; "!" and the text of a mistake.
  std::string told(const Outcome& out) {
    if (out.verdict == Outcome::Verdict::error) return "!" + out.text;
    std::string s;
    for (const Action& a : out.actions)
      s += std::string(s.empty() ? "" : " ") +
           (a.kind == Action::Kind::file    ? "f:"
            : a.kind == Action::Kind::pipe  ? "p:"
            : a.kind == Action::Kind::reply ? "r:"
                                            : "a:") +
           a.target;
    return s + (out.significant ? " ." : "");
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(filters, Fixture)

BOOST_AUTO_TEST_CASE(first_line_decides) {
  using filter::detect;
  using filter::Kind;
  for (const char* s : {"# Exim filter", "#EximFilter x", " \n # exim   FILTER <<==\nsave x", "#exim filterx"})
    BOOST_TEST((detect(s) == Kind::exim), s);
  BOOST_TEST((detect("# sieve  filter\n") == Kind::sieve));
  for (const char* s : {"", "#", "# Exim", "Exim filter", "# filter exim", "a@b # Exim filter"})
    BOOST_TEST((detect(s) == Kind::none), s);
}

BOOST_AUTO_TEST_CASE(significant_or_not) {
  BOOST_TEST(told(exim("save a")) == "f:/home/u/a .");
  BOOST_TEST(told(exim("unseen save /a deliver b")) == "f:/a a:b .");
  BOOST_TEST(told(exim("unseen deliver b")) == "a:b");
  BOOST_TEST(told(exim("seen finish save a")) == " .");
  BOOST_TEST(told(exim("if delivered then save a endif save b if delivered then save c endif")) ==
             "f:/home/u/b f:/home/u/c .");
  BOOST_TEST(told(exim("mail to a@b.test text x")) == "r:a@b.test");
  envelope.sender.clear();
  BOOST_TEST(told(exim("mail to a@b.test text x")) == "");
}

BOOST_AUTO_TEST_CASE(nothing_counts_before_the_whole_was_read) {
  const Outcome out = exim("save a\nsaev b\n");
  BOOST_TEST(told(out) == "!unknown filtering command \"saev\" near line 3 of filter file");
  BOOST_TEST(out.actions.empty());
}

BOOST_AUTO_TEST_CASE(captures_stay_behind_endif) {
  BOOST_TEST(told(exim("if abc matches \"a(.)c\" then finish endif")) == "");
  BOOST_TEST(told(exim("if abc matches \"a(.)c\" then add 1 to n0 endif save /x$1$n0")) == "f:/xb1 .");
  BOOST_TEST(
      told(exim("if foranyaddress $h_to: ($thisaddress contains y.test) then save /a endif save /b$thisaddress")) ==
      "f:/a f:/b .");
}

BOOST_AUTO_TEST_CASE(a_name_from_the_message_is_one_name) {
  headers.add("X-A: news\nX-B: ../../etc/x\nX-C: a/b\nX-D: .forward\n");
  BOOST_TEST(told(exim("save mail/$h_x-a:")) == "f:/home/u/mail/news .");
  BOOST_TEST(told(exim("save mail/p-$h_x-d:")) == "f:/home/u/mail/p-.forward .");
  for (const char* path :
       {"mail/$h_x-b:", "mail/$h_x-c:", "$h_x-d:", "mail/$h_x-d:", "$h_x-b:", ".${substr_0_1:$h_x-b:}/x"})
    BOOST_TEST(told(exim(std::string("save \"") + path + "\"")).starts_with("!Tainted '"), path);
}

BOOST_AUTO_TEST_CASE(errors_to_is_the_user) {
  BOOST_TEST(told(exim("deliver a@b.test errors_to u@x.test")) == "a:a@b.test .");
  BOOST_TEST(told(exim("deliver a@b.test errors_to v@x.test")) == "!errors_to must point to the caller's address");
  options.system = true;
  const Outcome out = exim("noerror deliver a@b.test errors_to v@x.test");
  BOOST_TEST(out.actions.at(0).errors_to == "v@x.test");
  BOOST_TEST(out.actions.at(0).ignore_errors);
}

BOOST_AUTO_TEST_CASE(what_is_not_allowed) {
  for (const char* c : {"fail", "defer", "freeze"})
    BOOST_TEST(told(exim(c)) ==
               std::string("!filtering command \"") + c + "\" is disabled: near line 2 of filter file");
  BOOST_TEST(
      told(exim("headers add \"X: y\"")).starts_with("!header addition and removal is available only in system"));
  BOOST_TEST(told(exim("save ${lookup{a}lsearch{/etc/passwd}}")) != "");
  options.forbidden = Confinement::kRun | Confinement::kReadfile | Confinement::kExists;
  BOOST_TEST(told(exim("save a${run{/bin/true}}")).ends_with("running a command is not permitted"));
  BOOST_TEST(told(exim("save a${readfile{/etc/passwd}}")).ends_with("file insertions are not permitted"));
  BOOST_TEST(told(exim("save \"${if exists{/etc/passwd}{a}{b}}\"")).ends_with("existence tests are not permitted"));
  // Not by a detour either.
  BOOST_TEST(
      told(exim("save \"${expand:\\\\N${readfile{/etc/passwd}}\\\\N}\"")).find("file insertions are not permitted") !=
      std::string::npos);
  BOOST_TEST(told(exim("save ${uc:a}")) == "f:/home/u/A .");
  options.forbid_logwrite = true;
  BOOST_TEST(told(exim("logfile /tmp/x logwrite y")) == "!logwrite command forbidden");
}

BOOST_AUTO_TEST_CASE(a_pure_run_stops_before_it_touches_anything) {
  options.pure = true;
  for (const char* text : {"save a${run{/bin/true}}", "save a${readfile{/etc/passwd}}", "logfile /tmp/never logwrite x",
                           "save \"${if exists{/etc/passwd}{a}{b}}\"", "save ${env{HOME}}",
                           "save \"${if crypteq{x}{\\\\$6\\\\$rounds=999999999\\\\$abcdefgh\\\\$x}{a}{b}}\"",
                           "if \"${if match_domain{a}{/etc/passwd}{y}}\" is y then save a endif"}) {
    const Outcome out = exim(text);
    BOOST_TEST(out.needs_user, text);
    BOOST_TEST((out.verdict != Outcome::Verdict::error), text);
  }
  BOOST_TEST(!exim("if $h_subject: contains hello then save $home/${lc:X} endif").needs_user);
  std::string many = "if 1 is 1 then finish endif\n";
  many = "";
  for (int i = 0; i < 30000; ++i) many += "add 1 to n1\n";
  BOOST_TEST(exim(many).needs_user);
  options.pure = false;
  BOOST_TEST(exim(many).counters[1] == 30000);
}

BOOST_AUTO_TEST_CASE(one_long_expansion_is_left_to_the_user) {
  std::string list;
  for (int i = 0; i < 3000; ++i) list += "a:";
  headers.add("X-L: " + list + "b\n");
  options.pure = true;
  for (const char* text :
       {"if \"${if forany{$h_x-l:}{forany{$h_x-l:}{forany{$h_x-l:}{eq{$item}{z}}}}}\" is x then finish endif",
        "if \"${filter{$h_x-l:}{eq{${filter{$h_x-l:}{eq{${filter{$h_x-l:}{eq{$item}{z}}}}{z}}}}{z}}}\" is x "
        "then finish endif"})
    BOOST_TEST(exim(text).needs_user, text);
}

BOOST_AUTO_TEST_CASE(bounds) {
  std::string deep, brackets = "if ";
  for (int i = 0; i < 200; ++i) {
    deep += "if 1 is 1 then ";
    brackets += "(";
  }
  BOOST_TEST(told(exim(deep)).find("nested too deeply") != std::string::npos);
  BOOST_TEST(told(exim(brackets)).find("nested too deeply") != std::string::npos);
  std::string elifs = "if 1 is 2 then save a ";
  for (int i = 0; i < 100; ++i) elifs += "elif 1 is 2 then save a ";
  BOOST_TEST(told(exim(elifs + "endif")) == "");
  std::string wide = "if 1 is 2 ";
  for (int i = 0; i < 5000; ++i) wide += "or 1 is 2 ";
  BOOST_TEST(told(exim(wide + "then save a endif")) == "");
  std::string many;
  for (int i = 0; i < 20000; ++i) many += "save /x ";
  BOOST_TEST(told(exim(many)) == "!the filter sets up too many deliveries");
}

BOOST_AUTO_TEST_CASE(system_filter_changes_headers_at_once) {
  options.system = true;
  const Outcome out = exim(
      "headers add \"Old-Subject: $h_subject:\"\nheaders remove \"Subject\"\n"
      "headers add \"Subject: new (was: $h_old-subject:)\"\nheaders remove \"Old-Subject : X-None\"\n");
  BOOST_TEST(out.edits.size() == 4U);
  BOOST_TEST(headers.find_all("Subject").size() == 1U);
  BOOST_TEST(trim(headers.find("Subject")->value()).starts_with("new (was: Hello"));
  BOOST_TEST(headers.find("Old-Subject") == nullptr);
  BOOST_TEST((exim("freeze text \"x\"").verdict == Outcome::Verdict::freeze));
  envelope.manual_thaw = true;
  BOOST_TEST((exim("freeze text \"x\"").verdict == Outcome::Verdict::done));
}

BOOST_AUTO_TEST_CASE(users_do_not_see_the_other_recipients) {
  envelope.recipients.emplace_back().address = "secret@x.test";
  BOOST_TEST(told(exim("save \"/a$recipients\"")) == "f:/a .");
  options.system = true;
  BOOST_TEST(told(exim("deliver \"$recipients\"")) == "a:secret@x.test .");
}

BOOST_AUTO_TEST_CASE(outcomes_survive_the_courier) {
  options.system = true;
  const Outcome out = exim(
      "if abc matches \"(b)\" then unseen pipe \"/bin/x $1\" endif\nheaders add \"X: 1\\nY: 2\"\nadd -7 to n9\n"
      "mail to a@b.test subject s once o once_repeat 1d2h file f log l return message\nsave /d/ 640\nfail "
      "\"no\\nway\"\n");
  const auto again = filter::decode_outcome(filter::encode(out));
  BOOST_REQUIRE(again.has_value());
  BOOST_TEST(filter::encode(*again) == filter::encode(out));
  BOOST_TEST(again->counters[9] == -7);
  BOOST_TEST(again->actions.at(0).captures.at(1).str() == "b");
  BOOST_TEST(again->actions.at(1).reply.once_repeat == 93600);
  BOOST_TEST(again->actions.at(2).mode == 0640);
  BOOST_TEST(again->text == "no\nway");
  const std::string bytes = filter::encode(out);
  for (std::size_t n = 0; n < bytes.size(); ++n) (void)filter::decode_outcome(bytes.substr(0, n));
  BOOST_TEST(!filter::decode_outcome("9999999 x").has_value());
  BOOST_TEST(!filter::decode_options("").has_value());
}

BOOST_AUTO_TEST_CASE(sieve_actions) {
  BOOST_TEST(told(sieve("")) == "f:inbox .");
  BOOST_TEST(told(sieve("discard;")) == " .");
  BOOST_TEST(told(sieve("require \"fileinto\"; fileinto \"a\"; fileinto \"a\"; keep;")) == "f:a f:inbox .");
  BOOST_TEST(told(sieve("redirect \"a@b.test\";")) == "a:a@b.test .");
  BOOST_TEST(told(sieve("require \"copy\"; redirect :copy \"a@b.test\";")) == "a:a@b.test f:inbox .");
  BOOST_TEST(told(sieve("if true { stop; } discard;")) == "f:inbox .");
  BOOST_TEST(told(sieve("if false { discard; } elsif not true { keep; } else { redirect \"a@b.test\"; }")) ==
             "a:a@b.test .");
}

BOOST_AUTO_TEST_CASE(a_broken_script_keeps_the_message) {
  for (const char* text :
       {"foo;", "keep", "if {", "discard; if true { keep; ", "require \"reject\";", "fileinto \"x\";",
        "require \"fileinto\"; discard; fileinto \"../x\";", "discard; redirect \"x\";", "discard; \"x\"",
        "require \"vacation\"; vacation \"x\";", "discard; /* ", "discard; keep text:\nx"}) {
    const Outcome out = sieve(text);
    BOOST_TEST(told(out) == "f:inbox .", text);
    BOOST_TEST(!out.text.empty(), text);
  }
}

BOOST_AUTO_TEST_CASE(sieve_tests) {
  options.has_useraddress = true;
  options.useraddress = "root";
  options.subaddress = "tag";
  for (const char* test : {"header :is \"subject\" \"HELLO wörld\"",
                           "header :contains [\"x\", \"subject\"] [\"q\", \"LLO\"]",
                           "header :matches \"subject\" \"h*w?rld\"",
                           "not header :comparator \"i;octet\" :is \"subject\" \"HELLO wörld\"",
                           "exists [\"from\", \"to\"]",
                           "not exists [\"from\", \"x\"]",
                           "exists []",
                           "size :over 1K",
                           "size :under 1M",
                           "address :domain :is \"to\" \"Y.test\"",
                           "address :localpart \"from\" \"from\"",
                           "address :user \"to\" \"root\"",
                           "address :detail \"to\" \"tag\"",
                           "address :user \"to\" \"b\"",
                           "not address :detail \"from\" \"\"",
                           "envelope \"from\" \"from@far.test\"",
                           "envelope :domain :is [\"to\"] \"x.test\"",
                           "allof(true, not false)",
                           "anyof(false, true)",
                           "header :is \"x-none\" \"\" ",
                           "header :comparator \"i;ascii-numeric\" \"x-n\" \"007\"",
                           "header :is \"subject\" \"${hex:48 65}llo w${unicode:F6}rld\""}) {
    headers.remove("X-N");
    headers.add("X-N: 7 apples\n");
    const bool none = std::string_view(test).find("x-none") != std::string_view::npos;
    const Outcome out = sieve(
        std::string(
            "require [\"envelope\", \"subaddress\", \"comparator-i;ascii-numeric\", \"encoded-character\"];\nif ") +
        test + " { discard; }");
    BOOST_TEST(told(out) == (none ? "f:inbox ." : " ."), test << " " << out.text);
  }
}

BOOST_AUTO_TEST_CASE(a_script_that_compares_for_ever_keeps_the_message) {
  headers.add("X-Long: " + std::string(60000, 'a') + "\n");
  std::string keys = "\"b\"";
  for (int i = 0; i < 5000; ++i) keys += ", \"*aa*ab" + std::to_string(i) + "\"";
  const Outcome out = sieve("discard; if header :matches \"x-long\" [" + keys + "] { stop; } discard;");
  BOOST_TEST(told(out) == "f:inbox .");
  BOOST_TEST(out.text == "the script takes too long in line 2");
}

BOOST_AUTO_TEST_CASE(a_script_that_looks_for_ever_keeps_the_message) {
  for (int i = 0; i < 3000; ++i) headers.add("X-" + std::to_string(i) + ": y\n");
  std::string names = "\"to\"";
  for (int i = 0; i < 6000; ++i) names += ", \"x-2\"";
  for (const std::string& test : {"not exists [" + names + "]", "header [" + names + "] \"z\"",
                                  "address [" + replace_all(names, "x-2", "to") + "] \"z\""}) {
    const Outcome out = sieve("discard; if " + test + " { stop; } discard;");
    BOOST_TEST(told(out) == "f:inbox .");
    BOOST_TEST(out.text == "the script takes too long in line 2");
  }
}

BOOST_AUTO_TEST_CASE(sieve_contains_takes_linear_time) {
  headers.add("X-Long: " + std::string(100000, 'a') + "\n");
  std::string keys = "\"c\"";
  for (int i = 0; i < 800; ++i) keys += ", \"" + std::string(50000, 'a') + "b\"";
  const Instant start = monotonic_now();
  BOOST_TEST(told(sieve("if header :comparator \"i;octet\" :contains \"x-long\" [" + keys + "] { discard; }")) ==
             "f:inbox .");
  BOOST_TEST((monotonic_now() - start < Seconds(20)));
}

BOOST_AUTO_TEST_CASE(sieve_wildcards) {
  const auto glob = [](std::string_view pattern, std::string_view text) {
    std::int64_t budget = filter::sieve::kBudget;
    return filter::sieve::glob(pattern, text, budget);
  };
  BOOST_TEST(glob("", ""));
  BOOST_TEST(glob("*", ""));
  BOOST_TEST(glob("a*b*c", "axxbyybc"));
  BOOST_TEST(glob("a\\*c", "a*c"));
  BOOST_TEST(!glob("a\\*c", "abc"));
  BOOST_TEST(glob("?", "\xc3\xb6"));
  BOOST_TEST(!glob("?", "ab"));
  BOOST_TEST(!glob("a?", "a"));
  BOOST_TEST(!glob("a", ""));
  std::int64_t little = 100;
  BOOST_TEST(!filter::sieve::glob("*a*b", std::string(5000, 'a') + "b", little));
  // Not exponential.
  BOOST_TEST(!glob("*a*a*a*a*a*a*a*a*a*a*b", std::string(5000, 'a')));
}

BOOST_AUTO_TEST_CASE(sieve_vacation_answers_people_only) {
  options.has_vacation = true;
  options.vacation_directory = "/home/u/.sieve";
  const std::string text =
      "require \"vacation\"; vacation :days 40 :addresses \"other@x.test\" :subject \"gö\" \"away\";";
  const Outcome out = sieve(text);
  BOOST_TEST(told(out) == "r:from@far.test f:inbox .");
  const filter::Reply& r = out.actions.at(0).reply;
  BOOST_TEST(r.once_repeat == 31 * 86400);
  BOOST_TEST(r.once.starts_with("/home/u/.sieve/"));
  BOOST_TEST(r.subject.starts_with("=?"));
  BOOST_TEST(r.make_directory);
  const auto silent = [&](const char* header) {
    Fixture other;
    other.options = options;
    other.headers.add(header);
    return told(other.sieve(text)) == "f:inbox .";
  };
  for (const char* h : {"List-Id: x\n", "Precedence: bulk\n", "Auto-Submitted: auto-generated\n"})
    BOOST_TEST(silent(h), h);
  for (const char* sender :
       {"", "owner-x@far.test", "x-request@far.test", "MAILER-DAEMON@far.test", "u@x.test", "other@x.test"}) {
    envelope.sender = sender;
    BOOST_TEST(told(sieve(text)) == "f:inbox .", sender);
  }
  envelope.sender = "from@far.test";
  headers.remove("To");
  BOOST_TEST(told(sieve(text)) == "f:inbox .");
  headers.add("Cc: other@x.test\n");
  BOOST_TEST(told(sieve(text)) == "r:from@far.test f:inbox .");
}

BOOST_AUTO_TEST_CASE(sieve_notify) {
  options.has_notify = true;
  options.notify_owner = "u@x.test";
  BOOST_TEST(told(sieve("require \"enotify\"; notify :message \"m\" \"mailto:a@b.test?subject=x&body=y%0Az\";")) ==
             "r:a@b.test f:inbox .");
  for (const char* method : {"xmpp:a@b.test", "mailto:", "mailto:a", "mailto:a@b.test%0ABcc:c@d.test"})
    BOOST_TEST(!sieve(std::string("require \"enotify\"; notify \"") + method + "\";").text.empty(), method);
  options.has_notify = false;
  BOOST_TEST(!sieve("require \"enotify\";").text.empty());
}

BOOST_AUTO_TEST_SUITE_END()
