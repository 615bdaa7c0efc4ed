// Canonicalisation, driven by memchr: a relaxed line without tabs, doubled blanks or trailing blanks is copied whole.
#include "core/msgauth/dkim_canon.h"

#include <algorithm>
#include <cstring>

#include "core/base/strings.h"

namespace remex::msgauth {
namespace {

bool is_wsp(char c) { return c == ' ' || c == '\t'; }

bool contains(std::string_view s, char c) { return std::memchr(s.data(), c, s.size()) != nullptr; }

/// No white space that relaxed canonicalisation would change inside or at the end.
bool is_plain(std::string_view s) {
  return !is_wsp(s.back()) && !contains(s, '\t') && memmem(s.data(), s.size(), "  ", 2) == nullptr;
}

}  // namespace

void canon_header(Canon canon, std::string_view text, std::string& out) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  if (canon == Canon::simple) {
    for (char c : text) {
      if (c == '\n') out += '\r';
      out += c;
    }
    out += "\r\n";
    return;
  }
  const std::size_t colon = std::min(text.find(':'), text.size());
  for (char c : trim_right(text.substr(0, colon))) out += ascii_lower(c);
  out += ':';
  if (colon < text.size()) text.remove_prefix(colon + 1);
  bool blank = false, any = false;
  for (char c : text) {
    if (is_wsp(c)) {
      blank = true;
    } else if (c != '\n') {
      if (blank && any) out += ' ';
      out += c;
      any = true;
      blank = false;
    }
  }
  out += "\r\n";
}

BodyCanon::BodyCanon(Canon canon, Sink sink) : canon_(canon), sink_(std::move(sink)) { buffer_.reserve(kBuffer); }

void BodyCanon::flush() {
  if (!buffer_.empty()) sink_(buffer_);
  buffer_.clear();
}

void BodyCanon::put(std::string_view s) {
  if (buffer_.size() + s.size() > kBuffer) {
    flush();
    if (s.size() >= kBuffer) {
      sink_(s);
      return;
    }
  }
  buffer_ += s;
}

/// Content follows: the line ends held back are inside the body after all.
void BodyCanon::before_content() {
  for (; newlines_ > 0; --newlines_) put("\r\n");
  in_line_ = any_ = true;
}

void BodyCanon::add(std::string_view piece) { canon_ == Canon::simple ? add_simple(piece) : add_relaxed(piece); }

void BodyCanon::add_simple(std::string_view piece) {
  while (!piece.empty()) {
    const void* nl = std::memchr(piece.data(), '\n', piece.size());
    const std::size_t n =
        nl == nullptr ? piece.size() : static_cast<std::size_t>(static_cast<const char*>(nl) - piece.data());
    if (n > 0) {
      before_content();
      put(piece.substr(0, n));
    }
    if (nl == nullptr) return;
    ++newlines_;
    in_line_ = false;
    piece.remove_prefix(n + 1);
  }
}

void BodyCanon::add_relaxed(std::string_view piece) {
  while (!piece.empty()) {
    const void* nl = std::memchr(piece.data(), '\n', piece.size());
    const std::size_t n =
        nl == nullptr ? piece.size() : static_cast<std::size_t>(static_cast<const char*>(nl) - piece.data());
    if (n > 0) relaxed_part(piece.substr(0, n));
    if (nl == nullptr) return;
    ++newlines_;
    in_line_ = blank_ = false;  // blanks at the end of a line vanish
    piece.remove_prefix(n + 1);
  }
}

void BodyCanon::relaxed_part(std::string_view part) {
  if (is_plain(part)) {
    const bool skip_first = blank_ && is_wsp(part.front());  // joins the blank held back
    before_content();
    if (blank_) put(' ');
    blank_ = false;
    put(skip_first ? part.substr(1) : part);
    return;
  }
  for (char c : part) {
    if (is_wsp(c)) {
      blank_ = true;
      continue;
    }
    if (!in_line_) before_content();
    if (blank_) put(' ');
    blank_ = false;
    put(c);
  }
}

void BodyCanon::finish() {
  if (any_ || canon_ == Canon::simple) put("\r\n");
  newlines_ = 0;
  flush();
}

void BodyHashes::want(Canon canon, HashKind hash, std::uint64_t limit) {
  auto run = std::find_if(runs_.begin(), runs_.end(), [&](const Run& r) { return r.canon == canon && r.kind == hash; });
  if (run == runs_.end()) {
    const bool new_canon = std::none_of(runs_.begin(), runs_.end(), [&](const Run& r) { return r.canon == canon; });
    runs_.emplace_back(canon, hash);
    run = runs_.end() - 1;
    if (new_canon) canons_.emplace_back(canon, [this, canon](std::string_view s) { canonical(canon, s); });
  }
  run->at.try_emplace(limit);
}

void BodyHashes::add(std::string_view piece) {
  for (BodyCanon& c : canons_) c.add(piece);
}

void BodyHashes::canonical(Canon canon, std::string_view bytes) {
  total_[static_cast<std::size_t>(canon)] += bytes.size();
  for (Run& r : runs_) {
    if (r.canon != canon) continue;
    std::string_view rest = bytes;
    for (auto it = r.at.upper_bound(r.count); it != r.at.end() && it->first - r.count <= rest.size(); ++it) {
      const auto n = static_cast<std::size_t>(it->first - r.count);
      r.hash.add(rest.substr(0, n));
      rest.remove_prefix(n);
      r.count = it->first;
      it->second = r.hash.snapshot();
    }
    // Past the last limit nothing more needs hashing.
    if (r.at.rbegin()->first > r.count) r.hash.add(rest);
    r.count += rest.size();
  }
}

void BodyHashes::finish() {
  for (BodyCanon& c : canons_) c.finish();
  for (Run& r : runs_) {
    if (const auto whole = r.at.find(kNoLimit); whole != r.at.end()) whole->second = r.hash.snapshot();
    if (const auto none = r.at.find(0); none != r.at.end()) none->second = Hash(r.kind).snapshot();
  }
}

std::string BodyHashes::digest(Canon canon, HashKind hash, std::uint64_t limit) const {
  for (const Run& r : runs_) {
    if (r.canon != canon || r.kind != hash) continue;
    const auto it = r.at.find(limit);
    if (it != r.at.end()) return it->second;
  }
  return {};
}

}  // namespace remex::msgauth
