// Reading a database some pages of which are damaged: ids and keys by every way that leads to them.
//
// Used by core/store only (the listing of a damaged queue, and its repair). Reads; the caller holds what guards the
// connection. Nothing here fails: what cannot be read is not in the answer.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/store/sqlite.h"

namespace remex::store {

/// Ids of the messages whose rows can be read, ascending: up to the first damaged page and back from the end to the
/// last one.
std::set<std::string> salvage_ids(Database& db);

/// Makes the indexes of messages readable by themselves, as tables: an index names messages whose rows are lost, but a
/// query that uses it as one looks at the rows too. Changes the schema: for a copy of a database, which is good for
/// nothing else then. The ids, and those that only rows told.
std::set<std::string> salvage_ids_of_copy(std::unique_ptr<Database>& copy);

/// Keys of the content rows whose own page can be read, ascending.
std::set<std::int64_t> salvage_content_keys(Database& db);

/// Names of body files that the content table or its index tells.
std::set<std::string> salvage_body_files(Database& db);

}  // namespace remex::store
