// What a worker tells its master: one byte a message, over a pair of sockets that the master made. The master sends
// nothing but signals, and believes nothing but these bytes.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/result.h"

namespace remex::daemon {

enum class Report : char {
  ready = 'R',     ///< it serves
  alive = 'A',     ///< its event loop turns; sent once a heartbeat
  reloaded = 'C',  ///< SIGHUP: the new configuration is good and in force
  refused = 'N',   ///< SIGHUP: the old configuration stays in force
  replace = 'X',   ///< the same, but another worker must begin with it
  left = 'L',      ///< it was told to make room, and has closed what another worker needs: ports, status socket
  look = 'Q',      ///< from one that makes room: there are messages that it will not deliver
  sandbox = 'S',   ///< comes with a descriptor: SandboxState::refusals
};

struct WorkerLink {
  int master = -1, worker = -1;  ///< both closed on exec; the owner closes them
};
/// Error: no descriptors.
Result<WorkerLink> make_worker_link();

/// The worker's side. Never waits: a message that a stuck master has no room for is lost.
void send_report(int fd, Report what, int descriptor = -1);
/// The master's side. Never waits; nothing: there is no message now, or the worker is gone. Unknown bytes are skipped.
/// A descriptor is taken when `descriptor` is given; the caller owns it then. Else the kernel drops it.
std::optional<Report> receive_report(int fd, int* descriptor = nullptr);

}  // namespace remex::daemon
