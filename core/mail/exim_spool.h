// Exim's spool files: the -H file (envelope, state and headers of a queued message), read and written, and the -J
// journal, read.
//
// Used by `remex queue import`, -Mvh and the queuefile transport. The format is the one of the chapter "Format of spool
// files" of Exim's manual, with what releases up to 4.98 were seen to write beyond it. Pure: no I/O. The files are
// treated as a stranger's: every count is bounded by the octets there are, nothing recurses, and what does not fit is
// refused with the number of its line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/mail/envelope.h"
#include "core/mail/message.h"

namespace remex::mail {

/// In Envelope::saved: finished addresses have names as Exim makes them ("a@b/transport", "a@b/router/transport"),
/// which deliveries then look for beside their own.
inline constexpr const char* kEximNames = "exim_names";

/// What one -H file says.
struct EximSpoolMessage {
  /// size, body_lines, body_zeros and body_8bit follow from the body and are not filled in.
  Envelope envelope;
  HeaderList headers;                       ///< without replaced and deleted ones
  std::optional<std::uint64_t> body_lines;  ///< how many lines the -D file shall have
  std::vector<std::string> unused;          ///< items nobody knows, as "-name"
};

/// Reads the -H file of the message `id`. Errors: "LINE: what is wrong", LINE from 1.
Result<EximSpoolMessage> parse_exim_header_file(std::string_view bytes, std::string_view id);

/// Marks the addresses of a -J file as finished. A last line without its end was being written when Exim was cut off:
/// it does not count. Errors as above.
Status apply_exim_journal(std::string_view bytes, EximSpoolMessage& message);

/// The -H file of a message, as -Mvh shows it and Exim reads it. Never an error: control characters of values, which
/// would make lines of their own, become question marks.
/// `primary_hostname`: this host's; the name a client was greeted with is written where it was another one.
std::string exim_header_file(const Envelope& e, const HeaderList& headers, std::string_view primary_hostname);

}  // namespace remex::mail
