// See services.h. A resolver that cannot be made answers "try again" to everything and says why in the panic log once.

#include "core/daemon/services.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>

#include "acl/acl.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/strings.h"
#include "core/daemon/checked_resolver.h"
#include "core/daemon/local_user.h"
#include "core/dns/stub_resolver.h"
#include "core/hooks/hooks.h"
#include "core/io/fiber.h"
#include "core/smtp/fixups.h"

namespace remex::daemon {

namespace {
class BrokenResolver : public dns::Resolver {
 public:
  explicit BrokenResolver(std::string why) : why_(std::move(why)) {}
  dns::Answer query(std::string_view, dns::Type) override {
    dns::Answer a;
    a.why = why_;
    return a;
  }

 private:
  std::string why_;
};
}  // namespace

ProcessServices::ProcessServices(delivery::Engine& engine) : engine_(engine) {
  engine.services = this;
  if (engine.config && engine.config->main.lookup_open_max > 0)
    cache_.set_max_handles(static_cast<std::size_t>(engine.config->main.lookup_open_max));
}

dns::Resolver& ProcessServices::resolver() {
  if (!resolver_) {
    dns::ResolverConfig c;
    const auto& m = engine_.config->main;
    c.resolvers = m.dns_resolvers;
    c.local_data = m.dns_local_data;
    c.trust_anchor_file = m.dns_trust_anchor_file;
    auto r = engine_.store == nullptr ? dns::create_brief_resolver(c) : dns::Resolver::create(c);
    if (r && !hooks::dns_program().empty()) {
      resolver_ = dns::Resolver::of_program(hooks::dns_program(), hooks::directory(), std::move(*r));
    } else if (r) {
      resolver_ = std::move(*r);
    } else {
      log(lang::LogTarget::main_log | lang::LogTarget::panic_log, fmt::format("DNS resolver: {}", r.error().text));
      resolver_ = std::make_shared<BrokenResolver>(r.error().text);
    }
    resolver_ = checked_resolver(std::move(resolver_), *engine_.config, *this, [this](std::string_view line) {
      log(static_cast<int>(lang::LogTarget::main_log), line);
    });
  }
  return *resolver_;
}

lang::VerifyOutcome ProcessServices::verify_sender(lang::Scope& scope, const std::string& address,
                                                   std::string_view options) {
  return delivery::verify_address(engine_, scope, address, true, options);
}

lang::VerifyOutcome ProcessServices::verify_recipient(lang::Scope& scope, const std::string& address,
                                                      std::string_view options) {
  return delivery::verify_address(engine_, scope, address, false, options);
}

Result<bool> ProcessServices::run_acl(lang::Scope& scope, const Text& name, const std::vector<Text>& args,
                                      Text& message) {
  acl::Effects effects;
  return acl::as_expansion(acl::run_named(acl::Hook::unknown, name, args, scope, effects), name, message);
}

namespace {

/// The message is that of a local user, with what reception adds to theirs.
Status sign_as_user(const lang::Config& config, const lang::NewMessage& n, store::StoredMessage& m) {
  struct Found {
    LocalUser user;
    bool trusted = false;
  };
  const auto look = [&config, &n]() -> Result<Found> {
    Found f;
    REMEX_TRY(f.user, find_local_user(static_cast<uid_t>(n.uid), static_cast<gid_t>(n.gid)));
    REMEX_TRY(f.trusted, is_trusted_user(config, f.user.login, n.uid, f.user.groups));
    return f;
  };
  REMEX_TRY(const Found found, io::offload(look));
  mail::Envelope& e = m.envelope;
  e.login = e.from.ident = found.user.login;
  e.caller_uid = n.uid;
  e.caller_gid = n.gid;
  lang::Scope scope;
  scope.config = &config;
  scope.from = &e.from;
  scope.envelope = &e;
  scope.headers = &m.headers;
  scope.extra["originator_name"] = full_name(config, found.user.login, found.user.gecos);
  if (found.trusted) scope.extra["trusted_caller"].assign(1, '1');
  if (m.headers.find("Message-ID") == nullptr) m.headers.add(fmt::format("Message-Id: <{}>\n", e.user_message_id));
  smtp::local_fixups(scope, {}, config.main.primary_hostname);
  return {};
}

}  // namespace

Status ProcessServices::submit(const lang::NewMessage& n) {
  if (!engine_.store) return fail("there is no queue");
  store::StoredMessage m;
  mail::Envelope& e = m.envelope;
  const std::string& host = engine_.config->main.primary_hostname;
  e.id = new_message_id();
  e.received = wall_now();
  e.sender = n.sender;
  e.local_error_message = n.is_report;
  e.from.is_local = true;
  e.from.protocol = "local";
  e.login = e.from.ident = delivery::own_login();
  for (const std::string& r : n.recipients) e.recipients.emplace_back().address = r;
  (void)mail::split_headers(n.headers, m.headers);
  e.user_message_id = fmt::format("E{}@{}", e.id, host);
  const bool id_created = m.headers.find("Message-ID") == nullptr;
  if (n.uid >= 0) {
    REMEX_CHECK(sign_as_user(*engine_.config, n, m));
  }
  if (m.headers.find("Message-ID") == nullptr) m.headers.add(fmt::format("Message-Id: <{}>\n", e.user_message_id));
  if (m.headers.find("Date") == nullptr) m.headers.add("Date: " + rfc5322_date(e.received) + "\n");
  delivery::add_own_received(engine_, e, m.headers);
  e.size = m.headers.size_bytes() + 1 + n.body.size();
  e.body_lines = static_cast<std::uint64_t>(std::count(n.body.begin(), n.body.end(), '\n'));
  m.body = mail::Body::from_string(n.body);
  REMEX_CHECK(engine_.store->insert(m));
  const auto* subject = m.headers.find("Subject");
  engine_.log->write(
      log::kMain, e.id,
      log::arrival_line(e, engine_.log->selectors(),
                        {n.parent_id, subject != nullptr ? printable(trim(subject->value())) : "", id_created}));
  if (on_submitted) {
    on_submitted(std::move(m));
    return {};
  }
  delivery::DeliverOptions opt;
  opt.first_attempt = true;
  return delivery::deliver_fresh(engine_, std::move(m), opt);
}

void ProcessServices::log(int targets, std::string_view line) {
  const int rewriting = static_cast<int>(lang::LogTarget::address_rewrite);
  if ((targets & rewriting) != 0 && (!engine_.log || !engine_.log->on(log::Selector::address_rewrite))) return;
  const int plain = targets & ~(static_cast<int>(lang::LogTarget::with_host) | rewriting);
  if (engine_.log)
    engine_.log->write(plain, "", line);
  else
    std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
}

void ProcessServices::debug(std::string_view line) {
  if (debug_sink) debug_sink(line);
}

std::int64_t ProcessServices::queue_size() {
  if (!engine_.store) return -1;
  auto n = engine_.store->count();
  return n ? *n : -1;
}

Status ProcessServices::room_for(std::int64_t octets) {
  const lang::MainOptions& m = engine_.config->main;
  const std::int64_t now = wall_seconds();
  if (now != room_asked_) {  // once a second is enough
    room_asked_ = now;
    spool_room_ = lang::spool_room(m);
    log_room_ = lang::log_room(m);
  }
  return lang::check_room(m, spool_room_, log_room_, octets);
}

Result<bool> ProcessServices::first_use(std::string_view table, std::string_view key, std::int64_t ttl) {
  const std::string full = std::string(table) + ":" + std::string(key);
  const std::int64_t now = wall_seconds();
  if (used_.size() > 100000) std::erase_if(used_, [&](const auto& e) { return e.second < now; });
  if (const auto it = used_.find(full); it != used_.end() && it->second >= now) return false;
  used_[full] = now + ttl;  // before any wait, so that two sessions cannot both be first
  REMEX_TRY(auto old, get_hint(std::string(table), std::string(key)));
  if (old)
    if (const auto expiry = parse_int(*old); expiry && *expiry >= now) return false;
  const std::string value = std::to_string(now + ttl);
  REMEX_CHECK(engine_.store ? engine_.store->keep_hint(std::string(table), std::string(key), value, now + ttl)
                            : put_hint(std::string(table), std::string(key), value));
  return true;
}

Result<std::optional<std::string>> ProcessServices::get_hint(const std::string& table, const std::string& key) {
  if (engine_.store) return engine_.store->get_hint(table, key);
  const auto it = hints_.find({table, key});
  return it == hints_.end() ? std::optional<std::string>() : std::optional(it->second);
}

Status ProcessServices::put_hint(const std::string& table, const std::string& key, const std::string& value) {
  if (engine_.store) return engine_.store->put_hint(table, key, value);
  hints_[{table, key}] = value;
  return {};
}

}  // namespace remex::daemon
