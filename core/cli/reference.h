// The reference: every name of the language with what the registry knows about it, as text, JSON and pages.
//
// Used by `remex help` (mode_info.cc). Nothing here is a list of names of its own; a name that is missing here is
// missing in the program.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lang/examples.h"
#include "lang/registry.h"

namespace remex::cli {

/// What a configuration that uses the name may expect.
enum class Standing : std::uint8_t {
  works,
  no_effect,  ///< accepted, and asks for nothing here
  not_yet,    ///< refused when the configuration is read
};

struct ReferenceEntry {
  std::string kind;  ///< "operator", "smtp transport option" ...
  std::string_view name;
  std::string_view arguments;  ///< as they are written behind the name
  std::string_view summary, doc;
  std::string_view type, default_text;  ///< options
  std::string_view harmless;            ///< options that do nothing: values that are accepted
  std::string_view taint;               ///< rule of the result, empty where there is none
  lang::ExampleSet examples;
  Standing standing = Standing::works;
};

/// In the order of the registries.
std::vector<ReferenceEntry> reference_entries();
/// One entry as `remex help NAME` shows it.
std::string describe(const ReferenceEntry& entry);
/// All entries as a JSON array, one object a line.
std::string reference_json();
/// One page per kind, README.md and coverage.md. Returns the exit status; complains on stderr.
int write_reference(const std::string& directory);

}  // namespace remex::cli
