// See the header for the rules. The inner loop moves from line end to line end with memchr.

#include "core/smtp/data_reader.h"

#include <cstring>

namespace remex::smtp {

namespace {
bool any_high_bit(std::string_view s) {
  std::size_t i = 0;
  for (; i + 8 <= s.size(); i += 8) {
    std::uint64_t w;
    std::memcpy(&w, s.data() + i, 8);
    if ((w & 0x8080808080808080ULL) != 0) return true;
  }
  for (; i < s.size(); ++i)
    if ((static_cast<unsigned char>(s[i]) & 0x80U) != 0) return true;
  return false;
}
}  // namespace

void DataReader::emit(std::string_view s) {
  if (s.empty()) return;
  line_empty_ = false;
  line_length_ += s.size();
  if (!has_8bit_) has_8bit_ = any_high_bit(s);
  if (!in_header_ && std::memchr(s.data(), 0, s.size()) != nullptr)
    for (const char c : s) body_zeros_ += c == '\0' ? 1 : 0;
  sink_.write(s);
}

void DataReader::bare() {
  has_bare_ = true;
  // In the header a stray line end folds (if there is a line to fold); in the body it is a space.
  if (in_header_ && !line_empty_) {
    line_length_ = 0;
    sink_.write("\n ");
  } else {
    emit(" ");
  }
}

/// A piece of one line; `ends` when its line end follows (CRLF or LF).
void DataReader::line_part(std::string_view content, bool ends, bool crlf) {
  if (at_line_start_ && !content.empty()) {
    at_line_start_ = false;
    if (opt_.dots && content.front() == '.') {
      content.remove_prefix(1);
      if (content.empty() && !ends) {
        dot_only_ = true;
        return;
      }
      dot_only_ = content.empty();
      if (opt_.lone_dot && !dot_only_) emit(".");
    }
  } else if (dot_only_ && !content.empty()) {
    dot_only_ = false;
    if (opt_.lone_dot) emit(".");
  }
  emit(content);
  if (!ends) return;
  if (!first_line_known_) {
    first_line_known_ = true;
    crlf_mode_ = crlf;
  }
  const bool may_end = (crlf && previous_line_crlf_) || opt_.lf_ends_data;
  if (dot_only_ && may_end) {
    finished_ = true;
    return;
  }
  // A lone dot that may not end the data stays in the text (it was a dot line framed by bare line ends).
  if (dot_only_) emit(".");
  sink_.write("\n");
  ++lines_;
  if (!in_header_) ++body_lines_;
  if (line_length_ > longest_) longest_ = line_length_;
  if (line_empty_ && in_header_) in_header_ = false;
  at_line_start_ = true;
  line_empty_ = true;
  dot_only_ = false;
  line_length_ = 0;
  previous_line_crlf_ = crlf;
}

std::size_t DataReader::feed(std::string_view bytes) {
  std::size_t pos = 0;
  while (pos < bytes.size() && !finished_) {
    if (held_cr_) {
      held_cr_ = false;
      if (bytes[pos] == '\n') {
        line_part({}, true, true);
        ++pos;
        continue;
      }
      // a bare CR
      dot_only_ = dot_only_ && (emit("."), false);
      at_line_start_ = false;
      bare();
      continue;
    }
    const char* start = bytes.data() + pos;
    const std::size_t left = bytes.size() - pos;
    const char* nl = static_cast<const char*>(std::memchr(start, '\n', left));
    const std::size_t span = nl != nullptr ? static_cast<std::size_t>(nl - start) : left;
    const char* cr = static_cast<const char*>(std::memchr(start, '\r', span));
    if (cr != nullptr) {
      line_part({start, static_cast<std::size_t>(cr - start)}, false, false);
      pos += static_cast<std::size_t>(cr - start) + 1;
      held_cr_ = true;
      continue;
    }
    if (nl == nullptr) {
      line_part({start, left}, false, false);
      return bytes.size();
    }
    pos += span + 1;
    const std::string_view content(start, span);
    if (first_line_known_ && crlf_mode_ && opt_.dots && !opt_.lf_ends_data) {
      // a bare LF where lines end in CRLF
      line_part(content, false, false);
      dot_only_ = dot_only_ && (emit("."), false);
      at_line_start_ = false;
      bare();
    } else {
      line_part(content, true, false);
    }
  }
  return pos;
}

void DataReader::finish() {
  if (held_cr_) {
    held_cr_ = false;
    bare();
  }
  if (dot_only_) emit(".");
  dot_only_ = false;
  if (!at_line_start_ || !line_empty_) {
    sink_.write("\n");
    ++lines_;
    if (!in_header_) ++body_lines_;
    if (line_length_ > longest_) longest_ = line_length_;
    line_empty_ = at_line_start_ = true;
  }
}

}  // namespace remex::smtp
