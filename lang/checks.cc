// The static checks: each looks at the finished configuration and reports; none changes it.
#include "lang/checks.h"

#include <fmt/format.h>

#include <set>

#include "core/base/strings.h"
#include "lang/config.h"
#include "lang/lints.h"
#include "lang/list_checks.h"
#include "lang/list_internal.h"
#include "lang/taint_check.h"

namespace remex::lang {

void run_static_checks(const Config& config, Diagnostics& diagnostics) {
  check_lists(config, diagnostics);
  check_taint(config, diagnostics);
  run_lints(config, diagnostics);
}

}  // namespace remex::lang
