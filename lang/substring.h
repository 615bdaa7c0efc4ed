// The arithmetic of substr, hash and nhash, shared by their item and operator forms. Pure; cannot fail.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace remex::lang {

/// `count` < 0: not given, that is to the end, or for a negative start from the beginning up to the start.
std::string_view substring(std::string_view s, std::int64_t start, std::int64_t count);

/// Exim's textual hash of length m over the first n of the 62 characters, in the place of the text from `from` on. n at
/// most 62.
void text_hash(std::string& text, std::size_t from, std::int64_t m, std::int64_t n);
/// Exim's numeric hash: "x" in 0..n-1, or "x/y" with m > 0 ("x" in 0..n-1, "y" in 0..m-1).
std::string numeric_hash(std::string_view s, std::int64_t n, std::int64_t m);

}  // namespace remex::lang
