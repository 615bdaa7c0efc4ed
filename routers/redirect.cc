// redirect: aliases and forwarding. The data (an expansion or a file) becomes new addresses, files, pipes, or a verdict
// (:fail:, :defer:, :blackhole:, :unknown:). Data that is a filter is run (lang/filter), as the user it belongs to.
//
// Trust: a path, command or included file that a peer had a hand in is never used; such an item defers the address.
#include <fmt/core.h>

#include <algorithm>

#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/mail/address.h"
#include "lang/confinement.h"
#include "lang/diagnostics.h"
#include "lang/node.h"
#include "routers/courier_work.h"
#include "routers/filter_work.h"
#include "routers/internal.h"
#include "routers/redirect_list_util.h"
#include "routers/redirect_options.h"
#include "routers/redirect_request_util.h"

namespace remex::routers {
namespace {

constexpr int kMaxIncludeDepth = 10;
constexpr int kBadRedirect = -17;  ///< the number logs have for a list or filter that cannot be used

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
    complain(o.data.is_set() ? "redirect needs exactly one of data and file (both are set)"
                             : "redirect needs exactly one of data and file");
  if (o.one_time) {
    if (!g.headers_add.empty() || !g.headers_remove.empty())
      complain("one_time cannot be used with headers_add or headers_remove");
    if (g.unseen.value || g.unseen.expansion.is_set()) complain("one_time cannot be used with unseen");
    o.forbid_file = o.forbid_pipe = true;
  }
  if (r.find_given("check_owner") == nullptr) o.check_owner = g.check_local_user || !o.owners.empty();
  if (r.find_given("check_group") == nullptr)
    o.check_group = (g.check_local_user && (o.modemask & 020) == 0) || !o.owngroups.empty();
  if (o.allow_filter && !g.check_local_user && !g.user.is_set())
    complain("\"user\" or \"check_local_user\" must be set with \"allow_filter\"");
  if (o.one_time) o.forbid_filter_reply = true;
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
  std::unique_ptr<Addr> special_child(RedirectItem::Kind kind, const std::string& text);
  /// The list asks for something that the options forbid: the address waits.
  RouteResult bad_data(std::string_view what);
  RouteResult filter(const Text& data);
  bool inserts_peer(const lang::Node& node);
  void log_mistake(const std::string& text);
  RouteResult filter_mistake(const std::string& text, bool may_skip);
  Result<lang::filter::Options> filter_options() const;
  Status add_action(const lang::filter::Action& action);
  void add_file_or_command(const lang::filter::Action& action);
  void add_reply(const lang::filter::Action& action);
  /// Without a transport the one child waits; the others of the list go on.
  void set_transport(Addr& child, const lang::Expansion& name, std::string_view option);
  void set_special_transport(Addr& child, RedirectItem::Kind kind);
  /// The transport of a child for a path or command; a forbidden one fails, and the others of its list go on.
  void settle_special(Addr& child, RedirectItem::Kind kind);
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
  bool of_user_ = false;         ///< the filter is not this process's own user's
  std::uint32_t forbidden_ = 0;  ///< to its expansions
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
  FileRules rules = list_file_rules(o_);
  rules.user_uid = addr_.state.local_user_uid;
  rules.user_gid = addr_.state.local_user_gid;
  return rules;
}

RouteResult Redirection::bad_data(std::string_view what) {
  addr_.basic_errno = kBadRedirect;
  return deferred(fmt::format("error in redirect data: {}", what));
}

RouteResult Redirection::verdict(const RedirectList& list) {
  using V = RedirectList::Verdict;
  if (list.verdict == V::unknown) return declined();
  if (list.verdict == V::blackhole) {
    if (o_.forbid_blackhole) return bad_data("\":blackhole:\" is not permitted");
    return {Outcome::discard, {}, {}, false, false};
  }
  const bool fails = list.verdict == V::fail;
  if (fails ? !o_.allow_fail : !o_.allow_defer)
    return bad_data(fmt::format("\":{}: {}\" is not permitted", fails ? "fail" : "defer",
                                printable(list.text.substr(0, list.text.find('\n')))));
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

/// A child for a path or a command; it keeps what expansions of its transport may ask for.
std::unique_ptr<Addr> Redirection::special_child(RedirectItem::Kind kind, const std::string& text) {
  using K = RedirectItem::Kind;
  auto child = make_child(addr_, addr_.state.address);
  child->state.prefix = addr_.state.prefix;
  child->state.prefix_v = addr_.state.prefix_v;
  child->state.suffix = addr_.state.suffix;
  child->state.suffix_v = addr_.state.suffix_v;
  child->state.prefix_tainted = addr_.state.prefix_tainted;
  child->state.suffix_tainted = addr_.state.suffix_tainted;
  child->state.local_part = addr_.state.local_part;
  child->state.local_part_data = addr_.state.local_part_data;
  child->state.domain_data = addr_.state.domain_data;
  child->state.router_name = r_.name;
  child->state.address = kind == K::pipe ? "|" + text : text;
  child->unique = child->state.address + " <" + addr_.unique + ">";
  child->special = Text::clean(text);
  child->is_child_of_redirect = true;
  child->hide_child = o_.hide_child_in_errmsg;
  child->is_pipe = kind == K::pipe;
  child->is_directory = kind == K::directory;
  child->is_file = kind == K::file;
  child->router = &r_;
  return child;
}

Status Redirection::add_special(const RedirectItem& item, bool tainted) {
  const bool pipe = item.kind == RedirectItem::Kind::pipe;
  const std::string shown = pipe ? "|" + item.text : item.text;
  const bool forbidden = pipe ? o_.forbid_pipe : o_.forbid_file;
  if (tainted && !forbidden)
    return defer(
        fmt::format("Tainted '{}' (redirection data of the {} router) not permitted", printable(shown), r_.name));
  auto child = special_child(item.kind, item.text);
  settle_special(*child, item.kind);
  addr_.children.push_back(std::move(child));
  return {};
}

Status Redirection::include(const std::string& path, bool tainted, int depth) {
  if (o_.forbid_include) {
    addr_.basic_errno = kBadRedirect;
    return defer("error in redirect data: included files not permitted");
  }
  if (tainted)
    return defer(fmt::format("Tainted '{}' (:include: file of the {} router) not permitted", printable(path), r_.name));
  if (!path.starts_with('/'))
    return defer(fmt::format(":include: file \"{}\" is not an absolute path", printable(path)));
  if (depth >= kMaxIncludeDepth) return defer(":include: files are nested too deeply");
  if (!o_.include_directory.empty()) {
    std::string base = o_.include_directory;
    while (base.size() > 1 && base.ends_with('/')) base.pop_back();
    if (has_dot_dot(path) || !path.starts_with(base + "/"))
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

// ------------------------------------------------------------------ filters

Result<lang::filter::Options> Redirection::filter_options() const {
  lang::filter::Options f = fixed_filter_options(o_);
  const auto text = [&](const lang::Expansion& e, std::string_view name, std::string& out, bool* given) -> Status {
    if (!e.is_set()) return {};
    auto value = e.eval(ctx_.scope);
    if (!value && value.error().kind == ErrorKind::forced_fail) return {};
    if (!value) return defer(fmt::format("{}: {}", name, value.error().text));
    out = value->str();
    if (given != nullptr) *given = true;
    return {};
  };
  REMEX_CHECK(text(o_.sieve_inbox, "sieve_inbox", f.inbox, nullptr));
  REMEX_CHECK(text(o_.sieve_subaddress, "sieve_subaddress", f.subaddress, nullptr));
  REMEX_CHECK(text(o_.sieve_useraddress, "sieve_useraddress", f.useraddress, &f.has_useraddress));
  REMEX_CHECK(text(o_.sieve_vacation_directory, "sieve_vacation_directory", f.vacation_directory, &f.has_vacation));
  REMEX_CHECK(text(o_.sieve_enotify_mailto_owner, "sieve_enotify_mailto_owner", f.notify_owner, &f.has_notify));
  return f;
}

void Redirection::set_transport(Addr& child, const lang::Expansion& name, std::string_view option) {
  constexpr int kNoTransport = -30;
  child.status = Addr::Status::routed;
  std::string trouble;
  if (!name.is_set()) {
    trouble = fmt::format("{} unset in {} router", option, r_.name);
  } else if (auto transport = find_transport(ctx_, r_, name, option)) {
    child.transport = *transport;
    return;
  } else {
    trouble = transport.error().text;
  }
  child.status = Addr::Status::deferred;
  child.message = trouble;
  child.basic_errno = kNoTransport;
}

void Redirection::set_special_transport(Addr& child, RedirectItem::Kind kind) {
  using K = RedirectItem::Kind;
  if (kind == K::pipe)
    set_transport(child, o_.pipe_transport, "pipe_transport");
  else if (kind == K::directory)
    set_transport(child, o_.directory_transport, "directory_transport");
  else
    set_transport(child, o_.file_transport, "file_transport");
}

void Redirection::settle_special(Addr& child, RedirectItem::Kind kind) {
  const bool pipe = kind == RedirectItem::Kind::pipe, forbidden = pipe ? o_.forbid_pipe : o_.forbid_file;
  if (!forbidden && kind == RedirectItem::Kind::file && child.special.view() == "/dev/null") {
    if (ctx_.mode != RouteMode::deliver) set_special_transport(child, kind);  // to be shown
    child.status = Addr::Status::discarded;
    return;
  }
  set_special_transport(child, kind);
  if (!forbidden) return;
  child.status = Addr::Status::failed;
  child.message = fmt::format("delivery to {} forbidden", pipe ? "pipe" : "file");
}

void Redirection::add_file_or_command(const lang::filter::Action& action) {
  using K = RedirectItem::Kind;
  const bool pipe = action.kind == lang::filter::Action::Kind::pipe;
  const K kind = pipe ? K::pipe : action.target.ends_with('/') ? K::directory : K::file;
  auto child = special_child(kind, action.target);
  // A relative name is the transport's business; logs mark it.
  if (kind == K::file && !action.target.starts_with('/')) child->state.address = "save " + action.target;
  child->file_mode = action.mode;
  child->ignore_errors = child->ignore_errors || action.ignore_errors;
  if (pipe)
    child->command_values =
        std::make_shared<CommandValues>(CommandValues{action.captures, action.this_address, of_user_, forbidden_});
  settle_special(*child, kind);
  addr_.children.push_back(std::move(child));
}

void Redirection::add_reply(const lang::filter::Action& action) {
  auto child = special_child(RedirectItem::Kind::address, ">" + action.target);
  child->unique += fmt::format(" #{}", addr_.children.size());  // each command sends its own
  child->ignore_errors = true;
  auto reply = std::make_shared<ReplySpec>(action.reply);
  reply->of_user = of_user_;
  reply->forbidden = forbidden_;
  child->reply = std::move(reply);
  set_transport(*child, o_.reply_transport, "reply_transport");
  if (o_.forbid_filter_reply || action.bad) {
    child->status = Addr::Status::failed;
    child->ignore_errors = false;  // the sender hears that nobody replies
    child->message =
        o_.forbid_filter_reply ? "autoreply forbidden" : "filter autoreply generated syntactically invalid recipient";
  }
  addr_.children.push_back(std::move(child));
}

Status Redirection::add_action(const lang::filter::Action& action) {
  using K = lang::filter::Action::Kind;
  if (action.kind == K::reply) {
    add_reply(action);
  } else if (action.kind != K::address) {
    add_file_or_command(action);
  } else {
    RedirectItem item;
    item.text = action.target;
    REMEX_CHECK(add_address(item));
    Addr& child = *addr_.children.back();
    child.ignore_errors = child.ignore_errors || action.ignore_errors;
    if (action.has_errors_to) {
      child.errors_to = action.errors_to;
      child.has_errors_to = child.own_errors_to = true;
    }
  }
  return {};
}

void Redirection::log_mistake(const std::string& text) {
  if (ctx_.scope.services == nullptr || ctx_.mode != RouteMode::deliver || ctx_.scope.envelope == nullptr) return;
  ctx_.scope.services->log(static_cast<int>(lang::LogTarget::main_log),
                           fmt::format("{} {} router: {}", ctx_.scope.envelope->id, r_.name, printable(text)));
}

/// A mistake in the filter: the address waits, or goes on as if there were no filter (skip_syntax_errors).
RouteResult Redirection::filter_mistake(const std::string& text, bool may_skip) {
  addr_.basic_errno = kBadRedirect;
  if (!o_.skip_syntax_errors || !may_skip)
    return deferred(fmt::format("error in filter {}: {}", o_.data.is_set() ? "data" : "file", text));
  log_mistake("skipped error: " + text);
  addr_.basic_errno = 0;
  errors_.push_back(text);
  prepare_notice();
  return declined();
}

constexpr std::string_view kOwnSources[] = {"lookup", "readfile", "readsocket", "run", "perl", "dlfunc"};

/// A piece of the data that comes from the message or the peer itself, not from a file or table that holds filters.
bool Redirection::inserts_peer(const lang::Node& node) {
  using K = lang::NodeKind;
  switch (node.kind) {
    case K::variable:
    case K::capture:
    case K::header: {
      const auto value = lang::eval_node(&node, ctx_.scope);
      return !value || value->is_tainted();
    }
    case K::sequence:
    case K::op:
      return std::any_of(node.children.begin(), node.children.end(),
                         [this](const auto& child) { return inserts_peer(*child); });
    case K::item:
      if (node.item->name == "if" && !node.children.empty()) {
        const auto truth = lang::eval_condition(*node.children.front(), ctx_.scope);
        const lang::Node* chosen = truth && *truth ? node.yes.get() : node.no.get();
        return chosen != nullptr && inserts_peer(*chosen);
      }
      // What these give is somebody else's, whatever they were asked; other items make their value of their arguments.
      if (std::find(std::begin(kOwnSources), std::end(kOwnSources), node.item->name) == std::end(kOwnSources) &&
          (node.item->name == "authresults" ||
           std::any_of(node.children.begin(), node.children.end(),
                       [this](const auto& child) { return child != nullptr && inserts_peer(*child); })))
        return true;
      return (node.yes && inserts_peer(*node.yes)) || (node.no && inserts_peer(*node.no));
    default: return false;
  }
}

RouteResult Redirection::filter(const Text& data) {
  using V = lang::filter::Outcome::Verdict;
  const auto kind = lang::filter::detect(data.view());
  const bool sieve = kind == lang::filter::Kind::sieve;
  if (sieve ? o_.forbid_sieve_filter : o_.forbid_exim_filter)
    return filter_mistake(sieve ? "Sieve filtering not enabled" : "Exim filtering not enabled", false);
  // Instructions that a peer had a hand in are not obeyed.
  if (data.is_tainted() && (o_.data.root() == nullptr || inserts_peer(*o_.data.root())))
    return filter_mistake(fmt::format("Tainted filter (data of the {} router) not permitted", r_.name), false);
  auto options = filter_options();
  if (!options) return deferred(options.error().text);
  auto ran = run_filter(ctx_, r_, addr_, data.str(), *options);
  if (!ran) return deferred(ran.error().text);
  const lang::filter::Outcome& out = *ran;
  of_user_ = out.of_user;
  forbidden_ = options->forbidden;
  if (out.verdict == V::error) return filter_mistake(printable(out.text), !sieve);
  if (sieve && !out.text.empty()) log_mistake("error in Sieve filter: " + out.text + " (message kept)");
  for (const auto& action : out.actions)
    if (Status ok = add_action(action); !ok) {
      addr_.children.clear();
      return deferred(ok.error().text);
    }
  const std::string text = printable(out.text);
  if (out.verdict == V::fail) return failed(text);
  if (out.verdict == V::defer || out.verdict == V::freeze) return deferred(text, out.verdict == V::freeze);
  if (addr_.children.empty())
    return out.significant ? RouteResult{Outcome::discard, "discarded", {}, false, false} : declined();
  return {Outcome::rerouted, {}, {}, false, !out.significant};
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
    return deferred((o_.data.is_set() ? "failed to expand data: " : "") + data.error().text);
  }
  if (o_.allow_filter && lang::filter::detect(data->view()) != lang::filter::Kind::none) return filter(*data);
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
  return {Outcome::rerouted, {}, {}, false, false};
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
          .options = kRedirectOptions,
          .make_options = +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<RedirectOptions>(); },
          .check = check,
          .examples = {{R"(system_aliases:
  driver = redirect
  domains = +local_domains
  data = ${lookup{$local_part}lsearch{/etc/aliases}}
  file_transport = address_file
  pipe_transport = address_pipe)"},
                       {R"(system_aliases:
  driver = redirect
  domains = +local_domains)",
                        "", "E0609"}}},
     .route = route,
     .may_ask = check_redirect_request},
};

}  // namespace
}  // namespace remex::routers

namespace remex::registry::routers {
extern const std::span<const RouterDef> redirect;
constinit const std::span<const RouterDef> redirect{remex::routers::defs};
}  // namespace remex::registry::routers
