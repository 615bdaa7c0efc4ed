// cdb: constant databases; see cdb_file.h for the reader.
#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/lookup.h"
#include "lookups/cdb_file.h"

namespace remex::lookups {

namespace {

using namespace lang;

struct OpenCdb : LookupHandle {
  explicit OpenCdb(CdbFile f) : file(std::move(f)) {}
  CdbFile file;
};

Result<std::unique_ptr<LookupHandle>> open(Scope&, const std::string& path) {
  if (path.empty() || path.front() != '/')
    return defer(fmt::format("file name \"{}\" for cdb lookup is not absolute", printable(path)));
  REMEX_TRY(CdbFile file, CdbFile::open(path));
  return std::make_unique<OpenCdb>(std::move(file));
}

LookupResult find(Scope&, LookupHandle* handle, const LookupRequest& request) {
  REMEX_TRY(auto data, static_cast<OpenCdb*>(handle)->file.find(request.key.view()));
  if (!data) return std::optional<Text>();
  return std::optional<Text>(Text(std::move(*data)));
}

constexpr Example kCdbExamples[] = {{.input = "${lookup{jane}cdb{/etc/remex/homes.cdb}}",
                                     .output = "/srv/mail/jane",
                                     .setup = "jane: /srv/mail/jane\njoe: /srv/mail/joe"},
                                    {.input = "${lookup{anne}cdb{/etc/remex/homes.cdb}{$value}fail}",
                                     .error = "failed and \"fail\" requested",
                                     .setup = "jane: /srv/mail/jane"}};

constexpr LookupDef defs[] = {{
    .name = "cdb",
    .style = LookupStyle::single_key,
    .summary = "Constant database",
    .doc = "The file is a constant database, as made by cdb -c (package tinycdb). Keys have no final NUL and compare "
           "case by case. The file is opened again when another takes its place.",
    .examples = kCdbExamples,
    .open = open,
    .find = find,
}};

}  // namespace

}  // namespace remex::lookups

namespace remex::registry::lookups {
extern const std::span<const LookupDef> cdb;
constinit const std::span<const LookupDef> cdb{remex::lookups::defs};
}  // namespace remex::registry::lookups
