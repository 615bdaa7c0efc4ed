// The courier of this program: which requests it does, for whom, and as whom. See core/io/courier.h.
#pragma once

#include <functional>
#include <memory>

#include "core/io/courier.h"
#include "lang/config.h"

namespace remex::daemon {

/// Reads the configuration again; null when it is wrong.
using Reload = std::function<std::shared_ptr<const lang::Config>()>;

/// As root: forks the privileged process (call it before threads and loops exist, and before rights are dropped). Else
/// requests run in threads.
Result<std::shared_ptr<io::Courier>> make_courier(std::shared_ptr<const lang::Config> config, Reload reload);

/// May this request be done as `uid`? Kind failed, with the reason, when this configuration never asks for it. Exposed
/// for tests.
Status check_request(const lang::Config& config, const io::Fields& f);

}  // namespace remex::daemon
