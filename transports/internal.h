// Shared inside transports/: results, and the user a local delivery runs as. Not for other folders.
#pragma once

#include <sys/types.h>
#include <functional>

#include <string>
#include <string_view>
#include <vector>

#include "core/io/courier.h"
#include "core/io/settler.h"
#include "lang/confinement.h"
#include "transports/transport.h"

namespace remex::transports {

std::vector<AddrResult> same_for_all(std::size_t n, const AddrResult& r);
AddrResult deferred_result(std::string message, const Trouble& trouble = Trouble::Kind::other, int sys_errno = 0);
AddrResult failed_result(std::string message);

/// An option of a transport cannot be used (its expansion failed, its value is none): the addresses wait, and the panic
/// log has the line as well. `number` is the one in "defer (N)". Make the result with deferred_for().
std::unexpected<Error> misconfigured(std::string text, int number = -1);
/// The same for what every transport needs before it does anything (user, directories, return path): a line of its own
/// tells the main and the panic log, now; the address's line stands in the main log only.
std::unexpected<Error> misconfigured_from_start(DeliverContext& ctx, const std::string& text, int number);
/// The addresses wait because of `e`: knows those of misconfigured(), and negative numbers for "defer (N)".
AddrResult deferred_for(const Error& e);
/// A number that is no limit when it is 0, with K, M or G behind it. Error: why it is none.
Result<std::int64_t> parse_limit(std::string_view text);
/// How the text of the error begins that build_headers() returns with the number kHeadersFailed.
constexpr std::string_view kHeadersTrouble = "failed to expand headers_add or headers_remove";
/// Exim's numbers for such troubles.
constexpr int kNotAbsolute = -21, kFilterFailed = -24, kHeadersFailed = -25, kExpansionFailed = -27, kNoGroup = -28,
              kNoUser = -29;

/// What the log says when an option cannot be expanded; the reason is put behind it.
struct ExpansionTrouble {
  /// {0} is the option's text, {1} the transport's name, {2} `what`.
  std::string_view words = "Expansion of \"{0}\" in {1} transport failed";
  std::string_view what;
  int number = -1;
  bool panic = true;  ///< as misconfigured() does; false: the address's line is enough
};
/// "Expansion of "..." (prefix for local transport) failed".
constexpr ExpansionTrouble expansion_trouble(std::string_view what, int number = -1, bool panic = true) {
  return {"Expansion of \"{0}\" ({2} for {1} transport) failed", what, number, panic};
}
std::unexpected<Error> expansion_failed(const lang::Expansion& e, std::string_view transport, const Error& why,
                                        const ExpansionTrouble& trouble = {});

/// The address as a server is told it: without affixes unless rcpt_include_affixes, quoted where it must be.
std::string rcpt_address(const lang::DriverInstance& t, const routers::Addr& a);

/// A local transport's whole delivery of a batch: the size limit, then `deliver` with the first address in the scope,
/// the same result for all, and the shadow transport. An error of `deliver` defers.
std::vector<AddrResult> deliver_as_one(DeliverContext& ctx, const lang::DriverInstance& t,
                                       std::span<routers::Addr* const> batch,
                                       const std::function<Result<AddrResult>()>& deliver);

/// Who writes the files of a local delivery.
struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  bool change = false;      ///< false: this process already is that user
  bool initgroups = false;  ///< the courier looks the groups up
  bool courier = false;     ///< only the courier can act as this user
};

/// Transport user, else router user, else (as root) exim_user. Kind defer, with the reason, when the process cannot
/// become that user or must not (never_users). Parks: the account database is asked in the thread pool.
Result<Identity> find_identity(DeliverContext& ctx, const lang::DriverInstance& t, const routers::Addr& addr);

/// Makes the calling thread act on files as `id` until the end of the block (setfsuid(2) and friends: per thread, so
/// other deliveries are not touched). Only on a thread of the pool, never on the loop's.
class FileIdentity {
 public:
  explicit FileIdentity(const Identity& id);
  ~FileIdentity();
  FileIdentity(const FileIdentity&) = delete;
  FileIdentity& operator=(const FileIdentity&) = delete;
  /// False: the kernel refused; nothing may be written.
  bool ok() const { return ok_; }

 private:
  bool changed_ = false, ok_ = true;
  std::vector<gid_t> saved_groups_;
};

/// One message into a maildir. Filled on the loop, used in a pool thread, so it owns or outlives all it points to.
struct MaildirJob {
  std::string directory;     ///< absolute, checked
  std::string name;          ///< final name in new/
  bool look_in_cur = false;  ///< a repeat: the earlier copy may have been moved there
  Identity identity;
  mode_t mode = 0600, directory_mode = 0700;
  bool create_directory = true;
  bool sync = true;
  bool settle_later = false;  ///< the directory is synced by the caller (MaildirOutcome::unsynced), not here
  std::string head;           ///< prefix and header section with its empty line, as written
  std::shared_ptr<const mail::Body> body;  ///< may be null (headers_only)
  std::string tail;                        ///< message_suffix
  bool crlf = false;
};
struct MaildirOutcome {
  bool repeated = false;  ///< an earlier run had already delivered it
  std::uint64_t bytes = 0;
  io::UnsyncedPtr unsynced;  ///< settle_later: new/, to be synced before the delivery counts
};
/// Writes, syncs, links into new/, syncs new/. When it returns, the message is durable (with settle_later: when
/// `unsynced` was synced too). Errors carry errno.
Result<MaildirOutcome> deliver_to_maildir(const MaildirJob& job);

// ------------------------------------------------------------------ asking the courier

/// What a local transport writes: prefix, header section and body with check_string and use_crlf applied, suffix.
struct MessageText {
  std::string prefix, head, suffix;
  std::shared_ptr<const mail::Body> body;
  std::string check, escape;  ///< a line that begins with `check` begins with `escape` instead
  bool crlf = false;
  /// Octets as written; exact without check and crlf, which can only add.
  std::uint64_t size() const { return prefix.size() + head.size() + suffix.size() + (body ? body->size() : 0); }
};

/// Encodes a message line by line as MessageText says. Pieces may end anywhere.
class LineEncoder {
 public:
  explicit LineEncoder(const MessageText& m) : m_(m) {}
  void encode(std::string_view in, std::string& out);
  /// What was held back to compare with `check`.
  void finish(std::string& out);
  bool at_line_start() const { return at_start_; }

 private:
  const MessageText& m_;
  std::string held_;
  bool at_start_ = true;
};

/// Fields that say for which transport and as whom.
io::Fields courier_request(std::string_view op, const Identity& id, const lang::DriverInstance& t);
/// Parks, at most `limit`. Kind defer: it could not be done at all (refused, crashed, timed out), also logged.
Result<io::Fields> ask_courier(DeliverContext& ctx, const io::Fields& request, Seconds limit,
                               const MessageText* message);
/// The result of an answer with "error".
AddrResult courier_failure(const io::Fields& answer);

/// Expands; unset is empty. An error as expansion_failed() says it.
Result<std::string> expand_text(DeliverContext& ctx, const lang::Expansion& e, const ExpansionTrouble& trouble = {});
/// The same, and the value keeps its taint.
Result<Text> expand_tainted(DeliverContext& ctx, const lang::Expansion& e, const ExpansionTrouble& trouble = {});
/// An option that is true or false; `name` for the error, which is a misconfigured().
Result<bool> expand_bool(DeliverContext& ctx, const lang::DriverInstance& t, const lang::ExpandedBool& option,
                         std::string_view name);
/// A limit as the options of appendfile have it: "10M", "1.5G/no_check".
struct SizeLimit {
  std::int64_t bytes = 0;
  bool checked = true;  ///< false with /no_check: told of, and never a reason to refuse a message
};
/// Reads a number, maybe with decimals and K, M or G; `modifiers`: and maybe with /no_check behind it. Empty is 0;
/// nothing: it is malformed.
std::optional<SizeLimit> parse_size(std::string_view text, bool modifiers);
/// The same of an option's value; misconfigured() when it is malformed.
Result<SizeLimit> expand_size(DeliverContext& ctx, const lang::Expansion& e, bool modifiers);
/// home_directory of the transport, else of the address; also set as $home, which is tainted when it was made from
/// tainted text.
Result<std::string> home_directory(DeliverContext& ctx, const lang::DriverInstance& t, routers::Addr& a);
/// current_directory of the transport, else of the router, else home, else "/".
Result<std::string> current_directory(DeliverContext& ctx, const lang::DriverInstance& t, const routers::Addr& a,
                                      const std::string& home);
/// Headers and body as the generic options say (body_only, headers_only); prefix and suffix stay empty.
Result<MessageText> message_text(DeliverContext& ctx, const lang::DriverInstance& t,
                                 std::span<routers::Addr* const> batch);
/// "MAIL FROM" and "RCPT TO" lines in front, dots doubled, a final dot behind (use_bsmtp).
Status make_bsmtp(DeliverContext& ctx, const lang::DriverInstance& t, std::span<routers::Addr* const> batch,
                  MessageText& m);
/// "From sender date" of mbox files.
std::string from_line(const DeliverContext& ctx);

/// The words of a command as written, each expanded by itself (no shell). The address_pipe of a redirection is split
/// without expansion but for its variables. Errors: expansion, an empty command.
/// `trouble`: what has the command, for texts, and the number in "defer (N)" when a word cannot be expanded.
struct CommandTrouble {
  std::string what;  ///< "local transport", "transport filter"
  int number = -1;
  bool panic = true;  ///< as with ExpansionTrouble
};
Result<std::vector<std::string>> command_words(DeliverContext& ctx, const lang::Expansion& command,
                                               const CommandTrouble& trouble, std::span<routers::Addr* const> batch);
/// For text that is expanded here though it may be that of another user (`of_user`): only what reads and runs nothing.
lang::Confinement confinement_of(bool of_user, std::uint32_t forbidden);
/// The words of a filter's command, each expanded with what the filter had matched. Kind failed: a tainted word.
Result<std::vector<std::string>> filter_command(DeliverContext& ctx, const routers::Addr& a,
                                                std::string_view transport);
/// The same for use_shell: the whole line is expanded at once.
Result<std::string> filter_shell_line(DeliverContext& ctx, const routers::Addr& a, std::string_view transport);
struct CommandWord {
  std::string text;
  bool quoted = false;

  /// Stands for all addresses, or for the words of a redirection's command (only unquoted, and not a part of a word).
  bool is_pipe_addresses() const { return !quoted && (text == "$pipe_addresses" || text == "${pipe_addresses}"); }
  bool is_address_pipe() const { return !quoted && (text == "$address_pipe" || text == "${address_pipe}"); }
};
/// The same as split_command(), with what was in quotes.
Result<std::vector<CommandWord>> split_command_words(std::string_view line);
/// Splits a command line: blanks separate, quotes protect ('...' all, "..." with backslash escapes). Kind failed.
Result<std::vector<std::string>> split_command(std::string_view line);

/// Applies transport_filter to `m` (kind defer when the filter fails, timed_out when it takes too long). Parks.
Status apply_filter(DeliverContext& ctx, const lang::DriverInstance& t, const Identity& id,
                    std::span<routers::Addr* const> batch, MessageText& m);
/// The variables that command_environment() sets. A command gets no others but those of the option `environment`.
inline constexpr std::string_view kCommandVariables[] = {
    "LOCAL_PART", "LOGNAME",    "USER", "LOCAL_PART_PREFIX", "LOCAL_PART_SUFFIX", "DOMAIN", "HOME",
    "HOST",       "MESSAGE_ID", "PATH", "RECIPIENT",         "QUALIFY_DOMAIN",    "SENDER", "SHELL",
    "TZ"};
/// PATH and SHELL of commands, as far as no option says something else.
inline constexpr std::string_view kCommandPath = "/bin:/usr/bin", kCommandShell = "/bin/sh";
/// The environment of commands of this delivery, as the manual lists it. Entries are name=value.
std::vector<std::string> command_environment(DeliverContext& ctx, const routers::Addr& a, const std::string& home,
                                             std::string_view path = kCommandPath);
/// batch_max, or 1 when an option mentions $local_part (which has no value for several addresses).
int limited_batch(const lang::DriverInstance& t, std::int64_t batch_max);
/// Runs shadow_transport when its condition holds, after these were delivered. Parks.
void run_shadow(DeliverContext& ctx, const lang::DriverInstance& t, std::span<routers::Addr* const> batch,
                std::vector<AddrResult>& results);

}  // namespace remex::transports
