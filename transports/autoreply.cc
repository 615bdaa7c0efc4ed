// autoreply: known to the configuration reader, so that its name and options are checked; using it is an error when the
// configuration is loaded, because the driver itself does not exist yet.
#include "transports/transport.h"

namespace remex::transports {
namespace {

using lang::OptionType;
using lang::State;

constexpr OptionDef kOptions[] = {
    {"bcc", OptionType::expanded, nullptr, "", "blind recipients of reply", State::later, "*", "", 2},
    {"cc", OptionType::expanded, nullptr, "", "cc recipients", State::later, "*", "", 2},
    {"file", OptionType::expanded, nullptr, "", "file used as reply body", State::later, "*", "", 1},
    {"file_expand", OptionType::boolean, nullptr, "false", "expand that file", State::later, "*", "", 2},
    {"file_optional", OptionType::boolean, nullptr, "false", "missing file is no error", State::later, "*", "", 2},
    {"from", OptionType::expanded, nullptr, "", "from: of reply", State::later, "*", "", 1},
    {"headers", OptionType::expanded, nullptr, "", "extra reply headers", State::later, "*", "", 1},
    {"log", OptionType::expanded, nullptr, "", "log file of replies", State::later, "*", "", 2},
    {"mode", OptionType::octal, nullptr, "0600", "mode for log/once files", State::later, "*", "", 2},
    {"never_mail", OptionType::address_list, nullptr, "", "recipients never sent replies", State::later, "*", "", 3},
    {"once", OptionType::expanded, nullptr, "", "database of already-answered To: recipients", State::later, "*", "",
     1},
    {"once_file_size", OptionType::integer, nullptr, "0", "use capped flat file instead of DBM", State::later, "*", "",
     2},
    {"once_repeat", OptionType::expanded_time, nullptr, "0s", "interval before answering again; 0 = never again",
     State::later, "*", "", 1},
    {"reply_to", OptionType::expanded, nullptr, "", "reply-To: of reply", State::later, "*", "", 2},
    {"return_message", OptionType::boolean, nullptr, "false", "append the original message", State::later, "*", "", 2},
    {"subject", OptionType::expanded, nullptr, "", "subject of reply", State::later, "*", "", 1},
    {"text", OptionType::expanded, nullptr, "", "reply body text, precedes file", State::later, "*", "", 1},
    {"to", OptionType::expanded, nullptr, "", "reply recipients", State::later, "*", "", 1},
};

struct NoOptions : lang::DriverOptions {};

constexpr TransportDef defs[] = {
    {.driver = {.kind = lang::DriverKind::transport,
                .name = "autoreply",
                .summary = "answers the sender",
                .doc = "Not available yet.",
                .options = kOptions,
                .make_options = +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<NoOptions>(); },
                .state = State::later},
     .is_local = true},
};

}  // namespace
}  // namespace remex::transports

namespace remex::registry::transports {
extern const std::span<const TransportDef> autoreply;
constinit const std::span<const TransportDef> autoreply{remex::transports::defs};
}  // namespace remex::registry::transports
