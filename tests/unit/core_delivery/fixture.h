// A delivering process in miniature: configuration text, spool, log and maildirs below a temporary directory, and a
// scripted SMTP server on the loopback whose answer to RCPT is in the address ("tmp…" 450, "bad…" 550, else 250).
// Looking up a name throws (there is no resolver): the addresses boom@ and boomtransport@ meet that bug.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/strings.h"
#include "core/daemon/registries.h"
#include "core/delivery/delivery.h"
#include "core/io/fiber.h"
#include "core/io/stream.h"
#include "lang/lookup.h"
#include "lang/lookup_engine.h"
#include "lang/node.h"

namespace remex::delivery::testing {

struct NoServices : lang::Services {
  lang::LookupCache cache;
  dns::Resolver& resolver() override { throw std::logic_error("no DNS in this test"); }
  lang::VerifyOutcome verify_sender(lang::Scope&, const std::string&, std::string_view) override { return {}; }
  lang::VerifyOutcome verify_recipient(lang::Scope&, const std::string&, std::string_view) override { return {}; }
  Result<bool> run_acl(lang::Scope&, const Text&, const std::vector<Text>&, Text&) override { return true; }
  void log(int, std::string_view) override {}
  lang::LookupCache& lookup_cache() override { return cache; }
  Result<bool> first_use(std::string_view, std::string_view, std::int64_t) override { return true; }
  Result<std::optional<std::string>> get_hint(const std::string&, const std::string&) override { return std::nullopt; }
  Status put_hint(const std::string&, const std::string&, const std::string&) override { return {}; }
  io::Courier* courier() override { return local; }
  io::Courier* local = nullptr;  ///< what commands (cmd@local.test) are asked of
};

inline constexpr const char* kRouters = R"(
begin routers
boom:
  driver = redirect
  local_parts = boom
  data = ${lookup dnsdb{txt=boom.test}}
boomroute:
  driver = accept
  local_parts = boomtransport
  transport = boomtransport
alias:
  driver = redirect
  local_parts = alias : multi : twice : loop : black : failme : deferme
  data = ${if eq{$local_part}{alias}{a@local.test}{${if eq{$local_part}{multi}{a@local.test,b@local.test,tmpx@remote.test}{${if eq{$local_part}{twice}{a@local.test,alias@local.test}{${if eq{$local_part}{black}{:blackhole:}{${if eq{$local_part}{failme}{:fail: go away}{:defer: later please}}}}}}}}}}
  allow_fail
  allow_defer
cmd:
  driver = accept
  domains = local.test
  local_parts = cmd
  transport = cmd
loc:
  driver = accept
  domains = local.test
  local_parts = a : b : c : sender
  transport = md
rem:
  driver = manualroute
  domains = remote.test
  transport = smtp
  route_list = * 127.0.0.1
  self = send
dead:
  driver = manualroute
  domains = dead.test
  transport = deadsmtp
  route_list = * 127.0.0.1
  self = send
again:
  driver = manualroute
  domains = again.test
  transport = smtp
  route_list = * 127.0.0.1
  self = send
  errors_to = $sender_address
frz:
  driver = manualroute
  domains = frz.test
  transport = smtp
  route_list = * 127.0.0.1
)";

struct World {
  explicit World(const std::string& main_options = "",
                 const std::string& retry = "*  *  F,2h,15m; G,16h,1h,1.5; F,4d,6h\n") {
    std::string t = "/tmp/remex-delivery-test-XXXXXX";
    path = ::mkdtemp(t.data());
    // As root deliveries are made as another user, who must reach the mailboxes.
    std::string identity;
    if (::geteuid() == 0) {
      identity = "exim_user = 65534\nexim_group = 65534\n";
      std::filesystem::create_directory(path + "/mail");
      std::filesystem::permissions(path, std::filesystem::perms::all);
      if (::chown((path + "/mail").c_str(), 65534, 65534) != 0) throw std::runtime_error("chown");
    }
    listener = std::move(*io::Listener::tcp({"127.0.0.1", 0}, 64));
    const int port = listener->local().port;
    const std::string text =
        "primary_hostname = mx.local.test\nqualify_domain = local.test\nspool_directory = " + path + "\n" + identity +
        main_options + kRouters +
        "begin transports\nmd:\n  driver = appendfile\n  maildir_format\n  directory = " + path +
        "/mail/$local_part_data\ncmd:\n  driver = pipe\n  command = /bin/true\nsmtp:\n  driver = smtp\n  "
        "allow_localhost\n  port = " +
        std::to_string(port) +
        "\n  hosts_try_chunking =\ndeadsmtp:\n  driver = smtp\n  allow_localhost\n  port = 9\nboomtransport:\n  driver "
        "= "
        "appendfile\n  maildir_format\n  directory = " +
        path + "/mail/${if eq{${lookup dnsdb{txt=boom.test}}}{x}{x}{y}}\nbegin retry\n" + retry;
    auto files = std::make_shared<lang::SourceFiles>();
    lang::Diagnostics diag(*files);
    engine.config = lang::load_config_text("test", text, {}, daemon::all_registries(), diag, files);
    if (!engine.config) throw std::runtime_error(diag.render());
    store::StoreOptions so;
    so.directory = path;
    engine.store = store::Store::open(so).value();
    log::LogConfig lc;
    lc.spool_directory = path;
    engine.log = log::Log::open(lc).value();
    engine.services = &services;
    server.spawn("server", [this] {
      while (auto s = listener->accept())
        server.spawn("session", [this, raw = std::shared_ptr<io::Socket>(std::move(*s))] { session(*raw); });
    });
  }
  ~World() {
    server.cancel_all();
    (void)server.join();
    set_wall_offset(std::chrono::microseconds(0));
    std::error_code ec;
    std::filesystem::remove_all(path, ec);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void session(io::Stream& s) {
    io::Reader in(s);
    (void)s.write_all("220 sink ESMTP\r\n");
    while (auto line = in.read_line(4096)) {
      if (line->empty()) return;
      const std::string c(trim(*line));
      commands.push_back(c);
      if (on_command) on_command(c);
      std::string answer = "250 ok\r\n";
      if (istarts_with(c, "EHLO")) answer = "250-sink\r\n250 PIPELINING\r\n";
      if (istarts_with(c, "RCPT TO:<tmp")) answer = "450 4.2.1 try later\r\n";
      if (istarts_with(c, "RCPT TO:<bad")) answer = "550 5.1.1 no such user\r\n";
      if (istarts_with(c, "DATA")) {
        (void)s.write_all("354 go\r\n");
        while (auto d = in.read_line(100000))
          if (*d == ".\r\n" || d->empty()) break;
        ++messages;
      }
      if (istarts_with(c, "QUIT")) answer = "221 bye\r\n";
      (void)s.write_all(answer);
    }
  }

  store::StoredMessage message(const std::vector<std::string>& to, const std::string& from = "sender@local.test") {
    store::StoredMessage m;
    m.envelope.id = new_message_id();
    m.envelope.sender = from;
    for (const auto& a : to) m.envelope.recipients.emplace_back().address = a;
    m.envelope.received = wall_now();
    m.envelope.size = 100;
    m.headers.add("Subject: test\n");
    m.headers.add("Message-ID: <orig@local.test>\n");
    m.body = mail::Body::from_string("hello\n");
    return m;
  }
  /// Stores and delivers as after reception; the id.
  std::string send(const std::vector<std::string>& to, const std::string& from = "sender@local.test") {
    auto m = message(to, from);
    const std::string id = m.envelope.id;
    if (auto s = engine.store->insert(m); !s) throw std::runtime_error(s.error().text);
    DeliverOptions o;
    o.first_attempt = true;
    if (auto s = deliver_fresh(engine, std::move(m), o); !s) throw std::runtime_error(s.error().text);
    return id;
  }
  std::string slurp(const std::string& file) const {
    std::ifstream f(file);
    std::stringstream s;
    s << f.rdbuf();
    return s.str();
  }
  std::string mainlog() const { return slurp(path + "/log/mainlog"); }
  /// Lines of a message without time and id.
  std::vector<std::string> lines(const std::string& id) const {
    std::vector<std::string> out;
    std::istringstream in(mainlog());
    for (std::string line; std::getline(in, line);)
      if (const auto at = line.find(id + " "); at == 20) out.push_back(line.substr(at + id.size() + 1));
    return out;
  }
  std::vector<std::string> mailbox(const std::string& user) const {
    std::vector<std::string> out;
    std::error_code ec;
    for (const auto& e : std::filesystem::directory_iterator(path + "/mail/" + user + "/new", ec))
      out.push_back(slurp(e.path().string()));
    return out;
  }
  std::size_t queued() const { return engine.store->list(false).value().size(); }

  std::string path;
  std::unique_ptr<io::Listener> listener;
  std::vector<std::string> commands;
  std::function<void(const std::string&)> on_command;  ///< before the server answers
  int messages = 0;
  NoServices services;
  Engine engine;
  io::Nursery server;
};

/// Runs a test body as the first fiber of a loop.
template <class F>
void in_world(const std::string& options, F body) {
  io::run_loop([&] {
    World w(options);
    body(w);
    return 0;
  });
}

}  // namespace remex::delivery::testing
