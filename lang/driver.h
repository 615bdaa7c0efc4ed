// What the configuration reader knows of a driver family: name, options, how to make the plain struct they are bound
// to. routers/router.h, transports/transport.h, authenticators/authenticator.h add what a driver does.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "lang/expand.h"
#include "lang/registry.h"

namespace remex::lang {

class Config;
class Diagnostics;

enum class DriverKind : std::uint8_t { router, transport, authenticator };

/// A bool that may be an expansion ("more", "unseen").
struct ExpandedBool {
  bool value = false;
  Expansion expansion;  ///< used when set
  /// Evaluates; strict boolean, other text is kind failed.
  Result<bool> eval(Scope& scope) const;
};

/// Base of every private-options struct.
struct DriverOptions {
  virtual ~DriverOptions() = default;
};

struct DriverInstance;

struct DriverDef {
  DriverKind kind = DriverKind::router;
  std::string_view name = {};
  std::string_view summary = {};
  std::string_view doc = {};
  std::span<const OptionDef> options = {};                     ///< private options
  std::unique_ptr<DriverOptions> (*make_options)() = nullptr;  ///< a fresh struct with defaults
  /// After all options were read: cross-option rules. Reports to the diagnostics.
  void (*check)(DriverInstance&, const Config&, Diagnostics&) = nullptr;
  State state = State::works;
  Examples examples = {};  ///< whole instances, the name's line first; the examples of its options stand in the first
};

/// One configured router, transport or authenticator.
struct DriverInstance {
  std::string name;
  Pos pos;
  const DriverDef* def = nullptr;
  std::unique_ptr<DriverOptions> options;  ///< private, of def->make_options
  std::unique_ptr<DriverOptions> generic;  ///< RouterGeneric / TransportGeneric / AuthenticatorGeneric of the family
  struct Given {
    const OptionDef* def;
    Pos pos;  ///< of the name
    SourceText value;
    bool hidden = false;
  };
  std::vector<Given> given;  ///< options set in the file, in order (for -bP and checks)
  const Given* find_given(std::string_view name) const;
};

/// The generic options of a family: supplied by routers/, transports/, authenticators/ through Registries.
struct DriverFamily {
  DriverKind kind;
  std::span<const OptionDef> generic_options;
  std::unique_ptr<DriverOptions> (*make_generic)();
};

}  // namespace remex::lang
