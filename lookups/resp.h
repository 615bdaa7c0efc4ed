// The Redis protocol, RESP2 (https://redis.io/docs/reference/protocol-spec): commands out, replies in.
//
// Used by the redis lookup and its fuzz target. A reply is bounded: 16 MiB, 100 000 elements, four levels. Anything
// that breaks the protocol is kind closed: the connection is of no further use.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/io/stream.h"

namespace remex::lookups {

struct RespReply {
  enum class Kind : std::uint8_t { text, error, nil, array } kind = Kind::nil;  ///< numbers and states are text
  std::string text;
  std::vector<RespReply> items;
};

/// "get key" split at blanks; a backslash takes the next character as it is. Empty for a blank query.
std::vector<std::string> redis_words(std::string_view query);
/// An array of bulk strings.
std::string resp_command(const std::vector<std::string>& words);
/// One reply. Parks for input.
Result<RespReply> read_resp(io::Reader& in);
/// The text of a lookup: elements of an array, and of arrays in it, on lines of their own.
std::string resp_text(const RespReply& reply);

}  // namespace remex::lookups
