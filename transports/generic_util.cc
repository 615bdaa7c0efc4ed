// The generic options of transports, the return path and the header section every driver writes.
#include <fmt/core.h>

#include <algorithm>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/mail/address.h"
#include "lang/diagnostics.h"
#include "lang/node.h"
#include "transports/internal.h"

namespace remex::registry::transports {
extern const std::span<const std::span<const TransportDef>* const> all;
}

namespace remex::transports {
namespace {

using lang::OptionType;
using lang::ref;
using lang::State;
using G = TransportGeneric;

constexpr OptionDef kGenericOptions[] = {
    with_examples(
        {"body_only", OptionType::expanded_boolean, ref<&G::body_only>, "false", "send the body without headers"},
        {"true"}),
    with_examples({"current_directory", OptionType::expanded, ref<&G::current_directory>, "",
                   "working directory; overrides the router's"},
                  {"/var/empty"}),
    with_examples({"debug_print", OptionType::expanded, ref<&G::debug_print>, "",
                   "text for the debug output when the transport runs"},
                  {"delivering for $local_part@$domain"}),
    with_examples({"delivery_date_add", OptionType::boolean, ref<&G::delivery_date_add>, "false", "add Delivery-date:"},
                  {"true"}),
    with_examples({"disable_logging", OptionType::boolean, ref<&G::disable_logging>, "false",
                   "no log lines about these deliveries"},
                  {"true"}),
    with_examples({"driver", OptionType::special, nullptr, "", "which transport driver this is"},
                  {.input = "smtp", .setup = "user = mail"},
                  {.input = "stmp", .error = "E0603", .setup = "user = mail"}),
    with_examples({"envelope_to_add", OptionType::boolean, ref<&G::envelope_to_add>, "false", "add Envelope-to:"},
                  {"true"}),
    with_examples({"event_action", OptionType::expanded, ref<&G::event_action>, "",
                   "expanded for each event of a delivery (tcp:connect, msg:delivery ...)", State::works, "", "", 3},
                  {"${if eq{$event_name}{msg:delivery}{${acl{log_delivery}}}}"}),
    with_examples({"group", OptionType::group, ref<&G::group>, "", "group of the delivery; overrides the router's"},
                  {"mail"}),
    with_examples({"headers_add", OptionType::repeated_expanded, ref<&G::headers_add>, "",
                   "header lines to add; may be repeated"},
                  {"X-Delivered-By: $primary_hostname"}),
    with_examples(
        {"headers_only", OptionType::expanded_boolean, ref<&G::headers_only>, "false", "send headers without the body"},
        {"${if >{$message_size}{1M}{yes}{no}}"}),
    with_examples({"headers_remove", OptionType::repeated_expanded, ref<&G::headers_remove>, "",
                   "names of headers to leave out; may be repeated"},
                  {"X-Internal : X-Spam-Report"}),
    with_examples({"headers_rewrite", OptionType::string, ref<&G::headers_rewrite>, "",
                   "rewriting rules for headers on their way out"},
                  {"*@internal.example.com $1@example.com fs"}, {"*@internal.example.com", "", "E0706"}),
    with_examples(
        {"home_directory", OptionType::expanded, ref<&G::home_directory>, "", "$home; overrides the router's"},
        {"/srv/mail/$domain_data"}),
    with_examples(
        {"initgroups", OptionType::boolean, ref<&G::initgroups>, "false", "use the user's supplementary groups"},
        {"true"}),
    with_examples({"max_parallel", OptionType::expanded_integer, ref<&G::max_parallel>, "",
                   "most runs of the transport at once; 0 is no limit", State::works, "", "", 3},
                  {"5"}, {"${if eq{$domain}{example.com}{2}{0}}"}),
    with_examples({"message_size_limit", OptionType::expanded_integer, ref<&G::message_size_limit>, "0",
                   "fail larger messages; 0 is no limit"},
                  {"20M"}),
    with_examples({"rcpt_include_affixes", OptionType::boolean, ref<&G::rcpt_include_affixes>, "false",
                   "keep prefix and suffix in RCPT"},
                  {"true"}),
    with_examples({"retry_use_local_part", OptionType::boolean, ref<&G::retry_use_local_part>,
                   "true for local transports", "retries are per address, not per domain"},
                  {"true"}),
    with_examples({"return_path", OptionType::expanded, ref<&G::return_path>, "", "envelope sender of this copy"},
                  {"bounces+${tr{$local_part}{@}{=}}@example.com"}),
    with_examples({"return_path_add", OptionType::boolean, ref<&G::return_path_add>, "false", "add Return-path:"},
                  {"true"}),
    with_examples({"shadow_condition", OptionType::expanded, ref<&G::shadow_condition>, "",
                   "whether to run the shadow transport", State::works, "", "", 3},
                  {"${if eq{$domain}{example.com}}"}),
    with_examples(
        {"shadow_transport", OptionType::string, ref<&G::shadow_transport>, "",
         "a local transport that runs after success; its own outcome changes nothing", State::works, "", "", 3},
        {"local_delivery"}, {"archvie", "", "E0610"}),
    with_examples({"transport_filter", OptionType::expanded, ref<&G::transport_filter>, "",
                   "program the message is passed through", State::works, "", "command"},
                  {"/usr/local/bin/add-footer $local_part"}),
    with_examples({"transport_filter_timeout", OptionType::time, ref<&G::transport_filter_timeout>, "5m",
                   "time limit for the filter"},
                  {"30s"}),
    with_examples({"user", OptionType::user, ref<&G::user>, "", "user of the delivery; overrides the router's"},
                  {"mail"}),
};

std::unique_ptr<lang::DriverOptions> make_generic() { return std::make_unique<TransportGeneric>(); }

/// "name" or "name*" against a header.
bool names_header(std::string_view pattern, std::string_view name) {
  if (pattern.ends_with('*')) return istarts_with(name, pattern.substr(0, pattern.size() - 1));
  return iequals(pattern, name);
}

bool is_local(const lang::DriverInstance& t) {
  const TransportDef* def = find_transport_def(t.def);
  return def != nullptr && def->is_local;
}

/// The panic log is told of the local transports only.
std::unexpected<Error> headers_failed(const lang::DriverInstance& t, const Error& why) {
  std::string text = fmt::format("{}: {}", kHeadersTrouble, why.text);
  if (is_local(t)) return misconfigured(std::move(text), kHeadersFailed);
  return std::unexpected(Error{ErrorKind::defer, std::move(text), kHeadersFailed});
}

Result<std::vector<std::string>> removals(DeliverContext& ctx, const lang::DriverInstance& t,
                                          const routers::Addr& addr) {
  std::vector<std::string> names = addr.headers_remove;
  for (const lang::Expansion& e : generic(t).headers_remove_items) {
    auto text = e.eval(ctx.scope);
    if (!text) {
      if (text.error().kind == ErrorKind::forced_fail) continue;
      return headers_failed(t, text.error());
    }
    for (std::string& name : lang::split_list(text->view())) names.push_back(std::move(name));
  }
  return names;
}

/// Appends header lines; each line that starts a header must look like one, folds stay.
void append_lines(std::string& out, std::string_view lines) {
  lines = trim_right(lines);
  while (!lines.empty() && lines.front() == '\n') lines.remove_prefix(1);
  for (std::string_view line : split(lines, '\n')) {
    if (line.empty()) continue;  // an empty line would end the header section
    out += line;
    out += '\n';
  }
}

std::string envelope_to(std::span<routers::Addr* const> batch) {
  std::vector<std::string> tops;
  for (const routers::Addr* a : batch) {
    while (a->parent != nullptr) a = a->parent;
    if (std::find(tops.begin(), tops.end(), a->state.address) == tops.end()) tops.push_back(a->state.address);
  }
  return join(tops, ",\n  ");
}

}  // namespace

const lang::DriverFamily transport_family{lang::DriverKind::transport, kGenericOptions, make_generic};

const TransportDef* find_transport_def(const lang::DriverDef* def) {
  for (const auto* file : registry::transports::all)
    for (const TransportDef& d : *file)
      if (&d.driver == def) return &d;
  for (const auto* file : registry::transports::all)
    for (const TransportDef& d : *file)
      if (def != nullptr && d.driver.name == def->name) return &d;
  return nullptr;
}

const TransportGeneric& generic(const lang::DriverInstance& t) {
  return static_cast<const TransportGeneric&>(*t.generic);
}

void check_generic(lang::DriverInstance& t, const lang::Config& config, lang::Diagnostics& diag) {
  auto& g = static_cast<TransportGeneric&>(*t.generic);
  g.retry_use_local_part_set = t.find_given("retry_use_local_part") != nullptr;
  const TransportDef* def = find_transport_def(t.def);
  if (!g.retry_use_local_part_set) g.retry_use_local_part = def != nullptr && def->is_local;
  if (g.body_only.value && g.headers_only.value)
    diag.error("bad-option-value", t.pos, static_cast<std::uint32_t>(t.name.size()),
               fmt::format("transport \"{}\": body_only and headers_only exclude each other", t.name));
  if (!g.shadow_transport.empty()) {
    const lang::DriverInstance* shadow = config.find_transport(g.shadow_transport);
    const TransportDef* other = shadow != nullptr ? find_transport_def(shadow->def) : nullptr;
    const auto complain = [&](const std::string& text) {
      diag.error("bad-option-value", t.find_given("shadow_transport")->pos, 16,
                 fmt::format("transport \"{}\": {}", t.name, text));
    };
    if (def != nullptr && !def->is_local) complain("shadow_transport is for local transports");
    if (other == nullptr || !other->is_local || shadow == &t)
      complain(fmt::format("shadow_transport \"{}\" is not another local transport", g.shadow_transport));
  }
  const lang::CompileContext ctx{config.registries.get(), &diag,
                                 fmt::format("transport \"{}\": option \"headers_remove\"", t.name)};
  for (const lang::Expansion& e : g.headers_remove) {
    // Split first, then expand: an item is compiled by itself.
    std::string text = e.source_text();
    for (std::string& item : lang::split_list(text))
      if (!item.empty())
        if (auto one = lang::Expansion::compile(lang::SourceText(item, e.pos()), ctx))
          g.headers_remove_items.push_back(*one);
  }
  if (const auto* rewriting = t.find_given("headers_rewrite")) {
    const lang::CompileContext where{config.registries.get(), &diag,
                                     fmt::format("transport \"{}\": headers_rewrite", t.name)};
    for (const lang::SourceText& item : lang::split_list_source(rewriting->value)) {
      lang::RewriteRule rule;
      if (!item.empty() && lang::parse_rewrite_rule(item, where, true, rule))
        g.rewrite_rules.push_back(std::move(rule));
    }
  }
}

Result<std::string> return_path(DeliverContext& ctx, const lang::DriverInstance& t, const routers::Addr& addr) {
  std::string path = addr.has_errors_to ? addr.errors_to : ctx.job.envelope.sender;
  const TransportGeneric& g = generic(t);
  if (ctx.scope.delivery != nullptr) {
    ctx.scope.delivery->return_path = Text::tainted(path);
    ctx.scope.delivery->return_path_set = true;
  }
  if (g.return_path.is_set()) {
    auto text = g.return_path.eval(ctx.scope);
    if (text) {
      path = std::string(trim(text->view()));
    } else if (text.error().kind != ErrorKind::forced_fail) {
      const std::string words = fmt::format("Failed to expand return path \"{}\"", g.return_path.source_text());
      if (!is_local(t)) return misconfigured(fmt::format("{}: {}", words, text.error().text));
      return misconfigured_from_start(ctx, fmt::format("{} in {} transport: {}", words, t.name, text.error().text),
                                      kExpansionFailed);
    }
  }
  if (path.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
    return defer(fmt::format("return path \"{}\" has control characters", printable(path)));
  if (ctx.scope.delivery != nullptr) ctx.scope.delivery->return_path = Text::tainted(path);
  return path;
}

Status check_size_limit(DeliverContext& ctx, const lang::DriverInstance& t, std::uint64_t size) {
  const TransportGeneric& g = generic(t);
  if (!g.message_size_limit.is_set()) return {};
  auto text = g.message_size_limit.eval(ctx.scope);
  if (!text)
    return defer(fmt::format("failed to expand message_size_limit in {} transport: {}", t.name, text.error().text));
  const auto limit = parse_limit(text->view());
  if (!limit)
    return defer(fmt::format("invalid message_size_limit in {} transport: {}", t.name, printable(limit.error().text)));
  if (*limit == 0 || size <= static_cast<std::uint64_t>(*limit)) return {};
  return fail(fmt::format("message is too big (transport limit = {})", *limit));
}

Result<std::string> build_headers(DeliverContext& ctx, const lang::DriverInstance& t,
                                  std::span<routers::Addr* const> batch) {
  const TransportGeneric& g = generic(t);
  const routers::Addr& first = *batch.front();
  std::string out;
  out.reserve(ctx.job.headers.size_bytes() + 256);
  if (g.return_path_add) {
    REMEX_TRY(const std::string path, return_path(ctx, t, first));
    out += fmt::format("Return-path: <{}>\n", path);
  }
  if (g.envelope_to_add) out += fmt::format("Envelope-to: {}\n", envelope_to(batch));
  if (g.delivery_date_add) out += fmt::format("Delivery-date: {}\n", rfc5322_date(wall_now()));

  REMEX_TRY(const std::vector<std::string> gone, removals(ctx, t, first));
  lang::Rewriter rewriter(ctx.scope, g.rewrite_rules);
  rewriter.log_prefix = ctx.job.envelope.id + " ";
  for (const mail::Header& h : ctx.job.headers.all()) {
    if (h.type == '*') continue;
    const std::string_view name = h.name();
    if (std::any_of(gone.begin(), gone.end(), [&](const std::string& p) { return names_header(p, name); })) continue;
    const auto rewritten = rewriter.header(h, {}, {});
    out += rewritten ? *rewritten : h.text;
    if (out.back() != '\n') out += '\n';
  }
  append_lines(out, first.headers_add);
  for (const lang::Expansion& e : g.headers_add) {
    auto text = e.eval(ctx.scope);
    if (!text) {
      if (text.error().kind == ErrorKind::forced_fail) continue;
      return headers_failed(t, text.error());
    }
    append_lines(out, text->view());
  }
  return out;
}

std::string rcpt_address(const lang::DriverInstance& t, const routers::Addr& a) {
  std::string local = a.state.cased_local_part;
  if (!generic(t).rcpt_include_affixes) {
    if (a.state.suffix.size() <= local.size()) local.erase(local.size() - a.state.suffix.size());
    if (a.state.prefix.size() <= local.size()) local.erase(0, a.state.prefix.size());
  }
  // Octets beyond ASCII need no quotes (RFC 6532 3.2); what else needs them is looked for without those.
  std::string ascii;
  for (const char c : local) ascii += mail::has_8bit({&c, 1}) ? 'x' : c;
  if (mail::quote_local_part(ascii) != ascii) local = mail::quote_local_part(local);
  return a.state.domain.empty() ? local : local + "@" + a.state.domain;
}

std::vector<AddrResult> same_for_all(std::size_t n, const AddrResult& r) { return std::vector<AddrResult>(n, r); }

std::vector<AddrResult> deliver_as_one(DeliverContext& ctx, const lang::DriverInstance& t,
                                       std::span<routers::Addr* const> batch,
                                       const std::function<Result<AddrResult>()>& deliver) {
  if (batch.empty()) return {};
  lang::AddressState* const saved = ctx.scope.address;
  ctx.scope.address = &batch.front()->state;
  AddrResult r;
  if (Status size = check_size_limit(ctx, t, ctx.job.envelope.size); !size) {
    r = size.error().kind == ErrorKind::failed ? failed_result(size.error().text) : deferred_for(size.error());
  } else {
    auto one = deliver();
    r = one ? std::move(*one) : deferred_for(one.error());
  }
  ctx.scope.address = saved;
  auto results = same_for_all(batch.size(), r);
  run_shadow(ctx, t, batch, results);
  return results;
}

AddrResult deferred_result(std::string message, const Trouble& trouble, int sys_errno) {
  AddrResult r;
  r.fate = Fate::deferred;
  r.message = std::move(message);
  r.retry_scope = AddrResult::Scope::address;
  r.trouble = trouble;
  r.sys_errno = sys_errno;
  return r;
}

std::unexpected<Error> misconfigured(std::string text, int number) {
  return std::unexpected(Error{ErrorKind::config, std::move(text), number});
}

std::unexpected<Error> misconfigured_from_start(DeliverContext& ctx, const std::string& text, int number) {
  if (ctx.scope.services != nullptr)
    ctx.scope.services->log(lang::LogTarget::main_log | lang::LogTarget::panic_log,
                            fmt::format("{} {}", ctx.job.envelope.id, text));
  return std::unexpected(Error{ErrorKind::defer, text, number});
}

std::unexpected<Error> expansion_failed(const lang::Expansion& e, std::string_view transport, const Error& why,
                                        const ExpansionTrouble& trouble) {
  std::string text = fmt::format(fmt::runtime(trouble.words), e.source_text(), transport, trouble.what);
  text += ": " + why.text;
  if (trouble.panic) return misconfigured(std::move(text), trouble.number);
  return std::unexpected(Error{ErrorKind::defer, std::move(text), trouble.number});
}

Result<std::int64_t> parse_limit(std::string_view text) {
  auto n = lang::parse_expansion_integer(text);
  if (n && *n < 0) return fail(fmt::format("non-negative integer expected but \"{}\" found", trim(text)));
  return n;
}

AddrResult deferred_for(const Error& e) {
  if (e.kind == ErrorKind::config) return deferred_result(e.text, Trouble::Kind::configuration, e.sys_errno);
  return deferred_result(e.text, Trouble::Kind::other, std::min(e.sys_errno, 0));
}

AddrResult failed_result(std::string message) {
  AddrResult r;
  r.fate = Fate::failed;
  r.message = std::move(message);
  return r;
}

}  // namespace remex::transports
