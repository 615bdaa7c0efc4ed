// Words of the ACL language: conditions, modifiers and controls, one registry entry each (acl/words/).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "acl/acl.h"
#include "lang/list.h"
#include "lang/registry.h"

namespace remex::acl {

/// Bit set of hooks a word may be used at.
using HookSet = std::uint32_t;
constexpr HookSet hook_bit(Hook h) { return HookSet{1} << static_cast<unsigned>(h); }
constexpr HookSet kAnyHook = ~HookSet{0};
constexpr HookSet kNotSmtpHooks = hook_bit(Hook::not_smtp) | hook_bit(Hook::not_smtp_start);
constexpr HookSet kSmtpHooks = kAnyHook & ~kNotSmtpHooks;
/// From MAIL on (SMTP) and for non-SMTP messages.
constexpr HookSet kMessageHooks = hook_bit(Hook::mail) | hook_bit(Hook::rcpt) | hook_bit(Hook::predata) |
                                  hook_bit(Hook::data) | hook_bit(Hook::dkim) | hook_bit(Hook::mime) |
                                  hook_bit(Hook::prdr) | hook_bit(Hook::not_smtp) | hook_bit(Hook::not_smtp_start) |
                                  hook_bit(Hook::notquit) | hook_bit(Hook::quit);
constexpr HookSet kAfterBody = hook_bit(Hook::data) | hook_bit(Hook::dkim) | hook_bit(Hook::mime) |
                               hook_bit(Hook::prdr) | hook_bit(Hook::not_smtp);

/// Where the verb discard (or an ACL called by acl=) may end an ACL: only where there is a message or recipient to
/// discard.
constexpr HookSet kDiscardHooks = hook_bit(Hook::mail) | hook_bit(Hook::rcpt) | hook_bit(Hook::data) |
                                  hook_bit(Hook::mime) | hook_bit(Hook::dkim) | hook_bit(Hook::prdr) |
                                  hook_bit(Hook::not_smtp) | hook_bit(Hook::unknown);

enum class WordKind : std::uint8_t { condition, modifier, control, verb };

/// How the text after "=" is compiled.
enum class ValueKind : std::uint8_t {
  none,
  expanded,
  domain_list,
  host_list,
  address_list,
  local_part_list,
  string_list
};

struct AclWordDef;

/// One compiled condition or modifier.
struct Item {
  const AclWordDef* word = nullptr;
  bool negated = false;
  lang::Pos pos;
  lang::Expansion value;       ///< ValueKind::expanded
  lang::MatchList list;        ///< the list kinds
  std::string variable;        ///< set: "acl_m_x"
  std::string variable_key;    ///< set: "m_x", the name in Scope::acl_m or acl_c
  std::shared_ptr<void> data;  ///< what the word's compile() made
};

enum class Truth : std::uint8_t { no, yes, defer, error };

/// A condition's answer and, when it decides a rejection, the texts for client and log.
struct Answer {
  Truth truth = Truth::yes;
  std::string user_message;
  std::string log_message;
  std::string details;  ///< lines for the client before the message, see Outcome::details
  bool discard =
      false;          ///< a nested ACL said discard: accept and discard act on it at once, other verbs may not meet it
  bool drop = false;  ///< a nested ACL said drop: a refusal by this statement drops the connection
};

/// State of one ACL run, handed to words.
struct Run {
  Hook hook;
  lang::Scope& scope;
  Effects& effects;
  const std::function<void()>& flush;
  const lang::Expansion* message = nullptr;  ///< last `message` seen in this statement
  const lang::Expansion* log_message = nullptr;
  bool endpass = false;
  bool debugging = false;
  int log_reject_target = 3;  ///< LogTarget bits

  /// The value of a word, expanded; -bh tells it with the word.
  Result<Text> value_of(const Item& it);
};

struct AclWordDef {
  std::string_view name;
  WordKind kind = WordKind::condition;
  ValueKind value = ValueKind::expanded;
  HookSet hooks = kAnyHook;
  std::string_view summary;
  lang::State state = lang::State::works;
  /// Extra checks of the value at load (constant parts). Null: none.
  void (*compile)(Item&, const lang::CompileContext&) = nullptr;
  /// Conditions: the truth. Modifiers: acts; Truth::yes, or error/defer.
  Answer (*run)(Run&, const Item&) = nullptr;
  /// Controls: `argument` is what follows the name ("/opts" or "=x"), already expanded. Returns an error text or "".
  std::string (*control)(Run&, std::string_view argument) = nullptr;
  std::uint8_t tier = 1;
  lang::Where where = lang::Where::rcpt;  ///< the ACL the examples' statements stand in
  lang::Examples examples = {};
  std::string_view cannot_fail = {};  ///< why no example is refused or fails
};

/// As lang::with_examples for rows that a function makes.
constexpr AclWordDef with_examples(AclWordDef row, lang::Example first, lang::Example second = {}) {
  row.examples = {first, second};
  return row;
}

const std::vector<const AclWordDef*>& all_words();
/// Condition or modifier of that name, or null.
const AclWordDef* find_word(std::string_view name);
const AclWordDef* find_control(std::string_view name);

/// yes/no from a bool.
inline Answer answer(bool b) { return {b ? Truth::yes : Truth::no, {}, {}}; }
/// Error (defer) with a log text.
Answer trouble(const Error& e, std::string_view what);

}  // namespace remex::acl

namespace remex {
using acl::AclWordDef;
}
