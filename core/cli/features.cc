// See features.h. A word of "Support for:" is tied to the entry that makes it true.

#include "core/cli/features.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "core/base/strings.h"
#include "core/base/version.h"
#include "core/daemon/registries.h"
#include "core/hooks/hooks.h"
#include "lang/driver.h"
#include "lang/lookup.h"
#include "lang/node.h"

namespace remex::cli {

namespace {

using lang::State;

template <class Def>
bool works(const std::vector<const Def*>& list, std::string_view name) {
  return std::any_of(list.begin(), list.end(),
                     [&](const Def* d) { return d->name == name && d->state == State::works; });
}

bool driver_option(const std::vector<const lang::DriverDef*>& drivers, std::string_view driver,
                   std::string_view option) {
  return std::any_of(drivers.begin(), drivers.end(), [&](const lang::DriverDef* d) {
    return d->name == driver && d->state == State::works &&
           std::any_of(d->options.begin(), d->options.end(),
                       [&](const OptionDef& o) { return o.name == option && o.state == State::works; });
  });
}

template <class List>
std::string names(const List& list) {
  std::string out;
  for (const auto* d : list)
    if (d->state == State::works) out += (out.empty() ? "" : " ") + std::string(d->name);
  return out;
}

struct Feature {
  std::string_view word;
  bool there;
};

std::string support(const lang::Registries& reg) {
  const auto option = [&](std::string_view name) { return works(reg.main_options, name); };
  const auto smtp = [&](std::string_view name) { return driver_option(reg.transports, "smtp", name); };
  const Feature all[] = {
      {"crypteq", works(reg.conditions, "crypteq")},
      {"iconv()", true},
      {"IPv6", true},
      {"PAM", works(reg.conditions, "pam")},
      {"Perl", works(reg.items, "perl")},
      {"Expand_dlfunc", works(reg.items, "dlfunc")},
      {"GnuTLS", true},
      {"TLS_resume", option("tls_resumption_hosts")},
      {"move_frozen_messages", option("move_frozen_messages")},
      {"Content_Scanning", option("av_scanner")},
      {"DANE", smtp("hosts_try_dane")},
      {"DKIM", true},
      {"DMARC", option("dmarc_tld_file")},
      {"DNSSEC", true},
      {"ESMTP_Limits", option("limits_advertise_hosts")},
      {"ESMTP_Wellknown", option("wellknown_advertise_hosts")},
      {"Event", option("event_action")},
      {"Exim_filter", driver_option(reg.routers, "redirect", "allow_filter") && option("system_filter")},
      {"I18N", option("smtputf8_advertise_hosts")},
      {"OCSP", option("tls_ocsp_file")},
      {"PIPECONNECT", option("pipelining_connect_advertise_hosts")},
      {"PRDR", option("prdr_enable")},
      {"PROXY", option("hosts_proxy")},
      {"Queue_Ramp", option("queue_fast_ramp")},
      {"SOCKS", smtp("socks_proxy")},
      {"SPF", works(reg.variables, "spf_result")},
      {"SRS", works(reg.conditions, "inbound_srs")},
      {"TCP_Fast_Open", smtp("hosts_try_fastopen")},
      {"Experimental_ARC", works(reg.variables, "arc_state")},
      {"Experimental_XCLIENT", option("hosts_xclient")},
  };
  std::string out;
  for (const Feature& f : all)
    if (f.there) out += fmt::format(" {}", f.word);
  return out;
}

/// "appendfile/maildir/mailstore/mbx": the driver with what it can write beside mbox.
std::string transports(const lang::Registries& reg) {
  std::string append = "appendfile";
  for (const auto& [word, option] : {std::pair{"maildir", "maildir_format"}, std::pair{"mailstore", "mailstore_format"},
                                     std::pair{"mbx", "mbx_format"}})
    if (driver_option(reg.transports, "appendfile", option)) append += fmt::format("/{}", word);
  return replace_all(names(reg.transports), "appendfile", append);
}

/// "Nov 21 2026" of the compiler as "21-Nov-2026".
std::string built() {
  const std::string_view d = __DATE__;
  return fmt::format("{:0>2}-{}-{} {}", trim(d.substr(4, 2)), d.substr(0, 3), d.substr(7), __TIME__);
}

}  // namespace

std::string version_text() {
  const auto reg = daemon::all_registries();
  // The language is that of Exim 4.99; a harness asks for the number.
  std::string out =
      fmt::format("{} version {} #1 built {}\n", hooks::product(), hooks::active() ? "4.99" : REMEX_VERSION, built());
  out += fmt::format("Support for:{}\n", support(*reg));
  out += fmt::format("Lookups (built-in): {}\n", names(reg->lookups));
  out += fmt::format("Authenticators (built-in): {}\n", names(reg->authenticators));
  out += fmt::format("Routers (built-in): {}\n", names(reg->routers));
  out += fmt::format("Transports (built-in): {}\n", transports(*reg));
  if (works(reg->main_options, "av_scanner")) out += "Malware: clamd cmdline sock\n";
  out += fmt::format("Size of off_t: {}\n", sizeof(off_t));
  return out;
}

}  // namespace remex::cli
