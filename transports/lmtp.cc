// lmtp: known to the configuration reader, so that its name and options are checked; using it is an error when the
// configuration is loaded, because the driver itself does not exist yet.
#include "transports/transport.h"

namespace remex::transports {
namespace {

using lang::OptionType;
using lang::State;

constexpr OptionDef kOptions[] = {
    {"batch_id", OptionType::expanded, nullptr, "", "key splitting batches", State::later, "*", "", 3},
    {"batch_max", OptionType::integer, nullptr, "1", "addresses per delivery", State::later, "*", "", 1},
    {"command", OptionType::expanded, nullptr, "", "lMTP program; exclusive with socket", State::later, "*", "", 2},
    {"ignore_quota", OptionType::boolean, nullptr, "false", "send IGNOREQUOTA if offered", State::later, "*", "", 3},
    {"socket", OptionType::expanded, nullptr, "", "lMTP Unix socket", State::later, "*", "", 1},
    {"timeout", OptionType::time, nullptr, "5m", "response timeout; defers", State::later, "*", "", 3},
};

struct NoOptions : lang::DriverOptions {};

constexpr TransportDef defs[] = {
    {.driver = {.kind = lang::DriverKind::transport,
                .name = "lmtp",
                .summary = "delivers to a local LMTP program or socket",
                .doc = "Not available yet; the smtp transport with protocol = lmtp speaks LMTP over TCP.",
                .options = kOptions,
                .make_options = +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<NoOptions>(); },
                .state = State::later},
     .is_local = true},
};

}  // namespace
}  // namespace remex::transports

namespace remex::registry::transports {
extern const std::span<const TransportDef> lmtp;
constinit const std::span<const TransportDef> lmtp{remex::transports::defs};
}  // namespace remex::registry::transports
