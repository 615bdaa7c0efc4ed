// Access control lists: compiled statements, run over a Scope at one of the hooks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/mail/message.h"
#include "lang/config.h"
#include "lang/scope.h"

namespace remex::acl {

enum class Hook : std::uint8_t {
  connect,
  helo,
  mail,
  rcpt,
  predata,
  data,
  dkim,
  mime,
  not_smtp,
  not_smtp_start,
  quit,
  notquit,
  vrfy,
  expn,
  etrn,
  auth,
  mailauth,
  starttls,
  prdr,
  unknown
};
std::string_view to_string(Hook h);

struct MimeContext;  // acl/mime.h

enum class Verdict : std::uint8_t { accept, deny, defer, drop, discard };

/// What controls and modifiers asked for; kept by the session and applied by it. Message-lifetime parts are reset per
/// message.
struct Effects {
  struct AddedHeader {
    std::string text;
    mail::Where where = mail::Where::at_end;
  };
  std::vector<AddedHeader> add_headers;                        ///< queued by add_header (and warn message=)
  std::vector<std::string> remove_headers;                     ///< names or ^regex
  std::unordered_set<std::string> added_texts, removed_names;  ///< what is queued, to queue nothing twice
  /// False: the same is queued already.
  bool add_header(const std::string& text, mail::Where where) {
    if (!added_texts.insert(text).second) return false;
    add_headers.push_back({text, where});
    return true;
  }
  /// A name that waits to be removed is queued once, however many recipients ask for it.
  void remove_header(std::string name) {
    if (removed_names.insert(name).second) remove_headers.push_back(std::move(name));
  }
  bool freeze = false, freeze_no_tell = false;
  bool queue_only = false;
  bool submission = false, submission_sender_retain = false;
  std::string submission_domain, submission_name;
  bool suppress_local_fixups = false;
  bool dkim_disable_verify = false, dmarc_disable_verify = false;
  bool fakereject = false, fakedefer = false;
  std::string fake_message;
  bool no_enforce_sync = false, enforce_sync = false;
  bool no_multiline_responses = false;
  bool no_pipelining = false;
  bool caseful_local_part = false;
  bool no_delay_flush = false, no_callout_flush = false;
  bool allow_auth_unadvertised = false;
  bool cutthrough = false;             ///< deliver before the message is accepted
  bool cutthrough_pass_defer = false;  ///< the next host's 4xx goes to the client; otherwise the message is queued
  int dscp = -1;                       ///< DSCP of the inbound connection (0..63), -1: as it is
  /// control = debug: what this session would explain with -d goes to a file of its own.
  struct DebugLog {
    bool on = false, triggered = true, kill = false;
    std::string tag;             ///< after "debuglog" in the file's name
    std::size_t pretrigger = 0;  ///< octets kept in memory until the trigger
  } debug;
  /// control = utf8_downconvert: 1 always, 0 never, -1 when the next host needs it; unset: nothing was said.
  std::optional<int> utf8_downconvert;
  bool no_mbox_unspool = false;  ///< copies made for scanners stay in the spool's scan directory
  MimeContext* mime = nullptr;   ///< the part at which a MIME ACL looks; null at all other times
};

struct Outcome {
  Verdict verdict = Verdict::accept;
  /// Text for the SMTP reply, may start with "550 5.7.1 "; may have several lines. Empty: the hook's default.
  std::string user_message;
  /// Lines sent before user_message with the same code (what sender verification found), each ended by a newline.
  std::string details;
  /// One line for the log; already the user message's first line when nothing better is known.
  std::string log_message;
  bool unusable = false;  ///< run_named: there is no such ACL, or its text is wrong
  int log_targets = 3;    ///< logs that get the line of a rejection (bits of lang::LogTarget): log_reject_target
};

/// A compiled ACL. Immutable.
class Acl;  // derives from lang::CompiledAcl; acl/internal.h

/// The value lang::Registries wants.
const lang::AclCompiler& compiler();

/// Expands a hook option (named ACL, inline text, file) and runs what it names. `option` unset gives the hook's default
/// verdict. Effects accumulate. Parks. `flush` is called before delays so that the client sees earlier replies.
Outcome run_hook(Hook hook, const lang::Expansion& option, lang::Scope& scope, Effects& effects,
                 const std::function<void()>& flush = {});
/// Runs ACL `name` with arguments (acl condition, ${acl{...}}); used by Services::run_acl. Trouble is Verdict::defer
/// with a log text.
Outcome run_named(Hook hook, const Text& name_or_text, const std::vector<Text>& args, lang::Scope& scope,
                  Effects& effects);

/// What an expansion gets from the ACL `name` it ran: accept true, deny false, the text in `message`. Errors:
/// forced_fail for defer; failed for drop, and for an ACL that does not exist or is wrong.
Result<bool> as_expansion(Outcome&& outcome, const Text& name, Text& message);

/// verify = helo for helo_verify_hosts: found, try_again, or anything else for "does not verify". Parks.
dns::Outcome verify_helo(lang::Scope& scope);

/// Removes what scanning conditions put below <spool_directory>/scan for this message (control = no_mbox_unspool keeps
/// it).
void remove_scan_files(lang::Scope& scope, const Effects& effects);

}  // namespace remex::acl
