// The drivers through their registry entry, configured by text: appendfile into a maildir, smtp to a loopback server.
#include <sys/resource.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "../acl/fake_services.h"
#include "../core_io/in_loop.h"
#include "core/base/clock.h"
#include "core/io/stream.h"
#include "lang/diagnostics.h"
#include "lang/lookup_engine.h"
#include "lang/node.h"
#include "transports/destination_limits.h"
#include "transports/transport.h"

namespace remex::registry::transports {
extern const std::span<const std::span<const TransportDef>* const> all;
}

using namespace remex;
using namespace remex::transports;
namespace fs = std::filesystem;

namespace {

std::shared_ptr<lang::Registries> registries() {
  auto reg = lang::make_language_registries();
  for (const auto* file : registry::transports::all)
    for (const TransportDef& d : *file) reg->transports.push_back(&d.driver);
  reg->families[1] = &transport_family;
  reg->finish();
  return reg;
}

struct World {
  lang::Scope scope;
  lang::DeliveryState delivery;
  mail::Envelope envelope;
  mail::HeaderList headers;
  std::shared_ptr<const lang::Config> config;
  std::string errors;
  std::unique_ptr<routers::Addr> addr = std::make_unique<routers::Addr>();
  Job job{envelope, headers, mail::Body::from_string("body\n")};

  explicit World(const std::string& options) {
    auto files = std::make_shared<lang::SourceFiles>();
    lang::Diagnostics diag(*files);
    const std::string text = "primary_hostname = me.example\nexim_user = " + std::to_string(geteuid()) +
                             "\nexim_group = " + std::to_string(getegid()) + "\nbegin transports\nt:\n" + options;
    config = lang::load_config_text("t.conf", text, {}, registries(), diag, files);
    if (!config) errors = diag.render();
    envelope.id = "1abcde-00000000001-0000";
    envelope.sender = "s@out.example";
    envelope.received = wall_now();
    headers.add("Subject: t\n");
    headers.add("X-Gone: 1\n");
    addr->state.address = "Me/sub@x.example";
    addr->state.cased_local_part = "Me/sub";
    addr->state.local_part = "me";
    addr->state.suffix = "/sub";
    addr->state.domain = "x.example";
    addr->unique = "Me/sub@x.example";
    scope.config = config.get();
    scope.envelope = &envelope;
    scope.headers = &headers;
    scope.address = &addr->state;
    scope.delivery = &delivery;
  }
  /// To these local parts at x.example, with limits for destinations.
  std::vector<AddrResult> deliver_to(const std::vector<std::string>& locals, DestinationLimits& limits) {
    BOOST_REQUIRE_MESSAGE(config != nullptr, errors);
    std::vector<std::unique_ptr<routers::Addr>> addrs;
    std::vector<routers::Addr*> batch;
    for (const std::string& local : locals) {
      auto& a = *addrs.emplace_back(std::make_unique<routers::Addr>());
      a.state.local_part = a.state.cased_local_part = local;
      a.state.domain = "x.example";
      a.unique = a.state.address = local + "@x.example";
      batch.push_back(&a);
    }
    scope.address = &batch.front()->state;
    const lang::DriverInstance* t = config->find_transport("t");
    DeliverContext ctx{*config, scope, job, {}, {}, false, nullptr, &limits};
    return find_transport_def(t->def)->deliver(ctx, *t, batch);
  }
  AddrResult deliver() {
    BOOST_REQUIRE_MESSAGE(config != nullptr, errors);
    const lang::DriverInstance* t = config->find_transport("t");
    DeliverContext ctx{*config, scope, job, {}, {}, false, nullptr};
    routers::Addr* const batch[] = {addr.get()};
    const AddrResult r = find_transport_def(t->def)->deliver(ctx, *t, std::span<routers::Addr* const>(batch, 1)).at(0);
    hosts = std::move(ctx.host_results);
    return r;
  }
  std::vector<HostResult> hosts;  ///< what the last delivery says of hosts
};

std::string slurp(const fs::path& p) {
  std::ifstream f(p);
  std::ostringstream s;
  s << f.rdbuf();
  return s.str();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(deliver)

BOOST_AUTO_TEST_CASE(appendfile_writes_a_maildir_once) {
  std::string tmp = (fs::temp_directory_path() / "remex-deliver-XXXXXX").string();
  const fs::path dir = ::mkdtemp(tmp.data());
  World w("  driver = appendfile\n  directory = " + dir.string() +
          "\n  maildir_format\n  return_path_add\n  envelope_to_add\n"
          "  headers_remove = x-gone\n  headers_add = X-New: 1\n  maildir_tag = ,S=$message_size\n");
  io::in_loop([&] {
    const AddrResult r = w.deliver();
    BOOST_REQUIRE_MESSAGE(r.fate == Fate::delivered, r.message);
    BOOST_CHECK_EQUAL(slurp(r.file),
                      "Return-path: <s@out.example>\nEnvelope-to: Me/sub@x.example\nSubject: t\nX-New: 1\n\nbody\n");
    BOOST_CHECK(r.file.ends_with(",S=" + std::to_string(fs::file_size(r.file))));
    w.job.first_attempt = false;
    const AddrResult again = w.deliver();
    BOOST_CHECK_EQUAL(again.file, r.file);
  });
  std::size_t n = 0;
  for ([[maybe_unused]] const auto& e : fs::directory_iterator(dir / "new")) ++n;
  BOOST_CHECK_EQUAL(n, 1U);
  fs::remove_all(dir);
}

BOOST_AUTO_TEST_CASE(appendfile_stays_out_of_other_places) {
  for (const char* dir : {"/tmp/x/../y", "relative", "./relative"}) {
    World w(std::string("  driver = appendfile\n  maildir_format\n  directory = ") + dir + "\n");
    io::in_loop([&] { BOOST_CHECK(w.deliver().fate == Fate::deferred); });
  }
  World tainted("  driver = appendfile\n  maildir_format\n  directory = /tmp/$local_part\n");
  if (tainted.config)
    io::in_loop([&] {
      const AddrResult r = tainted.deliver();
      BOOST_CHECK(r.fate == Fate::deferred);
      BOOST_CHECK_MESSAGE(r.message.starts_with("Tainted"), r.message);
    });
  // A home made from the address is tainted as the address is, from the router or from the transport.
  World own_home("  driver = appendfile\n  file = $home/box\n  home_directory = /tmp/$local_part\n");
  World given_home("  driver = appendfile\n  file = $home/box\n");
  given_home.addr->home_directory = Text::tainted("/tmp/me");
  for (World* w : {&own_home, &given_home})
    io::in_loop([&] {
      const AddrResult r = w->deliver();
      BOOST_CHECK(r.fate == Fate::deferred);
      BOOST_CHECK_MESSAGE(r.message.starts_with("Tainted '/tmp/me/box'"), r.message);
    });
  for (const char* bad : {"  driver = appendfile\n  file = /tmp/x\n  maildir_format\n",
                          "  driver = appendfile\n  file = /tmp/x\n  directory = /tmp/y\n",
                          "  driver = appendfile\n  file = /tmp/x\n  mbx_format\n",
                          "  driver = appendfile\n  directory = /x\n  maildir_format\n  quota_size_regex = (\n",
                          "  driver = pipe\n  command = /bin/true \"open\n",
                          "  driver = pipe\n  command = /bin/true\n  use_shell\n  restrict_to_path\n",
                          "  driver = lmtp\n  socket = /x\n  command = /y\n",
                          "  driver = appendfile\n  file = /tmp/x\n  shadow_transport = none\n"})
    BOOST_CHECK_MESSAGE(World(bad).config == nullptr, bad);
}

BOOST_AUTO_TEST_CASE(smtp_delivers_without_affixes_and_drops_bad_hosts) {
  io::in_loop([&] {
    auto listener = io::must(io::Listener::tcp({"127.0.0.1", 0}, 5));
    std::string seen;
    io::Nursery nursery;
    nursery.spawn("server", [&] {
      auto s = listener->accept();
      if (!s) return;
      io::Reader reader(**s);
      (void)(*s)->write_all("220 hi\r\n");
      bool data = false;
      for (;;) {
        auto line = reader.read_line(4096);
        if (!line || line->empty()) return;
        seen += *line;
        if (data && *line != ".\r\n") continue;
        if (line->starts_with("EHLO"))
          (void)(*s)->write_all("250-hi\r\n250 SIZE\r\n");
        else if (line->starts_with("DATA"))
          (void)(*s)->write_all("354 go\r\n");
        else
          (void)(*s)->write_all(data ? "250 OK id=77\r\n" : "250 ok\r\n");
        data = line->starts_with("DATA");
      }
    });
    World w("  driver = smtp\n  hosts = 127.0.0.1::1 : 127.0.0.1\n  allow_localhost\n  port = " +
            std::to_string(listener->local().port) + "\n  connect_timeout = 5s\n  size_addition = -1\n");
    const AddrResult r = w.deliver();
    BOOST_REQUIRE_MESSAGE(r.fate == Fate::delivered, r.message);
    BOOST_CHECK_EQUAL(r.confirmation, "250 OK id=77");
    (void)nursery.join();
    BOOST_CHECK_EQUAL(seen,
                      "EHLO me.example\r\nMAIL FROM:<s@out.example>\r\nRCPT TO:<Me@x.example>\r\nDATA\r\nSubject: "
                      "t\r\nX-Gone: 1\r\n\r\nbody\r\n.\r\nQUIT\r\n");
  });
}

BOOST_AUTO_TEST_CASE(smtp_blames_no_host_for_want_of_descriptors) {
  io::in_loop([&] {
    auto listener = io::must(io::Listener::tcp({"127.0.0.1", 0}, 5));
    World w("  driver = smtp\n  hosts = 127.0.0.1 : 127.0.0.2\n  allow_localhost\n  port = " +
            std::to_string(listener->local().port) + "\n");
    rlimit saved{};
    BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &saved) == 0);
    const int next = ::dup(2);  // the number that the connection would get
    BOOST_REQUIRE(next > 0);
    ::close(next);
    rlimit none = saved;
    none.rlim_cur = static_cast<rlim_t>(next);
    BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    const AddrResult r = w.deliver();
    BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &saved) == 0);
    BOOST_CHECK(r.fate == Fate::deferred);
    BOOST_CHECK_MESSAGE(r.message ==
                            "no connection to 127.0.0.1 [127.0.0.1] could be made: this system lacks what it "
                            "takes: Too many open files",
                        r.message);
    BOOST_CHECK(r.wait_until > wall_seconds());
    BOOST_CHECK(r.retry_scope == AddrResult::Scope::none);
    BOOST_CHECK(w.hosts.empty());
  });
}

// The server takes one recipient on a connection (LIMITS, RFC 9422), and before the second connection can be opened
// another delivery has it: who has an answer keeps it, the others wait for their turn.
BOOST_AUTO_TEST_CASE(smtp_waits_for_a_connection_between_two) {
  struct TakesTheSlot : test::FakeServices {
    DestinationLimits* limits = nullptr;
    int asked = 0;
    std::shared_ptr<void> slot;
    Result<std::optional<std::string>> get_hint(const std::string& table, const std::string& key) override {
      if (table == "pipe_connect" && ++asked > 1 && slot == nullptr) slot = limits->slot({"127.0.0.1", 1, {}});
      return FakeServices::get_hint(table, key);
    }
  };
  io::in_loop([&] {
    auto listener = io::must(io::Listener::tcp({"127.0.0.1", 0}, 5));
    io::Nursery nursery;
    nursery.spawn("server", [&] {
      auto s = listener->accept();
      if (!s) return;
      io::Reader reader(**s);
      (void)(*s)->write_all("220 hi\r\n");
      for (;;) {
        auto line = reader.read_line(4096);
        if (!line || line->empty()) return;
        (void)(*s)->write_all(line->starts_with("EHLO")   ? "250-hi\r\n250 LIMITS MAILMAX=1 RCPTMAX=1\r\n"
                              : line->starts_with("RCPT") ? "450 not now\r\n"
                                                          : "250 ok\r\n");
      }
    });
    World w(
        "  driver = smtp\n  hosts = 127.0.0.1\n  allow_localhost\n  destination_max_connections = 1\n"
        "  destination_name = 127.0.0.1\n  hosts_pipe_connect = *\n  port = " +
        std::to_string(listener->local().port) + "\n");
    DestinationLimits limits("");
    TakesTheSlot services;
    services.limits = &limits;
    w.scope.services = &services;
    const auto results = w.deliver_to({"a", "b", "c"}, limits);
    (void)nursery.join();
    BOOST_REQUIRE(services.slot != nullptr);
    BOOST_REQUIRE_EQUAL(results.size(), 3U);
    BOOST_TEST(results[0].message.find("450 not now") != std::string::npos, results[0].message);
    BOOST_CHECK(results[0].retry_scope == AddrResult::Scope::address);
    BOOST_TEST(results[0].wait_until == 0);
    for (std::size_t i = 1; i < 3; ++i) {
      BOOST_CHECK(results[i].fate == Fate::deferred);
      BOOST_TEST(results[i].wait_until > 0);
      BOOST_TEST(results[i].message.find("waits for its turn") != std::string::npos, results[i].message);
    }
  });
}

BOOST_AUTO_TEST_CASE(smtp_failures_have_retry_words) {
  io::in_loop([&] {
    World w("  driver = smtp\n  hosts = 127.0.0.1\n  allow_localhost\n  port = 1\n");
    const AddrResult r = w.deliver();
    BOOST_CHECK(r.fate == Fate::deferred);
    BOOST_CHECK_EQUAL(r.trouble.retry_error(), "refused_A");
    BOOST_CHECK(r.retry_scope == AddrResult::Scope::host);
    World local("  driver = smtp\n  hosts = 127.0.0.1\n");
    BOOST_CHECK(local.deliver().message.find("local host") != std::string::npos);
    World strict(
        "  driver = smtp\n  hosts = 127.0.0.1\n  allow_localhost\n  port = 1\n  dkim_domain = x.example\n  "
        "dkim_selector = s\n"
        "  dkim_private_key = /nonexistent/key.pem\n  dkim_strict = true\n");
    BOOST_CHECK_MESSAGE(strict.deliver().message.starts_with("DKIM signing failed"), strict.deliver().message);
    World unsigned_ok(
        "  driver = smtp\n  hosts = 127.0.0.1\n  allow_localhost\n  port = 1\n  dkim_domain = x.example\n  "
        "dkim_selector = s\n"
        "  dkim_private_key = \n  dkim_strict = true\n");
    BOOST_CHECK_EQUAL(unsigned_ok.deliver().trouble.retry_error(), "refused_A");
  });
}

BOOST_AUTO_TEST_SUITE_END()
