// verify = sender | recipient | header_syntax | header_sender | helo | reverse_host_lookup | not_blind |
// header_names_ascii | certificate. Address verification routes through Services; DNS trouble defers.

#include <fmt/core.h>

#include <set>
#include <unordered_set>

#include "acl/word.h"
#include "core/base/strings.h"
#include "core/mail/address.h"
#include "lang/callout.h"
#include "lang/client_name.h"
#include "lang/diagnostics.h"
#include "lang/list_trace.h"

namespace remex::acl {
namespace {

enum class Kind : std::uint8_t {
  sender,
  recipient,
  header_sender,
  header_syntax,
  helo,
  reverse_host_lookup,
  not_blind,
  header_names_ascii,
  certificate,
  unknown
};

struct KindRow {
  std::string_view name;
  Kind kind;
  HookSet hooks;
};
constexpr HookSet kBody = hook_bit(Hook::data) | hook_bit(Hook::not_smtp) | hook_bit(Hook::prdr) | hook_bit(Hook::mime);
constexpr HookSet kSender = hook_bit(Hook::mail) | hook_bit(Hook::rcpt) | hook_bit(Hook::predata) | kBody;
constexpr KindRow kKinds[] = {
    {"sender", Kind::sender, kSender},
    {"recipient", Kind::recipient, hook_bit(Hook::rcpt) | hook_bit(Hook::prdr)},
    {"header_sender", Kind::header_sender, kBody},
    {"header_syntax", Kind::header_syntax, kBody},
    {"helo", Kind::helo, kSmtpHooks},
    {"reverse_host_lookup", Kind::reverse_host_lookup, kSmtpHooks},
    {"not_blind", Kind::not_blind, kBody},
    {"header_names_ascii", Kind::header_names_ascii, kBody},
    {"certificate", Kind::certificate, kSmtpHooks},
};

const KindRow* find_kind(std::string_view text) {
  const std::size_t end = std::min(text.find_first_of("=/"), text.size());
  const std::string_view word = trim(text.substr(0, end));
  for (const KindRow& k : kKinds)
    if (k.name == word) return &k;
  return nullptr;
}

Answer reject(std::string user, std::string log) { return {Truth::no, std::move(user), std::move(log)}; }

/// Splits "/opt/opt" with doubled slashes as literal ones; returns what stood before the options.
std::string split_options(std::string_view text, std::vector<std::string>& options) {
  std::string current;
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '/' && i + 1 < text.size() && text[i + 1] == '/') {
      current += '/';
      ++i;
    } else if (text[i] == '/') {
      parts.push_back(std::move(current));
      current.clear();
    } else {
      current += text[i];
    }
  }
  parts.push_back(std::move(current));
  for (std::size_t i = 1; i < parts.size(); ++i) options.emplace_back(trim(parts[i]));
  return std::string(trim(parts[0]));
}

bool has_option(const std::vector<std::string>& options, std::string_view name) {
  for (const auto& o : options)
    if (o == name) return true;
  return false;
}

void compile(Item& it, const lang::CompileContext& ctx) {
  const std::string& src = it.value.source_text();
  if (ctx.diagnostics == nullptr || src.starts_with("$")) return;
  const KindRow* k = find_kind(src);
  if (k == nullptr) {
    std::vector<std::string_view> names;
    for (const KindRow& r : kKinds) names.push_back(r.name);
    const std::string_view word = std::string_view(src).substr(0, std::min(src.find_first_of("=/ "), src.size()));
    if (word == "arc" || word == "csa") {
      ctx.diagnostics->error(
          "not-supported", it.value.pos(), static_cast<std::uint32_t>(word.size()),
          fmt::format("{}: \"verify = {}\" is known but this version cannot do it", ctx.where, word));
      return;
    }
    const auto near = nearest(word, names);
    ctx.diagnostics->error("unknown-verify", it.value.pos(),
                           static_cast<std::uint32_t>(std::max<std::size_t>(1, word.size())),
                           fmt::format("{}: \"{}\" cannot be verified", ctx.where, word),
                           near.empty() ? "" : fmt::format("did you mean \"{}\"?", near));
    return;
  }
  std::vector<std::string> options;
  split_options(src, options);
  for (const auto& o : options) {
    if (lang::is_callout_option(o)) {
      const bool addresses = k->kind == Kind::sender || k->kind == Kind::recipient || k->kind == Kind::header_sender;
      auto c = o.find('$') == std::string::npos ? lang::parse_callout({o}) : lang::CalloutOptions();
      std::string wrong = addresses ? "" : fmt::format("\"verify = {}\" has no callout", k->name);
      if (addresses && !c)
        wrong = c.error().text;
      else if (addresses && k->kind != Kind::recipient && (c->use_sender || c->use_postmaster || c->hold))
        wrong = "use_sender, use_postmaster and hold are for recipients";
      else if (addresses && k->kind != Kind::header_sender && !c->mail_from.empty())
        wrong = "mailfrom is for header_sender";
      if (!wrong.empty())
        ctx.diagnostics->error("bad-callout", it.value.pos(), static_cast<std::uint32_t>(src.size()),
                               fmt::format("{}: {}", ctx.where, wrong));
    } else if (o.starts_with("quota"))
      ctx.diagnostics->error(
          "not-supported", it.value.pos(), static_cast<std::uint32_t>(src.size()),
          fmt::format("{}: verify option \"{}\" is known but this version cannot do it", ctx.where, o));
    else if (o != "defer_ok" && o != "no_details" && o != "success_on_redirect" && o != "case_insensitive" &&
             o.find('$') == std::string::npos)
      ctx.diagnostics->error("unknown-verify", it.value.pos(), static_cast<std::uint32_t>(src.size()),
                             fmt::format("{}: unknown verify option \"{}\"", ctx.where, o));
  }
}

constexpr std::string_view kWhySetup =
    "The initial connection, or a HELO or MAIL FROM:<> command was\nrejected. Refusing MAIL FROM:<> does not help "
    "fight "
    "spam, disregards\nRFC requirements, and stops you from receiving standard bounce\nmessages. This host does not "
    "accept mail from domains whose servers\nrefuse bounces.\n";
constexpr std::string_view kWhyPostmaster =
    "Several RFCs state that you are required to have a postmaster\nmailbox for each mail domain. This host does not "
    "accept mail\nfrom domains whose servers reject the postmaster address.\n";

/// The condition's answer for a verified address. `sender`: of an envelope or header sender, whose failure is told in
/// detail lines.
Answer from_outcome(Run& run, const lang::VerifyOutcome& v, bool defer_ok, bool sender, const std::string& address) {
  if (v.kind == lang::VerifyOutcome::Kind::ok) return answer(true);
  const bool details = run.scope.config != nullptr && run.scope.config->main.smtp_return_error_details;
  const std::string& user = v.user_message.empty() ? v.log_message : v.user_message;
  Answer a;
  if (v.kind == lang::VerifyOutcome::Kind::defer) {
    if (defer_ok) return answer(true);
    a.truth = Truth::defer;
    if (v.failure == "callout") {
      a.user_message = v.user_message;
      a.log_message = sender ? "Could not complete sender verify callout" : v.log_message;
      if (sender && details) a.details = v.log_message + "\n";
      return a;
    }
    if (!sender) {
      a.user_message = user;
      a.log_message = v.log_message;
    } else {
      if (details) a.user_message = "Could not complete sender verify";
      a.log_message = "Could not complete sender verify";
    }
    return a;
  }
  a.truth = Truth::no;
  if (sender) {
    a.user_message = a.log_message = "Sender verify failed";
    const std::string_view what = v.failure == "mail"         ? "Callback setup failed while verifying"
                                  : v.failure == "postmaster" ? "Postmaster verification failed while checking"
                                                              : "Verification failed for";
    a.details = fmt::format("{} <{}>\n{}\n{}", what, address, user.empty() ? "Unrouteable address" : user,
                            v.failure == "mail"         ? kWhySetup
                            : v.failure == "postmaster" ? kWhyPostmaster
                                                        : "");
  } else {
    a.user_message = user.empty() ? "Unrouteable address" : user;
    a.log_message = v.log_message.empty() ? a.user_message : v.log_message;
  }
  return a;
}

/// The options that matter to whoever verifies: callouts and redirection.
std::string passed_on(const std::vector<std::string>& options) {
  std::string out;
  for (const auto& o : options)
    if (lang::is_callout_option(o) || o == "success_on_redirect") out += (out.empty() ? "" : "/") + o;
  return out;
}

/// A callout may take a while: what was said before it reaches the client first.
void flush_before_callout(Run& run, const std::string& asked) {
  if (!run.effects.no_callout_flush && run.flush && asked.find("callout") != std::string::npos) run.flush();
}

/// The answer about one sender address, asked once per message; what is bad is logged then.
lang::VerifyOutcome sender_outcome(Run& run, const std::string& address, const std::vector<std::string>& options) {
  const std::string asked = passed_on(options);
  std::string& kept = run.scope.extra["verified_sender:" + address + "/" + asked];
  lang::VerifyOutcome v;
  if (!kept.empty()) {
    lang::trace_line(run.scope, "using cached sender verify result");
    // "o" or "f" + user message + NUL + log message + NUL + failure
    const std::size_t nul = std::min(kept.find('\0'), kept.size());
    if (kept[0] == 'o') return v;
    v.kind = lang::VerifyOutcome::Kind::fail;
    v.user_message = kept.substr(1, nul - 1);
    const std::size_t second = std::min(kept.find('\0', nul + 1), kept.size());
    v.log_message = kept.substr(std::min(nul + 1, kept.size()), second - nul - 1);
    v.failure = kept.substr(std::min(second + 1, kept.size()));
    return v;
  }
  flush_before_callout(run, asked);
  std::set<std::string> asked_before;  // lists that Exim remembers with the recipient
  if (run.scope.trace != nullptr) std::swap(asked_before, run.scope.trace->asked);
  v = run.scope.services->verify_sender(run.scope, address, asked);
  if (run.scope.trace != nullptr) std::swap(asked_before, run.scope.trace->asked);
  run.scope.verify_sender_address_data = v.address_data;
  if (v.kind != lang::VerifyOutcome::Kind::defer) run.scope.sender_verify_failure = v.failure;
  if (v.kind == lang::VerifyOutcome::Kind::ok) {
    kept = "o";
    return v;
  }
  const bool failed = v.kind == lang::VerifyOutcome::Kind::fail;
  if (failed) kept = "f" + v.user_message + '\0' + v.log_message + '\0' + v.failure;
  run.scope.services->log(
      lang::LogTarget::main_log | lang::LogTarget::reject_log | static_cast<int>(lang::LogTarget::with_host),
      fmt::format("sender verify {} for <{}>: {}", failed ? "fail" : "defer", printable(address),
                  v.log_message.empty() ? "Unrouteable address" : printable(v.log_message)));
  return v;
}

Answer verify_sender(Run& run, const std::string& arg, const std::vector<std::string>& options, bool given) {
  const std::string address = given ? arg : run.scope.envelope != nullptr ? run.scope.envelope->sender : std::string();
  if (address.empty()) return answer(true);
  Answer a = from_outcome(run, sender_outcome(run, address, options), has_option(options, "defer_ok"), true,
                          printable(address));
  // The client is told once per message why its sender is bad.
  if (!a.details.empty() &&
      (has_option(options, "no_details") || !run.scope.extra.emplace("verify_details:" + address, "told").second))
    a.details.clear();
  return a;
}

Answer verify_recipient(Run& run, const std::vector<std::string>& options) {
  if (run.scope.address == nullptr) return answer(true);
  const std::string asked = passed_on(options);
  flush_before_callout(run, asked);
  lang::VerifyOutcome v = run.scope.services->verify_recipient(run.scope, run.scope.address->address, asked);
  run.scope.verify_address_data = v.address_data;
  run.scope.recipient_verify_failure = v.kind == lang::VerifyOutcome::Kind::defer ? std::string() : v.failure;
  return from_outcome(run, v, has_option(options, "defer_ok"), false, printable(run.scope.address->address));
}

bool is_address_header(const mail::Header& h) {
  return h.type != ' ' && std::string_view("BCFRST").find(h.type) != std::string_view::npos;
}

Answer header_syntax(Run& run) {
  if (run.scope.headers == nullptr) return answer(true);
  for (const mail::Header& h : run.scope.headers->all()) {
    if (!is_address_header(h)) continue;
    auto list = mail::parse_address_list(h.value(), run.scope.from == nullptr || run.scope.from->is_local);
    if (list) continue;
    const std::string text = fmt::format("{}: failing address in \"{}:\" header is: {}", list.error().text, h.name(),
                                         printable(trim(h.value()).substr(0, 200)));
    return reject(run.scope.config->main.smtp_return_error_details ? text : std::string(), text);
  }
  return answer(true);
}

Answer header_sender(Run& run, const std::vector<std::string>& options) {
  if (run.scope.headers == nullptr) return answer(true);
  const bool tell = run.scope.config->main.smtp_return_error_details;
  const std::string none = "there is no valid sender in any header line";
  Answer last = reject(tell ? none : std::string(), none);
  for (const char type : {'S', 'R', 'F'}) {
    for (const mail::Header& h : run.scope.headers->all()) {
      if (h.type != type) continue;
      auto list = mail::parse_address_list(h.value());
      if (!list) continue;
      for (const auto& a : *list) {
        const std::string address = a.address.str();
        if (address.empty()) continue;
        const lang::VerifyOutcome v = sender_outcome(run, address, options);
        if (v.kind == lang::VerifyOutcome::Kind::ok) return answer(true);
        Answer bad = from_outcome(run, v, has_option(options, "defer_ok"), true, printable(address));
        if (bad.truth == Truth::defer || bad.truth == Truth::yes) return bad;
        last = reject(
            tell ? none : std::string(),
            fmt::format("there is no valid sender in any header line (last failing address <{}>)", printable(address)));
      }
    }
  }
  return last;
}

/// Forward-confirmed name of the client, looked up at most once per session.
dns::Outcome client_name(Run& run) {
  mail::ReceivedFrom& from = *run.scope.from;
  lang::SessionState* s = run.scope.session;
  if (s != nullptr && s->host_lookup_done)
    return !from.host_name.empty()   ? dns::Outcome::found
           : s->host_lookup_deferred ? dns::Outcome::try_again
                                     : dns::Outcome::no_name;
  dns::HostName hn = lang::look_up_client(run.scope, from.host_address);
  if (s != nullptr) {
    s->host_lookup_done = true;
    s->host_lookup_deferred = hn.outcome == dns::Outcome::try_again;
    s->host_lookup_failed = hn.outcome == dns::Outcome::no_name || hn.outcome == dns::Outcome::no_data;
    s->host_aliases = hn.aliases;
  }
  if (hn.outcome == dns::Outcome::found)
    from.host_name = hn.name;
  else
    run.scope.services->log(static_cast<int>(lang::LogTarget::main_log),
                            fmt::format("no host name found for IP address {}", from.host_address));
  return hn.outcome;
}

Answer reverse_host_lookup(Run& run, const std::vector<std::string>& options) {
  if (run.scope.from == nullptr || run.scope.from->host_address.empty()) return answer(true);
  switch (client_name(run)) {
    case dns::Outcome::found: return answer(true);
    case dns::Outcome::try_again: {
      if (has_option(options, "defer_ok")) return answer(true);
      Answer a;
      a.truth = Truth::defer;
      a.log_message = "host lookup deferred for reverse lookup check";
      return a;
    }
    default: return reject("", "host lookup failed (failed to find host name from IP address)");
  }
}

/// RFC 5321 4.1.4: the HELO name is the client's address literal, one of its names, or resolves to its address.
Answer helo(Run& run) {
  if (run.scope.from == nullptr || run.scope.from->host_address.empty()) return answer(true);
  mail::ReceivedFrom& from = *run.scope.from;
  const auto remember = [&](bool ok) {
    if (run.scope.session != nullptr) {
      run.scope.session->helo_verify_tried = true;
      run.scope.session->helo_verified = ok;
      run.scope.session->helo_verify_failed = !ok;
    }
    return ok ? answer(true) : answer(false);
  };
  std::string_view name = from.helo_name;
  if (name.empty()) return remember(false);
  if (name.front() == '[' && name.back() == ']') {
    name = name.substr(1, name.size() - 2);
    if (istarts_with(name, "IPv6:")) name.remove_prefix(5);
    return remember(iequals(name, from.host_address));
  }
  const dns::Outcome reverse = client_name(run);
  if (reverse == dns::Outcome::found && iequals(from.host_name, name)) return remember(true);
  if (run.scope.session != nullptr)
    for (const auto& alias : run.scope.session->host_aliases)
      if (iequals(alias, name)) return remember(true);
  const auto hosts = dns::lookup_host(run.scope.services->resolver(), name, true, true, true);
  for (const auto& ip : hosts.ips)
    if (iequals(ip, from.host_address)) return remember(true);
  if (hosts.outcome == dns::Outcome::try_again || reverse == dns::Outcome::try_again) {
    Answer a;
    a.truth = Truth::defer;
    a.log_message = fmt::format("DNS lookup for HELO name {} deferred", printable(name));
    return a;
  }
  return remember(false);
}

Answer not_blind(Run& run, const std::vector<std::string>& options) {
  if (run.scope.headers == nullptr || run.scope.envelope == nullptr) return answer(true);
  const bool caseless = has_option(options, "case_insensitive");
  const auto key = [&](const mail::Address& a) {
    return (caseless ? to_lower(a.local_part) : a.local_part) + "@" + to_lower(a.domain);
  };
  std::unordered_set<std::string> visible;
  for (const mail::Header& h : run.scope.headers->all()) {
    if (h.type != 'T' && h.type != 'C') continue;
    auto list = mail::parse_address_list(h.value());
    if (!list) continue;
    for (const auto& a : *list) visible.insert(key(a.address));
  }
  for (const auto& r : run.scope.envelope->recipients)
    if (!visible.contains(key(mail::split_address(r.address))))
      return reject("", fmt::format("bcc recipient detected: {}", printable(r.address)));
  return answer(true);
}

Answer header_names_ascii(Run& run) {
  if (run.scope.headers == nullptr) return answer(true);
  for (const mail::Header& h : run.scope.headers->all())
    for (const char c : h.name())
      if (!is_printable(c) || c == ' ')
        return reject("", fmt::format("Invalid character in header \"{}\" found", printable(h.name())));
  return answer(true);
}

Answer run_verify(Run& run, const Item& it) {
  auto v = run.value_of(it);
  if (!v)
    return v.error().kind == ErrorKind::forced_fail ? answer(!it.negated)
                                                    : trouble(v.error(), "failed to expand verify");
  std::vector<std::string> options;
  const std::string head = split_options(v->view(), options);
  const KindRow* k = find_kind(head);
  Answer error;
  error.truth = Truth::error;
  if (k == nullptr) {
    error.log_message = fmt::format("\"{}\" cannot be verified", printable(head));
    return error;
  }
  if ((k->hooks & hook_bit(run.hook)) == 0 && run.hook != Hook::unknown) {
    error.log_message = fmt::format("cannot verify {} in ACL for {}", k->name, to_string(run.hook));
    return error;
  }
  const std::size_t eq = head.find('=');
  switch (k->kind) {
    case Kind::sender:
      return verify_sender(
          run, eq == std::string::npos ? std::string() : std::string(trim(std::string_view(head).substr(eq + 1))),
          options, eq != std::string::npos);
    case Kind::recipient: return verify_recipient(run, options);
    case Kind::header_sender: return header_sender(run, options);
    case Kind::header_syntax: return header_syntax(run);
    case Kind::helo: return helo(run);
    case Kind::reverse_host_lookup: return reverse_host_lookup(run, options);
    case Kind::not_blind: return not_blind(run, options);
    case Kind::header_names_ascii: return header_names_ascii(run);
    case Kind::certificate: return answer(run.scope.from != nullptr && run.scope.from->tls_certificate_verified);
    case Kind::unknown: break;
  }
  return error;
}

constexpr AclWordDef defs[] = {
    {.name = "verify",
     .summary = "Verifies sender, recipient, headers, HELO name, reverse DNS or certificate",
     .compile = &compile,
     .run = &run_verify,
     .examples = {{"require verify = sender\naccept", "250 2.1.5 Accepted"}, {"accept  verify = sendr", "", "E0511"}}}};

}  // namespace

dns::Outcome verify_helo(lang::Scope& scope) {
  Effects none;
  const std::function<void()> no_flush;
  Run run{Hook::helo, scope, none, no_flush};
  switch (helo(run).truth) {
    case Truth::yes: return dns::Outcome::found;
    case Truth::defer: return dns::Outcome::try_again;
    default: return dns::Outcome::no_name;
  }
}

}  // namespace remex::acl

namespace remex::registry::acl_words {
extern const std::span<const acl::AclWordDef> verify;
constinit const std::span<const acl::AclWordDef> verify{acl::defs};
}  // namespace remex::registry::acl_words
