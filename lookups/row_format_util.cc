// See row_format.h.
#include "lookups/row_format.h"

#include "core/base/strings.h"

namespace remex::lookups {

void append_named_value(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).push_back('=');
  bool quote = value.empty() || value.front() == '"';
  for (const char c : value) quote = quote || is_space(c);
  if (!quote) {
    out.append(value).push_back(' ');
    return;
  }
  out += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += "\" ";
}

void RowFormat::start_row() {
  if (rows_++ > 0) text_ += '\n';
}

void RowFormat::value(std::string_view name, std::string_view value) {
  if (columns_ == 1)
    text_ += value;
  else
    append_named_value(name, value, text_);
}

std::optional<std::string> RowFormat::finish() && {
  if (rows_ == 0) return std::nullopt;
  return std::move(text_);
}

}  // namespace remex::lookups
