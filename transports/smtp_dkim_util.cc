// DKIM signing for the smtp transport: expands the dkim_* options for every domain and selector and calls msgauth.
// An empty or false private key means "do not sign" and is never an error, not even with dkim_strict.
#include <fmt/core.h>

#include <algorithm>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/msgauth/dkim_sign.h"
#include "transports/smtp_options_util.h"

namespace remex::transports {
namespace {

/// Empty for unset and forced failure.
Result<std::string> expand(DeliverContext& ctx, const lang::Expansion& e, std::string_view what) {
  if (!e.is_set()) return std::string();
  auto text = e.eval(ctx.scope);
  if (text) return std::string(trim(text->view()));
  if (text.error().kind == ErrorKind::forced_fail) return std::string();
  return fail(fmt::format("failed to expand {}: {}", what, text.error().text));
}

std::vector<std::string> unique_items(const std::string& list) {
  std::vector<std::string> out;
  for (std::string& item : lang::split_list(list))
    if (!item.empty() && std::find(out.begin(), out.end(), item) == out.end()) out.push_back(std::move(item));
  return out;
}

/// The options of one signature; nullopt: this one is not to be made.
Result<std::optional<msgauth::DkimSignOptions>> one_signature(DeliverContext& ctx, const SmtpOptions& o,
                                                              const std::string& domain, const std::string& selector) {
  if (ctx.scope.delivery != nullptr) {
    ctx.scope.delivery->dkim_domain = domain;
    ctx.scope.delivery->dkim_selector = selector;
  }
  msgauth::DkimSignOptions s;
  s.domain = domain;
  s.selector = selector;
  if (!o.dkim_private_key.is_set()) return fail("dkim_private_key is not set");
  auto key = o.dkim_private_key.eval(ctx.scope);
  if (!key) {
    if (key.error().kind == ErrorKind::forced_fail) return std::nullopt;
    return fail(fmt::format("failed to expand dkim_private_key: {}", key.error().text));
  }
  s.private_key = std::string(trim(key->view()));
  if (msgauth::dkim_key_disabled(s.private_key)) return std::nullopt;
  if (s.private_key.starts_with('/') && key->is_tainted())
    return fail(fmt::format("Tainted '{}' (file name for dkim_private_key) not permitted", printable(s.private_key)));
  REMEX_TRY(s.canon, expand(ctx, o.dkim_canon, "dkim_canon"));
  REMEX_TRY(s.hash, expand(ctx, o.dkim_hash, "dkim_hash"));
  REMEX_TRY(s.identity, expand(ctx, o.dkim_identity, "dkim_identity"));
  REMEX_TRY(s.sign_headers, expand(ctx, o.dkim_sign_headers, "dkim_sign_headers"));
  REMEX_TRY(const std::string times, expand(ctx, o.dkim_timestamps, "dkim_timestamps"));
  if (!times.empty()) {
    s.timestamps = parse_int(times);
    if (!s.timestamps) return fail(fmt::format("dkim_timestamps \"{}\" is not a number", printable(times)));
  }
  s.now = wall_seconds();
  return s;
}

Result<std::vector<msgauth::DkimSignOptions>> all_signatures(DeliverContext& ctx, const SmtpOptions& o) {
  std::vector<msgauth::DkimSignOptions> out;
  REMEX_TRY(const std::string domains, expand(ctx, o.dkim_domain, "dkim_domain"));
  for (const std::string& domain : unique_items(domains)) {
    const std::string lower = to_lower(domain);
    if (ctx.scope.delivery != nullptr) ctx.scope.delivery->dkim_domain = lower;
    REMEX_TRY(const std::string selectors, expand(ctx, o.dkim_selector, "dkim_selector"));
    const auto names = unique_items(selectors);
    if (names.empty()) return fail(fmt::format("no dkim_selector for domain {}", printable(lower)));
    for (const std::string& selector : names) {
      REMEX_TRY(auto one, one_signature(ctx, o, lower, selector));
      if (one) out.push_back(std::move(*one));
    }
  }
  return out;
}

Result<std::string> make_signatures(DeliverContext& ctx, const SmtpOptions& o, const std::string& headers,
                                    const mail::Body& body) {
  REMEX_TRY(const auto options, all_signatures(ctx, o));
  if (options.empty()) return std::string();
  mail::HeaderList list;
  mail::split_headers(headers, list);
  // Key files and big bodies are read and RSA is slow: not on the loop.
  auto results = io::offload([&] { return msgauth::dkim_sign(list, body, options); });
  std::string out;
  for (auto& r : results) {
    if (!r) return fail(r.error().text);
    out += *r;
    if (!out.ends_with('\n')) out += '\n';
  }
  return out;
}

Result<bool> is_strict(DeliverContext& ctx, const SmtpOptions& o) {
  if (!o.dkim_strict.is_set()) return false;
  auto text = o.dkim_strict.eval(ctx.scope);
  if (!text) {
    if (text.error().kind == ErrorKind::forced_fail) return false;
    return defer(fmt::format("failed to expand dkim_strict: {}", text.error().text));
  }
  const std::string_view s = trim(text->view());
  return s == "1" || iequals(s, "true");
}

}  // namespace

Result<std::string> sign_message(DeliverContext& ctx, const lang::DriverInstance& t, const std::string& headers,
                                 const mail::Body& body) {
  const auto& o = static_cast<const SmtpOptions&>(*t.options);
  if (!o.dkim_domain.is_set()) return std::string();
  auto made = make_signatures(ctx, o, headers, body);
  if (ctx.scope.delivery != nullptr) {
    ctx.scope.delivery->dkim_domain.clear();
    ctx.scope.delivery->dkim_selector.clear();
  }
  if (made) return made;
  if (ctx.scope.services != nullptr)
    ctx.scope.services->log(
        static_cast<int>(lang::LogTarget::main_log),
        fmt::format("{} DKIM: message could not be signed: {}", ctx.job.envelope.id, made.error().text));
  REMEX_TRY(const bool strict, is_strict(ctx, o));
  if (!strict) return std::string();
  return defer(fmt::format("DKIM signing failed: {}", made.error().text));
}

}  // namespace remex::transports
