// Reading DKIM-Signature headers and key records (RFC 6376 3.5, 3.6.1): every rule about one tag is here. See
// dkim_signature.h.
#include "core/msgauth/dkim_signature.h"

#include <algorithm>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "core/msgauth/dkim_tags.h"

namespace remex::msgauth {
namespace {

constexpr std::size_t kMaxHeaderNames = 1000;
constexpr std::size_t kMaxKeyRecord = 16 * 1024;

/// Decimal of at most 18 digits, so that no sum with it can overflow.
bool read_number(std::string_view s, std::int64_t& out) {
  if (s.empty() || s.size() > 18) return false;
  const auto n = parse_uint(s);
  if (!n || !std::all_of(s.begin(), s.end(), is_digit)) return false;
  out = static_cast<std::int64_t>(*n);
  return true;
}

bool contains(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

bool read_canon_word(std::string_view s, Canon& out) {
  if (iequals(s, "simple")) return out = Canon::simple, true;
  if (iequals(s, "relaxed")) return out = Canon::relaxed, true;
  return false;
}

bool read_canon(std::string_view s, DkimSignature& sig) {
  const std::size_t slash = s.find('/');
  if (!read_canon_word(trim(s.substr(0, slash)), sig.canon_headers)) return false;
  sig.canon_body = Canon::simple;  // "relaxed" alone means relaxed/simple (3.5)
  return slash == std::string_view::npos || read_canon_word(trim(s.substr(slash + 1)), sig.canon_body);
}

/// True when `domain` is `parent` or below it; both lower case.
bool is_within(std::string_view domain, std::string_view parent) {
  return domain == parent || (domain.size() > parent.size() && domain.ends_with(parent) &&
                              domain[domain.size() - parent.size() - 1] == '.');
}

/// Reads the tags in order of importance; returns the text of the first fault, empty when all is well.
class SignatureReader {
 public:
  SignatureReader(const TagList& tags, const DkimVerifyOptions& opt, ParsedSignature& out, DkimSignature& sig)
      : tags_(tags), opt_(opt), out_(out), sig_(sig) {}

  std::string read() {
    const auto v = tags_.get("v"), d = tags_.get("d"), s = tags_.get("s"), a = tags_.get("a"), h = tags_.get("h");
    // Who signed is shown even for a signature that is refused below.
    if (d && mail::is_domain_name(*d, true)) sig_.domain = to_lower(*d);
    if (d && sig_.domain.empty()) {
      if (auto ascii = mail::domain_to_ascii(*d); ascii && mail::is_domain_name(*ascii, true)) sig_.domain = *ascii;
    }
    if (s && mail::is_domain_name(*s, true)) sig_.selector = *s;
    if (a) sig_.algo = printable(to_lower(*a).substr(0, 64));
    if (!v || !d || !s || !a || !h || !tags_.find("b") || !tags_.find("bh")) return "signature tag missing or invalid";
    if (*v != "1") return "unsupported DKIM version";
    if (sig_.domain.empty() || sig_.selector.empty()) return "signature tag missing or invalid";
    for (auto step : {&SignatureReader::algorithm, &SignatureReader::values, &SignatureReader::header_names,
                      &SignatureReader::numbers, &SignatureReader::identity, &SignatureReader::rest}) {
      if (std::string fault = (this->*step)(); !fault.empty()) return fault;
    }
    return {};
  }

 private:
  std::string algorithm() {
    const std::size_t dash = sig_.algo.find('-');
    const std::string key = sig_.algo.substr(0, dash);
    const std::string hash = dash == std::string::npos ? std::string() : sig_.algo.substr(dash + 1);
    if (hash == "sha1") return "hash sha1 is not accepted (RFC 8301)";
    if (key == "rsa") {
      out_.key = KeyKind::rsa;
    } else if (key == "ed25519" && hash == "sha256") {
      out_.key = KeyKind::ed25519;
    } else {
      return "unsupported signature algorithm";
    }
    if (hash != "sha256" && hash != "sha512") return "unsupported signature algorithm";
    out_.hash = hash == "sha512" ? HashKind::sha512 : HashKind::sha256;
    if (!contains(opt_.hashes, hash)) return "hash not in dkim_verify_hashes";
    if (!contains(opt_.keytypes, key)) return "key type not in dkim_verify_keytypes";
    return {};
  }

  std::string values() {
    const auto b = base64_decode(strip_fws(*tags_.get("b")));
    const auto bh = base64_decode(strip_fws(*tags_.get("bh")));
    if (!b || !bh || b->empty() || bh->empty()) return "signature tag missing or invalid";
    out_.b = *b;
    out_.bh = *bh;
    sig_.b_prefix = strip_fws(*tags_.get("b")).substr(0, 8);
    if (auto c = tags_.get("c"); c && !read_canon(*c, sig_)) return "unsupported canonicalization";
    return {};
  }

  std::string header_names() {
    const std::string_view h = *tags_.get("h");
    if (static_cast<std::size_t>(std::count(h.begin(), h.end(), ':')) >= kMaxHeaderNames) return "too many names in h=";
    bool from = false;
    for (std::string& name : colon_list(h, false)) {
      for (char c : name) {
        if (c <= 32 || c >= 127) return "signature tag missing or invalid";
      }
      from = from || iequals(name, "From");
      sig_.header_names.push_back(std::move(name));
    }
    return from ? std::string() : "From: is not signed";
  }

  std::string numbers() {
    if (auto l = tags_.get("l"); l && !read_number(*l, sig_.body_length)) return "signature tag missing or invalid";
    if (auto t = tags_.get("t"); t && !read_number(*t, sig_.created)) return "signature tag missing or invalid";
    if (auto x = tags_.get("x"); x && !read_number(*x, sig_.expires)) return "signature tag missing or invalid";
    if (sig_.expires >= 0 && sig_.created > 0 && sig_.expires <= sig_.created)
      return "signature expires before it was made";
    return {};
  }

  std::string identity() {
    const auto i = tags_.get("i");
    if (!i) return {};
    const auto decoded = decode_dkim_qp(*i);
    const std::size_t at = decoded ? decoded->rfind('@') : std::string::npos;
    if (at == std::string::npos || decoded->size() > 1000) return "signature tag missing or invalid";
    std::string domain = to_lower(std::string_view(*decoded).substr(at + 1));
    if (!is_within(domain, sig_.domain) || !mail::is_domain_name(domain, true))
      return "identity is outside the signing domain";
    for (char c : decoded->substr(0, at)) {
      if (static_cast<unsigned char>(c) < 32 || c == 127) return "signature tag missing or invalid";
    }
    sig_.identity = decoded->substr(0, at + 1) + domain;
    return {};
  }

  std::string rest() {
    if (auto q = tags_.get("q"); q && !contains(colon_list(*q, true), "dns/txt")) return "unsupported query method";
    if (auto z = tags_.get("z")) sig_.copied_headers = decode_dkim_qp(*z).value_or(std::string());
    return {};
  }

  const TagList& tags_;
  const DkimVerifyOptions& opt_;
  ParsedSignature& out_;
  DkimSignature& sig_;
};

}  // namespace

bool parse_signature(std::string_view header_text, const DkimVerifyOptions& opt, ParsedSignature& out,
                     DkimSignature& sig) {
  const std::size_t value_at = header_text.find(':') + 1;
  auto tags = TagList::parse(header_text.substr(value_at));
  std::string fault = tags ? SignatureReader(*tags, opt, out, sig).read() : "signature tag missing or invalid";
  if (!fault.empty()) {
    sig.status = DkimStatus::invalid;
    sig.reason = "signature_invalid";
    sig.detail = std::move(fault);
    return false;
  }
  const Tag* b = tags->find("b");
  out.b_begin = value_at + b->value_begin;
  out.b_end = value_at + b->value_end;
  return true;
}

Result<KeyRecord> parse_key_record(std::string_view txt) {
  if (txt.size() > kMaxKeyRecord) return fail("overlong public key record");
  auto tags = TagList::parse(txt);
  if (!tags) return std::unexpected(tags.error());
  KeyRecord out;
  // v= is optional, but must be DKIM1 and stand first when there (3.6.1).
  if (auto v = tags->get("v"); v && (*v != "DKIM1" || tags->all().front().name != "v")) return fail("v= is not DKIM1");
  const auto p = tags->get("p");
  if (!p) return fail("p= is missing");
  const std::string k = to_lower(tags->get("k").value_or("rsa"));
  if (k != "rsa" && k != "ed25519") return fail("unknown key type");
  out.kind = k == "rsa" ? KeyKind::rsa : KeyKind::ed25519;
  const auto decoded = base64_decode(strip_fws(*p));
  if (!decoded) return fail("p= is not base64");
  out.p = *decoded;
  out.revoked = out.p.empty();
  if (auto h = tags->get("h")) out.hashes = colon_list(*h, true);
  if (auto s = tags->get("s")) {
    out.services = colon_list(*s, true);
    out.srvtype = printable(*s);
  }
  if (auto t = tags->get("t")) {
    const auto flags = colon_list(*t, true);
    out.testing = contains(flags, "y");
    out.nosubdomains = contains(flags, "s");
  }
  if (auto g = tags->get("g")) out.granularity = printable(*g);
  if (auto n = tags->get("n")) out.notes = decode_dkim_qp(*n).value_or(std::string());
  return out;
}

HeaderIndex::HeaderIndex(const mail::HeaderList& headers) {
  for (const mail::Header& h : headers.all()) {
    if (h.type != '*') by_name_[to_lower(h.name())].push_back(&h);
  }
}

const std::vector<const mail::Header*>* HeaderIndex::find(std::string_view lower_name) const {
  const auto it = by_name_.find(lower_name);
  return it == by_name_.end() ? nullptr : &it->second;
}

void HeaderIndex::append(const std::vector<std::string>& names, Canon canon, const mail::Header* skip,
                         std::string& out) const {
  std::map<std::string, std::size_t, std::less<>> left;  // instances not yet taken
  for (const std::string& name : names) {
    const std::string key = to_lower(name);
    const auto* instances = find(key);
    if (instances == nullptr) continue;
    std::size_t& n = left.try_emplace(key, instances->size()).first->second;
    if (n > 0 && (*instances)[n - 1] == skip) --n;
    if (n == 0) continue;
    canon_header(canon, (*instances)[--n]->text, out);
  }
}

std::string header_digest(HashKind hash, const HeaderIndex& index, const std::vector<std::string>& names, Canon canon,
                          std::string_view signature_header_without_b, const mail::Header* skip) {
  std::string data;
  index.append(names, canon, skip, data);
  canon_header(canon, signature_header_without_b, data);
  data.resize(data.size() - 2);
  Hash h(hash);
  h.add(data);
  return h.snapshot();
}

}  // namespace remex::msgauth
