// The common case of an address, seen in one pass. Used where the full parser would only say the same more slowly.
#pragma once

#include <string_view>

namespace remex::mail {

/// Where the @ stands when the text is nothing but an unquoted, undecorated address; npos for any other text.
std::size_t plain_address_at(std::string_view text);

}  // namespace remex::mail
