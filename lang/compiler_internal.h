// What the two files of the expansion compiler share; nobody else uses it.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/base/strings.h"

namespace remex::lang {

/// The name of an entry that looks like `word`; empty when none does.
template <class Def>
std::string_view suggest(const std::vector<const Def*>& defs, std::string_view word) {
  std::vector<std::string_view> names;
  for (const Def* d : defs) names.push_back(d->name);
  return nearest(word, names);
}

/// Behind "not supported": what the entry says about it, or that it may come.
inline std::string why(std::string_view doc) {
  return doc.starts_with("Refused: ") ? fmt::format(": {}", doc.substr(9, doc.find(". ") - 9)) : std::string(" yet");
}

/// The hint of a diagnostic; empty for no name.
inline std::string did_you_mean(std::string_view name) {
  return name.empty() ? std::string{} : fmt::format("did you mean \"{}\"?", name);
}

/// One level deeper for as long as it lives.
struct DepthGuard {
  explicit DepthGuard(int& d) : depth(d) { ++depth; }
  ~DepthGuard() { --depth; }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;
  int& depth;
};

}  // namespace remex::lang
