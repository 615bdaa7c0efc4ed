// Bounds-checked reading of DNS messages (RFC 1035, 2782, 3596, 6698).
#include "core/dns/wire.h"

#include <arpa/inet.h>

#include <fmt/format.h>
#include <algorithm>

#include "core/base/strings.h"

namespace remex::dns {
namespace {

constexpr std::size_t kMaxName = 255;  // RFC 1035 2.3.4
constexpr int kMaxPointers = 64;
constexpr std::size_t kMaxAnswers = 4096;

std::uint16_t u16(std::string_view p, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(p[at]) << 8 | static_cast<unsigned char>(p[at + 1]));
}

std::uint32_t u32(std::string_view p, std::size_t at) {
  return static_cast<std::uint32_t>(u16(p, at)) << 16 | u16(p, at + 2);
}

void append_label(std::string& out, std::string_view label) {
  if (!out.empty()) out += '.';
  for (const char c : label) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '.' || c == '\\' || octet <= 32 || octet >= 127) {
      out += fmt::format("\\{:03}", octet);
    } else {
      out += ascii_lower(c);
    }
  }
}

bool decode_txt(std::string_view rdata, Record& r) {
  while (!rdata.empty()) {
    const std::size_t n = static_cast<unsigned char>(rdata[0]);
    if (n + 1 > rdata.size()) return false;
    r.strings.emplace_back(rdata.substr(1, n));
    r.text += r.strings.back();
    rdata.remove_prefix(n + 1);
  }
  return !r.strings.empty();
}

/// A name that fills [offset, end) exactly.
bool decode_target(std::string_view packet, std::size_t offset, std::size_t end, Record& r) {
  auto name = decode_name(packet, offset);
  if (!name || offset != end) return false;
  r.text = std::move(*name);
  return true;
}

bool decode_soa(std::string_view packet, std::size_t offset, std::size_t end, Record& r) {
  auto mname = decode_name(packet, offset);
  auto rname = mname ? decode_name(packet, offset) : std::nullopt;
  if (!rname || offset + 20 != end) return false;
  r.text = fmt::format("{} {} {} {} {} {} {}", *mname, *rname, u32(packet, offset), u32(packet, offset + 4),
                       u32(packet, offset + 8), u32(packet, offset + 12), u32(packet, offset + 16));
  return true;
}

}  // namespace

std::optional<std::string> decode_name(std::string_view packet, std::size_t& offset) {
  std::string out;
  std::size_t at = offset;
  std::size_t wire_length = 1;
  bool jumped = false;
  for (int pointers = 0;;) {
    if (at >= packet.size()) return std::nullopt;
    const auto n = static_cast<unsigned char>(packet[at]);
    if ((n & 0xc0) == 0xc0) {
      if (at + 1 >= packet.size() || ++pointers > kMaxPointers) return std::nullopt;
      if (!jumped) offset = at + 2;
      jumped = true;
      at = u16(packet, at) & 0x3fffu;
      continue;
    }
    if ((n & 0xc0) != 0) return std::nullopt;
    if (n == 0) {
      if (!jumped) offset = at + 1;
      return out;
    }
    wire_length += n + 1u;
    if (at + 1 + n > packet.size() || wire_length > kMaxName) return std::nullopt;
    append_label(out, packet.substr(at + 1, n));
    at += n + 1u;
  }
}

bool decode_rdata(std::string_view packet, std::size_t offset, std::size_t length, Record& r) {
  if (offset > packet.size() || length > packet.size() - offset) return false;
  const std::size_t end = offset + length;
  const std::string_view rdata = packet.substr(offset, length);
  r.raw = rdata;
  char address[INET6_ADDRSTRLEN];
  switch (r.type) {
    case Type::a:
      if (length != 4) return false;
      r.text = ::inet_ntop(AF_INET, rdata.data(), address, sizeof address);
      return true;
    case Type::aaaa:
      if (length != 16) return false;
      r.text = ::inet_ntop(AF_INET6, rdata.data(), address, sizeof address);
      return true;
    case Type::mx:
      if (length < 3) return false;
      r.preference = u16(packet, offset);
      return decode_target(packet, offset + 2, end, r);
    case Type::srv:
      if (length < 7) return false;
      r.preference = u16(packet, offset);
      r.weight = u16(packet, offset + 2);
      r.port = u16(packet, offset + 4);
      return decode_target(packet, offset + 6, end, r);
    case Type::ns:
    case Type::cname:
    case Type::ptr: return decode_target(packet, offset, end, r);
    case Type::txt: return decode_txt(rdata, r);
    case Type::soa: return decode_soa(packet, offset, end, r);
    case Type::tlsa:
      if (length < 4) return false;
      r.text = fmt::format("{} {} {} {}", static_cast<unsigned char>(rdata[0]), static_cast<unsigned char>(rdata[1]),
                           static_cast<unsigned char>(rdata[2]), hex_encode(rdata.substr(3)));
      return true;
    case Type::any: break;
  }
  return true;  // another type: raw only
}

std::optional<Message> decode_message(std::string_view packet) {
  if (packet.size() < 12) return std::nullopt;
  Message m;
  m.rcode = packet[3] & 0xf;
  m.authentic = (static_cast<unsigned char>(packet[3]) & 0x20U) != 0;
  const std::size_t questions = u16(packet, 4);
  const std::size_t answers = u16(packet, 6);
  if (answers > kMaxAnswers) return std::nullopt;
  std::size_t at = 12;
  for (std::size_t i = 0; i < questions; ++i) {
    if (!decode_name(packet, at) || at + 4 > packet.size()) return std::nullopt;
    at += 4;
  }
  for (std::size_t i = 0; i < answers; ++i) {
    Record r;
    auto name = decode_name(packet, at);
    if (!name || at + 10 > packet.size()) return std::nullopt;
    r.name = std::move(*name);
    r.type = static_cast<Type>(u16(packet, at));
    const bool internet = u16(packet, at + 2) == 1;
    r.ttl = u32(packet, at + 4);
    const std::size_t length = u16(packet, at + 8);
    at += 10;
    if (length > packet.size() - at) return std::nullopt;
    if (internet && decode_rdata(packet, at, length, r)) m.answers.push_back(std::move(r));
    at += length;
  }
  return m;
}

std::string presented_name(std::string_view name) {
  if (name.find('\\') != std::string_view::npos) return to_lower(name);
  std::string out;
  for (const std::string_view label : split(name, '.')) append_label(out, label);
  return out;
}

void collect(const Message& m, const std::string& name, Type type, Answer& a) {
  a.canonical = name;
  bool first = true;
  const auto lower_ttl = [&](std::uint32_t ttl) {
    a.ttl = first ? ttl : std::min(a.ttl, ttl);
    first = false;
  };
  for (int hop = 0; type != Type::cname && type != Type::any && hop < kMaxCnames; ++hop) {
    const auto alias = std::find_if(m.answers.begin(), m.answers.end(),
                                    [&](const Record& r) { return r.type == Type::cname && r.name == a.canonical; });
    if (alias == m.answers.end()) break;
    lower_ttl(alias->ttl);
    a.canonical = alias->text;
  }
  for (const Record& r : m.answers) {
    if (r.name != a.canonical || (type != Type::any && r.type != type)) continue;
    lower_ttl(r.ttl);
    a.records.push_back(r);
  }
}

}  // namespace remex::dns
