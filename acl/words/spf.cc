// spf = WORDS and spf_guess = WORDS: checks the sender's domain (RFC 7208) once and is true when the result is one of
// the words; "!word" stands for every other result. spf_guess uses the record of option spf_guess for domains that
// publish none. Sets $spf_result, $spf_result_guessed, $spf_header_comment, $spf_received and $spf_smtp_comment.

#include "acl/sender_policy.h"
#include "acl/word.h"
#include "core/base/strings.h"

namespace remex::acl {
namespace {

template <bool Guess>
Answer run_spf(Run& run, const Item& it) {
  constexpr std::string_view kName = Guess ? "spf_guess" : "spf";
  auto words = run.value_of(it);
  if (!words)
    return words.error().kind == ErrorKind::forced_fail
               ? answer(!it.negated)
               : trouble(words.error(), "failed to expand " + std::string(kName));
  auto result = check_spf_of(run.scope, Guess);
  if (!result) return trouble(result.error(), kName);
  return answer(result_is_in(*result, words->view()));
}

constexpr HookSet kHooks = kMessageHooks & kSmtpHooks;

constexpr AclWordDef defs[] = {
    {.name = "spf",
     .hooks = kHooks,
     .summary = "SPF result is in the list",
     .run = &run_spf<false>,
     .tier = 2,
     .examples =
         {{"deny    message = $sender_host_address may not send for $sender_address_domain\n        spf = fail\naccept",
           "250 2.1.5 Accepted"},
          {"accept  spf = pass", "550 5.7.1 Administrative prohibition"}}},
    {.name = "spf_guess",
     .hooks = kHooks,
     .summary = "Best-guess SPF result is in the list",
     .run = &run_spf<true>,
     .tier = 4,
     .examples = {{"warn    !spf_guess = pass : neutral\n        add_header = X-SPF: unknown\naccept",
                   "250 2.1.5 Accepted"},
                  {"accept  spf_guess = softfail", "550 5.7.1 Administrative prohibition"}}},
};

}  // namespace
}  // namespace remex::acl

namespace remex::registry::acl_words {
extern const std::span<const acl::AclWordDef> spf;
constinit const std::span<const acl::AclWordDef> spf{acl::defs};
}  // namespace remex::registry::acl_words
