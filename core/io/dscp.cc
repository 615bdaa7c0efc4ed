// See dscp.h.
#include "core/io/dscp.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "core/base/strings.h"

namespace remex::io {
namespace {

constexpr std::pair<std::string_view, int> kNames[] = {
    {"af11", 10}, {"af12", 12},   {"af13", 14},    {"af21", 18},   {"af22", 20},       {"af23", 22},
    {"af31", 26}, {"af32", 28},   {"af33", 30},    {"af41", 34},   {"af42", 36},       {"af43", 38},
    {"ef", 46},   {"lowcost", 0}, {"lowdelay", 4}, {"mincost", 0}, {"reliability", 1}, {"throughput", 2}};
constexpr std::uint64_t kLargest = 0x3F;

}  // namespace

std::span<const std::pair<std::string_view, int>> dscp_names() { return kNames; }

std::optional<int> parse_dscp(std::string_view text) {
  text = trim(text);
  for (const auto& [name, number] : kNames)
    if (iequals(name, text)) return number;
  const bool hex = istarts_with(text, "0x");
  const auto number = parse_uint(hex ? text.substr(2) : text, hex ? 16 : 10);
  if (!number || *number > kLargest) return std::nullopt;
  return static_cast<int>(*number);
}

Status set_dscp(int fd, int value) {
  const int field = value << 2;  // the other two bits are ECN's
  int family = AF_UNSPEC;
  socklen_t size = sizeof family;
  (void)::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size);
  const bool v6 = family == AF_INET6;
  if (::setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS, &field, sizeof field) != 0)
    return fail_errno(errno, "setting DSCP");
  return {};
}

}  // namespace remex::io
