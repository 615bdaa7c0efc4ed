// What decides, beside everything that must be equal, whether addresses share a run of a transport. Used by
// core/delivery.
#pragma once

#include "transports/transport.h"

namespace remex::transports {

/// The option batch_id of a driver that has it; null: there is none, or it is not set.
const lang::Expansion* batch_id(const lang::DriverInstance& t);

}  // namespace remex::transports
