// HMAC tags of addresses.
//
// SRS: the hash is the first four digits of HMAC-MD5 over the original address in lower case (it may come back so), the
// day two base-32 digits (modulo 1024). BATV (draft-levine-smtp-batv): HMAC-SHA1 over key number, day and address,
// first six digits; valid for seven days.
#include "lang/address_tags.h"

#include <fmt/format.h>

#include "core/base/clock.h"
#include "core/base/nettle_api.h"
#include "core/base/strings.h"

namespace remex::lang {
namespace {

constexpr std::string_view kBase32 = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::size_t kLongestKeptKey = 256;
constexpr std::int64_t kSrsDays = 10, kSrsCycle = 1024;

const std::uint8_t* bytes(std::string_view s) { return reinterpret_cast<const std::uint8_t*>(s.data()); }

}  // namespace

std::string hmac_hex(bool sha1, std::string_view key, std::string_view data) {
  // Half of the work on a short text is to prepare the key, and the same key comes again and again.
  struct Prepared {
    std::string key;
    bool made = false;
  };
  thread_local Prepared last_md5, last_sha1;
  thread_local hmac_md5_ctx md5_context;
  thread_local hmac_sha1_ctx sha1_context;
  Prepared& last = sha1 ? last_sha1 : last_md5;
  const bool again = last.made && last.key == key;
  if (!again) {
    last.made = key.size() <= kLongestKeptKey;
    last.key.assign(last.made ? key : std::string_view{});
  }
  std::uint8_t digest[SHA1_DIGEST_SIZE];
  const std::size_t size = sha1 ? SHA1_DIGEST_SIZE : MD5_DIGEST_SIZE;
  if (sha1) {
    if (!again) hmac_sha1_set_key(&sha1_context, key.size(), bytes(key));
    hmac_sha1_update(&sha1_context, data.size(), bytes(data));
    hmac_sha1_digest(&sha1_context, size, digest);
  } else {
    if (!again) hmac_md5_set_key(&md5_context, key.size(), bytes(key));
    hmac_md5_update(&md5_context, data.size(), bytes(data));
    hmac_md5_digest(&md5_context, size, digest);
  }
  return hex_encode(std::string_view(reinterpret_cast<const char*>(digest), size));
}

bool same_secret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(ascii_lower(a[i])) ^
                  static_cast<unsigned>(static_cast<unsigned char>(ascii_lower(b[i])));
  }
  return difference == 0;
}

std::int64_t today() { return wall_seconds() / 86400; }

std::string srs_encode(std::string_view secret, std::string_view address, std::int64_t day) {
  const std::size_t at = address.rfind('@');
  const std::string_view local = address.substr(0, at);
  const std::string_view domain = at == std::string_view::npos ? std::string_view{} : address.substr(at + 1);
  const auto days = static_cast<std::size_t>(day % kSrsCycle);
  return fmt::format("SRS0={}={}{}={}={}", hmac_hex(false, secret, to_lower(address)).substr(0, 4), kBase32[days / 32],
                     kBase32[days % 32], domain, local);
}

std::optional<std::string> srs_decode(std::string_view local_part, std::string_view secret, std::int64_t day) {
  if (!istarts_with(local_part, "SRS0=")) return std::nullopt;  // local parts are often lower-cased on the way here
  const auto fields = split(local_part.substr(5), '=');
  if (fields.size() < 4 || fields[0].size() != 4 || fields[1].size() != 2 || fields[2].empty()) return std::nullopt;
  for (const char c : fields[0]) {
    if (!parse_uint(std::string_view(&c, 1), 16)) return std::nullopt;
  }
  const std::size_t high = kBase32.find(ascii_lower(fields[1][0])), low = kBase32.find(ascii_lower(fields[1][1]));
  if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
  // The rest is the local part, which may have "=" itself.
  const auto local = static_cast<std::size_t>(fields[3].data() - local_part.data());
  std::string address = to_lower(fmt::format("{}@{}", local_part.substr(local), fields[2]));
  if (secret.empty()) return address;
  const std::int64_t age = ((day - static_cast<std::int64_t>(high * 32 + low)) % kSrsCycle + kSrsCycle) % kSrsCycle;
  if (age > kSrsDays || !same_secret(fields[0], hmac_hex(false, secret, address).substr(0, 4))) return std::nullopt;
  return address;
}

std::string prvs_hash(std::string_view secret, char key_number, std::string_view days, std::string_view address) {
  return hmac_hex(true, secret, fmt::format("{}{}{}", key_number, days, address)).substr(0, 6);
}

std::optional<Prvs> parse_prvs(std::string_view address) {
  static constexpr std::size_t kTag = 10;  // KDDDSSSSSS
  if (!istarts_with(address, "prvs=")) return std::nullopt;
  address.remove_prefix(5);
  if (address.size() < kTag + 2 || address[kTag] != '=') return std::nullopt;
  for (std::size_t i = 0; i < kTag; ++i) {
    if (i < 4 ? !is_digit(address[i]) : !parse_uint(address.substr(i, 1), 16)) return std::nullopt;
  }
  const std::string_view original = address.substr(kTag + 1);
  const std::size_t at = original.rfind('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == original.size()) return std::nullopt;
  return Prvs{address[0], std::string(address.substr(1, 3)), to_lower(address.substr(4, 6)), std::string(original)};
}

}  // namespace remex::lang
