// See hooks.h. The one place where a build with hooks differs from a normal one.

#include "core/hooks/hooks.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "core/base/version.h"

namespace remex::hooks {

namespace {

#ifdef REMEX_TEST_HOOKS
constexpr bool kBuilt = true;
#else
constexpr bool kBuilt = false;
#endif

constexpr std::int64_t kTimeoutMark = 999999;

struct State {
  bool on = false;
  bool ignore_ocsp_dates = false;
  std::string directory;
  std::atomic<std::int64_t> load{0};
  std::vector<std::int64_t> queue_times;
  std::size_t queue_runs = 0;
};

State& state() {
  static State s;
  return s;
}

}  // namespace

bool built() { return kBuilt; }

Status enter(const char* value, bool borrowed_rights) {
  if (value == nullptr) return {};
  if constexpr (kBuilt) {
    if (value[0] != '/') return fail(fmt::format("{}: \"{}\" is not an absolute path", kVariable, value));
    state().directory = value;
    state().on = true;
    state().ignore_ocsp_dates = std::getenv(kOcspVariable) != nullptr;  // keep_environment may take it away
    return {};
  }
  if (!borrowed_rights) return {};
  return fail(
      fmt::format("{} is set, and this program runs with the rights of another user than its caller. Only a build with "
                  "REMEX_TEST_HOOKS obeys that variable; this one was not made for it and does nothing",
                  kVariable));
}

Status enter() { return enter(std::getenv(kVariable), ::geteuid() != ::getuid()); }

bool active() {
  if constexpr (!kBuilt) return false;
  return state().on;
}

const std::string& directory() { return state().directory; }

std::string_view product() { return active() ? "Exim" : "remex"; }
std::string_view program() { return active() ? "exim" : "remex"; }
std::string_view version() { return active() ? "x.yz" : REMEX_VERSION; }

std::string with_product(std::string_view text) {
  std::string out(text);
  constexpr std::string_view kOwn = "remex $version_number";
  if (const auto at = out.find(kOwn); active() && at != std::string::npos)
    out.replace(at, kOwn.size(), fmt::format("{} {}", product(), version()));
  return out;
}

std::string dns_program() {
  if constexpr (kBuilt) {
    if (active()) return directory() + "/bin/fakens";
  }
  return {};
}
bool hosts_from_dns() { return active(); }
bool reverse_lookup_defers(std::string_view ip) { return active() && ip == "99.99.99.99"; }

std::int64_t load_average(std::int64_t measured) { return active() ? state().load.fetch_add(10) : measured; }

std::string cram_challenge(std::string fresh) {
  return active() ? "<1896.697170952@postoffice.reston.mci.net>" : std::move(fresh);
}

bool refused_is_timeout(std::int64_t connect_timeout) { return active() && connect_timeout == kTimeoutMark; }
std::int64_t certificate_lifetime(std::int64_t usual) { return active() ? 2 : usual; }
bool ignore_ocsp_dates() { return active() && state().ignore_ocsp_dates; }

bool syslog_to_stderr() { return active(); }
void make_directories(const std::string& spool) {
  for (const char* name : {"log", "input", "msglog", "db"}) (void)::mkdir((spool + "/" + name).c_str(), 0750);
}
bool one_at_a_time() { return active(); }
bool not_offered(std::string_view main_option) {
  return active() &&
         (main_option == "smtputf8_advertise_hosts" || main_option == "enhanced_status_codes_advertise_hosts" ||
          main_option == "limits_advertise_hosts");
}
bool unknown_login_wins() { return active(); }

void set_queue_times(std::vector<std::int64_t> seconds) {
  if (active()) state().queue_times = std::move(seconds);
}

void next_queue_run() {
  if (active()) ++state().queue_runs;
}

std::int64_t age(std::int64_t measured) {
  if (!active()) return measured;
  const State& s = state();
  if (s.queue_runs == 0 || s.queue_runs > s.queue_times.size()) return measured;
  const std::int64_t told = s.queue_times[s.queue_runs - 1];
  return told >= 0 ? told : measured;
}

}  // namespace remex::hooks
