// -bP output. Values come from the bound structs (defaults included); expansions and lists as they were written.
#include "lang/print_config.h"

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "core/base/version.h"
#include "core/hooks/hooks.h"
#include "lang/macros.h"
#include "lang/reader.h"

namespace remex::lang {
namespace {

// Sizes that are exact multiples of 1024 get the letter; other numbers are printed as they are (as Exim does).
std::string format_integer(std::string_view name, std::int64_t n) {
  const bool size = name == "max_output" || name.ends_with("_space") || name.ends_with("return_size_limit");
  if (size && n != 0 && n % (1024 * 1024) == 0) return fmt::format("{}M", n / (1024 * 1024));
  if (size && n != 0 && n % 1024 == 0) return fmt::format("{}K", n / 1024);
  return fmt::format("{}", n);
}

std::string format_fixed(std::int64_t n) {
  if (n < 0) return {};
  std::string s = fmt::format("{}.{:03}", n / 1000, n % 1000);
  while (s.back() == '0' && s[s.size() - 2] != '.') s.pop_back();
  return s;
}

template <class T>
const T& member(const OptionDef& d, const void* o) {
  return *static_cast<const T*>(d.ref(const_cast<void*>(o)));
}

// Several conditions are one: all must hold.
std::string all_conditions(const std::vector<std::string>& items) {
  std::string all = items.empty() ? std::string() : items.front();
  for (std::size_t i = 1; i < items.size(); ++i)
    all = fmt::format("${{if and{{{{bool_lax{{{}}}}}{{bool_lax{{{}}}}}}}}}", all, items[i]);
  return all;
}

// As the value would be written between quotes.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\r')
      out += "\\r";
    else
      out += c;
  }
  return out;
}

struct Format {
  bool admin = false;
  bool terse = false;  ///< -n: the value alone
};

void print_line(std::string_view name, std::string_view value, const Format& f, std::string& out) {
  if (f.terse)
    out += fmt::format("{}\n", value);
  else
    out += fmt::format("{} = {}\n", name, value);
}

// The value of an option that is not a boolean.
std::string value_text(const OptionDef& d, const void* o) {
  switch (d.type) {
    case OptionType::integer: return format_integer(d.name, member<std::int64_t>(d, o));
    case OptionType::octal: return fmt::format("{:#o}", static_cast<std::uint64_t>(member<std::int64_t>(d, o)));
    case OptionType::fixed: return format_fixed(member<std::int64_t>(d, o));
    case OptionType::time: return format_time(member<std::int64_t>(d, o));
    case OptionType::string: return member<std::string>(d, o);
    case OptionType::expanded:
    case OptionType::dollar_expanded:
    case OptionType::expanded_list:
    case OptionType::expanded_integer:
    case OptionType::expanded_time:
    case OptionType::user:
    case OptionType::group: {
      const auto& e = member<Expansion>(d, o);
      return e.is_set() ? e.source_text() : std::string(d.default_text);
    }
    case OptionType::domain_list:
    case OptionType::host_list:
    case OptionType::address_list:
    case OptionType::local_part_list: {
      const auto& l = member<MatchList>(d, o);
      return l.is_set() ? l.source_text() : std::string(d.default_text);
    }
    case OptionType::string_list:
    case OptionType::user_list:
    case OptionType::group_list: return join_list(member<std::vector<std::string>>(d, o), ':');
    case OptionType::time_list: {
      std::vector<std::string> items;
      for (const std::int64_t t : member<std::vector<std::int64_t>>(d, o)) items.push_back(format_time(t));
      return join(items, ":");
    }
    case OptionType::repeated_expanded: {
      std::vector<std::string> items;
      for (const Expansion& e : member<std::vector<Expansion>>(d, o)) items.push_back(e.source_text());
      if (d.name == "condition") return all_conditions(items);
      if (d.name == "headers_remove") {
        std::vector<std::string> names;
        for (const std::string& item : items)
          for (std::string& name : split_list(item)) names.push_back(std::move(name));
        return join_list(names, ':');
      }
      return join(items, d.name == "headers_add" ? "\n" : d.name == "set" ? ";" : ":");
    }
    default: return {};
  }
}

void print_option(const OptionDef& d, const void* o, const DriverInstance::Given* given, const Format& f,
                  std::string& out) {
  if (d.type == OptionType::special) return;
  if (given && given->hidden && !f.admin) {
    print_line(d.name, "<value not displayable>", f, out);
    return;
  }
  const bool boolean = d.type == OptionType::boolean || d.type == OptionType::expanded_boolean;
  if (boolean && (!d.ref || !o)) {  // known, without effect: what was written, else the default
    std::string_view text = given ? std::string_view(given->value.text()) : d.default_text;
    if (given && text.empty()) text = "true";
    out += fmt::format("{}{}\n", text == "true" || text == "yes" ? "" : "no_", d.name);
    return;
  }
  if (!d.ref || !o) {
    print_line(d.name, given ? one_line(given->value.text()) : std::string(d.default_text), f, out);
    return;
  }
  if (boolean) {
    bool b = false;
    if (d.type == OptionType::boolean) {
      b = member<bool>(d, o);
    } else {
      const auto& e = member<ExpandedBool>(d, o);
      if (e.expansion.is_set()) {
        print_line(d.name, one_line(e.expansion.source_text()), f, out);
        return;
      }
      b = e.value;
    }
    out += fmt::format("{}{}\n", b ? "" : "no_", d.name);
    return;
  }
  // What was written is what the administrator wants to see; a list with another separator stays so.
  const bool list = d.type == OptionType::string_list;
  const bool untouched = list && !given && !d.default_text.empty();
  const std::string text = untouched ? std::string(d.default_text)
                           : list && given && given->value.text().find('$') == std::string::npos ? given->value.text()
                                                                                                 : value_text(d, o);
  print_line(d.name, one_line(text), f, out);
}

const DriverInstance::Given* main_given(const Config& c, const OptionDef* d) {
  for (const auto& g : c.main_given)
    if (g.def == d) return &g;
  return nullptr;
}

std::vector<const OptionDef*> sorted(std::span<const OptionDef> options) {
  std::vector<const OptionDef*> out;
  for (const OptionDef& o : options) out.push_back(&o);
  std::sort(out.begin(), out.end(), [](auto* a, auto* b) { return a->name < b->name; });
  return out;
}

struct Family {
  std::string_view word;
  DriverKind kind;
  std::vector<DriverInstance> Config::* list;
};
constexpr Family kFamilies[] = {{"router", DriverKind::router, &Config::routers},
                                {"transport", DriverKind::transport, &Config::transports},
                                {"authenticator", DriverKind::authenticator, &Config::authenticators}};

void print_instance(const Config& c, const Family& f, const DriverInstance& d, const Format& format, bool heading,
                    std::string& out) {
  if (heading) out += fmt::format("\n{} {}:\n", d.name, f.word);
  const DriverFamily* family = c.registries->families[static_cast<std::size_t>(f.kind)];
  bool driver_done = false;
  const auto driver = [&] {
    if (!driver_done) print_line("driver", d.def ? d.def->name : std::string_view(), format, out);
    driver_done = true;
  };
  for (const OptionDef* o : sorted(family ? family->generic_options : std::span<const OptionDef>{})) {
    if (o->name >= "driver") driver();
    const auto* given = d.find_given(o->name);
    if (o->name == "public_name" && given == nullptr)
      print_line(o->name, d.name, format, out);  // its default
    else if (o->name != "driver")
      print_option(*o, d.generic.get(), given, format, out);
  }
  driver();
  if (d.def)
    for (const OptionDef* o : sorted(d.def->options))
      print_option(*o, d.options.get(), d.find_given(o->name), format, out);
}

void print_all_main(const Config& c, const Format& format, std::string& out) {
  std::vector<const OptionDef*> all = c.registries->main_options;
  std::sort(all.begin(), all.end(), [](auto* a, auto* b) { return a->name < b->name; });
  for (const OptionDef* d : all) print_option(*d, &c.main, main_given(c, d), format, out);
}

bool print_named_lists(const Config& c, std::string_view name, const Format& format, std::string& out) {
  static constexpr std::string_view kWords[] = {"domainlist", "hostlist", "addresslist", "localpartlist"};
  bool found = false;
  for (std::size_t k = 0; k < 4; ++k)
    if (const auto it = c.named_lists[k].find(std::string(name)); it != c.named_lists[k].end()) {
      found = true;
      const NamedList& list = it->second;
      print_line(fmt::format("{} {}", kWords[k], name),
                 list.hidden && !format.admin ? std::string("<value not displayable>") : list.list.source_text(),
                 format, out);
    }
  return found;
}

void print_macro(const Macro& m, std::string& out) { out += fmt::format("{}={}\n", m.name, m.value); }

// The file is read again: only this mode wants its lines, so nobody else keeps them.
std::vector<std::string> read_lines(const Config& c) {
  SourceFiles files;
  Diagnostics diag(files);
  MacroTable macros(*c.registries);
  for (const Macro& m : c.macros)
    if (m.from_command_line) macros.define_from_command_line(m.name, m.value);
  std::vector<std::string> listing;
  LineReader lines(files, diag, macros);
  lines.listing = &listing;
  if (!lines.open_file(c.config_file)) return listing;
  while (const auto line = lines.next()) {
    std::size_t end = 0;
    const std::string_view text = line->text();
    if (!looks_like_macro_definition(text, end)) continue;
    std::size_t at = text.find('=', end) + 1;
    const bool again = text.substr(at).starts_with('=');
    if (again) ++at;
    (void)macros.define(std::string(text.substr(0, end)), std::string(trim(text.substr(at))), again, line->at(0));
  }
  return listing;
}

// The logical lines as they were read, sections and instances set apart.
void print_lines(const Config& c, std::string& out) {
  out += hooks::active() ? "# Exim Configuration (X)\n" : fmt::format("# remex configuration ({})\n", REMEX_VERSION);
  bool main = true, rules = false;
  for (const std::string& line : read_lines(c)) {
    const bool name = line.ends_with(':') && line.find_first_of(" =") == std::string::npos;
    if (is_begin(line)) {
      main = false;
      rules = line.ends_with("retry") || line.ends_with("rewrite");
      out += fmt::format("\n{}\n", line);
    } else if (main || line.starts_with("# ")) {
      out += line + "\n";
    } else if (name && !rules) {
      out += fmt::format("\n  {}\n", line);
    } else {
      out += fmt::format("{}{}\n", rules ? "  " : "    ", line);
    }
  }
}

bool print_file(const Config& c, const Format& format, std::string& out, std::string& err) {
  if (!format.admin) {
    err += "-bP config is for administrators\n";
    return false;
  }
  print_lines(c, out);
  return true;
}

// One word of the command line; `next` is used up by "router NAME" and the like. False: unknown.
bool print_word(const Config& c, const std::string& w, const std::string* next, bool& used_next, const Format& format,
                std::string& out, std::string& err) {
  if (w == "all") {
    print_all_main(c, format, out);
    return true;
  }
  if (w == "config" || w == "configure") return print_file(c, format, out, err);
  if (w == "environment") {
    if (!format.admin) return false;
    for (char** e = environ; e != nullptr && *e != nullptr; ++e) out += fmt::format("{}\n", *e);
    return true;
  }
  if (w == "config_file" || w == "configure_file") {
    out += c.config_file + "\n";
    return true;
  }
  if (w.size() > 1 && w[0] == '+') {
    if (print_named_lists(c, std::string_view(w).substr(1), format, out)) return true;
    err += fmt::format("no address, domain, host, or local part list called \"{}\" exists\n", w.substr(1));
    return false;
  }
  if (w == "macros" || w == "macro" || w == "macro_list") {
    // Those of the configuration may hold secrets; what this program predefines does not.
    std::vector<Macro> all;
    if (format.admin) all = c.macros;
    used_next = w == "macro" && next;
    for (Macro& m : MacroTable(*c.registries).builtin()) all.push_back(std::move(m));
    bool found = false;
    for (const Macro& m : all)
      if (w == "macro_list")
        out += m.name + "\n", found = true;
      else if (w == "macros" || (next && m.name == *next))
        print_macro(m, out), found = true;
    if (!found) out += fmt::format("macro {} not found\n", next ? *next : "");
    return found;
  }
  for (const Family& f : kFamilies) {
    const std::string word(f.word);
    if (w == word + "_list" || w == word + "s") {
      for (const DriverInstance& d : c.*f.list)
        if (w.ends_with("_list"))
          out += d.name + "\n";
        else
          print_instance(c, f, d, format, true, out);
      return true;
    }
    if (w == word && next) {
      used_next = true;
      for (const DriverInstance& d : c.*f.list)
        if (d.name == *next) {
          print_instance(c, f, d, format, false, out);
          return true;
        }
      out += fmt::format("{} {} not found\n", w, *next);
      return false;
    }
  }
  for (const OptionDef* d : c.registries->main_options)
    if (d->name == w && d->type != OptionType::special) {
      print_option(*d, &c.main, main_given(c, d), format, out);
      return true;
    }
  out += fmt::format("{} is not a known option\n", w);
  return false;
}

}  // namespace

int print_config(const Config& config, const std::vector<std::string>& words, bool admin, bool terse, std::string& out,
                 std::string& err) {
  const Format format{admin, terse};
  if (words.empty()) print_all_main(config, format, out);
  int rc = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    bool used_next = false;
    const std::string* next = i + 1 < words.size() ? &words[i + 1] : nullptr;
    if (!print_word(config, words[i], next, used_next, format, out, err)) rc = 1;
    if (used_next) ++i;
  }
  return rc;
}

}  // namespace remex::lang
