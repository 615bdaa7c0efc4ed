// Everything about a message that is not its bytes: who sent it, how it came, for whom it is and what became of each.
// Reception fills it, the store keeps it, delivery changes it. Plain data; no I/O.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/text.h"

namespace remex::mail {

/// How the message (or the session in progress) reached us. All strings from the peer are tainted by nature.
struct ReceivedFrom {
  bool is_local = true;  ///< not over TCP
  bool is_smtp = false;
  std::string host_address;  ///< client IP, empty = local
  int host_port = 0;
  std::string host_name;  ///< forward-confirmed, empty = unknown
  bool host_dnssec = false;
  std::string helo_name;
  std::string interface_address;
  int interface_port = 0;
  std::string protocol;         ///< $received_protocol: smtp esmtp esmtps esmtpsa local local-smtp ...
  std::string ident;            ///< login of a local caller or ident reply
  std::string active_hostname;  ///< smtp_active_hostname in force
  std::string authenticator;    ///< $sender_host_authenticated
  std::string authenticated_id;
  std::string authenticated_sender;
  std::string tls_cipher, tls_cipher_std, tls_version, tls_sni, tls_peer_dn;
  int tls_bits = 0;
  bool tls_certificate_verified = false;
  /// The client's connection came through a proxy (hosts_proxy). Kept with a message as Envelope::saved.
  bool proxy_session = false;
  std::string proxy_local_address;  ///< of the proxy, as seen here; empty: it spoke for itself
  int proxy_local_port = 0;
  std::string proxy_external_address;  ///< where the client connected to
  int proxy_external_port = 0;
};

/// One envelope recipient. Redirection children are not stored; routing makes them again.
struct Recipient {
  std::string address;
  std::string errors_to;         ///< from one_time or a router, empty = sender
  std::string orcpt;             ///< DSN ORCPT=, raw xtext
  std::uint32_t dsn_notify = 0;  ///< bits: 1 NEVER 2 SUCCESS 4 FAILURE 8 DELAY
  int parent = -1;               ///< index of the parent for one_time
  bool done = false;
};

struct Envelope {
  std::string id;
  std::string sender;  ///< empty = null path
  /// While it is received: the sender before rewriting, once that was done. Not kept.
  std::optional<std::string> raw_sender = {};
  std::vector<Recipient> recipients;
  /// Top-level or generated addresses already finished ("-D" lines in Exim's spool); also holds done children.
  std::vector<std::string> non_recipients;
  ReceivedFrom from;
  std::string login;  ///< caller's login name
  std::int64_t caller_uid = -1, caller_gid = -1;
  WallTime received{};
  std::int64_t received_complete_us = 0;  ///< reception duration, microseconds (RT=)
  std::string user_message_id;            ///< Message-ID: for the id= log field
  std::uint64_t size = 0;                 ///< $message_size: headers + body
  std::uint64_t body_lines = 0, body_zeros = 0, max_line = 0;
  bool body_8bit = false;
  std::string body_type;  ///< BODY= as given
  bool smtputf8 = false;
  std::string dsn_envid, dsn_ret;  ///< ENVID= (xtext), RET= ("FULL", "HDRS", "")
  bool frozen = false;
  std::int64_t frozen_at = 0;
  bool manual_thaw = false;
  bool deliver_first_time = true;
  bool local_error_message = false;  ///< we generated it (a bounce); sender is null
  int warnings_sent = 0;
  std::string queue_name;
  std::int64_t interface_serial = 0;
  std::map<std::string, Text> acl_c, acl_m;  ///< names without the acl_ prefix: "c0", "m_foo"
  std::map<std::string, std::string>
      saved;  ///< small scan results kept with the message (spam_score, dkim results, ...)
};

}  // namespace remex::mail
