// appendfile: delivery into files: mailbox files (mbox), maildirs, one file per message, mailstore. MBX and comsat are
// refused when the configuration is loaded. The writing itself is in mbox_work_util.cc, directory_work_util.cc and
// maildir_util.cc.
//
// The name of a message in new/ is SECONDS.H<digits>P<digits>.<host>: the seconds of its arrival, and digits made from
// message id, recipient, router and transport. So every delivery has its own name, and the repeat of one that was cut
// short by a crash finds the file of the first try instead of making a second one.
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/io/sandbox.h"
#include "core/mail/address.h"
#include "lang/diagnostics.h"
#include "lang/regex.h"
#include "transports/appendfile_options.h"
#include "transports/courier_work.h"
#include "transports/internal.h"
#include "transports/request_check.h"

namespace remex::transports {
namespace {

void check(lang::DriverInstance& t, const lang::Config& config, lang::Diagnostics& diag) {
  check_generic(t, config, diag);
  auto& o = static_cast<AppendfileOptions&>(*t.options);
  const auto complain = [&](std::string_view option, const std::string& text, std::string_view hint = {}) {
    const auto* given = t.find_given(option);
    diag.error("bad-option-value", given != nullptr ? given->pos : t.pos,
               static_cast<std::uint32_t>(given != nullptr ? option.size() : t.name.size()),
               fmt::format("transport \"{}\": {}", t.name, text), std::string(hint));
  };
  const bool file = t.find_given("file") != nullptr, directory = t.find_given("directory") != nullptr;
  if (!directory && !o.use_lockfile && !o.use_fcntl_lock && !o.use_flock_lock)
    complain("use_lockfile", "no lock is configured", "one of use_lockfile, use_fcntl_lock and use_flock_lock");
  if (file && directory) complain("directory", "file and directory cannot both be set");
  if (file && o.maildir_format) complain("file", "maildir_format needs directory, not file");
  if (file && o.mailstore_format) complain("file", "mailstore_format needs directory, not file");
  if (o.maildir_format && o.mailstore_format)
    complain("mailstore_format", "maildir_format and mailstore_format cannot both be set");
  if (t.find_given("quota_size_regex") != nullptr || t.find_given("maildir_quota_directory_regex") != nullptr)
    for (const std::string& source : {o.quota_size_regex, o.maildir_quota_directory_regex})
      if (auto re = lang::Regex::compile(source); !re) complain("quota_size_regex", re.error().text);
  if (!o.maildirfolder_create_regex.empty())
    if (auto re = lang::Regex::compile(o.maildirfolder_create_regex); !re)
      complain("maildirfolder_create_regex", re.error().text);
  if (o.use_bsmtp && t.find_given("check_string") == nullptr) o.check_string = ".", o.escape_string = "..";
  if (t.find_given("check_string") != nullptr && t.find_given("escape_string") == nullptr)
    complain("check_string", "check_string needs escape_string");
  for (const auto& [name, value] : {std::pair("quota", &o.quota), std::pair("quota_filecount", &o.quota_filecount)})
    if (value->is_constant() && !parse_size(value->constant(), true))
      complain(name, fmt::format("\"{}\" is not a value of {}", value->constant(), name),
               "a number like 500M, or 500M/no_check to refuse nothing");
  const std::string& c = o.create_file;
  if (c != "anywhere" && c != "inhome" && c != "belowhome" && !c.starts_with('/'))
    complain("create_file", fmt::format("\"{}\" is not a value of create_file", c),
             "anywhere, inhome, belowhome or an absolute path");
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
Result<std::string> name_tag(DeliverContext& ctx, const lang::DriverInstance& t, const AppendfileOptions& o,
                             std::uint64_t size) {
  if (!o.maildir_tag.is_set()) return std::string();
  const std::uint64_t saved = ctx.job.envelope.size;
  ctx.job.envelope.size = size;  // $message_size is exact here
  auto text = o.maildir_tag.eval(ctx.scope);
  ctx.job.envelope.size = saved;
  if (!text) {
    if (text.error().kind == ErrorKind::forced_fail) return std::string();
    return expansion_failed(o.maildir_tag, t.name, text.error(), expansion_trouble("maildir_tag"));
  }
  std::string tag;
  for (const char c : text->view())
    if (is_printable(c) && c != '/') tag += c;
  if (!tag.empty() && is_alnum(tag.front())) tag.insert(tag.begin(), ':');
  return tag;
}

// ------------------------------------------------------------------ where

bool is_below(std::string_view path, std::string_view base) {
  while (base.ends_with('/')) base.remove_suffix(1);
  return path == base || (path.starts_with(base) && path.size() > base.size() && path[base.size()] == '/');
}

enum class Format : std::uint8_t { mbox, maildir, plain, mailstore };

struct Place {
  std::string path;
  Format format = Format::mbox;
  bool special = false;  ///< from a redirection, not from an option
};

/// May a missing file or directory be made here? create_file.
Result<bool> may_create(const AppendfileOptions& o, const Place& place, const std::string& home) {
  if (place.format != Format::mbox && !o.create_directory) return false;
  if (o.create_file == "anywhere") return true;
  const bool in_home = o.create_file == "inhome";
  const std::string& base = o.create_file.starts_with('/') ? o.create_file : home;
  if (base.empty()) return defer(fmt::format("create_file = {}: there is no home directory", o.create_file));
  if (in_home) return place.path.substr(0, place.path.rfind('/')) == base;
  return is_below(place.path, base);
}

Result<Place> find_place(DeliverContext& ctx, const lang::DriverInstance& t, const AppendfileOptions& o,
                         const routers::Addr& a) {
  Place place;
  Text path;
  const lang::Expansion& option = o.file.is_set() ? o.file : o.directory;
  if (option.is_set()) {
    auto text = option.eval(ctx.scope);
    if (!text) return expansion_failed(option, t.name, text.error(), expansion_trouble("file or directory name"));
    path = std::move(*text);
  } else if (a.is_directory || a.is_file) {
    path = a.special;  // from a redirection: "/dir/" or "/file"
    place.special = true;
  } else {
    return defer(fmt::format("{} transport: neither file nor directory is set", t.name));
  }
  std::string dir = path.str();
  const bool is_directory = o.directory.is_set() || (!option.is_set() && (a.is_directory || dir.ends_with('/')));
  while (dir.size() > 1 && dir.ends_with('/')) dir.pop_back();
  // A fixed base makes the result trustworthy, as belowhome does in Exim.
  const bool based = o.create_file.starts_with('/') && is_below(dir, o.create_file);
  if (path.is_tainted() && !based)
    return defer(
        fmt::format("Tainted '{}' (file or directory name for {} transport) not permitted", printable(dir), t.name));
  const std::string_view what = is_directory ? "directory" : "file";
  if (!dir.starts_with('/')) {
    std::string why = fmt::format("appendfile: file or directory name \"{}\" is not absolute", printable(dir));
    return std::unexpected(Error{ErrorKind::defer, std::move(why), kNotAbsolute});
  }
  if (has_dot_dot(dir) || dir.find('\0') != std::string::npos)
    return defer(fmt::format("{} name \"{}\" has a .. component", what, printable(dir)));
  place.path = std::move(dir);
  if (is_directory)
    place.format = o.maildir_format ? Format::maildir : o.mailstore_format ? Format::mailstore : Format::plain;
  return place;
}

/// Prefix, suffix and escapes: an mbox has some unless told otherwise, other formats have none unless told.
Result<MessageText> compose(DeliverContext& ctx, const lang::DriverInstance& t, const AppendfileOptions& o,
                            std::span<routers::Addr* const> batch, const Place& place) {
  const bool mbox = place.format == Format::mbox && !o.use_bsmtp;
  REMEX_CHECK(return_path(ctx, t, *batch.front()));
  auto text = message_text(ctx, t, batch);
  if (!text && text.error().sys_errno == kHeadersFailed)
    text.error().text.insert(kHeadersTrouble.size(), " while writing to " + place.path);
  REMEX_TRY(MessageText m, std::move(text));
  m.crlf = o.use_crlf;
  REMEX_TRY(m.prefix, expand_text(ctx, o.message_prefix, expansion_trouble("prefix", kExpansionFailed, false)));
  REMEX_TRY(m.suffix, expand_text(ctx, o.message_suffix, expansion_trouble("suffix", kExpansionFailed, false)));
  if (mbox && t.find_given("message_prefix") == nullptr) m.prefix = from_line(ctx);
  if (mbox && t.find_given("message_suffix") == nullptr) m.suffix = "\n";
  m.check = o.check_string;
  m.escape = o.escape_string;
  if (mbox && t.find_given("check_string") == nullptr) m.check = "From ", m.escape = ">From ";
  if (o.use_bsmtp) REMEX_CHECK(make_bsmtp(ctx, t, batch, m));
  return m;
}

/// The limits, expanded; part of a courier request. `threshold` is left in "quota_warn".
Status add_quota(DeliverContext& ctx, const lang::DriverInstance& t, const AppendfileOptions& o, io::Fields& f) {
  const auto put = [&](const char* name, const lang::Expansion& e, bool minus_one) -> Status {
    if (!e.is_set()) {
      if (minus_one) f[name] = "-1";
      return {};
    }
    REMEX_TRY(const SizeLimit n, expand_size(ctx, e, !minus_one));
    f[name] = std::to_string(n.bytes);
    if (!n.checked) f[fmt::format("{}_unchecked", name)] = "1";
    return {};
  };
  REMEX_CHECK(put("quota", o.quota, false));
  REMEX_CHECK(put("quota_filecount", o.quota_filecount, false));
  REMEX_CHECK(put("mailbox_size", o.mailbox_size, true));
  REMEX_CHECK(put("mailbox_filecount", o.mailbox_filecount, true));
  if (o.quota_warn_threshold.is_set()) {
    REMEX_TRY(const std::string text, expand_text(ctx, o.quota_warn_threshold));
    if (const std::string_view s = trim(text); s.ends_with('%')) {
      double percent = 0;
      const auto quota = parse_int(f["quota"]).value_or(0);
      const auto [end, err] = std::from_chars(s.data(), s.data() + s.size() - 1, percent, std::chars_format::fixed);
      if (err != std::errc() || end != s.data() + s.size() - 1 || !(percent >= 0 && percent <= 100))
        return misconfigured(fmt::format("Invalid quota_warn_threshold percentage ({}) for {} transport",
                                         printable(s.substr(0, s.size() - 1)), t.name));
      f["quota_warn"] = std::to_string(static_cast<std::int64_t>(static_cast<double>(quota) * percent / 100));
    } else {
      REMEX_TRY(const SizeLimit n, expand_size(ctx, o.quota_warn_threshold, false));
      f["quota_warn"] = std::to_string(n.bytes);
    }
  }
  REMEX_TRY(f["quota_directory"], expand_text(ctx, o.quota_directory));
  auto size_file = o.maildir_use_size_file.eval(ctx.scope);
  if (!size_file && size_file.error().kind != ErrorKind::forced_fail)
    return misconfigured(
        fmt::format("failed to expand maildir_use_size_file in {} transport: {}", t.name, size_file.error().text));
  if (size_file && *size_file) f["use_size_file"] = "1";
  return {};
}

std::string flag(bool on) { return on ? "1" : "0"; }

void add_rules(const AppendfileOptions& o, std::int64_t mode, io::Fields& f) {
  f["mode"] = std::to_string(mode >= 0 ? mode : o.mode);
  f["directory_mode"] = std::to_string(o.directory_mode);
  f["create_directory"] = flag(o.create_directory);
  f["file_must_exist"] = flag(o.file_must_exist);
  f["allow_fifo"] = flag(o.allow_fifo);
  f["allow_symlink"] = flag(o.allow_symlink);
  f["check_owner"] = flag(o.check_owner);
  f["check_group"] = flag(o.check_group);
  f["mode_fail_narrower"] = flag(o.mode_fail_narrower);
  f["use_fcntl_lock"] = flag(o.use_fcntl_lock);
  f["use_flock_lock"] = flag(o.use_flock_lock);
  f["use_lockfile"] = flag(o.use_lockfile);
  f["lock_retries"] = std::to_string(o.lock_retries);
  f["lock_interval"] = std::to_string(o.lock_interval);
  f["lock_fcntl_timeout"] = std::to_string(o.lock_fcntl_timeout);
  f["lock_flock_timeout"] = std::to_string(o.lock_flock_timeout);
  f["lockfile_mode"] = std::to_string(o.lockfile_mode);
  f["lockfile_timeout"] = std::to_string(o.lockfile_timeout);
  f["quota_is_inclusive"] = flag(o.quota_is_inclusive);
  f["quota_size_regex"] = o.quota_size_regex;
  f["quota_directory_regex"] = o.maildir_quota_directory_regex;
  f["folder_regex"] = o.maildirfolder_create_regex;
}

/// The notice that the mailbox is nearly full, to its owner. Trouble with it is logged and no trouble of the delivery.
void warn_of_quota(DeliverContext& ctx, const AppendfileOptions& o, const routers::Addr& a) {
  std::string text = fmt::format(
      "To: {}\nSubject: Your mailbox\n\nThis message is automatically created by mail delivery software.\n\n"
      "The size of your mailbox has exceeded a warning threshold that is\nset by the system administrator.\n",
      a.state.address);
  if (o.quota_warn_message.is_set()) {
    auto own = o.quota_warn_message.eval(ctx.scope);
    if (own) text = own->str();
  }
  const auto gap = text.find("\n\n");
  lang::NewMessage m;
  m.headers = gap == std::string::npos ? "Subject: Your mailbox\n" : text.substr(0, gap + 1);
  m.body = gap == std::string::npos ? text : text.substr(gap + 2);
  m.headers =
      "Auto-Submitted: auto-generated\nFrom: Mail Delivery System <Mailer-Daemon@" +
      (ctx.config.main.qualify_domain.empty() ? ctx.config.main.primary_hostname : ctx.config.main.qualify_domain) +
      ">\n" + m.headers;
  // The text says itself to whom it goes.
  mail::HeaderList headers;
  (void)mail::split_headers(m.headers, headers);
  for (const char* name : {"To", "Cc"})
    if (const auto* h = headers.find(name))
      if (auto list = mail::parse_address_list(h->value()))
        for (const auto& item : *list)
          m.recipients.push_back(item.address.domain.empty() ? item.address.local_part + "@" + a.state.domain
                                                             : item.address.str());
  if (m.recipients.empty()) m.recipients.push_back(a.state.address);
  m.parent_id = ctx.job.envelope.id;
  m.is_report = true;
  if (Status sent = ctx.scope.services->submit(m); !sent)
    ctx.scope.services->log(lang::LogTarget::main_log | lang::LogTarget::panic_log,
                            fmt::format("{} quota warning not sent: {}", ctx.job.envelope.id, sent.error().text));
}

std::string file_name(const DeliverContext& ctx, const lang::DriverInstance& t, const routers::Addr& a) {
  // A plain file or mailstore: q<id>-<digits>, the same for a repeat.
  const std::string unique = maildir_name(ctx, t, a);
  const auto h = unique.find(".H"), dot = unique.find('.', h + 2);
  return fmt::format("q{}-{}", ctx.job.envelope.id, unique.substr(h + 2, dot - h - 2));
}

Result<MaildirJob> maildir_job(DeliverContext& ctx, const lang::DriverInstance& t, routers::Addr* const& a,
                               const AppendfileOptions& o, const Place& place, const MessageText& m) {
  MaildirJob job;
  job.directory = place.path;
  job.mode = static_cast<mode_t>(a->file_mode >= 0 ? a->file_mode : o.mode);
  job.directory_mode = static_cast<mode_t>(o.directory_mode);
  job.crlf = o.use_crlf;
  job.sync = !ctx.config.main.disable_fsync;
  job.settle_later = ctx.settle_later;
  job.look_in_cur = !ctx.job.first_attempt;
  job.head = m.prefix + m.head;
  job.body = m.body;
  job.tail = m.suffix;
  job.name = maildir_name(ctx, t, *a);
  REMEX_TRY(const std::string tag, name_tag(ctx, t, o, m.size()));
  if (job.name.size() + tag.size() <= 255) job.name += tag;
  return job;
}

/// What a plain maildir delivery needs is done by a thread of this process, where its sandbox permits; all else is the
/// courier's.
bool plain_maildir(const Identity& id, const Place& place, const AppendfileOptions& o, const MessageText& m) {
  return place.format == Format::maildir && !id.courier && io::sandbox_lets_write(place.path) && m.check.empty() &&
         !o.quota.is_set() && !o.quota_filecount.is_set() && !o.quota_warn_threshold.is_set() &&
         !o.maildir_use_size_file.value && !o.maildir_use_size_file.expansion.is_set() &&
         o.maildirfolder_create_regex.empty();
}

AddrResult delivered_to(std::string file) {
  AddrResult r;
  r.fate = Fate::delivered;
  r.file = std::move(file);
  return r;
}

AddrResult deliver_in_thread(DeliverContext& ctx, const MaildirJob& job) {
  auto done = io::offload([&] { return deliver_to_maildir(job); });
  if (!done) {
    const int err = done.error().sys_errno;
    std::string text = done.error().text;
    if (err == EDQUOT) text = "mailbox is full (system quota): " + text;
    return deferred_result(std::move(text), err == EDQUOT ? Trouble::Kind::quota : Trouble::Kind::other, err);
  }
  if (done->repeated && ctx.scope.services != nullptr && ctx.scope.services->debugging())
    ctx.scope.services->debug(fmt::format("{} was there already: an earlier run had delivered it", job.name));
  AddrResult r = delivered_to(job.directory + "/new/" + job.name);
  r.unsynced = std::move(done->unsynced);
  r.found_again = true;
  return r;
}

/// Lines around the envelope of a mailstore: each ends with a newline; a forced failure is nothing.
Result<std::string> mailstore_lines(DeliverContext& ctx, const lang::Expansion& e, std::string_view transport,
                                    std::string_view what) {
  if (!e.is_set()) return std::string();
  auto text = e.eval(ctx.scope);
  if (!text && text.error().kind == ErrorKind::forced_fail) return std::string();
  if (!text) return expansion_failed(e, transport, text.error(), expansion_trouble(what));
  std::string lines = text->str();
  if (!lines.ends_with('\n')) lines += '\n';
  return lines;
}

/// The contents of the .env file; `name`: both files without their endings.
Result<std::string> mailstore_envelope(DeliverContext& ctx, const lang::DriverInstance& t,
                                       std::span<routers::Addr* const> batch, const AppendfileOptions& o,
                                       const std::string& name) {
  static constexpr const char* kVariable = "mailstore_basename";
  ctx.scope.extra[kVariable] = name;
  auto prefix = mailstore_lines(ctx, o.mailstore_prefix, t.name, "mailstore prefix");
  auto suffix = mailstore_lines(ctx, o.mailstore_suffix, t.name, "mailstore suffix");
  ctx.scope.extra.erase(kVariable);
  if (!prefix || !suffix) return std::unexpected(prefix ? suffix.error() : prefix.error());
  REMEX_TRY(const std::string sender, return_path(ctx, t, *batch.front()));
  std::string envelope = *prefix + sender + "\n";
  for (const routers::Addr* a : batch) envelope += fmt::format("{}@{}\n", a->state.cased_local_part, a->state.domain);
  return envelope + *suffix;
}

Status add_names(DeliverContext& ctx, const lang::DriverInstance& t, std::span<routers::Addr* const> batch,
                 const AppendfileOptions& o, const Place& place, const MessageText& m, io::Fields& f) {
  if (place.format == Format::maildir) {
    REMEX_TRY(const MaildirJob job, maildir_job(ctx, t, batch.front(), o, place, m));
    f["name"] = job.name;
    f["look_in_cur"] = flag(job.look_in_cur);
    return {};
  }
  if (place.format == Format::plain && o.directory_file.is_set()) {
    // The file is written later and by another process; what counts is that no other delivery has the number.
    const std::string unique = file_name(ctx, t, *batch.front());
    if (ctx.scope.delivery != nullptr)
      ctx.scope.delivery->inode = replace_all(unique.substr(unique.rfind('-') + 1), "P", "");
    auto expanded = expand_tainted(ctx, o.directory_file, expansion_trouble("directory_file", 0));
    if (ctx.scope.delivery != nullptr) ctx.scope.delivery->inode.clear();
    REMEX_TRY(const Text name, std::move(expanded));
    if (name.is_tainted())
      return defer(
          fmt::format("Tainted '{}' (directory_file of {} transport) not permitted", printable(name.view()), t.name));
    if (name.empty() || name.view().find_first_of(std::string_view("/\0", 2)) != std::string_view::npos ||
        name.view().starts_with('.'))
      return defer(fmt::format("directory_file \"{}\" is not a file name", printable(name.view())));
    f["name"] = name.str();
    f["other_name"] = name.str().substr(0, 255 - std::min<std::size_t>(255, unique.size() + 1)) + "-" + unique;
    return {};
  }
  f["name"] = file_name(ctx, t, *batch.front());
  if (place.format == Format::mailstore) {
    REMEX_TRY(f["envelope"], mailstore_envelope(ctx, t, batch, o, place.path + "/" + f["name"]));
  }
  return {};
}

/// What all the waits for locks may take, and a slow disk for this many bytes.
Seconds time_limit(const AppendfileOptions& o, std::uint64_t size) {
  constexpr std::uint64_t kSlow = 64 * 1024;  // bytes in a second
  const std::int64_t tries = std::max<std::int64_t>(1, o.lock_retries);
  return Seconds(60 + static_cast<std::int64_t>(size / kSlow) + tries * std::max<std::int64_t>(1, o.lock_interval) * 2 +
                 std::max<std::int64_t>({0, o.lock_fcntl_timeout, o.lock_flock_timeout}));
}

Result<AddrResult> deliver_batch(DeliverContext& ctx, const lang::DriverInstance& t,
                                 std::span<routers::Addr* const> batch) {
  const auto& o = static_cast<const AppendfileOptions&>(*t.options);
  routers::Addr& a = *batch.front();
  REMEX_TRY(const std::string home, home_directory(ctx, t, a));
  REMEX_CHECK(current_directory(ctx, t, a, home));  // nothing is run there, but it must be one
  REMEX_TRY(const Identity id, find_identity(ctx, t, a));
  REMEX_TRY(const Place place, find_place(ctx, t, o, a));
  REMEX_TRY(const bool create, may_create(o, place, home));
  REMEX_TRY(MessageText m, compose(ctx, t, o, batch, place));
  if (Status filtered = apply_filter(ctx, t, id, batch, m); !filtered) {
    if (filtered.error().sys_errno == kFilterFailed) filtered.error().text += " while writing to " + place.path;
    return std::unexpected(std::move(filtered).error());
  }
  if (plain_maildir(id, place, o, m)) {
    REMEX_TRY(MaildirJob job, maildir_job(ctx, t, batch.front(), o, place, m));
    job.identity = id;
    job.create_directory = create;
    return deliver_in_thread(ctx, job);
  }
  static constexpr const char* kOps[] = {"mbox", "maildir", "plain", "mailstore"};
  io::Fields f = courier_request(kOps[static_cast<int>(place.format)], id, t);
  f["path"] = place.path;
  f["special"] = flag(place.special);
  f["may_create"] = flag(create);
  f["sync"] = flag(!ctx.config.main.disable_fsync);
  add_rules(o, batch.front()->file_mode, f);
  REMEX_CHECK(add_quota(ctx, t, o, f));
  REMEX_CHECK(add_names(ctx, t, batch, o, place, m, f));
  REMEX_TRY(io::Fields answer, ask_courier(ctx, f, time_limit(o, m.size()), &m));
  if (answer.contains("error")) {
    AddrResult r = courier_failure(answer);
    // The log says in front what the number means.
    const std::string meaning = fmt::format(": {}", std::strerror(r.sys_errno));
    if (r.sys_errno != 0 && r.message.ends_with(meaning)) r.message.resize(r.message.size() - meaning.size());
    return r;
  }
  if (answer.contains("warn")) warn_of_quota(ctx, o, a);
  AddrResult r = delivered_to(answer["file"]);
  r.found_again = place.format == Format::maildir || place.format == Format::mailstore;
  return r;
}

std::vector<AddrResult> deliver(DeliverContext& ctx, const lang::DriverInstance& t,
                                std::span<routers::Addr* const> batch) {
  return deliver_as_one(ctx, t, batch, [&] { return deliver_batch(ctx, t, batch); });
}

int batch_limit(const lang::DriverInstance& t) {
  return limited_batch(t, static_cast<const AppendfileOptions&>(*t.options).batch_max);
}

/// What is in a directory and beside the message: its name, its quota, and how files are made. A filter's save command
/// may give a mode of its own.
Status check_details(const lang::DriverInstance& t, const AppendfileOptions& o, const io::Fields& f, bool redirected) {
  REMEX_CHECK(check_name(f, "name"));
  REMEX_CHECK(check_name(f, "other_name"));
  const std::string op = text(f, "op");
  if (op != "mbox" && text(f, "name").empty()) return fail("there is no file name");
  if (!text(f, "other_name").empty() && !(op == "plain" && o.directory_file.is_set()))
    return fail(fmt::format("the {} transport has no directory_file", t.name));
  const std::string_view format = o.maildir_format ? "maildir" : o.mailstore_format ? "mailstore" : "plain";
  if (op == "mbox" ? o.directory.is_set() : o.file.is_set() || op != format)
    return fail(fmt::format("the {} transport delivers no {}", t.name, op));
  REMEX_CHECK(check_directory(t, "quota_directory", f, "quota_directory"));
  io::Fields want;
  add_rules(o, -1, want);
  if (const auto mode = number(f, "mode", -1); redirected && mode >= 0 && mode <= 0777) want.erase("mode");
  const bool elsewhere = o.create_file.starts_with('/') && !is_below(text(f, "path"), o.create_file);
  if (elsewhere || (op != "mbox" && !o.create_directory)) want["may_create"] = "0";
  for (const auto& [name, value] : want)
    if (text(f, name) != value) return fail(fmt::format("{} is not what the {} transport says", name, t.name));
  return {};
}

Status may_ask(const lang::DriverInstance& t, const io::Fields& f, bool redirected) {
  REMEX_CHECK(check_op(t, f, {"mbox", "maildir", "plain", "mailstore"}));
  const auto& o = static_cast<const AppendfileOptions&>(*t.options);
  REMEX_CHECK(check_details(t, o, f, redirected));
  if (o.file.is_set()) return check_path(t, "file", f);
  if (o.directory.is_set()) return check_path(t, "directory", f);
  if (!redirected) return fail(fmt::format("the {} transport has no file of its own", t.name));
  return check_path(f);
}

constexpr TransportDef defs[] = {
    {.driver =
         {.kind = lang::DriverKind::transport,
          .name = "appendfile",
          .summary = "delivers into files: mbox, maildir, mailstore, one file per message",
          .doc = "Runs as the user of the address. A message is complete and synced before it appears; a mailbox file "
                 "is locked, checked and never followed through symbolic links. Names must be absolute, untainted "
                 "and free of dot-dot.",
          .options = kAppendfileOptions,
          .make_options =
              +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<AppendfileOptions>(); },
          .check = check,
          .examples = {{R"(mailbox:
  driver = appendfile
  file = /var/mail/$local_part_data
  delivery_date_add
  return_path_add
  mode = 0660)"},
                       {R"(mailbox:
  driver = appendfile
  file = /var/mail/$local_part)",
                        "", "E0801"}}},
     .is_local = true,
     .deliver = deliver,
     .batch_limit = batch_limit,
     .may_ask = may_ask},
};

}  // namespace
}  // namespace remex::transports

namespace remex::registry::transports {
extern const std::span<const TransportDef> appendfile;
constinit const std::span<const TransportDef> appendfile{remex::transports::defs};
}  // namespace remex::registry::transports
