// Controls (control = ...): each sets a field of Effects that the session applies.

#include <fmt/core.h>

#include "acl/word.h"
#include "core/base/strings.h"
#include "core/io/dscp.h"

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

std::string dscp(Run& run, std::string_view argument) {
  if (!argument.starts_with('/')) return "missing value in \"control=dscp\"";
  const auto value = io::parse_dscp(argument.substr(1));
  if (!value) return fmt::format("bad value \"{}\" in \"control=dscp\"", printable(trim(argument.substr(1))));
  run.effects.dscp = *value;
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
/// The examples of `row` belong into another ACL than the RCPT ACL.
constexpr AclWordDef at(lang::Where where, AclWordDef row) {
  row.where = where;
  return row;
}
constexpr AclWordDef later_row(std::string_view name, std::string_view summary, std::uint8_t tier) {
  return {.name = name, .kind = WordKind::control, .summary = summary, .state = lang::State::later, .tier = tier};
}

constexpr AclWordDef defs[] = {
    with_examples(control_row("freeze", kMessage, "Freezes the message; /no_tell", &freeze, 2),
                  {"accept  control = freeze/no_tell", "250 2.1.5 Accepted"},
                  {"accept  control = freeze/quietly", "451 4.3.0 Temporary local problem - please try later"}),
    with_examples(control_row("queue", kMessage, "Queues without immediate delivery", &queue, 2),
                  {"accept  control = queue", "250 2.1.5 Accepted"}, {"accept  control = queues", "", "E0510"}),
    with_examples(control_row("queue_only", kMessage, "Same as queue", &queue, 2),
                  {"accept  control = queue_only", "250 2.1.5 Accepted"}, {"accept  control = queueonly", "", "E0510"}),
    with_examples(
        control_row("submission", kEarly, "Submission fixups: sender_retain, domain=, name=", &submission),
        {"accept  authenticated = *\n        control = submission/domain=example.com", "250 2.1.5 Accepted"},
        {"accept  control = submission/dmain=example.com", "451 4.3.0 Temporary local problem - please try later"}),
    with_examples(control_row("suppress_local_fixups", kEarly, "No fixups for local messages",
                              &flag<&Effects::suppress_local_fixups>, 2),
                  {"accept  control = suppress_local_fixups", "250 2.1.5 Accepted"},
                  {"accept  control = suppress_local_fixup", "", "E0510"}),
    with_examples(
        control_row("dkim_disable_verify", kAnyHook, "Skips DKIM verification", &flag<&Effects::dkim_disable_verify>),
        {"accept  hosts = +relay_from_hosts\n        control = dkim_disable_verify\naccept  control = "
         "dkim_disable_verify",
         "250 2.1.5 Accepted"},
        {"accept  control = dkim_disable", "", "E0510"}),
    with_examples(
        control_row("dmarc_disable_verify", kAnyHook, "Skips DMARC", &flag<&Effects::dmarc_disable_verify>, 2),
        {"accept  control = dmarc_disable_verify", "250 2.1.5 Accepted"},
        {"accept  control = dmarc_disable", "", "E0510"}),
    with_examples(control_row("enforce_sync", kSmtpHooks, "Enforces SMTP synchronisation", &enforce, 3),
                  {"accept  control = enforce_sync", "250 2.1.5 Accepted"},
                  {"accept  control = enforce_synch", "", "E0510"}),
    with_examples(control_row("no_enforce_sync", kSmtpHooks, "Relaxes SMTP synchronisation", &no_enforce, 2),
                  {"accept  control = no_enforce_sync", "250 2.1.5 Accepted"},
                  {"accept  control = noenforce_sync", "", "E0510"}),
    with_examples(control_row("no_multiline_responses", kSmtpHooks, "Single-line rejections only",
                              &flag<&Effects::no_multiline_responses>, 3),
                  {"warn    control = no_multiline_responses\ndeny    message = one\\ntwo", "550 5.7.1 two"},
                  {"accept  control = no_multiline", "", "E0510"}),
    with_examples(
        at(lang::Where::helo, control_row("no_pipelining", bits({Hook::connect, Hook::helo}),
                                          "Does not advertise PIPELINING", &flag<&Effects::no_pipelining>, 3)),
        {"accept  control = no_pipelining",
         "250-mail.example.com Hello client.example.net [192.0.2.7]\n250-SIZE "
         "52428800\n250-LIMITS MAILMAX=1000 RCPTMAX=50000\n250-8BITMIME\n250-VRFY\n250-AUTH "
         "PLAIN\n250-CHUNKING\n250-STARTTLS\n250-ENHANCEDSTATUSCODES\n250-SMTPUTF8\n250 "
         "HELP"},
        {"accept  control = nopipelining", "", "E0510"}),
    with_examples(control_row("no_delay_flush", kAnyHook, "Does not flush output before a delay",
                              &flag<&Effects::no_delay_flush>, 3),
                  {"accept  control = no_delay_flush", "250 2.1.5 Accepted"},
                  {"accept  control = no_delayflush", "", "E0510"}),
    with_examples(control_row("no_callout_flush", kAnyHook, "Does not flush output before a callout",
                              &flag<&Effects::no_callout_flush>, 3),
                  {"accept  control = no_callout_flush", "250 2.1.5 Accepted"},
                  {"accept  control = no_callouts_flush", "", "E0510"}),
    with_examples(at(lang::Where::data, control_row("fakereject", kMessage, "Replies 550 but keeps the message",
                                                    &fake<&Effects::fakereject>, 3)),
                  {"accept  control = fakereject/The message looks like spam", "550 5.7.1 The message looks like spam"},
                  {"accept  control = fakereject=spam", "451 4.3.0 Temporary local problem - please try later"}),
    with_examples(at(lang::Where::data, control_row("fakedefer", kMessage, "Replies 450 but keeps the message",
                                                    &fake<&Effects::fakedefer>, 4)),
                  {"accept  control = fakedefer/Come back later", "450 4.2.0 Come back later"},
                  {"accept  control = fakedefer=later", "451 4.3.0 Temporary local problem - please try later"}),
    with_examples(control_row("caseful_local_part", bits({Hook::rcpt}), "Original case in $local_part",
                              &local_part_case<true>, 3),
                  {"accept  control = caseful_local_part\n        local_parts = joe", "250 2.1.5 Accepted"},
                  {"accept  control = casefull_local_part", "", "E0510"}),
    with_examples(
        control_row("caselower_local_part", bits({Hook::rcpt}), "Lower case in $local_part again",
                    &local_part_case<false>, 3),
        {"warn    control = caseful_local_part\naccept  control = caselower_local_part\n        local_parts = joe",
         "250 2.1.5 Accepted"},
        {"accept  control = lower_local_part", "", "E0510"}),
    with_examples(at(lang::Where::data, control_row("no_mbox_unspool", kAnyHook, "Keeps the copies made for scanners",
                                                    &flag<&Effects::no_mbox_unspool>, 4)),
                  {"accept  control = no_mbox_unspool", "250 2.0.0 OK id=..."},
                  {"accept  control = no_unspool", "", "E0510"}),
    with_examples(at(lang::Where::helo,
                     control_row("allow_auth_unadvertised", bits({Hook::connect, Hook::helo}),
                                 "Accepts AUTH that was not advertised", &flag<&Effects::allow_auth_unadvertised>, 3)),
                  {"accept  control = allow_auth_unadvertised",
                   "250-mail.example.com Hello client.example.net [192.0.2.7]\n250-SIZE "
                   "52428800\n250-LIMITS MAILMAX=1000 RCPTMAX=50000\n250-8BITMIME\n250-VRFY\n250-PIPELINING\n"
                   "250-PIPECONNECT\n250-AUTH "
                   "PLAIN\n250-CHUNKING\n250-STARTTLS\n250-ENHANCEDSTATUSCODES\n250-SMTPUTF8\n250 HELP"},
                  {"accept  control = allow_auth", "", "E0510"}),
    with_examples(control_row("debug", kAnyHook, "Writes a debug log", &debug, 3),
                  {"accept  control = debug/tag=.$sender_host_address", "250 2.1.5 Accepted"},
                  {"accept  control = debug/loud", "451 4.3.0 Temporary local problem - please try later"}),
    with_examples(control_row("dscp", kSmtpHooks, "Sets DSCP on the inbound socket", &dscp, 4),
                  {"accept  control = dscp/ef", "250 2.1.5 Accepted"},
                  {"accept  control = dscp/fast", "451 4.3.0 Temporary local problem - please try later"}),
    with_examples(
        control_row("utf8_downconvert", bits({Hook::rcpt}), "Requires an a-label envelope", &utf8_downconvert, 4),
        {"accept  control = utf8_downconvert", "250 2.1.5 Accepted"},
        {"accept  control = utf8downconvert", "", "E0510"}),
    with_examples(control_row("cutthrough_delivery", bits({Hook::rcpt}),
                              "Delivers before the message is accepted: defer=spool, pass", &cutthrough, 3),
                  {"accept  control = cutthrough_delivery", "250 2.1.5 Accepted"},
                  {"accept  control = cutthrough", "", "E0510"}),
    later_row("dmarc_enable_forensic", "Sends forensic reports", 4),
    later_row("wellknown", "File to return to WELLKNOWN", 4),
};

}  // namespace
}  // namespace remex::acl

namespace remex::registry::acl_words {
extern const std::span<const acl::AclWordDef> controls;
constinit const std::span<const acl::AclWordDef> controls{acl::defs};
}  // namespace remex::registry::acl_words
