// A message as remex holds it: headers as a list, body as bytes in memory or in a file. Lines end in LF inside.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace remex::mail {

/// One header, with folds and its final LF. `type` is Exim's letter: ' ' other, '*' deleted/rewritten, B Bcc, C Cc, F
/// From, I Message-ID, P Received, R Reply-To, S Sender, T To.
struct Header {
  char type = ' ';
  std::string text;
  std::string_view name() const;   ///< without colon and blanks
  std::string_view value() const;  ///< after the colon, leading blanks kept, final LF kept
};

enum class Where : std::uint8_t { at_end, at_start, after_received, before_first_non_received };

class HeaderList {
 public:
  std::vector<Header>& all() { return headers_; }
  const std::vector<Header>& all() const { return headers_; }
  /// Adds one header text (or several lines each a header); classifies; adds a final LF when missing.
  void add(std::string text, Where where = Where::at_end);
  /// Marks all headers of this name deleted; returns how many.
  std::size_t remove(std::string_view name);
  /// Only the `occurrence`-th (1-based).
  bool remove_nth(std::string_view name, int occurrence);
  const Header* find(std::string_view name) const;
  /// All live headers of a name, in order.
  std::vector<const Header*> find_all(std::string_view name) const;
  /// All live headers, LF line ends.
  std::string raw() const;
  std::size_t size_bytes() const;

 private:
  std::vector<Header> headers_;
};

/// Exim's type letter for a header line.
char classify_header(std::string_view line);
/// Splits a block of raw header lines (LF ends) into headers.
/// Stops at the first line that cannot be a header. Returns the offset where the body starts.
std::size_t split_headers(std::string_view block, HeaderList& out);

/// The body. Small ones live in memory, larger ones in a file the owner unlinks. Immutable after construction; shared
/// freely.
class Body {
 public:
  static std::shared_ptr<const Body> from_string(std::string bytes);
  /// Body = bytes [offset, offset+length) of the file behind fd (dup'ed). `path` for diagnostics.
  static Result<std::shared_ptr<const Body>> from_file(std::string path, std::uint64_t offset, std::uint64_t length);
  virtual ~Body() = default;
  virtual std::uint64_t size() const = 0;
  /// Calls `sink` with consecutive pieces; stops at its first error. Reads with pread; may run in offload.
  virtual Status for_each(const std::function<Status(std::string_view)>& sink) const = 0;
  /// Up to `n` bytes from `offset` ($message_body).
  virtual Result<std::string> read(std::uint64_t offset, std::size_t n) const = 0;
  /// The bytes when in memory, else nullptr.
  virtual const std::string* in_memory() const = 0;
  /// Path of the backing file, empty when in memory.
  virtual const std::string& path() const = 0;
};

}  // namespace remex::mail
