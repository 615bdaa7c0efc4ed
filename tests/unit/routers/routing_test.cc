// Whole routing runs: a configuration text, an address, what became of it. The DNS is a table.
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <map>

#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "lang/lookup_engine.h"
#include "lang/node.h"
#include "routers/router.h"

namespace remex::registry::routers {
extern const std::span<const std::span<const RouterDef>* const> all;
}

using namespace remex;
using namespace remex::routers;

namespace {

struct TableResolver : dns::Resolver {
  std::map<std::pair<std::string, dns::Type>, std::vector<dns::Record>> records;
  std::map<std::string, dns::Outcome> trouble;
  void mx(const std::string& name, int pref, const std::string& target) {
    dns::Record r;
    r.type = dns::Type::mx;
    r.preference = static_cast<std::uint16_t>(pref);
    r.text = target;
    records[{name, dns::Type::mx}].push_back(r);
  }
  void a(const std::string& name, const std::string& ip) {
    dns::Record r;
    r.type = dns::Type::a;
    r.text = ip;
    records[{name, dns::Type::a}].push_back(r);
  }
  void srv(const std::string& name, int priority, const std::string& target) {
    dns::Record r;
    r.type = dns::Type::srv;
    r.preference = static_cast<std::uint16_t>(priority);
    r.port = 26;
    r.text = target;
    records[{name, dns::Type::srv}].push_back(r);
  }
  dns::Answer query(std::string_view name, dns::Type type) override {
    dns::Answer out;
    const std::string n(name);
    if (const auto t = trouble.find(n); t != trouble.end()) {
      out.outcome = t->second;
      return out;
    }
    if (const auto it = records.find({n, type}); it != records.end()) {
      out.outcome = dns::Outcome::found;
      out.records = it->second;
      return out;
    }
    bool known = false;
    for (const auto& [key, value] : records) known = known || key.first == n;
    out.outcome = known ? dns::Outcome::no_data : dns::Outcome::no_name;
    return out;
  }
};

struct TestServices : lang::Services {
  TableResolver table;
  lang::LookupCache cache;
  std::string logged;
  dns::Resolver& resolver() override { return table; }
  lang::VerifyOutcome verify_sender(lang::Scope&, const std::string&, std::string_view) override { return {}; }
  lang::VerifyOutcome verify_recipient(lang::Scope&, const std::string& address, std::string_view) override {
    lang::VerifyOutcome v;
    if (address.starts_with("bad")) v.kind = lang::VerifyOutcome::Kind::fail;
    return v;
  }
  Result<bool> run_acl(lang::Scope&, const Text&, const std::vector<Text>&, Text&) override { return fail("no ACLs"); }
  void log(int, std::string_view line) override { logged += std::string(line) + "\n"; }
  lang::LookupCache& lookup_cache() override { return cache; }
  Result<bool> first_use(std::string_view, std::string_view, std::int64_t) override { return true; }
  Result<std::optional<std::string>> get_hint(const std::string&, const std::string&) override { return std::nullopt; }
  Status put_hint(const std::string&, const std::string&, const std::string&) override { return {}; }
};

struct Nothing : lang::DriverOptions {};
std::unique_ptr<lang::DriverOptions> nothing() { return std::make_unique<Nothing>(); }
constexpr lang::DriverDef kTransports[] = {
    {.kind = lang::DriverKind::transport, .name = "smtp", .make_options = nothing},
    {.kind = lang::DriverKind::transport, .name = "appendfile", .make_options = nothing},
};
constexpr lang::DriverFamily kTransportFamily{lang::DriverKind::transport, {}, nothing};

std::shared_ptr<lang::Registries> registries() {
  auto reg = lang::make_language_registries();
  for (const auto* file : registry::routers::all)
    for (const RouterDef& d : *file) reg->routers.push_back(&d.driver);
  reg->transports = {&kTransports[0], &kTransports[1]};
  reg->families[0] = &router_family;
  reg->families[1] = &kTransportFamily;
  reg->finish();
  return reg;
}

struct World {
  TestServices services;
  lang::Scope scope;
  mail::Envelope envelope;
  std::shared_ptr<const lang::Config> config;
  std::string errors;
  RouteMode mode = RouteMode::deliver;

  explicit World(const std::string& routers, const std::string& main = {}) {
    auto files = std::make_shared<lang::SourceFiles>();
    lang::Diagnostics diag(*files);
    const std::string text = "primary_hostname = me.example\nqualify_domain = me.example\n" + main + "begin routers\n" +
                             routers + "\nbegin transports\nremote:\n  driver = smtp\nlocal:\n  driver = appendfile\n";
    config = lang::load_config_text("t.conf", text, {}, registries(), diag, files);
    if (!config) errors = diag.render();
    envelope.sender = "sender@out.example";
    scope.services = &services;
    scope.config = config.get();
    scope.envelope = &envelope;
  }

  static std::string show(const Addr& a) {
    static constexpr const char* kNames[] = {"pending",  "routed",    "delivered", "failed",
                                             "deferred", "discarded", "redirected"};
    std::string out = kNames[static_cast<int>(a.status)];
    if (a.status == Addr::Status::failed || a.status == Addr::Status::deferred)
      out += (a.freeze ? "(frozen) " : " ") + a.message;
    if (a.transport != nullptr) out += " " + a.router->name + "/" + a.transport->name;
    for (const HostItem& h : a.hosts) {
      out += " " + h.name;
      if (!h.ip.empty() && h.ip != h.name) out += "[" + h.ip + "]";
      if (h.mx >= 0) out += "=" + std::to_string(h.mx);
      if (h.port > 0) out += ":" + std::to_string(h.port);
    }
    if (!a.special.empty()) out += " special=" + a.special.str();
    if (!a.children.empty()) {
      out += " {";
      for (const auto& c : a.children)
        out += (c == a.children.front() ? "" : ", ") + c->state.address + ": " + show(*c);
      out += "}";
    }
    return out;
  }

  void route_tree(RouteContext& ctx, Addr& a) {
    route_address(ctx, a);
    for (auto& c : a.children)
      if (c->status == Addr::Status::pending) route_tree(ctx, *c);
  }

  std::unique_ptr<Addr> last;
  std::string route(const std::string& address) {
    if (!config) return errors;
    std::string out;
    io::run_loop([&] {
      const io::DeadlineScope limit(Seconds(20));
      last = make_top_address(address, 0);
      RouteContext ctx{*config, scope, mode};
      route_tree(ctx, *last);
      out = show(*last);
      return 0;
    });
    return out;
  }
};

#define ROUTES(world, address, expected) BOOST_CHECK_EQUAL((world).route(address), expected)

}  // namespace

BOOST_AUTO_TEST_SUITE(routing)

BOOST_AUTO_TEST_CASE(accept_and_the_end_of_routers) {
  World w(
      "l:\n  driver = accept\n  domains = me.example\n  transport = local\n  cannot_route_message = not for $domain\n");
  ROUTES(w, "a@me.example", "routed l/local");
  ROUTES(w, "a@ME.Example", "routed l/local");
  ROUTES(w, "a@other.example", "failed not for other.example");
  World none("");
  ROUTES(none, "a@me.example", "failed Unrouteable address");
}

BOOST_AUTO_TEST_CASE(affixes) {
  World w(
      "s:\n  driver = accept\n  local_part_suffix = /*\n  local_part_suffix_optional\n  local_part_prefix = real-\n"
      "  local_part_prefix_optional\n  address_data = "
      "$local_part,$local_part_prefix,$local_part_suffix,$local_part_suffix_v\n"
      "  transport = local\n");
  ROUTES(w, "me@me.example", "routed s/local");
  BOOST_CHECK_EQUAL(w.last->state.address_data.str(), "me,,,");
  ROUTES(w, "Me/Some-Topic@me.example", "routed s/local");
  BOOST_CHECK_EQUAL(w.last->state.address_data.str(), "me,,/some-topic,some-topic");
  ROUTES(w, "REAL-me@me.example", "routed s/local");
  BOOST_CHECK_EQUAL(w.last->state.address_data.str(), "me,real-,,");
  World m("s:\n  driver = accept\n  local_part_suffix = -x\n  transport = local\n");
  ROUTES(m, "me@me.example", "failed Unrouteable address");
  ROUTES(m, "me-x@me.example", "routed s/local");
}

BOOST_AUTO_TEST_CASE(conditions_are_loose_and_defer_on_failure) {
  World w(
      "a:\n  driver = accept\n  condition = ${if eq{$local_part}{go}{yes}{no}}\n  condition = anything\n  transport = "
      "local\n");
  ROUTES(w, "go@x.example", "routed a/local");
  ROUTES(w, "stay@x.example", "failed Unrouteable address");
  World d("a:\n  driver = accept\n  condition = ${readfile{/nonexistent/x}}\n  transport = local\n");
  if (d.config) BOOST_CHECK(d.route("a@x.example").starts_with("deferred condition check"));
}

BOOST_AUTO_TEST_CASE(required_files) {
  namespace fs = std::filesystem;
  std::string t = (fs::temp_directory_path() / "remex-routing-XXXXXX").string();
  const fs::path dir = ::mkdtemp(t.data());
  fs::create_directory(dir / "me");
  fs::create_directory(dir / "me/sub");
  std::ofstream(dir / "file") << "x";
  World w("a:\n  driver = accept\n  local_part_suffix = /*\n  local_part_suffix_optional\n  require_files = " +
          dir.string() + "/$local_part/$local_part_suffix_v/\n  transport = local\n");
  ROUTES(w, "me@x.example", "routed a/local");
  ROUTES(w, "me/sub@x.example", "routed a/local");
  ROUTES(w, "me/none@x.example", "failed Unrouteable address");
  ROUTES(w, "me/..@x.example", "failed Unrouteable address");
  ROUTES(w, "me/.@x.example", "failed Unrouteable address");
  ROUTES(w, "file@x.example", "failed Unrouteable address");
  ROUTES(w, "nobody@x.example", "failed Unrouteable address");
  World n("a:\n  driver = accept\n  require_files = !" + dir.string() + "/file\n  transport = local\n");
  ROUTES(n, "me@x.example", "failed Unrouteable address");
  fs::remove_all(dir);
}

BOOST_AUTO_TEST_CASE(more_pass_and_variables) {
  World w(
      "a:\n  driver = redirect\n  data = ${if eq{$local_part}{x}{}fail}\n  set = r_one = 1$local_part ; r_two = 2\n  "
      "no_more\n"
      "  cannot_route_message = stop here\n"
      "b:\n  driver = accept\n  transport = local\n");
  ROUTES(w, "x@x.example", "failed stop here");
  BOOST_CHECK_EQUAL(w.last->state.router_variables["one"].str(), "1x");
  BOOST_CHECK_EQUAL(w.last->state.router_variables["two"].str(), "2");
}

BOOST_AUTO_TEST_CASE(manualroute_hosts_and_ports) {
  World w(
      "m:\n  driver = manualroute\n  transport = remote\n"
      "  route_list = a.example 198.51.100.1 ; b.example \"<+ [198.51.100.2]:2525 + 198.51.100.3\" ; *.c.example "
      "mail.c.example::587 ; "
      "d.example missing.example ; e.example 127.0.0.1\n");
  w.services.table.a("mail.c.example", "198.51.100.9");
  ROUTES(w, "x@a.example", "routed m/remote 198.51.100.1");
  ROUTES(w, "x@b.example", "routed m/remote 198.51.100.2:2525 198.51.100.3");
  ROUTES(w, "x@z.c.example", "routed m/remote mail.c.example[198.51.100.9]:587");
  ROUTES(w, "x@d.example", "deferred(frozen) lookup of host \"missing.example\" failed in m router");
  ROUTES(w, "x@e.example", "deferred(frozen) remote host address is the local host");
  ROUTES(w, "x@zzz.example", "failed Unrouteable address");
  w.services.table.trouble["mail.c.example"] = dns::Outcome::try_again;
  BOOST_CHECK(w.route("x@z.c.example").starts_with("deferred host lookup for mail.c.example did not complete"));
}

BOOST_AUTO_TEST_CASE(manualroute_through_a_tunnel) {
  World w("m:\n  driver = manualroute\n  transport = remote\n  route_list = * 127.0.0.1::2587\n  self = send\n");
  ROUTES(w, "x@a.example", "routed m/remote 127.0.0.1:2587");
}

BOOST_AUTO_TEST_CASE(manualroute_data_and_failures) {
  World w(
      "m:\n  driver = manualroute\n  transport = remote\n  host_find_failed = ignore\n  host_all_ignored = fail\n"
      "  route_data = ${if eq{$domain}{a.example}{missing.example:198.51.100.4}{${if "
      "eq{$domain}{b.example}{missing.example}}}}\n"
      "l:\n  driver = accept\n  transport = local\n");
  ROUTES(w, "x@a.example", "routed m/remote 198.51.100.4");
  BOOST_CHECK(w.route("x@b.example").starts_with("failed lookup failed for all hosts"));
  ROUTES(w, "x@c.example", "routed l/local");
}

BOOST_AUTO_TEST_CASE(manualroute_hosts_that_cannot_be_expanded) {
  const std::string next = "l:\n  driver = accept\n  transport = local\n";
  const std::string head = "m:\n  driver = manualroute\n  transport = remote\n";
  World data(head + "  route_data = \\${eval:x\\$domain}\n" + next);
  BOOST_CHECK_MESSAGE(data.route("x@a.example").starts_with("deferred route_data: "), data.route("x@a.example"));
  World forced(head + "  route_data = \\${extract{9}{:}{a:b}{x}fail}\n" + next);
  ROUTES(forced, "x@a.example", "routed l/local");
  World list(head + "  route_list = a.example ${eval:x$domain} ; c.example \"${if eq{$domain}{}{x}fail}\"\n" + next);
  BOOST_CHECK_MESSAGE(list.route("x@a.example").starts_with("deferred route_list: "), list.route("x@a.example"));
  ROUTES(list, "x@c.example", "routed l/local");
}

BOOST_AUTO_TEST_CASE(dnslookup_orders_and_cuts) {
  World w("d:\n  driver = dnslookup\n  transport = remote\n  ignore_target_hosts = 198.51.100.66\n");
  auto& t = w.services.table;
  t.mx("a.example", 20, "two.example");
  t.mx("a.example", 10, "one.example");
  t.mx("a.example", 30, "none.example");
  t.a("one.example", "198.51.100.1");
  t.a("two.example", "198.51.100.2");
  t.a("plain.example", "198.51.100.7");
  t.mx("null.example", 0, "");
  t.mx("mine.example", 10, "self.example");
  t.mx("mine.example", 20, "two.example");
  t.mx("backup.example", 10, "one.example");
  t.mx("backup.example", 20, "self.example");
  t.mx("backup.example", 20, "two.example");
  t.a("self.example", "127.0.0.1");
  t.mx("lit.example", 10, "198.51.100.5");
  t.mx("bad.example", 10, "ignored.example");
  t.a("ignored.example", "198.51.100.66");
  t.mx("dead.example", 10, "gone.example");
  t.trouble["slow.example"] = dns::Outcome::try_again;
  ROUTES(w, "x@a.example", "routed d/remote one.example[198.51.100.1]=10 two.example[198.51.100.2]=20");
  ROUTES(w, "x@plain.example", "routed d/remote plain.example[198.51.100.7]");
  ROUTES(w, "x@null.example", "failed an MX or SRV record indicated no SMTP service");
  ROUTES(w, "x@nowhere.example", "failed Unrouteable address");
  ROUTES(w, "x@mine.example", "deferred(frozen) lowest numbered MX record points to local host");
  ROUTES(w, "x@backup.example", "routed d/remote one.example[198.51.100.1]=10");
  ROUTES(w, "x@lit.example", "failed all relevant MX records point to non-existent hosts");
  ROUTES(w, "x@bad.example", "failed all relevant MX records point to non-existent hosts");
  ROUTES(w, "x@dead.example", "failed all relevant MX records point to non-existent hosts");
  BOOST_CHECK(w.route("x@slow.example").starts_with("deferred "));
}

BOOST_AUTO_TEST_CASE(internationalised_domains) {
  World w("d:\n  driver = dnslookup\n  check_srv = ${if match{$domain}{srv}{smtp}}\n  transport = remote\n");
  auto& t = w.services.table;
  t.a("xn--bcher-kva.example", "198.51.100.7");
  t.srv("_smtp._tcp.srv.xn--bcher-kva.example", 10, "one.example");
  t.a("one.example", "198.51.100.1");
  ROUTES(w,
         "u@b\xc3\xbc"
         "cher.example",
         "routed d/remote xn--bcher-kva.example[198.51.100.7]");
  ROUTES(w,
         "u@srv.b\xc3\xbc"
         "cher.example",
         "routed d/remote one.example[198.51.100.1]=10:26");
  BOOST_CHECK(w.route("u@b\xc3.example").starts_with("failed mail domain"));
}

// A host that may be better than this one is waited for: its addresses are not known now, which is not "it is gone".
BOOST_AUTO_TEST_CASE(a_backup_waits_for_a_better_host) {
  World w("d:\n  driver = dnslookup\n  check_srv = ${if match{$domain}{srv}{smtp}}\n  transport = remote\n");
  auto& t = w.services.table;
  t.trouble["slow.example"] = dns::Outcome::try_again;
  t.a("self.example", "127.0.0.1");
  t.a("one.example", "198.51.100.1");
  const auto both = [&t](const std::string& domain, int preference, const std::string& target) {
    t.mx("mx" + domain, preference, target);
    t.srv("_smtp._tcp.srv" + domain, preference, target);
  };
  both("better.example", 10, "slow.example");
  both("better.example", 20, "self.example");
  both("better.example", 30, "one.example");
  both("same.example", 20, "slow.example");
  both("same.example", 20, "self.example");
  both("worse.example", 20, "self.example");
  both("worse.example", 30, "slow.example");
  both("other.example", 10, "slow.example");
  both("other.example", 15, "one.example");
  both("other.example", 20, "self.example");
  for (const std::string kind : {"mx", "srv"}) {
    BOOST_CHECK_MESSAGE(w.route("x@" + kind + "better.example").starts_with("deferred host lookup for slow.example"),
                        w.route("x@" + kind + "better.example"));
    for (const char* domain : {"same.example", "worse.example"})
      ROUTES(w, "x@" + kind + domain, "deferred(frozen) lowest numbered MX record points to local host");
    BOOST_CHECK(w.route("x@" + kind + "other.example").starts_with("routed d/remote one.example[198.51.100.1]=15"));
  }
}

BOOST_AUTO_TEST_CASE(targets_that_are_no_host_names) {
  World w("d:\n  driver = dnslookup\n  check_srv = ${if match{$domain}{srv}{smtp}}\n  transport = remote\n");
  auto& t = w.services.table;
  for (const char* target : {"a|b'$(x)/..test", "a b.example", "-x.example", "two.example\\010", "x(y).example"}) {
    t.mx("mx.example", 10, target);
    t.srv("_smtp._tcp.srv.example", 10, target);
    t.a(target, "198.51.100.66");
  }
  ROUTES(w, "x@mx.example", "failed all relevant MX records point to non-existent hosts");
  BOOST_CHECK(w.route("x@srv.example").starts_with("failed "));
  t.mx("mx.example", 20, "a_b.example");
  t.srv("_smtp._tcp.srv.example", 20, "a_b.example");
  t.a("a_b.example", "198.51.100.1");
  ROUTES(w, "x@mx.example", "routed d/remote a_b.example[198.51.100.1]=20");
  ROUTES(w, "x@srv.example", "routed d/remote a_b.example[198.51.100.1]=20:26");
}

BOOST_AUTO_TEST_CASE(lists_about_hosts_that_cannot_be_tested_defer) {
  for (const char* option : {"hosts_treat_as_local", "dns_ipv4_lookup"}) {
    World w("d:\n  driver = dnslookup\n  transport = remote\n", std::string(option) + " = ${eval:x$domain}\n");
    w.services.table.a("plain.example", "198.51.100.7");
    const std::string got = w.route("x@plain.example");
    BOOST_CHECK_MESSAGE(got.starts_with(std::string("deferred ") + option + ": "), got);
  }
}

BOOST_AUTO_TEST_CASE(domain_literals) {
  World w("i:\n  driver = ipliteral\n  transport = remote\n");
  ROUTES(w, "x@[198.51.100.1]", "routed i/remote [198.51.100.1][198.51.100.1]");
  ROUTES(w, "x@[127.0.0.1]", "deferred(frozen) remote host address is the local host");
  ROUTES(w, "x@a.example", "failed Unrouteable address");
}

BOOST_AUTO_TEST_CASE(redirection) {
  World w(
      "r:\n  driver = redirect\n  allow_fail\n  allow_defer\n  file_transport = local\n"
      "  data = ${if eq{$local_part}{one}{two@me.example, three}}${if eq{$local_part}{gone}{:fail: 550 5.1.6 moved, "
      "sorry}}"
      "${if eq{$local_part}{wait}{:defer: soon}}${if eq{$local_part}{hole}{:blackhole:}}${if "
      "eq{$local_part}{save}{/var/x}}"
      "${if eq{$local_part}{self}{self@me.example}}${if eq{$local_part}{null}{/dev/null}}${if eq{$local_part}{junk}{a "
      "b@c}}\n"
      "l:\n  driver = accept\n  transport = local\n");
  ROUTES(w, "one@me.example", "redirected {two@me.example: routed l/local, three@me.example: routed l/local}");
  ROUTES(w, "gone@me.example", "failed moved, sorry");
  BOOST_CHECK_EQUAL(w.last->user_message, "550 5.1.6 moved, sorry");
  ROUTES(w, "wait@me.example", "deferred soon");
  ROUTES(w, "hole@me.example", "discarded");
  ROUTES(w, "save@me.example", "redirected {/var/x: routed r/local special=/var/x}");
  ROUTES(w, "self@me.example", "redirected {self@me.example: routed l/local}");
  ROUTES(w, "null@me.example", "redirected {/dev/null: discarded special=/dev/null}");
  BOOST_CHECK(w.route("junk@me.example").starts_with("deferred syntax error in redirection data"));
  ROUTES(w, "other@me.example", "routed l/local");
}

BOOST_AUTO_TEST_CASE(an_item_without_transport_waits_alone) {
  World w(
      "r:\n  driver = redirect\n  file_transport = local\n  pipe_transport = ${if eq{1}{2}{x}{nosuch}}\n"
      "  data = ${if eq{$local_part}{list}{/var/x, |/bin/cat, /var/y/, other@me.example}}\n"
      "l:\n  driver = accept\n  transport = local\n");
  ROUTES(w, "list@me.example",
         "redirected {/var/x: routed r/local special=/var/x, |/bin/cat: deferred pipe_transport \"nosuch\" of the r "
         "router: there is no such transport special=/bin/cat, /var/y/: deferred directory_transport unset in r router "
         "special=/var/y/, other@me.example: routed l/local}");
}

BOOST_AUTO_TEST_CASE(a_peer_cannot_name_files_or_commands) {
  World w("r:\n  driver = redirect\n  file_transport = local\n  pipe_transport = local\n  data = $local_part\n");
  BOOST_CHECK(w.route("\"/etc/passwd\"@x.example").starts_with("deferred Tainted"));
  BOOST_CHECK(w.route("\"|/bin/sh\"@x.example").starts_with("deferred Tainted"));
  BOOST_CHECK(w.route("\":include:/etc/shadow\"@x.example").starts_with("deferred Tainted"));
}

// What a transport makes of $home and the affixes is refused or quoted only while it is known who wrote them.
BOOST_AUTO_TEST_CASE(home_and_affixes_keep_their_taint) {
  World home(
      "a:\n  driver = accept\n  domains = a.example\n  transport_home_directory = /x/$local_part\n  transport = local\n"
      "b:\n  driver = accept\n  domains = b.example\n  router_home_directory = /x/$local_part\n  transport = local\n"
      "c:\n  driver = accept\n  transport_home_directory = /x/fixed\n  transport = local\n");
  ROUTES(home, "me@a.example", "routed a/local");
  BOOST_CHECK_EQUAL(home.last->home_directory.str(), "/x/me");
  BOOST_CHECK(home.last->home_directory.is_tainted());
  ROUTES(home, "me@b.example", "routed b/local");
  BOOST_CHECK(home.last->home_directory.is_tainted());
  ROUTES(home, "me@c.example", "routed c/local");
  BOOST_CHECK(!home.last->home_directory.is_tainted());

  World child(
      "r:\n  driver = redirect\n  data = /x/\n  directory_transport = local\n  local_part_prefix = *-\n"
      "  local_part_suffix = +*\n  router_home_directory = /x/$local_part\n");
  ROUTES(child, "pre-me+suf@x.example", "redirected {/x/: routed r/local special=/x/}");
  const lang::AddressState& s = child.last->children.at(0)->state;
  BOOST_CHECK_EQUAL(s.prefix + s.suffix + s.home, "pre-+suf/x/me");
  BOOST_CHECK(s.prefix_tainted && s.suffix_tainted && s.home_tainted);
  BOOST_CHECK(child.last->children[0]->home_directory.is_tainted());
}

BOOST_AUTO_TEST_CASE(loops_end) {
  World w(
      "r:\n  driver = redirect\n  data = ${if eq{$local_part}{a}{b@x.example}{a@x.example}}\nl:\n  driver = accept\n  "
      "transport = local\n");
  ROUTES(w, "a@x.example", "redirected {b@x.example: redirected {a@x.example: routed l/local}}");
  World grow("r:\n  driver = redirect\n  data = x$local_part@x.example\n");
  BOOST_CHECK_NE(grow.route("a@x.example").find("too many generations"), std::string::npos);
}

BOOST_AUTO_TEST_CASE(unseen_clones_go_on) {
  World w(
      "a:\n  driver = accept\n  unseen\n  headers_add = X-A: 1\n  transport = local\n  address_data = kept\n"
      "b:\n  driver = accept\n  transport = remote\n");
  ROUTES(w, "x@x.example", "routed a/local {x@x.example: routed b/remote}");
  BOOST_CHECK_EQUAL(w.last->headers_add, "X-A: 1\n");
  BOOST_CHECK_EQUAL(w.last->children[0]->headers_add, "");
  BOOST_CHECK_EQUAL(w.last->children[0]->state.address_data.str(), "kept");
}

BOOST_AUTO_TEST_CASE(unseen_clones_keep_the_bounce_address_from_before) {
  const std::string rest =
      "  unseen\n  domains = u.example\n  transport = local\nb:\n  driver = accept\n  domains = u.example\n"
      "  transport = remote\nr:\n  driver = redirect\n  errors_to = red@lists.example\n  data = x@u.example\n";
  for (const std::string own : {"copy@lists.example", ""}) {
    World w("a:\n  driver = accept\n  errors_to = " + own + "\n" + rest);
    w.route("x@u.example");
    const Addr& copy = *w.last;
    BOOST_CHECK(copy.has_errors_to);
    BOOST_CHECK_EQUAL(copy.errors_to, own);
    BOOST_CHECK(!copy.children.at(0)->has_errors_to);
    BOOST_CHECK_EQUAL(copy.children[0]->errors_to, "");
    w.route("list@l.example");
    const Addr& child = *w.last->children.at(0);
    BOOST_CHECK_EQUAL(child.errors_to, own);
    BOOST_CHECK_EQUAL(child.children.at(0)->errors_to, "red@lists.example");
  }
}

BOOST_AUTO_TEST_CASE(verify_modes_and_errors_to) {
  World w(
      "a:\n  driver = accept\n  verify_only\n  domains = v.example\n"
      "b:\n  driver = accept\n  no_verify\n  transport = local\n  errors_to = $local_part@lists.example\n");
  ROUTES(w, "x@v.example", "routed b/local");
  BOOST_CHECK_EQUAL(w.last->errors_to, "x@lists.example");
  ROUTES(w, "bad@v.example", "routed b/local");
  BOOST_CHECK(!w.last->has_errors_to);
  w.mode = RouteMode::verify_recipient;
  ROUTES(w, "x@v.example", "routed");
  ROUTES(w, "x@w.example", "failed Unrouteable address");
}

BOOST_AUTO_TEST_CASE(configuration_mistakes_are_found_at_load) {
  const std::pair<const char*, const char*> cases[] = {
      {"a:\n  driver = accept\n", "needs a transport"},
      {"a:\n  driver = manualroute\n  transport = remote\n", "exactly one of route_list and route_data"},
      {"a:\n  driver = manualroute\n  route_list = * h\n  transport = remote\n  host_find_failed = maybe\n",
       "host_find_failed"},
      {"a:\n  driver = redirect\n", "exactly one of data and file"},
      {"a:\n  driver = redirect\n  data = x\n  forbid_fail\n", "forbid_fail"},
      {"a:\n  driver = redirect\n  data = x\n  include_directory = here\n", "include_directory"},
      {"a:\n  driver = accept\n  transport = local\n  self = perhaps\n", "self"},
      {"a:\n  driver = accept\n  transport = local\n  set = one = 1\n", "r_name"},
      {"a:\n  driver = iplookup\n  hosts = h\n", "iplookup"},
  };
  for (const auto& [text, expected] : cases) {
    World w(text);
    BOOST_CHECK_MESSAGE(!w.config && w.errors.find(expected) != std::string::npos, text << " gives " << w.errors);
  }
}

BOOST_AUTO_TEST_CASE(rerouting_that_rewrites_headers_is_refused) {
  const std::string router = "d:\n  driver = dnslookup\n  transport = remote\n  self = reroute: ";
  BOOST_CHECK_EQUAL(World(router + "other.example\n").errors, "");
  const World w(router + "rewrite: other.example\n");
  BOOST_CHECK_MESSAGE(w.errors.contains("changes headers"), w.errors);
}

BOOST_AUTO_TEST_SUITE_END()
