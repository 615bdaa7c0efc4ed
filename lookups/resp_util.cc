// See resp.h.
#include "lookups/resp.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/strings.h"

namespace remex::lookups {

namespace {

constexpr std::size_t kMaxLine = 64U << 10U;
constexpr std::size_t kMaxTotal = 16U << 20U;
constexpr std::size_t kMaxItems = 100000;
constexpr int kMaxDepth = 4;

/// What a whole reply may still use up.
struct Budget {
  std::size_t bytes = kMaxTotal, items = kMaxItems;
};

std::unexpected<Error> broken(std::string_view what) { return fail(ErrorKind::closed, fmt::format("REDIS: {}", what)); }

Result<std::string> read_bulk(io::Reader& in, std::size_t size) {
  std::string out;
  while (out.size() < size + 2) {
    REMEX_TRY(const std::string_view have, in.peek());
    if (have.empty()) return broken("the server hung up");
    const std::size_t n = std::min(have.size(), size + 2 - out.size());
    out.append(have.substr(0, n));
    in.consume(n);
  }
  if (!out.ends_with("\r\n")) return broken("a reply breaks the protocol");
  out.resize(size);
  return out;
}

Result<RespReply> read_value(io::Reader& in, Budget& left, int depth);

Result<RespReply> read_array(io::Reader& in, std::int64_t count, Budget& left, int depth) {
  RespReply out;
  if (count < 0) return out;
  if (depth >= kMaxDepth) return broken("a reply nests too deeply");
  if (static_cast<std::uint64_t>(count) > left.items) return broken("a reply has too many elements");
  left.items -= static_cast<std::size_t>(count);
  out.kind = RespReply::Kind::array;
  for (std::int64_t i = 0; i < count; ++i) {
    REMEX_TRY(RespReply item, read_value(in, left, depth + 1));
    out.items.push_back(std::move(item));
  }
  return out;
}

Result<RespReply> read_value(io::Reader& in, Budget& left, int depth) {
  REMEX_TRY(std::string line, in.read_line(kMaxLine));
  if (!line.ends_with("\r\n")) return broken(line.empty() ? "the server hung up" : "a reply breaks the protocol");
  line.resize(line.size() - 2);
  if (line.empty()) return broken("a reply breaks the protocol");
  RespReply out;
  const char type = line.front();
  line.erase(0, 1);
  if (type == '+' || type == ':' || type == '-') {
    if (line.size() > left.bytes) return broken("a reply is longer than 16 MiB");
    left.bytes -= line.size();
    out.kind = type == '-' ? RespReply::Kind::error : RespReply::Kind::text;
    out.text = std::move(line);
    return out;
  }
  const auto size = parse_int(line);
  if (!size || *size < -1) return broken("a reply breaks the protocol");
  if (type == '*') return read_array(in, *size, left, depth);
  if (type != '$') return broken("a reply breaks the protocol");
  if (*size < 0) return out;
  if (static_cast<std::uint64_t>(*size) > left.bytes) return broken("a reply is longer than 16 MiB");
  left.bytes -= static_cast<std::size_t>(*size);
  REMEX_TRY(out.text, read_bulk(in, static_cast<std::size_t>(*size)));
  out.kind = RespReply::Kind::text;
  return out;
}

}  // namespace

std::vector<std::string> redis_words(std::string_view query) {
  std::vector<std::string> out;
  bool in_word = false;
  for (std::size_t i = 0; i < query.size(); ++i) {
    if (is_space(query[i])) {
      in_word = false;
      continue;
    }
    if (!in_word) out.emplace_back();
    in_word = true;
    if (query[i] == '\\' && i + 1 < query.size()) ++i;
    out.back() += query[i];
  }
  return out;
}

std::string resp_command(const std::vector<std::string>& words) {
  std::string out = fmt::format("*{}\r\n", words.size());
  for (const std::string& w : words) {
    out += fmt::format("${}\r\n", w.size());
    out += w;
    out += "\r\n";
  }
  return out;
}

Result<RespReply> read_resp(io::Reader& in) {
  Budget left;
  return read_value(in, left, 0);
}

std::string resp_text(const RespReply& reply) {
  if (reply.kind != RespReply::Kind::array) return reply.text;
  std::string out;
  for (std::size_t i = 0; i < reply.items.size(); ++i) {
    if (i > 0) out += '\n';
    out += resp_text(reply.items[i]);
  }
  return out;
}

}  // namespace remex::lookups
