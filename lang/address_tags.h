// Keyed tags of addresses and strings: HMAC, SRS0 (${srs_encode}, inbound_srs) and BATV (${prvs}, ${prvscheck}).
// Pure but for the day, which the caller gives. Nothing here fails: what is no such address is "no".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace remex::lang {

/// Lower-case hex. `sha1` false: MD5.
std::string hmac_hex(bool sha1, std::string_view key, std::string_view data);
/// Compares without telling by its duration where the difference is. Caseless.
bool same_secret(std::string_view a, std::string_view b);

/// Days since the epoch.
std::int64_t today();

/// "SRS0=hash=day=domain=local": the local part only.
std::string srs_encode(std::string_view secret, std::string_view address, std::int64_t day);
/// The address in an SRS0 local part; null when it is none, the hash is wrong or it is older than 10 days. An empty
/// secret checks the form only.
std::optional<std::string> srs_decode(std::string_view local_part, std::string_view secret, std::int64_t day);

/// The six hex digits behind "prvs=KDDD".
std::string prvs_hash(std::string_view secret, char key_number, std::string_view days, std::string_view address);
struct Prvs {
  char key_number = '0';
  std::string days, hash, address;
};
/// Splits "prvs=KDDDSSSSSS=address"; null when it is none.
std::optional<Prvs> parse_prvs(std::string_view address);

}  // namespace remex::lang
