// Reading and parsing of lsearch files: comments, continuation lines, quoted keys.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "lookups/linear_file.h"

namespace remex::lookups {

namespace {

constexpr std::size_t kMaxFile = 256U << 20U;

char unescape(std::string_view s, std::size_t& i) {
  const char c = s[i++];
  switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'x': {
      int v = 0;
      for (int n = 0; n < 2 && i < s.size(); ++n, ++i) {
        const char h = ascii_lower(s[i]);
        if (is_digit(h))
          v = v * 16 + (h - '0');
        else if (h >= 'a' && h <= 'f')
          v = v * 16 + (h - 'a' + 10);
        else
          break;
      }
      return static_cast<char>(v);
    }
    default: break;
  }
  if (c < '0' || c > '7') return c;
  int v = c - '0';
  for (int n = 0; n < 2 && i < s.size() && s[i] >= '0' && s[i] <= '7'; ++n, ++i) v = v * 8 + (s[i] - '0');
  return static_cast<char>(v);
}

/// Splits a first line into key, gap and the start of the data.
LinearRecord first_line(std::string_view line) {
  LinearRecord r;
  std::size_t i = 0;
  if (line.starts_with('"')) {
    ++i;
    while (i < line.size() && line[i] != '"') {
      if (line[i] == '\\' && i + 1 < line.size()) {
        ++i;
        r.key += unescape(line, i);
      } else {
        r.key += line[i++];
      }
    }
    if (i < line.size()) ++i;
  } else {
    while (i < line.size() && line[i] != ':' && !is_space(line[i])) ++i;
    r.key.assign(line.substr(0, i));
  }
  const std::size_t gap = i;
  while (i < line.size() && is_space(line[i])) ++i;
  if (i < line.size() && line[i] == ':') {
    ++i;
    while (i < line.size() && is_space(line[i])) ++i;
  }
  r.gap.assign(line.substr(gap, i - gap));
  r.data.assign(trim_right(line.substr(i)));
  return r;
}

}  // namespace

std::vector<LinearRecord> parse_linear(std::string_view text) {
  std::vector<LinearRecord> out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = trim_right(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    if (!is_space(line.front())) {
      out.push_back(first_line(line));
      continue;
    }
    line = trim_left(line);
    if (out.empty() || line.empty()) continue;
    if (!out.back().data.empty()) out.back().data += ' ';
    out.back().data += line;
  }
  return out;
}

Result<std::vector<LinearRecord>> read_linear_file(const std::string& path, std::string_view type) {
  if (path.empty() || path.front() != '/')
    return defer(fmt::format("file name \"{}\" for {} lookup is not absolute", printable(path), type));
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0)
    return defer(fmt::format("failed to open {} for linear search: {}", printable(path), std::strerror(errno)));
  struct stat st{};
  std::string text;
  std::string why;
  if (::fstat(fd, &st) != 0)
    why = fmt::format("failed to open {} for linear search: {}", printable(path), std::strerror(errno));
  else if (!S_ISREG(st.st_mode))
    why = fmt::format("{} is not a regular file ({} lookup)", printable(path), type);
  else if (static_cast<std::size_t>(st.st_size) > kMaxFile)
    why = fmt::format("{} is too large for {} lookup", printable(path), type);
  while (why.empty()) {
    char buffer[65536];
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) why = fmt::format("failed to read {}: {}", printable(path), std::strerror(errno));
    if (n <= 0) break;
    text.append(buffer, static_cast<std::size_t>(n));
    if (text.size() > kMaxFile) why = fmt::format("{} is too large for {} lookup", printable(path), type);
  }
  ::close(fd);
  if (!why.empty()) return defer(std::move(why));
  return parse_linear(text);
}

std::string full_line(const LinearRecord& r) { return r.key + r.gap + r.data; }

bool wants_full(std::string_view options) {
  for (std::string_view o : split(options, ','))
    if (trim(o) == "ret=full") return true;
  return false;
}

}  // namespace remex::lookups
