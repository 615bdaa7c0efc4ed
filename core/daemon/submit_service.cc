// See submit_service.h.
#include "core/daemon/submit_service.h"

#include <fmt/core.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <span>
#include <utility>
#include <vector>

#include "core/base/ids.h"
#include "core/base/strings.h"
#include "core/daemon/queue_remove.h"
#include "core/daemon/queue_view.h"
#include "core/daemon/submission.h"
#include "core/daemon/submit_stream.h"
#include "core/hooks/hooks.h"
#include "core/io/activity.h"
#include "core/io/fiber.h"
#include "core/smtp/session.h"

namespace remex::daemon {
namespace {

constexpr std::int64_t kMostSmtpTimeout = 3600;  ///< seconds; a caller may ask for none at all

struct Peer {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
  std::vector<gid_t> groups;
};

Result<Peer> find_peer(int fd) {
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return fail_errno(errno, "SO_PEERCRED");
  Peer out{who.uid, who.gid, who.pid, std::vector<gid_t>(NGROUPS_MAX)};
  size = static_cast<socklen_t>(out.groups.size() * sizeof(gid_t));
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, out.groups.data(), &size) != 0) size = 0;  // trusted for less
  out.groups.resize(size / sizeof(gid_t));
  out.groups.shrink_to_fit();
  return out;
}

Result<SubmitRequest> read_request(io::Stream& socket) {
  std::string octets;
  for (;;) {
    REMEX_TRY(const Frame frame, read_frame(socket));
    if (frame.kind == FrameKind::go) return decode_request(octets);
    if (frame.kind != FrameKind::request) return fail("a frame comes before the request");
    if (octets.size() + frame.content.size() > kMaxRequest) return fail("the request is too long");
    octets += frame.content;
  }
}

/// Fails when a message, or a piece of it, does not come in time; a dialogue has times of its own.
class TimedInput : public SubmitStream {
 public:
  using SubmitStream::SubmitStream;
  Result<std::size_t> read_some(std::span<char> into) override {
    const io::DeadlineScope whole(until_), piece(SubmitService::kInputTime);
    return SubmitStream::read_some(into);
  }

 private:
  Instant until_ = monotonic_now() + SubmitService::kMessageTime;
};

/// One caller.
class Dialogue {
 public:
  Dialogue(std::shared_ptr<Process> process, io::Socket& socket, SubmitRequest request, Caller caller)
      : process_(std::move(process)),
        socket_(socket),
        request_(std::move(request)),
        caller_(std::move(caller)),
        server_(process_->server) {
    server_.accepted = [this](store::StoredMessage&& m, bool queue_only) { take_on(std::move(m), queue_only); };
  }

  /// Exit status for the command.
  int run() {
    switch (request_.kind) {
      case SubmitRequest::Kind::message: return message();
      case SubmitRequest::Kind::smtp:
      case SubmitRequest::Kind::batch: return session();
      case SubmitRequest::Kind::list: return list();
      case SubmitRequest::Kind::remove: return remove();
    }
    return EX_PROTOCOL;
  }

 private:
  void tell(std::string_view text) { (void)write_frames(socket_, FrameKind::error, text); }

  /// What the caller wants to be done with a message that is in the queue.
  void take_on(store::StoredMessage&& m, bool queue_only) {
    if (queue_only || request_.delivery == SubmitRequest::Delivery::queue) return;
    const bool usual = !request_.queue_smtp && !request_.no_delivery;
    if (usual && request_.delivery == SubmitRequest::Delivery::background) {
      if (process_->server.accepted) process_->server.accepted(std::move(m), false);
      return;
    }
    delivery::DeliverOptions opt;
    opt.first_attempt = true;
    opt.queue_smtp = request_.queue_smtp;
    opt.dry_run = request_.no_delivery;
    (void)delivery::deliver_fresh(process_->engine, std::move(m), opt);
  }

  int message() {
    TimedInput input(socket_);
    const io::Activity activity([this] { return fmt::format("taking a message from the user {}", caller_.login); });
    request_.receive_timeout = 0;  // the command has all of it; TimedInput has the time
    return take_submission({request_, caller_, process_, server_, input, [this](std::string_view t) { tell(t); }})
        .status;
  }

  int session() {
    const bool batched = request_.kind == SubmitRequest::Kind::batch;
    const auto teller = [this](std::string_view t) { tell(t); };
    if (batched)
      if (const int rc = check_room(*process_, teller); rc != 0) return rc;
    smtp::SessionOptions so;
    so.is_tcp = false;
    so.stdio = true;
    so.batched = batched;
    so.login = caller_.login;
    so.trusted = caller_.trusted;
    so.caller_uid = caller_.uid;
    so.caller_gid = caller_.gid;
    so.tell = teller;
    if (request_.smtp_timeout >= 0)
      so.receive_timeout =
          request_.smtp_timeout == 0 ? kMostSmtpTimeout : std::min(request_.smtp_timeout, kMostSmtpTimeout);
    mail::ReceivedFrom from;
    if (caller_.trusted) apply_origin(request_, from);
    so.no_qualify = request_.no_qualify;
    smtp::Session session(server_, std::make_unique<SubmitStream>(socket_), std::move(from), so);
    const int taken = session.run();
    if (!batched) return session.ended_badly() ? 1 : 0;
    return !session.batch_failed() ? 0 : taken > 0 ? 1 : 2;  // the manual, chapter 5, "-bS"
  }

  int list() {
    const auto& m = process_->engine.config->main;
    // With a connection of its own to the database: a long queue keeps nobody else waiting.
    const auto text = io::offload([this, &m]() -> Result<std::string> {
      store::StoreOptions so;
      so.directory = m.spool_directory;
      so.read_only = true;
      REMEX_TRY(const auto store, store::Store::open(so));
      std::string out;
      REMEX_CHECK(list_queue(*store, request_, caller_.admin || !m.queue_list_requires_admin, caller_.login,
                             [&out](std::string_view piece) { out += piece; }));
      return out;
    });
    if (!text) {
      tell(fmt::format("{}: {}\n", hooks::program(), text.error().text));
      return text.error().kind == ErrorKind::failed ? EXIT_FAILURE : EX_TEMPFAIL;
    }
    (void)write_frames(socket_, FrameKind::output, *text);
    return 0;
  }

  int remove() {
    const Teller teller{[this](std::string_view t) { (void)write_frames(socket_, FrameKind::output, t); },
                        [this](std::string_view t) { tell(t); }};
    int worst = 0;
    for (const std::string& id : request_.arguments)
      worst = std::max(worst, is_message_id(id) ? remove_message(*process_, id, caller_, teller) : EXIT_FAILURE);
    return worst;
  }

  std::shared_ptr<Process> process_;
  io::Socket& socket_;
  SubmitRequest request_;
  Caller caller_;
  smtp::Server server_;
};

}  // namespace

class SubmitService::Place {
 public:
  Place(SubmitService& service, std::uint32_t uid, bool counted) : service_(service), uid_(uid), counted_(counted) {
    has_ = !counted_ || (service_.all_ < kMost && service_.of_user_[uid_] < kMostOfOne);
    if (!has_ || !counted_) return;
    ++service_.all_;
    ++service_.of_user_[uid_];
  }
  ~Place() {
    if (!counted_) return;
    const auto mine = service_.of_user_.find(uid_);
    if (has_) --service_.all_, --mine->second;
    if (mine != service_.of_user_.end() && mine->second == 0) service_.of_user_.erase(mine);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  bool has() const { return has_; }

 private:
  SubmitService& service_;
  std::uint32_t uid_;
  bool counted_, has_;
};

void SubmitService::serve(const std::shared_ptr<Process>& process, io::Socket& socket) {
  log::Log& log = *process->engine.log;
  const auto answer = [&socket](FrameKind kind, std::string_view content) {
    const io::DeadlineScope deadline(kAnswerTime);
    if (write_frames(socket, kind, content)) socket.close();
  };
  const auto refuse = [&](int status, const std::string& why) {
    const io::DeadlineScope deadline(kAnswerTime);
    (void)write_frames(socket, FrameKind::error, fmt::format("{}: {}\n", hooks::program(), why));
    answer(FrameKind::status, std::string(std::size_t{1}, static_cast<char>(status)));
  };
  const auto peer = find_peer(socket.fd());
  if (!peer) return refuse(EX_OSERR, peer.error().text);
  const Place place(*this, peer->uid, peer->uid != 0 && peer->uid != ::geteuid());
  if (!place.has()) {
    if (monotonic_now() >= tell_again_) {
      tell_again_ = monotonic_now() + kTellTime;
      log.write(log::kMain, "",
                fmt::format("too many submissions at a time ({}, {} of user {}): some are told to come again", all_,
                            of_user_[peer->uid], peer->uid));
    }
    return answer(FrameKind::busy, {});
  }
  auto request = [&] {
    const io::DeadlineScope deadline(kRequestTime);
    return read_request(socket);
  }();
  if (!request) {
    if (request.error().kind != ErrorKind::closed)
      log.write(log::kMain, "",
                fmt::format("a submission of user {} (process {}) is refused: {}", peer->uid, peer->pid,
                            request.error().text));
    return refuse(EX_PROTOCOL, request.error().text);
  }
  EximUser own;
  own.uid = ::geteuid();
  if (by_root_) own.gid = ::getegid();
  Caller caller = identify_caller(*process->engine.config, peer->uid, peer->gid, peer->groups, own);
  const int status = Dialogue(process, socket, std::move(*request), std::move(caller)).run();
  answer(FrameKind::status, std::string(std::size_t{1}, static_cast<char>(status)));
}

}  // namespace remex::daemon
