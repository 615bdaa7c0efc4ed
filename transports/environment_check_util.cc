// check_environment() of request_check.h: what the courier lets into the environment of a command.
#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "core/base/strings.h"
#include "lang/list.h"
#include "lang/word_match.h"
#include "transports/courier_work.h"
#include "transports/internal.h"
#include "transports/request_check.h"

namespace remex::transports {
namespace {

/// Names, or with an asterisk the beginnings of names, with which the dynamic loader (ld.so(8)), the C library, shells
/// and interpreters load or run something else than the command.
constexpr std::string_view kDangerous[] = {"LD_*",
                                           "GCONV_PATH",
                                           "GLIBC_TUNABLES",
                                           "LOCPATH",
                                           "NLSPATH",
                                           "BASH_ENV",
                                           "BASH_FUNC_*",
                                           "ENV",
                                           "SHELLOPTS",
                                           "BASHOPTS",
                                           "PS4",
                                           "IFS",
                                           "PERL5LIB",
                                           "PERL5OPT",
                                           "PERL5DB",
                                           "PERLLIB",
                                           "PYTHON*",
                                           "RUBYLIB",
                                           "RUBYOPT",
                                           "LUA_INIT*",
                                           "LUA_PATH*",
                                           "LUA_CPATH*",
                                           "NODE_OPTIONS",
                                           "NODE_PATH",
                                           "CLASSPATH",
                                           "JAVA_TOOL_OPTIONS"};

bool is_dangerous(std::string_view name) {
  return std::any_of(std::begin(kDangerous), std::end(kDangerous), [name](std::string_view d) {
    return d.ends_with('*') ? name.starts_with(d.substr(0, d.size() - 1)) : name == d;
  });
}

bool is_own(std::string_view name) {
  return std::find(std::begin(kCommandVariables), std::end(kCommandVariables), name) != std::end(kCommandVariables);
}

/// An item of the option `environment` as written. Braces come from an expansion that has the separator in it: then
/// where the item ends is not known.
struct Item {
  explicit Item(const std::string& source) : value(lang::word_pattern(source)) {
    value.start = trim_right(value.start);
    value.exact = value.exact && source.find_first_of("{}") == std::string::npos;
    const std::size_t equals = value.start.find_first_of("={}");
    if (equals != std::string::npos && value.start[equals] == '=') name = value.start.substr(0, equals);
    if (!value.exact && name.empty()) value.start.clear();
    if (!value.exact && source.find('}') < source.find('$')) value.start.clear();
  }
  bool allows(std::string_view entry, std::string_view entry_name) const {
    if (value.exact) return entry == value.start;
    return (name.empty() || name == entry_name) && !is_dangerous(entry_name) && entry.starts_with(value.start);
  }

  lang::WordPattern value;
  std::string name;  ///< empty: made of a variable
};

std::vector<Item> items_of(const lang::DriverInstance& t) {
  std::vector<Item> out;
  if (const auto* given = t.find_given("environment"); given != nullptr)
    for (const std::string& item : lang::split_list(given->value.text())) out.emplace_back(item);
  return out;
}

/// The value of a variable that remex sets itself, where the configuration says it.
bool is_right(const lang::Config& config, const lang::DriverInstance::Given* path, std::string_view name,
              std::string_view value) {
  if (name == "SHELL") return value == kCommandShell;
  if (name == "TZ") return value == config.main.timezone;
  if (name != "PATH") return true;
  return path == nullptr ? value == kCommandPath : lang::word_pattern(path->value.text()).matches(value);
}

}  // namespace

std::string unsafe_variable(const lang::DriverInstance& t) {
  for (const Item& item : items_of(t))
    if (!item.value.exact && is_dangerous(item.name)) return item.name;
  return {};
}

Status check_environment(const lang::Config& config, const lang::DriverInstance& t, const io::Fields& f,
                         bool own_options) {
  const std::vector<Item> items = own_options ? items_of(t) : std::vector<Item>();
  const auto* path = own_options ? t.find_given("path") : nullptr;
  for (const std::string& entry : texts(f, "env")) {
    const std::size_t equals = entry.find('=');
    const std::string_view name = std::string_view(entry).substr(0, equals);
    if (equals == std::string::npos || equals == 0 || entry.find('\0') != std::string::npos)
      return fail(fmt::format("\"{}\" is no environment variable", printable(entry)));
    if (name == "HOME" && check_home_variable(config, t, f, std::string_view(entry).substr(equals + 1))) continue;
    if (is_own(name) && name != "HOME" && is_right(config, path, name, std::string_view(entry).substr(equals + 1)))
      continue;
    if (std::any_of(items.begin(), items.end(), [&](const Item& item) { return item.allows(entry, name); })) continue;
    return fail(fmt::format("the {} transport has no environment variable {} of this kind", t.name, printable(name)));
  }
  return {};
}

}  // namespace remex::transports
