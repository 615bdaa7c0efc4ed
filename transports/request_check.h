// What a driver's may_ask() (TransportDef) compares a courier request with. Whoever sent it may have been taken over,
// so nothing is believed that the configuration does not say. Errors are of kind failed and say why the request is
// refused.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "core/io/courier.h"
#include "lang/config.h"
#include "lang/driver.h"
#include "lang/expand.h"

namespace remex::transports {

/// The request's "op" is one of `ops`.
Status check_op(const lang::DriverInstance& t, const io::Fields& f, std::initializer_list<std::string_view> ops);
/// Is `program` what a command's first word `name` leads to? A name without a slash is found in a directory of `path`
/// (nullptr: nowhere; unset: kCommandPath; with variables: anywhere).
bool is_program(std::string_view name, const std::string& program, const lang::Expansion* path);
/// The words (arg0, arg1, ...) are those of `command`: constant ones literally, others from their constant start on.
/// `path`: of is_program(); null where the command must be absolute.
Status check_command(const lang::DriverInstance& t, const lang::Expansion& command, const io::Fields& f,
                     const lang::Expansion* path = nullptr);
/// The same for a transport_filter; as check_plain().
Status check_filter(const lang::DriverInstance& t, const lang::Expansion& filter, const io::Fields& f);
/// Where the option `option` begins with $home: "path" is in the home directory that drivers or the account of "uid"
/// say, and goes on as the option does. Blocking (account data base).
Status check_home(const lang::Config& config, const lang::DriverInstance& t, std::string_view option,
                  const io::Fields& f);
/// The same for a command's variable HOME.
Status check_home_variable(const lang::Config& config, const lang::DriverInstance& t, const io::Fields& f,
                           std::string_view value);
/// Nothing is asked for that only a pipe transport has options for: a umask, core dumps.
Status check_plain(const lang::DriverInstance& t, const io::Fields& f);
/// The variables (env0, env1, ...) are those that every command gets and those of the transport's `environment`; the
/// values that are constant are compared. Names that make a loader, a shell or an interpreter run something are refused
/// unless the configuration has them with a constant value. For the operations that run commands; `own_options`: the
/// command is the transport's own, not its filter.
Status check_environment(const lang::Config& config, const lang::DriverInstance& t, const io::Fields& f,
                         bool own_options);
/// A name in the transport's `environment` that check_environment() refuses because its value is not constant; "" none.
std::string unsafe_variable(const lang::DriverInstance& t);
/// The field is the name of a file in a directory: no slash, no dot in front. Empty: there is none.
Status check_name(const io::Fields& f, const char* field);
/// The field, if not empty, is absolute, has no ".." component and begins as the option `option` of `t` does.
Status check_directory(const lang::DriverInstance& t, std::string_view option, const io::Fields& f, const char* field);
/// "path" is absolute and has no ".." component.
Status check_path(const io::Fields& f);
/// The same, and it begins as the option `option` of `t` does.
Status check_path(const lang::DriverInstance& t, std::string_view option, const io::Fields& f);

}  // namespace remex::transports
