// The mailboxes of an address header with their places, so that one can be replaced and the rest stays byte for byte.
// Used by rewriting and qualification. A broken mailbox does not hide the others: it is an item with an error.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/mail/address.h"

namespace remex::mail {

struct AddressItem {
  std::size_t begin = 0, end = 0;            ///< the whole mailbox, blanks around it left out
  std::size_t spec_begin = 0, spec_end = 0;  ///< the working part, without angle brackets, with its source route
  Address address;                           ///< empty when `error` is set
  std::string error;                         ///< why it is no address
  bool unread = false;                       ///< the rest of the text, behind as many items as were wanted
};

/// Splits an address-list header body. Group names and separators belong to no item. Empty items are left out. What
/// follows `most` items is one more, an error that is `unread`.
std::vector<AddressItem> address_items(std::string_view body, std::size_t most = kMaxListAddresses);

}  // namespace remex::mail
