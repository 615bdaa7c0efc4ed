// Delivery log lines in Exim's form: "=> local <addr> R=router T=transport H=host [ip] X=... C=\"...\"", "->", "**", "==", "Completed".
#pragma once

#include <string>
#include <string_view>

#include "core/log/log.h"
#include "routers/address.h"
#include "transports/transport.h"

namespace remex::delivery {

/// "a@b" for remote, "local <a@b>" for local deliveries, with the parents in angle brackets.
std::string log_address(const routers::Addr& a, bool local, const log::Selectors& sel);
std::string delivered_line(std::string_view flag, const routers::Addr& a, const transports::AddrResult& r, bool local, const mail::Envelope& e, const log::Selectors& sel);
/// "**" or "==" (`code_text`: "(-44): SMTP error from ...").
std::string failed_line(std::string_view flag, const routers::Addr& a, const std::string& text, const transports::AddrResult* r, const log::Selectors& sel);
/// "Completed" with QT= when asked for.
std::string completed_line(const mail::Envelope& e, const log::Selectors& sel);

}  // namespace remex::delivery
