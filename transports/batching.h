// What decides, beside everything that must be equal, whether addresses share a run of a transport. Used by
// core/delivery.
#pragma once

#include "transports/transport.h"

namespace remex::transports {

/// The option TransportDef::batch_by of the driver `def`; null: it has none, or it is not set.
const lang::Expansion* batch_option(const lang::DriverInstance& t, const TransportDef& def);

}  // namespace remex::transports
