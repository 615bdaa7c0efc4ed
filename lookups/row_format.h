// How rows of a database become the text of a lookup. Used by sqlite, pgsql and mysql; checked against Exim.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace remex::lookups {

/// More text than this from one query is kind defer: a result is held in memory and copied into expansions.
inline constexpr std::size_t kMaxResult = 16U << 20U;

/// Collects rows: one column gives the value itself, several give "name=value " each; a newline between rows.
class RowFormat {
 public:
  explicit RowFormat(std::size_t columns) : columns_(columns) {}
  void start_row();
  void value(std::string_view name, std::string_view value);
  std::size_t rows() const { return rows_; }
  bool too_large() const { return text_.size() > kMaxResult; }
  /// nullopt when there was no row.
  std::optional<std::string> finish() &&;

 private:
  std::size_t columns_, rows_ = 0;
  std::string text_;
};

/// `name=value ` with the value in double quotes when it is empty, has white space or begins with a quote.
void append_named_value(std::string_view name, std::string_view value, std::string& out);

}  // namespace remex::lookups
