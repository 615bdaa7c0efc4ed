// What every SMTP session (and local submission) of a process shares, and the way a finished message goes on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "acl/acl.h"
#include "core/io/tls.h"
#include "core/log/log.h"
#include "core/smtp/debug_file.h"
#include "core/store/store.h"
#include "lang/config.h"
#include "lang/scope.h"

namespace remex::smtp {

/// Sessions now open, for smtp_accept_max and smtp_accept_max_per_host. One per process, loop thread only.
struct Counters {
  std::int64_t sessions = 0;
  std::map<std::string, int> per_host;
};

/// Immutable after construction (a reload makes a new one; sessions in flight keep theirs).
struct Server {
  std::shared_ptr<const lang::Config> config;
  std::shared_ptr<store::Store> store;  ///< null: nothing is kept (-bh)
  std::shared_ptr<log::Log> log;
  lang::Services* services = nullptr;  ///< of the process
  /// What tls_context() made, by the values of the options; `state` is that of the files then.
  struct KeptTls {
    std::shared_ptr<io::TlsServerContext> context;
    std::string state;
  };
  std::map<std::string, KeptTls> tls;
  std::string primary_hostname;
  /// The message is durable; schedule its delivery. `queue_only`: a queue run will find it.
  std::function<void(store::StoredMessage&&, bool queue_only)> accepted;
  /// What ETRN asks for. One with the same `key` is not started while another runs, when `serialize`.
  struct EtrnJob {
    std::string key, text, queue_name;  ///< text: part of the recipients whose messages shall be delivered
    std::vector<std::string> argv;      ///< not empty: this command instead of a queue run
    bool serialize = true;
  };
  /// Starts it and does not wait. False: the same is running. Unset: nothing can be started in this mode.
  std::function<bool(const EtrnJob&)> etrn;
  /// EXPN: one level of what the routers make of an address. Parks. Unset: not possible in this mode.
  struct Expanded {
    lang::VerifyOutcome::Kind kind = lang::VerifyOutcome::Kind::ok;
    std::vector<std::string> addresses;
    std::string message;  ///< for the client when it failed
  };
  std::function<Expanded(lang::Scope&, const std::string& address)> expand_address;
  /// control = cutthrough_delivery: delivers a message that nobody keeps yet, in one transaction, and logs what was
  /// delivered. `not_now`: nothing was sent and it goes into the queue. Parks. Unset: not possible in this mode.
  struct Through {
    enum class Kind : std::uint8_t { delivered, refused, deferred, not_now } kind = Kind::not_now;
    int code = 0;             ///< of the next host, 0: it gave none
    std::string text;         ///< its words, for the client
    std::string log_message;  ///< "R=.. T=.. H=..: why"
  };
  std::function<Through(store::StoredMessage&)> deliver_through;
  Counters* counters = nullptr;
  bool fake = false;  ///< -bh: no store, no delivery, explanations on stderr
  /// Shown by -bh; empty otherwise.
  std::function<void(std::string_view)> explain;

  /// The TLS context for a client, made anew when the options mean something else for it or a file has changed. While
  /// changed files cannot be used, the context before them; error text when there is none.
  Result<std::shared_ptr<io::TlsServerContext>> tls_context(lang::Scope& scope);
};

/// Services of one session: as the process's, but log lines may carry the client and the message id.
class SessionServices : public lang::Services {
 public:
  /// `effects`: where ACLs run by expansions (${acl{...}}, the acl condition) leave what they asked for; null = lost.
  SessionServices(Server& server, const mail::ReceivedFrom& from, const mail::Envelope& envelope,
                  acl::Effects* effects = nullptr)
      : server_(server), base_(*server.services), from_(from), envelope_(envelope), effects_(effects) {}
  dns::Resolver& resolver() override { return base_.resolver(); }
  lang::VerifyOutcome verify_sender(lang::Scope& s, const std::string& a, std::string_view o) override {
    return base_.verify_sender(s, a, o);
  }
  lang::VerifyOutcome verify_recipient(lang::Scope& s, const std::string& a, std::string_view o) override {
    return base_.verify_recipient(s, a, o);
  }
  Result<bool> run_acl(lang::Scope& s, const Text& name, const std::vector<Text>& args, Text& message) override;
  void log(int targets, std::string_view line) override;
  bool debugging() const override { return base_.debugging() || (effects_ != nullptr && effects_->debug.on); }
  void debug(std::string_view line) override;
  void trace(std::string_view line) override;
  lang::LookupCache& lookup_cache() override { return base_.lookup_cache(); }
  std::int64_t queue_size() override { return base_.queue_size(); }
  Status room_for(std::int64_t octets) override { return base_.room_for(octets); }
  Result<bool> first_use(std::string_view table, std::string_view key, std::int64_t ttl) override {
    return base_.first_use(table, key, ttl);
  }
  Result<std::optional<std::string>> get_hint(const std::string& t, const std::string& k) override {
    return base_.get_hint(t, k);
  }
  Status put_hint(const std::string& t, const std::string& k, const std::string& v) override {
    return base_.put_hint(t, k, v);
  }

  /// After an ACL ran: control = debug may have begun or ended.
  void follow_debug();
  /// Something was written to the panic log.
  void panicked();

 private:
  Server& server_;
  lang::Services& base_;
  const mail::ReceivedFrom& from_;
  const mail::Envelope& envelope_;
  acl::Effects* effects_;
  DebugFile debug_file_;
};

}  // namespace remex::smtp
