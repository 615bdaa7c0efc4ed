// See submit_client.h.
#include "core/cli/submit_client.h"

#include <fmt/core.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "core/cli/modes.h"
#include "core/daemon/submit_socket.h"
#include "core/daemon/submit_stream.h"
#include "core/io/fiber.h"
#include "core/smtp/data_reader.h"

namespace remex::cli {
namespace {

constexpr std::size_t kInMemory = 1u << 20;     ///< octets of a message; what is longer is in a file without a name
constexpr std::uint64_t kMostInput = 1u << 30;  ///< octets that are read; no daemon takes so many
constexpr Millis kConnectTime{10'000};
constexpr Millis kBusyTime{60'000};      ///< how long it is tried again while the daemon has too many submissions
constexpr Millis kAnswerTime{3600'000};  ///< a delivery in the foreground takes its time
constexpr Millis kFirstPause{50}, kLongestPause{1000};

Options::Kind kind_of(const Options& o) {
  switch (o.mode) {
    case Mode::smtp_stdin: return Options::Kind::smtp;
    case Mode::smtp_batch: return Options::Kind::batch;
    case Mode::list_queue: return Options::Kind::list;
    case Mode::message: return Options::Kind::remove;
    default: return Options::Kind::message;
  }
}

/// What was on standard input.
class Collected : public smtp::DataSink {
 public:
  void write(std::string_view) override {}  // only its end is of interest

  Status append(std::string_view bytes) {
    size_ += bytes.size();
    if (size_ > kMostInput) return fail("the message is too long");
    if (!file_ && memory_.size() + bytes.size() <= kInMemory) {
      memory_.append(bytes);
      return {};
    }
    if (!file_) {
      file_.reset(std::tmpfile());
      if (!file_) return fail_errno(errno, "a temporary file for the message");
    }
    if (std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) == bytes.size()) return {};
    return fail_errno(errno, "writing the message to a temporary file");
  }

  /// Everything in pieces, from the beginning.
  template <class F>
  Status each(F&& take) {
    REMEX_CHECK(take(std::string_view(memory_)));
    if (!file_) return {};
    if (std::fflush(file_.get()) != 0 || std::fseek(file_.get(), 0, SEEK_SET) != 0)
      return fail_errno(errno, "writing the message to a temporary file");
    std::vector<char> block(daemon::kMaxFrame);
    for (std::size_t n = 0; (n = std::fread(block.data(), 1, block.size(), file_.get())) > 0;)
      REMEX_CHECK(take(std::string_view(block.data(), n)));
    return std::ferror(file_.get()) != 0 ? Status(fail("the temporary file cannot be read")) : Status();
  }

 private:
  struct Closer {
    void operator()(std::FILE* f) const { std::fclose(f); }
  };
  std::string memory_;
  std::unique_ptr<std::FILE, Closer> file_;
  std::uint64_t size_ = 0;
};

class Handover {
 public:
  Handover(const Options& o, const std::string& spool)
      : o_(o), spool_(spool), request_(static_cast<const daemon::SubmitRequest&>(o)) {
    request_.kind = kind_of(o);
  }

  int run() {
    if (o_.debug) return complain(EXIT_FAILURE, "-d is for who may write the spool: the daemon keeps this message");
    if (!o_.macros.empty())
      return complain(EXIT_FAILURE, "-D is for who may write the spool: the daemon goes by its own configuration");
    auto request = daemon::encode_request(request_);
    if (!request) return complain(EX_USAGE, request.error().text);
    octets_ = std::move(*request);
    if (request_.kind == Options::Kind::message && (o_.recipients_from_headers || !o_.arguments.empty()))
      if (const int rc = collect(); rc != 0) return rc;
    const Instant patient = monotonic_now() + kBusyTime;
    for (Millis pause = kFirstPause;; pause = std::min(pause * 2, kLongestPause)) {
      const int rc = once();
      if (rc != kBusy) return rc;
      if (monotonic_now() + pause >= patient || !io::sleep_for(pause))
        return complain(EX_TEMPFAIL, "the daemon has too many submissions in its hands: try again later");
    }
  }

 private:
  static constexpr int kBusy = -1;

  /// A message goes to the daemon when all of it is there.
  int collect() {
    auto stream = io::Socket::from_stdio(0, 1);
    smtp::DataReader::Options form;
    form.lf_ends_data = form.dots = !o_.dot_is_data;
    form.lone_dot = true;
    smtp::DataReader end(collected_, form);
    std::vector<char> block(daemon::kMaxFrame);
    std::optional<io::DeadlineScope> deadline;  // of the whole message
    if (o_.receive_timeout > 0) deadline.emplace(Millis(o_.receive_timeout * 1000));
    while (!end.finished()) {
      const auto n = stream->read_some(block);
      if (!n && n.error().kind == ErrorKind::timed_out)
        return complain(1, "timed out while reading - message abandoned");
      if (!n) return complain(EX_IOERR, fmt::format("reading the message: {}", n.error().text));
      if (*n == 0) break;
      const std::string_view piece(block.data(), *n);
      end.feed(piece);
      if (const Status st = collected_.append(piece); !st) return complain(EX_IOERR, st.error().text);
    }
    return 0;
  }

  /// From the moment the daemon has a place: what is read here cannot be read again for another one.
  Status send_input(io::Stream& to) {
    if (request_.kind == Options::Kind::list || request_.kind == Options::Kind::remove) return {};
    REMEX_CHECK(ready_.wait());
    const auto send = [&to](std::string_view piece) {
      return piece.empty() ? Status() : daemon::write_frames(to, daemon::FrameKind::input, piece);
    };
    if (request_.kind == Options::Kind::message) {
      REMEX_CHECK(collected_.each(send));
    } else {
      auto stream = io::Socket::from_stdio(0, 1);
      std::vector<char> block(daemon::kMaxFrame);
      for (;;) {
        auto n = stream->read_some(block);
        if (!n && n.error().kind == ErrorKind::cancelled) return std::unexpected(std::move(n).error());
        if (!n) unread_ = n.error().text;  // and the daemon hears of the end
        if (!n || *n == 0) break;
        REMEX_CHECK(send({block.data(), *n}));
      }
    }
    return daemon::write_frames(to, daemon::FrameKind::end, {});
  }

  Status send_all(io::Stream& to) {
    REMEX_CHECK(daemon::write_frames(to, daemon::FrameKind::request, octets_));
    REMEX_CHECK(daemon::write_frames(to, daemon::FrameKind::go, {}));
    return send_input(to);
  }

  Result<std::unique_ptr<io::Socket>> connect() const {
    const io::DeadlineScope deadline(kConnectTime);
    for (;;) {
      auto s = io::connect_unix(daemon::submit_socket(spool_));
      if (s || s.error().sys_errno != EAGAIN) return s;
      REMEX_CHECK(io::sleep_for(kFirstPause));  // many wait to be accepted
    }
  }

  /// Exit status, or kBusy.
  int once() {
    auto daemon = connect();
    if (!daemon) return nobody_there(daemon.error());
    ready_.clear();
    io::Nursery sending;
    sending.spawn("input", [&] { (void)send_all(**daemon); });  // a daemon that refuses early has said why
    const int rc = listen(**daemon);
    sending.cancel_all();
    (void)sending.join();
    if (unread_.empty()) return rc;
    return complain(rc > 0 ? rc : EX_IOERR, fmt::format("reading standard input: {}", unread_));
  }

  int nobody_there(const Error& why) const {
    return complain(EX_TEMPFAIL,
                    fmt::format("the spool {} may not be written by you, and no daemon takes what you send ({}): start "
                                "the daemon (remex -bd), or do this as root or exim_user",
                                spool_, why.text));
  }

  int listen(io::Stream& from) {
    for (;;) {
      const io::DeadlineScope deadline(kAnswerTime);
      const auto frame = daemon::read_frame(from);
      if (!frame && taken_) return 0;  // the daemon has the message, and delivers it when it can
      if (!frame)
        return complain(EX_TEMPFAIL,
                        fmt::format("the daemon did not say what became of it ({}): see its log before you try again",
                                    frame.error().text));
      switch (frame->kind) {
        case daemon::FrameKind::busy: return kBusy;
        case daemon::FrameKind::ready: ready_.set(); break;
        case daemon::FrameKind::taken: taken_ = true; break;
        case daemon::FrameKind::output:
          if (!show_output(frame->content)) return complain(EX_PROTOCOL, "the daemon says more than it may");
          break;
        case daemon::FrameKind::error: show(frame->content, stderr); break;
        case daemon::FrameKind::status:
          show(list_, stdout);
          return frame->content.size() == 1 ? static_cast<unsigned char>(frame->content.front()) : EX_PROTOCOL;
        default: return complain(EX_PROTOCOL, "the daemon is of another version");
      }
    }
  }

  /// A list is kept until it is whole: whoever reads it page by page keeps the daemon waiting no longer. False: it is
  /// too long for one.
  bool show_output(std::string_view text) {
    if (request_.kind != Options::Kind::list) {
      show(text, stdout);
      return true;
    }
    if (list_.size() + text.size() > daemon::kMaxList) return false;
    list_ += text;
    return true;
  }

  static void show(std::string_view text, std::FILE* to) {
    std::fwrite(text.data(), 1, text.size(), to);
    std::fflush(to);
  }

  const Options& o_;
  const std::string& spool_;
  daemon::SubmitRequest request_;
  std::string octets_;
  Collected collected_;
  io::Event ready_;     ///< the daemon has a place
  bool taken_ = false;  ///< and the message is in the queue
  std::string unread_;  ///< why standard input could not be read to its end
  std::string list_;    ///< of the queue, to be shown
};

/// False only for want of rights. A spool that is not there yet is made by whoever may.
bool may(const std::string& spool_directory, int how) {
  if (geteuid() == 0) return true;
  const std::string db = spool_directory + "/db/spool.sqlite";
  if (euidaccess(db.c_str(), how) == 0) return true;
  if (errno == EACCES) return false;
  return errno != ENOENT || euidaccess(spool_directory.c_str(), W_OK | X_OK) == 0 || errno != EACCES;
}

}  // namespace

bool may_write_spool(const std::string& spool_directory) { return may(spool_directory, W_OK); }
bool may_read_spool(const std::string& spool_directory) { return may(spool_directory, R_OK); }

bool can_hand_over(const Options& o) {
  return o.mode == Mode::submit || o.mode == Mode::smtp_stdin || o.mode == Mode::smtp_batch ||
         o.mode == Mode::list_queue || (o.mode == Mode::message && o.message_action == "rm");
}

int hand_over(const Options& o, const std::string& spool_directory) {
  // The kernel names the effective ids to the daemon. Those of a set-uid or set-gid program that calls this one are not
  // the caller's, who would borrow the rights of its owner.
  if (::setregid(::getgid(), ::getgid()) != 0 || ::setreuid(::getuid(), ::getuid()) != 0)
    return complain(EX_OSERR, fmt::format("cannot give up the rights of another user: {}", std::strerror(errno)));
  return io::run_loop([&] { return Handover(o, spool_directory).run(); });
}

}  // namespace remex::cli
