// The log of a message for people (-Mvl), and what becomes of it when the message is complete (preserve_message_logs).
#pragma once

#include <string>

#include "core/delivery/delivery.h"

namespace remex::delivery {

/// "TIME Received from SENDER ...": the first line of a message's log.
std::string received_line(const mail::Envelope& e);
/// With preserve_message_logs: writes the log to msglog.OLD/ID in the spool directory; a message that goes calls it
/// before its log goes with it. What does not work is logged.
void keep_message_log(Engine& eng, const mail::Envelope& e);

}  // namespace remex::delivery
