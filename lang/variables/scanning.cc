// Variables: content scanning, SPF, DMARC, ARC.
#include "lang/variables/variable_util.h"

namespace remex::lang {
namespace {

constexpr TaintRule kClean = TaintRule::cleans;
constexpr TaintRule kPeer = TaintRule::taints;
constexpr TaintRule kKeeps = TaintRule::keeps;

/// A number or a word of ours that was kept with the message.
Result<Text> saved_word(Scope& s, std::string_view name) {
  REMEX_TRY(const Text t, saved(s, name));
  return trusted(t.view());
}

/// 0 until a MIME ACL looks at a part; $mime_part_count is -1 then.
Result<Text> mime_number(Scope& s, std::string_view name) {
  if (const auto* v = extra(s, name)) return trusted(*v);
  return trusted(name == "mime_part_count" ? "-1" : "0");
}

/// "no" until spf_guess needed its record.
Result<Text> spf_guessed(Scope& s, std::string_view name) {
  REMEX_TRY(const Text t, saved(s, name));
  return trusted(t.empty() ? std::string_view("no") : t.view());
}

constexpr VariableDef defs[] = {
    {.name = "arc_domains",
     .taint = kKeeps,
     .summary = "Chain domains in order (experimental)",
     .state = State::later,
     .tier = 4},
    {.name = "arc_oldest_pass",
     .taint = kClean,
     .summary = "Lowest passing instance (experimental)",
     .state = State::later,
     .tier = 4},
    {.name = "arc_state",
     .taint = kClean,
     .summary = "pass, fail or none (experimental)",
     .state = State::later,
     .tier = 4},
    {.name = "arc_state_reason",
     .taint = kClean,
     .summary = "Failure reason (experimental)",
     .state = State::later,
     .tier = 4},
    {.name = "av_failed",
     .taint = kClean,
     .summary = "1 when the scanner had a problem",
     .get = extra_clean,
     .tier = 3},
    {.name = "dcc_header",
     .taint = kKeeps,
     .summary = "Header to add (experimental)",
     .state = State::later,
     .tier = 4},
    {.name = "dcc_result", .taint = kKeeps, .summary = "Result (experimental)", .state = State::later, .tier = 4},
    {.name = "dmarc_alignment_dkim", .taint = kClean, .summary = "yes or no", .get = extra_clean, .tier = 3},
    {.name = "dmarc_alignment_spf", .taint = kClean, .summary = "yes or no", .get = extra_clean, .tier = 3},
    {.name = "dmarc_domain_policy", .taint = kClean, .summary = "Published policy", .get = saved_word, .tier = 2},
    {.name = "dmarc_status", .taint = kClean, .summary = "One-word verdict", .get = saved_word, .tier = 2},
    {.name = "dmarc_status_text", .taint = kKeeps, .summary = "Readable verdict", .get = extra_tainted, .tier = 3},
    {.name = "dmarc_used_domain",
     .taint = kKeeps,
     .summary = "Domain whose record was used (index spells it with and without s)",
     .get = saved,
     .tier = 2},
    {.name = "malware_name", .taint = kKeeps, .summary = "Virus name", .get = extra_tainted, .tier = 1},
    {.name = "mime_anomaly_level",
     .taint = kClean,
     .summary = "Severity of decoding anomaly",
     .get = mime_number,
     .tier = 2},
    {.name = "mime_anomaly_text", .taint = kClean, .summary = "Description of anomaly", .get = extra_clean, .tier = 2},
    {.name = "mime_boundary", .taint = kPeer, .summary = "Multipart boundary", .get = extra_tainted, .tier = 3},
    {.name = "mime_charset",
     .taint = kPeer,
     .summary = "Part charset, not normalised",
     .get = extra_tainted,
     .tier = 3},
    {.name = "mime_content_description",
     .taint = kPeer,
     .summary = "Content-Description",
     .get = extra_tainted,
     .tier = 3},
    {.name = "mime_content_disposition",
     .taint = kPeer,
     .summary = "Disposition without parameters",
     .get = extra_tainted,
     .tier = 2},
    {.name = "mime_content_id", .taint = kPeer, .summary = "Content-ID", .get = extra_tainted, .tier = 3},
    {.name = "mime_content_size", .taint = kClean, .summary = "Decoded size in KiB", .get = mime_number, .tier = 3},
    {.name = "mime_content_transfer_encoding",
     .taint = kPeer,
     .summary = "Transfer encoding",
     .get = extra_tainted,
     .tier = 3},
    {.name = "mime_content_type", .taint = kPeer, .summary = "Media type, lower case", .get = extra_tainted, .tier = 2},
    {.name = "mime_decoded_filename",
     .taint = kClean,
     .summary = "Path of decoded file",
     .get = extra_clean,
     .tier = 2},
    {.name = "mime_filename",
     .taint = kPeer,
     .summary = "Suggested file name (attacker data)",
     .get = extra_tainted,
     .tier = 1},
    {.name = "mime_is_coverletter",
     .taint = kClean,
     .summary = "1 when judged body rather than attachment",
     .get = mime_number,
     .tier = 3},
    {.name = "mime_is_multipart", .taint = kClean, .summary = "1 for multipart", .get = mime_number, .tier = 3},
    {.name = "mime_is_rfc822", .taint = kClean, .summary = "1 inside attached message", .get = mime_number, .tier = 3},
    {.name = "mime_part_count", .taint = kClean, .summary = "Ordinal of part from 0", .get = mime_number, .tier = 3},
    {.name = "spam_action",
     .taint = kKeeps,
     .summary = "Recommended action (rspamd) or reject/no action",
     .get = saved,
     .tier = 2},
    {.name = "spam_bar", .taint = kKeeps, .summary = "Plus/minus bar, at most 50", .get = saved, .tier = 1},
    {.name = "spam_report", .taint = kKeeps, .summary = "Full report", .get = extra_tainted, .tier = 1},
    {.name = "spam_score", .taint = kClean, .summary = "Score", .get = saved_word, .tier = 1},
    {.name = "spam_score_int", .taint = kClean, .summary = "Score times ten, truncated", .get = saved_word, .tier = 1},
    {.name = "spf_header_comment",
     .taint = kKeeps,
     .summary = "Human-readable outcome",
     .get = extra_tainted,
     .tier = 3},
    {.name = "spf_received",
     .taint = kKeeps,
     .summary = "Complete Received-SPF header",
     .get = extra_tainted,
     .tier = 2},
    {.name = "spf_result", .taint = kClean, .summary = "Outcome word", .get = saved_word, .tier = 2},
    {.name = "spf_result_guessed",
     .taint = kClean,
     .summary = "True if best-guess used",
     .get = spf_guessed,
     .tier = 3},
    {.name = "spf_smtp_comment", .taint = kKeeps, .summary = "SMTP response text", .get = extra_tainted, .tier = 2},
};
[[maybe_unused]] constexpr TaintRule kUsed[] = {kClean, kPeer, kKeeps};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::variables {
extern const std::span<const VariableDef> scanning;
constinit const std::span<const VariableDef> scanning{lang::defs};
}  // namespace remex::registry::variables
