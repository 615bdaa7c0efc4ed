// A message on standard input (sendmail's way): recipients as arguments or from the headers (-t); kept in the queue and
// delivered in the background, or in mua_wrapper mode delivered at once in one SMTP transaction with the outcome as
// exit status.

#include <fmt/core.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "core/base/strings.h"
#include "core/cli/modes.h"
#include "core/hooks/hooks.h"
#include "core/io/fiber.h"
#include "core/mail/address.h"
#include "core/smtp/fixups.h"
#include "core/smtp/reception.h"
#include "lang/regex.h"

namespace remex::cli {

namespace {

class Submission {
 public:
  Submission(const Options& o, std::shared_ptr<const lang::Config> config, const Caller& caller,
             std::shared_ptr<io::Courier> courier)
      : o_(o),
        config_(std::move(config)),
        caller_(caller),
        courier_(std::move(courier)),
        wrapper_(config_->main.mua_wrapper) {}

  /// In a fiber. Fills id_ when the message is in the queue.
  int receive() {
    daemon::ProcessOptions po;
    po.want_store = !wrapper_;
    po.verbose = o_.verbose;
    po.courier = courier_;
    auto made = daemon::Process::create(config_, po);
    if (!made) return complain(EX_TEMPFAIL, made.error().text);
    process_ = std::move(*made);
    enable_debug(o_, *process_);
    if (const int rc = check_room(*process_); rc != 0) return rc;
    LocalScope ls(*process_);
    if (const int rc = fill_envelope(ls); rc != 0) return rc;
    acl::Effects effects;
    smtp::SessionServices services(process_->server, ls.from, ls.envelope, &effects);
    ls.scope.services = &services;  // log lines carry the message id
    (void)acl::run_hook(acl::Hook::not_smtp_start, config_->main.acl_not_smtp_start, ls.scope, effects);
    smtp::Reception reception(process_->server, ls.scope, effects, size_limit(ls));
    ls.envelope.from.is_local = true;
    if (!o_.no_qualify) {
      reception.header_sender_domain = smtp::qualify_domain(*config_, process_->primary_hostname);
      reception.header_recipient_domain = smtp::qualify_recipient(*config_, process_->primary_hostname);
    }
    input_scope_ = &ls;
    reception.on_headers = [&](mail::HeaderList& h) { return take_headers(h, ls); };
    int wrapped = -1;
    std::string wrapped_text;
    if (wrapper_)
      reception.deliver_instead = [&](store::StoredMessage&& msg) -> smtp::Reply {
        const Status st = delivery::deliver_wrapped(process_->engine, msg);
        wrapped = st ? 0 : EXIT_FAILURE;
        if (!st) wrapped_text = st.error().text;
        return {st ? 250 : 554, st ? "delivered" : st.error().text, false};
      };
    reception.override_queueing = config_->main.queue_only_override && o_.delivery_given;
    smtp::DataReader::Options dopt;
    dopt.lf_ends_data = !o_.dot_is_data;
    dopt.dots = !o_.dot_is_data;
    dopt.lone_dot = true;
    smtp::DataReader data(reception, dopt);
    if (const int rc = read_input(data); rc != 0) return rc;
    const smtp::Reply r = reception.complete(data, acl::Hook::not_smtp);
    if (wrapped == 0) return 0;
    if (wrapped > 0) return complain(wrapped, wrapped_text);
    if (r.code != 250 && r.code / 100 != 4) return refused(reception, ls, r);
    if (r.code != 250) return complain(EX_TEMPFAIL, r.text);
    id_ = ls.envelope.id;
    deliver_now_ = !reception.waits;
    return 0;
  }

  const std::string& id() const { return id_; }
  bool deliver_now() const { return deliver_now_ && o_.delivery != Options::Delivery::queue; }

  /// In a fiber, with a fresh loop (and perhaps in a child process).
  int deliver() {
    process_.reset();
    daemon::ProcessOptions po;
    po.courier = courier_;
    po.verbose = o_.verbose;
    if (o_.verbose) fmt::print(stderr, "delivering {}\n", id_);
    auto made = daemon::Process::create(config_, po);
    if (!made) return complain(EX_TEMPFAIL, made.error().text);
    enable_debug(o_, **made);
    delivery::DeliverOptions opt;
    opt.first_attempt = true;
    opt.queue_smtp = o_.queue_smtp;
    opt.dry_run = o_.no_delivery;
    (void)delivery::deliver_message((*made)->engine, id_, opt);
    return 0;
  }

  void release() { process_.reset(); }

 private:
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
    env.sender = fmt::format("{}@{}", caller_.login, smtp::qualify_domain(*config_, host));
    if (o_.sender_given) {
      const std::string_view given = o_.sender.empty() ? std::string_view("<>") : std::string_view(o_.sender);
      mail::PathOptions po;
      po.allow_null = po.allow_unqualified = true;
      auto a = mail::parse_path(given, po);
      if (!a)
        return complain(EXIT_FAILURE, fmt::format("bad -f address \"{}\": {}", printable(o_.sender),
                                                  why_bad(o_.sender, a.error().text)));
      if (!a->empty() && a->domain.empty()) a->domain = smtp::qualify_domain(*config_, host);
      const std::string full = a->str();
      bool allowed = caller_.trusted || full.empty();
      if (!allowed && config_->main.untrusted_set_sender.is_set()) {
        auto m = config_->main.untrusted_set_sender.match(ls.scope, Text::tainted(full));
        allowed = m && m->matched;
      }
      if (allowed) env.sender = full;
    }
    for (const auto& arg : o_.arguments) {
      auto list = mail::parse_address_list(arg);
      if (!list)
        return complain(EXIT_FAILURE, fmt::format("bad recipient address \"{}\": {}", printable(arg),
                                                  why_bad(arg, list.error().text)));
      for (auto& a : *list) arguments_.push_back(qualified(a.address, host));
    }
    if (o_.no_qualify)
      for (const auto& a : arguments_)
        if (a.find('@') == std::string::npos)
          return complain(EXIT_FAILURE, fmt::format("unqualified recipient address \"{}\" with -bnq", printable(a)));
    if (!o_.recipients_from_headers) {
      if (arguments_.empty()) {
        fmt::print(stderr,
                   "{} is a Mail Transfer Agent. It is normally called by Mail User Agents,\n"
                   "not directly from a shell command line. Options and/or arguments control\n"
                   "what it does when called. For a list of options, see the {} documentation.\n",
                   hooks::product(), hooks::product());
        return EXIT_FAILURE;
      }
      for (const auto& a : arguments_) add_recipient(env, a);
    }
    return 0;
  }

  /// Text outside angle brackets is words; two of them are no address.
  static std::string why_bad(const std::string& given, const std::string& why) {
    return given.find(' ') != std::string::npos && given.find('<') == std::string::npos
               ? "missing or malformed local part (expected word or \"<\")"
               : why;
  }

  std::string qualified(const mail::Address& a, const std::string& host) const {
    if (o_.no_qualify) return a.str();
    return a.domain.empty() ? a.local_part + "@" + smtp::qualify_recipient(*config_, host) : a.str();
  }

  std::int64_t size_limit(LocalScope& ls) const { return smtp::message_size_limit(ls.scope, *process_->engine.log); }

  /// A message that cannot be taken: its sender is told, by mail or (-oep) on standard error. Exit status.
  int refused(smtp::Reception& reception, LocalScope& ls, const smtp::Reply& r) {
    struct Kind {
      const char *subject, *text, *told;
    };
    const std::string limit = std::to_string(size_limit(ls));
    const bool big = r.code == 552;
    const Kind kind = problem_ == Problem::nobody
                          ? Kind{"Mail failure - no recipient addresses",
                                 "A message that you sent contained no recipient addresses, and therefore no\n"
                                 "delivery could be attempted.\n",
                                 "no recipients found in headers"}
                      : problem_ == Problem::address
                          ? Kind{"Mail failure - malformed recipient address",
                                 "A message that you sent contained one or more recipient addresses that were\n"
                                 "incorrectly constructed:\n\n",
                                 "bad addresses found in headers"}
                      : big ? Kind{"Mail failure - message too big",
                                   "A message that you sent was longer than the maximum size allowed on this\n"
                                   "system. It was not delivered to any recipients.\n",
                                   "message too big"}
                            : Kind{"Mail failure - rejected by local scanning code",
                                   "A message that you sent was rejected by the local scanning code that\n"
                                   "checks incoming messages on this system. The following error was given:\n\n",
                                   "message rejected by non-SMTP ACL"};
    const bool headers_bad = problem_ != Problem::none;
    if (headers_bad) process_->engine.log->write(log::kMain | log::kPanic, ls.envelope.id, kind.told);
    if (o_.errors_to_stderr || wrapper_) {
      if (problem_ == Problem::address) return complain(EXIT_FAILURE, fmt::format("invalid address:  {}", r.text));
      return complain(EXIT_FAILURE, headers_bad ? std::string(kind.told)
                                    : big       ? fmt::format("message rejected: message too big (max={})", limit)
                                                : fmt::format("{}: {}", kind.told, r.text));
    }
    std::string text = kind.text;
    if (problem_ == Problem::address)
      text += fmt::format(
          "  {}\n\nThis address has been ignored. There were no other addresses in your\n"
          "message, and so no delivery at all could be attempted.\n",
          printable(r.text));
    else if (!big && !headers_bad)
      text += fmt::format("  {}\n", r.text);
    tell_sender(reception, ls, kind.subject, text);
    return EXIT_FAILURE;
  }

  void tell_sender(smtp::Reception& reception, LocalScope& ls, std::string_view subject, std::string text) {
    if (ls.envelope.sender.empty()) return;
    lang::NewMessage m;
    m.recipients.push_back(ls.envelope.sender);
    m.parent_id = ls.envelope.id;
    m.is_report = true;
    std::string from = fmt::format("Mail Delivery System <Mailer-Daemon@{}>",
                                   smtp::qualify_domain(*config_, process_->primary_hostname));
    if (config_->main.dsn_from.is_set())
      if (auto v = config_->main.dsn_from.eval(ls.scope); v && !v->empty()) from = replace_all(v->str(), "\n", " ");
    m.headers = fmt::format("Auto-Submitted: auto-replied\nFrom: {}\nTo: {}\n", from, printable(ls.envelope.sender));
    if (const auto* id = reception.headers().find("Message-ID"); id != nullptr)
      m.headers += fmt::format("References: {}\n", printable(trim(id->value())));
    m.headers += fmt::format("Subject: {}\n", subject);
    text += "\n------ This is a copy of your message, including all the headers. ------\n\n";
    text += reception.headers().raw();
    if (const auto body = reception.body(); body && config_->main.bounce_return_body) {
      const auto n = std::min<std::uint64_t>(
          body->size(), static_cast<std::uint64_t>(std::max<std::int64_t>(0, config_->main.bounce_return_size_limit)));
      if (auto part = body->read(0, static_cast<std::size_t>(n))) text += "\n" + *part;
    }
    m.body = text + "\n";
    if (const Status st = process_->services->submit(m); !st)
      process_->engine.log->write(log::kMain | log::kPanic, ls.envelope.id,
                                  fmt::format("cannot tell the sender: {}", st.error().text));
  }

  static void add_recipient(mail::Envelope& env, const std::string& address) {
    for (const auto& r : env.recipients)
      if (r.address == address) return;
    mail::Recipient r;
    r.address = address;
    env.recipients.push_back(std::move(r));
  }

  /// -t: To:, Cc:, Bcc: (or the Resent- set) are the recipients; Bcc: goes; arguments are taken away.
  Status take_headers(mail::HeaderList& headers, LocalScope& ls) {
    if (!o_.recipients_from_headers) return {};
    const bool resent = headers.find("Resent-To") != nullptr || headers.find("Resent-Cc") != nullptr ||
                        headers.find("Resent-Bcc") != nullptr;
    const std::string prefix = resent ? "Resent-" : "";
    for (const char* name : {"To", "Cc", "Bcc"}) {
      for (const auto* h : headers.find_all(prefix + name)) {
        auto list = mail::parse_address_list(h->value());
        if (!list) {
          problem_ = Problem::address;
          return fail(fmt::format("{}: {}", printable(trim(h->value())), list.error().text));
        }
        for (const auto& a : *list) {
          const std::string address = qualified(a.address, process_->primary_hostname);
          const bool taken_away = config_->main.extract_addresses_remove_arguments &&
                                  std::find(arguments_.begin(), arguments_.end(), address) != arguments_.end();
          if (!taken_away) add_recipient(ls.envelope, address);
        }
      }
    }
    if (!config_->main.extract_addresses_remove_arguments)
      for (const auto& a : arguments_) add_recipient(ls.envelope, a);
    headers.remove("Bcc");
    headers.remove("Resent-Bcc");
    if (ls.envelope.recipients.empty()) {
      problem_ = Problem::nobody;
      return fail("no recipients found in headers");
    }
    return {};
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
    auto stream = io::Socket::from_stdio(0, 1);
    std::vector<char> buffer(64 * 1024);
    bool first = true;
    while (!data.finished()) {
      // -or, receive_timeout: how long the whole message may be waited for; zero is for ever.
      const std::int64_t limit = o_.receive_timeout >= 0 ? o_.receive_timeout : config_->main.receive_timeout;
      std::optional<io::DeadlineScope> deadline;
      if (limit > 0) deadline.emplace(Millis(limit * 1000));
      auto n = stream->read_some(buffer);
      if (!n && n.error().kind == ErrorKind::timed_out)
        return complain(EX_TEMPFAIL, "timed out while reading the message");
      if (!n) return complain(EX_IOERR, fmt::format("reading the message: {}", n.error().text));
      if (*n == 0) {
        data.finish();
        break;
      }
      std::string_view piece(buffer.data(), *n);
      if (first && (piece.starts_with("From ") || piece.starts_with(">From "))) {
        const auto nl = piece.find('\n');
        const std::string_view line = piece.substr(0, nl);
        if (from_line(line)) piece.remove_prefix(nl == std::string_view::npos ? piece.size() : nl + 1);
      }
      first = false;
      data.feed(piece);
    }
    return 0;
  }

  const Options& o_;
  std::shared_ptr<const lang::Config> config_;
  const Caller& caller_;
  std::shared_ptr<io::Courier> courier_;
  bool wrapper_;
  std::shared_ptr<daemon::Process> process_;
  std::vector<std::string> arguments_;
  LocalScope* input_scope_ = nullptr;  ///< while the message is read
  enum class Problem : std::uint8_t { none, nobody, address } problem_ = Problem::none;
  std::string id_;
  bool deliver_now_ = true;
};

}  // namespace

int run_submit(const Options& o, std::shared_ptr<const lang::Config> config) {
  const Caller caller = find_caller(*config);
  const auto courier = config->main.mua_wrapper ? nullptr : start_courier(config);
  if (geteuid() == 0 && !config->main.mua_wrapper) {
    auto id = daemon::run_identity(*config);
    if (!id) return complain(EX_CONFIG, id.error().text);
    if (auto st = daemon::become(*id, *config); !st) return complain(EX_OSERR, st.error().text);
  }
  Submission s(o, config, caller, courier);
  const int rc = io::run_loop([&] {
    const int r = s.receive();
    s.release();
    return r;
  });
  if (rc != 0 || s.id().empty() || !s.deliver_now()) return rc;
  if (o.delivery == Options::Delivery::background) {
    std::fflush(nullptr);
    const pid_t pid = fork();
    if (pid < 0) return 0;  // it is in the queue; a queue run delivers it
    if (pid > 0) return 0;
    (void)setsid();
  }
  const int drc = io::run_loop([&] {
    const int r = s.deliver();
    s.release();
    return r;
  });
  if (o.delivery == Options::Delivery::background) _exit(drc);
  return drc;
}

}  // namespace remex::cli
