// control = debug: the explanations of one session in a file beside the logs ("debuglog" and a tag).
// Trouble with the file is logged once and otherwise changes nothing for the session.
#pragma once

#include <string>
#include <string_view>

#include "acl/acl.h"
#include "core/log/log.h"
#include "lang/config.h"

namespace remex::smtp {

class DebugFile {
 public:
  DebugFile() = default;
  ~DebugFile();
  DebugFile(const DebugFile&) = delete;
  DebugFile& operator=(const DebugFile&) = delete;

  /// Opens, closes or removes the file as the control says now.
  void follow(const acl::Effects::DebugLog& wanted, const lang::Config& config, log::Log& log);
  void write(const acl::Effects::DebugLog& wanted, std::string_view line);
  /// What was kept for a trigger goes to the file.
  void trigger();

 private:
  void put(std::string_view text);
  int fd_ = -1;
  std::string path_;
  std::string kept_;  ///< lines before the trigger
};

}  // namespace remex::smtp
