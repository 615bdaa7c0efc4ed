// lmtp: delivery to a local LMTP server (RFC 2033), over a Unix socket or to a command run as the user of the address.
// Every recipient has an answer of its own. (LMTP over TCP is the smtp transport with protocol = lmtp.)
#include <fmt/core.h>

#include <algorithm>

#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/mail/address.h"
#include "lang/diagnostics.h"
#include "transports/internal.h"
#include "transports/request_check.h"
#include "transports/smtp_client_util.h"

namespace remex::transports {
namespace {

using lang::OptionType;
using lang::ref;
using lang::State;

struct LmtpOptions : lang::DriverOptions {
  lang::Expansion batch_id, command, socket;
  bool ignore_quota = false;
  std::int64_t batch_max = 1, timeout = 300;
};
using O = LmtpOptions;

constexpr OptionDef kOptions[] = {
    with_examples({"batch_id", OptionType::expanded, ref<&O::batch_id>, "",
                   "only addresses for which it is the same share a run", State::works, "", "", 3},
                  {"$domain"}),
    with_examples({"batch_max", OptionType::integer, ref<&O::batch_max>, "1", "recipients in one transaction"},
                  {"100"}),
    with_examples({"command", OptionType::expanded, ref<&O::command>, "", "LMTP program; instead of socket",
                   State::works, "", "command", 2},
                  {.input = "/usr/lib/dovecot/dovecot-lda -d $local_part_data", .setup = "driver = lmtp"}),
    with_examples({"ignore_quota", OptionType::boolean, ref<&O::ignore_quota>, "false",
                   "send IGNOREQUOTA when it is offered", State::works, "", "", 3},
                  {"true"}),
    with_examples(
        {"socket", OptionType::expanded, ref<&O::socket>, "", "Unix socket of the server", State::works, "", "file"},
        {"/run/dovecot/lmtp"}),
    with_examples(
        {"timeout", OptionType::time, ref<&O::timeout>, "5m", "limit for each answer", State::works, "", "", 3},
        {"1m"}),
};

void check(lang::DriverInstance& t, const lang::Config& config, lang::Diagnostics& diag) {
  check_generic(t, config, diag);
  const auto& o = static_cast<const LmtpOptions&>(*t.options);
  if ((t.find_given("socket") != nullptr) == (t.find_given("command") != nullptr))
    diag.error("bad-option-value", t.pos, static_cast<std::uint32_t>(t.name.size()),
               fmt::format("transport \"{}\": exactly one of socket and command must be set", t.name));
  if (o.command.is_set())
    if (auto words = split_command(o.command.source_text()); !words)
      diag.error("bad-option-value", t.find_given("command")->pos, 7,
                 fmt::format("transport \"{}\": {}", t.name, words.error().text));
}

Result<std::unique_ptr<io::Stream>> open_socket(DeliverContext& ctx, const lang::DriverInstance& t,
                                                const LmtpOptions& o) {
  REMEX_TRY(const Text path, expand_tainted(ctx, o.socket, expansion_trouble("socket setting", -1, false)));
  if (path.is_tainted())
    return defer(
        fmt::format("Tainted '{}' (socket of the {} transport) not permitted", printable(path.view()), t.name));
  const io::DeadlineScope deadline(std::chrono::duration_cast<Millis>(Seconds(o.timeout)));
  auto socket = io::connect_unix(path.str());
  if (!socket)
    return fail_errno(socket.error().sys_errno,
                      fmt::format("Failed to connect to socket {} for {} transport", path.str(), t.name));
  return std::move(*socket);
}

Result<std::unique_ptr<io::Stream>> start_command(DeliverContext& ctx, const lang::DriverInstance& t,
                                                  const LmtpOptions& o, std::span<routers::Addr* const> batch) {
  routers::Addr& a = *batch.front();
  REMEX_TRY(const std::string home, home_directory(ctx, t, a));
  REMEX_TRY(const Identity id, find_identity(ctx, t, a));
  REMEX_TRY(const auto words, command_words(ctx, o.command, {fmt::format("{} transport", t.name), -1}, batch));
  if (!words[0].starts_with('/'))
    return defer(fmt::format("{} transport: \"{}\" is not an absolute path", t.name, printable(words[0])));
  io::Fields f = courier_request("lmtp", id, t);
  for (std::size_t i = 0; i < words.size(); ++i) f[fmt::format("arg{}", i)] = words[i];
  const auto env = command_environment(ctx, a, home);
  for (std::size_t i = 0; i < env.size(); ++i) f[fmt::format("env{}", i)] = env[i];
  f.emplace("directory", "/");
  const Seconds limit(o.timeout * 10 + 60);
  f["timeout"] = std::to_string(limit.count());
  io::Courier* courier = ctx.scope.services != nullptr ? ctx.scope.services->courier() : nullptr;
  if (courier == nullptr) return defer("this process cannot run commands");
  const io::DeadlineScope deadline(std::chrono::duration_cast<Millis>(Seconds(o.timeout)));
  REMEX_TRY(auto stream, courier->open(limit));
  REMEX_CHECK(stream->write_all(io::encode_fields(f)));
  REMEX_TRY(auto answer, io::receive_fields(*stream));
  for (const char* word : {"error", "exec_error"})
    if (answer.contains(word))
      return defer(fmt::format("{} transport: cannot run {}: {}", t.name, printable(words[0]), answer[word]));
  return stream;
}

AddrResult result_of(const RcptState& s, const std::string& confirmation) {
  AddrResult r;
  r.smtp_code = s.code;
  if (s.fate == RcptState::Fate::delivered) {
    r.fate = Fate::delivered;
    r.confirmation = s.message.empty() ? confirmation : s.message;
  } else if (s.fate == RcptState::Fate::failed) {
    r = failed_result(replace_all(s.message, "SMTP error from remote mail server", "LMTP error"));
    r.smtp_code = s.code;
  } else {
    r = deferred_result(s.message.empty() ? "no answer for this recipient"
                                          : replace_all(s.message, "SMTP error from remote mail server", "LMTP error"),
                        s.trouble);
    r.smtp_code = s.code;
  }
  return r;
}

Result<std::vector<AddrResult>> deliver_batch(DeliverContext& ctx, const lang::DriverInstance& t,
                                              std::span<routers::Addr* const> batch) {
  const auto& o = static_cast<const LmtpOptions&>(*t.options);
  REMEX_CHECK(check_size_limit(ctx, t, ctx.job.envelope.size));
  TransactionOptions tx;
  REMEX_TRY(tx.sender, return_path(ctx, t, *batch.front()));
  REMEX_TRY(MessageText m, message_text(ctx, t, batch));
  if (generic(t).transport_filter.is_set()) {
    REMEX_TRY(const Identity id, find_identity(ctx, t, *batch.front()));
    REMEX_CHECK(apply_filter(ctx, t, id, batch, m));
  }
  auto stream = o.socket.is_set() ? open_socket(ctx, t, o) : start_command(ctx, t, o, batch);
  if (!stream) return std::unexpected(stream.error());
  SmtpConnectOptions options;
  options.lmtp = true;
  options.try_tls = false;
  options.helo = ctx.config.main.primary_hostname;
  options.command_timeout = Seconds(std::max<std::int64_t>(1, o.timeout));
  auto opened = SmtpConnection::start(std::move(*stream), options);
  if (!opened) return defer(replace_all(opened.error().message, "SMTP", "LMTP"));
  SmtpConnection& c = **opened;
  tx.head = m.head;
  tx.body = m.body.get();
  tx.body_8bit = ctx.job.envelope.body_8bit;
  tx.size = m.head.size() + (m.body ? m.body->size() : 0);
  tx.ignore_quota = o.ignore_quota;
  tx.command_timeout = tx.data_timeout = tx.final_timeout = options.command_timeout;
  std::vector<RcptState> rcpts;
  bool eight_bit = mail::has_8bit(tx.sender) || (ctx.job.envelope.smtputf8 && mail::has_8bit(tx.head));
  for (const routers::Addr* a : batch) {
    RcptState s;
    s.address = rcpt_address(t, *a);
    if (s.address.find_first_of(std::string_view("\r\n<>\0", 5)) != std::string::npos && s.address.front() != '"')
      return fail(fmt::format("address \"{}\" cannot be sent", printable(s.address)));
    eight_bit = eight_bit || mail::has_8bit(s.address);
    rcpts.push_back(std::move(s));
  }
  // A server that does not offer it gets the octets as they are: the mailboxes are its own, and may well have such
  // names.
  tx.smtputf8 = eight_bit && c.has("SMTPUTF8");
  std::string confirmation;
  auto sent = c.send(tx, rcpts, confirmation);
  if (sent) c.quit();
  std::vector<AddrResult> results;
  for (RcptState& s : rcpts) {
    if (!sent && s.fate != RcptState::Fate::delivered && s.fate != RcptState::Fate::failed) {
      s.message = sent.error().message;
      s.trouble = sent.error().trouble;
    }
    results.push_back(result_of(s, confirmation));
  }
  return results;
}

std::vector<AddrResult> deliver(DeliverContext& ctx, const lang::DriverInstance& t,
                                std::span<routers::Addr* const> batch) {
  if (batch.empty()) return {};
  lang::AddressState* const saved = ctx.scope.address;
  ctx.scope.address = &batch.front()->state;
  auto done = deliver_batch(ctx, t, batch);
  std::vector<AddrResult> results;
  if (done) {
    results = std::move(*done);
  } else {
    const Error& e = done.error();
    const bool permanent = e.kind == ErrorKind::failed && e.sys_errno == 0;
    results = same_for_all(batch.size(), permanent ? failed_result(e.text)
                                         : e.kind == ErrorKind::config
                                             ? deferred_for(e)
                                             : deferred_result(e.text, Trouble::Kind::other, e.sys_errno));
  }
  ctx.scope.address = saved;
  run_shadow(ctx, t, batch, results);
  return results;
}

Status may_ask(const lang::DriverInstance& t, const io::Fields& f, bool) {
  REMEX_CHECK(check_op(t, f, {"lmtp"}));
  REMEX_CHECK(check_plain(t, f));
  return check_command(t, static_cast<const LmtpOptions&>(*t.options).command, f);
}

constexpr TransportDef defs[] = {
    {.driver = {.kind = lang::DriverKind::transport,
                .name = "lmtp",
                .summary = "delivers to a local LMTP program or socket",
                .doc = "Exactly one of socket and command. With batch_max several recipients share a transaction; each "
                       "has its own answer.",
                .options = kOptions,
                .make_options =
                    +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<LmtpOptions>(); },
                .check = check,
                .examples = {{R"(dovecot:
  driver = lmtp
  socket = /run/dovecot/lmtp
  batch_max = 100)"},
                             {R"(dovecot:
  driver = lmtp)",
                              "", "E0610"}}},
     .is_local = true,
     .deliver = deliver,
     .batch_limit =
         +[](const lang::DriverInstance& t) {
           return limited_batch(t, static_cast<const LmtpOptions&>(*t.options).batch_max);
         },
     .may_ask = may_ask},
};

}  // namespace
}  // namespace remex::transports

namespace remex::registry::transports {
extern const std::span<const TransportDef> lmtp;
constinit const std::span<const TransportDef> lmtp{remex::transports::defs};
}  // namespace remex::registry::transports
