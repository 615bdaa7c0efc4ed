// dsearch: does a directory have an entry of this name? The answer is the name, and it is to be trusted, because the
// operator made the entry. That makes it the usual way from a tainted local part to a directory.
//
// Therefore a tainted "." or ".." is never found, whatever the filter: it would be a trusted way out of the directory.
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/lookup.h"

namespace remex::lookups {

namespace {

using namespace lang;

enum class Filter : std::uint8_t { any, file, dir, subdir };
enum class Return : std::uint8_t { key, full, dir };

struct Options {
  Filter filter = Filter::any;
  Return ret = Return::key;
  bool path = false;  ///< key=path: slashes allowed
};

Result<Options> read_options(std::string_view text) {
  Options o;
  for (std::string_view part : split(text, ',')) {
    part = trim(part);
    if (part.empty()) continue;
    if (part == "filter=file")
      o.filter = Filter::file;
    else if (part == "filter=dir")
      o.filter = Filter::dir;
    else if (part == "filter=subdir")
      o.filter = Filter::subdir;
    else if (part == "ret=full")
      o.ret = Return::full;
    else if (part == "ret=dir")
      o.ret = Return::dir;
    else if (part == "key=path")
      o.path = true;
    else
      return fail(fmt::format("unknown option \"{}\" for dsearch lookup", printable(part)));
  }
  return o;
}

bool is_dot_name(std::string_view s) { return s == "." || s == ".."; }

/// Whether the key could name an entry at all. An error for a slash, as Exim has it.
Result<bool> is_possible(const Text& key, const Options& o) {
  const std::string_view k = key.view();
  if (k.find('\0') != std::string_view::npos) return false;
  if (k.find('/') == std::string_view::npos)
    return !(is_dot_name(k) && (key.is_tainted() || o.filter == Filter::subdir));
  if (!o.path) return defer(fmt::format("key for dsearch lookup contains a slash: {}", printable(k)));
  for (std::string_view part : split(k, '/'))
    if (part.empty() || is_dot_name(part)) return false;
  return true;
}

bool passes(const struct stat& st, Filter filter) {
  switch (filter) {
    case Filter::any: return true;
    case Filter::file: return S_ISREG(st.st_mode);
    default: return S_ISDIR(st.st_mode);
  }
}

LookupResult find(Scope&, LookupHandle*, const LookupRequest& request) {
  const std::string& dir = request.file;
  if (dir.empty() || dir.front() != '/')
    return defer(fmt::format("dirname '{}' for dsearch lookup is not absolute", printable(dir)));
  auto options = read_options(request.options);
  if (!options) return defer(options.error().text);
  struct stat st{};
  if (::stat(dir.c_str(), &st) != 0)
    return defer(fmt::format("failed to open {} for directory search: {}", printable(dir), std::strerror(errno)));
  if (!S_ISDIR(st.st_mode))
    return defer(fmt::format("failed to open {} for directory search: {}", printable(dir), std::strerror(ENOTDIR)));
  REMEX_TRY(const bool possible, is_possible(request.key, *options));
  if (!possible) return std::optional<Text>();

  std::string path = dir;
  if (path.back() != '/') path += '/';
  path += request.key.view();
  if (::lstat(path.c_str(), &st) != 0) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG) return std::optional<Text>();
    return defer(fmt::format("failed to look for {}: {}", printable(path), std::strerror(errno)));
  }
  if (!passes(st, options->filter)) return std::optional<Text>();
  switch (options->ret) {
    case Return::full: return std::optional<Text>(Text(std::move(path)));
    case Return::dir: return std::optional<Text>(Text(dir));
    default: return std::optional<Text>(Text::clean(request.key.view()));
  }
}

constexpr Example kDsearchExamples[] = {
    {.input = "${lookup{example.org}dsearch{/etc/remex/domains}}",
     .output = "example.org",
     .setup = "example.org\nexample.com"},
    {.input = "${lookup{a/b}dsearch{/etc/remex/domains}}", .error = "slash", .setup = "example.org"}};

constexpr LookupDef defs[] = {{
    .name = "dsearch",
    .style = LookupStyle::single_key,
    .summary = "Entry of a directory",
    .doc =
        "The file is an absolute directory name. Options: filter=file, dir or subdir; ret=full gives the whole path, "
        "ret=dir the directory; key=path allows slashes in the key. A key with a slash otherwise defers. The result is "
        "not tainted, because it names something the operator made; a tainted \".\" or \"..\" is never found.",
    .examples = kDsearchExamples,
    .options = "filter=file filter=dir filter=subdir ret=full ret=dir key=path",
    .find = find,
}};

}  // namespace

}  // namespace remex::lookups

namespace remex::registry::lookups {
extern const std::span<const LookupDef> dsearch;
constinit const std::span<const LookupDef> dsearch{remex::lookups::defs};
}  // namespace remex::registry::lookups
