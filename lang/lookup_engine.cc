// Running a lookup: taint refusals, the order of keys (whole, partial, *@domain, *), ret=key, the answer cache.
//
// Nothing here knows a driver. A driver's "absent" moves on to the next key; its defer ends the lookup at once, so
// that a default is never taken because a server was down.
#include "lang/lookup_engine.h"

#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/message_memory.h"
#include "lang/node.h"
#include "lang/scope.h"

namespace remex::lang {

namespace {

/// Names like mount points and keys of a mail system are short; a longer one is an attack and would only cost memory.
constexpr std::size_t kMaxKey = 64U << 10U;

std::string answer_id(const LookupSpec& spec, std::string_view key, std::string_view file) {
  std::string id;
  id.reserve(key.size() + file.size() + spec.options.size() + spec.def->name.size() + 3);
  id.append(spec.def->name).push_back('\0');
  id.append(spec.options).push_back('\0');
  id.append(file).push_back('\0');
  id.append(key);
  return id;
}

/// One key, no affixes.
class KeyFinder {
 public:
  /// `file` must outlive it.
  KeyFinder(Scope& scope, const LookupSpec& spec, const std::string& file) : scope_(scope), spec_(spec), file_(file) {}

  LookupResult find(const Text& key) {
    if (key.size() > kMaxKey) {
      // No file has such a key; what a server would have answered to a query nobody knows.
      if (spec_.style() != LookupStyle::query) return std::optional<Text>();
      return defer(fmt::format("query of a {} lookup too long: {} octets, {} are permitted", spec_.def->name,
                               key.size(), kMaxKey));
    }
    LookupCache* cache = scope_.services != nullptr ? &scope_.services->lookup_cache() : nullptr;
    const bool keep = spec_.def->keep_answers || spec_.style() == LookupStyle::query;
    std::string id;
    if (keep) {
      id = answer_id(spec_, key.view(), file_);
      if (spec_.read_cache)
        if (auto known = memory_of(scope_).answer(id)) return std::move(*known);
    }
    if (spec_.def->open != nullptr && handle_ == nullptr) {
      if (cache != nullptr) {
        REMEX_TRY(handle_, cache->handle(scope_, *spec_.def, file_));
      } else {
        REMEX_TRY(auto fresh, spec_.def->open(scope_, file_));
        handle_ = std::move(fresh);
      }
    }
    const LookupRequest request{.key = key, .file = file_, .options = spec_.options};
    LookupResult got = spec_.def->find(scope_, handle_.get(), request);
    if (keep && got && spec_.write_cache && request.keep_answer) memory_of(scope_).store(std::move(id), *got);
    return got;
  }

 private:
  Scope& scope_;
  const LookupSpec& spec_;
  const std::string& file_;
  std::shared_ptr<LookupHandle> handle_;
};

void note_partial(PartialMatch* out, std::string_view wild, std::string_view fixed) {
  if (out == nullptr) return;
  out->used = true;
  out->wild.assign(wild);
  out->fixed.assign(fixed);
}

/// The key that is tried when partial0 ran out of components; nullopt = none.
std::optional<std::string> last_partial_key(const std::string& affix) {
  if (affix.empty()) return std::nullopt;
  if (affix.size() > 1 && affix.back() == '.') return affix.substr(0, affix.size() - 1);
  return affix;
}

/// "*.a.b.c" whatever its number of components, then "*.b.c" ... down to the least number of fixed ones.
LookupResult find_partial(KeyFinder& finder, const LookupSpec& spec, const Text& key, PartialMatch* partial) {
  std::string_view fixed = key.view();
  std::size_t dots = 0;
  for (char c : fixed) dots += c == '.' ? 1 : 0;
  auto components = static_cast<std::int64_t>(dots) + 1;
  const auto wild_before = [&] {
    const std::size_t n = key.size() - fixed.size();
    return key.view().substr(0, n > 0 ? n - 1 : 0);
  };
  for (bool whole = true; components > 0 && (whole || components >= spec.partial); whole = false) {
    // With an empty prefix the first round would repeat the whole key.
    if (!(whole && spec.affix.empty())) {
      REMEX_TRY(auto got, finder.find(key.with(spec.affix + std::string(fixed))));
      if (got) {
        note_partial(partial, wild_before(), fixed);
        return got;
      }
    }
    const std::size_t dot = fixed.find('.');
    fixed = fixed.substr(dot == std::string_view::npos ? fixed.size() : dot + 1);
    components = dot == std::string_view::npos ? 0 : components - 1;
  }
  if (spec.partial == 0 && components == 0)
    if (const auto last = last_partial_key(spec.affix)) {
      REMEX_TRY(auto got, finder.find(key.with(*last)));
      if (got) {
        note_partial(partial, key.view(), "");
        return got;
      }
    }
  return std::optional<Text>();
}

LookupResult find_default(KeyFinder& finder, const LookupSpec& spec, const Text& key, PartialMatch* partial) {
  if (spec.defaults == LookupSpec::Default::star_at) {
    const std::size_t at = key.view().rfind('@');
    // "*@domain" itself may have been the key.
    if (at != std::string_view::npos && at > 0 && !(at == 1 && key.view().front() == '*')) {
      REMEX_TRY(auto got, finder.find(key.with("*" + key.str().substr(at))));
      if (got) {
        note_partial(partial, key.view().substr(0, at), "");
        return got;
      }
    }
  }
  if (spec.defaults != LookupSpec::Default::none && key.view() != "*") {
    REMEX_TRY(auto got, finder.find(key.with("*")));
    if (got) {
      note_partial(partial, key.view(), "");
      return got;
    }
  }
  return std::optional<Text>();
}

LookupResult find_single_key(Scope& scope, const LookupSpec& spec, const Text& key, const Text& file,
                             PartialMatch* partial) {
  if (file.is_tainted())
    return fail(ErrorKind::taint, fmt::format("Tainted filename for search '{}'", printable(file.view())));
  KeyFinder finder(scope, spec, file.str());
  // An empty key is in no file, but partial keys and defaults are made from it all the same, as Exim does.
  std::optional<Text> got;
  if (!key.empty()) {
    REMEX_TRY(got, finder.find(key));
  }
  if (!got && spec.partial >= 0) {
    REMEX_TRY(got, find_partial(finder, spec, key, partial));
  }
  if (!got && spec.defaults != LookupSpec::Default::none) {
    REMEX_TRY(got, find_default(finder, spec, key, partial));
  }
  return got;
}

LookupResult find_query(Scope& scope, const LookupSpec& spec, const Text& query) {
  if (spec.def->needs_quoting && query.is_tainted() && !quoted_for(registries_of(scope), *spec.def, query))
    return fail(ErrorKind::taint,
                fmt::format("tainted search query is not properly quoted for lookup type \"{}\": use ${{quote_{}:...}}",
                            spec.def->name, spec.def->name));
  const std::string no_file;
  KeyFinder finder(scope, spec, no_file);
  return finder.find(query);
}

}  // namespace

LookupResult run_lookup(Scope& scope, const LookupSpec& spec, const Text& key, const Text& file,
                        PartialMatch* partial) {
  if (partial != nullptr) *partial = {};
  LookupResult got = spec.style() == LookupStyle::single_key ? find_single_key(scope, spec, key, file, partial)
                                                             : find_query(scope, spec, key);
  if (got && *got && spec.ret_key) *got = Text::clean(key.view());
  if (scope.services != nullptr && scope.services->debugging()) {
    const char* what = !got ? "error" : *got ? "found" : "absent";
    scope.services->debug(fmt::format("lookup {} \"{}\" in \"{}\": {}", spec.def->name, printable(key.view()),
                                      printable(file.view()), what));
  }
  return got;
}

}  // namespace remex::lang
