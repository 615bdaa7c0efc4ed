// Binary form of envelopes and headers; see codec.h. Integers are LEB128 (signed ones zig-zag), strings are length +
// bytes. A field is added by appending it and raising kVersion; older blobs are read with the defaults for what they
// lack.
#include "core/store/codec.h"

#include <fmt/format.h>

#include <cstdint>
#include <type_traits>

namespace remex::store {
namespace {

constexpr unsigned char kVersion = 1;

class Encoder {
 public:
  static constexpr bool kReading = false;
  std::string out;

  void number(std::uint64_t v) {
    while (v >= 0x80) {
      out.push_back(static_cast<char>(v | 0x80));
      v >>= 7;
    }
    out.push_back(static_cast<char>(v));
  }
  template <class T>
    requires std::is_arithmetic_v<T>
  void field(const T& v) {
    const auto s = static_cast<std::int64_t>(v);
    number((static_cast<std::uint64_t>(s) << 1) ^ static_cast<std::uint64_t>(s >> 63));
  }
  void field(const std::string& s) {
    number(s.size());
    out += s;
  }
  void field(const Text& t) {
    field(t.str());
    number(static_cast<std::uint64_t>(t.is_tainted() ? 1 : 0) | static_cast<std::uint64_t>(t.quoter()) << 1);
  }
};

class Decoder {
 public:
  static constexpr bool kReading = true;
  explicit Decoder(std::string_view in) : in_(in) {}
  bool ok() const { return ok_; }
  bool at_end() const { return in_.empty(); }

  std::uint64_t number() {
    std::uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (in_.empty()) break;
      const auto b = static_cast<unsigned char>(in_.front());
      in_.remove_prefix(1);
      v |= static_cast<std::uint64_t>(b & 0x7f) << shift;
      if ((b & 0x80) == 0) return v;
    }
    ok_ = false;
    return 0;
  }
  /// A count of things that take at least one byte each: never more than there are bytes left.
  std::size_t count() {
    const auto n = number();
    if (n > in_.size()) ok_ = false;
    return ok_ ? static_cast<std::size_t>(n) : 0;
  }
  template <class T>
    requires std::is_arithmetic_v<T>
  void field(T& v) {
    const auto n = number();
    v = static_cast<T>(static_cast<std::int64_t>((n >> 1) ^ (~(n & 1) + 1)));
  }
  void field(std::string& s) {
    const std::size_t n = count();
    s.assign(in_.substr(0, n));
    in_.remove_prefix(n);
  }
  void field(Text& t) {
    std::string s;
    field(s);
    const auto flags = number();
    t = Text(std::move(s), (flags & 1) != 0 ? Taint::tainted : Taint::clean, static_cast<QuoterId>(flags >> 1));
  }

 private:
  std::string_view in_;
  bool ok_ = true;
};

/// `field`s of a structure in order; the same list serves both directions.
template <class C, class From>
void from_fields(C& c, From& f) {
  c.field(f.is_local), c.field(f.is_smtp), c.field(f.host_address), c.field(f.host_port), c.field(f.host_name);
  c.field(f.host_dnssec), c.field(f.helo_name), c.field(f.interface_address), c.field(f.interface_port),
      c.field(f.protocol);
  c.field(f.ident), c.field(f.active_hostname), c.field(f.authenticator), c.field(f.authenticated_id);
  c.field(f.authenticated_sender), c.field(f.tls_cipher), c.field(f.tls_cipher_std), c.field(f.tls_version),
      c.field(f.tls_sni);
  c.field(f.tls_peer_dn), c.field(f.tls_bits), c.field(f.tls_certificate_verified);
}

template <class C, class Recipient>
void recipient_fields(C& c, Recipient& r) {
  c.field(r.address), c.field(r.errors_to), c.field(r.orcpt), c.field(r.dsn_notify), c.field(r.parent), c.field(r.done);
}

template <class C, class Env>
void plain_fields(C& c, Env& e) {
  c.field(e.sender), c.field(e.login), c.field(e.caller_uid), c.field(e.caller_gid), c.field(e.received_complete_us);
  c.field(e.user_message_id), c.field(e.size), c.field(e.body_lines), c.field(e.body_zeros), c.field(e.max_line);
  c.field(e.body_8bit), c.field(e.body_type), c.field(e.smtputf8), c.field(e.dsn_envid), c.field(e.dsn_ret),
      c.field(e.frozen);
  c.field(e.frozen_at), c.field(e.manual_thaw), c.field(e.deliver_first_time), c.field(e.local_error_message);
  c.field(e.warnings_sent), c.field(e.queue_name), c.field(e.interface_serial);
}

template <class Map>
void put_map(Encoder& c, const Map& m) {
  c.number(m.size());
  for (const auto& [k, v] : m) {
    c.field(k);
    c.field(v);
  }
}

template <class Map>
void get_map(Decoder& c, Map& m) {
  m.clear();
  for (std::size_t n = c.count(); n > 0 && c.ok(); --n) {
    std::string k;
    c.field(k);
    c.field(m[std::move(k)]);
  }
}

}  // namespace

std::string encode_envelope(const mail::Envelope& e) {
  Encoder c;
  c.out.reserve(512);
  c.out.push_back(static_cast<char>(kVersion));
  c.number(e.recipients.size());
  for (const auto& r : e.recipients) recipient_fields(c, r);
  c.number(e.non_recipients.size());
  for (const auto& a : e.non_recipients) c.field(a);
  plain_fields(c, e);
  c.field(e.received.time_since_epoch().count());
  from_fields(c, e.from);
  put_map(c, e.acl_c);
  put_map(c, e.acl_m);
  put_map(c, e.saved);
  return std::move(c.out);
}

Status decode_envelope(std::string_view bytes, mail::Envelope& e) {
  if (bytes.empty() || static_cast<unsigned char>(bytes.front()) != kVersion)
    return fail("unknown form of a stored envelope");
  Decoder c(bytes.substr(1));
  e.recipients.clear();
  for (std::size_t n = c.count(); n > 0 && c.ok(); --n) recipient_fields(c, e.recipients.emplace_back());
  e.non_recipients.clear();
  for (std::size_t n = c.count(); n > 0 && c.ok(); --n) c.field(e.non_recipients.emplace_back());
  plain_fields(c, e);
  std::int64_t us = 0;
  c.field(us);
  e.received = WallTime(std::chrono::microseconds(us));
  from_fields(c, e.from);
  get_map(c, e.acl_c);
  get_map(c, e.acl_m);
  get_map(c, e.saved);
  if (!c.ok() || !c.at_end()) return fail("damaged stored envelope");
  return {};
}

std::string encode_headers(const mail::HeaderList& h) {
  Encoder c;
  c.out.reserve(h.size_bytes() + h.all().size() * 3 + 4);
  c.out.push_back(static_cast<char>(kVersion));
  c.number(h.all().size());
  for (const auto& x : h.all()) {
    c.out.push_back(x.type);
    c.field(x.text);
  }
  return std::move(c.out);
}

Status decode_headers(std::string_view bytes, mail::HeaderList& h) {
  if (bytes.empty() || static_cast<unsigned char>(bytes.front()) != kVersion)
    return fail("unknown form of stored headers");
  Decoder c(bytes.substr(1));
  auto& all = h.all();
  all.clear();
  for (std::size_t n = c.count(); n > 0 && c.ok(); --n) {
    auto& x = all.emplace_back();
    x.type = static_cast<char>(c.number());
    c.field(x.text);
  }
  if (!c.ok() || !c.at_end()) return fail("damaged stored headers");
  return {};
}

}  // namespace remex::store
