// Which groups a courier's child may act with; asked by courier.cc before it becomes anybody.
#pragma once

#include <cstdint>

#include "core/base/result.h"
#include "core/io/courier.h"
#include "lang/config.h"

namespace remex::daemon {

/// Kind failed, with the reason: the request `f`, which is for `uid`, may not be done with the group `gid`. Permitted
/// are the groups of that account itself (the supplementary ones where the driver has initgroups or pipe_as_creator),
/// and those the options of its drivers name, which is any number where such an option is an expansion. Never group 0.
/// Also refuses `initgroups` that no driver asks for. Blocking (account data base); for the courier's child.
Status check_group(const lang::Config& config, const io::Fields& f, std::int64_t uid, std::int64_t gid);

}  // namespace remex::daemon
