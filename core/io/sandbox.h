// What a process gives up for good before it reads what strangers send: system calls that a mail server never needs
// (seccomp) and writing outside some directories (Landlock). Made for the daemon's worker; see docs/decisions.
//
// A refused call fails with EPERM (socket: EAFNOSUPPORT), as it would without the right: nothing is killed for it.
// Where the kernel can, another process learns of each refusal and answers it, so that it can be logged.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace remex::io {

struct SandboxRules {
  bool may_execute = true;  ///< programs: execve(2)
  /// Directories and files that may be written, made, renamed and removed below; those that do not exist are left out.
  /// Not set: files are not confined. Reading is never confined.
  std::optional<std::vector<std::string>> writable;
};

struct SandboxState {
  /// Readable when a call was refused: for answer_refusal() in another process, which must keep it as long as this one
  /// lives. -1: the kernel answers by itself. Owned by the caller.
  int refusals = -1;
  /// What the kernel does not have, and what of `writable` does not exist, in words for the log.
  std::vector<std::string> missing;
};

/// For the calling thread and what it starts from now on; there must be no other thread. Sets no_new_privs. Error: what
/// the kernel has could not be put in force.
Result<SandboxState> enter_sandbox(const SandboxRules& rules);

/// May this process write below the absolute path, as far as its sandbox goes? True outside a sandbox. Any thread.
bool sandbox_lets_write(std::string_view path);

struct Refusal {
  pid_t process = -1;
  std::string_view call;  ///< "mount"
};
/// Answers one refused call. Nothing when there was none, or its process is gone. Does not wait when `refusals` is
/// readable.
std::optional<Refusal> answer_refusal(int refusals);

}  // namespace remex::io
