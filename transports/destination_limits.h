// How much one destination gets: destination_max_connections, destination_rate and destination_name of the smtp
// transport. One object per process, shared by its deliveries; without it nothing is limited. One loop, no locks.
//
// Nobody waits here: a message over a limit is told when to come again and goes back to the queue, so that a slow
// destination takes no delivery slot from the others. Messages that wait for one destination get their turns in the
// order in which they came. Connections are counted across the processes of a spool by locks on a file, which the
// system takes back from a process that died; the messages of a period are counted in the hints.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "lang/scope.h"
#include "transports/waiting_line.h"

namespace remex::transports {

/// "100/1h": so many messages in every stretch of that many seconds.
struct MessageRate {
  std::int64_t messages = 0;  ///< 0: no limit
  std::int64_t period = 0;    ///< seconds
};
/// Error text says what a rate looks like.
Result<MessageRate> parse_message_rate(std::string_view text);

/// What went to a destination lately, in parts of the period. It never lets more than the rate through in any stretch
/// of one period, and forgets a message at most a twentieth of the period late. Times: microseconds of the wall clock.
class RateWindow {
 public:
  explicit RateWindow(MessageRate rate) : rate_(rate) {}
  /// What str() gave; anything else, and what belongs to another period, is an empty window.
  static RateWindow parse(std::string_view text, MessageRate rate);
  std::string str() const;
  std::int64_t room(std::int64_t now);
  void take(std::int64_t now);
  /// The last take() was for nothing.
  void give_back();
  /// When there will be room for one more than `before` others.
  std::int64_t when(std::int64_t now, std::int64_t before);

 private:
  static constexpr std::size_t kParts = 20;
  std::int64_t width() const;
  void move_to(std::int64_t now);
  MessageRate rate_;
  std::int64_t newest_ = 0;  ///< number of the part that counts_[0] is for
  std::array<std::int64_t, kParts + 1> counts_{};
};

/// The limits of one delivery; 0 is none.
struct DestinationRule {
  std::string name;
  std::int64_t connections = 0;
  MessageRate rate;
  bool limits() const { return connections > 0 || rate.messages > 0; }
};

class DestinationLimits {
 public:
  static constexpr std::int64_t kMaxConnections = 4096;
  /// `lock_file`: made when missing; empty: connections are counted in this process only.
  explicit DestinationLimits(std::string lock_file);
  ~DestinationLimits();
  DestinationLimits(const DestinationLimits&) = delete;
  DestinationLimits& operator=(const DestinationLimits&) = delete;

  /// Tells that a message may be tried now: its turn has come, and is kept for it for half a minute. Unset: it waits
  /// for its next attempt. Must not wait.
  std::function<void(const std::string& id)> wake;

  struct Refusal {
    std::string why;         ///< for the log
    std::int64_t again = 0;  ///< epoch seconds
    bool repeated = false;   ///< the message waited before, so that the log knows it
  };
  /// The right to deliver one message. Its end wakes the next one.
  class Permit {
   public:
    Permit(Permit&& o) noexcept;
    Permit& operator=(Permit&&) = delete;
    ~Permit();
    /// A transaction was begun: the message counts for the rate.
    void used() { used_ = true; }

   private:
    friend class DestinationLimits;
    Permit(DestinationLimits* of, DestinationRule rule, lang::Services* hints)
        : of_(of), rule_(std::move(rule)), hints_(hints) {}
    DestinationLimits* of_;
    DestinationRule rule_;
    lang::Services* hints_;
    bool used_ = false;
  };
  /// Asks for message `id`. `hints`: where the rate is counted; it must outlive the permit. Never parks.
  std::expected<Permit, Refusal> enter(const DestinationRule& rule, const std::string& id, lang::Services* hints);

  /// The right to have a connection open, idle ones too, among all processes of the spool; null: there are enough. Gone
  /// with the last owner, who may outlive this object. Never parks.
  std::shared_ptr<void> slot(const DestinationRule& rule);
  /// Other processes have the connections; nobody tells when they end.
  static Refusal no_slot(const DestinationRule& rule);
  /// Messages of this process that were refused and did not come again yet.
  std::size_t waiting() const;

 private:
  static constexpr std::size_t kMaxWaiters = 10000;  ///< of one destination; others only come again later
  struct Destination {
    std::int64_t busy = 0, connections = 0;
    WaitingLine waiters{kMaxWaiters};                      ///< for a connection
    std::map<std::string, std::int64_t> granted;           ///< woken: id to the second until which its turn is kept
    std::deque<std::pair<std::string, std::int64_t>> due;  ///< for the rate: id and when (microseconds)
    bool idle() const { return busy == 0 && waiters.empty() && granted.empty() && due.empty(); }
  };
  struct LockFile;
  std::optional<Refusal> wait_to_connect(Destination& d, const DestinationRule& rule, const std::string& id);
  std::optional<Refusal> wait_for_rate(Destination& d, const DestinationRule& rule, const std::string& id,
                                       lang::Services* hints);
  void leave(const DestinationRule& rule, bool used, lang::Services* hints);
  void serve(Destination& d);

  std::map<std::string, Destination> all_;
  std::shared_ptr<LockFile> file_;
};

}  // namespace remex::transports
