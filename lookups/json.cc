// json: one element of a JSON file, chosen by a list of member names and array indexes. The parsed file stays in
// memory.
//
// What is returned for objects and arrays is written as Exim's JSON library does: members in the order of the file,
// ", " and ": " between them. Not JSON, too deep or larger than 64 MiB is kind defer; a selector that fits nothing is
// absent.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/strings.h"
#include "lang/list.h"
#include "lang/lookup.h"

namespace remex::lookups {

namespace {

using namespace lang;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxFile = 64U << 20U;
constexpr int kMaxDepth = 500;

struct OpenJson : LookupHandle {
  Json root;
};

Result<std::string> read_file(const std::string& path) {
  const auto trouble = [&] {
    return defer(fmt::format("failed to open {} for json lookup: {}", printable(path), std::strerror(errno)));
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return trouble();
  struct stat st{};
  std::string text;
  ssize_t n = ::fstat(fd, &st) == 0 ? 1 : -1;
  if (n > 0 && (!S_ISREG(st.st_mode) || static_cast<std::size_t>(st.st_size) > kMaxFile)) {
    ::close(fd);
    return defer(fmt::format("{} is not a regular file of at most 64 MiB (json lookup)", printable(path)));
  }
  char buffer[16384];
  while (n > 0 && text.size() <= kMaxFile) {
    n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR)
      n = 1;
    else if (n > 0)
      text.append(buffer, static_cast<std::size_t>(n));
  }
  if (n < 0) {
    auto error = trouble();
    ::close(fd);
    return error;
  }
  ::close(fd);
  return text;
}

Result<std::unique_ptr<LookupHandle>> open(Scope&, const std::string& path) {
  if (path.empty() || path.front() != '/')
    return defer(fmt::format("file name \"{}\" for json lookup is not absolute", printable(path)));
  REMEX_TRY(const std::string text, read_file(path));
  auto handle = std::make_unique<OpenJson>();
  // Depth is bounded while parsing: what is written out again recurses.
  bool too_deep = false;
  const auto watch = [&too_deep](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  handle->root = Json::parse(text, watch, false);
  if (handle->root.is_discarded() || too_deep)
    return defer(fmt::format("{} is not a JSON file{}", printable(path), too_deep ? ": it nests too deeply" : ""));
  return handle;
}

void write_string(const std::string& s, std::string& out) {
  out += Json(s).dump(-1, ' ', false, Json::error_handler_t::replace);
}

void write_value(const Json& j, std::string& out) {
  bool first = true;
  const auto comma = [&] {
    if (!first) out += ", ";
    first = false;
  };
  if (j.is_object()) {
    out += '{';
    for (const auto& [name, member] : j.items()) {
      comma();
      write_string(name, out);
      out += ": ";
      write_value(member, out);
    }
    out += '}';
  } else if (j.is_array()) {
    out += '[';
    for (const Json& member : j) {
      comma();
      write_value(member, out);
    }
    out += ']';
  } else {
    out += j.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
}

LookupResult find(Scope&, LookupHandle* handle, const LookupRequest& request) {
  const Json* at = &static_cast<OpenJson*>(handle)->root;
  for (const std::string& selector : split_list(request.key.view())) {
    const auto index = parse_uint(selector);
    if (index && at->is_array()) {
      if (*index >= at->size()) return std::optional<Text>();
      at = &(*at)[static_cast<std::size_t>(*index)];
    } else if (!index && at->is_object()) {
      const auto member = at->find(selector);
      if (member == at->end()) return std::optional<Text>();
      at = &*member;
    } else {
      return std::optional<Text>();
    }
  }
  if (at->is_string()) return std::optional<Text>(Text(at->get<std::string>()));
  std::string out;
  write_value(*at, out);
  return std::optional<Text>(Text(std::move(out)));
}

constexpr Example kJsonExamples[] = {
    {.input = "${lookup{jane:quota}json{/etc/remex/users.json}}",
     .output = "50M",
     .setup = "{\"jane\": {\"quota\": \"50M\", \"lists\": [\"news\", \"staff\"]}}"},
    {.input = "${lookup{jane:lists:1}json{/etc/remex/users.json}}",
     .output = "staff",
     .setup = "{\"jane\": {\"quota\": \"50M\", \"lists\": [\"news\", \"staff\"]}}"},
    {.input = "${lookup{jane}json{/etc/remex/users.json}}", .error = "JSON", .setup = "{\"jane\": "}};

constexpr LookupDef defs[] = {{
    .name = "json",
    .style = LookupStyle::single_key,
    .summary = "Element of a JSON file",
    .doc =
        "The key is a list of selectors, applied one after the other: a number chooses an element of an array, "
        "counted from 0, a word a member of an object. A string comes without its quotes, an object or array as JSON "
        "text.",
    .examples = kJsonExamples,
    .open = open,
    .find = find,
}};

}  // namespace

}  // namespace remex::lookups

namespace remex::registry::lookups {
extern const std::span<const LookupDef> json;
constinit const std::span<const LookupDef> json{remex::lookups::defs};
}  // namespace remex::registry::lookups
