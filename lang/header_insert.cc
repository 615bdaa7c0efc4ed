// $h_name:, $rh_, $bh_, $lh_: header lines of the message as text.
//
// Same-named headers are joined by newline (address headers by comma and newline; $lh_ as a colon list), at most 64
// KiB. $rh_ is the raw text, $bh_ has encoded words decoded to bytes, $h_ also converted to headers_charset (UTF-8
// here). Always tainted. No message or no such header: empty.
#include "core/base/strings.h"
#include "core/mail/rfc2047.h"
#include "lang/config.h"
#include "lang/node.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

constexpr std::size_t kMaxHeaderInsert = 64 * 1024;

bool is_address_header(std::string_view name) {
  for (const std::string_view n : {"bcc", "cc", "from", "reply-to", "sender", "to", "resent-bcc", "resent-cc",
                                   "resent-from", "resent-reply-to", "resent-sender", "resent-to"}) {
    if (iequals(n, name)) return true;
  }
  return false;
}

}  // namespace

Result<Text> insert_header(Scope& scope, std::string_view name, HeaderForm form) {
  Text out;
  if (scope.headers == nullptr) return out;
  const bool addresses = is_address_header(name);
  std::string& s = out.mutable_str();
  for (const mail::Header* h : scope.headers->find_all(name)) {
    if (s.size() >= kMaxHeaderInsert) break;
    std::string_view value = h->value();
    if (form != HeaderForm::raw) value = trim(value);
    if (form == HeaderForm::list) {
      if (!s.empty()) s += ':';
      s += replace_all(value, ":", "::");
      continue;
    }
    if (form == HeaderForm::raw) {
      s += value;  // with its newline
      if (!value.ends_with('\n')) s += '\n';
      continue;
    }
    if (!s.empty()) s += addresses ? ",\n" : "\n";
    s += value;
  }
  if (s.size() > kMaxHeaderInsert) s.resize(kMaxHeaderInsert);
  if (form == HeaderForm::raw) {
    while (!s.empty() && s.back() == '\n') s.pop_back();
  } else if (form != HeaderForm::list && s.find("=?") != std::string::npos) {
    std::string charset = "UTF-8";
    if (form == HeaderForm::decoded) {
      const auto chosen = scope.extra.find("headers_charset");  // by a filter
      if (chosen != scope.extra.end() && !chosen->second.empty())
        charset = chosen->second;
      else if (scope.config != nullptr && !scope.config->main.headers_charset.empty())
        charset = scope.config->main.headers_charset;
    }
    // A charset nobody knows leaves the header as it came.
    if (auto decoded = mail::decode_rfc2047(s, charset)) s = std::move(*decoded);
  }
  if (!s.empty()) out.set_taint(Taint::tainted);
  return out;
}

}  // namespace remex::lang
