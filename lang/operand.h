// Operand: the value of an argument, without a copy where there is one already (a constant, $item, $value, $acl_arg1).
//
// Used by items and conditions that run in loops. ScratchText: a Text whose memory is kept for the next one.
#pragma once

#include "lang/node.h"

namespace remex::lang {

/// A Text out of this thread's stock, empty; goes back with its memory. Any order, so fibers may take turns.
class ScratchText {
 public:
  ScratchText() = default;
  ~ScratchText() {
    if (text_ != nullptr) give_back(text_);
  }
  ScratchText(const ScratchText&) = delete;
  ScratchText& operator=(const ScratchText&) = delete;
  /// Taken from the stock at the first call.
  Text& get() {
    if (text_ == nullptr) text_ = take();
    return *text_;
  }

 private:
  static Text* take();
  static void give_back(Text* text);
  Text* text_ = nullptr;
};

class Operand {
 public:
  /// Evaluates children[i] (empty when there is none). What it sees is valid until the caller evaluates something that
  /// is neither one of the children behind it nor Node::still.
  Status take(const Node& node, std::size_t i, Scope& scope);

  std::string_view view() const { return view_; }
  bool empty() const { return view_.empty(); }
  Taint taint() const { return taint_; }
  bool is_tainted() const { return taint_ == Taint::tainted; }
  QuoterId quoter() const { return quoter_; }
  /// A copy that stands by itself.
  Text text() const { return Text(std::string(view_), taint_, quoter_); }
  /// Same taint and quoter, other bytes.
  Text with(std::string s) const { return Text(std::move(s), taint_, quoter_); }

 private:
  void see(const Text& text) {
    view_ = text.view();
    taint_ = text.taint();
    quoter_ = text.quoter();
  }

  std::string_view view_;
  Taint taint_ = Taint::clean;
  QuoterId quoter_ = 0;
  ScratchText own_;
};

/// The value of a node when it is a variable that exists as a Text, else null.
inline const Text* peek_variable(const Node& node, const Scope& scope) {
  if (node.kind != NodeKind::variable) return nullptr;
  if (node.variable->peek != nullptr) return node.variable->peek(scope);
  return node.variable->find != nullptr ? node.variable->find(scope, node.text) : nullptr;
}

}  // namespace remex::lang
