// Parsing of lookup types: "partial3(.)lsearch*@,ret=key,filter=dir".
//
// Used when a configuration is compiled (constant list items, ${lookup}) and at run time for types that only an
// expansion reveals. Errors are kind failed with Exim's wording and, where one is near, a suggestion.
#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/lookup_engine.h"

namespace remex::lang {

namespace {

constexpr std::string_view kPartial = "partial";

bool is_affix_char(char c) { return is_printable(c) && c != ' ' && !is_alnum(c) && c != ')'; }

std::unexpected<Error> format_error(std::string_view text) {
  return fail(ErrorKind::failed, fmt::format("format error in lookup type \"{}\"", printable(text)));
}

/// Takes "partial", "partial3" and "-" or "(affix)" off the front.
Status take_partial(std::string_view whole, std::string_view& rest, LookupSpec& out) {
  if (!rest.starts_with(kPartial)) return {};
  std::string_view s = rest.substr(kPartial.size());
  int least = 2;
  std::size_t digits = 0;
  while (digits < s.size() && is_digit(s[digits])) ++digits;
  if (digits > 3) return format_error(whole);
  if (digits > 0) least = static_cast<int>(*parse_uint(s.substr(0, digits)));
  s.remove_prefix(digits);
  if (s.starts_with('-')) {
    s.remove_prefix(1);
  } else if (s.starts_with('(')) {
    const std::size_t end = s.find(')');
    if (end == std::string_view::npos) return format_error(whole);
    out.affix.assign(s.substr(1, end - 1));
    for (char c : out.affix)
      if (!is_affix_char(c)) return format_error(whole);
    s.remove_prefix(end + 1);
  } else {
    return format_error(whole);
  }
  out.partial = least;
  rest = s;
  return {};
}

bool has_word(std::string_view words, std::string_view word) {
  for (std::string_view w : split(words, ' ')) {
    if (w == word && !w.empty()) return true;
    if (w.ends_with("=*") && word.starts_with(w.substr(0, w.size() - 1))) return true;
  }
  return false;
}

/// The word of `words` nearest to a wrong option, as a hint; values of "name=*" are left out.
std::string option_hint(std::string_view words, std::string_view option) {
  std::vector<std::string_view> known{"ret=key", "cache=no_rd", "cache=no_wr", "cache=no"};
  for (std::string_view w : split(words, ' ')) known.push_back(w.ends_with("=*") ? w.substr(0, w.size() - 1) : w);
  const std::string_view near = nearest(option, known);
  return near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near);
}

/// "ret=key" and "cache=..." are the engine's, everything else must be known to the driver. Exim ignores unknown
/// options, so that a slip in "ret=full" is found by nobody.
Status take_options(std::string_view options, LookupSpec& out) {
  for (std::string_view o : split(options, ',')) {
    o = trim(o);
    if (o.empty()) continue;
    if (o == "ret=key") {
      out.ret_key = true;
    } else if (o == "cache=no_rd") {
      out.read_cache = false;
    } else if (o == "cache=no_wr") {
      out.write_cache = false;
    } else if (o == "cache=no") {
      out.read_cache = out.write_cache = false;
    } else if (has_word(out.def->options, o)) {
      if (!out.options.empty()) out.options += ',';
      out.options += o;
    } else {
      return fail(fmt::format("unknown option \"{}\" for lookup type \"{}\"{}", printable(o), out.def->name,
                              option_hint(out.def->options, o)));
    }
  }
  return {};
}

Status check_style(const LookupSpec& spec, std::string_view type) {
  if (spec.style() == LookupStyle::single_key) return {};
  if (spec.partial >= 0)
    return fail(fmt::format("partial matching is not permitted for lookup type \"{}\"", printable(type)));
  if (spec.defaults != LookupSpec::Default::none)
    return fail(
        fmt::format("defaults using \"*\" or \"*@\" are not permitted for lookup type \"{}\"", printable(type)));
  return {};
}

}  // namespace

std::string_view lookup_type_word(std::string_view spec) {
  spec = trim(spec.substr(0, spec.find(',')));
  if (spec.starts_with(kPartial)) {
    std::string_view s = spec.substr(kPartial.size());
    while (!s.empty() && is_digit(s.front())) s.remove_prefix(1);
    if (s.starts_with('-'))
      spec = s.substr(1);
    else if (s.starts_with('(') && s.find(')') != std::string_view::npos)
      spec = s.substr(s.find(')') + 1);
  }
  return spec.substr(0, spec.find('*'));
}

std::string_view nearest_lookup(std::string_view word, const Registries& registries) {
  std::vector<std::string_view> names;
  for (const LookupDef* d : registries.lookups) names.push_back(d->name);
  return nearest(word, names);
}

Result<LookupSpec> parse_lookup_spec(std::string_view text, const Registries& registries) {
  text = trim(text);
  LookupSpec out;
  const std::size_t comma = text.find(',');
  const std::string_view type = trim(text.substr(0, comma));

  std::string_view rest = type;
  REMEX_CHECK(take_partial(type, rest, out));
  const std::size_t star = rest.find('*');
  if (star != std::string_view::npos) {
    const std::string_view suffix = rest.substr(star);
    if (suffix == "*")
      out.defaults = LookupSpec::Default::star;
    else if (suffix == "*@")
      out.defaults = LookupSpec::Default::star_at;
    else
      return format_error(type);
    rest = rest.substr(0, star);
  }
  for (const LookupDef* d : registries.lookups)
    if (d->name == rest) out.def = d;
  if (out.def == nullptr) {
    const std::string_view near = nearest_lookup(rest, registries);
    return fail(fmt::format("unknown lookup type \"{}\"{}", printable(rest),
                            near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near)));
  }
  if (out.def->state == State::later)
    return fail(
        fmt::format("lookup type \"{}\" is known but not supported by this version ({})", rest, out.def->summary));
  REMEX_CHECK(check_style(out, type));
  if (comma != std::string_view::npos) REMEX_CHECK(take_options(text.substr(comma + 1), out));
  return out;
}

bool split_lookup_item(std::string_view item, std::string_view& spec, std::string_view& rest) {
  const std::size_t semicolon = item.find(';');
  if (semicolon == std::string_view::npos || semicolon == 0) return false;
  // A type starts with a letter and has no '@' before its options except in the suffix "*@" (so that
  // "user@lsearch;/file" of an address list is not one).
  const std::string_view head = item.substr(0, semicolon);
  if (!is_alpha(head.front())) return false;
  std::string_view type = head.substr(0, head.find(','));
  // The affix of partial keys may be any punctuation.
  if (type.starts_with(kPartial))
    if (const std::size_t end = type.find(')'); end != std::string_view::npos) type.remove_prefix(end + 1);
  const std::size_t at = type.find('@');
  if (at != std::string_view::npos && (at == 0 || type[at - 1] != '*' || at + 1 != type.size())) return false;
  spec = trim(head);
  rest = trim_left(item.substr(semicolon + 1));
  return true;
}

QuoterId quoter_id(const Registries& registries, const LookupDef& def) {
  const std::string_view family = def.name.starts_with("ldap") ? std::string_view("ldap") : def.name;
  for (std::size_t i = 0; i < registries.lookups.size() && i < kQuotedPlainly - 1U; ++i)
    if (registries.lookups[i]->name == family) return static_cast<QuoterId>(i + 1);
  return 0;
}

bool quoted_for(const Registries& registries, const LookupDef& def, const Text& query) {
  const QuoterId wanted = quoter_id(registries, def);
  if (wanted == 0) return false;
  if (query.quoter() == wanted) return true;
  return def.name.starts_with("ldap") &&
         (query.quoter() == kQuotedPlainly || query.quoter() == (wanted | kQuotedPlainly));
}

std::string_view LookupRequest::option(std::string_view name) const {
  std::string_view found;
  for (std::string_view o : split(options, ','))
    if (o.starts_with(name) && o.substr(name.size()).starts_with('=')) found = o.substr(name.size() + 1);
  return found;
}

}  // namespace remex::lang
