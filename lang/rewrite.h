// Address rewriting (manual chapter 31): one rule, and what rules make of an address, a header line or an SMTP path.
//
// Rules come from the rewrite section and from headers_rewrite of transports. Reception, verification, redirection,
// transports and -brw apply them. A rule that fails leaves the address as it is and is logged; nothing is lost.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/mail/envelope.h"
#include "core/mail/message.h"
#include "lang/expand.h"
#include "lang/list.h"

namespace remex::lang {

/// Where an address stands. The order is that of -brw.
enum class RewriteField : std::uint8_t { sender, from, to, cc, bcc, reply_to, env_from, env_to };

struct RewriteRule {
  std::string pattern_text;
  SourceText replacement_source;
  MatchList pattern;            ///< one item, caseful
  Expansion replacement;        ///< unset: "*", leave the address alone and stop
  std::string flags;            ///< as written
  std::uint8_t fields = 0xFF;   ///< bit per RewriteField
  bool smtp = false;            ///< S: on the raw argument of MAIL and RCPT
  bool quit = false;            ///< q
  bool repeat = false;          ///< R
  bool whole = false;           ///< w
  bool unqualified_ok = false;  ///< Q
  Pos pos;
  bool in(RewriteField f) const { return (fields >> static_cast<unsigned>(f) & 1U) != 0; }
};

/// Reads `pattern replacement flags`. False with a diagnostic. `transport`: headers_rewrite, where only headers exist.
bool parse_rewrite_rule(const SourceText& line, const CompileContext& ctx, bool transport, RewriteRule& out);

/// Applies a set of rules for one message. Cheap to make; parks (lookups).
class Rewriter {
 public:
  Rewriter(Scope& scope, std::span<const RewriteRule> rules) : scope_(scope), rules_(rules) {}

  /// The qualified address after all rules; the same when none applies.
  std::string address(const std::string& address, RewriteField field);
  /// S rules on the path of MAIL (`sender`) or RCPT, brackets included.
  std::string smtp_path(const std::string& path, bool sender);
  /// New text of an address header (type letters B C F R S T), or nothing when it stays as it is. Unqualified addresses
  /// get `sender_domain` or `recipient_domain` first when that is not empty.
  std::optional<std::string> header(const mail::Header& h, std::string_view sender_domain,
                                    std::string_view recipient_domain);
  /// Rewrites every header of `list` in place.
  void headers(mail::HeaderList& list, std::string_view sender_domain, std::string_view recipient_domain);

  bool has_rules() const { return !rules_.empty(); }
  /// In front of log lines: the message's id and a blank where the services do not know it.
  std::string log_prefix;

 private:
  struct Result {
    std::string address;
    std::string whole;  ///< the complete mailbox a `w` rule made, else empty
  };
  Result apply(const std::string& address, RewriteField field);
  enum class Step : std::uint8_t { next, again, stop };
  Step apply_rule(const RewriteRule& rule, std::size_t number, RewriteField field, Result& now);
  bool take_replacement(const RewriteRule& rule, const std::string& text, RewriteField field, Result& now);
  void complain(const std::string& text);
  void report(const std::string& before, std::string_view where, std::string_view after, std::size_t rule);

  Scope& scope_;
  std::span<const RewriteRule> rules_;
};

/// The envelope sender after the global rules, once per message: verification and reception both ask.
void rewrite_sender(Scope& scope, mail::Envelope& envelope);

/// The field a header of this type letter belongs to; nothing when it holds no addresses to rewrite.
std::optional<RewriteField> rewrite_field(char header_type);
/// "sender:", "env-from": how logs name a field.
std::string_view field_name(RewriteField f);

}  // namespace remex::lang
