// The sections: main options and named lists, drivers, ACLs (handed to the ACL compiler). Each reads until the next
// "begin" line and returns it.
#include <algorithm>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/obsolete_names.h"
#include "lang/reader.h"

namespace remex::lang {
namespace {

constexpr std::size_t kSuggest = 1000;  // errors; more are not shown, so no name is looked for
constexpr std::string_view kFamily[] = {"router", "transport", "authenticator"};

const OptionDef* find_option(std::span<const OptionDef> options, std::string_view name) {
  for (const OptionDef& o : options)
    if (o.name == name) return &o;
  return nullptr;
}

bool is_boolean(const OptionDef* d) {
  return d && (d->type == OptionType::boolean || d->type == OptionType::expanded_boolean);
}

// `find` by the whole name, else by what follows no_ or not_ when that is a boolean.
template <class Find>
const OptionDef* resolve(Setting& s, const Find& find) {
  if (const OptionDef* d = find(s.name)) return d;
  for (const std::string_view prefix : {"no_", "not_"})
    if (s.name.starts_with(prefix))
      if (const OptionDef* d = find(std::string_view(s.name).substr(prefix.size())); is_boolean(d)) {
        s.negated = true;
        s.name = std::string(d->name);
        return d;
      }
  return nullptr;
}

/// "no_name" where name is an option but no boolean: complains, and is true.
template <class Find>
bool wrongly_negated(Diagnostics& diag, const Setting& s, const std::string& where, const Find& find) {
  for (const std::string_view prefix : {"no_", "not_"}) {
    if (!s.name.starts_with(prefix)) continue;
    const std::string_view rest = std::string_view(s.name).substr(prefix.size());
    if (find(rest) == nullptr) continue;
    diag.error("unknown-option", s.name_pos, s.name_length,
               fmt::format("{}\"{}\" stands before \"{}\", which is not a boolean option", where, prefix, rest));
    return true;
  }
  return false;
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (const auto now = replacement_for(word); !now.empty()) return std::string(now);
  const std::string_view best = nearest(word, candidates);
  return best.empty() ? std::string() : fmt::format("did you mean \"{}\"?", best);
}

// "name:" and nothing else; sets the name's length. `malformed` when something follows the colon.
bool is_instance_name(std::string_view text, std::size_t& length, bool& malformed) {
  std::size_t i = 0;
  while (i < text.size() && (is_alnum(text[i]) || text[i] == '_' || text[i] == '-' || text[i] == '.')) ++i;
  length = i;
  while (i < text.size() && (text[i] == ' ' || text[i] == '\t')) ++i;
  if (length == 0 || i >= text.size() || text[i] != ':') return false;
  malformed = !trim(text.substr(i + 1)).empty();
  return true;
}

// ---------------------------------------------------------------- main section

struct ListWord {
  std::string_view word;
  ListKind kind;
};
constexpr ListWord kListWords[] = {{"domainlist", ListKind::domain},
                                   {"hostlist", ListKind::host},
                                   {"addresslist", ListKind::address},
                                   {"localpartlist", ListKind::local_part}};

// domainlist NAME = ..., with hide and _cache. True when the line is one (even a wrong one).
bool named_list(ReaderState& st, const SourceText& line) {
  const std::string_view text = line.text();
  std::size_t i = 0;
  bool hidden = false;
  const auto skip = [&] {
    while (i < text.size() && (text[i] == ' ' || text[i] == '\t')) ++i;
  };
  const auto word = [&] {
    const std::size_t begin = i;
    while (i < text.size() && (is_alnum(text[i]) || text[i] == '_')) ++i;
    return text.substr(begin, i - begin);
  };
  std::string_view w = word();
  if (w == "hide") {
    hidden = true;
    skip();
    w = word();
  }
  const bool cache = w.ends_with("_cache");
  const std::string_view stem = cache ? w.substr(0, w.size() - 6) : w;
  const auto it =
      std::find_if(std::begin(kListWords), std::end(kListWords), [&](const ListWord& l) { return l.word == stem; });
  if (it == std::end(kListWords)) return false;
  skip();
  const std::size_t name_at = i;
  const std::string name(word());
  if (name.empty() || !is_alpha(name[0])) {
    st.diag.error("list-name", line.at(std::min(name_at, text.size() - 1)), 1,
                  fmt::format("{}: a list name is expected, letters, digits and \"_\"", w));
    return true;
  }
  skip();
  if (i >= text.size() || text[i] != '=') {
    st.diag.error("missing-equals", line.at(std::min(i, text.size() - 1)), 1,
                  fmt::format("\"=\" is missing after \"{} {}\"", w, name));
    return true;
  }
  ++i;
  skip();
  SourceText value;
  if (!unquote(st.diag, i < text.size() ? line.substr(i) : SourceText(std::string(), line.at(name_at)), name, value))
    return true;
  auto& lists = st.config.named_lists[static_cast<std::size_t>(it->kind)];
  if (const auto old = lists.find(name); old != lists.end()) {
    st.diag
        .error("duplicate-list", line.at(name_at), static_cast<std::uint32_t>(name.size()),
               fmt::format("{} \"{}\" is defined twice", it->word, name))
        .notes.push_back("first defined at " + st.config.files->where(old->second.pos));
    return true;
  }
  auto list = MatchList::compile(it->kind, value, st.context(fmt::format("{} \"{}\"", it->word, name)));
  NamedList made{name, list ? std::move(*list) : MatchList(), line.at(name_at), hidden, cache};
  lists.emplace(name, std::move(made));  // also when wrong: references to it are fine
  return true;
}

void main_option(ReaderState& st, const SourceText& line) {
  Setting s;
  if (!parse_setting(st, line, "", s)) return;
  const auto& all = st.config.registries->main_options;
  const auto find = [&](std::string_view n) -> const OptionDef* {
    for (const OptionDef* o : all)
      if (o->name == n) return o;
    return nullptr;
  };
  const OptionDef* def = resolve(s, find);
  if (!def) {
    if (wrongly_negated(st.diag, s, "", find)) return;
    std::vector<std::string_view> names;
    if (st.diag.error_count() < kSuggest)
      for (const OptionDef* o : all) names.push_back(o->name);
    st.diag.error("unknown-option", s.name_pos, s.name_length, fmt::format("unknown main option \"{}\"", s.name),
                  suggestion(s.name, names));
    return;
  }
  for (const auto& g : st.config.main_given)
    if (g.def == def || (def->ref && g.def->ref == def->ref)) {
      st.diag.error("option-twice", s.name_pos, s.name_length, fmt::format("option \"{}\" is given twice", s.name))
          .notes.push_back("first given at " + st.config.files->where(g.pos));
      return;
    }
  SourceText value;
  apply_option(st, *def, &st.config.main, s, "", value);
  st.config.main_given.push_back({def, s.name_pos, value, s.hidden});
}

// ---------------------------------------------------------------- drivers

const std::vector<const DriverDef*>& drivers_of(const Registries& r, DriverKind k) {
  return k == DriverKind::router ? r.routers : k == DriverKind::transport ? r.transports : r.authenticators;
}

std::vector<DriverInstance>& instances_of(Config& c, DriverKind k) {
  return k == DriverKind::router ? c.routers : k == DriverKind::transport ? c.transports : c.authenticators;
}

void set_driver(ReaderState& st, DriverKind kind, DriverInstance& inst, const Setting& s, const std::string& where) {
  SourceText value;
  if (!check_equals(st.diag, s, where)) return;
  if (!s.has_value) {
    st.diag.error("missing-value", s.name_pos, s.name_length, fmt::format("{}option \"driver\" needs a value", where),
                  "driver = ...");
    return;
  }
  if (!unquote(st.diag, s.value, "driver", value)) return;
  std::vector<std::string_view> names;
  for (const DriverDef* d : drivers_of(*st.config.registries, kind)) {
    names.push_back(d->name);
    if (d->name != value.text()) continue;
    if (d->state == State::later) {
      st.diag.error("not-supported", s.value.at(0), static_cast<std::uint32_t>(value.text().size()),
                    fmt::format("{}driver \"{}\" is known but this version cannot do it", where, d->name));
    }
    inst.def = d;
    if (d->make_options) inst.options = d->make_options();
    return;
  }
  st.diag.error("unknown-driver", s.value.empty() ? s.name_pos : s.value.at(0),
                static_cast<std::uint32_t>(std::max<std::size_t>(value.text().size(), 1)),
                fmt::format("{}there is no {} driver \"{}\"", where, kFamily[static_cast<int>(kind)], value.text()),
                suggestion(value.text(), names));
}

void driver_option(ReaderState& st, DriverKind kind, DriverInstance& inst, const SourceText& line, bool& driver_seen) {
  const std::string where = fmt::format("{} \"{}\": ", kFamily[static_cast<int>(kind)], inst.name);
  Setting s;
  if (!parse_setting(st, line, where, s)) return;
  if (s.name == "driver") {
    if (driver_seen) {
      st.diag.error("option-twice", s.name_pos, s.name_length,
                    fmt::format("{}option \"driver\" is given twice", where));
      return;
    }
    driver_seen = true;
    set_driver(st, kind, inst, s, where);
    return;
  }
  const DriverFamily* family = st.config.registries->families[static_cast<std::size_t>(kind)];
  const auto generic = family ? family->generic_options : std::span<const OptionDef>{};
  const auto mine = inst.def ? inst.def->options : std::span<const OptionDef>{};
  bool is_private = false;
  const auto find = [&](std::string_view n) {
    const OptionDef* d = find_option(mine, n);
    is_private = d != nullptr;
    return d ? d : find_option(generic, n);
  };
  const OptionDef* def = resolve(s, find);
  if (!def) {
    if (wrongly_negated(st.diag, s, where, find)) return;
    if (!inst.def && driver_seen) return;                     // the unknown driver is reported already
    if (inst.def && inst.def->state == State::later) return;  // so is one that this version cannot do
    std::vector<std::string_view> names{"driver"};
    if (st.diag.error_count() < kSuggest) {
      for (const OptionDef& o : generic) names.push_back(o.name);
      for (const OptionDef& o : mine) names.push_back(o.name);
    }
    auto& d = st.diag.error("unknown-option", s.name_pos, s.name_length,
                            fmt::format("{}unknown option \"{}\"", where, s.name), suggestion(s.name, names));
    if (!driver_seen) d.notes.push_back("\"driver\" must come before the options of the driver");
    return;
  }
  if (const auto* old = inst.find_given(def->name); old && def->type != OptionType::repeated_expanded) {
    st.diag
        .error("option-twice", s.name_pos, s.name_length, fmt::format("{}option \"{}\" is given twice", where, s.name))
        .notes.push_back("first given at " + st.config.files->where(old->pos));
    return;
  }
  SourceText value;
  void* target = is_private ? static_cast<void*>(inst.options.get()) : static_cast<void*>(inst.generic.get());
  if (!target && def->ref) return;
  apply_option(st, *def, target, s, where, value);
  inst.given.push_back({def, s.name_pos, value, s.hidden});
  if (s.hidden) st.hidden.emplace_back(def->name, kind);
}

void finish_driver(ReaderState& st, DriverKind kind, DriverInstance& inst, bool driver_seen) {
  if (!driver_seen)
    st.diag.error("missing-driver", inst.pos, static_cast<std::uint32_t>(inst.name.size()),
                  fmt::format("{} \"{}\" has no driver", kFamily[static_cast<int>(kind)], inst.name),
                  "add \"driver = ...\"");
}

}  // namespace

bool is_begin(std::string_view line) {
  return line.starts_with("begin") && line.size() > 5 && (line[5] == ' ' || line[5] == '\t');
}

bool try_macro(ReaderState& st, const SourceText& line) {
  std::size_t end = 0;
  if (!looks_like_macro_definition(line.text(), end)) return false;
  const std::string_view text = line.text();
  std::size_t i = text.find('=', end) + 1;
  const bool redefine = i < text.size() && text[i] == '=';
  if (redefine) ++i;
  const std::string name(text.substr(0, end));
  if (auto p = st.macros.define(name, std::string(trim(text.substr(i))), redefine, line.at(0)))
    st.diag.error(p->code, line.at(0), static_cast<std::uint32_t>(end), p->message, p->hint);
  return true;
}

std::optional<SourceText> read_main_section(ReaderState& st) {
  while (auto line = st.lines.next()) {
    if (is_begin(line->text())) return line;
    if (try_macro(st, *line) || named_list(st, *line)) continue;
    main_option(st, *line);
  }
  return std::nullopt;
}

std::optional<SourceText> read_drivers(ReaderState& st, DriverKind kind) {
  auto& list = instances_of(st.config, kind);
  const DriverFamily* family = st.config.registries->families[static_cast<std::size_t>(kind)];
  const std::string_view word = kFamily[static_cast<int>(kind)];
  std::unique_ptr<DriverInstance> current;
  bool driver_seen = false, complained = false;
  std::size_t errors_before = 0;
  const auto finish = [&] {
    if (!current) return;
    finish_driver(st, kind, *current, driver_seen);
    if (st.diag.error_count() != errors_before)
      st.broken.insert(current->pos.line + (std::uint64_t{current->pos.file} << 32));
    list.push_back(std::move(*current));
    current.reset();
  };
  while (auto line = st.lines.next()) {
    const std::string_view text = line->text();
    if (is_begin(text)) {
      finish();
      return line;
    }
    if (try_macro(st, *line)) {
      finish();
      continue;
    }
    std::size_t length = 0;
    bool malformed = false;
    if (is_instance_name(text, length, malformed)) {
      finish();
      errors_before = st.diag.error_count();
      current = std::make_unique<DriverInstance>();
      current->name = std::string(text.substr(0, length));
      current->pos = line->at(0);
      if (family && family->make_generic) current->generic = family->make_generic();
      driver_seen = complained = false;
      const auto n = static_cast<std::uint32_t>(length);
      if (malformed)
        st.diag.error("driver-name", line->at(0), n,
                      fmt::format("text follows the name of {} \"{}\"", word, current->name));
      if (!is_alpha(text[0]) || current->name.find_first_of("-.") != std::string::npos)
        st.diag.error("driver-name", line->at(0), n,
                      fmt::format("\"{}\" cannot be the name of a {}", current->name, word),
                      "letters, digits and \"_\", a letter first");
      for (const DriverInstance& d : list)
        if (d.name == current->name)
          st.diag.error("duplicate-driver", line->at(0), n, fmt::format("there are two {}s \"{}\"", word, d.name))
              .notes.push_back("the first is at " + st.config.files->where(d.pos));
      continue;
    }
    if (current) {
      driver_option(st, kind, *current, *line, driver_seen);
    } else if (!complained) {
      st.diag.error("driver-name", line->at(0), 1, fmt::format("the name of a {} and a colon are expected here", word));
      complained = true;
    }
  }
  finish();
  return std::nullopt;
}

std::optional<SourceText> read_acls(ReaderState& st) {
  std::string name;
  Pos pos;
  std::vector<LogicalLine> lines;
  bool open = false, complained = false;
  const auto finish = [&] {
    if (!open) return;
    open = false;
    if (!st.config.acl_positions.emplace(name, pos).second) {
      st.diag
          .error("duplicate-acl", pos, static_cast<std::uint32_t>(name.size()),
                 fmt::format("there are two ACLs \"{}\"", name))
          .notes.push_back("the first is at " + st.config.files->where(st.config.acl_positions[name]));
    }
    const AclCompiler* c = st.config.registries->acl_compiler;
    if (c && c->compile)
      if (auto acl = c->compile(name, lines, st.context(fmt::format("ACL \"{}\"", name))))
        st.config.acls.emplace(name, std::move(acl));
    lines.clear();
  };
  while (auto line = st.lines.next()) {
    const std::string_view text = line->text();
    if (is_begin(text)) {
      finish();
      return line;
    }
    if (try_macro(st, *line)) {
      finish();
      continue;
    }
    std::size_t length = 0;
    bool malformed = false;
    if (is_instance_name(text, length, malformed) && !malformed) {
      finish();
      name = std::string(text.substr(0, length));
      pos = line->at(0);
      open = true;
      complained = false;
      continue;
    }
    if (open) {
      const Reading* reading = st.diag.reading();
      lines.push_back({std::move(*line), reading != nullptr ? reading->pos : Pos{}});
    } else if (!complained) {
      st.diag.error("acl-name", line->at(0), 1, "the name of an ACL and a colon are expected here");
      complained = true;
    }
  }
  finish();
  return std::nullopt;
}

}  // namespace remex::lang
