// autoreply: sends a new message instead of delivering this one (vacation notices). What it says is the transport's, or
// a filter's. The reply has the null sender and says that it is automatic, so that no two responders answer each other.
//
// Files (text, log, memory of who was answered) are the user's and are used by a courier's child as the user.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/mail/address.h"
#include "lang/diagnostics.h"
#include "transports/internal.h"
#include "transports/request_check.h"

namespace remex::transports {
namespace {

using lang::OptionType;
using lang::ref;
using lang::State;

constexpr Seconds kFileLimit{60};
constexpr std::size_t kReferencesMax = 12;

struct AutoreplyOptions : lang::DriverOptions {
  lang::Expansion bcc, cc, file, from, headers, log, once, once_repeat, reply_to, subject, text, to;
  lang::MatchList never_mail;
  bool file_expand = false, file_optional = false, return_message = false;
  std::int64_t mode = 0600, once_file_size = 0;
};
using O = AutoreplyOptions;

constexpr OptionDef kOptions[] = {
    with_examples(
        {"bcc", OptionType::expanded, ref<&O::bcc>, "", "blind recipients of the reply", State::works, "", "", 2},
        {"archive@example.com"}),
    with_examples({"cc", OptionType::expanded, ref<&O::cc>, "", "more recipients", State::works, "", "", 2},
                  {"${address:$h_cc:}"}),
    with_examples({"file", OptionType::expanded, ref<&O::file>, "", "file sent as the body, behind text", State::works,
                   "", "file"},
                  {"/srv/vacation/$local_part_data.txt"}),
    with_examples({"file_expand", OptionType::boolean, ref<&O::file_expand>, "false", "expand that file", State::works,
                   "", "", 2},
                  {"true"}),
    with_examples({"file_optional", OptionType::boolean, ref<&O::file_optional>, "false", "a missing file is no error",
                   State::works, "", "", 2},
                  {"true"}),
    with_examples({"from", OptionType::expanded, ref<&O::from>, "", "From: of the reply"}, {"$local_part@$domain"}),
    with_examples({"headers", OptionType::expanded, ref<&O::headers>, "", "more headers of the reply"},
                  {"Auto-Submitted: auto-replied"}),
    with_examples({"log", OptionType::expanded, ref<&O::log>, "", "file that gets a record of each reply", State::works,
                   "", "file", 2},
                  {"/var/log/remex/vacation.log"}),
    with_examples(
        {"mode", OptionType::octal, ref<&O::mode>, "0600", "mode of the log and once files", State::works, "", "", 2},
        {"0640"}),
    with_examples({"never_mail", OptionType::address_list, ref<&O::never_mail>, "", "recipients that never get replies",
                   State::works, "", "", 3},
                  {"*@lists.example.com : ^owner-"}),
    with_examples({"once", OptionType::expanded, ref<&O::once>, "", "file with the To: recipients that were answered",
                   State::works, "", "file"},
                  {"/var/lib/remex/vacation/$local_part_data.once"}),
    with_examples({"once_file_size", OptionType::integer, ref<&O::once_file_size>, "0",
                   "limit of that file; the oldest are forgotten", State::works, "", "", 2},
                  {"20K"}),
    with_examples({"once_repeat", OptionType::expanded_time, ref<&O::once_repeat>, "0s",
                   "interval before the same recipient is answered again; 0s is never"},
                  {"7d"}),
    with_examples(
        {"reply_to", OptionType::expanded, ref<&O::reply_to>, "", "Reply-To: of the reply", State::works, "", "", 2},
        {"office@example.com"}),
    with_examples({"return_message", OptionType::boolean, ref<&O::return_message>, "false",
                   "append the original message", State::works, "", "", 2},
                  {"true"}),
    with_examples({"subject", OptionType::expanded, ref<&O::subject>, "", "Subject: of the reply"},
                  {"Re: $h_subject:"}),
    with_examples({"text", OptionType::expanded, ref<&O::text>, "", "body of the reply"},
                  {"Thank you. You wrote on $h_date:"}),
    with_examples({"to", OptionType::expanded, ref<&O::to>, "", "recipients of the reply"},
                  {"${address:$reply_address}"}),
};

/// "1d12h"; nullopt for anything else.
std::optional<std::int64_t> parse_interval(std::string_view s) {
  std::int64_t total = 0, n = -1;
  for (const char c : trim(s)) {
    if (is_digit(c)) {
      n = (n < 0 ? 0 : n) * 10 + (c - '0');
      if (n > 1000000000) return std::nullopt;
      continue;
    }
    const std::int64_t unit = c == 's' ? 1 : c == 'm' ? 60 : c == 'h' ? 3600 : c == 'd' ? 86400 : c == 'w' ? 604800 : 0;
    if (unit == 0 || n < 0) return std::nullopt;
    total += n * unit;
    n = -1;
  }
  return n < 0 ? std::optional(total) : std::nullopt;
}

constexpr ExpansionTrouble kReplyFailed{.words = "Expansion of \"{0}\" failed in {1} transport", .panic = false};

Result<std::string> path_option(DeliverContext& ctx, const lang::DriverInstance& t, const lang::Expansion& e,
                                std::string_view what) {
  REMEX_TRY(const Text path, expand_tainted(ctx, e, kReplyFailed));
  if (path.empty()) return std::string();
  if (path.is_tainted())
    return defer(
        fmt::format("Tainted '{}' ({} of the {} transport) not permitted", printable(path.view()), what, t.name));
  if (!path.view().starts_with('/') || path.view().find('\0') != std::string_view::npos)
    return defer(
        fmt::format("{} \"{}\" of the {} transport is not an absolute path", what, printable(path.view()), t.name));
  return path.str();
}

Result<routers::ReplySpec> from_options(DeliverContext& ctx, const lang::DriverInstance& t, const AutoreplyOptions& o) {
  routers::ReplySpec r;
  REMEX_TRY(r.to, expand_text(ctx, o.to, kReplyFailed));
  REMEX_TRY(r.cc, expand_text(ctx, o.cc, kReplyFailed));
  REMEX_TRY(r.bcc, expand_text(ctx, o.bcc, kReplyFailed));
  REMEX_TRY(r.from, expand_text(ctx, o.from, kReplyFailed));
  REMEX_TRY(r.reply_to, expand_text(ctx, o.reply_to, kReplyFailed));
  REMEX_TRY(r.subject, expand_text(ctx, o.subject, kReplyFailed));
  REMEX_TRY(r.headers, expand_text(ctx, o.headers, kReplyFailed));
  REMEX_TRY(r.text, expand_text(ctx, o.text, kReplyFailed));
  REMEX_TRY(r.file, path_option(ctx, t, o.file, "file"));
  REMEX_TRY(r.log, path_option(ctx, t, o.log, "log"));
  REMEX_TRY(r.once, path_option(ctx, t, o.once, "once"));
  if (o.once_repeat.is_set()) {
    REMEX_TRY(const std::string text, expand_text(ctx, o.once_repeat, kReplyFailed));
    const auto seconds = parse_interval(text);
    if (!seconds) return defer(fmt::format("once_repeat \"{}\" is not a time", printable(text)));
    r.once_repeat = *seconds;
  }
  r.file_expand = o.file_expand;
  r.return_message = o.return_message;
  return r;
}

/// Newlines only in front of white space, no other control characters.
Status check_header(std::string_view what, std::string_view s) {
  for (std::size_t i = 0; i < s.size(); ++i) {
    const char c = s[i];
    const bool fold = c == '\n' && i + 1 < s.size() && (s[i + 1] == ' ' || s[i + 1] == '\t');
    if (!fold && c != '\t' && (static_cast<unsigned char>(c) < 32 || c == 127))
      return defer(fmt::format("non-printing character in \"{}\" of an automatic reply: {}", what, printable(s)));
  }
  return {};
}

/// Recipients of one header, without those of never_mail.
Status add_recipients(DeliverContext& ctx, const AutoreplyOptions& o, std::string_view what, std::string& header,
                      std::vector<std::string>& out) {
  if (trim(header).empty()) return {};
  auto list = mail::parse_address_list(header);
  if (!list) return defer(fmt::format("bad address in {}: {}", what, list.error().text));
  const auto& main = ctx.config.main;
  const std::string& domain = main.qualify_domain.empty() ? main.primary_hostname : main.qualify_domain;
  std::vector<std::string> kept;
  for (const auto& item : *list) {
    std::string address = item.address.domain.empty() ? item.address.local_part + "@" + domain : item.address.str();
    if (item.address.local_part.empty()) continue;
    if (o.never_mail.is_set()) {
      auto m = o.never_mail.match(ctx.scope, Text::tainted(address));
      if (!m) return defer(fmt::format("never_mail: {}", m.error().text));
      if (m->matched) continue;
    }
    kept.push_back(address);
  }
  if (kept.size() != list->size()) header = join(kept, ", ");
  for (std::string& address : kept)
    if (std::find(out.begin(), out.end(), address) == out.end()) out.push_back(std::move(address));
  return {};
}

/// A request on a file of the user. Kind not_found is not told apart from other trouble.
Result<io::Fields> on_file(DeliverContext& ctx, const lang::DriverInstance& t, const Identity& id, const char* op,
                           const std::string& path, io::Fields more) {
  io::Fields f = courier_request(op, id, t);
  f.merge(more);
  f["path"] = path;
  f["mode"] = std::to_string(static_cast<const AutoreplyOptions&>(*t.options).mode);
  REMEX_TRY(io::Fields answer, ask_courier(ctx, f, kFileLimit, nullptr));
  if (answer.contains("error"))
    return std::unexpected(
        Error{ErrorKind::defer, answer["error"], static_cast<int>(parse_int(answer["errno"]).value_or(0))});
  return answer;
}

/// References: of the original and its Message-ID (RFC 5322 3.6.4), the oldest in the middle dropped.
std::string references(const mail::HeaderList& headers) {
  const auto* refs = headers.find("References");
  if (refs == nullptr) refs = headers.find("In-Reply-To");
  std::vector<std::string> ids;
  const auto take = [&ids](std::string_view s) {
    for (std::size_t at = 0; (at = s.find('<', at)) != std::string_view::npos;) {
      const auto end = s.find('>', at);
      if (end == std::string_view::npos) return;
      ids.push_back(printable(s.substr(at, end - at + 1)));
      at = end;
    }
  };
  if (refs != nullptr) take(refs->value());
  if (ids.size() > kReferencesMax) ids.erase(ids.begin() + 1, ids.end() - (kReferencesMax - 1));
  if (const auto* id = headers.find("Message-ID")) take(id->value());
  return join(ids, "\n ");
}

/// A notification says so itself (RFC 5436 2.7.1).
bool says_automatic(std::string_view headers) {
  for (const std::string_view line : split(headers, '\n'))
    if (istarts_with(line, "Auto-Submitted:")) return true;
  return false;
}

Result<std::string> body_of(DeliverContext& ctx, const lang::DriverInstance& t, const Identity& id,
                            const routers::ReplySpec& r) {
  const auto& o = static_cast<const AutoreplyOptions&>(*t.options);
  std::string body = r.text;
  if (!body.empty() && !body.ends_with('\n')) body += '\n';
  if (r.file.empty()) return body;
  auto answer = on_file(ctx, t, id, "read", r.file, {});
  if (!answer) {
    if (o.file_optional) return body;
    Error e = answer.error();
    if (e.sys_errno != 0)
      e.text = fmt::format("Failed to open file {} when sending message from {} transport: {}", r.file, t.name,
                           std::strerror(e.sys_errno));
    return std::unexpected(std::move(e));
  }
  std::string text = std::move((*answer)["text"]);
  if (r.file_expand) {
    // The file is the user's, and so is what it asks for.
    const lang::ConfinedScope confined(ctx.scope, confinement_of(r.of_user || id.uid != geteuid(), r.forbidden));
    auto expanded = lang::expand_once(text, ctx.scope);
    if (!expanded) return defer(fmt::format("expansion of {} failed: {}", r.file, expanded.error().text));
    text = expanded->str();
  }
  return body + text;
}

Result<std::string> original_text(DeliverContext& ctx, const lang::DriverInstance& t, const Identity& id,
                                  routers::Addr& a) {
  routers::Addr* one[] = {&a};
  MessageText m;
  REMEX_TRY(m.head, build_headers(ctx, t, one));
  m.head += '\n';
  m.body = ctx.job.body;
  REMEX_CHECK(apply_filter(ctx, t, id, one, m));
  std::string out = "\n------ This is a copy of the message, including all the headers.\n\n" + m.head;
  if (!m.body) return out;
  const auto limit = static_cast<std::uint64_t>(std::max<std::int64_t>(0, ctx.config.main.bounce_return_size_limit));
  const auto size = std::min(m.body->size(), limit == 0 ? m.body->size() : limit);
  REMEX_TRY(const std::string body, m.body->read(0, static_cast<std::size_t>(size)));
  return out + body;
}

Result<AddrResult> reply(DeliverContext& ctx, const lang::DriverInstance& t, routers::Addr& a) {
  const auto& o = static_cast<const AutoreplyOptions&>(*t.options);
  REMEX_CHECK(home_directory(ctx, t, a));
  REMEX_TRY(const Identity id, find_identity(ctx, t, a));
  routers::ReplySpec r;
  if (a.reply) {
    r = *a.reply;
    r.return_message = r.return_message || o.return_message;
  } else {
    REMEX_TRY(r, from_options(ctx, t, o));
  }
  for (const auto& [what, text] :
       {std::pair("to", &r.to), std::pair("cc", &r.cc), std::pair("bcc", &r.bcc), std::pair("from", &r.from),
        std::pair("reply_to", &r.reply_to), std::pair("subject", &r.subject)})
    REMEX_CHECK(check_header(what, *text));
  AddrResult done;
  done.fate = Fate::delivered;
  lang::NewMessage m;
  REMEX_CHECK(add_recipients(ctx, o, "to", r.to, m.recipients));
  const bool has_to = !m.recipients.empty();
  const std::string first = has_to ? to_lower(m.recipients.front()) : std::string();
  REMEX_CHECK(add_recipients(ctx, o, "cc", r.cc, m.recipients));
  REMEX_CHECK(add_recipients(ctx, o, "bcc", r.bcc, m.recipients));
  if (m.recipients.empty()) return done;  // nobody to tell (a bounce, or never_mail): that is success

  io::Fields memory{{"address", first},
                    {"repeat", std::to_string(r.once_repeat)},
                    {"file_size", std::to_string(o.once_file_size)},
                    {"make_directory", r.make_directory ? "1" : "0"},
                    {"look_only", "1"}};
  if (!r.once.empty() && has_to) {
    REMEX_TRY(io::Fields answer, on_file(ctx, t, id, "once", r.once, memory));
    if (answer["due"] != "1") {
      if (ctx.scope.services != nullptr)
        ctx.scope.services->log(static_cast<int>(lang::LogTarget::main_log),
                                fmt::format("{} {} was answered before: no reply (once)", ctx.job.envelope.id, first));
      return done;
    }
  }
  REMEX_TRY(m.body, body_of(ctx, t, id, r));
  if (r.return_message) {
    REMEX_TRY(const std::string copy, original_text(ctx, t, id, a));
    m.body += copy;
  }
  const auto& main = ctx.config.main;
  const std::string domain = main.qualify_domain.empty() ? main.primary_hostname : main.qualify_domain;
  const auto header = [&m](std::string_view name, std::string_view value) {
    if (!trim(value).empty()) m.headers += fmt::format("{}: {}\n", name, trim(value));
  };
  header("From", r.from.empty() ? fmt::format("{}@{}",
                                              a.state.local_part.empty() ? "postmaster"
                                                                         : mail::quote_local_part(a.state.local_part),
                                              a.state.domain.empty() ? domain : a.state.domain)
                                : r.from);
  header("Reply-To", r.reply_to);
  header("To", r.to);
  header("Cc", r.cc);
  header("Subject", r.subject);
  if (const auto* message_id = ctx.job.headers.find("Message-ID"))
    header("In-Reply-To", printable(trim(message_id->value())));
  header("References", references(ctx.job.headers));
  if (!says_automatic(r.headers)) header("Auto-Submitted", "auto-replied");
  for (std::string_view line : split(r.headers, '\n'))
    if (!trim(line).empty()) m.headers += fmt::format("{}\n", line);
  m.parent_id = ctx.job.envelope.id;
  m.uid = id.uid;
  m.gid = id.gid;
  if (ctx.scope.services == nullptr) return defer("messages cannot be made here");
  if (Status sent = ctx.scope.services->submit(m); !sent)
    return defer(fmt::format("failed to send an automatic reply: {}", sent.error().text));

  // From here on trouble with the memory or the log must not send the reply again.
  const auto note = [&](const Result<io::Fields>& answer) {
    if (!answer)
      ctx.scope.services->log(lang::LogTarget::main_log | lang::LogTarget::panic_log,
                              fmt::format("{} {} transport: {}", ctx.job.envelope.id, t.name, answer.error().text));
  };
  memory.erase("look_only");
  if (!r.once.empty() && has_to) note(on_file(ctx, t, id, "once", r.once, memory));
  if (!r.log.empty()) {
    std::string line = log_timestamp(wall_now()) + "\n";
    for (const auto& [name, value] : {std::pair("From", &r.from), std::pair("To", &r.to), std::pair("Cc", &r.cc),
                                      std::pair("Bcc", &r.bcc), std::pair("Subject", &r.subject)})
      if (!value->empty()) line += fmt::format("  {}: {}\n", name, *value);
    note(on_file(ctx, t, id, "log", r.log, {{"line", line}}));
  }
  return done;
}

std::vector<AddrResult> deliver(DeliverContext& ctx, const lang::DriverInstance& t,
                                std::span<routers::Addr* const> batch) {
  std::vector<AddrResult> results;
  lang::AddressState* const saved = ctx.scope.address;
  for (routers::Addr* a : batch) {
    ctx.scope.address = &a->state;
    auto one = reply(ctx, t, *a);
    results.push_back(one ? std::move(*one)
                      : one.error().kind == ErrorKind::config
                          ? deferred_for(one.error())
                          : deferred_result(one.error().text, Trouble::Kind::other, one.error().sys_errno));
  }
  ctx.scope.address = saved;
  run_shadow(ctx, t, batch, results);
  return results;
}

/// The files are those of the options of their names, or a filter's.
Status may_ask(const lang::DriverInstance& t, const io::Fields& f, bool redirected) {
  REMEX_CHECK(check_op(t, f, {"once", "log", "read"}));
  if (redirected) return check_path(f);
  const std::string& op = f.find("op")->second;
  return check_path(t, op == "read" ? "file" : std::string_view(op), f);
}

constexpr TransportDef defs[] = {
    {.driver = {.kind = lang::DriverKind::transport,
                .name = "autoreply",
                .summary = "answers with a new message",
                .doc =
                    "The reply has the null sender, Auto-Submitted: and References:. `once` remembers who was answered "
                    "in a text file.",
                .options = kOptions,
                .make_options =
                    +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<AutoreplyOptions>(); },
                .check = check_generic,
                .examples = {{R"(vacation:
  driver = autoreply
  to = $sender_address
  subject = Away until Monday
  text = I read my mail again on Monday.
  once = /var/lib/remex/vacation/$local_part_data.once)"},
                             {R"(vacation:
  driver = autoreply
  to = $sender_address
  file = /srv/vacation/$local_part)",
                              "", "E0801"}}},
     .is_local = true,
     .deliver = deliver,
     .batch_limit = +[](const lang::DriverInstance&) { return 1; },
     .may_ask = may_ask},
};

}  // namespace
}  // namespace remex::transports

namespace remex::registry::transports {
extern const std::span<const TransportDef> autoreply;
constinit const std::span<const TransportDef> autoreply{remex::transports::defs};
}  // namespace remex::registry::transports
