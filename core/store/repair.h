// Making a whole spool database out of a damaged one.
//
// For `remex queue repair`, while nobody else has the spool open. The old database is kept beside the new one; nothing
// of it is thrown away.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace remex::store {

/// What a repair found.
struct RepairReport {
  std::size_t kept = 0;              ///< messages that are whole
  std::vector<std::string> damaged;  ///< ids: kept, set aside because a part of them is not readable
  std::vector<std::string> lost;     ///< ids: only their names were left; their sender and recipients are not known
  std::vector<std::string> found;    ///< files made of contents whose message is lost, and body files nobody names now
  std::size_t retry = 0, hints = 0;  ///< records kept
  std::string original;              ///< the folder where the old database is
  bool finished = false;             ///< an earlier repair was broken off at its very end; this one only ended it
  /// The new database is complete, and this keeps it from replacing the old one; calling again ends that. Empty: it
  /// has.
  std::string not_in_place;
};

/// Builds a new database from what can be read and puts it in the place of the old one, durably: whenever it is broken
/// off, the spool is the old one, the new one, or refuses to be opened until this is called again. Body files that the
/// new one does not name are in lost+found before. Errors: defer when another process has the spool open (the text
/// names it), no space, I/O; nothing is changed then. Outside fibers, or where blocking does no harm. The caller is the
/// owner of the spool.
Result<RepairReport> repair_spool(const std::string& spool_directory);

/// Where a finished new database waits for the moment in which it replaces the old one: while it is there, the spool
/// must not be opened.
std::string repaired_database(const std::string& database);

}  // namespace remex::store
