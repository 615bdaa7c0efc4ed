// What keeps a message that was submitted on standard input from its recipients, and the words in which its sender is
// told: by mail, or on standard error (-oep).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace remex::daemon {

struct SubmissionFault {
  enum class Kind : std::uint8_t {
    none,
    nobody,    ///< -t found no recipients
    headers,   ///< -t found addresses that are none
    argument,  ///< a recipient on the command line is no address
    too_many,  ///< recipients_max
    too_big,   ///< message_size_limit
    refused,   ///< by the non-SMTP ACL or by local scanning
  } kind = Kind::none;
  /// headers: "TEXT: why" for each; argument, refused: one line.
  std::vector<std::string> lines;
  std::string reason;                ///< headers, argument: the first one in other words, for the log
  std::string complaint;             ///< argument: for standard error
  std::vector<std::string> ignored;  ///< other kinds than headers: what was wrong in the headers as well, as `lines`
  bool others = false;  ///< headers: good recipients are left, who get the message; too_many: -t found them

  explicit operator bool() const { return kind != Kind::none; }
  /// The headers were looked at: a log line says so, and the copy has what they lacked.
  bool in_headers() const { return kind == Kind::nobody || kind == Kind::headers; }
};

/// For the log, and behind the program's name with -oep (`limit`: message_size_limit in octets, or recipients_max).
std::string fault_line(const SubmissionFault& fault);
std::string fault_complaint(const SubmissionFault& fault, std::int64_t limit);
/// Why a message without a sender was dropped, for the log.
std::string fault_reason(const SubmissionFault& fault, std::int64_t limit);
/// Subject: and text of the mail to the sender, up to the copy of the message.
std::string fault_subject(const SubmissionFault& fault);
std::string fault_text(const SubmissionFault& fault);

}  // namespace remex::daemon
