// spf: what the domain of an address says about a client, ${lookup{user@example.org} spf {192.0.2.1}}. The word of
// $spf_result is the data; there is always one. DNS trouble is "temperror", never a deferral.
#include <fmt/format.h>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/mail/address.h"
#include "core/msgauth/spf.h"
#include "lang/config.h"
#include "lang/lookup.h"
#include "lang/scope.h"

namespace remex::lookups {

namespace {

using namespace lang;

LookupResult find(Scope& scope, LookupHandle*, const LookupRequest& request) {
  if (!mail::is_ip_address(request.file))
    return fail(fmt::format("\"{}\" is not an IP address for an spf lookup", printable(request.file)));
  if (scope.services == nullptr) return defer("no DNS resolver here");
  msgauth::SpfQuery q;
  q.client_ip = request.file;
  const mail::Address a = mail::split_address(request.key.view());
  const auto ascii = mail::domain_to_ascii(a.domain);
  q.sender = ascii ? a.local_part + "@" + *ascii : request.key.str();
  if (scope.from != nullptr) q.helo = scope.from->helo_name;
  if (scope.config != nullptr) q.receiver = scope.config->main.primary_hostname;
  q.now = wall_seconds();
  const auto v = msgauth::check_spf(scope.services->resolver(), q);
  return std::optional<Text>(Text(std::string(msgauth::to_string(v.result))));
}

constexpr Example kExamples[] = {
    {"${lookup{user} spf {192.0.2.1}}", "none"},
    {"${lookup{user@[192.0.2.1]} spf {2001:db8::1}}", "none"},
    {"${lookup{user@example.org} spf {localhost}}", "", "\"localhost\" is not an IP address for an spf lookup"},
};

constexpr LookupDef defs[] = {{
    .name = "spf",
    .style = LookupStyle::single_key,
    .summary = "SPF result for an address",
    .doc = "The key is an address, the file an IP address: pass, fail, softfail, neutral, none, permerror or "
           "temperror (RFC 7208).",
    .examples = kExamples,
    .find = find,
}};

}  // namespace

}  // namespace remex::lookups

namespace remex::registry::lookups {
extern const std::span<const LookupDef> spf;
constinit const std::span<const LookupDef> spf{remex::lookups::defs};
}  // namespace remex::registry::lookups
