// Cut-through: a message that is being received is delivered before it is accepted, in one transaction with one host,
// so that the client hears what that host says. Whatever does not fit (several hosts, local mailboxes, routing trouble)
// is not possible and the message is queued as usual.
#include <fmt/format.h>

#include "core/base/strings.h"
#include "core/delivery/attempt.h"

namespace remex::delivery {

namespace {

/// Keeps lines until it is known whether they are true.
class HeldLog : public log::Log {
 public:
  explicit HeldLog(const log::Log& real) { selectors_ = real.selectors(); }
  void write(int targets, std::string_view, std::string_view line) override {
    if ((targets & log::kMain) != 0) lines.emplace_back(line);
  }
  void reopen() override {}
  std::vector<std::string> lines;
};

/// "SMTP error from remote mail server after X: 550-a\n550 b": the words without codes, lines apart.
std::string words_of(std::string_view message, int code) {
  const std::string mark = fmt::format(": {}", code);
  const std::size_t at = message.find(mark);
  if (at == std::string_view::npos) return std::string(message);
  std::string out;
  const std::string text = replace_all(message.substr(at + 2), "\\n", "\n");
  for (std::string_view line : split(text, '\n')) {
    if (line.size() >= 3 && is_digit(line[0])) line.remove_prefix(std::min<std::size_t>(4, line.size()));
    out += (out.empty() ? "" : "\n") + std::string(line);
  }
  return out;
}

}  // namespace

Through deliver_through(Engine& eng, store::StoredMessage& msg) {
  auto held = std::make_shared<HeldLog>(*eng.log);
  Engine without = eng;
  without.store = nullptr;
  without.log = held;
  without.settler = nullptr;
  DeliverOptions opt;
  opt.force = opt.first_attempt = true;
  store::StoredMessage copy = msg;  // routing may change the envelope
  Attempt a(without, copy, opt);
  a.mua_wrapper = a.can_wait = true;
  a.route_all();
  Through out;
  if (const Addr* t = a.first_trouble(); t != nullptr && t->status != Addr::Status::routed) return out;
  auto groups = a.make_groups();
  if (groups.size() != 1 || groups.front().def->is_local || groups.front().transport->def->name != "smtp") return out;
  if (groups.front().addrs.size() != msg.envelope.recipients.size()) return out;
  held->lines.clear();
  a.run_group(groups.front());
  const Addr* trouble = a.first_trouble();
  if (trouble == nullptr) {
    out.kind = Through::Kind::delivered;
    for (const std::string& line : held->lines)
      if (line.starts_with("=> ") || line.starts_with("-> "))
        eng.log->write(log::kMain, msg.envelope.id, ">>" + line.substr(2));
    return out;
  }
  // One refused recipient among several is the sender's to hear in a bounce: the others shall have their mail.
  const Failure* failure = a.failure_of(*trouble);
  if (trouble->status == Addr::Status::failed && groups.front().addrs.size() > 1 && failure != nullptr &&
      failure->trouble.kind == transports::Trouble::Kind::rcpt)
    return out;
  out.kind = trouble->status == Addr::Status::failed ? Through::Kind::refused : Through::Kind::deferred;
  out.code = trouble->more_errno;
  out.text = words_of(trouble->message, out.code);
  out.log_message = fmt::format("R={} T={}: {}", trouble->router != nullptr ? trouble->router->name : "",
                                trouble->transport != nullptr ? trouble->transport->name : "", trouble->message);
  return out;
}

}  // namespace remex::delivery
