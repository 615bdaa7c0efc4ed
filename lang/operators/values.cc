// Mail addresses, quoting, encoding, digests, lists: the operators beyond case, length and numbers.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/nettle_api.h"
#include "core/base/strings.h"
#include "core/mail/address.h"
#include "core/mail/plain_address.h"
#include "core/mail/rfc2047.h"
#include "lang/certificate.h"
#include "lang/config.h"
#include "lang/expand.h"
#include "lang/list.h"
#include "lang/list_internal.h"
#include "lang/lookup.h"
#include "lang/lookup_engine.h"
#include "lang/node.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

// ---------------------------------------------------------------- addresses

Result<std::string> address(Scope&, const Node&, std::string s) { return mail::extract_address(s); }
/// Nearly all addresses are plain, and then both are parts of the text.
std::optional<std::string_view> domain_part(const Node&, std::string_view s) {
  const std::size_t at = mail::plain_address_at(s);
  return at == std::string_view::npos ? std::nullopt : std::optional(s.substr(at + 1));
}
std::optional<std::string_view> local_part_part(const Node&, std::string_view s) {
  const std::size_t at = mail::plain_address_at(s);
  return at == std::string_view::npos ? std::nullopt : std::optional(s.substr(0, at));
}
Status domain(Scope&, const Node& node, std::string& out, std::size_t from) {
  const std::string_view s = std::string_view(out).substr(from);
  if (const auto part = domain_part(node, s)) {
    out.erase(from, s.size() - part->size());
  } else {
    out.replace(from, std::string::npos, mail::split_address(mail::extract_address(s)).domain);
  }
  return {};
}
Status local_part(Scope&, const Node& node, std::string& out, std::size_t from) {
  const std::string_view s = std::string_view(out).substr(from);
  if (const auto part = local_part_part(node, s)) {
    out.resize(from + part->size());
  } else {
    out.replace(from, std::string::npos, mail::split_address(mail::extract_address(s)).local_part);
  }
  return {};
}
Result<std::string> addresses(Scope&, const Node&, std::string s) {
  char separator = ':';
  std::string_view text = trim_left(s);
  if (text.size() > 1 && text[0] == '>') {
    separator = text[1];
    text.remove_prefix(2);
  }
  std::vector<std::string> found;
  if (auto parsed = mail::parse_address_list(text)) {
    for (const auto& a : *parsed) found.push_back(a.address.str());
  } else {
    for (const std::string_view piece : split(text, ',')) {  // the good ones of a bad list
      if (std::string one = mail::extract_address(piece); !one.empty()) found.push_back(std::move(one));
    }
  }
  return join_list(found, separator);
}
Status quote_local_part(Scope&, const Node&, std::string& out, std::size_t from) {
  std::string quoted = mail::quote_local_part(std::string_view(out).substr(from));
  if (quoted.find('\n') != std::string::npos) quoted = replace_all(quoted, "\n", "\\n");
  out.replace(from, std::string::npos, quoted);
  return {};
}

// ---------------------------------------------------------------- quoting and encoding

Status quote(Scope&, const Node&, std::string& out, std::size_t from) {
  const auto begin = out.begin() + static_cast<std::ptrdiff_t>(from);
  const auto is_word = [](char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.'; };
  const auto escaped = [](char c) { return c == '"' || c == '\\' || c == '\n' || c == '\r'; };
  if (from < out.size() && std::all_of(begin, out.end(), is_word)) return {};
  const std::size_t before = out.size();
  const auto more = static_cast<std::size_t>(std::count_if(begin, out.end(), escaped)) + 2;
  out.resize(before + more);
  // From the end, so that nothing is overwritten before it was moved.
  std::size_t to = out.size();
  out[--to] = '"';
  for (std::size_t i = before; i > from;) {
    const char c = out[--i];
    out[--to] = c == '\n' ? 'n' : c == '\r' ? 'r' : c;
    if (escaped(c)) out[--to] = '\\';
  }
  out[from] = '"';
  return {};
}
Status rxquote(Scope&, const Node&, std::string& out, std::size_t from) {
  const std::size_t before = out.size();
  const auto begin = out.begin() + static_cast<std::ptrdiff_t>(from);
  const auto more = std::count_if(begin, out.end(), [](char c) { return !is_alnum(c); });
  out.resize(before + static_cast<std::size_t>(more));
  // From the end, so that nothing is overwritten before it was moved.
  for (std::size_t i = before, to = out.size(); to > i;) {
    const char c = out[--i];
    out[--to] = c;
    if (!is_alnum(c)) out[--to] = '\\';
  }
  return {};
}
Status escape(Scope&, const Node&, std::string& all, std::size_t from) {
  const auto shown = [](char c) { return is_printable(c) || c == '\t'; };
  if (std::all_of(all.begin() + static_cast<std::ptrdiff_t>(from), all.end(), shown)) return {};
  const std::string s = all.substr(from);
  std::string out;
  for (const char c : s) {
    if (is_printable(c) || c == '\t')
      out += c;  // Exim leaves tab and backslash alone here
    else if (c == '\b')
      out += "\\b";
    else if (c == '\v')
      out += "\\v";
    else if (c == '\f')
      out += "\\f";
    else
      out += printable(std::string_view(&c, 1));
  }
  all.replace(from, std::string::npos, out);
  return {};
}
Result<std::string> escape8bit(Scope&, const Node&, std::string s) {
  std::string out;
  for (const char c : s) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 127)
      out += fmt::format("\\{:03o}", byte);
    else if (c == '\\')
      out += "\\134";
    else
      out += c;
  }
  return out;
}
Result<std::string> hexquote(Scope&, const Node&, std::string s) {
  std::string out;
  for (const char c : s) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 33 || byte > 126)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return out;
}
/// The operand is one of the certificate variables; its text becomes the certificate's octets.
bool take_certificate(const Node& node, std::string& out, std::size_t from) {
  if (node.children.empty() || !is_certificate(*node.children[0])) return false;
  out.replace(from, std::string::npos, certificate_der(std::string_view(out).substr(from)));
  return true;
}

Status base64(Scope&, const Node& node, std::string& out, std::size_t from) {
  (void)take_certificate(node, out, from);
  out.replace(from, std::string::npos, base64_encode(std::string_view(out).substr(from)));
  return {};
}
Result<std::string> base64d(Scope&, const Node&, std::string s) {
  auto out = base64_decode(s, true);
  if (!out) return fail(fmt::format("string \"{}\" is not well-formed for \"base64d\" operator", s));
  return std::move(*out);
}
Result<std::string> hex2b64(Scope&, const Node&, std::string s) {
  for (const char c : s) {
    if (!parse_uint(std::string_view(&c, 1), 16)) return fail(fmt::format("\"{}\" is not a hex string", s));
  }
  if (s.size() % 2 != 0) return fail(fmt::format("\"{}\" contains an odd number of characters", s));
  return base64_encode(*hex_decode(s));
}
Result<std::string> rfc2047(Scope& scope, const Node&, std::string s) {
  return mail::encode_rfc2047(s, scope.config == nullptr ? "UTF-8" : scope.config->main.headers_charset);
}
Result<std::string> rfc2047d(Scope& scope, const Node&, std::string s) {
  return mail::decode_rfc2047(s, scope.config == nullptr ? "UTF-8" : scope.config->main.headers_charset);
}
Result<std::string> utf8clean(Scope&, const Node&, std::string s) {
  std::string out;
  for (std::size_t i = 0; i < s.size();) {
    const auto c = static_cast<unsigned char>(s[i]);
    const std::size_t n = c < 0x80                ? 1
                          : c >= 0xC2 && c < 0xE0 ? 2
                          : c >= 0xE0 && c < 0xF0 ? 3
                          : c >= 0xF0 && c < 0xF5 ? 4
                                                  : 0;
    bool good = n > 0 && i + n <= s.size();
    for (std::size_t k = 1; good && k < n; ++k) good = (static_cast<unsigned char>(s[i + k]) & 0xC0U) == 0x80U;
    if (good && n > 2) {  // overlong forms, surrogates, beyond U+10FFFF
      const auto d = static_cast<unsigned char>(s[i + 1]);
      good =
          !((c == 0xE0 && d < 0xA0) || (c == 0xED && d > 0x9F) || (c == 0xF0 && d < 0x90) || (c == 0xF4 && d > 0x8F));
    }
    if (good)
      out.append(s, i, n);
    else
      out += '?';
    i += good ? n : 1;
  }
  return out;
}

// ---------------------------------------------------------------- hashes

template <class Context, const auto& init, const auto& update, const auto& digest, std::size_t size>
Status hash(std::string& text, std::size_t from, bool upper) {
  Context context;
  init(&context);
  update(&context, text.size() - from, reinterpret_cast<const std::uint8_t*>(text.data() + from));
  std::uint8_t out[size];
  digest(&context, size, out);
  const char* digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  char hex[2 * size];
  for (std::size_t i = 0; i < size; ++i) {
    hex[2 * i] = digits[out[i] >> 4];
    hex[2 * i + 1] = digits[out[i] & 15];
  }
  text.replace(from, std::string::npos, hex, sizeof hex);
  return {};
}
// A certificate that is not there has no digest.
Status md5(Scope&, const Node& node, std::string& s, std::size_t from) {
  const bool certificate = take_certificate(node, s, from);
  if (certificate && s.size() == from) return {};
  return hash<md5_ctx, md5_init, md5_update, md5_digest, 16>(s, from, certificate);  // upper case as Exim does
}
Status sha1(Scope&, const Node& node, std::string& s, std::size_t from) {
  if (take_certificate(node, s, from) && s.size() == from) return {};
  return hash<sha1_ctx, sha1_init, sha1_update, sha1_digest, 20>(s, from, true);
}
Status sha2(Scope&, const Node& node, std::string& s, std::size_t from) {
  if (take_certificate(node, s, from) && s.size() == from) return {};
  switch (node.numbers.empty() ? 256 : node.numbers[0]) {
    case 256: return hash<sha256_ctx, sha256_init, sha256_update, sha256_digest, 32>(s, from, true);
    case 384: return hash<sha512_ctx, sha384_init, sha512_update, sha384_digest, 48>(s, from, true);
    case 512: return hash<sha512_ctx, sha512_init, sha512_update, sha512_digest, 64>(s, from, true);
    default: return fail("unrecognised sha2 variant");
  }
}
Status sha3(Scope&, const Node& node, std::string& s, std::size_t from) {
  switch (node.numbers.empty() ? 256 : node.numbers[0]) {
    case 224: return hash<sha3_224_ctx, sha3_224_init, sha3_224_update, sha3_224_digest, 28>(s, from, true);
    case 256: return hash<sha3_256_ctx, sha3_256_init, sha3_256_update, sha3_256_digest, 32>(s, from, true);
    case 384: return hash<sha3_384_ctx, sha3_384_init, sha3_384_update, sha3_384_digest, 48>(s, from, true);
    case 512: return hash<sha3_512_ctx, sha3_512_init, sha3_512_update, sha3_512_digest, 64>(s, from, true);
    default: return fail("unrecognised sha3 variant");
  }
}

// ---------------------------------------------------------------- lists, files, again

Result<std::string> listcount(Scope&, const Node&, std::string s) { return std::to_string(split_list(s).size()); }

constexpr struct ListSuffix {
  std::string_view suffix;
  ListKind kind;
  std::string_view word;
} kListSuffixes[] = {{"_d", ListKind::domain, "domain"},
                     {"_h", ListKind::host, "host"},
                     {"_a", ListKind::address, "address"},
                     {"_l", ListKind::local_part, "localpart"}};

// The items joined by " : "; a named list among them is replaced by its items.
Result<Text> named_items(Scope& scope, ListKind kind, const NamedList& list, int depth) {
  if (depth > 20) return fail("named lists are nested too deeply");
  REMEX_TRY(const Text all, list.list.expansion().eval(scope));
  Text out(std::string{}, all.taint());
  bool first = true;
  std::string_view source = list.list.source_text();
  const std::optional<char> separator = take_separator(source);
  for (const std::string& item : split_list(all.view(), separator.value_or(':'))) {
    const NamedList* inner = item.size() > 1 && item[0] == '+' && scope.config != nullptr
                                 ? scope.config->named_list(kind, item.substr(1))
                                 : nullptr;
    Text piece(replace_all(item, ":", "::"), all.taint());
    if (inner != nullptr) {
      REMEX_TRY(piece, named_items(scope, kind, *inner, depth + 1));
    }
    if (!first) out.append(std::string_view(" : "));
    REMEX_CHECK(append_limited(out, piece));
    first = false;
  }
  return out;
}

Result<Text> listnamed(Scope& scope, const Node& node, Text in) {
  REMEX_CHECK(refuse_tainted(in, "named list"));
  const std::string_view suffix = std::string_view(node.text).substr(std::min<std::size_t>(node.text.size(), 9));
  std::string_view word;
  for (const ListSuffix& k : kListSuffixes) {
    if (!suffix.empty() && suffix != k.suffix) continue;
    word = k.word;
    const std::string_view name = in.view().substr(in.view().starts_with('+') ? 1 : 0);
    const NamedList* list = scope.config == nullptr ? nullptr : scope.config->named_list(k.kind, name);
    if (list != nullptr) return named_items(scope, k.kind, *list, 0);
  }
  if (word.empty()) return fail("bad suffix on \"list\" operator");
  return fail(fmt::format("\"{}\" is not a {}named list", in.view(),
                          suffix.empty() ? std::string{} : fmt::format("{} ", word)));
}

Result<Text> expand(Scope& scope, const Node&, Text in) {
  REMEX_CHECK(refuse_tainted(in, "text to be expanded again"));
  if (scope.depth >= kMaxEvalDepth) return fail("expansion is nested too deeply");
  auto again = Expansion::cached(in.view(), registries_of(scope));
  auto result = again ? again->eval(scope) : Result<Text>(std::unexpected(std::move(again).error()));
  if (!result) {
    Error e = std::move(result).error();
    e.text = fmt::format("internal expansion of \"{}\" failed: {}", in.view(), e.text);
    return std::unexpected(std::move(e));
  }
  return result;
}

Result<Text> stat_(Scope&, const Node&, Text in) {
  REMEX_CHECK(refuse_tainted(in, "filename"));
  struct stat st{};
  if (stat(in.c_str(), &st) != 0) return fail(fmt::format("stat({}) failed: {}", in.view(), std::strerror(errno)));
  static constexpr char kBits[] = "rwxrwxrwx";
  std::string mode(1, S_ISDIR(st.st_mode)    ? 'd'
                      : S_ISLNK(st.st_mode)  ? 'l'
                      : S_ISCHR(st.st_mode)  ? 'c'
                      : S_ISBLK(st.st_mode)  ? 'b'
                      : S_ISFIFO(st.st_mode) ? 'p'
                      : S_ISSOCK(st.st_mode) ? 's'
                                             : '-');
  for (unsigned i = 0; i < 9; ++i) mode += (st.st_mode & (0400U >> i)) != 0 ? kBits[i] : '-';
  return Text(
      fmt::format("mode={:04o} smode={} inode={} device={} links={} uid={} gid={} size={} atime={} mtime={} ctime={}",
                  st.st_mode & 077777U, mode, st.st_ino, st.st_dev, st.st_nlink, st.st_uid, st.st_gid, st.st_size,
                  st.st_atime, st.st_mtime, st.st_ctime));
}

Result<Text> quote_lookup(Scope& scope, const Node& node, Text in) {
  const Taint taint = in.taint();
  std::string s = std::move(in).str();
  // "quote_ldap_dn": what stands behind the type chooses the kind of quoting.
  const std::size_t known = std::string_view("quote_").size() + node.lookup->name.size() + 1;
  const std::string_view option = node.text.size() > known ? std::string_view(node.text).substr(known) : "";
  if (node.lookup->quote != nullptr) s = node.lookup->quote(s, option);
  return Text(std::move(s), taint, quoter_id(registries_of(scope), *node.lookup));
}

constexpr Example kAddress[] = {{"${address:Foo <a@b>}", "a@b"}};
constexpr Example kDomain[] = {{"${domain:Foo <a@B.C>}", "B.C"}, {"${domain:a}", ""}};
constexpr Example kLocal[] = {{"${local_part:a@b}", "a"}};
constexpr Example kQuote[] = {{"${quote:abc}", "abc"}, {"${quote:a b}", "\"a b\""}, {"${quote:}", "\"\""}};
constexpr Example kHash[] = {{"${md5:abc}", "900150983cd24fb0d6963f7d28e17f72"},
                             {"${sha1:abc}", "A9993E364706816ABA3E25717850C26C9CD0D89D"}};
constexpr Example kBase64[] = {
    {"${base64:abc}", "YWJj"}, {"${base64d:YWJj}", "abc"}, {"${base64d:!!}", "", "not well-formed"}};
constexpr Example kExpand[] = {{"${expand:\\${lc:ABC\\}}", "abc"},
                               {"${expand:\\$nosuch}", "", "internal expansion of \"$nosuch\" failed"}};
constexpr Example kRx[] = {{"${rxquote:a.b@c}", "a\\.b\\@c"}};

constexpr Example kAddressExamples[] = {{"${address:Foo <a@b>}", "a@b"}, {"${address:a@b, c@d}", ""}};
constexpr Example kAddressesExamples[] = {{"${addresses:Joe <a@b>, c@d}", "a@b:c@d"},
                                          {"${addresses:>+ a@b, c@d}", "a@b+c@d"}};
constexpr Example kLocalPartExamples[] = {
    {"${local_part:a@b}", "a"}, {"${local_part:Joe <j.r@b.c>}", "j.r"}, {"${local_part:a b@c}", ""}};
constexpr Example kQuoteLocalPartExamples[] = {{"${quote_local_part:abc}", "abc"},
                                               {"${quote_local_part:a b}", "\"a b\""}};
constexpr Example kQuoteAnyExamples[] = {{"${quote_nosuch:x}", "", "unknown lookup type \"nosuch\""},
                                         {"${quote_:x}", "", "unknown lookup type \"\""}};
constexpr Example kRxquoteExamples[] = {{"${rxquote:a.b@c}", "a\\.b\\@c"}, {"${rxquote:abc}", "abc"}};
constexpr Example kEscapeExamples[] = {{"${escape:a\\nb}", "a\\nb"}, {"${escape:abc}", "abc"}};
constexpr Example kEscape8bitExamples[] = {{"${escape8bit:caf\\xe9}", "caf\\351"}, {"${escape8bit:a\\\\b}", "a\\134b"}};
constexpr Example kHexquoteExamples[] = {{"${hexquote:a b}", "a\\x20b"}, {"${hexquote:\\n}", "\\x0a"}};
constexpr Example kStr2b64Examples[] = {{"${str2b64:abc}", "YWJj"}, {"${str2b64:}", ""}};
constexpr Example kHex2b64Examples[] = {{"${hex2b64:616263}", "YWJj"},
                                        {"${hex2b64:61x}", "", "\"61x\" is not a hex string"}};
constexpr Example kRfc2047Examples[] = {{"${rfc2047:abc}", "abc"}, {"${rfc2047:<a>}", "=?UTF-8?Q?=3Ca=3E?="}};
constexpr Example kRfc2047dExamples[] = {{"${rfc2047d:=?utf-8?q?a_b?=}", "a b"},
                                         {"${rfc2047d:abc}", "abc"},
                                         {"${rfc2047d:=?nosuch?q?a?=}", "", "maybe unsupported conversion"}};
constexpr Example kUtf8cleanExamples[] = {{"${utf8clean:a\\xffb}", "a?b"}, {"${utf8clean:abc}", "abc"}};
constexpr Example kSha256Examples[] = {
    {"${sha256:abc}", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"},
    {"${sha256_5:abc}", "", "unrecognised sha2 variant"}};
constexpr Example kSha2Examples[] = {
    {"${sha2_256:abc}", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"},
    {"${sha2_1:abc}", "", "unrecognised sha2 variant"}};
constexpr Example kSha3Examples[] = {
    {"${sha3_256:abc}", "3A985DA74FE225B2045C172D6BD390BD855F086E3E9D525B46BFE24511431532"},
    {"${sha3_1:abc}", "", "unrecognised sha3 variant"}};
constexpr Example kListcountExamples[] = {{"${listcount:a:b::c:d}", "3"}, {"${listcount:}", "0"}};
constexpr Example kListnamedExamples[] = {{"${listnamed:nosuch}", "", "\"nosuch\" is not a named list"},
                                          {"${listnamed_d:nosuch}", "", "\"nosuch\" is not a domain named list"}};
constexpr Example kStatExamples[] = {
    {"${extract{mode}{${stat:/dev/null}}}", "20666"},
    {"${stat:/no/such/file}", "", "stat(/no/such/file) failed: No such file or directory"}};
constexpr OperatorDef defs[] = {
    {.name = "address",
     .summary = "The address of a header address",
     .doc = "Nothing when it is malformed.",
     .examples = kAddressExamples,
     .cannot_fail = "what is no address gives nothing",
     .apply = address},
    {.name = "addresses",
     .summary = "A header address list as a list",
     .doc = ">x in front changes the separator.",
     .examples = kAddressesExamples,
     .cannot_fail = "what is no address is left out",
     .apply = addresses},
    {.name = "domain",
     .summary = "The domain of an address",
     .doc = "Nothing when it is malformed.",
     .examples = kDomain,
     .cannot_fail = "what is no address gives nothing",
     .in_place = domain,
     .part = domain_part},
    {.name = "local_part",
     .summary = "The local part of an address",
     .doc = "Nothing when it is malformed.",
     .examples = kLocalPartExamples,
     .cannot_fail = "what is no address gives nothing",
     .in_place = local_part,
     .part = local_part_part},
    {.name = "quote",
     .summary = "In double quotes unless a plain word",
     .doc = "Quotes and backslashes are escaped.",
     .examples = kQuote,
     .cannot_fail = "all bytes are taken",
     .in_place = quote,
     .marks = kQuotedPlainly},  // lets an LDAP password through (PASS=${quote:...}) where tainted text must be quoted
    {.name = "quote_local_part",
     .summary = "In quotes when RFC 5322 asks for it",
     .doc = "For local parts.",
     .examples = kQuoteLocalPartExamples,
     .cannot_fail = "all bytes are taken",
     .in_place = quote_local_part},
    {.name = "quote_*",
     .summary = "Quoted for a lookup type",
     .doc = "${quote_mysql:...}: tainted text quoted so may stand in a query of that type.",
     .cost = Cost::reads,
     .examples = kQuoteAnyExamples,
     .apply_text = quote_lookup},
    {.name = "rxquote",
     .summary = "Escaped for a regular expression",
     .doc = "A backslash before all but letters and digits.",
     .examples = kRxquoteExamples,
     .cannot_fail = "all bytes are taken",
     .tier = 2,
     .in_place = rxquote},
    {.name = "escape",
     .summary = "Non-printing bytes as escapes",
     .doc = "Octal.",
     .examples = kEscapeExamples,
     .cannot_fail = "all bytes are taken",
     .in_place = escape},
    {.name = "escape8bit",
     .summary = "Bytes with the top bit as escapes",
     .doc = "Octal.",
     .examples = kEscape8bitExamples,
     .cannot_fail = "all bytes are taken",
     .tier = 3,
     .apply = escape8bit},
    {.name = "hexquote",
     .summary = "Bytes outside 33..126 as \\xNN",
     .doc = "Hexadecimal.",
     .examples = kHexquoteExamples,
     .cannot_fail = "all bytes are taken",
     .tier = 3,
     .apply = hexquote},
    {.name = "base64", .summary = "To base64", .doc = "RFC 4648.", .examples = kBase64, .tier = 2, .in_place = base64},
    {.name = "base64d",
     .summary = "From base64",
     .doc = "White space is skipped.",
     .examples = kBase64,
     .tier = 2,
     .apply = base64d},
    {.name = "str2b64",
     .summary = "Old name of base64",
     .doc = "RFC 4648.",
     .examples = kStr2b64Examples,
     .cannot_fail = "all bytes are taken",
     .tier = 4,
     .in_place = base64},
    {.name = "hex2b64",
     .summary = "Hexadecimal to base64",
     .doc = "For digests.",
     .examples = kHex2b64Examples,
     .tier = 3,
     .apply = hex2b64},
    {.name = "rfc2047",
     .summary = "Encoded words",
     .doc = "In headers_charset.",
     .cost = Cost::reads,
     .examples = kRfc2047Examples,
     .cannot_fail = "all bytes are taken",
     .apply = rfc2047},
    {.name = "rfc2047d",
     .summary = "Decode encoded words",
     .doc = "To headers_charset.",
     .cost = Cost::reads,
     .examples = kRfc2047dExamples,
     .tier = 2,
     .apply = rfc2047d},
    {.name = "utf8clean",
     .summary = "Replace what is not UTF-8 by ?",
     .doc = "Overlong forms and surrogates too.",
     .examples = kUtf8cleanExamples,
     .cannot_fail = "what is no UTF-8 becomes a question mark",
     .tier = 3,
     .apply = utf8clean},
    {.name = "md5",
     .summary = "MD5, lower-case hex",
     .doc = "RFC 1321.",
     .examples = kHash,
     .cannot_fail = "all bytes are taken",
     .tier = 2,
     .in_place = md5},
    {.name = "sha1",
     .summary = "SHA-1, upper-case hex",
     .doc = "FIPS 180.",
     .examples = kHash,
     .cannot_fail = "all bytes are taken",
     .tier = 2,
     .in_place = sha1},
    {.name = "sha256",
     .summary = "SHA-256, upper-case hex",
     .doc = "FIPS 180. A number behind it is that of sha2.",
     .examples = kSha256Examples,
     .tier = 2,
     .in_place = sha2,
     .max_args = 1},
    {.name = "sha2",
     .summary = "SHA-2: _256 _384 _512",
     .doc = "FIPS 180.",
     .examples = kSha2Examples,
     .tier = 3,
     .in_place = sha2,
     .max_args = 1},
    {.name = "sha3",
     .summary = "SHA-3: _224 _256 _384 _512",
     .doc = "FIPS 202.",
     .examples = kSha3Examples,
     .tier = 3,
     .in_place = sha3,
     .max_args = 1},
    {.name = "listcount",
     .summary = "Number of items",
     .doc = "Of a list.",
     .examples = kListcountExamples,
     .cannot_fail = "every text is a list",
     .tier = 2,
     .apply = listcount},
    {.name = "listnamed",
     .summary = "Contents of a named list",
     .doc = "_d _h _a _l choose the kind.",
     .cost = Cost::reads,
     .examples = kListnamedExamples,
     .tier = 2,
     .apply_text = listnamed,
     .accepts_suffix = true},
    {.name = "expand",
     .summary = "Expand the result again",
     .doc = "Refuses tainted text.",
     .cost = Cost::waits,
     .examples = kExpand,
     .tier = 2,
     .apply_text = expand},
    {.name = "stat",
     .summary = "Status of a file",
     .doc = "name=value pairs. Refuses tainted names.",
     .cost = Cost::reads,
     .examples = kStatExamples,
     .tier = 2,
     .apply_text = stat_},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::operators {
extern const std::span<const OperatorDef> values;
constinit const std::span<const OperatorDef> values{lang::defs};
}  // namespace remex::registry::operators
