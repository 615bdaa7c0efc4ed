// The process environment as keep_environment and add_environment want it (manual 14.1): what a user who calls the
// program set may not reach commands and libraries.

#include <fnmatch.h>

#include <cstdlib>
#include <cstring>

#include "core/base/strings.h"
#include "core/cli/modes.h"
#include "core/hooks/hooks.h"
#include "lang/regex.h"
#include "lang/scope.h"

extern char** environ;

namespace remex::cli {

namespace {

/// One item of keep_environment against a name: plain, with a leading "*", or a regular expression.
bool item_matches(std::string_view item, std::string_view name) {
  if (item.starts_with('^')) {
    auto re = lang::Regex::cached(item);
    if (!re) return false;
    auto hit = (*re)->search(name, nullptr);
    return hit && *hit;
  }
  if (item.starts_with('*')) return name.ends_with(item.substr(1));
  return item == name;
}

bool kept(const std::vector<std::string>& list, std::string_view name) {
  for (std::string_view item : list) {
    const bool negated = item.starts_with('!');
    if (negated) item = trim_left(item.substr(1));
    if (item_matches(item, name)) return !negated;
  }
  return !list.empty() && list.back().starts_with('!');
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (char** e = environ; e != nullptr && *e != nullptr; ++e)
    if (const char* eq = std::strchr(*e, '='); eq != nullptr) out.emplace_back(*e, static_cast<std::size_t>(eq - *e));
  return out;
}

}  // namespace

void apply_environment(const lang::Config& config) {
  const auto& m = config.main;
  // Needed by the program itself: what the service manager says.
  std::vector<std::string> own{
      "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "TZ"};
  if (hooks::active()) own.insert(own.end(), {hooks::kVariable, hooks::kOcspVariable});
  if (m.keep_environment_set)
    for (const std::string& name : names())
      if (!kept(m.keep_environment, name) && !kept(own, name)) ::unsetenv(name.c_str());
  for (const std::string& item : m.add_environment)
    if (const auto eq = item.find('='); eq != std::string::npos && eq > 0)
      ::setenv(item.substr(0, eq).c_str(), item.substr(eq + 1).c_str(), 1);
}

}  // namespace remex::cli
