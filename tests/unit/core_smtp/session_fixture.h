// An SMTP server without a network: the client's bytes come from memory, replies and log lines are kept. No store:
// nothing survives. Used by the session tests and the session fuzz target. `World::talk` must run inside a loop
// (io::run_loop).
#pragma once

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "authenticators/authenticator.h"
#include "core/smtp/session.h"
#include "lang/diagnostics.h"
#include "lang/lookup.h"
#include "lang/node.h"
#include "routers/router.h"
#include "tests/unit/acl/fake_services.h"
#include "transports/transport.h"

namespace remex::registry {
namespace routers {
extern const std::span<const std::span<const remex::routers::RouterDef>* const> all;
}
namespace transports {
extern const std::span<const std::span<const remex::transports::TransportDef>* const> all;
}
namespace lookups {
extern const std::span<const std::span<const remex::lang::LookupDef>* const> all;
}
namespace authenticators {
extern const std::span<const std::span<const remex::authenticators::AuthenticatorDef>* const> all;
}
}  // namespace remex::registry

namespace remex::smtp::test {

inline std::shared_ptr<lang::Registries> registries() {
  static const std::shared_ptr<lang::Registries> instance = [] {
    auto r = lang::make_language_registries();
    for (const auto* d : lang::flatten<routers::RouterDef>(registry::routers::all)) r->routers.push_back(&d->driver);
    for (const auto* d : lang::flatten<transports::TransportDef>(registry::transports::all))
      r->transports.push_back(&d->driver);
    for (const auto* d : lang::flatten<authenticators::AuthenticatorDef>(registry::authenticators::all))
      r->authenticators.push_back(&d->driver);
    r->families[static_cast<int>(lang::DriverKind::router)] = &routers::router_family;
    r->families[static_cast<int>(lang::DriverKind::transport)] = &transports::transport_family;
    r->families[static_cast<int>(lang::DriverKind::authenticator)] = &authenticators::authenticator_family;
    r->lookups = lang::flatten<lang::LookupDef>(registry::lookups::all);
    r->acl_compiler = &acl::compiler();
    r->finish();
    return r;
  }();
  return instance;
}

struct KeptLog : log::Log {
  std::vector<std::string> lines;
  KeptLog() { selectors_ = log::default_selectors(); }
  void write(int, std::string_view id, std::string_view line) override {
    lines.push_back(std::string(id) + (id.empty() ? "" : " ") + std::string(line));
  }
  void reopen() override {}
};

/// The client's segments in order; each is handed out when the server waits for input. Replies are appended to `out` of
/// the segment.
struct Wire {
  std::deque<std::string> segments;
  std::string out;                   ///< replies since the last segment was taken
  std::vector<std::string> replies;  ///< [0] banner, [i] what followed segment i
};

class MemoryStream : public io::Stream {
 public:
  explicit MemoryStream(Wire& w) : w_(w) {}
  Result<std::size_t> read_some(std::span<char> into) override {
    if (current_.empty()) {
      w_.replies.push_back(std::exchange(w_.out, {}));
      if (w_.segments.empty()) return std::size_t{0};
      current_ = std::move(w_.segments.front());
      w_.segments.pop_front();
    }
    const std::size_t n = std::min(into.size(), current_.size());
    std::memcpy(into.data(), current_.data(), n);
    current_.erase(0, n);
    return n;
  }
  Status write_all(std::string_view bytes) override {
    w_.out += bytes;
    return {};
  }
  bool has_pending_input() override { return !current_.empty(); }
  Status wait_readable() override { return {}; }
  void close() override {}
  void abort() override {}
  int fd() const override { return -1; }

 private:
  Wire& w_;
  std::string current_;
};

/// A configuration and one server over it.
struct World {
  remex::test::FakeServices services;
  std::shared_ptr<KeptLog> log = std::make_shared<KeptLog>();
  Counters counters;
  Server server;
  std::string errors;

  explicit World(const std::string& config_text) {
    auto files = std::make_shared<lang::SourceFiles>();
    lang::Diagnostics diag(*files);
    server.config = lang::load_config_text("test.conf", "primary_hostname = mx.example\n" + config_text, {},
                                           registries(), diag, files);
    if (!server.config) errors = diag.render();
    server.log = log;
    server.services = &services;
    server.primary_hostname = "mx.example";
    server.counters = &counters;
  }

  /// Runs one session; returns the replies (see Wire::replies).
  std::vector<std::string> talk(std::deque<std::string> segments, const std::string& client_ip = "192.0.2.9") {
    Wire wire;
    wire.segments = std::move(segments);
    const std::size_t segment_count = wire.segments.size();
    mail::ReceivedFrom from;
    from.is_local = false;
    from.host_address = client_ip;
    {
      Session session(server, std::make_unique<MemoryStream>(wire), std::move(from), {});
      accepted = session.run();
    }
    // What came after the client had closed belongs to its last segment.
    if (wire.replies.size() > segment_count)
      wire.replies.back() += wire.out;
    else
      wire.replies.push_back(std::move(wire.out));
    return wire.replies;
  }
  int accepted = 0;
};

}  // namespace remex::smtp::test
