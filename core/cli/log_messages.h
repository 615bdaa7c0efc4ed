// Log lines put together by message, for exigrep: the lines of a message are together when it is complete.
//
// Plain data, no parking. Lines come from files: foreign bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/result.h"

namespace remex::cli {

/// A line of a main log, or of a syslog file that has such lines.
struct LogLine {
  std::string_view text;     ///< without what syslog puts before it, unless the date would be lost with that
  std::string_view id;       ///< of the message; empty: the line belongs to none
  std::string_view rest;     ///< behind the id
  std::int64_t seconds = 0;  ///< since the epoch; 0: the line has no date of its own
  bool known = false;        ///< false: no log line
};
/// `line` without its line end. Times without a zone are local.
LogLine read_log_line(std::string_view line);

struct GrepOptions {
  /// Does the pattern match this line?
  std::function<Result<bool>(const std::string&)> matches;
  bool invert = false;   ///< lines that do not match are wanted
  bool related = false;  ///< and the messages that came out of wanted ones (R=ID); keeps all lines until finish()
  std::int64_t least_seconds = -1;  ///< complete messages that took no longer are left out; negative: none are
};

/// Takes lines one by one and gives those of wanted messages together, each group and each line that belongs to no
/// message with an empty line behind.
class LogMessages {
 public:
  /// `out` gets what is to be printed, as it becomes known.
  LogMessages(GrepOptions options, std::function<void(const std::string&)> out)
      : options_(std::move(options)), out_(std::move(out)) {}

  /// Error: the pattern reached a limit on this line.
  Status add(std::string_view line);
  /// No line follows: gives the messages that are not complete, in the order of their first lines.
  void finish();

 private:
  struct Message {
    std::string id, came_from;  ///< R= of its first line
    std::string lines;
    std::int64_t began = 0, took = -1;  ///< took: seconds, when it is complete
    bool wanted = false;
  };
  using Messages = std::list<Message>;

  Message& message_of(const LogLine& l);
  void complete(Messages::iterator m);
  void print(const Message& m);

  GrepOptions options_;
  std::function<void(const std::string&)> out_;
  Messages messages_;                          ///< in the order of their first lines
  std::vector<Messages::iterator> completed_;  ///< with `related` only
  std::unordered_map<std::string, Messages::iterator> open_;
};

}  // namespace remex::cli
