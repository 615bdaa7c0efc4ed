// exiqgrep: lists the messages of the queue that a sender, a recipient, a size, an age or freezing selects. Options and
// output are those of Exim's program of this name; see utilities.h.

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/cli/modes.h"
#include "core/cli/utilities.h"
#include "core/daemon/queue_view.h"
#include "lang/regex.h"

namespace remex::cli {

using daemon::age_text;
using daemon::size_text;

namespace {

constexpr std::string_view kUsage =
    "Exim message queue display utility.\n"
    "\n"
    "\t-h\t\tThis help message.\n"
    "\t-C\t\tSpecify which configuration file to use.\n"
    "\t-E\t\tTaken for Exim's sake: this program asks the queue itself.\n"
    "\n"
    "Selection criteria:\n"
    "\t-f <regexp>\tMatch sender address (\"<address>\")\n"
    "\t-r <regexp>\tMatch recipient address\n"
    "\t-s <regexp>\tMatch against the size field from long output\n"
    "\t-y <seconds>\tMessage younger than\n"
    "\t-o <seconds>\tMessage older than\n"
    "\t-z\t\tFrozen messages only (exclude non-frozen)\n"
    "\t-x\t\tNon-frozen messages only (exclude frozen)\n"
    "\t-G <queuename>\tMatch in given queue only\n"
    "\n"
    "Display options:\n"
    "\t-c\t\tDisplay match count\n"
    "\t-l\t\tLong Format [Default]\n"
    "\t-i\t\tMessage IDs only\n"
    "\t-b\t\tBrief Format\n"
    "\t-R\t\tReverse order\n"
    "\t-a\t\tAll recipients (including delivered)\n";

using Pattern = std::shared_ptr<const lang::Regex>;

struct Wanted {
  Pattern sender, recipient, size;  ///< null: not asked for
  std::int64_t younger = -1, older = -1;
  std::string queue;
  bool frozen = false, thawed = false;
  bool count = false, ids = false, brief = false, reverse = false, all = false, help = false;
  bool selects = false;  ///< at least one criterion was given
};

Result<bool> matches(const Pattern& p, const std::string& text) {
  return p == nullptr ? true : p->search(text, nullptr);
}

/// The recipients that count, each as the listing shows it behind its indentation.
std::vector<std::string> recipients(const store::QueueEntry& e, bool all) {
  std::vector<std::string> out;
  for (const auto& r : e.recipients)
    if (all || !r.done) out.push_back((r.done ? "D " : "") + printable(r.address));
  if (all)
    for (const std::string& c : e.children) out.push_back("+D " + printable(c));
  return out;
}

Result<bool> selected(const Wanted& w, const store::QueueEntry& e, std::int64_t now) {
  const std::int64_t age = now - e.received;
  if (e.queue_name != w.queue || (w.frozen && !e.frozen) || (w.thawed && e.frozen)) return false;
  if ((w.younger >= 0 && age >= w.younger) || (w.older >= 0 && age <= w.older)) return false;
  REMEX_TRY(const bool sender, matches(w.sender, fmt::format("<{}>", e.sender)));
  REMEX_TRY(const bool size, matches(w.size, std::string(trim(size_text(e.size)))));
  if (!sender || !size || w.recipient == nullptr) return sender && size;
  for (const std::string& r : recipients(e, w.all)) {
    REMEX_TRY(const bool found, matches(w.recipient, r));
    if (found) return true;
  }
  return false;
}

std::string shown(const Wanted& w, const store::QueueEntry& e, std::int64_t now) {
  if (w.ids) return e.id + "\n";
  const auto to = recipients(e, w.all);
  if (w.brief) return fmt::format("{} From: <{}> To: {}\n", e.id, printable(e.sender), fmt::join(to, ";"));
  std::string out = fmt::format("{} {} {} <{}>{}\n", age_text(now - e.received), size_text(e.size), e.id,
                                printable(e.sender), e.frozen ? " *** frozen ***" : "");
  for (const std::string& r : to) out += fmt::format("\t  {}\n", r);
  return out + "\n";
}

/// One letter of an option; `value`: what follows it, for those that take something.
Status take(Wanted& w, Options& o, char option, const std::string& value) {
  const auto pattern = [&](Pattern& into) -> Status {
    w.selects = true;
    auto compiled = lang::Regex::compile(value, true);
    if (!compiled) return std::unexpected(compiled.error());
    into = std::move(*compiled);
    return {};
  };
  const auto seconds = [&](std::int64_t& into) -> Status {
    w.selects = true;
    const auto n = parse_uint(value);
    if (!n || *n > INT64_MAX)
      return fail(fmt::format("-{} \"{}\": a number of seconds is needed", option, printable(value)));
    into = static_cast<std::int64_t>(*n);
    return {};
  };
  switch (option) {
    case 'f': return pattern(w.sender);
    case 'r': return pattern(w.recipient);
    case 's': return pattern(w.size);
    case 'y': return seconds(w.younger);
    case 'o': return seconds(w.older);
    case 'z': w.frozen = w.selects = true; return {};
    case 'x': w.thawed = w.selects = true; return {};
    case 'G':
      w.queue = value;
      w.selects = true;
      return {};
    case 'C': o.config_file = value; return {};
    case 'E': return {};
    case 'c': w.count = w.selects = true; return {};
    case 'l': return {};
    case 'i': w.ids = true; return {};
    case 'b': w.brief = true; return {};
    case 'R': w.reverse = true; return {};
    case 'a': w.all = true; return {};
    case 'h': w.help = true; return {};
    default: return fail(fmt::format("Unknown option: {}", printable(std::string(1, option))));
  }
}

/// As getopt(3) reads them: letters may stand together, a value behind its letter or as the next word.
Status parse(const std::vector<std::string>& args, Wanted& w, Options& o) {
  constexpr std::string_view kWithValue = "frsyoGCE";
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string& a = args[i];
    if (a.size() < 2 || a[0] != '-') return fail(fmt::format("Unknown argument: {}", printable(a)));
    if (a.starts_with("-D") && a.size() > 2) {
      const auto eq = a.find('=');
      o.macros[a.substr(2, eq == std::string::npos ? eq : eq - 2)] = eq == std::string::npos ? "" : a.substr(eq + 1);
      continue;
    }
    for (std::size_t at = 1; at < a.size(); ++at) {
      const char letter = a[at];
      if (kWithValue.find(letter) == std::string_view::npos) {
        REMEX_CHECK(take(w, o, letter, ""));
        continue;
      }
      std::string value = a.substr(at + 1);
      if (value.empty()) {
        if (i + 1 == args.size()) return fail(fmt::format("Option {} requires an argument", letter));
        value = args[++i];
      }
      REMEX_CHECK(take(w, o, letter, value));
      break;
    }
  }
  return {};
}

int list(const Wanted& w, const std::vector<store::QueueEntry>& queue, std::int64_t now) {
  std::string out;
  std::size_t found = 0, of = 0;
  for (const auto& e : queue) {
    of += e.queue_name == w.queue ? 1U : 0U;
    const auto match = selected(w, e, now);
    if (!match) return complain(1, match.error().text);
    if (!*match) continue;
    ++found;
    if (!w.count) out += shown(w, e, now);
    if (out.size() > 60000) {
      std::fwrite(out.data(), 1, out.size(), stdout);
      out.clear();
    }
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
  if (w.count) fmt::print("{} matches out of {} messages\n", found, of);
  return 0;
}

}  // namespace

int run_queue_grep(const std::vector<std::string>& args) {
  Options o;
  o.program = "exiqgrep";
  Wanted w;
  if (auto s = parse(args, w, o); !s) {
    fmt::print(stderr, "{}\n{}", s.error().text, kUsage);
    return 1;
  }
  if (w.help || !w.selects) {
    fmt::print("{}", kUsage);
    return w.help ? 0 : 1;
  }
  const auto config = load(o, false);
  if (!config) return 1;
  return with_process(o, config, true, [&](daemon::Process& p) -> int {
    auto queue = p.engine.store->list(true);
    if (!queue) return complain(1, queue.error().text);
    if (w.reverse) std::reverse(queue->begin(), queue->end());
    return list(w, *queue, wall_seconds());
  });
}

}  // namespace remex::cli
