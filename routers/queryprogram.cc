// queryprogram: known to the configuration reader, so that its name and options are checked; using it is an error when
// the configuration is loaded, because the driver itself does not exist yet.
#include "routers/router.h"

namespace remex::routers {
namespace {

using lang::OptionType;
using lang::State;

constexpr OptionDef kOptions[] = {
    {"command", OptionType::expanded, nullptr, "", "external routing program (split, then expanded)", State::later, "*",
     "", 3},
    {"command_group", OptionType::string, nullptr, "", "group for the program", State::later, "*", "", 3},
    {"command_user", OptionType::string, nullptr, "", "user for the program (required)", State::later, "*", "", 3},
    {"current_directory", OptionType::string, nullptr, "/", "working directory for the program", State::later, "*", "",
     3},
    {"timeout", OptionType::time, nullptr, "1h", "timeout; expiry freezes the message", State::later, "*", "", 3},
};

struct NoOptions : lang::DriverOptions {};

constexpr RouterDef defs[] = {
    {.driver = {.kind = lang::DriverKind::router,
                .name = "queryprogram",
                .summary = "asks an external program",
                .doc = "Not available yet.",
                .options = kOptions,
                .make_options = +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<NoOptions>(); },
                .state = State::later}},
};

}  // namespace
}  // namespace remex::routers

namespace remex::registry::routers {
extern const std::span<const RouterDef> queryprogram;
constinit const std::span<const RouterDef> queryprogram{remex::routers::defs};
}  // namespace remex::registry::routers
