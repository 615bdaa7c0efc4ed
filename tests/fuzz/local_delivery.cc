// links: transports authenticators
// Bytes other programs leave for local deliveries: maildirsize files, courier messages, Dovecot's lines, command lines,
// and the line encoder, which must give back what went in when nothing is escaped.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "authenticators/dovecot_protocol.h"
#include "core/io/courier.h"
#include "transports/courier_work.h"
#include "transports/internal.h"

using namespace remex;

namespace {
void require(bool ok) {
  if (!ok) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view in(reinterpret_cast<const char*>(data), size);
  if (auto m = transports::parse_maildirsize(in)) require(m->used.size >= 0 && m->used.count >= 0);
  if (auto f = io::decode_fields(in)) {
    const std::string again = io::encode_fields(*f);
    auto twice = io::decode_fields(std::string_view(again).substr(4));
    require(twice && *twice == *f);
  }
  (void)authenticators::parse_dovecot_line(in);
  if (auto words = transports::split_command(in)) require(!words->empty());
  transports::MessageText plain;
  std::string out;
  {
    transports::LineEncoder e(plain);
    e.encode(in.substr(0, size / 2), out);
    e.encode(in.substr(size / 2), out);
    e.finish(out);
  }
  require(out == in);
  transports::MessageText mbox;
  mbox.check = "From ";
  mbox.escape = ">From ";
  std::string whole, halves;
  {
    transports::LineEncoder e(mbox);
    e.encode(in, whole);
    e.finish(whole);
  }
  {
    transports::LineEncoder e(mbox);
    e.encode(in.substr(0, size / 2), halves);
    e.encode(in.substr(size / 2), halves);
    e.finish(halves);
  }
  require(whole == halves);
  require(whole.find("\nFrom ") == std::string::npos && !whole.starts_with("From "));
  return 0;
}
