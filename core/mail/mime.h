// The MIME structure of a message (RFC 2045, 2046, 2231): the headers of a part, where the parts lie, decoded content.
// Used by the MIME ACL (acl/mime.h). Pure: bytes are fed in pieces of any size; the work is linear and the memory
// bounded whatever a stranger sends. What is malformed is never an error, but told as an anomaly or as trouble.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/mail/message.h"

namespace remex::mail {

enum class TransferEncoding : std::uint8_t { identity, base64, quoted_printable };

/// What a part says about itself. Values are the sender's, unfolded; nothing in them is checked.
struct MimeHeader {
  std::string content_type;  ///< lower case, without parameters; empty: there was none
  std::string boundary, charset;
  std::string transfer_encoding, disposition, id, description;  ///< lower case, as Exim gives them
  std::string filename;   ///< of Content-Disposition, else name= of Content-Type; RFC 2231 and 2047 undone, as UTF-8
  int anomaly_level = 0;  ///< 0: nothing wrong
  std::string anomaly_text;

  bool is_multipart() const { return content_type.starts_with("multipart/"); }
  /// A message of its own: message/rfc822 or message/global (RFC 6532).
  bool is_message() const { return content_type == "message/rfc822" || content_type == "message/global"; }
  TransferEncoding encoding() const;
};

/// The MIME fields among header lines (LF ends, folds included). The last of a repeated field counts, and the
/// repetition is an anomaly.
MimeHeader parse_mime_header(std::string_view block);
MimeHeader parse_mime_header(const HeaderList& headers);

/// Octets of one part's header section that are looked at; what goes beyond is an anomaly.
inline constexpr std::size_t kMaxMimeHead = 64 * 1024;

/// One part, as offsets into what the scanner was fed. The content of a multipart covers its parts.
struct MimePart {
  std::uint64_t head_begin = 0, body_begin = 0, body_end = 0;
  bool cover = true;               ///< $mime_is_coverletter
  bool message_by_digest = false;  ///< no Content-Type inside multipart/digest: a message (RFC 2046 5.1.5)
  bool head_cut = false;           ///< the header section is longer than kMaxMimeHead
};

/// Finds the parts in one pass. feed() all pieces, then finish().
class MimeScanner {
 public:
  struct Limits {
    std::size_t max_parts = 10000;
    std::size_t max_depth = 50;  ///< of multiparts within multiparts
  };
  /// too_deep, too_many: scanning stopped there, parts() is what came before.
  enum class Trouble : std::uint8_t { none, too_deep, too_many };

  /// The octets are the body of a part whose header is known (the body of a message).
  MimeScanner(const MimeHeader& top, Limits limits);
  /// The octets begin with the header section of the first part (an attached message).
  explicit MimeScanner(Limits limits);

  void feed(std::string_view piece);
  void finish();
  const std::vector<MimePart>& parts() const { return parts_; }
  Trouble trouble() const { return trouble_; }

 private:
  struct Frame {
    std::string boundary;
    std::size_t part = 0;  ///< of the multipart
    bool all_cover = false, digest = false;
    std::size_t children = 0;
  };
  void take(std::string_view text, bool ends);
  void line();
  void head_line();
  void end_head();
  void begin_part();
  void close_leaf();
  void enter(const MimeHeader& h);
  /// Index of the frame whose delimiter the line is, or npos; `last`: it is the closing one.
  std::size_t delimiter_of(std::string_view text, bool& last) const;
  void at_delimiter(std::size_t frame, bool last);

  Limits limits_;
  std::vector<MimePart> parts_;
  std::vector<Frame> frames_;
  std::string line_;     ///< as much of the current line as may matter
  bool boring_ = false;  ///< the current line cannot be a delimiter
  std::string head_;     ///< of the part that begins
  bool in_head_ = false, in_leaf_ = false;
  std::size_t leaf_ = 0;
  std::size_t longest_boundary_ = 0;
  std::uint64_t pos_ = 0, line_begin_ = 0;
  Trouble trouble_ = Trouble::none;
};

/// Undoes a Content-Transfer-Encoding, in pieces. What is no part of the encoding is skipped (base64, RFC 2045 6.8) or
/// passed on (quoted-printable), and remembered.
class MimeDecoder {
 public:
  explicit MimeDecoder(TransferEncoding encoding) : encoding_(encoding) {}
  /// Appends to `out`.
  void feed(std::string_view piece, std::string& out);
  void finish(std::string& out);
  bool broken() const { return broken_; }

 private:
  void base64(std::string_view piece, std::string& out);
  void quoted(char c, std::string& out);
  void flush_blanks(std::string& out);

  TransferEncoding encoding_;
  bool broken_ = false;
  std::uint32_t bits_ = 0;
  int count_ = 0;       ///< base64 digits in bits_
  std::string escape_;  ///< "=", "=4", "=  ": an escape that has begun
  std::string blanks_;  ///< white space that goes when the line ends (RFC 2045 6.7 rule 3)
};

}  // namespace remex::mail
