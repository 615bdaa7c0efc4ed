// AUTH as a client (RFC 4954): which authenticator, the dialogue, what a refusal means.
#include <fmt/core.h>

#include <algorithm>

#include "authenticators/authenticator.h"
#include "core/base/strings.h"
#include "transports/smtp_options_util.h"

namespace remex::transports {
namespace {

using authenticators::ClientReply;
using authenticators::ClientResult;

/// Sends the lines of one mechanism. A broken connection is remembered for the caller.
class Talk {
 public:
  Talk(SmtpConnection& c, std::string mechanism, Seconds timeout)
      : c_(c), mechanism_(std::move(mechanism)), timeout_(timeout) {}

  authenticators::ClientDialogue dialogue() {
    return {[this](const std::optional<std::string>& initial) {
              std::string line = "AUTH " + mechanism_;
              if (initial) line += " " + (initial->empty() ? "=" : base64_encode(*initial));
              return say(line);
            },
            [this](const std::string& raw) { return say(base64_encode(raw)); }, [this] { return say("*"); }};
  }
  const std::optional<HostTrouble>& lost() const { return lost_; }
  /// The last answer, as a trouble of the host when it was 4xx.
  std::optional<HostTrouble> refused_for_now() const {
    if (last_.first / 100 != 4) return {};
    HostTrouble t;
    t.trouble = Trouble(Trouble::Kind::reply, last_.first);
    t.message = last_.second;
    t.code = last_.first;
    return t;
  }

 private:
  /// What the log may show of a line: nothing behind the mechanism.
  static std::string shown(const std::string& line) {
    const auto data = line.starts_with("AUTH ") ? line.find(' ', 5) : 0;
    if (data == std::string::npos) return line;
    const std::size_t from = data == 0 ? 0 : data + 1;
    return line.substr(0, from) + std::string(line.size() - from, '*');
  }

  Result<ClientReply> say(const std::string& line) {
    const std::string what = shown(line);
    auto reply = c_.exchange(line, timeout_, what);
    if (!reply) {
      lost_ = reply.error();
      return fail(reply.error().message);
    }
    ClientReply r;
    last_ = {reply->code, fmt::format("SMTP error from remote mail server after {}: {}", what, reply->text())};
    r.code = reply->code;
    r.text = reply->text();
    if (r.code == 334 && reply->lines.size() == 1) r.challenge = base64_decode(trim(reply->lines[0]));
    return r;
  }

  SmtpConnection& c_;
  std::string mechanism_;
  Seconds timeout_;
  std::pair<int, std::string> last_;
  std::optional<HostTrouble> lost_;
};

HostTrouble trouble(std::string message) {
  HostTrouble t;
  t.trouble = Trouble::Kind::login;
  t.message = std::move(message);
  return t;
}

bool offers(const std::string& mechanisms, std::string_view name) {
  const auto all = split(mechanisms, ' ');
  return std::any_of(all.begin(), all.end(), [&](std::string_view m) { return iequals(m, name); });
}

Result<bool> condition_holds(lang::Scope& scope, const lang::DriverInstance& a) {
  const auto& condition = authenticators::generic(a).client_condition;
  if (!condition.is_set()) return true;
  auto v = condition.eval(scope);
  if (!v) {
    if (v.error().kind == ErrorKind::forced_fail) return false;
    return std::unexpected(v.error());
  }
  return lang::is_loosely_true(v->view());
}

}  // namespace

HostResultOf<void> authenticate(DeliverContext& ctx, const routers::HostItem& h, SmtpConnection& c, bool required,
                                Seconds timeout) {
  if (c.authenticated) return {};
  const auto log = [&](const std::string& line) {
    if (ctx.scope.services != nullptr)
      ctx.scope.services->log(static_cast<int>(lang::LogTarget::main_log),
                              fmt::format("{} {}", ctx.job.envelope.id, line));
  };
  const std::string mechanisms = c.keyword_values("AUTH");
  if (mechanisms.empty()) {
    if (!required) return {};
    return std::unexpected(trouble("authentication required but server did not advertise AUTH support"));
  }
  const lang::SavedCaptures captures(ctx.scope);
  bool tried = false;
  for (const lang::DriverInstance& a : ctx.config.authenticators) {
    const std::string mechanism = authenticators::public_name(a);
    if (!authenticators::is_client(a) || !offers(mechanisms, mechanism)) continue;
    auto holds = condition_holds(ctx.scope, a);
    if (!holds) return std::unexpected(trouble(fmt::format("client_condition of {}: {}", a.name, holds.error().text)));
    if (!*holds) continue;
    Talk talk(c, to_upper(mechanism), timeout);
    const ClientResult r = authenticators::find_authenticator_def(a.def)->client(ctx.scope, a, talk.dialogue());
    if (talk.lost()) return std::unexpected(*talk.lost());
    using Kind = ClientResult::Kind;
    if (r.kind == Kind::skipped) continue;
    tried = true;
    if (r.kind == Kind::ok) {
      c.authenticated = true;
      c.authenticator = a.name;
      if (const auto& id = authenticators::generic(a).client_set_id; id.is_set())
        if (auto v = id.eval(ctx.scope); v && !v->empty()) c.authenticator += ":" + printable(v->view());
      return {};
    }
    if (r.kind == Kind::deferred)
      if (auto now = talk.refused_for_now()) return std::unexpected(std::move(*now));
    if (r.kind == Kind::deferred)
      return std::unexpected(trouble(fmt::format("{} authenticator: {}", a.name, r.message)));
    log(fmt::format("{} authenticator failed H={} [{}] {}", a.name, h.name, h.ip, r.message));
  }
  if (!required) return {};
  return std::unexpected(trouble(tried ? "authentication required but authentication attempt(s) failed"
                                       : "authentication required but no common mechanisms were found"));
}

}  // namespace remex::transports
