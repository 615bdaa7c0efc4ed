// The DKIM verifier: signatures in, body through the shared hashes, keys from the callback, one status per signature.
// See dkim.h.
#include "core/msgauth/dkim.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "core/base/strings.h"
#include "core/msgauth/dkim_signature.h"

namespace remex::msgauth {

/// One signature under way; results_[i] belongs to works[i].
struct DkimVerifier::Work {
  const mail::Header* header;
  ParsedSignature parsed;
  std::size_t result;
};

struct DkimVerifier::State {
  State(const mail::HeaderList& headers, DkimVerifyOptions o) : opt(std::move(o)), index(headers) {}
  DkimVerifyOptions opt;
  HeaderIndex index;
  std::vector<Work> works;
  std::vector<DkimSignature> results;
  BodyHashes hashes;
  std::map<std::string, KeyAnswer> keys;
  std::size_t ignored = 0;
};

namespace {

void set(DkimSignature& sig, DkimStatus status, std::string_view reason, std::string_view detail) {
  sig.status = status;
  sig.reason = reason;
  sig.detail = detail;
}

std::string key_name(const DkimSignature& sig) { return sig.selector + "._domainkey." + sig.domain; }

std::uint64_t limit_of(const DkimSignature& sig) {
  return sig.body_length < 0 ? BodyHashes::kNoLimit : static_cast<std::uint64_t>(sig.body_length);
}

/// The one key record among the TXT records. Others (an SPF record under a wildcard) are passed over; two are
/// ambiguous.
Result<KeyRecord> choose_record(const std::vector<std::string>& records) {
  std::optional<KeyRecord> chosen;
  std::string fault = "no key record";
  for (std::size_t i = 0; i < records.size() && i < 16; ++i) {
    auto r = parse_key_record(records[i]);
    if (!r) {
      fault = r.error().text;
    } else if (chosen) {
      return fail("more than one key record");
    } else {
      chosen = std::move(*r);
    }
  }
  if (!chosen) return fail(fault);
  return *chosen;
}

bool lists(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

/// May this record be used for this signature (RFC 6376 6.1.2)? Sets the fault when not.
bool record_fits(const KeyRecord& record, const ParsedSignature& parsed, DkimSignature& sig) {
  sig.key_testing = record.testing;
  sig.key_nosubdomains = record.nosubdomains;
  sig.key_srvtype = record.srvtype;
  sig.key_granularity = record.granularity;
  sig.key_notes = record.notes;
  const std::string_view hash = parsed.hash == HashKind::sha512 ? "sha512" : "sha256";
  std::string_view fault;
  if (record.revoked) {
    set(sig, DkimStatus::invalid, "pubkey_revoked", "public key revoked");
    return false;
  }
  if (record.kind != parsed.key) fault = "public key is of another type than the signature";
  if (!record.hashes.empty() && !lists(record.hashes, hash)) fault = "public key is not for this hash";
  if (!record.services.empty() && !lists(record.services, "*") && !lists(record.services, "email"))
    fault = "public key is not for email";
  if (record.nosubdomains && !sig.identity.empty() && sig.identity.substr(sig.identity.rfind('@') + 1) != sig.domain) {
    fault = "public key does not allow subdomains";
  }
  if (!fault.empty()) set(sig, DkimStatus::invalid, "pubkey_unusable", fault);
  return fault.empty();
}

}  // namespace

std::string_view to_string(DkimStatus s) {
  switch (s) {
    case DkimStatus::invalid: return "invalid";
    case DkimStatus::fail: return "fail";
    case DkimStatus::pass: return "pass";
    case DkimStatus::none: break;
  }
  return "none";
}

Status parse_min_keysizes(std::string_view text, DkimVerifyOptions& opt) {
  for (std::string_view word : split(text, ' ')) {
    word = trim(word);
    if (word.empty()) continue;
    const std::size_t eq = std::min(word.find('='), word.size());
    const auto bits = parse_uint(trim(word.substr(std::min(eq + 1, word.size()))));
    const std::string_view name = word.substr(0, eq);
    if (!bits || *bits > 100000) return fail(fmt::format("bad key size in \"{}\"", printable(word)));
    if (name == "rsa") {
      opt.min_rsa_bits = static_cast<unsigned>(*bits);
    } else if (name == "ed25519") {
      opt.min_ed25519_bits = static_cast<unsigned>(*bits);
    } else {
      return fail(fmt::format("unknown key type in \"{}\"", printable(word)));
    }
  }
  return {};
}

bool DkimSignature::signs(std::string_view header) const {
  return std::any_of(header_names.begin(), header_names.end(),
                     [&](const std::string& n) { return iequals(n, header); });
}

std::string DkimSignature::log_line() const {
  const auto word = [](Canon c) { return c == Canon::relaxed ? "relaxed" : "simple"; };
  std::string out =
      fmt::format("DKIM: d={} s={} c={}/{} a={}", domain, selector, word(canon_headers), word(canon_body), algo);
  if (key_bits > 0) out += fmt::format(" b={}", key_bits);
  if (!identity.empty()) out += " i=" + printable(identity);
  if (created > 0) out += fmt::format(" t={}", created);
  if (expires >= 0) out += fmt::format(" x={}", expires);
  if (body_length >= 0) out += fmt::format(" l={}", body_length);
  switch (status) {
    case DkimStatus::none: return out + " [not verified]";
    case DkimStatus::invalid: return out + " [invalid - " + detail + "]";
    case DkimStatus::fail: return out + " [verification failed - " + detail + "]";
    case DkimStatus::pass: break;
  }
  return out + " [verification succeeded]";
}

DkimVerifier::DkimVerifier(const mail::HeaderList& headers, DkimVerifyOptions opt)
    : state_(std::make_unique<State>(headers, std::move(opt))) {
  const auto* found = state_->index.find("dkim-signature");
  if (found == nullptr) return;
  for (const mail::Header* h : *found) {
    if (state_->results.size() >= state_->opt.max_signatures) {
      ++state_->ignored;
      continue;
    }
    DkimSignature sig;
    Work w{h, {}, state_->results.size()};
    if (parse_signature(h->text, state_->opt, w.parsed, sig)) {
      state_->hashes.want(sig.canon_body, w.parsed.hash, limit_of(sig));
      state_->works.push_back(std::move(w));
    }
    state_->results.push_back(std::move(sig));
  }
}

DkimVerifier::~DkimVerifier() = default;

bool DkimVerifier::wanted() const { return !state_->works.empty(); }
std::size_t DkimVerifier::ignored() const { return state_->ignored; }
const std::vector<DkimSignature>& DkimVerifier::results() const { return state_->results; }
void DkimVerifier::body(std::string_view piece) { state_->hashes.add(piece); }

std::vector<std::string> DkimVerifier::key_names() const {
  std::set<std::string> names;
  for (const Work& w : state_->works) names.insert(key_name(state_->results[w.result]));
  return {names.begin(), names.end()};
}

void DkimVerifier::check(Work& w, const KeyLookup& lookup) {
  DkimSignature& sig = state_->results[w.result];
  const DkimVerifyOptions& opt = state_->opt;
  sig.body_octets = state_->hashes.length(sig.canon_body);
  if (opt.now > 0 && sig.expires >= 0 && sig.expires < opt.now) {
    return set(sig, DkimStatus::fail, "signature_expired", "signature expired");
  }
  if (state_->hashes.digest(sig.canon_body, w.parsed.hash, limit_of(sig)) != w.parsed.bh) {
    return set(sig, DkimStatus::fail, "bodyhash_mismatch", "body hash mismatch (body probably modified in transit)");
  }
  auto [key, is_new] = state_->keys.try_emplace(key_name(sig));
  if (is_new) key->second = lookup(key->first);
  const KeyAnswer& answer = key->second;
  sig.temporary = answer.kind == KeyAnswer::Kind::temporary;
  if (answer.kind != KeyAnswer::Kind::found || answer.records.empty()) {
    return set(sig, DkimStatus::invalid, "pubkey_unavailable", "public key record (currently?) unavailable");
  }
  const auto record = choose_record(answer.records);
  if (!record) {
    return set(sig, DkimStatus::invalid, "pubkey_syntax",
               "syntax error in public key record (" + record.error().text + ")");
  }
  if (!record_fits(*record, w.parsed, sig)) return;
  const auto pub = PublicKey::import(record->kind, record->p);
  if (!pub)
    return set(sig, DkimStatus::invalid, "pubkey_syntax",
               "syntax error in public key record (" + pub.error().text + ")");
  sig.key_bits = pub->bits();
  if (pub->bits() < (pub->kind() == KeyKind::rsa ? opt.min_rsa_bits : opt.min_ed25519_bits)) {
    return set(sig, DkimStatus::invalid, "pubkey_too_short", "public key too short");
  }
  std::string own = w.header->text.substr(0, w.parsed.b_begin);
  own += std::string_view(w.header->text).substr(w.parsed.b_end);
  const std::string digest =
      header_digest(w.parsed.hash, state_->index, sig.header_names, sig.canon_headers, own, w.header);
  if (!pub->verify(w.parsed.hash, digest, w.parsed.b)) {
    return set(sig, DkimStatus::fail, "signature_incorrect",
               "signature did not verify (headers probably modified in transit)");
  }
  set(sig, DkimStatus::pass, "", "");
}

const std::vector<DkimSignature>& DkimVerifier::finish(const KeyLookup& lookup) {
  state_->hashes.finish();
  for (Work& w : state_->works) {
    check(w, lookup);
    if (state_->opt.minimal && state_->results[w.result].status == DkimStatus::pass) break;
  }
  return state_->results;
}

std::string dkim_signers(const std::vector<DkimSignature>& results) {
  std::vector<std::string> names;
  for (const DkimSignature& s : results) {
    if (s.status == DkimStatus::invalid && s.reason == "signature_invalid") continue;
    for (const std::string& n : {s.domain, s.identity}) {
      if (!n.empty() && std::find(names.begin(), names.end(), n) == names.end()) names.push_back(n);
    }
  }
  return join(names, ":");
}

}  // namespace remex::msgauth
