// Fuzz target: a foreign SPF record, its macros, an explanation and a DMARC record. The input is "record NUL
// explanation NUL sender". Every name in the world has the fuzzed record, so includes and redirects come back to it.
// Properties: no crash, the lookups are bounded, what goes into headers and replies is one printable line.
// links: core/msgauth
#include <cstdlib>

#include "core/base/strings.h"
#include "core/msgauth/dmarc.h"
#include "core/msgauth/spf.h"
#include "core/msgauth/spf_record.h"

using namespace remex;
using namespace remex::msgauth;

namespace {

class OneRecord : public dns::Resolver {
 public:
  std::string record, explanation;
  unsigned queries = 0;
  dns::Answer query(std::string_view name, dns::Type type) override {
    if (++queries > 200) std::abort();
    dns::Answer a;
    dns::Record r;
    r.type = type;
    r.text = type == dns::Type::txt ? (queries % 3 == 0 ? explanation : record)
             : type == dns::Type::a ? "192.0.2.1"
                                    : std::string(name.substr(0, 100));
    a.outcome = name.size() % 7 == 0 ? dns::Outcome::no_data : dns::Outcome::found;
    if (a.outcome == dns::Outcome::found) a.records.assign(name.size() % 5 + 1, r);
    if (type == dns::Type::txt && a.records.size() > 1) a.records.resize(1);
    return a;
  }
};

void one_line(const std::string& s) {
  for (const char c : s)
    if (!is_printable(c)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t first = std::min(all.find('\0'), size), second = std::min(all.find('\0', first + 1), size);
  OneRecord dns;
  dns.record = std::string(all.substr(0, first));
  if (first < size) dns.explanation = std::string(all.substr(first + 1, second - first - 1));
  SpfQuery q{.client_ip = "192.0.2.9", .sender = "u@example.org", .helo = "h.example", .receiver = "mx.test"};
  if (second < size) q.sender = std::string(all.substr(second + 1));
  for (const char* ip : {"192.0.2.9", "2001:db8::1"}) {
    q.client_ip = ip;
    dns.queries = 0;
    const SpfVerdict v = check_spf(dns, q);
    one_line(received_spf_header(v, q));
    one_line(spf_smtp_comment(v, q, dns.explanation));
  }
  (void)parse_dmarc_record(dns.record);
  if (auto r = parse_spf_record(dns.record)) {
    for (const auto& m : r->mechanisms)
      if (m.prefix4 > 32 || m.prefix6 > 128) std::abort();
  }
  return 0;
}
