// Nettle, loaded at the first call (core/base/late_library.h). Include this instead of <nettle/hmac.h>; inside
// namespace remex a call finds the object below, not the library's own function. A function that is missing here still
// works, but then every start pays for the library again: add a line.
#pragma once

#include <nettle/hmac.h>
#include <nettle/md5.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <nettle/sha3.h>

#include "core/base/late_library.h"

namespace remex {

extern const LateLibrary nettle_library;

// clang-format off
#define REMEX_LATE(name) inline constinit const LateFunction<decltype(&::name)> name{nettle_library, #name};
REMEX_LATE(nettle_hmac_md5_digest)
REMEX_LATE(nettle_hmac_md5_set_key)
REMEX_LATE(nettle_hmac_md5_update)
REMEX_LATE(nettle_hmac_sha1_digest)
REMEX_LATE(nettle_hmac_sha1_set_key)
REMEX_LATE(nettle_hmac_sha1_update)
REMEX_LATE(nettle_md5_digest)
REMEX_LATE(nettle_md5_init)
REMEX_LATE(nettle_md5_update)
REMEX_LATE(nettle_sha1_digest)
REMEX_LATE(nettle_sha1_init)
REMEX_LATE(nettle_sha1_update)
REMEX_LATE(nettle_sha256_digest)
REMEX_LATE(nettle_sha256_init)
REMEX_LATE(nettle_sha256_update)
REMEX_LATE(nettle_sha384_digest)
REMEX_LATE(nettle_sha384_init)
REMEX_LATE(nettle_sha3_224_digest)
REMEX_LATE(nettle_sha3_224_init)
REMEX_LATE(nettle_sha3_224_update)
REMEX_LATE(nettle_sha3_256_digest)
REMEX_LATE(nettle_sha3_256_init)
REMEX_LATE(nettle_sha3_256_update)
REMEX_LATE(nettle_sha3_384_digest)
REMEX_LATE(nettle_sha3_384_init)
REMEX_LATE(nettle_sha3_384_update)
REMEX_LATE(nettle_sha3_512_digest)
REMEX_LATE(nettle_sha3_512_init)
REMEX_LATE(nettle_sha3_512_update)
REMEX_LATE(nettle_sha512_digest)
REMEX_LATE(nettle_sha512_init)
REMEX_LATE(nettle_sha512_update)
#undef REMEX_LATE
// clang-format on

}  // namespace remex
