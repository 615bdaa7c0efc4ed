// See trouble.h.
#include "transports/trouble.h"

#include <fmt/core.h>

#include "core/base/strings.h"

namespace remex::transports {
namespace {

using Kind = Trouble::Kind;

bool is_of_session(Kind k) {
  switch (k) {
    case Kind::closed:
    case Kind::timeout:
    case Kind::rcpt_timeout:
    case Kind::malformed_reply:
    case Kind::reply:
    case Kind::mail:
    case Kind::rcpt:
    case Kind::data:
    case Kind::tls_required:
    case Kind::tls_failed: return true;
    default: return false;
  }
}

}  // namespace

Trouble::Trouble(Kind k, int smtp_code) : kind(k), code(smtp_code), in_session(is_of_session(k)) {}

Trouble Trouble::of_mailbox(std::string_view word) {
  constexpr std::string_view kQuota = "quota";
  if (!word.starts_with(kQuota)) return Kind::other;
  Trouble t(Kind::quota);
  word.remove_prefix(kQuota.size());
  if (word.starts_with('_')) t.unread = parse_int(word.substr(1)).value_or(-1);
  return t;
}

std::string Trouble::retry_error() const {
  const auto of_host = [this](std::string_view word) {
    return fmt::format("{}{}", word, !mx ? "" : *mx ? "_MX" : "_A");
  };
  const auto of_reply = [this](std::string_view command) {
    return is_temporary_reply() ? fmt::format("{}_{}", command, code) : std::string();
  };
  switch (kind) {
    case Kind::refused: return of_host("refused");
    case Kind::connect_timeout: return of_host("timeout_connect");
    case Kind::timeout:
    case Kind::rcpt_timeout: return of_host("timeout");
    case Kind::connect: return "connect";
    case Kind::closed:
    case Kind::broken: return "lost_connection";
    case Kind::mail: return of_reply("mail");
    case Kind::rcpt: return of_reply("rcpt");
    case Kind::data: return of_reply("data");
    case Kind::tls_required: return "tls_required";
    case Kind::tls_failed: return "tls_failed";
    case Kind::login: return "auth_failed";
    case Kind::dns_timeout: return "timeout_DNS";
    case Kind::quota: return unread < 0 ? std::string("quota") : fmt::format("quota_{}", unread);
    default: return {};
  }
}

}  // namespace remex::transports
