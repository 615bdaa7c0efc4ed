// The registries of the language's own entries, for evaluation without a configuration (-be alone, tests).
#include "lang/node.h"

namespace remex::registry {
namespace operators {
extern const std::span<const std::span<const OperatorDef>* const> all;
}
namespace items {
extern const std::span<const std::span<const ItemDef>* const> all;
}
namespace conditions {
extern const std::span<const std::span<const ConditionDef>* const> all;
}
namespace variables {
extern const std::span<const std::span<const VariableDef>* const> all;
}
namespace main_options {
extern const std::span<const std::span<const OptionDef>* const> all;
}
}  // namespace remex::registry

namespace remex::lang {

std::shared_ptr<Registries> make_language_registries() {
  auto made = std::make_shared<Registries>();
  made->operators = flatten<OperatorDef>(registry::operators::all);
  made->items = flatten<ItemDef>(registry::items::all);
  made->conditions = flatten<ConditionDef>(registry::conditions::all);
  made->variables = flatten<VariableDef>(registry::variables::all);
  made->main_options = flatten<OptionDef>(registry::main_options::all);
  made->finish();
  return made;
}

}  // namespace remex::lang
