// SMTP command lines (RFC 5321 4.1) as data. Pure; every byte is foreign.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace remex::smtp {

enum class Verb : std::uint8_t {
  helo,
  ehlo,
  mail,
  rcpt,
  data,
  bdat,
  rset,
  noop,
  quit,
  vrfy,
  expn,
  help,
  starttls,
  auth,
  etrn,
  http,
  unknown
};

/// One command line without its line end. Views point into the line given.
struct Command {
  Verb verb = Verb::unknown;
  std::string_view word;      ///< as typed
  std::string_view argument;  ///< after the verb, blanks around removed
};

Command parse_command(std::string_view line);

/// One ESMTP parameter of MAIL or RCPT (RFC 5321 4.1.2): keyword in upper case.
struct Parameter {
  std::string keyword, value;
  bool has_value = false;
};

/// "FROM:<path> KEY=VALUE ..." split. `keyword` is "FROM:" or "TO:" (any case; blanks after and, leniently, before the
/// colon are taken).
struct PathCommand {
  std::string_view path;  ///< angle brackets included when they were there
  std::vector<Parameter> parameters;
};
/// Error: text for a 501 reply.
Result<PathCommand> parse_path_command(std::string_view argument, std::string_view keyword);

/// Decodes xtext (RFC 3461 4); kind failed on a bad code, or on a decoded control character.
Result<std::string> decode_xtext(std::string_view text);

/// The HELO/EHLO argument: a domain or an address literal. `extra` are further permitted characters (helo_allow_chars).
bool is_acceptable_helo(std::string_view name, std::string_view extra);

/// What a client said, for the log. Of AUTH only the mechanism: the rest is a secret, and so is what follows the line.
std::string shown(std::string_view said, std::size_t most = 256);

}  // namespace remex::smtp
