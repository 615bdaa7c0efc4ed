// Every entry that works has two examples, one of them refused or failing unless it says why none can; the examples of
// options and drivers load, or are refused with their code, inside the configuration the reference shows.
#include <fmt/format.h>

#include <boost/test/unit_test.hpp>
#include <set>

#include "core/base/strings.h"
#include "core/cli/reference.h"
#include "core/daemon/registries.h"
#include "lang/config.h"
#include "lang/diagnostic_kinds.h"
#include "lang/diagnostics.h"
#include "lang/driver.h"
#include "lang/examples.h"

namespace {

using namespace remex;
using lang::Example;
using lang::OptionDef;
using lang::OptionType;

/// Refers to what is not on the machine that runs the test, or to nothing (the surroundings are not a whole server).
const std::set<std::string_view> kExcused = {"missing-file", "no-rcpt-acl", "data-never-set", "router-unreachable"};

struct Report {
  std::set<std::string> codes;  ///< of errors, "E0209"
  std::string text;             ///< all errors and warnings that are not excused
};

Report load(const std::string& text) {
  auto files = std::make_shared<lang::SourceFiles>();
  lang::Diagnostics diag(*files);
  lang::load_config_text("example", text, {}, daemon::all_registries(), diag, files);
  Report r;
  for (const auto& d : diag.all()) {
    const auto* kind = lang::find_diagnostic_kind(d.code);
    if (d.severity == lang::Severity::error) r.codes.insert(std::string(kind != nullptr ? kind->code : "?"));
    if (d.severity == lang::Severity::note || kExcused.contains(d.code)) continue;
    r.text += fmt::format("{} [{}]\n", d.message, d.code);
  }
  return r;
}

std::string indented(std::string_view text) { return "  " + replace_all(text, "\n", "\n  ") + "\n"; }

/// The surroundings with `text` at the place of that name.
std::string in_surroundings(std::string_view place, std::string_view text) {
  std::string all(lang::kExampleSurroundings);
  for (const std::string_view name : {"@main@", "@routers@", "@transports@", "@authenticators@"})
    all = replace_all(all, name, name == place ? text : "");
  return all;
}

void check(const std::string& who, const Example& e, const std::string& text) {
  const Report r = load(text);
  BOOST_TEST_CONTEXT(who << " = " << e.input << "\n" << r.text) {
    if (e.error == nullptr)
      BOOST_TEST(r.text.empty());
    else
      BOOST_TEST(r.codes.contains(e.error), "is not refused with " << e.error);
  }
}

std::string_view place_of(lang::DriverKind kind) {
  switch (kind) {
    case lang::DriverKind::router: return "@routers@";
    case lang::DriverKind::transport: return "@transports@";
    case lang::DriverKind::authenticator: return "@authenticators@";
  }
  return {};
}

std::string_view first_word(std::string_view line) {
  line = trim(line);
  return line.substr(0, line.find_first_of(" ="));
}

/// The first example of a driver with the option's line instead of its own line for that option, if it has one.
std::string driver_with(std::string_view body, const OptionDef& option, const Example& e) {
  if (!e.setup.empty()) {
    const std::string head = "example:\n" + indented(e.setup);
    return fmt::format("{}  {} = {}\n", head, option.name, e.input);
  }
  std::string out;
  for (const std::string_view line : split(body, '\n'))
    if (first_word(line) != option.name && first_word(line) != fmt::format("no_{}", option.name))
      out += std::string(line) + "\n";
  return fmt::format("{}  {} = {}\n", out, option.name, e.input);
}

void check_driver_options(std::span<const OptionDef> options, std::string_view place, std::string_view body,
                          std::string_view who) {
  for (const OptionDef& o : options) {
    if (o.state != lang::State::works) continue;
    for (const Example& e : lang::examples_of(o).list)
      check(fmt::format("{} option {}", who, o.name), e, in_surroundings(place, driver_with(body, o, e)));
  }
}

std::string main_with(const OptionDef& o, const Example& e) {
  const bool list = o.type == OptionType::special;
  return fmt::format("{}{}{}{}{}\n", e.setup, e.setup.empty() ? "" : "\n", o.name, list ? " " : " = ", e.input);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(examples)

BOOST_AUTO_TEST_CASE(options_of_the_main_section) {
  for (const OptionDef* o : daemon::all_registries()->main_options) {
    if (o->state != lang::State::works) continue;
    for (const Example& e : lang::examples_of(*o).list)
      check(std::string(o->name), e, in_surroundings("@main@", main_with(*o, e)));
  }
}

BOOST_AUTO_TEST_CASE(drivers_and_their_options) {
  const auto reg = daemon::all_registries();
  const std::vector<const lang::DriverDef*>* lists[] = {&reg->routers, &reg->transports, &reg->authenticators};
  for (int i = 0; i < 3; ++i) {
    const lang::DriverFamily& family = *reg->families[i];
    const std::string_view place = place_of(family.kind);
    std::string_view first;
    for (const lang::DriverDef* d : *lists[i]) {
      if (d->state != lang::State::works) continue;
      const auto set = lang::examples_of(*d);
      for (const Example& e : set.list) check(std::string(d->name), e, in_surroundings(place, e.input));
      if (set.list.empty()) continue;
      if (first.empty()) first = set.list.front().input;
      check_driver_options(d->options, place, set.list.front().input, d->name);
    }
    check_driver_options(family.generic_options, place, first, "generic");
  }
}

BOOST_AUTO_TEST_CASE(tainted_variables_are_no_file_names) {
  for (const lang::VariableDef* v : daemon::all_registries()->variables) {
    if (v->state != lang::State::works) continue;
    for (const Example& e : lang::examples_of(*v).list)
      if (e.where == lang::Where::file_name)
        check(std::string(v->name), e,
              in_surroundings("@transports@", fmt::format("example:\n  driver = appendfile\n  file = {}\n", e.input)));
  }
}

BOOST_AUTO_TEST_CASE(what_takes_any_text_takes_any_text) {
  for (const OptionDef* o : daemon::all_registries()->main_options) {
    if (o->state != lang::State::works || lang::examples_of(*o).cannot_fail.empty()) continue;
    Example odd = o->examples.first;
    odd.input = "%}{ no such thing /";
    BOOST_TEST(load(in_surroundings("@main@", main_with(*o, odd))).codes.empty(),
               o->name << " refuses some text: give an example");
  }
}

BOOST_AUTO_TEST_CASE(every_entry_has_two_and_one_that_fails) {
  std::size_t missing = 0;
  for (const auto& e : cli::reference_entries()) {
    if (e.standing != cli::Standing::works) continue;
    const auto& list = e.examples.list;
    const bool refused = std::any_of(list.begin(), list.end(), [](const Example& x) { return x.error != nullptr; });
    // A statement of an ACL fails when the server says no.
    const bool said_no = e.kind.starts_with("ACL ") && std::any_of(list.begin(), list.end(), [](const Example& x) {
                           return x.output.starts_with('4') || x.output.starts_with('5');
                         });
    const bool fails = refused || said_no;
    if (list.size() < 2 || (refused && !e.examples.cannot_fail.empty()) || (!fails && e.examples.cannot_fail.empty())) {
      ++missing;
      BOOST_TEST_MESSAGE(
          fmt::format("{} {}: {} examples, {}", e.kind, e.name, list.size(),
                      fails ? "one fails, but it says that none can" : "none fails and it does not say why"));
    }
  }
  BOOST_TEST(missing == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
