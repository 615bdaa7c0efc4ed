// SQLite, loaded at the first call (core/base/late_library.h). Include this instead of <sqlite3.h>; inside namespace
// remex a call finds the object below, not the library's own function. A function that is missing here still works, but
// then every start pays for the library again: add a line.
#pragma once

#include <sqlite3.h>

#include "core/base/late_library.h"

namespace remex {

extern const LateLibrary sqlite_library;

// clang-format off
#define REMEX_LATE(name) inline constinit const LateFunction<decltype(&::name)> name{sqlite_library, #name};
REMEX_LATE(sqlite3_bind_blob64)
REMEX_LATE(sqlite3_bind_int64)
REMEX_LATE(sqlite3_bind_null)
REMEX_LATE(sqlite3_bind_text64)
REMEX_LATE(sqlite3_busy_timeout)
REMEX_LATE(sqlite3_changes)
REMEX_LATE(sqlite3_clear_bindings)
REMEX_LATE(sqlite3_close)
REMEX_LATE(sqlite3_close_v2)
REMEX_LATE(sqlite3_column_blob)
REMEX_LATE(sqlite3_column_bytes)
REMEX_LATE(sqlite3_column_count)
REMEX_LATE(sqlite3_column_int64)
REMEX_LATE(sqlite3_column_name)
REMEX_LATE(sqlite3_column_text)
REMEX_LATE(sqlite3_column_type)
REMEX_LATE(sqlite3_db_readonly)
REMEX_LATE(sqlite3_errcode)
REMEX_LATE(sqlite3_errmsg)
REMEX_LATE(sqlite3_errstr)
REMEX_LATE(sqlite3_exec)
REMEX_LATE(sqlite3_file_control)
REMEX_LATE(sqlite3_finalize)
REMEX_LATE(sqlite3_get_autocommit)
REMEX_LATE(sqlite3_last_insert_rowid)
REMEX_LATE(sqlite3_limit)
REMEX_LATE(sqlite3_open_v2)
REMEX_LATE(sqlite3_prepare_v2)
REMEX_LATE(sqlite3_prepare_v3)
REMEX_LATE(sqlite3_progress_handler)
REMEX_LATE(sqlite3_reset)
REMEX_LATE(sqlite3_step)
REMEX_LATE(sqlite3_stmt_readonly)
REMEX_LATE(sqlite3_system_errno)
REMEX_LATE(sqlite3_wal_checkpoint_v2)
REMEX_LATE(sqlite3_wal_hook)
#undef REMEX_LATE
// clang-format on

}  // namespace remex
