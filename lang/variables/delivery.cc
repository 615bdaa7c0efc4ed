// Variables: transports and the outgoing connection.
#include "lang/variables/variable_util.h"

namespace remex::lang {
namespace {

constexpr TaintRule kClean = TaintRule::cleans;
constexpr TaintRule kPeer = TaintRule::taints;
constexpr TaintRule kKeeps = TaintRule::keeps;

Result<Text> return_path(Scope& s, std::string_view) {
  if (s.delivery != nullptr && s.delivery->return_path_set) return s.delivery->return_path;
  return s.envelope == nullptr ? Text{} : *from_peer(s.envelope->sender);
}
Result<Text> verified(Scope& s, std::string_view) {
  return trusted(s.delivery != nullptr && s.delivery->tls_certificate_verified ? "1" : "0");
}

constexpr VariableDef defs[] = {
    {.name = "transport_name", .taint = kClean, .summary = "Transport instance", .get = (member<&Scope::delivery, &DeliveryState::transport_name>), .tier = 3},
    {.name = "host", .taint = kKeeps, .summary = "First or current target host name", .get = (member<&Scope::delivery, &DeliveryState::host, true>), .tier = 1},
    {.name = "host_address", .taint = kKeeps, .summary = "IP of $host", .get = (member<&Scope::delivery, &DeliveryState::host_address, true>), .tier = 1},
    {.name = "host_port", .taint = kClean, .summary = "Remote port", .get = (number_member<&Scope::delivery, &DeliveryState::host_port>), .tier = 3},
    {.name = "sending_ip_address", .taint = kClean, .summary = "Local IP used", .get = (member<&Scope::delivery, &DeliveryState::sending_ip_address>), .tier = 1},
    {.name = "sending_port", .taint = kClean, .summary = "Local port used", .get = (number_member<&Scope::delivery, &DeliveryState::sending_port, -1>), .tier = 3},
    {.name = "return_path", .taint = kKeeps, .summary = "Outgoing envelope sender", .get = return_path, .tier = 1},
    {.name = "address_file", .taint = kKeeps, .summary = "File name produced by redirection", .get = (text_member<&Scope::delivery, &DeliveryState::address_file>), .tier = 1},
    {.name = "address_pipe", .taint = kKeeps, .summary = "Command produced by redirection", .get = (text_member<&Scope::delivery, &DeliveryState::address_pipe>), .tier = 1},
    {.name = "bounce_recipient", .taint = kKeeps, .summary = "Recipient of the bounce", .get = (member<&Scope::delivery, &DeliveryState::bounce_recipient, true>), .tier = 2},
    {.name = "warn_message_recipients", .taint = kKeeps, .summary = "Warning recipients", .get = (member<&Scope::delivery, &DeliveryState::warn_message_recipients, true>), .tier = 3},
    {.name = "warn_message_delay", .taint = kClean, .summary = "Delay text", .get = (member<&Scope::delivery, &DeliveryState::warn_message_delay>), .tier = 2},
    {.name = "tls_out_cipher", .taint = kClean, .summary = "Cipher suite", .get = (member<&Scope::delivery, &DeliveryState::tls_cipher>), .tier = 1},
    {.name = "tls_out_cipher_std", .taint = kClean, .summary = "Standard suite name", .get = (member<&Scope::delivery, &DeliveryState::tls_cipher_std>), .tier = 3},
    {.name = "tls_out_ver", .taint = kClean, .summary = "Protocol version", .get = (member<&Scope::delivery, &DeliveryState::tls_version>), .tier = 3},
    {.name = "tls_out_sni", .taint = kKeeps, .summary = "SNI sent", .get = (member<&Scope::delivery, &DeliveryState::tls_sni, true>), .tier = 3},
    {.name = "tls_out_peerdn", .taint = kKeeps, .summary = "Server certificate DN", .get = (member<&Scope::delivery, &DeliveryState::tls_peer_dn, true>), .tier = 3},
    {.name = "tls_out_bits", .taint = kClean, .summary = "Cipher strength", .get = (number_member<&Scope::delivery, &DeliveryState::tls_bits>), .tier = 3},
    {.name = "tls_out_certificate_verified", .taint = kClean, .summary = "1 if server cert verified", .get = verified, .tier = 3},
    {.name = "tls_out_dane", .taint = kClean, .summary = "yes when DANE verified", .get = extra_clean, .tier = 3},
    {.name = "tls_out_ocsp", .taint = kClean, .summary = "OCSP outcome 0-4", .state = State::later, .tier = 3},
    {.name = "tls_out_tlsa_usage", .taint = kClean, .summary = "Bits for TLSA usages found", .state = State::later, .tier = 3},
    {.name = "tls_out_resumption", .taint = kClean, .summary = "Resumption bit field", .state = State::later, .tier = 3},
    {.name = "tls_out_ourcert", .taint = kPeer, .summary = "Own certificate object", .state = State::later, .tier = 3},
    {.name = "tls_out_peercert", .taint = kPeer, .summary = "Server certificate object", .state = State::later, .tier = 3},
    {.name = "pipe_addresses", .taint = kPeer, .summary = "Pseudo-variable: one argument per address", .state = State::later, .tier = 2},
    {.name = "inode", .taint = kClean, .summary = "Inode of temporary file", .state = State::later, .tier = 3},
    {.name = "mailstore_basename", .taint = kClean, .summary = "File base name", .state = State::later, .tier = 4},
    {.name = "event_data", .taint = kKeeps, .summary = "Event payload", .state = State::later, .tier = 3},
    {.name = "event_defer_errno", .taint = kClean, .summary = "Errno of the deferral", .state = State::later, .tier = 3},
    {.name = "event_name", .taint = kClean, .summary = "Event type", .state = State::later, .tier = 3},
};
[[maybe_unused]] constexpr TaintRule kUsed[] = {kClean, kPeer, kKeeps};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::variables {
extern const std::span<const VariableDef> delivery;
constinit const std::span<const VariableDef> delivery{lang::defs};
}  // namespace remex::registry::variables
