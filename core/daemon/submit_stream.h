// The frames of submit_request.h over a stream.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/daemon/submit_request.h"
#include "core/io/stream.h"

namespace remex::daemon {

struct Frame {
  FrameKind kind = FrameKind::end;
  std::string content;
};
/// The next one. Parks. Error: closed when the peer went away, also between two frames.
Result<Frame> read_frame(io::Stream& stream);
/// `content` in as many frames as it takes; none is also one. Parks.
Status write_frames(io::Stream& stream, FrameKind kind, std::string_view content);

/// A caller's standard input and output at the other end of `below`, which must outlive it and is never closed by it.
/// A caller who vanishes before his input has ended is an error (kind closed), not its end.
class SubmitStream : public io::Stream {
 public:
  explicit SubmitStream(io::Stream& below) : below_(below) {}
  Result<std::size_t> read_some(std::span<char> into) override;
  Status write_all(std::string_view bytes) override;
  bool has_pending_input() override { return at_ < frame_.size() || below_.has_pending_input(); }
  Status wait_readable() override;
  void close() override {}
  void abort() override {}
  int fd() const override { return below_.fd(); }

 private:
  io::Stream& below_;
  std::string frame_;  ///< of the input, read until at_
  std::size_t at_ = 0;
  bool ended_ = false;
};

/// The same, failing (kind timed_out) when all of what the caller sends, or a piece of it, does not come in time.
class TimedInput : public SubmitStream {
 public:
  TimedInput(io::Stream& below, Millis whole, Millis piece)
      : SubmitStream(below), until_(monotonic_now() + whole), piece_(piece) {}
  Result<std::size_t> read_some(std::span<char> into) override;
  Status wait_readable() override;

 private:
  Instant until_;
  Millis piece_;
};

}  // namespace remex::daemon
