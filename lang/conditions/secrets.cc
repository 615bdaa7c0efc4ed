// crypteq and inbound_srs: comparison with encrypted passwords, and addresses signed earlier.
//
// Digests and tags are compared without telling where they differ. crypt() runs in the thread pool: whoever wrote the
// setting chose how long it takes.
#include <fmt/format.h>

#include <memory>

#include "core/base/crypt_api.h"
#include "core/base/nettle_api.h"
#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "lang/address_tags.h"
#include "lang/node.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

std::string crypt_text(const std::string& plain, const std::string& setting) {
  const auto data = std::make_unique<crypt_data>();  // tens of KiB: not for a fiber's stack
  data->initialized = 0;
  const char* out = crypt_r(plain.c_str(), setting.c_str(), data.get());
  return out == nullptr || out[0] == '*' ? std::string{} : std::string(out);
}

// The first eight bytes and the next eight, with one salt.
std::string crypt16_text(const std::string& plain, const std::string& setting) {
  const std::string first = crypt_text(plain.substr(0, 8), setting);
  const std::string second = crypt_text(plain.size() > 8 ? plain.substr(8, 8) : std::string{}, setting);
  if (first.size() < 2 || second.size() < 2) return {};
  return first + second.substr(2);
}

bool same_digest(std::string_view digest, std::string_view expected) {
  if (expected.size() == digest.size() * 2) return same_secret(hex_encode(digest), expected);
  const std::string encoded = base64_encode(digest);
  unsigned difference = encoded.size() == expected.size() ? 0 : 1;
  for (std::size_t i = 0; difference == 0 && i < encoded.size(); ++i) {
    difference |=
        static_cast<unsigned char>(encoded[i]) ^ static_cast<unsigned>(static_cast<unsigned char>(expected[i]));
  }
  return difference == 0;
}

Result<bool> test_crypteq(const Node& node, Scope& scope) {
  REMEX_TRY(const Text plain, eval_arg(node, 0, scope));
  REMEX_TRY(const Text encrypted, eval_arg(node, 1, scope));
  std::string_view rest = encrypted.view();
  const auto* data = reinterpret_cast<const std::uint8_t*>(plain.view().data());
  const auto take = [&](std::string_view word) {
    if (!istarts_with(rest, word)) return false;
    rest.remove_prefix(word.size());
    return true;
  };
  if (take("{md5}")) {
    md5_ctx context;
    char digest[MD5_DIGEST_SIZE];
    md5_init(&context);
    md5_update(&context, plain.size(), data);
    md5_digest(&context, sizeof digest, reinterpret_cast<std::uint8_t*>(digest));
    return same_digest(std::string_view(digest, sizeof digest), rest);
  }
  if (take("{sha1}")) {
    sha1_ctx context;
    char digest[SHA1_DIGEST_SIZE];
    sha1_init(&context);
    sha1_update(&context, plain.size(), data);
    sha1_digest(&context, sizeof digest, reinterpret_cast<std::uint8_t*>(digest));
    return same_digest(std::string_view(digest, sizeof digest), rest);
  }
  const bool double_crypt = take("{crypt16}");
  if (!double_crypt && !take("{crypt}") && rest.starts_with('{')) {
    return fail(fmt::format("unknown encryption mechanism in \"{}\"", printable(rest)));
  }
  // A short one could match by chance (an empty field, "x", "*"), and a NUL would end the comparison early.
  const std::string setting(rest);
  if (setting.size() < 13 || plain.view().find('\0') != std::string_view::npos) return false;
  const std::string made =
      io::offload([&] { return double_crypt ? crypt16_text(plain.str(), setting) : crypt_text(plain.str(), setting); });
  unsigned difference = made.size() == setting.size() && !made.empty() ? 0 : 1;
  for (std::size_t i = 0; difference == 0 && i < made.size(); ++i) {
    difference |= static_cast<unsigned char>(made[i]) ^ static_cast<unsigned>(static_cast<unsigned char>(setting[i]));
  }
  return difference == 0;
}

Result<bool> test_inbound_srs(const Node& node, Scope& scope) {
  REMEX_TRY(const Text local_part, eval_arg(node, 0, scope));
  REMEX_TRY(const Text secret, eval_arg(node, 1, scope));
  auto address = srs_decode(local_part.view(), secret.view(), today());
  if (!address) return false;
  scope.extra["srs_recipient"] = std::move(*address);
  return true;
}

constexpr Example kCrypteq[] = {
    {"${if crypteq{test}{\\{md5\\}CY9rzUYh03PK3k6DJie09g==}{y}{n}}", "y"},
    {"${if crypteq{test}{\\{sha1\\}a94a8fe5ccb19ba61c4c0873d391e987982fbbd3}{y}{n}}", "y"},
    {"${if crypteq{test}{aaqPiZY5xR5l.}{y}{n}}", "y"},
    {"${if crypteq{}{}{y}{n}}", "n"},
    {"${if crypteq{test}{\\{foo\\}xx}{y}{n}}", "", "unknown encryption mechanism in \"{foo}xx\""}};
constexpr Example kSrs[] = {
    {"${if inbound_srs{SRS0=aaaa=bb=example.com=user}{}{$srs_recipient}{no}}", "user@example.com"},
    {"${if inbound_srs{SRS0=aaaa=bb=example.com=user}{secret}{y}{no}}", "no"},
    {"${if inbound_srs{joe}{}{y}{no}}", "no"},
    {"${if inbound_srs{a}}", "", "missing 2nd string in {} after \"inbound_srs\""}};

constexpr ConditionDef defs[] = {
    {.name = "crypteq",
     .arguments = "{plain}{encrypted}",
     .summary = "Password matches its encrypted form",
     .doc = "{md5}, {sha1} (hexadecimal or base64), {crypt}, {crypt16} in front; else crypt().",
     .cost = Cost::waits,
     .examples = kCrypteq,
     .test = test_crypteq,
     .args = 2},
    {.name = "inbound_srs",
     .arguments = "{local part}{secret}",
     .summary = "SRS0 address of ours; sets $srs_recipient",
     .doc = "False when the hash is wrong or the address is older than 10 days; an empty secret checks the form only.",
     .cost = Cost::reads,
     .examples = kSrs,
     .test = test_inbound_srs,
     .args = 2},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::conditions {
extern const std::span<const ConditionDef> secrets;
constinit const std::span<const ConditionDef> secrets{lang::defs};
}  // namespace remex::registry::conditions
