// Log lines as Exim 4.96 wrote them for the same events, and the selector list.
#include <boost/test/unit_test.hpp>

#include "core/log/delivery_lines.h"

using namespace remex;
using namespace remex::log;

namespace {

mail::Envelope local_message() {
  mail::Envelope e;
  e.sender = "sender@example.org";
  e.recipients.emplace_back().address = "nobody@example.org";
  e.recipients.emplace_back().address = "failme@example.org";
  e.from.ident = "root";
  e.from.protocol = "local";
  e.size = 307;
  e.received_complete_us = 7123;
  e.user_message_id = "<E1xUd5a-0000iu-2t@mx.example.org>";
  return e;
}

mail::Envelope remote_message() {
  mail::Envelope e;
  e.sender = "a@example.net";
  e.from.is_local = false;
  e.from.host_address = "192.0.2.7";
  e.from.host_port = 4321;
  e.from.host_name = "mx.example.net";
  e.from.helo_name = "other.example.net";
  e.from.interface_address = "192.0.2.1";
  e.from.interface_port = 25;
  e.from.protocol = "esmtpsa";
  e.from.tls_cipher = "TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM:256";
  e.from.authenticator = "plain";
  e.from.authenticated_id = "a";
  e.size = 1234;
  e.user_message_id = "x@y";
  return e;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lines_test)

BOOST_AUTO_TEST_CASE(arrivals) {
  const auto all = parse_selectors("+all").value();
  const auto def = default_selectors();
  BOOST_TEST(
      arrival_line(local_message(), all, {"", "test"}) ==
      "<= sender@example.org U=root P=local S=307 M8S=0 RT=0.007s id=E1xUd5a-0000iu-2t@mx.example.org T=\"test\" from "
      "<sender@example.org> for nobody@example.org failme@example.org");
  BOOST_TEST(arrival_line(local_message(), def) ==
             "<= sender@example.org U=root P=local S=307 id=E1xUd5a-0000iu-2t@mx.example.org");
  BOOST_TEST(arrival_line(remote_message(), def) ==
             "<= a@example.net H=mx.example.net (other.example.net) [192.0.2.7] P=esmtpsa "
             "X=TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM:256 CV=no A=plain:a S=1234 id=x@y");
  const auto more = parse_selectors("+incoming_port +incoming_interface -tls_cipher -tls_certificate_verified").value();
  BOOST_TEST(arrival_line(remote_message(), more) ==
             "<= a@example.net H=mx.example.net (other.example.net) [192.0.2.7]:4321 I=[192.0.2.1]:25 P=esmtpsa "
             "A=plain:a S=1234 id=x@y");
  mail::Envelope bounce = local_message();
  bounce.sender.clear();
  BOOST_TEST(
      arrival_line(bounce, def, {"1xUd5a-0000iu-2t", ""}).starts_with("<= <> R=1xUd5a-0000iu-2t U=root P=local"));
}

BOOST_AUTO_TEST_CASE(foreign_bytes_are_escaped) {
  const auto all = parse_selectors("+all").value();
  mail::Envelope e = remote_message();
  e.user_message_id = "a\nb\x1b[0m";
  const std::string line = arrival_line(e, all, {"", "sub\"ject\nDate: x"});
  for (const char c : line) BOOST_REQUIRE(static_cast<unsigned char>(c) >= 32);
  BOOST_TEST(line.find("T=\"sub\\\"ject\\nDate: x\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(hosts) {
  mail::ReceivedFrom f;
  f.host_address = "192.0.2.7";
  f.host_port = 99;
  const auto def = default_selectors();
  BOOST_TEST(host_and_ident(f, def, true) == "H=[192.0.2.7]");
  f.helo_name = "client";
  BOOST_TEST(host_and_ident(f, def, true) == "H=(client) [192.0.2.7]");
  f.helo_name = "[192.0.2.7]";
  BOOST_TEST(host_and_ident(f, def, true) == "H=[192.0.2.7]");
  f.host_name = f.helo_name = "mx.example.net";
  BOOST_TEST(host_and_ident(f, def, true) == "H=mx.example.net [192.0.2.7]");
  BOOST_TEST(sender_fullhost(f) == "mx.example.net [192.0.2.7]:99");
}

BOOST_AUTO_TEST_CASE(deliveries) {
  const auto all = parse_selectors("+all").value();
  const auto def = default_selectors();
  DeliveryFields f;
  f.address = "local";
  f.parents = {"alias@example.org"};
  f.sender = f.return_path = "sender@example.org";
  f.router = "loc";
  f.transport = "md";
  f.size = 307;
  f.queue_us = 53000;
  f.delivery_us = 48000;
  BOOST_TEST(delivered_line("=>", f, all) ==
             "=> local <alias@example.org> F=<sender@example.org> P=<sender@example.org> R=loc T=md S=307 QT=0.053s "
             "DT=0.048s");
  BOOST_TEST(delivered_line("->", f, def) == "-> local <alias@example.org> R=loc T=md");
  DeliveryFields r = f;
  r.address = "x@remote.example";
  r.parents.clear();
  r.host_name = "mx.remote.example";
  r.host_ip = "192.0.2.9";
  r.tls_cipher = "TLS1.3:X:256";
  r.tls_verified = true;
  r.confirmation = "250 OK \"id\"=1";
  BOOST_TEST(
      delivered_line("=>", r, def) ==
      "=> x@remote.example R=loc T=md H=mx.remote.example [192.0.2.9] X=TLS1.3:X:256 CV=yes C=\"250 OK \\\"id\\\"=1\"");
  DeliveryFields black;
  black.address = ":blackhole:";
  black.parents = {"black@example.org"};
  black.router = "fwd";
  BOOST_TEST(delivered_line("=>", black, all) == "=> :blackhole: <black@example.org> R=fwd");
}

BOOST_AUTO_TEST_CASE(failures_and_deferrals) {
  const auto all = parse_selectors("+all").value();
  const auto def = default_selectors();
  DeliveryFields f;
  f.address = "nobody@example.org";
  f.sender = "sender@example.org";
  f.message = "Unrouteable address";
  BOOST_TEST(failed_line(f, all) == "** nobody@example.org F=<sender@example.org>: Unrouteable address DT=0.000s");
  BOOST_TEST(failed_line(f, def) == "** nobody@example.org: Unrouteable address");
  f.router = "rem";
  f.transport = "smtp";
  f.host_name = f.host_ip = "127.0.0.1";
  f.message = "Connection refused";
  f.defer_errno = 111;
  BOOST_TEST(deferred_line(f, all) == "== nobody@example.org R=rem T=smtp defer (111): Connection refused DT=0.000s");
  f.message = "SMTP error from remote mail server after RCPT TO:<nobody@example.org>: 450 busy";
  f.defer_errno = -44;
  BOOST_TEST(deferred_line(f, def) ==
             "== nobody@example.org R=rem T=smtp defer (-44) H=127.0.0.1 [127.0.0.1]: SMTP error from remote mail "
             "server after RCPT "
             "TO:<nobody@example.org>: 450 busy");
  BOOST_TEST(completed_line(71000, def) == "Completed");
  BOOST_TEST(completed_line(71000, all) == "Completed QT=0.071s");
  BOOST_TEST(completed_line(93784000000, parse_selectors("+queue_time_overall").value()) == "Completed QT=1d2h3m4s");
}

BOOST_AUTO_TEST_CASE(selectors) {
  BOOST_TEST(parse_selectors("").value() == default_selectors());
  const auto s = parse_selectors(" +subject -queue_run\n+ all_parents").value();
  BOOST_TEST(s[static_cast<std::size_t>(Selector::subject)]);
  BOOST_TEST(s[static_cast<std::size_t>(Selector::all_parents)]);
  BOOST_TEST(!s[static_cast<std::size_t>(Selector::queue_run)]);
  BOOST_TEST(parse_selectors("-all").value().none());
  for (const char* bad : {"subject", "+subjct", "+", "all", "+subject,+pid"})
    BOOST_TEST(!parse_selectors(bad).has_value(), bad);
  BOOST_TEST(parse_selectors("+subjct").error().text.find("subject") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
