// serialize_hosts: one connection at a time to a host, among the deliveries of this process.
#pragma once

#include <memory>
#include <string>

#include "core/base/clock.h"
#include "core/io/fiber.h"

namespace remex::transports {

/// Holding it is the right to have a connection to the host.
class HostTurn {
 public:
  /// Waits for it, at most `limit`; null: somebody else still has it. Parks.
  static std::unique_ptr<HostTurn> take(const std::string& ip, Millis limit);
  ~HostTurn();
  HostTurn(const HostTurn&) = delete;
  HostTurn& operator=(const HostTurn&) = delete;

 private:
  explicit HostTurn(std::shared_ptr<io::Semaphore> s) : semaphore_(std::move(s)) {}
  std::shared_ptr<io::Semaphore> semaphore_;
};

}  // namespace remex::transports
