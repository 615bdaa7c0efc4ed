// ACL source lines to compiled statements. Used when the configuration is read, and for inline ACL text at run time.
// All errors of an ACL are reported; a line that is wrong is left out.

#include <fmt/core.h>

#include "acl/internal.h"
#include "core/base/strings.h"
#include "lang/diagnostics.h"

namespace remex::acl {

namespace {

/// Reads the words of one logical line.
struct LineReader {
  const lang::SourceText& src;
  std::size_t at = 0;

  const std::string& text() const { return src.text(); }
  void skip_blanks() {
    while (at < text().size() && is_space(text()[at])) ++at;
  }
  bool done() {
    skip_blanks();
    return at >= text().size();
  }
  std::string_view word() {
    skip_blanks();
    const std::size_t start = at;
    while (at < text().size() && (is_alnum(text()[at]) || text()[at] == '_')) ++at;
    return std::string_view(text()).substr(start, at - start);
  }
  bool take(char c) {
    skip_blanks();
    if (at >= text().size() || text()[at] != c) return false;
    ++at;
    return true;
  }
  lang::SourceText rest() {
    skip_blanks();
    std::size_t end = text().size();
    while (end > at && is_space(text()[end - 1])) --end;
    return src.substr(at, end - at);
  }
};

std::vector<std::string_view> word_names() {
  std::vector<std::string_view> out;
  for (const AclWordDef* w : all_words())
    if (w->kind != WordKind::control) out.push_back(w->name);
  return out;
}

class Compiler {
 public:
  Compiler(Acl& acl, const lang::CompileContext& ctx) : acl_(acl), ctx_(ctx) {}

  void line(const lang::LogicalLine& l) {
    LineReader r{l.text};
    if (r.done()) return;
    if (auto* reading = this->reading(); reading != nullptr) {
      reading->line = l.text.text();
      reading->pos = l.last;
      reading->first = acl_.statements.empty();
    }
    const std::size_t start = r.at;
    bool negated = r.take('!');
    std::string_view w = r.word();
    Verb verb{};
    if (!negated && parse_verb(w, verb)) {
      acl_.statements.push_back({verb, l.text.at(start), {}});
      if (r.done()) return;
      if (auto* reading = this->reading(); reading != nullptr) reading->first = false;
      negated = r.take('!');
      const std::size_t word_at = (r.skip_blanks(), r.at);
      w = r.word();
      item(r, w, word_at, negated);
      return;
    }
    r.at = start + (negated ? 1 : 0);
    r.skip_blanks();
    const std::size_t word_at = r.at;
    w = r.word();
    if (acl_.statements.empty() && find_word(w) != nullptr) {
      error("acl-verb", l.text.at(word_at), w.size(), fmt::format("{}: \"{}\" stands before any verb", ctx_.where, w),
            "a statement begins with accept, defer, deny, discard, drop, require or warn");
      return;
    }
    item(r, w, word_at, negated);
  }

  bool failed() const { return failed_; }
  lang::Reading* reading() { return ctx_.diagnostics != nullptr ? ctx_.diagnostics->reading() : nullptr; }

 private:
  void error(std::string_view code, lang::Pos pos, std::size_t n, std::string text, std::string hint = {}) {
    failed_ = true;
    if (ctx_.diagnostics != nullptr)
      ctx_.diagnostics->error(std::string(code), pos, static_cast<std::uint32_t>(n == 0 ? 1 : n), std::move(text),
                              std::move(hint));
  }

  void item(LineReader& r, std::string_view w, std::size_t word_at, bool negated) {
    const lang::Pos pos = r.src.at(word_at);
    const AclWordDef* def = find_word(w);
    if (def == nullptr) {
      const std::string_view near = nearest(w, word_names());
      error("unknown-acl-word", pos, w.size(),
            fmt::format("{}: \"{}\" is not an ACL verb, condition or modifier", ctx_.where, w),
            near.empty() ? "" : fmt::format("did you mean \"{}\"?", near));
      return;
    }
    if (def->state == lang::State::later) {
      error("not-supported", pos, w.size(),
            fmt::format("{}: \"{}\" is known but this version cannot do it", ctx_.where, w));
      return;
    }
    if (auto* reading = this->reading(); reading != nullptr)
      reading->kind = def->kind == WordKind::condition ? "condition" : "modifier";
    if (const Verb verb = acl_.statements.back().verb;
        def->name == "endpass" && verb != Verb::accept && verb != Verb::discard) {
      error("acl-value", pos, w.size(),
            fmt::format("{}: \"endpass\" is not allowed with \"{}\"", ctx_.where, to_string(verb)),
            "it means something in accept and discard");
      return;
    }
    Item it;
    it.word = def;
    it.negated = negated;
    it.pos = pos;
    if (negated && def->kind != WordKind::condition) {
      error("acl-negation", pos, w.size(), fmt::format("{}: modifier \"{}\" cannot be negated", ctx_.where, w));
      return;
    }
    if (def->name == "set") {
      const std::size_t var_at = (r.skip_blanks(), r.at);
      it.variable = std::string(r.word());
      const bool known = (it.variable.starts_with("acl_c") || it.variable.starts_with("acl_m")) &&
                         it.variable.size() > 5 &&
                         (is_digit(it.variable[5]) || (it.variable[5] == '_' && it.variable.size() > 6));
      if (known) it.variable_key = it.variable.substr(4);
      if (!known && it.variable != "dkim_verify_status" && it.variable != "dkim_verify_reason") {
        error("acl-variable", r.src.at(var_at), it.variable.size(),
              fmt::format("{}: \"{}\" cannot be set", ctx_.where, it.variable),
              "names are acl_c or acl_m followed by a digit or an underscore and a word");
        return;
      }
    }
    if (def->value == ValueKind::none) {
      if (!r.done())
        error("acl-value", r.src.at(r.at), 1, fmt::format("{}: \"{}\" takes no value", ctx_.where, w));
      else
        acl_.statements.back().items.push_back(std::move(it));
      return;
    }
    if (!r.take('=')) {
      error("acl-missing-equals", r.src.at(r.at > 0 ? r.at - 1 : 0), 1,
            fmt::format("{}: \"=\" is missing after \"{}\"", ctx_.where, w));
      return;
    }
    value(it, r.rest());
  }

  void value(Item& it, lang::SourceText src) {
    lang::CompileContext sub = ctx_;
    sub.where = fmt::format("{}: \"{}\"", ctx_.where, it.word->name);
    bool ok = true;
    const auto list = [&](lang::ListKind kind) {
      auto l = lang::MatchList::compile(kind, std::move(src), sub);
      ok = l.has_value();
      if (ok) it.list = std::move(*l);
    };
    switch (it.word->value) {
      case ValueKind::domain_list: list(lang::ListKind::domain); break;
      case ValueKind::host_list: list(lang::ListKind::host); break;
      case ValueKind::address_list: list(lang::ListKind::address); break;
      case ValueKind::local_part_list: list(lang::ListKind::local_part); break;
      case ValueKind::string_list: list(lang::ListKind::string); break;
      case ValueKind::none: break;
      case ValueKind::expanded: {
        auto e = lang::Expansion::compile(std::move(src), sub);
        ok = e.has_value();
        if (ok) it.value = std::move(*e);
        break;
      }
    }
    if (!ok) {
      failed_ = true;
      return;
    }
    if (it.word->compile != nullptr) {
      const std::size_t before = ctx_.diagnostics != nullptr ? ctx_.diagnostics->error_count() : 0;
      it.word->compile(it, sub);
      if (ctx_.diagnostics != nullptr && ctx_.diagnostics->error_count() != before) {
        failed_ = true;
        return;
      }
    }
    acl_.statements.back().items.push_back(std::move(it));
  }

  Acl& acl_;
  const lang::CompileContext& ctx_;
  bool failed_ = false;
};

}  // namespace

std::shared_ptr<const Acl> compile_acl(const std::string& name, const std::vector<lang::LogicalLine>& lines,
                                       const lang::CompileContext& ctx) {
  auto acl = std::make_shared<Acl>();
  acl->name = name;
  lang::CompileContext named = ctx;
  named.where = fmt::format("ACL \"{}\"", name);
  Compiler c(*acl, named);
  const lang::Reading before = c.reading() != nullptr ? *c.reading() : lang::Reading{};
  for (const auto& l : lines) c.line(l);
  if (c.reading() != nullptr) *c.reading() = before;
  if (c.failed()) return nullptr;
  return acl;
}

const lang::AclCompiler& compiler() {
  static constexpr lang::AclCompiler instance{
      .compile = [](const std::string& name, const std::vector<lang::LogicalLine>& lines,
                    const lang::CompileContext& ctx) -> std::shared_ptr<const lang::CompiledAcl> {
        return compile_acl(name, lines, ctx);
      },
      .check = &check_acls,
      .each_value = &each_acl_value,
  };
  return instance;
}

}  // namespace remex::acl
