// DNS messages as octets: decoding an answer packet and rdata. Foreign bytes, so every read is checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/dns/resolver.h"

namespace remex::dns {

/// The answer section of a message, CNAMEs and all other types included.
struct Message {
  int rcode = 0;
  bool authentic = false;       ///< AD bit (RFC 4035 3.2.3)
  std::vector<Record> answers;  ///< of known and unknown types; undecodable ones are left out
};

/// nullopt when the header, the question or a record frame does not fit into the packet. RFC 1035 4.1.
std::optional<Message> decode_message(std::string_view packet);

/// Reads a possibly compressed name at `offset` and moves it on; dots and non-printing octets inside a label come out
/// as \DDD (RFC 4343 2.1), letters in lower case, no final dot. nullopt: loop, overlong or cut.
std::optional<std::string> decode_name(std::string_view packet, std::size_t& offset);

/// `name`, octets separated by dots, as decode_name() would give it: to be compared with names of answers. One that has
/// a backslash is taken for escaped already; an empty label is left as it is, for whoever asks to refuse.
std::string presented_name(std::string_view name);

/// Fills text, strings, preference, weight and port of `r` from the rdata at [offset, offset+length) of the packet.
/// False when the octets are not what the type says; MX NS CNAME PTR SRV SOA names may be compressed.
bool decode_rdata(std::string_view packet, std::size_t offset, std::size_t length, Record& r);

constexpr int kMaxCnames = 8;

/// Follows the CNAMEs of one message from `name`, then takes the records of the asked type into `a` (records,
/// canonical, ttl).
void collect(const Message& m, const std::string& name, Type type, Answer& a);

}  // namespace remex::dns
