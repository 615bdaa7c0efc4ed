// The answers of scanner daemons as data. Pure; every byte is foreign and everything is bounded by the text given.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace remex::acl {

struct SpamVerdict {
  bool is_spam = false;
  double score = 0, threshold = 0;
  std::string action;  ///< rspamd's recommendation; "reject" or "no action" for SpamAssassin
  std::string report;  ///< LF line ends, no final one
};

/// SpamAssassin's answer to REPORT ("SPAMD/1.1 0 EX_OK", headers, report).
Result<SpamVerdict> parse_spamd_reply(std::string_view reply);
/// Rspamd's answer to CHECK RSPAMC/1.3 ("RSPAMD/1.3 0 EX_OK", Metric:, Action:, Symbol: lines).
Result<SpamVerdict> parse_rspamd_reply(std::string_view reply);
/// "15.6", int 155, "+++++++++++++++": how the variables show a score.
std::string spam_score_text(double score);
std::string spam_score_int(double score);
std::string spam_bar(double score);

struct ClamVerdict {
  bool infected = false;
  std::string name;
};
/// clamd's answer to zINSTREAM or SCAN: "...: OK", "...: NAME FOUND", "...: text ERROR" (an error here).
Result<ClamVerdict> parse_clamd_reply(std::string_view reply);

}  // namespace remex::acl
