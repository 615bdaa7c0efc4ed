// queuefile: known to the configuration reader, so that its name and options are checked; using it is an error when the
// configuration is loaded: it copies a message's spool files, and the spool is a database that has none.
#include "transports/transport.h"

namespace remex::transports {
namespace {

using lang::OptionType;
using lang::State;

constexpr OptionDef kOptions[] = {
    {"directory", OptionType::expanded, nullptr, "", "destination for spool file copies (experimental build)",
     State::later, "*", "", 4},
};

struct NoOptions : lang::DriverOptions {};

constexpr TransportDef defs[] = {
    {.driver = {.kind = lang::DriverKind::transport,
                .name = "queuefile",
                .summary = "copies spool files to a directory",
                .doc = "Not available: the spool is a database, so there are no spool files to copy. `remex queue "
                       "export` writes "
                       "messages as files.",
                .options = kOptions,
                .make_options = +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<NoOptions>(); },
                .state = State::later},
     .is_local = true},
};

}  // namespace
}  // namespace remex::transports

namespace remex::registry::transports {
extern const std::span<const TransportDef> queuefile;
constinit const std::span<const TransportDef> queuefile{remex::transports::defs};
}  // namespace remex::registry::transports
