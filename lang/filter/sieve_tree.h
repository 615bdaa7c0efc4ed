// A Sieve script as a tree (RFC 5228): made by sieve_parser.cc, walked by sieve_run.cc and sieve_test.cc. All its
// strings are constants, so whatever can be wrong with one is found before anything is done.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace remex::lang::filter::sieve {

enum class Match : std::uint8_t { is, contains, matches };
enum class Comparator : std::uint8_t { casemap, octet, numeric };
enum class Part : std::uint8_t { all, localpart, domain, user, detail };
enum class TestKind : std::uint8_t {
  address,
  allof,
  anyof,
  envelope,
  exists,
  false_,
  header,
  not_,
  size,
  true_,
  valid_notify_method,
};

struct Test {
  TestKind kind = TestKind::true_;
  Match match = Match::is;
  Comparator comparator = Comparator::casemap;
  Part part = Part::all;
  bool over = false;  ///< size
  std::uint64_t limit = 0;
  std::vector<std::string> names;  ///< headers, envelope parts, methods
  std::vector<std::string> keys;
  std::vector<Test> tests;
};

enum class CommandKind : std::uint8_t { discard, fileinto, if_, keep, notify, redirect, stop, vacation };

struct Command {
  CommandKind kind = CommandKind::keep;
  bool copy = false, mime = false;
  std::string target;  ///< folder, address, method, reason
  std::string subject, from, handle, message;
  std::vector<std::string> addresses;
  std::int64_t days = 7;
  std::uint32_t line = 0;
  // if: the first test that holds; an else has a test that is always true
  std::vector<Test> tests;
  std::vector<std::vector<Command>> blocks;
};

using Script = std::vector<Command>;

/// What the installation allows a script to require.
struct Offer {
  bool vacation = false, notify = false;
};

/// Kind config: "text in line N". Bounded: 32 levels of blocks and tests, 50 000 commands and tests.
Result<Script> parse(std::string_view text, const Offer& offer);

/// A mailto: URI (RFC 6068) as a notification method. Kind config: it is none.
struct Mailto {
  std::string to, subject, body;
};
Result<Mailto> parse_mailto(std::string_view uri);

}  // namespace remex::lang::filter::sieve
