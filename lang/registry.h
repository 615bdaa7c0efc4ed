// Registry entries: every name of the language is declared once, in one file, with what the parser, the checks, -bP,
// the reference manual and the tests need to know. No global constructors: the build lists the files.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/text.h"

namespace remex::lang {

class Scope;

/// works: all of it. later: the name, type and place are known, but the engine part does not exist; using it is a load
/// error.
enum class State : std::uint8_t { works, later };

/// The situation an example is tried in. docs/reference/README.md shows the configurations, the session and the message
/// (lang/examples.cc has them).
enum class Where : std::uint8_t {
  usual,     ///< what the entry says for all its examples (VariableDef::where, AclWordDef::where), else anywhere
  anywhere,  ///< remex -be
  connect,   ///< the ACL run for that command of the session, as the ones below
  helo,
  auth,
  starttls,
  mail,
  mailauth,
  rcpt,
  predata,
  data,
  mime,
  dkim,
  quit,
  notquit,
  vrfy,
  scanned,    ///< the DATA ACL of a session whose message a scanner finds something in
  tls,        ///< the RCPT ACL of the session inside TLS
  submitted,  ///< the non-SMTP ACL of a message from the command line
  router,     ///< while the session's recipient is routed
  transport,  ///< while it is delivered to a file
  remote,     ///< while a message is sent to another host, over TLS
  bounce,     ///< in the text of a bounce
  warning,    ///< in the text of a delay warning
  filter,     ///< in a user's filter, after the system filter
  file_name,  ///< as the value of a transport's option file
};

/// An example is documentation and a test. What `input` is depends on the entry: an expansion that gives `output`; the
/// value of an option; the statements of an ACL that make the server reply `output`; a whole driver.
struct Example {
  std::string_view input = {};  ///< null: no example
  std::string_view output = {};
  /// Non-null: it must fail, an expansion with a message containing it, a configuration with the diagnostic of this
  /// code.
  const char* error = nullptr;
  /// Options: other lines the driver (or the main section) must have. Lookups: what is looked up in, line by line.
  std::string_view setup = {};
  Where where = Where::usual;
};

/// The examples in an entry: one or two.
struct Examples {
  Example first = {}, second = {};
  constexpr std::array<Example, 2> list() const { return {first, second}; }
};

/// keeps: tainted when an input is. cleans: trusted result (say why in doc). taints: always tainted.
enum class TaintRule : std::uint8_t { keeps, cleans, taints };
/// pure: may be folded. reads: files, environment, time. waits: may park the fiber.
enum class Cost : std::uint8_t { pure, reads, waits };

// ------------------------------------------------------------------ options (main, router, transport, authenticator)

/// Types of options and the C++ type of the member they are bound to.
enum class OptionType : std::uint8_t {
  boolean,            ///< bool
  expanded_boolean,   ///< lang::ExpandedBool: literal or "${...}"
  integer,            ///< std::int64_t (K/M/G suffixes)
  expanded_integer,   ///< lang::Expansion, parsed as integer when used
  octal,              ///< std::int64_t
  fixed,              ///< std::int64_t, thousandths
  time,               ///< std::int64_t, seconds
  expanded_time,      ///< lang::Expansion
  string,             ///< std::string, literal
  expanded,           ///< lang::Expansion
  dollar_expanded,    ///< lang::Expansion; only a value that begins with "$" is expanded, any other is taken as it is
  string_list,        ///< std::vector<std::string>, literal list split at load
  expanded_list,      ///< lang::Expansion, split when used
  time_list,          ///< std::vector<std::int64_t>
  domain_list,        ///< lang::MatchList
  host_list,          ///< lang::MatchList
  address_list,       ///< lang::MatchList
  local_part_list,    ///< lang::MatchList
  user,               ///< lang::Expansion (name or number)
  group,              ///< lang::Expansion
  user_list,          ///< std::vector<std::string>
  group_list,         ///< std::vector<std::string>
  repeated_expanded,  ///< std::vector<lang::Expansion>: option may be given several times (condition, headers_add, set)
  special,            ///< handled by the reader itself (driver, named lists)
};

struct OptionDef {
  std::string_view name = {};
  OptionType type = OptionType::string;
  /// Address of the bound member inside the options struct; null for `later` options.
  void* (*ref)(void* options) = nullptr;
  std::string_view default_text = {};  ///< as -bP and the manual show it; the struct's initializer is the truth
  std::string_view summary = {};
  State state = State::works;
  /// For `later` options: values (comma separated, or "*" for any) that ask for nothing and are accepted.
  std::string_view harmless = {};
  std::string_view sink =
      {};  ///< what the value becomes: "file", "directory", "command", "sql", "" = nothing that refuses taint
  std::uint8_t tier = 1;
  /// Values somebody would write, and one that is refused where the type has none (lang/examples.h).
  Examples examples = {};
  bool only_in_test_mode = false;  ///< unknown unless hooks::active()
};

/// A row of a table without field names, with its examples: with_examples({"file", OptionType::expanded, ...}, {"/x"}).
constexpr OptionDef with_examples(OptionDef row, Example first, Example second = {}) {
  row.examples = {first, second};
  return row;
}

/// ref<&SmtpOptions::hosts> as OptionDef::ref.
template <auto M>
struct MemberOf;
template <class T, class V, V T::* M>
struct MemberOf<M> {
  static void* ref(void* o) { return &(static_cast<T*>(o)->*M); }
};
template <auto M>
inline constexpr auto ref = &MemberOf<M>::ref;

// ------------------------------------------------------------------ variables

struct VariableDef {
  std::string_view name = {};          ///< without $; a trailing * marks a family (acl_c*, acl_m*, r_*)
  TaintRule taint = TaintRule::keeps;  ///< cleans = never tainted, taints = always, keeps = follows its source
  std::string_view summary = {};
  /// Value now. Unset things are the empty string. `name` is the full name (for families). May park
  /// ($sender_host_name).
  Result<Text> (*get)(Scope&, std::string_view name) = nullptr;
  State state = State::works;
  std::uint8_t tier = 1;
  /// For values that exist as a Text (loops use these most): the value itself, or null when it is unset. Saves a copy.
  const Text* (*peek)(const Scope&) = nullptr;
  /// The same for families (acl_m*): null asks `get`, which knows what an unset one means.
  const Text* (*find)(const Scope&, std::string_view name) = nullptr;
  Where where = Where::anywhere;  ///< of the examples
  Examples examples = {};
};

// OperatorDef, ItemDef, ConditionDef are declared in lang/node.h (they need the tree).
struct OperatorDef;
struct ItemDef;
struct ConditionDef;
struct LookupDef;
struct DriverDef;

/// All entries, by kind. Built by main() from the generated lists; a test may build its own.
struct Registries {
  std::vector<const OperatorDef*> operators;
  std::vector<const ItemDef*> items;
  std::vector<const ConditionDef*> conditions;
  std::vector<const VariableDef*> variables;
  std::vector<const LookupDef*> lookups;
  std::vector<const OptionDef*> main_options;
  std::vector<const DriverDef*> routers, transports, authenticators;
  /// Generic options of the three families (index = DriverKind).
  const struct DriverFamily* families[3] = {nullptr, nullptr, nullptr};
  /// Set by acl/: turns the text of an ACL section into a compiled ACL (see lang/config.h).
  const struct AclCompiler* acl_compiler = nullptr;
  struct Index;  ///< hash maps by name, made by finish()
  std::shared_ptr<const Index> index;
  void finish();
  const OperatorDef* find_operator(std::string_view) const;
  const ItemDef* find_item(std::string_view) const;
  const ConditionDef* find_condition(std::string_view) const;
  const VariableDef* find_variable(std::string_view) const;
  const LookupDef* find_lookup(std::string_view) const;
};

/// Collects the generated span-of-spans of one kind.
template <class Def, class All>
std::vector<const Def*> flatten(const All& all) {
  std::vector<const Def*> out;
  for (const auto* family : all)
    for (const Def& d : *family) out.push_back(&d);
  return out;
}

}  // namespace remex::lang

namespace remex {
using lang::ConditionDef;
using lang::ItemDef;
using lang::LookupDef;
using lang::OperatorDef;
using lang::OptionDef;
using lang::VariableDef;
using lang::with_examples;
}  // namespace remex
