// See mime.h. Order: all parts of a message, then the messages attached to it, each like a message of its own.

#include "acl/mime.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>

#include "acl/internal.h"
#include "acl/scan.h"
#include "core/base/strings.h"
#include "core/io/fiber.h"

namespace remex::acl {

namespace {

constexpr std::size_t kPiece = 64 * 1024;
constexpr std::uint64_t kInPlace = 64 * 1024;  ///< larger ranges are read in the thread pool
constexpr std::size_t kMaxParts = 10000;       ///< of a message with all that is attached
constexpr int kMaxAttached = 50;               ///< messages within messages
/// Nested containers may each be decoded; more than this many times the message is an attack on the disk.
constexpr std::uint64_t kDecodeFactor = 20;
constexpr std::uint64_t kDecodeBase = 16 * 1024 * 1024;

template <class F>
auto in_pool(std::uint64_t size, F&& work) {
  return size > kInPlace ? io::offload(std::forward<F>(work)) : work();
}

void set_header_variables(lang::Scope& scope, const mail::MimeHeader& h) {
  auto& x = scope.extra;
  x["mime_boundary"] = h.boundary;
  x["mime_charset"] = h.charset;
  x["mime_content_description"] = h.description;
  x["mime_content_disposition"] = h.disposition;
  x["mime_content_id"] = h.id;
  x["mime_content_transfer_encoding"] = h.transfer_encoding;
  x["mime_content_type"] = h.content_type;
  x["mime_filename"] = h.filename;
  x["mime_is_multipart"] = h.is_multipart() ? "1" : "0";
  x["mime_anomaly_level"] = std::to_string(h.anomaly_level);
  x["mime_anomaly_text"] = h.anomaly_text;
  x["mime_content_size"] = "0";
  x["mime_decoded_filename"].clear();
}

/// After the last part only the number of parts is left.
void clear_variables(lang::Scope& scope) {
  for (auto it = scope.extra.lower_bound("mime_"); it != scope.extra.end() && it->first.starts_with("mime_");)
    it = it->first == "mime_part_count" ? std::next(it) : scope.extra.erase(it);
}

Outcome refused(std::string_view text) {
  Outcome o;
  o.verdict = Verdict::deny;
  o.user_message = fmt::format("554 5.6.0 {}", text);
  o.log_message = text;
  return o;
}

Outcome trouble_with(lang::Scope& scope, const Error& e) {
  scope.services->log(lang::LogTarget::main_log | lang::LogTarget::panic_log, "MIME ACL: " + e.text);
  Outcome o;
  o.verdict = Verdict::defer;
  o.log_message = e.text;
  return o;
}

class Walker {
 public:
  Walker(const lang::Expansion& option, lang::Scope& scope, Effects& effects)
      : option_(option), scope_(scope), effects_(effects) {
    walk_.decode_limit = kDecodeFactor * scope.body->size() + kDecodeBase;
  }
  ~Walker() { effects_.mime = nullptr; }
  Walker(const Walker&) = delete;
  Walker& operator=(const Walker&) = delete;

  /// All parts of one message: [begin, end) of `body`. `top`: its header when that is not in the range. `depth` 0 is
  /// the message that is received.
  Outcome message(const mail::Body& body, std::uint64_t begin, std::uint64_t end, const mail::MimeHeader* top,
                  int depth) {
    if (depth > kMaxAttached) return refused("MIME structure is nested too deeply");
    const mail::MimeScanner::Limits limits{.max_parts = kMaxParts - std::min(walk_.parts, kMaxParts - 1)};
    mail::MimeScanner scanner = top != nullptr ? mail::MimeScanner(*top, limits) : mail::MimeScanner(limits);
    const Status scanned = in_pool(end - begin, [&] {
      return read_range(body, begin, end, [&](std::string_view piece) -> Status {
        scanner.feed(piece);
        return {};
      });
    });
    if (!scanned) return trouble_with(scope_, scanned.error());
    scanner.finish();
    if (scanner.trouble() == mail::MimeScanner::Trouble::too_deep)
      return refused("MIME structure is nested too deeply");
    if (scanner.trouble() == mail::MimeScanner::Trouble::too_many) return refused("message has too many MIME parts");
    walk_.parts += scanner.parts().size();
    if (walk_.parts > kMaxParts) return refused("message has too many MIME parts");

    struct Attached {
      std::uint64_t begin, end;
      mail::TransferEncoding encoding;
    };
    std::vector<Attached> attached;
    int number = 0;
    for (const mail::MimePart& p : scanner.parts()) {
      MimeContext part;
      part.body = &body;
      part.begin = begin + p.body_begin;
      part.end = begin + p.body_end;
      part.walk = &walk_;
      if (top != nullptr && number == 0)
        part.header = *top;
      else if (auto st = read_header(body, begin + p.head_begin, begin + p.body_begin, p.head_cut, part.header); !st)
        return trouble_with(scope_, st.error());
      scope_.extra["mime_part_count"] = std::to_string(number++);
      scope_.extra["mime_is_coverletter"] = p.cover ? "1" : "0";
      scope_.extra["mime_is_rfc822"] = depth > 0 ? "1" : "0";
      set_header_variables(scope_, part.header);
      effects_.mime = &part;
      Outcome o = run_hook(Hook::mime, option_, scope_, effects_);
      effects_.mime = nullptr;
      if (o.verdict != Verdict::accept) return o;
      if (part.header.is_message() || p.message_by_digest)
        attached.push_back({part.begin, part.end, part.header.encoding()});
    }
    for (const Attached& a : attached)
      if (Outcome o = attachment(body, a.begin, a.end, a.encoding, depth + 1); o.verdict != Verdict::accept) return o;
    if (number > 0) scope_.extra["mime_part_count"] = std::to_string(number - 1);
    return {};
  }

 private:
  static Status read_header(const mail::Body& body, std::uint64_t begin, std::uint64_t end, bool cut,
                            mail::MimeHeader& out) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(end - begin, mail::kMaxMimeHead));
    REMEX_TRY(const std::string text, in_pool(size, [&] { return body.read(begin, size); }));
    out = mail::parse_mime_header(text);
    if (cut && out.anomaly_level < 3) {
      out.anomaly_level = 3;
      out.anomaly_text = "MIME header section too long";
    }
    return {};
  }

  /// An attached message; one that is encoded (which RFC 2046 5.2.1 forbids, and attackers do) goes through a file.
  Outcome attachment(const mail::Body& body, std::uint64_t begin, std::uint64_t end, mail::TransferEncoding encoding,
                     int depth) {
    if (encoding == mail::TransferEncoding::identity) return message(body, begin, end, nullptr, depth);
    MimeContext part;
    part.body = &body;
    part.begin = begin;
    part.end = end;
    part.walk = &walk_;
    part.header.transfer_encoding = encoding == mail::TransferEncoding::base64 ? "base64" : "quoted-printable";
    auto directory = make_scan_directory(scope_);
    if (!directory) return trouble_with(scope_, directory.error());
    if (auto st = decode_part(scope_, part, *directory, {}); !st) return trouble_with(scope_, st.error());
    struct Remove {
      const std::string& path;
      ~Remove() { (void)::unlink(path.c_str()); }
    } const remove{part.decoded_path};
    auto size = io::offload([&] { return file_size(part.decoded_path); });
    if (!size) return trouble_with(scope_, size.error());
    auto inner = mail::Body::from_file(part.decoded_path, 0, *size);
    if (!inner) return trouble_with(scope_, inner.error());
    return message(**inner, 0, *size, nullptr, depth);
  }

  static Result<std::uint64_t> file_size(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail_errno(errno, "open " + path);
    const off_t size = ::lseek(fd, 0, SEEK_END);
    ::close(fd);
    return size < 0 ? Result<std::uint64_t>(fail_errno(errno, "seek " + path)) : static_cast<std::uint64_t>(size);
  }

  const lang::Expansion& option_;
  lang::Scope& scope_;
  Effects& effects_;
  MimeWalk walk_;
};

/// Decodes into an open descriptor. Returns the number of octets; `broken` as the decoder says.
Result<std::uint64_t> decode_into(int fd, const std::string& path, const MimeContext& part, std::uint64_t room,
                                  bool& broken) {
  mail::MimeDecoder decoder(part.header.encoding());
  std::string out;
  std::uint64_t written = 0;
  const auto flush = [&]() -> Status {
    if (written + out.size() > room) return defer("decoding the parts of this message needs too much space");
    for (std::size_t done = 0; done < out.size();) {
      const ssize_t n = ::write(fd, out.data() + done, out.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return defer(fmt::format("cannot write {}: {}", path, std::strerror(errno)));
      done += static_cast<std::size_t>(n);
    }
    written += out.size();
    out.clear();
    return {};
  };
  REMEX_CHECK(read_range(*part.body, part.begin, part.end, [&](std::string_view piece) {
    decoder.feed(piece, out);
    return flush();
  }));
  decoder.finish(out);
  REMEX_CHECK(flush());
  broken = decoder.broken();
  return written;
}

/// Opens the file of a decoded part: a numbered one is always new, a named one replaces what was there.
Result<int> open_target(const std::string& path, bool fresh) {
  const int how = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (fresh ? O_EXCL : O_TRUNC);
  const int fd = ::open(path.c_str(), how, 0640);
  if (fd < 0) return defer(fmt::format("cannot create {}: {}", path, std::strerror(errno)));
  return fd;
}

}  // namespace

Status read_range(const mail::Body& body, std::uint64_t begin, std::uint64_t end,
                  const std::function<Status(std::string_view)>& sink) {
  if (const std::string* all = body.in_memory())
    return sink(std::string_view(*all).substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
  for (std::uint64_t at = begin; at < end;) {
    REMEX_TRY(const std::string piece,
              body.read(at, static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, end - at))));
    if (piece.empty()) return fail("the message body is shorter than it was");
    REMEX_CHECK(sink(piece));
    at += piece.size();
  }
  return {};
}

Status decode_part(lang::Scope& scope, MimeContext& part, const std::string& directory, std::string path) {
  const bool numbered = path.empty();
  if (numbered)
    path = fmt::format("{}/{}-{:05}", directory, scope.envelope != nullptr ? scope.envelope->id : "unknown",
                       part.walk->files++);
  const std::uint64_t room = part.walk->decode_limit - std::min(part.walk->decoded, part.walk->decode_limit);
  bool broken = false;
  const auto written = io::offload([&]() -> Result<std::uint64_t> {
    REMEX_TRY(const int fd, open_target(path, numbered));
    auto n = decode_into(fd, path, part, room, broken);
    ::close(fd);
    if (!n && numbered) (void)::unlink(path.c_str());
    return n;
  });
  if (!written) return std::unexpected(written.error());
  part.walk->decoded += *written;
  part.decoded_path = path;
  auto& x = scope.extra;
  x["mime_decoded_filename"] = path;
  x["mime_content_size"] = std::to_string((*written + 1023) / 1024);
  if (broken) {
    const bool b64 = part.header.encoding() == mail::TransferEncoding::base64;
    const int level = b64 ? 2 : 1;
    if (part.header.anomaly_level < level) {
      part.header.anomaly_level = level;
      part.header.anomaly_text = b64 ? "Broken BASE64 encoding detected" : "Broken Quoted-Printable encoding detected";
      x["mime_anomaly_level"] = std::to_string(level);
      x["mime_anomaly_text"] = part.header.anomaly_text;
    }
  }
  return {};
}

Outcome run_mime_acl(const lang::Expansion& option, lang::Scope& scope, Effects& effects) {
  if (!option.is_set() || scope.headers == nullptr || scope.body == nullptr ||
      scope.headers->find("Content-Type") == nullptr)
    return {};
  const mail::MimeHeader top = mail::parse_mime_header(*scope.headers);
  Outcome o;
  {
    Walker walker(option, scope, effects);
    o = walker.message(*scope.body, 0, scope.body->size(), &top, 0);
  }
  clear_variables(scope);
  // A copy of the message was asked for: scanners that get the message otherwise have made none.
  if (effects.no_mbox_unspool) (void)spool_scan_file(scope);
  return o;
}

}  // namespace remex::acl
