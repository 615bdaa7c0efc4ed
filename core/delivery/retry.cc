// Retry rules; see retry.h.
#include "core/delivery/retry.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "core/base/clock.h"
#include "core/base/strings.h"

namespace remex::delivery {
namespace {

/// "rcpt_4xx" against "rcpt_450": an x stands for any digit.
bool code_matches(std::string_view rule, std::string_view happened) {
  if (rule.size() != happened.size()) return false;
  for (std::size_t i = 0; i < rule.size(); ++i) {
    const bool any = i >= rule.size() - 2 && rule[i] == 'x' && (is_digit(happened[i]) || happened[i] == 'x');
    if (rule[i] != happened[i] && !any) return false;
  }
  return true;
}

}  // namespace

bool error_matches(std::string_view rule, std::string_view happened) {
  if (rule.empty() || rule == "*" || rule == happened) return true;
  if (rule.starts_with("rcpt_4") || rule.starts_with("mail_4") || rule.starts_with("data_4"))
    return code_matches(rule, happened);
  if (rule == "refused") return happened.starts_with("refused_");
  if (rule == "timeout") return happened.starts_with("timeout_");
  if (rule == "timeout_connect") return happened.starts_with("timeout_connect_");
  if (rule == "timeout_MX" || rule == "timeout_A")
    return happened == fmt::format("timeout_connect{}", rule.substr(std::string_view("timeout").size()));
  if (rule == "quota") return happened.starts_with("quota_");
  if (rule.starts_with("quota_") && happened.starts_with("quota_")) {
    std::int64_t wanted = 0;
    const auto unread = parse_int(happened.substr(6));
    return unread && parse_interval(rule.substr(6), wanted) && *unread >= wanted;
  }
  return false;
}

const lang::RetryRule* find_rule(const lang::Config& config, lang::Scope& scope, const std::string& subject,
                                 const std::string& second, std::string_view error,
                                 const std::optional<std::string>& sender) {
  const auto matches = [&](const lang::RetryRule& rule, const std::string& s) {
    if (s.empty()) return false;
    auto m = rule.pattern.match(scope, Text::tainted(s));
    return m && m->matched;
  };
  for (const auto& rule : config.retry) {
    if (!error_matches(rule.error, error)) continue;
    if (rule.senders.is_set()) {
      if (!sender) continue;
      auto m = rule.senders.match(scope, Text::tainted(*sender));
      if (!m || !m->matched) continue;
    }
    if (matches(rule, subject) || matches(rule, second)) return &rule;
  }
  return nullptr;
}

void schedule(const lang::RetryRule& rule, const lang::Config& config, std::int64_t began, std::int64_t now,
              store::RetryRecord& rec) {
  const bool before_time = rec.next_try > began;
  const std::int64_t failing_for = now - rec.first_failed;
  const std::int64_t previous = rec.next_try > rec.last_try ? rec.next_try - rec.last_try : 0;
  const lang::RetryRule::Step* step = nullptr;
  for (const auto& s : rule.steps) {
    step = &s;
    if (failing_for < s.cutoff) break;
  }
  rec.last_try = now;
  rec.expired = step == nullptr || failing_for >= step->cutoff;
  if (step == nullptr) {
    rec.next_try = now;
    return;
  }
  std::int64_t gap = step->interval;
  if (step->kind != 'F' && before_time) {
    gap = std::max(previous, step->interval);
  } else if (step->kind != 'F') {
    std::int64_t grown = previous < step->interval ? step->interval : previous * step->factor / 1000;
    if (step->kind == 'H' && grown > step->interval) {
      static std::minstd_rand random{std::random_device{}()};
      grown = std::uniform_int_distribution<std::int64_t>(step->interval, grown)(random);
    }
    gap = std::max(grown, step->interval);
  }
  if (config.main.retry_interval_max > 0) gap = std::min(gap, config.main.retry_interval_max);
  rec.next_try = now + std::max<std::int64_t>(gap, 1);
}

std::string host_key(const std::string& name, const std::string& ip, int port) {
  std::string key = fmt::format("T:{}{}{}", to_lower(name), ip.empty() ? "" : ":", ip);
  if (port > 0 && port != 25) key += fmt::format(":{}", port);
  return key;
}

std::string place_of(const std::string& name, const std::string& ip, int port) {
  return fmt::format("{}\n{}\n{}", name, ip, port);
}

std::string host_key(const routers::HostItem& h) { return host_key(h.name, h.ip, h.port); }

}  // namespace remex::delivery
