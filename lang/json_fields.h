// Members of a JSON object or array as they stand in the text: ${extract json}, forany_json and kin.
//
// Nothing is converted: the language works with the text of a member, so numbers, order and escapes stay as they are.
// Errors have Exim's texts ("missing '}' wrapping object for extract json").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace remex::lang {

/// The elements of an array; blanks around them are dropped.
Result<std::vector<std::string_view>> json_elements(std::string_view text);
/// A member of an object by its exact key; null when it has none.
Result<std::optional<std::string_view>> json_member(std::string_view text, std::string_view key);
/// "abc" without its quotes; escapes stay.
Result<std::string_view> json_unquoted(std::string_view text);

}  // namespace remex::lang
