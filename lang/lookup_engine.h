// The lookup engine: what stands between the words "partial-lsearch*@,ret=key" and a driver in lookups/.
//
// It parses the type, tries the keys in order (whole, partial, *@domain, *), refuses tainted file names and tainted
// queries that were not quoted for the type, keeps handles open and reopens changed files. Used by ${lookup...}, by
// lists and by wildlsearch keys. Failure to look is kind defer, tainted input kind taint, a wrong type kind failed.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/text.h"
#include "lang/lookup.h"
#include "lang/registry.h"

namespace remex::lang {

class Scope;

/// A lookup type with its affixes, as written in front of the file or query.
struct LookupSpec {
  enum class Default : std::uint8_t { none, star, star_at };

  const LookupDef* def = nullptr;
  int partial = -1;          ///< least number of non-wild components; -1 = not a partial lookup
  std::string affix = "*.";  ///< prefix of partial keys
  Default defaults = Default::none;
  std::string options;  ///< what stood after the commas, for the driver; all known to it (ret=key, cache= taken out)
  bool ret_key = false;
  bool read_cache = true;   ///< false: cache=no_rd
  bool write_cache = true;  ///< false: cache=no_wr (or no)

  LookupStyle style() const { return def->style; }
};

/// Parses "type", "partial3(.)lsearch*@,ret=key" ... Kind failed: the text is Exim-like
/// (`unknown lookup type "dsearh"`), and with a suggestion when one is near.
Result<LookupSpec> parse_lookup_spec(std::string_view text, const Registries& registries);

/// The word that names the type in a spec ("lsearch" of "partial-lsearch*,ret=key"), for diagnostics.
std::string_view lookup_type_word(std::string_view spec);
/// Known lookup type nearest to `word`; empty when none is near.
std::string_view nearest_lookup(std::string_view word, const Registries& registries);

/// True when a list item begins with a lookup type and ';' (known or not: only a type's shape is tested).
/// `spec` gets what stands before the semicolon, `rest` what follows it, blanks dropped.
bool split_lookup_item(std::string_view item, std::string_view& spec, std::string_view& rest);

/// What a partial match left over: ${lookup} shows them as $1 (wild part) and $2 (fixed part).
struct PartialMatch {
  bool used = false;
  std::string wild, fixed;
};

/// Looks up. Single-key: `key` in `file`. Query: `key` is the query and `file` stays empty.
/// Returns the data, or nullopt when there is none. An empty single key is absent. May park.
LookupResult run_lookup(Scope& scope, const LookupSpec& spec, const Text& key, const Text& file,
                        PartialMatch* partial = nullptr);

/// Number under which Text::quoter() names a lookup type; types of one family (ldap, ldapm, ldapdn) share one.
QuoterId quoter_id(const Registries& registries, const LookupDef& def);

/// Every tainted part of `query` went through the quoting operator of this type (or, for LDAP, ${quote:} where
/// passwords stand; the driver looks where that is).
bool quoted_for(const Registries& registries, const LookupDef& def, const Text& query);

/// Open handles per (type, file); query types have one each, with an empty file. One per worker; not for use from
/// several threads. Bounded: the least recently used go. Files are checked with stat before each use, once in a turn of
/// the loop (io::current_turn), and opened again when changed.
class LookupCache {
 public:
  explicit LookupCache(std::size_t max_handles = 25);
  ~LookupCache();
  LookupCache(const LookupCache&) = delete;
  LookupCache& operator=(const LookupCache&) = delete;

  /// lookup_open_max.
  void set_max_handles(std::size_t n);
  /// Closes all.
  void clear();
  std::size_t open_handles() const;

  /// For the engine.
  Result<std::shared_ptr<LookupHandle>> handle(Scope& scope, const LookupDef& def, const std::string& file);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace remex::lang
