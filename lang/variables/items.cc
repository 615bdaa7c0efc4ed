// Variables: what items, conditions and lookups leave behind.
#include "lang/variables/variable_util.h"

namespace remex::lang {
namespace {

constexpr TaintRule kClean = TaintRule::cleans;
constexpr TaintRule kPeer = TaintRule::taints;
constexpr TaintRule kKeeps = TaintRule::keeps;

Result<Text> value(Scope& s, std::string_view) { return s.value ? *s.value : Text{}; }
Result<Text> runrc(Scope& s, std::string_view) { return number(s.runrc); }
Result<Text> counter(Scope& s, std::string_view name) {
  const auto* v = extra(s, name);
  return Text(v == nullptr || v->empty() ? std::string("0") : *v);
}
Result<Text> regex_capture(Scope& s, std::string_view name) { return extra_tainted(s, name); }

const Text* peek_value(const Scope& s) { return s.value ? &*s.value : nullptr; }
const Text* peek_item(const Scope& s) { return &s.item; }

constexpr VariableDef defs[] = {
    {.name = "regex1", .taint = kKeeps, .summary = "See the item that sets it", .get = regex_capture, .tier = 3},
    {.name = "regex2", .taint = kKeeps, .summary = "See the item that sets it", .get = regex_capture, .tier = 3},
    {.name = "regex3", .taint = kKeeps, .summary = "See the item that sets it", .get = regex_capture, .tier = 3},
    {.name = "regex4", .taint = kKeeps, .summary = "See the item that sets it", .get = regex_capture, .tier = 3},
    {.name = "regex5", .taint = kKeeps, .summary = "See the item that sets it", .get = regex_capture, .tier = 3},
    {.name = "regex6", .taint = kKeeps, .summary = "See the item that sets it", .get = regex_capture, .tier = 3},
    {.name = "regex7", .taint = kKeeps, .summary = "See the item that sets it", .get = regex_capture, .tier = 3},
    {.name = "regex8", .taint = kKeeps, .summary = "See the item that sets it", .get = regex_capture, .tier = 3},
    {.name = "regex9", .taint = kKeeps, .summary = "See the item that sets it", .get = regex_capture, .tier = 3},
    {.name = "value",
     .taint = kKeeps,
     .summary = "Result of lookup, extract, run, reduce, list match",
     .get = value,
     .tier = 1,
     .peek = peek_value},
    {.name = "item",
     .taint = kKeeps,
     .summary = "Current element",
     .get = scope_text<&Scope::item>,
     .tier = 1,
     .peek = peek_item},
    {.name = "runrc", .taint = kClean, .summary = "Exit code of last run", .get = runrc, .tier = 1},
    {.name = "lookup_dnssec_authenticated",
     .taint = kClean,
     .summary = "yes, no or empty",
     .get = scope_clean<&Scope::lookup_dnssec_authenticated>,
     .tier = 3},
    {.name = "prvscheck_result",
     .taint = kClean,
     .summary = "1 valid, empty not; persists",
     .get = extra_clean,
     .tier = 3},
    {.name = "prvscheck_address", .taint = kKeeps, .summary = "Decoded address", .get = extra_tainted, .tier = 3},
    {.name = "prvscheck_keynum", .taint = kKeeps, .summary = "Key number", .get = extra_tainted, .tier = 3},
    {.name = "srs_recipient", .taint = kPeer, .summary = "Decoded original recipient", .get = extra_tainted, .tier = 1},
    {.name = "regex_match_string", .taint = kKeeps, .summary = "Regex that matched", .get = extra_clean, .tier = 3},
    {.name = "ldap_dn", .taint = kKeeps, .summary = "DN of last entry", .get = extra_tainted, .tier = 3},
    {.name = "thisaddress", .taint = kPeer, .summary = "Current address", .get = extra_tainted, .tier = 2},
    {.name = "local_scan_data",
     .taint = kKeeps,
     .summary = "Text returned by local_scan; here empty: no local_scan",
     .get = nothing,
     .tier = 4},
    {.name = "n0", .taint = kClean, .summary = "Counter of the filter that runs", .get = counter, .tier = 3},
    {.name = "n1", .taint = kClean, .summary = "Counter of the filter that runs", .get = counter, .tier = 3},
    {.name = "n2", .taint = kClean, .summary = "Counter of the filter that runs", .get = counter, .tier = 3},
    {.name = "n3", .taint = kClean, .summary = "Counter of the filter that runs", .get = counter, .tier = 3},
    {.name = "n4", .taint = kClean, .summary = "Counter of the filter that runs", .get = counter, .tier = 3},
    {.name = "n5", .taint = kClean, .summary = "Counter of the filter that runs", .get = counter, .tier = 3},
    {.name = "n6", .taint = kClean, .summary = "Counter of the filter that runs", .get = counter, .tier = 3},
    {.name = "n7", .taint = kClean, .summary = "Counter of the filter that runs", .get = counter, .tier = 3},
    {.name = "n8", .taint = kClean, .summary = "Counter of the filter that runs", .get = counter, .tier = 3},
    {.name = "n9", .taint = kClean, .summary = "Counter of the filter that runs", .get = counter, .tier = 3},
    {.name = "sn0", .taint = kClean, .summary = "Counter as the system filter left it", .get = counter, .tier = 3},
    {.name = "sn1", .taint = kClean, .summary = "Counter as the system filter left it", .get = counter, .tier = 3},
    {.name = "sn2", .taint = kClean, .summary = "Counter as the system filter left it", .get = counter, .tier = 3},
    {.name = "sn3", .taint = kClean, .summary = "Counter as the system filter left it", .get = counter, .tier = 3},
    {.name = "sn4", .taint = kClean, .summary = "Counter as the system filter left it", .get = counter, .tier = 3},
    {.name = "sn5", .taint = kClean, .summary = "Counter as the system filter left it", .get = counter, .tier = 3},
    {.name = "sn6", .taint = kClean, .summary = "Counter as the system filter left it", .get = counter, .tier = 3},
    {.name = "sn7", .taint = kClean, .summary = "Counter as the system filter left it", .get = counter, .tier = 3},
    {.name = "sn8", .taint = kClean, .summary = "Counter as the system filter left it", .get = counter, .tier = 3},
    {.name = "sn9", .taint = kClean, .summary = "Counter as the system filter left it", .get = counter, .tier = 3},
};
[[maybe_unused]] constexpr TaintRule kUsed[] = {kClean, kPeer, kKeeps};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::variables {
extern const std::span<const VariableDef> items;
constinit const std::span<const VariableDef> items{lang::defs};
}  // namespace remex::registry::variables
