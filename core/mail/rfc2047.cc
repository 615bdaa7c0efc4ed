// RFC 2047 encoding and decoding, linear in the text. iconv descriptors are kept per thread for the last pair of
// charsets, so that a header of many words in one charset opens it once. See rfc2047.h for what fails.
#include "core/mail/rfc2047.h"

#include <fmt/format.h>
#include <iconv.h>

#include <cerrno>
#include <cstring>

#include "core/base/strings.h"

namespace remex::mail {
namespace {

constexpr std::string_view kQuotedSpecials = "?=()<>@,;:\\\".[]_";
constexpr std::size_t kMaxWord = 75;

bool valid_charset(std::string_view name) {
  if (name.empty() || name.size() > 64) return false;
  for (char c : name) {
    if (!is_alnum(c) && std::string_view("-_.:+").find(c) == std::string_view::npos) return false;
  }
  return name.find("..") == std::string_view::npos;
}

class Converter {
 public:
  ~Converter() { close(); }
  /// nullptr-like (iconv_t)-1 with errno set when iconv does not know the pair.
  iconv_t get(std::string_view from, std::string_view to) {
    if (handle_ != kNone && from == from_ && to == to_) {
      iconv(handle_, nullptr, nullptr, nullptr, nullptr);
      return handle_;
    }
    close();
    from_ = from;
    to_ = to;
    handle_ = iconv_open(to_.c_str(), from_.c_str());
    return handle_;
  }
  static inline const iconv_t kNone = reinterpret_cast<iconv_t>(-1);

 private:
  void close() {
    if (handle_ != kNone) iconv_close(handle_);
    handle_ = kNone;
  }
  std::string from_, to_;
  iconv_t handle_ = kNone;
};

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char l = ascii_lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/// One encoded word found at the start of a text.
struct EncodedWord {
  std::string_view charset;
  std::string bytes;
  std::size_t length = 0;  ///< 0 = none here
};

EncodedWord read_word(std::string_view s) {
  EncodedWord w;
  // A word has at most 75 characters by RFC; real ones are longer. The window keeps "=?" x 1,000,000 linear.
  const std::string_view window = s.substr(0, 1024);
  const std::size_t q1 = window.find('?', 2);
  if (q1 == std::string_view::npos || q1 + 2 >= window.size() || window[q1 + 2] != '?') return w;
  const std::size_t end = window.find("?=", q1 + 3);
  if (end == std::string_view::npos) return w;
  std::string_view charset = window.substr(2, q1 - 2);
  charset = charset.substr(0, charset.find('*'));  // RFC 2231 language suffix
  const std::string_view text = window.substr(q1 + 3, end - q1 - 3);
  if (!valid_charset(charset) || text.find_first_of(" \t\r\n") != std::string_view::npos) return w;
  const char encoding = ascii_lower(window[q1 + 1]);
  if (encoding == 'b') {
    auto bytes = base64_decode(text, true);
    if (!bytes) return w;
    w.bytes = std::move(*bytes);
  } else if (encoding == 'q') {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (c != '=') {
        w.bytes += c == '_' ? ' ' : c;
        continue;
      }
      const int hi = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int lo = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (hi < 0 || lo < 0) return w;
      w.bytes += static_cast<char>(hi * 16 + lo);
      i += 2;
    }
  } else {
    return w;
  }
  w.charset = charset;
  w.length = end + 2;
  return w;
}

}  // namespace

bool needs_rfc2047(std::string_view text) {
  for (char c : text) {
    if (!is_printable(c) || kQuotedSpecials.find(c) != std::string_view::npos) return true;
  }
  return false;
}

std::string encode_rfc2047(std::string_view text, std::string_view charset) {
  if (!needs_rfc2047(text)) return std::string(text);
  const std::string open = fmt::format("=?{}?Q?", charset);
  const bool utf8 = iequals(charset, "UTF-8");
  std::string out = open, piece;
  std::size_t line = open.size();
  for (std::size_t i = 0; i < text.size();) {
    // In UTF-8 a character stays in one word (RFC 2047 5), so it is encoded as a unit.
    std::size_t unit = 1;
    if (utf8 && static_cast<unsigned char>(text[i]) >= 0xc0) {
      while (unit < 4 && i + unit < text.size() && (static_cast<unsigned char>(text[i + unit]) & 0xc0) == 0x80) ++unit;
    }
    piece.clear();
    for (char c : text.substr(i, unit)) {
      if (c == ' ') {
        piece += '_';
      } else if (is_printable(c) && kQuotedSpecials.find(c) == std::string_view::npos) {
        piece += c;
      } else {
        constexpr std::string_view kHex = "0123456789ABCDEF";
        const auto byte = static_cast<unsigned char>(c);
        piece += '=';
        piece += kHex[byte >> 4U];
        piece += kHex[byte & 15U];
      }
    }
    if (line + piece.size() + 2 > kMaxWord && line > open.size()) {
      out += "?= " + open;
      line = open.size();
    }
    out += piece;
    line += piece.size();
    i += unit;
  }
  return out + "?=";
}

Result<std::string> convert_charset(std::string_view bytes, std::string_view from, std::string_view to) {
  if (iequals(from, to)) return std::string(bytes);
  thread_local Converter converter;
  errno = EINVAL;
  const iconv_t cd = valid_charset(from) && valid_charset(to) ? converter.get(from, to) : Converter::kNone;
  if (cd == Converter::kNone) {
    return fail(fmt::format("iconv_open(\"{}\", \"{}\") failed: {}{}", printable(to), printable(from),
                            std::strerror(errno), errno == EINVAL ? " (maybe unsupported conversion)" : ""));
  }
  std::string out;
  char buffer[512];
  char* in = const_cast<char*>(bytes.data());
  std::size_t left = bytes.size();
  while (left > 0) {
    char* to_p = buffer;
    std::size_t room = sizeof buffer;
    const std::size_t rc = iconv(cd, &in, &left, &to_p, &room);
    const int err = errno;
    out.append(buffer, static_cast<std::size_t>(to_p - buffer));
    if (rc == static_cast<std::size_t>(-1) && err != E2BIG) {  // a byte that does not convert
      out += '?';
      if (left > 0) {
        ++in;
        --left;
      }
    }
  }
  return out;
}

Result<std::string> decode_rfc2047(std::string_view text, std::string_view charset) {
  std::string out;
  out.reserve(text.size());
  std::size_t pos = 0;
  bool after_word = false;
  std::size_t blanks_at = 0;  // out.size() right after the last encoded word
  while (pos < text.size()) {
    const std::size_t next = text.find("=?", pos);
    const std::string_view between = text.substr(pos, next - pos);
    out += between;
    if (between.find_first_not_of(" \t\r\n") != std::string_view::npos) after_word = false;
    if (next == std::string_view::npos) break;
    const EncodedWord w = read_word(text.substr(next));
    if (w.length == 0) {
      out += "=?";
      pos = next + 2;
      after_word = false;
      continue;
    }
    if (after_word) out.resize(blanks_at);
    REMEX_TRY(std::string bytes, convert_charset(w.bytes, w.charset, charset));
    for (char c : bytes) out += c == 0 ? '?' : c;
    pos = next + w.length;
    after_word = true;
    blanks_at = out.size();
  }
  return out;
}

}  // namespace remex::mail
