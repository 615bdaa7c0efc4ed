// check_home() of request_check.h: a taken-over worker chooses the recipient, so it would choose $home as well.
#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "core/base/strings.h"
#include "core/io/accounts.h"
#include "lang/word_match.h"
#include "routers/router.h"
#include "transports/courier_work.h"
#include "transports/request_check.h"
#include "transports/transport.h"

namespace remex::transports {
namespace {

using lang::WordPattern;

bool leads_to(const lang::DriverInstance& r, const lang::DriverInstance& t) {
  const lang::Expansion& to = routers::generic(r).transport;
  return !to.is_set() || !to.is_constant() || trim(to.constant()) == t.name;
}

/// What the configuration says of $home in transport `t`: its constant start where it has variables.
std::vector<WordPattern> configured_homes(const lang::Config& config, const lang::DriverInstance& t) {
  std::vector<WordPattern> out;
  const auto add = [&out](const lang::Expansion& e) {
    if (!e.is_set()) return;
    out.push_back(e.is_constant() ? WordPattern{e.constant(), true, false} : lang::word_pattern(e.source_text()));
    if (!out.back().exact) out.back().start.resize(out.back().start.rfind('/') + 1);
  };
  add(generic(t).home_directory);
  for (const auto& r : config.routers) {
    if (!leads_to(r, t)) continue;
    const auto& g = routers::generic(r);
    add(g.transport_home_directory);
    add(g.router_home_directory);
    // The home is that of the local part, the user another one: nothing can be said.
    if (g.check_local_user && (g.user.is_set() || generic(t).user.is_set())) out.push_back({"", false, false});
  }
  if (t.find_given("pipe_as_creator") != nullptr) out.push_back({"", false, false});
  return out;
}

/// Is it a home that the configuration says, or that of an account with the uid of the request (there may be several)?
bool is_any_home(const lang::Config& config, const lang::DriverInstance& t, const io::Fields& f,
                 const std::function<bool(const WordPattern&)>& is_it) {
  const auto homes = configured_homes(config, t);
  if (std::any_of(homes.begin(), homes.end(), is_it)) return true;
  return io::any_home_of(static_cast<uid_t>(number(f, "uid", -1)),
                         [&](std::string_view home) { return is_it({std::string(home), true, false}); });
}

/// The text behind "$home" or "${home}" at the beginning of an option; nullopt: it begins otherwise.
std::optional<std::string_view> behind_home(std::string_view source) {
  for (const std::string_view name : {"${home}", "$home"})
    if (source.starts_with(name)) {
      const std::string_view rest = source.substr(name.size());
      if (name.back() == '}' || rest.empty() || (!is_alnum(rest.front()) && rest.front() != '_')) return rest;
    }
  return std::nullopt;
}

}  // namespace

Status check_home(const lang::Config& config, const lang::DriverInstance& t, std::string_view option,
                  const io::Fields& f) {
  const auto* given = t.find_given(option);
  const std::string source = given != nullptr ? given->value.text() : std::string();
  const auto rest = behind_home(trim(source));
  const std::string path = text(f, "path");
  if (!rest) return {};
  std::string fixed(rest->substr(0, rest->find_first_of("$\\{}")));
  const bool whole = fixed.size() == rest->size();
  fixed.resize(whole ? fixed.find_last_not_of('/') + 1 : fixed.rfind('/') + 1);
  const auto is_in = [&](const WordPattern& home) {
    if (!home.exact) return path.starts_with(home.start);
    const std::string start = home.start + fixed;
    return path.starts_with(start) && (!whole || path.size() == start.size() || path[start.size()] == '/');
  };
  if (is_any_home(config, t, f, is_in)) return {};
  return fail(fmt::format("path {} is not in the home directory for the {} transport", printable(path), t.name));
}

Status check_home_variable(const lang::Config& config, const lang::DriverInstance& t, const io::Fields& f,
                           std::string_view value) {
  if (value.empty() || value == "/") return {};
  if (is_any_home(config, t, f, [value](const WordPattern& home) { return home.matches(value); })) return {};
  return fail(fmt::format("HOME={} is not the home directory for the {} transport", printable(value), t.name));
}

}  // namespace remex::transports
