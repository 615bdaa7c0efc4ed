// Walking over the items of an expanded list without copying them: loops over ten thousand items allocate nothing.
//
// Used by split_list and by what loops over lists (map, filter, reduce, forany, inlist ...). Never fails.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/text.h"

namespace remex::lang {

/// The list must outlive the cursor; an item is valid until the next call.
class ListCursor {
 public:
  explicit ListCursor(std::string_view list, char default_separator = ':');
  bool next(std::string_view& item);
  char separator() const { return separator_; }

 private:
  friend std::vector<std::string> split_by(std::string_view s, char sep);
  struct Known {};
  ListCursor(std::string_view list, char separator, Known) : rest_(list), separator_(separator) {}

  std::string_view rest_;
  char separator_;
  std::string undoubled_;  ///< an item with doubled separators
};

/// Other bytes, taint and quoter in the memory that `text` has.
inline void reassign(Text& text, std::string_view bytes, Taint taint = Taint::clean, QuoterId quoter = 0) {
  text.mutable_str().assign(bytes);
  text.set_taint(taint);
  text.set_quoter(quoter);
}

}  // namespace remex::lang
