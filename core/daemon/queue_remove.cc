// See queue_remove.h.
#include "core/daemon/queue_remove.h"

#include <fmt/core.h>

#include "core/delivery/delivery.h"
#include "core/delivery/message_log.h"
#include "core/hooks/hooks.h"

namespace remex::daemon {
namespace {

constexpr int kDone = 0, kNot = 1;

class Removal {
 public:
  Removal(Process& p, const std::string& id, const Caller& caller, const Teller& tell)
      : p_(p), store_(*p.engine.store), id_(id), caller_(caller), tell_(tell) {}

  int run() {
    // A stranger locks it for nobody, not even for a moment, and does not learn that it is there.
    if (!caller_.admin) {
      const auto m = store_.load(id_);
      if (!m && m.error().kind != ErrorKind::not_found) return unreadable(m.error());
      if (!m || !is_his(*m)) return not_there();
    }
    const auto claim = store_.claim(id_);
    if (!claim) return complain(fmt::format("{}: {}", id_, claim.error().text));
    const auto m = store_.load(id_);
    if (!m && m.error().kind == ErrorKind::not_found) return not_there();
    if (!*claim) return say(kNot, fmt::format("Message {} is locked", id_));
    if (!m) {
      if (!caller_.admin || m.error().kind != ErrorKind::failed) return unreadable(m.error());
      (void)store_.set_aside(id_);
      return remove();
    }
    if (!caller_.admin && !is_his(*m)) return not_there();
    delivery::keep_message_log(p_.engine, m->envelope);
    return remove();
  }

 private:
  bool is_his(const store::StoredMessage& m) const { return m.envelope.caller_uid == caller_.uid; }
  int unreadable(const Error& why) const {
    if (why.kind != ErrorKind::failed) return complain(delivery::load_advice(id_, why));
    return complain(fmt::format("{}: permission denied: it is damaged", id_));  // whose it is cannot be told
  }
  int not_there() const { return say(kNot, fmt::format("Spool data file for {} does not exist", id_)); }
  int remove() {
    if (auto st = store_.remove(id_, true); !st) return complain(st.error().text);
    p_.engine.log->write(log::kMain, id_, fmt::format("removed by {}", caller_.login));
    p_.engine.log->write(log::kMain, id_, "Completed");
    return say(kDone, fmt::format("Message {} has been removed", id_));
  }
  int say(int rc, std::string_view text) const {
    tell_.out(fmt::format("{}\n", text));
    return rc;
  }
  int complain(std::string_view text) const {
    tell_.err(fmt::format("{}: {}\n", hooks::program(), text));
    return kNot;
  }

  Process& p_;
  store::Store& store_;
  const std::string& id_;
  const Caller& caller_;
  const Teller& tell_;
};

}  // namespace

int remove_message(Process& process, const std::string& id, const Caller& caller, const Teller& tell) {
  return Removal(process, id, caller, tell).run();
}

}  // namespace remex::daemon
