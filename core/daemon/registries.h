// All registry entries of this build, gathered once.
#pragma once

#include <memory>

#include "lang/registry.h"

namespace remex::daemon {

/// Made on first call; shared by every configuration of the process.
std::shared_ptr<lang::Registries> all_registries();

}  // namespace remex::daemon
