// links: lang
// Fuzz target: a Sieve script, up to a line "\f", run over the message behind it. A script that is wrong keeps the
// message; whatever it is, nothing may crash, hang or grow, and every folder and address in the outcome is one that may
// be used.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lang/config.h"
#include "lang/filter/filter.h"
#include "lang/node.h"
#include "lang/scope.h"

using namespace remex;
using namespace remex::lang;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 65536) return 0;
  static const std::shared_ptr<Registries> registries = make_language_registries();
  Config config;
  config.registries = registries;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t form_feed = input.find('\f');
  const std::string text = "# Sieve filter\n" + std::string(input.substr(0, form_feed));
  const std::string_view message =
      form_feed == std::string_view::npos ? "To: u@x.test\n\nx" : input.substr(form_feed + 1);
  mail::HeaderList headers;
  (void)mail::split_headers(message, headers);
  mail::Envelope envelope;
  envelope.sender = "s@x.test";
  AddressState address;
  address.local_part = address.cased_local_part = "u";
  address.domain = "x.test";
  Scope scope;
  scope.config = &config;
  scope.envelope = &envelope;
  scope.headers = &headers;
  scope.address = &address;
  filter::Options options;
  options.has_vacation = options.has_notify = true;
  options.vacation_directory = "/nonexistent";
  const filter::Outcome out = filter::run(text, scope, options);
  if (out.verdict != filter::Outcome::Verdict::done || !out.significant) __builtin_trap();
  if (!out.text.empty() && (out.actions.size() != 1 || out.actions.front().target != "inbox")) __builtin_trap();
  for (const auto& a : out.actions) {
    if (a.kind == filter::Action::Kind::file && a.target.find("..") != std::string::npos) __builtin_trap();
    if (a.kind == filter::Action::Kind::address && a.target.find('@') == std::string::npos) __builtin_trap();
  }
  return 0;
}
