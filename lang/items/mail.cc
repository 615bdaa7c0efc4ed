// authresults (RFC 8601) and imapfolder (RFC 3501 5.1.3, Maildir++ names).
#include <fmt/format.h>
#include <iconv.h>

#include <cerrno>
#include <cstring>

#include "core/base/strings.h"
#include "lang/config.h"
#include "lang/node.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

// A value of a property: as it is when it is a plain word, else a quoted string without control characters.
std::string property(std::string_view s) {
  bool plain = !s.empty();
  for (const char c : s)
    plain = plain && (is_alnum(c) || std::string_view(".-_@+/:").find(c) != std::string_view::npos);
  if (plain) return std::string(s);
  std::string out = "\"";
  for (const char c : s) {
    if (c == '"' || c == '\\') out += '\\';
    if (is_printable(c)) out += c;
  }
  return out + '"';
}

// Scope::extra of that name, or empty.
std::string_view noted(const Scope& scope, const char* name) {
  const auto it = scope.extra.find(name);
  return it == scope.extra.end() ? std::string_view{} : std::string_view(it->second);
}

Taint spf_part(const Scope& scope, std::string& out) {
  const std::string_view result = noted(scope, "spf_result");
  if (result.empty()) return Taint::clean;
  out += fmt::format(";\n\tspf={}{} smtp.{}={}", result,
                     noted(scope, "spf_result_guessed") == "yes" ? " (best guess record for domain)" : "",
                     noted(scope, "spf_identity"), property(noted(scope, "spf_domain")));
  return Taint::tainted;
}

// RFC 7489 11.2.
Taint dmarc_part(const Scope& scope, std::string& out) {
  const std::string_view status = noted(scope, "dmarc_status");
  if (status.empty() || status == "off") return Taint::clean;
  const std::string_view policy = noted(scope, "dmarc_domain_policy");
  const std::string_view word = status == "accept"      ? "pass"
                                : status == "norecord"  ? "none"
                                : status == "nofrom"    ? "permerror"
                                : status == "temperror" ? "temperror"
                                                        : "fail";
  out += fmt::format(";\n\tdmarc={}", word);
  if (!policy.empty()) out += fmt::format(" (p={})", policy);
  if (const auto from = noted(scope, "dmarc_from_domain"); !from.empty())
    out += fmt::format(" header.from={}", property(from));
  return Taint::tainted;
}

Status eval_authresults(const Node& node, Scope& scope, Text& out) {
  REMEX_TRY(const Text id, eval_arg(node, 0, scope));
  std::string results;
  Taint taint = id.taint();
  const mail::ReceivedFrom* from = scope.from != nullptr       ? scope.from
                                   : scope.envelope != nullptr ? &scope.envelope->from
                                                               : nullptr;
  if (from != nullptr && !from->host_address.empty()) {
    const SessionState* session = scope.session;
    const std::string_view word = !from->host_name.empty()                              ? "pass"
                                  : session != nullptr && session->host_lookup_deferred ? "temperror"
                                  : session != nullptr && session->host_lookup_failed   ? "fail"
                                                                                        : "";
    if (!word.empty()) {
      results += fmt::format(";\n\tiprev={}{} smtp.remote-ip={}", word,
                             from->host_name.empty() ? std::string{} : fmt::format(" ({})", from->host_name),
                             from->host_address);
      taint = Taint::tainted;
    }
  }
  if (from != nullptr && !from->authenticator.empty()) {
    results += fmt::format(";\n\tauth=pass ({}) smtp.auth={}", property(from->authenticator),
                           property(from->authenticated_id));
    taint = Taint::tainted;
  }
  taint = taint | spf_part(scope, results);
  if (scope.dkim != nullptr) {
    for (const auto& s : scope.dkim->results) {
      const std::string_view word = s.status == msgauth::DkimStatus::pass   ? "pass"
                                    : s.status == msgauth::DkimStatus::fail ? "fail"
                                    : s.temporary                           ? "temperror"
                                                                            : "permerror";
      results += fmt::format(";\n\tdkim={} header.d={} header.s={} header.a={}", word, property(s.domain),
                             property(s.selector), property(s.algo));
      if (!s.b_prefix.empty()) results += fmt::format(" header.b={}", property(s.b_prefix));
      taint = Taint::tainted;
    }
  }
  taint = taint | dmarc_part(scope, results);
  if (results.empty()) results = "; none";
  return append_limited(out, Text(fmt::format("Authentication-Results: {}{}", id.view(), results), taint));
}

Result<std::string> to_utf16(std::string_view s, const std::string& charset) {
  const auto trouble = [&](int err) {
    return fail(fmt::format("imapfolder: iconv() failed to convert from {}: {}", charset, std::strerror(err)));
  };
  const iconv_t converter = iconv_open("UTF-16BE", charset.c_str());
  if (converter == reinterpret_cast<iconv_t>(-1)) return trouble(errno);
  std::string in(s), out(s.size() * 4 + 4, '\0');
  char* from = in.data();
  char* to = out.data();
  std::size_t left = in.size(), room = out.size();
  const std::size_t rc = iconv(converter, &from, &left, &to, &room);
  const int err = errno;
  iconv_close(converter);
  if (rc == static_cast<std::size_t>(-1)) return trouble(err);
  out.resize(out.size() - room);
  return out;
}

// Modified base64: "," for "/", no padding.
std::string shifted(std::string_view utf16) {
  std::string out = "&";
  out += base64_encode(utf16);
  while (out.ends_with('=')) out.pop_back();
  for (char& c : out) c = c == '/' ? ',' : c;
  out += '-';
  return out;
}

Status eval_imapfolder(const Node& node, Scope& scope, Text& out) {
  REMEX_TRY(const Text folder, eval_arg(node, 0, scope));
  REMEX_TRY(const Text separator_text, eval_arg(node, 1, scope));
  REMEX_TRY(const Text special, eval_arg(node, 2, scope));
  const bool given = node.children.size() > 1;
  if (given && separator_text.size() != 1) {
    return fail(fmt::format("IMAP folder separator must be one character, found \"{}\"", separator_text.view()));
  }
  const char separator = given ? separator_text.view()[0] : '/';
  REMEX_TRY(const std::string utf16,
            to_utf16(folder.view(), scope.config == nullptr ? "UTF-8" : scope.config->main.headers_charset));
  std::string result, pending;
  for (std::size_t i = 0; i + 1 < utf16.size(); i += 2) {
    const char c = utf16[i] == 0 && is_printable(utf16[i + 1]) ? utf16[i + 1] : '\0';
    if (c != separator && (c == '\0' || special.view().find(c) != std::string_view::npos)) {
      pending.append(utf16, i, 2);
      continue;
    }
    if (!pending.empty()) result += shifted(pending);
    pending.clear();
    if (c == separator)
      result += '.';
    else if (c == '&')
      result += "&-";
    else if (c == '.' || c == '/')
      return fail(fmt::format("imapfolder: illegal character '{}'", c));
    else
      result += c;
  }
  if (!pending.empty()) result += shifted(pending);
  return append_limited(out, folder.with(std::move(result)));
}

constexpr Example kResults[] = {{"${authresults{mx.example}}", "Authentication-Results: mx.example; none"},
                                {"${authresults}", "", "Not enough arguments for 'authresults' (min is 1)"}};
constexpr Example kFolder[] = {{"${imapfolder{Foo/Bar}}", "Foo.Bar"},
                               {"${imapfolder{Foo/Bar}{.}{/}}", "Foo&AC8-Bar"},
                               {"${imapfolder{b\\xc3\\xbcch\\xe2\\x82\\xac&/x y~}}", "b&APw-ch&IKw-&-.x y~"},
                               {"${imapfolder{a.b}}", "", "illegal character '.'"}};

constexpr ItemDef defs[] = {
    {.name = "authresults",
     .arguments = "{authserv-id}",
     .summary = "Authentication-Results: header",
     .doc = "RFC 8601; iprev, auth, spf, dkim and dmarc results as far as they were looked at, or none.",
     .cost = Cost::reads,
     .examples = kResults,
     .tier = 2,
     .eval = eval_authresults,
     .min_args = 1,
     .max_args = 1},
    {.name = "imapfolder",
     .arguments = "{folder}{separator}{specials}",
     .summary = "IMAP folder name as Maildir directory name",
     .doc = "Modified UTF-7 of text in headers_charset; the separator becomes a dot.",
     .cost = Cost::reads,
     .examples = kFolder,
     .tier = 3,
     .eval = eval_imapfolder,
     .min_args = 1,
     .max_args = 3},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::items {
extern const std::span<const ItemDef> mail;
constinit const std::span<const ItemDef> mail{lang::defs};
}  // namespace remex::registry::items
