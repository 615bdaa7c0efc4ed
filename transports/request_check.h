// What a driver's may_ask() (TransportDef) compares a courier request with. Whoever sent it may have been taken over,
// so nothing is believed that the configuration does not say. Errors are of kind failed and say why the request is
// refused.
#pragma once

#include <string_view>

#include "core/io/courier.h"
#include "lang/driver.h"
#include "lang/expand.h"

namespace remex::transports {

/// The request's "op" is one of `ops`.
Status check_op(const lang::DriverInstance& t, const io::Fields& f, std::initializer_list<std::string_view> ops);
/// The program (arg0) is the first word of `command`, or one of that name where it has no slash. A word with variables
/// or quotes may be any program.
Status check_program(const lang::DriverInstance& t, const lang::Expansion& command, const io::Fields& f);
/// The field is the name of a file in a directory: no slash, no dot in front. Empty: there is none.
Status check_name(const io::Fields& f, const char* field);
/// The field, if not empty, is absolute, has no ".." component and begins as the option `option` of `t` does.
Status check_directory(const lang::DriverInstance& t, std::string_view option, const io::Fields& f, const char* field);
/// "path" is absolute and has no ".." component.
Status check_path(const io::Fields& f);
/// The same, and it begins as the option `option` of `t` does.
Status check_path(const lang::DriverInstance& t, std::string_view option, const io::Fields& f);

}  // namespace remex::transports
