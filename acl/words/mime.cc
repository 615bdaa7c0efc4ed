// decode, mime_regex and regex: looking into the parts of a message (manual chapter 45, sections 4 and 5).
//
// regex matches the raw message (DATA) or raw part (MIME) line by line, lines cut at 32 KiB. mime_regex matches the
// first 32 KiB of the decoded part at once. A pattern that is no regular expression is left out with a log line; one
// that exceeds its limits makes the condition defer.

#include <fmt/core.h>
#include <sys/stat.h>

#include "acl/mime.h"
#include "acl/scan.h"
#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "lang/list.h"
#include "lang/regex.h"

namespace remex::acl {
namespace {

constexpr std::size_t kMaxLine = 32 * 1024;

Answer cannot(std::string text) {
  Answer a;
  a.truth = Truth::defer;
  a.log_message = std::move(text);
  return a;
}

Answer log_trouble(Run& run, std::string_view what, const Error& e) {
  const std::string text = fmt::format("{} acl condition: {}", what, e.text);
  run.scope.services->log(lang::LogTarget::main_log | lang::LogTarget::panic_log, text);
  return cannot(text);
}

/// Any path component "..": never what anybody wants, and an attack when the name comes from a message.
bool climbs(std::string_view path) {
  for (const std::string_view part : split(path, '/'))
    if (part == "..") return true;
  return false;
}

bool is_directory(const std::string& path) {
  struct stat st{};
  return ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

Answer run_decode(Run& run, const Item& it) {
  auto v = run.value_of(it);
  if (!v)
    return v.error().kind == ErrorKind::forced_fail ? answer(!it.negated)
                                                    : trouble(v.error(), "failed to expand decode");
  if (run.effects.mime == nullptr) return cannot("decode: there is no MIME part");
  const std::string text(trim(v->view()));
  if (text == "0" || iequals(text, "false")) return answer(false);
  const bool by_default = text.empty() || text == "default";
  if (v->is_tainted() && !by_default)
    return log_trouble(run, "decode", {ErrorKind::taint, fmt::format("tainted file name \"{}\"", printable(text)), 0});
  if (climbs(text) || text.find('\0') != std::string::npos)
    return log_trouble(run, "decode", {ErrorKind::failed, fmt::format("bad file name \"{}\"", printable(text)), 0});
  std::string directory, path;
  if (text.starts_with('/') && io::offload([&] { return is_directory(text); })) {
    directory = text;
  } else if (text.starts_with('/')) {
    path = text;
  } else {
    auto made = make_scan_directory(run.scope);
    if (!made) return log_trouble(run, "decode", made.error());
    directory = *made;
    if (!by_default) path = directory + "/" + text;
  }
  if (auto st = decode_part(run.scope, *run.effects.mime, directory, path); !st)
    return log_trouble(run, "decode", st.error());
  return answer(true);
}

using Patterns = std::vector<std::pair<std::string, std::shared_ptr<const lang::Regex>>>;

/// The expressions of the list that compile; the others are named in the log.
Patterns patterns_of(Run& run, std::string_view what, std::string_view list) {
  Patterns out;
  for (const std::string& pattern : lang::split_list(list)) {
    if (pattern.empty()) continue;
    auto re = lang::Regex::cached(pattern);
    if (re) {
      out.emplace_back(pattern, *re);
      continue;
    }
    run.scope.services->log(static_cast<int>(lang::LogTarget::main_log),
                            fmt::format("{} acl condition warning - {}, skipped", what, printable(re.error().text)));
  }
  return out;
}

struct Hit {
  std::string pattern;
  std::vector<std::string> groups;
};

/// The first pattern that matches `text`; null pattern: none.
Result<bool> search(const Patterns& patterns, std::string_view text, Hit& hit) {
  for (const auto& [pattern, re] : patterns) {
    lang::Regex::Spans spans;
    REMEX_TRY(const bool found, re->search(text, &spans));
    if (!found) continue;
    hit.pattern = pattern;
    for (std::size_t i = 1; i < spans.size(); ++i)
      hit.groups.emplace_back(spans[i].first == std::string_view::npos
                                  ? std::string()
                                  : std::string(text.substr(spans[i].first, spans[i].second - spans[i].first)));
    return true;
  }
  return false;
}

/// Feeds lines to search(); ends the reading with an error of kind cancelled-like once something matched.
class LineSearch {
 public:
  LineSearch(const Patterns& patterns, Hit& hit) : patterns_(patterns), hit_(hit) {}

  Status feed(std::string_view piece) {
    while (!piece.empty() && !found_) {
      const std::size_t nl = piece.find('\n');
      const std::string_view text = piece.substr(0, nl);
      if (nl != std::string_view::npos && line_.empty()) {
        REMEX_CHECK(line(text.substr(0, kMaxLine)));
      } else {
        if (line_.size() < kMaxLine) line_.append(text.substr(0, kMaxLine - line_.size()));
        begun_ = true;
        if (nl != std::string_view::npos) REMEX_CHECK(end());
      }
      piece.remove_prefix(nl == std::string_view::npos ? piece.size() : nl + 1);
    }
    return found_ ? Status(fail("found")) : Status();
  }
  Status end() {
    if (!begun_ || found_) return {};
    REMEX_CHECK(line(line_));
    line_.clear();
    begun_ = false;
    return {};
  }
  bool found() const { return found_; }

 private:
  Status line(std::string_view text) {
    REMEX_TRY(const bool hit, search(patterns_, text, hit_));
    found_ = hit;
    return {};
  }
  const Patterns& patterns_;
  Hit& hit_;
  std::string line_;
  bool begun_ = false, found_ = false;
};

void publish(lang::Scope& scope, const Hit& hit) {
  scope.extra["regex_match_string"] = hit.pattern;
  for (std::size_t i = 1; i < 10; ++i) {
    const std::string name = "regex" + std::to_string(i);
    if (i <= hit.groups.size())
      scope.extra[name] = hit.groups[i - 1];
    else
      scope.extra.erase(name);
  }
}

Answer run_regex(Run& run, const Item& it) {
  auto v = run.value_of(it);
  if (!v)
    return v.error().kind == ErrorKind::forced_fail ? answer(!it.negated)
                                                    : trouble(v.error(), "failed to expand regex");
  const Patterns patterns = patterns_of(run, "regex", v->view());
  if (patterns.empty()) return answer(false);
  Hit hit;
  LineSearch lines(patterns, hit);
  const auto sink = [&](std::string_view piece) { return lines.feed(piece); };
  Status read;
  if (const MimeContext* part = run.effects.mime; part != nullptr) {
    read = io::offload([&] { return read_range(*part->body, part->begin, part->end, sink); });
  } else {
    auto message = ScanMessage::of(run.scope);
    if (!message) return log_trouble(run, "regex", message.error());
    // one piece after the other, so that a large message never holds up the others
    read = message->for_each([&](std::string_view piece) { return io::offload([&] { return sink(piece); }); });
  }
  if (read) read = lines.end();
  if (!read && !lines.found()) return log_trouble(run, "regex", read.error());
  if (lines.found()) publish(run.scope, hit);
  return answer(lines.found());
}

Answer run_mime_regex(Run& run, const Item& it) {
  auto v = run.value_of(it);
  if (!v)
    return v.error().kind == ErrorKind::forced_fail ? answer(!it.negated)
                                                    : trouble(v.error(), "failed to expand mime_regex");
  MimeContext* part = run.effects.mime;
  if (part == nullptr) return cannot("mime_regex: there is no MIME part");
  const Patterns patterns = patterns_of(run, "mime_regex", v->view());
  if (patterns.empty()) return answer(false);
  if (part->decoded_path.empty()) {
    auto directory = make_scan_directory(run.scope);
    if (!directory) return log_trouble(run, "mime_regex", directory.error());
    if (auto st = decode_part(run.scope, *part, *directory, {}); !st) return log_trouble(run, "mime_regex", st.error());
  }
  Hit hit;
  const auto found = io::offload([&]() -> Result<bool> {
    struct stat st{};
    if (::stat(part->decoded_path.c_str(), &st) != 0) return fail_errno(errno, "stat " + part->decoded_path);
    const auto size = std::min<std::uint64_t>(static_cast<std::uint64_t>(st.st_size), kMaxLine);
    if (size == 0) return search(patterns, {}, hit);
    REMEX_TRY(const auto body, mail::Body::from_file(part->decoded_path, 0, size));
    REMEX_TRY(const std::string text, body->read(0, static_cast<std::size_t>(size)));
    return search(patterns, text, hit);
  });
  if (!found) return log_trouble(run, "mime_regex", found.error());
  if (*found) publish(run.scope, hit);
  return answer(*found);
}

constexpr HookSet kRegexHooks =
    hook_bit(Hook::data) | hook_bit(Hook::prdr) | hook_bit(Hook::mime) | hook_bit(Hook::not_smtp);

constexpr AclWordDef defs[] = {
    {.name = "decode",
     .hooks = hook_bit(Hook::mime),
     .summary = "Decodes a MIME part to a file",
     .run = &run_decode,
     .tier = 2,
     .where = lang::Where::mime,
     .examples = {{"deny    message = $mime_filename is $mime_content_size KiB\n        decode = default\naccept",
                   "550 5.7.1 minutes.txt is 1 KiB"},
                  {"accept  decode = ${lc:default", "", "E0301"}}},
    {.name = "mime_regex",
     .hooks = hook_bit(Hook::mime),
     .summary = "Regex on a decoded MIME part",
     .run = &run_mime_regex,
     .tier = 3,
     .where = lang::Where::mime,
     .examples = {{"deny    message = about $regex1\n        mime_regex = the (minutes) are",
                   "550 5.7.1 about minutes"},
                  {"accept  mime_regex = ${lc:minutes", "", "E0301"}}},
    {.name = "regex",
     .hooks = kRegexHooks,
     .summary = "Regex on the raw message",
     .run = &run_regex,
     .tier = 3,
     .where = lang::Where::data,
     .examples = {{"deny    message = about $regex1\n        regex = ^Subject: (\\\\w+)", "550 5.7.1 about From"},
                  {"accept  regex = ${lc:minutes", "", "E0301"}}},
};

}  // namespace
}  // namespace remex::acl

namespace remex::registry::acl_words {
extern const std::span<const acl::AclWordDef> mime;
constinit const std::span<const acl::AclWordDef> mime{acl::defs};
}  // namespace remex::registry::acl_words
