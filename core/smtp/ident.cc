// See ident.h. The answer: "CLIENT-PORT , SERVER-PORT : USERID : SYSTEM[,CHARSET] : USER" CRLF.

#include "core/smtp/ident.h"

#include <fmt/core.h>

#include "core/base/strings.h"

namespace remex::smtp {

namespace {
constexpr std::size_t kMaxAnswer = 1024;  ///< RFC 1413 6 allows 1000 characters
constexpr std::size_t kMaxUser = 127;     ///< of the name, before it is made printable

/// What stands before the next `end` without blanks around it; the rest stays. False: there is no `end`.
bool next_part(std::string_view& rest, char end, std::string_view& part) {
  const std::size_t at = rest.find(end);
  if (at == std::string_view::npos) return false;
  part = trim(rest.substr(0, at));
  rest.remove_prefix(at + 1);
  return true;
}
}  // namespace

std::string ident_of_answer(std::string_view answer, std::uint16_t client_port, std::uint16_t server_port) {
  const std::size_t end = answer.find('\n');
  if (end == std::string_view::npos) return {};
  std::string_view user = answer.substr(0, end), client, server, kind, system;
  if (user.ends_with('\r')) user.remove_suffix(1);
  if (!next_part(user, ',', client) || !next_part(user, ':', server) || !next_part(user, ':', kind) ||
      !next_part(user, ':', system))
    return {};
  if (parse_uint(client) != client_port || parse_uint(server) != server_port || kind != "USERID") return {};
  while (!user.empty() && is_space(user.front())) user.remove_prefix(1);
  return printable(user.substr(0, kMaxUser));
}

std::string query_ident(const IdentQuery& query, bool& too_late) {
  too_late = false;
  auto socket = io::connect_tcp(query.server, query.from_ip);
  if (!socket) {
    too_late = socket.error().kind == ErrorKind::timed_out;
    return {};
  }
  if (!(*socket)->write_all(fmt::format("{} , {}\r\n", query.client_port, query.server_port))) return {};
  std::string answer;
  char piece[256];
  while (answer.find('\n') == std::string::npos && answer.size() < kMaxAnswer) {
    const auto n = (*socket)->read_some(piece);
    if (!n || *n == 0) break;
    answer.append(piece, *n);
  }
  (*socket)->abort();
  return ident_of_answer(answer, query.client_port, query.server_port);
}

}  // namespace remex::smtp
