// Warnings about the way through an ACL: statements that are never reached, ACLs that never accept or call themselves,
// conditions that are constant or asked at the wrong time, signatures that decide although anybody can make them.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "acl/check.h"
#include "core/base/strings.h"
#include "lang/diagnostics.h"
#include "lang/list_internal.h"
#include "lang/node.h"

namespace remex::acl {
namespace {

using lang::CheckContext;

std::uint32_t width_of(std::string_view s) { return static_cast<std::uint32_t>(std::max<std::size_t>(s.size(), 1)); }

std::string condition_source(const Item& it) {
  return it.list.is_set() ? it.list.source_text() : it.value.source_text();
}

bool can_accept(const Acl& acl) {
  const std::size_t last = deciding_statement(acl);
  for (std::size_t i = 0; i < acl.statements.size(); ++i) {
    const Statement& s = acl.statements[i];
    if ((s.verb == Verb::accept || s.verb == Verb::discard) &&
        std::none_of(s.items.begin(), s.items.end(), [](const Item& it) { return fixed_truth(it) == false; }))
      return true;
    if (i == last) return false;
  }
  return false;
}

/// Refuses under some condition: pointless when everything is refused anyway.
bool has_conditional_refusal(const Acl& acl) {
  return std::any_of(acl.statements.begin(), acl.statements.end(), [](const Statement& s) {
    return s.verb != Verb::accept && s.verb != Verb::warn && s.verb != Verb::discard &&
           std::any_of(s.items.begin(), s.items.end(), [](const Item& it) { return !fixed_truth(it); });
  });
}

void check_accepts(CheckContext& c) {
  std::set<const Acl*> told;
  for (const HookOption& h : hook_options()) {
    const lang::Expansion& e = c.config.main.*h.member;
    if (!h.must_accept) continue;
    for (const Acl* acl : may_be_named_by(c.config, e)) {
      // Chosen by a condition, an ACL that refuses everybody may be meant; one that then makes distinctions is not.
      if (can_accept(*acl) || (!e.is_constant() && !has_conditional_refusal(*acl)) || !told.insert(acl).second)
        continue;
      const auto at = c.config.acl_positions.find(acl->name);
      c.diag.warning("acl-never-accepts", at != c.config.acl_positions.end() ? at->second : e.pos(),
                     width_of(acl->name),
                     fmt::format("ACL \"{}\" (option \"{}\") never accepts: it refuses everything", acl->name, h.name),
                     "every ACL ends in an implicit deny");
    }
  }
}

void check_unreachable(CheckContext& c, const Acl& acl) {
  const std::size_t last = deciding_statement(acl);
  if (last + 1 >= acl.statements.size()) return;
  const Statement& s = acl.statements[last];
  auto& d = c.diag.warning("acl-unreachable", acl.statements[last + 1].pos,
                           width_of(to_string(acl.statements[last + 1].verb)),
                           fmt::format("ACL \"{}\": this statement is never reached", acl.name),
                           fmt::format("the \"{}\" before it has no condition that could be false", to_string(s.verb)));
  d.notes.push_back("it is at " + (c.config.files ? c.config.files->where(s.pos) : std::string()));
}

/// "deny X" and "deny ! X" together deny everything: the slip of swapped sender_domains lines.
void check_complementary(CheckContext& c, const Acl& acl) {
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
        auto& d =
            c.diag.warning("acl-denies-everything", only->pos, width_of(only->word->name),
                           fmt::format("ACL \"{}\": these two statements together deny everything", acl.name),
                           fmt::format("the statement before denies \"{}\" the other way round", only->word->name));
        d.notes.push_back("is one of the two meant for another condition (domains instead of sender_domains)?");
      }
    }
    previous = only;
  }
}

// ------------------------------------------------------------------ single conditions

/// Constants at the top of an expansion: they are in every value it can have.
std::string certain_text(const lang::Expansion& e) {
  std::string out;
  const lang::Node* n = e.root();
  if (n == nullptr || n->kind != lang::NodeKind::sequence) return out;
  for (const auto& child : n->children)
    if (child && child->kind == lang::NodeKind::constant) out += child->text;
  return out;
}

void check_condition(CheckContext& c, const Acl& acl, const Item& it) {
  if (it.word->name != "condition" || !it.value.is_set()) return;
  const std::uint32_t width = width_of(it.value.source_text());
  const auto never = [&](std::string_view text) {
    c.diag.warning(
        "not-a-boolean", it.value.pos(), width,
        fmt::format("ACL \"{}\": this condition is neither true nor false (\"{}\")", acl.name, printable(trim(text))),
        "every use is a temporary error; compare with ${if ...}");
  };
  if (const auto value = lang::closed_value(it.value)) {
    bool truth = false;
    if (!trim(*value).empty() && !lang::parse_strict_bool(*value, truth)) return never(*value);
    if (c.hints && !it.value.is_constant())
      c.diag.hint("condition-constant", it.value.pos(), width,
                  fmt::format("ACL \"{}\": this condition is always {}", acl.name,
                              !trim(*value).empty() && truth ? "true" : "false"));
    return;
  }
  const std::string certain = certain_text(it.value);
  for (const char ch : trim(certain))
    if (!is_alnum(ch) && !is_space(ch) && ch != '-' && ch != '+') return never(certain);
}

/// Old spelling of add_header; Exim still takes it.
void check_old_spelling(CheckContext& c, const Acl& acl, const Statement& s) {
  if (!c.hints || s.verb != Verb::warn) return;
  for (const Item& it : s.items)
    if (it.word->name == "message")
      c.diag.hint(
          "changed-meaning", it.pos, width_of("message"),
          fmt::format("ACL \"{}\": \"message\" in a warn statement is the old spelling of add_header", acl.name));
}

// ------------------------------------------------------------------ when an ACL runs

struct HookWalk {
  CheckContext& c;
  Hook hook;
  std::string_view option;
  std::set<const Acl*> seen;

  void visit(const Acl& acl, int depth = 0) {
    if (depth > 50 || !seen.insert(&acl).second) return;  // run time allows 20
    const std::size_t last = deciding_statement(acl);
    for (std::size_t i = 0; i < acl.statements.size() && i <= last; ++i) {
      if (acl.statements[i].verb == Verb::discard && (kDiscardHooks & hook_bit(hook)) == 0)
        c.diag.warning("acl-word-elsewhere", acl.statements[i].pos, width_of("discard"),
                       fmt::format("ACL \"{}\": \"discard\" cannot be used in the ACL of {}", acl.name, option),
                       "whoever gets here gets a temporary error");
      for (const Item& it : acl.statements[i].items) {
        item(acl, it);
        if (const Acl* inner = nested(c.config, it); inner != nullptr) visit(*inner, depth + 1);
      }
    }
  }

  void item(const Acl& acl, const Item& it) {
    if ((it.word->hooks & hook_bit(hook)) == 0)
      c.diag.warning("acl-word-elsewhere", it.pos, width_of(it.word->name),
                     fmt::format("ACL \"{}\": \"{}\" cannot be used in the ACL of {}", acl.name, it.word->name, option),
                     "whoever gets here gets a temporary error");
    if (hook != Hook::dkim || it.word->name != "dkim_status" || !it.value.is_constant() ||
        std::any_of(c.config.main_given.begin(), c.config.main_given.end(),
                    [](const auto& g) { return g.def->name == "dkim_verify_signers"; }))
      return;
    for (const auto& w : lang::split_list(it.value.constant()))
      if (w == "none")
        c.diag.warning(
            "dkim-status-none", it.value.pos(), width_of(it.value.source_text()),
            fmt::format("ACL \"{}\": a DKIM ACL runs once per signature, so the status is never \"none\"", acl.name),
            "test for a missing signature in the DATA ACL");
  }
};

void check_hooks(CheckContext& c) {
  for (const HookOption& h : hook_options()) {
    HookWalk walk{c, h.hook, h.name, {}};
    for (const Acl* acl : may_be_named_by(c.config, c.config.main.*h.member)) walk.visit(*acl);
  }
}

// ------------------------------------------------------------------ signatures

bool mentions(const Item& it, std::span<const std::string_view> words) {
  for (const std::string_view w : words)
    if (it.word->name == w || (it.value.is_set() && it.value.source_text().find(w) != std::string::npos) ||
        (it.list.is_set() && it.list.source_text().find(w) != std::string::npos))
      return true;
  return false;
}

/// Every way to be accepted asks for dkim_status = pass, and nothing asks whose signature it is.
void check_signature(CheckContext& c, const Acl& acl) {
  static constexpr std::string_view kWhose[] = {"dkim_signers",  "dkim_login",    "dkim_cur_signer", "dkim_domain",
                                                "dkim_identity", "authenticated", "dmarc_status",    "acl"};
  const Item* status = nullptr;
  const std::size_t last = deciding_statement(acl);
  for (std::size_t i = 0; i < acl.statements.size() && i <= last; ++i) {
    const Statement& s = acl.statements[i];
    const Item* here = nullptr;
    for (const Item& it : s.items) {
      if (mentions(it, kWhose)) return;
      if (it.word->name != "dkim_status" || it.negated || !it.value.is_constant()) continue;
      const auto words = lang::split_list(it.value.constant());
      if (words.size() == 1 && iequals(words[0], "pass")) here = &it;
    }
    if (s.verb == Verb::require && here != nullptr) status = here;
    if (s.verb != Verb::accept && s.verb != Verb::discard) continue;
    if (here != nullptr) status = here;
    if (here == nullptr && status == nullptr) return;  // accepted for another reason
  }
  if (status == nullptr) return;
  c.diag.warning("dkim-login-unaligned", status->value.pos(), width_of(status->value.source_text()),
                 fmt::format("ACL \"{}\": anybody's valid signature is enough", acl.name),
                 "use dkim_login, or tie the signer to the sender and to From:");
}

// ------------------------------------------------------------------ ACLs in ACLs

class CallSearch {
 public:
  explicit CallSearch(CheckContext& c) : c_(c) {}
  void from(const Acl& acl, int depth = 0) {
    state_[&acl] = 1;
    for (const Statement& s : acl.statements)
      for (const Item& it : s.items) {
        const Acl* inner = nested(c_.config, it);
        if (inner == nullptr) continue;
        const int state = state_[inner];
        if (state == 0 && depth < 500) from(*inner, depth + 1);
        if (state == 1)
          c_.diag.warning("acl-calls-itself", it.value.pos(), width_of(it.value.source_text()),
                          inner == &acl ? fmt::format("ACL \"{}\" calls itself", acl.name)
                                        : fmt::format("ACL \"{}\" calls \"{}\", which calls it", acl.name, inner->name),
                          "ACLs nest 20 deep at most, then it is a temporary error");
      }
    state_[&acl] = 2;
  }
  bool seen(const Acl& acl) { return state_[&acl] != 0; }

 private:
  CheckContext& c_;
  std::map<const Acl*, int> state_;
};

}  // namespace

std::optional<bool> fixed_truth(const Item& it) {
  if (it.word->kind != WordKind::condition) return true;
  std::optional<bool> truth;
  if (it.word->name == "condition" && it.value.is_set()) {
    bool b = false;
    if (const auto value = lang::closed_value(it.value)) {
      if (trim(*value).empty())
        truth = false;
      else if (lang::parse_strict_bool(*value, b))
        truth = b;
    }
  } else if ((it.word->name == "hosts" || it.word->name == "domains") && it.list.is_set() &&
             it.list.constant_items() != nullptr && !it.list.constant_items()->items.empty()) {
    const lang::ListItem& first = it.list.constant_items()->items.front();
    if (first.kind == lang::ItemKind::everything || (first.kind == lang::ItemKind::suffix && first.target.empty()))
      truth = !first.negated;
  }
  if (truth && it.negated) truth = !*truth;
  return truth;
}

std::size_t deciding_statement(const Acl& acl) {
  for (std::size_t i = 0; i < acl.statements.size(); ++i) {
    const Statement& s = acl.statements[i];
    if (s.verb == Verb::warn) continue;
    const auto is = [](bool want) { return [want](const Item& it) { return fixed_truth(it) == want; }; };
    const bool decides = s.verb == Verb::require ? std::any_of(s.items.begin(), s.items.end(), is(false))
                                                 : std::all_of(s.items.begin(), s.items.end(), is(true));
    if (decides) return i;
  }
  return acl.statements.size();
}

void check_flow(CheckContext& c) {
  check_accepts(c);
  check_hooks(c);
  CallSearch calls(c);
  for (const auto& [name, compiled] : c.config.acls) {
    const auto& acl = static_cast<const Acl&>(*compiled);
    check_unreachable(c, acl);
    check_complementary(c, acl);
    if (!calls.seen(acl)) calls.from(acl);
    for (const Statement& s : acl.statements) {
      check_old_spelling(c, acl, s);
      for (const Item& it : s.items) check_condition(c, acl, it);
    }
  }
  std::set<const Acl*> signature;
  for (const auto member : {&lang::MainOptions::acl_smtp_dkim, &lang::MainOptions::acl_smtp_data})
    for (const Acl* acl : may_be_named_by(c.config, c.config.main.*member))
      if (signature.insert(acl).second) check_signature(c, *acl);
}

}  // namespace remex::acl
