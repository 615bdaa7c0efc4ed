// The DKIM signer: chooses header instances, writes the tags folded at 78 columns, signs. See dkim_sign.h.
#include "core/msgauth/dkim_sign.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "core/msgauth/dkim_signature.h"

namespace remex::msgauth {

#define REMEX_DKIM_HEADERS(P)                                                                                    \
  P "From:" P "Sender:" P "Reply-To:" P "Subject:" P "Date:" P "Message-ID:" P "To:" P "Cc:" P "MIME-Version:" P \
    "Content-Type:" P "Content-Transfer-Encoding:" P "Content-ID:" P "Content-Description:" P "Resent-Date:" P   \
    "Resent-From:" P "Resent-Sender:" P "Resent-To:" P "Resent-Cc:" P "Resent-Message-ID:" P "In-Reply-To:" P    \
    "References:" P "List-Id:" P "List-Help:" P "List-Unsubscribe:" P "List-Subscribe:" P "List-Post:" P         \
    "List-Owner:" P "List-Archive"
const std::string_view kDkimSignHeaders = REMEX_DKIM_HEADERS("");
const std::string_view kDkimOversignHeaders = REMEX_DKIM_HEADERS("+");
#undef REMEX_DKIM_HEADERS

namespace {

constexpr std::size_t kMaxKeyFile = 64 * 1024;

/// Names for h=, present instances first (from the bottom of the message up), then those signed as absent.
Result<std::vector<std::string>> choose_headers(const mail::HeaderList& headers, std::string_view list) {
  struct Wanted {
    std::string name;
    std::size_t some = 0;  ///< plain mentions
    bool all = false, extra = false;
  };
  std::vector<Wanted> wanted;
  std::map<std::string, std::size_t> by_name;
  for (std::string_view item : split(list, ':')) {
    item = trim(item);
    const char prefix = item.empty() ? '\0' : item[0];
    if (prefix == '=' || prefix == '+') item.remove_prefix(1);
    if (item.empty()) continue;
    for (char c : item) {
      if (c <= 32 || c >= 127 || c == ';')
        return fail(fmt::format("dkim_sign_headers: bad header name \"{}\"", printable(item)));
    }
    const auto [it, is_new] = by_name.try_emplace(to_lower(item), wanted.size());
    if (is_new) wanted.push_back({.name = std::string(item)});
    Wanted& w = wanted[it->second];
    if (prefix == '=' || prefix == '+') w.all = true;
    if (prefix == '+') w.extra = true;
    if (prefix != '=' && prefix != '+') ++w.some;
  }
  std::vector<std::string> out;
  std::map<std::string, std::size_t> taken;
  for (auto h = headers.all().rbegin(); h != headers.all().rend(); ++h) {
    const auto it = h->type == '*' ? by_name.end() : by_name.find(to_lower(h->name()));
    if (it == by_name.end()) continue;
    const Wanted& w = wanted[it->second];
    std::size_t& n = taken[it->first];
    if (!w.all && n >= w.some) continue;
    ++n;
    out.push_back(w.name);
  }
  for (const Wanted& w : wanted) {
    const std::size_t present = taken[to_lower(w.name)];
    const std::size_t absent = w.extra ? 1 : w.some > present ? w.some - present : 0;
    out.insert(out.end(), absent, w.name);
  }
  return out;
}

/// Writes "tag=value;" texts with a fold before what would pass column 78.
class FoldedHeader {
 public:
  explicit FoldedHeader(std::string text) : text_(std::move(text)), column_(text_.size()) {}
  /// A unit that must not be broken.
  void word(std::string_view w, bool blank_before = true) {
    if (column_ + w.size() + 1 > 78) {
      text_ += "\n\t";
      column_ = 8;
    } else if (blank_before) {
      text_ += ' ';
      ++column_;
    }
    text_ += w;
    column_ += w.size();
  }
  /// A value that may be broken anywhere (base64).
  void breakable(std::string_view s) {
    while (!s.empty()) {
      if (column_ >= 78) {
        text_ += "\n\t";
        column_ = 8;
      }
      const std::size_t n = std::min(s.size(), 78 - column_);
      text_ += s.substr(0, n);
      column_ += n;
      s.remove_prefix(n);
    }
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::size_t column_;
};

/// dkim-quoted-printable for i=.
std::string encode_dkim_qp(std::string_view s) {
  std::string out;
  for (char c : s) {
    if (c > 32 && c < 127 && c != ';' && c != '=') {
      out += c;
    } else {
      out += fmt::format("={:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

/// The options checked and the key loaded.
struct Job {
  Canon canon = Canon::relaxed;
  HashKind hash = HashKind::sha256;
  std::string domain;
  std::vector<std::string> names;
  std::shared_ptr<const PrivateKey> key;
};

Result<Job> prepare(const mail::HeaderList& headers, const DkimSignOptions& opt) {
  Job job;
  REMEX_TRY(job.domain, mail::domain_to_ascii(opt.domain));
  if (!mail::is_domain_name(job.domain, true))
    return fail(fmt::format("dkim_domain \"{}\" is not a domain", printable(opt.domain)));
  if (!mail::is_domain_name(opt.selector, true))
    return fail(fmt::format("dkim_selector \"{}\" is not a name", printable(opt.selector)));
  if (iequals(opt.canon, "simple")) {
    job.canon = Canon::simple;
  } else if (!opt.canon.empty() && !iequals(opt.canon, "relaxed")) {
    return fail(fmt::format("unknown dkim_canon \"{}\"", printable(opt.canon)));
  }
  if (iequals(opt.hash, "sha512")) {
    job.hash = HashKind::sha512;
  } else if (iequals(opt.hash, "sha1")) {
    return fail("dkim_hash sha1 is refused (RFC 8301)");
  } else if (!opt.hash.empty() && !iequals(opt.hash, "sha256")) {
    return fail(fmt::format("unknown dkim_hash \"{}\"", printable(opt.hash)));
  }
  job.key = opt.key;
  if (!job.key) {
    REMEX_TRY(PrivateKey key, load_dkim_key(opt.private_key));
    job.key = std::make_shared<const PrivateKey>(std::move(key));
  }
  if (job.key->kind() == KeyKind::rsa && job.key->bits() < 1024)
    return fail("RSA private key is shorter than 1024 bits (RFC 8301)");
  if (job.key->kind() == KeyKind::ed25519 && job.hash != HashKind::sha256)
    return fail("an Ed25519 key needs dkim_hash sha256 (RFC 8463)");
  REMEX_TRY(job.names,
            choose_headers(headers, opt.sign_headers.empty() ? kDkimSignHeaders : std::string_view(opt.sign_headers)));
  const bool from =
      std::any_of(job.names.begin(), job.names.end(), [](const std::string& n) { return iequals(n, "From"); });
  if (!from) return fail("dkim_sign_headers does not sign From: (RFC 6376 5.4)");
  return job;
}

Result<std::string> write_signature(const mail::HeaderList& headers, const Job& job, const DkimSignOptions& opt,
                                    std::string_view body_digest) {
  const std::string_view key = job.key->kind() == KeyKind::rsa ? "rsa" : "ed25519";
  const std::string_view hash = job.hash == HashKind::sha512 ? "sha512" : "sha256";
  const std::string_view canon = job.canon == Canon::simple ? "simple" : "relaxed";
  FoldedHeader out("DKIM-Signature: v=1;");
  out.word(fmt::format("a={}-{};", key, hash));
  out.word("q=dns/txt;");
  out.word(fmt::format("c={}/{};", canon, canon));
  out.word(fmt::format("d={};", job.domain));
  out.word(fmt::format("s={};", opt.selector));
  for (std::size_t i = 0; i < job.names.size(); ++i) {
    const bool last = i + 1 == job.names.size();
    out.word(fmt::format("{}{}{}", i == 0 ? "h=" : "", job.names[i], last ? ";" : ":"), i == 0);
  }
  if (!opt.identity.empty()) out.word(fmt::format("i={};", encode_dkim_qp(opt.identity)));
  if (opt.timestamps) {
    out.word(fmt::format("t={};", opt.now));
    if (*opt.timestamps > 0) out.word(fmt::format("x={};", opt.now + *opt.timestamps));
  }
  out.word("bh=");
  out.breakable(base64_encode(body_digest) + ";");
  out.word("b=");
  const HeaderIndex index(headers);
  const std::string digest = header_digest(job.hash, index, job.names, job.canon, out.text(), nullptr);
  REMEX_TRY(std::string signature, job.key->sign(job.hash, digest));
  out.breakable(base64_encode(signature));
  return out.text() + "\n";
}

}  // namespace

bool dkim_key_disabled(std::string_view private_key) {
  return private_key.empty() || private_key == "0" || private_key == "false";
}

Result<PrivateKey> load_dkim_key(const std::string& private_key) {
  if (!private_key.starts_with('/')) return PrivateKey::import(private_key);
  const int fd = ::open(private_key.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail_errno(errno, "unable to open file for reading: " + private_key);
  std::string text(kMaxKeyFile + 1, '\0');
  std::size_t got = 0;
  ssize_t n;
  while ((n = ::read(fd, text.data() + got, text.size() - got)) != 0) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    got += static_cast<std::size_t>(n);
  }
  const int err = errno;
  ::close(fd);
  if (n < 0) return fail_errno(err, "read " + private_key);
  Result<PrivateKey> key = PrivateKey::import(std::string_view(text).substr(0, got));
  gnutls_memset(text.data(), 0, text.size());
  if (!key) return fail(private_key + ": " + key.error().text);
  return key;
}

std::vector<Result<std::string>> dkim_sign(const mail::HeaderList& headers, const mail::Body& body,
                                           const std::vector<DkimSignOptions>& opts) {
  std::vector<Result<Job>> jobs;
  BodyHashes hashes;
  for (const DkimSignOptions& opt : opts) {
    jobs.push_back(prepare(headers, opt));
    if (jobs.back()) hashes.want(jobs.back()->canon, jobs.back()->hash, BodyHashes::kNoLimit);
  }
  const Status read = body.for_each([&](std::string_view piece) {
    hashes.add(piece);
    return Status{};
  });
  hashes.finish();
  std::vector<Result<std::string>> out;
  for (std::size_t i = 0; i < opts.size(); ++i) {
    if (!jobs[i]) {
      out.push_back(std::unexpected(jobs[i].error()));
    } else if (!read) {
      out.push_back(std::unexpected(read.error()));
    } else {
      const Job& job = *jobs[i];
      out.push_back(write_signature(headers, job, opts[i], hashes.digest(job.canon, job.hash, BodyHashes::kNoLimit)));
    }
  }
  return out;
}

Result<std::string> dkim_sign(const mail::HeaderList& headers, const mail::Body& body, const DkimSignOptions& opt) {
  return dkim_sign(headers, body, std::vector<DkimSignOptions>{opt}).front();
}

}  // namespace remex::msgauth
