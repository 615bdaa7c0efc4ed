// certextract: a field of a certificate of the connection.
#include "lang/certificate.h"
#include "lang/branches.h"
#include "lang/compiler.h"
#include "lang/node.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

Status parse_certextract(Parser& p, Node& node) {
  REMEX_CHECK(p.required_group(node, "field arg of certextract"));
  REMEX_CHECK(p.required_group(node, "cert variable arg of certextract"));
  if (!is_certificate(*node.children[1]))
    return p.fail("bad-option", "second argument of \"certextract\" must be a certificate variable",
                  node.children[1]->offset, 1,
                  "$tls_in_peercert, $tls_in_ourcert, $tls_out_peercert or $tls_out_ourcert");
  if (const Node& field = *node.children[0]; field.kind == NodeKind::constant && !is_certificate_field(field.text))
    return p.fail("bad-option", "bad field selector \"" + field.text + "\" for certextract", field.offset,
                  field.length > 0 ? field.length : 1);
  return p.branches(node, "certextract");
}

Status eval_certextract(const Node& node, Scope& scope, Text& out) {
  REMEX_TRY(const Text selector, eval_arg(node, 0, scope));
  REMEX_TRY(const Text certificate, eval_arg(node, 1, scope));
  std::optional<std::string> value;
  if (!certificate.empty()) {
    REMEX_TRY(value, certificate_field(certificate.view(), selector.view()));
  }
  Text text(value.value_or(""), certificate.taint() | selector.taint());
  return eval_branches_taking(node, scope, value.has_value(), value ? &text : nullptr, out);
}

constexpr Example kExamples[] = {
    {"${certextract{subject}{$tls_in_peercert}{$value}{nobody}}", "nobody"},
    {"${certextract{notafter,int}{$tls_in_ourcert}}", ""},
    {"${certextract{version}{abc}}", "", "must be a certificate variable"},
    {"${certextract{foo}{$tls_in_peercert}}", "", "bad field selector \"foo\" for certextract"},
    {"${certextract{version}}", "", "missing '{' for cert variable arg of certextract"},
};

constexpr ItemDef defs[] = {{
    .name = "certextract",
    .arguments = "{field}{certificate}{yes}{no}",
    .summary = "Field of a certificate variable; $value in the yes string",
    .doc = "Fields: version, serial_number, subject, issuer (RFC 4514 names; a label such as CN chooses elements), "
           "notbefore, notafter (\"int\": seconds since the epoch), sig_algorithm, signature, subj_altname (\"dns\", "
           "\"uri\", \"mail\": of one kind), ocsp_uri, crl_uri. Modifiers follow behind commas; \">x\" is the "
           "separator of "
           "lists.",
    .taint = TaintRule::keeps,
    .cost = Cost::reads,
    .examples = kExamples,
    .tier = 3,
    .eval = eval_certextract,
    .parse = parse_certextract,
}};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::items {
extern const std::span<const ItemDef> certificate;
constinit const std::span<const ItemDef> certificate{lang::defs};
}  // namespace remex::registry::items
