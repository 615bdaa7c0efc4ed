// lsearch: a text file of "key: data" lines, caseless, the first of equal keys wins. Indexed in memory.
#include <unordered_map>

#include "core/base/strings.h"
#include "lang/lookup.h"
#include "lookups/linear_file.h"

namespace remex::lookups {

namespace {

using namespace lang;

struct IndexedFile : LookupHandle {
  std::vector<LinearRecord> records;
  std::unordered_map<std::string_view, std::size_t, CaselessHash, CaselessEqual> by_key;  ///< views of the records
};

Result<std::unique_ptr<LookupHandle>> open(Scope&, const std::string& file) {
  auto handle = std::make_unique<IndexedFile>();
  REMEX_TRY(handle->records, read_linear_file(file, "lsearch"));
  handle->by_key.reserve(handle->records.size());
  for (std::size_t i = 0; i < handle->records.size(); ++i) handle->by_key.emplace(handle->records[i].key, i);
  return handle;
}

LookupResult find(Scope&, LookupHandle* handle, const LookupRequest& request) {
  const auto& file = *static_cast<IndexedFile*>(handle);
  const auto it = file.by_key.find(request.key.view());
  if (it == file.by_key.end()) return std::optional<Text>();
  const LinearRecord& r = file.records[it->second];
  return std::optional<Text>(Text(!request.options.empty() && wants_full(request.options) ? full_line(r) : r.data));
}

constexpr Example kLsearchExamples[] = {
    {.input = "${lookup{Root}lsearch{/etc/remex/aliases}}",
     .output = "jane@example.com, joe@example.com",
     .setup = "postmaster: root\nroot: jane@example.com,\n  joe@example.com\n\"spaced key\": one"},
    {.input = "${lookup{nobody}lsearch{/etc/remex/aliases}{$value}{no alias}}",
     .output = "no alias",
     .setup = "postmaster: root\nroot: jane@example.com,\n  joe@example.com\n\"spaced key\": one"},
    {"${lookup{postmaster}lsearch{/etc/remex/no-such-file}}", "", "No such file"}};

constexpr LookupDef defs[] = {{
    .name = "lsearch",
    .style = LookupStyle::single_key,
    .summary = "Lines \"key: data\" of a text file",
    .doc =
        "Keys end at a colon or white space and compare caselessly; a key in double quotes may contain both. Lines "
        "that "
        "begin with white space continue the data. ret=full returns the key as well. The file is read into memory once "
        "and again when it changes.",
    .examples = kLsearchExamples,
    .options = "ret=full",
    .open = open,
    .find = find,
}};

}  // namespace

}  // namespace remex::lookups

namespace remex::registry::lookups {
extern const std::span<const LookupDef> lsearch;
constinit const std::span<const LookupDef> lsearch{remex::lookups::defs};
}  // namespace remex::registry::lookups
