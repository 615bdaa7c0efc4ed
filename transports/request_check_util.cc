// See request_check.h.
#include "transports/request_check.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/strings.h"
#include "transports/courier_work.h"
#include "transports/path_start.h"

namespace remex::transports {

Status check_op(const lang::DriverInstance& t, const io::Fields& f, std::initializer_list<std::string_view> ops) {
  const std::string op = text(f, "op");
  if (std::find(ops.begin(), ops.end(), op) != ops.end()) return {};
  return fail(fmt::format("the {} transport never asks for \"{}\"", t.name, printable(op)));
}

Status check_program(const lang::DriverInstance& t, const lang::Expansion& command, const io::Fields& f) {
  const std::string_view source = command.is_set() ? trim(command.source_text()) : std::string_view();
  const std::string_view word = source.substr(0, source.find_first_of(" \t\n"));
  const std::string program = text(f, "arg0");
  if (word.empty()) return fail(fmt::format("the {} transport has no command", t.name));
  if (word.find_first_of("$\\\"'{") != std::string_view::npos) return {};
  const bool found = word.find('/') == std::string_view::npos && program.starts_with('/') &&
                     std::string_view(program).substr(program.rfind('/') + 1) == word;
  if (program == word || found) return {};
  return fail(fmt::format("{} is not the command of the {} transport", printable(program), t.name));
}

namespace {

Status check_absolute(const std::string& path, const char* field) {
  if (!path.starts_with('/') || path.find('\0') != std::string::npos)
    return fail(fmt::format("{} is not absolute", field));
  for (const std::string_view part : split(path, '/'))
    if (part == "..") return fail(fmt::format("{} {} has a .. component", field, printable(path)));
  return {};
}

}  // namespace

Status check_path(const io::Fields& f) { return check_absolute(text(f, "path"), "path"); }

Status check_name(const io::Fields& f, const char* field) {
  const std::string name = text(f, field);
  if (name.find_first_of(std::string_view("/\0", 2)) == std::string::npos && !name.starts_with('.') &&
      name.size() <= 255)
    return {};
  return fail(fmt::format("{} {} is no file name", field, printable(name)));
}

Status check_directory(const lang::DriverInstance& t, std::string_view option, const io::Fields& f, const char* field) {
  const std::string path = text(f, field);
  if (path.empty()) return {};
  REMEX_CHECK(check_absolute(path, field));
  if (t.find_given(option) != nullptr && path.starts_with(constant_start(t, option))) return {};
  return fail(fmt::format("{} {} is not one of the {} transport", field, printable(path), t.name));
}

Status check_path(const lang::DriverInstance& t, std::string_view option, const io::Fields& f) {
  REMEX_CHECK(check_path(f));
  const std::string path = text(f, "path");
  if (t.find_given(option) != nullptr && path.starts_with(constant_start(t, option))) return {};
  return fail(fmt::format("path {} is not one of the {} transport", printable(path), t.name));
}

}  // namespace remex::transports
