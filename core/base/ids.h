// Message ids in Exim's form (4.97+): TTTTTT-PPPPPPPPPPP-SSSS in base 62.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace remex {

/// A fresh id, unique on this host (time, pid, sub-second counter); increasing within a process. Any fiber or thread.
std::string new_message_id();
/// True for the 6-11-4 form and for the older 6-6-2 form.
bool is_message_id(std::string_view s);
/// Seconds since the epoch encoded in the id; 0 when it is not one.
std::int64_t message_id_seconds(std::string_view id);
/// The process that made the id; 0 when it is not one.
std::int64_t message_id_process(std::string_view id);
/// n in base 62 (0-9A-Za-z), left-padded with zeros to `width`.
std::string base62(std::uint64_t n, int width);

}  // namespace remex
