// Deliveries of stored messages and queue runs; see delivery.h.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <deque>

#include "core/delivery/attempt.h"
#include "core/delivery/message_log.h"
#include "core/hooks/hooks.h"
#include "core/io/activity.h"
#include "core/io/fiber.h"
#include "core/io/process.h"
#include "core/mail/freezing.h"
#include "transports/smtp_dialogue.h"

namespace remex::delivery {
namespace {

/// Frozen messages: thawed by -M, by auto_thaw, or cancelled by timeout_frozen_after. False: leave it alone.
bool may_proceed(Engine& eng, mail::Envelope& e, const DeliverOptions& opt, bool& cancel) {
  if (!e.frozen) return true;
  const auto& main = eng.config->main;
  const std::int64_t now = wall_seconds(), frozen_for = now - e.frozen_at,
                     age = now - std::chrono::duration_cast<Seconds>(e.received.time_since_epoch()).count();
  const bool bounce_over =
      e.sender.empty() && main.ignore_bounce_errors_after > 0 && age >= main.ignore_bounce_errors_after;
  if (main.timeout_frozen_after > 0 && age >= main.timeout_frozen_after) {
    cancel = true;
    eng.log->write(log::kMain, e.id, "cancelled by timeout_frozen_after");
  } else if (opt.thaw || opt.give_up) {
    e.manual_thaw = opt.thaw;
    if (opt.thaw) eng.log->write(log::kMain, e.id, "Unfrozen by forced delivery");
  } else if (main.auto_thaw > 0 && frozen_for >= main.auto_thaw && !e.sender.empty()) {
    eng.log->write(log::kMain, e.id, "Unfrozen by auto-thaw");
  } else if (bounce_over) {
    eng.log->write(log::kMain, e.id, "Unfrozen by errmsg timer");
  } else if (opt.force_frozen) {
    eng.log->write(log::kMain, e.id, "Unfrozen by forced delivery");
  } else {
    if (eng.log->on(log::Selector::skip_delivery)) eng.log->write(log::kMain, e.id, "Message is frozen");
    return false;
  }
  mail::thaw(e, e.manual_thaw);
  return true;
}

Status attempt(Engine& eng, store::StoredMessage& msg, const DeliverOptions& opt, std::shared_ptr<store::Claim> claim) {
  std::string_view step = "routing";
  const io::Activity activity([&] { return fmt::format("delivering {}: {}", msg.envelope.id, step); });
  bool cancel = false;
  if (transports::SmtpDialogue::shown())  // -v
    fmt::print(stderr, "delivering {}{}\n", msg.envelope.id,
               opt.queue_run ? fmt::format(" (queue run pid {})", ::getpid()) : std::string());
  if (!may_proceed(eng, msg.envelope, opt, cancel)) return {};
  Attempt a(eng, msg, opt);
  a.claim = claim;
  if (cancel && msg.envelope.sender.empty()) {
    keep_message_log(eng, msg.envelope);
    REMEX_CHECK(eng.store->remove(msg.envelope.id, true));
    eng.log->write(log::kMain, msg.envelope.id, "Completed");
    return {};
  }
  if (opt.give_up || cancel) {
    a.fail_all("");
  } else {
    a.system_filter();
    a.route_all();
    step = "running transports";
    a.transport_all();
  }
  step = "writing down what came of it";
  Status outcome = a.finish();
  // What the courier does for it may go on for a moment, and nobody waits for that any more.
  if (cut_short() && claim) claim->keep();
  return outcome;
}

}  // namespace

std::string load_advice(const std::string& id, const Error& why) {
  if (why.kind != ErrorKind::failed) return why.text;
  return fmt::format("{}; the message is damaged: when that is repaired, -M {} delivers it, else -Mrm {} removes it",
                     why.text, id, id);
}

void cannot_load(Engine& eng, const std::string& id, const Error& why) {
  if (why.kind != ErrorKind::failed) {
    eng.store->leave_alone(id, Seconds(60));
    eng.log->write(log::kMain | log::kPanic, id, fmt::format("{}; it is tried again in a minute", why.text));
    return;
  }
  const auto first = eng.store->set_aside(id);
  if (first && *first) eng.log->write(log::kMain | log::kPanic, id, "set aside: " + load_advice(id, why));
}

Status deliver_message(Engine& eng, const std::string& id, const DeliverOptions& opt) {
  REMEX_TRY(auto claim, eng.store->claim(id));
  for (int i = 0; !claim && opt.insist && i < 50; ++i) {
    REMEX_CHECK(io::sleep_for(Millis(20)));
    REMEX_TRY(claim, eng.store->claim(id));
  }
  if (!claim) {
    if (eng.log->on(log::Selector::skip_delivery))
      eng.log->write(log::kMain, id, "Spool file is locked (another process is handling this message)");
    return {};
  }
  auto msg = eng.store->load(id);
  if (!msg) {
    if (msg.error().kind == ErrorKind::not_found) return {};  // another process finished it meanwhile
    cannot_load(eng, id, msg.error());
    return {};
  }
  if (opt.untried_only && !msg->envelope.deliver_first_time) return {};
  return attempt(eng, *msg, opt, std::move(claim));
}

Status deliver_fresh(Engine& eng, store::StoredMessage msg, const DeliverOptions& opt) {
  REMEX_TRY(auto claim, eng.store->claim(msg.envelope.id));
  if (!claim) return {};
  if (!eng.store->unchanged(msg)) {
    auto now = eng.store->load(msg.envelope.id);
    if (!now && now.error().kind == ErrorKind::not_found) return {};
    if (!now) {
      cannot_load(eng, msg.envelope.id, now.error());
      return {};
    }
    if (!now->envelope.deliver_first_time || now->envelope.queue_name != msg.envelope.queue_name) return {};
    msg = std::move(*now);
  }
  return attempt(eng, msg, opt, std::move(claim));
}

namespace {

/// The ids of one run, in pieces: a long queue is neither held in memory nor looked at in one go, and the first message
/// starts at once. Selected ones need no due time: the run was asked for.
class RunIds {
 public:
  RunIds(Engine& eng, const QueueRun& run) : eng_(eng), run_(run), all_known_(static_cast<bool>(run.select)) {}

  /// Looks for the first ones; how many are at hand.
  Result<std::size_t> begin() {
    if (!run_.select) {
      REMEX_CHECK(more());
      return ids_.size();
    }
    REMEX_TRY(const auto all, eng_.store->list(true));
    for (const auto& e : all)
      if (e.queue_name == run_.queue_name && run_.select(e)) ids_.push_back(e.id);
    return ids_.size();
  }

  /// nullopt: no more.
  Result<std::optional<std::string>> next() {
    if (ids_.empty() && !all_known_) REMEX_CHECK(more());
    if (ids_.empty()) return std::optional<std::string>();
    std::string id = std::move(ids_.front());
    ids_.pop_front();
    return std::optional(std::move(id));
  }

 private:
  static constexpr std::size_t kPiece = 500;

  Status more() {
    const auto& each = run_.each;
    const store::Store::Frozen frozen =
        run_.look_at_all || each.force_frozen ? store::Store::Frozen(true) : old_frozen();
    auto found = run_.look_at_all || each.force || each.force_frozen
                     ? eng_.store->ids(kPiece, frozen.all, run_.queue_name, walk_)
                     : eng_.store->due(began_, kPiece, frozen, run_.queue_name, run_.retries_only, &place_);
    if (const std::string damage = eng_.store->take_damage(); !damage.empty())
      eng_.log->write(log::kMain | log::kPanic, "", damage);
    if (!found) return std::unexpected(std::move(found.error()));
    ids_.assign(found->begin(), found->end());
    all_known_ = ids_.size() < kPiece;
    return {};
  }

  /// Those that have been here for so long that may_proceed() may let them go on.
  store::Store::Frozen old_frozen() const {
    const auto& main = eng_.config->main;
    store::Store::Frozen out;
    if (run_.retries_only) return out;  // the next whole run is early enough
    for (const std::int64_t after : {main.auto_thaw, main.timeout_frozen_after})
      if (after > 0) out.came = std::max(out.came, began_ - after);
    if (main.ignore_bounce_errors_after > 0) out.bounces_came = began_ - main.ignore_bounce_errors_after;
    return out;
  }

  Engine& eng_;
  const QueueRun& run_;
  bool all_known_;
  std::int64_t began_ = wall_seconds();  ///< what falls due later, also by this run's own attempts, is the next run's
  store::Store::DuePlace place_;
  store::Store::Walk walk_;
  std::deque<std::string> ids_;
};

/// deliver_queue_load_max: a run that meets an overloaded machine leaves the rest to the next one.
bool overloaded(Engine& eng) {
  const std::int64_t limit = eng.config->main.deliver_queue_load_max;
  if (limit < 0) return false;
  const std::int64_t load = io::load_average_thousandths();
  if (load <= limit) return false;
  eng.log->write(log::kMain, "",
                 fmt::format("Abandon queue run: pid={} (load {:.2f}, max {:.2f})", getpid(),
                             static_cast<double>(load) / 1000, static_cast<double>(limit) / 1000));
  return true;
}

/// The messages of a run whose turn at a destination comes while it runs: nobody else would deliver them.
class Woken {
 public:
  explicit Woken(const Engine& eng) : limits_(eng.limits) {
    if (limits_ && limits_->wake) limits_.reset();  // the daemon's scheduler hears of it
    if (!limits_) return;
    limits_->wake = [this](const std::string& id) {
      ids_.push_back(id);
      changed_.set();
    };
  }
  ~Woken() {
    if (limits_) limits_->wake = nullptr;
  }
  Woken(const Woken&) = delete;
  Woken& operator=(const Woken&) = delete;

  /// The next one; waits for it while deliveries are under way that may wake one. Null: none will come. Parks.
  std::optional<std::string> next() {
    while (ids_.empty()) {
      if (!limits_ || busy_ == 0 || limits_->waiting() == 0) return {};
      changed_.clear();
      if (!changed_.wait()) return {};
    }
    auto id = std::move(ids_.front());
    ids_.pop_front();
    return id;
  }
  bool any() const { return !ids_.empty(); }
  void begin() { ++busy_; }
  void end() {
    --busy_;
    changed_.set();
  }

 private:
  std::shared_ptr<transports::DestinationLimits> limits_;
  std::deque<std::string> ids_;
  std::size_t busy_ = 0;
  io::Event changed_;
};

}  // namespace

std::string run_line(std::string_view what, const std::string& queue_name, std::string_view label) {
  return fmt::format("{} {}queue run: pid={}{}", what, queue_name.empty() ? "" : fmt::format("'{}' ", queue_name),
                     getpid(), label);
}

Status run_queue(Engine& engine, const QueueRun& run) {
  Engine eng = engine;  // with connections of its own when the process keeps none
  if (!eng.pool) eng.pool = std::make_shared<transports::ConnectionPool>();
  const io::Activity activity(
      [&] { return fmt::format("running queue{}", run.retries_only ? ": what is to be tried again now" : ""); });
  hooks::next_queue_run();
  const bool in_order = engine.config->main.queue_run_in_order && !run.retries_only;
  const int parallel = in_order || hooks::one_at_a_time() ? 1 : std::max(1, run.parallel);
  RunIds ids(eng, run);
  REMEX_TRY(const std::size_t at_hand, ids.begin());
  bool stop = false;
  Status first_error;
  bool all_begun = false;
  Woken woken(eng);
  // False: the fiber has nothing more to do.
  const auto one = [&](DeliverOptions opt) -> bool {
    Result<std::optional<std::string>> next;
    if (all_begun || woken.any()) {
      next = woken.next();
      if (!*next) return false;
      opt.insist = true;
    } else {
      stop = (run.enough && run.enough()) || overloaded(eng);
      if (stop) return false;
      next = ids.next();
      if (!next) {
        stop = true;
        if (first_error) first_error = std::unexpected(std::move(next.error()));
        return false;
      }
      all_begun = !*next;
      if (all_begun) return true;
    }
    const std::string& id = **next;
    Status s;
    woken.begin();
    const std::string bug = exception_of([&] { s = deliver_message(eng, id, opt); });
    woken.end();
    if (!bug.empty()) {  // the message stays in the queue, and the ones behind it get their turn
      eng.log->write(log::kMain | log::kPanic, id, bug);
      s = fail(bug);
    }
    if (s) return true;
    if (s.error().kind == ErrorKind::cancelled)
      stop = true;
    else if (first_error)
      first_error = std::move(s);
    return true;
  };
  if (run.select && at_hand > 0 && !run.each.force) {
    DeliverOptions forced = run.each;
    forced.force = true;
    (void)one(forced);
  }
  io::Nursery nursery;
  for (std::size_t i = 0; i < std::min(static_cast<std::size_t>(parallel), at_hand) && !stop; ++i) {
    nursery.spawn("queue run", [&] {
      while (!stop && one(run.each)) {
      }
    });
  }
  REMEX_CHECK(nursery.join());
  if (!engine.pool) eng.pool->close_all();
  return first_error;
}

Status deliver_wrapped(Engine& eng, store::StoredMessage& msg) {
  DeliverOptions opt;
  opt.force = opt.first_attempt = true;
  Engine without = eng;
  without.store = nullptr;  // nothing is kept: no queue, no hints
  Attempt a(without, msg, opt);
  a.mua_wrapper = true;
  a.route_all();
  const auto reason = [](const Addr& t) { return fail(t.message.empty() ? "delivery failed" : t.message); };
  if (const Addr* t = a.first_trouble(); t != nullptr && t->status != Addr::Status::routed) return reason(*t);
  auto groups = a.make_groups();
  for (const Group& g : groups)
    if (g.def->is_local)
      return fail(fmt::format("{}: mua_wrapper delivers by remote transports only", g.addrs.front()->state.address));
  if (groups.size() > 1)
    return fail("all recipients of a mua_wrapper message must be delivered in one SMTP transaction");
  for (const auto& r : msg.envelope.recipients)
    if (r.address.empty()) return fail("empty recipient");
  if (groups.empty()) return fail("there is nobody to deliver to");
  a.run_group(groups.front());
  if (const Addr* t = a.first_trouble()) return reason(*t);
  eng.log->write(log::kMain, msg.envelope.id, "Completed");
  return {};
}

}  // namespace remex::delivery
