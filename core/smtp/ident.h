// The Identification Protocol (RFC 1413), the asking side: who, says the client's host, made the connection. Used by
// the session for rfc1413_hosts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/io/stream.h"

namespace remex::smtp {

struct IdentQuery {
  io::Endpoint server;  ///< the client's host, and the port of its ident service
  std::string from_ip;  ///< this end of the SMTP connection: the answer is about connections to it
  std::uint16_t client_port = 0, server_port = 0;  ///< of the SMTP connection, at the client and here
};

/// The user's name as it may stand in a header or a log line; empty: there is none, for whatever reason. Parks until
/// the fiber's deadline at most. `too_late`: the deadline came before the connection was made.
std::string query_ident(const IdentQuery& query, bool& too_late);

/// The user's name in an answer that ends with LF; empty: the answer is about other ports, an error, or none.
std::string ident_of_answer(std::string_view answer, std::uint16_t client_port, std::uint16_t server_port);

}  // namespace remex::smtp
