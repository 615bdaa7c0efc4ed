// Static checks over ACLs, run at every load: references that lead nowhere (errors), and policies that cannot mean what
// they say (warnings).

#include <fmt/core.h>

#include <set>

#include "acl/internal.h"
#include "acl/scan.h"
#include "core/base/strings.h"
#include "lang/diagnostics.h"
#include "lang/smtp_ratelimit.h"

namespace remex::acl {
namespace {

struct HookOption {
  std::string_view name;
  const lang::Expansion lang::MainOptions::* member;
  bool must_accept;  ///< an ACL for it that never accepts refuses everything
};
constexpr HookOption kHookOptions[] = {
    {"acl_not_smtp", &lang::MainOptions::acl_not_smtp, true},
    {"acl_not_smtp_start", &lang::MainOptions::acl_not_smtp_start, false},
    {"acl_smtp_auth", &lang::MainOptions::acl_smtp_auth, true},
    {"acl_smtp_connect", &lang::MainOptions::acl_smtp_connect, true},
    {"acl_smtp_data", &lang::MainOptions::acl_smtp_data, true},
    {"acl_smtp_dkim", &lang::MainOptions::acl_smtp_dkim, true},
    {"acl_smtp_helo", &lang::MainOptions::acl_smtp_helo, true},
    {"acl_smtp_mail", &lang::MainOptions::acl_smtp_mail, true},
    {"acl_smtp_predata", &lang::MainOptions::acl_smtp_predata, true},
    {"acl_smtp_quit", &lang::MainOptions::acl_smtp_quit, false},
    {"acl_smtp_rcpt", &lang::MainOptions::acl_smtp_rcpt, true},
    {"acl_smtp_starttls", &lang::MainOptions::acl_smtp_starttls, true},
    {"acl_smtp_vrfy", &lang::MainOptions::acl_smtp_vrfy, false},
};

bool is_name(std::string_view s) {
  if (s.empty()) return false;
  for (const char c : s)
    if (!is_alnum(c) && c != '_' && c != '-') return false;
  return true;
}

bool can_accept(const Acl& acl) {
  for (const Statement& s : acl.statements)
    if (s.verb == Verb::accept || s.verb == Verb::discard) return true;
  return false;
}

std::string condition_source(const Item& it) {
  return it.list.is_set() ? it.list.source_text() : it.value.source_text();
}

/// "deny X" and "deny ! X" together deny everything: the slip of swapped sender_domains lines.
void check_complementary(const Acl& acl, lang::Diagnostics& diag) {
  const Item* previous = nullptr;
  for (const Statement& s : acl.statements) {
    const Item* only = nullptr;
    int conditions = 0;
    for (const Item& it : s.items)
      if (it.word->kind == WordKind::condition) only = &it, ++conditions;
    if ((s.verb != Verb::deny && s.verb != Verb::drop) || conditions != 1) {
      if (s.verb != Verb::warn) previous = nullptr;
      continue;
    }
    const auto parts = [](const Item& it) {
      std::string text = condition_source(it);
      std::string_view t = trim(text);
      bool negated = it.negated;
      if (!t.empty() && t.front() == '!' && lang::split_list(t).size() == 1) {
        negated = !negated;
        t = trim(t.substr(1));
      }
      return std::pair(std::string(t), negated);
    };
    if (previous != nullptr && previous->word == only->word) {
      const auto [a, na] = parts(*previous);
      const auto [b, nb] = parts(*only);
      if (a == b && na != nb) {
        auto& d = diag.warning("acl-denies-everything", only->pos, static_cast<std::uint32_t>(only->word->name.size()),
                               fmt::format("ACL \"{}\": these two statements together deny everything", acl.name),
                               fmt::format("the statement before denies \"{}\" the other way round", only->word->name));
        d.notes.push_back("is one of the two meant for another condition (domains instead of sender_domains)?");
      }
    }
    previous = only;
  }
}

}  // namespace

void check_acls(const lang::Config& config, lang::Diagnostics& diag) {
  check_scanners(config, diag);
  for (const auto& g : config.main_given) {
    const bool mail = g.def->name == "smtp_ratelimit_mail";
    if (!mail && g.def->name != "smtp_ratelimit_rcpt") continue;
    const std::string& text = mail ? config.main.smtp_ratelimit_mail : config.main.smtp_ratelimit_rcpt;
    if (auto limit = lang::parse_rate_limit(text); !limit)
      diag.error("bad-value", g.pos, static_cast<std::uint32_t>(g.def->name.size()),
                 fmt::format("option \"{}\": {}", g.def->name, limit.error().text), "like 2,0.5s,1.05,4m");
  }
  std::vector<std::string_view> names;
  names.reserve(config.acls.size());
  for (const auto& [name, acl] : config.acls) names.push_back(name);
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
    Verb verb{};
    if (!is_name(name) || parse_verb(name, verb)) continue;
    const auto* acl = static_cast<const Acl*>(config.find_acl(name));
    if (acl == nullptr) {
      if (config.acl_positions.contains(std::string(name))) continue;  // it is there, with errors of its own
      unknown(fmt::format("option \"{}\"", h.name), name, e.pos());
    } else if (h.must_accept && !can_accept(*acl)) {
      diag.warning("acl-never-accepts", e.pos(), static_cast<std::uint32_t>(name.size()),
                   fmt::format("ACL \"{}\" (option \"{}\") has no accept: it refuses everything", name, h.name),
                   "every ACL ends in an implicit deny");
    }
  }
  for (const auto& [name, compiled] : config.acls) {
    const auto& acl = static_cast<const Acl&>(*compiled);
    check_complementary(acl, diag);
    for (const Statement& s : acl.statements)
      for (const Item& it : s.items) {
        if (it.word->name == "acl" && it.value.is_constant()) {
          const std::string_view text = trim(it.value.constant());
          const std::string_view target = text.substr(0, text.find_first_of(" \t"));
          if (is_name(target) && !config.acl_positions.contains(std::string(target)))
            unknown(fmt::format("ACL \"{}\"", name), target, it.value.pos());
        }
        if (it.word->name == "dkim_status" && it.value.is_constant() && name.find("dkim") != std::string::npos) {
          for (const auto& w : lang::split_list(it.value.constant()))
            if (w == "none")
              diag.warning("dkim-status-none", it.value.pos(),
                           static_cast<std::uint32_t>(it.value.source_text().size()),
                           fmt::format("ACL \"{}\": a DKIM ACL runs once per signature, so the status is \"none\" only "
                                       "for signers named in dkim_verify_signers",
                                       name),
                           "test for a missing signature in the DATA ACL");
        }
      }
  }
}

}  // namespace remex::acl
