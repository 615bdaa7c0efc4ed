// See request_check.h.
#include "transports/request_check.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/strings.h"
#include "lang/word_match.h"
#include "transports/courier_work.h"
#include "transports/internal.h"
#include "transports/path_start.h"

namespace remex::transports {

Status check_op(const lang::DriverInstance& t, const io::Fields& f, std::initializer_list<std::string_view> ops) {
  const std::string op = text(f, "op");
  if (std::find(ops.begin(), ops.end(), op) != ops.end()) return {};
  return fail(fmt::format("the {} transport never asks for \"{}\"", t.name, printable(op)));
}

bool is_program(std::string_view name, const std::string& program, const lang::Expansion* path) {
  if (name.find('/') != std::string_view::npos || path == nullptr) return program == name;
  const std::size_t slash = program.rfind('/');
  if (!program.starts_with('/') || std::string_view(program).substr(slash + 1) != name) return false;
  if (path->is_set() && !path->is_constant()) return true;
  const std::string_view directories = path->is_set() ? std::string_view(path->constant()) : kCommandPath;
  for (const std::string_view directory : split(directories, ':'))
    if (program == fmt::format("{}/{}", directory, name)) return true;
  return false;
}

Status check_command(const lang::DriverInstance& t, const lang::Expansion& command, const io::Fields& f,
                     const lang::Expansion* path) {
  const auto source = command.is_set() ? split_command_words(command.source_text()) : fail("");
  if (!source) return fail(fmt::format("the {} transport has no command", t.name));
  std::vector<std::string> words = texts(f, "arg");
  std::vector<lang::WordPattern> patterns;
  for (const CommandWord& w : *source) {
    patterns.push_back(lang::word_pattern(w.text));
    patterns.back().many = w.is_pipe_addresses() || w.is_address_pipe();
  }
  const auto refuse = [&](const std::string& word) {
    return fail(fmt::format("{} is not the command of the {} transport", printable(word), t.name));
  };
  if (words.empty()) return refuse("");
  const std::string program = words[0];
  if (has_dot_dot(program)) return refuse(program);
  if (!patterns[0].many && patterns[0].exact) {
    if (!is_program(patterns[0].start, program, path)) return refuse(program);
    words[0] = patterns[0].start;
  }
  return lang::words_match(patterns, words) ? Status() : refuse(join(words, " "));
}

Status check_plain(const lang::DriverInstance& t, const io::Fields& f) {
  for (const char* name : {"umask", "permit_coredump"})
    if (f.contains(name)) return fail(fmt::format("the {} transport says nothing of {} here", t.name, name));
  return {};
}

Status check_filter(const lang::DriverInstance& t, const lang::Expansion& filter, const io::Fields& f) {
  REMEX_CHECK(check_plain(t, f));
  return check_command(t, filter, f);
}

namespace {

Status check_absolute(const std::string& path, const char* field) {
  if (!path.starts_with('/') || path.find('\0') != std::string::npos)
    return fail(fmt::format("{} is not absolute", field));
  if (has_dot_dot(path)) return fail(fmt::format("{} {} has a .. component", field, printable(path)));
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
  // The slashes that may end the option are no part of a path.
  std::string start = constant_start(t, option);
  while (start.ends_with("//")) start.pop_back();
  if (t.find_given(option) != nullptr && (path + "/").starts_with(start)) return {};
  return fail(fmt::format("path {} is not one of the {} transport", printable(path), t.name));
}

}  // namespace remex::transports
