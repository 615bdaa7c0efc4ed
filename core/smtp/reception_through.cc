// control = cutthrough_delivery in reception: after all ACLs, before the message is kept. The next host's yes or no is
// the client's; trouble on the way there leaves the message to the queue.

#include <fmt/core.h>

#include "core/base/strings.h"
#include "core/log/log.h"
#include "core/smtp/reception.h"

namespace remex::smtp {

bool Reception::cut_through(acl::Hook hook, store::StoredMessage& msg, Reply& out) {
  const mail::Envelope& env = *scope_.envelope;
  if (!effects_.cutthrough || hook != acl::Hook::data || prdr_ || chunked || !server_.deliver_through || server_.fake ||
      effects_.queue_only || effects_.fakereject || effects_.fakedefer || env.frozen || env.recipients.empty())
    return false;
  using Kind = Server::Through::Kind;
  const Server::Through t = server_.deliver_through(msg);
  const auto tell = [&](std::string_view what) {
    std::string line = log::host_and_ident(*scope_.from, server_.log->selectors(), true);
    line += fmt::format(" {} F=<{}> {}: {}", printable(env.recipients.front().address), printable(env.sender), what,
                        printable(t.log_message));
    server_.log->write(log::kMain, env.id, trim_left(line));
  };
  switch (t.kind) {
    case Kind::not_now: return false;
    case Kind::delivered:
      server_.log->write(log::kMain, env.id, arrival_text());
      server_.log->write(log::kMain, env.id, "Completed");
      out = {250, "OK id=" + env.id, false};
      return true;
    case Kind::refused:
      if (t.code / 100 == 4) return false;  // it may be taken later
      tell("rejected after DATA");
      out = {t.code / 100 == 5 ? t.code : 550, t.text, false};
      return true;
    case Kind::deferred:
      tell("tmp-reject from cutthrough after DATA");
      if (!effects_.cutthrough_pass_defer || t.code / 100 != 4) return false;
      out = {t.code, t.text, false};
      return true;
  }
  return false;
}

}  // namespace remex::smtp
