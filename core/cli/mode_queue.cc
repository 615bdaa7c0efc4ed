// -bp and relatives, -q queue runs, -M actions on single messages. Output as Exim's, so that exiqgrep and mailq users
// feel at home.

#include <fmt/core.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "core/base/strings.h"
#include "core/cli/modes.h"
#include "core/io/fiber.h"

namespace remex::cli {

namespace {

int complain(int code, std::string_view text) {
  fmt::print(stderr, "remex: {}\n", text);
  return code;
}

/// "25m", "3h", "12d": the age column of -bp.
std::string age_text(std::int64_t seconds) {
  std::int64_t minutes = (seconds + 30) / 60;
  if (minutes < 90) return fmt::format("{:2}m", minutes);
  const std::int64_t hours = (minutes + 30) / 60;
  if (hours <= 72) return fmt::format("{:2}h", hours);
  return fmt::format("{:2}d", (hours + 12) / 24);
}

/// "1.2K", "345", "3.4M": the size column.
std::string size_text(std::uint64_t n) {
  if (n < 1024) return fmt::format("{:5}", n);
  if (n < 10 * 1024) return fmt::format("{:4.1f}K", static_cast<double>(n) / 1024.0);
  if (n < 1024 * 1024) return fmt::format("{:4}K", (n + 512) / 1024);
  if (n < 10 * 1024 * 1024) return fmt::format("{:4.1f}M", static_cast<double>(n) / (1024.0 * 1024.0));
  return fmt::format("{:4}M", (n + 512 * 1024) / (1024 * 1024));
}

/// Root gives up its rights before it touches the spool.
int step_down(const lang::Config& config) {
  if (geteuid() != 0) return 0;
  auto id = daemon::run_identity(config);
  if (!id) return complain(EX_CONFIG, id.error().text);
  if (auto st = daemon::become(*id, config); !st) return complain(EX_OSERR, st.error().text);
  return 0;
}

template <class F>
int with_process(const Options& o, const std::shared_ptr<const lang::Config>& config, bool read_only, F f) {
  if (const int rc = step_down(*config); rc != 0) return rc;
  return io::run_loop([&]() -> int {
    daemon::ProcessOptions po;
    po.store_read_only = read_only;
    auto p = daemon::Process::create(config, po);
    if (!p) return complain(EX_TEMPFAIL, p.error().text);
    enable_debug(o, **p);
    return f(**p);
  });
}

void print_entry(std::string& out, const store::QueueEntry& e, std::int64_t now, const std::string& kind) {
  out += fmt::format("{} {} {} <{}>", age_text(now - e.received), size_text(e.size), e.id, e.sender);
  if (e.frozen) out += " *** frozen ***";
  out += '\n';
  if (kind.find('u') == std::string::npos)
    for (const auto& d : e.delivered) out += fmt::format("        D {}\n", d);
  for (const auto& r : e.pending) out += fmt::format("          {}\n", r);
  out += '\n';
}

std::string headers_text(const store::StoredMessage& m) {
  std::string out = m.envelope.id + "-H\n";
  const auto& e = m.envelope;
  out += fmt::format("{} {} {}\n<{}>\n{} {}\n", e.login.empty() ? "-" : e.login, e.caller_uid, e.caller_gid, e.sender,
                     std::chrono::duration_cast<Seconds>(e.received.time_since_epoch()).count(), e.warnings_sent);
  if (!e.from.helo_name.empty()) out += "-helo_name " + printable(e.from.helo_name) + "\n";
  if (!e.from.host_address.empty())
    out += fmt::format("-host_address [{}]:{}\n", e.from.host_address, e.from.host_port);
  if (!e.from.interface_address.empty())
    out += fmt::format("-interface_address [{}]:{}\n", e.from.interface_address, e.from.interface_port);
  if (!e.from.protocol.empty()) out += "-received_protocol " + e.from.protocol + "\n";
  if (e.frozen) out += fmt::format("-frozen {}\n", e.frozen_at);
  if (!e.from.tls_cipher.empty()) out += "-tls_cipher " + e.from.tls_cipher + "\n";
  out += fmt::format("-body_linecount {}\n", e.body_lines);
  for (const auto& d : e.non_recipients) out += "-delivered " + d + "\n";
  out += fmt::format("{}\n", e.recipients.size());
  for (const auto& r : e.recipients) out += printable(r.address) + (r.done ? " (done)\n" : "\n");
  out += '\n';
  for (const auto& h : m.headers.all()) out += fmt::format("{:03}{} {}", h.text.size(), h.type, h.text);
  return out;
}

int act(daemon::Process& p, const std::string& action, const std::string& id, const std::vector<std::string>& rest) {
  auto& store = *p.engine.store;
  if (action == "vl") {
    auto m = store.load(id);
    if (!m)
      return complain(1, m.error().kind == ErrorKind::not_found
                             ? fmt::format("spool file for message {} does not exist", id)
                             : m.error().text);
    const auto& from = m->envelope.from;
    fmt::print(
        "{} Received from {}{}{}\n", log_timestamp(m->envelope.received),
        m->envelope.sender.empty() ? "<>" : printable(m->envelope.sender),
        from.host_address.empty() ? " U=" + printable(m->envelope.login) : fmt::format(" H=[{}]", from.host_address),
        from.protocol.empty() ? "" : " P=" + printable(from.protocol));
    auto text = store.read_message_log(id);
    if (!text) return complain(1, text.error().text);
    fmt::print("{}", *text);
    return 0;
  }
  if (action.empty() || action == "c" || action == "g") {
    if (auto there = store.load(id); !there && there.error().kind == ErrorKind::not_found)
      return complain(1, fmt::format("spool file for message {} does not exist", id));
    delivery::DeliverOptions opt;
    opt.force = opt.force_frozen = opt.thaw = action.empty();
    opt.give_up = action == "g";
    const Status st = delivery::deliver_message(p.engine, id, opt);
    return st ? 0 : complain(1, fmt::format("{}: {}", id, st.error().text));
  }
  std::unique_ptr<store::Claim> claim;
  if (action != "vb" && action != "vh" && action != "vc") {
    auto c = store.claim(id);
    if (!c) return complain(1, fmt::format("{}: {}", id, c.error().text));
    if (!*c) return complain(1, fmt::format("Message {} is locked", id));
    claim = std::move(*c);
  }
  auto m = store.load(id);
  if (!m)
    return complain(1, m.error().kind == ErrorKind::not_found
                           ? fmt::format("spool file for message {} does not exist", id)
                           : m.error().text);
  const auto log = [&](const std::string& line) { p.engine.log->write(log::kMain, id, line); };
  const std::string who = find_caller(*p.engine.config).login;
  if (action == "vh") {
    fmt::print("{}", headers_text(*m));
  } else if (action == "vb" || action == "vc") {
    if (action == "vb")
      fmt::print("{}-D\n", id);
    else
      fmt::print("{}\n", m->headers.raw());
    (void)m->body->for_each([](std::string_view piece) -> Status {
      std::fwrite(piece.data(), 1, piece.size(), stdout);
      return {};
    });
  } else if (action == "rm") {
    if (auto st = store.remove(id, true); !st) return complain(1, st.error().text);
    log(fmt::format("removed by {}", who));
    log("Completed");
    fmt::print("Message {} has been removed\n", id);
  } else if (action == "f" || action == "t") {
    const bool freeze = action == "f";
    if (m->envelope.frozen == freeze) {
      fmt::print("Message {} is {}frozen\n", id, freeze ? "already " : "not ");
      return 0;
    }
    m->envelope.frozen = freeze;
    m->envelope.frozen_at = freeze ? wall_seconds() : 0;
    m->envelope.manual_thaw = !freeze;
    if (auto st = store.update(m->envelope, 0); !st) return complain(1, st.error().text);
    log(fmt::format("{} by {}", freeze ? "frozen" : "unfrozen", who));
    fmt::print("Message {} {}\n", id, freeze ? "is now frozen" : "is no longer frozen");
  } else {  // mad md ar es
    auto& env = m->envelope;
    if (action == "mad") {
      for (auto& r : env.recipients) r.done = true;
    } else if (action == "md") {
      for (const auto& a : rest)
        for (auto& r : env.recipients) r.done = r.done || r.address == a;
    } else if (action == "ar") {
      for (const auto& a : rest) {
        mail::Recipient r;
        r.address = a;
        env.recipients.push_back(std::move(r));
      }
    } else if (action == "es") {
      env.sender = rest.empty() || rest.front() == "<>" ? "" : rest.front();
    }
    if (auto st = store.replace(*m, 0); !st) return complain(1, st.error().text);
    log(fmt::format("{} by {}",
                    action == "es" ? "sender address changed to <" + env.sender + ">" : "recipients changed", who));
    fmt::print("Message {} has been modified\n", id);
  }
  return 0;
}

}  // namespace

int run_list_queue(const Options& o, std::shared_ptr<const lang::Config> config) {
  const std::string kind = o.list_kind;
  return with_process(o, config, true, [&](daemon::Process& p) -> int {
    if (kind == "c") {
      auto n = p.engine.store->count();
      if (!n) return complain(1, n.error().text);
      fmt::print("{}\n", *n);
      return 0;
    }
    auto list = p.engine.store->list(kind.find('i') == std::string::npos);
    if (!list) return complain(1, list.error().text);
    const std::int64_t now = wall_seconds();
    std::string out;
    for (const auto& e : *list) {
      if (!o.arguments.empty() && std::find(o.arguments.begin(), o.arguments.end(), e.id) == o.arguments.end())
        continue;
      if (kind.find('i') != std::string::npos)
        out += e.id + "\n";
      else
        print_entry(out, e, now, kind);
      if (out.size() > 60000) {
        std::fwrite(out.data(), 1, out.size(), stdout);
        out.clear();
      }
    }
    std::fwrite(out.data(), 1, out.size(), stdout);
    return 0;
  });
}

int run_queue(const Options& o, std::shared_ptr<const lang::Config> config) {
  return with_process(o, config, false, [&](daemon::Process& p) -> int {
    delivery::DeliverOptions opt;
    opt.queue_run = true;
    opt.force = o.queue_force;
    opt.force_frozen = o.queue_force_frozen;
    opt.local_only = o.queue_local;
    p.engine.log->write(log::kMain, "",
                        fmt::format("Start queue run: pid={}{}", getpid(),
                                    o.queue_force_frozen ? " -qff"
                                    : o.queue_force      ? " -qf"
                                                         : ""));
    const Status st = delivery::run_queue(p.engine, opt, 64);
    p.engine.log->write(log::kMain, "",
                        fmt::format("End queue run: pid={}{}", getpid(),
                                    o.queue_force_frozen ? " -qff"
                                    : o.queue_force      ? " -qf"
                                                         : ""));
    return st ? 0 : complain(EX_TEMPFAIL, st.error().text);
  });
}

int run_message(const Options& o, std::shared_ptr<const lang::Config> config) {
  if (o.arguments.empty()) return complain(EX_USAGE, "-M" + o.message_action + " needs a message id");
  return with_process(o, config, false, [&](daemon::Process& p) -> int {
    const bool one = o.message_action == "ar" || o.message_action == "md" || o.message_action == "es";
    int worst = 0;
    for (const auto& id : o.arguments) {
      worst = std::max(worst, act(p, o.message_action, id, {o.arguments.begin() + 1, o.arguments.end()}));
      if (one) break;
    }
    return worst;
  });
}

}  // namespace remex::cli
