// What a redirect router asks of the courier, as far as its options say it: the asking half is redirect.cc, the doing
// half compares a request with it (core/daemon/courier.cc), since whoever sent that may have been taken over.
#pragma once

#include "core/io/courier.h"
#include "lang/filter/filter.h"
#include "routers/courier_work.h"
#include "routers/redirect_options.h"
#include "routers/router.h"

namespace remex::routers {

/// Without user_uid and user_gid, which depend on the address. ignore_eacces and ignore_enotdir are for `file` only.
FileRules list_file_rules(const RedirectOptions& o);
/// Without the expanded Sieve options.
lang::filter::Options fixed_filter_options(const RedirectOptions& o);

/// May this router ask for it? After the user was checked. Kind failed, with the reason.
Status check_redirect_request(const lang::DriverInstance& r, const io::Fields& f);

}  // namespace remex::routers
