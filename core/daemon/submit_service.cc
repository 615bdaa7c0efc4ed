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
#include <optional>
#include <span>
#include <unordered_set>
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

constexpr std::int64_t kMostSmtpTimeout = 600;  ///< seconds; a caller may ask for none at all

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

/// One of a few at a time, as long as it lives.
class Turn {
 public:
  explicit Turn(io::Semaphore& of) : of_(of), has_(of.acquire().has_value()) {}
  ~Turn() {
    if (has_) of_.release();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  bool has() const { return has_; }

 private:
  io::Semaphore& of_;
  bool has_;
};

/// Whoever does not take what he is told in time is told nothing more, and not listened to: half a frame may be on its
/// way. One who has gone has perhaps sent all he had to say.
Status say(io::Socket& socket, FrameKind kind, std::string_view content) {
  const io::DeadlineScope deadline(SubmitService::kAnswerTime);
  Status said = write_frames(socket, kind, content);
  if (!said && said.error().kind == ErrorKind::timed_out) socket.abort();
  return said;
}

/// The last frame. What is on its way arrives; what the caller still sends is not waited for, so that connections
/// without a place do not pile up.
void end_with(io::Socket& socket, FrameKind kind, std::string_view content) {
  (void)say(socket, kind, content);
  socket.abort();
}
void end_with_status(io::Socket& socket, int status) {
  end_with(socket, FrameKind::status, std::string(std::size_t{1}, static_cast<char>(status)));
}

/// Each once, in their order.
void drop_repeated(std::vector<std::string>& list) {
  std::unordered_set<std::string> seen;
  std::erase_if(list, [&seen](const std::string& s) { return !seen.insert(s).second; });
}

/// What calls for one line of the log in a while, however often it happens.
bool may_tell(Instant& again, Millis pause) {
  const Instant now = monotonic_now();
  if (now < again) return false;
  again = now + pause;
  return true;
}

/// One caller.
class Dialogue {
 public:
  /// `list`: one list of the queue at a time for this user; `lists`: a few for all.
  Dialogue(std::shared_ptr<Process> process, io::Socket& socket, SubmitRequest request, Caller caller,
           io::Semaphore& list, io::Semaphore& lists)
      : process_(std::move(process)),
        socket_(socket),
        request_(std::move(request)),
        caller_(std::move(caller)),
        server_(process_->server),
        list_(list),
        lists_(lists) {
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
  void put(FrameKind kind, std::string_view text) {
    if (!say(socket_, kind, text)) lost_ = true;
  }
  void tell(std::string_view text) { put(FrameKind::error, text); }
  int complain(int status, std::string_view text) {
    tell(fmt::format("{}: {}\n", hooks::program(), text));
    return status;
  }

  /// What the caller wants to be done with a message that is in the queue.
  void take_on(store::StoredMessage&& m, bool queue_only) {
    if (request_.kind == SubmitRequest::Kind::message)
      put(FrameKind::taken, {});  // the delivery may outlive this worker
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
    TimedInput input(socket_, SubmitService::kMessageTime, SubmitService::kInputTime);
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
    smtp::Session session(
        server_, std::make_unique<TimedInput>(socket_, SubmitService::kDialogueTime, SubmitService::kDialogueTime),
        std::move(from), so);
    const int taken = session.run();
    if (!batched) return session.ended_badly() ? 1 : 0;
    return !session.batch_failed() ? 0 : taken > 0 ? 1 : 2;  // the manual, chapter 5, "-bS"
  }

  int list() {
    drop_repeated(request_.arguments);
    std::optional<Turn> of_his, of_all;  // a list is large, and its reader may be slow
    {
      const io::DeadlineScope deadline(SubmitService::kListTime);
      if (of_his.emplace(list_); of_his->has()) of_all.emplace(lists_);
    }
    if (!of_all || !of_all->has())
      return complain(EX_TEMPFAIL, "too many lists of the queue are wanted at a time: try again later");
    const auto text = io::offload([this] { return list_text(); });
    if (!text) return complain(text.error().kind == ErrorKind::failed ? EXIT_FAILURE : EX_TEMPFAIL, text.error().text);
    const io::DeadlineScope deadline(SubmitService::kListTime);
    return write_frames(socket_, FrameKind::output, *text) ? 0 : EX_TEMPFAIL;
  }

  /// With a connection of its own to the database: a long queue keeps nobody else waiting. In a thread of the pool.
  Result<std::string> list_text() {
    const auto& m = process_->engine.config->main;
    store::StoreOptions so;
    so.directory = m.spool_directory;
    so.read_only = true;
    REMEX_TRY(const auto store, store::Store::open(so));
    std::string text;
    const auto add = [&text](std::string_view piece) -> Status {
      if (text.size() + piece.size() > kMaxList)
        return fail(
            fmt::format("the list is longer than {} MiB: ask for the number of messages (-bpc) or their ids "
                        "(-bpi), for some of them (-bp ID ...), or do this as root or exim_user",
                        kMaxList >> 20));
      text += piece;
      return {};
    };
    REMEX_CHECK(list_queue(*store, request_, caller_.admin || !m.queue_list_requires_admin, caller_.login, add));
    return text;
  }

  int remove() {
    if (request_.arguments.empty()) return complain(EXIT_FAILURE, "no message ids given after -Mrm option");
    for (const std::string& id : request_.arguments)
      if (!is_message_id(id))
        return complain(EXIT_FAILURE, fmt::format("malformed message id {} after -Mrm option", printable(id)));
    drop_repeated(request_.arguments);
    const Teller teller{[this](std::string_view t) { put(FrameKind::output, t); },
                        [this](std::string_view t) { tell(t); }};
    int worst = 0;
    for (const std::string& id : request_.arguments) {
      worst = std::max(worst, remove_message(*process_, id, caller_, teller));
      if (lost_) break;  // nobody hears what became of the others
    }
    return worst;
  }

  std::shared_ptr<Process> process_;
  io::Socket& socket_;
  SubmitRequest request_;
  Caller caller_;
  smtp::Server server_;
  io::Semaphore &list_, &lists_;
  bool lost_ = false;  ///< the caller has gone, or takes nothing
};

}  // namespace

class SubmitService::Place {
 public:
  Place(SubmitService& service, std::uint32_t uid, bool counted)
      : service_(service), uid_(uid), user_(service.users_[uid]), counted_(counted) {
    ++user_.here;
    has_ = !counted_ || (service_.all_ < kMost && user_.places < kMostOfOne);
    if (has_ && counted_) ++service_.all_, ++user_.places;
  }
  ~Place() {
    if (has_ && counted_) --service_.all_, --user_.places;
    if (--user_.here == 0) service_.users_.erase(uid_);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  bool has() const { return has_; }
  User& user() const { return user_; }

 private:
  SubmitService& service_;
  std::uint32_t uid_;
  User& user_;
  bool counted_, has_ = false;
};

void SubmitService::serve(const std::shared_ptr<Process>& process, io::Socket& socket) {
  log::Log& log = *process->engine.log;
  const auto refuse = [&](int status, const std::string& why) {
    (void)say(socket, FrameKind::error, fmt::format("{}: {}\n", hooks::program(), why));
    end_with_status(socket, status);
  };
  const auto peer = find_peer(socket.fd());
  if (!peer) return refuse(EX_OSERR, peer.error().text);
  const auto note = [&](Instant& again, const std::string& what) {
    if (may_tell(again, kTellTime)) log.write(log::kMain, "", what);
  };
  const Place place(*this, peer->uid, peer->uid != 0 && peer->uid != ::geteuid());
  if (!place.has()) {
    note(tell_of_many_again_, fmt::format("too many submissions at a time ({}, {} of user {}): some are told to come "
                                          "again",
                                          all_, place.user().places, peer->uid));
    return end_with(socket, FrameKind::busy, {});
  }
  auto request = [&] {
    const io::DeadlineScope deadline(kRequestTime);
    return read_request(socket);
  }();
  if (!request) {
    if (request.error().kind != ErrorKind::closed)
      note(tell_of_bad_again_, fmt::format("a submission of user {} (process {}) is refused: {}", peer->uid, peer->pid,
                                           request.error().text));
    return refuse(EX_PROTOCOL, request.error().text);
  }
  EximUser own;
  own.uid = ::geteuid();
  if (by_root_) own.gid = ::getegid();
  auto caller = identify_caller(*process->engine.config, peer->uid, peer->gid, peer->groups, own);
  if (!caller) {
    note(tell_of_accounts_again_,
         fmt::format("a submission of user {} (process {}) is put off: {}", peer->uid, peer->pid, caller.error().text));
    return refuse(EX_TEMPFAIL, caller.error().text + ": try again later");
  }
  (void)say(socket, FrameKind::ready, {});
  end_with_status(socket,
                  Dialogue(process, socket, std::move(*request), std::move(*caller), place.user().list, lists_).run());
}

}  // namespace remex::daemon
