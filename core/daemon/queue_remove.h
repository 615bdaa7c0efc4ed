// -Mrm: taking a message off the queue, for an admin user or for whoever submitted it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/daemon/local_user.h"
#include "core/daemon/process.h"

namespace remex::daemon {

/// What a caller is told, with line ends.
struct Teller {
  std::function<void(std::string_view)> out, err;
};

/// Removes the message, or tells why not; texts and exit status are Exim's (0 removed, 1 not). The store is open for
/// writing. Parks, or blocks outside a fiber.
int remove_message(Process& process, const std::string& id, const Caller& caller, const Teller& tell);

}  // namespace remex::daemon
