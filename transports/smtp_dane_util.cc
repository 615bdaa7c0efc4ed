// See smtp_dane.h. Usage 3 looks at the server's own certificate alone, neither its name nor its dates (RFC 7672
// 3.1.1); usage 2 wants a chain that ends in the certificate the record names, and a name (3.1.2).
#include <fmt/core.h>

#include <algorithm>

#include "core/base/strings.h"
#include "core/io/gnutls.h"
#include "transports/smtp_dane.h"

namespace remex::transports {
namespace {

constexpr std::size_t kMaxRecords = 50, kMaxChain = 20;
constexpr std::uint8_t kTrustAnchor = 2, kEndEntity = 3;

class Certificate {
 public:
  Certificate() { gnutls_x509_crt_init(&crt_); }
  ~Certificate() { gnutls_x509_crt_deinit(crt_); }
  Certificate(Certificate&& o) noexcept : crt_(std::exchange(o.crt_, nullptr)) {}
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  bool read(std::string_view der) {
    const gnutls_datum_t d{reinterpret_cast<unsigned char*>(const_cast<char*>(der.data())),
                           static_cast<unsigned>(der.size())};
    return gnutls_x509_crt_import(crt_, &d, GNUTLS_X509_FMT_DER) == 0;
  }
  gnutls_x509_crt_t get() const { return crt_; }
  std::string public_key() const {
    gnutls_pubkey_t key = nullptr;
    std::string out;
    gnutls_datum_t d{};
    if (gnutls_pubkey_init(&key) != 0) return out;
    if (gnutls_pubkey_import_x509(key, crt_, 0) == 0 && gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &d) == 0) {
      out.assign(reinterpret_cast<const char*>(d.data), d.size);
      gnutls_free(d.data);
    }
    gnutls_pubkey_deinit(key);
    return out;
  }

 private:
  gnutls_x509_crt_t crt_ = nullptr;
};

std::string digest(gnutls_digest_algorithm_t algorithm, std::size_t size, std::string_view s) {
  std::string out(size, '\0');
  return gnutls_hash_fast(algorithm, s.data(), s.size(), out.data()) == 0 ? out : std::string();
}

bool fits(const TlsaRecord& r, std::string_view der, const Certificate& c) {
  const std::string key = r.selector == 1 ? c.public_key() : std::string();
  const std::string_view object = r.selector == 1 ? std::string_view(key) : der;
  if (object.empty()) return false;
  const std::string value = r.matching == 0   ? std::string(object)
                            : r.matching == 1 ? digest(GNUTLS_DIG_SHA256, 32, object)
                                              : digest(GNUTLS_DIG_SHA512, 64, object);
  return !value.empty() && value == r.data;
}

bool usable(const TlsaRecord& r) {
  if (r.usage != kTrustAnchor && r.usage != kEndEntity) return false;  // 0 and 1 need public CAs (RFC 7672 3.1.3)
  if (r.selector > 1 || r.matching > 2) return false;
  return r.matching == 0 ? !r.data.empty() : r.data.size() == (r.matching == 1 ? 32U : 64U);
}

/// The certificates before `anchor` lead to it, and the first is for one of the names and of today.
std::string anchored(std::vector<Certificate>& chain, std::size_t length, gnutls_x509_crt_t anchor,
                     std::span<const std::string> names) {
  std::vector<gnutls_x509_crt_t> list;
  for (std::size_t i = 0; i < length; ++i) list.push_back(chain[i].get());
  unsigned status = 0;
  // The anchor is trusted because the DNS says so, whatever it says about itself.
  const int rc = gnutls_x509_crt_list_verify(
      list.data(), static_cast<unsigned>(list.size()), &anchor, 1, nullptr, 0,
      GNUTLS_VERIFY_ALLOW_X509_V1_CA_CRT | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS, &status);
  if (rc != 0 || status != 0) {
    std::string why = "the chain does not lead to the trust anchor";
    gnutls_datum_t text{};
    if (rc == 0 && gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) == 0) {
      why = std::string(trim(std::string_view(reinterpret_cast<const char*>(text.data), text.size)));
      gnutls_free(text.data);
    }
    return why;
  }
  const bool named = std::any_of(names.begin(), names.end(), [&](const std::string& n) {
    return !n.empty() && gnutls_x509_crt_check_hostname(chain.front().get(), n.c_str()) != 0;
  });
  return named ? std::string()
               : fmt::format("the certificate is not for {}", join({names.begin(), names.end()}, " or "));
}

}  // namespace

bool parse_tlsa(std::string_view rdata, TlsaRecord& out) {
  if (rdata.size() < 4) return false;
  out.usage = static_cast<std::uint8_t>(rdata[0]);
  out.selector = static_cast<std::uint8_t>(rdata[1]);
  out.matching = static_cast<std::uint8_t>(rdata[2]);
  out.data = std::string(rdata.substr(3));
  return true;
}

TlsaAnswer find_tlsa(dns::Resolver& resolver, const std::string& host, int port) {
  TlsaAnswer out;
  const dns::Answer a = resolver.query(fmt::format("_{}._tcp.{}", port, host), dns::Type::tlsa);
  if (a.outcome == dns::Outcome::try_again) {
    out.kind = TlsaAnswer::Kind::trouble;
    out.why = a.why;
    return out;
  }
  if (a.outcome != dns::Outcome::found || !a.secure) return out;
  out.kind = TlsaAnswer::Kind::unusable;
  for (const dns::Record& r : a.records) {
    TlsaRecord t;
    if (!parse_tlsa(r.raw, t)) continue;
    if (t.usage < 4) out.usages |= 1U << t.usage;
    if (!usable(t) || out.records.size() >= kMaxRecords) continue;
    out.kind = TlsaAnswer::Kind::usable;
    out.records.push_back(std::move(t));
  }
  return out;
}

std::string dane_objection(std::span<const std::string> chain, std::span<const TlsaRecord> records,
                           std::span<const std::string> names) {
  std::vector<Certificate> certificates;
  for (std::size_t i = 0; i < chain.size() && i < kMaxChain; ++i) {
    Certificate c;
    if (!c.read(chain[i])) break;
    certificates.push_back(std::move(c));
  }
  if (certificates.empty()) return "the server showed no readable certificate";
  std::string why = "no TLSA record fits the certificate";
  for (const TlsaRecord& r : records) {
    if (r.usage == kEndEntity) {
      if (fits(r, chain[0], certificates[0])) return {};
      continue;
    }
    if (r.usage != kTrustAnchor) continue;
    for (std::size_t i = 0; i < certificates.size(); ++i) {
      if (!fits(r, chain[i], certificates[i])) continue;
      // A record for the server's own certificate makes it its own anchor.
      std::string objection = anchored(certificates, std::max<std::size_t>(i, 1), certificates[i].get(), names);
      if (objection.empty()) return {};
      why = std::move(objection);
    }
    // The whole anchor may be in the DNS and not in the chain.
    Certificate published;
    if (r.selector == 0 && r.matching == 0 && published.read(r.data)) {
      std::string objection = anchored(certificates, certificates.size(), published.get(), names);
      if (objection.empty()) return {};
      why = std::move(objection);
    }
  }
  return why;
}

}  // namespace remex::transports
