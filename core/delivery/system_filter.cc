// The system filter: run once at the start of each attempt, before any recipient is routed; see attempt.h.
//
// It runs in this process, or, with a system_filter_user that is somebody else, in a courier's child as far as it does
// more than look at the message. Header changes act at once and are stored with the message. A filter that cannot be
// run leaves all recipients waiting and says so in the main and the panic log.
#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "core/base/strings.h"
#include "core/delivery/attempt.h"
#include "core/io/fiber.h"
#include "core/mail/address.h"
#include "lang/filter/filter.h"
#include "routers/courier_work.h"
#include "routers/filter_work.h"

namespace remex::delivery {
namespace {

using lang::filter::Action;
using lang::filter::Outcome;

constexpr std::int64_t kPause = 900;  ///< seconds until a message is looked at again that the filter held up
constexpr Seconds kLimit{300};

/// system_filter_user; -1: it is not set, whoever runs this. Kind defer: it is set, and nobody knows who that is.
Result<routers::Ids> filter_identity(const lang::MainOptions& m) {
  if (m.system_filter_user.empty()) return routers::Ids();
  auto id = io::offload([&m] { return routers::find_ids(m.system_filter_user, m.system_filter_group); });
  if (!id) return defer(fmt::format("system_filter_user: {}", id.error().text));
  return id;
}

/// The text a person gets and the one the log gets: "<<for the log>>for the person".
std::pair<std::string, std::string> split_log_text(const std::string& text) {
  const std::size_t end = text.find(">>");
  if (!text.starts_with("<<") || end == std::string::npos) return {text, text};
  return {text.substr(end + 2), text.substr(2, end - 2)};
}

}  // namespace

Result<Outcome> Attempt::run_system_filter(const std::string& text) {
  const lang::filter::Options options = routers::system_filter_options();
  REMEX_TRY(const routers::Ids id, filter_identity(eng_.config->main));
  const auto [uid, gid] = id;
  const bool own = uid < 0 || static_cast<uid_t>(uid) == ::geteuid();
  lang::filter::Options here = options;
  here.pure = !own;
  const mail::HeaderList before = msg_.headers;
  Outcome out = lang::filter::run(text, scope_, here);
  out.of_user = !own;
  if (!out.needs_user) return out;
  msg_.headers = before;
  io::Courier* courier = eng_.services != nullptr ? eng_.services->courier() : nullptr;
  if (courier == nullptr || !courier->privileged())
    return defer(fmt::format("this process cannot become uid {} (system_filter_user)", uid));
  if (gid < 0) return defer(fmt::format("user {} needs a group (system_filter_group)", uid));
  io::Fields request = routers::filter_request(scope_, text, options);
  request["system_filter"] = "1";
  request["uid"] = std::to_string(uid);
  request["gid"] = std::to_string(gid);
  REMEX_TRY(io::Fields answer, courier->call(request, kLimit));
  if (const auto error = answer.find("error"); error != answer.end()) return defer(error->second);
  REMEX_TRY(out, lang::filter::decode_outcome(answer["outcome"]));
  out.of_user = true;
  for (const auto& edit : out.edits) {
    if (!edit.remove) {
      msg_.headers.add(edit.text);
      continue;
    }
    for (const std::string_view name : split(edit.text, ':'))
      if (!trim(name).empty()) msg_.headers.remove(trim(name));
  }
  return out;
}

void Attempt::system_filter() {
  const auto& m = eng_.config->main;
  if (!m.system_filter.is_set() || mua_wrapper) return;
  const auto name = m.system_filter.eval(scope_);
  if (name && trim(name->view()).empty()) return;
  Result<Outcome> out = Outcome();
  if (!name) {
    out = std::unexpected(name.error());
  } else if (name->is_tainted() || !name->view().starts_with('/')) {
    out = fail(fmt::format("\"{}\" is not a trusted absolute file name", printable(name->view())));
  } else {
    routers::FileRules rules;
    rules.modemask = 0;
    const auto text = io::offload([&] { return routers::read_list_file(std::string(trim(name->view())), rules); });
    if (!text)
      out = text.error().kind == ErrorKind::not_found ? fail(fmt::format("failed to open {}", name->view()))
                                                      : Result<Outcome>(std::unexpected(text.error()));
    else if (lang::filter::detect(*text) == lang::filter::Kind::exim)
      out = run_system_filter(*text);
    else
      out = fail(fmt::format("{} does not begin with \"# Exim filter\"", name->view()));
  }
  if (out && out->verdict == Outcome::Verdict::error) out = fail(out->text);
  if (!out) {
    eng_.log->write(log::kMain | log::kPanic, msg_.envelope.id,
                    fmt::format("Error in system filter: {}", printable(out.error().text)));
    hold_recipients("error in system filter");
    return;
  }
  headers_changed_ = !out->edits.empty();
  for (std::size_t i = 0; i < out->counters.size(); ++i) counters_[i] = std::to_string(out->counters[i]);
  scope_ = fresh_scope();
  scope_.delivery = &routing_state_;
  apply_system_filter(*out);
}

void Attempt::hold_recipients(const std::string& why) {
  recipients_are_ = Recipients::deferred;
  recipients_text_ = why;
  next_attempt_ = now_ + kPause;
}

void Attempt::apply_system_filter(const Outcome& out) {
  filter_top_ = routers::make_top_address("system-filter", -1);
  filter_top_->status = Addr::Status::redirected;
  for (const Action& action : out.actions) add_filter_action(action, out.of_user);
  const auto [text, log_text] = split_log_text(out.text);
  const std::string logged = log_text.empty() ? "" : ": " + printable(log_text);
  switch (out.verdict) {
    case Outcome::Verdict::fail:
      note("cancelled by system filter" + logged, {});
      recipients_are_ = Recipients::failed;
      recipients_text_ = text.empty() ? "delivery cancelled by the system filter" : text;
      return;
    case Outcome::Verdict::defer:
      note("Delivery deferred by system filter" + logged, {});
      hold_recipients(text);
      return;
    case Outcome::Verdict::freeze:
      freeze_ = true;
      freeze_reason_ = " by the system filter" + logged;
      hold_recipients(text);
      return;
    default: break;
  }
  if (!out.significant) return;
  recipients_are_ = Recipients::ignored;
  if (filter_top_->children.empty())
    note("=> discarded (system filter)", {});
  else
    note("original recipients ignored (system filter)", {});
}

void Attempt::add_filter_action(const Action& action, bool of_user) {
  using K = Action::Kind;
  const auto& m = eng_.config->main;
  if (action.kind == K::address) {
    const bool bare = action.target.find('@') == std::string::npos;
    const std::string& domain = m.qualify_recipient.empty() ? qualify_domain(eng_) : m.qualify_recipient;
    auto child = routers::make_child(*filter_top_, bare ? action.target + "@" + domain : action.target);
    child->errors_to = action.errors_to;
    child->has_errors_to = action.has_errors_to;
    child->ignore_errors = action.ignore_errors;
    filter_top_->children.push_back(std::move(child));
    return;
  }
  const bool pipe = action.kind == K::pipe, reply = action.kind == K::reply;
  const bool directory = action.kind == K::file && action.target.ends_with('/');
  auto child = routers::make_child(*filter_top_, "system-filter");
  const std::string target = reply ? ">" + action.target : action.target;
  child->special = Text::clean(target);
  child->state.address = pipe ? "|" + target : action.kind == K::file && target[0] != '/' ? "save " + target : target;
  child->unique = fmt::format("{} <system-filter>{}", child->state.address,
                              reply ? fmt::format(" #{}", filter_top_->children.size()) : "");
  child->is_pipe = pipe;
  child->is_directory = directory;
  child->is_file = action.kind == K::file && !directory;
  child->file_mode = action.mode;
  child->ignore_errors = action.ignore_errors || reply;
  child->user = m.system_filter_user;
  child->group = m.system_filter_group;
  if (reply) {
    auto spec = std::make_shared<routers::ReplySpec>(action.reply);
    spec->of_user = of_user;
    child->reply = std::move(spec);
  }
  if (pipe)
    child->command_values = std::make_shared<routers::CommandValues>(
        routers::CommandValues{action.captures, action.this_address, of_user, 0});
  const auto& [option, value] = pipe        ? std::pair("pipe", &m.system_filter_pipe_transport)
                                : reply     ? std::pair("reply", &m.system_filter_reply_transport)
                                : directory ? std::pair("directory", &m.system_filter_directory_transport)
                                            : std::pair("file", &m.system_filter_file_transport);
  set_filter_transport(*child, *value, fmt::format("system_filter_{}_transport", option));
  if (action.bad) {
    child->status = Addr::Status::failed;
    child->message = "filter autoreply generated syntactically invalid recipient";
  } else if (child->is_file && target == "/dev/null") {
    child->status = Addr::Status::discarded;
  }
  filter_top_->children.push_back(std::move(child));
}

void Attempt::set_filter_transport(Addr& child, const lang::Expansion& name, const std::string& option) {
  child.status = Addr::Status::deferred;
  child.basic_errno = -1;
  if (!name.is_set()) {
    child.message = option + " is unset";
    return;
  }
  const auto text = name.eval(scope_);
  child.transport = text ? eng_.config->find_transport(std::string(trim(text->view()))) : nullptr;
  if (child.transport != nullptr)
    child.status = Addr::Status::routed;
  else
    child.message = text ? fmt::format("{}: there is no transport \"{}\"", option, printable(text->view()))
                         : fmt::format("failed to expand {}: {}", option, text.error().text);
}

}  // namespace remex::delivery
