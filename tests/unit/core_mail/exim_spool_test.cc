// -H and -J files of an Exim spool: what is kept, and what is refused at which line.
#include "core/mail/exim_spool.h"

#include <fmt/format.h>

#include <boost/test/unit_test.hpp>
#include <chrono>

#include "core/base/strings.h"

using namespace remex;
using namespace remex::mail;

namespace {

constexpr std::string_view kId = "1xUnsX-0003Ot-0I";

/// A whole file around `items`, a tree and recipients.
std::string file(const std::string& items = "", const std::string& tree = "XX\n",
                 const std::string& recipients = "1\nu@box.test\n",
                 const std::string& headers = "013  Subject: abc\n") {
  return fmt::format("{}-H\nroot 0 0\n<s@box.test>\n1795278233 2\n{}{}{}\n{}", kId, items, tree, recipients, headers);
}

EximSpoolMessage good(const std::string& text) {
  auto m = parse_exim_header_file(text, kId);
  BOOST_REQUIRE_MESSAGE(m.has_value(), (m ? "" : m.error().text) << " in\n" << text);
  return std::move(*m);
}

std::string refusal(const std::string& text) {
  auto m = parse_exim_header_file(text, kId);
  return m ? "taken" : m.error().text;
}

bool starts(const std::string& s, const std::string& with) { return s.starts_with(with); }

}  // namespace

BOOST_AUTO_TEST_SUITE(exim_spool_test)

BOOST_AUTO_TEST_CASE(envelope_and_state) {
  const auto m =
      good(file("-received_time_usec .092491\n"
                "-received_time_complete 1795278233.106473\n"
                "--helo_name c.test\n--host_address [2001:db8::7]:1234\n--host_name client.test\n--host_auth cram\n"
                "-interface_address 127.0.0.1.25\n-ident root\n-received_protocol esmtpsa\n"
                "-aclc 0 10\nconn value\n--aclm _bar 11\nline1\nline2\n--(pgsql)aclm _q 4\nw''x\n-acl 13 0\n\n"
                "-body_linecount 3\n-max_received_linelength 16\n-body_zerocount 1\n--auth_id auth id\n"
                "--auth_sender a@b.test\n-frozen 1795278256\n-manual_thaw\n-localerror\n-tls_cipher X\n"
                "-tls_certificate_verified\n-spam_score_int 42\n-dsn_envid a+20b\n-dsn_ret 2\n-future thing\n"));
  const Envelope& e = m.envelope;
  BOOST_TEST(e.id == kId);
  BOOST_TEST(e.login == "root");
  BOOST_TEST(e.sender == "s@box.test");
  BOOST_TEST(e.warnings_sent == 2);
  BOOST_TEST(e.received.time_since_epoch().count() == 1795278233092491);
  BOOST_TEST(e.received_complete_us == 13982);
  BOOST_TEST(e.from.host_address == "2001:db8::7");
  BOOST_TEST(e.from.host_port == 1234);
  BOOST_TEST(e.from.interface_address == "127.0.0.1");
  BOOST_TEST(e.from.interface_port == 25);
  BOOST_TEST(e.from.helo_name == "c.test");
  BOOST_TEST(e.from.authenticator == "cram");
  BOOST_TEST(e.from.authenticated_id == "auth id");
  BOOST_TEST(e.from.authenticated_sender == "a@b.test");
  BOOST_TEST((!e.from.is_local && e.from.is_smtp && e.from.tls_certificate_verified));
  BOOST_TEST(e.acl_c.at("c0").str() == "conn value");
  BOOST_TEST(!e.acl_c.at("c0").is_tainted());
  BOOST_TEST(e.acl_m.at("m_bar").str() == "line1\nline2");
  BOOST_TEST(e.acl_m.at("m_bar").is_tainted());
  BOOST_TEST(e.acl_m.at("m_q").is_tainted());
  BOOST_TEST(e.acl_m.contains("m3"));
  BOOST_TEST((e.frozen && e.manual_thaw && e.local_error_message && !e.deliver_first_time));
  BOOST_TEST(e.frozen_at == 1795278256);
  BOOST_TEST(e.saved.at("spam_score_int") == "42");
  BOOST_TEST(e.dsn_envid == "a+20b");
  BOOST_TEST(e.dsn_ret == "HDRS");
  BOOST_TEST(m.body_lines.value() == 3U);
  BOOST_TEST(m.unused == std::vector<std::string>{"-future"});
  BOOST_TEST(good(file("-smtputf8\n-received_protocol utf8esmtp\n-utf8_optdowncvt\n")).envelope.from.protocol ==
             "esmtp");
}

BOOST_AUTO_TEST_CASE(recipients_with_what_stands_behind_them) {
  const auto m = good(file("", "YY one@box.test\nNY a1@box.test\nNN once@BOX.test\nNN |/bin/cat:pipe@box.test\n",
                           "6\nonce@box.test\nu@box.test rfc822;o+2Bo@box.test 21,20  0,-1#3\nv@box.test  0,2  0,-1#3\n"
                           "\"a b\"@box.test\na2@box.test owner@box.test 14,0#1\na#1@box.test\n"));
  const auto& r = m.envelope.recipients;
  BOOST_REQUIRE(r.size() == 6U);
  BOOST_TEST(r[0].done);
  BOOST_TEST(r[1].orcpt == "rfc822;o+2Bo@box.test");
  BOOST_TEST(r[1].dsn_notify == 10U);  // SUCCESS and DELAY
  BOOST_TEST(r[1].parent == -1);
  BOOST_TEST(r[2].address == "v@box.test");
  BOOST_TEST(r[2].dsn_notify == 1U);
  BOOST_TEST(r[3].address == "\"a b\"@box.test");
  BOOST_TEST(r[4].errors_to == "owner@box.test");
  BOOST_TEST(r[4].parent == 0);
  BOOST_TEST(r[5].address == "a#1@box.test");
  BOOST_TEST(m.envelope.non_recipients ==
             (std::vector<std::string>{"a1@box.test", "once@BOX.test", "one@box.test", "|/bin/cat:pipe@box.test"}));
}

BOOST_AUTO_TEST_CASE(headers_without_replaced_ones) {
  const auto m =
      good(file("", "XX\n", "1\nu@b.test\n",
                "015F From: a@b.test\n014* To: xy@z.test\n023I Message-ID: <a.b@c>\n\tx\n016  X-Long: 1234567\n"));
  BOOST_REQUIRE(m.headers.all().size() == 3U);
  BOOST_TEST(m.headers.all()[0].type == 'F');
  BOOST_TEST(m.headers.all()[1].text == "Message-ID: <a.b@c>\n\tx\n");
  BOOST_TEST(m.envelope.user_message_id == "a.b@c");
}

BOOST_AUTO_TEST_CASE(damage_is_refused_with_its_line) {
  BOOST_TEST(starts(refusal(""), "1: "));
  BOOST_TEST(starts(refusal("1xUnsX-0003Ot-0J-H\n"), "1: "));
  BOOST_TEST(starts(refusal(fmt::format("{}-H\nroot 0\n", kId)), "2: "));
  BOOST_TEST(starts(refusal(fmt::format("{}-H\nroot 0 0\ns@b.test\n", kId)), "3: "));
  BOOST_TEST(starts(refusal(fmt::format("{}-H\nroot 0 0\n<s@b.test>\n-1 0\n", kId)), "4: "));
  BOOST_TEST(starts(refusal(file("-aclm x 99999999999\nabc\n")), "5: "));
  BOOST_TEST(starts(refusal(file("-aclm x 3\nabcd\n")), "6: "));
  BOOST_TEST(starts(refusal(file("-N\n")), "5: -N"));
  BOOST_TEST(starts(refusal(file("-host_address [../../etc]:1\n")), "5: -host_address"));
  BOOST_TEST(starts(refusal(file("-frozen soon\n")), "5: -frozen"));
  BOOST_TEST(starts(refusal(file("--helo_name a\rb\n")), "5: -helo_name"));
  BOOST_TEST(starts(refusal(file("", "YN a@b.test\n")), "6: "));  // the left branch is missing: the count stands there
  BOOST_TEST(starts(refusal(file("", "ZZ a@b.test\n")), "5: "));
  BOOST_TEST(starts(refusal(file("", "XX\n", "18446744073709551615\nu@b.test\n")), "6: "));
  BOOST_TEST(starts(refusal(file("", "XX\n", "7\nu@b.test\n")), "8: "));
  BOOST_TEST(starts(refusal(file("", "XX\n", "1\nu@b.test  0,64  0,-1#3\n")), "7: "));
  BOOST_TEST(starts(refusal(file("", "XX\n", "1\nu@b.test x 900,2#2\n")), "7: "));
  BOOST_TEST(starts(refusal(file("", "XX\n", "1\nu@b.test e@b.test 8,5#1\n")), "7: "));  // no such parent
  BOOST_TEST(starts(refusal(file("", "XX\n", "1\n<u@b.test\n")), "7: "));
  BOOST_TEST(starts(refusal(file("", "XX\n", "1\nu@b.test\n", "999  Subject: a\n")), "9: "));
  BOOST_TEST(starts(refusal(file("", "XX\n", "1\nu@b.test\n", "014  Subject: a\n\nb\n")), "9: "));
  BOOST_TEST(starts(refusal(file("", "XX\n", "1\nu@b.test\n", "020  Subject: a\nTo: b\nx\n")), "9: "));
  BOOST_TEST(starts(refusal(file("", "XX\n", "1\nu@b.test\n", "9999999999999999999999F From: a\n")), "9: "));
  // Cut anywhere, it is refused (or loses whole headers at its end).
  const std::string whole = file("-aclm x 3\nabc\n", "YY b\nNN a\nNN c\n", "2\nu@b.test\nv@b.test\n");
  const std::size_t headers = whole.find("\n\n") + 2;
  for (std::size_t n = 0; n < whole.size(); ++n)
    BOOST_TEST(parse_exim_header_file(whole.substr(0, n), kId).has_value() == (n == headers));
}

BOOST_AUTO_TEST_CASE(journals) {
  auto m = good(file("", "XX\n", "2\nu@box.test\nv@box.test\n"));
  BOOST_TEST(apply_exim_journal("u@BOX.test\nchild@box.test\nv@box.te", m).has_value());
  BOOST_TEST(m.envelope.recipients[0].done);
  BOOST_TEST(!m.envelope.recipients[1].done);  // its line was being written
  BOOST_TEST(m.envelope.non_recipients == (std::vector<std::string>{"u@BOX.test", "child@box.test"}));
  BOOST_TEST(apply_exim_journal("", m).has_value());
  const auto bad = apply_exim_journal("u@box.test\n\n", m);
  BOOST_TEST((!bad && starts(bad.error().text, "2: ")));
}

BOOST_AUTO_TEST_CASE(more_addresses_than_memory_is_for) {
  std::string recipients = "1000001\n", tree;
  for (int i = 0; i < 1000001; ++i) {
    recipients += "a@b\n";
    tree += fmt::format("{} u{}\n", i < 1000000 ? "NY" : "NN", i);
  }
  BOOST_TEST(starts(refusal(file("", "XX\n", recipients)), "6: 1000001 recipients are more than the 1000000"));
  BOOST_TEST(starts(refusal(file("", tree)), "1000005: too many finished addresses"));
}

BOOST_AUTO_TEST_CASE(written_and_read_again) {
  Envelope e;
  e.id = kId;
  e.login = "mail";
  e.caller_uid = 8, e.caller_gid = 9;
  e.sender = "s@box.test";
  e.received = WallTime(std::chrono::microseconds(1795278233092491));
  e.received_complete_us = 17;
  e.warnings_sent = 3;
  e.from.helo_name = "a\nb";  // would be a line of its own
  e.from.host_address = "2001:db8::7";
  e.from.host_port = 1234;
  e.from.active_hostname = "here.test";
  e.from.tls_certificate_verified = true;
  e.from.tls_version = "TLS1.3";
  e.acl_c["c0"] = Text("clean");
  e.acl_m["m_two"] = Text::tainted("line1\nline2");
  e.saved["spam_score_int"] = "42";
  e.deliver_first_time = true;
  for (int i = 0; i < 100; ++i) {
    Recipient r;
    r.address = fmt::format("u{}@box.test", i);
    r.done = i % 3 == 0;
    if (i % 2 == 0) r.orcpt = "rfc822;a b", r.dsn_notify = 2;
    if (i == 7) r.errors_to = "e@box.test", r.parent = 3;
    e.recipients.push_back(r);
  }
  e.non_recipients = {"child@box.test"};
  HeaderList headers;
  headers.add("Subject: a\n b\n");
  headers.add("From: x@y.test\n");
  headers.remove("From");
  const auto m = good(exim_header_file(e, headers, "here.test"));
  const Envelope& back = m.envelope;
  BOOST_TEST(m.unused.empty());
  BOOST_TEST((back.login == e.login && back.caller_uid == 8 && back.caller_gid == 9 && back.sender == e.sender));
  BOOST_TEST((back.received == e.received && back.received_complete_us == 17 && back.warnings_sent == 3));
  BOOST_TEST(back.from.helo_name == "a?b");
  BOOST_TEST((back.from.host_address == "2001:db8::7" && back.from.host_port == 1234));
  BOOST_TEST(back.from.active_hostname.empty());  // that of everybody
  BOOST_TEST((back.from.tls_certificate_verified && back.from.tls_version == "TLS1.3"));
  BOOST_TEST((back.acl_c.at("c0").str() == "clean" && !back.acl_c.at("c0").is_tainted()));
  BOOST_TEST((back.acl_m.at("m_two").str() == "line1\nline2" && back.acl_m.at("m_two").is_tainted()));
  BOOST_TEST(back.saved.at("spam_score_int") == "42");
  BOOST_TEST(back.deliver_first_time);
  BOOST_REQUIRE(back.recipients.size() == 100U);
  for (std::size_t i = 0; i < 100; ++i) {
    const Recipient &was = e.recipients[i], &is = back.recipients[i];
    BOOST_TEST((is.address == was.address && is.done == was.done && is.orcpt == was.orcpt &&
                is.dsn_notify == was.dsn_notify && is.errors_to == was.errors_to && is.parent == was.parent),
               was.address);
  }
  BOOST_TEST(back.non_recipients.size() == 35U);  // 34 recipients and a child
  BOOST_TEST(m.headers.raw() == "Subject: a\n b\n");
  BOOST_TEST(exim_header_file(e, headers, "other.test").find("\n-active_hostname here.test\n") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
