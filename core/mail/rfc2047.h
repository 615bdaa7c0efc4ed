// Encoded words (RFC 2047) in header texts: ${rfc2047:}, ${rfc2047d:}, $h_ and $bh_ decoding. No I/O apart from iconv's
// tables.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace remex::mail {

/// Encodes when the text holds a byte outside printable ASCII or one of ?=()<>@,;:\".[]_ ; else returns it unchanged.
/// Each encoded word has at most 75 characters; words are joined by a space. `charset` only names, nothing is
/// converted.
std::string encode_rfc2047(std::string_view text, std::string_view charset = "UTF-8");

/// True when the text cannot stand in a phrase as it is (what encode_rfc2047 looks at).
bool needs_rfc2047(std::string_view text);

/// Decodes all encoded words into `charset`; blanks between two encoded words vanish, malformed ones stay as they are.
/// A NUL that was encoded becomes '?'. An unknown charset is an error (Exim's iconv text).
Result<std::string> decode_rfc2047(std::string_view text, std::string_view charset = "UTF-8");

/// Converts bytes between charsets with iconv; bytes that do not convert become '?'. Only charset names of letters,
/// digits and
/// - _ . : + are passed on (never a path).
Result<std::string> convert_charset(std::string_view bytes, std::string_view from, std::string_view to);

}  // namespace remex::mail
