// Named lists that are used but not defined, and named lists that name each other in a ring.
#pragma once

#include <functional>

#include "lang/config.h"

namespace remex::lang {

/// Every MatchList of the configuration with its place: main options, drivers, named lists. ACL lists are acl/'s.
void for_each_list(const Config& config,
                   const std::function<void(const MatchList&, const std::string& where, Pos)>& visit);
void check_lists(const Config& config, Diagnostics& diagnostics);
/// References of one constant list; acl/ calls it for lists in its conditions.
void check_list_references(const Config& config, const MatchList& list, const std::string& where, Pos pos,
                           Diagnostics& diagnostics);

}  // namespace remex::lang
