// See list_trace.h.
#include "lang/list_trace.h"

#include <fmt/format.h>

#include <utility>

#include "core/base/strings.h"
#include "lang/config.h"
#include "lang/list_internal.h"
#include "lang/scope.h"

namespace remex::lang {

void trace_line(Scope& scope, std::string_view text) {
  if (scope.trace != nullptr) scope.services->trace(std::string(scope.trace->depth, ' ').append(text));
}

void trace_check(Scope& scope, std::string_view value) {
  if (scope.trace == nullptr || scope.trace->check == nullptr) return;
  const ListTrace::Check check = *std::exchange(scope.trace->check, nullptr);
  trace_line(scope, fmt::format("{}{}", check.line, check.source));
  if (value == check.source) return;
  scope.services->trace(std::string(check.column, ' ') + "= " + printable(value));
}

ExpansionTraced::ExpansionTraced(Scope& scope) : trace_(scope.trace) {
  if (trace_ == nullptr) return;
  check_ = std::exchange(trace_->check, nullptr);
  option_ = std::exchange(trace_->option, std::string_view());
  ++trace_->depth;
}

ExpansionTraced::~ExpansionTraced() {
  if (trace_ == nullptr) return;
  trace_->check = check_;
  trace_->option = option_;
  --trace_->depth;
}

TraceSilenced::TraceSilenced(Scope& scope) : scope_(scope), trace_(std::exchange(scope.trace, nullptr)) {}
TraceSilenced::~TraceSilenced() { scope_.trace = trace_; }

void trace_list(Scope& scope, const Subject& s, std::string_view list, const Result<ListMatch>& match) {
  if (scope.trace == nullptr) return;
  const std::string_view option =
      s.depth == 0 ? std::exchange(scope.trace->option, std::string_view()) : std::string_view();
  const std::string name = option.empty() ? fmt::format("\"{}\"", printable(list)) : std::string(option);
  const std::string subject = s.kind == ListKind::host && !s.ip_only ? "host" : printable(s.text.view());
  if (!match)
    trace_line(scope, fmt::format("{} in {}? list match deferred for {}", subject, name,
                                  s.hit.empty() ? printable(match.error().text) : s.hit));
  else
    trace_line(scope, fmt::format("{} in {}? {} ({})", subject, name, match->matched ? "yes" : "no",
                                  s.hit.empty() ? "end of list" : s.hit));
}

void trace_domain(Scope& scope, const Subject& s, std::string_view pattern, bool matched) {
  trace_line(scope,
             fmt::format("{} in \"{}\"? {}", printable(s.domain), printable(pattern),
                         matched ? fmt::format("yes (matched \"{}\")", printable(pattern)) : "no (end of list)"));
}

std::string trace_hit(const ListItem& item) {
  return fmt::format("matched \"{}{}\"", item.negated ? item.negation : std::string(), printable(item.text));
}

std::string text_of(const CompiledList& list) {
  std::string out;
  for (const ListItem& item : list.items) {
    if (&item != &list.items.front()) out += " : ";
    if (item.negated) out += item.negation;
    out += item.text;
    if (out.size() > 4096) break;
  }
  return out;
}

bool trace_asked_before(Scope& scope, const NamedList& named, const Subject& s) {
  if (s.fresh || !can_be_remembered(scope, named)) return false;
  const char kind = s.kind == ListKind::host         ? 'h'
                    : s.kind == ListKind::address    ? 'a'
                    : s.kind == ListKind::local_part ? 'l'
                    : s.of_sender                    ? 's'
                                                     : 'd';
  std::string key(1, kind);
  key.append(named.name);
  key += '\0';
  key.append(s.text.view());
  return !scope.trace->asked.insert(std::move(key)).second;
}

}  // namespace remex::lang
