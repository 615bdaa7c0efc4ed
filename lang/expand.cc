// Expansion: the public face of the compiler and the evaluator.
//
// Used by everything that has an expanded option. Compilation errors go to the diagnostics; evaluation errors are
// values.
#include "lang/expand.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/strings.h"
#include "lang/compiler.h"
#include "lang/config.h"
#include "lang/node.h"
#include "lang/scope.h"

namespace remex::lang {

struct Expansion::Impl {
  SourceText source;
  NodePtr root;
  std::string constant;
  bool is_constant = false;
};

Result<Expansion> Expansion::compile(SourceText source, const CompileContext& ctx) {
  auto impl = std::make_shared<Impl>();
  impl->source = std::move(source);
  const std::string& text = impl->source.text();
  if (text.find_first_of("$\\") == std::string::npos) {
    impl->constant = text;
    impl->is_constant = true;
  } else {
    static const Scope kNoScope;
    const Registries& registries = ctx.registries != nullptr ? *ctx.registries : registries_of(kNoScope);
    Parser parser(impl->source, ctx, registries);
    REMEX_TRY(impl->root, parser.parse_all());
    if (impl->root->kind == NodeKind::constant) {
      impl->constant = std::move(impl->root->text);
      impl->is_constant = true;
      impl->root.reset();
    }
  }
  Expansion result;
  result.impl_ = std::move(impl);
  return result;
}

Expansion Expansion::literal(std::string text) { return literal(SourceText(std::move(text))); }

Expansion Expansion::literal(SourceText text) {
  auto impl = std::make_shared<Impl>();
  impl->constant = text.text();
  impl->source = std::move(text);
  impl->is_constant = true;
  Expansion result;
  result.impl_ = std::move(impl);
  return result;
}

bool Expansion::is_constant() const { return impl_ && impl_->is_constant; }

const std::string& Expansion::constant() const {
  static const std::string kEmpty;
  return impl_ ? impl_->constant : kEmpty;
}

const std::string& Expansion::source_text() const { return source().text(); }

const SourceText& Expansion::source() const {
  static const SourceText kEmpty;
  return impl_ ? impl_->source : kEmpty;
}

Pos Expansion::pos() const { return impl_ && !impl_->source.empty() ? impl_->source.at(0) : Pos{}; }

const Node* Expansion::root() const { return impl_ ? impl_->root.get() : nullptr; }

Result<Text> Expansion::eval(Scope& scope) const {
  if (!impl_) return Text{};
  if (impl_->is_constant) return Text(impl_->constant);
  if (scope.depth >= kMaxEvalDepth) return fail("expansion is nested too deeply");
  const std::shared_ptr<const Impl> keep = impl_;  // the configuration may be replaced while this parks
  ++scope.depth;
  Result<Text> result = eval_node(keep->root.get(), scope);
  --scope.depth;
  return result;
}

Result<Text> expand_once(std::string_view text, Scope& scope) {
  CompileContext ctx;
  ctx.registries = &registries_of(scope);
  REMEX_TRY(const Expansion expansion, Expansion::compile(SourceText(std::string(text)), ctx));
  return expansion.eval(scope);
}

bool is_loosely_true(std::string_view s) {
  const std::string_view t = trim(s);
  return !(t.empty() || t == "0" || iequals(t, "no") || iequals(t, "false"));
}

bool parse_strict_bool(std::string_view s, bool& value) {
  const std::string_view t = trim(s);
  if (t.empty()) {
    value = false;
    return true;
  }
  const std::string_view digits = t.substr(t[0] == '-' ? 1 : 0);
  if (std::all_of(digits.begin(), digits.end(), is_digit)) {
    value = digits.find_first_not_of('0') != std::string_view::npos;
    return true;
  }
  if (iequals(t, "true") || iequals(t, "yes")) {
    value = true;
    return true;
  }
  if (iequals(t, "false") || iequals(t, "no")) {
    value = false;
    return true;
  }
  return false;
}

}  // namespace remex::lang
