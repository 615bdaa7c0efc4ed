// -bs and -bS: SMTP on standard input and output. -bh: a rehearsed session from a given address; nothing is kept or
// delivered.

#include <arpa/inet.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "core/base/strings.h"
#include "core/cli/modes.h"
#include "core/cli/submit_client.h"
#include "core/daemon/scheduler.h"
#include "core/daemon/submission.h"
#include "core/io/fiber.h"
#include "core/mail/address.h"
#include "core/smtp/session.h"

namespace remex::cli {

namespace {

/// Log lines of a rehearsal go to stderr as "LOG: ...".
class TestLog : public log::Log {
 public:
  explicit TestLog(log::Selectors sel) { selectors_ = sel; }
  void write(int, std::string_view id, std::string_view line) override {
    fmt::print(stderr, "LOG: {}{}{}\n", id, id.empty() ? "" : " ", line);
  }
  void reopen() override {}
};

int complain(const Error& e) {
  fmt::print(stderr, "remex: {}\n", e.text);
  return 1;
}

/// Below inetd standard error is the client's connection, where a line that is no reply breaks the session.
bool somebody_reads_stderr() {
  struct stat st{};
  return fstat(STDERR_FILENO, &st) == 0 && !S_ISSOCK(st.st_mode);
}

/// An IPv6 address with all its digits, as the heading of a rehearsal shows it.
std::string whole_address(const std::string& ip) {
  in6_addr raw{};
  if (!mail::is_ipv6(ip) || inet_pton(AF_INET6, ip.c_str(), &raw) != 1) return ip;
  std::string out;
  for (std::size_t i = 0; i < sizeof raw.s6_addr; i += 2)
    out += fmt::format("{}{:02x}{:02x}", i == 0 ? "" : ":", raw.s6_addr[i], raw.s6_addr[i + 1]);
  return out;
}

}  // namespace

int run_smtp_stdin(const Options& o, std::shared_ptr<const lang::Config> config) {
  if (!may_write_spool(config->main.spool_directory)) return hand_over(o, config->main.spool_directory);
  const Caller caller = find_caller(*config);
  daemon::ProcessOptions po;
  po.verbose = o.verbose;
  po.panic_to_stderr = somebody_reads_stderr();
  po.courier = start_courier(config);
  if (geteuid() == 0) {
    auto id = daemon::run_identity(*config);
    if (!id) return complain(id.error());
    if (auto st = daemon::become(*id, *config); !st) return complain(st.error());
  }
  return io::run_loop([&]() -> int {
    auto p = daemon::Process::create(config, po);
    if (!p) return complain(p.error());
    enable_debug(o, **p);
    if (o.mode == Mode::smtp_batch)
      if (const int rc = daemon::check_room(**p, [](std::string_view text) { fmt::print(stderr, "{}", text); });
          rc != 0)
        return rc;
    daemon::Scheduler scheduler(16);
    std::weak_ptr<daemon::Process> weak = *p;
    (*p)->server.accepted = [&](store::StoredMessage&& msg, bool queue_only) {
      auto strong = weak.lock();
      if (!strong || queue_only || o.delivery == Options::Delivery::queue) return;
      if (o.delivery != Options::Delivery::foreground && !o.queue_smtp) {
        scheduler.deliver(std::move(strong), std::move(msg));
        return;
      }
      delivery::DeliverOptions opt;
      opt.first_attempt = true;
      opt.queue_smtp = o.queue_smtp;
      (void)delivery::deliver_fresh(strong->engine, std::move(msg), opt);
    };
    (*p)->server.etrn = [&](const smtp::Server::EtrnJob& job) {
      auto strong = weak.lock();
      return strong && scheduler.etrn(std::move(strong), job);
    };
    smtp::SessionOptions so;
    so.is_tcp = false;
    so.stdio = true;
    so.batched = o.mode == Mode::smtp_batch;
    so.login = caller.login;
    so.trusted = caller.trusted;
    so.caller_uid = caller.uid;
    so.caller_gid = caller.gid;
    so.receive_timeout = o.smtp_timeout;
    so.no_qualify = o.no_qualify;
    mail::ReceivedFrom from;
    if (caller.trusted) daemon::apply_origin(o, from);
    int status = 0;
    {
      smtp::Session session((*p)->server, io::Socket::from_stdio(0, 1), std::move(from), so);
      const int taken = session.run();
      if (so.batched)
        status = !session.batch_failed() ? 0 : taken > 0 ? 1 : 2;  // the manual, chapter 5, "-bS"
      else
        status = session.ended_badly() ? 1 : 0;
    }
    scheduler.drain();
    (*p)->server.accepted = nullptr;
    (*p)->server.etrn = nullptr;
    return status;
  });
}

int run_smtp_test(const Options& o, std::shared_ptr<const lang::Config> config) {
  return io::run_loop([&]() -> int {
    auto lc = daemon::log_config(*config);
    if (!lc) return complain(lc.error());
    auto p = daemon::Process::create_with(config, nullptr, std::make_shared<TestLog>(lc->selectors));
    if (!p) return complain(p.error());
    enable_debug(o, **p);
    mail::ReceivedFrom from;
    from.is_local = false;
    std::string ip = o.test_host;
    if (!mail::is_ip_address(ip))
      if (const auto dot = ip.rfind('.'); dot != std::string::npos && mail::is_ip_address(ip.substr(0, dot))) {
        from.host_port = static_cast<int>(parse_int(ip.substr(dot + 1)).value_or(0));
        ip.resize(dot);
      }
    if (!mail::is_ip_address(ip)) {
      fmt::print(stderr, "{} abandoned: \"{}\" is not an IP address\n", o.program, o.test_host);
      return 1;
    }
    from.host_address = ip;
    // -oMi ADDRESS.PORT is the interface the session came in on
    if (!o.interface_address.empty()) {
      from.interface_address = o.interface_address;
      if (const auto dot = o.interface_address.rfind('.');
          !mail::is_ip_address(o.interface_address) && dot != std::string::npos) {
        from.interface_address = o.interface_address.substr(0, dot);
        from.interface_port = static_cast<int>(parse_int(o.interface_address.substr(dot + 1)).value_or(0));
      }
    }
    (*p)->server.fake = true;
    (*p)->engine.callouts = o.test_callouts;
    (*p)->server.explain = [](std::string_view line) { fmt::print(stderr, ">>> {}\n", line); };
    fmt::print(
        "\n**** SMTP testing session as if from host {}\n**** but without any ident (RFC 1413) callback.\n**** This is "
        "not for real!\n\n",
        whole_address(ip));
    std::fflush(stdout);
    smtp::SessionOptions so;
    so.stdio = true;
    smtp::Session session((*p)->server, io::Socket::from_stdio(0, 1), std::move(from), so);
    session.run();
    return 0;
  });
}

}  // namespace remex::cli
