// A small language for tests of the reader: a few main options and one driver per family, no real engine.
#pragma once

#include <memory>
#include <string>

#include "lang/config.h"
#include "lang/driver.h"

namespace remex::lang::test {

struct Options : DriverOptions {
  Expansion transport, data;
  bool one_time = false;
  std::int64_t mode = 0600;
  std::vector<Expansion> condition;
  ExpandedBool more{true, {}};
};

inline constexpr OptionDef kGeneric[] = {
    {.name = "transport", .type = OptionType::expanded, .ref = ref<&Options::transport>},
    {.name = "condition", .type = OptionType::repeated_expanded, .ref = ref<&Options::condition>},
    {.name = "more", .type = OptionType::expanded_boolean, .ref = ref<&Options::more>},
    {.name = "pass_router", .type = OptionType::string},
};
inline constexpr OptionDef kPrivate[] = {
    {.name = "data", .type = OptionType::expanded, .ref = ref<&Options::data>},
    {.name = "one_time", .type = OptionType::boolean, .ref = ref<&Options::one_time>},
    {.name = "mode", .type = OptionType::octal, .ref = ref<&Options::mode>},
};
inline std::unique_ptr<DriverOptions> make() { return std::make_unique<Options>(); }
inline constexpr DriverDef kDrivers[] = {
    {.kind = DriverKind::router, .name = "redirect", .options = kPrivate, .make_options = make},
    {.kind = DriverKind::router, .name = "iplookup", .make_options = make, .state = State::later},
    {.kind = DriverKind::transport, .name = "smtp", .options = kPrivate, .make_options = make},
};
inline constexpr DriverFamily kRouters{DriverKind::router, kGeneric, make};
inline constexpr DriverFamily kTransports{DriverKind::transport, {}, make};

inline constexpr OptionDef kMain[] = {
    {.name = "primary_hostname", .type = OptionType::string, .ref = ref<&MainOptions::primary_hostname>},
    {.name = "accept_8bitmime", .type = OptionType::boolean, .ref = ref<&MainOptions::accept_8bitmime>},
    {.name = "smtp_accept_max", .type = OptionType::integer, .ref = ref<&MainOptions::smtp_accept_max>},
    {.name = "auto_thaw", .type = OptionType::time, .ref = ref<&MainOptions::auto_thaw>},
    {.name = "deliver_queue_load_max", .type = OptionType::fixed, .ref = ref<&MainOptions::deliver_queue_load_max>},
    {.name = "delay_warning", .type = OptionType::time_list, .ref = ref<&MainOptions::delay_warning>},
    {.name = "dns_resolvers", .type = OptionType::string_list, .ref = ref<&MainOptions::dns_resolvers>},
    {.name = "acl_smtp_rcpt", .type = OptionType::expanded, .ref = ref<&MainOptions::acl_smtp_rcpt>},
    {.name = "prdr_enable",
     .type = OptionType::boolean,
     .ref = ref<&MainOptions::prdr_enable>,
     .default_text = "false",
     .state = State::later},
    {.name = "rfc1413_query_timeout",
     .type = OptionType::time,
     .ref = ref<&MainOptions::rfc1413_query_timeout>,
     .default_text = "0s",
     .state = State::later,
     .harmless = "0s,0"},
};

struct Loaded {
  std::shared_ptr<SourceFiles> files = std::make_shared<SourceFiles>();
  Diagnostics diag{*files};
  std::shared_ptr<const Config> config;
  /// The codes of all errors, joined by blanks.
  std::string codes() const {
    std::string out;
    for (const Diagnostic& d : diag.all()) out += (out.empty() ? "" : " ") + d.code;
    return out;
  }
};

inline std::shared_ptr<Registries> registries() {
  auto reg = std::make_shared<Registries>();
  for (const OptionDef& o : kMain) reg->main_options.push_back(&o);
  reg->routers = {&kDrivers[0], &kDrivers[1]};
  reg->transports = {&kDrivers[2]};
  reg->families[0] = &kRouters;
  reg->families[1] = &kTransports;
  reg->finish();
  return reg;
}

inline std::unique_ptr<Loaded> load(const std::string& text, const LoadOptions& opt = {},
                                    const std::string& name = "t.conf") {
  auto l = std::make_unique<Loaded>();
  l->config = load_config_text(name, text, opt, registries(), l->diag, l->files);
  return l;
}

}  // namespace remex::lang::test
