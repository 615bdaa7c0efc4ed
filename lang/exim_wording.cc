// One table: the name of a diagnostic, where Exim says the error is, and the function that makes its words of the line
// that was read and the names in remex's own message.
#include "lang/exim_wording.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/diagnostic_kinds.h"
#include "lang/reader.h"

namespace remex::lang {
namespace {

/// Where an error is said to be.
enum class Spot : std::uint8_t {
  reading,  ///< in the last line that was read
  place,    ///< in the line of the diagnostic
  nowhere,  ///< "Exim configuration error:"
  driver,   ///< "Exim configuration error for NAME router:"
  bare      ///< nothing in front of the words
};

/// What the words are made of.
struct Facts {
  const Diagnostic& d;
  const Reading& r;
  std::string_view line;                         ///< r.line without "hide"
  std::string_view option;                       ///< the word the line begins with
  std::string_view value;                        ///< behind the "="
  std::string_view family;                       ///< router, transport, authenticator; empty: of no driver
  std::string_view driver;                       ///< the instance's name
  std::string_view written;                      ///< behind the "=" in the line of the file that the diagnostic names
  std::string_view text;                         ///< the message without those
  std::string_view quoted(std::size_t n) const;  ///< what stands between the n-th pair of quotes of `text`
};

struct Words {
  Spot where;
  std::string text;
};
using Answer = std::optional<Words>;

bool name_char(char c) { return is_alnum(c) || c == '_'; }

std::string_view first_word(std::string_view s) {
  std::size_t n = 0;
  while (n < s.size() && name_char(s[n])) ++n;
  return s.substr(0, n);
}

std::string_view Facts::quoted(std::size_t n) const {
  std::size_t at = 0;
  for (;; --n) {
    const std::size_t begin = text.find('"', at);
    const std::size_t end = begin == std::string_view::npos ? begin : text.find('"', begin + 1);
    if (end == std::string_view::npos) return {};
    if (n == 0) return text.substr(begin + 1, end - begin - 1);
    at = end + 1;
  }
}

Facts facts_of(const Diagnostic& d, const Reading& r, std::string_view written) {
  Facts f{.d = d,
          .r = r,
          .line = r.line,
          .option = {},
          .value = {},
          .family = {},
          .driver = {},
          .written = written,
          .text = d.message};
  if (first_word(f.line) == "hide") f.line = trim_left(f.line.substr(4));
  f.option = first_word(f.line);
  if (const std::size_t equals = f.line.find('='); equals != std::string_view::npos)
    f.value = trim(f.line.substr(equals + 1));
  for (const std::string_view family : {"router", "transport", "authenticator"}) {
    const std::string start = fmt::format("{} \"", family);
    if (!f.text.starts_with(start)) continue;
    const std::size_t end = f.text.find("\": ", start.size());
    if (end == std::string_view::npos) continue;
    f.family = family;
    f.driver = f.text.substr(start.size(), end - start.size());
    f.text = f.text.substr(end + 3);
    break;
  }
  return f;
}

Answer reading(std::string text) { return Words{Spot::reading, std::move(text)}; }

// ---------------------------------------------------------------- lines and options

/// A capital begins a macro's definition in the main section, whatever follows.
bool bad_macro(const Facts& f) {
  return f.family.empty() && !f.line.empty() && f.line.front() >= 'A' && f.line.front() <= 'Z';
}

Answer unknown_option(const Facts& f) {
  if (bad_macro(f)) return reading("malformed macro definition");
  if (f.text.ends_with("which is not a boolean option"))
    return reading("negation prefix applied to a non-boolean option");
  if (f.family.empty()) return reading(fmt::format("main option \"{}\" unknown", f.option));
  return reading(fmt::format("option \"{}\" unknown{}", f.option,
                             f.d.notes.empty() ? "" : " (\"driver\" must be specified before any private options)"));
}

Answer no_option(const Facts& f) {
  if (f.line.empty()) return unknown_option(f);  // "hide" alone
  return reading(fmt::format("option setting expected: {}", f.r.line));
}

Answer missing_equals(const Facts& f) {
  if (f.option.ends_with("list") || f.option.ends_with("list_cache"))
    if (const auto name = first_word(trim_left(f.line.substr(f.option.size()))); f.text.find("list ") != f.text.npos)
      return reading(fmt::format("missing '=' after \"{}\"", name));
  if (f.r.boolean) return reading(fmt::format("extra characters follow boolean option {}", f.option));
  return reading(fmt::format("missing \"=\" after {}", f.option));
}

Answer bad_boolean(const Facts& f) {
  const std::string_view word = first_word(f.value);
  const std::string lower = to_lower(word);
  for (const std::string_view good : {"true", "false", "yes", "no"})
    if (lower == good)
      return reading(fmt::format("extra characters follow \"{}\" for boolean option {}", word, f.option));
  return reading(fmt::format("\"{}\" is not a valid value for the \"{}\" option", word, f.option));
}

/// How many characters of a number strtol would take.
std::size_t digits_of(std::string_view s, int base) {
  std::size_t n = 0;
  while (n < s.size() && (base == 8 ? s[n] >= '0' && s[n] <= '7' : is_digit(s[n]))) ++n;
  return n;
}

Answer bad_integer(const Facts& f) {
  std::string_view v = f.value;
  if (!v.empty() && (v.front() == '-' || v.front() == '+')) v.remove_prefix(1);
  const std::size_t n = digits_of(v, 10);
  if (n == 0) return reading(fmt::format("integer expected for {}", f.option));
  std::string_view behind = v.substr(n);
  if (!behind.empty() && std::string_view("KMGkmg").find(behind.front()) != std::string_view::npos)
    behind.remove_prefix(1);
  if (behind.empty() && v.front() != '0')
    return reading(fmt::format("absolute value of integer \"{}\" is too large (overflow)", f.value));
  return reading(fmt::format("extra characters follow integer value for {}", f.option));
}

Answer bad_octal(const Facts& f) {
  return reading(fmt::format(
      "{} for {}",
      digits_of(f.value, 8) == 0 ? "octal integer expected" : "extra characters follow octal integer value", f.option));
}

Answer no_user(const Facts& f, std::string_view kind) {
  std::size_t last = 0;
  while (!f.quoted(last + 1).empty()) ++last;
  return Words{Spot::place, fmt::format("{} {} was not found", kind, f.quoted(last))};
}

/// Options whose values are looked at after the main section.
Answer bad_value(const Facts& f) {
  const std::string_view t = f.text;
  for (const std::string_view own : {"unknown log_selector", "malformed log_selector"})
    if (const std::size_t at = t.find(own); at != std::string_view::npos)
      return Words{Spot::nowhere, std::string(t.substr(at))};
  if (t.starts_with("log_file_path")) return Words{Spot::bare, std::string(t)};
  if (t.starts_with("smtp_accept_max must be set")) return Words{Spot::nowhere, std::string(t)};
  if (t.starts_with("syslog_facility"))
    return Words{Spot::nowhere, fmt::format("failed to interpret syslog_facility \"{}\"", f.quoted(0))};
  if (t.starts_with("localhost_number")) {
    if (parse_uint(f.quoted(0)))
      return Words{Spot::nowhere, "localhost_number is greater than the maximum allowed value (16)"};
    return Words{Spot::nowhere, fmt::format("localhost_number value is not a number: {}", f.quoted(0))};
  }
  return std::nullopt;
}

Answer failed_expansion(const Facts& f) {
  // option "spool_directory": unknown ...
  const std::string_view name = f.quoted(0);
  const std::size_t at = f.text.find("\": ");
  if (name.empty() || at == std::string_view::npos) return std::nullopt;
  return Words{Spot::bare, fmt::format("failed to expand {} \"{}\": {}", name, f.written, f.text.substr(at + 3))};
}

// ---------------------------------------------------------------- files, macros, sections

Answer cannot_read(const Facts& f) {
  constexpr std::string_view kMain = "cannot read the configuration file ",
                             kIncluded = "cannot read the included file ";
  const std::size_t end = f.text.rfind(": ");
  if (f.text.starts_with(kMain)) {
    const std::string_view path = f.text.substr(kMain.size(), end - kMain.size());
    if (f.text.ends_with("No such file or directory"))
      return Words{Spot::bare, fmt::format("non-existent configuration file(s): {}", path)};
    return Words{Spot::bare, fmt::format("Exim configuration file {} has the wrong owner, group, or mode", path)};
  }
  if (!f.text.starts_with(kIncluded)) return std::nullopt;
  return reading(fmt::format("failed to open included configuration file {}",
                             f.text.substr(kIncluded.size(), end - kIncluded.size())));
}

Answer include_loop(const Facts& f) {
  const std::string_view chain = f.d.notes.empty() ? std::string_view() : std::string_view(f.d.notes.front());
  const std::size_t at = chain.rfind(" -> ");
  if (at == std::string_view::npos) return std::nullopt;
  return reading(fmt::format("failed to open included configuration file {}", chain.substr(at + 4)));
}

Answer duplicate_list(const Facts& f) {
  std::string_view kind = first_word(f.text);
  kind = kind.substr(0, kind.size() - std::min<std::size_t>(kind.size(), 4));
  return reading(fmt::format("duplicate name \"{}\" for a named {} list", f.quoted(0),
                             kind == "localpart" ? std::string_view("local part") : kind));
}

Answer macro_substring(const Facts& f) {
  return Words{Spot::nowhere,
               fmt::format("\"{}\" cannot be defined as a macro because previously defined macro \"{}\" is a substring",
                           f.quoted(0), f.quoted(1))};
}

// ---------------------------------------------------------------- ACLs

Answer in_acl(std::string text) { return reading("error in ACL: " + std::move(text)); }

Answer unknown_acl_word(const Facts& f) {
  if (f.r.first && f.r.line.starts_with('!')) return in_acl(fmt::format("malformed ACL line \"{}\"", f.r.line));
  if (f.r.first) return in_acl(fmt::format("unknown ACL verb \"{}\" in \"{}\"", first_word(f.r.line), f.r.line));
  return in_acl(fmt::format("unknown ACL condition/modifier in \"{}\"", f.r.line));
}

/// The word a message of the ACL compiler ends with, in quotes.
std::string_view last_quoted(const Facts& f) {
  std::size_t n = 0;
  while (!f.quoted(n + 1).empty()) ++n;
  return f.quoted(n);
}

Answer acl_variable(const Facts& f) {
  const std::size_t at = f.r.line.find("set");
  if (at == std::string::npos) return std::nullopt;
  const std::string_view rest = trim_left(std::string_view(f.r.line).substr(at + 3));
  const std::string shown = fmt::format("\"set {}\"", rest);
  std::string_view name = rest.substr(0, rest.find_first_of("= \t"));
  const bool known = name.starts_with("acl_c") || name.starts_with("acl_m");
  const auto invalid = [&](const char* why) {
    return in_acl(fmt::format("invalid variable name after \"set\" in ACL modifier {} ({})", shown, why));
  };
  if (!known) return invalid("must start \"acl_c\" or \"acl_m\"");
  if (name.size() < 6 || (!is_digit(name[5]) && name[5] != '_'))
    return invalid("digit or underscore must follow acl_c or acl_m");
  const auto odd = std::find_if_not(name.begin(), name.end(), name_char);
  if (odd == name.end()) return std::nullopt;
  return in_acl(fmt::format("invalid character \"{}\" in variable name in ACL modifier {}", *odd, shown));
}

/// A modifier that not every verb takes.
Answer acl_value(const Facts& f) {
  constexpr std::string_view kStart = "\"endpass\" is not allowed with ";
  const std::size_t at = f.text.find(kStart);
  if (at == std::string_view::npos) return std::nullopt;
  return in_acl(fmt::format("ACL error: {}", f.text.substr(at)));
}

// ---------------------------------------------------------------- drivers

Answer driver_name(const Facts& f) {
  std::string_view family = "router";
  for (const std::string_view one : {"transport", "authenticator"})
    if (f.d.message.find(one) != std::string::npos) family = one;
  if (f.text.starts_with("text follows"))
    return reading(fmt::format("extra characters follow driver name {}", f.quoted(0)));
  return reading(fmt::format("{} name missing", family));
}

Answer unknown_driver(const Facts& f) {
  return reading(fmt::format("{0} {1}: cannot find {0} driver \"{2}\"", f.family, f.driver, last_quoted(f)));
}

Answer missing_driver(const Facts& f) {  // router "r1" has no driver
  return Words{Spot::nowhere, fmt::format("no driver defined for {} \"{}\"", first_word(f.text), f.quoted(0))};
}

Answer duplicate_driver(const Facts& f) {  // there are two routers "r1"
  const std::size_t at = f.text.find(" \"");
  return Words{Spot::nowhere, fmt::format("{} called \"{}\"", f.text.substr(0, at), f.quoted(0))};
}

Answer other_router(const Facts& f) {
  const bool order = f.text.find("not a later router") != std::string_view::npos;
  return Words{Spot::nowhere, fmt::format(fmt::runtime(order ? "new_router \"{}\" does not follow \"{}\" router"
                                                             : "new_router \"{}\" not found for \"{}\" router"),
                                          f.quoted(0), f.driver)};
}

/// What drivers say of their options together: how remex's words begin, and Exim's. {0} is the instance, {1} what
/// stands in quotes.
struct DriverWords {
  std::string_view ours;
  Spot where;
  std::string_view exim;
};
constexpr DriverWords kDriverWords[] = {
    {"manualroute needs exactly one of", Spot::driver, "route_list or route_data (but not both) must be specified"},
    {"one_time cannot be used with headers", Spot::driver,
     "\"headers_add\" and \"headers_remove\" are not permitted with \"one_time\""},
    {"one_time cannot be used with unseen", Spot::driver, "\"unseen\" may not be used with \"one_time\""},
    {"\"user\" or \"check_local_user\" must be set with \"allow_filter\"", Spot::driver,
     "\"user\" or \"check_local_user\" must be set with \"allow_filter\""},
    {"queryprogram needs the option command_user", Spot::driver, "command_user must be specified"},
    {"queryprogram needs the option command", Spot::driver, "a command specification is required"},
    {"iplookup needs the option hosts", Spot::driver, "a host or hosts must be specified"},
    {"iplookup needs the option port", Spot::driver, "a port must be specified"},
    {"protocol must be udp or tcp", Spot::driver, "protocol must be \"udp\" or \"tcp\""},
    {"file and directory cannot both be set", Spot::driver, "only one of \"file\" or \"directory\" can be specified"},
    {"maildir_format and mailstore_format cannot", Spot::driver, "only one of maildir and mailstore may be specified"},
    {"log_output and log_fail_output exclude", Spot::nowhere,
     "both log_output and log_fail_output set for the {0} transport"},
    {"return_output and return_fail_output exclude", Spot::nowhere,
     "both return_output and return_fail_output set for {0} transport"},
    {"exactly one of socket and command must be set", Spot::nowhere,
     "one (and only one) of command or socket must be set for the {0} transport"},
    {"shadow_transport is for local transports", Spot::nowhere,
     "shadow transport not allowed on non-local transport {0}"},
    {"no lock is configured", Spot::driver, "no locking configured"},
    {"body_only and headers_only exclude", Spot::nowhere,
     "{0} transport: body_only and headers_only are mutually exclusive"},
    {"a timeout of zero", Spot::nowhere, "command, data, or final timeout value is zero for {0} transport"},
};

Answer driver_options(const Facts& f) {
  for (const DriverWords& w : kDriverWords)
    if (f.text.starts_with(w.ours)) return Words{w.where, fmt::format(fmt::runtime(w.exim), f.driver)};
  if (f.text.starts_with("redirect needs exactly one"))
    return Words{Spot::driver, fmt::format("{} of \"file\" or \"data\" must be specified",
                                           f.text.ends_with("(both are set)") ? "only one" : "one")};
  if (f.text.starts_with("use_shell cannot be set"))
    return Words{
        Spot::nowhere,
        fmt::format("both {} and use_shell set for {} transport",
                    f.text.ends_with("(allow_commands is set)") ? "allow_commands" : "restrict_to_path", f.driver)};
  if (f.text.ends_with("is not an exit status"))
    return Words{Spot::nowhere,
                 fmt::format("temp_errors must be a list of numbers or an asterisk for the {} transport", f.driver)};
  if (f.text.ends_with("is not a value of create_file"))
    return Words{Spot::nowhere, fmt::format("invalid value given for \"create_file\" for the {} transport: '{}'",
                                            f.driver, f.quoted(0))};
  if (f.text.ends_with("is not a value of self"))
    return Words{Spot::driver, fmt::format("{} is not valid for the self option", f.quoted(0))};
  for (const std::string_view option : {"host_find_failed", "host_all_ignored"})
    if (f.text.ends_with(fmt::format("is not a value of {}", option)))
      return Words{Spot::driver, fmt::format("unrecognized setting for {} option", option)};
  return std::nullopt;
}

Answer missing_transport(const Facts& f) {
  return Words{Spot::nowhere, fmt::format("{} router:\n  a transport is required for this router", f.driver)};
}

// ---------------------------------------------------------------- retry and rewriting rules

Answer retry_error(const Facts& f) {
  if (f.text.find("is missing") != std::string_view::npos) return reading("missing error type in retry rule");
  const std::string_view word = f.quoted(0);
  if (word.starts_with("quota_")) return reading("bad time value");
  if (word.starts_with("refused_")) return reading("A or MX expected after \"refused\"");
  if (word.starts_with("timeout_")) return reading("\"A\", \"MX\", or \"connect\" expected after \"timeout\"");
  for (const std::string_view code : {"mail_4", "rcpt_4", "data_4"})
    if (word.starts_with(code))
      return reading(fmt::format("{} must be followed by xx, dx, or dd, where x is literal and d is any digit", code));
  return reading(fmt::format("unknown or malformed retry error \"{}\"", word));
}

Answer retry_parameters(const Facts& f) {
  constexpr std::string_view kCount = " parameters stand where ";
  const std::size_t at = f.text.find(kCount);
  if (at == std::string_view::npos) {
    const std::string_view value = f.quoted(0);  // "15m and more"
    const std::size_t blank = value.find(' ');
    if (blank != std::string_view::npos && parse_time(value.substr(0, blank))) return reading("semicolon expected");
    return reading("bad parameters for retry rule");
  }
  const std::string_view front = f.text.substr(0, at);
  const auto have = parse_uint(front.substr(front.rfind(' ') + 1));
  const auto want = parse_uint(first_word(f.text.substr(at + kCount.size())));
  return reading(have && want && *have > *want ? "semicolon expected" : "comma expected");
}

bool in_retry(const Facts& f) { return f.text.starts_with("retry rule: "); }

// ---------------------------------------------------------------- the table

struct Row {
  std::string_view name;  ///< of the diagnostic
  Answer (*make)(const Facts&);
};
constexpr Row kRows[] = {
    {"unknown-option", unknown_option},
    {"no-option", no_option},
    {"missing-equals", [](const Facts& f) { return bad_macro(f) ? unknown_option(f) : missing_equals(f); }},
    {"missing-value",
     [](const Facts& f) { return reading(fmt::format("unexpected end of line (data missing) after {}", f.option)); }},
    {"negated-value",
     [](const Facts& f) { return reading(fmt::format("extra characters follow boolean option {}", f.option)); }},
    {"option-twice",
     [](const Facts& f) { return reading(fmt::format("\"{}\" option set for the second time", f.option)); }},
    {"bad-boolean", bad_boolean},
    {"bad-integer", bad_integer},
    {"bad-octal", bad_octal},
    {"bad-fixed",
     [](const Facts& f) {
       if (in_retry(f)) return retry_parameters(f);
       return reading(fmt::format(
           "{} for {}",
           digits_of(f.value, 10) == 0 ? "fixed-point number expected" : "extra characters follow fixed-point value",
           f.option));
     }},
    {"bad-time",
     [](const Facts& f) {
       return in_retry(f) ? retry_parameters(f) : reading(fmt::format("invalid time value for {}", f.option));
     }},
    {"bad-value", bad_value},
    {"missing-quote",
     [](const Facts& f) { return reading(fmt::format("missing quote at end of string value for {}", f.quoted(0))); }},
    {"after-quote",
     [](const Facts& f) { return reading(fmt::format("extra characters follow string value for {}", f.quoted(0))); }},
    {"unknown-user", [](const Facts& f) { return no_user(f, "user"); }},
    {"unknown-group", [](const Facts& f) { return no_user(f, "group"); }},
    {"expansion-failed", failed_expansion},
    {"cannot-read", cannot_read},
    {"include-loop", include_loop},
    {"include-name",
     [](const Facts& f) -> Answer {
       if (f.quoted(0).empty()) return std::nullopt;
       return reading(fmt::format(".include specifies a non-absolute path \"{}\"", f.quoted(0)));
     }},
    {"missing-endif", [](const Facts&) { return reading("Unexpected end of configuration file: .endif missing"); }},
    {"stray-directive",
     [](const Facts& f) {
       return reading(fmt::format("{} without matching .ifdef", f.text.substr(0, f.text.find(' '))));
     }},
    {"unknown-section",
     [](const Facts& f) {
       return reading(fmt::format("\"{}\" is not a known configuration section name", f.quoted(0)));
     }},
    {"section-twice",
     [](const Facts& f) {
       return reading(fmt::format("\"{}\" section is repeated in the configuration file", f.quoted(0)));
     }},
    {"list-name", [](const Facts&) { return reading("unrecognized configuration line"); }},
    {"duplicate-list", duplicate_list},
    {"macro-defined-twice",
     [](const Facts& f) -> Answer {
       return Words{
           Spot::nowhere,
           fmt::format("macro \"{}\" is already defined (use \"==\" if you want to redefine it)", f.quoted(0))};
     }},
    {"macro-undefined",
     [](const Facts& f) -> Answer {
       return Words{Spot::nowhere, fmt::format("can't redefine an undefined macro \"{}\"", f.quoted(0))};
     }},
    {"macro-substring", macro_substring},
    {"acl-name", [](const Facts&) { return reading("missing or malformed ACL name"); }},
    {"duplicate-acl",
     [](const Facts& f) -> Answer {
       return Words{Spot::place, fmt::format("there are two ACLs called \"{}\"", f.quoted(0))};
     }},
    {"acl-verb", unknown_acl_word},
    {"unknown-acl-word", unknown_acl_word},
    {"acl-missing-equals",
     [](const Facts& f) {
       if (last_quoted(f) == "set")
         if (Answer variable = acl_variable(f)) return variable;
       return in_acl(fmt::format("\"=\" missing after ACL \"{}\" {}", last_quoted(f), f.r.kind));
     }},
    {"acl-negation",
     [](const Facts& f) {
       return in_acl(fmt::format("ACL error: negation is not allowed with \"{}\"", last_quoted(f)));
     }},
    {"acl-variable", acl_variable},
    {"acl-value", acl_value},
    {"driver-name", driver_name},
    {"duplicate-driver", duplicate_driver},
    {"unknown-driver", unknown_driver},
    {"missing-driver", missing_driver},
    {"missing-transport", missing_transport},
    {"unknown-router", other_router},
    {"router-order", other_router},
    {"bad-router", driver_options},
    {"bad-option-value", driver_options},
    {"bad-authenticator", driver_options},
    {"retry-error", retry_error},
    {"retry-letter",
     [](const Facts& f) {
       return reading(f.d.length > f.quoted(0).size() ? "unknown retry rule letter" : "comma expected");
     }},
    {"retry-parameters", retry_parameters},
    {"rewrite-flag",
     [](const Facts& f) -> Answer {
       return Words{Spot::place,
                    fmt::format("unknown rewrite flag character '{}' (could be missing quotes round replacement item)",
                                f.quoted(0))};
     }},
    {"rewrite-replacement",
     [](const Facts&) -> Answer { return Words{Spot::place, "missing rewrite replacement string"}; }},
    {"bad-regex",
     [](const Facts& f) -> Answer {
       if (!f.text.starts_with("gecos_pattern") && !f.text.starts_with("uucp_from_pattern")) return std::nullopt;
       const std::size_t why = f.text.find("\": ");
       if (why == std::string_view::npos) return std::nullopt;
       return Words{Spot::bare, fmt::format("regular expression error: {} while compiling {}", f.text.substr(why + 3),
                                            f.quoted(0))};
     }},
};

}  // namespace

bool exim_finds_later(std::string_view name, std::string_view message) {
  const DiagnosticKind* kind = find_diagnostic_kind(name);
  if (kind == nullptr) return false;
  if (name == "bad-regex") return !message.starts_with("gecos_pattern") && !message.starts_with("uucp_from_pattern");
  if (kind->code.starts_with("E03")) return true;
  constexpr std::string_view kLater[] = {
      "bad-list-item", "unknown-list", "list-ring",         "unknown-lookup", "missing-lookup-type",
      "lookup-style",  "unknown-acl",  "unknown-transport", "taint",          "bad-host"};
  return std::find(std::begin(kLater), std::end(kLater), name) != std::end(kLater);
}

std::string exim_wording(const Diagnostics& diagnostics) {
  const auto& all = diagnostics.all();
  const auto first =
      std::find_if(all.begin(), all.end(), [](const Diagnostic& d) { return d.severity == Severity::error; });
  if (first == all.end()) return {};
  static const Reading kNone;
  const Diagnostic& d = *first;
  std::string_view written = d.pos.file != 0 ? diagnostics.files().line(d.pos.file, d.pos.line) : std::string_view();
  written = trim(written.substr(std::min(written.find('='), written.size())));
  if (!written.empty()) written = trim_left(written.substr(1));
  const Facts f = facts_of(d, d.reading ? *d.reading : kNone, written);
  const auto* row = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) { return r.name == d.code; });
  Answer words = row != std::end(kRows) ? row->make(f) : std::nullopt;
  if (!words) words = Words{d.pos.file != 0 ? Spot::place : Spot::nowhere, d.message};
  const auto at = [&](Pos pos) {
    return fmt::format("Exim configuration error in line {} of {}:\n  {}", pos.line, diagnostics.files().name(pos.file),
                       words->text);
  };
  switch (words->where) {
    case Spot::reading: return at(f.r.pos);
    case Spot::place: return at(d.pos);
    case Spot::nowhere: return "Exim configuration error:\n  " + words->text;
    case Spot::driver: return fmt::format("Exim configuration error for {} {}:\n  {}", f.driver, f.family, words->text);
    case Spot::bare: break;
  }
  return words->text;
}

}  // namespace remex::lang
