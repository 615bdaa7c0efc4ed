// A listening socket beside another one at the same port. Used by core/daemon when the addresses change.
#pragma once

#include <memory>

#include "core/base/result.h"
#include "core/io/stream.h"

namespace remex::io {

/// As Listener::tcp(), also where another socket listens that shares its port: 0.0.0.0 beside 127.0.0.1.
Result<std::unique_ptr<Listener>> listen_shared(const Endpoint& at, int backlog);
/// Whether `listener` shares its port with sockets of listen_shared() from now on.
void share_port(const Listener& listener, bool on);

}  // namespace remex::io
