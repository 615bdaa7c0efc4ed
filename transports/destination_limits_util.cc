// See destination_limits.h.
#include "transports/destination_limits.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>
#include <utility>

#include "core/base/clock.h"
#include "core/base/strings.h"

namespace remex::transports {
namespace {

constexpr std::size_t kManyDestinations = 1000;  ///< then the idle ones are forgotten
constexpr std::int64_t kTurn = 30;               ///< seconds a turn is kept, and until a connection is asked for again
constexpr std::int64_t kLongest = 600;           ///< seconds until who will be woken comes without that
constexpr std::int64_t kLate = 60 * 1000000;     ///< who has not come this long after its time has lost its place
constexpr const char* kTable = "destination";

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(wall_now().time_since_epoch()).count();
}

std::int64_t seconds_up(std::int64_t us) { return us / 1000000 + 1; }

/// Where the locks for a name are; two names in one place share it.
std::int64_t place_of(const std::string& name) {
  std::uint64_t h = 1469598103934665603U;  // FNV-1a: the same in every process and version
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return static_cast<std::int64_t>(h >> 24U) * DestinationLimits::kMaxConnections;
}

/// A destination of many hosts has a long name.
std::string shown(const std::string& name) {
  constexpr std::size_t kMost = 200;
  return name.size() <= kMost ? printable(name) : printable(name.substr(0, kMost)) + "...";
}

}  // namespace

Result<MessageRate> parse_message_rate(std::string_view text) {
  text = trim(text);
  MessageRate rate;
  if (text.empty() || text == "0") return rate;
  const auto slash = text.find('/');
  const auto n = parse_uint(trim(text.substr(0, slash)));
  if (slash == std::string_view::npos || !n || *n == 0 || *n > 1000000000 ||
      !parse_interval(trim(text.substr(slash + 1)), rate.period) || rate.period <= 0 || rate.period > 366 * 86400)
    return fail(fmt::format("\"{}\" is not a rate of messages, like 100/1h", printable(text)));
  rate.messages = static_cast<std::int64_t>(*n);
  return rate;
}

// ------------------------------------------------------------------ the rate

std::int64_t RateWindow::width() const {
  return std::max<std::int64_t>(rate_.period * 1000000 / static_cast<std::int64_t>(kParts), 1);
}

RateWindow RateWindow::parse(std::string_view text, MessageRate rate) {
  RateWindow w(rate);
  std::vector<std::int64_t> n;
  for (const std::string_view word : split(text, ' ')) n.push_back(parse_int(word).value_or(-1));
  if (n.size() != w.counts_.size() + 2 || n[0] != rate.period || *std::min_element(n.begin(), n.end()) < 0) return w;
  w.newest_ = n[1];
  std::copy(n.begin() + 2, n.end(), w.counts_.begin());
  return w;
}

std::string RateWindow::str() const { return fmt::format("{} {} {}", rate_.period, newest_, fmt::join(counts_, " ")); }

void RateWindow::move_to(std::int64_t now) {
  const std::int64_t part = now / width(), parts = static_cast<std::int64_t>(counts_.size());
  // A clock that was far ahead when this was written must not shut the door for that long.
  if (part >= newest_ + parts || part < newest_ - parts) counts_.fill(0);
  if (part < newest_ && part >= newest_ - parts) return;
  for (; newest_ < part && newest_ + parts > part; ++newest_) {
    std::move_backward(counts_.begin(), counts_.end() - 1, counts_.end());
    counts_[0] = 0;
  }
  newest_ = part;
}

std::int64_t RateWindow::room(std::int64_t now) {
  move_to(now);
  return rate_.messages - std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0});
}

void RateWindow::take(std::int64_t now) {
  move_to(now);
  ++counts_[0];
}

void RateWindow::give_back() {
  if (const auto c = std::find_if(counts_.begin(), counts_.end(), [](auto n) { return n > 0; }); c != counts_.end())
    --*c;
}

std::int64_t RateWindow::when(std::int64_t now, std::int64_t before) {
  std::int64_t missing = before + 1 - room(now);
  if (missing <= 0) return now;
  for (std::size_t age = counts_.size(); age-- > 0;) {
    missing -= counts_[age];
    const std::int64_t leaves = newest_ - static_cast<std::int64_t>(age) + static_cast<std::int64_t>(counts_.size());
    if (missing <= 0) return std::max(leaves * width(), now);
  }
  // Further back than what has been sent: a period for each full measure of those who wait.
  return now + rate_.period * 1000000 * (1 + missing / rate_.messages);
}

// ------------------------------------------------------------------ connections

/// Slot n of a destination is a lock on octet place + n of the file: nothing is ever written there.
struct DestinationLimits::LockFile {
  explicit LockFile(std::string p) : path(std::move(p)) {}
  ~LockFile() {
    if (fd >= 0) ::close(fd);
  }
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

  /// Locks belong to the open file, so this process's own are known by `held`.
  bool set(std::int64_t at, short type) {
    if (path.empty()) return true;
    if (fd < 0) fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0) return true;  // no worse than counting in this process alone
    struct flock lock{};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = at;
    lock.l_len = 1;
    return ::fcntl(fd, F_OFD_SETLK, &lock) == 0;
  }

  std::string path;
  int fd = -1;
  std::set<std::int64_t> held;
};

DestinationLimits::DestinationLimits(std::string lock_file) : file_(std::make_shared<LockFile>(std::move(lock_file))) {}
DestinationLimits::~DestinationLimits() = default;

std::shared_ptr<void> DestinationLimits::slot(const DestinationRule& rule) {
  const std::int64_t place = place_of(rule.name), end = place + std::min(rule.connections, kMaxConnections);
  for (std::int64_t at = place; at < end; ++at) {
    if (file_->held.contains(at) || !file_->set(at, F_WRLCK)) continue;
    file_->held.insert(at);
    return {file_.get(), [file = file_, at](void*) {
              (void)file->set(at, F_UNLCK);
              file->held.erase(at);
            }};
  }
  return nullptr;
}

DestinationLimits::Refusal DestinationLimits::no_slot(const DestinationRule& rule) {
  return {
      fmt::format("waits for its turn: {} connection{} to {} {} open (destination_max_connections)", rule.connections,
                  rule.connections == 1 ? "" : "s", shown(rule.name), rule.connections == 1 ? "is" : "are"),
      wall_seconds() + kTurn};
}

// ------------------------------------------------------------------ turns

DestinationLimits::Permit::Permit(Permit&& o) noexcept
    : of_(std::exchange(o.of_, nullptr)), rule_(std::move(o.rule_)), hints_(o.hints_), used_(o.used_) {}

DestinationLimits::Permit::~Permit() {
  if (of_ != nullptr) of_->leave(rule_, used_, hints_);
}

std::optional<DestinationLimits::Refusal> DestinationLimits::wait_to_connect(Destination& d,
                                                                             const DestinationRule& rule,
                                                                             const std::string& id) {
  d.connections = rule.connections;
  const std::int64_t now = wall_seconds();
  std::erase_if(d.granted, [&](const auto& g) { return g.second < now; });
  if (d.granted.erase(id) > 0) return {};
  const bool room = d.busy + static_cast<std::int64_t>(d.granted.size()) < rule.connections;
  if (room && (d.waiters.empty() || d.waiters.is_first(id))) {
    d.waiters.leave(id);
    return {};
  }
  Refusal no = no_slot(rule);
  const auto place = static_cast<std::int64_t>(d.waiters.place(id));
  no.repeated = d.waiters.contains(id);
  // It will be woken; what it comes for without that (the process may end) is a matter of its place.
  if (wake) no.again = now + std::min(kLongest, kTurn * (1 + place / rule.connections));
  (void)d.waiters.join(id);
  if (room) serve(d);  // turns that nobody took
  return no;
}

std::optional<DestinationLimits::Refusal> DestinationLimits::wait_for_rate(Destination& d, const DestinationRule& rule,
                                                                           const std::string& id,
                                                                           lang::Services* hints) {
  if (hints == nullptr) return {};
  const std::int64_t now = now_us();
  const auto kept = hints->get_hint(kTable, rule.name);
  if (!kept)  // no more may go than allowed, so nothing goes while nobody can count
    return Refusal{fmt::format("waits for its turn: what went to {} cannot be counted: {} (destination_rate)",
                               shown(rule.name), kept.error().text),
                   wall_seconds() + kTurn};
  RateWindow window = RateWindow::parse(*kept ? std::string_view(**kept) : std::string_view(), rule.rate);
  std::erase_if(d.due, [&](const auto& w) { return w.second + kLate < now; });
  const auto own = std::find_if(d.due.begin(), d.due.end(), [&](const auto& w) { return w.first == id; });
  // Those in front of it that will come soon have the first right to what room there is.
  const auto before =
      std::count_if(d.due.begin(), own, [&](const auto& w) { return w.second <= now || own == d.due.end(); });
  if (window.room(now) > before) {
    if (own != d.due.end()) d.due.erase(own);
    window.take(now);
    (void)hints->put_hint(kTable, rule.name, window.str());
    return {};
  }
  const std::int64_t at = window.when(now, before);
  Refusal no{fmt::format("waits for its turn: {} messages in {} went to {} (destination_rate)", rule.rate.messages,
                         format_interval(rule.rate.period), shown(rule.name)),
             seconds_up(at), own != d.due.end()};
  if (own != d.due.end())
    own->second = at;
  else if (d.due.size() < kMaxWaiters)
    d.due.emplace_back(id, at);
  return no;
}

std::expected<DestinationLimits::Permit, DestinationLimits::Refusal> DestinationLimits::enter(
    const DestinationRule& rule, const std::string& id, lang::Services* hints) {
  if (all_.size() > kManyDestinations) std::erase_if(all_, [](const auto& d) { return d.second.idle(); });
  Destination& d = all_[rule.name];
  if (rule.connections > 0)
    if (auto no = wait_to_connect(d, rule, id)) return std::unexpected(std::move(*no));
  if (rule.rate.messages > 0)
    if (auto no = wait_for_rate(d, rule, id, hints)) {
      serve(d);
      return std::unexpected(std::move(*no));
    }
  ++d.busy;
  return Permit(this, rule, hints);
}

void DestinationLimits::leave(const DestinationRule& rule, bool used, lang::Services* hints) {
  if (!used && rule.rate.messages > 0 && hints != nullptr)
    if (const auto kept = hints->get_hint(kTable, rule.name); kept && *kept) {
      RateWindow window = RateWindow::parse(**kept, rule.rate);
      window.give_back();
      (void)hints->put_hint(kTable, rule.name, window.str());
    }
  const auto d = all_.find(rule.name);
  if (d == all_.end()) return;
  --d->second.busy;
  serve(d->second);
}

void DestinationLimits::serve(Destination& d) {
  while (!d.waiters.empty() && d.busy + static_cast<std::int64_t>(d.granted.size()) < d.connections) {
    const std::string id = d.waiters.next();
    if (!wake) continue;
    d.granted[id] = wall_seconds() + kTurn;
    wake(id);
  }
}

std::size_t DestinationLimits::waiting() const {
  return std::accumulate(all_.begin(), all_.end(), std::size_t{0}, [](std::size_t n, const auto& d) {
    return n + d.second.waiters.size() + d.second.granted.size();
  });
}

}  // namespace remex::transports
