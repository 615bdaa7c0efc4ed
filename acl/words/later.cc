// Conditions and modifiers whose engine part does not exist yet: known by name, refused at load.

#include "acl/word.h"

namespace remex::acl {
namespace {
constexpr AclWordDef row(std::string_view name, std::string_view summary, std::uint8_t tier,
                         WordKind kind = WordKind::condition) {
  return {.name = name, .kind = kind, .summary = summary, .state = lang::State::later, .tier = tier};
}
constexpr AclWordDef defs[] = {
    row("atrn_domains", "Messages queued for listed domains", 4),
    row("dcc", "Distributed Checksum Clearinghouse verdict", 4),
};
}  // namespace
}  // namespace remex::acl

namespace remex::registry::acl_words {
extern const std::span<const acl::AclWordDef> later;
constinit const std::span<const acl::AclWordDef> later{acl::defs};
}  // namespace remex::registry::acl_words
