// ACL text in, verdict, texts and effects out: the engine with the real language over a made-up session.
#include <boost/test/unit_test.hpp>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "lang/diagnostics.h"
#include "lang/node.h"
#include "tests/unit/acl/fake_services.h"

using namespace remex;
using acl::Hook;
using acl::Verdict;

namespace {

std::shared_ptr<lang::Registries> registries() {
  static const auto instance = [] {
    auto r = lang::make_language_registries();
    r->acl_compiler = &acl::compiler();
    r->finish();
    return r;
  }();
  return instance;
}

struct World {
  test::FakeServices services;
  mail::ReceivedFrom from;
  mail::Envelope envelope;
  lang::SessionState session;
  lang::AddressState address;
  std::map<std::string, Text> acl_c, acl_m;
  lang::Scope scope;
  acl::Effects effects;
  std::shared_ptr<const lang::Config> config;
  std::string errors, warnings;

  /// `acls`: what follows "begin acl"; the ACL named "t" is the one to run.
  explicit World(const std::string& acls, const std::string& main = "") {
    auto files = std::make_shared<lang::SourceFiles>();
    lang::Diagnostics diag(*files);
    config = lang::load_config_text("t.conf", "primary_hostname = mx.example\n" + main + "\nbegin acl\n" + acls, {},
                                    registries(), diag, files);
    (config ? warnings : errors) = diag.render();
    from.is_local = false;
    from.host_address = "192.0.2.9";
    from.helo_name = "client.example";
    envelope.sender = "Sender@Out.Example";
    address.address = "User@in.example";
    address.cased_local_part = "User";
    address.local_part = "user";
    address.domain = "in.example";
    scope.services = &services;
    scope.config = config.get();
    scope.from = &from;
    scope.envelope = &envelope;
    scope.session = &session;
    scope.address = &address;
    scope.acl_c = &acl_c;
    scope.acl_m = &acl_m;
    scope.testing = true;  // no waiting in delay
  }
  acl::Outcome run(Hook hook = Hook::rcpt) { return acl::run_named(hook, Text::clean("t"), {}, scope, effects); }
};

std::string show(const acl::Outcome& o) {
  static constexpr const char* kNames[] = {"accept", "deny", "defer", "drop", "discard"};
  return std::string(kNames[static_cast<int>(o.verdict)]) + "|" + o.user_message + "|" + o.log_message;
}

struct Case {
  const char* acl;
  const char* expected;  ///< verdict|user message|log message
};

constexpr Case kVerdicts[] = {
    {"  accept\n", "accept||"},
    {"  warn\n", "deny||"},  // the implicit deny
    {"  deny message = go $sender_address_domain\n", "deny|go Out.Example|go Out.Example"},
    {"  deny log_message = L\n", "deny||L"},
    {"  deny message = M\n log_message = L1\\nL2\n", "deny|M|L1"},
    {"  defer message = 450 4.7.1 later\n", "defer|450 4.7.1 later|450 4.7.1 later"},
    {"  defer message = 550 wrong\n", "defer|451 wrong|451 wrong"},
    {"  drop message = 450 wrong\n", "drop|550 wrong|550 wrong"},
    {"  discard log_message = d\n", "discard||d"},
    {"  deny condition = no\n  accept\n", "accept||"},
    {"  deny condition =\n  accept\n", "accept||"},
    {"  deny condition = 0\n  accept\n", "accept||"},
    {"  deny condition = 7\n", "deny||"},
    {"  deny condition = true\n", "deny||"},
    {"  deny condition = maybe\n", "defer||invalid \"condition\" value \"maybe\""},
    {"  warn condition = maybe\n  accept\n", "accept||"},
    {"  deny condition = ${if eq{1}{2}{a}fail}\n", "deny||"},    // a forced failure is true
    {"  deny ! condition = ${if eq{1}{2}{a}fail}\n", "deny||"},  // also when negated
    {"  deny ! hosts = ${if eq{1}{2}{a}fail}\n", "deny||"},
    {"  require message = R\n condition = no\n  accept\n", "deny|R|R"},
    {"  require condition = no\n message = after\n  accept\n", "deny||"},  // not reached, not used
    {"  require message = one\n condition = yes\n message = two\n condition = no\n", "deny|two|two"},
    {"  deny message = ${if eq{1}{2}{a}fail}\n", "deny||"},
    {"  accept message = m\n endpass\n condition = no\n", "deny|m|m"},
    {"  accept endpass\n message = m\n condition = no\n", "deny|m|m"},
    {"  accept condition = no\n endpass\n  deny message = next\n", "deny|next|next"},
    {"  deny hosts = 192.0.2.0/24\n", "deny||"},
    {"  deny !hosts = 192.0.2.0/24\n  accept\n", "accept||"},
    {"  deny domains = in.example : other\n local_parts = user\n", "deny||"},
    {"  deny local_parts = USER\n", "deny||"},
    {"  deny control = caseful_local_part\n local_parts = ^[A-Z]\n", "deny||"},
    {"  deny senders = *@out.example\n", "deny||"},
    {"  deny sender_domains = out.example\n", "deny||"},
    {"  deny recipients = user@in.example\n", "deny||"},
    {"  deny authenticated = *\n  accept\n", "accept||"},
    {"  deny !encrypted = *\n", "deny||"},
    {"  require verify = recipient\n  accept\n", "accept||"},
    {"  deny acl = no_such_acl\n", "defer||error in ACL \"no_such_acl\": *"},
    {"  accept acl = yes_acl x\n  deny message = no\n", "accept||"},
    {"  accept acl = no_acl x\n  deny message = fell through\n", "deny|fell through|fell through"},
    {"  deny !acl = no_acl x\n", "deny|inner x|inner x"},
    {"  deny !acl = drop_acl\n", "deny|gone|gone"},
    {"  accept acl = discard_acl\n condition = no\n", "discard||"},
    {"  warn acl = discard_acl\n  accept\n", "accept||"},
    {"  deny acl = t\n", "defer||ACL nested too deep: possible loop"},
    {"  warn set acl_m_x = a$acl_m_x\n  warn set acl_m_x = b$acl_m_x\n  deny message = $acl_m_x\n", "deny|ba|ba"},
    {"  deny condition = no\n set acl_m_x = not reached\n  deny message = <$acl_m_x>\n", "deny|<>|<>"},
    {"  deny set acl_m_x = kept\n condition = no\n  deny message = <$acl_m_x>\n",
     "deny|<kept>|<kept>"},  // modifiers act when met
    {"  warn delay = 1h\n  accept\n", "accept||"},
    {"  warn delay = soon\n  accept\n", "accept||"},  // an error skips the warn
    {"  deny delay = soon\n", "defer||syntax error in argument \"soon\" for \"delay\" modifier"},
    {"  deny ratelimit = 0 / 1h / strict\n message = $sender_rate/$sender_rate_limit\n", "deny|1.0/0|1.0/0"},
    {"  deny ratelimit = ${if eq{1}{1}{nan}} / 1h\n",
     "defer||error in arguments to \"ratelimit\" condition: \"nan\" is not a positive number"},
    {"  deny ratelimit = 5/${if eq{1}{1}{1h}}/strict/leaky\n",
     "defer||error in arguments to \"ratelimit\" condition: conflicting update modes"},
    {"  deny ratelimit = 5/${if eq{1}{1}{1h}}/per_mail/per_rcpt\n",
     "defer||error in arguments to \"ratelimit\" condition: conflicting per_* options"},
    {"  deny ratelimit = 5/${if eq{1}{1}{1h}}/count=x\n",
     "defer||error in arguments to \"ratelimit\" condition: \"count=x\" is not a positive number"},
    {"  warn ratelimit = 2/1h/strict/k\n  deny ratelimit = 2/1h/strict/k\n  accept\n", "accept||"},  // counted once
    {"  deny ratelimit = 1/1h/per_mail/strict/k\n message = $sender_rate\n", "deny|1.0|1.0"},        // at the limit
    {"  warn ratelimit = 1/1h/strict/k\n  deny ratelimit = 0/1h/readonly/k\n message = $sender_rate\n", "deny|1.0|1.0"},
    {"  deny ratelimit = 5/1h/strict/count=5/k\n message = $sender_rate\n", "deny|5.0|5.0"},
    {"  deny ratelimit = 0/1h/readonly/k\n message = $sender_rate\n", "deny|0.0|0.0"},
    {"  deny ratelimit = 0.1/1h/readonly/k\n  accept\n", "accept||"},
    // One computation for a message, whatever the events; for commands each event is its own.
    {"  warn ratelimit = 0/1h/per_mail/strict/unique=a/k\n  deny ratelimit = 0/1h/per_mail/strict/unique=b/k\n"
     " message = $sender_rate\n",
     "deny|1.0|1.0"},
    {"  warn ratelimit = 0/1h/per_rcpt/strict/unique=a/k\n  deny ratelimit = 0/1h/per_rcpt/strict/unique=b/k\n"
     " message = $sender_rate\n",
     "deny|2.0|2.0"},
    {"  warn ratelimit = 0/1h/per_rcpt/strict/unique=a/k\n  deny ratelimit = 0/1h/per_rcpt/strict/unique=a/k\n"
     " message = $sender_rate\n",
     "deny|1.0|1.0"},
    // The same FNV hash of 32 bits.
    {"  warn ratelimit = 0/1h/per_rcpt/strict/unique=u33177@x/k\n"
     "  deny ratelimit = 0/1h/per_rcpt/strict/unique=u34160@x/k\n message = $sender_rate\n",
     "deny|2.0|2.0"},
    {"  deny ratelimit = 2/1h/per_addr/count=3/k\n message = $sender_rate\n", "deny|3.0|3.0"},
    {"  deny seen = 5m / key=never\n  accept\n", "accept||"},
    {"  deny seen = 5m / key=now\n message = since\n", "deny|since|since"},
    {"  deny seen = -5m / key=now\n  accept\n", "accept||"},
    {"  deny seen = -5m / key=old\n message = before\n", "deny|before|before"},
    {"  deny seen = 5m / key=old\n  accept\n", "accept||"},
    {"  warn !seen = 5m / key=a / readonly\n  deny seen = 5m / key=a\n  accept\n", "accept||"},
    {"  warn !seen = -5m / key=a\n  deny seen = 5m / key=a\n message = made\n", "deny|made|made"},
    {"  warn seen = -5m / key=old / write\n  deny seen = 5m / key=old\n message = new\n", "deny|new|new"},
    {"  warn seen = -5m / key=old / refresh=1d\n  deny seen = -15m / key=old\n message = kept\n", "deny|kept|kept"},
    {"  warn seen = -1m/key=old/refresh=10m\n  deny seen = -5m / key=old\n message = no\n  accept\n", "accept||"},
    {"  deny seen = ${if eq{1}{1}{junk}}\n", "defer||failed to parse 'junk'"},
    {"  deny seen = ${if eq{1}{1}{5m / per_call}}\n", "defer||unrecognised option 'per_call' in '5m / per_call'"},
    {"  deny udpsend = 127.0.0.1:9:x\n message = sent\n", "deny|sent|sent"},
    {"  deny udpsend = 127.0.0.1:0:x\n", "defer||bad destination port in \"udpsend\" modifier"},
    {"  deny udpsend = just one\n", "defer||missing destination host in \"udpsend\" modifier"},
    {"  deny udpsend = nowhere.example:9:x\n", "defer||DNS lookup failed in \"udpsend\" modifier"},
    {"  deny dnslists = bl.example\n message = $dnslist_value $dnslist_domain\n", "deny|127.0.0.2 bl.example|*"},
    {"  deny dnslists = bl.example=127.0.0.3\n  accept\n", "accept||"},
    {"  deny dnslists = odd.example\n  accept\n", "accept||"},   // an answer outside 127/8 is no listing
    {"  deny dnslists = slow.example\n  accept\n", "accept||"},  // unknown is not listed
    {"  deny dnslists = +defer_unknown : slow.example\n", "defer||*"},
    {"  deny dnslists = +include_unknown : slow.example\n", "deny||*"},
};

constexpr const char* kHelpers = R"(
yes_acl:
  accept
no_acl:
  deny message = inner $acl_arg1
drop_acl:
  drop message = gone
discard_acl:
  discard
)";

}  // namespace

BOOST_AUTO_TEST_SUITE(engine)

BOOST_AUTO_TEST_CASE(verdicts) {
  for (const Case& c : kVerdicts) {
    World w(std::string("t:\n") + c.acl + kHelpers);
    // a reference to an unknown ACL is an error already when the configuration is read
    if (std::string_view(c.acl).find("no_such_acl") != std::string_view::npos) {
      BOOST_CHECK_MESSAGE(w.errors.find("there is no ACL \"no_such_acl\"") != std::string::npos, w.errors);
      continue;
    }
    BOOST_REQUIRE_MESSAGE(w.errors.empty(), c.acl << w.errors);
    w.services.table.records[{"9.2.0.192.bl.example", dns::Type::a}] = "127.0.0.2";
    w.services.table.records[{"9.2.0.192.odd.example", dns::Type::a}] = "10.0.0.1";
    w.services.hints["seen/now"] = std::to_string(wall_seconds());
    w.services.hints["seen/old"] = std::to_string(wall_seconds() - 20 * 60);
    w.services.table.trouble["9.2.0.192.slow.example"] = dns::Outcome::try_again;
    const std::string got = show(w.run());
    std::string_view want = c.expected;
    const bool same = want.ends_with('*') ? got.starts_with(want.substr(0, want.size() - 1)) : got == want;
    BOOST_CHECK_MESSAGE(same, c.acl << "wanted " << want << "\ngot    " << got);
    BOOST_CHECK_EQUAL(w.scope.acl_depth, 0);
    BOOST_CHECK(w.scope.acl_args.empty());
  }
}

BOOST_AUTO_TEST_CASE(sender_verification) {
  World w("t:\n  require verify = sender\n  accept\n");
  BOOST_REQUIRE_MESSAGE(w.errors.empty(), w.errors);
  w.envelope.sender = "nosuch@x.example";
  acl::Outcome o = w.run();
  BOOST_CHECK_EQUAL(show(o), "deny|Sender verify failed|Sender verify failed");
  BOOST_CHECK_EQUAL(o.details, "Verification failed for <nosuch@x.example>\nno such address here\n");
  o = w.run();
  BOOST_CHECK(o.details.empty());                  // told once
  BOOST_CHECK_EQUAL(w.services.verifications, 1);  // asked once
  BOOST_CHECK_EQUAL(w.services.lines.size(), 1U);  // logged once
  w.envelope.sender.clear();
  BOOST_CHECK(w.run().verdict == Verdict::accept);  // the null sender verifies
  w.envelope.sender = "tempfail@x.example";
  BOOST_CHECK_EQUAL(show(w.run()), "defer||Could not complete sender verify");
}

BOOST_AUTO_TEST_CASE(effects) {
  World w(
      "t:\n  warn add_header = X-A: 1\\n X\\nX-B: 2\n       add_header = X-A: 1\\n X\n       add_header = "
      ":at_start:plain text\n"
      "       remove_header = subject : x-c\n       control = freeze/no_tell\n       control = "
      "submission/domain=d.example/name=A/B\n  accept\n");
  BOOST_REQUIRE_MESSAGE(w.errors.empty(), w.errors);
  BOOST_CHECK(w.run().verdict == Verdict::accept);
  BOOST_REQUIRE_EQUAL(w.effects.add_headers.size(), 3U);
  BOOST_CHECK_EQUAL(w.effects.add_headers[0].text, "X-A: 1\n X");
  BOOST_CHECK_EQUAL(w.effects.add_headers[2].text, "X-ACL-Warn: plain text");
  BOOST_CHECK(w.effects.add_headers[2].where == mail::Where::at_start);
  BOOST_CHECK_EQUAL(w.effects.remove_headers.size(), 2U);
  BOOST_CHECK(w.effects.freeze && w.effects.freeze_no_tell && w.effects.submission);
  BOOST_CHECK_EQUAL(w.effects.submission_domain, "d.example");
  BOOST_CHECK_EQUAL(w.effects.submission_name, "A/B");
  w.run();  // once for each recipient: nothing is queued twice
  BOOST_CHECK_EQUAL(w.effects.add_headers.size(), 3U);
  BOOST_CHECK_EQUAL(w.effects.remove_headers.size(), 2U);
}

/// A nested discard that does not decide must not touch the message.
BOOST_AUTO_TEST_CASE(discard_is_a_verdict_only) {
  World w(std::string("t:\n  deny acl = discard_acl\n") + kHelpers);
  BOOST_REQUIRE_MESSAGE(w.errors.empty(), w.errors);
  BOOST_CHECK(w.run().verdict == Verdict::defer);
}

BOOST_AUTO_TEST_CASE(broken_hints_defer) {
  World w("t:\n  deny ratelimit = 5 / 1h / strict\n  accept\n");
  w.services.hints_broken = true;
  BOOST_CHECK(w.run().verdict == Verdict::defer);
}

BOOST_AUTO_TEST_CASE(what_reaches_a_leaky_limit_is_not_recorded) {
  World leaky("t:\n  deny ratelimit = 1 / 1h / leaky / k\n  accept\n");
  BOOST_CHECK(leaky.run().verdict == Verdict::deny);
  BOOST_TEST(leaky.services.hints.empty());
  World below("t:\n  deny ratelimit = 2 / 1h / leaky / k\n  accept\n");
  BOOST_CHECK(below.run().verdict == Verdict::accept);
  BOOST_TEST(below.services.hints.size() == 1u);
}

BOOST_AUTO_TEST_CASE(hooks_without_an_acl) {
  World w("t:\n  accept\n");
  const lang::Expansion unset;
  for (const Hook h : {Hook::rcpt, Hook::vrfy, Hook::expn, Hook::etrn})
    BOOST_CHECK(acl::run_hook(h, unset, w.scope, w.effects).verdict == Verdict::deny);
  for (const Hook h : {Hook::connect, Hook::helo, Hook::mail, Hook::predata, Hook::data, Hook::dkim, Hook::not_smtp,
                       Hook::auth, Hook::starttls})
    BOOST_CHECK(acl::run_hook(h, unset, w.scope, w.effects).verdict == Verdict::accept);
}

BOOST_AUTO_TEST_CASE(words_know_their_hooks) {
  World w("t:\n  deny domains = in.example\n");
  BOOST_CHECK_EQUAL(show(w.run(Hook::data)), "defer||cannot test domains condition in data ACL");
}

BOOST_AUTO_TEST_CASE(named_queues) {
  World w("t:\n  accept queue = slow\n");
  BOOST_CHECK_EQUAL(show(w.run(Hook::mail)), "accept||");
  BOOST_CHECK_EQUAL(w.envelope.queue_name, "slow");
  BOOST_CHECK_EQUAL(show(w.run(Hook::data)), "defer||cannot test queue modifier in data ACL");
  World tainted("t:\n  accept queue = $sender_address\n");
  BOOST_CHECK_EQUAL(show(tainted.run(Hook::mail)), "defer||tainted queue name 'Sender@Out.Example'");
  World slash("t:\n  accept queue = a/b\n");
  BOOST_CHECK_EQUAL(show(slash.run(Hook::mail)), "defer||Directory separator not permitted in queue name: 'a/b'");
}

BOOST_AUTO_TEST_CASE(controls_and_their_options) {
  World w("t:\n  warn control = debug/tag=.${sender_helo_name}/../x/opts=+all/pretrigger=1024\n  accept\n");
  BOOST_CHECK_EQUAL(show(w.run(Hook::mail)), "accept||");  // "/.." is no option: the statement is skipped
  BOOST_CHECK(!w.effects.debug.on);
  World tag("t:\n  accept control = debug/tag=.a b$sender_address/trigger=paniclog/pretrigger=99\n");
  (void)tag.run(Hook::mail);
  BOOST_CHECK(tag.effects.debug.on && !tag.effects.debug.triggered && tag.effects.debug.pretrigger == 99);
  BOOST_CHECK_EQUAL(tag.effects.debug.tag, ".a_bSender@Out.Example");
  for (const auto& [text, value] :
       {std::pair("af41", 34), std::pair("0x2e", 46), std::pair("63", 63), std::pair("EF", 46)}) {
    World d(std::string("t:\n  accept control = dscp/") + text + "\n");
    BOOST_CHECK_EQUAL(show(d.run(Hook::mail)), "accept||");
    BOOST_CHECK_EQUAL(d.effects.dscp, value);
  }
  for (const char* bad :
       {"dscp", "dscp/64", "dscp/af99", "debug/what", "debugx/y", "utf8_downconvert/2", "cutthrough_delivery/x"}) {
    World b(std::string("t:\n  accept control = ${if eq{1}{1}{") + bad + "}}\n");
    BOOST_CHECK_MESSAGE(b.run(Hook::rcpt).verdict == Verdict::defer, bad);
  }
  World hook("t:\n  accept control = allow_auth_unadvertised\n");
  BOOST_CHECK_EQUAL(show(hook.run(Hook::mail)), "defer||cannot use \"control=allow_auth_unadvertised\" in mail ACL");
  BOOST_CHECK_EQUAL(show(hook.run(Hook::helo)), "accept||");
  // only the first recipient's ACL can ask for cut-through delivery
  World cut("t:\n  accept control = cutthrough_delivery/defer=pass\n");
  cut.envelope.recipients.emplace_back();
  (void)cut.run();
  BOOST_CHECK(!cut.effects.cutthrough);
  cut.envelope.recipients.clear();
  (void)cut.run();
  BOOST_CHECK(cut.effects.cutthrough && cut.effects.cutthrough_pass_defer);
}

BOOST_AUTO_TEST_CASE(mime_conditions_outside_a_mime_acl) {
  for (const char* word : {"decode = default", "mime_regex = x"}) {
    World w(std::string("t:\n  accept ") + word + "\n");
    BOOST_CHECK(w.run(Hook::data).verdict == Verdict::defer);
    BOOST_CHECK(w.run(Hook::mime).verdict == Verdict::defer);  // there is no part
  }
}

/// What cannot work is refused when the configuration is read.
BOOST_AUTO_TEST_CASE(bad_text) {
  static constexpr Case kBad[] = {
      {"  acept\n", "did you mean \"accept\""},
      {"  hosts = *\n", "before any verb"},
      {"  accept hots = *\n", "did you mean \"hosts\""},
      {"  accept hosts *\n", "\"=\" is missing"},
      {"  accept ! message = x\n", "cannot be negated"},
      {"  accept endpass = x\n", "takes no value"},
      {"  accept set foo = x\n", "cannot be set"},
      {"  accept set acl_m = x\n", "cannot be set"},
      {"  accept control = frieze\n", "did you mean \"freeze\""},
      {"  accept control = wellknown\n", "this version cannot do it"},
      {"  accept malware = *\n", "\"av_scanner\" is not set"},
      {"  accept dcc = *\n", "this version cannot do it"},
      {"  accept verify = recipent\n", "did you mean \"recipient\""},
      {"  accept verify = recipient/quota\n", "this version cannot do it"},
      {"  accept verify = recipient/callout=fast\n", "unknown callout parameter"},
      {"  accept condition = ${if eq{a}}\n", "error"},
      {"  warn decode = $mime_filename\n", "would use tainted data"},
      {"  accept seen = soon\n", "failed to parse 'soon'"},
      {"  accept seen = 5m/readony\n", "unrecognised option 'readony'"},
      {"  accept acl = missing\n", "there is no ACL \"missing\""},
  };
  for (const Case& c : kBad) {
    World w(std::string("t:\n") + c.acl);
    BOOST_CHECK_MESSAGE(w.errors.find(c.expected) != std::string::npos,
                        c.acl << "wanted " << c.expected << "\ngot " << w.errors);
  }
}

BOOST_AUTO_TEST_CASE(policies_that_cannot_be_meant) {
  World never("t:\n  warn condition = yes\n", "acl_smtp_rcpt = t");
  BOOST_CHECK(never.warnings.find("never accepts: it refuses everything") != std::string::npos);
  World both("t:\n  deny sender_domains = a.example\n  deny !sender_domains = a.example\n  accept\n",
             "acl_smtp_rcpt = t");
  BOOST_CHECK(both.warnings.find("together deny everything") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
