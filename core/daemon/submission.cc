// See submission.h.
#include "core/daemon/submission.h"

#include <fmt/core.h>
#include <sysexits.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <unordered_set>

#include "core/base/strings.h"
#include "core/daemon/submission_fault.h"
#include "core/hooks/hooks.h"
#include "core/io/fiber.h"
#include "core/mail/address.h"
#include "core/mail/address_items.h"
#include "core/smtp/fixups.h"
#include "core/smtp/reception.h"
#include "lang/regex.h"

namespace remex::daemon {

namespace {

constexpr std::size_t kTurn = 256;                  ///< addresses, after which others get their turn
constexpr std::size_t kMaxFaults = 100;             ///< of addresses, in one mail about them
constexpr std::size_t kMaxFaultText = 1024;         ///< octets shown of each of them
constexpr std::uint64_t kMostReturned = 50u << 20;  ///< octets of a message returned, where nothing limits messages

/// What a message on standard input begins with, as far as it is returned to its sender.
class Excerpt : public smtp::DataSink {
 public:
  Excerpt(std::uint64_t most, bool with_body) : most_(most), with_body_(with_body) {}
  void write(std::string_view bytes) override {
    if (ended_) return;
    text_.append(bytes.substr(0, static_cast<std::size_t>(most_ - std::min<std::uint64_t>(most_, text_.size()))));
    if (with_body_) return;
    const std::size_t end = text_.starts_with('\n') ? 0 : text_.find("\n\n", seen_);
    seen_ = text_.empty() ? 0 : text_.size() - 1;
    if (end == std::string::npos) return;
    text_.resize(end == 0 ? 0 : end + 1);
    ended_ = true;
  }
  const std::string& text() const { return text_; }

 private:
  std::uint64_t most_;
  bool with_body_, ended_ = false;
  std::size_t seen_ = 0;  ///< octets in which no header section ends
  std::string text_;
};

class Submission {
 public:
  explicit Submission(const SubmissionInput& in)
      : in_(in), o_(in.request), config_(in.process->engine.config), caller_(in.caller), process_(in.process) {}

  SubmissionOutcome receive() {
    out_.status = take();
    return std::move(out_);
  }

 private:
  int take() {
    if (const int rc = check_room(*process_, in_.tell); rc != 0) return rc;
    LocalScope ls(*process_);
    if (const int rc = fill_envelope(ls); rc != 0) return rc;
    if (fault_) return drop_unread(ls);
    acl::Effects effects;
    effects_ = &effects;
    smtp::SessionServices services(in_.server, ls.from, ls.envelope, &effects);
    ls.scope.services = &services;  // log lines carry the message id
    (void)acl::run_hook(acl::Hook::not_smtp_start, config_->main.acl_not_smtp_start, ls.scope, effects);
    smtp::Reception reception(in_.server, ls.scope, effects, size_limit(ls));
    ls.envelope.from.is_local = true;
    if (!o_.no_qualify) {
      reception.header_sender_domain = smtp::qualify_domain(*config_, process_->primary_hostname);
      reception.header_recipient_domain = smtp::qualify_recipient(*config_, process_->primary_hostname);
    }
    input_scope_ = &ls;
    reception.on_headers = [&](mail::HeaderList& h) { return take_headers(reception, h, ls); };
    int wrapped = -1;
    std::string wrapped_text;
    if (wrapper())
      reception.deliver_instead = [&](store::StoredMessage&& msg) -> smtp::Reply {
        const Status st = delivery::deliver_wrapped(process_->engine, msg);
        wrapped = st ? 0 : EXIT_FAILURE;
        if (!st) wrapped_text = st.error().text;
        return {st ? 250 : 554, st ? "delivered" : st.error().text, false};
      };
    reception.override_queueing = config_->main.queue_only_override && o_.delivery_given;
    smtp::DataReader data(reception, input_form());
    if (const int rc = read_input(data); rc != 0) return rc;
    const smtp::Reply r = reception.complete(data, acl::Hook::not_smtp);
    if (wrapped == 0) return 0;
    if (wrapped > 0) return complain(wrapped, wrapped_text);
    if (fault_ || (r.code != 250 && r.code / 100 != 4)) return refused(reception, ls, r);
    if (r.code != 250) return complain(EX_TEMPFAIL, r.text);
    out_.id = ls.envelope.id;
    out_.waits = reception.waits;
    if (ignored_) tell_of_ignored(ls);
    return status_;
  }

  int fill_envelope(LocalScope& ls) {
    const std::string host = process_->primary_hostname;
    mail::Envelope& env = ls.envelope;
    env.login = caller_.login;
    env.caller_uid = caller_.uid;
    env.caller_gid = caller_.gid;
    ls.from.is_local = true;
    ls.from.ident = caller_.login;
    ls.from.protocol = "local";
    ls.from.authenticated_id = caller_.login;
    if (caller_.trusted) {
      if (!o_.message_reference.empty()) ls.scope.extra["message_reference"] = o_.message_reference;
      apply_origin(o_, ls.from);
      ls.scope.extra.insert_or_assign("trusted_caller", std::string(1, '1'));
    }
    ls.scope.extra["originator_name"] = !o_.full_name.empty() ? o_.full_name
                                        : o_.sender_given     ? std::string()
                                                              : caller_.gecos;
    ls.scope.extra["originator_login"] = caller_.login;
    know_caller(ls.scope, caller_.uid, caller_.gid);
    env.sender = fmt::format("{}@{}", caller_.login, smtp::qualify_domain(*config_, host));
    if (o_.sender_given) {
      const std::string_view given = o_.sender.empty() ? std::string_view("<>") : std::string_view(o_.sender);
      mail::PathOptions po;
      po.allow_null = po.allow_unqualified = true;
      auto a = mail::parse_mailbox(given, po);
      if (!a)
        return complain(EXIT_FAILURE,
                        fmt::format("bad -f address \"{}\": {}", printable(o_.sender),
                                    o_.sender.ends_with('.') && a.error().text == "domain missing or malformed"
                                        ? "domain is malformed (trailing dot not allowed)"
                                        : a.error().text));
      if (!a->empty() && a->domain.empty()) a->domain = smtp::qualify_domain(*config_, host);
      const std::string full = a->str();
      bool allowed = caller_.trusted || full.empty();
      if (!allowed && config_->main.untrusted_set_sender.is_set()) {
        auto m = config_->main.untrusted_set_sender.match(ls.scope, Text::tainted(full));
        allowed = m && m->matched;
      }
      if (allowed) env.sender = full;
    }
    take_arguments(ls, host);
    if (fault_) return 0;
    if (!o_.recipients_from_headers) {
      if (arguments_.empty()) {
        in_.tell(
            fmt::format("{} is a Mail Transfer Agent. It is normally called by Mail User Agents,\n"
                        "not directly from a shell command line. Options and/or arguments control\n"
                        "what it does when called. For a list of options, see the {} documentation.\n",
                        hooks::product(), hooks::product()));
        return EXIT_FAILURE;
      }
      for (const auto& a : arguments_) add_recipient(env, a);
      check_number(ls, false);
    }
    return 0;
  }

  /// As many as may be recipients, and one more: what is too many is known then, and no work is wasted on the rest.
  void take_arguments(LocalScope& ls, const std::string& host) {
    const std::int64_t limit = o_.recipients_from_headers ? 0 : smtp::recipients_max(ls.scope);
    const std::size_t most = limit > 0 ? static_cast<std::size_t>(limit) : std::numeric_limits<std::size_t>::max();
    std::unordered_set<std::string> known;
    for (const auto& arg : o_.arguments) {
      take_argument(arg, host, most, known);
      if (fault_ || arguments_.size() > most) return;
    }
  }

  /// An argument may be a list; its first bad address is the fault.
  void take_argument(const std::string& arg, const std::string& host, std::size_t most,
                     std::unordered_set<std::string>& known) {
    std::size_t n = 0;
    for (const auto& item : mail::address_items(arg)) {
      if (++n % kTurn == 0 && io::in_fiber()) io::yield_fiber();
      const std::string text = arg.substr(item.begin, item.end - item.begin);
      auto a = mail::parse_mailbox(text, lenient(true));
      if (!a) return refuse_argument(arg, a.error().text);
      if (o_.no_qualify && a->domain.empty()) return refuse_argument(arg, "unqualified recipient address not allowed");
      std::string address = qualified(*a, host);
      if (!known.insert(address).second) continue;
      arguments_.push_back(std::move(address));
      if (arguments_.size() > most) return;
    }
    if (io::in_fiber()) io::yield_fiber();  // a mebibyte of arguments takes its time
  }

  void refuse_argument(const std::string& arg, const std::string& why) {
    if (fault_) return;
    const std::string shown = excerpt(arg);
    fault_.kind = SubmissionFault::Kind::argument;
    fault_.lines = {fmt::format("{}  {}", shown, why)};
    fault_.reason = fmt::format("{} - {}", shown, why);
    fault_.complaint = fmt::format("\"{}\": {}", shown, why);
  }

  /// As much of a bad address as is shown of it.
  static std::string excerpt(std::string_view text) {
    return printable(trim(text.substr(0, kMaxFaultText))).substr(0, kMaxFaultText);
  }

  smtp::DataReader::Options input_form() const {
    smtp::DataReader::Options form;
    form.lf_ends_data = form.dots = !o_.dot_is_data;
    form.lone_dot = true;
    return form;
  }

  static mail::PathOptions lenient(bool literals) {
    mail::PathOptions po;
    po.allow_unqualified = true;
    po.allow_domain_literal = literals;
    return po;
  }

  /// recipients_max. `from_headers`: -t found them.
  void check_number(LocalScope& ls, bool from_headers) {
    const std::int64_t most = smtp::recipients_max(ls.scope);
    if (most <= 0 || ls.envelope.recipients.size() <= static_cast<std::size_t>(most)) return;
    fault_.kind = SubmissionFault::Kind::too_many;
    fault_.others = from_headers;
  }

  std::string qualified(const mail::Address& a, const std::string& host) const {
    if (o_.no_qualify) return a.str();
    return a.domain.empty() ? a.local_part + "@" + smtp::qualify_recipient(*config_, host) : a.str();
  }

  std::int64_t size_limit(LocalScope& ls) const { return smtp::message_size_limit(ls.scope, *process_->engine.log); }

  /// A message that was read and cannot be taken. Exit status.
  int refused(smtp::Reception& reception, LocalScope& ls, const smtp::Reply& r) {
    if (!fault_) {
      fault_.kind = r.code == 552 ? SubmissionFault::Kind::too_big : SubmissionFault::Kind::refused;
      fault_.lines = {r.text};
    }
    if (ignored_) fault_.ignored = ignored_.lines;
    return report_fault(reception, ls);
  }

  /// What the sender gets back of a message that was read.
  struct Returned {
    std::string text, message_id;
  };

  Returned returned(smtp::Reception& reception, LocalScope& ls, bool complete_headers) {
    mail::HeaderList headers = reception.headers();
    if (complete_headers) {
      ls.scope.headers = &headers;
      smtp::local_fixups(ls.scope, *effects_, process_->primary_hostname);  // what the headers lacked
      ls.scope.headers = &reception.headers();
    }
    Returned out;
    out.text = headers.raw();
    if (const auto body = reception.body(); body && config_->main.bounce_return_body)
      if (auto part = body->read(0, static_cast<std::size_t>(std::min(body->size(), most_returned(ls)))))
        out.text += "\n" + *part;
    if (const auto* id = headers.find("Message-ID"); id != nullptr) out.message_id = trim(id->value());
    return out;
  }

  /// The sender is told, by mail or (-oep) on standard error. Exit status.
  int report_fault(smtp::Reception& reception, LocalScope& ls) {
    const Returned copy = returned(reception, ls, fault_.in_headers());
    if (fault_.in_headers()) process_->engine.log->write(log::kMain | log::kPanic, ls.envelope.id, fault_line(fault_));
    if (told_on_stderr()) return complain(EXIT_FAILURE, fault_complaint(fault_, limit(ls)));
    const bool told = tell_sender(ls, fault_, ls.envelope.id, copy);
    if (!told) return fault_.kind == SubmissionFault::Kind::nobody ? 2 : EXIT_FAILURE;
    return o_.errors_mailed_are_success ? 0 : EXIT_FAILURE;
  }

  /// The message is in the queue, without the recipients that are none.
  void tell_of_ignored(LocalScope& ls) {
    if (tell_sender(ls, ignored_, ls.envelope.id, ignored_copy_)) return;
    process_->engine.log->write(log::kMain | log::kPanic, ls.envelope.id,
                                "accepted without the sender being told of " + fault_complaint(ignored_, 0));
    // a message without a sender is nobody's to send again
    status_ = complain(ls.envelope.sender.empty() ? 0 : EXIT_FAILURE,
                       "message accepted, but not for " + fault_complaint(ignored_, 0));
  }

  /// What is wrong was known before anything was read: the sender is told with what there is on standard input.
  int drop_unread(LocalScope& ls) {
    if (told_on_stderr()) return complain(EXIT_FAILURE, fault_complaint(fault_, limit(ls)));
    Excerpt excerpt(most_returned(ls), config_->main.bounce_return_body);
    smtp::DataReader data(excerpt, input_form());
    std::vector<char> buffer(64 * 1024);
    std::optional<io::DeadlineScope> deadline;
    if (const std::int64_t time = receive_timeout(); time > 0) deadline.emplace(Millis(time * 1000));
    while (!data.finished()) {
      auto n = in_.input.read_some(buffer);
      // Whoever has gone, or never ends his message, sent none.
      if (!n) return complain(EX_IOERR, fmt::format("reading the message: {}", n.error().text));
      if (*n > 0)
        data.feed(std::string_view(buffer.data(), *n));
      else
        data.finish();
      if (*n == 0) break;
    }
    if (!tell_sender(ls, fault_, {}, {"\n" + excerpt.text(), {}})) return EXIT_FAILURE;
    return o_.errors_mailed_are_success ? 0 : EXIT_FAILURE;
  }

  bool told_on_stderr() const { return o_.errors_to_stderr || wrapper(); }
  std::int64_t limit(LocalScope& ls) const {
    return fault_.kind == SubmissionFault::Kind::too_many ? smtp::recipients_max(ls.scope) : size_limit(ls);
  }
  /// bounce_return_size_limit, octets; in any case no more than a message may have.
  std::uint64_t most_returned(LocalScope& ls) const {
    const std::int64_t message = size_limit(ls), given = config_->main.bounce_return_size_limit;
    const std::uint64_t most = message > 0 ? static_cast<std::uint64_t>(message) : kMostReturned;
    return given > 0 ? std::min(most, static_cast<std::uint64_t>(given)) : most;
  }
  /// -or, receive_timeout: how long the whole message may be waited for; zero is for ever.
  std::int64_t receive_timeout() const {
    return o_.receive_timeout >= 0 ? o_.receive_timeout : config_->main.receive_timeout;
  }

  /// Mails a fault with `copy`, the message. False: there is nobody to tell, or it could not be sent.
  bool tell_sender(LocalScope& ls, const SubmissionFault& fault, const std::string& id, const Returned& copy) {
    log::Log& log = *process_->engine.log;
    if (ls.envelope.sender.empty()) {
      log.write(log::kMain, id,
                "Error while reading message with no usable sender address: " + fault_reason(fault, limit(ls)));
      return false;
    }
    lang::NewMessage m;
    m.recipients.push_back(ls.envelope.sender);
    m.parent_id = id;
    m.is_report = true;
    std::string from = fmt::format("Mail Delivery System <Mailer-Daemon@{}>",
                                   smtp::qualify_domain(*config_, process_->primary_hostname));
    if (config_->main.dsn_from.is_set())
      if (auto v = config_->main.dsn_from.eval(ls.scope); v && !v->empty()) from = replace_all(v->str(), "\n", " ");
    m.headers = fmt::format("Auto-Submitted: auto-replied\nFrom: {}\nTo: {}\n", from, printable(ls.envelope.sender));
    if (!copy.message_id.empty()) m.headers += fmt::format("References: {}\n", printable(copy.message_id));
    m.headers += fmt::format("Subject: {}\n", fault_subject(fault));
    m.body = fault_text(fault) + "\n------ This is a copy of your message, including all the headers. ------\n\n" +
             copy.text;
    const Status st = process_->services->submit(m);
    if (!st) log.write(log::kMain | log::kPanic, id, fmt::format("cannot tell the sender: {}", st.error().text));
    return st.has_value();
  }

  void add_recipient(mail::Envelope& env, const std::string& address) {
    if (!recipients_.insert(address).second) return;
    mail::Recipient r;
    r.address = address;
    env.recipients.push_back(std::move(r));
  }

  /// -t: To:, Cc:, Bcc: (or the Resent- set) are the recipients; Bcc: goes; arguments are taken away.
  Status take_headers(smtp::Reception& reception, mail::HeaderList& headers, LocalScope& ls) {
    if (!o_.recipients_from_headers) return {};
    const bool resent = headers.find("Resent-To") != nullptr || headers.find("Resent-Cc") != nullptr ||
                        headers.find("Resent-Bcc") != nullptr;
    const std::string prefix = resent ? "Resent-" : "";
    if (config_->main.extract_addresses_remove_arguments) taken_away_.insert(arguments_.begin(), arguments_.end());
    for (const char* name : {"To", "Cc", "Bcc"})
      for (const auto* h : headers.find_all(prefix + name)) take_recipients(h->value(), ls);
    if (!config_->main.extract_addresses_remove_arguments)
      for (const auto& a : arguments_) add_recipient(ls.envelope, a);
    fault_.others = !ls.envelope.recipients.empty();
    if (fault_.kind == SubmissionFault::Kind::too_many) return refuse_number();
    if (fault_) {
      // Who can get the message does, unless the caller is waiting for an answer.
      if (!fault_.others || told_on_stderr()) return fail(fault_line(fault_));
      // The sender is told of the others when the message is taken, or with the reason why it is not.
      process_->engine.log->write(log::kMain | log::kPanic, ls.envelope.id, fault_line(fault_));
      ignored_copy_ = returned(reception, ls, true);
      ignored_ = std::exchange(fault_, {});
    }
    headers.remove("Bcc");
    headers.remove("Resent-Bcc");
    if (ls.envelope.recipients.empty()) {
      fault_.kind = SubmissionFault::Kind::nobody;
      return fail(fault_line(fault_));
    }
    check_number(ls, true);
    return fault_ ? refuse_number() : Status();
  }

  /// -t found more recipients than recipients_max.
  Status refuse_number() {
    fault_.others = true;
    fault_.ignored = std::move(fault_.lines);
    return fail(fault_complaint(fault_, 0));
  }

  /// Of one header of -t.
  void take_recipients(std::string_view value, LocalScope& ls) {
    const std::int64_t most = smtp::recipients_max(ls.scope);  // no limit: that of the header section bounds them
    const std::size_t items =
        most > 0 ? std::max(mail::kMaxListAddresses, static_cast<std::size_t>(most) + 1) : value.size();
    for (const auto& item : mail::address_items(value, items)) {
      if (item.unread) {
        fault_.kind = SubmissionFault::Kind::too_many;
        return;
      }
      auto a = mail::parse_mailbox(value.substr(item.begin, item.end - item.begin),
                                   lenient(config_->main.allow_domain_literals));
      if (!a) {
        if (a.error().text == "empty address") continue;  // a comment
        if (fault_.lines.size() >= kMaxFaults) continue;
        const std::string rest = excerpt(value.substr(item.begin)), why = excerpt(a.error().text);
        if (!fault_) {
          fault_.kind = SubmissionFault::Kind::headers;
          fault_.reason = fmt::format("{} - {}", rest, why);
        }
        fault_.lines.push_back(fmt::format("{}: {}", rest, why));
        continue;
      }
      const std::string address = qualified(*a, process_->primary_hostname);
      if (!taken_away_.contains(address)) add_recipient(ls.envelope, address);
    }
  }

  /// A mailbox "From " line, as uucp_from_pattern knows it, is no header; it names the sender when a trusted caller
  /// gave no -f (manual 48.3). False: it is something else.
  bool from_line(std::string_view line) {
    const auto& m = config_->main;
    const bool quoted = line.starts_with('>');
    lang::Regex::Spans spans;
    const std::string text(line.substr(quoted ? 1 : 0));
    auto re = lang::Regex::cached(m.uucp_from_pattern);
    auto hit = re ? (*re)->search(text, &spans) : Result<bool>(false);
    if (!hit || !*hit) return false;
    if (!caller_.trusted || o_.sender_given) return true;
    lang::Scope scope = input_scope_->scope;
    scope.captures.clear();
    for (const auto& [from, to] : spans)
      scope.captures.push_back(
          Text::tainted(from == std::string::npos ? "" : std::string_view(text).substr(from, to - from)));
    auto sender = m.uucp_from_sender.eval(scope);
    mail::PathOptions po;
    po.allow_null = po.allow_unqualified = true;
    auto address = sender ? mail::parse_path(sender->view(), po) : Result<mail::Address>(fail("no sender"));
    if (!address) return true;
    if (address->domain.empty() && !address->empty())
      address->domain = smtp::qualify_domain(*config_, process_->primary_hostname);
    input_scope_->envelope.sender = address->str();
    input_scope_->scope.extra["originator_name"].clear();
    return true;
  }

  int read_input(smtp::DataReader& data) {
    std::vector<char> buffer(64 * 1024);
    std::optional<io::DeadlineScope> deadline;  // of the whole message
    if (const std::int64_t time = receive_timeout(); time > 0) deadline.emplace(Millis(time * 1000));
    std::string head;  // what may become a "From " line
    bool first = true;
    while (!data.finished()) {
      auto n = in_.input.read_some(buffer);
      if (!n && n.error().kind == ErrorKind::timed_out) {
        process_->engine.log->write(log::kMain, input_scope_->envelope.id, "timed out while reading local message");
        return complain(1, "timed out while reading - message abandoned");
      }
      if (!n && n.error().kind == ErrorKind::cancelled)
        return complain(EX_TEMPFAIL, "the daemon is being stopped: send the message again later");
      if (!n) return complain(EX_IOERR, fmt::format("reading the message: {}", n.error().text));
      const bool end = *n == 0;
      std::string_view piece(buffer.data(), *n);
      if (first) {
        head += piece;
        if (!end && may_be_from_line(head)) continue;
        first = false;
        piece = without_from_line(head);
      }
      data.feed(piece);
      if (!end) continue;
      data.finish();
      break;
    }
    return 0;
  }

  /// The beginning of one, and not its end.
  static bool may_be_from_line(std::string_view text) {
    constexpr std::size_t kLongest = 16 * 1024;
    constexpr std::string_view kFrom = ">From ";
    const auto begins = [text](std::string_view line) { return text.starts_with(line) || line.starts_with(text); };
    return text.size() < kLongest && text.find('\n') == std::string_view::npos &&
           (begins(kFrom) || begins(kFrom.substr(1)));
  }
  /// The input behind its "From " line, or all of it when it begins with something else.
  std::string_view without_from_line(std::string_view text) {
    if (!text.starts_with("From ") && !text.starts_with(">From ")) return text;
    const auto nl = text.find('\n');
    if (from_line(text.substr(0, nl))) text.remove_prefix(nl == std::string_view::npos ? text.size() : nl + 1);
    return text;
  }

  int complain(int code, std::string_view text) const {
    in_.tell(fmt::format("{}: {}\n", hooks::program(), text));
    return code;
  }
  bool wrapper() const { return config_->main.mua_wrapper; }

  const SubmissionInput& in_;
  const SubmitRequest& o_;
  std::shared_ptr<const lang::Config> config_;
  const Caller& caller_;
  std::shared_ptr<Process> process_;
  SubmissionOutcome out_;
  std::vector<std::string> arguments_;
  LocalScope* input_scope_ = nullptr;  ///< while the message is read
  acl::Effects* effects_ = nullptr;    ///< while the message is received
  SubmissionFault fault_;
  SubmissionFault ignored_;  ///< recipients in the headers that are none, of a message that goes to the others
  Returned ignored_copy_;    ///< what the sender gets back with them
  int status_ = 0;
  std::unordered_set<std::string> taken_away_;  ///< -t: arguments, who do not get the message
  std::unordered_set<std::string> recipients_;  ///< of the envelope, each once
};

}  // namespace

SubmissionOutcome take_submission(const SubmissionInput& in) { return Submission(in).receive(); }

int check_room(Process& process, const std::function<void(std::string_view)>& tell) {
  if (process.engine.store == nullptr) return 0;
  const Status room = process.services->room_for(0);
  if (room) return 0;
  process.services->log(static_cast<int>(lang::LogTarget::main_log), room.error().text);
  tell(fmt::format("{}: insufficient disk space\n", hooks::program()));
  return 1;
}

void apply_origin(const SubmitRequest& o, mail::ReceivedFrom& from) {
  // ADDRESS.PORT, as -oMa and -oMi take them
  const auto host_port = [](const std::string& given, std::string& address, int& port) {
    if (mail::is_ip_address(given)) {
      address = given;
      return;
    }
    const auto dot = given.rfind('.');  // the command refuses what is neither; its word is not the daemon's
    if (dot == std::string::npos || !mail::is_ip_address(given.substr(0, dot))) return;
    const auto number = parse_uint(given.substr(dot + 1));
    if (!number || *number > std::numeric_limits<int>::max()) return;  // Exim takes any number for a port
    address = given.substr(0, dot);
    port = static_cast<int>(*number);
  };
  host_port(o.host_address, from.host_address, from.host_port);
  host_port(o.interface_address, from.interface_address, from.interface_port);
  if (!o.host_name.empty()) from.host_name = o.host_name;
  if (!o.ident.empty()) from.ident = o.ident;
  if (!o.protocol.empty()) from.protocol = o.protocol;
  if (!o.authenticator.empty()) from.authenticator = o.authenticator;
  if (!o.authenticated_id.empty()) from.authenticated_id = o.authenticated_id;
  if (!o.authenticated_sender.empty()) from.authenticated_sender = o.authenticated_sender;
}

void know_caller(lang::Scope& scope, std::int64_t uid, std::int64_t gid) {
  scope.extra.insert_or_assign("caller_uid", std::to_string(uid));
  scope.extra.insert_or_assign("caller_gid", std::to_string(gid));
}

}  // namespace remex::daemon
