// The lines of a delivery: "=>", "->", "*>", "**", "==", "Completed", in Exim's field order.
//
// Used by core/delivery. Plain strings in, a line (without time and id) out; the log escapes what must not stand in a
// line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/log/log.h"

namespace remex::log {

struct DeliveryFields {
  std::string address;               ///< what was delivered to: address, local part, "/file", "|command"
  std::vector<std::string> parents;  ///< immediate parent first; the last one is the original recipient
  std::string sender;                ///< F=
  std::string return_path;           ///< P=
  std::string router, transport;
  std::int64_t size = -1;  ///< S=, -1 unknown
  std::string host_name, host_ip;
  int host_port = 0;
  bool second_on_connection = false;  ///< "*" after [ip]
  std::string local_ip;
  int local_port = 0;
  std::string proxy_ip;  ///< PRX=
  std::string tls_cipher;
  bool tls_verified = false, tls_dane = false;
  std::string tls_peer_dn;
  std::string authenticator;
  bool chunking = false, pipelining = false, prdr = false;
  bool early = false;  ///< with pipelining: EHLO, too
  std::string confirmation;
  std::string shadow;                          ///< ST=
  std::int64_t queue_us = 0, delivery_us = 0;  ///< QT=, DT=
  std::string message;                         ///< failures and deferrals
  int defer_errno = 0, defer_more = 0;
};

/// "=> ..." and its sisters. `flag` is "=>", "->", "*>", ">>".
std::string delivered_line(std::string_view flag, const DeliveryFields& f, const Selectors& sel);
/// "** address <parent> F=<..> R=.. T=.. H=..: message"
std::string failed_line(const DeliveryFields& f, const Selectors& sel);
/// "== address <parent> R=.. T=.. defer (errno): message"
std::string deferred_line(const DeliveryFields& f, const Selectors& sel);
/// "Completed" with QT= when selected.
std::string completed_line(std::int64_t queue_us, const Selectors& sel);
/// "3s", "1d2h", or "2.345s" with +millisec.
std::string log_interval(std::int64_t us, const Selectors& sel);

}  // namespace remex::log
