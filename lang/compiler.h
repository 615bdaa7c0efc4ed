// Parser: expansion text to tree. Items and conditions with a shape of their own use it from their parse function.
//
// The first error ends the compilation of this string; it is reported to the diagnostics with its place and a
// suggestion, and returned as Error{config} whose text is what Exim prints for the same mistake.
#pragma once

#include <string>
#include <string_view>

#include "lang/diagnostics.h"
#include "lang/expand.h"
#include "lang/node.h"

namespace remex::lang {

class Parser {
 public:
  /// `source` and `ctx` must outlive the parser.
  Parser(const SourceText& source, const CompileContext& ctx, const Registries& registries);

  /// The whole text.
  Result<NodePtr> parse_all();

  // For entries: the reading position.
  std::size_t position() const { return pos_; }
  bool at_end() const { return pos_ >= text_.size(); }
  char peek() const { return pos_ < text_.size() ? text_[pos_] : '\0'; }
  void skip_blanks();
  /// Skips blanks and takes `c` when it is next.
  bool take(char c);
  std::string_view rest() const { return text_.substr(pos_); }
  void advance(std::size_t n) { pos_ += n; }
  /// Letters, digits and the extra characters.
  std::string_view read_name(std::string_view extra = "_");

  /// "{string}" becomes the next child of `parent`. The caller made sure that a brace follows (take('{') was not
  /// called).
  Status group(Node& parent);
  /// As group(), but returns the node.
  Result<NodePtr> group_node();
  /// min..max groups with Exim's error texts.
  Status groups(Node& parent, std::string_view name, std::size_t min, std::size_t max);
  /// A {group} required at this place; `what` completes "missing '{' for ...".
  Status required_group(Node& parent, std::string_view what);
  /// A brace group whose text is kept as it is written (escapes and $ stay). `insertions` gets the places of "$..." in
  /// that text, first and behind the last character; mistakes in them are reported.
  Status verbatim_group(Node& parent, std::string_view what,
                        std::vector<std::pair<std::size_t, std::size_t>>& insertions);
  /// A brace group in which escapes count but a dollar is a character like others (lists of match_domain and kin).
  Status literal_dollar_group(Node& parent);
  /// [{yes}[{no}|fail]] as children `yes` and `no`, up to (not including) the closing brace of the item.
  Status branches(Node& item, std::string_view item_name);
  /// One condition, "!" included.
  Result<NodePtr> condition();

  /// Reports and returns the error. `length` characters from `at` are underlined.
  std::unexpected<Error> fail(std::string code, std::string message, std::size_t at, std::size_t length = 1,
                              std::string hint = {});
  /// Last error reported was this one: replaces its text (used to add "inside ..." as Exim does).
  const Registries& registries() const { return registries_; }
  const CompileContext& context() const { return ctx_; }

 private:
  Result<NodePtr> string_until(bool brace);
  Result<NodePtr> insertion();
  Result<NodePtr> plain_variable();
  Result<NodePtr> braced();
  Result<NodePtr> variable(std::string_view name, std::size_t at, bool braced);
  Result<NodePtr> item(const ItemDef& def, std::size_t at);
  Result<NodePtr> operation(std::string_view name, std::size_t at, std::size_t name_at);
  Status operator_numbers(Node& node, const OperatorDef& def, std::string_view suffix, std::size_t name_at);
  NodePtr header(std::string_view name, std::size_t prefix, HeaderForm form, std::size_t at);
  void escape(std::string& out);
  std::unexpected<Error> missing_brace();
  Result<NodePtr> fold(NodePtr node);

  const SourceText& source_;
  const CompileContext& ctx_;
  const Registries& registries_;
  std::string_view text_;
  std::size_t pos_ = 0;
  int depth_ = 0;
  bool literal_dollar_ = false;
  bool open_header_ = false;  ///< a header name was ended by something else than a colon
};

/// "h_", "rheader_", ...: the length of the prefix and the form; 0 when it is no header insertion.
std::size_t header_prefix(std::string_view name, HeaderForm& form);
/// Variables of user-defined families ($acl_m0, $r_x, $auth1): the descriptor, or null.
const VariableDef* resolve_variable(const Registries& registries, std::string_view name);

}  // namespace remex::lang
