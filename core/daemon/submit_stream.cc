// See submit_stream.h.
#include "core/daemon/submit_stream.h"

#include <algorithm>
#include <cstring>

#include "core/io/fiber.h"

namespace remex::daemon {
namespace {

Status read_whole(io::Stream& stream, std::span<char> into) {
  for (std::size_t done = 0; done < into.size();) {
    REMEX_TRY(const std::size_t n, stream.read_some(into.subspan(done)));
    if (n == 0) return fail(ErrorKind::closed, "the other side went away");
    done += n;
  }
  return {};
}

}  // namespace

Result<Frame> read_frame(io::Stream& stream) {
  char octets[kFrameHead];
  REMEX_CHECK(read_whole(stream, octets));
  REMEX_TRY(const FrameHead head, decode_frame_head({octets, sizeof octets}));
  Frame frame;
  frame.kind = head.kind;
  frame.content.resize(head.size);
  REMEX_CHECK(read_whole(stream, frame.content));
  return frame;
}

Status write_frames(io::Stream& stream, FrameKind kind, std::string_view content) {
  do {
    const std::string_view piece = content.substr(0, kMaxFrame);
    REMEX_CHECK(stream.write_all(encode_frame(kind, piece)));
    content.remove_prefix(piece.size());
  } while (!content.empty());
  return {};
}

Result<std::size_t> SubmitStream::read_some(std::span<char> into) {
  while (at_ == frame_.size()) {
    if (ended_) return std::size_t{0};
    REMEX_TRY(Frame next, read_frame(below_));
    if (next.kind == FrameKind::end) {
      ended_ = true;
    } else if (next.kind == FrameKind::input) {
      frame_ = std::move(next.content);
      at_ = 0;
    } else {
      return fail("a frame comes where there may be none of its kind");
    }
  }
  const std::size_t n = std::min(into.size(), frame_.size() - at_);
  std::memcpy(into.data(), frame_.data() + at_, n);
  at_ += n;
  return n;
}

Status SubmitStream::write_all(std::string_view bytes) {
  return bytes.empty() ? Status() : write_frames(below_, FrameKind::output, bytes);
}

Status SubmitStream::wait_readable() {
  if (ended_ || at_ < frame_.size()) return io::check_interrupt();
  return below_.wait_readable();
}

Result<std::size_t> TimedInput::read_some(std::span<char> into) {
  const io::DeadlineScope whole(until_), piece(piece_);
  return SubmitStream::read_some(into);
}

Status TimedInput::wait_readable() {
  const io::DeadlineScope whole(until_), piece(piece_);
  return SubmitStream::wait_readable();
}

}  // namespace remex::daemon
