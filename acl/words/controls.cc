// Controls (control = ...): each sets a field of Effects that the session applies.

#include <fmt/core.h>

#include "acl/word.h"
#include "core/base/strings.h"

namespace remex::acl {
namespace {

using Fn = std::string (*)(Run&, std::string_view);

/// A control without arguments that sets one flag.
template <bool Effects::* Member, bool Value = true>
std::string flag(Run& run, std::string_view argument) {
  if (!argument.empty()) return fmt::format("syntax error in control: unexpected \"{}\"", printable(argument));
  run.effects.*Member = Value;
  return {};
}

std::string freeze(Run& run, std::string_view argument) {
  if (!argument.empty() && argument != "/no_tell") return "syntax error in \"control=freeze\"";
  run.effects.freeze = true;
  run.effects.freeze_no_tell = !argument.empty();
  return {};
}

std::string queue(Run& run, std::string_view argument) {
  if (!argument.empty() && argument != "/first_pass_route") return "syntax error in \"control=queue\"";
  run.effects.queue_only = true;
  return {};
}

std::string submission(Run& run, std::string_view argument) {
  run.effects.submission = true;
  while (!argument.empty()) {
    if (argument.front() != '/') return "syntax error in \"control=submission\"";
    argument.remove_prefix(1);
    if (argument.starts_with("name=")) {  // last: takes the rest, slashes included
      run.effects.submission_name = std::string(argument.substr(5));
      return {};
    }
    const std::size_t end = std::min(argument.find('/'), argument.size());
    const std::string_view word = argument.substr(0, end);
    if (word == "sender_retain")
      run.effects.submission_sender_retain = true;
    else if (word.starts_with("domain="))
      run.effects.submission_domain = std::string(word.substr(7));
    else
      return fmt::format("unknown option \"{}\" in \"control=submission\"", printable(word));
    argument.remove_prefix(end);
  }
  return {};
}

template <bool Effects::* Member>
std::string fake(Run& run, std::string_view argument) {
  run.effects.*Member = true;
  if (argument.starts_with("/"))
    run.effects.fake_message = std::string(argument.substr(1));
  else if (!argument.empty())
    return "syntax error in fake control";
  return {};
}

std::string enforce(Run& run, std::string_view) {
  run.effects.enforce_sync = true;
  run.effects.no_enforce_sync = false;
  return {};
}

std::string no_enforce(Run& run, std::string_view) {
  run.effects.no_enforce_sync = true;
  run.effects.enforce_sync = false;
  return {};
}

/// The recipient's $local_part in its original case for the rest of this ACL run, and back.
template <bool Cased>
std::string local_part_case(Run& run, std::string_view) {
  run.effects.caseful_local_part = Cased;
  if (lang::AddressState* a = run.scope.address; a != nullptr)
    a->local_part = Cased ? a->cased_local_part : to_lower(a->cased_local_part);
  return {};
}

constexpr HookSet bits(std::initializer_list<Hook> hooks) {
  HookSet s = 0;
  for (Hook h : hooks) s |= hook_bit(h);
  return s;
}
constexpr HookSet kMessage = bits({Hook::mail, Hook::rcpt, Hook::predata, Hook::data, Hook::mime, Hook::dkim,
                                   Hook::prdr, Hook::not_smtp, Hook::not_smtp_start});
constexpr HookSet kEarly = bits({Hook::mail, Hook::rcpt, Hook::predata, Hook::not_smtp_start});

constexpr AclWordDef control_row(std::string_view name, HookSet hooks, std::string_view summary, Fn fn,
                                 std::uint8_t tier = 1) {
  return {.name = name, .kind = WordKind::control, .hooks = hooks, .summary = summary, .control = fn, .tier = tier};
}
constexpr AclWordDef later_row(std::string_view name, std::string_view summary, std::uint8_t tier) {
  return {.name = name, .kind = WordKind::control, .summary = summary, .state = lang::State::later, .tier = tier};
}

constexpr AclWordDef defs[] = {
    control_row("freeze", kMessage, "Freezes the message; /no_tell", &freeze, 2),
    control_row("queue", kMessage, "Queues without immediate delivery", &queue, 2),
    control_row("queue_only", kMessage, "Same as queue", &queue, 2),
    control_row("submission", kEarly, "Submission fixups: sender_retain, domain=, name=", &submission),
    control_row("suppress_local_fixups", kEarly, "No fixups for local messages", &flag<&Effects::suppress_local_fixups>,
                2),
    control_row("dkim_disable_verify", kAnyHook, "Skips DKIM verification", &flag<&Effects::dkim_disable_verify>),
    control_row(
        "dmarc_disable_verify", kAnyHook, "Skips DMARC (which this version does not evaluate)",
        [](Run&, std::string_view) { return std::string(); }, 2),
    control_row("enforce_sync", kSmtpHooks, "Enforces SMTP synchronisation", &enforce, 3),
    control_row("no_enforce_sync", kSmtpHooks, "Relaxes SMTP synchronisation", &no_enforce, 2),
    control_row("no_multiline_responses", kSmtpHooks, "Single-line rejections only",
                &flag<&Effects::no_multiline_responses>, 3),
    control_row("no_pipelining", bits({Hook::connect, Hook::helo}), "Does not advertise PIPELINING",
                &flag<&Effects::no_pipelining>, 3),
    control_row("no_delay_flush", kAnyHook, "Does not flush output before a delay", &flag<&Effects::no_delay_flush>, 3),
    control_row("no_callout_flush", kAnyHook, "Does not flush output before a callout",
                &flag<&Effects::no_callout_flush>, 3),
    control_row("fakereject", kMessage, "Replies 550 but keeps the message", &fake<&Effects::fakereject>, 3),
    control_row("fakedefer", kMessage, "Replies 450 but keeps the message", &fake<&Effects::fakedefer>, 4),
    control_row("caseful_local_part", bits({Hook::rcpt}), "Original case in $local_part", &local_part_case<true>, 3),
    control_row("caselower_local_part", bits({Hook::rcpt}), "Lower case in $local_part again", &local_part_case<false>,
                3),
    control_row("no_mbox_unspool", kAnyHook, "Keeps the copies made for scanners", &flag<&Effects::no_mbox_unspool>,
                4),
    later_row("allow_auth_unadvertised", "Accepts AUTH that was not advertised", 3),
    later_row("cutthrough_delivery", "Delivers while receiving", 3),
    later_row("debug", "Writes a debug log", 3),
    later_row("dmarc_enable_forensic", "Sends forensic reports", 4),
    later_row("dscp", "Sets DSCP on the inbound socket", 4),
    later_row("utf8_downconvert", "Requires an a-label envelope", 4),
    later_row("wellknown", "File to return to WELLKNOWN", 4),
};

}  // namespace
}  // namespace remex::acl

namespace remex::registry::acl_words {
extern const std::span<const acl::AclWordDef> controls;
constinit const std::span<const acl::AclWordDef> controls{acl::defs};
}  // namespace remex::registry::acl_words
