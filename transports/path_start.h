// Where the files of a transport are, as far as that is written in the configuration.
#pragma once

#include <string>
#include <string_view>

#include "lang/driver.h"

namespace remex::transports {

/// The directory in front of an option's first variable, with its slash: every value of the option begins with it.
/// Empty: the option is not set, or begins with a variable.
std::string constant_start(const lang::DriverInstance& d, std::string_view option);

}  // namespace remex::transports
