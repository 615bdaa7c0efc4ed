// Mail filters: what a .forward file that begins with "# Exim filter" or "# Sieve filter", or the system filter, wants
// done with a message.
//
// A filter is parsed and run in one go; what it asks for comes back as a list of actions, which the redirect router or
// the delivery turns into addresses. Nothing is delivered here. A mistake in the filter is Verdict::error with Exim's
// text, and the actions before it are dropped by the caller.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/text.h"

namespace remex::lang {
class Scope;
}

namespace remex::lang::filter {

enum class Kind : std::uint8_t { none, exim, sieve };
/// By the first line: "# Exim filter", "# Sieve filter"; blanks and case are free.
Kind detect(std::string_view text);

/// A message to be sent (mail, vacation, notify). Empty: not given.
struct Reply {
  std::string to, cc, bcc, from, reply_to, subject, headers, text, file, log, once;
  bool file_expand = false, return_message = false;
  std::int64_t once_repeat = 0;  ///< seconds; 0: never again
  bool make_directory = false;   ///< of `once`
  // Set by the router, for file_expand.
  bool of_user = false;         ///< the text is that of somebody who is not this process's user
  std::uint32_t forbidden = 0;  ///< Confinement bits
};

struct Action {
  enum class Kind : std::uint8_t { address, file, pipe, reply } kind = Kind::address;
  std::string target;      ///< address (perhaps without a domain), path (perhaps relative), command before expansion
  std::int64_t mode = -1;  ///< of a file; -1: the transport's
  bool has_errors_to = false;
  std::string errors_to;
  bool ignore_errors = false;  ///< noerror
  bool bad = false;            ///< a reply whose recipients cannot be understood
  Reply reply;
  std::vector<Text> captures;  ///< a command's $0..$9: it is expanded when it runs
  std::string this_address;    ///< and its $thisaddress
};

/// headers add, headers remove: already done to the message the filter saw, in this order.
struct HeaderEdit {
  bool remove = false;
  std::string text;
};

struct Outcome {
  enum class Verdict : std::uint8_t { done, fail, defer, freeze, error } verdict = Verdict::done;
  bool significant = false;  ///< the address needs no other delivery
  bool of_user = false;      ///< set by who asks for the run: the filter is not that of this process's own user
  bool needs_user = false;   ///< stopped: what comes now may only be done by a process of the filter's user
  std::string text;          ///< of fail, defer, freeze, error
  std::vector<Action> actions;
  std::vector<HeaderEdit> edits;
  std::array<std::int64_t, 10> counters{};  ///< $n0..$n9 at the end
};

struct Options {
  bool system = false;   ///< the system filter: headers, fail, defer, freeze
  bool testing = false;  ///< -bf, -bF: tells what it would do
  bool allow_fail = false, allow_defer = false, allow_freeze = false;
  bool forbid_logwrite = false, prepend_home = true;
  std::uint32_t forbidden = 0;  ///< Confinement bits
  bool pure = false;            ///< stop with needs_user before anything is read, run or written
  // Sieve
  std::string inbox = "inbox", subaddress, useraddress, vacation_directory, notify_owner;
  bool has_useraddress = false, has_vacation = false, has_notify = false;
  // Only in this process.
  std::function<void(std::string_view)> print;  ///< testing: lines for the user
  std::function<void(std::string_view)> trace;  ///< testing with -v: what conditions gave
};

/// Runs `text` over the message in `scope`. May park. $n0..$n9 and $sn0..$sn9 live in Scope::extra.
Outcome run(std::string_view text, Scope& scope, const Options& options);

/// For the courier. decode: kind failed for bytes that are no outcome.
std::string encode(const Outcome& o);
Result<Outcome> decode_outcome(std::string_view bytes);
std::string encode(const Options& o);
Result<Options> decode_options(std::string_view bytes);

}  // namespace remex::lang::filter
