// MatchList: compile once, expand when needed, scan.
//
// A constant list is split and compiled when it is read; its bad items are reported to the diagnostics then. Any other
// list is expanded per use, with $domain set to the subject of a domain list; items are kept for the next use when the
// expansion gives the same text again. A forced failure of the expansion is "not in the list", other failures pass on.
#include "lang/list.h"

#include <fmt/format.h>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "lang/config.h"
#include "lang/diagnostics.h"
#include "lang/list_cursor.h"
#include "lang/list_internal.h"
#include "lang/list_trace.h"
#include "lang/node.h"
#include "lang/operand.h"
#include "lang/scope.h"

namespace remex::lang {

struct MatchList::Impl {
  ListKind kind = ListKind::domain;
  std::string source_text;
  Expansion expansion;  ///< without the separator prefix
  char separator = ':';
  bool literal_separator = false;             ///< "<x" stood in the configuration
  std::shared_ptr<const CompiledList> fixed;  ///< constant lists
  // The last expansion's items. One process evaluates on one thread; a scan keeps its own reference.
  mutable std::string memo_text;
  mutable std::shared_ptr<const CompiledList> memo;
};

namespace {

/// Largest expanded text worth remembering.
constexpr std::size_t kMaxMemo = 64U << 10U;

void report(const CompiledList& list, const SourceText& source, const CompileContext& ctx,
            const Registries& registries) {
  if (ctx.diagnostics == nullptr) return;
  for (const ListItem& item : list.items) {
    if (item.kind != ItemKind::invalid) continue;
    const std::size_t at = source.text().find(item.text);
    const std::size_t offset = at == std::string::npos ? 0 : at;
    std::string_view spec, rest, hint;
    std::size_t length = item.text.size();
    if (split_lookup_item(item.text, spec, rest)) {
      const std::string_view word = lookup_type_word(spec);
      hint = nearest_lookup(word, registries);
      length = spec.size();
    }
    ctx.diagnostics->error("bad-list-item", source.at(offset), static_cast<std::uint32_t>(length),
                           ctx.where.empty() ? item.error : ctx.where + ": " + item.error,
                           hint.empty() ? std::string() : fmt::format("did you mean \"{}\"?", hint));
  }
}

const Registries& registries_for(const CompileContext& ctx) {
  static const Scope kNoScope;
  return ctx.registries != nullptr ? *ctx.registries : registries_of(kNoScope);
}

/// $domain is the subject while a domain list is expanded and scanned.
class DomainDuring {
 public:
  DomainDuring(Scope& scope, const std::string& domain) : scope_(scope) {
    if (scope.address == nullptr) {
      own_ = std::make_unique<AddressState>();
      scope.address = own_.get();
      lent_ = true;
    }
    saved_ = std::exchange(scope.address->domain, domain);
    target_ = scope.address;
  }
  ~DomainDuring() {
    target_->domain = std::move(saved_);
    if (lent_) scope_.address = nullptr;
  }
  DomainDuring(const DomainDuring&) = delete;
  DomainDuring& operator=(const DomainDuring&) = delete;

 private:
  Scope& scope_;
  std::unique_ptr<AddressState> own_;
  AddressState* target_ = nullptr;
  std::string saved_;
  bool lent_ = false;
};

bool looks_at_domain(const Scope& scope, const CompiledList& list, int depth) {
  for (const ListItem& item : list.items) {
    if (item.kind == ItemKind::lookup || item.kind == ItemKind::file) return true;
    if (item.kind != ItemKind::named) continue;
    const NamedList* named =
        scope.config != nullptr && depth < 20 ? scope.config->named_list(ListKind::domain, item.target) : nullptr;
    const CompiledList* inner = named != nullptr ? named->list.constant_items() : nullptr;
    if (inner == nullptr || looks_at_domain(scope, *inner, depth + 1)) return true;
  }
  return false;
}

/// Whether something in a domain list may look at $domain: an insertion in a list it names, or a lookup.
bool needs_domain(const Scope& scope, const CompiledList& list) {
  const std::uint64_t serial = scope.config != nullptr ? scope.config->serial.value() : 0;
  if (serial == 0 || list.sees_domain_serial != serial) {
    list.sees_domain = looks_at_domain(scope, list, 0);
    list.sees_domain_serial = serial;
  }
  return list.sees_domain;
}

/// `s` is fresh: empty, with the memory of an earlier one.
void make_subject(Subject& s, ListKind kind, std::string_view text, Taint taint, QuoterId quoter, ListOptions opt) {
  s.kind = kind;
  s.caseful = opt.caseful;
  s.fresh = opt.fresh;
  s.of_sender = opt.keep_domain_variable;
  s.lower.assign(text);
  for (char& c : s.lower) c = ascii_lower(c);
  reassign(s.text, kind == ListKind::domain ? std::string_view(s.lower) : text, taint, quoter);
  if (kind == ListKind::address) {
    const std::size_t at = text.rfind('@');
    s.has_at = at != std::string_view::npos;
    if (s.has_at) {
      s.local.assign(text, 0, at);
      s.domain.assign(s.lower, at + 1);
      s.text.mutable_str().replace(at + 1, std::string::npos, s.domain);  // the domain is always lower case
    }
  } else if (kind == ListKind::host) {
    s.ip = IpNet::parse(text, false);
    if (s.ip) s.ip_text = s.ip->v6 || text.find(':') == std::string_view::npos ? text : s.ip->full_text(':');
    s.ip_only = true;
  }
}

Result<ListMatch> match_fixed(Scope& scope, const CompiledList& list, Subject& s, ListOptions opt) {
  if (s.kind == ListKind::domain && !opt.keep_domain_variable && needs_domain(scope, list)) {
    const DomainDuring during(scope, s.lower);
    return scan_list(scope, list, s);
  }
  return scan_list(scope, list, s);
}

/// Of the configuration's list, for the trace.
std::string with_separator(bool given, char separator, std::string_view text) {
  return given ? fmt::format("<{}{}", separator, text) : std::string(text);
}

/// What a list of names says; nullopt: it has other items.
std::optional<ListMatch> match_names(Scope& scope, const CompiledList& list, ListKind kind, std::string_view subject,
                                     Taint taint, ListOptions opt) {
  if (!list.plain || (opt.caseful && kind != ListKind::domain)) return std::nullopt;
  const PlainMatch got = match_plain(scope, list, kind, subject);
  if (!got.known) return std::nullopt;
  if (got.wildcard != nullptr) {
    capture_wildcard(scope, subject, got.wildcard->lower.size(), taint);
    if (kind == ListKind::domain)
      for (Text& t : scope.captures)
        for (char& c : t.mutable_str()) c = ascii_lower(c);
  }
  return ListMatch{got.matched, got.matched && got.item != nullptr ? Text(got.item->text) : Text()};
}

constexpr std::size_t kKeptSubjects = 8;
constexpr std::size_t kKeptSubjectBytes = 1024;
thread_local std::vector<std::unique_ptr<Subject>> spare_subjects;

}  // namespace

SubjectLease::SubjectLease() {
  if (spare_subjects.empty()) {
    subject_ = std::make_unique<Subject>();
  } else {
    subject_ = std::move(spare_subjects.back());
    spare_subjects.pop_back();
  }
}

SubjectLease::~SubjectLease() {
  Subject& s = *subject_;
  if (spare_subjects.size() == kKeptSubjects || s.lower.capacity() > kKeptSubjectBytes) return;
  reassign(s.text, {});
  s.lower.clear();
  s.local.clear();
  s.domain.clear();
  s.ip_text.clear();
  s.names.clear();
  s.ip.reset();
  s.has_at = s.caseful = s.names_tried = s.ip_only = s.fresh = s.of_sender = false;
  s.list_taint = Taint::clean;
  s.depth = 0;
  spare_subjects.push_back(std::move(subject_));
}

Result<MatchList> MatchList::compile(ListKind kind, SourceText source, const CompileContext& ctx) {
  auto impl = std::make_shared<Impl>();
  impl->kind = kind;
  impl->source_text = source.text();
  std::string_view rest = source.text();
  // "<\n" is spelled with an escape; that prefix is read after expansion.
  if (const std::string_view t = trim_left(rest); !(t.starts_with("<\\")))
    if (const auto sep = take_separator(rest)) {
      impl->separator = *sep;
      impl->literal_separator = true;
      source = source.substr(source.text().size() - rest.size());
    }
  REMEX_TRY(impl->expansion, Expansion::compile(source, ctx));
  if (impl->expansion.is_constant()) {
    std::string_view text = impl->expansion.constant();
    if (!impl->literal_separator)
      if (const auto sep = take_separator(text)) impl->separator = *sep;
    const Registries& registries = registries_for(ctx);
    impl->fixed = compile_items(kind, split_by(text, impl->separator), registries);
    report(*impl->fixed, source, ctx, registries);
    const bool later = ctx.diagnostics != nullptr && ctx.diagnostics->reading() != nullptr;  // test mode
    for (const ListItem& item : impl->fixed->items)
      if (item.kind == ItemKind::invalid && !later) return fail(ErrorKind::config, item.error);
  }
  MatchList out;
  out.impl_ = std::move(impl);
  return out;
}

const std::string& MatchList::source_text() const {
  static const std::string kEmpty;
  return impl_ ? impl_->source_text : kEmpty;
}
const Expansion& MatchList::expansion() const {
  static const Expansion kUnset;
  return impl_ ? impl_->expansion : kUnset;
}
const CompiledList* MatchList::constant_items() const { return impl_ ? impl_->fixed.get() : nullptr; }
ListKind MatchList::kind() const { return impl_ ? impl_->kind : ListKind::string; }

Result<ListMatch> MatchList::match_subject(Scope& scope, Subject& subject) const {
  if (!impl_) return ListMatch{};
  const bool caseful = subject.caseful;
  const Taint taint = subject.list_taint;
  std::shared_ptr<const Impl> keep;  // the configuration may be replaced while this parks
  std::shared_ptr<const CompiledList> made;
  const CompiledList* items = impl_->fixed.get();
  std::string shown;  // for the trace
  subject.list_taint = Taint::clean;
  if (items == nullptr || items->dear || !items->named.empty()) keep = impl_;
  if (items == nullptr) {
    Result<Text> text = [&] {
      const ExpansionTraced traced(scope);
      return keep->expansion.eval(scope);
    }();
    if (!text) {
      subject.list_taint = taint;
      if (text.error().kind == ErrorKind::forced_fail) return ListMatch{};
      return std::unexpected(std::move(text).error());
    }
    subject.list_taint = text->taint();
    if (scope.trace != nullptr) shown = with_separator(keep->literal_separator, keep->separator, text->view());
    if (keep->memo && keep->memo_text == text->view()) {
      made = keep->memo;
    } else {
      std::string_view rest = text->view();
      char sep = keep->separator;
      if (!keep->literal_separator) {
        if (const auto given = take_separator(rest)) {
          const bool written = trim_left(keep->source_text).starts_with('<');
          if (text->is_tainted() && !written) {
            subject.list_taint = taint;
            return fail(ErrorKind::taint, fmt::format("list separator \"<{}\" comes from tainted data",
                                                      printable(std::string_view(&*given, 1))));
          }
          sep = *given;
        }
      }
      made = compile_items(keep->kind, split_by(rest, sep), registries_of(scope));
      if (text->size() <= kMaxMemo) {
        keep->memo_text = text->str();
        keep->memo = made;
      }
    }
    items = made.get();
  }
  if (scope.trace != nullptr) {
    if (shown.empty() && impl_->fixed)
      shown = with_separator(impl_->literal_separator, impl_->separator, impl_->expansion.constant());
    trace_check(scope, shown);
    subject.hit.clear();
  }
  ++subject.depth;
  auto got = scan_list(scope, *items, subject);
  --subject.depth;
  if (scope.trace != nullptr) trace_list(scope, subject, shown, got);
  subject.list_taint = taint;
  // +caseful reaches into the lists a list names, not back out of them.
  subject.caseful = caseful;
  return got;
}

Result<ListMatch> MatchList::match(Scope& scope, const Text& subject, ListOptions opt) const {
  if (!impl_) return ListMatch{};
  if (impl_->fixed && scope.trace == nullptr)
    if (auto got = match_names(scope, *impl_->fixed, impl_->kind, subject.view(), subject.taint(), opt)) return *got;
  const SubjectLease s;
  make_subject(*s, impl_->kind, subject.view(), subject.taint(), subject.quoter(), opt);
  return match_made(scope, *s, opt);
}

Result<ListMatch> MatchList::match_tainted(Scope& scope, std::string_view subject, ListOptions opt) const {
  if (!impl_) return ListMatch{};
  if (impl_->fixed && scope.trace == nullptr)
    if (auto got = match_names(scope, *impl_->fixed, impl_->kind, subject, Taint::tainted, opt)) return *got;
  const SubjectLease s;
  make_subject(*s, impl_->kind, subject, Taint::tainted, 0, opt);
  return match_made(scope, *s, opt);
}

Result<ListMatch> MatchList::match_made(Scope& scope, Subject& s, ListOptions opt) const {
  if (impl_->kind == ListKind::domain && !opt.keep_domain_variable) {
    if (!impl_->fixed || needs_domain(scope, *impl_->fixed)) {
      const DomainDuring during(scope, s.lower);
      return match_subject(scope, s);
    }
  }
  return match_subject(scope, s);
}

Result<ListMatch> MatchList::match_host(Scope& scope, std::string_view ip, std::string_view name) const {
  if (!impl_) return ListMatch{};
  const SubjectLease s;
  make_subject(*s, ListKind::host, ip, Taint::tainted, 0, {});
  s->ip_only = false;
  if (!name.empty()) {
    s->names.push_back(to_lower(name));
    s->names_tried = true;
  }
  return match_subject(scope, *s);
}

Result<ListMatch> match_compiled(Scope& scope, ListKind kind, const CompiledList& list, Taint list_taint,
                                 const Operand& subject, ListOptions opt) {
  if (list_taint == Taint::clean && scope.trace == nullptr)
    if (auto got = match_names(scope, list, kind, subject.view(), subject.taint(), opt)) return *got;
  const SubjectLease s;
  make_subject(*s, kind, subject.view(), subject.taint(), subject.quoter(), opt);
  s->list_taint = list_taint;
  s->fresh = true;
  auto got = match_fixed(scope, list, *s, opt);
  if (scope.trace != nullptr) trace_list(scope, *s, text_of(list), got);
  return got;
}

Result<ListMatch> match_list_text(Scope& scope, ListKind kind, const Text& list, const Text& subject, ListOptions opt) {
  const auto items = compile_items(kind, split_list(list.view()), registries_of(scope));
  const SubjectLease s;
  make_subject(*s, kind, subject.view(), subject.taint(), subject.quoter(), opt);
  s->list_taint = list.taint();
  s->fresh = true;
  auto got = match_fixed(scope, *items, *s, opt);
  if (scope.trace != nullptr) trace_list(scope, *s, list.view(), got);
  return got;
}

}  // namespace remex::lang
