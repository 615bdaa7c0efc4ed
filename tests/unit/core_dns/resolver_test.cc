// The resolver against tests/support/fakedns.py, local data, and decoding of foreign bytes.
#include "core/dns/resolver.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <random>

#include "core/base/strings.h"
#include "core/dns/stub_resolver.h"
#include "core/dns/wire.h"
#include "core/io/fiber.h"

BOOST_TEST_DONT_PRINT_LOG_VALUE(remex::dns::Outcome)

namespace remex::dns {
namespace {

/// fakedns.py as a child process.
class Server {
 public:
  explicit Server(std::string_view zone) {
    const int zone_fd = ::mkstemp(path_.data());
    BOOST_REQUIRE(::write(zone_fd, zone.data(), zone.size()) == static_cast<ssize_t>(zone.size()));
    ::close(zone_fd);
    int fds[2];
    BOOST_REQUIRE(::pipe(fds) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(fds[1], 1);
      ::close(fds[0]);
      ::execlp("python3", "python3", REMEX_SOURCE_DIR "/tests/support/fakedns.py", "--zone", path_.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(fds[1]);
    std::string line;
    char c = 0;
    while (::read(fds[0], &c, 1) == 1 && c != '\n') line += c;
    ::close(fds[0]);
    BOOST_REQUIRE(line.starts_with("port "));
    address = "[127.0.0.1]:" + line.substr(5);
  }
  ~Server() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
    ::unlink(path_.c_str());
  }
  std::string address;

 private:
  std::string path_ = "/tmp/remex_fakedns_XXXXXX";
  pid_t pid_ = -1;
};

std::shared_ptr<Resolver> resolver(const ResolverConfig& cfg) {
  auto r = Resolver::create(cfg);
  if (!r) BOOST_FAIL(r.error().text);
  return *r;
}

/// The full resolver and the stub.
constexpr bool kBoth[] = {false, true};

std::shared_ptr<Resolver> resolver(bool brief, const ResolverConfig& cfg) {
  if (!brief) return resolver(cfg);
  auto r = create_brief_resolver(cfg);
  if (!r) BOOST_FAIL(r.error().text);
  return *r;
}

template <class F>
void in_loop(F body) {
  io::run_loop([&] {
    const io::DeadlineScope limit(Seconds(120));
    body();
    return 0;
  });
}

constexpr std::string_view kZone = R"({
  "a.example.org": [{"A": "192.0.2.1"}, {"A": "192.0.2.2"}, {"AAAA": "2001:db8::1"}],
  "Mixed.example.org": [{"A": "192.0.2.9"}],
  "example.org": [{"MX": [20, "mx2.example.org"]}, {"MX": [10, "mx1.example.org"]}, {"TXT": ["one", "two"]}],
  "alias.example.org": [{"CNAME": "alias2.example.org"}],
  "alias2.example.org": [{"CNAME": "a.example.org"}],
  "dangling.example.org": [{"CNAME": "nowhere.example.org"}],
  "_smtp._tcp.example.org": [{"SRV": [1, 2, 25, "mx1.example.org"]}],
  "_25._tcp.example.org": [{"TLSA": [3, 1, 1, "00ff"]}],
  "slow.example.org": ["TIMEOUT"],
  "fail.example.org": ["SERVFAIL"],
  "garbage.example.org": ["GARBAGE"],
  "loop.example.org": ["LOOPPTR"],
  "short.example.org": ["SHORTRR"],
  "gone.example.org": ["NXDOMAIN"],
  "big.example.org": ["TRUNCATE", {"A": "192.0.2.7"}],
  "x.test": [{"A": "192.0.2.8"}],
  "1.2.0.192.in-addr.arpa": [{"PTR": "liar.example.org"}, {"PTR": "a.example.org"}],
  "5.2.0.192.in-addr.arpa": [{"PTR": "liar.example.org"}],
  "4.0.0.10.in-addr.arpa": [{"PTR": "lan.example.org"}],
  "lan.example.org": [{"A": "10.0.0.4"}],
  "liar.example.org": [{"A": "203.0.113.1"}],
  "20.2.0.192.in-addr.arpa": [{"PTR": "a(b)\"c;[d]=.example.org"}, {"PTR": "odd.example.org"}, {"PTR": "-x.example.org"}],
  "a(b)\"c;[d]=.example.org": [{"A": "192.0.2.20"}],
  "-x.example.org": [{"A": "192.0.2.20"}],
  "odd.example.org": [{"A": "192.0.2.20"}],
  "21.2.0.192.in-addr.arpa": [{"PTR": "a(b)\"c;[d]=.example.org"}],
  "a b\u00fc.example.org": [{"A": "192.0.2.21"}],
  "to-odd.example.org": [{"CNAME": "a b\u00fc.example.org"}],
  "old.example.org": ["FORMERR", {"A": "192.0.2.22"}],
  "bare.example.org": ["BARE", {"A": "192.0.2.23"}],
  "older.example.org": ["NOTIMP", {"A": "192.0.2.24"}]
})";

}  // namespace

BOOST_AUTO_TEST_SUITE(resolver_suite)

BOOST_AUTO_TEST_CASE(answers_and_misbehaviour) {
  const Server server(kZone);
  std::shared_ptr<Resolver> r;
  const auto check = [&] {
    Answer a = r->query("a.example.org", Type::a);
    BOOST_CHECK(a.outcome == Outcome::found);
    BOOST_TEST(a.records.size() == 2u);
    BOOST_TEST(a.ttl <= 300u);
    BOOST_CHECK(!a.secure);
    a = r->query("MIXED.example.org.", Type::a);
    BOOST_REQUIRE(a.records.size() == 1u);
    BOOST_TEST(a.records[0].text == "192.0.2.9");
    BOOST_TEST(a.records[0].name == "mixed.example.org");
    a = r->query("example.org", Type::mx);
    BOOST_REQUIRE(a.records.size() == 2u);
    const Record& mx = *std::min_element(a.records.begin(), a.records.end(),
                                         [](auto& x, auto& y) { return x.preference < y.preference; });
    BOOST_TEST(mx.preference == 10);
    BOOST_TEST(mx.text == "mx1.example.org");
    a = r->query("example.org", Type::txt);
    BOOST_REQUIRE(a.records.size() == 1u);
    BOOST_TEST(a.records[0].text == "onetwo");
    BOOST_TEST(a.records[0].strings.size() == 2u);
    a = r->query("alias.example.org", Type::a);
    BOOST_TEST(a.canonical == "a.example.org");
    BOOST_TEST(a.records.size() == 2u);
    BOOST_CHECK(r->query("dangling.example.org", Type::a).outcome == Outcome::no_name);
    BOOST_CHECK(r->query("example.org", Type::a).outcome == Outcome::no_data);
    BOOST_CHECK(r->query("gone.example.org", Type::a).outcome == Outcome::no_name);
    BOOST_CHECK(r->query("nothing.example.org", Type::a).outcome == Outcome::no_name);
    BOOST_CHECK(r->query("big.example.org", Type::a).outcome == Outcome::found);  // over TCP
    BOOST_CHECK(r->query("x.test", Type::a).outcome == Outcome::found);           // no special zone of libunbound's own
    a = r->query("_smtp._tcp.example.org", Type::srv);
    BOOST_REQUIRE(a.records.size() == 1u);
    BOOST_TEST(a.records[0].port == 25);
    a = r->query("_25._tcp.example.org", Type::tlsa);
    BOOST_REQUIRE(a.records.size() == 1u);
    BOOST_TEST(a.records[0].text == "3 1 1 00ff");
    // Names that are no host names; servers without EDNS; what needs no server.
    for (const char* odd : {"a b\xfc.example.org", "A B\xfc.example.org.", "to-odd.example.org"}) {
      // The best of three: what comes only when the question is repeated is late every time.
      Millis took = Millis::max();
      for (int i = 0; i < 3 && took >= Millis(1400); ++i) {
        const Instant start = monotonic_now();
        a = r->query(odd, Type::a);
        took = std::min(took, std::chrono::duration_cast<Millis>(monotonic_now() - start));
      }
      BOOST_TEST_CONTEXT(printable(odd) << ": " << a.why) {
        BOOST_CHECK(a.outcome == Outcome::found);
        BOOST_REQUIRE(a.records.size() == 1u);
        BOOST_TEST(a.records[0].text == "192.0.2.21");
        BOOST_TEST(a.canonical == "a\\032b\\252.example.org");
        BOOST_CHECK(took < Millis(1400));
      }
    }
    for (const auto& [name, address] : {std::pair("old.example.org", "192.0.2.22"),
                                        {"bare.example.org", "192.0.2.23"},
                                        {"older.example.org", "192.0.2.24"}}) {
      a = r->query(name, Type::a);
      BOOST_TEST_CONTEXT(name << ": " << a.why) {
        BOOST_REQUIRE(a.records.size() == 1u);
        BOOST_TEST(a.records[0].text == address);
      }
    }
    a = r->query("LocalHost", Type::a);
    BOOST_REQUIRE(a.records.size() == 1u);
    BOOST_TEST(a.records[0].text == "127.0.0.1");
    BOOST_CHECK(r->query("x.onion", Type::a).outcome == Outcome::no_name);
    BOOST_CHECK(r->query("notlocalhost", Type::a).outcome == Outcome::no_name);
    for (const char* junk : {"", ".", "a..b", ".a", "-"})
      BOOST_CHECK(r->query(junk, Type::a).outcome != Outcome::found);
    BOOST_CHECK(r->query(std::string(70, 'x') + ".example.org", Type::a).outcome == Outcome::no_name);
    BOOST_CHECK(r->query(std::string(5000, 'x'), Type::a).outcome == Outcome::no_name);
  };
  for (const bool brief : kBoth) {
    BOOST_TEST_CONTEXT((brief ? "stub" : "full")) {
      const ResolverConfig cfg{.resolvers = {server.address}, .timeout_ms = 4000};
      r = resolver(brief, cfg);
      in_loop(check);
      in_loop(check);  // a second loop with the same resolver; the stub hands over on the way
      r = resolver(brief, cfg);
      check();  // and none at all
    }
  }
}

BOOST_AUTO_TEST_CASE(the_stub_is_for_plain_questions) {
  const Server server(kZone);
  // Without a server it is of no use, and what it cannot do the full resolver does.
  BOOST_TEST(servers_in("/nonexistent").empty());
  std::string path = "/tmp/remex_resolv_XXXXXX";
  const int fd = ::mkstemp(path.data());
  const std::string_view text =
      "# one\nsearch x.test\nnameserver 192.0.2.1\n  nameserver\t::1\nnameserver ns.test\n"
      "nameserverx 1.2.3.4\nnameserver 1.1.1.1\nnameserver 2.2.2.2\n";
  BOOST_REQUIRE(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  ::close(fd);
  const auto servers = servers_in(path);
  ::unlink(path.c_str());
  BOOST_REQUIRE(servers.size() == 3u);
  BOOST_TEST(servers[0].ip == "192.0.2.1");
  BOOST_TEST(servers[1].ip == "::1");
  BOOST_TEST(servers[2].ip == "1.1.1.1");
  auto data = resolver(true, {.resolvers = {server.address}, .local_data = {"mail.example. A 192.0.2.77"}});
  auto bad = create_brief_resolver({.resolvers = {"ns.example.org"}});
  BOOST_CHECK(!bad);
  // The second server is asked when the first is not there.
  auto two = resolver(true, {.resolvers = {"127.0.0.1:1", server.address}, .timeout_ms = 4000});
  auto none = resolver(true, {.resolvers = {"127.0.0.1:1"}, .timeout_ms = 4000});
  in_loop([&] {
    BOOST_TEST(data->query("mail.example", Type::a).records.at(0).text == "192.0.2.77");
    BOOST_CHECK(two->query("a.example.org", Type::a).outcome == Outcome::found);
    BOOST_CHECK(two->query("fail.example.org", Type::a).outcome == Outcome::try_again);
    BOOST_CHECK(none->query("a.example.org", Type::a).outcome == Outcome::try_again);
  });
}

BOOST_AUTO_TEST_CASE(trouble_is_try_again_within_the_time_limit) {
  const Server server(kZone);
  for (const bool brief : kBoth)
    in_loop([&] {
      auto r = resolver(brief, {.resolvers = {server.address}, .timeout_ms = 4000});
      io::Nursery n;
      for (const char* name :
           {"slow.example.org", "fail.example.org", "garbage.example.org", "loop.example.org", "short.example.org"}) {
        n.spawn(name, [&r, name] {
          const Instant start = monotonic_now();
          const Answer a = r->query(name, Type::a);
          BOOST_TEST_CONTEXT(name) {
            BOOST_CHECK(a.outcome == Outcome::try_again);
            BOOST_TEST(!a.why.empty());
            BOOST_CHECK(monotonic_now() - start < Seconds(60));
          }
        });
      }
      BOOST_CHECK(n.join().has_value());
      // The forwarder is not taken for dead.
      const Answer a = r->query("a.example.org", Type::a);
      BOOST_TEST_INFO(a.why);
      BOOST_CHECK(a.outcome == Outcome::found);
    });
  // The caller's deadline comes before the resolver's own limit.
  auto patient = resolver({.resolvers = {server.address}, .timeout_ms = 100000});
  in_loop([&] {
    const io::DeadlineScope soon(Millis(50));
    const Instant start = monotonic_now();
    BOOST_CHECK(patient->query("slow.example.org", Type::mx).outcome == Outcome::try_again);
    BOOST_CHECK(monotonic_now() - start < Seconds(50));
  });
}

BOOST_AUTO_TEST_CASE(slow_names_do_not_make_the_forwarder_look_dead) {
  // Anybody can own domains whose name servers never answer. While they are asked for, and after, other names are
  // found.
  const Server server(kZone);
  auto r = resolver({.resolvers = {server.address}, .timeout_ms = 7000});
  in_loop([&] {
    io::Nursery n;
    int slow = 0, asked = 0;
    for (const Type t : {Type::a, Type::mx, Type::txt}) {
      ++slow;
      n.spawn("slow", [&, t] {
        BOOST_CHECK(r->query("slow.example.org", t).outcome == Outcome::try_again);
        --slow;
      });
    }
    const auto others_are_found = [&] {
      for (const Type t : {Type::a, Type::mx, Type::txt}) {
        const Answer a = r->query(fmt::format("n{}.example.org", ++asked), t);
        BOOST_TEST_INFO("name " << asked << ": " << a.why);
        BOOST_CHECK(a.outcome == Outcome::no_name);
      }
    };
    BOOST_REQUIRE(io::sleep_for(Millis(6500)));  // nothing but silence for so long
    for (others_are_found(); slow > 0; others_are_found()) BOOST_REQUIRE(io::sleep_for(Millis(300)));
    BOOST_CHECK(n.join().has_value());
  });
}

BOOST_AUTO_TEST_CASE(hosts_and_reverse_lookups) {
  const Server server(kZone);
  auto r = resolver({.resolvers = {server.address}, .timeout_ms = 3000});
  in_loop([&] {
    HostAddresses h = lookup_host(*r, "a.example.org", true, true, false);
    BOOST_CHECK(h.outcome == Outcome::found);
    BOOST_TEST(h.ips.size() == 3u);
    BOOST_TEST(lookup_host(*r, "a.example.org", false, true, false).ips.size() == 1u);
    BOOST_TEST(lookup_host(*r, "2001:DB8::0:1", true, true, false).ips.at(0) == "2001:db8::1");
    BOOST_CHECK(lookup_host(*r, "absent.example.org", true, true, false).outcome == Outcome::no_name);
    BOOST_CHECK(lookup_host(*r, "example.org", true, true, false).outcome == Outcome::no_data);
    BOOST_CHECK(lookup_host(*r, "fail.example.org", true, true, false).outcome == Outcome::try_again);
    BOOST_CHECK(lookup_host(*r, "localhost", true, false, true).outcome == Outcome::found);
    HostName n = lookup_address(*r, "192.0.2.1", false);
    BOOST_TEST(n.name == "a.example.org");
    BOOST_TEST(n.aliases.empty());
    BOOST_CHECK(lookup_address(*r, "192.0.2.5", false).outcome == Outcome::no_name);  // the name does not confirm
    BOOST_TEST(lookup_address(*r, "10.0.0.4", false).name == "lan.example.org");      // private reverse zones are asked
    n = lookup_address(*r, "192.0.2.20", false);  // a name that is none is passed over, although it confirms
    BOOST_TEST(n.name == "odd.example.org");
    BOOST_TEST(n.aliases.empty());
    BOOST_CHECK(lookup_address(*r, "192.0.2.21", false).outcome == Outcome::no_name);
    BOOST_CHECK(lookup_address(*r, "junk", false).outcome == Outcome::no_name);
  });
}

BOOST_AUTO_TEST_CASE(local_data_answers_without_a_server) {
  auto r = resolver(
      {.resolvers = {"127.0.0.1:1"},
       .local_data = {"mail.example. A 192.0.2.1", "example. MX 5 mail.example.", "www.example. CNAME mail.example.",
                      "k._domainkey.example. TXT \"v=DKIM1; \" \"p=abc\"", "1.2.0.192.in-addr.arpa. PTR mail.example."},
       .timeout_ms = 1000});
  in_loop([&] {
    BOOST_TEST(r->query("example", Type::mx).records.at(0).text == "mail.example");
    BOOST_TEST(r->query("k._domainkey.example", Type::txt).records.at(0).text == "v=DKIM1; p=abc");
    BOOST_CHECK(r->query("mail.example", Type::mx).outcome == Outcome::no_data);
    const Answer a = r->query("www.example", Type::a);
    BOOST_TEST(a.canonical == "mail.example");
    BOOST_TEST(a.records.at(0).text == "192.0.2.1");
    BOOST_TEST(lookup_address(*r, "192.0.2.1", false).name == "mail.example");
    BOOST_CHECK(r->query("other.example", Type::a).outcome == Outcome::try_again);  // goes to the (dead) resolver
  });
}

BOOST_AUTO_TEST_CASE(bad_configuration_is_named) {
  const auto error = [](const ResolverConfig& c) {
    auto r = Resolver::create(c);
    BOOST_REQUIRE(!r);
    return r.error().text;
  };
  BOOST_TEST(error({.resolvers = {"ns.example.org"}}) == "dns_resolvers: \"ns.example.org\" is not an IP address");
  BOOST_TEST(error({.resolvers = {"[::1"}}) == "dns_resolvers: \"[::1\" lacks a \"]\"");
  BOOST_TEST(error({.resolvers = {"127.0.0.1:99999"}}) == "dns_resolvers: bad port in \"127.0.0.1:99999\"");
  BOOST_TEST(error({.trust_anchor_file = "/nonexistent"}).starts_with("cannot read trust anchor file /nonexistent"));
  const std::string bad = error({.local_data = {"mail.example. A 192.0.2"}});
  BOOST_TEST_INFO(bad);
  BOOST_CHECK(bad.starts_with("dns_local_data: \"mail.example. A 192.0.2\": error parsing local-data"));
  BOOST_CHECK(Resolver::create({.resolvers = {"::1", "[::1]:5353", "127.0.0.1", "127.0.0.1@53"}}).has_value());
}

BOOST_AUTO_TEST_CASE(reverse_names) {
  BOOST_TEST(reverse_name("192.0.2.1") == "1.2.0.192.in-addr.arpa");
  BOOST_TEST(reverse_name("2001:db8::1") == "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
  for (const char* junk : {"", "1.2.3", "x", "1.2.3.4.5", "::g"}) BOOST_TEST(reverse_name(junk).empty());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(wire)

BOOST_AUTO_TEST_CASE(bad_names_are_refused) {
  using namespace std::string_literals;
  const std::string label63 = "\x3f" + std::string(63, 'a');
  const struct {
    std::string packet;
    bool good;
  } cases[] = {
      {"\x01"
       "a\x00"s,
       true},
      {"\x00"s, true},
      {"", false},
      {"\x05"
       "abc"s,
       false},
      {"\x01"
       "a"s,
       false},
      {"\xc0\x00"s, false},
      {"\xc0"s, false},
      {"\xc0\x7f"s, false},
      {"\x40"
       "a\x00"s,
       false},
      {"\x80\x00"s, false},
      {label63 + label63 + label63 + "\x3d" + std::string(61, 'a') + "\0"s, true},
      {label63 + label63 + label63 + label63 + "\0"s, false},
  };
  for (const auto& c : cases) {
    std::size_t at = 0;
    BOOST_CHECK_MESSAGE(decode_name(c.packet, at).has_value() == c.good, c.packet.size());
  }
  std::size_t at = 0;
  BOOST_TEST(*decode_name("\x04"
                          "A.\n\\\x00"s,
                          at) == "a\\046\\010\\092");
}

BOOST_AUTO_TEST_CASE(bad_rdata_is_refused) {
  using namespace std::string_literals;
  const struct {
    Type type;
    std::string rdata;
    bool good;
  } cases[] = {
      {Type::a, "\1\2\3\4", true},     {Type::a, "\1\2\3", false},          {Type::aaaa, std::string(16, '\1'), true},
      {Type::aaaa, "abcd", false},     {Type::mx, "\0\x0a\0"s, true},       {Type::mx, "\0\x0a"s, false},
      {Type::mx, "\0\x0a\0x"s, false}, {Type::txt, "\3abc", true},          {Type::txt, "\4abc", false},
      {Type::txt, "", false},          {Type::srv, "\0\1\0\1\0\1"s, false}, {Type::soa, "\0\0abc"s, false},
      {Type::tlsa, "\3\1\1", false},   {Type::ptr, "\xc0\0"s, false},       {Type::any, "whatever", true},
  };
  for (const auto& c : cases) {
    Record r;
    r.type = c.type;
    BOOST_CHECK_MESSAGE(decode_rdata(c.rdata, 0, c.rdata.size(), r) == c.good, static_cast<int>(c.type));
    BOOST_CHECK(!decode_rdata(c.rdata, 1, c.rdata.size(), r));  // past the end
  }
}

// Mutations of a good answer: whatever comes out, no byte outside is read (run under the address sanitizer).
BOOST_AUTO_TEST_CASE(mutated_messages_do_no_harm) {
  using namespace std::string_literals;
  const std::string good = "\x12\x34\x81\x80\0\1\0\2\0\0\0\0\1a\7example\0\0\x0f\0\1"s +
                           "\xc0\x0c\0\x0f\0\1\0\0\1\x2c\0\x09\0\x0a\4mail\xc0\x0e"s +
                           "\xc0\x0c\0\x10\0\1\0\0\1\x2c\0\4\3abc"s;
  const auto m = decode_message(good);
  BOOST_REQUIRE(m);
  BOOST_REQUIRE(m->answers.size() == 2u);
  BOOST_TEST(m->answers[0].text == "mail.example");
  for (std::size_t n = 0; n < good.size(); ++n) BOOST_CHECK(!decode_message(std::string(good, 0, n)));
  std::mt19937 rng(7);
  for (int i = 0; i < 20000; ++i) {
    std::string bad = good;
    for (int k = 0; k < 3; ++k) bad[rng() % bad.size()] = static_cast<char>(rng());
    (void)decode_message(bad);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remex::dns
