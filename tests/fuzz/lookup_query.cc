// links: lookups
// Fuzz target: texts that lookups take apart. First byte: 0 a lookup type with affixes and options, 1 the settings of
// an LDAP query, 2 words of a Redis command, 3 a server, 4 a reply of a Redis server.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "lang/lookup_engine.h"
#include "lookups/ldap_query.h"
#include "lookups/resp.h"
#include "lookups/server_list.h"

namespace remex::registry::lookups {
extern const std::span<const std::span<const LookupDef>* const> all;
}

using namespace remex;

namespace {

/// Gives the text in small pieces, then the end.
class Pieces : public io::Stream {
 public:
  explicit Pieces(std::string_view s) : rest_(s) {}
  Result<std::size_t> read_some(std::span<char> into) override {
    const std::size_t n = std::min({into.size(), rest_.size(), std::size_t{7}});
    std::memcpy(into.data(), rest_.data(), n);
    rest_.remove_prefix(n);
    return n;
  }
  Status write_all(std::string_view) override { return {}; }
  bool has_pending_input() override { return !rest_.empty(); }
  Status wait_readable() override { return {}; }
  void close() override {}
  void abort() override {}
  int fd() const override { return -1; }

 private:
  std::string_view rest_;
};

void spec(std::string_view text) {
  static const lang::Registries registries = [] {
    lang::Registries r;
    r.lookups = lang::flatten<lang::LookupDef>(registry::lookups::all);
    r.finish();
    return r;
  }();
  if (auto got = lang::parse_lookup_spec(text, registries); got && got->def == nullptr) __builtin_trap();
  std::string_view head, rest;
  (void)lang::split_lookup_item(text, head, rest);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 65536) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 5) {
    case 0: spec(text); break;
    case 1: (void)lookups::parse_ldap_query(text); break;
    case 2: {
      const auto words = lookups::redis_words(text);
      if (lookups::resp_command(words).empty()) __builtin_trap();
      break;
    }
    case 3:
      (void)lookups::server_fields(text, 4, 0);
      (void)lookups::parse_server_address(text);
      (void)lookups::server_title(text, 4);
      break;
    default: {
      Pieces stream(text);
      io::Reader reader(stream);
      if (auto reply = lookups::read_resp(reader)) (void)lookups::resp_text(*reply);
    }
  }
  return 0;
}
