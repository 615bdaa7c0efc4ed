// See redirect_request_util.h. What an expansion decides is checked up to its first variable; where a list may include
// any file, any absolute path is believed: it is read as the user, and the user may read it.
#include "routers/redirect_request_util.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/base/strings.h"
#include "core/io/accounts.h"
#include "lang/confinement.h"
#include "lang/word_match.h"
#include "routers/internal.h"

namespace remex::routers {
namespace {

std::string field(const io::Fields& f, const std::string& name) {
  const auto it = f.find(name);
  return it == f.end() ? std::string() : it->second;
}

/// The value begins with `start`; with the whole `source` when that has no variables.
bool follows(std::string_view value, std::string_view source) {
  const std::string_view start = lang::constant_part(source);
  return start.size() == source.size() ? value == source : value.starts_with(start) && !has_dot_dot(value);
}

/// Some account with that uid lives there, so that `path` is what `rest` says below its home directory.
bool below_home(const std::string& path, uid_t uid, std::string_view rest) {
  return io::any_home_of(uid, [&](std::string_view home) {
    return path.starts_with(home) && follows(std::string_view(path).substr(home.size()), rest);
  });
}

bool is_the_file(const lang::DriverInstance& r, const RedirectOptions& o, const std::string& path, uid_t uid) {
  if (!o.file.is_set()) return false;
  const RouterGeneric& g = generic(r);
  std::string_view source = trim(o.file.source_text());
  for (const std::string_view home : {"$home/", "${home}/"})
    if (source.starts_with(home)) {
      // Only then it is the home directory of the user who reads.
      const bool known = g.check_local_user && !g.user.is_set() && !g.router_home_directory.is_set();
      source.remove_prefix(home.size() - 1);
      return known ? below_home(path, uid, source) : !has_dot_dot(path);
    }
  return follows(path, source);
}

bool may_be_included(const RedirectOptions& o, const std::string& path) {
  if (o.forbid_include) return false;
  std::string_view base = o.include_directory;
  if (base.empty()) return true;
  while (base.size() > 1 && base.ends_with('/')) base.remove_suffix(1);
  return !has_dot_dot(path) && path.starts_with(std::string(base) + "/");
}

Status check_list(const lang::DriverInstance& r, const RedirectOptions& o, const io::Fields& f) {
  const std::string path = field(f, "path");
  const auto uid = static_cast<uid_t>(parse_uint(field(f, "uid")).value_or(0));
  if (!path.starts_with('/') || path.find('\0') != std::string::npos) return fail("path is not absolute");
  const bool file = is_the_file(r, o, path, uid);
  if (!file && !may_be_included(o, path))
    return fail(fmt::format("path {} is not one of the {} router", printable(path), r.name));
  io::Fields want;
  add_rules(list_file_rules(o), want);
  for (const auto& [name, value] : want) {
    if (name == "user_uid" || name == "user_gid") continue;  // of the address
    const bool ignored = (name == "ignore_eacces" && o.ignore_eacces) || (name == "ignore_enotdir" && o.ignore_enotdir);
    if (field(f, name) != value && !(file && ignored))
      return fail(fmt::format("{} is not what the {} router says", name, r.name));
  }
  return {};
}

Status check_filter(const lang::DriverInstance& r, const RedirectOptions& o, const io::Fields& f) {
  if (!o.allow_filter) return fail(fmt::format("the {} router runs no filters", r.name));
  auto given = lang::filter::decode_options(field(f, "options"));
  if (!given) return std::unexpected(given.error());
  lang::filter::Options want = fixed_filter_options(o);
  const auto differs = [&](std::string_view name) {
    return fail(fmt::format("{} is not what the {} router says", name, r.name));
  };
  struct Row {
    const char* name;
    const lang::Expansion& option;
    std::string lang::filter::Options::* text;
    bool lang::filter::Options::* has;
  };
  using O = lang::filter::Options;
  for (const Row& row :
       {Row{"sieve_inbox", o.sieve_inbox, &O::inbox, nullptr},
        Row{"sieve_subaddress", o.sieve_subaddress, &O::subaddress, nullptr},
        Row{"sieve_useraddress", o.sieve_useraddress, &O::useraddress, &O::has_useraddress},
        Row{"sieve_vacation_directory", o.sieve_vacation_directory, &O::vacation_directory, &O::has_vacation},
        Row{"sieve_enotify_mailto_owner", o.sieve_enotify_mailto_owner, &O::notify_owner, &O::has_notify}}) {
    if (!row.option.is_set()) continue;
    const std::string& value = (*given).*row.text;
    // A forced failure leaves it as if it were not set.
    if (value != want.*row.text && !follows(value, row.option.source_text())) return differs(row.name);
    want.*row.text = value;
    if (row.has != nullptr) want.*row.has = (*given).*row.has;
  }
  if (encode(*given) != encode(want)) return differs("what its filters may do");
  return {};
}

}  // namespace

FileRules list_file_rules(const RedirectOptions& o) {
  FileRules rules;
  rules.modemask = o.modemask;
  rules.check_owner = o.check_owner;
  rules.check_group = o.check_group;
  rules.owners = o.owners;
  rules.groups = o.owngroups;
  return rules;
}

lang::filter::Options fixed_filter_options(const RedirectOptions& o) {
  using C = lang::Confinement;
  lang::filter::Options f;
  f.allow_fail = o.allow_fail;
  f.allow_defer = o.allow_defer;
  f.allow_freeze = o.allow_freeze;
  f.forbid_logwrite = o.forbid_filter_logwrite;
  f.prepend_home = o.filter_prepend_home;
  for (const auto& [on, bit] :
       {std::pair(o.forbid_filter_existstest, C::kExists), std::pair(o.forbid_filter_lookup, C::kLookup),
        std::pair(o.forbid_filter_perl, C::kPerl), std::pair(o.forbid_filter_readfile, C::kReadfile),
        std::pair(o.forbid_filter_readsocket, C::kReadsocket), std::pair(o.forbid_filter_run, C::kRun),
        std::pair(o.forbid_filter_dlfunc, C::kDlfunc)})
    if (on) f.forbidden |= bit;
  return f;
}

Status check_redirect_request(const lang::DriverInstance& r, const io::Fields& f) {
  const auto& o = static_cast<const RedirectOptions&>(*r.options);
  const std::string op = field(f, "op");
  if (op == "readlist") return check_list(r, o, f);
  if (op == "filter") return check_filter(r, o, f);
  return fail(fmt::format("the {} router never asks for \"{}\"", r.name, printable(op)));
}

}  // namespace remex::routers
