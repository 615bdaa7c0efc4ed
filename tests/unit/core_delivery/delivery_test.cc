// Whole deliveries: aliases, duplicates, failures, deferrals, remote groups, retry times, bounces, freezing, queue
// runs.
#include <boost/test/unit_test.hpp>

#include "tests/unit/core_delivery/fixture.h"

using namespace remex;
using namespace remex::delivery;
using remex::delivery::testing::in_world;
using remex::delivery::testing::World;
using Lines = std::vector<std::string>;

namespace {
bool has(const Lines& lines, const std::string& part) {
  for (const auto& l : lines)
    if (l.find(part) != std::string::npos) return true;
  return false;
}
bool has_commands(const Lines& all, const Lines& wanted) {
  std::size_t at = 0;
  for (const auto& c : all)
    if (at < wanted.size() && c.starts_with(wanted[at])) ++at;
  return at == wanted.size();
}
}  // namespace

BOOST_AUTO_TEST_SUITE(delivery_test)

BOOST_AUTO_TEST_CASE(local_delivery_and_completion) {
  in_world("", [](World& w) {
    const auto id = w.send({"a@local.test"});
    BOOST_TEST(w.lines(id) == (Lines{"=> a <a@local.test> R=loc T=md", "Completed"}), boost::test_tools::per_element());
    BOOST_TEST(w.mailbox("a").size() == 1U);
    BOOST_TEST(w.queued() == 0U);
  });
}

BOOST_AUTO_TEST_CASE(a_message_is_kept_until_its_mailbox_directory_was_synced) {
  in_world("", [](World& w) {
    w.engine.settler = std::make_shared<io::Settler>();
    const auto id = w.send({"a@local.test"});
    BOOST_TEST(w.mailbox("a").size() == 1U);
    BOOST_TEST(w.lines(id).back() == "Completed");
    BOOST_TEST(w.engine.store->claim(id).value() == nullptr);  // nobody delivers it a second time
    w.engine.settler->flush();
    BOOST_TEST(w.queued() == 0U);
    // More recipients, or one that failed: recorded at once, so synced at once.
    w.send({"b@local.test", "c@local.test"});
    BOOST_TEST(w.queued() == 0U);
    const auto mixed = w.send({"a@local.test", "deferme@local.test"});
    const auto kept = w.engine.store->load(mixed).value();
    BOOST_TEST(kept.envelope.recipients[0].done);
    BOOST_TEST(!kept.envelope.recipients[1].done);
    BOOST_TEST(w.mailbox("a").size() == 2U);
    // An alias with several mailboxes and a remote address.
    w.send({"multi@local.test"});
    BOOST_TEST(w.mailbox("b").size() == 2U);
    w.engine.settler->flush();
    BOOST_TEST(w.queued() >= 1U);
  });
}

BOOST_AUTO_TEST_CASE(a_retry_time_hides_nothing_that_waits_for_a_queue_run) {
  in_world("queue_domains = remote.test\n", [](World& w) {
    w.send({"deferme@local.test", "x@remote.test"});
    BOOST_TEST(w.commands.empty());
    QueueRun run;
    run.each.queue_run = true;
    BOOST_REQUIRE(run_queue(w.engine, run));
    BOOST_TEST(w.messages == 1);
    const auto queue = w.engine.store->list(true).value();
    BOOST_REQUIRE(queue.size() == 1U);
    BOOST_TEST(queue[0].next_attempt > wall_seconds());  // from now on it is the other one's
    // It was looked at, and stayed back without another attempt.
    BOOST_TEST(w.mainlog().find("deferme@local.test routing defer (-52): retry time not reached") != std::string::npos);
  });
}

BOOST_AUTO_TEST_CASE(two_ways_to_one_mailbox_are_one_delivery) {
  in_world("", [](World& w) {
    const auto id = w.send({"a@local.test", "alias@local.test", "twice@local.test", "A@LOCAL.TEST"});
    BOOST_TEST(w.mailbox("a").size() >= 1U);
    BOOST_TEST(w.mailbox("a").size() <= 2U);  // duplicates are found with the case of the local part
    BOOST_TEST(w.queued() == 0U);
    BOOST_TEST(w.lines(id).back() == "Completed");
  });
}

BOOST_AUTO_TEST_CASE(discarded) {
  in_world("", [](World& w) {
    const auto id = w.send({"black@local.test"});
    BOOST_TEST(w.lines(id) == (Lines{"=> :blackhole: <black@local.test> R=alias", "Completed"}),
               boost::test_tools::per_element());
  });
}

BOOST_AUTO_TEST_CASE(failures_make_one_bounce) {
  in_world("", [](World& w) {
    const auto id = w.send({"nobody@local.test", "failme@local.test", "a@local.test"});
    BOOST_TEST(has(w.lines(id), "** nobody@local.test: Unrouteable address"));
    BOOST_TEST(has(w.lines(id), "** failme@local.test R=alias: go away"));
    BOOST_TEST(w.lines(id).back() == "Completed");
    const auto box = w.mailbox("sender");
    BOOST_REQUIRE_EQUAL(box.size(), 1U);
    for (const char* part :
         {"X-Failed-Recipients: nobody@local.test,\n  failme@local.test\n", "Auto-Submitted: auto-replied\n",
          "From: Mail Delivery System <Mailer-Daemon@local.test>\n", "To: sender@local.test\n",
          "References: <orig@local.test>\n", "Subject: Mail delivery failed: returning message to sender\n",
          "  nobody@local.test\n    Unrouteable address\n", "Reporting-MTA: dns; mx.local.test\n",
          "Action: failed\nFinal-Recipient: rfc822;nobody@local.test\nStatus: 5.0.0\n",
          "Content-type: message/rfc822\n\nReturn-path: <sender@local.test>\nSubject: test\n", "\nhello\n"})
      BOOST_TEST(box[0].find(part) != std::string::npos, part);
    BOOST_TEST(w.queued() == 0U);
  });
}

BOOST_AUTO_TEST_CASE(a_bounce_that_fails_is_frozen_not_bounced) {
  in_world("", [](World& w) {
    const auto id = w.send({"nobody@local.test"}, "");
    BOOST_TEST(w.lines(id).back() == "Frozen (delivery error message)");
    BOOST_TEST(w.queued() == 1U);
    DeliverOptions o;
    o.queue_run = true;
    BOOST_TEST(run_queue(w.engine, QueueRun{.each = o, .parallel = 4}).has_value());
    BOOST_TEST(w.lines(id).size() == 2U);  // frozen: left alone
  });
}

BOOST_AUTO_TEST_CASE(old_failing_bounces_are_dropped) {
  in_world("ignore_bounce_errors_after = 0s\n", [](World& w) {
    const auto id = w.send({"nobody@local.test"}, "");
    BOOST_TEST(w.lines(id).back() == "Completed");
    BOOST_TEST(w.queued() == 0U);
  });
}

BOOST_AUTO_TEST_CASE(several_recipients_one_transaction) {
  in_world("", [](World& w) {
    const auto id = w.send({"x@remote.test", "y@remote.test", "tmpz@remote.test", "badq@remote.test"});
    BOOST_TEST(w.messages == 1);
    BOOST_TEST(has_commands(w.commands, {"MAIL FROM:<sender@local.test>", "RCPT TO:<x@", "RCPT TO:<y@",
                                         "RCPT TO:<tmpz@", "RCPT TO:<badq@", "DATA"}));
    BOOST_TEST(has(w.lines(id), "=> x@remote.test R=rem T=smtp H=127.0.0.1 [127.0.0.1]"));
    BOOST_TEST(has(w.lines(id), "-> y@remote.test R=rem T=smtp H=127.0.0.1 [127.0.0.1]"));
    BOOST_TEST(has(w.lines(id), "== tmpz@remote.test R=rem T=smtp defer (-44)"));
    BOOST_TEST(has(w.lines(id), "** badq@remote.test R=rem T=smtp H=127.0.0.1 [127.0.0.1]"));
    const auto m = w.engine.store->load(id).value();
    BOOST_TEST(m.envelope.recipients[0].done);
    BOOST_TEST(m.envelope.recipients[1].done);
    BOOST_TEST(!m.envelope.recipients[2].done);
    BOOST_TEST(m.envelope.recipients[3].done);
    const auto box = w.mailbox("sender");
    BOOST_REQUIRE_EQUAL(box.size(), 1U);
    BOOST_TEST(box[0].find("Status: 5.1.1") != std::string::npos);
    // Not due yet: a queue run leaves it; a forced one tries only what is left.
    DeliverOptions o;
    w.commands.clear();
    BOOST_TEST(run_queue(w.engine, QueueRun{.each = o, .parallel = 4}).has_value());
    BOOST_TEST(w.commands.empty());
    o.force = true;
    BOOST_TEST(run_queue(w.engine, QueueRun{.each = o, .parallel = 4}).has_value());
    BOOST_TEST(has_commands(w.commands, {"RCPT TO:<tmpz@"}));
    BOOST_TEST(!has_commands(w.commands, {"RCPT TO:<x@"}));
  });
}

BOOST_AUTO_TEST_CASE(a_failed_recipient_is_not_done_before_its_bounce_is_stored) {
  in_world("remote_max_parallel = 1\n", [](World& w) {
    auto m = w.message({"badq@remote.test", "x@remote.test", "badz@again.test", "y@again.test"});
    const std::string id = m.envelope.id;
    BOOST_REQUIRE(w.engine.store->insert(m));
    // What a crash in the second run would leave.
    std::optional<mail::Envelope> between;
    w.on_command = [&](const std::string& c) {
      if (w.messages == 1 && c == "DATA" && !between) between = w.engine.store->load(id).value().envelope;
    };
    BOOST_TEST(deliver_message(w.engine, id, {}).has_value());
    BOOST_REQUIRE(between);
    std::vector<std::string> done;
    for (const auto& r : between->recipients)
      if (r.done) done.push_back(r.address.substr(0, r.address.find('@')));
    BOOST_TEST((done == Lines{"x"} || done == Lines{"y"}));  // whichever run came first
    BOOST_TEST(between->non_recipients.empty());             // the recipient's flag says it
    BOOST_TEST(w.mailbox("sender").size() == 1U);
    BOOST_TEST(w.queued() == 0U);
  });
}

BOOST_AUTO_TEST_CASE(finished_children_are_known_in_any_case_of_their_domain) {
  in_world("", [](World& w) {
    auto m = w.message({"multi@LOCAL.test"});
    m.envelope.non_recipients = {"a@Local.Test"};
    BOOST_REQUIRE(w.engine.store->insert(m));
    DeliverOptions o;
    o.force = true;
    BOOST_TEST(deliver_message(w.engine, m.envelope.id, o).has_value());
    BOOST_TEST(w.mailbox("a").empty());
    BOOST_TEST(w.mailbox("b").size() == 1U);
  });
}

BOOST_AUTO_TEST_CASE(finished_children_are_not_sent_again) {
  in_world("", [](World& w) {
    const auto id = w.send({"multi@local.test"});
    BOOST_TEST(w.mailbox("a").size() == 1U);
    const auto env = w.engine.store->load(id).value().envelope;
    BOOST_TEST(!env.recipients[0].done);
    BOOST_TEST(env.non_recipients.size() == 2U);
    DeliverOptions o;
    o.force = true;
    BOOST_TEST(deliver_message(w.engine, id, o).has_value());
    BOOST_TEST(w.mailbox("a").size() == 1U);
    BOOST_TEST(w.mailbox("b").size() == 1U);
    BOOST_TEST(w.queued() == 1U);
  });
}

BOOST_AUTO_TEST_CASE(a_finished_recipient_is_not_sent_again_as_a_child) {
  in_world("", [](World& w) {
    const auto id = w.send({"a@local.test", "multi@local.test"});
    BOOST_TEST(w.mailbox("a").size() == 1U);
    BOOST_TEST(w.engine.store->load(id).value().envelope.recipients[0].done);
    DeliverOptions o;
    o.force = true;
    BOOST_TEST(deliver_message(w.engine, id, o).has_value());
    BOOST_TEST(w.mailbox("a").size() == 1U);
    BOOST_TEST(w.mailbox("b").size() == 1U);
  });
}

BOOST_AUTO_TEST_CASE(dead_host_retry_times_and_the_end_of_patience) {
  in_world("", [](World& w) {
    const auto id = w.send({"x@dead.test"});
    BOOST_TEST(has(w.lines(id), "H=127.0.0.1 [127.0.0.1] Connection refused"));
    BOOST_TEST(has(w.lines(id), "== x@dead.test R=dead T=deadsmtp defer (111): Connection refused"));
    const auto entry = w.engine.store->list(false).value().at(0);
    BOOST_TEST(entry.next_attempt - wall_seconds() > 800);
    BOOST_TEST(entry.next_attempt - wall_seconds() <= 900);
    // A second message to the same host does not knock again.
    const auto second = w.send({"y@dead.test"});
    BOOST_TEST(has(w.lines(second), "retry time not reached for any host"));
    BOOST_TEST(!has(w.lines(second), "Connection refused"));
    // Five days later the last cutoff has passed: both bounce.
    set_wall_offset(std::chrono::hours(24 * 5));
    DeliverOptions o;
    BOOST_TEST(run_queue(w.engine, QueueRun{.each = o, .parallel = 1}).has_value());
    BOOST_TEST(has(w.lines(id), "** x@dead.test: retry timeout exceeded"));
    BOOST_TEST(has(w.lines(id), "Completed"));
    BOOST_TEST(w.mailbox("sender").size() == 2U);
    BOOST_TEST(w.queued() == 0U);
  });
}

BOOST_AUTO_TEST_CASE(a_host_waits_for_the_later_of_its_two_records) {
  in_world("", [](World& w) {
    const auto id = w.send({"x@dead.test"});
    auto record = w.engine.store->all_retry().value().at(0);
    const auto when = record.next_try;
    record.key += ":" + id;
    record.next_try = wall_seconds() - 10;
    BOOST_REQUIRE(w.engine.store->put_retry(record));
    BOOST_TEST(deliver_message(w.engine, id, {}).has_value());
    BOOST_TEST(has(w.lines(id), "retry time not reached for any host"));
    BOOST_TEST(w.engine.store->list(false).value().at(0).next_attempt == when);
  });
}

BOOST_AUTO_TEST_CASE(no_retry_rule_is_an_immediate_bounce) {
  io::run_loop([] {
    World w("", "");
    const auto id = w.send({"deferme@local.test"});
    BOOST_TEST(has(w.lines(id), "== deferme@local.test R=alias defer (-1): later please"));
    BOOST_TEST(has(w.lines(id), "** deferme@local.test: retry timeout exceeded"));
    BOOST_TEST(w.queued() == 0U);
    return 0;
  });
}

BOOST_AUTO_TEST_CASE(a_run_of_the_daemon_drops_an_old_frozen_bounce) {
  in_world("ignore_bounce_errors_after = 2h\n", [](World& w) {
    const auto id = w.send({"bad@remote.test"}, "");
    const auto other = w.send({"u@frz.test"});
    BOOST_REQUIRE(w.queued() == 2U);
    QueueRun run;
    run.each.queue_run = true;
    set_wall_offset(std::chrono::hours(1));
    BOOST_REQUIRE(run_queue(w.engine, run));
    BOOST_TEST(w.queued() == 2U);
    set_wall_offset(std::chrono::minutes(121));
    run.retries_only = true;
    BOOST_REQUIRE(run_queue(w.engine, run));
    BOOST_TEST(w.queued() == 2U);
    run.retries_only = false;
    BOOST_REQUIRE(run_queue(w.engine, run));
    BOOST_TEST(has(w.lines(id), "Unfrozen by errmsg timer"));
    BOOST_REQUIRE(w.queued() == 1U);
    BOOST_TEST(w.engine.store->list(false).value().at(0).id == other);
  });
}

BOOST_AUTO_TEST_CASE(self_freezes_and_thaw_delivers_again) {
  in_world("", [](World& w) {
    const auto id = w.send({"x@frz.test"});
    BOOST_TEST(w.lines(id).back() == "Frozen");
    BOOST_TEST(w.engine.store->list(false).value().at(0).frozen);
    DeliverOptions o;
    o.thaw = o.force = true;
    BOOST_TEST(deliver_message(w.engine, id, o).has_value());
    BOOST_TEST(has(w.lines(id), "Unfrozen by forced delivery"));
    BOOST_TEST(w.engine.store->list(false).value().at(0).frozen);
  });
}

BOOST_AUTO_TEST_CASE(held_domains_wait_unless_forced) {
  in_world("hold_domains = local.test\n", [](World& w) {
    const auto id = w.send({"a@local.test"});
    BOOST_TEST(has(w.lines(id), "== a@local.test"));
    BOOST_TEST(has(w.lines(id), "domain is held"));
    BOOST_TEST(w.mailbox("a").empty());
    DeliverOptions o;
    o.force = true;
    BOOST_TEST(deliver_message(w.engine, id, o).has_value());
    BOOST_TEST(w.mailbox("a").size() == 1U);
    BOOST_TEST(w.queued() == 0U);
  });
}

BOOST_AUTO_TEST_CASE(queue_domains_wait_for_a_queue_run) {
  in_world("queue_domains = local.test\n", [](World& w) {
    const auto id = w.send({"a@local.test"});
    BOOST_TEST(has(w.lines(id), "domain is in queue_domains"));
    BOOST_TEST(w.mailbox("a").empty());
    BOOST_TEST(run_queue(w.engine, QueueRun{.parallel = 4}).has_value());
    BOOST_TEST(w.mailbox("a").size() == 1U);
  });
}

BOOST_AUTO_TEST_CASE(given_up_by_the_administrator) {
  in_world("", [](World& w) {
    const auto id = w.send({"deferme@local.test"});
    DeliverOptions o;
    o.give_up = true;
    BOOST_TEST(deliver_message(w.engine, id, o).has_value());
    BOOST_TEST(!has(w.lines(id), "** deferme@local.test"));  // "cancelled by" is the caller's line
    BOOST_TEST(w.lines(id).back() == "Completed");
    BOOST_TEST(w.mailbox("sender").size() == 1U);
  });
}

BOOST_AUTO_TEST_CASE(given_up_with_another_address_for_errors) {
  in_world("", [](World& w) {
    auto m = w.message({"x@dead.test", "short"});
    m.envelope.recipients[0].errors_to = "c@local.test";
    BOOST_REQUIRE(w.engine.store->insert(m));
    DeliverOptions o;
    o.give_up = true;
    BOOST_TEST(deliver_message(w.engine, m.envelope.id, o).has_value());
    BOOST_REQUIRE_EQUAL(w.mailbox("c").size(), 1U);
    BOOST_TEST(w.mailbox("c")[0].find("x@dead.test") != std::string::npos);
    BOOST_REQUIRE_EQUAL(w.mailbox("sender").size(), 1U);
    BOOST_TEST(w.mailbox("sender")[0].find("short@local.test") != std::string::npos);
  });
}

BOOST_AUTO_TEST_CASE(delay_warning_once_per_step) {
  in_world("delay_warning = 2h:8h\n", [](World& w) {
    const auto id = w.send({"deferme@local.test"});
    BOOST_TEST(w.mailbox("sender").empty());
    DeliverOptions o;
    o.force = true;
    set_wall_offset(std::chrono::minutes(130));
    BOOST_TEST(deliver_message(w.engine, id, o).has_value());
    BOOST_TEST(deliver_message(w.engine, id, o).has_value());
    const auto box = w.mailbox("sender");
    BOOST_REQUIRE_EQUAL(box.size(), 1U);
    BOOST_TEST(box[0].find("Subject: Warning: message " + id + " delayed 2 hours\n") != std::string::npos);
    BOOST_TEST(box[0].find("Action: delayed\n") != std::string::npos);
    BOOST_TEST(box[0].find("The address to which the message has not yet been delivered is:") != std::string::npos);
    BOOST_TEST(box[0].find("hello") == std::string::npos);
  });
}

BOOST_AUTO_TEST_CASE(a_delay_warning_keeps_troubles_here_to_itself) {
  in_world("delay_warning = 30m\n", [](World& w) {
    std::filesystem::create_directories(w.path + "/mail");
    std::ofstream(w.path + "/mail/a") << "no directory";
    const auto local = w.send({"a@local.test"});
    w.send({"deferme@local.test"}, "b@remote.test");
    DeliverOptions o;
    set_wall_offset(std::chrono::minutes(31));
    auto records = w.engine.store->all_retry().value();
    for (auto& r : records) {  // so that their time has not come
      BOOST_TEST(r.told == (r.key.starts_with("R:") ? "later please" : ""));
      r.next_try = wall_seconds() + 1000;
      BOOST_REQUIRE(w.engine.store->put_retry(r));
    }
    BOOST_TEST(records.size() == 2U);
    BOOST_TEST(deliver_message(w.engine, local, o).has_value());
    BOOST_REQUIRE_EQUAL(w.mailbox("sender").size(), 1U);
    BOOST_TEST(w.mailbox("sender")[0].find("a@local.test\n") != std::string::npos);
    BOOST_TEST(w.mailbox("sender")[0].find("Delay reason") == std::string::npos);
  });
}

BOOST_AUTO_TEST_CASE(hostile_texts_in_a_bounce) {
  in_world("", [](World& w) {
    auto m = w.message({"a@local.test"});
    const std::vector<FailedRecipient> failed{{"x\"\n--b\nContent-Type: evil\n@y",
                                               "top@z",
                                               {},
                                               "line1\nline2\r\n.\r\n\xff",
                                               "5.1.1",
                                               "mx\nX: y",
                                               "550 a\nb"}};
    BOOST_TEST(send_bounce(w.engine, m, "sender@local.test", failed).has_value());
    const auto box = w.mailbox("sender");
    BOOST_REQUIRE_EQUAL(box.size(), 1U);
    BOOST_TEST(box[0].find("\nContent-Type: evil") == std::string::npos);
    BOOST_TEST(box[0].find("\nX: y") == std::string::npos);
    BOOST_TEST(box[0].find("line1\\nline2") != std::string::npos);
  });
}

BOOST_AUTO_TEST_CASE(a_claimed_message_is_left_alone) {
  in_world("", [](World& w) {
    auto m = w.message({"a@local.test"});
    BOOST_REQUIRE(w.engine.store->insert(m));
    auto claim = w.engine.store->claim(m.envelope.id).value();
    BOOST_TEST(deliver_message(w.engine, m.envelope.id, {}).has_value());
    BOOST_TEST(w.mailbox("a").empty());
    claim.reset();
    BOOST_TEST(deliver_message(w.engine, m.envelope.id, {}).has_value());
    BOOST_TEST(w.mailbox("a").size() == 1U);
    BOOST_TEST(deliver_message(w.engine, m.envelope.id, {}).has_value());  // gone: nothing to do
    BOOST_TEST(w.mailbox("a").size() == 1U);
  });
}

BOOST_AUTO_TEST_CASE(wrapped_all_or_an_error) {
  in_world("", [](World& w) {
    const auto run = [&](const Lines& to) {
      auto m = w.message(to);
      auto s = deliver_wrapped(w.engine, m);
      return s ? std::string() : s.error().text;
    };
    BOOST_TEST(run({"x@remote.test", "y@remote.test"}) == "");
    BOOST_TEST(w.messages == 1);
    BOOST_TEST(run({"x@remote.test", "badq@remote.test"}).find("550 5.1.1 no such user") != std::string::npos);
    BOOST_TEST(run({"tmpx@remote.test"}).find("450") != std::string::npos);
    BOOST_TEST(run({"nobody@local.test"}) == "Unrouteable address");
    BOOST_TEST(run({"x@remote.test", "y@dead.test"}) != "");
    BOOST_TEST(run({"a@local.test"}) != "");
    BOOST_TEST(run({"x@dead.test"}).find("refused") != std::string::npos);
    BOOST_TEST(w.queued() == 0U);
    BOOST_TEST(w.engine.store->all_retry().value().empty());
  });
}

BOOST_AUTO_TEST_CASE(verification) {
  in_world("", [](World& w) {
    const auto check = [&](const std::string& a, bool sender = false) {
      lang::Scope s;
      s.config = w.engine.config.get();
      s.services = &w.services;
      return verify_address(w.engine, s, a, sender, "");
    };
    using Kind = lang::VerifyOutcome::Kind;
    const std::pair<const char*, Kind> kCases[] = {
        {"a@local.test", Kind::ok},        {"a", Kind::ok},
        {"alias@local.test", Kind::ok},    {"multi@local.test", Kind::ok},
        {"black@local.test", Kind::ok},    {"failme@local.test", Kind::fail},
        {"nobody@local.test", Kind::fail}, {"deferme@local.test", Kind::defer},
        {"x@remote.test", Kind::ok}};
    for (const auto& [address, kind] : kCases) BOOST_TEST((check(address).kind == kind), address);
    BOOST_TEST((check("", true).kind == Kind::ok));
    BOOST_TEST(check("nobody@local.test").user_message == "Unrouteable address");
    BOOST_TEST(check("nobody@local.test").failure == "route");
    BOOST_TEST(check("failme@local.test").user_message == "go away");
  });
}

BOOST_AUTO_TEST_CASE(address_test_output) {
  in_world("", [](World& w) {
    const auto run = [&](const std::string& a, int status) {
      lang::Scope s;
      s.config = w.engine.config.get();
      s.services = &w.services;
      std::string out;
      BOOST_TEST(test_address(w.engine, s, a, out) == status);
      return out;
    };
    BOOST_TEST(run("a@local.test", 0) == "a@local.test\n  router = loc, transport = md\n");
    BOOST_TEST(run("alias@local.test", 0) ==
               "a@local.test\n    <-- alias@local.test\n  router = loc, transport = md\n");
    BOOST_TEST(run("x@remote.test", 0) ==
               "x@remote.test\n  router = rem, transport = smtp\n  host 127.0.0.1 [127.0.0.1]\n");
    BOOST_TEST(run("black@local.test", 0) == "mail to black@local.test is discarded\n");
    BOOST_TEST(run("nobody@local.test", 2) == "nobody@local.test is undeliverable: Unrouteable address\n");
    BOOST_TEST(run("deferme@local.test", 1) == "deferme@local.test cannot be resolved at this time: later please\n");
  });
}

BOOST_AUTO_TEST_CASE(a_bug_in_routing_costs_only_its_address) {
  in_world("", [](World& w) {
    const auto id = w.send({"boom@local.test", "a@local.test"});
    BOOST_TEST(has(w.lines(id), "== boom@local.test R=boom defer (-1): internal error: no DNS in this test"));
    BOOST_TEST(has(w.lines(id), "=> a <a@local.test>"));
    BOOST_TEST(w.mailbox("a").size() == 1U);
    BOOST_TEST(w.slurp(w.path + "/log/paniclog").find("while routing boom@local.test") != std::string::npos);
    const auto env = w.engine.store->load(id).value().envelope;
    BOOST_TEST(!env.recipients[0].done);
    BOOST_TEST(env.recipients[1].done);
    // Other mail for the domain is not held back by it.
    w.send({"b@local.test"});
    BOOST_TEST(w.mailbox("b").size() == 1U);
  });
}

BOOST_AUTO_TEST_CASE(a_bug_in_a_transport_costs_only_its_addresses) {
  in_world("", [](World& w) {
    const auto id = w.send({"boomtransport@local.test", "a@local.test", "x@remote.test"});
    BOOST_TEST(has(w.lines(id), "== boomtransport@local.test R=boomroute T=boomtransport defer"));
    BOOST_TEST(w.mailbox("a").size() == 1U);
    BOOST_TEST(w.messages == 1);
    BOOST_TEST(w.slurp(w.path + "/log/paniclog").find("in the boomtransport transport") != std::string::npos);
    DeliverOptions o;
    o.force = true;
    BOOST_TEST(run_queue(w.engine, QueueRun{.each = o}).has_value());
    BOOST_TEST(w.mailbox("a").size() == 1U);  // once
    BOOST_TEST(w.messages == 1);
  });
}

BOOST_AUTO_TEST_CASE(a_bug_in_one_message_does_not_end_the_queue_run) {
  in_world("hold_domains = ${if eq{$domain}{held.test}{${if eq{${lookup dnsdb{txt=boom.test}}}{x}{held.test}}}}\n",
           [](World& w) {
             for (const char* to : {"u@held.test", "a@local.test", "v@held.test", "b@local.test"})
               BOOST_REQUIRE(w.engine.store->insert(w.message({to})));
             const Status st = run_queue(w.engine, QueueRun{});  // one worker: it must outlive every bug
             BOOST_TEST(!st.has_value());
             BOOST_TEST(w.mailbox("a").size() == 1U);
             BOOST_TEST(w.mailbox("b").size() == 1U);
             BOOST_TEST(w.queued() == 2U);
           });
}

BOOST_AUTO_TEST_SUITE_END()
