// A configuration with lookups, a directory of its own and a DNS made of a table.
#pragma once

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <span>

#include "core/base/strings.h"
#include "core/dns/resolver.h"
#include "lang/config.h"
#include "lang/diagnostics.h"
#include "lang/expand.h"
#include "lang/list.h"
#include "lang/lookup.h"
#include "lang/lookup_engine.h"
#include "lang/node.h"
#include "lang/scope.h"

namespace remex::registry::lookups {
extern const std::span<const std::span<const LookupDef>* const> all;
}

namespace remex::lang {

class TableResolver : public dns::Resolver {
 public:
  std::map<std::pair<std::string, dns::Type>, std::vector<std::string>> table;
  std::string broken;  ///< this name gives try_again
  int queries = 0;
  dns::Answer query(std::string_view name, dns::Type type) override {
    ++queries;
    dns::Answer a;
    std::string n = to_lower(name);
    if (n == broken) {
      a.why = "time-out";
      return a;
    }
    a.canonical = n;
    bool exists = false;
    for (const auto& [key, values] : table) exists = exists || key.first == n;
    a.outcome = exists ? dns::Outcome::no_data : dns::Outcome::no_name;
    const auto it = table.find({n, type});
    if (it == table.end()) return a;
    a.outcome = dns::Outcome::found;
    for (const std::string& v : it->second) {
      dns::Record r;
      r.type = type;
      r.name = n;
      r.text = v;
      if (type == dns::Type::mx) {
        r.preference = static_cast<std::uint16_t>(*parse_uint(v.substr(0, v.find(' '))));
        r.text = v.substr(v.find(' ') + 1);
      }
      if (type == dns::Type::txt) r.strings = {v};
      a.records.push_back(r);
    }
    return a;
  }
};

struct TestServices : Services {
  TableResolver dns;
  LookupCache cache;
  dns::Resolver& resolver() override { return dns; }
  VerifyOutcome verify_sender(Scope&, const std::string&, std::string_view) override { return {}; }
  VerifyOutcome verify_recipient(Scope&, const std::string&, std::string_view) override { return {}; }
  Result<bool> run_acl(Scope&, const Text&, const std::vector<Text>&, Text&) override { return true; }
  void log(int, std::string_view) override {}
  LookupCache& lookup_cache() override { return cache; }
  Result<bool> first_use(std::string_view, std::string_view, std::int64_t) override { return true; }
  Result<std::optional<std::string>> get_hint(const std::string&, const std::string&) override { return std::nullopt; }
  Status put_hint(const std::string&, const std::string&, const std::string&) override { return {}; }
};

struct PolicyFixture {
  std::string dir;
  Config config;
  TestServices services;
  Scope scope;

  PolicyFixture() {
    char name[] = "/tmp/remex-lookups-XXXXXX";
    dir = ::mkdtemp(name);
    config.registries = make_language_registries();
    config.registries->lookups = flatten<LookupDef>(registry::lookups::all);
    config.registries->finish();
    config.main.primary_hostname = "h.example";
    scope.config = &config;
    scope.services = &services;
  }
  ~PolicyFixture() { std::filesystem::remove_all(dir); }

  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(dir + "/" + name) << text;
    return dir + "/" + name;
  }
  void define(ListKind kind, const std::string& name, const std::string& text) {
    NamedList n;
    n.name = name;
    n.list = list(kind, text);
    config.named_lists[static_cast<std::size_t>(kind)][name] = std::move(n);
  }
  MatchList list(ListKind kind, const std::string& text) {
    CompileContext ctx;
    ctx.registries = config.registries.get();
    auto l = MatchList::compile(kind, SourceText(replace_all(text, "@DIR@", dir)), ctx);
    if (!l) throw std::runtime_error(l.error().text);
    return *l;
  }
  std::string show(const Result<ListMatch>& r) {
    if (!r)
      return std::string(r.error().kind == ErrorKind::defer   ? "defer: "
                         : r.error().kind == ErrorKind::taint ? "taint: "
                                                              : "failed: ") +
             r.error().text;
    return r->matched ? "[" + r->data.str() + "]" : "n";
  }
  std::string match(ListKind kind, const std::string& text, const std::string& subject, ListOptions opt = {}) {
    scope.captures.clear();
    return show(list(kind, text).match(scope, Text::tainted(subject), opt));
  }
  std::string host(const std::string& text, const std::string& ip, const std::string& name = {}) {
    return show(list(ListKind::host, text).match_host(scope, ip, name));
  }
  /// "[data]", "absent", "defer: ...", "taint: ...", "failed: ..."
  std::string look(const std::string& spec, const Text& key, const Text& file, PartialMatch* p = nullptr) {
    auto s = parse_lookup_spec(spec, *config.registries);
    if (!s) return "spec: " + s.error().text;
    auto r = run_lookup(scope, *s, key, file, p);
    if (!r)
      return std::string(r.error().kind == ErrorKind::defer   ? "defer: "
                         : r.error().kind == ErrorKind::taint ? "taint: "
                                                              : "failed: ") +
             r.error().text;
    return *r ? "[" + (**r).str() + "]" + ((**r).is_tainted() ? "T" : "") : "absent";
  }
  std::string look(const std::string& spec, const std::string& key, const std::string& file) {
    return look(spec, Text::tainted(key), Text(file));
  }
};

}  // namespace remex::lang
