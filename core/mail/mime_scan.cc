// MimeScanner: the lines that matter are header lines of parts and lines that begin "--"; all others are passed over
// with memchr. A delimiter belongs to the innermost multipart that it fits exactly, else to the innermost whose
// boundary it begins with (RFC 2046 5.1.1 asks for no more).

#include <algorithm>

#include "core/base/strings.h"
#include "core/mail/mime.h"

namespace remex::mail {

namespace {
constexpr std::size_t kPadding = 256;  ///< of a delimiter line that is looked at beyond the boundary
constexpr std::size_t kNone = std::string::npos;
}  // namespace

MimeScanner::MimeScanner(const MimeHeader& top, Limits limits) : limits_(limits) {
  parts_.emplace_back();
  enter(top);
}

MimeScanner::MimeScanner(Limits limits) : limits_(limits) {
  parts_.emplace_back();
  in_head_ = true;
}

void MimeScanner::feed(std::string_view piece) {
  while (!piece.empty() && trouble_ == Trouble::none) {
    const std::size_t nl = piece.find('\n');
    const std::size_t n = nl == std::string_view::npos ? piece.size() : nl + 1;
    take(piece.substr(0, n), nl != std::string_view::npos);
    piece.remove_prefix(n);
  }
}

void MimeScanner::take(std::string_view text, bool ends) {
  pos_ += text.size();
  if (!boring_) {
    if (line_.empty() && !in_head_ && text.front() != '-') {
      boring_ = true;
    } else {
      const std::size_t want = in_head_ ? kMaxMimeHead + kPadding : longest_boundary_ + kPadding;
      if (line_.size() < want) line_.append(text.substr(0, want - line_.size()));
    }
  }
  if (!ends) return;
  if (!boring_) line();
  boring_ = false;
  line_.clear();
  line_begin_ = pos_;
}

void MimeScanner::line() {
  while (!line_.empty() && (line_.back() == '\n' || line_.back() == '\r')) line_.pop_back();
  if (!frames_.empty() && line_.starts_with("--")) {
    bool last = false;
    if (const std::size_t f = delimiter_of(std::string_view(line_).substr(2), last); f != kNone)
      return at_delimiter(f, last);
  }
  if (in_head_) head_line();
}

std::size_t MimeScanner::delimiter_of(std::string_view text, bool& last) const {
  std::size_t by_prefix = kNone;
  bool prefix_last = false;
  for (std::size_t i = frames_.size(); i-- > 0;) {
    if (!text.starts_with(frames_[i].boundary)) continue;
    std::string_view tail = text.substr(frames_[i].boundary.size());
    const bool closes = tail.starts_with("--");
    if (closes) tail.remove_prefix(2);
    if (trim(tail).empty()) {
      last = closes;
      return i;
    }
    if (by_prefix == kNone) {
      by_prefix = i;
      prefix_last = closes;
    }
  }
  last = prefix_last;
  return by_prefix;
}

/// The part that is open ends before the current line.
void MimeScanner::close_leaf() {
  if (in_head_) {
    // a delimiter among the header lines: the part has no content
    in_head_ = false;
    parts_.back().body_begin = parts_.back().body_end = line_begin_;
    head_.clear();
  }
  if (in_leaf_) parts_[leaf_].body_end = line_begin_;
  in_leaf_ = false;
}

void MimeScanner::at_delimiter(std::size_t frame, bool last) {
  close_leaf();
  for (std::size_t i = frames_.size(); i-- > frame + 1;) parts_[frames_[i].part].body_end = line_begin_;
  frames_.resize(frame + 1);
  if (!last) return begin_part();
  // What follows up to the next delimiter is the multipart's own; it ends with the part around it.
  in_leaf_ = true;
  leaf_ = frames_.back().part;
  frames_.pop_back();
}

void MimeScanner::begin_part() {
  if (parts_.size() >= limits_.max_parts) {
    trouble_ = Trouble::too_many;
    return;
  }
  Frame& f = frames_.back();
  MimePart p;
  p.head_begin = p.body_begin = p.body_end = pos_;
  p.cover = parts_[f.part].cover && (f.all_cover || f.children == 0);
  p.message_by_digest = f.digest;
  ++f.children;
  parts_.push_back(p);
  in_head_ = true;
  head_.clear();
}

void MimeScanner::head_line() {
  if (line_.empty()) return end_head();
  if (head_.size() + line_.size() + 1 > kMaxMimeHead) {
    parts_.back().head_cut = true;
    return;
  }
  head_ += line_;
  head_ += '\n';
}

void MimeScanner::end_head() {
  in_head_ = false;
  parts_.back().body_begin = parts_.back().body_end = pos_;
  const MimeHeader h = parse_mime_header(head_);
  head_.clear();
  parts_.back().message_by_digest = parts_.back().message_by_digest && h.content_type.empty();
  enter(h);
}

/// The content of the newest part begins.
void MimeScanner::enter(const MimeHeader& h) {
  const std::size_t part = parts_.size() - 1;
  if (!h.is_multipart() || h.boundary.empty()) {
    in_leaf_ = true;
    leaf_ = part;
    return;
  }
  if (frames_.size() >= limits_.max_depth) {
    trouble_ = Trouble::too_deep;
    return;
  }
  Frame f;
  f.boundary = h.boundary;
  f.part = part;
  f.all_cover = h.content_type == "multipart/alternative" || h.content_type == "multipart/related";
  f.digest = h.content_type == "multipart/digest";
  longest_boundary_ = std::max(longest_boundary_, f.boundary.size());
  frames_.push_back(std::move(f));
}

void MimeScanner::finish() {
  if (trouble_ == Trouble::none && !line_.empty()) line();
  line_.clear();
  line_begin_ = pos_;
  if (in_head_ && trouble_ == Trouble::none) end_head();
  if (in_leaf_) parts_[leaf_].body_end = pos_;
  for (const Frame& f : frames_) parts_[f.part].body_end = pos_;
  in_leaf_ = false;
  frames_.clear();
}

}  // namespace remex::mail
