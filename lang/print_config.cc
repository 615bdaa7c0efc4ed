// -bP output. Values come from the bound structs (defaults included); expansions and lists as they were written.
#include "lang/print_config.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/macros.h"
#include "lang/reader.h"

namespace remex::lang {
namespace {

// Exact multiples of 1024 get the letter, as Exim prints them.
std::string format_integer(std::int64_t n) {
  if (n != 0 && n % (1024 * 1024) == 0) return fmt::format("{}M", n / (1024 * 1024));
  if (n != 0 && n % 1024 == 0) return fmt::format("{}K", n / 1024);
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

// The value of an option that is not a boolean.
std::string value_text(const OptionDef& d, const void* o) {
  switch (d.type) {
    case OptionType::integer: return format_integer(member<std::int64_t>(d, o));
    case OptionType::octal: return fmt::format("{:04o}", static_cast<std::uint64_t>(member<std::int64_t>(d, o)));
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
      return e.is_set() ? e.source_text() : std::string();
    }
    case OptionType::domain_list:
    case OptionType::host_list:
    case OptionType::address_list:
    case OptionType::local_part_list: {
      const auto& l = member<MatchList>(d, o);
      return l.is_set() ? l.source_text() : std::string();
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
      return join(items, d.name == "headers_add" ? "\n" : d.name == "set" ? ";" : " ");
    }
    default: return {};
  }
}

void print_option(const OptionDef& d, const void* o, const DriverInstance::Given* given, bool admin, std::string& out) {
  if (d.type == OptionType::special) return;
  if (given && given->hidden && !admin) {
    out += fmt::format("{} = <value not displayable>\n", d.name);
    return;
  }
  if (!d.ref || !o) {
    out += fmt::format("{} = {}\n", d.name, given ? given->value.text() : std::string(d.default_text));
    return;
  }
  if (d.type == OptionType::boolean || d.type == OptionType::expanded_boolean) {
    bool b = false;
    if (d.type == OptionType::boolean) {
      b = member<bool>(d, o);
    } else {
      const auto& e = member<ExpandedBool>(d, o);
      if (e.expansion.is_set()) {
        out += fmt::format("{} = {}\n", d.name, e.expansion.source_text());
        return;
      }
      b = e.value;
    }
    out += fmt::format("{}{}\n", b ? "" : "no_", d.name);
    return;
  }
  // What was written is what the administrator wants to see; a list with another separator stays so.
  const bool list =
      d.type == OptionType::string_list || d.type == OptionType::user_list || d.type == OptionType::group_list;
  const std::string text =
      list && given && given->value.text().find('$') == std::string::npos ? given->value.text() : value_text(d, o);
  out += fmt::format("{} = {}\n", d.name, text);
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

void print_instance(const Config& c, const Family& f, const DriverInstance& d, bool admin, bool heading,
                    std::string& out) {
  if (heading) out += fmt::format("\n{} {}:\n", d.name, f.word);
  const DriverFamily* family = c.registries->families[static_cast<std::size_t>(f.kind)];
  bool driver_done = false;
  const auto driver = [&] {
    if (!driver_done) out += fmt::format("driver = {}\n", d.def ? d.def->name : std::string_view());
    driver_done = true;
  };
  for (const OptionDef* o : sorted(family ? family->generic_options : std::span<const OptionDef>{})) {
    if (o->name >= "driver") driver();
    if (o->name != "driver") print_option(*o, d.generic.get(), d.find_given(o->name), admin, out);
  }
  driver();
  if (d.def)
    for (const OptionDef* o : sorted(d.def->options))
      print_option(*o, d.options.get(), d.find_given(o->name), admin, out);
}

void print_all_main(const Config& c, bool admin, std::string& out) {
  std::vector<const OptionDef*> all = c.registries->main_options;
  std::sort(all.begin(), all.end(), [](auto* a, auto* b) { return a->name < b->name; });
  for (const OptionDef* d : all) print_option(*d, &c.main, main_given(c, d), admin, out);
}

bool print_named_lists(const Config& c, std::string_view name, bool admin, std::string& out) {
  static constexpr std::string_view kWords[] = {"domainlist", "hostlist", "addresslist", "localpartlist"};
  bool found = false;
  for (std::size_t k = 0; k < 4; ++k)
    if (const auto it = c.named_lists[k].find(std::string(name)); it != c.named_lists[k].end()) {
      found = true;
      out += fmt::format(
          "{} {} = {}\n", kWords[k], name,
          it->second.hidden && !admin ? std::string("<value not displayable>") : it->second.list.source_text());
    }
  return found;
}

void print_macro(const Macro& m, std::string& out) { out += fmt::format("{}={}\n", m.name, m.value); }

bool print_file(const Config& c, bool admin, std::string& out, std::string& err) {
  if (!admin) {
    err += "-bP config is for administrators\n";
    return false;
  }
  for (FileId id = 1; !c.files->name(id).empty(); ++id) {
    out += fmt::format("# 1 \"{}\"\n", c.files->name(id));
    const std::size_t count = c.files->line_count(id);
    for (std::uint32_t n = 1; n <= count; ++n) {
      const std::string_view line = trim(c.files->line(id, n));
      if (!line.empty() && line[0] != '#') out += fmt::format("{}\n", line);
    }
  }
  return true;
}

// One word of the command line; `next` is used up by "router NAME" and the like. False: unknown.
bool print_word(const Config& c, const std::string& w, const std::string* next, bool& used_next, bool admin,
                std::string& out, std::string& err) {
  if (w == "all") {
    print_all_main(c, admin, out);
    return true;
  }
  if (w == "config" || w == "configure") return print_file(c, admin, out, err);
  if (w == "config_file" || w == "configure_file") {
    out += c.config_file + "\n";
    return true;
  }
  if (w.size() > 1 && w[0] == '+') {
    if (print_named_lists(c, std::string_view(w).substr(1), admin, out)) return true;
    err += fmt::format("no address, domain, host, or local part list called \"{}\" exists\n", w.substr(1));
    return false;
  }
  if (w == "macros" || w == "macro") {
    if (!admin) {
      err += "macro values are for administrators\n";
      return false;
    }
    used_next = w == "macro" && next;
    std::vector<Macro> all = c.macros;
    for (Macro& m : MacroTable(*c.registries).builtin()) all.push_back(std::move(m));
    bool found = false;
    for (const Macro& m : all)
      if (w == "macros" || (next && m.name == *next)) print_macro(m, out), found = true;
    if (!found) err += fmt::format("macro {} not found\n", next ? *next : "");
    return found;
  }
  for (const Family& f : kFamilies) {
    const std::string word(f.word);
    if (w == word + "_list" || w == word + "s") {
      for (const DriverInstance& d : c.*f.list)
        if (w.ends_with("_list"))
          out += d.name + "\n";
        else
          print_instance(c, f, d, admin, true, out);
      return true;
    }
    if (w == word && next) {
      used_next = true;
      for (const DriverInstance& d : c.*f.list)
        if (d.name == *next) {
          print_instance(c, f, d, admin, false, out);
          return true;
        }
      err += fmt::format("{} {} not found\n", w, *next);
      return false;
    }
  }
  for (const OptionDef* d : c.registries->main_options)
    if (d->name == w && d->type != OptionType::special) {
      print_option(*d, &c.main, main_given(c, d), admin, out);
      return true;
    }
  err += fmt::format("{} is not a known option\n", w);
  return false;
}

}  // namespace

int print_config(const Config& config, const std::vector<std::string>& words, bool admin, std::string& out,
                 std::string& err) {
  if (words.empty()) print_all_main(config, admin, out);
  int rc = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    bool used_next = false;
    const std::string* next = i + 1 < words.size() ? &words[i + 1] : nullptr;
    if (!print_word(config, words[i], next, used_next, admin, out, err)) rc = 1;
    if (used_next) ++i;
  }
  return rc;
}

}  // namespace remex::lang
