// PRDR in reception (draft-hall-prdr): acl_smtp_data_prdr judges the message for each recipient, and each gets a reply
// of its own before the one for the whole message.

#include <fmt/core.h>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "core/smtp/reception.h"

namespace remex::smtp {

namespace {

lang::AddressState address_state(const std::string& address) {
  lang::AddressState a;
  const mail::Address parts = mail::split_address(address);
  a.address = address;
  a.cased_local_part = mail::unquote_local_part(parts.local_part);
  a.local_part = to_lower(a.cased_local_part);
  a.domain = to_lower(parts.domain);
  return a;
}

/// What the client hears for one recipient. Without a text of its own a deferral is 450.
Reply prdr_reply_for(acl::Outcome o, const std::string& address, log::Log& log) {
  const bool defers = o.verdict == acl::Verdict::defer;
  const bool refuses = o.verdict == acl::Verdict::deny || o.verdict == acl::Verdict::drop;
  const bool coded = o.user_message.size() > 3 && is_digit(o.user_message[0]) && o.user_message[3] == ' ';
  if (o.user_message.empty())
    o.user_message = fmt::format("PRDR R=<{}> {}", printable(address),
                                 defers    ? "temporary refusal"
                                 : refuses ? "refusal"
                                           : "acceptance");
  Reply r = reply_from_acl(o, 250, "", log);
  if (defers && !coded) r.code = 450;
  return r;
}

}  // namespace

Reply Reception::prdr_acl(bool& stop) {
  stop = false;
  if (!prdr_reply || !scope_.config->main.acl_smtp_data_prdr.is_set()) return {};
  mail::Envelope& env = *scope_.envelope;
  scope_.extra["prdr_requested"] = env.recipients.size() > 1 ? "yes" : "no";
  if (env.recipients.size() < 2) return {};
  prdr_ = true;
  prdr_reply({353, "PRDR content analysis beginning", false});
  bool deferred = false, discarded = false;
  auto gone = discarded_rcpts.begin();
  const auto answer_discarded = [&](std::size_t before) {
    for (; gone != discarded_rcpts.end() && gone->first <= before; ++gone)
      prdr_reply({250, fmt::format("PRDR R=<{}> acceptance", printable(gone->second)), false});
  };
  std::size_t judged = 0;
  for (std::size_t i = 0; i < env.recipients.size(); ++judged) {
    answer_discarded(judged);
    const std::string address = env.recipients[i].address;
    lang::AddressState a = address_state(address);
    scope_.address = &a;
    scope_.acl_domain_data = scope_.acl_local_part_data = scope_.recipient_data = Text();
    const acl::Outcome o = acl::run_hook(acl::Hook::prdr, scope_.config->main.acl_smtp_data_prdr, scope_, effects_);
    scope_.address = nullptr;
    const Reply r = prdr_reply_for(o, address, *server_.log);
    prdr_reply(r);
    const std::string line =
        r.text.starts_with("PRDR R=<") ? r.text : fmt::format("PRDR {} {}", printable(address), printable(r.text));
    server_.log->write(r.code / 100 == 2 ? static_cast<int>(log::kMain) : o.log_targets, env.id, line);
    deferred = deferred || r.code / 100 == 4;
    discarded = discarded || o.verdict == acl::Verdict::discard;
    if (o.verdict == acl::Verdict::accept) {
      ++i;
      continue;
    }
    prdr_lost_ = true;
    env.recipients.erase(env.recipients.begin() + static_cast<std::ptrdiff_t>(i));
  }
  answer_discarded(judged);
  scope_.acl_domain_data = scope_.acl_local_part_data = scope_.recipient_data = Text();
  if (!env.recipients.empty() || discarded) {
    if (env.recipients.empty()) discarded_by = "PRDR";
    return {};
  }
  stop = true;
  return {deferred ? 450 : 550,
          fmt::format("id={} message {} for all recipients", env.id, deferred ? "temporarily rejected" : "rejected"),
          false};
}

}  // namespace remex::smtp
