// The evaluator of Sieve scripts. Private to lang/filter: sieve_run.cc obeys commands, sieve_test.cc tests.
#pragma once

#include <set>
#include <string>

#include "lang/filter/filter.h"
#include "lang/filter/sieve_tree.h"
#include "lang/scope.h"

namespace remex::lang::filter::sieve {

/// Characters one script may compare: about a second.
inline constexpr std::int64_t kBudget = 200000000;

/// Sieve's wildcards: * any text, ? one character, a backslash takes the next one's meaning. Linear in the product,
/// which `budget` limits: below zero nothing matches.
bool glob(std::string_view pattern, std::string_view text, std::int64_t& budget);

class Runner {
 public:
  Runner(Scope& scope, const Options& options, Outcome& out) : scope_(scope), opt_(options), out_(out) {}
  void run(const Script& script);
  /// The message stays where it would be without the script.
  void keep();
  /// Why the script was given up while it ran, with its line; empty: it was not.
  const std::string& trouble() const { return trouble_; }
  bool keeps() const { return implicit_keep_; }

 private:
  void block(const Script& script);
  void obey(const Command& c);
  void file(const std::string& folder);
  void redirect(const Command& c);
  void vacation(const Command& c);
  void notify(const Command& c);
  bool answers(const Command& c) const;
  std::string own_address() const;

  // sieve_test.cc
  bool holds(const Test& t) const;
  bool holds_header(const Test& t) const;
  bool holds_address(const Test& t) const;
  bool holds_envelope(const Test& t) const;
  bool matches(const Test& t, std::string_view value) const;
  std::vector<const mail::Header*> headers_named(const std::string& name) const;
  bool spend(std::size_t n) const;  ///< false: the budget is used up
  bool matches_part(const Test& t, const std::string& address) const;

  Scope& scope_;
  const Options& opt_;
  Outcome& out_;
  bool implicit_keep_ = true, stopped_ = false, answered_ = false;
  std::string trouble_;
  mutable std::int64_t budget_ = kBudget;  ///< characters that may still be compared
  std::set<std::string> done_;             ///< folders and addresses: each gets one copy
};

}  // namespace remex::lang::filter::sieve
