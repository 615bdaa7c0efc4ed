// The files of an Exim spool directory, message by message, for `remex queue import`.
//
// Nothing in the directory is trusted: names are checked, symbolic links are not followed, only plain files with one
// name are opened. Called by root, the opening is done by a process forked from here that keeps root's rights and
// passes descriptors on (the caller gives its own up and reads the files as exim_user); it takes only files that belong
// to the owner of the input directory, so that whoever can write there gets nothing read that is not his.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace remex::cli {

/// The files of one message, or why they cannot be had.
struct SpoolFiles {
  enum class State : std::uint8_t {
    ready,
    locked,   ///< a running Exim works on it
    gone,     ///< somebody took it away meanwhile
    refused,  ///< `why` says what is wrong, with the name of the file
  } state = State::refused;
  std::string id;
  std::string queue;      ///< the named queue; empty is the default one
  std::string directory;  ///< where the files lie
  std::string why;
  Fd header, data, journal;  ///< ready: -H, -D with a shared lock that keeps Exim off, -J when there is one
  std::size_t place = 0;     ///< of the directory, for set_aside()
};

class EximSpoolSource {
 public:
  /// `folder` is Exim's spool_directory. `aside`: where set_aside() moves files, may be empty. Call it before loops and
  /// threads exist and before rights are dropped. Errors name the folder.
  static Result<std::unique_ptr<EximSpoolSource>> open(const std::string& folder, const std::string& aside);
  virtual ~EximSpoolSource() = default;
  /// The next message, oldest first in each directory; nullopt at the end. Blocks, but not for long. Errors: a
  /// directory that cannot be read (the next call goes on behind it); kind closed: nothing more will come.
  virtual Result<std::optional<SpoolFiles>> next() = 0;
  /// Moves the files of a message to the other folder; none there is written over.
  virtual Status set_aside(const SpoolFiles& files) = 0;
};

}  // namespace remex::cli
