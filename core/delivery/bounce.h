// Messages we write ourselves: bounces (RFC 3464 multipart/report) and delay warnings. They enter the queue like any other, with a null sender.
#pragma once

#include <string>
#include <vector>

#include "core/delivery/delivery.h"

namespace remex::delivery {

/// An address that is still undelivered, for a warning.
struct DelayedRecipient {
  std::string address, text;
};

/// Sends a warning to the sender when delay_warning says it is time (and delay_warning_condition is true); counts it in the envelope.
/// Nothing for null senders. Returns whether one was sent.
bool maybe_warn(Engine& eng, lang::Scope& scope, store::StoredMessage& msg, const std::vector<DelayedRecipient>& delayed);

/// After all failures of an attempt are known: groups them by where the bounce goes (errors_to or the sender) and sends one each.
/// A failing bounce (null sender) cannot bounce: the message is to be frozen (true is returned) unless it is old enough to be discarded.
bool bounce_failures(Engine& eng, lang::Scope& scope, store::StoredMessage& msg, const std::vector<const routers::Addr*>& failed);

}  // namespace remex::delivery
