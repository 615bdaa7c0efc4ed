// Macro definition and substitution. Pure: no I/O.
#include "lang/macros.h"

#include <algorithm>
#include <bitset>
#include <unordered_map>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "core/log/selector_names.h"
#include "lang/driver.h"
#include "lang/node.h"

namespace remex::lang {
namespace {

constexpr std::string_view kHave[] = {"_HAVE_DKIM", "_HAVE_IPV6",   "_HAVE_MAILDIR", "_HAVE_GNUTLS",
                                      "_HAVE_TLS",  "_HAVE_TLS1_3", "_HAVE_DNSSEC",  "_HAVE_NATIVE_PCRE2"};

// Features that are there when a main option works that only they need.
struct Feature {
  std::string_view macro, option;
};
constexpr Feature kFeatures[] = {{"_HAVE_CONTENT_SCANNING", "acl_smtp_mime"},
                                 {"_HAVE_DCC", "dccifd_address"},
                                 {"_HAVE_DMARC", "dmarc_tld_file"},
                                 {"_HAVE_DSN", "dsn_advertise_hosts"},
                                 {"_HAVE_EVENT", "event_action"},
                                 {"_HAVE_I18N", "smtputf8_advertise_hosts"},
                                 {"_HAVE_OCSP", "tls_ocsp_file"},
                                 {"_HAVE_PERL", "perl_startup"},
                                 {"_HAVE_PIPE_CONNECT", "pipelining_connect_advertise_hosts"},
                                 {"_HAVE_PRDR", "prdr_enable"},
                                 {"_HAVE_PROXY", "hosts_proxy"},
                                 {"_HAVE_TLS_RESUME", "tls_resumption_hosts"},
                                 {"_HAVE_XCLIENT", "hosts_xclient"}};

template <class Def>
bool has_entry(const std::vector<const Def*>& list, std::string_view name) {
  return std::any_of(list.begin(), list.end(),
                     [&](const Def* d) { return d->name == name && d->state == State::works; });
}

bool driver_option(const std::vector<const DriverDef*>& drivers, std::string_view driver, std::string_view option) {
  for (const DriverDef* d : drivers)
    if (d->name == driver && d->state == State::works)
      for (const OptionDef& o : d->options)
        if (o.name == option) return o.state == State::works;
  return false;
}

std::string macro_word(std::string_view name) {
  std::string out = to_upper(name);
  for (char& c : out)
    if (!is_alnum(c)) c = '_';
  return out;
}

bool name_char(char c) { return is_alnum(c) || c == '_'; }

// All builtin names with values; made when a configuration first mentions something like _HAVE_.
using Builtins = std::unordered_map<std::string, std::string>;

void add_options(Builtins& out, std::string_view prefix, std::span<const OptionDef> options) {
  for (const OptionDef& o : options)
    if (o.state == State::works) out.emplace(fmt::format("{}{}", prefix, macro_word(o.name)), "y");
}

void add_drivers(Builtins& out, std::string_view prefix, std::string_view family,
                 const std::vector<const DriverDef*>& drivers, const DriverFamily* generic) {
  const bool options = prefix == "_OPT_";
  if (options && generic) add_options(out, fmt::format("_OPT_{}S_", family), generic->generic_options);
  for (const DriverDef* d : drivers) {
    if (d->state != State::works) continue;
    if (options)
      add_options(out, fmt::format("_OPT_{}_{}_", family, macro_word(d->name)), d->options);
    else
      out.emplace(fmt::format("_DRIVER_{}_{}", family, macro_word(d->name)), "y");
  }
}

template <class Def>
void add_entries(Builtins& out, std::string_view prefix, const std::vector<const Def*>& list) {
  for (const Def* d : list)
    if (d->state == State::works && is_alpha(d->name[0]))
      out.emplace(fmt::format("{}{}", prefix, macro_word(d->name)), "y");
}

void add_features(Builtins& out, const Registries& reg) {
  for (const std::string_view h : kHave) out.emplace(std::string(h), "y");
  for (const Feature& f : kFeatures)
    if (has_entry(reg.main_options, f.option)) out.emplace(std::string(f.macro), "y");
  if (has_entry(reg.variables, "spf_result")) out.emplace("_HAVE_SPF", "y");
  if (has_entry(reg.conditions, "inbound_srs")) {
    out.emplace("_HAVE_SRS", "y");
    out.emplace("_HAVE_NATIVE_SRS", "y");
  }
  if (driver_option(reg.transports, "smtp", "hosts_try_dane")) out.emplace("_HAVE_DANE", "y");
  if (driver_option(reg.transports, "smtp", "socks_proxy")) out.emplace("_HAVE_SOCKS", "y");
  if (driver_option(reg.transports, "appendfile", "mailstore_format")) out.emplace("_HAVE_MAILSTORE", "y");
  if (driver_option(reg.transports, "appendfile", "mbx_format")) out.emplace("_HAVE_MBX", "y");
}

constexpr std::string_view kPrefixes[] = {"_HAVE_", "_DRIVER_", "_OPT_", "_EXP_", "_LOG_", "_DKIM_", "_CRYPTO_"};

// The names of one class; a configuration mentions few of them, and the big ones rarely.
Builtins make_builtins(const Registries& reg, std::string_view prefix) {
  Builtins out;
  if (prefix == "_HAVE_") add_features(out, reg);
  if (prefix == "_LOG_")
    for (const std::string_view name : log::selector_names())
      out.emplace(fmt::format("_LOG_{}", macro_word(name)), "y");
  if (prefix == "_DKIM_") {
    out.emplace("_DKIM_SIGN_HEADERS", dkim_sign_headers(false));
    out.emplace("_DKIM_OVERSIGN_HEADERS", dkim_sign_headers(true));
  }
  if (prefix == "_CRYPTO_") {
    out.emplace("_CRYPTO_SIGN_ED25519", "y");
    if (has_entry(reg.operators, "sha3")) out.emplace("_CRYPTO_HASH_SHA3", "y");
  }
  if (prefix == "_OPT_")
    for (const OptionDef* o : reg.main_options) add_options(out, "_OPT_MAIN_", {o, 1});
  if (prefix == "_OPT_" || prefix == "_DRIVER_") {
    add_drivers(out, prefix, "ROUTER", reg.routers, reg.families[0]);
    add_drivers(out, prefix, "TRANSPORT", reg.transports, reg.families[1]);
    add_drivers(out, prefix, "AUTHENTICATOR", reg.authenticators, reg.families[2]);
  }
  if (prefix == "_EXP_") {
    add_entries(out, "_EXP_ITEM_", reg.items);
    add_entries(out, "_EXP_OP_", reg.operators);
    add_entries(out, "_EXP_COND_", reg.conditions);
    add_entries(out, "_EXP_VAR_", reg.variables);
  }
  return out;
}

}  // namespace

std::string dkim_sign_headers(bool oversign) {
  static constexpr std::string_view kHeaders =
      "From:Sender:Reply-To:Subject:Date:Message-ID:To:Cc:MIME-Version:Content-Type:Content-Transfer-Encoding:Content-"
      "ID:"
      "Content-Description:Resent-Date:Resent-From:Resent-Sender:Resent-To:Resent-Cc:Resent-Message-ID:In-Reply-To:"
      "References:List-Id:List-Help:List-Unsubscribe:List-Subscribe:List-Post:List-Owner:List-Archive";
  return oversign ? "+" + replace_all(kHeaders, ":", ":+") : std::string(kHeaders);
}

bool looks_like_macro_definition(std::string_view line, std::size_t& name_end) {
  std::size_t i = 0;
  while (i < line.size() && (line[i] == ' ' || line[i] == '\t')) ++i;
  if (i >= line.size() || line[i] < 'A' || line[i] > 'Z') return false;
  while (i < line.size() && name_char(line[i])) ++i;
  name_end = i;
  while (i < line.size() && (line[i] == ' ' || line[i] == '\t')) ++i;
  return i < line.size() && line[i] == '=';
}

void MacroTable::define_from_command_line(const std::string& name, const std::string& value) {
  macros_.push_back({name, value, {}, true});
}

std::optional<MacroTable::Problem> MacroTable::define(const std::string& name, const std::string& value, bool redefine,
                                                      Pos pos) {
  const auto it = std::find_if(macros_.begin(), macros_.end(), [&](const Macro& m) { return m.name == name; });
  if (it != macros_.end()) {
    if (it->from_command_line) return std::nullopt;
    if (!redefine)
      return Problem{"macro-defined-twice", fmt::format("macro \"{}\" is already defined", name),
                     "use \"==\" to redefine it"};
    it->value = value;
    return std::nullopt;
  }
  if (redefine)
    return Problem{"macro-undefined", fmt::format("macro \"{}\" is redefined but not defined", name),
                   "use \"=\" for the first definition"};
  for (const Macro& m : macros_)
    if (name.find(m.name) != std::string::npos)
      return Problem{
          "macro-substring",
          fmt::format("\"{}\" cannot be a macro: the earlier macro \"{}\" is a part of its name", name, m.name),
          "define the longer name first"};
  macros_.push_back({name, value, pos, false});
  return std::nullopt;
}

std::size_t MacroTable::builtin_at(std::string_view text, std::string& value) const {
  const auto* prefix =
      std::find_if(std::begin(kPrefixes), std::end(kPrefixes), [&](auto p) { return text.starts_with(p); });
  if (prefix == std::end(kPrefixes)) return 0;
  const auto [it, fresh] = builtins_.try_emplace(std::string(*prefix));
  if (fresh) it->second = make_builtins(registries_, *prefix);
  std::size_t n = 0;
  while (n < text.size() && name_char(text[n])) ++n;
  // The longest builtin name that stands here, as blind as all substitution.
  for (n = std::min<std::size_t>(n, 100); n > 4; --n)
    if (const auto found = it->second.find(std::string(text.substr(0, n))); found != it->second.end()) {
      value = found->second;
      return n;
    }
  return 0;
}

std::vector<Macro> MacroTable::builtin() const {
  std::vector<Macro> out;
  for (const std::string_view prefix : kPrefixes)
    for (auto& [name, value] : make_builtins(registries_, prefix)) out.push_back({name, value, {}, false});
  std::sort(out.begin(), out.end(), [](const Macro& a, const Macro& b) { return a.name < b.name; });
  return out;
}

bool MacroTable::substitute(SourceText& line, std::size_t start, bool& too_long) const {
  too_long = false;
  bool any = false;
  // The builtins come first: they are defined before the file is read.
  for (std::size_t i = line.text().find('_', start); i != std::string::npos; i = line.text().find('_', i)) {
    std::string value;
    const std::string_view rest = std::string_view(line.text()).substr(i);
    const std::size_t n = builtin_at(rest, value);
    if (n == 0) {
      ++i;
      continue;
    }
    SourceText out = line.substr(0, i);
    out.append_fixed(value, line.at(i));
    out.append(line, i + n);
    line = std::move(out);
    i += value.size();
    any = true;
  }
  for (const Macro& m : macros_) {
    std::size_t i = line.text().find(m.name, start);
    if (i == std::string::npos) continue;
    used_.insert(m.name);
    SourceText out = line.substr(0, i);
    for (;;) {
      out.append_fixed(m.value, line.at(i));
      const std::size_t next = line.text().find(m.name, i + m.name.size());
      out.append(line, i + m.name.size(), next == std::string::npos ? next : next - i - m.name.size());
      if (out.text().size() > kMaxLine) {
        too_long = true;
        return any;
      }
      if (next == std::string::npos) break;
      i = next;
    }
    line = std::move(out);
    any = true;
  }
  return any;
}

}  // namespace remex::lang
