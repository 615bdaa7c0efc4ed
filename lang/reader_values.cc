// Option lines and their values: boolean forms, numbers, times, quoted strings, lists, expansions (manual 6.11
// to 6.22). Every problem is one diagnostic; the option then keeps its default.
#include <grp.h>
#include <pwd.h>

#include <algorithm>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/reader.h"

namespace remex::lang {
namespace {

std::uint32_t length_of(const SourceText& s) {
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(s.text().size(), 1, 1000));
}

std::optional<bool> bool_word(std::string_view s) {
  if (iequals(s, "true") || iequals(s, "yes")) return true;
  if (iequals(s, "false") || iequals(s, "no")) return false;
  return std::nullopt;
}

template <class T>
T& member(const OptionDef& def, void* target) {
  return *static_cast<T*>(def.ref(target));
}

struct Applier {
  ReaderState& st;
  const OptionDef& def;
  void* target;
  const Setting& s;
  const std::string& where;
  SourceText& value;

  // `item`: the wrong part of a list, marked when it can be found.
  bool bad(const char* code, const std::string& message, std::string hint, std::string_view item = {}) const {
    const std::size_t at = item.empty() ? std::string::npos : value.text().find(item);
    if (at != std::string::npos) {
      st.diag.error(code, value.at(at), static_cast<std::uint32_t>(item.size()), where + message, std::move(hint));
      return false;
    }
    st.diag.error(code, value.empty() ? s.name_pos : value.at(0), value.empty() ? s.name_length : length_of(value),
                  where + message, std::move(hint));
    return false;
  }
  std::string option() const { return fmt::format("option \"{}\"", def.name); }

  bool store_integer(std::optional<std::int64_t> n, const char* code, const char* what, const char* hint) const {
    if (!n) return bad(code, fmt::format("{}: \"{}\" is not {}", option(), value.text(), what), hint);
    if (def.ref) member<std::int64_t>(def, target) = *n;
    return true;
  }

  Result<Expansion> compile() const {
    if (def.type == OptionType::dollar_expanded && !value.text().starts_with('$')) return Expansion::literal(value);
    return Expansion::compile(value, st.context(fmt::format("{}{}", where, option())));
  }

  bool store_expansion() const {
    auto e = compile();
    if (!e) return false;  // the compiler has reported it
    if (e->is_constant() && !check_constant(e->constant())) return false;
    if (def.ref) member<Expansion>(def, target) = std::move(*e);
    return true;
  }

  bool check_constant(const std::string& text) const {
    if (def.type == OptionType::expanded_integer && !text.empty() && !parse_config_integer(text))
      return bad("bad-integer", fmt::format("{}: \"{}\" is not an integer", option(), text), "like 100, 0x1F or 10M");
    if (def.type == OptionType::expanded_time && !text.empty() && !parse_time(text))
      return bad("bad-time", fmt::format("{}: \"{}\" is not a time", option(), text), "like 30s, 5m or 1d12h");
    if (def.type == OptionType::user && !known_user(text)) return bad_name("user", text);
    if (def.type == OptionType::group && !known_group(text)) return bad_name("group", text);
    return true;
  }
  static bool known_user(const std::string& n) { return parse_uint(n).has_value() || ::getpwnam(n.c_str()) != nullptr; }
  static bool known_group(const std::string& n) {
    return parse_uint(n).has_value() || ::getgrnam(n.c_str()) != nullptr;
  }
  bool bad_name(const char* kind, const std::string& n) const {
    return bad(kind[0] == 'u' ? "unknown-user" : "unknown-group",
               fmt::format("{}: there is no {} \"{}\" on this system", option(), kind, n), "", n);
  }

  bool store_list(ListKind kind) const {
    auto l = MatchList::compile(kind, value, st.context(fmt::format("{}{}", where, option())));
    if (!l) return false;
    if (def.ref) member<MatchList>(def, target) = std::move(*l);
    return true;
  }

  bool store_strings() const {
    std::vector<std::string> items;
    if (def.name == "freeze_tell") {
      for (const auto item : split(value.text(), ','))
        if (!trim(item).empty()) items.emplace_back(trim(item));
    } else if (def.name == "openssl_options" || def.name == "dkim_verify_min_keysizes") {
      const std::string blanks = replace_all(value.text(), "\t", " ");
      for (const auto item : split(blanks, ' '))
        if (!item.empty()) items.emplace_back(item);
    } else {
      items = split_list(value.text());
    }
    if (value.text().find('$') == std::string::npos)
      for (const std::string& n : items) {
        if (def.type == OptionType::user_list && !known_user(n)) return bad_name("user", n);
        if (def.type == OptionType::group_list && !known_group(n)) return bad_name("group", n);
      }
    if (def.ref) member<std::vector<std::string>>(def, target) = std::move(items);
    return true;
  }

  bool store_times() const {
    std::vector<std::int64_t> times;
    for (const std::string& item : split_list(value.text())) {
      const auto t = parse_time(item);
      if (!t)
        return bad("bad-time", fmt::format("{}: \"{}\" is not a time", option(), item), "like 30s, 5m or 1d12h", item);
      times.push_back(*t);
    }
    if (def.ref) member<std::vector<std::int64_t>>(def, target) = std::move(times);
    return true;
  }

  bool store_fixed() const {
    const std::string_view t = value.text();
    const std::size_t dot = t.find('.');
    const std::string_view whole = t.substr(0, dot), part = dot == std::string_view::npos ? "" : t.substr(dot + 1);
    const auto n = parse_uint(whole);
    const auto f = part.empty() ? std::optional<std::uint64_t>(0) : parse_uint(part);
    std::optional<std::int64_t> result;
    if (n && f && part.size() <= 3 && *n < 1'000'000'000 && (dot == std::string_view::npos || !part.empty())) {
      std::uint64_t thousandths = *f;
      for (std::size_t i = part.size(); i < 3; ++i) thousandths *= 10;
      result = static_cast<std::int64_t>(*n * 1000 + thousandths);
    }
    return store_integer(result, "bad-fixed", "a fixed-point number", "like 4 or 2.5, at most three decimals");
  }

  bool store_boolean() const {
    bool b = !s.negated;
    if (s.has_value && !value.empty()) {  // "name =" says as much as "name"
      const auto w = bool_word(value.text());
      if (!w && def.type == OptionType::expanded_boolean && value.text().find('$') != std::string::npos) {
        auto e = compile();
        if (!e) return false;
        if (def.ref) member<ExpandedBool>(def, target).expansion = std::move(*e);
        return true;
      }
      if (!w)
        return bad("bad-boolean", fmt::format("{}: \"{}\" is not a boolean value", option(), value.text()),
                   "true, false, yes or no");
      b = *w;
    }
    if (!def.ref) return true;
    if (def.type == OptionType::boolean)
      member<bool>(def, target) = b;
    else
      member<ExpandedBool>(def, target) = ExpandedBool{b, {}};
    return true;
  }

  bool store() const {
    switch (def.type) {
      case OptionType::boolean:
      case OptionType::expanded_boolean: return store_boolean();
      case OptionType::integer:
        return store_integer(parse_config_integer(value.text()), "bad-integer", "an integer", "like 100, 0x1F or 10M");
      case OptionType::octal: {
        const auto n = parse_uint(value.text(), 8);
        return store_integer(n && *n <= 0xFFFFFFFFU ? std::optional(static_cast<std::int64_t>(*n)) : std::nullopt,
                             "bad-octal", "an octal number", "like 0640");
      }
      case OptionType::fixed: return store_fixed();
      case OptionType::time:
        return store_integer(parse_time(value.text()), "bad-time", "a time", "like 30s, 5m or 1d12h");
      case OptionType::string:
        if (def.ref) member<std::string>(def, target) = value.text();
        return true;
      case OptionType::expanded:
      case OptionType::dollar_expanded:
      case OptionType::expanded_list:
      case OptionType::expanded_integer:
      case OptionType::expanded_time:
      case OptionType::user:
      case OptionType::group: return store_expansion();
      case OptionType::string_list:
      case OptionType::user_list:
      case OptionType::group_list: return store_strings();
      case OptionType::time_list: return store_times();
      case OptionType::domain_list: return store_list(ListKind::domain);
      case OptionType::host_list: return store_list(ListKind::host);
      case OptionType::address_list: return store_list(ListKind::address);
      case OptionType::local_part_list: return store_list(ListKind::local_part);
      case OptionType::repeated_expanded: {
        auto e = compile();
        if (!e) return false;
        if (def.ref) member<std::vector<Expansion>>(def, target).push_back(std::move(*e));
        return true;
      }
      case OptionType::special: break;
    }
    return bad("not-an-option", fmt::format("{} cannot be set here", option()), "");
  }
};

// A `later` option is fine at a value that asks for nothing.
bool is_harmless(const OptionDef& def, const Setting& s, std::string_view value) {
  const bool boolean = def.type == OptionType::boolean || def.type == OptionType::expanded_boolean;
  const std::string text = boolean && !s.has_value ? (s.negated ? "false" : "true") : std::string(trim(value));
  if (def.harmless == "*" || iequals(text, def.default_text)) return true;
  if (text.empty() && !boolean) return true;
  for (const auto h : split(def.harmless, ','))
    if (iequals(text, trim(h))) return true;
  if (boolean) {
    const auto want = bool_word(text);
    const auto usual = bool_word(def.default_text.empty() ? std::string_view("false") : def.default_text);
    if (want && usual && *want == *usual) return true;
    for (const auto h : split(def.harmless, ','))
      if (const auto b = bool_word(trim(h)); b && want && *b == *want) return true;
  }
  return false;
}

}  // namespace

std::optional<std::int64_t> parse_time(std::string_view t) {
  if (t.empty()) return std::nullopt;
  std::int64_t total = 0;
  while (!t.empty()) {
    std::size_t n = 0;
    while (n < t.size() && is_digit(t[n])) ++n;
    if (n == 0 || n > 12 || n == t.size()) {
      return std::nullopt;
    }
    const auto number = parse_int(t.substr(0, n));
    const std::int64_t unit = t[n] == 's'   ? 1
                              : t[n] == 'm' ? 60
                              : t[n] == 'h' ? 3600
                              : t[n] == 'd' ? 86400
                              : t[n] == 'w' ? 604800
                                            : 0;
    if (!number || unit == 0) return std::nullopt;
    total += *number * unit;
    if (total > 0x7FFFFFFF) return std::nullopt;
    t.remove_prefix(n + 1);
  }
  return total;
}

std::optional<std::int64_t> parse_config_integer(std::string_view t) {
  bool negative = false;
  if (!t.empty() && (t[0] == '-' || t[0] == '+')) {
    negative = t[0] == '-';
    t.remove_prefix(1);
  }
  std::uint64_t scale = 1;
  if (!t.empty()) {
    const char u = ascii_upper(t.back());
    if (u == 'K' || u == 'M' || u == 'G') {
      scale = u == 'K' ? 1024U : u == 'M' ? 1024U * 1024U : 1024U * 1024U * 1024U;
      t.remove_suffix(1);
    }
  }
  int base = 10;
  if (t.size() > 1 && t[0] == '0') {
    const bool hex = t[1] == 'x' || t[1] == 'X';
    base = hex ? 16 : 8;
    t.remove_prefix(hex ? 2 : 1);
  }
  const auto n = parse_uint(t, base);
  constexpr std::uint64_t kMax = std::uint64_t{1} << 62;
  if (!n || *n > kMax / scale) return std::nullopt;
  const auto v = static_cast<std::int64_t>(*n * scale);
  return negative ? -v : v;
}

std::string format_time(std::int64_t seconds) {
  if (seconds <= 0) return "0s";
  std::string out;
  constexpr std::pair<std::int64_t, char> kUnits[] = {{604800, 'w'}, {86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
  for (const auto& [unit, letter] : kUnits) {
    if (seconds >= unit) out += fmt::format("{}{}", seconds / unit, letter);
    seconds %= unit;
  }
  return out;
}

bool parse_setting(ReaderState& st, const SourceText& line, const std::string& who, Setting& out) {
  std::size_t i = 0;
  const std::string_view text = line.text();
  const auto skip = [&] {
    while (i < text.size() && (text[i] == ' ' || text[i] == '\t')) ++i;
  };
  const auto word = [&] {
    const std::size_t begin = i;
    while (i < text.size() && (is_alnum(text[i]) || text[i] == '_')) ++i;
    return text.substr(begin, i - begin);
  };
  std::size_t begin = 0;
  std::string_view name = word();
  if (name == "hide") {
    out.hidden = true;
    skip();
    begin = i;
    name = word();
  }
  if (name.empty() || !(is_alpha(name[0]))) {
    st.diag.error("no-option", line.at(begin), 1, fmt::format("{}an option setting is expected here", who),
                  "name = value");
    return false;
  }
  out.line = line;
  out.name = std::string(name);
  out.name_pos = line.at(begin);
  out.name_length = static_cast<std::uint32_t>(name.size());
  skip();
  if (i >= text.size()) return true;
  if (text[i] != '=') {
    out.junk = line.at(i);
    return true;
  }
  out.has_value = true;
  ++i;
  skip();
  out.value = line.substr(i);
  return true;
}

bool check_equals(Diagnostics& diag, const Setting& s, const std::string& where) {
  if (s.junk.line == 0) return true;
  diag.error("missing-equals", s.junk, 1, fmt::format("{}\"=\" is missing after \"{}\"", where, s.name));
  return false;
}

bool unquote(Diagnostics& diag, const SourceText& raw, const std::string& name, SourceText& out) {
  const std::string& t = raw.text();
  if (t.empty() || t[0] != '"') {
    out = raw;
    return true;
  }
  out = SourceText(std::string(), raw.at(1));
  std::size_t i = 1;
  for (; i < t.size() && t[i] != '"'; ++i) {
    if (t[i] != '\\' || i + 1 >= t.size()) {
      std::size_t run = i;
      while (run < t.size() && t[run] != '"' && t[run] != '\\') ++run;
      out.append(raw, i, std::max<std::size_t>(run - i, 1));
      i = std::max(run, i + 1) - 1;
      continue;
    }
    const Pos pos = raw.at(i);
    char c = t[++i];
    if (c == 'n')
      c = '\n';
    else if (c == 'r')
      c = '\r';
    else if (c == 't')
      c = '\t';
    else if (c >= '0' && c <= '7') {
      unsigned v = 0;
      std::size_t n = 0;
      for (; n < 3 && i + n < t.size() && t[i + n] >= '0' && t[i + n] <= '7'; ++n)
        v = v * 8 + static_cast<unsigned>(t[i + n] - '0');
      i += n - 1;
      c = static_cast<char>(v & 0xFFU);
    } else if (c == 'x') {
      std::size_t n = 0;
      while (n < 2 && i + 1 + n < t.size() && parse_uint(t.substr(i + 1 + n, 1), 16)) ++n;
      if (n > 0) c = static_cast<char>(*parse_uint(t.substr(i + 1, n), 16));
      i += n;
    }
    if (c == '\0') {
      diag.error("nul-byte", pos, 2, fmt::format("option \"{}\": a NUL byte in the value", name));
      return false;
    }
    out.append_fixed(std::string_view(&c, 1), pos);
  }
  if (i >= t.size()) {
    diag.error("missing-quote", raw.at(0), 1, fmt::format("option \"{}\": the closing quote is missing", name));
    return false;
  }
  if (!trim(std::string_view(t).substr(i + 1)).empty()) {
    diag.error("after-quote", raw.at(i + 1), static_cast<std::uint32_t>(t.size() - i - 1),
               fmt::format("option \"{}\": text follows the closing quote", name),
               "a quote inside the value is written \\\"");
    return false;
  }
  return true;
}

bool apply_option(ReaderState& st, const OptionDef& def, void* target, const Setting& s, const std::string& where,
                  SourceText& stored) {
  const bool boolean = def.type == OptionType::boolean || def.type == OptionType::expanded_boolean;
  if (Reading* r = st.diag.reading(); r != nullptr) r->boolean = boolean;
  if (!check_equals(st.diag, s, where)) return false;
  if (!boolean && !s.has_value) {
    st.diag.error("missing-value", s.name_pos, s.name_length,
                  fmt::format("{}option \"{}\" needs a value", where, def.name), fmt::format("{} = ...", def.name));
    return false;
  }
  if (s.negated && s.has_value) {
    st.diag.error("negated-value", s.name_pos, s.name_length,
                  fmt::format("{}a value follows the negated option \"{}\"", where, def.name),
                  "leave out \"no_\" or the value");
    return false;
  }
  if (!unquote(st.diag, s.value, std::string(def.name), stored)) return false;
  if (def.state == State::later && !is_harmless(def, s, stored.text())) {
    st.diag.error("not-supported", s.name_pos, s.name_length,
                  fmt::format("{}option \"{}\" is known but this version cannot do it", where, def.name));
    return false;
  }
  if (def.state == State::later) {
    // Nothing is asked for; strings and numbers are kept for -bP, expansions and lists stay unset.
    const bool plain = boolean || def.type == OptionType::integer || def.type == OptionType::time ||
                       def.type == OptionType::string || def.type == OptionType::fixed || def.type == OptionType::octal;
    if (!def.ref || !plain || (!boolean && stored.empty())) return true;
  }
  return Applier{st, def, target, s, where, stored}.store();
}

}  // namespace remex::lang
