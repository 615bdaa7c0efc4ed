// Tokens of a Sieve script (RFC 5228 8.1). Private to lang/filter.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace remex::lang::filter::sieve {

struct Token {
  enum class Kind : std::uint8_t { end, word, tag, number, string, mark } kind = Kind::end;
  std::string text;  ///< lower case for words and tags; the character of a mark
  std::uint64_t number = 0;
};

class Tokens {
 public:
  explicit Tokens(std::string_view text) : text_(text) {}
  /// Reads the first token. Later errors come from advance().
  Status start() { return advance(); }
  const Token& now() const { return now_; }
  bool is_mark(char c) const { return now_.kind == Token::Kind::mark && now_.text[0] == c; }
  bool is_word(std::string_view w) const { return now_.kind == Token::Kind::word && now_.text == w; }
  Status advance();
  /// Where the current token's predecessor ended: the line a mistake is reported for.
  std::uint32_t line() const { return before_; }
  std::unexpected<Error> mistake(std::string_view text) const;
  bool encoded_characters = false;  ///< ${hex:..} and ${unicode:..} in strings (RFC 5228 2.4.2.4)

 private:
  Status skip();
  Status read_string();
  Status read_text();
  Status decode();

  std::string_view text_;
  std::size_t pos_ = 0;
  std::uint32_t line_ = 1, before_ = 1;
  Token now_;
};

}  // namespace remex::lang::filter::sieve
