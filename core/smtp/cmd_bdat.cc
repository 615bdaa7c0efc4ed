// BDAT (RFC 3030): a message in chunks of announced length. The octets of a chunk are always consumed, whatever the
// answer, so that they are never read as commands. The first chunk runs the predata ACL; after a chunk that was refused
// the transaction waits for RSET. RSET, HELO, STARTTLS or the end of the connection drop what came.

#include <fmt/core.h>

#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/smtp/session.h"

namespace remex::smtp {

namespace {
constexpr std::size_t kMinProgress = 4096;
constexpr std::uint64_t kMaxChunk = std::uint64_t{1} << 40;

/// "1000" or "1000 LAST".
std::optional<std::uint64_t> parse_chunk(std::string_view argument, bool& last) {
  const std::size_t blank = argument.find_first_of(" \t");
  const auto size = parse_uint(argument.substr(0, blank));
  const std::string_view rest = blank == std::string_view::npos ? std::string_view() : trim(argument.substr(blank));
  last = iequals(rest, "LAST");
  if (!size || *size > kMaxChunk || (!rest.empty() && !last)) return std::nullopt;
  return size;
}
}  // namespace

/// Takes exactly `size` octets off the wire and into `data` (null: nowhere). False: the session is over.
bool Session::receive_chunk(std::uint64_t size, DataReader* data) {
  const Millis timeout = receive_timeout();
  auto window_ends = monotonic_now() + timeout;
  std::uint64_t in_window = 0;
  while (size > 0) {
    if (monotonic_now() >= window_ends) {
      if (in_window < kMinProgress && opt_.is_tcp && !opt_.stdio) return data_lost(ErrorKind::timed_out);
      window_ends = monotonic_now() + timeout;
      in_window = 0;
    }
    const io::DeadlineScope deadline(timeout);
    auto bytes = reader_.peek();
    if (!bytes) return data_lost(bytes.error().kind);
    if (bytes->empty()) return data_lost(ErrorKind::closed);
    const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(size, bytes->size()));
    if (data != nullptr) (void)data->feed(bytes->substr(0, n));
    reader_.consume(n);
    in_window += n;
    size -= n;
  }
  return true;
}

/// The chunk is read and thrown away; then the answer.
Session::Next Session::refuse_chunk(std::uint64_t size, int code, std::string_view text) {
  if (!receive_chunk(size, nullptr)) return Next::close;
  return protocol_error(code, text, state_.command);
}

Session::Next Session::cmd_bdat(const Command& c) {
  bool last = false;
  const auto size = parse_chunk(c.argument, last);
  if (!size) {
    // How much follows is unknown: nothing behind this line may be taken for a command.
    (void)protocol_error(501, c.argument.empty() ? "missing size for BDAT command" : "malformed BDAT command",
                         state_.command);
    return Next::close;
  }
  if (!chunking_advertised_) return refuse_chunk(*size, 503, "BDAT command used when CHUNKING not advertised");
  if (chunk_failed_) return refuse_chunk(*size, 503, "BDAT not permitted after a failed chunk: RSET first");
  if (bdat_ == nullptr) {
    if (!accepted_any_rcpt_) return refuse_chunk(*size, 503, "valid RCPT command must precede BDAT");
    if (too_many_rcpt_) {
      chunk_failed_ = true;
      return refuse_chunk(*size, 554, "Too many recipients");
    }
    const acl::Outcome o = run_acl(acl::Hook::predata, config_->main.acl_smtp_predata);
    if (o.verdict != acl::Verdict::accept) {
      chunk_failed_ = true;
      return receive_chunk(*size, nullptr) ? refuse(o, "BDAT") : Next::close;
    }
    bdat_ = std::make_unique<ChunkedMessage>(server_, scope_, effects_, size_limit());
    prepare_reception(bdat_->reception);
    bdat_->reception.chunked = true;
  }
  if (!receive_chunk(*size, &bdat_->data)) {
    bdat_.reset();
    return Next::close;
  }
  if (!last && !bdat_->reception.failed()) {
    reply(250, fmt::format("{} byte chunk received", *size));
    return Next::go_on;
  }
  bdat_->data.finish();
  const Reply r = bdat_->reception.complete(bdat_->data, acl::Hook::data);
  bdat_.reset();
  if (last) return end_of_message(r);
  chunk_failed_ = true;  // too large or no space: the rest is swallowed
  reply(r);
  return Next::go_on;
}

}  // namespace remex::smtp
