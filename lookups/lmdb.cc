// lmdb: the main database of an LMDB file, read only. The library is opened on first use.
//
// The engine opens a changed file anew; a reader transaction lasts one look-up, so that writers are not held up.
#include <cerrno>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/lookup.h"
#include "lookups/client_library.h"

#ifdef REMEX_LIB_LMDB
#include <lmdb.h>
#endif

namespace remex::lookups {

namespace {

using namespace lang;

#ifdef REMEX_LIB_LMDB

struct Api {
  decltype(::mdb_env_create)* mdb_env_create = nullptr;
  decltype(::mdb_env_open)* mdb_env_open = nullptr;
  decltype(::mdb_env_close)* mdb_env_close = nullptr;
  decltype(::mdb_txn_begin)* mdb_txn_begin = nullptr;
  decltype(::mdb_txn_abort)* mdb_txn_abort = nullptr;
  decltype(::mdb_dbi_open)* mdb_dbi_open = nullptr;
  decltype(::mdb_get)* mdb_get = nullptr;
  decltype(::mdb_strerror)* mdb_strerror = nullptr;
};

Result<const Api*> api() {
  static Api loaded;
  if (loaded.mdb_strerror != nullptr) return &loaded;
  REMEX_TRY(ClientLibrary lib, ClientLibrary::open(REMEX_LIB_LMDB, "lmdb"));
  Api fresh;
  REMEX_BIND(lib, fresh, mdb_env_create);
  REMEX_BIND(lib, fresh, mdb_env_open);
  REMEX_BIND(lib, fresh, mdb_env_close);
  REMEX_BIND(lib, fresh, mdb_txn_begin);
  REMEX_BIND(lib, fresh, mdb_txn_abort);
  REMEX_BIND(lib, fresh, mdb_dbi_open);
  REMEX_BIND(lib, fresh, mdb_get);
  REMEX_BIND(lib, fresh, mdb_strerror);
  REMEX_CHECK(lib.check());
  loaded = fresh;
  return &loaded;
}

struct OpenLmdb : LookupHandle {
  const Api* api = nullptr;
  MDB_env* env = nullptr;
  std::string path;
  ~OpenLmdb() override {
    if (env != nullptr) api->mdb_env_close(env);
  }
};

std::unexpected<Error> cannot_open(const OpenLmdb& file, int rc) {
  return defer(fmt::format("failed to open {} as an LMDB file: {}", printable(file.path), file.api->mdb_strerror(rc)));
}

int open_env(OpenLmdb& file, unsigned more_flags) {
  if (file.env != nullptr) file.api->mdb_env_close(file.env);
  file.env = nullptr;
  if (const int rc = file.api->mdb_env_create(&file.env); rc != 0) {
    file.env = nullptr;
    return rc;
  }
  return file.api->mdb_env_open(file.env, file.path.c_str(), MDB_NOSUBDIR | MDB_RDONLY | MDB_NOTLS | more_flags, 0600);
}

Result<std::unique_ptr<LookupHandle>> open(Scope&, const std::string& path) {
  if (path.empty() || path.front() != '/')
    return defer(fmt::format("file name \"{}\" for lmdb lookup is not absolute", printable(path)));
  auto handle = std::make_unique<OpenLmdb>();
  REMEX_TRY(handle->api, api());
  handle->path = path;
  int rc = open_env(*handle, 0);
  // A reader that may not write the lock file does without: a look-up is far shorter than two commits of a writer.
  if (rc == EACCES || rc == EPERM || rc == EROFS) rc = open_env(*handle, MDB_NOLOCK);
  if (rc != 0) return cannot_open(*handle, rc);
  return handle;
}

LookupResult find(Scope&, LookupHandle* handle, const LookupRequest& request) {
  const auto& file = *static_cast<OpenLmdb*>(handle);
  MDB_txn* txn = nullptr;
  if (const int rc = file.api->mdb_txn_begin(file.env, nullptr, MDB_RDONLY, &txn); rc != 0)
    return cannot_open(file, rc);
  MDB_dbi dbi{};
  MDB_val key{request.key.size(), const_cast<char*>(request.key.view().data())};
  MDB_val value{};
  int rc = file.api->mdb_dbi_open(txn, nullptr, 0, &dbi);
  if (rc == 0) rc = file.api->mdb_get(txn, dbi, &key, &value);
  std::string data;
  if (rc == 0) data.assign(static_cast<const char*>(value.mv_data), value.mv_size);
  file.api->mdb_txn_abort(txn);
  if (rc == 0) return std::optional<Text>(Text(std::move(data)));
  // A key longer than LMDB stores cannot be there.
  if (rc == MDB_NOTFOUND || rc == MDB_BAD_VALSIZE) return std::optional<Text>();
  return defer(fmt::format("failed to read {}: {}", printable(file.path), file.api->mdb_strerror(rc)));
}

constexpr State kState = State::works;

#else

constexpr State kState = State::later;
constexpr Result<std::unique_ptr<LookupHandle>> (*open)(Scope&, const std::string&) = nullptr;
constexpr LookupResult (*find)(Scope&, LookupHandle*, const LookupRequest&) = nullptr;

#endif

constexpr Example kLmdbExamples[] = {{.input = "${lookup{jane}lmdb{/etc/remex/homes.mdb}}",
                                      .output = "/srv/mail/jane",
                                      .setup = "jane: /srv/mail/jane\njoe: /srv/mail/joe"},
                                     {.input = "${lookup{anne}lmdb{/etc/remex/homes.mdb}{$value}fail}",
                                      .error = "failed and \"fail\" requested",
                                      .setup = "jane: /srv/mail/jane"}};

constexpr LookupDef defs[] = {{
    .name = "lmdb",
    .style = LookupStyle::single_key,
    .summary = "LMDB database",
    .doc = "The file is an LMDB database without a directory of its own, as made by mdb_load -n; its main database is "
           "read. Keys have no final NUL.",
    .state = kState,
    .examples = kLmdbExamples,
    .open = open,
    .find = find,
}};

}  // namespace

}  // namespace remex::lookups

namespace remex::registry::lookups {
extern const std::span<const LookupDef> lmdb;
constinit const std::span<const LookupDef> lmdb{remex::lookups::defs};
}  // namespace remex::registry::lookups
