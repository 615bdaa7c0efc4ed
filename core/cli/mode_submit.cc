// A message on standard input (sendmail's way). What may write the spool keeps it and delivers it in the background;
// what may not hands it to the daemon (submit_client.h). In mua_wrapper mode it is delivered at once.

#include <fmt/core.h>
#include <sysexits.h>
#include <unistd.h>

#include <cstdio>

#include "core/cli/modes.h"
#include "core/cli/submit_client.h"
#include "core/daemon/submission.h"
#include "core/io/fiber.h"

namespace remex::cli {

namespace {

void tell(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

daemon::SubmissionOutcome receive(const Options& o, const std::shared_ptr<const lang::Config>& config,
                                  const Caller& caller, const std::shared_ptr<io::Courier>& courier) {
  daemon::ProcessOptions po;
  po.want_store = !config->main.mua_wrapper;
  po.verbose = o.verbose;
  po.courier = courier;
  auto made = daemon::Process::create(config, po);
  if (!made) return {complain(EX_TEMPFAIL, made.error().text), {}, false};
  enable_debug(o, **made);
  const auto input = io::Socket::from_stdio(0, 1);
  return daemon::take_submission({o, caller, *made, (*made)->server, *input, tell});
}

/// With a fresh loop, and perhaps in a child process.
int deliver(const Options& o, const std::shared_ptr<const lang::Config>& config, const std::string& id,
            const std::shared_ptr<io::Courier>& courier) {
  daemon::ProcessOptions po;
  po.courier = courier;
  po.verbose = o.verbose;
  po.panic_to_stderr = o.delivery != Options::Delivery::background;
  auto made = daemon::Process::create(config, po);
  if (!made) return complain(EX_TEMPFAIL, made.error().text);
  enable_debug(o, **made);
  delivery::DeliverOptions opt;
  opt.first_attempt = true;
  opt.queue_smtp = o.queue_smtp;
  opt.dry_run = o.no_delivery;
  (void)delivery::deliver_message((*made)->engine, id, opt);
  return 0;
}

}  // namespace

int run_submit(const Options& o, std::shared_ptr<const lang::Config> config) {
  if (!config->main.mua_wrapper && !may_write_spool(config->main.spool_directory))
    return hand_over(o, config->main.spool_directory);
  const Caller caller = find_caller(*config);
  const auto courier = config->main.mua_wrapper ? nullptr : start_courier(config);
  if (geteuid() == 0 && !config->main.mua_wrapper) {
    auto id = daemon::run_identity(*config);
    if (!id) return complain(EX_CONFIG, id.error().text);
    if (auto st = daemon::become(*id, *config); !st) return complain(EX_OSERR, st.error().text);
  }
  daemon::SubmissionOutcome got;
  (void)io::run_loop([&] {
    got = receive(o, config, caller, courier);
    return 0;
  });
  if (got.id.empty() || got.waits || o.delivery == Options::Delivery::queue) return got.status;
  if (o.delivery == Options::Delivery::background) {
    std::fflush(nullptr);
    const pid_t pid = fork();
    if (pid != 0) return got.status;  // no process to be had: it is in the queue; a queue run delivers it
    (void)setsid();
  }
  const int rc = io::run_loop([&] { return deliver(o, config, got.id, courier); });
  if (o.delivery == Options::Delivery::background) _exit(rc);
  return rc != 0 ? rc : got.status;
}

}  // namespace remex::cli
