// ldap, ldapm, ldapdn and the ldapauth condition. libldap is opened on first use; its calls run on the thread pool with
// time limits. Connections are pooled by server (server_list.h) and bound again when the next query names another user.
//
// "No such object" and an empty search are not found. A server that cannot be reached, refuses the bind or is late
// makes the next one be tried; more than one entry for ldap and ldapdn, and a bad URL, are errors.
#include <sys/time.h>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/config.h"
#include "lang/lookup.h"
#include "lang/lookup_engine.h"
#include "lang/node.h"
#include "lang/scope.h"
#include "lookups/client_library.h"
#include "lookups/ldap_query.h"
#include "lookups/row_format.h"
#include "lookups/server_list.h"

#ifdef REMEX_LIB_LDAP
#include <ldap.h>
#endif

namespace remex::lookups {

namespace {

using namespace lang;

#ifdef REMEX_LIB_LDAP

/// What LDAP_OPT_ON is, without a symbol of the library: any pointer that is not LDAP_OPT_OFF, which is null.
const char kOn = 1;

enum class Want : std::uint8_t { one, many, dn };

struct Api {
  decltype(::ldap_initialize)* ldap_initialize = nullptr;
  decltype(::ldap_set_option)* ldap_set_option = nullptr;
  decltype(::ldap_get_option)* ldap_get_option = nullptr;
  decltype(::ldap_start_tls_s)* ldap_start_tls_s = nullptr;
  decltype(::ldap_sasl_bind)* ldap_sasl_bind = nullptr;
  decltype(::ldap_result)* ldap_result = nullptr;
  decltype(::ldap_parse_result)* ldap_parse_result = nullptr;
  decltype(::ldap_search_ext)* ldap_search_ext = nullptr;
  decltype(::ldap_msgtype)* ldap_msgtype = nullptr;
  decltype(::ldap_msgfree)* ldap_msgfree = nullptr;
  decltype(::ldap_get_dn)* ldap_get_dn = nullptr;
  decltype(::ldap_first_attribute)* ldap_first_attribute = nullptr;
  decltype(::ldap_next_attribute)* ldap_next_attribute = nullptr;
  decltype(::ldap_get_values_len)* ldap_get_values_len = nullptr;
  decltype(::ldap_value_free_len)* ldap_value_free_len = nullptr;
  decltype(::ldap_memfree)* ldap_memfree = nullptr;
  decltype(::ber_free)* ber_free = nullptr;
  decltype(::ldap_url_parse)* ldap_url_parse = nullptr;
  decltype(::ldap_free_urldesc)* ldap_free_urldesc = nullptr;
  decltype(::ldap_err2string)* ldap_err2string = nullptr;
  decltype(::ldap_unbind_ext_s)* ldap_unbind_ext_s = nullptr;
};

Result<const Api*> api() {
  static Api loaded;
  if (loaded.ldap_unbind_ext_s != nullptr) return &loaded;
  REMEX_TRY(ClientLibrary lib, ClientLibrary::open(REMEX_LIB_LDAP, "ldap"));
  Api a;
  REMEX_BIND(lib, a, ldap_initialize);
  REMEX_BIND(lib, a, ldap_set_option);
  REMEX_BIND(lib, a, ldap_get_option);
  REMEX_BIND(lib, a, ldap_start_tls_s);
  REMEX_BIND(lib, a, ldap_sasl_bind);
  REMEX_BIND(lib, a, ldap_result);
  REMEX_BIND(lib, a, ldap_parse_result);
  REMEX_BIND(lib, a, ldap_search_ext);
  REMEX_BIND(lib, a, ldap_msgtype);
  REMEX_BIND(lib, a, ldap_msgfree);
  REMEX_BIND(lib, a, ldap_get_dn);
  REMEX_BIND(lib, a, ldap_first_attribute);
  REMEX_BIND(lib, a, ldap_next_attribute);
  REMEX_BIND(lib, a, ldap_get_values_len);
  REMEX_BIND(lib, a, ldap_value_free_len);
  REMEX_BIND(lib, a, ldap_memfree);
  REMEX_BIND(lib, a, ber_free);
  REMEX_BIND(lib, a, ldap_url_parse);
  REMEX_BIND(lib, a, ldap_free_urldesc);
  REMEX_BIND(lib, a, ldap_err2string);
  REMEX_BIND(lib, a, ldap_unbind_ext_s);
  REMEX_CHECK(lib.check());
  loaded = a;
  return &loaded;
}

struct LdapConnection : Connection {
  const Api* api;
  LDAP* ld = nullptr;
  bool bound = false;
  std::string user, password;  ///< of the bind
  explicit LdapConnection(const Api* a) : api(a) {}
  ~LdapConnection() override {
    if (ld != nullptr) api->ldap_unbind_ext_s(ld, nullptr, nullptr);
  }
  int fd() const override {
    int fd = -1;
    return api->ldap_get_option(ld, LDAP_OPT_DESC, &fd) == LDAP_OPT_SUCCESS ? fd : -1;
  }
};

/// What one server is asked; plain data for the thread pool.
struct Job {
  const Api* api = nullptr;
  LdapQuery query;
  Want want = Want::one;
  std::string uri, dn, filter;
  std::vector<std::string> attributes;
  int scope = LDAP_SCOPE_BASE;
  bool start_tls = false, tls_optional = false;
  int version = LDAP_VERSION3, require_cert = -1;
  std::string ca_dir, ca_file, cert, key, ciphers;
  Instant deadline;
};

struct Outcome {
  LookupResult result;
  bool keep_connection = false, try_next = false;
  bool refused = false;  ///< the password was wrong
};

Outcome trouble(std::string text, bool try_next) {
  Outcome out;
  out.result = defer(std::move(text));
  out.try_next = try_next;
  return out;
}

timeval time_left(const Job& job) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(job.deadline - monotonic_now()).count();
  const auto left = std::max<std::int64_t>(us, 1000);
  return {left / 1000000, left % 1000000};
}

std::string why(const Job& job, LDAP* ld, int code) {
  char* text = nullptr;
  std::string out = job.api->ldap_err2string(code);
  if (ld != nullptr) job.api->ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &text);
  if (text != nullptr && *text != '\0') out += fmt::format(" ({})", printable(text));
  job.api->ldap_memfree(text);
  return out;
}

void set_tls(const Job& job, LDAP* ld) {
  const auto text = [&](int option, const std::string& value) {
    if (!value.empty()) job.api->ldap_set_option(ld, option, value.c_str());
  };
  text(LDAP_OPT_X_TLS_CACERTDIR, job.ca_dir);
  text(LDAP_OPT_X_TLS_CACERTFILE, job.ca_file);
  text(LDAP_OPT_X_TLS_CERTFILE, job.cert);
  text(LDAP_OPT_X_TLS_KEYFILE, job.key);
  text(LDAP_OPT_X_TLS_CIPHER_SUITE, job.ciphers);
  if (job.require_cert >= 0) job.api->ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &job.require_cert);
  int client = 0;
  job.api->ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client);
}

Result<std::unique_ptr<LdapConnection>> connect(const Job& job) {
  auto c = std::make_unique<LdapConnection>(job.api);
  if (const int rc = job.api->ldap_initialize(&c->ld, job.uri.c_str()); rc != LDAP_SUCCESS) {
    c->ld = nullptr;
    return defer(fmt::format("failed to initialize for LDAP server {}: {}", job.uri, job.api->ldap_err2string(rc)));
  }
  const timeval limit = time_left(job);
  job.api->ldap_set_option(c->ld, LDAP_OPT_PROTOCOL_VERSION, &job.version);
  job.api->ldap_set_option(c->ld, LDAP_OPT_NETWORK_TIMEOUT, &limit);
  job.api->ldap_set_option(c->ld, LDAP_OPT_TIMEOUT, &limit);
  job.api->ldap_set_option(c->ld, LDAP_OPT_RESTART, &kOn);
  if (!job.uri.starts_with("ldapi:")) set_tls(job, c->ld);
  if (job.start_tls) {
    const int rc = job.api->ldap_start_tls_s(c->ld, nullptr, nullptr);
    if (rc != LDAP_SUCCESS && !job.tls_optional)
      return defer(fmt::format("failed to initiate TLS on LDAP server {}: {}", job.uri, why(job, c->ld, rc)));
  }
  return c;
}

/// The result of operation `id`; negative: the client's own codes, LDAP_TIMEOUT when it did not come.
int wait_result(const Job& job, LDAP* ld, int id, int all, LDAPMessage*& message) {
  timeval left = time_left(job);
  message = nullptr;
  const int rc = job.api->ldap_result(ld, id, all, &left, &message);
  if (rc == 0) return LDAP_TIMEOUT;
  if (rc > 0) return LDAP_SUCCESS;
  int code = LDAP_SERVER_DOWN;
  job.api->ldap_get_option(ld, LDAP_OPT_RESULT_CODE, &code);
  return code == LDAP_SUCCESS ? LDAP_SERVER_DOWN : code;
}

int bind(const Job& job, LdapConnection& c) {
  c.bound = false;
  berval password{static_cast<ber_len_t>(job.query.password.size()), const_cast<char*>(job.query.password.c_str())};
  int id = 0;
  int rc = job.api->ldap_sasl_bind(c.ld, job.query.user.c_str(), LDAP_SASL_SIMPLE, &password, nullptr, nullptr, &id);
  if (rc != LDAP_SUCCESS) return rc;
  LDAPMessage* message = nullptr;
  rc = wait_result(job, c.ld, id, LDAP_MSG_ALL, message);
  if (rc != LDAP_SUCCESS) return rc;
  int code = LDAP_OTHER;
  rc = job.api->ldap_parse_result(c.ld, message, &code, nullptr, nullptr, nullptr, nullptr, 1);
  if (rc != LDAP_SUCCESS) return rc;
  if (code == LDAP_SUCCESS) {
    c.bound = true;
    c.user = job.query.user;
    c.password = job.query.password;
  }
  return code;
}

struct Entries {
  std::string text;
  std::size_t count = 0;
  bool any_attribute = false;
};

void add_entry(const Job& job, LDAP* ld, LDAPMessage* entry, Entries& out) {
  if (out.count++ > 0) out.text += '\n';
  if (job.want == Want::dn) {
    char* dn = job.api->ldap_get_dn(ld, entry);
    if (dn != nullptr) out.text += dn;
    job.api->ldap_memfree(dn);
    out.any_attribute = true;
    return;
  }
  const bool single = job.attributes.size() == 1;
  bool first = true;
  BerElement* ber = nullptr;
  for (char* name = job.api->ldap_first_attribute(ld, entry, &ber); name != nullptr;
       name = job.api->ldap_next_attribute(ld, entry, ber)) {
    if (berval** raw = job.api->ldap_get_values_len(ld, entry, name)) {
      std::vector<std::string> values;
      for (berval** v = raw; *v != nullptr; ++v) values.emplace_back((*v)->bv_val, (*v)->bv_len);
      job.api->ldap_value_free_len(raw);
      if (!first) out.text += single ? "," : " ";
      if (single)
        out.text += ldap_values(values, false);
      else
        out.text += fmt::format("{}=\"{}\"", name, ldap_values(values, true));
      first = false;
      out.any_attribute = true;
    }
    job.api->ldap_memfree(name);
  }
  if (ber != nullptr) job.api->ber_free(ber, 0);
}

int start_search(const Job& job, LDAP* ld, int& id) {
  std::vector<char*> names;
  for (const std::string& a : job.attributes) names.push_back(const_cast<char*>(a.c_str()));
  names.push_back(nullptr);
  const int deref = job.query.dereference.value_or(LDAP_DEREF_NEVER);
  job.api->ldap_set_option(ld, LDAP_OPT_DEREF, &deref);
  job.api->ldap_set_option(ld, LDAP_OPT_TIMELIMIT, &job.query.time_limit);
  job.api->ldap_set_option(ld, LDAP_OPT_REFERRALS, job.query.follow_referrals ? &kOn : nullptr);
  return job.api->ldap_search_ext(ld, job.dn.c_str(), job.scope, job.filter.empty() ? nullptr : job.filter.c_str(),
                                  job.attributes.empty() ? nullptr : names.data(), 0, nullptr, nullptr, nullptr,
                                  job.query.size_limit, &id);
}

bool server_is_to_blame(int code) {
  return code < 0 || code == LDAP_UNAVAILABLE || code == LDAP_BUSY || code == LDAP_TIMELIMIT_EXCEEDED;
}

Outcome finish(const Job& job, LDAP* ld, int code, Entries& found) {
  const bool cut_short = code == LDAP_SIZELIMIT_EXCEEDED && job.query.size_limit > 0;
  if (code != LDAP_SUCCESS && code != LDAP_NO_SUCH_OBJECT && !cut_short)
    return trouble(fmt::format("LDAP search failed - error {}: {}", code, why(job, ld, code)),
                   server_is_to_blame(code));
  if (found.count > 1 && job.want != Want::many)
    return trouble(
        fmt::format("LDAP search: more than one entry ({}) was returned (filter not specific enough?)", found.count),
        false);
  Outcome out;
  out.keep_connection = true;
  out.result = std::optional<Text>();
  if (found.count > 0 && found.any_attribute) out.result = std::optional<Text>(Text(std::move(found.text)));
  return out;
}

Outcome search(const Job& job, LdapConnection& c) {
  int id = 0;
  if (const int rc = start_search(job, c.ld, id); rc != LDAP_SUCCESS)
    return trouble(fmt::format("LDAP search failed: {}", why(job, c.ld, rc)), server_is_to_blame(rc));
  Entries found;
  for (;;) {
    LDAPMessage* message = nullptr;
    if (const int rc = wait_result(job, c.ld, id, LDAP_MSG_ONE, message); rc != LDAP_SUCCESS)
      return trouble(fmt::format("LDAP search: {}", rc == LDAP_TIMEOUT ? "timeout" : why(job, c.ld, rc)), true);
    const auto type = static_cast<ber_tag_t>(job.api->ldap_msgtype(message));
    if (type == LDAP_RES_SEARCH_ENTRY) add_entry(job, c.ld, message, found);
    if (type == LDAP_RES_SEARCH_RESULT) {
      int code = LDAP_OTHER;
      const int rc = job.api->ldap_parse_result(c.ld, message, &code, nullptr, nullptr, nullptr, nullptr, 1);
      return finish(job, c.ld, rc == LDAP_SUCCESS ? code : rc, found);
    }
    job.api->ldap_msgfree(message);
    if (found.text.size() > kMaxResult) return trouble("the result of an LDAP lookup is longer than 16 MiB", false);
  }
}

/// On the thread pool: connects if need be, binds if need be, searches.
Outcome work(const Job& job, std::unique_ptr<Connection>& connection, bool only_bind) {
  if (!connection) {
    auto fresh = connect(job);
    if (!fresh) return trouble(fresh.error().text, true);
    connection = std::move(*fresh);
  }
  auto& c = static_cast<LdapConnection&>(*connection);
  if (only_bind || !c.bound || c.user != job.query.user || c.password != job.query.password) {
    const int rc = bind(job, c);
    if (rc != LDAP_SUCCESS) {
      Outcome out = trouble(fmt::format("failed to bind the LDAP connection to server {} - {}", job.uri,
                                        rc == LDAP_TIMEOUT ? "timeout" : why(job, c.ld, rc)),
                            true);
      out.refused = rc == LDAP_INVALID_CREDENTIALS;
      return out;
    }
  }
  if (!only_bind) return search(job, c);
  Outcome out;
  out.result = std::optional<Text>();
  out.keep_connection = true;
  return out;
}

/// Takes the URL apart; the servers to try are left in `hosts` ("" = the library's default).
Status read_url(const Api* lib, Job& job, std::string& scheme, std::vector<std::string>& hosts) {
  LDAPURLDesc* url = nullptr;
  if (const int rc = lib->ldap_url_parse(job.query.url.c_str(), &url); rc != LDAP_URL_SUCCESS)
    return defer(fmt::format("ldap_url_parse: (error {}) parsing \"{}\"", rc, printable(job.query.url)));
  const std::unique_ptr<LDAPURLDesc, decltype(::ldap_free_urldesc)*> owner(url, lib->ldap_free_urldesc);
  const auto text = [](const char* s) { return s != nullptr ? std::string(s) : std::string(); };
  scheme = text(url->lud_scheme);
  job.dn = text(url->lud_dn);
  job.filter = text(url->lud_filter);
  job.scope = url->lud_scope == LDAP_SCOPE_DEFAULT ? LDAP_SCOPE_BASE : url->lud_scope;
  for (char** a = url->lud_attrs; a != nullptr && *a != nullptr; ++a) job.attributes.emplace_back(*a);
  std::string host = text(url->lud_host);
  if (host.empty()) return {};
  const int standard = scheme == "ldaps" ? LDAPS_PORT : LDAP_PORT;
  if (scheme != "ldapi" && host.find(':') != std::string::npos) host = "[" + host + "]";
  if (scheme != "ldapi") host += fmt::format(":{}", url->lud_port != 0 ? url->lud_port : standard);
  hosts = {std::move(host)};
  return {};
}

Result<std::string> make_uri(const std::string& scheme, const std::string& server) {
  if (server.empty()) return scheme + "://";
  if (server.starts_with('/')) return "ldapi://" + replace_all(server, "/", "%2F");
  if (scheme == "ldapi") return defer(fmt::format("ldapi requires an absolute path (\"{}\" given)", printable(server)));
  for (const char c : server)
    if (!is_printable(c) || c == ' ' || c == '/')
      return defer(fmt::format("bad LDAP server \"{}\"", printable(server)));
  return fmt::format("{}://{}", scheme, server);
}

int cert_policy(const std::string& word) {
  if (word.empty()) return -1;
  if (word == "hard") return LDAP_OPT_X_TLS_HARD;
  if (word == "demand") return LDAP_OPT_X_TLS_DEMAND;
  if (word == "allow") return LDAP_OPT_X_TLS_ALLOW;
  return word == "try" ? LDAP_OPT_X_TLS_TRY : LDAP_OPT_X_TLS_NEVER;
}

void take_options(const MainOptions& m, Job& job) {
  job.ca_dir = m.ldap_ca_cert_dir;
  job.ca_file = m.ldap_ca_cert_file;
  job.cert = m.ldap_cert_file;
  job.key = m.ldap_cert_key;
  job.ciphers = m.ldap_cipher_suite;
  job.require_cert = cert_policy(m.ldap_require_cert);
  job.tls_optional = job.require_cert == LDAP_OPT_X_TLS_NEVER || job.require_cert == LDAP_OPT_X_TLS_ALLOW ||
                     job.require_cert == LDAP_OPT_X_TLS_TRY;
  if (m.ldap_version > 0) job.version = static_cast<int>(m.ldap_version);
}

/// ${quote:...} may stand in the settings only: it leaves quotes and backslashes behind that the URL must not have.
Status check_quoting(const Text& query, const LdapQuery& parsed) {
  if (!query.is_tainted() || (query.quoter() & kQuotedPlainly) == 0) return {};
  if (parsed.url.find_first_of("\"\\") == std::string::npos) return {};
  return fail(ErrorKind::taint, "tainted text in an LDAP URL is not properly quoted: use ${quote_ldap:...}");
}

struct Answer {
  LookupResult result;
  bool refused = false;
};

Answer run(Scope& scope, LookupHandle* handle, const Text& query, Want want, bool only_bind) {
  const auto failed = [](Error e) { return Answer{std::unexpected(std::move(e)), false}; };
  auto lib = api();
  if (!lib) return failed(std::move(lib).error());
  auto parsed = parse_ldap_query(query.view());
  if (!parsed) return failed(std::move(parsed).error());
  if (auto fine = check_quoting(query, *parsed); !fine) return failed(std::move(fine).error());
  Job job;
  job.api = *lib;
  job.query = std::move(*parsed);
  job.want = want;
  if (scope.config != nullptr) take_options(scope.config->main, job);
  std::string scheme;
  std::vector<std::string> servers = job.query.servers;
  if (servers.empty() && scope.config != nullptr) servers = scope.config->main.ldap_default_servers;
  if (auto read = read_url(*lib, job, scheme, servers); !read) return failed(std::move(read).error());
  if (servers.empty()) servers.emplace_back();
  // A bind without a password succeeds as anonymous at most servers: it proves nothing.
  if (only_bind && (job.query.user.empty() || job.query.password.empty())) return {std::optional<Text>(), true};

  auto& pool = *static_cast<ServerPool*>(handle);
  const Millis patience =
      job.query.net_timeout > 0 ? std::chrono::seconds(job.query.net_timeout) : lookup_timeout(scope);
  bool refused = false;
  LookupResult result = ask_servers(scope, servers, [&](const std::string& server) -> ServerAnswer {
    auto uri = make_uri(scheme, server);
    if (!uri) return {std::unexpected(std::move(uri).error()), true};
    job.uri = *uri;
    job.deadline = monotonic_now() + patience;
    job.start_tls = scope.config != nullptr && scope.config->main.ldap_start_tls && job.uri.starts_with("ldap://");
    auto lease = pool.take(*uri);
    if (!lease) return {std::unexpected(std::move(lease).error()), true};
    Outcome outcome = io::offload([&] { return work(job, lease->connection, only_bind); });
    // The identity of a password check is not left on a connection for others.
    if (outcome.keep_connection && !only_bind) lease->keep();
    refused = outcome.refused;
    if (only_bind && refused) return {std::optional<Text>(), false};
    return {std::move(outcome.result), outcome.try_next};
  });
  return {std::move(result), refused};
}

LookupResult find_one(Scope& scope, LookupHandle* handle, const LookupRequest& request) {
  return run(scope, handle, request.key, Want::one, false).result;
}
LookupResult find_many(Scope& scope, LookupHandle* handle, const LookupRequest& request) {
  return run(scope, handle, request.key, Want::many, false).result;
}
LookupResult find_dn(Scope& scope, LookupHandle* handle, const LookupRequest& request) {
  return run(scope, handle, request.key, Want::dn, false).result;
}

Result<bool> authenticate(Scope& scope, LookupHandle* handle, const Text& query) {
  Answer answer = run(scope, handle, query, Want::one, true);
  if (!answer.result) return std::unexpected(std::move(answer.result).error());
  return !answer.refused;
}

constexpr State kState = State::works;

#else

constexpr State kState = State::later;
constexpr LookupResult (*find_one)(Scope&, LookupHandle*, const LookupRequest&) = nullptr;
constexpr LookupResult (*find_many)(Scope&, LookupHandle*, const LookupRequest&) = nullptr;
constexpr LookupResult (*find_dn)(Scope&, LookupHandle*, const LookupRequest&) = nullptr;
constexpr Result<bool> (*authenticate)(Scope&, LookupHandle*, const Text&) = nullptr;

#endif

std::string quote(std::string_view s, std::string_view option) {
  return option == "dn" ? quote_ldap_dn(s) : quote_ldap(s);
}

constexpr Example kLdapExamples[] = {{"${lookup ldap{ldap:///o=test?mail?sub?(uid=${quote_ldap:bob})}}", "bob@test"},
                                     {"${lookup ldap{ldap:///o=test?mail?sub?(uid=bob}}", "", "ilter"}};
constexpr Example kLdapdnExamples[] = {
    {"${lookup ldapdn{ldap:///o=test??sub?(mail=bob@test)}}", "uid=bob,o=test"},
    {"${lookup ldapdn{ldap:///o=nowhere??sub?(uid=bob)}{$value}fail}", "", "failed and \"fail\" requested"}};
constexpr Example kLdapmExamples[] = {
    {"${lookup ldapm{ldap:///o=test?sn?sub?(uid=*b)}}", "B"},
    {"${lookup ldapm{ldap:///o=test?mail?sub?(uid=nobody)}{$value}fail}", "", "failed and \"fail\" requested"}};

constexpr LookupDef defs[] = {
    {.name = "ldap",
     .style = LookupStyle::query,
     .summary = "LDAP, attributes of one entry",
     .doc =
         "The query is an LDAP URL, with settings in front: USER=, PASS=, SERVERS=, SIZE=, TIME=, NETTIME=, "
         "DEREFERENCE=, REFERRALS=. Tainted parts of filters go through ${quote_ldap:}, of names through "
         "${quote_ldap_dn:}, passwords through ${quote:}. One attribute gives its values with commas between them, "
         "several give name=\"values\". More than one entry is an error. Servers are those of the URL, of SERVERS= or "
         "of ldap_default_servers, tried in order; none within lookup_timeout (or NETTIME) defers.",
     .state = kState,
     .examples = kLdapExamples,
     .open = open_server_pool,
     .find = find_one,
     .quote = quote,
     .needs_quoting = true,
     .quote_options = "dn",
     .authenticate = authenticate},
    {.name = "ldapdn",
     .style = LookupStyle::query,
     .summary = "LDAP, distinguished name of one entry",
     .doc = "As ldap, but the name of the entry is returned.",
     .state = kState,
     .examples = kLdapdnExamples,
     .open = open_server_pool,
     .find = find_dn,
     .quote = quote,
     .needs_quoting = true,
     .quote_options = "dn"},
    {.name = "ldapm",
     .style = LookupStyle::query,
     .summary = "LDAP, attributes of several entries",
     .doc = "As ldap, with any number of entries: a line for each.",
     .state = kState,
     .examples = kLdapmExamples,
     .open = open_server_pool,
     .find = find_many,
     .quote = quote,
     .needs_quoting = true,
     .quote_options = "dn"},
};

}  // namespace

}  // namespace remex::lookups

namespace remex::registry::lookups {
extern const std::span<const LookupDef> ldap;
constinit const std::span<const LookupDef> ldap{remex::lookups::defs};
}  // namespace remex::registry::lookups
