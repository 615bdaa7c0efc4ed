// match (regular expressions), match_domain and its kin, inlist, isip, exists, forany, forall, acl.
#include <fmt/format.h>
#include <sys/stat.h>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "lang/compiler.h"
#include "lang/json_fields.h"
#include "lang/list.h"
#include "lang/list_cursor.h"
#include "lang/list_internal.h"
#include "lang/node.h"
#include "lang/operand.h"
#include "lang/regex.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

struct RegexExtra : NodeExtra {
  std::shared_ptr<const Regex> regex;
};

Status parse_match(Parser& p, Node& node) {
  for (int i = 0; i < 2; ++i) {
    p.skip_blanks();
    if (p.peek() != '{') {
      return p.fail(
          "missing-brace",
          i == 0 ? std::string("missing { after \"match\"") : std::string("missing 2nd string in {} after \"match\""),
          p.position());
    }
    REMEX_CHECK(p.group(node));
  }
  const Node& pattern = *node.children[1];
  if (pattern.kind != NodeKind::constant) return {};
  auto regex = Regex::cached(pattern.text);
  if (!regex) return p.fail("bad-regex", regex.error().text, pattern.offset, pattern.length);
  auto extra = std::make_unique<RegexExtra>();
  extra->regex = std::move(*regex);
  node.extra = std::move(extra);
  return {};
}

Result<bool> test_match(const Node& node, Scope& scope) {
  Operand subject, pattern;
  REMEX_CHECK(subject.take(node, 0, scope));
  std::shared_ptr<const Regex> made;
  const Regex* regex = nullptr;
  if (node.extra != nullptr) {
    regex = static_cast<const RegexExtra&>(*node.extra).regex.get();
  } else {
    REMEX_CHECK(pattern.take(node, 1, scope));
    REMEX_TRY(made, Regex::cached(pattern.view()));
    regex = made.get();
  }
  if (node.only_truth) return regex->search(subject.view(), nullptr);
  thread_local Regex::Spans spans;
  REMEX_TRY(const bool matched, regex->search(subject.view(), &spans));
  if (!matched) return false;
  make_captures(scope, spans.size());
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const auto [from, to] = spans[i];
    const bool set = from != std::string_view::npos;
    reassign(scope.captures[i], set ? subject.view().substr(from, to - from) : std::string_view{}, subject.taint());
  }
  return true;
}

struct ListExtra : NodeExtra {
  std::shared_ptr<const CompiledList> items;
  Expansion text;  ///< match_ip with insertions in its list; else unset
};

ListKind list_kind(const ConditionDef& def) {
  if (def.name == "match_domain") return ListKind::domain;
  if (def.name == "match_address") return ListKind::address;
  return def.name == "match_ip" ? ListKind::host : ListKind::local_part;
}

// The list is not expanded: it is text of the configuration. Escapes count, dollars do not. That of match_ip is,
// whatever the manual says; as it ends at the first closing brace, only variables can be inserted.
Status parse_list(Parser& p, Node& node) {
  p.skip_blanks();
  if (p.peek() != '{') return p.fail("missing-brace", fmt::format("missing {{ after \"{}\"", node.text), p.position());
  REMEX_CHECK(p.group(node));
  p.skip_blanks();
  if (p.peek() != '{')
    return p.fail("missing-brace", fmt::format("missing 2nd string in {{}} after \"{}\"", node.text), p.position());
  REMEX_CHECK(p.literal_dollar_group(node));
  auto extra = std::make_unique<ListExtra>();
  const Node& list = *node.children[1];
  const ListKind kind = list_kind(*node.condition);
  if (kind == ListKind::host && list.text.find('$') != std::string::npos) {
    auto text = Expansion::compile(SourceText(list.text), p.context());
    if (!text) return std::unexpected(std::move(text).error());
    extra->text = std::move(*text);
  }
  extra->items = compile_items(kind, split_list(list.text), p.registries());
  node.extra = std::move(extra);
  return {};
}

template <ListKind kind>
Result<bool> test_list(const Node& node, Scope& scope) {
  Operand subject;
  REMEX_CHECK(subject.take(node, 0, scope));
  if (kind == ListKind::host && !subject.empty() && !mail::is_ip_address(subject.view())) {
    return fail(fmt::format("\"{}\" is not an IP address", subject.view()));
  }
  const auto& extra = static_cast<const ListExtra&>(*node.extra);
  if (node.only_truth && (kind == ListKind::domain || kind == ListKind::local_part)) {
    const PlainMatch got =
        scope.trace != nullptr ? PlainMatch() : match_plain(scope, *extra.items, kind, subject.view());
    if (got.known) return got.matched;
  }
  Result<ListMatch> m = ListMatch{};
  if (extra.text.is_set()) {
    auto list = extra.text.eval(scope);
    m = list ? match_list_text(scope, kind, *list, subject.text()) : std::unexpected(std::move(list).error());
  } else {
    m = match_compiled(scope, kind, *extra.items, Taint::clean, subject);
  }
  if (!m) {
    if (m.error().kind == ErrorKind::forced_fail) return false;
    return std::unexpected(std::move(m).error());
  }
  if (m->matched) scope.value = std::move(m->data);
  return m->matched;
}

template <bool caseless>
Result<bool> test_inlist(const Node& node, Scope& scope) {
  Operand subject, list;
  REMEX_CHECK(subject.take(node, 0, scope));
  REMEX_CHECK(list.take(node, 1, scope));
  ListCursor cursor(list.view());
  for (std::string_view item; cursor.next(item);) {
    if (caseless ? iequals(item, subject.view()) : item == subject.view()) {
      scope.value = list.with(std::string(item));
      return true;
    }
  }
  return false;
}

template <int family>
Result<bool> test_isip(const Node& node, Scope& scope) {
  Operand t;
  REMEX_CHECK(t.take(node, 0, scope));
  std::string_view s = t.view();
  if (const std::size_t zone = s.find('%'); zone != std::string_view::npos && s.find(':') < zone) s = s.substr(0, zone);
  return family == 4 ? mail::is_ipv4(s) : family == 6 ? mail::is_ipv6(s) : mail::is_ip_address(s);
}

Result<bool> test_exists(const Node& node, Scope& scope) {
  REMEX_TRY(const Text path, eval_arg(node, 0, scope));
  REMEX_CHECK(refuse_tainted(path, "filename"));
  struct stat st{};
  return stat(path.c_str(), &st) == 0;
}

Status parse_for(Parser& p, Node& node) {
  p.skip_blanks();
  if (p.peek() != '{') return p.fail("missing-brace", fmt::format("missing {{ after \"{}\"", node.text), p.position());
  REMEX_CHECK(p.group(node));
  if (!p.take('{')) return p.fail("missing-brace", fmt::format("missing {{ after \"{}\"", node.text), p.position());
  auto sub = p.condition();
  if (!sub) {
    Error e = std::move(sub).error();
    if (e.text.starts_with("unknown condition")) e.text += fmt::format(" inside \"{}\" condition", node.text);
    return std::unexpected(std::move(e));
  }
  if (!p.take('}'))
    return p.fail("missing-brace", fmt::format("missing }} at end of condition inside \"{}\"", node.text),
                  p.position());
  node.children.push_back(std::move(*sub));
  return {};
}

enum class Items { list, json, json_strings };

Result<std::vector<std::string_view>> json_items(Items kind, std::string_view text) {
  REMEX_TRY(std::vector<std::string_view> elements, json_elements(text));
  if (kind == Items::json_strings)
    for (std::string_view& e : elements) {
      REMEX_TRY(e, json_unquoted(e));
    }
  return elements;
}

template <bool any, Items kind = Items::list>
Result<bool> test_for(const Node& node, Scope& scope) {
  REMEX_TRY(const Text list, eval_arg(node, 0, scope));
  Text saved = std::move(scope.item);
  reassign(scope.item, {});
  Result<bool> truth = false;
  bool decided = false;
  const auto ask = [&](std::string_view item) {
    reassign(scope.item, item, list.taint(), list.quoter());
    auto r = eval_condition(*node.children[1], scope);
    decided = !r || *r == any;
    if (decided)
      truth = std::move(r);
    else
      truth = !any;  // until another item decides
  };
  if constexpr (kind == Items::list) {
    ListCursor cursor(list.view());
    for (std::string_view item; !decided && cursor.next(item);) ask(item);
  } else if (auto items = json_items(kind, list.view())) {
    for (std::size_t i = 0; i < items->size() && !decided; ++i) ask((*items)[i]);
  } else {
    truth = std::unexpected(std::move(items).error());
  }
  scope.item = std::move(saved);
  return truth;
}

Status parse_acl(Parser& p, Node& node) {
  if (!p.take('{')) return p.fail("missing-brace", "missing { after \"acl\"", p.position());
  p.skip_blanks();
  if (p.peek() != '{')
    return p.fail("too-few-arguments", "too few arguments or bracketing error for acl", p.position());
  REMEX_CHECK(p.groups(node, "acl", 1, 10));
  if (!p.take('}')) return p.fail("missing-brace", "missing } at end of \"acl\"", p.position());
  return {};
}

Result<bool> test_acl(const Node& node, Scope& scope) {
  if (scope.services == nullptr) return fail("ACLs cannot run here");
  REMEX_TRY(const Text name, eval_arg(node, 0, scope));
  std::vector<Text> args;
  for (std::size_t i = 1; i < node.children.size(); ++i) {
    REMEX_TRY(Text t, eval_arg(node, i, scope));
    args.push_back(std::move(t));
  }
  Text message;
  auto r = scope.services->run_acl(scope, name, args, message);
  if (!r && (r.error().kind == ErrorKind::defer || r.error().kind == ErrorKind::forced_fail)) {
    return fail(ErrorKind::forced_fail, fmt::format("DEFER from acl \"{}\"", printable(name.view())));
  }
  if (r) scope.value = message;
  return r;
}

constexpr Example kMatch[] = {{"${if match{abc}{b(.)}{$1}{n}}", "c"},
                              {"${if match{abc}{\\N^x\\N}{y}{n}}", "n"},
                              {"${if match{abc}{(}{y}{n}}", "", "missing closing parenthesis"}};
constexpr Example kInlist[] = {{"${if inlist{b}{a:b}{$value}{n}}", "b"},
                               {"${if inlist{B}{a:b}{$value}{n}}", "n"},
                               {"${if inlist{a}}", "", "missing 2nd string in {} after \"inlist\""}};
constexpr Example kInlisti[] = {{"${if inlisti{B}{a:b}{$value}{n}}", "b"},
                                {"${if inlisti{c}{a:b}{$value}{n}}", "n"},
                                {"${if inlisti{a}}", "", "missing 2nd string in {} after \"inlisti\""}};
constexpr Example kIsip[] = {{"${if isip{1.2.3.4}{y}{n}}", "y"},
                             {"${if isip{1.2.3}{y}{n}}", "n"},
                             {"${if isip}", "", "missing { after \"isip\""}};
constexpr Example kExists[] = {{"${if exists{/}{y}{n}}", "y"},
                               {"${if exists{/no/such/file}{y}{n}}", "n"},
                               {"${if exists}", "", "missing { after \"exists\""}};
constexpr Example kFor[] = {{"${if forany{a:b}{eq{$item}{b}}{y}{n}}", "y"},
                            {"${if forall{a:b}{eq{$item}{b}}{y}{n}}", "n"},
                            {"${if forany{a}}", "", "missing { after \"forany\""},
                            {"${if forall{a:b}}", "", "missing { after \"forall\""}};
constexpr Example kForanyJson[] = {{"${if forany_json{[1,2,3]}{={$item}{2}}{y}{n}}", "y"},
                                   {"${if forany_json{[1,2,3]}{={$item}{4}}{y}{n}}", "n"},
                                   {"${if forany_json{xx}{eq{$item}{a}}{y}{n}}", "", "missing '[' wrapping array"}};
constexpr Example kForallJson[] = {{"${if forall_json{[2,4]}{>{$item}{1}}{y}{n}}", "y"},
                                   {"${if forall_json{[2,4]}{>{$item}{3}}{y}{n}}", "n"},
                                   {"${if forall_json{xx}{eq{$item}{a}}{y}{n}}", "", "missing '[' wrapping array"}};
constexpr Example kForanyJsons[] = {{"${if forany_jsons{[\"a\",\"b\"]}{eq{$item}{b}}{y}{n}}", "y"},
                                    {"${if forany_jsons{[\"a\",\"b\"]}{eq{$item}{c}}{y}{n}}", "n"},
                                    {"${if forany_jsons{xx}{eq{$item}{a}}{y}{n}}", "", "missing '[' wrapping array"}};
constexpr Example kForallJsons[] = {{"${if forall_jsons{[\"a\",\"a\"]}{eq{$item}{a}}{y}{n}}", "y"},
                                    {"${if forall_jsons{[\"a\",\"b\"]}{eq{$item}{a}}{y}{n}}", "n"},
                                    {"${if forall_jsons{xx}{eq{$item}{a}}{y}{n}}", "", "missing '[' wrapping array"}};

constexpr Example kMatchDomainExamples[] = {
    {"${if match_domain{a.b.c}{*.b.c}{$value}{n}}", "*.b.c"},
    {"${if match_domain{b.c}{!b.c : *.c}{y}{n}}", "n"},
    {"${if match_domain{a}}", "", "missing 2nd string in {} after \"match_domain\""}};
constexpr Example kMatchAddressExamples[] = {
    {"${if match_address{j@b.c}{*@b.c : k@d}{$value}{n}}", "*@b.c"},
    {"${if match_address{j@b.c}{!j@b.c : *}{y}{n}}", "n"},
    {"${if match_address{joe@example.com}{+nosuch}{y}{n}}", "", "unknown named address list \"+nosuch\""}};
constexpr Example kMatchLocalPartExamples[] = {
    {"${if match_local_part{adm-x}{joe : ^adm}{y}{n}}", "y"},
    {"${if match_local_part{Joe}{!joe : *}{y}{n}}", "n"},
    {"${if match_local_part{joe}{+nosuch}{y}{n}}", "", "unknown named local part list \"+nosuch\""}};
constexpr Example kMatchIpExamples[] = {{"${if match_ip{10.1.2.3}{10.0.0.0/8 : 192.168.0.1}{y}{n}}", "y"},
                                        {"${if match_ip{10.1.2.3}{! 10.1.0.0/16 : 10.0.0.0/8}{y}{n}}", "n"},
                                        {"${if match_ip{0.0.0.0}{$sender_host_port.0.0.0}{y}{n}}", "y"},
                                        {"${if match_ip{x}{10.0.0.0/8}{y}{n}}", "", "\"x\" is not an IP address"}};
constexpr Example kIsip4Examples[] = {{"${if isip4{1.2.3.4}{y}{n}}", "y"},
                                      {"${if isip4{::1}{y}{n}}", "n"},
                                      {"${if isip4}", "", "missing { after \"isip4\""}};
constexpr Example kIsip6Examples[] = {{"${if isip6{::1}{y}{n}}", "y"},
                                      {"${if isip6{1.2.3.4}{y}{n}}", "n"},
                                      {"${if isip6}", "", "missing { after \"isip6\""}};
constexpr Example kAclExamples[] = {{"${if acl{x}{y}{n}}", "", "too few arguments or bracketing error for acl"},
                                    {"${if acl{{}", "", "missing } at end of \"acl\""}};
constexpr ConditionDef defs[] = {
    {.name = "match",
     .arguments = "{subject}{regex}",
     .summary = "Regular expression matches; sets $0, $1, ...",
     .doc = "PCRE2, not anchored. A pattern beyond its limits fails the expansion.",
     .examples = kMatch,
     .test = test_match,
     .parse = parse_match},
    {.name = "match_domain",
     .arguments = "{domain}{list}",
     .summary = "Domain list matches; sets $value",
     .doc = "The list is not expanded.",
     .taint = TaintRule::cleans,
     .cost = Cost::waits,
     .examples = kMatchDomainExamples,
     .test = test_list<ListKind::domain>,
     .parse = parse_list},
    {.name = "match_address",
     .arguments = "{address}{list}",
     .summary = "Address list matches; sets $value",
     .doc = "The list is not expanded.",
     .taint = TaintRule::cleans,
     .cost = Cost::waits,
     .examples = kMatchAddressExamples,
     .tier = 2,
     .test = test_list<ListKind::address>,
     .parse = parse_list},
    {.name = "match_local_part",
     .arguments = "{local part}{list}",
     .summary = "Local part list matches; sets $value",
     .doc = "The list is not expanded.",
     .taint = TaintRule::cleans,
     .cost = Cost::waits,
     .examples = kMatchLocalPartExamples,
     .tier = 2,
     .test = test_list<ListKind::local_part>,
     .parse = parse_list},
    {.name = "match_ip",
     .arguments = "{ip}{list}",
     .summary = "Host list of addresses matches",
     .doc = "Variables in the list are expanded, as Exim does; nothing with braces can stand there.",
     .taint = TaintRule::cleans,
     .cost = Cost::waits,
     .examples = kMatchIpExamples,
     .test = test_list<ListKind::host>,
     .parse = parse_list},
    {.name = "inlist",
     .arguments = "{subject}{list}",
     .summary = "The list has this item; sets $value to the list's",
     .doc = "$value has the taint of the list.",
     .examples = kInlist,
     .test = test_inlist<false>,
     .args = 2},
    {.name = "inlisti",
     .arguments = "{subject}{list}",
     .summary = "As inlist, caseless",
     .doc = "$value has the taint of the list.",
     .examples = kInlisti,
     .tier = 2,
     .test = test_inlist<true>,
     .args = 2},
    {.name = "isip",
     .arguments = "{string}",
     .summary = "Looks like an IP address",
     .doc = "A zone is allowed.",
     .examples = kIsip,
     .test = test_isip<0>,
     .args = 1},
    {.name = "isip4",
     .arguments = "{string}",
     .summary = "Looks like an IPv4 address",
     .doc = "Dotted quad.",
     .examples = kIsip4Examples,
     .tier = 2,
     .test = test_isip<4>,
     .args = 1},
    {.name = "isip6",
     .arguments = "{string}",
     .summary = "Looks like an IPv6 address",
     .doc = "A zone is allowed.",
     .examples = kIsip6Examples,
     .tier = 2,
     .test = test_isip<6>,
     .args = 1},
    {.name = "exists",
     .arguments = "{path}",
     .summary = "The file exists",
     .doc = "Refuses tainted names.",
     .cost = Cost::reads,
     .examples = kExists,
     .test = test_exists,
     .args = 1},
    {.name = "forany",
     .arguments = "{list}{condition}",
     .summary = "Holds for one item; $item",
     .doc = "The list is expanded.",
     .examples = kFor,
     .tier = 2,
     .test = test_for<true>,
     .parse = parse_for},
    {.name = "forall",
     .arguments = "{list}{condition}",
     .summary = "Holds for all items; $item",
     .doc = "The list is expanded. An empty list does not hold.",
     .examples = kFor,
     .tier = 2,
     .test = test_for<false>,
     .parse = parse_for},
    {.name = "forany_json",
     .arguments = "{json array}{condition}",
     .summary = "Holds for one element; $item",
     .doc = "The text of the element.",
     .examples = kForanyJson,
     .tier = 3,
     .test = test_for<true, Items::json>,
     .parse = parse_for},
    {.name = "forall_json",
     .arguments = "{json array}{condition}",
     .summary = "Holds for all elements; $item",
     .doc = "The text of the element. An empty array does not hold.",
     .examples = kForallJson,
     .tier = 3,
     .test = test_for<false, Items::json>,
     .parse = parse_for},
    {.name = "forany_jsons",
     .arguments = "{json array}{condition}",
     .summary = "As forany_json, strings without their quotes",
     .doc = "Elements must be strings.",
     .examples = kForanyJsons,
     .tier = 3,
     .test = test_for<true, Items::json_strings>,
     .parse = parse_for},
    {.name = "forall_jsons",
     .arguments = "{json array}{condition}",
     .summary = "As forall_json, strings without their quotes",
     .doc = "Elements must be strings.",
     .examples = kForallJsons,
     .tier = 3,
     .test = test_for<false, Items::json_strings>,
     .parse = parse_for},
    {.name = "acl",
     .arguments = "{{name}{arg}...}",
     .summary = "Run an ACL: accept is true",
     .doc = "Its message is $value; defer is a forced failure.",
     .cost = Cost::waits,
     .examples = kAclExamples,
     .tier = 2,
     .test = test_acl,
     .parse = parse_acl},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::conditions {
extern const std::span<const ConditionDef> match;
constinit const std::span<const ConditionDef> match{lang::defs};
}  // namespace remex::registry::conditions
