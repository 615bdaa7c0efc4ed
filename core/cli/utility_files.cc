// exim_dbmbuild: a DBM file from lines in lsearch form. exinext: the retry data that concerns an address, a domain or a
// message.
#include <fmt/core.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <map>

#include "core/base/ids.h"
#include "core/base/strings.h"
#include "core/cli/modes.h"
#include "core/cli/utilities.h"
#include "core/io/fiber.h"
#include "core/smtp/fixups.h"
#include "lookups/dbm_build.h"
#include "lookups/linear_file.h"

namespace remex::cli {

namespace {

struct BuildOptions {
  bool lower = true, zero = true, duplicates_fail = true, last_wins = false, warn = true;
  std::string from, to;
};

/// nullopt: not understood.
std::optional<BuildOptions> parse(const std::vector<std::string>& args) {
  BuildOptions o;
  std::vector<std::string> names;
  for (const auto& a : args) {
    if (a == "-nolc")
      o.lower = false;
    else if (a == "-nozero")
      o.zero = false;
    else if (a == "-noduperr")
      o.duplicates_fail = false;
    else if (a == "-lastdup")
      o.last_wins = true;
    else if (a == "-nowarn")
      o.warn = false;
    else if (a.size() > 1 && a.starts_with('-'))
      return std::nullopt;
    else
      names.push_back(a);
  }
  if (names.size() != 2) return std::nullopt;
  o.from = std::move(names[0]);
  o.to = std::move(names[1]);
  return o;
}

Result<std::string> read_all(const std::string& path) {
  std::FILE* f = path == "-" ? stdin : std::fopen(path.c_str(), "re");
  if (f == nullptr) return fail(fmt::format("exim_dbmbuild: unable to open {}: {}", path, std::strerror(errno)));
  std::string text;
  char block[16384];
  for (std::size_t n = 0; (n = std::fread(block, 1, sizeof block, f)) > 0;) text.append(block, n);
  const bool bad = std::ferror(f) != 0;
  if (f != stdin) std::fclose(f);
  if (bad) return fail(fmt::format("exim_dbmbuild: cannot read {}", path));
  return text;
}

/// "21-Nov-2026 10:03:18"
std::string when(std::int64_t seconds) {
  const auto t = static_cast<std::time_t>(seconds);
  std::tm tm{};
  localtime_r(&t, &tm);
  char text[64];
  return std::string(text, std::strftime(text, sizeof text, "%d-%b-%Y %H:%M:%S", &tm));
}

/// "Route: a@b", "Transport: name [ip]:port": a key for people. `host` is "name:ip" when the key is one of that host.
std::string shown_key(std::string_view key, std::string_view host = {}) {
  const std::string_view rest = key.substr(std::min<std::size_t>(2, key.size()));
  if (key.starts_with("R:")) return fmt::format("Route: {}", rest);
  const auto colon = host.find(':');
  if (colon == std::string_view::npos) return fmt::format("Transport: {}", rest);
  std::string behind(rest.substr(host.size()));  // ":port", ":id" of a message that was refused there
  if (const auto last = behind.rfind(':'); last != std::string::npos && is_message_id(behind.substr(last + 1)))
    behind[last] = ' ';
  return fmt::format("Transport: {} [{}]{}", rest.substr(0, colon), host.substr(colon + 1), behind);
}

void print_next(const store::RetryRecord& r, std::string_view shown) {
  const RetryNumbers n = retry_numbers(r.error, r.error_text);
  fmt::print("{} error {}: {}\n", printable(shown), n.basic, printable(r.error_text));
  fmt::print("  first failed: {}\n  last tried:   {}\n  next try at:  {}\n", when(r.first_failed), when(r.last_try),
             when(r.next_try));
  if (r.expired) fmt::print("  past final cutoff time\n");
}

/// "name:ip" of the hosts that -bt names in its "  host NAME [IP] ..." lines.
std::vector<std::string> hosts_of(std::string_view report) {
  std::vector<std::string> out;
  const std::string text(report);
  for (const auto line : split(text, '\n')) {
    if (!line.starts_with("  host ")) continue;
    const std::string_view rest = trim_left(line.substr(7));
    const auto open = rest.find('['), close = rest.find(']');
    if (open == std::string_view::npos || close == std::string_view::npos) continue;
    out.push_back(fmt::format("{}:{}", to_lower(trim(rest.substr(0, open))), rest.substr(open + 1, close - open - 1)));
  }
  return out;
}

std::string delivery_domain(const daemon::Process& p) {
  return smtp::qualify_domain(*p.engine.config, p.primary_hostname);
}

/// One argument of exinext against all records.
void show_next(daemon::Process& p, const std::vector<store::RetryRecord>& all, const std::string& what) {
  std::vector<std::string> hosts;
  std::string domain = to_lower(what);
  if (is_message_id(what)) {
    bool found = false;
    for (const auto& r : all) {
      if (!r.key.ends_with(":" + what)) continue;
      print_next(r, shown_key(r.key));
      found = true;
    }
    if (!found) fmt::print("No retry data found for {}\n", printable(what));
    return;
  }
  if (const auto at = domain.rfind('@'); at != std::string::npos) domain.erase(0, at + 1);
  const bool local_part = what.find('@') == std::string::npos && what.find('.') == std::string::npos;
  const std::string address = what.find('@') != std::string::npos ? what
                              : local_part                        ? what + "@" + delivery_domain(p)
                                                                  : "x@" + domain;
  if (local_part) domain = delivery_domain(p);
  LocalScope local(p);
  local.scope.testing = true;
  std::string report;
  (void)delivery::test_address(p.engine, local.scope, address, report);
  hosts = hosts_of(report);
  if (hosts.empty()) fmt::print("No remote hosts found for {}\n", printable(what));
  bool found = false;
  for (const auto& r : all) {
    const std::string_view key = std::string_view(r.key).substr(std::min<std::size_t>(2, r.key.size()));
    const std::string low = to_lower(key);
    const auto host = std::find_if(hosts.begin(), hosts.end(), [&](const std::string& h) {
      return r.key.starts_with("T:") && (low == h || low.starts_with(h + ":"));
    });
    const bool own = low == domain || low == to_lower(address) || low.starts_with(to_lower(address) + ":");
    if (host == hosts.end() && !own) continue;
    print_next(r, shown_key(r.key, host == hosts.end() ? std::string_view() : std::string_view(*host)));
    found = true;
  }
  if (!found) fmt::print("No retry data found for {}\n", printable(what));
}

}  // namespace

int run_dbmbuild(const std::vector<std::string>& args) {
  const auto parsed = parse(args);
  if (!parsed) {
    fmt::print("usage: exim_dbmbuild [-nolc] <source file> <dbm base name>\n");
    return 1;
  }
  const BuildOptions& o = *parsed;
  if (o.from == o.to) {
    fmt::print("exim_dbmbuild: input and output filenames are the same\n");
    return 1;
  }
  auto text = read_all(o.from);
  if (!text) {
    fmt::print("{}\n", text.error().text);
    return 1;
  }
  std::map<std::string, std::string> kept;
  std::vector<std::pair<std::string, std::string>> records;
  std::size_t duplicates = 0;
  for (auto& r : lookups::parse_linear(*text)) {
    std::string key = o.lower ? to_lower(r.key) : r.key;
    if (const auto it = kept.find(key); it != kept.end()) {
      ++duplicates;
      if (o.warn) fmt::print(stderr, "** Duplicate key \"{}\"\n", printable(key));
      if (o.last_wins) it->second = r.data;
      continue;
    }
    kept.emplace(std::move(key), std::move(r.data));
  }
  const std::string_view end = o.zero ? std::string_view("\0", 1) : std::string_view();
  for (const auto& [key, data] : kept) records.emplace_back(key + std::string(end), data + std::string(end));
  // Under a name of its own until it is whole: readers never see half a file.
  const std::string temporary = fmt::format("{}.dbmbuild_temp", o.to);
  ::unlink(temporary.c_str());
  Status st = lookups::build_dbm(temporary, records);
  if (st && ::rename(temporary.c_str(), o.to.c_str()) != 0) {
    st = fail(fmt::format("cannot rename {}: {}", temporary, std::strerror(errno)));
    ::unlink(temporary.c_str());
  }
  if (!st) {
    fmt::print(stderr, "exim_dbmbuild: {}\n", st.error().text);
    return 1;
  }
  fmt::print("{} {} written\n", records.size(), records.size() == 1 ? "entry" : "entries");
  if (duplicates > 0) fmt::print("{} duplicate {} \n", duplicates, duplicates == 1 ? "key" : "keys");
  return duplicates > 0 && o.duplicates_fail ? 1 : 0;
}

int run_next(const std::vector<std::string>& args) {
  Options o;
  o.program = "exinext";
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string& a = args[i];
    if (a == "-C" && i + 1 < args.size()) {
      o.config_file = args[++i];
    } else if (a.starts_with("-D") && a.size() > 2) {
      const auto eq = a.find('=');
      o.macros[a.substr(2, eq == std::string::npos ? eq : eq - 2)] = eq == std::string::npos ? "" : a.substr(eq + 1);
    } else {
      o.arguments.push_back(a);
    }
  }
  if (o.arguments.empty()) {
    fmt::print("Usage: exinext [-C FILE] [-DMACRO=VALUE] <domain | address | local part | message id>...\n");
    return 1;
  }
  const auto config = load(o, false);
  if (!config) return 1;
  return with_process(o, config, true, [&](daemon::Process& p) -> int {
    auto all = p.engine.store->all_retry();
    if (!all) return complain(1, all.error().text);
    for (const auto& what : o.arguments) show_next(p, *all, what);
    return 0;
  });
}

}  // namespace remex::cli
