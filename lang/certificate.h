// X.509 certificates as values of the language: the variables $tls_..._peercert and $tls_..._ourcert hold PEM text; the
// item certextract and the digests of values read it. Used by lang/items and lang/operators; GnuTLS does the work.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace remex::lang {

struct Node;

/// The expression is one of the certificate variables and nothing else.
bool is_certificate(const Node& node);
/// The DER octets of a PEM certificate; empty for anything else.
std::string certificate_der(std::string_view pem);
/// The part before the first comma is a field.
bool is_certificate_field(std::string_view selector);
/// The field a selector names ("subject,CN,>/", "notafter,int"), nullopt when the certificate has none. An unknown
/// field or a certificate that cannot be read is an error.
Result<std::optional<std::string>> certificate_field(std::string_view pem, std::string_view selector);

}  // namespace remex::lang
