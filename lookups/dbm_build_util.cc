// See dbm_build.h.
#include "lookups/dbm_build.h"

#include <fmt/format.h>
#include <unistd.h>

#include "lookups/client_library.h"

#ifdef REMEX_LIB_DB
#include <db.h>
#endif

namespace remex::lookups {

#ifdef REMEX_LIB_DB

namespace {

struct Api {
  decltype(::db_create)* db_create = nullptr;
  decltype(::db_strerror)* db_strerror = nullptr;
};

DBT thing(const std::string& s) {
  DBT t{};
  t.data = const_cast<char*>(s.data());
  t.size = static_cast<u_int32_t>(s.size());
  return t;
}

}  // namespace

Status build_dbm(const std::string& path, const std::vector<std::pair<std::string, std::string>>& records) {
  REMEX_TRY(ClientLibrary lib, ClientLibrary::open(REMEX_LIB_DB, "dbm"));
  Api api;
  REMEX_BIND(lib, api, db_create);
  REMEX_BIND(lib, api, db_strerror);
  REMEX_CHECK(lib.check());
  DB* db = nullptr;
  int rc = api.db_create(&db, nullptr, 0);
  if (rc != 0) return fail(api.db_strerror(rc));
  rc = db->open(db, nullptr, path.c_str(), nullptr, DB_HASH, DB_CREATE | DB_EXCL, 0644);
  for (auto it = records.begin(); rc == 0 && it != records.end(); ++it) {
    DBT key = thing(it->first), data = thing(it->second);
    rc = db->put(db, nullptr, &key, &data, 0);
  }
  const int closed = db->close(db, 0);
  if (rc == 0) rc = closed;
  if (rc == 0) return {};
  ::unlink(path.c_str());
  return fail(ErrorKind::defer, fmt::format("cannot write {}: {}", path, api.db_strerror(rc)));
}

#else

Status build_dbm(const std::string& path, const std::vector<std::pair<std::string, std::string>>&) {
  return fail(ErrorKind::defer, fmt::format("cannot write {}: this build knows no Berkeley DB", path));
}

#endif

}  // namespace remex::lookups
