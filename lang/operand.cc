// See operand.h. The stock is a handful of Texts for each thread; long ones are not kept.
#include "lang/operand.h"

#include <array>

#include "lang/scope.h"

namespace remex::lang {
namespace {

constexpr std::size_t kKept = 16;
constexpr std::size_t kLongest = 4096;  ///< bytes of memory worth keeping

struct Stock {
  std::array<Text*, kKept> texts{};
  std::size_t count = 0;
  bool closed = false;  ///< the thread ends
};
constinit thread_local Stock stock;

struct Closer {
  ~Closer() {
    stock.closed = true;
    while (stock.count > 0) delete stock.texts[--stock.count];
  }
  void arm() {}
};
thread_local Closer closer;

/// Nothing that is evaluated behind child i moves what it sees.
bool rest_is_still(const Node& node, std::size_t i) {
  for (std::size_t k = i + 1; k < node.children.size(); ++k)
    if (!node.children[k]->still) return false;
  return true;
}

}  // namespace

Text* ScratchText::take() {
  if (stock.count > 0) return stock.texts[--stock.count];
  closer.arm();  // its destructor is registered when it is first used
  return new Text;
}

void ScratchText::give_back(Text* text) {
  if (stock.closed || stock.count == kKept || text->str().capacity() > kLongest) {
    delete text;
    return;
  }
  text->mutable_str().clear();
  text->set_taint(Taint::clean);
  text->set_quoter(0);
  stock.texts[stock.count++] = text;
}

Status Operand::take(const Node& node, std::size_t i, Scope& scope) {
  view_ = {};
  taint_ = Taint::clean;
  quoter_ = 0;
  if (i >= node.children.size()) return {};
  const Node& child = *node.children[i];
  if (child.kind == NodeKind::constant) {
    view_ = child.text;
    return {};
  }
  const bool part = child.kind == NodeKind::op && child.op->part != nullptr && scope.confined == nullptr;
  const Text* there = peek_variable(part ? *child.children[0] : child, scope);
  if (there != nullptr && rest_is_still(node, i)) {
    if (!part) {
      see(*there);
      return {};
    }
    if (const auto kept = child.op->part(child, there->view())) {
      view_ = *kept;
      taint_ = there->taint();
      return {};
    }
  }
  Text& own = own_.get();
  REMEX_CHECK(eval_into(child, scope, own));
  see(own);
  return {};
}

}  // namespace remex::lang
