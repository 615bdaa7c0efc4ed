// The service manager's side of a daemon (sd_notify(3), sd_watchdog_enabled(3)), without its library. Where no manager
// started the program nothing happens. Used by the master only: messages of other processes are not believed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"

namespace remex::daemon {

/// Sends "READY=1" and its like to $NOTIFY_SOCKET. Does not wait; a message that cannot be sent is lost.
void notify_manager(std::string_view text);

/// How long the manager waits for WATCHDOG=1 before it kills this process; 0: it does not watch, or not this process.
Millis manager_watchdog();

/// A socket that the manager opened and hands over (sd_listen_fds(3)).
struct InheritedSocket {
  int fd = -1;       ///< owned by whoever asked; closed on exec
  std::string name;  ///< FileDescriptorName= of its unit
};
/// Those of this process ($LISTEN_PID), once: the variables are removed. Error: they make no sense.
Result<std::vector<InheritedSocket>> inherited_sockets();

}  // namespace remex::daemon
