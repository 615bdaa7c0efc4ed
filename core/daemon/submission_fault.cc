// See submission_fault.h.
#include "core/daemon/submission_fault.h"

#include <fmt/core.h>

#include "core/base/strings.h"

namespace remex::daemon {
namespace {

using Kind = SubmissionFault::Kind;

std::string first_line(const SubmissionFault& fault) {
  return fault.lines.empty() ? std::string() : fault.lines.front();
}

}  // namespace

std::string fault_line(const SubmissionFault& fault) {
  return fault.kind == Kind::headers ? "bad addresses found in headers" : "no recipients found in headers";
}

std::string fault_complaint(const SubmissionFault& fault, std::int64_t limit) {
  switch (fault.kind) {
    case Kind::none: break;
    case Kind::nobody: return "no recipients in message";
    case Kind::headers: {
      const bool one = fault.lines.size() == 1;
      std::string out = one ? "invalid address:" : "invalid addresses:";
      for (const auto& line : fault.lines) out += fmt::format("{}  {}", one ? "" : "\n", line);
      return out;
    }
    case Kind::argument: return "bad recipient address " + fault.complaint;
    case Kind::too_many: return fault.others ? "message rejected: too many recipients" : "too many recipients";
    case Kind::too_big: return fmt::format("message rejected: message too big (max={})", limit);
    case Kind::refused: return "message rejected by non-SMTP ACL: " + first_line(fault);
  }
  return {};
}

std::string fault_reason(const SubmissionFault& fault, std::int64_t limit) {
  switch (fault.kind) {
    case Kind::none: break;
    case Kind::nobody: return "no recipient addresses";
    case Kind::headers:
    case Kind::argument: return "at least one malformed recipient address: " + fault.reason;
    case Kind::too_many: return fmt::format("too many recipients (max set to {})", limit);
    case Kind::too_big: return fmt::format("message too big (limit set to {})", limit);
    case Kind::refused: return "rejected by non-SMTP ACL: " + first_line(fault);
  }
  return {};
}

std::string fault_subject(const SubmissionFault& fault) {
  switch (fault.kind) {
    case Kind::none: break;
    case Kind::nobody: return "Mail failure - no recipient addresses";
    case Kind::headers:
    case Kind::argument: return "Mail failure - malformed recipient address";
    case Kind::too_many: return "Mail failure - too many recipients";
    case Kind::too_big: return "Mail failure - message too big";
    case Kind::refused: return "Mail failure - rejected by local scanning code";
  }
  return {};
}

namespace {
std::string main_text(const SubmissionFault& fault) {
  switch (fault.kind) {
    case Kind::none: break;
    case Kind::nobody:
      return "A message that you sent contained no recipient addresses, and therefore no\n"
             "delivery could be attempted.\n";
    case Kind::headers: {
      std::string out =
          "A message that you sent contained one or more recipient addresses that were\nincorrectly constructed:\n\n";
      for (const auto& line : fault.lines) out += fmt::format("  {}\n", line);
      out += fault.lines.size() == 1 ? "\nThis address has been ignored." : "\nThese addresses have been ignored.";
      out += fault.others ? " The other addresses in the message were\n"
                            "syntactically valid and have been passed on for an attempt at delivery.\n"
                          : " There were no other addresses in your\n"
                            "message, and so no attempt at delivery was possible.\n";
      return out;
    }
    case Kind::argument:
      return fmt::format(
          "A message that you sent contained a recipient address that was incorrectly\nconstructed:\n\n  {}\n\n"
          "The message has not been delivered to any recipients.\n",
          first_line(fault));
    case Kind::too_many:
      return "A message that you sent contained more recipients than allowed on this\n"
             "system. It was not delivered to any recipients.\n";
    case Kind::too_big:
      return "A message that you sent was longer than the maximum size allowed on this\n"
             "system. It was not delivered to any recipients.\n";
    case Kind::refused:
      return fmt::format(
          "A message that you sent was rejected by the local scanning code that\n"
          "checks incoming messages on this system. The following error was given:\n\n  {}\n",
          first_line(fault));
  }
  return {};
}
}  // namespace

std::string fault_text(const SubmissionFault& fault) {
  std::string out = main_text(fault);
  if (fault.ignored.empty()) return out;
  out += "\nThe message also had recipient addresses that were incorrectly constructed:\n\n";
  for (const auto& line : fault.ignored) out += fmt::format("  {}\n", line);
  return out;
}

}  // namespace remex::daemon
