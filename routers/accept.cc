// accept: takes every address whose preconditions hold. The whole decision is in the generic options.
#include <fmt/core.h>

#include "lang/diagnostics.h"
#include "routers/internal.h"

namespace remex::routers {
namespace {

struct AcceptOptions : lang::DriverOptions {};

RouteResult route(RouteContext&, const lang::DriverInstance&, Addr&) { return accepted(); }

void check(lang::DriverInstance& r, const lang::Config& config, lang::Diagnostics& diag) {
  check_generic(r, config, diag);
  auto& g = static_cast<RouterGeneric&>(*r.generic);
  if (r.find_given("log_as_local") == nullptr) g.log_as_local = true;
  if (!g.transport.is_set() && !g.verify_only)
    diag.error("missing-transport", r.pos, static_cast<std::uint32_t>(r.name.size()),
               fmt::format("router \"{}\": accept needs a transport unless verify_only is set", r.name));
}

constexpr RouterDef defs[] = {
    {.driver = {.kind = lang::DriverKind::router,
                .name = "accept",
                .summary = "takes every address that reaches it",
                .doc = "No options of its own. Used for local mailboxes and wherever the preconditions say it all.",
                .make_options =
                    +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<AcceptOptions>(); },
                .check = check,
                .examples = {{R"(local_user:
  driver = accept
  domains = +local_domains
  check_local_user
  transport = local_delivery)"},
                             {R"(local_user:
  driver = accept
  domains = +local_domains
  check_local_user)",
                              "", "E0605"}}},
     .route = route,
     .asks_courier = false},
};

}  // namespace
}  // namespace remex::routers

namespace remex::registry::routers {
extern const std::span<const RouterDef> accept;
constinit const std::span<const RouterDef> accept{remex::routers::defs};
}  // namespace remex::registry::routers
