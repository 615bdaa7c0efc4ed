// ${eval:}: integer arithmetic with C's precedence, 64 bits, overflow checked. Error texts are Exim's.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/result.h"

namespace remex::lang {

/// `decimal`: no octal, no hexadecimal.
Result<std::int64_t> evaluate_arithmetic(std::string_view text, bool decimal);

}  // namespace remex::lang
