// Scope: everything an expansion, a list or an ACL condition can see at this moment, and where results go.
//
// Plain pointers to state owned by the session, the message in reception or the delivery; null when there is none.
// One Scope belongs to one fiber. Captures, $value and $item are evaluation-local and saved/restored by the evaluator.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/base/text.h"
#include "core/dns/resolver.h"
#include "core/mail/envelope.h"
#include "core/mail/message.h"
#include "core/msgauth/dkim.h"

namespace remex::io {
class Courier;
}

namespace remex::lang {

class Config;
class Scope;
class LookupCache;    // lang/lookup_engine.h
struct Confinement;   // lang/confinement.h
class MessageMemory;  // lang/message_memory.h

/// State of an SMTP session that is not about one message (those live in mail::ReceivedFrom and mail::Envelope).
struct SessionState {
  std::string command, argument;     ///< $smtp_command, $smtp_command_argument (tainted)
  std::vector<std::string> history;  ///< recent commands
  std::uint64_t command_number = 0;  ///< of this session
  int rcpt_count = 0, rcpt_defer_count = 0, rcpt_fail_count = 0;
  bool helo_verified = false, helo_verify_tried = false, helo_verify_failed = false;
  bool host_lookup_done = false, host_lookup_deferred = false, host_lookup_failed = false;
  std::vector<std::string> host_aliases;
  std::string authenticated_fail_id;
  bool authentication_failed = false;
  std::string notquit_reason;
  int connection_count_at_start = 0;
  bool esmtp = false;
  std::string connection_id;
  /// Declared SIZE= of MAIL, -1 none.
  std::int64_t declared_size = -1;
  /// PEM, empty: none.
  std::string tls_peercert, tls_ourcert;
  int tls_ocsp = 0;  ///< $tls_in_ocsp
};

/// Rates that `ratelimit` conditions computed, by key: the same condition tested again counts nothing again.
struct RateMemory {
  std::map<std::string, double> connection, message, command;
  std::uint64_t command_number = 0;  ///< what `command` is about
};

/// The address being verified, routed or delivered ($local_part, $domain, ... and their parents).
struct AddressState {
  std::string address;             ///< as transmitted or generated
  std::string local_part, domain;  ///< for the current router: affixes removed, lower-cased unless caseful
  std::string cased_local_part;    ///< full, original case
  std::string prefix, prefix_v, suffix, suffix_v;
  bool prefix_tainted = false, suffix_tainted = false;
  Text local_part_data, domain_data, sender_data, recipient_data;
  Text address_data;                             ///< $address_data
  std::map<std::string, Text> router_variables;  ///< r_* (name without "r_")
  std::string home;                              ///< $home
  bool home_tainted = false;
  std::int64_t local_user_uid = -1, local_user_gid = -1;
  std::string router_name;
  std::string self_hostname;
  const AddressState* parent = nullptr;  ///< null at the top
};

/// Outbound connection and transport run ($host, $host_address, $tls_out_*, $transport_name, $return_path ...).
struct DeliveryState {
  std::string transport_name;
  std::string host, host_address;
  int host_port = 0;
  std::string sending_ip_address;
  int sending_port = 0;
  Text return_path;
  bool return_path_set = false;
  std::string tls_cipher, tls_cipher_std, tls_version, tls_sni, tls_peer_dn;
  std::string tls_peercert, tls_ourcert;  ///< PEM, empty: none
  std::string tls_dane, tls_tlsa_usage;   ///< "yes" when TLSA records vouched for the peer; bits of their usages
  int tls_bits = 0;
  int tls_ocsp = 0;  ///< $tls_out_ocsp
  bool tls_certificate_verified = false;
  Text address_file, address_pipe;
  std::string dkim_domain, dkim_selector;  ///< while signing
  std::string bounce_recipient, warn_message_recipients, warn_message_delay;
  std::string inode;  ///< while directory_file is expanded
};

/// DKIM results of the message in reception, and the signer the DKIM ACL looks at.
struct DkimState {
  std::vector<msgauth::DkimSignature> results;
  std::string signers;                              ///< $dkim_signers, colon list
  const msgauth::DkimSignature* current = nullptr;  ///< null: cur_signer has no signature (status none)
  std::string cur_signer;
  std::string verify_status, verify_reason;  ///< may be overridden by `set dkim_verify_status`
};

/// Answer of address verification.
struct VerifyOutcome {
  enum class Kind : std::uint8_t { ok, fail, defer } kind = Kind::ok;
  std::string user_message, log_message;  ///< $acl_verify_message is user_message
  std::string failure;                    ///< $recipient_verify_failure: qualify route mail recipient postmaster
  Text address_data;
  std::string rewritten;  ///< new address after successful verification, empty = unchanged
};

/// A message of this host's own making. `headers` are whole lines with LF; Received:, Date: and Message-ID: are added
/// when they are missing.
struct NewMessage {
  std::string sender;  ///< empty = null path
  std::vector<std::string> recipients;
  std::string headers, body;
  std::string parent_id;   ///< the message it is about (R= in the log)
  bool is_report = false;  ///< failures of it are not reported again
  /// The local user who sends it, as if they had called the command: their login is in Received: and the log, and in
  /// Sender: where From: is another one's. -1: this program itself.
  std::int64_t uid = -1, gid = -1;
};

/// Bits for Services::log. with_host: the line begins with the client ("H=name [ip]") as rejections and warnings do.
/// address_rewrite: only when that log selector is on.
enum class LogTarget : std::uint8_t {
  main_log = 1,
  reject_log = 2,
  panic_log = 4,
  with_host = 8,
  address_rewrite = 16
};
constexpr int operator|(LogTarget a, LogTarget b) { return static_cast<int>(a) | static_cast<int>(b); }

/// What the layers below supply to evaluation. One object per process (or per session in tests).
struct Services {
  virtual ~Services() = default;
  /// Made on first use.
  virtual dns::Resolver& resolver() = 0;
  /// Routes an address in verify mode. Parks.
  virtual VerifyOutcome verify_sender(Scope&, const std::string& address, std::string_view options) = 0;
  virtual VerifyOutcome verify_recipient(Scope&, const std::string& address, std::string_view options) = 0;
  /// Runs an ACL by name or inline text with arguments (acl condition / item). accept true, deny false; message out.
  /// Error kinds: defer, failed.
  virtual Result<bool> run_acl(Scope&, const Text& name, const std::vector<Text>& args, Text& message) = 0;
  /// `targets` is a bit set of LogTarget.
  virtual void log(int targets, std::string_view line) = 0;
  /// Debug output (-d, -bh trace, expansion trace). Cheap test first.
  virtual bool debugging() const { return false; }
  virtual void debug(std::string_view) {}
  /// Sends "line" as -bh explains itself (">>> ..." on stderr); nothing elsewhere.
  virtual void trace(std::string_view) {}
  virtual LookupCache& lookup_cache() = 0;
  /// True the first time `key` is seen in `table` within `ttl` seconds (durable where there is a store): replay
  /// protection.
  virtual Result<bool> first_use(std::string_view table, std::string_view key, std::int64_t ttl) = 0;
  /// A small durable value per key (ratelimit, seen). Null result: none.
  virtual Result<std::optional<std::string>> get_hint(const std::string& table, const std::string& key) = 0;
  virtual Status put_hint(const std::string& table, const std::string& key, const std::string& value) = 0;
  /// Does work as other users or outside this process (core/io/courier.h); null where nothing is delivered.
  virtual io::Courier* courier() { return nullptr; }
  /// Puts a new message into the queue (notices, automatic replies) and has it delivered. Error: it is not queued.
  virtual Status submit(const NewMessage&) { return fail("messages cannot be made here"); }
  /// Whether there is room for a message of `octets` (0: not known) on the disks; see lang/disk_room.h.
  virtual Status room_for(std::int64_t octets) {
    (void)octets;
    return {};
  }
  /// Number of messages on the queue, for $queue_size; -1 unknown.
  virtual std::int64_t queue_size() { return -1; }
};

struct ListTrace;

class Scope {
 public:
  const Config* config = nullptr;
  Services* services = nullptr;

  mail::ReceivedFrom* from = nullptr;
  SessionState* session = nullptr;
  mail::Envelope* envelope = nullptr;
  mail::HeaderList* headers = nullptr;
  const mail::Body* body = nullptr;
  AddressState* address = nullptr;
  DeliveryState* delivery = nullptr;
  DkimState* dkim = nullptr;
  /// Connection-lifetime ACL variables while there is no envelope yet; the envelope's copy is made from it.
  std::map<std::string, Text>* acl_c = nullptr;
  std::map<std::string, Text>* acl_m = nullptr;

  /// What was looked up for this message: made by the first lookup, shared by scopes that are copied from this one,
  /// reset by the owner of the message (end of message, RSET) so that the next message looks again.
  std::shared_ptr<MessageMemory> memory;
  /// Made by the first ratelimit condition; the session forgets what was about a message when that ends.
  std::shared_ptr<RateMemory> rates;

  /// ACL stage results visible as variables.
  Text host_data, sender_data, recipient_data;
  Text acl_domain_data, acl_local_part_data;  ///< $domain_data, $local_part_data during ACLs
  std::string acl_verify_message, recipient_verify_failure, sender_verify_failure;
  Text verify_address_data, verify_sender_address_data;
  std::string dnslist_domain, dnslist_matched, dnslist_text, dnslist_value;
  std::string verify_mode;    ///< "S", "R", ""
  std::string headers_added;  ///< $headers_added while an ACL runs

  /// Evaluation-local.
  std::vector<Text> captures;  ///< $0, $1, ...
  std::optional<Text> value;   ///< $value
  Text item;                   ///< $item
  std::vector<Text> acl_args;  ///< $acl_arg1..9
  int depth = 0;               ///< nesting of expansions; bounded
  int acl_depth = 0;           ///< nesting of ACLs; at most 20
  int runrc = 0;
  std::string lookup_dnssec_authenticated;
  std::map<std::string, std::string>
      extra;                        ///< rarely used variables set by one item and read later (prvscheck, srs, ...)
  bool testing = false;             ///< -be, -bt, -bh
  Confinement* confined = nullptr;  ///< while a user's filter is evaluated
  ListTrace* trace = nullptr;       ///< -bh: what is asked is told (lang/list_trace.h)
  /// DNS options of the running router.
  bool dnssec_request = true;
};

/// Gives the scope `count` captures to be overwritten; what they held is unspecified.
void make_captures(Scope& scope, std::size_t count);
/// Keeps the memory of captures for make_captures.
void drop_captures(std::vector<Text>&& captures);

/// Saves captures and restores them at the end of the block.
class SavedCaptures {
 public:
  explicit SavedCaptures(Scope& s) : scope_(s), saved_(s.captures) {}
  ~SavedCaptures() {
    drop_captures(std::move(scope_.captures));
    scope_.captures = std::move(saved_);
  }
  SavedCaptures(const SavedCaptures&) = delete;
  SavedCaptures& operator=(const SavedCaptures&) = delete;

 private:
  Scope& scope_;
  std::vector<Text> saved_;
};

}  // namespace remex::lang
