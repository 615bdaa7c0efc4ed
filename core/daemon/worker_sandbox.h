// What a configuration needs of the sandbox of the worker (core/io/sandbox.h): whether it runs programs as exim_user,
// and where it writes. Everything else is the same for all.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/io/sandbox.h"
#include "lang/config.h"

namespace remex::daemon {

struct SandboxNeeds {
  bool enabled = true;  ///< option sandbox
  /// Where programs are run in the worker: `${run} in ACL "acl_rcpt"`. Empty: nowhere.
  std::vector<std::string> programs;
  /// Why nobody can tell where is written; empty: the directories are all.
  std::vector<std::string> unbounded;
  std::vector<std::string> writable;  ///< sorted, absolute
  /// What was asked for and not granted, and whether it existed then: see grant().
  std::vector<std::pair<std::string, bool>> refused;

  /// Keeps of `writable` what the sandbox of this process lets write.
  void grant();
  io::SandboxRules rules() const;
  /// A worker in a sandbox made for these needs can also serve `other`. What it was not granted is no reason for
  /// another worker as long as that would not be granted it either.
  bool covers(const SandboxNeeds& other) const;
  /// For the log: what the configuration needs that others do not, and what comes of it. Empty: the whole sandbox is in
  /// force.
  std::string text() const;
};

SandboxNeeds sandbox_needs(const lang::Config& config);

}  // namespace remex::daemon
