// See checked_resolver.h; the manual, "dns_again_means_nonexist", "dns_check_names_pattern", "slow_lookup_log".
#include "core/daemon/checked_resolver.h"

#include <fmt/core.h>

#include <chrono>
#include <set>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/io/current_fiber.h"
#include "lang/diagnostics.h"
#include "lang/regex.h"

namespace remex::daemon {
namespace {

class CheckedResolver final : public dns::Resolver {
 public:
  CheckedResolver(std::shared_ptr<dns::Resolver> inner, const lang::Config& config, lang::Services& services,
                  std::function<void(std::string_view)> log)
      : inner_(std::move(inner)), config_(config), services_(services), log_(std::move(log)) {}

  dns::Answer query(std::string_view name, dns::Type type) override {
    if (!is_allowed(name, type)) {
      dns::Answer none;
      none.outcome = dns::Outcome::no_name;
      none.why = "the name does not match dns_check_names_pattern";
      return none;
    }
    const Instant before = monotonic_now();
    dns::Answer a = inner_->query(name, type);
    note_time(name, monotonic_now() - before);
    if (a.outcome == dns::Outcome::try_again && counts_as_nonexistent(name)) a.outcome = dns::Outcome::no_name;
    return a;
  }

 private:
  bool is_allowed(std::string_view name, dns::Type type) const {
    const std::string& pattern = config_.main.dns_check_names_pattern;
    if (pattern.empty()) return true;
    std::string_view part = checked_part(name, type);
    if (part.ends_with('.')) part.remove_suffix(1);
    if (part.empty()) return true;
    auto regex = lang::Regex::cached(pattern);
    if (!regex) return true;  // was checked when the configuration was read
    const auto hit = (*regex)->search(part, nullptr);
    return !hit || *hit;
  }

  void note_time(std::string_view name, Instant::duration took) const {
    const std::int64_t limit = config_.main.slow_lookup_log;
    const auto ms = std::chrono::duration_cast<Millis>(took).count();
    if (limit > 0 && ms > limit) log_(fmt::format("Slow dns lookup: '{}' {} ms", printable(name), ms));
  }

  bool counts_as_nonexistent(std::string_view name) {
    // The list's own questions are not asked about again.
    const void* const asker = io::current_fiber();
    if (!config_.main.dns_again_means_nonexist.is_set() || !asking_.insert(asker).second) return false;
    struct Asking {  // also when what the list needs throws
      ~Asking() { all.erase(asker); }
      std::set<const void*>& all;
      const void* asker;
    } const asking{asking_, asker};
    lang::Scope scope;
    scope.config = &config_;
    scope.services = &services_;
    const auto listed = config_.main.dns_again_means_nonexist.match_tainted(scope, name);
    return listed && listed->matched;
  }

  std::shared_ptr<dns::Resolver> inner_;
  const lang::Config& config_;
  lang::Services& services_;
  std::function<void(std::string_view)> log_;
  std::set<const void*> asking_;  ///< fibers that look at the list
};

}  // namespace

std::string_view checked_part(std::string_view name, dns::Type type) {
  switch (type) {
    case dns::Type::a:
    case dns::Type::aaaa:
    case dns::Type::mx:
    case dns::Type::ns:
    case dns::Type::cname:
    case dns::Type::soa: return name;
    case dns::Type::srv:
      while (name.starts_with('_') && name.find('.') != std::string_view::npos) name.remove_prefix(name.find('.') + 1);
      return name;
    default: return {};
  }
}

std::shared_ptr<dns::Resolver> checked_resolver(std::shared_ptr<dns::Resolver> inner, const lang::Config& config,
                                                lang::Services& services, std::function<void(std::string_view)> log) {
  const lang::MainOptions& m = config.main;
  if (m.dns_check_names_pattern.empty() && m.slow_lookup_log <= 0 && !m.dns_again_means_nonexist.is_set()) return inner;
  return std::make_shared<CheckedResolver>(std::move(inner), config, services, std::move(log));
}

}  // namespace remex::daemon
