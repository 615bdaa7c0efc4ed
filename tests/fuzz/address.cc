// Fuzz target: envelope paths, header address lists, dates, encoded words. Properties: no crash, and what was accepted
// is accepted again in its printed form.
#include "core/mail/address.h"

#include <cstdlib>

#include "core/base/strings.h"
#include "core/mail/address_items.h"
#include "core/mail/date.h"
#include "core/mail/rfc2047.h"

using namespace remex::mail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view s(reinterpret_cast<const char*>(data), size);
  const PathOptions all{
      .allow_null = true, .allow_unqualified = true, .allow_domain_literal = true, .allow_utf8 = true};
  for (const PathOptions& opt : {PathOptions{}, all}) {
    if (auto a = parse_path(s, opt)) {
      if (a->str().find('\n') != std::string::npos) std::abort();
      auto again = parse_path("<" + a->str() + ">", opt);
      if (!again || again->str() != a->str()) std::abort();
    }
    // What it takes goes into commands of SMTP.
    if (const auto a = parse_mailbox(s, opt); a && remex::has_control(a->str())) std::abort();
  }
  (void)parse_address_list(s);
  std::size_t behind = 0;  // mailboxes stand one behind the other, their working parts inside
  for (const AddressItem& i : address_items(s)) {
    if (i.begin < behind || i.spec_begin < i.begin || i.spec_end < i.spec_begin || i.end < i.spec_end || i.end > size)
      std::abort();
    behind = i.end;
  }
  if (const std::string one = extract_address(s); !one.empty() && extract_address(one) != one) std::abort();
  (void)parse_rfc5322_date(s);
  if (size < 4096) {
    if (decode_rfc2047(encode_rfc2047(s, "x-y"), "x-y").value_or("").empty() && !s.empty()) std::abort();
    (void)decode_rfc2047(s);
  }
  return 0;
}
