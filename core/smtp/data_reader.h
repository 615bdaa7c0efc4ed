// DATA as a stream: dots unstuffed, the end found, line ends made LF. Pure; fed with whatever arrives.
//
// Only CRLF.CRLF ends data (RFC 5321 4.1.1.4): a bare LF or a bare CR never does, so that no second message can be
// smuggled. When the first line ended in CRLF, a bare CR or LF later is not a line end at all: it becomes a folded line
// in the header section and a space in the body. When the first line ended in a bare LF (local callers), LF ends lines
// too; it ends data only in `lf_ends_data` mode (standard input).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace remex::smtp {

/// Where the bytes go. Implementations are bounded; an error stops storing, not reading.
class DataSink {
 public:
  virtual ~DataSink() = default;
  virtual void write(std::string_view bytes) = 0;
};

class DataReader {
 public:
  struct Options {
    bool lf_ends_data = false;  ///< local caller: "\n.\n" ends data
    bool lone_dot = false;  ///< a line of one dot ends data; other dots are data (a message that does not come by SMTP)
    bool dots = true;       ///< false: no dot handling at all (BDAT, -oi)
  };
  DataReader(DataSink& sink, Options opt) : sink_(sink), opt_(opt) {}

  /// Consumes bytes; returns how many were used (all of them unless the end was found).
  std::size_t feed(std::string_view bytes);
  /// The terminating dot line was read.
  bool finished() const { return finished_; }
  /// End of input without a dot (standard input, BDAT LAST): flushes what is held back.
  void finish();

  std::uint64_t lines() const { return lines_; }  ///< lines of header and body together
  std::uint64_t body_lines() const { return body_lines_; }
  std::uint64_t body_zeros() const { return body_zeros_; }
  std::uint64_t longest_line() const { return longest_; }
  bool has_8bit() const { return has_8bit_; }
  bool has_bare() const { return has_bare_; }  ///< a bare CR or LF was replaced

 private:
  void line_part(std::string_view content, bool ends, bool crlf);
  void emit(std::string_view content);
  void bare();

  DataSink& sink_;
  Options opt_;
  bool finished_ = false;
  bool first_line_known_ = false, crlf_mode_ = false;
  bool at_line_start_ = true;       ///< next byte begins a line
  bool previous_line_crlf_ = true;  ///< the line before ended in CRLF (start of data counts)
  bool dot_only_ = false;           ///< the line so far is a single dot
  bool held_cr_ = false;            ///< a CR at the end of what was fed
  bool in_header_ = true;
  bool line_empty_ = true;
  std::uint64_t line_length_ = 0;
  std::uint64_t lines_ = 0, body_lines_ = 0, body_zeros_ = 0, longest_ = 0;
  bool has_8bit_ = false, has_bare_ = false;
};

}  // namespace remex::smtp
