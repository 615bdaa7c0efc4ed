// Services for tests of policy: addresses verify by their local part, names resolve from a table, hints live in a map,
// log lines are collected. Used by the tests of acl/ and core/smtp and by the session fuzz target.
#pragma once

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "acl/acl.h"
#include "core/log/log.h"
#include "lang/lookup_engine.h"
#include "lang/scope.h"

namespace remex::test {

struct TableResolver : dns::Resolver {
  std::map<std::pair<std::string, dns::Type>, std::string> records;
  std::map<std::string, dns::Outcome> trouble;
  dns::Answer query(std::string_view name, dns::Type type) override {
    dns::Answer out;
    const std::string n(name);
    if (const auto t = trouble.find(n); t != trouble.end()) {
      out.outcome = t->second;
    } else if (const auto it = records.find({n, type}); it != records.end()) {
      out.outcome = dns::Outcome::found;
      dns::Record r;
      r.type = type;
      r.text = it->second;
      out.records.push_back(r);
    } else {
      out.outcome = dns::Outcome::no_name;
    }
    return out;
  }
};

/// Local parts beginning "nosuch" fail, "tempfail" defers, "throw" is a bug in the program.
struct FakeServices : lang::Services {
  TableResolver table;
  lang::LookupCache cache;
  std::vector<std::string> lines;  ///< "main reject|text"
  std::map<std::string, std::string> hints;
  bool hints_broken = false;
  bool buggy = false;  ///< "throw" is in force
  int verifications = 0;

  dns::Resolver& resolver() override { return table; }
  lang::VerifyOutcome verify(const std::string& address) {
    ++verifications;
    lang::VerifyOutcome v;
    if (buggy && address.starts_with("throw")) throw std::logic_error("a bug");
    if (address.starts_with("nosuch")) {
      v.kind = lang::VerifyOutcome::Kind::fail;
      v.user_message = "no such address here";
      v.log_message = "no such address here";
    } else if (address.starts_with("tempfail")) {
      v.kind = lang::VerifyOutcome::Kind::defer;
      v.log_message = v.user_message = "try again";
    }
    return v;
  }
  lang::VerifyOutcome verify_sender(lang::Scope&, const std::string& a, std::string_view) override { return verify(a); }
  lang::VerifyOutcome verify_recipient(lang::Scope&, const std::string& a, std::string_view) override {
    lang::VerifyOutcome v = verify(a);
    if (v.kind == lang::VerifyOutcome::Kind::fail) v.failure = "recipient";
    return v;
  }
  Result<bool> run_acl(lang::Scope& scope, const Text& name, const std::vector<Text>& args, Text& message) override {
    acl::Effects effects;
    const acl::Outcome o = acl::run_named(acl::Hook::unknown, name, args, scope, effects);
    message = Text(o.user_message);
    return o.verdict == acl::Verdict::accept;
  }
  void log(int, std::string_view line) override { lines.emplace_back(line); }
  lang::LookupCache& lookup_cache() override { return cache; }
  Result<bool> first_use(std::string_view table_name, std::string_view key, std::int64_t) override {
    return hints.emplace(std::string(table_name) + "/" + std::string(key), "").second;
  }
  Result<std::optional<std::string>> get_hint(const std::string& t, const std::string& k) override {
    if (hints_broken) return defer("hints are broken");
    const auto it = hints.find(t + "/" + k);
    return it == hints.end() ? std::nullopt : std::optional<std::string>(it->second);
  }
  Status put_hint(const std::string& t, const std::string& k, const std::string& v) override {
    hints[t + "/" + k] = v;
    return {};
  }
};

}  // namespace remex::test
