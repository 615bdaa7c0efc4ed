// ratelimit = limit / period / options / key: exponentially smoothed rate of events per key (manual 44.39), kept in the
// store's hints. Trouble with the hints makes the condition defer. What a constant value says is checked when the
// configuration is read.

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "acl/word.h"
#include "core/base/clock.h"
#include "core/base/nettle_api.h"
#include "core/base/strings.h"
#include "lang/diagnostics.h"

namespace remex::acl {
namespace {

constexpr std::size_t kMaxKey = 4096;
/// Different events remembered for one key; beyond that each one counts, which errs on the side of the limit.
constexpr std::size_t kMaxEvents = 4096;
constexpr std::size_t kEventOctets = 12;  ///< of the hash of an event: nobody finds texts that count as one
constexpr std::size_t kEventDigits = kEventOctets / 3 * 4;  ///< of an event in the record: the same in base64

/// What is measured, and how long one computation of the rate is good.
enum class Lasts : std::uint8_t { connection, message, command };
struct Measure {
  std::string_view name;
  HookSet updates;  ///< hooks where it counts when it was named; elsewhere the rate is only read
  Lasts lasts;
};
constexpr HookSet kMessageMeasured = hook_bit(Hook::mail) | hook_bit(Hook::rcpt) | hook_bit(Hook::predata) |
                                     hook_bit(Hook::mime) | hook_bit(Hook::data) | hook_bit(Hook::prdr) |
                                     hook_bit(Hook::not_smtp);
constexpr HookSet kRecipientsMeasured =
    hook_bit(Hook::rcpt) | hook_bit(Hook::predata) | hook_bit(Hook::mime) | hook_bit(Hook::data) | hook_bit(Hook::prdr);
constexpr std::array kMeasures{
    Measure{"per_mail", kMessageMeasured, Lasts::message},
    Measure{"per_conn", kAnyHook & ~kNotSmtpHooks, Lasts::connection},
    Measure{"per_byte", kMessageMeasured, Lasts::message},
    Measure{"per_rcpt", kRecipientsMeasured, Lasts::command},
    Measure{"per_addr", hook_bit(Hook::rcpt), Lasts::command},
    Measure{"per_cmd", kAnyHook, Lasts::command},
};

enum class Update : std::uint8_t { unsaid, leaky, strict, readonly };

struct Spec {
  double limit = 0;
  std::string limit_text;  ///< as configured, for $sender_rate_limit
  std::int64_t period = 0;
  const Measure* measure = nullptr;  ///< null: none was named
  Update update = Update::unsaid;
  std::optional<double> count;
  std::optional<std::string> unique;  ///< the event
  std::string key;

  const Measure& measured() const { return measure != nullptr ? *measure : kMeasures.front(); }
};

/// A number with K, M or G behind it; nullopt for anything else and for negative ones.
std::optional<double> parse_limit(const std::string& text) {
  char* end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || !std::isfinite(value) || value < 0) return std::nullopt;
  switch (ascii_lower(*end)) {
    case 'k': value *= 1024; break;
    case 'm': value *= 1024.0 * 1024; break;
    case 'g': value *= 1024.0 * 1024 * 1024; break;
    default: --end;
  }
  return end[1] == '\0' ? std::optional(value) : std::nullopt;
}

/// Empty, or what is wrong.
std::string parse_option(const std::string& p, Spec& s) {
  if (const auto* m = std::ranges::find(kMeasures, p, &Measure::name); m != kMeasures.end()) {
    if (s.measure != nullptr) return "conflicting per_* options";
    s.measure = m;
    return {};
  }
  constexpr std::pair<std::string_view, Update> kUpdates[] = {{"strict", Update::strict},
                                                              {"leaky", Update::leaky},
                                                              {"readonly", Update::readonly},
                                                              {"noupdate", Update::readonly}};
  for (const auto& [word, update] : kUpdates) {
    if (p != word) continue;
    if (s.update != Update::unsaid && s.update != update) return "conflicting update modes";
    s.update = update;
    return {};
  }
  if (p.starts_with("count=")) {
    char* end = nullptr;
    const double value = std::strtod(p.c_str() + 6, &end);
    if (end == p.c_str() + 6 || *end != '\0' || !std::isfinite(value) || value < 0)
      return fmt::format("\"{}\" is not a positive number", printable(p));
    s.count = value;
  } else if (p.starts_with("unique=")) {
    s.unique = p.substr(7);
  } else {
    s.key += (s.key.empty() ? "" : "/") + p;
  }
  return {};
}

/// Empty, or what is wrong.
std::string parse(std::string_view text, Spec& s) {
  const std::vector<std::string> parts = lang::split_list(text, '/');
  if (parts.size() < 2) return "limit / period expected";
  const auto limit = parse_limit(parts[0]);
  if (!limit) return fmt::format("\"{}\" is not a positive number", printable(parts[0]));
  s.limit = *limit;
  s.limit_text = parts[0];
  if (!parse_interval(parts[1], s.period) || s.period <= 0)
    return fmt::format("\"{}\" is not a time value", printable(parts[1]));
  for (std::size_t i = 2; i < parts.size(); ++i)
    if (std::string why = parse_option(parts[i], s); !why.empty()) return why;
  if (s.key.size() > kMaxKey) return fmt::format("key is longer than {} octets", kMaxKey);
  return {};
}

/// The update mode at a hook. Where the measure makes no sense the rate is only read; empty `why`: fine.
Update update_at(const Spec& s, Hook hook, std::string& why) {
  if (s.measure == nullptr || hook == Hook::unknown || (s.measured().updates & hook_bit(hook)) != 0)
    return s.update == Update::unsaid ? Update::leaky : s.update;
  if (s.update == Update::strict || s.update == Update::leaky)
    why = fmt::format("\"{}\" must not have /leaky or /strict option, or cannot be used in {} ACL", s.measured().name,
                      to_string(hook));
  return Update::readonly;
}

double amount(const Spec& s, const Run& run) {
  if (s.count) return *s.count;
  const lang::Scope& scope = run.scope;
  if (s.measured().name == "per_byte") {
    if (scope.envelope == nullptr) return 0;
    if (scope.envelope->size > 0 || scope.session == nullptr) return static_cast<double>(scope.envelope->size);
    return static_cast<double>(std::max<std::int64_t>(0, scope.session->declared_size));  // not yet here: SIZE=
  }
  if (s.measured().name == "per_rcpt" && run.hook != Hook::rcpt && run.hook != Hook::unknown &&
      scope.envelope != nullptr)
    return static_cast<double>(scope.envelope->recipients.size());
  return 1;
}

/// What is known of a key: "time rate", and with unique= the time of the first event and the events' hashes.
struct Record {
  double time = 0, rate = 0, epoch = 0;
  std::string events;  ///< kEventDigits characters each

  static Record parse(const std::string& text) {
    Record r;
    char* at = nullptr;
    r.time = std::strtod(text.c_str(), &at);
    r.rate = std::strtod(at, &at);
    if (*at == '\0') return r;
    r.epoch = std::strtod(at, &at);
    r.events = trim(std::string_view(at));
    return r;
  }
  std::string text() const {
    std::string out = fmt::format("{:.6f} {:.6f}", time, rate);
    if (epoch > 0) out += fmt::format(" {:.6f} {}", epoch, events);
    return out;
  }
  bool has(std::string_view event) const {
    for (std::size_t i = 0; i + kEventDigits <= events.size(); i += kEventDigits)
      if (std::string_view(events).substr(i, kEventDigits) == event) return true;
    return false;
  }
};

std::string event_hash(std::string_view event) {
  std::array<std::uint8_t, kEventOctets> hash{};
  sha256_ctx state;
  nettle_sha256_init(&state);
  nettle_sha256_update(&state, event.size(), reinterpret_cast<const std::uint8_t*>(event.data()));
  nettle_sha256_digest(&state, hash.size(), hash.data());
  return base64_encode({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

/// The smoothing of the manual: rate = (1-a)/(interval/period)*units + a*old, a = exp(-interval/period).
double smoothed(const Record& old, double now, double period, double units) {
  const double share = std::max(now - old.time, 1e-9) / period;
  const double a = std::exp(-share);
  return std::max(0.0, (1 - a) / share * units + a * old.rate);
}

/// The condition's truth: at the limit it is true already, as Exim has it.
bool is_reached(const Spec& s, double rate) { return rate >= s.limit; }

/// Where a rate computed earlier is remembered.
std::map<std::string, double>& memory(const Spec& s, Run& run) {
  if (run.scope.rates == nullptr) run.scope.rates = std::make_shared<lang::RateMemory>();
  lang::RateMemory& m = *run.scope.rates;
  if (s.measured().lasts == Lasts::connection) return m.connection;
  if (s.measured().lasts == Lasts::message) return m.message;
  const std::uint64_t command = run.scope.session != nullptr ? run.scope.session->command_number : 0;
  if (std::exchange(m.command_number, command) != command) m.command.clear();
  return m.command;
}

/// Computes the rate and records it as the mode says.
Result<double> measure(const Spec& s, Run& run, Update update, const std::string& key) {
  lang::Services& services = *run.scope.services;
  REMEX_TRY(const auto stored, services.get_hint("ratelimit", key));
  const double now = static_cast<double>(wall_now().time_since_epoch().count()) / 1e6;
  const auto period = static_cast<double>(s.period);
  Record record = stored ? Record::parse(*stored) : Record{};
  double units = update == Update::readonly ? 0 : amount(s, run);
  std::string event;
  if (s.unique && update != Update::readonly) {
    event = event_hash(*s.unique);
    if (now - record.epoch >= period) {
      record.epoch = now;
      record.events.clear();
    }
    if (record.has(event)) {
      units = 0;
      event.clear();
    }
  }
  const double rate = stored ? smoothed(record, now, period, units) : units;
  if (update == Update::readonly || (update == Update::leaky && is_reached(s, rate))) return rate;
  record.time = now;
  record.rate = rate;
  if (record.events.size() < kMaxEvents * kEventDigits) record.events += event;
  REMEX_CHECK(services.put_hint("ratelimit", key, record.text()));
  return rate;
}

Answer run_ratelimit(Run& run, const Item& it) {
  auto v = run.value_of(it);
  if (!v)
    return v.error().kind == ErrorKind::forced_fail ? answer(!it.negated)
                                                    : trouble(v.error(), "failed to expand ratelimit");
  Spec s;
  Answer bad;
  bad.truth = Truth::error;
  bad.log_message = parse(v->view(), s);
  const Update update = bad.log_message.empty() ? update_at(s, run.hook, bad.log_message) : Update::readonly;
  if (!bad.log_message.empty()) {
    bad.log_message = "error in arguments to \"ratelimit\" condition: " + bad.log_message;
    return bad;
  }
  if (s.key.empty()) s.key = run.scope.from != nullptr ? run.scope.from->host_address : "";
  std::string mode(s.measured().name);
  if (mode == "per_addr") {  // the manual: the same as per_rcpt/unique=$local_part@$domain
    mode = "per_rcpt";
    const lang::AddressState* a = run.scope.address;
    if (!s.unique) s.unique = a != nullptr ? a->local_part + "@" + a->domain : std::string();
  }
  if (s.unique) mode += "/unique";
  const std::string key = fmt::format("{}/{}/{}", format_interval(s.period), mode, s.key);
  auto& known = memory(s, run);
  // The same condition again counts nothing again; only where each command counts, another event is another matter.
  const std::string id = s.unique && s.measured().lasts == Lasts::command ? key + '\n' + *s.unique : key;
  const auto before = known.find(id);
  auto rate = before != known.end() ? Result<double>(before->second) : measure(s, run, update, key);
  if (!rate) return trouble(rate.error(), "ratelimit hints");
  if (update != Update::readonly) memory(s, run).emplace(id, *rate);
  run.scope.extra["sender_rate"] = fmt::format("{:.1f}", *rate);
  run.scope.extra["sender_rate_limit"] = s.limit_text;
  run.scope.extra["sender_rate_period"] = format_interval(s.period);
  return answer(is_reached(s, *rate));
}

void check_ratelimit(Item& it, const lang::CompileContext& ctx) {
  if (!it.value.is_constant() || ctx.diagnostics == nullptr) return;
  Spec s;
  if (const std::string why = parse(it.value.constant(), s); !why.empty())
    ctx.diagnostics->error("acl-value", it.value.pos(), 1, fmt::format("{}: {}", ctx.where, why));
}

constexpr AclWordDef defs[] = {{.name = "ratelimit",
                                .summary = "Measured rate has reached a limit",
                                .compile = &check_ratelimit,
                                .run = &run_ratelimit,
                                .examples = {{"deny    message = too fast: $sender_rate in $sender_rate_period\n       "
                                              " ratelimit = 0 / 1h / strict / jane\naccept",
                                              "550 5.7.1 too fast: 1.0 in 1h"},
                                             {"deny    ratelimit = many / 1h", "", "E0507"}}}};

}  // namespace
}  // namespace remex::acl

namespace remex::registry::acl_words {
extern const std::span<const acl::AclWordDef> ratelimit;
constinit const std::span<const acl::AclWordDef> ratelimit{acl::defs};
}  // namespace remex::registry::acl_words
