// The evaluator of Exim filters. Private to lang/filter: exim_run.cc obeys commands, exim_condition.cc tests
// conditions.
#pragma once

#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "lang/filter/exim_tree.h"
#include "lang/filter/filter.h"
#include "lang/scope.h"

namespace remex::lang::filter {

class Runner {
 public:
  Runner(Scope& scope, const Options& options, Outcome& out) : scope_(scope), opt_(options), out_(out) {}
  /// An error is a mistake in the filter, or (with Outcome::needs_user) no error at all.
  Status run(const Program& program);

 private:
  Status obey(const Command& c);
  Status branch(const Command& c);
  Status add(const Command& c);
  Status deliver(const Command& c);
  Status save(const Command& c);
  Status pipe(const Command& c);
  Status mail(const Command& c);
  /// `lines`: what a test prints of it.
  Status fill_reply(const Command& c, Reply& r, std::vector<std::string>& lines);
  std::string variable(std::string_view name);
  Status headers(const Command& c);
  Status logwrite(const Command& c);
  Status verdict(const Command& c);

  /// The value; a mistake says where: `failed to expand "..." in save command: ...`.
  Result<Text> expand(const Argument& a, std::string_view where);
  /// A file name. What came from the message may be one name in it: no slash, no dot at its beginning.
  Result<std::string> path(const Argument& a, std::string_view where);
  /// Relative names are the user's, in $home.
  std::string in_home(std::string name) const;
  /// The address of a deliver command.
  Result<std::string> address(std::string_view text) const;
  void print(std::string line) const;
  bool is_seen(const Command& c, bool by_default) const { return c.seen < 0 ? by_default : c.seen == 1; }
  /// "Save", or "Unseen save" and "Seen mail" when that is not what the command does by itself.
  static std::string name_of(const Command& c, std::string_view name, bool by_default);
  Status step();

  // exim_condition.cc
  Result<bool> test(const Condition& c);
  Result<bool> test_parts(const Condition& c);
  Result<bool> test_text(const Condition& c);
  Result<bool> test_number(const Condition& c);
  Result<bool> test_match(const Condition& c, const Text& left, const Text& right);
  Result<bool> test_addresses(const Condition& c);
  Result<bool> test_personal(const Condition& c);
  void trace(const Condition& c, bool whole, bool result) const;

  Scope& scope_;
  const Options& opt_;
  Outcome& out_;
  bool stopped_ = false;
  int depth_ = 0;
  std::int64_t steps_ = 0;
  std::string log_file_;
  std::int64_t log_mode_ = -1;
};

/// As tests show text: control characters as escapes, tabs as they are.
std::string shown(std::string_view s);

}  // namespace remex::lang::filter
