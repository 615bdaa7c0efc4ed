// The grammar of redirection data: what stands in aliases, .forward files and the redirect router's `data`.
// Pure parsing, no I/O but through the include callback. Used by redirect.cc and tests.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace remex::routers {

struct RedirectItem {
  enum class Kind : std::uint8_t { address, file, directory, pipe, include } kind = Kind::address;
  std::string text;          ///< address (may be unqualified), path or command
  bool keep_domain = false;  ///< a leading backslash: qualify with the incoming domain
};

struct RedirectList {
  enum class Verdict : std::uint8_t { items, blackhole, fail, defer, unknown } verdict = Verdict::items;
  std::string text;  ///< behind :fail: and :defer:
  std::vector<RedirectItem> items;
  std::vector<std::string> errors;  ///< what could not be understood, one line each
};

/// Parses a whole list. :include: items stay items; the caller reads them. Bounded to 10 000 items (then an error).
RedirectList parse_redirect_list(std::string_view text);

/// "550 5.1.1 text": the code when it starts a fail/defer text and fits (`first` is '5' or '4'). The rest is `text`.
std::string_view split_smtp_code(std::string_view message, char first, std::string_view& code);

}  // namespace remex::routers
