// iplsearch: lsearch whose keys are IP addresses and networks. The first key that contains the address wins.
#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/list_internal.h"
#include "lang/lookup.h"
#include "lookups/linear_file.h"

namespace remex::lookups {

namespace {

using namespace lang;

struct NetFile : LookupHandle {
  std::vector<LinearRecord> records;
  std::vector<std::optional<IpNet>> nets;  ///< nullopt: the key is no address (the default "*")
};

Result<std::unique_ptr<LookupHandle>> open(Scope&, const std::string& file) {
  auto handle = std::make_unique<NetFile>();
  REMEX_TRY(handle->records, read_linear_file(file, "iplsearch"));
  for (const LinearRecord& r : handle->records) handle->nets.push_back(IpNet::parse(r.key));
  return handle;
}

LookupResult find(Scope&, LookupHandle* handle, const LookupRequest& request) {
  const auto& file = *static_cast<NetFile*>(handle);
  const std::string_view key = request.key.view();
  const bool star = key == "*";
  const auto ip = IpNet::parse(key, false);
  if (!ip && !star)
    return defer(fmt::format(
        "\"{}\" is not a valid iplsearch key (an IP address, with optional CIDR mask, is wanted): in a host list, use "
        "net-iplsearch as the search type",
        printable(key)));
  for (std::size_t i = 0; i < file.records.size(); ++i) {
    const bool hit = star ? file.records[i].key == "*" : file.nets[i] && file.nets[i]->contains(*ip);
    if (!hit) continue;
    const LinearRecord& r = file.records[i];
    return std::optional<Text>(Text(wants_full(request.options) ? full_line(r) : r.data));
  }
  return std::optional<Text>();
}

constexpr Example kIplsearchExamples[] = {{.input = "${lookup{192.0.2.7}iplsearch{/etc/remex/networks}}",
                                           .output = "office",
                                           .setup = "192.0.2.0/24: office\n\"2001:db8::/32\": laboratory"},
                                          {.input = "${lookup{client}iplsearch{/etc/remex/networks}}",
                                           .error = "not a valid",
                                           .setup = "192.0.2.0/24: office"}};

constexpr LookupDef defs[] = {{
    .name = "iplsearch",
    .style = LookupStyle::single_key,
    .summary = "lsearch with IP addresses and CIDR networks as keys",
    .doc =
        "Keys with colons stand in double quotes. There is no best match: the first network that contains the address "
        "wins. In a host list write net-iplsearch.",
    .examples = kIplsearchExamples,
    .options = "ret=full",
    .open = open,
    .find = find,
}};

}  // namespace

}  // namespace remex::lookups

namespace remex::registry::lookups {
extern const std::span<const LookupDef> iplsearch;
constinit const std::span<const LookupDef> iplsearch{remex::lookups::defs};
}  // namespace remex::registry::lookups
