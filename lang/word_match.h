// Are these the words that the configuration names? For the courier, which compares a request with the text of an
// option without expanding it: nothing the request says may take part in that.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace remex::lang {

/// The beginning that every value of a text that would be expanded has: in front of its first '$' or '\'.
std::string_view constant_part(std::string_view source);

/// What an option's text says about a word of its value.
struct WordPattern {
  std::string start;  ///< the text in front of the first variable
  bool exact = true;  ///< there is no variable: the word is `start`
  bool many = false;  ///< stands for any number of any words

  bool matches(std::string_view word) const { return exact ? word == start : word.starts_with(start); }
};

/// Of text that would be expanded: behind its constant_part() it is variable.
WordPattern word_pattern(std::string_view source);
/// Does each word match its pattern, in order, and is none left over? In time proportional to the product at worst.
bool words_match(std::span<const WordPattern> patterns, std::span<const std::string> words);

}  // namespace remex::lang
