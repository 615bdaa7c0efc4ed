// See utilities.h. Here: the table, exim_dumpdb, exim_msgdate, exinext, exim_id_update.

#include "core/cli/utilities.h"

#include <fmt/core.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "core/base/ids.h"
#include "core/base/strings.h"
#include "core/base/version.h"
#include "core/cli/modes.h"
#include "core/io/fiber.h"
#include "core/store/store.h"

namespace remex::cli {

namespace {

constexpr Utility kUtilities[] = {
    {"exim_dumpdb", "prints the hints of a spool", run_dumpdb},
    {"exim_msgdate", "tells when a message id was made", run_msgdate},
    {"exinext", "tells when hosts and addresses are tried next", run_next},
    {"exim_lock", "locks a mailbox file while a command runs", run_lock},
    {"exim_dbmbuild", "makes a DBM file from text", run_dbmbuild},
    {"exiwhat", "tells what the processes of the daemon do", run_what},
    {"exiqgrep", "lists the messages of the queue that fit", run_queue_grep},
    {"exigrep", "shows all log lines of the messages that fit", run_log_grep},
    {"exim_id_update", "converts message ids of a spool (there is nothing to convert)", run_id_update},
};

/// "21-Nov-2026 10:03:18"
std::string dump_time(std::int64_t seconds, bool utc) {
  const auto t = static_cast<std::time_t>(seconds);
  std::tm tm{};
  if (utc)
    gmtime_r(&t, &tm);
  else
    localtime_r(&t, &tm);
  char text[64];
  return std::string(text, std::strftime(text, sizeof text, "%d-%b-%Y %H:%M:%S", &tm));
}

constexpr std::string_view kDumpUsage =
    "Usage: exim_dumpdb [-z] [-k]  <spool-directory> <database-name>\n"
    "  <database-name> = retry | misc | wait-<transport-name> | callout | ratelimit | tls | seen\n";

class Dump {
 public:
  Dump(store::Store& s, bool utc, bool keys) : store_(s), utc_(utc), keys_(keys) {}

  /// Exit status.
  int run(const std::string& name) {
    if (name == "retry") return retry();
    if (name.starts_with("wait-"))
      return failed(
          fmt::format("There is no database {}: what waits for a host is asked from the queue (remex queue), and "
                      "why it waits from remex host NAME",
                      name));
    if (name == "misc" || name == "tls")
      return failed(fmt::format("There is no database {}: {}", name,
                                name == "tls"
                                    ? "TLS sessions are remembered by the running process"
                                    : "serialized hosts and max_parallel are counted by the running process"));
    auto hints = store_.all_hints(name);
    if (!hints) return failed(hints.error().text);
    for (const auto& [key, value] : *hints) {
      if (keys_)
        fmt::print("  {}\n", printable(name == "callout" ? callout_key(key) : key));
      else if (name == "callout")
        callout(callout_key(key), value);
      else if (name == "ratelimit")
        ratelimit(key, value);
      else if (name == "seen")
        fmt::print("{}\t{}\n", printable(key), dump_time(first_number(value), utc_));
      else
        fmt::print("{} {}\n", printable(key), printable(value));
    }
    return 0;
  }

 private:
  static int failed(const std::string& why) {
    fmt::print(stderr, "** {}\n", why);
    return 1;
  }

  static std::int64_t first_number(std::string_view value) {
    return parse_int(value.substr(0, value.find_first_of(" ."))).value_or(0);
  }

  int retry() {
    auto all = store_.all_retry();
    if (!all) return failed(all.error().text);
    for (const auto& r : *all) {
      if (keys_) {
        fmt::print("  {}\n", printable(r.key));
        continue;
      }
      const RetryNumbers n = retry_numbers(r.error, r.error_text);
      fmt::print("  {} {} {} {}\n{}  {}  {} {}\n", printable(r.key), n.basic, n.more, printable(r.error_text),
                 dump_time(r.first_failed, utc_), dump_time(r.last_try, utc_), dump_time(r.next_try, utc_),
                 r.expired ? "*" : "");
    }
    return 0;
  }

  /// Without the word that tells addresses from domains.
  static std::string callout_key(const std::string& key) {
    return key.starts_with("address:") || key.starts_with("domain:") ? key.substr(key.find(':') + 1) : key;
  }

  /// A domain's record has six numbers (time and answer of MAIL, postmaster, random), an address's one or two.
  void callout(const std::string& key, const std::string& value) {
    std::vector<std::int64_t> n;
    for (const auto word : split(value, ' ')) n.push_back(parse_int(word).value_or(0));
    const auto answer = [](std::int64_t a) {
      return a == 1 ? "accept" : a == 2 ? "reject" : a == 3 ? "reject-mfnull" : "unknown";
    };
    const auto dated = [&](std::size_t at) {
      return n[at] != 0 && n[at + 1] != 0 ? fmt::format(" ({})", dump_time(n[at], utc_)) : "";
    };
    if (n.size() == 6)
      fmt::print("{} {} callout={} postmaster={}{} random={}{}\n", dump_time(n[0], utc_), printable(key), answer(n[1]),
                 answer(n[3]), dated(2), answer(n[5]), dated(4));
    else
      fmt::print("{} {} callout={}\n", dump_time(n.empty() ? 0 : n[0], utc_), printable(key),
                 n.size() > 1 ? answer(n[1]) : "unknown");
  }

  void ratelimit(const std::string& key, const std::string& value) {
    const auto blank = value.find(' ');
    const auto dot = std::min(value.find('.'), value.size());
    const std::string rate = blank == std::string::npos ? "0" : value.substr(blank + 1);
    fmt::print("{}.{} rate: {:10.3f} key: {}\n", dump_time(first_number(value), utc_),
               dot < value.size() ? value.substr(dot + 1, std::min<std::size_t>(6, blank - dot - 1)) : "000000",
               std::strtod(rate.c_str(), nullptr), printable(key));
  }

  store::Store& store_;
  bool utc_, keys_;
};

bool known_database(std::string_view name) {
  for (const std::string_view n : {"retry", "misc", "callout", "ratelimit", "tls", "seen"})
    if (name == n) return true;
  return name.starts_with("wait-");
}

/// Opens the spool for reading; it is not made when it is not there.
Result<std::shared_ptr<store::Store>> open_spool(const std::string& directory) {
  struct stat st{};
  if (::stat(directory.c_str(), &st) != 0)
    return fail(fmt::format("Failed to open spool directory {}: {}", directory, std::strerror(errno)));
  store::StoreOptions so;
  so.directory = directory;
  so.read_only = true;
  return store::Store::open(so);
}

}  // namespace

const Utility* find_utility(std::string_view name) {
  for (const Utility& u : kUtilities)
    if (u.name == name) return &u;
  return nullptr;
}

RetryNumbers retry_numbers(std::string_view word, std::string_view text) {
  RetryNumbers n;
  if (word.starts_with("rcpt_") || word.starts_with("mail_") || word.starts_with("data_")) {
    n.basic = word[0] == 'r' ? -44 : word[0] == 'm' ? -45 : -46;
    // The last two digits of the reply stand above the letter of how the host was found.
    auto code = parse_int(word.substr(5));
    for (std::size_t at = 0; !code && (at = text.find(": ", at)) != std::string_view::npos; at += 2)
      if (text.size() >= at + 5 && (text[at + 2] == '4' || text[at + 2] == '5'))
        code = parse_int(text.substr(at + 2, 3));
    n.more = 'A' + (code ? static_cast<int>(*code % 100) * 256 : 0);
    return n;
  }
  const bool mx = word.ends_with("_MX");
  if (word.starts_with("refused")) n = {ECONNREFUSED, mx ? 'M' : 'A'};
  if (word.starts_with("timeout")) n = {ETIMEDOUT, mx ? 'M' : 'A'};
  if (word.starts_with("timeout_connect")) n.more += 256;
  if (word == "lost_connection") n = {-18, 'A'};
  if (word == "tls_required") n = {-38, 'A'};
  if (word == "auth_failed") n = {-42, 'A'};
  if (word.starts_with("quota")) n = {-22, 0};
  if (word == "lookup") n = {-1, 0};
  if (n.basic == 0) {
    n = {-1, 0};
    for (int e = 1; e < 134; ++e)
      if (text == std::strerror(e)) n = {e, 'A'};
  }
  return n;
}

int run_dumpdb(const std::vector<std::string>& args) {
  bool utc = false, keys = false;
  std::vector<std::string> rest;
  for (const auto& a : args) {
    if (a == "-z")
      utc = true;
    else if (a == "-k")
      keys = true;
    else
      rest.push_back(a);
  }
  if (rest.size() != 2 || !known_database(rest[1])) {
    fmt::print("{}", kDumpUsage);
    return 1;
  }
  return io::run_loop([&]() -> int {
    auto store = open_spool(rest[0]);
    if (!store) {
      fmt::print(stderr, "** {}\n", store.error().text);
      return 1;
    }
    return Dump(**store, utc, keys).run(rest[1]);
  });
}

int run_msgdate(const std::vector<std::string>& args) {
  enum class Form : std::uint8_t { local, utc, unix_time } form = Form::local;
  bool pid = false;
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string a = to_lower(args[i]);
    if (a == "-u" || a == "--unix")
      form = Form::unix_time;
    else if (a == "--gmt" || a == "--utc" || a == "-z" || a == "--zulu" || a == "--z")
      form = Form::utc;
    else if (a == "-l" || a == "--local")
      form = Form::local;
    else if (a == "--pid")
      pid = true;
    else if (a == "--base36" || a == "--b36" || a == "--base62" || a == "--b62" || a == "--debug")
      continue;  // ids are base 62 here
    else if ((a == "--base" || a == "-c" || a == "--localhost_number") && i + 1 < args.size())
      ++i;
    else if (a.starts_with('-')) {
      fmt::print(stderr, "Usage: exim_msgdate [-u|--unix | -z|--utc | -l|--local] [--pid] MESSAGE-ID...\n");
      return a == "--help" ? 0 : 1;
    } else {
      ids.push_back(args[i]);
    }
  }
  if (ids.empty()) {
    fmt::print(stderr, "exim_msgdate: no message id was given\n");
    return 1;
  }
  int rc = 0;
  for (std::string id : ids) {
    if (id.starts_with('E') && is_message_id(std::string_view(id).substr(1))) id.erase(0, 1);
    std::string whole = id;
    if (whole.size() == 6) whole += "-000000-00";  // the first part alone will do
    if (!is_message_id(whole)) {
      fmt::print(stderr, "exim_msgdate: {} is not a message id\n", printable(id));
      rc = 1;
      continue;
    }
    const std::int64_t seconds = message_id_seconds(whole);
    std::string out = form == Form::unix_time ? std::to_string(seconds) : std::string();
    if (out.empty()) {
      const auto t = static_cast<std::time_t>(seconds);
      std::tm tm{};
      if (form == Form::utc)
        gmtime_r(&t, &tm);
      else
        localtime_r(&t, &tm);
      char text[64];
      out.assign(text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm));
    }
    if (pid) out += fmt::format(" {}", message_id_process(whole));
    fmt::print("{}\n", out);
  }
  return rc;
}

int run_id_update(const std::vector<std::string>& args) {
  bool chosen = false;
  for (const auto& a : args) {
    if (a == "-v") {
      fmt::print("exim_id_update of remex {}\n", REMEX_VERSION);
      return 0;
    }
    if (a == "-h") {
      fmt::print("Usage: exim_id_update [-d | -u | -h | -v] [spooldir]\n");
      return 0;
    }
    chosen = chosen || a == "-d" || a == "-u";
  }
  if (!chosen) {
    fmt::print(stderr, "Usage: exim_id_update [-d | -u | -h | -v] [spooldir]\n");
    return 1;
  }
  // Ids of either form are keys of the spool database, which knows both; there are no files named after them.
  return 0;
}

}  // namespace remex::cli
