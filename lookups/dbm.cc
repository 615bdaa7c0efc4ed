// dbm, dbmnz, dbmjz: Berkeley DB files of any kind, as exim_dbmbuild makes them. The library is opened on first use.
//
// Local files, read in place on the loop as lsearch files are. A file that cannot be opened or is damaged is kind
// defer.
#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/list.h"
#include "lang/lookup.h"
#include "lookups/client_library.h"

#ifdef REMEX_LIB_DB
#include <db.h>
#endif

namespace remex::lookups {

namespace {

using namespace lang;

#ifdef REMEX_LIB_DB

struct Api {
  decltype(::db_create)* db_create = nullptr;
  decltype(::db_strerror)* db_strerror = nullptr;
};

Result<const Api*> api() {
  static Api loaded;
  if (loaded.db_strerror != nullptr) return &loaded;
  REMEX_TRY(ClientLibrary lib, ClientLibrary::open(REMEX_LIB_DB, "dbm"));
  Api fresh;
  REMEX_BIND(lib, fresh, db_create);
  REMEX_BIND(lib, fresh, db_strerror);
  REMEX_CHECK(lib.check());
  loaded = fresh;
  return &loaded;
}

struct OpenDb : LookupHandle {
  DB* db = nullptr;
  const Api* api = nullptr;
  ~OpenDb() override {
    if (db != nullptr) db->close(db, DB_NOSYNC);
  }
};

void no_message(const DB_ENV*, const char*, const char*) {}

Result<std::unique_ptr<LookupHandle>> open(Scope&, const std::string& path) {
  if (path.empty() || path.front() != '/')
    return defer(fmt::format("file name \"{}\" for dbm lookup is not absolute", printable(path)));
  auto handle = std::make_unique<OpenDb>();
  REMEX_TRY(handle->api, api());
  int rc = handle->api->db_create(&handle->db, nullptr, 0);
  if (rc == 0) {
    handle->db->set_errcall(handle->db, no_message);
    rc = handle->db->open(handle->db, nullptr, path.c_str(), nullptr, DB_UNKNOWN, DB_RDONLY, 0);
  }
  if (rc == 0) return handle;
  const char* why = rc == EINVAL ? "not a Berkeley DB file" : handle->api->db_strerror(rc);
  return defer(fmt::format("failed to open {} as a db file: {}", printable(path), why));
}

LookupResult get(const OpenDb& file, std::string key) {
  DBT k{}, v{};
  k.data = key.data();
  k.size = static_cast<u_int32_t>(key.size());
  v.flags = DB_DBT_MALLOC;
  const int rc = file.db->get(file.db, nullptr, &k, &v, 0);
  if (rc == DB_NOTFOUND) return std::optional<Text>();
  if (rc != 0) return defer(fmt::format("failed to read from a db file: {}", file.api->db_strerror(rc)));
  // Data made by exim_dbmbuild end with a NUL that does not belong to them.
  std::string data(static_cast<const char*>(v.data), v.size);
  std::free(v.data);
  data.resize(std::min(data.size(), data.find('\0')));
  return std::optional<Text>(Text(std::move(data)));
}

LookupResult find_with_nul(Scope&, LookupHandle* handle, const LookupRequest& request) {
  std::string key = request.key.str();
  key.push_back('\0');
  return get(*static_cast<OpenDb*>(handle), std::move(key));
}
LookupResult find_plain(Scope&, LookupHandle* handle, const LookupRequest& request) {
  return get(*static_cast<OpenDb*>(handle), request.key.str());
}
LookupResult find_joined(Scope&, LookupHandle* handle, const LookupRequest& request) {
  return get(*static_cast<OpenDb*>(handle), join(split_list(request.key.view()), std::string_view("\0", 1)));
}

constexpr State kState = State::works;

#else

constexpr State kState = State::later;
constexpr Result<std::unique_ptr<LookupHandle>> (*open)(Scope&, const std::string&) = nullptr;
constexpr LookupResult (*find_with_nul)(Scope&, LookupHandle*, const LookupRequest&) = nullptr;
constexpr LookupResult (*find_plain)(Scope&, LookupHandle*, const LookupRequest&) = nullptr;
constexpr LookupResult (*find_joined)(Scope&, LookupHandle*, const LookupRequest&) = nullptr;

#endif

constexpr Example kDbmExamples[] = {{.input = "${lookup{jane}dbm{/etc/remex/homes.db}}",
                                     .output = "/srv/mail/jane",
                                     .setup = "jane: /srv/mail/jane\njoe: /srv/mail/joe"},
                                    {.input = "${lookup{anne}dbm{/etc/remex/homes.db}{$value}fail}",
                                     .error = "failed and \"fail\" requested",
                                     .setup = "jane: /srv/mail/jane"}};
constexpr Example kDbmnzExamples[] = {{.input = "${lookup{joe}dbmnz{/etc/remex/homes.db}}",
                                       .output = "/srv/mail/joe",
                                       .setup = "jane: /srv/mail/jane\njoe: /srv/mail/joe"},
                                      {.input = "${lookup{anne}dbmnz{/etc/remex/homes.db}{$value}fail}",
                                       .error = "failed and \"fail\" requested",
                                       .setup = "jane: /srv/mail/jane"}};
constexpr Example kDbmjzExamples[] = {
    {.input = "${lookup{jane:example.com:userPassword}dbmjz{/etc/sasldb2}}",
     .output = "secret",
     .setup = "jane:example.com:userPassword: secret"},
    {.input = "${lookup{joe:example.com:userPassword}dbmjz{/etc/sasldb2}{$value}fail}",
     .error = "failed and \"fail\" requested",
     .setup = "jane:example.com:userPassword: secret"}};

constexpr LookupDef defs[] = {
    {.name = "dbm",
     .style = LookupStyle::single_key,
     .summary = "Berkeley DB file, keys with a final NUL",
     .doc =
         "The file is a Berkeley DB 5.3 database of any kind, as made by exim_dbmbuild; the key is looked up with a "
         "final NUL. The file name is used as it stands. Keys compare case by case, and exim_dbmbuild writes them in "
         "lower case.",
     .state = kState,
     .examples = kDbmExamples,
     .open = open,
     .find = find_with_nul},
    {.name = "dbmjz",
     .style = LookupStyle::single_key,
     .summary = "Berkeley DB file, a list as the key",
     .doc = "The key is a list whose items are joined with NUL: user:realm:userPassword finds what /etc/sasldb2 keeps.",
     .state = kState,
     .examples = kDbmjzExamples,
     .open = open,
     .find = find_joined},
    {.name = "dbmnz",
     .style = LookupStyle::single_key,
     .summary = "Berkeley DB file, keys without a final NUL",
     .doc = "As dbm, for files of other programs or of exim_dbmbuild -nozero.",
     .state = kState,
     .examples = kDbmnzExamples,
     .open = open,
     .find = find_plain},
};

}  // namespace

}  // namespace remex::lookups

namespace remex::registry::lookups {
extern const std::span<const LookupDef> dbm;
constinit const std::span<const LookupDef> dbm{remex::lookups::defs};
}  // namespace remex::registry::lookups
