#include "lang/certificate.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <vector>

#include "core/base/strings.h"
#include "core/io/gnutls.h"
#include "lang/node.h"

namespace remex::lang {
namespace {

constexpr unsigned kMaxEntries = 1000;
constexpr std::size_t kMaxField = 64 * 1024;

class Certificate {
 public:
  Certificate() { gnutls_x509_crt_init(&crt_); }
  ~Certificate() { gnutls_x509_crt_deinit(crt_); }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  bool read(std::string_view pem) {
    const gnutls_datum_t d{reinterpret_cast<unsigned char*>(const_cast<char*>(pem.data())),
                           static_cast<unsigned>(pem.size())};
    return gnutls_x509_crt_import(crt_, &d, GNUTLS_X509_FMT_PEM) == 0;
  }
  gnutls_x509_crt_t get() const { return crt_; }

 private:
  gnutls_x509_crt_t crt_ = nullptr;
};

std::string take(gnutls_datum_t& d) {
  std::string s(reinterpret_cast<const char*>(d.data), d.size);
  gnutls_free(d.data);
  return s;
}

/// Calls a GnuTLS getter of the form f(buffer, &size); nullopt when it has nothing to give.
template <class F>
std::optional<std::string> fetch(F getter) {
  std::string out(512, '\0');
  std::size_t size = out.size();
  int rc = getter(out.data(), &size);
  if (rc == GNUTLS_E_SHORT_MEMORY_BUFFER && size <= kMaxField) {
    out.assign(size, '\0');
    rc = getter(out.data(), &size);
  }
  if (rc < 0) return std::nullopt;
  out.resize(size);
  return out;
}

struct Modifiers {
  std::string word;  ///< "int", "dns", "CN"
  char separator = '\n';
};

using Value = std::optional<std::string>;

/// Elements with embedded separators doubled.
Value list_text(const std::vector<std::string>& items, char separator) {
  if (items.empty()) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += separator;
    for (const char c : items[i]) {
      out += c;
      if (c == separator) out += c;
    }
  }
  return out;
}

/// Elements of an RFC 4514 text whose type is `label`, unescaped.
std::vector<std::string> rdn_values(std::string_view dn, std::string_view label) {
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < dn.size(); ++i) {
    if (dn[i] == '\\' && i + 1 < dn.size()) {
      parts.back() += dn.substr(i, 2);
      ++i;
    } else if (dn[i] == ',' || dn[i] == '+') {
      parts.emplace_back();
    } else {
      parts.back() += dn[i];
    }
  }
  std::vector<std::string> out;
  for (const std::string& part : parts) {
    const std::size_t eq = part.find('=');
    if (eq == std::string::npos || !iequals(trim(std::string_view(part).substr(0, eq)), label)) continue;
    std::string value;
    for (std::size_t i = eq + 1; i < part.size(); ++i) {
      if (part[i] == '\\' && i + 1 < part.size()) ++i;
      value += part[i];
    }
    out.push_back(std::move(value));
  }
  return out;
}

Value name_field(gnutls_x509_crt_t c, bool issuer, const Modifiers& m) {
  gnutls_datum_t d{};
  const int rc = issuer ? gnutls_x509_crt_get_issuer_dn3(c, &d, GNUTLS_X509_DN_FLAG_COMPAT)
                        : gnutls_x509_crt_get_dn3(c, &d, GNUTLS_X509_DN_FLAG_COMPAT);
  if (rc != 0) return std::nullopt;
  std::string dn = take(d);
  if (m.word.empty()) return dn;
  return list_text(rdn_values(dn, m.word), m.separator);
}
Value subject(gnutls_x509_crt_t c, const Modifiers& m) { return name_field(c, false, m); }
Value issuer(gnutls_x509_crt_t c, const Modifiers& m) { return name_field(c, true, m); }

Value version(gnutls_x509_crt_t c, const Modifiers&) {
  const int v = gnutls_x509_crt_get_version(c);
  return v > 0 ? Value(std::to_string(v)) : std::nullopt;
}

Value serial(gnutls_x509_crt_t c, const Modifiers&) {
  auto octets = fetch([c](char* p, std::size_t* n) { return gnutls_x509_crt_get_serial(c, p, n); });
  if (!octets) return std::nullopt;
  std::string hex = hex_encode(*octets);
  const std::size_t digit = hex.find_first_not_of('0');
  return digit == std::string::npos ? std::string("0") : hex.substr(digit);
}

Value time_text(std::time_t t, const Modifiers& m) {
  if (t == static_cast<std::time_t>(-1)) return std::nullopt;
  if (m.word == "int") return std::to_string(t);
  std::tm tm{};
  ::localtime_r(&t, &tm);
  char out[64];
  const std::size_t n = std::strftime(out, sizeof out, "%b %e %T %Y %Z", &tm);
  return std::string(out, n);
}
Value not_before(gnutls_x509_crt_t c, const Modifiers& m) {
  return time_text(gnutls_x509_crt_get_activation_time(c), m);
}
Value not_after(gnutls_x509_crt_t c, const Modifiers& m) {
  return time_text(gnutls_x509_crt_get_expiration_time(c), m);
}

Value algorithm(gnutls_x509_crt_t c, const Modifiers&) {
  const int a = gnutls_x509_crt_get_signature_algorithm(c);
  const char* name = a < 0 ? nullptr : gnutls_sign_get_name(static_cast<gnutls_sign_algorithm_t>(a));
  return name == nullptr ? std::nullopt : Value(name);
}

Value signature(gnutls_x509_crt_t c, const Modifiers&) {
  auto octets = fetch([c](char* p, std::size_t* n) { return gnutls_x509_crt_get_signature(c, p, n); });
  if (!octets) return std::nullopt;
  std::string out;
  for (const char o : *octets) {
    if (!out.empty()) out += ' ';
    out += hex_encode(std::string_view(&o, 1));
  }
  return out;
}

Value alternative_names(gnutls_x509_crt_t c, const Modifiers& m) {
  std::vector<std::string> items;
  for (unsigned i = 0; i < kMaxEntries; ++i) {
    unsigned type = 0;
    auto name = fetch([&](char* p, std::size_t* n) {
      const int rc = gnutls_x509_crt_get_subject_alt_name2(c, i, p, n, &type, nullptr);
      return rc;
    });
    if (!name) break;
    const std::string_view tag = type == GNUTLS_SAN_DNSNAME      ? "DNS"
                                 : type == GNUTLS_SAN_URI        ? "URI"
                                 : type == GNUTLS_SAN_RFC822NAME ? "MAIL"
                                                                 : "";
    if (tag.empty()) continue;
    while (name->ends_with('\0')) name->pop_back();
    const bool known = m.word == "dns" || m.word == "uri" || m.word == "mail";
    if (known && !iequals(m.word, tag)) continue;
    items.push_back(known ? *name : fmt::format("{}={}", tag, *name));
  }
  return list_text(items, m.separator);
}

Value ocsp(gnutls_x509_crt_t c, const Modifiers& m) {
  std::vector<std::string> items;
  for (unsigned i = 0; i < kMaxEntries; ++i) {
    gnutls_datum_t d{};
    const int rc = gnutls_x509_crt_get_authority_info_access(c, i, GNUTLS_IA_OCSP_URI, &d, nullptr);
    if (rc == GNUTLS_E_UNKNOWN_ALGORITHM) continue;  // another kind of access (caIssuers)
    if (rc < 0) break;
    items.push_back(take(d));
  }
  return list_text(items, m.separator);
}

Value revocation_lists(gnutls_x509_crt_t c, const Modifiers& m) {
  std::vector<std::string> items;
  for (unsigned i = 0; i < kMaxEntries; ++i) {
    auto uri = fetch(
        [&](char* p, std::size_t* n) { return gnutls_x509_crt_get_crl_dist_points(c, i, p, n, nullptr, nullptr); });
    if (!uri) break;
    while (uri->ends_with('\0')) uri->pop_back();
    items.push_back(std::move(*uri));
  }
  return list_text(items, m.separator);
}

struct Field {
  std::string_view name;
  Value (*get)(gnutls_x509_crt_t, const Modifiers&);
};
constexpr Field kFields[] = {
    {"version", version},         {"serial_number", serial},     {"subject", subject},
    {"issuer", issuer},           {"notbefore", not_before},     {"notafter", not_after},
    {"sig_algorithm", algorithm}, {"signature", signature},      {"subj_altname", alternative_names},
    {"ocsp_uri", ocsp},           {"crl_uri", revocation_lists},
};

}  // namespace

bool is_certificate(const Node& node) {
  if (node.kind == NodeKind::sequence && node.children.size() == 1) return is_certificate(*node.children.front());
  return node.kind == NodeKind::variable && node.text.starts_with("tls_") &&
         (node.text.ends_with("_peercert") || node.text.ends_with("_ourcert"));
}

std::string certificate_der(std::string_view pem) {
  Certificate c;
  if (pem.empty() || !c.read(pem)) return {};
  gnutls_datum_t d{};
  return gnutls_x509_crt_export2(c.get(), GNUTLS_X509_FMT_DER, &d) == 0 ? take(d) : std::string();
}

bool is_certificate_field(std::string_view selector) {
  const std::string_view name = trim(selector.substr(0, selector.find(',')));
  return std::any_of(std::begin(kFields), std::end(kFields), [&](const Field& f) { return f.name == name; });
}

Result<std::optional<std::string>> certificate_field(std::string_view pem, std::string_view selector) {
  Modifiers m;
  std::string_view name;
  bool first = true;
  for (std::size_t at = 0; at <= selector.size();) {
    const std::size_t end = std::min(selector.find(',', at), selector.size());
    std::string_view word = selector.substr(at, end - at);
    at = end + 1;
    if (first)
      name = trim(word);
    else if (trim_left(word).starts_with('>'))
      m.separator = trim_left(word).size() > 1 ? trim_left(word)[1] : ',';
    else if (!trim(word).empty())
      m.word = std::string(trim(word));
    first = false;
  }
  for (const Field& f : kFields) {
    if (f.name != name) continue;
    Certificate c;
    if (!c.read(pem)) return fail("certextract: the certificate cannot be read");
    return f.get(c.get(), m);
  }
  return fail(fmt::format("bad field selector \"{}\" for certextract", printable(selector.substr(0, 100))));
}

}  // namespace remex::lang
