// Fuzz target: the DATA stream. The first octet chooses the mode, the second the segment size. Properties: segmentation
// does not matter; only CRLF.CRLF ends a message from the network, and does; the output has no CR; sent on with dots
// stuffed and CRLF line ends it is read back the same (nothing in it ends the data early for the next server). links:
// core/smtp
#include <cstdlib>
#include <string>

#include "core/smtp/data_reader.h"

using namespace remex::smtp;

namespace {
void require(bool ok) {
  if (!ok) std::abort();
}

struct StringSink : DataSink {
  std::string text;
  void write(std::string_view bytes) override { text += bytes; }
};

struct Run {
  StringSink sink;
  std::size_t used = 0;
  bool finished = false;
  std::uint64_t lines = 0, body_lines = 0, longest = 0;

  Run(std::string_view in, DataReader::Options opt, std::size_t segment) {
    DataReader r(sink, opt);
    while (used < in.size() && !r.finished()) {
      const std::string_view piece = in.substr(used, segment);
      const std::size_t n = r.feed(piece);
      require(n <= piece.size() && (n == piece.size() || r.finished()));
      used += n;
    }
    finished = r.finished();
    if (!finished) r.finish();
    lines = r.lines();
    body_lines = r.body_lines();
    longest = r.longest_line();
  }
};

/// What a client does to send stored text on (RFC 5321 4.5.2).
std::string stuffed(std::string_view text) {
  std::string out;
  bool start = true;
  for (const char c : text) {
    if (start && c == '.') out += '.';
    if (c == '\n') out += '\r';
    out += c;
    start = c == '\n';
  }
  return out + ".\r\n";
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const DataReader::Options opt{.lf_ends_data = (data[0] & 1) != 0, .dots = (data[0] & 2) == 0};
  const std::string_view in(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Run whole(in, opt, in.size() + 1), parts(in, opt, std::size_t{1} + data[1] % 7);
  require(whole.sink.text == parts.sink.text && whole.used == parts.used && whole.finished == parts.finished);
  require(whole.lines == parts.lines && whole.body_lines == parts.body_lines && whole.longest == parts.longest);
  const std::string& text = whole.sink.text;
  require(text.find('\r') == std::string::npos);
  require(text.empty() || text.back() == '\n');
  require(opt.dots || !whole.finished);
  if (!opt.lf_ends_data && opt.dots) {
    // Where the data ends is where CRLF.CRLF (or .CRLF at the start) is first.
    const std::size_t at = in.starts_with(".\r\n")                          ? 3
                           : in.find("\r\n.\r\n") == std::string_view::npos ? 0
                                                                            : in.find("\r\n.\r\n") + 5;
    require(whole.finished == (at != 0) && (at == 0 || whole.used == at));
    // A message of one unit stays one unit on the next hop.
    const std::string wire = stuffed(text);
    const Run again(wire, opt, 5);
    require(again.finished && again.used == wire.size() && again.sink.text == text);
  }
  return 0;
}
