// queuefile: gives a message to another program as the two files of an Exim spool, ID-H and ID-D
// (core/mail/exim_spool.h).
//
// As Exim's experimental transport of that name, with the only option `directory`. The files are written by the courier
// (queuefile_work_util.cc). The copy names as unfinished what this attempt gives to the transport; all else stays this
// spool's business. Whoever takes the files is responsible for these recipients from then on.
#include <fmt/core.h>

#include <algorithm>

#include "core/base/ids.h"
#include "core/base/strings.h"
#include "core/mail/exim_spool.h"
#include "lang/diagnostics.h"
#include "transports/courier_work.h"
#include "transports/internal.h"
#include "transports/request_check.h"

namespace remex::transports {
namespace {

using lang::OptionType;
using lang::ref;
using lang::State;

struct QueuefileOptions : lang::DriverOptions {
  lang::Expansion directory;
};
using O = QueuefileOptions;

constexpr Seconds kLimit{300};  ///< for writing and syncing one message

constexpr OptionDef kOptions[] = {
    with_examples(
        {"directory", OptionType::expanded, ref<&O::directory>, "",
         "existing directory that gets the files ID-H and ID-D of each message", State::works, "", "directory"},
        {"/var/spool/scanner/input"}, {"/var/spool/scanner/$domain_data"}),
};

/// Generic options that change what is delivered, or where: the files are the message as the spool has it.
constexpr std::string_view kWithoutEffect[] = {
    "body_only",    "current_directory", "delivery_date_add", "envelope_to_add",         "headers_add",
    "headers_only", "headers_remove",    "headers_rewrite",   "home_directory",          "rcpt_include_affixes",
    "return_path",  "return_path_add",   "transport_filter",  "transport_filter_timeout"};

void check(lang::DriverInstance& t, const lang::Config& config, lang::Diagnostics& diag) {
  check_generic(t, config, diag);
  if (t.find_given("directory") == nullptr)
    diag.error("bad-option-value", t.pos, static_cast<std::uint32_t>(t.name.size()),
               fmt::format("transport \"{}\": queuefile needs directory", t.name));
  for (const std::string_view name : kWithoutEffect)
    if (const auto* given = t.find_given(name); given != nullptr)
      diag.error("bad-option-value", given->pos, static_cast<std::uint32_t>(name.size()),
                 fmt::format("transport \"{}\": {} has no effect with queuefile", t.name, name),
                 "the files are copies of the message as it is in the spool; remove the option");
}

/// Where the files go: absolute, untainted, without "..".
Result<std::string> find_directory(DeliverContext& ctx, const lang::DriverInstance& t, const QueuefileOptions& o) {
  REMEX_TRY(const Text path, expand_tainted(ctx, o.directory, expansion_trouble("directory")));
  std::string_view dir = path.view();
  while (dir.size() > 1 && dir.ends_with('/')) dir.remove_suffix(1);
  if (path.is_tainted())
    return defer(fmt::format("Tainted '{}' (directory name for {} transport) not permitted", printable(dir), t.name));
  if (!dir.starts_with('/') || dir.find('\0') != std::string_view::npos)
    return defer(fmt::format("directory name \"{}\" is not absolute", printable(dir)));
  if (has_dot_dot(dir)) return defer(fmt::format("directory name \"{}\" has a .. component", printable(dir)));
  return std::string(dir);
}

Result<AddrResult> deliver_batch(DeliverContext& ctx, const lang::DriverInstance& t,
                                 std::span<routers::Addr* const> batch) {
  const auto& o = static_cast<const QueuefileOptions&>(*t.options);
  REMEX_CHECK(home_directory(ctx, t, *batch.front()));
  REMEX_TRY(const Identity id, find_identity(ctx, t, *batch.front()));
  REMEX_TRY(const std::string directory, find_directory(ctx, t, o));
  if (!ctx.envelope_of_copy) return defer("this process has no message to copy");
  REMEX_TRY(mail::Envelope e, ctx.envelope_of_copy());
  // For the next spool the message is new. What this one did with it is left out, so that a repetition after a crash
  // makes the same file again.
  e.deliver_first_time = true;
  e.warnings_sent = 0;
  e.frozen = e.manual_thaw = false;
  e.queue_name.clear();
  io::Fields f = courier_request("queuefile", id, t);
  f["path"] = directory;
  f["name"] = e.id;
  f["header"] = mail::exim_header_file(e, ctx.job.headers, ctx.config.main.primary_hostname);
  f["sync"].assign(1, ctx.config.main.disable_fsync ? '0' : '1');
  MessageText m;
  m.prefix = fmt::format("{}-D\n", e.id);
  m.body = ctx.job.body;
  REMEX_TRY(io::Fields answer, ask_courier(ctx, f, kLimit, &m));
  if (answer.contains("error")) return courier_failure(answer);
  AddrResult r;
  r.fate = Fate::delivered;
  r.file = answer["file"];
  r.used_dsn = true;  // the copy has what NOTIFY asked for: the next spool reports
  return r;
}

std::vector<AddrResult> deliver(DeliverContext& ctx, const lang::DriverInstance& t,
                                std::span<routers::Addr* const> batch) {
  return deliver_as_one(ctx, t, batch, [&] { return deliver_batch(ctx, t, batch); });
}

Status may_ask(const lang::DriverInstance& t, const io::Fields& f, bool) {
  REMEX_CHECK(check_op(t, f, {"queuefile"}));
  if (!is_message_id(text(f, "name"))) return fail(fmt::format("{} is no message id", printable(text(f, "name"))));
  return check_path(t, "directory", f);
}

constexpr TransportDef defs[] = {
    {.driver = {.kind = lang::DriverKind::transport,
                .name = "queuefile",
                .summary = "gives messages to another program as the files of an Exim spool",
                .doc =
                    "Writes ID-D and ID-H, in the form of Exim's spool files, into an existing directory, for scanners "
                    "that read them there and put the message into a spool again (remex queue import, an Exim of "
                    "4.97 or later). The files are the message as it is in the spool, without what routers and "
                    "transports add; the recipients that this transport does not get are finished addresses in the "
                    "copy. Files that are there already with other recipients defer.",
                .options = kOptions,
                .make_options =
                    +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<QueuefileOptions>(); },
                .check = check,
                .examples = {{R"(scanner:
  driver = queuefile
  directory = /var/spool/scanner/input)"},
                             {R"(scanner:
  driver = queuefile
  directory = /var/spool/scanner/$local_part)",
                              "", "E0801"}}},
     .is_local = true,
     .deliver = deliver,
     .batch_limit = +[](const lang::DriverInstance&) { return 0; },
     .batch_by = "directory",
     .hands_on_envelope = true,
     .may_ask = may_ask},
};

}  // namespace
}  // namespace remex::transports

namespace remex::registry::transports {
extern const std::span<const TransportDef> queuefile;
constinit const std::span<const TransportDef> queuefile{remex::transports::defs};
}  // namespace remex::registry::transports
