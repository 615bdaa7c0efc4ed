// See events.h.

#include "lang/events.h"

#include <fmt/core.h>

#include "core/base/strings.h"

namespace remex::lang {

namespace {
/// Gives the event's variables their values and the old ones back: an action may raise events itself.
class EventVariables {
 public:
  EventVariables(Scope& scope, std::string_view name, std::string_view data, int defer_errno)
      : scope_(scope), kept_(scope.extra) {
    scope.extra["event_name"] = std::string(name);
    scope.extra["event_data"] = std::string(data);
    scope.extra["event_defer_errno"] = std::to_string(defer_errno);
  }
  ~EventVariables() {
    for (const char* name : {"event_name", "event_data", "event_defer_errno"}) {
      const auto old = kept_.find(name);
      if (old == kept_.end())
        scope_.extra.erase(name);
      else
        scope_.extra[name] = old->second;
    }
  }
  EventVariables(const EventVariables&) = delete;
  EventVariables& operator=(const EventVariables&) = delete;

 private:
  Scope& scope_;
  const std::map<std::string, std::string> kept_;
};
}  // namespace

std::string raise_event(Scope& scope, const Expansion& action, std::string_view name, std::string_view data,
                        int defer_errno) {
  if (!action.is_set()) return {};
  const SavedCaptures captures(scope);
  const EventVariables variables(scope, name, data, defer_errno);
  auto answer = action.eval(scope);
  if (answer) return std::move(*answer).str();
  if (answer.error().kind != ErrorKind::forced_fail && scope.services != nullptr) {
    const std::string id =
        scope.envelope == nullptr || scope.envelope->id.empty() ? std::string() : scope.envelope->id + " ";
    const std::string transport = scope.delivery == nullptr || scope.delivery->transport_name.empty()
                                      ? std::string("main")
                                      : scope.delivery->transport_name;
    scope.services->log(LogTarget::main_log | LogTarget::panic_log,
                        fmt::format("{}failed to expand event_action {} in {}: {}", id, name, transport,
                                    printable(answer.error().text)));
  }
  return {};
}

}  // namespace remex::lang
