// Fuzz target: SMTP command lines, MAIL and RCPT arguments, xtext, HELO names. Properties: views stay inside the line,
// what parses has no control octet, and an accepted path is accepted again as printed. links: core/smtp
#include <cstdlib>

#include "core/mail/address.h"
#include "core/smtp/grammar.h"

using namespace remex;
using namespace remex::smtp;

namespace {
void require(bool ok) {
  if (!ok) std::abort();
}

bool inside(std::string_view part, std::string_view whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const Command c = parse_command(line);
  require(inside(c.word, line) && inside(c.argument, line));
  for (const std::string_view keyword : {"FROM:", "TO:"}) {
    auto pc = parse_path_command(c.argument, keyword);
    if (!pc) continue;
    require(inside(pc->path, line));
    require(pc->parameters.size() <= 32);
    for (const Parameter& p : pc->parameters) {
      require(!p.keyword.empty());
      require(p.has_value || p.value.empty());
      if (auto x = decode_xtext(p.value))
        for (const char ch : *x) require(static_cast<unsigned char>(ch) >= 32 && ch != 127);
    }
    const mail::PathOptions opt{
        .allow_null = true, .allow_unqualified = true, .allow_domain_literal = true, .strip_trailing_dot = true};
    if (auto a = mail::parse_path(pc->path, opt)) {
      auto again = mail::parse_path("<" + a->str() + ">", opt);
      require(again && again->str() == a->str());
      for (const char ch : a->str())
        require(static_cast<unsigned char>(ch) >= 32 && static_cast<unsigned char>(ch) < 127);
      require(mail::split_address(a->str()).local_part == a->local_part);
    }
  }
  if (is_acceptable_helo(c.argument, "_%"))
    for (const char ch : c.argument) require(ch > 32 && ch < 127);
  return 0;
}
