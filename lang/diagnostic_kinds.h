// The table of everything that can be wrong with a configuration: a stable code, a short name, and help with examples.
//
// One entry per kind, in lang/diagnostics/*.cc. The first letter of a code is its weight: E errors refuse the start, W
// warnings are surely not what was meant, H hints are worth a look. Codes are never reused. `remex check --explain`,
// docs/diagnostics.md and the golden tests (which run every example) read the same entries.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace remex::lang {

struct DiagnosticKind {
  std::string_view code;   ///< "E0201"
  std::string_view name;   ///< "unknown-option": what the sources call it, and `# remex: allow` understands too
  std::string_view title;  ///< one line: what was found
  std::string_view doc;    ///< why it matters and what to do
  std::string_view
      wrong;  ///< a configuration that has it (run by a test unless tests/golden/diagnostics/CODE.conf is there)
  std::string_view right;  ///< the same, well made (run by a test: must be free of this kind); empty = see doc
};

/// By code ("E0201", any case) or name ("unknown-option"); null when there is none.
const DiagnosticKind* find_diagnostic_kind(std::string_view code_or_name);
/// All, sorted by the number in the code.
std::vector<const DiagnosticKind*> all_diagnostic_kinds();
/// The page docs/diagnostics.md.
std::string diagnostics_markdown();
/// What `remex check --explain` prints about one kind.
std::string explain_diagnostic(const DiagnosticKind& kind);

}  // namespace remex::lang
