// The words of an Exim filter: blanks, comments, quoted strings, and the line a mistake is near.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace remex::lang::filter {

class Words {
 public:
  /// Begins behind the first line, which says that this is a filter.
  explicit Words(std::string_view text);

  bool at_end() const { return pos_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[pos_]; }
  std::uint32_t line() const { return line_; }
  /// What stands up to the next blank (in a condition: also a bracket, which is a word of its own). Empty at the end.
  Result<std::string> word(bool bracket = false);
  /// A word, or a string in double quotes with its escapes undone.
  Result<std::string> item(bool bracket = false);
  /// Takes the next word when it is `wanted`.
  bool take(std::string_view wanted, bool bracket = false);
  /// Kind config: "text near line N of filter file".
  std::unexpected<Error> mistake(std::string_view text) const;

 private:
  void skip();
  Result<std::string> quoted();
  char escape();

  std::string_view text_;
  std::size_t pos_ = 0;
  std::uint32_t line_ = 1;
};

}  // namespace remex::lang::filter
