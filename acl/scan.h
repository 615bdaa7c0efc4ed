// What the scanning conditions (spam, malware) share: server lists, connections, and the message as scanners get it.
// Private to acl/ and its tests.
//
// Every conversation has a deadline. A server that cannot be reached is named in the log and the next one is tried.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "acl/word.h"
#include "core/base/clock.h"
#include "core/io/stream.h"

namespace remex::acl {

/// One scanner daemon: a socket path, or host and port range with options.
struct ScanServer {
  std::string path, host;
  std::uint16_t port = 0, last_port = 0;
  std::int64_t priority = 1, weight = 1;
  int from_second = 0, to_second = 24 * 3600;  ///< of the local day; used only between them
  Millis retry{-1}, timeout{120000};           ///< negative retry: none
  bool rspamd = false;
  std::string text() const;  ///< "host port" or the path, for messages
};

/// One element of spamd_address or of clamd's list: "host port opt=..." or "/path opt=...". Errors name what is wrong.
Result<ScanServer> parse_scan_server(std::string_view element);
/// All of spamd_address; at most 32.
Result<std::vector<ScanServer>> parse_scan_servers(std::string_view list);
/// The order in which to try them now: those outside their hours left out, higher priority first, random by weight.
std::vector<const ScanServer*> scan_order(const std::vector<ScanServer>& servers, int second_of_day,
                                          const std::function<std::uint64_t(std::uint64_t)>& random_below);
/// scan_order with the wall clock and real randomness.
std::vector<const ScanServer*> scan_order_now(const std::vector<ScanServer>& servers);

/// Connects within the deadline in force; sets $callout_address. One more try after `retry`. Parks.
Result<std::unique_ptr<io::Stream>> connect_scanner(lang::Scope& scope, const ScanServer& server);
/// Everything the peer says until it closes; at most `max` bytes. Parks.
Result<std::string> read_all(io::Stream& stream, std::size_t max);
/// "h.m.s" as seconds of the day; -1 for junk.
int parse_time_of_day(std::string_view text);

/// The message in reception as a scanner sees it: a "From " line and the envelope in two X- headers, the header
/// section, the body; LF line ends. Refers to the scope's headers and body.
class ScanMessage {
 public:
  /// Kind failed when there is no message yet.
  static Result<ScanMessage> of(lang::Scope& scope);
  std::uint64_t size() const { return head_.size() + (body_ != nullptr ? body_->size() : 0); }
  /// Calls `sink` with consecutive pieces of at most 64 KiB; stops at its first error. File bodies are read in the
  /// thread pool. Parks.
  Status for_each(const std::function<Status(std::string_view)>& sink) const;
  const std::string& head() const { return head_; }

 private:
  std::string head_;
  const mail::Body* body_ = nullptr;
};

/// The message as <spool_directory>/scan/<message id>/<message id>.eml, for scanners that want a file. Written on the
/// first call for a message; remove_scan_files() takes the directory away. Kind defer: no space, no permission. Parks.
Result<std::string> spool_scan_file(lang::Scope& scope);
/// Makes <spool_directory>/scan/<message id> (for decoded parts too). Parks.
Result<std::string> make_scan_directory(lang::Scope& scope);
/// "<spool_directory>/scan/<message id>".
std::string scan_directory(const lang::Scope& scope);

/// Writes "what acl condition: why" to the main log and gives the answer of a condition that could not be decided: no
/// with defer_ok, else defer.
Answer scan_trouble(Run& run, std::string_view what, std::string_view why, bool defer_ok);

/// Static checks of av_scanner and spamd_address (constant ones), for acl/check.cc.
void check_scanners(const lang::Config& config, lang::Diagnostics& diag);

}  // namespace remex::acl
