// iplookup: known to the configuration reader, so that its name and options are checked; using it is an error when the
// configuration is loaded, because the driver itself does not exist yet.
#include "routers/router.h"

namespace remex::routers {
namespace {

using lang::OptionType;
using lang::State;

constexpr OptionDef kOptions[] = {
    {"hosts", OptionType::string, nullptr, "", "hosts queried over TCP/UDP (required)", State::later, "*", "", 4},
    {"optional", OptionType::boolean, nullptr, "false", "no response passes instead of deferring", State::later, "*",
     "", 4},
    {"port", OptionType::integer, nullptr, "0", "query port (required)", State::later, "*", "", 4},
    {"protocol", OptionType::string, nullptr, "udp", "udp or tcp", State::later, "*", "", 4},
    {"query", OptionType::expanded, nullptr, "$local_part@$domain $local_part@$domain", "query text", State::later, "*",
     "", 4},
    {"reroute", OptionType::expanded, nullptr, "", "new address built from the response", State::later, "*", "", 4},
    {"response_pattern", OptionType::string, nullptr, "", "regex responses must match, else decline", State::later, "*",
     "", 4},
    {"timeout", OptionType::time, nullptr, "5s", "response timeout (not UDP connect)", State::later, "*", "", 4},
};

struct NoOptions : lang::DriverOptions {};

constexpr RouterDef defs[] = {
    {.driver = {.kind = lang::DriverKind::router,
                .name = "iplookup",
                .summary = "asks a server over TCP or UDP",
                .doc = "Not available yet.",
                .options = kOptions,
                .make_options = +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<NoOptions>(); },
                .state = State::later}},
};

}  // namespace
}  // namespace remex::routers

namespace remex::registry::routers {
extern const std::span<const RouterDef> iplookup;
constinit const std::span<const RouterDef> iplookup{remex::routers::defs};
}  // namespace remex::registry::routers
