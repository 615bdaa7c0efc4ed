// Fuzz target: a server's certificate and a TLSA record, both foreign. The input is the certificate (DER), behind the
// last "TLSA" the rdata. Properties: no crash; a certificate nobody can read fits no record; a field is found or not.
// links: transports
#include <cstdlib>

#include "core/base/strings.h"
#include "lang/certificate.h"
#include "transports/smtp_dane.h"

using namespace remex;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t mark = all.rfind("TLSA");
  const std::string der(all.substr(0, mark));
  transports::TlsaRecord record{3, 0, 0, der};
  if (mark != std::string_view::npos) (void)transports::parse_tlsa(all.substr(mark + 4), record);
  const std::vector<std::string> chain{der}, names{"mx.test"};
  const std::string why = transports::dane_objection(chain, std::span(&record, 1), names);

  const std::string pem = "-----BEGIN CERTIFICATE-----\n" + base64_encode(der) + "\n-----END CERTIFICATE-----\n";
  const bool readable = !lang::certificate_der(pem).empty();
  if (!readable && why.empty()) std::abort();
  for (const char* selector :
       {"version", "serial_number", "subject", "subject,CN,>/", "issuer,O", "notbefore,int", "notafter",
        "sig_algorithm", "signature", "subj_altname", "subj_altname,dns,>:", "ocsp_uri,>;", "crl_uri"}) {
    auto field = lang::certificate_field(pem, selector);
    if (field.has_value() != readable) std::abort();
  }
  return 0;
}
