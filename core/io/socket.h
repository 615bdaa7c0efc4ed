// The descriptor-level half of streams. Private to core/io.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <span>

#include "core/io/pollable.h"
#include "core/io/stream.h"

struct sockaddr_storage;

namespace remex::io {

/// An IP endpoint as a socket address; failure names the text.
Result<socklen_t> to_sockaddr(const Endpoint& e, sockaddr_storage& out);
/// IPv4-mapped IPv6 becomes IPv4; UNIX sockets give an empty endpoint.
Endpoint from_sockaddr(const sockaddr_storage& a);
std::string describe(const Endpoint& e);

/// One read without waiting; nullopt when there is nothing. `socket`: recv, else read.
Result<std::optional<std::size_t>> read_now(int fd, bool socket, std::span<char> into);
/// Writes all, parking as needed. `socket`: send without SIGPIPE, else write.
Status write_fully(Pollable& p, bool socket, std::string_view bytes);
/// Ready-made errors for a failed read or write: reset and broken pipe are kind closed.
Error io_error(int err, std::string_view what);
bool has_bytes(int fd);

}  // namespace remex::io
