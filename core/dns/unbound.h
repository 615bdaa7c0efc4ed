// libunbound, loaded when the first name is looked up (by a server when it starts). The functions are for core/dns
// only; see core/io/gnutls.h for how it works.
#pragma once

#include <unbound.h>

#include "core/base/late_library.h"

namespace remex::dns {

extern const io::LateLibrary unbound_library;

// clang-format off
#define REMEX_LATE(name) inline constinit const io::LateFunction<decltype(&::name)> name{unbound_library, #name};
REMEX_LATE(ub_cancel)
REMEX_LATE(ub_ctx_add_ta_file)
REMEX_LATE(ub_ctx_async)
REMEX_LATE(ub_ctx_create)
REMEX_LATE(ub_ctx_data_add)
REMEX_LATE(ub_ctx_debuglevel)
REMEX_LATE(ub_ctx_debugout)
REMEX_LATE(ub_ctx_delete)
REMEX_LATE(ub_ctx_resolvconf)
REMEX_LATE(ub_ctx_set_fwd)
REMEX_LATE(ub_ctx_set_option)
REMEX_LATE(ub_ctx_zone_remove)
REMEX_LATE(ub_fd)
REMEX_LATE(ub_process)
REMEX_LATE(ub_resolve_async)
REMEX_LATE(ub_resolve_free)
REMEX_LATE(ub_strerror)
#undef REMEX_LATE
// clang-format on

}  // namespace remex::dns
