// lang::Services of a process: resolver, verification, nested ACLs, log, hints. One object per Engine.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "core/delivery/delivery.h"
#include "core/dns/resolver.h"
#include "core/io/courier.h"
#include "lang/disk_room.h"
#include "lang/lookup_engine.h"
#include "lang/scope.h"

namespace remex::daemon {

class ProcessServices : public lang::Services {
 public:
  /// `engine.services` is set to this. The engine must outlive it.
  explicit ProcessServices(delivery::Engine& engine);

  dns::Resolver& resolver() override;
  lang::VerifyOutcome verify_sender(lang::Scope& scope, const std::string& address, std::string_view options) override;
  lang::VerifyOutcome verify_recipient(lang::Scope& scope, const std::string& address,
                                       std::string_view options) override;
  Result<bool> run_acl(lang::Scope& scope, const Text& name, const std::vector<Text>& args, Text& message) override;
  void log(int targets, std::string_view line) override;
  bool debugging() const override { return static_cast<bool>(debug_sink); }
  void debug(std::string_view line) override;
  lang::LookupCache& lookup_cache() override { return cache_; }
  std::int64_t queue_size() override;
  Status room_for(std::int64_t octets) override;
  Result<bool> first_use(std::string_view table, std::string_view key, std::int64_t ttl) override;
  Result<std::optional<std::string>> get_hint(const std::string& table, const std::string& key) override;
  Status put_hint(const std::string& table, const std::string& key, const std::string& value) override;

  io::Courier* courier() override { return courier_.get(); }
  void set_courier(std::shared_ptr<io::Courier> c) { courier_ = std::move(c); }
  Status submit(const lang::NewMessage& m) override;

  /// Delivers what submit() stored; unset: submit() does it before it returns.
  std::function<void(store::StoredMessage&&)> on_submitted;
  /// -d and -v: gets debug lines.
  std::function<void(std::string_view)> debug_sink;

 private:
  delivery::Engine& engine_;
  std::shared_ptr<dns::Resolver> resolver_;
  std::shared_ptr<io::Courier> courier_;
  lang::LookupCache cache_;
  std::map<std::string, std::int64_t> used_;                          ///< first_use in this process: key → expiry
  std::map<std::pair<std::string, std::string>, std::string> hints_;  ///< without a store
  std::int64_t room_asked_ = 0;                                       ///< seconds of the clock
  lang::DiskRoom spool_room_, log_room_;
};

}  // namespace remex::daemon
