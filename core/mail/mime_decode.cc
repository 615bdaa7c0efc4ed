// MimeDecoder: base64 and quoted-printable (RFC 2045 6.7, 6.8), one octet after the other, with a few octets of state.

#include "core/base/strings.h"
#include "core/mail/mime.h"

namespace remex::mail {

namespace {

constexpr std::size_t kMaxBlanks = 1000;  ///< a longer run of white space is passed on at once

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = ascii_lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

}  // namespace

void MimeDecoder::base64(std::string_view piece, std::string& out) {
  const auto put = [&](unsigned shift) { out += static_cast<char>((bits_ >> shift) & 0xFFU); };
  for (const char c : piece) {
    if (const int d = base64_digit(c); d >= 0) {
      bits_ = (bits_ << 6U) | static_cast<std::uint32_t>(d);
      if (++count_ < 4) continue;
      put(16), put(8), put(0);
    } else if (c == '=') {
      // The group ends here; a second "=" finds nothing.
      if (count_ == 1) broken_ = true;
      if (count_ == 2) put(4);
      if (count_ == 3) put(10), put(2);
    } else {
      broken_ = broken_ || (c != '\n' && c != '\r');
      continue;
    }
    bits_ = 0;
    count_ = 0;
  }
}

void MimeDecoder::flush_blanks(std::string& out) {
  out += blanks_;
  blanks_.clear();
}

void MimeDecoder::quoted(char c, std::string& out) {
  if (!escape_.empty()) {
    const bool blank = c == ' ' || c == '\t' || c == '\r';
    if (escape_.size() == 1 && hex_digit(c) >= 0) {
      escape_ += c;
      return;
    }
    if (escape_.size() == 2 && hex_digit(escape_[1]) >= 0) {
      if (hex_digit(c) >= 0) {
        out += static_cast<char>(hex_digit(escape_[1]) * 16 + hex_digit(c));
        escape_.clear();
        return;
      }
    } else if (c == '\n') {
      escape_.clear();  // a soft line break, white space before it included
      return;
    } else if (blank && escape_.size() < kMaxBlanks) {
      escape_ += c;
      return;
    }
    broken_ = true;
    out += escape_;
    escape_.clear();
  }
  if (c == '=') {
    flush_blanks(out);
    escape_.assign(1, c);
  } else if (c == ' ' || c == '\t' || c == '\r') {
    if (blanks_.size() >= kMaxBlanks) flush_blanks(out);
    blanks_ += c;
  } else {
    if (c == '\n')
      blanks_.clear();
    else
      flush_blanks(out);
    out += c;
  }
}

void MimeDecoder::feed(std::string_view piece, std::string& out) {
  switch (encoding_) {
    case TransferEncoding::identity: out += piece; break;
    case TransferEncoding::base64: base64(piece, out); break;
    case TransferEncoding::quoted_printable:
      for (const char c : piece) quoted(c, out);
      break;
  }
}

void MimeDecoder::finish(std::string& out) {
  if (encoding_ == TransferEncoding::base64) {
    if (count_ == 1) broken_ = true;
    if (count_ > 1) base64("=", out);
  } else if (encoding_ == TransferEncoding::quoted_printable) {
    if (escape_.size() > 1 && hex_digit(escape_[1]) >= 0) {
      broken_ = true;
      out += escape_;
    }
    escape_.clear();
    blanks_.clear();
  }
}

}  // namespace remex::mail
