// Static checks over ACLs, run at every load: references that lead nowhere (errors), and from here those of policies
// that cannot mean what they say (warnings; flow_check.cc, relay_check.cc).
#include "acl/check.h"

#include <fmt/core.h>

#include "acl/scan.h"
#include "core/base/strings.h"
#include "lang/diagnostics.h"
#include "lang/list_checks.h"
#include "lang/smtp_ratelimit.h"

namespace remex::acl {
namespace {

using M = lang::MainOptions;
constexpr HookOption kHookOptions[] = {
    {"acl_not_smtp", &M::acl_not_smtp, Hook::not_smtp, true},
    {"acl_not_smtp_mime", &M::acl_not_smtp_mime, Hook::mime, true},
    {"acl_not_smtp_start", &M::acl_not_smtp_start, Hook::not_smtp_start, false},
    {"acl_smtp_auth", &M::acl_smtp_auth, Hook::auth, true},
    {"acl_smtp_connect", &M::acl_smtp_connect, Hook::connect, true},
    {"acl_smtp_data", &M::acl_smtp_data, Hook::data, true},
    {"acl_smtp_data_prdr", &M::acl_smtp_data_prdr, Hook::prdr, true},
    {"acl_smtp_dkim", &M::acl_smtp_dkim, Hook::dkim, true},
    {"acl_smtp_etrn", &M::acl_smtp_etrn, Hook::etrn, false},
    {"acl_smtp_expn", &M::acl_smtp_expn, Hook::expn, false},
    {"acl_smtp_helo", &M::acl_smtp_helo, Hook::helo, true},
    {"acl_smtp_mail", &M::acl_smtp_mail, Hook::mail, true},
    {"acl_smtp_mailauth", &M::acl_smtp_mailauth, Hook::mailauth, false},
    {"acl_smtp_mime", &M::acl_smtp_mime, Hook::mime, true},
    {"acl_smtp_notquit", &M::acl_smtp_notquit, Hook::notquit, false},
    {"acl_smtp_predata", &M::acl_smtp_predata, Hook::predata, true},
    {"acl_smtp_quit", &M::acl_smtp_quit, Hook::quit, false},
    {"acl_smtp_rcpt", &M::acl_smtp_rcpt, Hook::rcpt, true},
    {"acl_smtp_starttls", &M::acl_smtp_starttls, Hook::starttls, true},
    {"acl_smtp_vrfy", &M::acl_smtp_vrfy, Hook::vrfy, false},
};

void check_references(const lang::Config& config, lang::Diagnostics& diag) {
  std::vector<std::string_view> names;
  names.reserve(config.acl_positions.size());
  for (const auto& [name, pos] : config.acl_positions) names.push_back(name);
  const auto unknown = [&](std::string_view what, std::string_view name, lang::Pos pos) {
    const auto near = nearest(name, names);
    diag.error("unknown-acl", pos, static_cast<std::uint32_t>(name.size()),
               fmt::format("{}: there is no ACL \"{}\"", what, name),
               near.empty() ? "" : fmt::format("did you mean \"{}\"?", near));
  };
  for (const HookOption& h : kHookOptions) {
    const lang::Expansion& e = config.main.*h.member;
    if (!e.is_set() || !e.is_constant()) continue;
    const std::string_view name = trim(e.constant());
    if (is_acl_name(name) && !config.acl_positions.contains(std::string(name)))
      unknown(fmt::format("option \"{}\"", h.name), name, e.pos());
  }
  for (const auto& [name, compiled] : config.acls)
    for (const Statement& s : static_cast<const Acl&>(*compiled).statements)
      for (const Item& it : s.items) {
        if (it.list.is_set() && it.list.constant_items() != nullptr)
          lang::check_list_references(config, it.list, fmt::format("ACL \"{}\": \"{}\"", name, it.word->name),
                                      it.list.expansion().is_set() ? it.list.expansion().pos() : it.pos, diag);
        if (it.word->name != "acl" || !it.value.is_constant()) continue;
        const std::string_view text = trim(it.value.constant());
        const std::string_view target = text.substr(0, text.find_first_of(" \t"));
        if (is_acl_name(target) && !config.acl_positions.contains(std::string(target)))
          unknown(fmt::format("ACL \"{}\"", name), target, it.value.pos());
      }
}

/// The values of smtp_ratelimit_mail and _rcpt.
void check_rate_limits(const lang::Config& config, lang::Diagnostics& diag) {
  for (const auto& g : config.main_given) {
    const bool mail = g.def->name == "smtp_ratelimit_mail";
    if (!mail && g.def->name != "smtp_ratelimit_rcpt") continue;
    const std::string& text = mail ? config.main.smtp_ratelimit_mail : config.main.smtp_ratelimit_rcpt;
    if (auto limit = lang::parse_rate_limit(text); !limit)
      diag.error("bad-value", g.pos, static_cast<std::uint32_t>(g.def->name.size()),
                 fmt::format("option \"{}\": {}", g.def->name, limit.error().text), "like 2,0.5s,1.05,4m");
  }
}

}  // namespace

std::span<const HookOption> hook_options() { return kHookOptions; }

bool is_acl_name(std::string_view s) {
  Verb verb{};
  if (s.empty() || parse_verb(s, verb)) return false;
  for (const char c : s)
    if (!is_alnum(c) && c != '_' && c != '-') return false;
  return true;
}

const Acl* named_by(const lang::Config& config, const lang::Expansion& e) {
  if (!e.is_set() || !e.is_constant()) return nullptr;
  return static_cast<const Acl*>(config.find_acl(trim(e.constant())));
}

std::vector<const Acl*> may_be_named_by(const lang::Config& config, const lang::Expansion& e) {
  std::vector<const Acl*> out;
  if (!e.is_set()) return out;
  if (e.is_constant()) {
    if (const Acl* acl = named_by(config, e); acl != nullptr) out.push_back(acl);
    return out;
  }
  const std::string& text = e.source_text();
  const auto part = [](char c) { return is_alnum(c) || c == '_' || c == '-'; };
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && part(text[end])) ++end;
    if (end > i)
      if (const auto* acl = static_cast<const Acl*>(config.find_acl(std::string_view(text).substr(i, end - i))))
        out.push_back(acl);
    i = std::max(end, i + 1);
  }
  return out;
}

const Acl* nested(const lang::Config& config, const Item& it) {
  if (it.word->name != "acl" || !it.value.is_constant()) return nullptr;
  const std::string_view text = trim(it.value.constant());
  return static_cast<const Acl*>(config.find_acl(text.substr(0, text.find_first_of(" \t"))));
}

void each_acl_value(const lang::Config& config, const std::function<void(const lang::AclValue&)>& visit) {
  for (const auto& [name, compiled] : config.acls)
    for (const Statement& s : static_cast<const Acl&>(*compiled).statements)
      for (const Item& it : s.items) {
        const lang::Pos pos = it.value.is_set()                                  ? it.value.pos()
                              : it.list.is_set() && it.list.expansion().is_set() ? it.list.expansion().pos()
                                                                                 : it.pos;
        visit({name, it.word->name, it.variable, pos, it.value.is_set() ? &it.value : nullptr,
               it.list.is_set() ? &it.list : nullptr});
      }
}

void check_acls(const lang::Config& config, lang::CheckContext& context) {
  check_scanners(config, context.diag);
  check_rate_limits(config, context.diag);
  check_references(config, context.diag);
  if (!context.warn || context.diag.has_errors()) return;
  check_flow(context);
  check_relay(context);
}

}  // namespace remex::acl
