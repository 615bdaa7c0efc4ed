// links: lang
// Fuzz target: an Exim filter, up to a line "\f", run over the message behind it, as a user's and as the system filter.
// What is searched for is a crash, a hang or memory growth in parsing and running, and an outcome that does not survive
// the courier's encoding.
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
  const std::string text = "# Exim filter\n" + std::string(input.substr(0, form_feed));
  const std::string_view message = form_feed == std::string_view::npos ? "To: a@b\n\nx" : input.substr(form_feed + 1);
  for (const bool system : {false, true}) {
    mail::HeaderList headers;
    const std::size_t body = mail::split_headers(message, headers);
    const auto stored = mail::Body::from_string(std::string(message.substr(body)));
    mail::Envelope envelope;
    envelope.sender = "s@x.test";
    AddressState address;
    address.local_part = address.cased_local_part = "u";
    address.domain = "x.test";
    address.home = "/nonexistent";
    Scope scope;
    scope.config = &config;
    scope.envelope = &envelope;
    scope.headers = &headers;
    scope.body = stored.get();
    scope.address = &address;
    filter::Options options;
    options.system = system;
    options.pure = true;  // no files, no commands
    const filter::Outcome out = filter::run(text, scope, options);
    const auto again = filter::decode_outcome(filter::encode(out));
    if (!again || filter::encode(*again) != filter::encode(out)) __builtin_trap();
    options.testing = true;
    options.print = options.trace = [](std::string_view) {};
    (void)filter::run(text, scope, options);
  }
  (void)filter::decode_outcome(input);
  (void)filter::decode_options(input);
  return 0;
}
