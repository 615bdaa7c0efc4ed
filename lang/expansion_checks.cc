// Warnings about single expansions: strangers' data where it is refused, patterns that explode, lists that are not
// expanded, variables that nothing sets, constructs that older versions read differently.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "core/base/strings.h"
#include "lang/checks.h"
#include "lang/list_internal.h"
#include "lang/lookup.h"
#include "lang/node.h"

namespace remex::lang {
namespace {

constexpr std::size_t kMaxTried = 50;  // different patterns that are really matched; more are not worth a slow start

class ExpansionCheck {
 public:
  explicit ExpansionCheck(CheckContext& c) : c_(c) {}

  void expansion(const Expansion& e, const CheckPlace& place) {
    if (e.is_constant() || e.root() == nullptr) return;
    if (c_.hints) stray_brace(e, place);
    walk(*e.root(), [&](const Node& n) { node(n, e, place); });
  }

  void list(const MatchList& l, const CheckPlace& place) {
    if (l.constant_items() == nullptr) return expanded_list(l, place);
    for (const ListItem& item : l.constant_items()->items)
      if (item.kind == ItemKind::regex)
        regex(item.text, place.pos, static_cast<std::uint32_t>(item.text.size()), place);
  }

 private:
  /// A list that is expanded when it is used: what is certain of its items is looked at now.
  void expanded_list(const MatchList& l, const CheckPlace& place) {
    const Expansion& e = l.expansion();
    if (!e.is_set() || e.root() == nullptr || e.root()->kind != NodeKind::sequence) return;
    if (trim_left(l.source_text()).starts_with('<')) return;
    std::string text;
    for (const NodePtr& part : e.root()->children) {
      if (part && part->kind == NodeKind::constant)
        text += part->text;
      else if (text.empty() || text.back() != '\x01')
        text += '\x01';
    }
    list_text(l.kind(), text, place.pos, static_cast<std::uint32_t>(l.source_text().size()), place);
  }

  void node(const Node& n, const Expansion& e, const CheckPlace& place) {
    if (n.kind == NodeKind::variable) return variable(n, e, place);
    if (n.kind == NodeKind::condition && n.condition != nullptr) return condition(n, e, place);
    if (n.kind == NodeKind::item && n.item != nullptr) return item(n, e, place);
  }

  void condition(const Node& n, const Expansion& e, const CheckPlace& place) {
    const std::string_view name = n.condition->name;
    if (name == "match") return pattern(n, 1, e, place);
    if (name == "exists") return sink(n, 0, "file name", e, place);
    static constexpr std::string_view kLists[] = {"match_domain", "match_address", "match_local_part", "match_ip"};
    if (std::find(std::begin(kLists), std::end(kLists), name) == std::end(kLists) || n.children.size() < 2) return;
    const Node& text = *n.children[1];
    constexpr ListKind kKinds[] = {ListKind::domain, ListKind::address, ListKind::local_part, ListKind::host};
    if (text.kind == NodeKind::constant)
      list_text(kKinds[std::find(std::begin(kLists), std::end(kLists), name) - std::begin(kLists)], text.text,
                e.source().at(text.offset), std::max<std::uint32_t>(text.length, 1), place);
    for (std::size_t i = 0; i + 1 < text.text.size(); ++i) {
      if (text.text[i] != '$' || !(is_alpha(text.text[i + 1]) || text.text[i + 1] == '{')) continue;
      c_.diag.warning(
          "dollar-in-list", e.source().at(text.offset), std::max<std::uint32_t>(text.length, 1),
          fmt::format("{}: the list of {} is not expanded, \"$\" is a character like others", place.text(), name),
          "use inlist, forany or a named list");
      return;
    }
  }

  /// A literal brace without its partner between expansions: mostly one brace too many or too few.
  void stray_brace(const Expansion& e, const CheckPlace& place) {
    const Node& root = *e.root();
    if (root.kind != NodeKind::sequence) return;
    int open = 0;
    const Node* stray = nullptr;
    bool item = false;
    for (const NodePtr& part : root.children) {
      if (!part) continue;
      item = item || part->kind == NodeKind::item || part->kind == NodeKind::op;
      if (part->kind != NodeKind::constant) continue;
      for (const char ch : part->text) {
        if (ch != '{' && ch != '}') continue;
        if (ch == '}' && open == 0) stray = part.get();
        open += ch == '{' ? 1 : open > 0 ? -1 : 0;
      }
      if (open > 0 && stray == nullptr) stray = part.get();
    }
    if (!item || stray == nullptr || (open == 0 && stray->text.find('}') == std::string::npos)) return;
    c_.diag.hint(
        "stray-brace", e.source().at(stray->offset), std::max<std::uint32_t>(stray->length, 1),
        fmt::format("{}: \"{}\" is text: a brace without its partner", place.text(), printable(trim(stray->text))),
        "\\\\{ and \\\\} if it is meant");
  }

  /// Items of a list that is text of the configuration; \x01 stands for what is not known.
  void list_text(ListKind kind, std::string_view text, Pos pos, std::uint32_t length, const CheckPlace& place) {
    const auto warn = [&](const std::string& why, const std::string& hint) {
      c_.diag.warning("bad-list-in-expansion", pos, length, fmt::format("{}: {}", place.text(), why), hint);
    };
    const auto items = compile_items(kind, split_list(text), *c_.config.registries);
    for (const ListItem& item : items->items) {
      if (item.kind == ItemKind::invalid) {
        std::string_view spec, rest;
        const bool lookup = split_lookup_item(item.text, spec, rest);
        if ((lookup ? spec : std::string_view(item.text)).find('\x01') != std::string_view::npos) continue;
        const std::string_view near =
            lookup ? nearest_lookup(lookup_type_word(spec), *c_.config.registries) : std::string_view();
        return warn(item.error, near.empty() ? std::string() : fmt::format("did you mean \"{}\"?", near));
      }
      if (item.kind == ItemKind::named && kind != ListKind::string && item.target.find('\x01') == std::string::npos &&
          c_.config.named_list(kind, item.target) == nullptr) {
        std::vector<std::string_view> known;
        for (const auto& [name, list] : c_.config.named_lists[static_cast<std::size_t>(kind)]) known.push_back(name);
        const std::string_view near = nearest(item.target, known);
        return warn(fmt::format("there is no named list \"+{}\"", printable(item.target)),
                    near.empty() ? std::string() : fmt::format("did you mean \"+{}\"?", near));
      }
    }
  }

  void item(const Node& n, const Expansion& e, const CheckPlace& place) {
    const std::string_view name = n.item->name;
    if (name == "sg") return pattern(n, 1, e, place);
    if (name == "readfile") return sink(n, 0, "file name", e, place);
    if (name == "readsocket") return sink(n, 0, "socket name", e, place);
    if (name == "run" && c_.hints && !n.children.empty() && n.children[0]->text.find('$') != std::string::npos)
      c_.diag.hint("changed-meaning", e.source().at(n.offset), 5,
                   fmt::format("{}: since Exim 4.96 ${{run...}} splits the command before it expands the arguments",
                               place.text()),
                   "an argument stays one argument, whatever is in it");
    if (n.lookup == nullptr) return;
    if (n.lookup->style == LookupStyle::single_key) return sink(n, 1, "file name of the lookup", e, place);
    if (n.lookup->needs_quoting && !n.children.empty()) query(n, e, place);
  }

  void sink(const Node& n, std::size_t child, std::string_view what, const Expansion& e, const CheckPlace& place) {
    if (n.children.size() <= child || !n.children[child]) return;
    const Node& text = *n.children[child];
    if (text.kind == NodeKind::constant) return;
    const TaintFlow flow = taint_of(text, c_.flows);
    if (flow.state != TaintState::tainted) return;
    refuse(fmt::format("{}: the {} has tainted data in it and will be refused", place.text(), what), text, flow, e);
  }

  /// Every tainted part of a query stands inside ${quote_<type>:...} of its own type.
  void query(const Node& n, const Expansion& e, const CheckPlace& place) {
    const Node& q = *n.children[0];
    const auto bad = [&](const Node& part) {
      if (part.kind != NodeKind::variable && part.kind != NodeKind::header) return false;
      const TaintFlow flow = taint_of(part, c_.flows);
      if (flow.state != TaintState::tainted) return false;
      refuse(fmt::format("{}: ${} stands unquoted in a {} query and will be refused", place.text(), flow.culprit,
                         n.lookup->name),
             part, flow, e, fmt::format("${{quote_{}:${}}}", n.lookup->name, flow.culprit));
      return true;
    };
    if (q.kind != NodeKind::sequence) {
      bad(q);
      return;
    }
    for (const NodePtr& part : q.children)
      if (part && bad(*part)) return;
  }

  void refuse(const std::string& message, const Node& at, const TaintFlow& flow, const Expansion& e,
              const std::string& better = {}) {
    Diagnostic& d =
        c_.diag.warning("taint-in-expansion", e.source().at(at.offset), std::max<std::uint32_t>(at.length, 1), message,
                        better.empty() ? fmt::format("${} comes from the message or the peer", flow.culprit) : better);
    if (!flow.path.empty()) d.notes.push_back(flow.path);
    if (better.empty()) d.notes.push_back(taint_remedy(flow.culprit));
  }

  void pattern(const Node& n, std::size_t child, const Expansion& e, const CheckPlace& place) {
    if (n.children.size() <= child || !n.children[child] || n.children[child]->kind != NodeKind::constant) return;
    const Node& text = *n.children[child];
    regex(text.text, e.source().at(text.offset), std::max<std::uint32_t>(text.length, 1), place);
  }

  void regex(const std::string& pattern, Pos pos, std::uint32_t length, const CheckPlace& place) {
    auto it = tried_.find(pattern);
    if (it == tried_.end()) {
      if (tried_.size() >= kMaxTried || pattern.find(')') == std::string::npos) return;
      it = tried_.emplace(pattern, explosive_text(pattern)).first;
    }
    if (!it->second) return;
    c_.diag
        .warning("explosive-regex", pos, length,
                 fmt::format("{}: this pattern can take exponential time", place.text()),
                 "a repetition inside a repetition")
        .notes.push_back(fmt::format("\"{}\" runs into the match limit", printable(*it->second)));
  }

  void variable(const Node& n, const Expansion& e, const CheckPlace& place) {
    const std::string& name = n.text;
    if (!name.starts_with("acl_") && !name.starts_with("r_")) return;
    if (c_.hidden_sets || c_.variables_set.contains(name) || name.starts_with("acl_arg") ||
        name.starts_with("acl_narg") || name.starts_with("acl_verify"))
      return;
    std::vector<std::string_view> known(c_.variables_set.begin(), c_.variables_set.end());
    const std::string_view near = nearest(name, known);
    c_.diag.warning("never-set", e.source().at(n.offset), static_cast<std::uint32_t>(name.size() + 1),
                    fmt::format("{}: nothing sets ${}: it is always empty", place.text(), name),
                    near.empty() ? std::string() : fmt::format("did you mean \"${}\"?", near));
  }

  CheckContext& c_;
  std::unordered_map<std::string, std::optional<std::string>> tried_;
};

}  // namespace

void check_expansions(CheckContext& c) {
  ExpansionCheck check(c);
  for_each_expansion(c.config, [&](const Expansion& e, const CheckPlace& place) { check.expansion(e, place); });
  for_each_given_list(c.config, [&](const MatchList& l, const CheckPlace& place) { check.list(l, place); });
}

}  // namespace remex::lang
