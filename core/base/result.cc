// Texts of errors. Used by everything that reports one; nothing here can fail.
#include "core/base/result.h"

#include <cstring>

namespace remex {

std::unexpected<Error> fail_errno(int err, std::string_view what) {
  // strerror_r (GNU form) may return a static string instead of filling the buffer.
  char buffer[128];
  std::string text(what);
  text += ": ";
  text += ::strerror_r(err, buffer, sizeof buffer);
  return std::unexpected(Error{ErrorKind::failed, std::move(text), err});
}

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::failed: return "failed";
    case ErrorKind::forced_fail: return "forced_fail";
    case ErrorKind::defer: return "defer";
    case ErrorKind::not_found: return "not_found";
    case ErrorKind::timed_out: return "timed_out";
    case ErrorKind::cancelled: return "cancelled";
    case ErrorKind::closed: return "closed";
    case ErrorKind::taint: return "taint";
    case ErrorKind::config: return "config";
  }
  return "unknown";
}

}  // namespace remex
