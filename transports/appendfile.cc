// appendfile: delivery into files. Maildir now; single mailbox files (mbox, MBX), one-file-per-message directories and
// mailstore are refused when the configuration is loaded.
//
// The name of a message in new/ is SECONDS.H<digits>P<digits>.<host>: the seconds of its arrival, and digits made from
// message id, recipient, router and transport. So every delivery has its own name, and the repeat of one that was cut
// short by a crash finds the file of the first try instead of making a second one.
#include <fmt/core.h>

#include <algorithm>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "lang/diagnostics.h"
#include "transports/internal.h"

namespace remex::transports {
namespace {

using lang::OptionType;
using lang::ref;
using lang::State;

struct AppendfileOptions : lang::DriverOptions {
  lang::Expansion directory, maildir_tag, message_prefix, message_suffix;
  bool maildir_format = false, create_directory = true, use_crlf = false;
  std::int64_t mode = 0600, directory_mode = 0700;
  std::string create_file = "anywhere";
};
using O = AppendfileOptions;

// "*" as harmless value: the option only matters to forms that are refused by their own option.
constexpr OptionDef kOptions[] = {
    {"allow_fifo", OptionType::boolean, nullptr, "false", "deliver to a FIFO", State::later, "false", "", 3},
    {"allow_symlink", OptionType::boolean, nullptr, "false", "the mailbox may be a symbolic link", State::later,
     "false", "", 3},
    {"batch_id", OptionType::expanded, nullptr, "", "key that splits batches", State::later, "", "", 3},
    {"batch_max", OptionType::integer, nullptr, "1", "addresses in one delivery", State::later, "1", "", 3},
    {"check_group", OptionType::boolean, nullptr, "false", "the file's group must match", State::later, "*", "", 3},
    {"check_owner", OptionType::boolean, nullptr, "true", "the file's owner must match", State::later, "*", "", 2},
    {"check_string", OptionType::string, nullptr, "", "line start that is escaped", State::later, "", "", 1},
    {"create_directory", OptionType::boolean, ref<&O::create_directory>, "true", "make missing directories"},
    {"create_file", OptionType::string, ref<&O::create_file>, "anywhere",
     "where directories may be made: anywhere, inhome, belowhome or a path"},
    {"directory", OptionType::expanded, ref<&O::directory>, "", "directory of the maildir", State::works, "",
     "directory"},
    {"directory_file", OptionType::expanded, nullptr, "", "name of a plain new file", State::later, "", "", 3},
    {"directory_mode", OptionType::octal, ref<&O::directory_mode>, "0700", "mode of created directories"},
    {"escape_string", OptionType::string, nullptr, "", "replacement for check_string", State::later, "", "", 1},
    {"file", OptionType::expanded, nullptr, "", "mailbox file", State::later, "", "file"},
    {"file_format", OptionType::string, nullptr, "", "recognises mailbox formats", State::later, "", "", 4},
    {"file_must_exist", OptionType::boolean, nullptr, "false", "defer when the file is missing", State::later, "false",
     "", 2},
    {"lock_fcntl_timeout", OptionType::time, nullptr, "0s", "limit for a blocking fcntl lock", State::later, "*", "",
     3},
    {"lock_flock_timeout", OptionType::time, nullptr, "0s", "limit for a blocking flock", State::later, "*", "", 3},
    {"lock_interval", OptionType::time, nullptr, "3s", "wait between attempts to lock", State::later, "*", "", 3},
    {"lock_retries", OptionType::integer, nullptr, "10", "attempts to lock", State::later, "*", "", 3},
    {"lockfile_mode", OptionType::octal, nullptr, "0600", "mode of the lock file", State::later, "*", "", 3},
    {"lockfile_timeout", OptionType::time, nullptr, "30m", "age of a stale lock file", State::later, "*", "", 3},
    {"mailbox_filecount", OptionType::expanded, nullptr, "", "number of files, for quota", State::later, "", "", 3},
    {"mailbox_size", OptionType::expanded, nullptr, "", "size of the mailbox, for quota", State::later, "", "", 3},
    {"maildir_format", OptionType::boolean, ref<&O::maildir_format>, "false", "deliver as maildir"},
    {"maildir_quota_directory_regex", OptionType::string, nullptr, "^(?:cur|new|\\..*)$",
     "folders that count for quota", State::later, "*", "", 3},
    {"maildir_retries", OptionType::integer, nullptr, "10", "attempts to find a free name", State::later, "*", "", 3},
    {"maildir_tag", OptionType::expanded, ref<&O::maildir_tag>, "", "text added to the name in new/"},
    {"maildir_use_size_file", OptionType::expanded_boolean, nullptr, "false", "maintain maildirsize", State::later,
     "false"},
    {"maildirfolder_create_regex", OptionType::string, nullptr, "", "when to make maildirfolder", State::later, "", "",
     3},
    {"mailstore_format", OptionType::boolean, nullptr, "false", "deliver as mailstore", State::later, "false", "", 4},
    {"mailstore_prefix", OptionType::expanded, nullptr, "", "text before a mailstore envelope", State::later, "", "",
     4},
    {"mailstore_suffix", OptionType::expanded, nullptr, "", "text after a mailstore envelope", State::later, "", "", 4},
    {"mbx_format", OptionType::boolean, nullptr, "false", "deliver as MBX", State::later, "false", "", 4},
    {"message_prefix", OptionType::expanded, ref<&O::message_prefix>, "", "text before the message", State::works, "",
     "", 2},
    {"message_suffix", OptionType::expanded, ref<&O::message_suffix>, "", "text after the message", State::works, "",
     "", 2},
    {"mode", OptionType::octal, ref<&O::mode>, "0600", "mode of created files"},
    {"mode_fail_narrower", OptionType::boolean, nullptr, "true", "defer when the file's mode is narrower", State::later,
     "*"},
    {"notify_comsat", OptionType::boolean, nullptr, "false", "notify comsat", State::later, "false", "", 4},
    {"quota", OptionType::expanded, nullptr, "", "size limit of the mailbox", State::later, "0"},
    {"quota_directory", OptionType::expanded, nullptr, "", "directory measured for quota", State::later, "", "", 2},
    {"quota_filecount", OptionType::expanded, nullptr, "0", "limit on the number of files", State::later, "0", "", 2},
    {"quota_is_inclusive", OptionType::boolean, nullptr, "true", "the message itself counts", State::later, "*", "", 2},
    {"quota_size_regex", OptionType::string, nullptr, "", "finds the size in a file name", State::later, "*", "", 2},
    {"quota_warn_message", OptionType::expanded, nullptr, "", "notice near the quota", State::later, "*", "", 2},
    {"quota_warn_threshold", OptionType::expanded, nullptr, "0", "when the notice is sent", State::later, "0"},
    {"use_bsmtp", OptionType::boolean, nullptr, "false", "write batch SMTP", State::later, "false", "", 2},
    {"use_crlf", OptionType::boolean, ref<&O::use_crlf>, "false", "write CRLF line ends", State::works, "", "", 3},
    {"use_fcntl_lock", OptionType::boolean, nullptr, "true", "lock with fcntl", State::later, "*", "", 2},
    {"use_flock_lock", OptionType::boolean, nullptr, "false", "lock with flock", State::later, "*", "", 3},
    {"use_lockfile", OptionType::boolean, nullptr, "true", "lock with a lock file", State::later, "*", "", 2},
    {"use_mbx_lock", OptionType::boolean, nullptr, "false", "lock as MBX", State::later, "false", "", 4},
};

void check(lang::DriverInstance& t, const lang::Config& config, lang::Diagnostics& diag) {
  check_generic(t, config, diag);
  const auto& o = static_cast<const AppendfileOptions&>(*t.options);
  if (t.find_given("file") != nullptr) return;  // reported as unsupported already
  if (!o.maildir_format)
    diag.error("unsupported", t.pos, static_cast<std::uint32_t>(t.name.size()),
               fmt::format("transport \"{}\": appendfile without maildir_format is not supported yet", t.name));
  const std::string& c = o.create_file;
  if (c != "anywhere" && c != "inhome" && c != "belowhome" && !c.starts_with('/')) {
    const auto* given = t.find_given("create_file");
    diag.error("bad-option-value", given != nullptr ? given->pos : t.pos, 11,
               fmt::format("transport \"{}\": \"{}\" is not a value of create_file", t.name, c),
               "anywhere, inhome, belowhome or an absolute path");
  }
}

// ------------------------------------------------------------------ the name

std::uint64_t mix(std::uint64_t h, std::string_view s) {
  for (const char c : s) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  h = (h ^ 0xffU) * 0x100000001b3ULL;  // end mark: "a"+"bc" is not "ab"+"c"
  return h;
}

std::uint64_t finish(std::uint64_t h) {
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ULL;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebULL;
  return h ^ (h >> 31);
}

/// The host part: / and : are written as the maildir specification says.
std::string host_part(const std::string& host) {
  return host.empty() ? "localhost" : replace_all(replace_all(host, "/", "\\057"), ":", "\\072");
}

std::string maildir_name(const DeliverContext& ctx, const lang::DriverInstance& t, const routers::Addr& a) {
  const mail::Envelope& env = ctx.job.envelope;
  std::uint64_t h = mix(0xcbf29ce484222325ULL, env.id);
  h = mix(h, a.unique);
  h = mix(h, a.special.view());
  h = mix(h, t.name);
  if (a.router != nullptr) h = mix(h, a.router->name);
  for (const routers::Addr* p = a.parent; p != nullptr; p = p->parent) h = mix(h, p->unique);
  const std::uint64_t usec = finish(h) % 1000000, pid = finish(h ^ 0x9e3779b97f4a7c15ULL) % 10000000000ULL;
  std::int64_t seconds = std::chrono::duration_cast<Seconds>(env.received.time_since_epoch()).count();
  if (seconds <= 0) seconds = wall_seconds();
  return fmt::format("{}.H{}P{}.{}", seconds, usec, pid, host_part(ctx.config.main.primary_hostname));
}

/// ",S=1234" behind the name; printing characters without a slash, a colon in front of a letter or digit.
Result<std::string> name_tag(DeliverContext& ctx, const AppendfileOptions& o, std::uint64_t size) {
  if (!o.maildir_tag.is_set()) return std::string();
  const std::uint64_t saved = ctx.job.envelope.size;
  ctx.job.envelope.size = size;  // $message_size is exact here
  auto text = o.maildir_tag.eval(ctx.scope);
  ctx.job.envelope.size = saved;
  if (!text) {
    if (text.error().kind == ErrorKind::forced_fail) return std::string();
    return defer(fmt::format("expansion of maildir_tag failed: {}", text.error().text));
  }
  std::string tag;
  for (const char c : text->view())
    if (is_printable(c) && c != '/') tag += c;
  if (!tag.empty() && is_alnum(tag.front())) tag.insert(tag.begin(), ':');
  return tag;
}

// ------------------------------------------------------------------ where

bool has_dot_dot(std::string_view path) {
  for (std::string_view part : split(path, '/'))
    if (part == ".." || part == ".") return true;
  return false;
}

bool is_below(std::string_view path, std::string_view base) {
  while (base.ends_with('/')) base.remove_suffix(1);
  return path == base || (path.starts_with(base) && path.size() > base.size() && path[base.size()] == '/');
}

/// May a missing directory be made here? create_file.
Result<bool> may_create(const AppendfileOptions& o, const std::string& directory, const std::string& home) {
  if (!o.create_directory) return false;
  if (o.create_file == "anywhere") return true;
  const std::string& base = o.create_file.starts_with('/') ? o.create_file : home;
  if (base.empty()) return defer(fmt::format("create_file = {}: there is no home directory", o.create_file));
  return is_below(directory, base);
}

Result<std::string> find_directory(DeliverContext& ctx, const lang::DriverInstance& t, const AppendfileOptions& o,
                                   const routers::Addr& a) {
  Text path;
  if (a.is_directory || a.is_file) {
    path = a.special;  // from a redirection: "/dir/"
  } else {
    if (!o.directory.is_set()) return defer(fmt::format("{} transport: directory is not set", t.name));
    auto text = o.directory.eval(ctx.scope);
    if (!text)
      return defer(fmt::format("Expansion of \"{}\" (directory for {} transport) failed: {}", o.directory.source_text(),
                               t.name, text.error().text));
    path = std::move(*text);
  }
  std::string dir = path.str();
  while (dir.size() > 1 && dir.ends_with('/')) dir.pop_back();
  // A fixed base makes the result trustworthy, as belowhome does in Exim.
  const bool based = o.create_file.starts_with('/') && is_below(dir, o.create_file);
  if (path.is_tainted() && !based)
    return defer(
        fmt::format("Tainted '{}' (file or directory name for {} transport) not permitted", printable(dir), t.name));
  if (!dir.starts_with('/')) return defer(fmt::format("directory name \"{}\" is not absolute", printable(dir)));
  if (has_dot_dot(dir) || dir.find('\0') != std::string::npos)
    return defer(fmt::format("directory name \"{}\" has a . or .. component", printable(dir)));
  return dir;
}

Result<std::string> expand_text(DeliverContext& ctx, const lang::Expansion& e, std::string_view what) {
  if (!e.is_set()) return std::string();
  auto text = e.eval(ctx.scope);
  if (!text) return defer(fmt::format("failed to expand {}: {}", what, text.error().text));
  return text->str();
}

Result<std::string> home_directory(DeliverContext& ctx, const lang::DriverInstance& t, const routers::Addr& a) {
  if (!generic(t).home_directory.is_set()) return a.home_directory;
  return expand_text(ctx, generic(t).home_directory, "home_directory");
}

// ------------------------------------------------------------------ delivery

Result<MaildirJob> prepare(DeliverContext& ctx, const lang::DriverInstance& t, routers::Addr* const& a) {
  const auto& o = static_cast<const AppendfileOptions&>(*t.options);
  MaildirJob job;
  REMEX_TRY(const std::string home, home_directory(ctx, t, *a));
  if (!home.empty()) a->state.home = home;
  REMEX_TRY(job.identity, find_identity(ctx, t, *a));
  REMEX_TRY(job.directory, find_directory(ctx, t, o, *a));
  REMEX_TRY(job.create_directory, may_create(o, job.directory, home));
  job.mode = static_cast<mode_t>(o.mode);
  job.directory_mode = static_cast<mode_t>(o.directory_mode);
  job.crlf = o.use_crlf;
  job.sync = !ctx.config.main.disable_fsync;
  job.settle_later = ctx.settle_later;
  job.look_in_cur = !ctx.job.first_attempt;

  REMEX_TRY(const bool body_only, generic(t).body_only.eval(ctx.scope));
  REMEX_TRY(const bool headers_only, generic(t).headers_only.eval(ctx.scope));
  REMEX_TRY(job.head, expand_text(ctx, o.message_prefix, "message_prefix"));
  if (!body_only) {
    REMEX_TRY(const std::string headers, build_headers(ctx, t, std::span<routers::Addr* const>(&a, 1)));
    job.head += headers;
    job.head += '\n';
  }
  if (!headers_only) job.body = ctx.job.body;
  REMEX_TRY(job.tail, expand_text(ctx, o.message_suffix, "message_suffix"));

  const std::uint64_t size = job.head.size() + job.tail.size() + (job.body ? job.body->size() : 0);
  job.name = maildir_name(ctx, t, *a);
  REMEX_TRY(const std::string tag, name_tag(ctx, o, size));
  if (job.name.size() + tag.size() <= 255) job.name += tag;
  return job;
}

AddrResult deliver_one(DeliverContext& ctx, const lang::DriverInstance& t, routers::Addr* const& a) {
  if (Status size = check_size_limit(ctx, t, ctx.job.envelope.size); !size)
    return size.error().kind == ErrorKind::failed ? failed_result(size.error().text)
                                                  : deferred_result(size.error().text);
  auto job = prepare(ctx, t, a);
  if (!job) return deferred_result(job.error().text);
  auto done = io::offload([&] { return deliver_to_maildir(*job); });
  if (!done) {
    const int err = done.error().sys_errno;
    std::string text = done.error().text;
    if (err == EDQUOT) text = "mailbox is full (system quota): " + text;
    return deferred_result(std::move(text), err == EDQUOT ? "quota" : "", err);
  }
  if (done->repeated && ctx.scope.services != nullptr && ctx.scope.services->debugging())
    ctx.scope.services->debug(fmt::format("{} was there already: an earlier run had delivered it", job->name));
  AddrResult r;
  r.fate = Fate::delivered;
  r.file = job->directory + "/new/" + job->name;
  r.unsynced = std::move(done->unsynced);
  return r;
}

std::vector<AddrResult> deliver(DeliverContext& ctx, const lang::DriverInstance& t,
                                std::span<routers::Addr* const> batch) {
  std::vector<AddrResult> results;
  for (routers::Addr* const& a : batch) {
    lang::AddressState* const saved = ctx.scope.address;
    ctx.scope.address = &a->state;
    results.push_back(deliver_one(ctx, t, a));
    ctx.scope.address = saved;
  }
  return results;
}

constexpr TransportDef defs[] = {
    {.driver = {.kind = lang::DriverKind::transport,
                .name = "appendfile",
                .summary = "delivers into files; maildir so far",
                .doc =
                    "directory and maildir_format: the message is complete and synced before it appears in new/. The "
                    "directory must be absolute, untainted and free of dot-dot.",
                .options = kOptions,
                .make_options =
                    +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<AppendfileOptions>(); },
                .check = check},
     .is_local = true,
     .deliver = deliver,
     .batch_limit = +[](const lang::DriverInstance&) { return 1; }},
};

}  // namespace
}  // namespace remex::transports

namespace remex::registry::transports {
extern const std::span<const TransportDef> appendfile;
constinit const std::span<const TransportDef> appendfile{remex::transports::defs};
}  // namespace remex::registry::transports
