// dmarc_status = WORDS: evaluates DMARC (RFC 7489) of the message once, with SPF and DKIM as they came out, and is true
// when the status is one of the words (accept reject quarantine none norecord nofrom temperror off; "!word": any
// other). Sets $dmarc_status, $dmarc_status_text, $dmarc_used_domain, $dmarc_domain_policy and $dmarc_alignment_*.
// Needs the option dmarc_tld_file; an unreadable list defers.

#include "acl/sender_policy.h"
#include "acl/word.h"

namespace remex::acl {
namespace {

Answer run_dmarc(Run& run, const Item& it) {
  auto words = run.value_of(it);
  if (!words)
    return words.error().kind == ErrorKind::forced_fail ? answer(!it.negated)
                                                        : trouble(words.error(), "failed to expand dmarc_status");
  auto result = check_dmarc_of(run.scope, run.effects);
  if (!result) return trouble(result.error(), "dmarc_status");
  return answer(result_is_in(*result, words->view()));
}

constexpr AclWordDef defs[] = {
    {.name = "dmarc_status",
     .hooks = hook_bit(Hook::data) | hook_bit(Hook::prdr),
     .summary = "DMARC result is in the list",
     .run = &run_dmarc,
     .tier = 2,
     .examples = {{"warn    dmarc_status = reject : quarantine\n        add_header = X-DMARC: bad\naccept",
                   "250 2.1.5 Accepted"},
                  {"deny    dmarc_status = reject", "451 4.3.0 Temporary local problem - please try later"}}}};

}  // namespace
}  // namespace remex::acl

namespace remex::registry::acl_words {
extern const std::span<const acl::AclWordDef> dmarc;
constinit const std::span<const acl::AclWordDef> dmarc{acl::defs};
}  // namespace remex::registry::acl_words
