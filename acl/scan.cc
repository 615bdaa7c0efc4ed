// See scan.h.

#include "acl/scan.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <random>
#include <system_error>

#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/mail/address.h"
#include "lang/list.h"

namespace remex::acl {

namespace {

constexpr std::size_t kMaxServers = 32;
constexpr std::size_t kPiece = 64 * 1024;

std::string reason(const Error& e) { return e.sys_errno != 0 ? std::string(std::strerror(e.sys_errno)) : e.text; }

/// Blank-separated words, or another separator after "<".
std::vector<std::string> words_of(std::string_view element) {
  element = trim(element);
  if (element.starts_with('<')) return lang::split_list(element);
  std::vector<std::string> out;
  while (!(element = trim_left(element)).empty()) {
    const std::size_t end = std::min(element.find_first_of(" \t"), element.size());
    out.emplace_back(element.substr(0, end));
    element = element.substr(end);
  }
  return out;
}

bool parse_ports(std::string_view text, ScanServer& s) {
  const std::size_t dash = text.find('-');
  const auto first = parse_uint(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_uint(text.substr(dash + 1));
  if (!first || !last || *first == 0 || *last < *first || *last > 65535) return false;
  s.port = static_cast<std::uint16_t>(*first);
  s.last_port = static_cast<std::uint16_t>(*last);
  return true;
}

bool parse_option(std::string_view word, ScanServer& s) {
  const std::size_t eq = word.find('=');
  if (eq == std::string_view::npos) return false;
  const std::string_view key = word.substr(0, eq), value = word.substr(eq + 1);
  std::int64_t seconds = 0;
  if (key == "pri" || key == "weight") {
    const auto n = parse_int(value);
    if (!n || *n < (key == "weight" ? 0 : -1000000) || *n > 1000000) return false;
    (key == "pri" ? s.priority : s.weight) = *n;
  } else if (key == "time") {
    const std::size_t dash = value.find('-');
    if (dash == std::string_view::npos) return false;
    s.from_second = parse_time_of_day(value.substr(0, dash));
    s.to_second = parse_time_of_day(value.substr(dash + 1));
    return s.from_second >= 0 && s.to_second >= 0;
  } else if (key == "retry" || key == "tmo") {
    if (!parse_interval(value, seconds) || seconds < 0 || (key == "tmo" && seconds == 0)) return false;
    (key == "retry" ? s.retry : s.timeout) = Millis(seconds * 1000);
  } else if (key == "variant") {
    if (value != "rspamd" && value != "spamassassin") return false;
    s.rspamd = value == "rspamd";
  } else {
    return false;
  }
  return true;
}

Result<std::unique_ptr<io::Stream>> connect_once(lang::Scope& scope, const ScanServer& server) {
  if (!server.path.empty()) {
    scope.extra["callout_address"] = server.path;
    auto s = io::connect_unix(server.path);
    if (!s) return fail(s.error().kind, reason(s.error()));
    return std::unique_ptr<io::Stream>(std::move(*s));
  }
  std::vector<std::string> ips{server.host};
  if (!mail::is_ip_address(server.host)) {
    auto found = dns::lookup_host(scope.services->resolver(), server.host, true, true, true);
    if (found.ips.empty()) return fail(fmt::format("no address found for host {}", server.host));
    ips = std::move(found.ips);
  }
  Error last{ErrorKind::failed, "no port", 0};
  for (std::uint32_t port = server.port; port <= server.last_port; ++port)
    for (const std::string& ip : ips) {
      scope.extra["callout_address"] = fmt::format("[{}]:{}", ip, port);
      auto s = io::connect_tcp({ip, static_cast<std::uint16_t>(port)});
      if (s) return std::unique_ptr<io::Stream>(std::move(*s));
      last = s.error();
      if (last.kind == ErrorKind::cancelled || last.kind == ErrorKind::timed_out) return std::unexpected(last);
    }
  return fail(last.kind, reason(last));
}

Status write_file(const std::string& path, const ScanMessage& message) {
  struct Closer {
    void operator()(std::FILE* f) const { (void)std::fclose(f); }
  };
  std::unique_ptr<std::FILE, Closer> f(std::fopen(path.c_str(), "wxe"));
  if (f == nullptr) return fail_errno(errno, "cannot create " + path);
  (void)::fchmod(::fileno(f.get()), 0640);
  REMEX_CHECK(message.for_each([&](std::string_view piece) -> Status {
    return io::offload([&]() -> Status {
      if (std::fwrite(piece.data(), 1, piece.size(), f.get()) != piece.size())
        return fail_errno(errno, "cannot write " + path);
      return {};
    });
  }));
  if (std::fflush(f.get()) != 0) return fail_errno(errno, "cannot write " + path);
  return {};
}

}  // namespace

int parse_time_of_day(std::string_view text) {
  int total = 0, unit = 3600, limit = 24;
  for (const std::string_view part : split(text, '.')) {
    const auto n = parse_uint(part);
    if (!n || unit == 0 || *n > static_cast<std::uint64_t>(limit)) return -1;
    total += static_cast<int>(*n) * unit;
    unit = unit == 3600 ? 60 : unit == 60 ? 1 : 0;
    limit = 59;
  }
  return total;
}

std::string ScanServer::text() const {
  if (!path.empty()) return path;
  return port == last_port ? fmt::format("{} {}", host, port) : fmt::format("{} {}-{}", host, port, last_port);
}

Result<ScanServer> parse_scan_server(std::string_view element) {
  const auto words = words_of(element);
  if (words.empty()) return fail("empty server");
  ScanServer s;
  std::size_t next = 1;
  if (words[0].starts_with('/')) {
    s.path = words[0];
  } else {
    s.host = words[0];
    if (s.host.starts_with('[') && s.host.ends_with(']')) s.host = s.host.substr(1, s.host.size() - 2);
    if (words.size() < 2 || !parse_ports(words[1], s))
      return fail(fmt::format("invalid port in \"{}\"", printable(trim(element))));
    next = 2;
  }
  for (; next < words.size(); ++next)
    if (!parse_option(words[next], s))
      return fail(
          fmt::format("unknown or bad option \"{}\" in \"{}\"", printable(words[next]), printable(trim(element))));
  return s;
}

Result<std::vector<ScanServer>> parse_scan_servers(std::string_view list) {
  std::vector<ScanServer> out;
  for (const std::string& element : lang::split_list(list)) {
    if (trim(element).empty()) continue;
    if (out.size() >= kMaxServers) return fail("too many servers (at most 32)");
    REMEX_TRY(ScanServer s, parse_scan_server(element));
    out.push_back(std::move(s));
  }
  if (out.empty()) return fail("no server");
  return out;
}

std::vector<const ScanServer*> scan_order(const std::vector<ScanServer>& servers, int second_of_day,
                                          const std::function<std::uint64_t(std::uint64_t)>& random_below) {
  std::vector<const ScanServer*> left, out;
  for (const ScanServer& s : servers) {
    const bool wraps = s.to_second < s.from_second;  // 22-6 goes over midnight
    const bool inside = wraps ? second_of_day >= s.from_second || second_of_day < s.to_second
                              : second_of_day >= s.from_second && second_of_day < s.to_second;
    if (inside) left.push_back(&s);
  }
  while (!left.empty()) {
    std::int64_t best = left.front()->priority, total = 0;
    for (const auto* s : left) best = std::max(best, s->priority);
    for (const auto* s : left) total += s->priority == best ? s->weight : 0;
    auto pick = total > 0 ? static_cast<std::int64_t>(random_below(static_cast<std::uint64_t>(total))) : 0;
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (left[i]->priority != best) continue;
      pick -= left[i]->weight;
      if (pick >= 0 && total > 0) continue;
      out.push_back(left[i]);
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(i));
      break;
    }
  }
  return out;
}

std::vector<const ScanServer*> scan_order_now(const std::vector<ScanServer>& servers) {
  static std::minstd_rand generator{std::random_device{}()};
  const std::time_t now = static_cast<std::time_t>(wall_seconds());
  std::tm tm{};
  ::localtime_r(&now, &tm);
  return scan_order(servers, tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec,
                    [](std::uint64_t n) { return generator() % n; });
}

Result<std::unique_ptr<io::Stream>> connect_scanner(lang::Scope& scope, const ScanServer& server) {
  auto s = connect_once(scope, server);
  if (s || server.retry < Millis(0) || s.error().kind == ErrorKind::cancelled) return s;
  REMEX_CHECK(io::sleep_for(server.retry));
  return connect_once(scope, server);
}

Result<std::string> read_all(io::Stream& stream, std::size_t max) {
  std::string out, buffer(16384, '\0');
  for (;;) {
    auto n = stream.read_some(buffer);
    if (!n && n.error().kind == ErrorKind::closed) break;
    if (!n) return fail(n.error().kind, "no answer: " + reason(n.error()));
    if (*n == 0) break;
    if (out.size() + *n > max) return fail("the answer is too long");
    out.append(buffer, 0, *n);
  }
  return out;
}

Result<ScanMessage> ScanMessage::of(lang::Scope& scope) {
  if (scope.headers == nullptr || scope.envelope == nullptr) return fail("there is no message yet");
  ScanMessage m;
  char date[64];
  const std::time_t now = static_cast<std::time_t>(wall_seconds());
  std::tm tm{};
  ::gmtime_r(&now, &tm);
  const std::size_t n = std::strftime(date, sizeof date, "%a %b %e %H:%M:%S %Y", &tm);
  m.head_ = fmt::format("From MAILER-DAEMON {}\nX-Envelope-From: <{}>\n", std::string_view(date, n),
                        printable(scope.envelope->sender));
  std::string to;
  for (const auto& r : scope.envelope->recipients) {
    if (!to.empty()) to += to.size() - std::min(to.rfind('\n'), to.size()) > 900 ? ",\n " : ", ";
    to += printable(r.address);
  }
  if (!to.empty()) m.head_ += "X-Envelope-To: " + to + "\n";
  m.head_ += scope.headers->raw();
  m.head_ += '\n';
  m.body_ = scope.body;
  return m;
}

Status ScanMessage::for_each(const std::function<Status(std::string_view)>& sink) const {
  const auto pieces = [&](std::string_view all) -> Status {
    for (std::size_t i = 0; i < all.size(); i += kPiece) REMEX_CHECK(sink(all.substr(i, kPiece)));
    return {};
  };
  REMEX_CHECK(pieces(head_));
  if (body_ == nullptr) return {};
  if (const std::string* all = body_->in_memory()) return pieces(*all);
  for (std::uint64_t at = 0; at < body_->size(); at += kPiece) {
    auto piece = io::offload([&] { return body_->read(at, kPiece); });
    if (!piece) return std::unexpected(piece.error());
    if (piece->empty()) break;
    REMEX_CHECK(sink(*piece));
  }
  return {};
}

std::string scan_directory(const lang::Scope& scope) {
  const std::string id = scope.envelope != nullptr ? scope.envelope->id : std::string();
  return scope.config->main.spool_directory + "/scan/" + (id.empty() ? "unknown" : id);
}

Result<std::string> make_scan_directory(lang::Scope& scope) {
  std::string directory = scan_directory(scope);
  if (scope.extra.contains("scan_directory")) return directory;
  const std::error_code ec = io::offload([&] {
    std::error_code e;
    std::filesystem::create_directories(directory, e);
    return e;
  });
  if (ec) return defer(fmt::format("cannot make {}: {}", directory, ec.message()));
  scope.extra["scan_directory"] = directory;
  return directory;
}

Result<std::string> spool_scan_file(lang::Scope& scope) {
  if (const auto it = scope.extra.find("scan_file"); it != scope.extra.end()) return it->second;
  REMEX_TRY(const ScanMessage message, ScanMessage::of(scope));
  REMEX_TRY(const std::string directory, make_scan_directory(scope));
  std::string path = directory + directory.substr(directory.rfind('/')) + ".eml";
  if (auto st = write_file(path, message); !st) {
    (void)::unlink(path.c_str());
    return defer(st.error().text);
  }
  scope.extra["scan_file"] = path;
  return path;
}

void remove_scan_files(lang::Scope& scope, const Effects& effects) {
  const auto it = scope.extra.find("scan_directory");
  if (it == scope.extra.end()) return;
  std::error_code ec;  // a few entries: not worth a thread
  if (!effects.no_mbox_unspool) std::filesystem::remove_all(it->second, ec);
  scope.extra.erase(it);
  scope.extra.erase("scan_file");
}

Answer scan_trouble(Run& run, std::string_view what, std::string_view why, bool defer_ok) {
  const std::string text = fmt::format("{} acl condition: {}", what, why);
  run.scope.services->log(static_cast<int>(lang::LogTarget::main_log), text);
  if (defer_ok) return answer(false);
  Answer a;
  a.truth = Truth::defer;
  a.log_message = text;
  return a;
}

}  // namespace remex::acl
