// See stub_resolver.h. A question goes to each server in turn, each waits a little longer than the one before. An
// answer counts when it comes from the socket that asked and has the number and the question that were sent.
#include "core/dns/stub_resolver.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/base/fd.h"
#include "core/base/strings.h"
#include "core/dns/wire.h"
#include "core/io/fiber.h"

namespace remex::dns {
namespace {

constexpr std::size_t kMaxServers = 3;     ///< resolv.conf(5)
constexpr std::size_t kMaxQuestions = 24;  ///< then the full resolver, which has a cache, is worth its price
constexpr std::uint16_t kUdpSize = 1232;   ///< EDNS0: what passes everywhere without fragments
constexpr std::array<Millis, 3> kWait{Millis(1500), Millis(3000), Millis(5000)};

void put16(std::string& out, unsigned value) {
  out += static_cast<char>((value >> 8U) & 0xffU);
  out += static_cast<char>(value & 0xffU);
}

/// The octet at `i` of a presented name, behind which `i` is moved; nullopt: a cut or wrong escape (RFC 1035 5.1).
std::optional<char> next_octet(std::string_view name, std::size_t& i) {
  if (name[i] != '\\') return name[i++];
  if (++i >= name.size()) return std::nullopt;
  if (!is_digit(name[i])) return name[i++];
  const auto n = name.size() - i >= 3 ? parse_uint(name.substr(i, 3)) : std::nullopt;
  if (!n || *n > 255) return std::nullopt;
  i += 3;
  return static_cast<char>(static_cast<unsigned char>(*n));
}

/// Labels of a name as presented_name() gives it; false: it is no name (RFC 1035 2.3.4).
bool put_name(std::string& out, std::string_view name) {
  std::size_t length = 1;
  std::string label;
  const auto put_label = [&] {
    if (label.empty() || label.size() > 63) return false;
    length += label.size() + 1;
    out += static_cast<char>(label.size());
    out += label;
    label.clear();
    return true;
  };
  for (std::size_t i = 0; i < name.size();) {
    if (name[i] == '.') {
      if (!put_label()) return false;
      ++i;
      continue;
    }
    const auto octet = next_octet(name, i);
    if (!octet) return false;
    label += *octet;
  }
  if (!put_label()) return false;
  out += '\0';
  return length <= 255;
}

/// What is asked, on the wire without its number. `entry` is the question's own part; empty: `name` is no name.
struct Question {
  std::string packet, entry;

  Question(const std::string& name, Type type, bool edns) {
    if (!put_name(entry, name)) {
      entry.clear();
      return;
    }
    put16(entry, static_cast<unsigned>(type));
    put16(entry, 1);
    put16(packet, 0x0100);  // recursion desired
    put16(packet, 1);
    put16(packet, 0);
    put16(packet, 0);
    put16(packet, edns ? 1 : 0);  // the OPT record
    packet += entry;
    if (!edns) return;
    packet += '\0';
    put16(packet, 41);
    put16(packet, kUdpSize);
    put16(packet, 0);
    put16(packet, 0);
    put16(packet, 0);
  }
};

int rcode_of(std::string_view packet) { return packet[3] & 0x0f; }

/// The server says that it does not know EDNS (RFC 6891 7), be it without repeating the question.
bool dislikes_edns(std::string_view packet) { return rcode_of(packet) == 1 || rcode_of(packet) == 4; }

/// The packet answers what was asked (RFC 5452 9.1: number and question; the socket is connected). The question is
/// compared as it was sent, in any case of its letters.
bool is_answer(std::string_view packet, std::string_view number, const Question& q) {
  if (packet.size() < 12 || packet.substr(0, 2) != number || (packet[2] & 0x80) == 0) return false;
  if (packet[4] == 0 && packet[5] == 0) return dislikes_edns(packet);
  return packet[4] == 0 && packet[5] == 1 && iequals(packet.substr(12, q.entry.size()), q.entry);
}

bool is_cut(std::string_view packet) { return (packet[2] & 0x02) != 0; }

Result<int> open_udp(const io::Endpoint& to) {
  sockaddr_storage address{};
  socklen_t size = 0;
  if (to.is_v6()) {
    auto& a = reinterpret_cast<sockaddr_in6&>(address);
    a.sin6_family = AF_INET6;
    a.sin6_port = htons(to.port);
    (void)::inet_pton(AF_INET6, to.ip.c_str(), &a.sin6_addr);
    size = sizeof a;
  } else {
    auto& a = reinterpret_cast<sockaddr_in&>(address);
    a.sin_family = AF_INET;
    a.sin_port = htons(to.port);
    (void)::inet_pton(AF_INET, to.ip.c_str(), &a.sin_addr);
    size = sizeof a;
  }
  const int fd = ::socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail_errno(errno, "socket");
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    const int why = errno;
    ::close(fd);
    return fail_errno(why, "connect to the DNS server " + to.ip);
  }
  return fd;
}

class StubResolver final : public Resolver {
 public:
  StubResolver(std::vector<io::Endpoint> servers, std::uint32_t timeout_ms,
               std::function<Result<std::shared_ptr<Resolver>>()> otherwise)
      : servers_(std::move(servers)), timeout_ms_(timeout_ms), make_otherwise_(std::move(otherwise)) {}

  Answer query(std::string_view name, Type type) override {
    while (name.ends_with('.')) name.remove_suffix(1);
    if (full_ != nullptr || ++questions_ > kMaxQuestions || name.find('\\') != std::string_view::npos || is_local(name))
      return ask_full(name, type);
    if (name.find('\0') != std::string_view::npos) return not_a_name();
    std::string asked = presented_name(name);
    const io::DeadlineScope limit{Millis(timeout_ms_)};
    Answer a = ask(asked, type);
    for (int hop = 0; a.outcome == Outcome::no_data && a.canonical != asked && hop < kMaxCnames; ++hop) {
      asked = a.canonical;
      a = ask(asked, type);
    }
    return a;
  }

 private:
  /// In a zone that the full resolver answers by itself, as its library does (RFC 6761, 7686): no server is asked.
  static bool is_local(std::string_view name) {
    static constexpr std::string_view kZones[] = {
        "localhost", "onion", "127.in-addr.arpa",
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa"};
    return std::any_of(std::begin(kZones), std::end(kZones), [name](std::string_view zone) {
      if (name.size() < zone.size() || !iequals(name.substr(name.size() - zone.size()), zone)) return false;
      return name.size() == zone.size() || name[name.size() - zone.size() - 1] == '.';
    });
  }

  static Answer not_a_name() {
    Answer none;
    none.outcome = Outcome::no_name;
    none.why = "not a domain name";
    return none;
  }

  static Answer again(std::string why) {
    Answer a;
    a.why = std::move(why);
    return a;
  }

  Answer ask_full(std::string_view name, Type type) {
    if (full_ == nullptr) {
      auto made = make_otherwise_();
      if (!made) return again(made.error().text);
      full_ = std::move(*made);
    }
    return full_->query(name, type);
  }

  Answer ask(const std::string& name, Type type) {
    const Question question(name, type, true);
    if (question.entry.empty()) return not_a_name();
    std::string why = "DNS query timed out";
    for (const Millis wait : kWait)
      for (const io::Endpoint& server : servers_) {
        auto packet = exchange(server, question, wait);
        if (packet && dislikes_edns(*packet)) packet = exchange(server, Question(name, type, false), wait);
        if (packet) {
          const auto m = decode_message(*packet);
          if (!m) return again("undecodable DNS answer");
          if (m->rcode == 0 || m->rcode == 3) return read(*m, name, type);
          why = fmt::format("DNS server answered {}", m->rcode == 2 ? "SERVFAIL" : fmt::format("rcode {}", m->rcode));
          continue;  // another server may know more
        }
        if (const Status s = io::check_interrupt(); !s)
          return again(s.error().kind == ErrorKind::timed_out ? why : s.error().text);
        if (packet.error().kind != ErrorKind::timed_out) why = packet.error().text;
      }
    return again(std::move(why));
  }

  static Answer read(const Message& m, const std::string& name, Type type) {
    Answer a;
    collect(m, name, type, a);
    a.outcome = !a.records.empty() ? Outcome::found : m.rcode == 3 ? Outcome::no_name : Outcome::no_data;
    return a;
  }

  /// One question to one server; the packet of the answer.
  static Result<std::string> exchange(const io::Endpoint& server, const Question& question, Millis wait) {
    std::string packet(2, '\0');
    if (::getrandom(packet.data(), 2, 0) != 2) return fail_errno(errno, "getrandom");
    const std::string number = packet;
    packet += question.packet;
    const io::DeadlineScope limit{wait};
    REMEX_TRY(const int fd, open_udp(server));
    const Fd socket(fd);
    if (::send(fd, packet.data(), packet.size(), MSG_NOSIGNAL) < 0)
      return fail_errno(errno, "send to the DNS server " + server.ip);
    std::string answer(kUdpSize, '\0');
    for (;;) {
      const ssize_t n = ::recv(fd, answer.data(), answer.size(), 0);
      if (n < 0 && errno != EAGAIN && errno != EINTR) return fail_errno(errno, "DNS server " + server.ip);
      if (n < 0) {
        REMEX_CHECK(io::wait_fd(fd, false));
        continue;
      }
      const std::string_view got = std::string_view(answer).substr(0, static_cast<std::size_t>(n));
      if (!is_answer(got, number, question)) continue;  // somebody else's, or a guess
      if (is_cut(got)) return exchange_tcp(server, packet, number, question);
      return std::string(got);
    }
  }

  static Result<std::string> exchange_tcp(const io::Endpoint& server, const std::string& packet,
                                          const std::string& number, const Question& question) {
    REMEX_TRY(const auto stream, io::connect_tcp(server));
    std::string framed;
    put16(framed, static_cast<unsigned>(packet.size()));
    REMEX_CHECK(stream->write_all(framed + packet));
    std::string got;
    std::array<char, 4096> buffer{};
    for (std::size_t want = 2; got.size() < want;) {
      REMEX_TRY(const std::size_t n, stream->read_some(buffer));
      if (n == 0) return fail("the DNS server ended the connection");
      got.append(buffer.data(), n);
      if (got.size() >= 2)
        want = 2 + (static_cast<std::size_t>(static_cast<unsigned char>(got[0])) << 8U |
                    static_cast<unsigned char>(got[1]));
    }
    got.erase(0, 2);
    if (!is_answer(got, number, question)) return fail("the DNS server answered another question");
    return got;
  }

  std::vector<io::Endpoint> servers_;
  std::uint32_t timeout_ms_;
  std::function<Result<std::shared_ptr<Resolver>>()> make_otherwise_;
  std::shared_ptr<Resolver> full_;
  std::size_t questions_ = 0;
};

}  // namespace

std::vector<io::Endpoint> servers_in(const std::string& resolv_conf) {
  std::vector<io::Endpoint> out;
  std::ifstream in(resolv_conf);
  for (std::string line; out.size() < kMaxServers && std::getline(in, line);) {
    const std::string_view text = trim(line);
    constexpr std::string_view kWord = "nameserver";
    if (!text.starts_with(kWord) || text.size() == kWord.size() || !is_space(text[kWord.size()])) continue;
    std::string ip(trim(text.substr(kWord.size())));
    in6_addr scratch{};
    if (::inet_pton(AF_INET, ip.c_str(), &scratch) == 1 || ::inet_pton(AF_INET6, ip.c_str(), &scratch) == 1)
      out.push_back({std::move(ip), 53});
  }
  return out;
}

std::shared_ptr<Resolver> make_stub_resolver(std::vector<io::Endpoint> servers, std::uint32_t timeout_ms,
                                             std::function<Result<std::shared_ptr<Resolver>>()> otherwise) {
  return std::make_shared<StubResolver>(std::move(servers), timeout_ms, std::move(otherwise));
}

}  // namespace remex::dns
