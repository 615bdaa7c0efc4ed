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

constexpr std::pair<std::string_view, int> kDscpNames[] = {
    {"af11", 10}, {"af12", 12},   {"af13", 14},    {"af21", 18},   {"af22", 20},       {"af23", 22},
    {"af31", 26}, {"af32", 28},   {"af33", 30},    {"af41", 34},   {"af42", 36},       {"af43", 38},
    {"ef", 46},   {"lowcost", 0}, {"lowdelay", 4}, {"mincost", 0}, {"reliability", 1}, {"throughput", 2}};

/// A name (the DiffServ classes of RFC 2597 and 3246, and the old TOS bits of RFC 1349 as they fall into the field), or
/// a number up to 0x3F.
std::string dscp(Run& run, std::string_view argument) {
  if (!argument.starts_with('/')) return "missing value in \"control=dscp\"";
  const std::string_view value = trim(argument.substr(1));
  for (const auto& [name, number] : kDscpNames)
    if (iequals(name, value)) {
      run.effects.dscp = number;
      return {};
    }
  const bool hex = istarts_with(value, "0x");
  const auto number = parse_uint(hex ? value.substr(2) : value, hex ? 16 : 10);
  if (!number || *number > 0x3F) return fmt::format("bad value \"{}\" in \"control=dscp\"", printable(value));
  run.effects.dscp = static_cast<int>(*number);
  return {};
}

/// control = debug/tag=.x/opts=+all/pretrigger=1024/trigger=now, /stop, /kill. The selection of opts= is not made: all
/// is written that is explained.
std::string debug(Run& run, std::string_view argument) {
  Effects::DebugLog d;
  d.on = true;
  while (!argument.empty()) {
    if (argument.front() != '/') return "syntax error in \"control=debug\"";
    argument.remove_prefix(1);
    const std::string_view word = argument.substr(0, argument.find('/'));
    argument.remove_prefix(word.size());
    if (word.starts_with("tag=")) {
      d.tag = word.substr(4);
      for (char& c : d.tag)  // it becomes part of a file name
        if (!is_alnum(c) && c != '.' && c != '-' && c != '_' && c != ':' && c != '@' && c != '+') c = '_';
      if (d.tag.size() > 100) d.tag.resize(100);
    } else if (word.starts_with("opts=")) {
      continue;
    } else if (word == "stop" || word == "kill") {
      run.effects.debug.kill = word == "kill";
      run.effects.debug.on = false;
      return {};
    } else if (word.starts_with("pretrigger=")) {
      const auto n = parse_uint(word.substr(11));
      if (!n || *n > 16 * 1024 * 1024) return "bad size in \"control=debug/pretrigger\"";
      d.pretrigger = static_cast<std::size_t>(*n);
      d.triggered = false;
    } else if (word == "trigger=now") {
      if (run.effects.debug.on) {
        run.effects.debug.triggered = true;
        return {};
      }
      d.triggered = true;
    } else if (word == "trigger=paniclog") {
      d.triggered = false;
    } else {
      return fmt::format("unknown option \"{}\" in \"control=debug\"", printable(word));
    }
  }
  run.effects.debug = std::move(d);
  return {};
}

/// For the first recipient only; later it is quietly ignored (manual 44.22).
std::string cutthrough(Run& run, std::string_view argument) {
  const bool first = run.scope.envelope != nullptr && run.scope.envelope->recipients.empty();
  bool pass = false;
  while (!argument.empty()) {
    if (argument.front() != '/') return "syntax error in \"control=cutthrough_delivery\"";
    argument.remove_prefix(1);
    const std::string_view word = argument.substr(0, argument.find('/'));
    argument.remove_prefix(word.size());
    if (word != "defer=spool" && word != "defer=pass")
      return fmt::format("unknown option \"{}\" in \"control=cutthrough_delivery\"", printable(word));
    pass = word == "defer=pass";
  }
  if (!first) return {};
  run.effects.cutthrough = true;
  run.effects.cutthrough_pass_defer = pass;
  return {};
}

std::string utf8_downconvert(Run& run, std::string_view argument) {
  if (argument.empty() || argument == "/1")
    run.effects.utf8_downconvert = 1;
  else if (argument == "/0")
    run.effects.utf8_downconvert = 0;
  else if (argument == "/-1")
    run.effects.utf8_downconvert = -1;
  else
    return "bad option value for control=utf8_downconvert";
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
    control_row("dmarc_disable_verify", kAnyHook, "Skips DMARC", &flag<&Effects::dmarc_disable_verify>, 2),
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
    control_row("no_mbox_unspool", kAnyHook, "Keeps the copies made for scanners", &flag<&Effects::no_mbox_unspool>, 4),
    control_row("allow_auth_unadvertised", bits({Hook::connect, Hook::helo}), "Accepts AUTH that was not advertised",
                &flag<&Effects::allow_auth_unadvertised>, 3),
    control_row("debug", kAnyHook, "Writes a debug log", &debug, 3),
    control_row("dscp", kSmtpHooks, "Sets DSCP on the inbound socket", &dscp, 4),
    control_row("utf8_downconvert", bits({Hook::rcpt}), "Requires an a-label envelope", &utf8_downconvert, 4),
    control_row("cutthrough_delivery", bits({Hook::rcpt}), "Delivers before the message is accepted: defer=spool, pass",
                &cutthrough, 3),
    later_row("dmarc_enable_forensic", "Sends forensic reports", 4),
    later_row("wellknown", "File to return to WELLKNOWN", 4),
};

}  // namespace
}  // namespace remex::acl

namespace remex::registry::acl_words {
extern const std::span<const acl::AclWordDef> controls;
constinit const std::span<const acl::AclWordDef> controls{acl::defs};
}  // namespace remex::registry::acl_words
