// See scheduler.h. Memory is bounded: beyond kMaxWaiting messages (or kMaxWaitingBytes) the store is the queue, and
// slow deliveries count again when their messages take more than kMaxRunningBytes.

#include "core/daemon/scheduler.h"

#include <fmt/core.h>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <exception>

#include "core/base/strings.h"
#include "core/io/process.h"

namespace remex::daemon {

namespace {
constexpr std::size_t kMaxWaiting = 2000;
constexpr std::uint64_t kMaxWaitingBytes = 32 * 1024 * 1024;
constexpr std::uint64_t kMaxRunningBytes = 64 * 1024 * 1024;
constexpr std::uint64_t kUnknownBytes = 256 * 1024;  ///< of a message that is still in the store: larger ones are files
constexpr std::size_t kSlowFactor = 8;
constexpr std::size_t kFilesEach = 2 * (1 + 6);  ///< descriptors for each delivery

std::uint64_t bytes_of(const store::StoredMessage& m) {
  return m.body && m.body->in_memory() != nullptr ? m.body->size() : 4096;
}

/// Deliveries, slow ones too: each may have a file and the usual remote_max_parallel connections open, and clients need
/// half of the descriptors.
std::size_t most_deliveries(std::size_t parallel) {
  rlimit limit{};
  const std::size_t files = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY
                                ? limit.rlim_cur / kFilesEach
                                : SIZE_MAX;
  return std::clamp(files, parallel, parallel * kSlowFactor);
}

/// An exception is a bug: it ends this one delivery (the message stays in the queue), never the slot it ran in.
template <class F>
Status contained(F&& f) {
  try {
    return f();
  } catch (const std::exception& e) {
    return fail(fmt::format("internal error: {}", e.what()));
  }
}

constexpr std::size_t kMaxRuns = 4;  ///< of each kind at once: all but the newest have taken too long

/// How many runs of a queue there may be at once. In order means one message after the other.
std::size_t most_runs(const Process& process, const std::string& queue_name) {
  const auto& m = process.engine.config->main;
  if (m.queue_run_in_order) return 1;
  if (!m.queue_run_max.is_set()) return kMaxRuns;
  mail::Envelope envelope;
  envelope.queue_name = queue_name;
  lang::Scope scope;
  scope.config = process.engine.config.get();
  scope.services = process.engine.services;
  scope.envelope = &envelope;
  const auto value = m.queue_run_max.eval(scope);
  const auto n = value ? parse_uint(trim(value->view())) : std::nullopt;
  if (!n) {
    process.engine.log->write(log::kMain | log::kPanic, "",
                              fmt::format("queue_run_max: {}", value ? "not a number" : value.error().text));
    return 1;
  }
  return *n == 0 ? kMaxRuns : std::min<std::size_t>(*n, kMaxRuns);
}

constexpr std::size_t kMaxEtrn = 16;
constexpr Millis kEtrnTime{6 * 3600 * 1000};  ///< a command may take that long

/// A queue run for the messages with an undelivered recipient that contains the text, as with -R.
Status etrn_run(Process& process, const smtp::Server::EtrnJob& job) {
  delivery::QueueRun run;
  run.each.queue_run = true;
  run.queue_name = job.queue_name;
  run.select = [needle = to_lower(job.text)](const store::QueueEntry& e) {
    return std::any_of(e.recipients.begin(), e.recipients.end(),
                       [&](const auto& r) { return !r.done && to_lower(r.address).find(needle) != std::string::npos; });
  };
  const auto say = [&](std::string_view what) {
    if (process.engine.log->on(log::Selector::queue_run))
      process.engine.log->write(log::kMain, "",
                                fmt::format("{} queue run: pid={} -R {}", what, getpid(), printable(job.text)));
  };
  say("Start");
  Status st = delivery::run_queue(process.engine, run);
  say("End");
  return st;
}

Status etrn_command(const smtp::Server::EtrnJob& job) {
  const io::DeadlineScope deadline(kEtrnTime);
  io::ProcessSpec spec;
  spec.argv = job.argv;
  spec.environment = {"PATH=/usr/bin:/bin"};
  spec.max_output = 4096;
  auto done = io::run_process(spec);
  if (!done) return fail(done.error().kind, fmt::format("exec of \"{}\" failed: {}", job.argv[0], done.error().text));
  return {};  // its status is nobody's concern (manual 49.8)
}

}  // namespace

std::string QueueRunner::option() const {
  return fmt::format("-q{}{}{}", flags, queue_name.empty() ? "" : fmt::format("G{}/", queue_name),
                     format_interval(interval));
}

Scheduler::Scheduler(std::size_t parallel, Millis patience)
    : parallel_(parallel), most_(most_deliveries(parallel)), patience_(patience) {}

bool Scheduler::has_slot() const {
  if (stopping_ || running_.size() >= most_) return false;
  if (running_.size() < parallel_) return true;
  if (running_bytes_ >= kMaxRunningBytes) return false;
  const Instant slow = monotonic_now() - patience_;
  const auto counted =
      std::count_if(running_.begin(), running_.end(), [slow](const auto& r) { return r.counts(slow); });
  return static_cast<std::size_t>(counted) < parallel_;
}

void Scheduler::deliver(std::shared_ptr<Process> process, store::StoredMessage&& msg) {
  if (stopping_) return;
  if (leaving_ && stranded_ && stranded_()) return left_();
  last_ = process;
  const std::uint64_t bytes = bytes_of(msg);
  if (!has_slot() && (waiting_.size() >= kMaxWaiting || waiting_bytes_ + bytes > kMaxWaitingBytes)) {
    overflow_ = true;
    return;
  }
  try {
    waiting_.push_back({std::move(process), std::move(msg)});
  } catch (const std::bad_alloc&) {
    overflow_ = true;
    return;
  }
  waiting_bytes_ += bytes;
  pump();
}

void Scheduler::wake(std::shared_ptr<Process> process, const std::string& id) {
  if (stopping_ || woken_.size() >= kMaxWaiting) return;  // it has a next attempt in any case
  last_ = process;
  woken_.emplace_back(std::move(process), id);
  pump();
}

void Scheduler::begin(std::uint64_t bytes, std::function<void(delivery::DeliverOptions)> deliver) {
  const auto place = running_.insert(running_.end(), {monotonic_now(), bytes});
  running_bytes_ += bytes;
  const auto end = [this, place] {
    running_bytes_ -= place->bytes;
    running_.erase(place);
  };
  try {
    nursery_->spawn("delivery", [this, place, end, deliver = std::move(deliver)] {
      delivery::DeliverOptions opt;
      opt.local_runs = place->local_runs;
      deliver(std::move(opt));
      end();
      go_on();
    });
  } catch (const std::bad_alloc&) {
    end();
    throw;
  }
}

void Scheduler::pump() {
  try {
    start_waiting();
  } catch (const std::bad_alloc&) {
    overflow_ = true;  // the message is in the store
  }
  try {
    watch();
    // NOLINTNEXTLINE(bugprone-empty-catch)
  } catch (const std::bad_alloc&) {  // the next delivery, or the look for retries, comes to it
  }
}

void Scheduler::start_waiting() {
  while (!woken_.empty() && has_slot()) {
    auto [process, id] = std::move(woken_.front());
    woken_.pop_front();
    begin(kUnknownBytes, [process = std::move(process), id = std::move(id)](delivery::DeliverOptions opt) {
      const Status st = contained([&] {
        opt.insist = true;
        return delivery::deliver_message(process->engine, id, opt);
      });
      if (!st && st.error().kind != ErrorKind::cancelled)
        process->engine.log->write(log::kMain | log::kPanic, id,
                                   fmt::format("delivery could not be recorded: {}", st.error().text));
    });
  }
  while (!waiting_.empty() && has_slot()) {
    auto item = std::make_shared<Waiting>(std::move(waiting_.front()));
    waiting_.pop_front();
    const std::uint64_t bytes = bytes_of(item->msg);
    waiting_bytes_ -= std::min(waiting_bytes_, bytes);
    begin(bytes, [item](delivery::DeliverOptions opt) {
      const std::string id = item->msg.envelope.id;
      const Status st = contained([&] {
        opt.first_attempt = true;
        return delivery::deliver_fresh(item->process->engine, std::move(item->msg), opt);
      });
      if (!st && st.error().kind != ErrorKind::cancelled)
        item->process->engine.log->write(log::kMain | log::kPanic, id,
                                         fmt::format("delivery could not be recorded: {}", st.error().text));
    });
  }
  if (waiting_.empty() && has_slot() && overflow_ && last_) {
    overflow_ = false;  // the run is remembered when it cannot start yet
    ask_for_run(last_);
  }
}

void Scheduler::ask_for_run(const std::shared_ptr<Process>& process) {
  if (leaving_)
    left_();
  else
    queue_run(process);
}

void Scheduler::go_on() {
  pump();
  for (Lane& lane : lanes_) start_wanted(lane);
  if (leaving_ && idle() && idle_) idle_();
}

bool Scheduler::idle() const {
  return running_.empty() && waiting_.empty() && woken_.empty() && etrn_running_.empty() &&
         std::all_of(lanes_.begin(), lanes_.end(), [](const Lane& l) { return l.idle(); });
}

void Scheduler::leave(std::function<void()> left, std::function<void()> idle, std::function<bool()> stranded) {
  leaving_ = true;
  left_ = std::move(left);
  idle_ = std::move(idle);
  stranded_ = std::move(stranded);
  for (Lane& lane : lanes_) lane.wanted.reset();
  if (!stranded_ || !stranded_() || (waiting_.empty() && woken_.empty())) return;
  waiting_.clear();
  waiting_bytes_ = 0;
  woken_.clear();
  left_();
}

Millis Scheduler::until_slow() const {
  const Instant now = monotonic_now();
  for (const Running& r : running_)
    if (r.began + patience_ > now) return std::chrono::ceil<Millis>(r.began + patience_ - now);
  return patience_;
}

void Scheduler::watch() {
  if (stopping_ || watching_ || !anything_waits()) return;
  watch_->spawn("delivery slots", [this] {
    while (!stopping_ && anything_waits()) {
      if (!io::sleep_for(std::max(until_slow(), Millis(10)))) break;
      pump();
      // As many as may be are slow: a queue run has slots of its own.
      const Instant now = monotonic_now();
      const bool young =
          std::any_of(running_.begin(), running_.end(), [&](const auto& r) { return r.began > now - patience_; });
      if (running_.size() < most_ && running_bytes_ < kMaxRunningBytes && (young || has_slot())) continue;
      if (waiting_.empty() || now - waiting_.front().since < patience_ || now - helped_ < 2 * patience_) continue;
      helped_ = now;
      ask_for_run(waiting_.front().process);
    }
    watching_ = false;
  });
  watching_ = true;
}

bool Scheduler::may_start(const Runs& runs, std::size_t most) const {
  return !stopping_ && (runs.running == 0 || (runs.running < most && monotonic_now() - runs.last_began >= patience_));
}

std::size_t Scheduler::add(QueueRunner runner) {
  lanes_.push_back({.runner = std::move(runner)});
  return lanes_.size() - 1;
}

void Scheduler::queue_run(std::shared_ptr<Process> process, std::size_t runner) {
  if (stopping_ || leaving_) return;
  Lane& lane = lanes_.at(runner);
  lane.wanted = std::move(process);
  start_wanted(lane);
}

void Scheduler::start_wanted(Lane& lane) {
  if (lane.wanted && start(lane, lane.wanted, false)) lane.wanted.reset();
}

void Scheduler::retry_due(std::shared_ptr<Process> process, std::size_t runner) {
  Lane& lane = lanes_.at(runner);
  if (overflow_) pump();
  start_wanted(lane);
  // A young queue run comes to them itself.
  if (!may_start(lane.full, kMaxRuns + 1) || !may_start(lane.retries, kMaxRuns)) return;
  auto due = process->engine.store->due(wall_seconds(), 1, false, lane.runner.queue_name, true);
  if (due && !due->empty()) (void)start(lane, process, true);
}

bool Scheduler::start(Lane& lane, const std::shared_ptr<Process>& process, bool retries_only) {
  Runs& runs = retries_only ? lane.retries : lane.full;
  if (!may_start(runs, kMaxRuns)) return false;
  if (!retries_only && runs.running > 0) {
    if (monotonic_now() - lane.refused < patience_) return false;
    if (runs.running >= most_runs(*process, lane.runner.queue_name)) {
      lane.refused = monotonic_now();
      return false;
    }
  }
  nursery_->spawn("queue run", [this, process, retries_only, &runs, &runner = lane.runner] {
    delivery::QueueRun run;
    run.queue_name = runner.queue_name;
    if (!retries_only) {
      run.each = runner.each;
      run.select = runner.select;
    }
    run.retries_only = retries_only;
    run.each.queue_run = true;
    run.parallel = static_cast<int>(parallel_);
    run.enough = [this] { return leaving_; };
    const bool say = !retries_only && process->engine.log->on(log::Selector::queue_run);
    const auto log = [&](std::string_view what) {
      if (say) process->engine.log->write(log::kMain, "", delivery::run_line(what, runner.queue_name, runner.label));
    };
    log("Start");
    const Status st = contained([&] { return delivery::run_queue(process->engine, run); });
    if (!st && st.error().kind != ErrorKind::cancelled)
      process->engine.log->write(log::kMain | log::kPanic, "", fmt::format("queue run failed: {}", st.error().text));
    log("End");
    --runs.running;
    go_on();
  });
  ++runs.running;  // the fiber begins later
  runs.last_began = monotonic_now();
  return true;
}

bool Scheduler::etrn(std::shared_ptr<Process> process, const smtp::Server::EtrnJob& job) {
  if (stopping_ || etrn_running_.size() >= kMaxEtrn || (job.serialize && etrn_running_.contains(job.key))) return false;
  nursery_->spawn("etrn", [this, process = std::move(process), job] {
    const Status st = contained([&] { return job.argv.empty() ? etrn_run(*process, job) : etrn_command(job); });
    if (!st && st.error().kind != ErrorKind::cancelled)
      process->engine.log->write(log::kMain | log::kPanic, "",
                                 fmt::format("ETRN {}: {}", printable(job.key), st.error().text));
    etrn_running_.erase(job.key);
    go_on();
  });
  etrn_running_.insert(job.key);
  return true;
}

void Scheduler::drain() {
  stopping_ = true;
  waiting_.clear();
  woken_.clear();
  idle_ = nullptr;
  if (!nursery_->join())
    nursery_ = std::make_unique<io::Nursery>(io::OnThrow::fatal);  // the old one cancels what is late and waits for it
  last_.reset();
  for (Lane& lane : lanes_) lane.wanted.reset();
}

}  // namespace remex::daemon
