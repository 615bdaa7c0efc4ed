// dovecot: asks Dovecot's authentication service over its Unix socket (protocol version 1). The service knows the
// mechanisms and the users; server_condition, when set, decides afterwards with the user name in $auth1.
#include <fmt/core.h>
#include <unistd.h>

#include <atomic>

#include "authenticators/authenticator.h"
#include "authenticators/dovecot_protocol.h"
#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/io/stream.h"
#include "lang/diagnostics.h"

namespace remex::authenticators {
namespace {

using lang::OptionType;
using lang::ref;

constexpr Millis kLimit{30000};
constexpr int kMaxLines = 200;  ///< of the greeting, and answers to one request

struct DovecotOptions : lang::DriverOptions {
  std::string server_socket;
  bool server_tls = false;
};
using O = DovecotOptions;

constexpr OptionDef kOptions[] = {
    with_examples(
        {"server_socket", OptionType::string, ref<&O::server_socket>, "", "the service's Unix socket (auth-client)"},
        {"/run/dovecot/auth-client"}, {"run/dovecot/auth-client", "", "E0612"}),
    {"server_tls", OptionType::boolean, nullptr, "false", "TLS to the service", lang::State::later, "false", "", 4},
};

ServerResult later(std::string why) {
  ServerResult r;
  r.kind = ServerResult::Kind::deferred;
  r.message = "authentication socket protocol error: " + std::move(why);
  return r;
}

class Service {
 public:
  explicit Service(std::unique_ptr<io::Stream> s) : stream_(std::move(s)), reader_(*stream_) {}

  Result<DovecotLine> read() {
    REMEX_TRY(std::string line, reader_.read_line(8192));
    if (!line.ends_with('\n')) return fail(ErrorKind::closed, "the service closed the connection");
    line.pop_back();
    auto parsed = parse_dovecot_line(line);
    if (!parsed) return fail("malformed line");
    return *parsed;
  }
  Status write(const std::string& line) { return stream_->write_all(line + "\n"); }

  /// Reads the greeting up to DONE. Kind not_found: the mechanism is not among those offered.
  Status greet(const std::string& mechanism) {
    bool known = false;
    for (int i = 0; i < kMaxLines; ++i) {
      REMEX_TRY(const DovecotLine line, read());
      if (line.word == "VERSION" && line.first != "1") return fail("protocol version " + printable(line.first));
      if (line.word == "MECH" && iequals(line.first, mechanism)) known = true;
      if (line.word == "DONE") return known ? Status() : Status(fail(ErrorKind::not_found, "mechanism not offered"));
    }
    return fail("endless greeting");
  }

 private:
  std::unique_ptr<io::Stream> stream_;
  io::Reader reader_;
};

/// No tab or control character may get into a field.
std::string field(std::string_view s) {
  std::string out;
  for (const char c : s)
    if (static_cast<unsigned char>(c) > 32 && c != 127) out += c;
  return out;
}

std::string request(const lang::Scope& scope, const std::string& mechanism, unsigned id, const std::string* initial) {
  std::string line = fmt::format("AUTH\t{}\t{}\tservice=smtp", id, to_upper(mechanism));
  if (scope.from != nullptr) {
    if (!scope.from->tls_cipher.empty()) line += "\tsecured";
    if (scope.from->tls_certificate_verified) line += "\tvalid-client-cert";
    if (!scope.from->host_address.empty()) line += "\trip=" + field(scope.from->host_address);
    if (!scope.from->interface_address.empty()) line += "\tlip=" + field(scope.from->interface_address);
  }
  line += "\tnologin";
  if (initial != nullptr) line += "\tresp=" + (initial->empty() ? "=" : base64_encode(*initial));
  return line;
}

ServerResult server(lang::Scope& scope, const lang::DriverInstance& a, const std::string* initial,
                    const Challenge& challenge) {
  using Kind = ServerResult::Kind;
  const auto& o = static_cast<const DovecotOptions&>(*a.options);
  static std::atomic<unsigned> serial;
  const unsigned id = ++serial % 0x7fffffffU + 1;
  std::unique_ptr<Service> service;
  {
    const io::DeadlineScope deadline(kLimit);
    auto socket = io::connect_unix(o.server_socket);
    if (!socket) return later(fmt::format("{}: {}", o.server_socket, socket.error().text));
    service = std::make_unique<Service>(std::move(*socket));
    if (Status s = service->write(fmt::format("VERSION\t1\t1\nCPID\t{}", getpid())); !s) return later(s.error().text);
    if (Status s = service->greet(public_name(a)); !s) return later(s.error().text);
    if (Status s = service->write(request(scope, public_name(a), id, initial)); !s) return later(s.error().text);
  }
  for (int i = 0; i < kMaxLines; ++i) {
    Result<DovecotLine> line = fail("");
    {
      const io::DeadlineScope deadline(kLimit);
      line = service->read();
    }
    if (!line) return later(line.error().text);
    if (line->first != std::to_string(id)) continue;
    ServerResult r;
    if (line->word == "CONT") {
      const auto text = base64_decode(line->rest);
      if (!text) return later("bad challenge");
      auto answer = challenge(*text);
      if (!answer) {
        r.kind = answer.error().kind == ErrorKind::cancelled ? Kind::cancelled : Kind::bad_data;
        return r;
      }
      const io::DeadlineScope deadline(kLimit);
      if (Status s = service->write(fmt::format("CONT\t{}\t{}", id, base64_encode(*answer))); !s)
        return later(s.error().text);
      continue;
    }
    const auto user = line->values.find("user");
    if (user != line->values.end()) set_auth_variables(scope, {user->second});
    if (line->word == "OK") {
      if (user == line->values.end()) return later("OK without a user");
      return authorize(scope, a);
    }
    if (line->word != "FAIL") continue;
    if (line->values.contains("temp")) return later("temporary failure of the service");
    if (user != line->values.end() && generic(a).server_set_id.is_set())
      if (auto v = generic(a).server_set_id.eval(scope)) r.id = std::move(*v).str();
    return r;
  }
  return later("endless answer");
}

void check(lang::DriverInstance& a, const lang::Config&, lang::Diagnostics& diag) {
  const auto& o = static_cast<const DovecotOptions&>(*a.options);
  if (!o.server_socket.starts_with('/'))
    diag.error("bad-authenticator", a.pos, static_cast<std::uint32_t>(a.name.size()),
               "authenticator \"" + a.name + "\": server_socket must be set to an absolute path");
}

constexpr AuthenticatorDef defs[] = {{
    .driver = {.kind = lang::DriverKind::authenticator,
               .name = "dovecot",
               .summary = "asks Dovecot's authentication service",
               .doc = "public_name is the mechanism; the service must offer it.",
               .options = kOptions,
               .make_options = []() -> std::unique_ptr<lang::DriverOptions> {
                 return std::make_unique<DovecotOptions>();
               },
               .check = &check,
               .examples = {{R"(dovecot_plain:
  driver = dovecot
  public_name = PLAIN
  server_advertise_condition = ${if def:tls_in_cipher}
  server_socket = /run/dovecot/auth-client
  server_set_id = $auth1)"},
                            {R"(dovecot_plain:
  driver = dovecot
  public_name = PLAIN)",
                             "", "E0612"}}},
    .server = &server,
    .serves =
        [](const lang::DriverInstance& a) {
          return !static_cast<const DovecotOptions&>(*a.options).server_socket.empty();
        },
}};

}  // namespace
}  // namespace remex::authenticators

namespace remex::registry::authenticators {
extern const std::span<const AuthenticatorDef> dovecot;
constinit const std::span<const AuthenticatorDef> dovecot{remex::authenticators::defs};
}  // namespace remex::registry::authenticators
