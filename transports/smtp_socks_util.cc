#include <arpa/inet.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>

#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/mail/address.h"
#include "lang/list.h"
#include "transports/smtp_socks.h"

namespace remex::transports {
namespace {

constexpr std::size_t kMaxProxies = 32;
constexpr char kVersion = 5, kConnect = 1, kNoAuthentication = 0, kByName = 2;

Status read_exactly(io::Stream& stream, char* to, std::size_t n) {
  for (std::size_t have = 0; have < n;) {
    REMEX_TRY(const std::size_t got, stream.read_some(std::span<char>(to + have, n - have)));
    if (got == 0) return fail(ErrorKind::closed, "the proxy closed the connection");
    have += got;
  }
  return {};
}

std::string_view reply_text(unsigned char code) {
  constexpr std::string_view kTexts[] = {"succeeded",
                                         "general SOCKS server failure",
                                         "connection not allowed by ruleset",
                                         "network unreachable",
                                         "host unreachable",
                                         "connection refused",
                                         "TTL expired",
                                         "command not supported",
                                         "address type not supported"};
  return code < std::size(kTexts) ? kTexts[code] : "unknown error";
}

Status log_in(io::Stream& stream, const SocksProxy& p) {
  std::string m(1, '\1');
  m += static_cast<char>(p.name.size());
  m += p.name;
  m += static_cast<char>(p.password.size());
  m += p.password;
  REMEX_CHECK(stream.write_all(m));
  std::array<char, 2> answer{};
  REMEX_CHECK(read_exactly(stream, answer.data(), answer.size()));
  if (answer[1] != 0) return fail("the proxy refuses the user name or password");
  return {};
}

Result<SocksProxy> parse_proxy(std::string_view text) {
  SocksProxy p;
  p.at.port = 1080;
  bool first = true;
  for (const std::string& word : lang::split_list(text, ' ')) {
    if (word.empty()) continue;
    if (first) {
      if (!mail::is_ip_address(word)) return fail(fmt::format("\"{}\" is not an IP address", printable(word)));
      p.at.ip = word;
      first = false;
      continue;
    }
    const std::size_t eq = word.find('=');
    const std::string name = word.substr(0, eq), value = eq == std::string::npos ? "" : word.substr(eq + 1);
    const auto number = parse_uint(value);
    if (eq == std::string::npos) return fail(fmt::format("bad option \"{}\"", printable(name)));
    if (name == "auth" && (value == "none" || value == "name"))
      p.authenticate = value == "name";
    else if (name == "name" && value.size() < 256)
      p.name = value;
    else if (name == "pass" && value.size() < 256)
      p.password = value;
    else if (name == "port" && number && *number > 0 && *number < 65536)
      p.at.port = static_cast<std::uint16_t>(*number);
    else if (name == "tmo" && number && *number > 0 && *number < 100000)
      p.timeout = Seconds(*number);
    else if (name == "pri" && number && *number < 100000)
      p.priority = static_cast<std::int64_t>(*number);
    else if (name == "weight" && number && *number < 100000)
      p.weight = static_cast<std::int64_t>(*number);
    else
      return fail(fmt::format("bad option \"{}\"", printable(name)));  // not its value: it may be the password
  }
  return p;
}

}  // namespace

Result<std::vector<SocksProxy>> parse_socks_proxies(std::string_view list) {
  std::vector<SocksProxy> out;
  for (const std::string& item : lang::split_list(list)) {
    if (trim(item).empty()) continue;
    auto p = parse_proxy(item);
    if (!p) return fail("socks_proxy: " + p.error().text);
    if (out.size() >= kMaxProxies) return fail(fmt::format("socks_proxy: more than {} proxies", kMaxProxies));
    out.push_back(std::move(*p));
  }
  return out;
}

std::vector<SocksProxy> order_proxies(std::vector<SocksProxy> proxies, std::uint32_t (*random)(std::uint32_t n)) {
  std::stable_sort(proxies.begin(), proxies.end(),
                   [](const SocksProxy& a, const SocksProxy& b) { return a.priority > b.priority; });
  for (std::size_t i = 0; i + 1 < proxies.size(); ++i) {
    std::size_t end = i;
    std::int64_t total = 0;
    for (; end < proxies.size() && proxies[end].priority == proxies[i].priority; ++end) total += proxies[end].weight;
    if (total <= 0) continue;
    auto ticket = static_cast<std::int64_t>(random(static_cast<std::uint32_t>(total)));
    std::size_t chosen = i;
    while (chosen + 1 < end && ticket >= proxies[chosen].weight) ticket -= proxies[chosen++].weight;
    std::rotate(proxies.begin() + static_cast<std::ptrdiff_t>(i), proxies.begin() + static_cast<std::ptrdiff_t>(chosen),
                proxies.begin() + static_cast<std::ptrdiff_t>(chosen + 1));
  }
  return proxies;
}

Status socks_connect(io::Stream& stream, const SocksProxy& proxy, const io::Endpoint& to) {
  const char method = proxy.authenticate ? kByName : kNoAuthentication;
  const char hello[] = {kVersion, 1, method};
  REMEX_CHECK(stream.write_all(std::string_view(hello, sizeof hello)));
  std::array<char, 256> in{};
  REMEX_CHECK(read_exactly(stream, in.data(), 2));
  if (in[0] != kVersion) return fail("the proxy does not speak SOCKS5");
  if (in[1] != method) return fail("the proxy does not accept the authentication method");
  if (proxy.authenticate) REMEX_CHECK(log_in(stream, proxy));

  std::string request = {kVersion, kConnect, 0, static_cast<char>(to.is_v6() ? 4 : 1)};
  unsigned char address[16];
  if (::inet_pton(to.is_v6() ? AF_INET6 : AF_INET, to.ip.c_str(), address) != 1)
    return fail(fmt::format("\"{}\" is not an IP address", printable(to.ip)));
  request.append(reinterpret_cast<const char*>(address), to.is_v6() ? 16 : 4);
  request += static_cast<char>(to.port >> 8);
  request += static_cast<char>(to.port & 255);
  REMEX_CHECK(stream.write_all(request));
  REMEX_CHECK(read_exactly(stream, in.data(), 4));
  if (in[0] != kVersion) return fail("the proxy does not speak SOCKS5");
  if (const auto code = static_cast<unsigned char>(in[1]); code != 0) {
    Error e{ErrorKind::failed, fmt::format("proxy: {}", reply_text(code)), 0};
    e.sys_errno = code == 5 ? ECONNREFUSED : code == 3 ? ENETUNREACH : code == 4 ? EHOSTUNREACH : 0;
    return std::unexpected(std::move(e));
  }
  std::size_t rest = in[3] == 1 ? 4 : in[3] == 4 ? 16 : 0;  // the address it connects from
  if (in[3] == 3) {
    REMEX_CHECK(read_exactly(stream, in.data(), 1));
    rest = static_cast<unsigned char>(in[0]);
  } else if (rest == 0) {
    return fail("the proxy's answer is malformed");
  }
  if (rest > 0) REMEX_CHECK(read_exactly(stream, in.data(), rest));
  return read_exactly(stream, in.data(), 2);
}

Result<std::unique_ptr<io::Socket>> connect_through(const std::vector<SocksProxy>& proxies, const io::Endpoint& to,
                                                    const std::string& local_ip) {
  static std::mt19937 engine{std::random_device{}()};
  Error last{ErrorKind::failed, "no SOCKS proxy", 0};
  for (const SocksProxy& p :
       order_proxies(proxies, [](std::uint32_t n) { return static_cast<std::uint32_t>(engine() % n); })) {
    const io::DeadlineScope deadline{std::chrono::duration_cast<Millis>(p.timeout)};
    auto socket = io::connect_tcp(p.at, mail::is_ipv6(local_ip) == p.at.is_v6() ? local_ip : std::string());
    Status st;
    if (!socket)
      st = std::unexpected(socket.error());
    else
      st = socks_connect(**socket, p, to);
    if (st) return socket;
    if (socket) (*socket)->abort();
    last = st.error();
    last.text = fmt::format("SOCKS proxy {} port {}: {}", p.at.ip, p.at.port, last.text);
    if (last.kind == ErrorKind::cancelled) break;
  }
  return std::unexpected(std::move(last));
}

}  // namespace remex::transports
