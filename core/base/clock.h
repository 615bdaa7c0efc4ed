// Wall and monotonic time, and the date forms Exim writes. The wall clock can be replaced in tests.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace remex {

using Seconds = std::chrono::seconds;
using Millis = std::chrono::milliseconds;
/// Monotonic instant; every deadline is one of these.
using Instant = std::chrono::steady_clock::time_point;
/// Wall clock, microseconds since the epoch.
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

inline Instant monotonic_now() { return std::chrono::steady_clock::now(); }
WallTime wall_now();
std::int64_t wall_seconds();
/// Test hook: all later wall_now() calls are shifted by this much.
void set_wall_offset(std::chrono::microseconds offset);

/// "2026-11-21 03:36:18" in local time (or `timezone` set by set_timezone).
std::string log_timestamp(WallTime t);
/// With milliseconds ("2026-11-21 03:36:18.123") for log_selector +millisec.
std::string log_timestamp_millis(WallTime t);
/// "Sat, 21 Nov 2026 03:36:18 +0000" (RFC 5322 3.3).
std::string rfc5322_date(WallTime t);
/// "+0000"
std::string zone_offset(WallTime t);
/// Sets TZ; "UTC" gives gmtime. Call once at start.
void set_timezone(const std::string& tz);

/// Exim time interval "1d2h3m4s" (also w); parse fails on junk. Result in seconds.
bool parse_interval(std::string_view s, std::int64_t& seconds);
/// Inverse of parse_interval: 93784 -> "1d2h3m4s"; 0 -> "0s".
std::string format_interval(std::int64_t seconds);

}  // namespace remex
