// redirect: aliases and forwarding. The data (an expansion or a file) becomes new addresses, files, pipes, or a verdict
// (:fail:, :defer:, :blackhole:, :unknown:). Filters are refused when the configuration is loaded.
//
// Trust: a path, command or included file that a peer had a hand in is never used; such an item defers the address.
#include <fmt/core.h>

#include <algorithm>

#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/mail/address.h"
#include "lang/diagnostics.h"
#include "routers/courier_work.h"
#include "routers/internal.h"
#include "routers/redirect_list_util.h"

namespace remex::routers {
namespace {

using lang::OptionType;
using lang::ref;
using lang::State;

constexpr int kMaxIncludeDepth = 10;

struct RedirectOptions : lang::DriverOptions {
  lang::Expansion data, file, directory_transport, file_transport, pipe_transport, reply_transport, qualify_domain,
      syntax_errors_text, syntax_errors_to;
  bool allow_defer = false, allow_fail = false, allow_freeze = false, check_ancestor = false, check_group = false,
       check_owner = false, forbid_blackhole = false, forbid_file = false, forbid_include = false, forbid_pipe = false,
       forbid_smtp_code = false, hide_child_in_errmsg = false, ignore_eacces = false, ignore_enotdir = false,
       allow_filter = false, one_time = false, qualify_preserve_domain = false, repeat_use = true, rewrite = true,
       skip_syntax_errors = false;
  std::string include_directory;
  std::int64_t modemask = 022;
  std::vector<std::string> owners, owngroups;
};
using O = RedirectOptions;

constexpr OptionDef kOptions[] = {
    {"allow_defer", OptionType::boolean, ref<&O::allow_defer>, "false", "permit :defer:"},
    {"allow_fail", OptionType::boolean, ref<&O::allow_fail>, "false", "permit :fail:"},
    {"allow_filter", OptionType::boolean, ref<&O::allow_filter>, "false",
     "permit Exim and Sieve filters; so far an address whose file is a filter is deferred"},
    {"allow_freeze", OptionType::boolean, nullptr, "false", "permit freeze in filters", State::later, "*", "", 3},
    {"check_ancestor", OptionType::boolean, ref<&O::check_ancestor>, "false",
     "a child equal to an ancestor becomes the current address"},
    {"check_group", OptionType::boolean, ref<&O::check_group>, "depends on other options",
     "check the group of the file", State::works, "", "", 3},
    {"check_owner", OptionType::boolean, ref<&O::check_owner>, "depends on other options",
     "check the owner of the file", State::works, "", "", 3},
    {"data", OptionType::expanded, ref<&O::data>, "", "the redirection list; empty or forced failure declines"},
    {"directory_transport", OptionType::expanded, ref<&O::directory_transport>, "",
     "transport for paths that end in a slash"},
    {"file", OptionType::expanded, ref<&O::file>, "", "file with the redirection list", State::works, "", "file"},
    {"file_transport", OptionType::expanded, ref<&O::file_transport>, "", "transport for file names"},
    {"filter_prepend_home", OptionType::boolean, nullptr, "true", "for filters", State::later, "*", "", 3},
    {"forbid_blackhole", OptionType::boolean, ref<&O::forbid_blackhole>, "false", "refuse :blackhole:", State::works,
     "", "", 3},
    {"forbid_exim_filter", OptionType::boolean, nullptr, "false", "refuse Exim filters", State::later, "*", "", 3},
    {"forbid_fail", OptionType::boolean, nullptr, "false", "obsolete", State::later, "false", "", 4},
    {"forbid_file", OptionType::boolean, ref<&O::forbid_file>, "false", "refuse file names", State::works, "", "", 2},
    {"forbid_filter_dlfunc", OptionType::boolean, nullptr, "false", "for filters", State::later, "*", "", 3},
    {"forbid_filter_existstest", OptionType::boolean, nullptr, "false", "for filters", State::later, "*", "", 2},
    {"forbid_filter_logwrite", OptionType::boolean, nullptr, "false", "for filters", State::later, "*", "", 2},
    {"forbid_filter_lookup", OptionType::boolean, nullptr, "false", "for filters", State::later, "*", "", 2},
    {"forbid_filter_perl", OptionType::boolean, nullptr, "false", "for filters", State::later, "*", "", 2},
    {"forbid_filter_readfile", OptionType::boolean, nullptr, "false", "for filters", State::later, "*", "", 2},
    {"forbid_filter_readsocket", OptionType::boolean, nullptr, "false", "for filters", State::later, "*", "", 2},
    {"forbid_filter_reply", OptionType::boolean, nullptr, "false", "for filters", State::later, "*", "", 3},
    {"forbid_filter_run", OptionType::boolean, nullptr, "false", "for filters", State::later, "*", "", 2},
    {"forbid_include", OptionType::boolean, ref<&O::forbid_include>, "false", "refuse :include:", State::works, "", "",
     2},
    {"forbid_pipe", OptionType::boolean, ref<&O::forbid_pipe>, "false", "refuse commands", State::works, "", "", 2},
    {"forbid_sieve_filter", OptionType::boolean, nullptr, "false", "refuse Sieve filters", State::later, "*", "", 3},
    {"forbid_smtp_code", OptionType::boolean, ref<&O::forbid_smtp_code>, "false",
     "take no SMTP code from :fail: and :defer: texts"},
    {"hide_child_in_errmsg", OptionType::boolean, ref<&O::hide_child_in_errmsg>, "false",
     "bounces name the top address only", State::works, "", "", 2},
    {"ignore_eacces", OptionType::boolean, ref<&O::ignore_eacces>, "false",
     "a file that may not be read counts as missing", State::works, "", "", 2},
    {"ignore_enotdir", OptionType::boolean, ref<&O::ignore_enotdir>, "false",
     "a missing directory counts as a missing file", State::works, "", "", 2},
    {"include_directory", OptionType::string, ref<&O::include_directory>, "", "where :include: files must be",
     State::works, "", "", 3},
    {"modemask", OptionType::octal, ref<&O::modemask>, "022", "mode bits the file must not have", State::works, "", "",
     2},
    {"one_time", OptionType::boolean, ref<&O::one_time>, "false", "children that fail become recipients of the message",
     State::works, "", "", 2},
    {"owners", OptionType::user_list, ref<&O::owners>, "", "who may own the file", State::works, "", "", 2},
    {"owngroups", OptionType::group_list, ref<&O::owngroups>, "", "groups the file may have", State::works, "", "", 2},
    {"pipe_transport", OptionType::expanded, ref<&O::pipe_transport>, "", "transport for commands"},
    {"qualify_domain", OptionType::expanded, ref<&O::qualify_domain>, "", "domain for children without one",
     State::works, "", "", 2},
    {"qualify_preserve_domain", OptionType::boolean, ref<&O::qualify_preserve_domain>, "false",
     "children without a domain get the incoming one", State::works, "", "", 2},
    {"repeat_use", OptionType::boolean, ref<&O::repeat_use>, "true", "when false, skip if an ancestor was handled here",
     State::works, "", "", 2},
    {"reply_transport", OptionType::expanded, ref<&O::reply_transport>, "",
     "transport for replies of filters; no effect until filters run", State::later, "*"},
    {"rewrite", OptionType::boolean, ref<&O::rewrite>, "true", "apply the rewriting rules to children", State::works,
     "", "", 2},
    {"sieve_enotify_mailto_owner", OptionType::expanded, nullptr, "", "for filters", State::later, "*", "", 4},
    {"sieve_inbox", OptionType::expanded, nullptr, "inbox", "for filters", State::later, "*", "", 3},
    {"sieve_subaddress", OptionType::expanded, nullptr, "", "for filters", State::later, "*", "", 3},
    {"sieve_useraddress", OptionType::expanded, nullptr, "", "for filters", State::later, "*", "", 3},
    {"sieve_vacation_directory", OptionType::expanded, nullptr, "", "for filters", State::later, "*", "", 2},
    {"skip_syntax_errors", OptionType::boolean, ref<&O::skip_syntax_errors>, "false",
     "leave out items that cannot be understood"},
    {"syntax_errors_text", OptionType::expanded, ref<&O::syntax_errors_text>, "",
     "text of the notice about syntax errors"},
    {"syntax_errors_to", OptionType::expanded, ref<&O::syntax_errors_to>, "",
     "who gets the notice about syntax errors that were skipped"},
};

void check(lang::DriverInstance& r, const lang::Config& config, lang::Diagnostics& diag) {
  check_generic(r, config, diag);
  auto& g = static_cast<RouterGeneric&>(*r.generic);
  auto& o = static_cast<RedirectOptions&>(*r.options);
  g.repeat_use = o.repeat_use;
  const auto complain = [&](std::string text) {
    diag.error("bad-router", r.pos, static_cast<std::uint32_t>(r.name.size()),
               fmt::format("router \"{}\": {}", r.name, text));
  };
  if (o.data.is_set() == o.file.is_set() && (r.find_given("data") != nullptr) == (r.find_given("file") != nullptr))
    complain("redirect needs exactly one of data and file");
  if (o.one_time) {
    if (!g.headers_add.empty() || !g.headers_remove.empty())
      complain("one_time cannot be used with headers_add or headers_remove");
    if (g.unseen.value || g.unseen.expansion.is_set()) complain("one_time cannot be used with unseen");
    o.forbid_file = o.forbid_pipe = true;
  }
  if (r.find_given("check_owner") == nullptr) o.check_owner = g.check_local_user || !o.owners.empty();
  if (r.find_given("check_group") == nullptr)
    o.check_group = (g.check_local_user && (o.modemask & 020) == 0) || !o.owngroups.empty();
  if (o.allow_filter)
    if (const auto* given = r.find_given("allow_filter"))
      diag.warning(
          "filters", given->pos, 12,
          fmt::format("router \"{}\": filters cannot be run yet: an address whose data is a filter is deferred",
                      r.name));
  if (!o.include_directory.empty() && !o.include_directory.starts_with('/'))
    complain("include_directory is not an absolute path");
}

// ------------------------------------------------------------------ from data to children

class Redirection {
 public:
  Redirection(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr)
      : ctx_(ctx), r_(r), o_(static_cast<const RedirectOptions&>(*r.options)), addr_(addr) {}
  RouteResult run();

 private:
  Result<Text> load();
  FileRules file_rules() const;
  RouteResult verdict(const RedirectList& list);
  Status add_list(const RedirectList& list, bool tainted, int depth);
  Status include(const std::string& path, bool tainted, int depth);
  Status add_special(const RedirectItem& item, bool tainted);
  Status add_address(const RedirectItem& item);
  Result<std::string> qualified(const RedirectItem& item);
  std::string rewritten(const std::string& address);
  void prepare_notice();

  RouteContext& ctx_;
  const lang::DriverInstance& r_;
  const RedirectOptions& o_;
  Addr& addr_;
  std::vector<std::string> errors_;
  std::optional<RedirectList> included_verdict_;
};

Result<Text> Redirection::load() {
  if (o_.data.is_set()) return o_.data.eval(ctx_.scope);
  REMEX_TRY(const Text path, o_.file.eval(ctx_.scope));
  if (path.is_tainted())
    return fail(ErrorKind::taint,
                fmt::format("Tainted '{}' (file name for {} router) not permitted", printable(path.view()), r_.name));
  if (!path.str().starts_with('/'))
    return fail(fmt::format("file \"{}\" is not an absolute path", printable(path.view())));
  FileRules rules = file_rules();
  rules.ignore_eacces = o_.ignore_eacces;
  rules.ignore_enotdir = o_.ignore_enotdir;
  REMEX_TRY(std::string text, read_as_user(ctx_, r_, addr_, path.str(), rules));
  return Text(std::move(text));
}

FileRules Redirection::file_rules() const {
  FileRules rules;
  rules.modemask = o_.modemask;
  rules.check_owner = o_.check_owner;
  rules.check_group = o_.check_group;
  rules.owners = o_.owners;
  rules.groups = o_.owngroups;
  rules.user_uid = addr_.state.local_user_uid;
  rules.user_gid = addr_.state.local_user_gid;
  return rules;
}

RouteResult Redirection::verdict(const RedirectList& list) {
  using V = RedirectList::Verdict;
  if (list.verdict == V::unknown) return declined();
  if (list.verdict == V::blackhole) {
    if (o_.forbid_blackhole) return deferred("\":blackhole:\" is not permitted");
    return {Outcome::discard, {}, {}, false};
  }
  const bool fails = list.verdict == V::fail;
  if (fails ? !o_.allow_fail : !o_.allow_defer)
    return deferred(fmt::format("\":{}:\" is not permitted in redirection data", fails ? "fail" : "defer"));
  std::string_view code;
  const std::string_view text = split_smtp_code(list.text, fails ? '5' : '4', code);
  RouteResult res = fails ? failed(printable(text)) : deferred(printable(text));
  // The code reaches the SMTP client with the text, unless it is forbidden or of the wrong class.
  res.user_message =
      code.empty() || o_.forbid_smtp_code ? printable(text) : fmt::format("{} {}", code, printable(text));
  if (res.message.empty()) res.message = fails ? "Unrouteable address" : "forced defer";
  return res;
}

Result<std::string> Redirection::qualified(const RedirectItem& item) {
  if (!mail::split_address(item.text).domain.empty()) return item.text;
  if (item.keep_domain || o_.qualify_preserve_domain) return item.text + "@" + addr_.state.domain;
  if (o_.qualify_domain.is_set()) {
    auto domain = o_.qualify_domain.eval(ctx_.scope);
    if (domain) return item.text + "@" + std::string(trim(domain->view()));
    if (domain.error().kind != ErrorKind::forced_fail)
      return defer(fmt::format("qualify_domain: {}", domain.error().text));
  }
  const auto& main = ctx_.config.main;
  const std::string& domain = !main.qualify_recipient.empty() ? main.qualify_recipient
                              : !main.qualify_domain.empty()  ? main.qualify_domain
                                                              : main.primary_hostname;
  return item.text + "@" + domain;
}

/// The global rewriting rules see the addresses a redirection generates.
std::string Redirection::rewritten(const std::string& address) {
  if (!o_.rewrite || ctx_.config.rewrite.empty()) return address;
  lang::Rewriter rewriter(ctx_.scope, ctx_.config.rewrite);
  if (ctx_.mode == RouteMode::deliver && ctx_.scope.envelope != nullptr)
    rewriter.log_prefix = ctx_.scope.envelope->id + " ";
  return rewriter.address(address, lang::RewriteField::env_to);
}

Status Redirection::add_address(const RedirectItem& item) {
  REMEX_TRY(const std::string address, qualified(item));
  auto child = make_child(addr_, rewritten(address));
  if (o_.check_ancestor)
    for (const Addr* p = addr_.parent; p != nullptr; p = p->parent)
      if (iequals(p->unique, child->unique)) {
        child = make_child(addr_, addr_.state.address);
        break;
      }
  child->is_child_of_redirect = true;
  child->one_time = o_.one_time;
  child->hide_child = o_.hide_child_in_errmsg;
  addr_.children.push_back(std::move(child));
  return {};
}

Status Redirection::add_special(const RedirectItem& item, bool tainted) {
  using K = RedirectItem::Kind;
  const bool pipe = item.kind == K::pipe;
  const std::string shown = pipe ? "|" + item.text : item.text;
  if (pipe ? o_.forbid_pipe : o_.forbid_file)
    return defer(fmt::format("delivery to \"{}\" is not permitted by the {} router", printable(shown), r_.name));
  if (tainted)
    return defer(
        fmt::format("Tainted '{}' (redirection data of the {} router) not permitted", printable(shown), r_.name));
  auto child = make_child(addr_, addr_.state.address);
  child->state.prefix = addr_.state.prefix;
  child->state.prefix_v = addr_.state.prefix_v;
  child->state.suffix = addr_.state.suffix;
  child->state.suffix_v = addr_.state.suffix_v;
  child->state.local_part = addr_.state.local_part;
  child->state.local_part_data = addr_.state.local_part_data;
  child->state.domain_data = addr_.state.domain_data;
  child->state.router_name = r_.name;
  child->state.address = shown;
  child->unique = shown + " <" + addr_.unique + ">";
  child->special = Text::clean(item.text);
  child->is_child_of_redirect = true;
  child->hide_child = o_.hide_child_in_errmsg;
  child->is_pipe = pipe;
  child->is_directory = item.kind == K::directory;
  child->is_file = item.kind == K::file;
  if (child->is_file && item.text == "/dev/null") {
    child->status = Addr::Status::discarded;
    child->router = &r_;
    addr_.children.push_back(std::move(child));
    return {};
  }
  const lang::Expansion& name = pipe                  ? o_.pipe_transport
                                : child->is_directory ? o_.directory_transport
                                                      : o_.file_transport;
  const std::string_view option = pipe                  ? "pipe_transport"
                                  : child->is_directory ? "directory_transport"
                                                        : "file_transport";
  if (!name.is_set())
    return defer(fmt::format("{} is not set in the {} router, needed for \"{}\"", option, r_.name, printable(shown)));
  REMEX_TRY(child->transport, find_transport(ctx_, r_, name, option));
  child->status = Addr::Status::routed;
  addr_.children.push_back(std::move(child));
  return {};
}

Status Redirection::include(const std::string& path, bool tainted, int depth) {
  if (o_.forbid_include) return defer(":include: is not permitted");
  if (tainted)
    return defer(fmt::format("Tainted '{}' (:include: file of the {} router) not permitted", printable(path), r_.name));
  if (!path.starts_with('/'))
    return defer(fmt::format(":include: file \"{}\" is not an absolute path", printable(path)));
  if (depth >= kMaxIncludeDepth) return defer(":include: files are nested too deeply");
  if (!o_.include_directory.empty()) {
    std::string base = o_.include_directory;
    while (base.size() > 1 && base.ends_with('/')) base.pop_back();
    bool walks = false;
    for (std::string_view part : split(path, '/')) walks = walks || part == ".." || part == ".";
    if (walks || !path.starts_with(base + "/"))
      return defer(fmt::format("included file {} is not in directory {}", printable(path), base));
  }
  auto text = read_as_user(ctx_, r_, addr_, path, file_rules());
  if (!text)
    return defer(text.error().kind == ErrorKind::not_found ? fmt::format("failed to open included file {}", path)
                                                           : text.error().text);
  return add_list(parse_redirect_list(*text), false, depth + 1);
}

Status Redirection::add_list(const RedirectList& list, bool tainted, int depth) {
  if (list.verdict != RedirectList::Verdict::items) {
    included_verdict_ = list;
    return {};
  }
  errors_.insert(errors_.end(), list.errors.begin(), list.errors.end());
  for (const RedirectItem& item : list.items) {
    if (included_verdict_) return {};
    if (addr_.children.size() > 10000) return defer("too many addresses in redirection data");
    switch (item.kind) {
      case RedirectItem::Kind::address: REMEX_CHECK(add_address(item)); break;
      case RedirectItem::Kind::include: REMEX_CHECK(include(item.text, tainted, depth)); break;
      default: REMEX_CHECK(add_special(item, tainted));
    }
  }
  return {};
}

/// "# Exim filter" or "# Sieve filter" as first line, blanks and case free (filter manual 1.3).
bool is_filter(std::string_view text) {
  text = trim_left(text);
  if (!text.starts_with('#')) return false;
  text = trim_left(text.substr(1));
  for (const std::string_view word : {"exim", "sieve"})
    if (istarts_with(text, word) && text.size() > word.size() && is_space(text[word.size()]))
      return istarts_with(trim_left(text.substr(word.size())), "filter");
  return false;
}

/// Leaves the message about skipped errors to the delivery, which can send it.
void Redirection::prepare_notice() {
  if (ctx_.mode != RouteMode::deliver || !o_.syntax_errors_to.is_set()) return;
  auto to = o_.syntax_errors_to.eval(ctx_.scope);
  if (!to || trim(to->view()).empty()) return;
  if (o_.syntax_errors_text.is_set())
    if (auto text = o_.syntax_errors_text.eval(ctx_.scope)) addr_.notice_text = text->str() + "\n\n";
  addr_.notice_to = trim(to->view());
  for (const std::string& e : errors_) addr_.notice_text += fmt::format("  {}\n", printable(e));
}

RouteResult Redirection::run() {
  auto data = load();
  if (!data) {
    const ErrorKind kind = data.error().kind;
    if (kind == ErrorKind::forced_fail || kind == ErrorKind::not_found) return declined();
    return deferred(fmt::format("{}: {}", o_.data.is_set() ? "failed to expand data" : "file", data.error().text));
  }
  if (o_.allow_filter && is_filter(data->view()))
    return deferred(fmt::format("{} router: the data is a filter, which this version cannot run", r_.name));
  Status ok = add_list(parse_redirect_list(data->view()), data->is_tainted(), 0);
  if (included_verdict_) {
    addr_.children.clear();
    return verdict(*included_verdict_);
  }
  if (ok && !errors_.empty() && !o_.skip_syntax_errors)
    ok = defer(fmt::format("syntax error in redirection data: {}", errors_.front()));
  if (!ok) {
    addr_.children.clear();
    return deferred(ok.error().text);
  }
  for (const std::string& e : errors_) debug_line(ctx_, fmt::format("{} router: skipped: {}", r_.name, e));
  if (!errors_.empty()) prepare_notice();
  if (addr_.children.empty()) return declined();
  return {Outcome::rerouted, {}, {}, false};
}

RouteResult route(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr) {
  return Redirection(ctx, r, addr).run();
}

constexpr RouterDef defs[] = {
    {.driver =
         {.kind = lang::DriverKind::router,
          .name = "redirect",
          .summary = "turns an address into others (aliases, forwarding)",
          .doc = "Exactly one of data and file. Items are addresses, /file, /directory/, |command, :include:, and the "
                 "words :fail:, :defer:, :blackhole:, :unknown:.",
          .options = kOptions,
          .make_options = +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<RedirectOptions>(); },
          .check = check},
     .route = route},
};

}  // namespace
}  // namespace remex::routers

namespace remex::registry::routers {
extern const std::span<const RouterDef> redirect;
constinit const std::span<const RouterDef> redirect{remex::routers::defs};
}  // namespace remex::registry::routers
