// Short forms for variable getters.
#pragma once

#include <string>
#include <string_view>

#include "core/base/text.h"
#include "lang/registry.h"
#include "lang/scope.h"

namespace remex::lang {

inline Result<Text> trusted(std::string_view s) { return Text(std::string(s)); }
inline Result<Text> from_peer(std::string_view s) {
  return Text(std::string(s), s.empty() ? Taint::clean : Taint::tainted);
}
inline Result<Text> number(std::int64_t n) { return Text(std::to_string(n)); }
/// Facts about what this program does not do: the value Exim has when it was not done.
inline Result<Text> zero(Scope&, std::string_view) { return number(0); }
inline Result<Text> nothing(Scope&, std::string_view) { return Text{}; }
/// How the message or session came: the session's when there is one, else the envelope's. Null for neither.
inline const mail::ReceivedFrom* origin(const Scope& s) {
  return s.from != nullptr ? s.from : s.envelope != nullptr ? &s.envelope->from : nullptr;
}
/// A string member of ReceivedFrom.
template <std::string mail::ReceivedFrom::* M>
Result<Text> origin_clean(Scope& s, std::string_view) {
  const auto* f = origin(s);
  return f == nullptr ? Text{} : Text(f->*M);
}
template <std::string mail::ReceivedFrom::* M>
Result<Text> origin_tainted(Scope& s, std::string_view) {
  const auto* f = origin(s);
  return f == nullptr ? Text{} : *from_peer(f->*M);
}
/// A string member of another state struct of the scope; tainted when T.
template <auto P, auto M, bool T = false>
Result<Text> member(Scope& s, std::string_view) {
  const auto* state = s.*P;
  if (state == nullptr) return Text{};
  if constexpr (T)
    return from_peer(state->*M);
  else
    return trusted(state->*M);
}
template <auto P, auto M, int Default = 0>
Result<Text> number_member(Scope& s, std::string_view) {
  const auto* state = s.*P;
  return number(state == nullptr ? Default : static_cast<std::int64_t>(state->*M));
}
template <auto P, auto M>
Result<Text> text_member(Scope& s, std::string_view) {
  const auto* state = s.*P;
  return state == nullptr ? Text{} : state->*M;
}
template <Text Scope::* M>
Result<Text> scope_text(Scope& s, std::string_view) {
  return s.*M;
}
template <std::string Scope::* M>
Result<Text> scope_clean(Scope& s, std::string_view) {
  return trusted(s.*M);
}
template <std::string Scope::* M>
Result<Text> scope_tainted(Scope& s, std::string_view) {
  return from_peer(s.*M);
}
/// Scope::extra under the variable's own name: set by one item or driver, read later. Clean, or tainted.
inline const std::string* extra(const Scope& s, std::string_view name) {
  const auto it = s.extra.find(std::string(name));
  return it == s.extra.end() ? nullptr : &it->second;
}
inline Result<Text> extra_clean(Scope& s, std::string_view name) {
  const auto* v = extra(s, name);
  return v == nullptr ? Text{} : Text(*v);
}
/// "no" until something sets it.
inline Result<Text> extra_yes_no(Scope& s, std::string_view name) {
  const auto* v = extra(s, name);
  return Text(v == nullptr ? std::string("no") : *v);
}
inline Result<Text> extra_tainted(Scope& s, std::string_view name) {
  const auto* v = extra(s, name);
  return v == nullptr ? Text{} : *from_peer(*v);
}
/// Small results kept with the message (spam_score ...), else Scope::extra. Tainted: they may quote the message.
inline Result<Text> saved(Scope& s, std::string_view name) {
  if (const auto* v = extra(s, name)) return from_peer(*v);
  if (s.envelope == nullptr) return Text{};
  const auto it = s.envelope->saved.find(std::string(name));
  return it == s.envelope->saved.end() ? Text{} : *from_peer(it->second);
}

}  // namespace remex::lang
