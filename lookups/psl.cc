// psl and regdom: the public suffix of a domain, and the domain its owner registered, from a Public Suffix List file.
//
// The list is read at its first use and again when it changes. Unreadable is kind defer.
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "core/msgauth/psl_api.h"
#include "lang/lookup.h"

namespace remex::lookups {

namespace {

using namespace lang;

struct OpenPsl : LookupHandle {
  psl_ctx_t* list = nullptr;
  ~OpenPsl() override { psl_free(list); }
};

Result<std::unique_ptr<LookupHandle>> open(Scope&, const std::string& path) {
  if (path.empty() || path.front() != '/')
    return defer(fmt::format("file name \"{}\" for a public suffix lookup is not absolute", printable(path)));
  auto handle = std::make_unique<OpenPsl>();
  errno = 0;
  handle->list = psl_load_file(path.c_str());
  if (handle->list == nullptr)
    return defer(fmt::format("failed to open {} as a public suffix list: {}", printable(path),
                             errno != 0 ? std::strerror(errno) : "not such a list"));
  if (psl_suffix_count(handle->list) <= 0)
    return defer(fmt::format("{} is not a public suffix list: it has no suffix", printable(path)));
  return handle;
}

template <class Part>
LookupResult find_part(LookupHandle* handle, const LookupRequest& request, const Part& part) {
  std::string domain = to_lower(request.key.view());
  if (domain.size() > 255 || domain.find('\0') != std::string::npos) return std::optional<Text>();
  if (domain.ends_with('.')) domain.pop_back();
  const char* got = part(static_cast<OpenPsl*>(handle)->list, domain.c_str());
  if (got == nullptr || *got == '\0') return std::optional<Text>();
  return std::optional<Text>(Text(std::string(got)));
}

LookupResult find_suffix(Scope&, LookupHandle* handle, const LookupRequest& request) {
  return find_part(handle, request, psl_unregistrable_domain);
}
LookupResult find_registered(Scope&, LookupHandle* handle, const LookupRequest& request) {
  return find_part(handle, request, psl_registrable_domain);
}

constexpr Example kPslExamples[] = {
    {.input = "${lookup{www.example.co.uk}psl{/usr/share/publicsuffix/public_suffix_list.dat}}",
     .output = "co.uk",
     .setup = "uk\nco.uk\ncom"},
    {"${lookup{www.example.com}psl{/etc/remex/no-such-file}}", "", "No such file"}};
constexpr Example kRegdomExamples[] = {
    {.input = "${lookup{www.example.co.uk}regdom{/usr/share/publicsuffix/public_suffix_list.dat}}",
     .output = "example.co.uk",
     .setup = "uk\nco.uk\ncom"},
    {.input = "${lookup{co.uk}regdom{/usr/share/publicsuffix/public_suffix_list.dat}{$value}fail}",
     .error = "failed and \"fail\" requested",
     .setup = "uk\nco.uk\ncom"}};

constexpr LookupDef defs[] = {
    {.name = "psl",
     .style = LookupStyle::single_key,
     .summary = "Public suffix of a domain",
     .doc = "The file is a Public Suffix List, such as /usr/share/publicsuffix/public_suffix_list.dat: the key "
            "www.example.co.uk gives co.uk.",
     .examples = kPslExamples,
     .open = open,
     .find = find_suffix},
    {.name = "regdom",
     .style = LookupStyle::single_key,
     .summary = "Registered domain of a domain",
     .doc = "The public suffix and one label more: www.example.co.uk gives example.co.uk. A public suffix itself has "
            "none and is not found.",
     .examples = kRegdomExamples,
     .open = open,
     .find = find_registered},
};

}  // namespace

}  // namespace remex::lookups

namespace remex::registry::lookups {
extern const std::span<const LookupDef> psl;
constinit const std::span<const LookupDef> psl{remex::lookups::defs};
}  // namespace remex::registry::lookups
