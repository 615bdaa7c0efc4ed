// exigrep: searches logs and shows all lines of the messages it finds. Options and output are those of Exim's program
// of this name; see utilities.h.

#include <fcntl.h>
#include <fmt/core.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/base/strings.h"
#include "core/cli/log_messages.h"
#include "core/cli/modes.h"
#include "core/cli/utilities.h"
#include "lang/regex.h"

namespace remex::cli {

namespace {

constexpr int kUsageStatus = 2;

constexpr std::string_view kUsage =
    "Usage: exigrep [OPTIONS] PATTERN [LOG]...\n"
    "\n"
    "Shows all lines of the messages that have a line with PATTERN (a regular expression, letters in any case), and "
    "such lines that\n"
    "belong to no message. Reads the standard input when no LOG is given; compressed ones are unpacked.\n"
    "\n"
    "  -l, --literal             PATTERN is text, not an expression\n"
    "  -I, --sensitive           upper and lower case letters differ\n"
    "  -v, --invert              lines without PATTERN are wanted\n"
    "  -t, --queue-time SECONDS  complete messages that took no longer are left out\n"
    "  -M, --related             and the messages that came out of these: bounces, answers\n"
    "      --no-pager            taken for Exim's sake: there is no pager\n"
    "  -h, --help                this text\n";

struct Wanted {
  bool literal = false, sensitive = false, help = false;
  GrepOptions grep;
  std::vector<std::string> words;  ///< the pattern and the files
};

/// One option with the name or letter `name`. `value` gives what follows it.
Status take(Wanted& w, std::string_view name, const std::function<Result<std::string>()>& value) {
  if (name == "l" || name == "literal") {
    w.literal = true;
  } else if (name == "I" || name == "sensitive") {
    w.sensitive = true;
  } else if (name == "v" || name == "invert") {
    w.grep.invert = true;
  } else if (name == "M" || name == "related") {
    w.grep.related = true;
  } else if (name == "h" || name == "help") {
    w.help = true;
  } else if (name == "t" || name == "queue-time") {
    REMEX_TRY(const std::string text, value());
    const auto n = parse_uint(text);
    if (!n || *n > INT32_MAX) return fail(fmt::format("-t \"{}\": a number of seconds is needed", printable(text)));
    w.grep.least_seconds = static_cast<std::int64_t>(*n);
  } else if (name != "no-pager") {
    return fail(fmt::format("Unknown option: {}", printable(name)));
  }
  return {};
}

Status parse(const std::vector<std::string>& args, Wanted& w) {
  bool options = true;
  for (std::size_t i = 0; i < args.size(); ++i) {
    std::string_view a = args[i];
    if (!options || a.size() < 2 || a[0] != '-') {
      w.words.emplace_back(a);
      continue;
    }
    if (a == "--") {
      options = false;
      continue;
    }
    const auto next = [&](std::string_view attached) -> Result<std::string> {
      if (!attached.empty()) return std::string(attached);
      if (i + 1 == args.size()) return fail(fmt::format("Option {} requires an argument", printable(a)));
      return args[++i];
    };
    if (a.starts_with("--")) {
      const auto equals = std::min(a.size(), a.find('='));
      REMEX_CHECK(take(w, a.substr(2, equals - 2), [&] { return next(a.substr(std::min(a.size(), equals + 1))); }));
      continue;
    }
    for (std::size_t at = 1; at < a.size(); ++at) {
      const bool has_value = a[at] == 't';
      REMEX_CHECK(take(w, a.substr(at, 1), [&] { return next(a.substr(at + 1)); }));
      if (has_value) break;
    }
  }
  return {};
}

/// A pattern that stands for `text` itself.
std::string literal(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80;
    if (!plain) out += '\\';
    out += c;
  }
  return out;
}

/// The program that unpacks what a file of this name is packed with; null: it is not packed.
const char* unpacker(std::string_view name) {
  constexpr std::pair<std::string_view, const char*> kPacked[] = {
      {".gz", "zcat"}, {".Z", "zcat"}, {".bz2", "bzcat"}, {".xz", "xzcat"}, {".lzma", "xzcat"}, {".zst", "zstdcat"}};
  for (const auto& [ending, program] : kPacked)
    if (name.ends_with(ending)) return program;
  return nullptr;
}

/// A file to be read, unpacked by a program of its own where that is needed.
class LogFile {
 public:
  ~LogFile() { (void)close(); }
  LogFile() = default;
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  Status open(const std::string& name) {
    name_ = name;
    program_ = unpacker(name);
    file_ = std::fopen(name.c_str(), "re");
    if (file_ == nullptr) return fail(fmt::format("Unable to open {}: {}", printable(name), std::strerror(errno)));
    return program_ == nullptr ? Status() : unpack();
  }
  std::FILE* file() const { return file_; }
  /// Error: the unpacker did not like the file.
  Status close() {
    if (file_ != nullptr) std::fclose(std::exchange(file_, nullptr));
    const pid_t child = std::exchange(child_, -1);
    int status = 0;
    if (child > 0 && (::waitpid(child, &status, 0) != child || status != 0))
      return fail(fmt::format("{} could not unpack {}", program_, printable(name_)));
    return {};
  }

 private:
  Status unpack() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail(fmt::format("no pipe: {}", std::strerror(errno)));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ::fileno(file_), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    char* const argv[] = {const_cast<char*>(program_), nullptr};
    const int error = ::posix_spawnp(&child_, program_, &actions, nullptr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    std::fclose(file_);
    file_ = ::fdopen(ends[0], "r");
    if (error != 0) {
      child_ = -1;
      return fail(fmt::format("{} cannot unpack {}: {} (is its package installed?)", program_, printable(name_),
                              std::strerror(error)));
    }
    return {};
  }

  std::string name_;
  const char* program_ = nullptr;
  std::FILE* file_ = nullptr;
  pid_t child_ = -1;
};

Status read_lines(std::FILE* file, const std::string& name, LogMessages& messages) {
  char* line = nullptr;
  std::size_t room = 0;
  Status result;
  for (ssize_t n; result && (n = ::getline(&line, &room, file)) > 0;) {
    std::string_view text(line, static_cast<std::size_t>(n));
    if (text.ends_with('\n')) text.remove_suffix(1);
    result = messages.add(text);
  }
  const int error = errno;
  if (result && std::ferror(file) != 0)
    result = fail(fmt::format("Unable to read {}: {}", printable(name), std::strerror(error)));
  std::free(line);  // NOLINT(cppcoreguidelines-no-malloc): getline's
  return result;
}

Status search(const Wanted& w, LogMessages& messages) {
  if (w.words.size() == 1) return read_lines(stdin, "standard input", messages);
  for (std::size_t i = 1; i < w.words.size(); ++i) {
    LogFile log;
    REMEX_CHECK(log.open(w.words[i]));
    REMEX_CHECK(read_lines(log.file(), w.words[i], messages));
    REMEX_CHECK(log.close());
  }
  return {};
}

}  // namespace

int run_log_grep(const std::vector<std::string>& args) {
  Wanted w;
  const Status parsed = parse(args, w);
  if (!parsed || w.help || w.words.empty()) {
    if (!parsed) fmt::print(stderr, "{}\n", parsed.error().text);
    fmt::print(w.help ? stdout : stderr, "{}", kUsage);
    return w.help ? 0 : kUsageStatus;
  }
  const auto pattern = lang::Regex::compile(w.literal ? literal(w.words[0]) : w.words[0], !w.sensitive);
  if (!pattern) return complain(kUsageStatus, pattern.error().text);
  w.grep.matches = [&pattern](const std::string& line) { return (*pattern)->search(line, nullptr); };
  LogMessages messages(w.grep, [](const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); });
  const Status done = search(w, messages);
  messages.finish();  // what was found is shown also when a later file is missing
  if (!done) return complain(kUsageStatus, done.error().text);
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    return complain(1, fmt::format("writing: {}", std::strerror(errno)));
  return 0;
}

}  // namespace remex::cli
