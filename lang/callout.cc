// See callout.h; the manual, section "Additional parameters for callouts".

#include "lang/callout.h"

#include <fmt/core.h>

#include "core/base/clock.h"
#include "core/base/strings.h"

namespace remex::lang {

namespace {

Status parse_parameter(std::string_view word, CalloutOptions& o) {
  const std::size_t eq = word.find('=');
  const std::string_view key = trim(word.substr(0, eq));
  const std::string_view value = eq == std::string_view::npos ? std::string_view() : trim(word.substr(eq + 1));
  struct Flag {
    std::string_view name;
    bool CalloutOptions::* member;
  };
  static constexpr Flag kFlags[] = {{"defer_ok", &CalloutOptions::defer_ok},
                                    {"no_cache", &CalloutOptions::no_cache},
                                    {"random", &CalloutOptions::random},
                                    {"use_sender", &CalloutOptions::use_sender},
                                    {"use_postmaster", &CalloutOptions::use_postmaster},
                                    {"hold", &CalloutOptions::hold}};
  if (eq == std::string_view::npos) {
    for (const Flag& f : kFlags)
      if (f.name == key) {
        o.*f.member = true;
        return {};
      }
    if (key == "postmaster" || key == "fullpostmaster") {
      o.postmaster = true;
      o.full_postmaster = o.full_postmaster || key == "fullpostmaster";
      o.postmaster_mail_from.clear();
      return {};
    }
    if (parse_interval(key, o.timeout) && o.timeout > 0) return {};
    return fail(fmt::format("unknown callout parameter \"{}\"", printable(word)));
  }
  if (key == "mailfrom") {
    o.mail_from = value;
    return {};
  }
  if (key == "postmaster_mailfrom") {
    o.postmaster = true;
    o.postmaster_mail_from = value;
    return {};
  }
  if (key == "connect" || key == "maxwait") {
    std::int64_t& target = key == "connect" ? o.connect : o.max_wait;
    if (parse_interval(value, target) && target > 0) return {};
    return fail(fmt::format("callout parameter \"{}\" needs a time", key));
  }
  return fail(fmt::format("unknown callout parameter \"{}\"", printable(word)));
}

}  // namespace

bool is_callout_option(std::string_view option) {
  return option == "callout" || option.starts_with("callout=") || option == "callout_defer_ok" ||
         option == "check_postmaster";
}

Result<CalloutOptions> parse_callout(const std::vector<std::string>& options) {
  CalloutOptions o;
  for (const std::string& option : options) {
    if (!is_callout_option(option)) continue;
    o.wanted = true;
    if (option == "callout_defer_ok") o.defer_ok = true;
    if (option == "check_postmaster") o.postmaster = true;
    if (!option.starts_with("callout=")) continue;
    for (const std::string_view word : split(option, ',')) {
      const std::string_view parameter = trim(word.starts_with("callout=") ? word.substr(8) : word);
      if (!parameter.empty()) REMEX_CHECK(parse_parameter(parameter, o));
    }
  }
  if (o.use_sender && o.use_postmaster) return fail("use_sender and use_postmaster exclude each other");
  return o;
}

}  // namespace remex::lang
