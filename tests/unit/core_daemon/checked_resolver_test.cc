// What the main options say about every DNS question: names that are not asked for, "try again" that counts as "no such
// name", slow answers in the log.
#include "core/daemon/checked_resolver.h"

#include <boost/test/unit_test.hpp>

#include "core/daemon/registries.h"
#include "core/io/fiber.h"
#include "lang/diagnostics.h"
#include "lang/lookup_engine.h"

namespace remex::daemon {
namespace {

/// Answers "try again" and counts the questions.
class Unsure : public dns::Resolver {
 public:
  dns::Answer query(std::string_view name, dns::Type) override {
    asked.emplace_back(name);
    (void)io::sleep_for(pause);
    dns::Answer a;
    a.outcome = outcome;
    return a;
  }
  std::vector<std::string> asked;
  dns::Outcome outcome = dns::Outcome::try_again;
  Millis pause{0};
};

class NoServices : public lang::Services {
 public:
  dns::Resolver& resolver() override {
    if (!of_lists) throw std::logic_error("no resolver");
    return *of_lists;
  }
  lang::VerifyOutcome verify_sender(lang::Scope&, const std::string&, std::string_view) override { return {}; }
  lang::VerifyOutcome verify_recipient(lang::Scope&, const std::string&, std::string_view) override { return {}; }
  Result<bool> run_acl(lang::Scope&, const Text&, const std::vector<Text>&, Text&) override { return false; }
  void log(int, std::string_view) override {}
  lang::LookupCache& lookup_cache() override { return cache; }
  Result<bool> first_use(std::string_view, std::string_view, std::int64_t) override { return true; }
  Result<std::optional<std::string>> get_hint(const std::string&, const std::string&) override { return std::nullopt; }
  Status put_hint(const std::string&, const std::string&, const std::string&) override { return {}; }
  lang::LookupCache cache;
  std::shared_ptr<dns::Resolver> of_lists;
};

struct World {
  explicit World(const std::string& text) {
    auto files = std::make_shared<lang::SourceFiles>();
    lang::Diagnostics diag(*files);
    config = lang::load_config_text("test", "primary_hostname = t.test\n" + text, {}, all_registries(), diag, files);
    BOOST_REQUIRE_MESSAGE(config != nullptr, diag.render());
    checked = checked_resolver(unsure, *config, services, [this](std::string_view l) { lines.emplace_back(l); });
  }
  dns::Outcome ask(std::string_view name, dns::Type type = dns::Type::a) {
    dns::Outcome got{};
    io::run_loop([&] {
      got = checked->query(name, type).outcome;
      return 0;
    });
    return got;
  }
  std::shared_ptr<const lang::Config> config;
  NoServices services;
  std::shared_ptr<Unsure> unsure = std::make_shared<Unsure>();
  std::shared_ptr<dns::Resolver> checked;
  std::vector<std::string> lines;
};

}  // namespace

BOOST_AUTO_TEST_CASE(nothing_asked_for_is_nothing_around) {
  World w("dns_check_names_pattern =\n");
  BOOST_CHECK(w.checked == w.unsure);
}

BOOST_AUTO_TEST_CASE(names_that_are_no_host_names_are_not_asked_for) {
  World w("");
  for (const char* bad : {"-a.test", "a-.test", "a b.test", "a..test"}) {
    BOOST_CHECK_MESSAGE(w.ask(bad) == dns::Outcome::no_name, bad);
    BOOST_CHECK_MESSAGE(w.ask(bad, dns::Type::mx) == dns::Outcome::no_name, bad);
  }
  BOOST_TEST(w.unsure->asked.empty());
  BOOST_CHECK(w.ask("a-b.test.") == dns::Outcome::try_again);
  BOOST_CHECK(w.ask("0/25.2.0.192.in-addr.arpa", dns::Type::ns) == dns::Outcome::try_again);
  // Underscores are permitted, as in Exim: there is mail for such domains.
  BOOST_CHECK(w.ask("a_b.test", dns::Type::mx) == dns::Outcome::try_again);
  BOOST_CHECK(w.ask("_a.b_.test") == dns::Outcome::try_again);
  BOOST_CHECK(w.ask("_smtp._tcp.a.test", dns::Type::srv) == dns::Outcome::try_again);
  BOOST_CHECK(w.ask("_smtp._tcp.a_b.test", dns::Type::srv) == dns::Outcome::try_again);
  BOOST_CHECK(w.ask("_dmarc.a.test", dns::Type::txt) == dns::Outcome::try_again);
  BOOST_CHECK(w.ask("_25._tcp.a.test", dns::Type::tlsa) == dns::Outcome::try_again);
  BOOST_TEST(w.unsure->asked.size() == 8u);
}

BOOST_AUTO_TEST_CASE(a_pattern_of_ones_own) {
  World w("dns_check_names_pattern = ^[a-z_.]+$\n");
  BOOST_CHECK(w.ask("a_b.test") == dns::Outcome::try_again);
  BOOST_CHECK(w.ask("a1.test") == dns::Outcome::no_name);
}

BOOST_AUTO_TEST_CASE(try_again_that_means_no) {
  World w("dns_again_means_nonexist = !good.bad.test : *.bad.test\n");
  BOOST_CHECK(w.ask("x.bad.test") == dns::Outcome::no_name);
  BOOST_CHECK(w.ask("good.bad.test") == dns::Outcome::try_again);
  BOOST_CHECK(w.ask("x.test") == dns::Outcome::try_again);
  w.unsure->outcome = dns::Outcome::no_data;
  BOOST_CHECK(w.ask("x.bad.test") == dns::Outcome::no_data);
}

BOOST_AUTO_TEST_CASE(a_list_that_waits_is_one_fibers_business) {
  World w("dns_again_means_nonexist = ${lookup dnsdb{defer_never,txt=list.test}{$value}{*}}\n");
  w.services.of_lists = w.checked;
  w.unsure->pause = Millis(20);
  std::vector<dns::Outcome> got;
  io::run_loop([&] {
    io::Nursery n;
    for (const char* name : {"x.test", "y.test", "z.test"})
      n.spawn("asks", [&, name] { got.push_back(w.checked->query(name, dns::Type::a).outcome); });
    (void)n.join();
    return 0;
  });
  for (const auto outcome : got) BOOST_TEST(static_cast<int>(outcome) == static_cast<int>(dns::Outcome::no_name));
  BOOST_TEST(got.size() == 3u);
  BOOST_TEST(w.unsure->asked.size() < 7u);  // three and the list's own, which are not asked about
  w.services.of_lists.reset();
}

BOOST_AUTO_TEST_CASE(slow_answers_are_told) {
  World w("slow_lookup_log = 500\n");
  (void)w.ask("quick.test");
  BOOST_TEST(w.lines.empty());
  w.unsure->pause = Millis(700);
  (void)w.ask("slow.test");
  BOOST_REQUIRE(w.lines.size() == 1u);
  BOOST_TEST(w.lines[0].starts_with("Slow dns lookup: 'slow.test' "));
}

}  // namespace remex::daemon
