// links: lang
// Fuzz target: list text and subject. First byte: kind; up to the first newline: the subject; the rest: the list.
// No lookups, no files, no DNS: what is searched for is a crash, a hang or memory growth in splitting and matching.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lang/config.h"
#include "lang/list.h"
#include "lang/node.h"
#include "lang/scope.h"

using namespace remex;
using namespace remex::lang;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 65536) return 0;
  static const std::shared_ptr<Registries> registries = make_language_registries();
  Config config;
  config.registries = registries;
  Scope scope;
  scope.config = &config;
  const auto kind = static_cast<ListKind>(data[0] % 5);
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t nl = text.find('\n');
  const std::string_view subject = text.substr(0, nl);
  const std::string_view list = nl == std::string_view::npos ? std::string_view() : text.substr(nl + 1);
  // Tainted text reaches neither files nor named lists.
  (void)match_list_text(scope, kind, Text::tainted(list), Text::tainted(subject));
  const std::vector<std::string> items = split_list(list);
  if ((items.empty() || !items.front().starts_with('<')) && split_list(join_list(items)) != items) __builtin_trap();
  return 0;
}
