// A message on standard input (sendmail's way), or a whole dialogue: recipients as arguments or from the headers (-t),
// into the queue, or in mua_wrapper mode delivered at once in one SMTP transaction with the outcome as exit status. The
// command does this itself where it may write the spool; else the daemon does it for the caller (submit_service.h).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/daemon/local_user.h"
#include "core/daemon/process.h"
#include "core/daemon/submit_request.h"
#include "core/io/stream.h"

namespace remex::daemon {

/// All of it outlives the submission.
struct SubmissionInput {
  const SubmitRequest& request;
  const Caller& caller;
  std::shared_ptr<Process> process;
  smtp::Server& server;                        ///< of the process, or like it: its `accepted` gets the message
  io::Stream& input;                           ///< what is on standard input
  std::function<void(std::string_view)> tell;  ///< for standard error, with line ends
};

struct SubmissionOutcome {
  int status = 0;      ///< exit status
  std::string id;      ///< of the message that is in the queue; empty: there is none
  bool waits = false;  ///< it waits for a queue run
};

/// Reads a message from `input` to its end and keeps it. In a fiber; parks.
SubmissionOutcome take_submission(const SubmissionInput& in);

/// Input that no reply can refuse is not begun when the disks are full (check_spool_space and its like): tells, logs
/// why, and returns the exit status; 0: go on. Nothing is asked where nothing is stored.
int check_room(Process& process, const std::function<void(std::string_view)>& tell);

/// -oM*: what a trusted caller says about where a message came from.
void apply_origin(const SubmitRequest& o, mail::ReceivedFrom& from);

/// $caller_uid and $caller_gid are somebody else's than this process's.
void know_caller(lang::Scope& scope, std::int64_t uid, std::int64_t gid);

}  // namespace remex::daemon
