// spam = USER [/defer_ok]: asks SpamAssassin's spamd or Rspamd (option spamd_address) about the message, once per user
// name, and sets $spam_score, $spam_score_int, $spam_bar, $spam_action and $spam_report. "USER:true" is true whatever
// the verdict. No server, a time-out or nonsense: the condition defers, or is false with defer_ok.

#include <fmt/core.h>
#include <sys/socket.h>

#include "acl/scan.h"
#include "acl/scan_protocol.h"
#include "core/base/strings.h"
#include "core/io/fiber.h"

namespace remex::acl {
namespace {

constexpr std::size_t kMaxReply = 1024 * 1024;

/// No header of the dialogue may be split by what a stranger chose.
std::string one_line(std::string_view s) { return printable(s.substr(0, 1000)); }

std::string spamd_request(const std::string& user, std::uint64_t size) {
  return fmt::format("REPORT SPAMC/1.2\r\nUser: {}\r\nContent-length: {}\r\n\r\n", one_line(user), size);
}

std::string rspamd_request(const lang::Scope& scope, std::uint64_t size) {
  const mail::Envelope& e = *scope.envelope;
  std::string r =
      fmt::format("CHECK RSPAMC/1.3\r\nContent-length: {}\r\nQueue-Id: {}\r\nFrom: <{}>\r\nRecipient-Number: {}\r\n",
                  size, e.id, one_line(e.sender), e.recipients.size());
  for (const auto& to : e.recipients) r += fmt::format("Rcpt: <{}>\r\n", one_line(to.address));
  const mail::ReceivedFrom& f = *scope.from;
  if (!f.helo_name.empty()) r += fmt::format("Helo: {}\r\n", one_line(f.helo_name));
  if (!f.host_name.empty()) r += fmt::format("Hostname: {}\r\n", one_line(f.host_name));
  if (!f.host_address.empty()) r += fmt::format("IP: {}\r\n", f.host_address);
  if (!f.authenticated_id.empty()) r += fmt::format("User: {}\r\n", one_line(f.authenticated_id));
  return r + "\r\n";
}

/// The whole dialogue with one server.
Result<SpamVerdict> ask(lang::Scope& scope, io::Stream& stream, const ScanServer& server, const std::string& user,
                        const ScanMessage& message) {
  REMEX_CHECK(
      stream.write_all(server.rspamd ? rspamd_request(scope, message.size()) : spamd_request(user, message.size())));
  REMEX_CHECK(message.for_each([&](std::string_view piece) { return stream.write_all(piece); }));
  // spamd begins when our side is finished; Rspamd takes a half-closed connection for a client that left
  if (!server.rspamd) (void)::shutdown(stream.fd(), SHUT_WR);
  REMEX_TRY(const std::string reply, read_all(stream, kMaxReply));
  return server.rspamd ? parse_rspamd_reply(reply) : parse_spamd_reply(reply);
}

/// Tries the servers until one is reached. Only trouble before the conversation moves on to the next.
Result<SpamVerdict> scan(Run& run, const std::vector<ScanServer>& servers, const std::string& user) {
  REMEX_TRY(const ScanMessage message, ScanMessage::of(run.scope));
  for (const ScanServer* server : scan_order_now(servers)) {
    const io::DeadlineScope deadline(server->timeout);
    auto stream = connect_scanner(run.scope, *server);
    if (!stream) {
      if (stream.error().kind == ErrorKind::cancelled) return std::unexpected(stream.error());
      run.scope.services->log(static_cast<int>(lang::LogTarget::main_log),
                              fmt::format("spam acl condition: warning - spamd connection to {} failed: {}",
                                          server->text(), stream.error().text));
      continue;
    }
    auto v = ask(run.scope, **stream, *server, user, message);
    if (!v)
      return fail(v.error().kind,
                  fmt::format("{} {}: {}", server->rspamd ? "rspamd" : "spamd", server->text(), v.error().text));
    return v;
  }
  return defer("all spamd servers failed");
}

void publish(lang::Scope& scope, const SpamVerdict& v) {
  const std::pair<std::string_view, std::string> values[] = {{"spam_score", spam_score_text(v.score)},
                                                             {"spam_score_int", spam_score_int(v.score)},
                                                             {"spam_bar", spam_bar(v.score)},
                                                             {"spam_action", v.action}};
  for (const auto& [name, value] : values) {
    scope.extra[std::string(name)] = value;
    if (scope.envelope != nullptr) scope.envelope->saved[std::string(name)] = value;
  }
  scope.extra["spam_report"] = v.report;
}

Answer run_spam(Run& run, const Item& it) {
  auto v = run.value_of(it);
  if (!v)
    return v.error().kind == ErrorKind::forced_fail ? answer(!it.negated) : trouble(v.error(), "failed to expand spam");
  const auto parts = lang::split_list(v->view(), '/');
  bool defer_ok = false, always = false;
  for (std::size_t i = 1; i < parts.size(); ++i) defer_ok = defer_ok || parts[i] == "defer_ok";
  std::string user = parts.empty() ? std::string() : parts[0];
  if (user.ends_with(":true")) {
    user.resize(user.size() - 5);
    always = true;
  }
  if (user.empty() || user == "0" || iequals(user, "false")) return answer(false);
  const lang::Expansion& option = run.scope.config->main.spamd_address;
  std::string& kept = run.scope.extra["spam_verdict"];  // "+user" or "-user"
  if (option.is_constant() && kept.size() > 1 && std::string_view(kept).substr(1) == user)
    return answer(always || kept[0] == '+');
  auto list = option.eval(run.scope);
  if (!list) return scan_trouble(run, "spam", "failed to expand spamd_address: " + list.error().text, defer_ok);
  if (list->is_tainted()) return scan_trouble(run, "spam", "tainted spamd_address", defer_ok);
  auto servers = parse_scan_servers(list->view());
  if (!servers) return scan_trouble(run, "spam", "spamd_address: " + servers.error().text, defer_ok);
  auto verdict = scan(run, *servers, user);
  if (!verdict) return scan_trouble(run, "spam", verdict.error().text, defer_ok);
  publish(run.scope, *verdict);
  run.scope.extra["spam_verdict"] = (verdict->is_spam ? "+" : "-") + user;
  return answer(always || verdict->is_spam);
}

constexpr HookSet kHooks = hook_bit(Hook::data) | hook_bit(Hook::prdr) | hook_bit(Hook::not_smtp);

constexpr AclWordDef defs[] = {
    {.name = "spam",
     .hooks = kHooks,
     .summary = "spamd or rspamd scan",
     .run = &run_spam,
     .where = lang::Where::scanned,
     .examples = {
         {"deny    message = spam: $spam_score points\n        spam = nobody:true", "550 5.7.1 spam: 12.5 points"},
         {"deny    spam = nobody/defer_okay", "550 5.7.1 Administrative prohibition"}}}};

}  // namespace
}  // namespace remex::acl

namespace remex::registry::acl_words {
extern const std::span<const acl::AclWordDef> spam;
constinit const std::span<const acl::AclWordDef> spam{acl::defs};
}  // namespace remex::registry::acl_words
