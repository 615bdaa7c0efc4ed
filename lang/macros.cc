// Macro definition and substitution. Pure: no I/O.
#include "lang/macros.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "core/log/selector_names.h"
#include "lang/driver.h"
#include "lang/lookup.h"
#include "lang/node.h"

namespace remex::lang {
namespace {

constexpr std::string_view kHave[] = {"_HAVE_DKIM",   "_HAVE_IPV6",   "_HAVE_GNUTLS",       "_HAVE_TLS",
                                      "_HAVE_TLS1_3", "_HAVE_DNSSEC", "_HAVE_NATIVE_PCRE2", "_HAVE_ICONV"};

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
                                 {"_HAVE_TLS_OCSP", "tls_ocsp_file"},
                                 {"_HAVE_TLS_OCSP_LIST", "tls_ocsp_file"},
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

bool name_char(char c) { return is_alnum(c) || c == '_'; }

/// One builtin macro: its name is the pieces one behind the other, in upper case, with _ for all but letters and
/// digits.
using Pieces = std::initializer_list<std::string_view>;

/// Called with the name and value of each builtin macro of a class. A configuration mentions few, so no table is made.
template <class Visit>
void each_option(const Visit& visit, std::string_view family, std::string_view driver,
                 std::span<const OptionDef> options) {
  for (const OptionDef& o : options) {
    if (o.state != State::works) continue;
    if (driver.empty())
      visit(Pieces{"_OPT_", family, "_", o.name}, "y");
    else
      visit(Pieces{"_OPT_", family, "_", driver, "_", o.name}, "y");
  }
}

template <class Visit>
void each_driver(const Visit& visit, bool options, std::string_view family,
                 const std::vector<const DriverDef*>& drivers, const DriverFamily* generic) {
  if (options && generic != nullptr)
    for (const OptionDef& o : generic->generic_options)
      if (o.state == State::works) visit(Pieces{"_OPT_", family, "S_", o.name}, "y");
  for (const DriverDef* d : drivers) {
    if (d->state != State::works) continue;
    if (options)
      each_option(visit, family, d->name, d->options);
    else
      visit(Pieces{"_DRIVER_", family, "_", d->name}, "y");
  }
}

template <class Visit, class Def>
void each_entry(const Visit& visit, std::string_view prefix, const std::vector<const Def*>& list) {
  for (const Def* d : list)
    if (d->state == State::works && is_alpha(d->name[0])) visit(Pieces{prefix, d->name}, "y");
}

template <class Visit>
void each_feature(const Visit& visit, const Registries& reg) {
  for (const std::string_view h : kHave) visit(Pieces{h}, "y");
  for (const Feature& f : kFeatures)
    if (has_entry(reg.main_options, f.option)) visit(Pieces{f.macro}, "y");
  if (has_entry(reg.variables, "spf_result")) visit(Pieces{"_HAVE_SPF"}, "y");
  if (has_entry(reg.conditions, "inbound_srs")) {
    visit(Pieces{"_HAVE_SRS"}, "y");
    visit(Pieces{"_HAVE_NATIVE_SRS"}, "y");
  }
  if (has_entry(reg.conditions, "crypteq")) visit(Pieces{"_HAVE_CRYPTEQ"}, "y");
  if (has_entry(reg.conditions, "pam")) visit(Pieces{"_HAVE_PAM"}, "y");
  if (has_entry(reg.items, "dlfunc")) visit(Pieces{"_HAVE_DLFUNC"}, "y");
  each_entry(visit, "_HAVE_LOOKUP_", reg.lookups);
  if (driver_option(reg.transports, "smtp", "hosts_try_fastopen")) visit(Pieces{"_HAVE_TCP_FASTOPEN"}, "y");
  if (driver_option(reg.transports, "smtp", "hosts_try_dane")) visit(Pieces{"_HAVE_DANE"}, "y");
  if (driver_option(reg.transports, "smtp", "socks_proxy")) visit(Pieces{"_HAVE_SOCKS"}, "y");
  const auto append = [&](std::string_view option, std::string_view name) {
    if (!driver_option(reg.transports, "appendfile", option)) return;
    visit(Pieces{"_HAVE_TRANSPORT_APPEND_", name}, "y");
    visit(Pieces{"_HAVE_", name}, "y");  // as older configurations have it
  };
  append("maildir_format", "MAILDIR");
  append("mailstore_format", "MAILSTORE");
  append("mbx_format", "MBX");
}

constexpr std::string_view kPrefixes[] = {"_HAVE_", "_DRIVER_", "_OPT_", "_EXP_", "_LOG_", "_DKIM_", "_CRYPTO_"};

/// The builtin macros of one class.
template <class Visit>
void each_builtin(const Registries& reg, std::string_view prefix, const Visit& visit) {
  if (prefix == "_HAVE_") each_feature(visit, reg);
  if (prefix == "_LOG_")
    for (const std::string_view name : log::selector_names()) visit(Pieces{"_LOG_", name}, "y");
  if (prefix == "_DKIM_") {
    visit(Pieces{"_DKIM_SIGN_HEADERS"}, dkim_sign_headers(false));
    visit(Pieces{"_DKIM_OVERSIGN_HEADERS"}, dkim_sign_headers(true));
  }
  if (prefix == "_CRYPTO_") {
    visit(Pieces{"_CRYPTO_SIGN_ED25519"}, "y");
    if (has_entry(reg.operators, "sha3")) visit(Pieces{"_CRYPTO_HASH_SHA3"}, "y");
  }
  if (prefix == "_OPT_")
    for (const OptionDef* o : reg.main_options) each_option(visit, "MAIN", {}, {o, 1});
  if (prefix == "_OPT_" || prefix == "_DRIVER_") {
    const bool options = prefix == "_OPT_";
    each_driver(visit, options, "ROUTER", reg.routers, reg.families[0]);
    each_driver(visit, options, "TRANSPORT", reg.transports, reg.families[1]);
    each_driver(visit, options, "AUTHENTICATOR", reg.authenticators, reg.families[2]);
  }
  if (prefix == "_EXP_") {
    each_entry(visit, "_EXP_ITEM_", reg.items);
    each_entry(visit, "_EXP_OP_", reg.operators);
    each_entry(visit, "_EXP_COND_", reg.conditions);
    each_entry(visit, "_EXP_VAR_", reg.variables);
  }
}

char macro_char(char c) { return is_alnum(c) ? ascii_upper(c) : '_'; }

/// Length of the name when `text` begins with it, else 0.
std::size_t begins_with(std::string_view text, const Pieces& name) {
  std::size_t n = 0;
  for (const std::string_view piece : name) {
    if (text.size() - n < piece.size()) return 0;
    for (const char c : piece)
      if (text[n++] != macro_char(c)) return 0;
  }
  return n;
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
  if (text.size() < 2 || text[1] < 'A' || text[1] > 'Z') return 0;
  const auto* prefix =
      std::find_if(std::begin(kPrefixes), std::end(kPrefixes), [&](auto p) { return text.starts_with(p); });
  if (prefix == std::end(kPrefixes)) return 0;
  // The longest builtin name that stands here, as blind as all substitution.
  std::size_t longest = 0;
  each_builtin(registries_, *prefix, [&](const Pieces& name, std::string_view v) {
    const std::size_t n = begins_with(text, name);
    if (n <= longest) return;
    longest = n;
    value.assign(v);
  });
  return longest;
}

std::vector<Macro> MacroTable::builtin() const {
  std::vector<Macro> out;
  for (const std::string_view prefix : kPrefixes)
    each_builtin(registries_, prefix, [&](const Pieces& pieces, std::string_view v) {
      std::string name;
      for (const std::string_view piece : pieces)
        for (const char c : piece) name += macro_char(c);
      out.push_back({std::move(name), std::string(v), {}, false});
    });
  std::sort(out.begin(), out.end(), [](const Macro& a, const Macro& b) { return a.name < b.name; });
  const auto same = [](const Macro& a, const Macro& b) { return a.name == b.name; };
  out.erase(std::unique(out.begin(), out.end(), same), out.end());
  return out;
}

namespace {

/// The capitals in a text, one bit each: macro names begin with one, and most are not in a line.
std::uint32_t capitals_in(std::string_view text) {
  std::uint32_t mask = 0;
  for (const char c : text)
    if (const unsigned letter = static_cast<unsigned>(c) - 'A'; letter < 26) mask |= std::uint32_t{1} << letter;
  return mask;
}

bool may_be_in(const std::string& name, std::uint32_t capitals) {
  const unsigned letter = name.empty() ? 26U : static_cast<unsigned>(name.front()) - 'A';
  return letter >= 26 || (capitals >> letter & 1U) != 0;
}

}  // namespace

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
  if (macros_.empty()) return any;
  const auto look = [&] {
    return capitals_in(std::string_view(line.text()).substr(std::min(start, line.text().size())));
  };
  std::uint32_t capitals = look();
  for (const Macro& m : macros_) {
    if (!may_be_in(m.name, capitals)) continue;
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
    capitals = look();
    any = true;
  }
  return any;
}

}  // namespace remex::lang
