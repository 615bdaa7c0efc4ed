// Idle SMTP connections kept for the next message to the same host. Owned by whoever runs deliveries (the daemon's
// delivery engine); without a pool every delivery opens and closes its own connection. One loop, no locks.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace remex::transports {

class SmtpConnection;  // smtp_client_util.h

/// The message that went over a connection last, and whether the spool has been told what became of it.
struct Outcome {
  std::string message;
  bool recorded = false;
};

class ConnectionPool {
 public:
  /// At most `max_idle` connections in all; each is closed politely after `idle_seconds` without use.
  explicit ConnectionPool(std::size_t max_idle = 64, int idle_seconds = 5);
  /// Cancels the closing fiber and resets what is left. Destroy it before the loop ends.
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  /// The most recently used live connection for `key`, or null. One whose last outcome is not recorded yet is taken by
  /// the delivery that it belongs to (`own`) only: if this process ended before it is, that message would go out again,
  /// and each of the next ones with it.
  std::unique_ptr<SmtpConnection> take(const std::string& key, const Outcome* own = nullptr);
  /// Gives a connection in the idle state back.
  void give(const std::string& key, std::unique_ptr<SmtpConnection> connection);
  /// Says QUIT to one idle connection that counts for this destination. False: there is none. Parks.
  bool drop_idle(const std::string& destination);
  /// Says QUIT to all idle connections and closes them (shutdown, end of a queue run). Parks.
  void close_all();
  std::size_t idle() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace remex::transports
