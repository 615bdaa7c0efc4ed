// Expansion: the public face of the compiler and the evaluator.
//
// Used by everything that has an expanded option. Compilation errors go to the diagnostics; evaluation errors are
// values.
#include "lang/expand.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>

#include "core/base/strings.h"
#include "lang/branches.h"
#include "lang/compiler.h"
#include "lang/config.h"
#include "lang/diagnostics.h"
#include "lang/node.h"
#include "lang/scope.h"

namespace remex::lang {

struct Expansion::Impl {
  SourceText source;
  NodePtr root;
  std::string constant;
  bool is_constant = false;
  std::string broken;  ///< test mode: why the text cannot be compiled, which is found when it is used
  bool is_test = false, if_true = true, if_false = false;  ///< see Expansion::test
  void fold();                                             ///< what is known of the tree before it is evaluated
};

namespace {

/// What a constant branch of an ${if} says as a boolean; false: it says none.
bool branch_truth(const Node* branch, bool& truth) {
  if (branch != nullptr && branch->kind != NodeKind::constant) return false;
  return parse_strict_bool(branch == nullptr ? std::string_view{} : std::string_view(branch->text), truth);
}

}  // namespace

void Expansion::Impl::fold() {
  if (root->kind == NodeKind::constant) {
    constant = std::move(root->text);
    is_constant = true;
    root.reset();
  } else if (is_if(*root) && !root->fail_on_no) {
    is_test = !root->has_branches || (branch_truth(root->yes.get(), if_true) && branch_truth(root->no.get(), if_false));
  }
}

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
    auto root = parser.parse_all();
    if (root) {
      impl->root = std::move(*root);
      impl->fold();
    } else if (ctx.diagnostics != nullptr && ctx.diagnostics->reading() != nullptr) {
      impl->broken = root.error().text;
      impl->root = std::make_unique<Node>(NodeKind::constant, 0);
    } else {
      return std::unexpected(std::move(root).error());
    }
  }
  Expansion result;
  result.impl_ = std::move(impl);
  return result;
}

Result<Expansion> Expansion::cached(std::string_view text, const Registries& registries) {
  constexpr std::size_t kSlots = 64, kMaxText = 1024;
  struct Slot {
    std::string text;
    const Registries* registries = nullptr;
    Expansion expansion;
  };
  thread_local std::array<Slot, kSlots> slots;
  CompileContext ctx;
  ctx.registries = &registries;
  if (text.size() > kMaxText || text.find('$') == std::string_view::npos)
    return compile(SourceText(std::string(text)), ctx);
  Slot& slot = slots[std::hash<std::string_view>{}(text) % kSlots];
  if (slot.registries != &registries || slot.text != text) {
    REMEX_TRY(Expansion made, compile(SourceText(std::string(text)), ctx));
    slot = {std::string(text), &registries, std::move(made)};
  }
  return slot.expansion;
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
  Result<Text> result(std::in_place);
  if (Status done = append_to(*result, scope); !done) return std::unexpected(std::move(done).error());
  return result;
}

Status Expansion::append_to(Text& out, Scope& scope) const {
  if (!impl_) return {};
  if (impl_->is_constant) return append_piece(out, impl_->constant, Taint::clean, 0);
  if (!impl_->broken.empty()) return fail(impl_->broken);
  if (scope.depth >= kMaxEvalDepth) return fail("expansion is nested too deeply");
  const Node& root = *impl_->root;
  std::shared_ptr<const Impl> keep;  // the configuration may be replaced while this parks
  if (!root.still) keep = impl_;
  ++scope.depth;
  Status done = eval_into(root, scope, out);
  --scope.depth;
  return done;
}

bool Expansion::is_test() const { return impl_ && impl_->is_test; }

Result<bool> Expansion::test(Scope& scope) const {
  if (scope.depth >= kMaxEvalDepth) return fail("expansion is nested too deeply");
  const std::shared_ptr<const Impl> keep = impl_;
  ++scope.depth;
  Result<bool> truth = test_if(*keep->root, scope);
  --scope.depth;
  if (truth) *truth = *truth ? keep->if_true : keep->if_false;
  return truth;
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
