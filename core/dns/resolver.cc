// The resolver: libunbound with one helper thread, its descriptor watched by the loop.
//
// The unbound context is made at the first query, so that modes without DNS pay nothing; local_data is checked when the
// resolver is created. Answers are decoded from the packet (wire.h), CNAMEs that end in local data are followed here.
#include "core/dns/resolver.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "core/base/strings.h"
#include "core/dns/stub_resolver.h"
#include "core/dns/unbound.h"
#include "core/dns/wire.h"
#include "core/io/fiber.h"
#include "core/io/stream.h"

namespace remex::dns {
namespace {

constexpr std::size_t kMaxNameText = 1000;

/// "[ip]:port", "ip:port" (IPv4), "ip@port" or "ip" as libunbound's "ip@port".
Result<std::string> forward_address(std::string_view text) {
  std::string_view ip = trim(text);
  std::string_view port = "53";
  const std::string_view whole = ip;
  if (ip.starts_with('[')) {
    const std::size_t close = ip.find(']');
    if (close == std::string_view::npos)
      return fail(ErrorKind::config, fmt::format("dns_resolvers: \"{}\" lacks a \"]\"", whole));
    const std::string_view rest = ip.substr(close + 1);
    ip = ip.substr(1, close - 1);
    if (!rest.empty() && rest[0] != ':')
      return fail(ErrorKind::config, fmt::format("dns_resolvers: junk after \"]\" in \"{}\"", whole));
    if (!rest.empty()) port = rest.substr(1);
  } else if (const std::size_t at = ip.find('@'); at != std::string_view::npos) {
    port = ip.substr(at + 1);
    ip = ip.substr(0, at);
  } else if (std::count(ip.begin(), ip.end(), ':') == 1) {
    port = ip.substr(ip.find(':') + 1);
    ip = ip.substr(0, ip.find(':'));
  }
  in6_addr scratch{};
  const std::string address(ip);
  const auto number = parse_uint(port);
  if (::inet_pton(AF_INET, address.c_str(), &scratch) != 1 && ::inet_pton(AF_INET6, address.c_str(), &scratch) != 1) {
    return fail(ErrorKind::config, fmt::format("dns_resolvers: \"{}\" is not an IP address", whole));
  }
  if (!number || *number == 0 || *number > 65535)
    return fail(ErrorKind::config, fmt::format("dns_resolvers: bad port in \"{}\"", whole));
  return fmt::format("{}@{}", address, *number);
}

/// What libunbound would print on stderr, caught as text.
class Complaints {
 public:
  Complaints() : file_(::open_memstream(&text_, &size_)) {}
  ~Complaints() {
    if (file_ != nullptr) std::fclose(file_);
    std::free(text_);
  }
  Complaints(const Complaints&) = delete;
  Complaints& operator=(const Complaints&) = delete;
  std::FILE* file() { return file_; }
  /// The last line's message, without time stamp and level.
  std::string take() {
    std::fflush(file_);
    std::string_view all = trim({text_, size_});
    all = all.substr(all.rfind('\n') == std::string_view::npos ? 0 : all.rfind('\n') + 1);
    for (const std::string_view mark : {"error: ", "warning: "}) {
      if (const std::size_t at = all.find(mark); at != std::string_view::npos) all = all.substr(at + mark.size());
    }
    return std::string(all);
  }

 private:
  char* text_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* file_;
};

class UnboundResolver final : public Resolver {
 public:
  UnboundResolver(ResolverConfig cfg, std::vector<std::string> forward)
      : cfg_(std::move(cfg)), forward_(std::move(forward)) {}
  ~UnboundResolver() override {
    watch_.reset();
    if (ctx_ != nullptr) ub_ctx_delete(ctx_);
  }

  Answer query(std::string_view name, Type type) override;
  Status open();

 private:
  struct Pending {
    io::Event done;
    int error = 0;
    ub_result* result = nullptr;
    ~Pending() {
      if (result != nullptr) ub_resolve_free(result);
    }
  };
  static void finished(void* arg, int error, ub_result* result);
  Status configure();
  Status await(Pending& p);
  void watch_on_this_loop();
  Answer ask_once(const std::string& name, Type type);

  ResolverConfig cfg_;
  std::vector<std::string> forward_;
  ub_ctx* ctx_ = nullptr;
  std::unique_ptr<io::FdWatch> watch_;
  io::Loop* watched_loop_ = nullptr;
  pid_t owner_ = 0;
};

Status UnboundResolver::open() {
  if (ctx_ != nullptr && owner_ == ::getpid()) return {};
  // After a fork the parent's context has no thread here; it is left alone, not deleted.
  watch_.reset();
  watched_loop_ = nullptr;
  owner_ = ::getpid();
  ctx_ = ub_ctx_create();
  if (ctx_ == nullptr) return fail("libunbound: no context");
  Status st = configure();
  if (!st) {
    ub_ctx_delete(ctx_);
    ctx_ = nullptr;
  }
  return st;
}

Status UnboundResolver::configure() {
  Complaints complaints;
  ub_ctx_debugout(ctx_, complaints.file());
  const auto set = [this](const char* option, const char* value) { ub_ctx_set_option(ctx_, option, value); };
  set("module-config:", cfg_.trust_anchor_file.empty() ? "iterator" : "validator iterator");
  set("do-not-query-localhost:", "no");
  // libunbound answers NXDOMAIN for private reverse zones and special names by itself; a mail host on a private network
  // needs what its resolver says.
  set("unblock-lan-zones:", "yes");
  set("num-queries-per-thread:", "1024");
  set("outgoing-range:", "512");
  set("outgoing-num-tcp:", "32");
  set("qname-minimisation:", forward_.empty() ? "yes" : "no");
  // Names that time out must not make the forwarder look dead for the others: anybody can own such names. What
  // libunbound thinks of a server (its round trip time grows with every silence) is therefore forgotten at once.
  set("infra-keep-probing:", "yes");
  set("infra-host-ttl:", "1");
  for (const std::string& f : forward_) {
    if (int rc = ub_ctx_set_fwd(ctx_, f.c_str()); rc != 0)
      return fail(fmt::format("resolver {}: {}", f, ub_strerror(rc)));
  }
  if (forward_.empty()) ub_ctx_resolvconf(ctx_, nullptr);  // none: libunbound asks the root servers itself
  if (!cfg_.trust_anchor_file.empty()) {
    if (int rc = ub_ctx_add_ta_file(ctx_, cfg_.trust_anchor_file.c_str()); rc != 0) {
      return fail(fmt::format("trust anchor file {}: {}", cfg_.trust_anchor_file, ub_strerror(rc)));
    }
  }
  ub_ctx_async(ctx_, 1);  // a thread; the default is to fork. Before the first call below that fixes the options.
  for (const char* zone : {"test.", "invalid.", "home.arpa."}) ub_ctx_zone_remove(ctx_, zone);
  for (const std::string& rr : cfg_.local_data) {
    if (ub_ctx_data_add(ctx_, rr.c_str()) == 0) continue;
    return fail(ErrorKind::config, fmt::format("dns_local_data: \"{}\": {}", rr, complaints.take()));
  }
  ub_ctx_debuglevel(ctx_, 0);
  ub_ctx_debugout(ctx_, nullptr);
  return {};
}

void UnboundResolver::finished(void* arg, int error, ub_result* result) {
  auto* p = static_cast<Pending*>(arg);
  p->error = error;
  p->result = result;
  p->done.set();
}

void UnboundResolver::watch_on_this_loop() {
  io::Loop* now = &io::Loop::current();
  // The address of a loop that ended can come again: a watch that belongs to it does nothing then.
  if (watch_ != nullptr && watched_loop_ == now && watch_->alive()) return;
  watch_ = std::make_unique<io::FdWatch>(ub_fd(ctx_), [ctx = ctx_] { ub_process(ctx); });
  watched_loop_ = now;
}

Status UnboundResolver::await(Pending& p) {
  if (io::in_fiber()) return p.done.wait();
  while (!p.done.is_set()) {
    REMEX_CHECK(io::wait_fd(ub_fd(ctx_), false));
    ub_process(ctx_);
  }
  return {};
}

Answer not_a_name() {
  Answer a;
  a.outcome = Outcome::no_name;
  a.why = "not a domain name";
  return a;
}

Answer retry_later(std::string why) {
  Answer a;
  a.why = std::move(why);
  return a;
}

Answer UnboundResolver::ask_once(const std::string& name, Type type) {
  Pending p;
  int id = 0;
  const int rc = ub_resolve_async(ctx_, name.c_str(), static_cast<int>(type), 1, &p, finished, &id);
  if (rc == UB_SYNTAX) return not_a_name();
  if (rc != 0) return retry_later(ub_strerror(rc));
  if (auto st = await(p); !st) {
    if (!p.done.is_set()) ub_cancel(ctx_, id);
    return retry_later(st.error().kind == ErrorKind::timed_out ? "DNS query timed out" : st.error().text);
  }
  if (p.error == UB_SYNTAX) return not_a_name();
  if (p.error != 0 || p.result == nullptr) return retry_later(ub_strerror(p.error));
  const ub_result& r = *p.result;
  if (r.bogus != 0)
    return retry_later(
        fmt::format("DNSSEC validation failed: {}", printable(r.why_bogus != nullptr ? r.why_bogus : "")));
  if (r.rcode != 0 && r.rcode != 3)
    return retry_later(
        fmt::format("DNS server answered {}", r.rcode == 2 ? "SERVFAIL" : fmt::format("rcode {}", r.rcode)));
  const auto m =
      decode_message({static_cast<const char*>(r.answer_packet), static_cast<std::size_t>(std::max(r.answer_len, 0))});
  if (!m) return retry_later("undecodable DNS answer");
  Answer a;
  a.secure = r.secure != 0;
  collect(*m, name, type, a);
  a.outcome = !a.records.empty()                ? Outcome::found
              : r.nxdomain != 0 || r.rcode == 3 ? Outcome::no_name
                                                : Outcome::no_data;
  return a;
}

Answer UnboundResolver::query(std::string_view name, Type type) {
  while (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > kMaxNameText || name.find('\0') != std::string_view::npos) return not_a_name();
  if (auto st = open(); !st) return retry_later(st.error().text);
  const io::DeadlineScope limit{Millis(cfg_.timeout_ms)};
  if (io::in_fiber()) watch_on_this_loop();
  if (("." + std::string(name)).find("..") != std::string::npos) return not_a_name();
  std::string asked = presented_name(name);
  Answer a = ask_once(asked, type);
  // local_data answers a CNAME without its target.
  bool secure = a.secure;
  for (int hop = 0; a.outcome == Outcome::no_data && a.canonical != asked && hop < kMaxCnames; ++hop) {
    asked = a.canonical;
    a = ask_once(asked, type);
    secure = secure && a.secure;
  }
  a.secure = secure;
  return a;
}

}  // namespace

Result<std::shared_ptr<Resolver>> Resolver::create(const ResolverConfig& cfg) {
  std::vector<std::string> forward;
  for (const std::string& r : cfg.resolvers) {
    REMEX_TRY(auto address, forward_address(r));
    forward.push_back(std::move(address));
  }
  if (!cfg.trust_anchor_file.empty() && ::access(cfg.trust_anchor_file.c_str(), R_OK) != 0) {
    return fail_errno(errno, "cannot read trust anchor file " + cfg.trust_anchor_file);
  }
  auto r = std::make_shared<UnboundResolver>(cfg, std::move(forward));
  if (!cfg.local_data.empty()) REMEX_CHECK(r->open());
  return r;
}

Result<std::shared_ptr<Resolver>> create_brief_resolver(const ResolverConfig& cfg) {
  if (!cfg.trust_anchor_file.empty() || !cfg.local_data.empty()) return Resolver::create(cfg);
  std::vector<io::Endpoint> servers;
  if (cfg.resolvers.empty()) servers = servers_in("/etc/resolv.conf");
  for (const std::string& r : cfg.resolvers) {
    REMEX_TRY(const std::string address, forward_address(r));
    const std::size_t at = address.rfind('@');
    servers.push_back(
        {address.substr(0, at), static_cast<std::uint16_t>(parse_uint(address.substr(at + 1)).value_or(53))});
  }
  if (servers.empty()) return Resolver::create(cfg);
  return make_stub_resolver(std::move(servers), cfg.timeout_ms, [cfg] { return Resolver::create(cfg); });
}

}  // namespace remex::dns
