// pam, saslauthd, ldapauth: is this the password of that user? radius is known and refused.
//
// PAM is a library that blocks, so it is loaded when first asked and runs on the thread pool; saslauthd is a daemon
// behind a UNIX socket. A wrong password is "no"; a service that cannot be asked fails the expansion with its reason.
#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <cstring>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/io/stream.h"
#include "lang/compiler.h"
#include "lang/list.h"
#include "lang/lookup_engine.h"
#include "lang/node.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

constexpr Millis kAnswerTime{30'000};

// ---------------------------------------------------------------- PAM

// The ABI of libpam.so.0 as pam_start(3), pam_conv(3) and pam_authenticate(3) have it; the header is not needed to
// build.
struct PamMessage {
  int style;
  const char* text;
};
struct PamResponse {
  char* text;
  int unused;
};
struct PamConversation {
  int (*ask)(int count, const PamMessage** messages, PamResponse** answers, void* data);
  void* data;
};
enum PamCode : std::uint8_t {
  kPamSuccess = 0,
  kPamAuthErr = 7,
  kPamUserUnknown = 10,
  kPamAcctExpired = 13,
  kPamConvErr = 19
};
enum PamStyle : std::uint8_t { kPromptHidden = 1, kPromptShown = 2, kErrorText = 3, kInfoText = 4 };
constexpr int kPamSilent = 0x8000;

struct PamLibrary {
  int (*start)(const char* service, const char* user, const PamConversation*, void** handle) = nullptr;
  int (*authenticate)(void* handle, int flags) = nullptr;
  int (*account)(void* handle, int flags) = nullptr;
  int (*end)(void* handle, int status) = nullptr;
  const char* (*error_text)(void* handle, int code) = nullptr;
  std::string problem;
};

const PamLibrary& pam_library() {
  static const PamLibrary library = [] {
    PamLibrary l;
    void* so = dlopen("libpam.so.0", RTLD_NOW | RTLD_LOCAL);
    if (so == nullptr) {
      l.problem = fmt::format("PAM is not on this system: {}", dlerror());
      return l;
    }
    const auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(so, name));
      if (function == nullptr) l.problem = fmt::format("libpam.so.0 has no {}", name);
    };
    find(l.start, "pam_start");
    find(l.authenticate, "pam_authenticate");
    find(l.account, "pam_acct_mgmt");
    find(l.end, "pam_end");
    find(l.error_text, "pam_strerror");
    return l;
  }();
  return library;
}

/// Answers to prompts, in order; running out of them ends the conversation.
struct PamAnswers {
  std::vector<std::string> list;
  std::size_t next = 0;
};

int pam_ask(int count, const PamMessage** messages, PamResponse** answers, void* data) {
  auto& given = *static_cast<PamAnswers*>(data);
  auto* made = static_cast<PamResponse*>(std::calloc(static_cast<std::size_t>(count), sizeof(PamResponse)));
  if (made == nullptr) return kPamConvErr;
  for (int i = 0; i < count; ++i) {
    if (messages[i]->style == kErrorText || messages[i]->style == kInfoText) continue;
    const bool have = given.next < given.list.size();
    if (have) made[i].text = strdup(given.list[given.next++].c_str());
    if (!have || made[i].text == nullptr) {
      for (int k = 0; k < i; ++k) std::free(made[k].text);
      std::free(made);
      return kPamConvErr;
    }
  }
  *answers = made;
  return kPamSuccess;
}

Result<bool> ask_pam(const std::string& user, PamAnswers answers) {
  const PamLibrary& pam = pam_library();
  if (!pam.problem.empty()) return fail(pam.problem);
  const PamConversation conversation{pam_ask, &answers};
  void* handle = nullptr;
  int code = pam.start("exim", user.c_str(), &conversation, &handle);
  if (code == kPamSuccess) code = pam.authenticate(handle, kPamSilent);
  if (code == kPamSuccess) code = pam.account(handle, kPamSilent);
  std::string text = handle != nullptr ? pam.error_text(handle, code) : "pam_start failed";
  if (handle != nullptr) pam.end(handle, code);
  if (code == kPamSuccess) return true;
  if (code == kPamAuthErr || code == kPamUserUnknown || code == kPamAcctExpired || code == kPamConvErr) return false;
  return fail(fmt::format("PAM error: {}", text));
}

Result<bool> test_pam(const Node& node, Scope& scope) {
  REMEX_TRY(const Text text, eval_arg(node, 0, scope));
  auto words = split_list(text.view());
  if (words.empty() || words[0].empty()) return false;
  const std::string user = words[0];
  words.erase(words.begin());
  return io::offload([&] { return ask_pam(user, PamAnswers{std::move(words)}); });
}

// ---------------------------------------------------------------- saslauthd

constexpr const char* kSaslSocket = "/var/run/saslauthd/mux";

Status parse_sasl(Parser& p, Node& node) {
  if (!p.take('{')) return p.fail("missing-brace", "missing { after \"saslauthd\"", p.position());
  for (int i = 0; i < 4; ++i) {
    p.skip_blanks();
    if (p.peek() != '{') break;
    REMEX_CHECK(p.group(node));
  }
  if (node.children.size() < 2)
    return p.fail("too-few-arguments", "too few arguments or bracketing error for saslauthd", p.position());
  if (!p.take('}')) return p.fail("missing-brace", "missing } at end of \"saslauthd\"", p.position());
  return {};
}

std::string counted(std::string_view s) {
  std::string out{static_cast<char>(s.size() >> 8U), static_cast<char>(s.size() & 0xFFU)};
  return out.append(s);
}

Result<bool> ask_sasl(const std::string& request) {
  const io::DeadlineScope deadline(kAnswerTime);
  auto socket = io::connect_unix(kSaslSocket);
  if (!socket) {
    const Error& e = socket.error();
    return fail(fmt::format("cannot connect to saslauthd daemon at {}: {}", kSaslSocket,
                            e.sys_errno != 0 ? std::strerror(e.sys_errno) : e.text));
  }
  REMEX_CHECK((*socket)->write_all(request));
  std::string answer, piece(1024, '\0');
  while (answer.size() < 4) {
    REMEX_TRY(const std::size_t n, (*socket)->read_some(piece));
    if (n == 0) return fail("saslauthd ended the connection without an answer");
    answer.append(piece, 0, n);
  }
  return answer.compare(2, 2, "OK") == 0;
}

Result<bool> test_sasl(const Node& node, Scope& scope) {
  std::string request;
  for (std::size_t i = 0; i < 4; ++i) {  // user, password, service, realm
    REMEX_TRY(const Text t, eval_arg(node, i, scope));
    if (t.size() > 1024) return false;
    if (i < 2 && t.empty()) return false;
    request += counted(t.view());
  }
  return ask_sasl(request);
}

Result<bool> test_ldapauth(const Node& node, Scope& scope) {
  REMEX_TRY(const Text query, eval_arg(node, 0, scope));
  const Registries& registries = registries_of(scope);
  const LookupDef* ldap = registries.find_lookup("ldap");
  if (ldap == nullptr || ldap->authenticate == nullptr) return fail("ldapauth is not in this program");
  if (scope.services == nullptr) return defer("ldapauth cannot run here");
  if (query.is_tainted() && !quoted_for(registries, *ldap, query))
    return fail(ErrorKind::taint, "tainted text in ldapauth is not quoted: use ${quote_ldap_dn:...} and ${quote:...}");
  REMEX_TRY(const auto handle, scope.services->lookup_cache().handle(scope, *ldap, {}));
  return ldap->authenticate(scope, handle.get(), query);
}

constexpr Example kPam[] = {{"${if pam{}{y}{n}}", "n"},
                            {"${if pam {nobody-of-that-name:x}{y}{n}}", "n"},
                            {"${if pam}", "", "missing { after \"pam\""}};
constexpr Example kSasl[] = {
    {"${if saslauthd{{}{}}{y}{n}}", "n"},
    {"${if saslauthd{{user}}{y}{n}}", "", "too few arguments or bracketing error for saslauthd"}};
constexpr Example kRadius[] = {{"${if radius{u:p}{y}{n}}", "", "condition \"radius\" is not supported"},
                               {"${if !radius{u:p}{y}{n}}", "", "condition \"radius\" is not supported"}};
constexpr Example kLdap[] = {{"${if ldapauth x{y}{n}}", "", "after \"ldapauth\""},
                             {"${if ldapauth{$nosuch}{y}{n}}", "", "unknown variable"}};

constexpr ConditionDef defs[] = {
    {.name = "pam",
     .arguments = "{user:password:...}",
     .summary = "PAM says the password is right",
     .doc = "A list: the user, then an answer to each prompt. The service is exim (/etc/pam.d/exim).",
     .cost = Cost::waits,
     .examples = kPam,
     .tier = 2,
     .test = test_pam,
     .args = 1},
    {.name = "saslauthd",
     .arguments = "{{user}{password}{service}{realm}}",
     .summary = "saslauthd says the password is right",
     .doc = "Asks the daemon at /var/run/saslauthd/mux; service and realm may be left out.",
     .cost = Cost::waits,
     .examples = kSasl,
     .tier = 2,
     .test = test_sasl,
     .parse = parse_sasl},
    {.name = "radius",
     .arguments = "{user:password}",
     .summary = "RADIUS authentication",
     .doc = "Refused: ask RADIUS through PAM (libpam-radius-auth) and the condition pam. Debian's Exim has no RADIUS "
            "either.",
     .examples = kRadius,
     .state = State::later,
     .tier = 4},
    {.name = "ldapauth",
     .arguments = "{query}",
     .summary = "An LDAP server takes the login",
     .doc =
         "USER= and PASS= in front of an LDAP URL; true when the server takes them. An empty password is false. When "
         "nobody can be asked the expansion defers.",
     .cost = Cost::waits,
     .examples = kLdap,
     .tier = 2,
     .test = test_ldapauth,
     .args = 1},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::conditions {
extern const std::span<const ConditionDef> logins;
constinit const std::span<const ConditionDef> logins{lang::defs};
}  // namespace remex::registry::conditions
