// Variables: this host, this program, the time.
#include "lang/variables/variable_util.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

#include "core/hooks/hooks.h"
#include "core/io/process.h"
#include "lang/config.h"
#include "lang/disk_room.h"

namespace remex::lang {
namespace {

constexpr TaintRule kClean = TaintRule::cleans;
constexpr TaintRule kPeer = TaintRule::taints;
constexpr TaintRule kKeeps = TaintRule::keeps;

const MainOptions* options(const Scope& s) { return s.config == nullptr ? nullptr : &s.config->main; }
template <std::string MainOptions::* M>
Result<Text> option(Scope& s, std::string_view) {
  return options(s) == nullptr ? Text{} : Text(options(s)->*M);
}
Result<Text> qualify_recipient(Scope& s, std::string_view) {
  if (options(s) == nullptr) return Text{};
  return trusted(options(s)->qualify_recipient.empty() ? options(s)->qualify_domain : options(s)->qualify_recipient);
}
Result<Text> version(Scope&, std::string_view) { return trusted(hooks::version()); }
Result<Text> compile_number(Scope&, std::string_view) { return trusted("1"); }
Result<Text> pid(Scope&, std::string_view) { return number(getpid()); }
/// Of a message that is handed over to the daemon: whoever did it.
Result<Text> uid(Scope& s, std::string_view name) {
  const auto* v = extra(s, name);
  return v != nullptr ? trusted(*v) : number(getuid());
}
Result<Text> gid(Scope& s, std::string_view name) {
  const auto* v = extra(s, name);
  return v != nullptr ? trusted(*v) : number(getgid());
}
Result<Text> euid(Scope&, std::string_view) { return number(geteuid()); }
Result<Text> egid(Scope&, std::string_view) { return number(getegid()); }
Result<Text> program(Scope&, std::string_view) {
  char path[4096];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  return trusted(std::string_view(path, n > 0 ? static_cast<std::size_t>(n) : 0));
}
Result<Text> config_file(Scope& s, std::string_view) {
  return s.config == nullptr ? Text{} : Text(s.config->config_file);
}
Result<Text> config_dir(Scope& s, std::string_view) {
  if (s.config == nullptr) return Text{};
  const std::size_t slash = s.config->config_file.rfind('/');
  return trusted(slash == std::string::npos ? "." : std::string_view(s.config->config_file).substr(0, slash));
}
Result<Text> initial_cwd(Scope&, std::string_view) {
  static const std::string kStart = [] {
    char path[4096];
    return std::string(getcwd(path, sizeof path) != nullptr ? path : "");
  }();
  return trusted(kStart);
}
Result<Text> localhost_number(Scope& s, std::string_view name) {
  const auto* v = extra(s, name);
  return trusted(v == nullptr ? "0" : *v);
}
Result<Text> load_average(Scope&, std::string_view) { return number(io::load_average_thousandths()); }
// Free KiB or inodes where the spool or the log lives; -1 unknown.
Result<Text> space(Scope& s, std::string_view name) {
  if (options(s) == nullptr) return number(-1);
  const DiskRoom room = name.starts_with("log") ? log_room(*options(s)) : spool_room(*options(s));
  return number(name.ends_with("inodes") ? room.inodes : room.kib);
}
Result<Text> queue_size(Scope& s, std::string_view) {
  const std::int64_t n = s.services == nullptr ? -1 : s.services->queue_size();
  return n < 0 ? Text{} : *number(n);
}
Result<Text> bounce_return_size_limit(Scope& s, std::string_view) {
  return number(options(s) == nullptr ? 102400 : options(s)->bounce_return_size_limit);
}
std::string format_time(const char* format, bool utc) {
  const auto now = static_cast<std::time_t>(wall_seconds());
  std::tm tm{};
  if (utc)
    gmtime_r(&now, &tm);
  else
    localtime_r(&now, &tm);
  char buffer[64];
  return std::string(buffer, std::strftime(buffer, sizeof buffer, format, &tm));
}
Result<Text> tod_epoch(Scope&, std::string_view) { return number(wall_seconds()); }
Result<Text> tod_epoch_l(Scope&, std::string_view) { return number(wall_now().time_since_epoch().count()); }
Result<Text> tod_full(Scope&, std::string_view) { return trusted(rfc5322_date(wall_now())); }
Result<Text> tod_log(Scope&, std::string_view) { return trusted(log_timestamp(wall_now())); }
Result<Text> tod_zone(Scope&, std::string_view) { return trusted(zone_offset(wall_now())); }
Result<Text> tod_bsdinbox(Scope&, std::string_view) { return trusted(format_time("%a %b %d %H:%M:%S %Y", true)); }
Result<Text> tod_logfile(Scope&, std::string_view) { return trusted(format_time("%Y%m%d", false)); }
Result<Text> tod_zulu(Scope&, std::string_view) { return trusted(format_time("%Y%m%d%H%M%SZ", true)); }

constexpr VariableDef defs[] = {
    {.name = "primary_hostname",
     .taint = kClean,
     .summary = "Own host name",
     .get = option<&MainOptions::primary_hostname>,
     .tier = 1,
     .examples = {{"$primary_hostname", "mail.example.com"}, {"${extract{1}{.}{$primary_hostname}}", "mail"}}},
    {.name = "qualify_domain",
     .taint = kClean,
     .summary = "Option value",
     .get = option<&MainOptions::qualify_domain>,
     .tier = 2,
     .examples = {{"$qualify_domain", "example.com"}, {"postmaster@$qualify_domain", "postmaster@example.com"}}},
    {.name = "qualify_recipient",
     .taint = kClean,
     .summary = "Option value",
     .get = qualify_recipient,
     .tier = 3,
     .examples = {{"$qualify_recipient", "example.com"}, {"root@$qualify_recipient", "root@example.com"}}},
    {.name = "spool_directory",
     .taint = kClean,
     .summary = "Spool path",
     .get = option<&MainOptions::spool_directory>,
     .tier = 2,
     .examples = {{"${if exists{$spool_directory}{there}{missing}}", "there"},
                  {"${if match{$spool_directory}{^/}{absolute}{relative}}", "absolute"}}},
    {.name = "version_number",
     .taint = kClean,
     .summary = "Version string",
     .get = version,
     .tier = 2,
     .examples = {{"${if match{$version_number}{^\\\\d}{a version}{none}}", "a version"},
                  {"${if eq{$version_number}{$exim_version}{the same}{another}}", "the same"}}},
    {.name = "exim_version",
     .taint = kClean,
     .summary = "Version string",
     .get = version,
     .tier = 2,
     .examples = {{"${if match{$exim_version}{^\\\\d}{a version}{none}}", "a version"},
                  {"${if eq{$exim_version}{$version_number}{the same}{another}}", "the same"}}},
    {.name = "compile_number",
     .taint = kClean,
     .summary = "Build counter",
     .get = compile_number,
     .tier = 3,
     .examples = {{"${if match{$compile_number}{^\\\\d+\\$}{a number}{none}}", "a number"},
                  {"${if def:compile_number{built}{never built}}", "built"}}},
    {.name = "pid",
     .taint = kClean,
     .summary = "Process id",
     .get = pid,
     .tier = 3,
     .examples = {{"${if match{$pid}{^\\\\d+\\$}{a number}{none}}", "a number"},
                  {"${if exists{/proc/$pid}{runs}{is gone}}", "runs"}}},
    {.name = "caller_uid",
     .taint = kClean,
     .summary = "Real uid of caller",
     .get = uid,
     .tier = 2,
     .examples = {{"${if match{$caller_uid}{\\N^\\d+$\\N}{a number}{none}}", "a number"},
                  {"${if def:caller_uid{known}{unknown}}", "known"}}},
    {.name = "caller_gid",
     .taint = kClean,
     .summary = "Real gid of caller",
     .get = gid,
     .tier = 3,
     .examples = {{"${if match{$caller_gid}{\\N^\\d+$\\N}{a number}{none}}", "a number"},
                  {"${if def:caller_gid{known}{unknown}}", "known"}}},
    {.name = "exim_uid",
     .taint = kClean,
     .summary = "Exim uid",
     .get = euid,
     .tier = 2,
     .examples = {{"${if match{$exim_uid}{\\N^\\d+$\\N}{a number}{none}}", "a number"},
                  {"${if def:exim_uid{known}{unknown}}", "known"}}},
    {.name = "exim_gid",
     .taint = kClean,
     .summary = "Exim gid",
     .get = egid,
     .tier = 3,
     .examples = {{"${if match{$exim_gid}{\\N^\\d+$\\N}{a number}{none}}", "a number"},
                  {"${if def:exim_gid{known}{unknown}}", "known"}}},
    {.name = "exim_path",
     .taint = kClean,
     .summary = "Binary path",
     .get = program,
     .tier = 3,
     .examples = {{"${if exists{$exim_path}{there}{missing}}", "there"},
                  {"${if match{$exim_path}{^/}{absolute}{relative}}", "absolute"}}},
    {.name = "config_file",
     .taint = kClean,
     .summary = "Main config path",
     .get = config_file,
     .tier = 3,
     .examples = {{"${sg{$config_file}{.*/}{}}", "session.conf"},
                  {"${if exists{$config_file}{there}{missing}}", "there"}}},
    {.name = "config_dir",
     .taint = kClean,
     .summary = "Directory of main config",
     .get = config_dir,
     .tier = 2,
     .examples = {{"${if eq{$config_dir/session.conf}{$config_file}{its directory}{another}}", "its directory"},
                  {"${if match{$config_dir}{/\\$}{with a slash}{without a slash}}", "without a slash"}}},
    {.name = "initial_cwd",
     .taint = kClean,
     .summary = "Starting directory",
     .get = initial_cwd,
     .tier = 3,
     .examples = {{"${if match{$initial_cwd}{^/}{absolute}{relative}}", "absolute"},
                  {"${if exists{$initial_cwd}{there}{gone}}", "there"}}},
    {.name = "localhost_number",
     .taint = kClean,
     .summary = "Expanded option value",
     .get = localhost_number,
     .tier = 3,
     .examples = {{"$localhost_number", "0"},
                  {"${if eq{$localhost_number}{0}{the only one}{one of several}}", "the only one"}}},
    {.name = "load_average",
     .taint = kClean,
     .summary = "Load times 1000",
     .get = load_average,
     .tier = 2,
     .examples = {{"${if match{$load_average}{^\\\\d+\\$}{a number}{none}}", "a number"},
                  {"${if >{$load_average}{1000000}{busy}{fine}}", "fine"}}},
    {.name = "spool_space",
     .taint = kClean,
     .summary = "Free KiB; -1 unknown",
     .get = space,
     .tier = 3,
     .examples = {{"${if match{$spool_space}{^-?\\\\d+\\$}{a number}{none}}", "a number"},
                  {"${if ={$spool_space}{0}{full}{some space}}", "some space"}}},
    {.name = "spool_inodes",
     .taint = kClean,
     .summary = "Free inodes; -1 unknown",
     .get = space,
     .tier = 3,
     .examples = {{"${if match{$spool_inodes}{^-?\\\\d+\\$}{a number}{none}}", "a number"},
                  {"${if def:spool_inodes{counted}{unknown}}", "counted"}}},
    {.name = "log_space",
     .taint = kClean,
     .summary = "Free KiB; -1 unknown",
     .get = space,
     .tier = 3,
     .examples = {{"${if match{$log_space}{^-?\\\\d+\\$}{a number}{none}}", "a number"},
                  {"${if ={$log_space}{0}{full}{some space}}", "some space"}}},
    {.name = "log_inodes",
     .taint = kClean,
     .summary = "Free inodes; -1 unknown",
     .get = space,
     .tier = 3,
     .examples = {{"${if match{$log_inodes}{^-?\\\\d+\\$}{a number}{none}}", "a number"},
                  {"${if def:log_inodes{counted}{unknown}}", "counted"}}},
    {.name = "queue_size",
     .taint = kClean,
     .summary = "Queued count from daemon; empty if unavailable",
     .get = queue_size,
     .tier = 3,
     .examples = {{"<$queue_size>", "<>"}, {"${if >{$queue_size}{1000}{long}{short}}", "short"}}},
    {.name = "bounce_return_size_limit",
     .taint = kClean,
     .summary = "Limit rounded up to 1000s",
     .get = bounce_return_size_limit,
     .tier = 3,
     .examples = {{"$bounce_return_size_limit", "102400"},
                  {"${if >{$bounce_return_size_limit}{50000}{generous}{brief}}", "generous"}}},
    {.name = "return_size_limit",
     .taint = kClean,
     .summary = "Old name of bounce_return_size_limit",
     .get = bounce_return_size_limit,
     .tier = 4,
     .examples = {{"$return_size_limit", "102400"},
                  {"${if eq{$return_size_limit}{$bounce_return_size_limit}{the same}{another}}", "the same"}}},
    {.name = "tod_epoch",
     .taint = kClean,
     .summary = "Epoch seconds",
     .get = tod_epoch,
     .tier = 1,
     .examples = {{"${if match{$tod_epoch}{\\N^\\d+$\\N}{a number}{none}}", "a number"},
                  {"${if >{$tod_epoch}{1700000000}{after 2023}{before 2024}}", "after 2023"}}},
    {.name = "tod_epoch_l",
     .taint = kClean,
     .summary = "Epoch microseconds",
     .get = tod_epoch_l,
     .tier = 3,
     .examples = {{"${if match{$tod_epoch_l}{\\N^\\d{16}$\\N}{microseconds}{seconds}}", "microseconds"},
                  {"${if >{$tod_epoch_l}{$tod_epoch}{longer}{shorter}}", "longer"}}},
    {.name = "tod_full",
     .taint = kClean,
     .summary = "RFC-style date",
     .get = tod_full,
     .tier = 1,
     .examples = {{"${if match{$tod_full}{\\N^\\w{3}, \\d+ \\w{3} \\d{4} \\N}{as in mail}{strange}}", "as in mail"},
                  {"${extract{2}{,}{$tod_full}{some day}{never}}", "some day"}}},
    {.name = "tod_log",
     .taint = kClean,
     .summary = "Log-style date",
     .get = tod_log,
     .tier = 2,
     .examples = {{"${if match{$tod_log}{\\N^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\N}{as in logs}{strange}}",
                   "as in logs"},
                  {"${length_2:$tod_log}", "20"}}},
    {.name = "tod_zone",
     .taint = kClean,
     .summary = "Zone offset",
     .get = tod_zone,
     .tier = 3,
     .examples = {{"${if match{$tod_zone}{\\N^[+-]\\d{4}$\\N}{an offset}{strange}}", "an offset"},
                  {"${strlen:$tod_zone}", "5"}}},
    {.name = "tod_bsdinbox",
     .taint = kClean,
     .summary = "Time for mbox From line",
     .get = tod_bsdinbox,
     .tier = 2,
     .examples = {{"${if match{$tod_bsdinbox}{\\N^\\w{3} \\w{3} [ \\d]\\d \\N}{as in mailboxes}{strange}}",
                   "as in mailboxes"},
                  {"${strlen:$tod_bsdinbox}", "24"}}},
    {.name = "tod_logfile",
     .taint = kClean,
     .summary = "yyyymmdd",
     .get = tod_logfile,
     .tier = 3,
     .examples = {{"${if match{$tod_logfile}{\\N^\\d{8}$\\N}{a day}{strange}}", "a day"},
                  {"${strlen:/var/log/copies/$tod_logfile.log}", "28"}}},
    {.name = "tod_zulu",
     .taint = kClean,
     .summary = "Compact UTC timestamp",
     .get = tod_zulu,
     .tier = 3,
     .examples = {{"${if match{$tod_zulu}{\\N^\\d{14}Z$\\N}{UTC}{strange}}", "UTC"}, {"${strlen:$tod_zulu}", "15"}}},
};
[[maybe_unused]] constexpr TaintRule kUsed[] = {kClean, kPeer, kKeeps};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::variables {
extern const std::span<const VariableDef> system;
constinit const std::span<const VariableDef> system{lang::defs};
}  // namespace remex::registry::variables
