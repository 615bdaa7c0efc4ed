// The session loop: greeting, reading commands, grouping replies, limits, the end.

#include "core/smtp/session.h"

#include <fmt/core.h>

#include "core/base/strings.h"
#include "core/io/activity.h"
#include "core/io/dscp.h"
#include "core/io/fiber.h"
#include "core/log/delivery_lines.h"
#include "lang/client_name.h"

namespace remex::smtp {

namespace {
/// RFC 5321 4.5.3.1.4 asks for 512; long parameter lists need more. Beyond this the line is swallowed and answered 500.
constexpr std::size_t kMaxCommandLine = 16384;
constexpr std::size_t kMaxQueuedReplies = 32 * 1024;
constexpr Millis kWriteTimeout{5 * 60 * 1000};
constexpr Millis kForever = std::chrono::hours(10 * 365 * 24);  ///< can be added to a point in time
constexpr std::string_view kUnexpectedArgument = "unexpected argument data";

}  // namespace

std::string_view default_enhanced_code(int code, Verb verb) {
  switch (code) {
    case 250:
      return verb == Verb::mail                         ? "2.1.0"
             : verb == Verb::rcpt                       ? "2.1.5"
             : verb == Verb::helo || verb == Verb::ehlo ? ""
                                                        : "2.0.0";
    case 252: return "2.5.0";
    case 221: return "2.0.0";
    case 235: return "2.7.0";
    case 421: return "4.3.2";
    case 450: return "4.2.0";
    case 451: return "4.3.0";
    case 452: return verb == Verb::rcpt ? "4.5.3" : "4.3.1";
    case 454: return "4.7.0";
    case 500: return "5.5.2";
    case 501: return "5.5.4";
    case 502:
    case 503: return "5.5.1";
    case 504: return "5.5.4";
    case 535: return "5.7.8";
    case 550: return "5.7.1";
    case 552: return "5.3.4";
    case 553: return "5.1.3";
    case 554: return "5.5.0";
    case 555: return "5.5.4";
    default: return "";
  }
}

Session::Session(Server& server, std::unique_ptr<io::Stream> stream, mail::ReceivedFrom from, SessionOptions opt)
    : server_(server),
      config_(server.config),
      stream_(std::move(stream)),
      reader_(*stream_),
      opt_(std::move(opt)),
      from_(std::move(from)),
      services_(server, from_, envelope_, &effects_) {
  from_.is_smtp = true;
  from_.is_local = !opt_.is_tcp;
  if (!opt_.login.empty()) from_.ident = opt_.login;
  if (!opt_.is_tcp && from_.authenticated_id.empty()) from_.authenticated_id = opt_.login;
  scope_.config = config_.get();
  scope_.services = &services_;
  scope_.from = &from_;
  scope_.session = &state_;
  scope_.envelope = &envelope_;
  scope_.acl_c = &acl_c_;
  scope_.acl_m = &acl_m_;
  scope_.testing = server.fake;
  if (server.explain) scope_.trace = &trace_;
  started_ = wall_now();
  envelope_.login = opt_.login;
  envelope_.caller_uid = opt_.caller_uid;
  envelope_.caller_gid = opt_.caller_gid;
  know_caller();
}

/// $caller_uid and $caller_gid: not always this process's.
void Session::know_caller() {
  if (opt_.caller_uid < 0) return;
  scope_.extra.insert_or_assign("caller_uid", std::to_string(opt_.caller_uid));
  scope_.extra.insert_or_assign("caller_gid", std::to_string(opt_.caller_gid));
}

Session::~Session() {
  if (counted_ && server_.counters != nullptr) {
    --server_.counters->sessions;
    auto& per_host = server_.counters->per_host;
    if (auto it = per_host.find(counted_host_); it != per_host.end() && --it->second <= 0) per_host.erase(it);
  }
}

std::string Session::host_text() const { return log::host_and_ident(from_, server_.log->selectors(), true); }

std::string Session::peer() const { return log::host_and_ident(from_, server_.log->selectors(), false); }

std::string Session::history_text() const {
  std::string out;
  for (const std::string& h : state_.history) out += (out.empty() ? ",  C=" : ",") + h;
  return out;
}

void Session::log_line(int targets, std::string_view line) {
  server_.log->write(targets, envelope_.id, line);
  if ((targets & log::kPanic) != 0) services_.panicked();
}

Result<bool> Session::find_host(const lang::MatchList& list, std::string_view option) {
  const bool told = tells_of(option);
  if (!list.is_set()) {
    if (told) lang::trace_line(scope_, fmt::format("host in {}? no (option unset)", option));
    return false;
  }
  std::optional<lang::TraceSilenced> silent;
  if (told)
    trace_.option = option;
  else
    silent.emplace(scope_);
  auto m = list.match_host(scope_, from_.host_address, from_.host_name);
  trace_.option = {};
  if (m) return m->matched;
  // The client's own name servers are no trouble of this host's.
  log_line(state_.host_lookup_deferred ? log::kMain : log::kMain | log::kPanic,
           fmt::format("cannot tell whether {} is in {}: {}", peer(), option, printable(m.error().text)));
  return std::unexpected(std::move(m).error());
}

bool Session::host_matches(const lang::MatchList& list, std::string_view option) {
  return find_host(list, option).value_or(false);
}

Millis Session::receive_timeout() {
  if (opt_.receive_timeout == 0) return kForever;
  if (opt_.receive_timeout > 0) return std::chrono::duration_cast<Millis>(Seconds(opt_.receive_timeout));
  const lang::Expansion& e = config_->main.smtp_receive_timeout;
  std::int64_t seconds = 300;
  if (e.is_set())
    if (auto v = e.eval(scope_)) {
      std::int64_t s = 0;
      if (parse_interval(trim(v->view()), s) && s > 0) seconds = s;
    }
  return std::chrono::duration_cast<Millis>(Seconds(seconds));
}

void Session::reply(int code, std::string_view text) {
  if (opt_.batched) return batch_reply(code, text);
  // The text may bring its own enhanced code; otherwise one is put on every line (RFC 2034 4).
  const auto own_code = [code](std::string_view t) {
    if (t.size() < 5 || t[0] != static_cast<char>('0' + code / 100) || t[1] != '.' || !is_digit(t[2]))
      return std::string_view();
    const std::size_t dot = t.find('.', 3), blank = t.find(' ');
    return dot < blank && blank != std::string_view::npos && blank < 12 ? t.substr(0, blank + 1) : std::string_view();
  };
  std::string prefix;
  if (enhanced_) {
    prefix = own_code(text);
    if (prefix.empty()) {
      const bool unknown_user = code == 550 && verb_ == Verb::rcpt && !scope_.recipient_verify_failure.empty();
      if (const auto e = unknown_user ? "5.1.1" : default_enhanced_code(code, verb_); !e.empty())
        prefix = std::string(e) + " ";
    }
  }
  if (effects_.no_multiline_responses && code >= 400)
    if (const auto nl = text.rfind('\n'); nl != std::string_view::npos) text = text.substr(nl + 1);
  while (text.ends_with('\n')) text.remove_suffix(1);
  const auto lines = split(text, '\n');
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string_view l = lines[i];
    while (!l.empty() && (l.back() == '\r' || l.back() == ' ')) l.remove_suffix(1);
    out_ += fmt::format("{}{}{}", code, i + 1 < lines.size() ? '-' : ' ', own_code(l).empty() ? prefix : std::string());
    for (const char c : l.substr(0, 900))
      if (c != '\r') out_ += c == '\0' ? ' ' : c;
    out_ += "\r\n";
  }
  if (out_.size() > kMaxQueuedReplies) (void)flush();
}

bool Session::flush() {
  if (out_.empty()) return true;
  std::string bytes;
  bytes.swap(out_);
  const io::DeadlineScope deadline(kWriteTimeout);
  return stream_->write_all(bytes).has_value();
}

/// Parks without owning reply or line buffers when the client is idle.
Result<std::string> Session::read_command() {
  if (!reader_.has_pending()) {
    if (!flush()) return fail(ErrorKind::closed, "connection lost while writing");
    out_.shrink_to_fit();
  }
  const io::DeadlineScope deadline(receive_timeout());
  return reader_.read_line(kMaxCommandLine);
}

Session::Next Session::protocol_error(int code, std::string_view text, std::string_view line) {
  const bool protocol = code == 503;
  if (server_.log->on(protocol ? log::Selector::smtp_protocol_error : log::Selector::smtp_syntax_error))
    log_line(log::kMain, fmt::format("SMTP {} error in \"{}\" {} {}", protocol ? "protocol" : "syntax", shown(line),
                                     host_text(), text));
  ++synprot_errors_;
  if (config_->main.smtp_max_synprot_errors > 0 && synprot_errors_ > config_->main.smtp_max_synprot_errors) {
    reply(code, std::string(text) + "\nToo many syntax or protocol errors");
    log_line(log::kMain | log::kReject,
             fmt::format("SMTP call from {} dropped: too many syntax or protocol errors (last command was \"{}\"{})",
                         peer(), shown(line), history_text()));
    close_reason_ = "bad-commands";
    return Next::close;
  }
  reply(code, text);
  return Next::go_on;
}

acl::Outcome Session::run_acl(acl::Hook hook, const lang::Expansion& option) {
  if (opt_.batched) {
    acl::Outcome all;
    all.verdict = acl::Verdict::accept;
    return all;
  }
  acl::Outcome o = acl::run_hook(hook, option, scope_, effects_, [this] { (void)flush(); });
  apply_controls(hook);
  return o;
}

void Session::apply_controls(acl::Hook hook) {
  services_.follow_debug();
  if (hook == acl::Hook::connect || hook == acl::Hook::helo || hook == acl::Hook::auth || hook == acl::Hook::starttls)
    queue_name_ = envelope_.queue_name;
  if (effects_.dscp >= 0 && effects_.dscp != dscp_ && opt_.is_tcp && !opt_.stdio) {
    dscp_ = effects_.dscp;
    if (auto set = io::set_dscp(stream_->fd(), dscp_); !set)
      log_line(log::kMain, fmt::format("control = dscp: {}", set.error().text));
  }
}

Session::Next Session::refuse(const acl::Outcome& o, std::string_view what, bool with_sender) {
  const Reply r = reply_from_acl(o, 250, "OK", *server_.log);
  reply(r);
  if (with_sender) note_rcpt_error(r.text);
  std::string line = host_text();
  if (with_sender) line += sender_fields(envelope_, from_);
  line += fmt::format(" {}rejected {}", o.verdict == acl::Verdict::defer ? "temporarily " : "", what);
  if (!o.log_message.empty()) line += ": " + printable(o.log_message);
  log_line(o.log_targets, line);
  if (r.close) close_reason_ = "acl-drop";
  return r.close ? Next::close : Next::go_on;
}

bool Session::check_sync(const Command& c) {
  if (!opt_.is_tcp || opt_.stdio || opt_.batched) return true;
  const bool enforced = (config_->main.smtp_enforce_sync || effects_.enforce_sync) && !effects_.no_enforce_sync;
  if (!enforced || !reader_.has_pending()) return true;
  bool may_pipeline = pipelining_advertised_ && (c.verb == Verb::mail || c.verb == Verb::rcpt || c.verb == Verb::rset);
  pipelined_ = pipelined_ || may_pipeline;
  may_pipeline = may_pipeline || c.verb == Verb::bdat;  // its octets follow at once
  // QUIT ends the session whatever follows.
  may_pipeline = may_pipeline || c.verb == Verb::quit || c.verb == Verb::http;
  if (may_pipeline) return true;
  if (c.verb == Verb::ehlo && may_pipeline_early()) {
    early_used_ = true;
    return true;
  }
  auto peeked = reader_.peek();
  if (!peeked || peeked->empty()) return true;
  log_line(log::kMain | log::kReject,
           fmt::format("SMTP protocol synchronization error (next input sent too soon: pipelining was{} advertised): "
                       "rejected \"{}\" {} next input=\"{}\"",
                       pipelining_advertised_ ? "" : " not", shown(state_.command), host_text(),
                       // what follows AUTH answers challenges
                       c.verb == Verb::auth ? "(not shown)" : shown(*peeked, 150)));
  reply(554, "SMTP synchronization error");
  return false;
}

Session::Next Session::command(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  ++state_.command_number;
  state_.command = std::string(line);
  verb_ = Verb::unknown;
  for (const char ch : line)
    if (ch == '\0' || ch == '\r') return protocol_error(501, "NUL characters are not allowed in SMTP commands", line);
  const Command c = parse_command(state_.command);
  state_.argument = std::string(c.argument);
  verb_ = c.verb;
  if (c.verb != Verb::unknown) {
    state_.history.emplace_back(to_upper(c.word));
    if (state_.history.size() > 20) state_.history.erase(state_.history.begin());
  }
  scope_.captures.clear();
  if (!check_sync(c)) {
    close_reason_ = "synchronization-error";
    return Next::close;
  }
  if (too_many_nonmail(c.verb)) {
    reply(554, "Too many nonmail commands");
    log_line(log::kMain | log::kReject,
             fmt::format("SMTP call from {} dropped: too many nonmail commands (last was \"{}\")", peer(),
                         printable(c.word.substr(0, 64))));
    close_reason_ = "bad-commands";
    return Next::close;
  }
  return opt_.batched ? batch_command(c) : dispatch(c);
}

bool Session::too_many_nonmail(Verb verb) {
  const auto& m = config_->main;
  if (opt_.batched || m.smtp_accept_max_nonmail < 0) return false;
  std::uint8_t free_bit = 0;
  switch (verb) {
    case Verb::mail:
    case Verb::rcpt:
    case Verb::data:
    case Verb::bdat:
    case Verb::quit: return false;
    case Verb::helo:
    case Verb::ehlo: free_bit = 1; break;
    case Verb::starttls: free_bit = 2; break;
    case Verb::auth: free_bit = 4; break;
    case Verb::rset: free_bit = 8; break;
    default: break;
  }
  if (free_bit != 0 && (free_commands_ & free_bit) == 0) {
    free_commands_ |= free_bit;
    return false;
  }
  if (++nonmail_ == 1 && scope_.trace != nullptr) {
    if (m.smtp_accept_max_nonmail_hosts.is_set())
      (void)host_matches(m.smtp_accept_max_nonmail_hosts, "smtp_accept_max_nonmail_hosts");
    else
      lang::trace_line(scope_, "host in smtp_accept_max_nonmail_hosts? yes (matched \"*\")");
  }
  return nonmail_ > m.smtp_accept_max_nonmail &&
         (!m.smtp_accept_max_nonmail_hosts.is_set() ||
          host_matches(m.smtp_accept_max_nonmail_hosts, "smtp_accept_max_nonmail_hosts"));
}

Session::Next Session::dispatch(const Command& c) {
  switch (c.verb) {
    case Verb::helo: return cmd_hello(c, false);
    case Verb::ehlo: return cmd_hello(c, true);
    case Verb::mail: return cmd_mail(c);
    case Verb::rcpt: return cmd_rcpt(c);
    case Verb::data: return cmd_data(c);
    case Verb::bdat: return cmd_bdat(c);
    case Verb::rset: return c.argument.empty() ? cmd_rset() : protocol_error(501, kUnexpectedArgument, state_.command);
    case Verb::noop: reply(250, "OK"); return Next::go_on;
    case Verb::quit: return c.argument.empty() ? cmd_quit() : protocol_error(501, kUnexpectedArgument, state_.command);
    case Verb::vrfy: return cmd_vrfy(c);
    case Verb::expn: return cmd_expn(c);
    case Verb::help: return cmd_help();
    case Verb::starttls: return cmd_starttls(c);
    case Verb::auth: return cmd_auth(c);
    case Verb::etrn: return cmd_etrn(c);
    case Verb::http:
      // A browser or an attack through one: nothing it sends is looked at.
      log_line(log::kMain | log::kReject, fmt::format("SMTP call from {} dropped: HTTP request \"{}\"", peer(),
                                                      printable(state_.command.substr(0, 100))));
      reply(554, "this is a mail server");
      close_reason_ = "bad-commands";
      return Next::close;
    case Verb::unknown: break;
  }
  return unknown_command();
}

Session::Next Session::unknown_command() {
  ++unknown_commands_;
  if (unknown_commands_ > config_->main.smtp_max_unknown_commands) {
    reply(500, "Too many unrecognized commands");
    close_reason_ = "bad-commands";
    log_line(log::kMain | log::kReject,
             fmt::format("SMTP call from {} dropped: too many unrecognized commands (last was \"{}\")", peer(),
                         shown(state_.command)));
    return Next::close;
  }
  return protocol_error(500, "unrecognized command", state_.command);
}

void Session::learn_host_name() {
  if (state_.host_lookup_done || from_.host_address.empty()) return;
  const auto hn = lang::look_up_client(scope_, from_.host_address);
  state_.host_lookup_done = true;
  state_.host_lookup_deferred = hn.outcome == dns::Outcome::try_again;
  state_.host_lookup_failed = hn.outcome == dns::Outcome::no_name || hn.outcome == dns::Outcome::no_data;
  state_.host_aliases = hn.aliases;
  if (hn.outcome == dns::Outcome::found) {
    from_.host_name = hn.name;
    from_.host_dnssec = hn.secure;
  } else if (server_.log->on(log::Selector::host_lookup_failed)) {
    log_line(log::kMain, fmt::format("no host name found for IP address {}", from_.host_address));
  }
}

void Session::reset_message() {
  bdat_.reset();
  chunk_failed_ = false;
  prdr_requested_ = false;
  in_transaction_ = accepted_any_rcpt_ = discarded_sender_ = too_many_rcpt_ = rcpt_errors_differ_ = false;
  discarded_rcpts_.clear();
  rcpt_error_.clear();
  from_.authenticated_sender.clear();
  const std::string login = std::move(envelope_.login);
  envelope_ = mail::Envelope{};
  envelope_.login = login;
  envelope_.caller_uid = opt_.caller_uid;
  envelope_.caller_gid = opt_.caller_gid;
  acl_m_.clear();
  state_.rcpt_count = state_.rcpt_defer_count = state_.rcpt_fail_count = 0;
  state_.declared_size = -1;
  const acl::Effects old = std::move(effects_);
  effects_ = acl::Effects{};  // controls about the connection stay
  effects_.no_enforce_sync = old.no_enforce_sync;
  effects_.enforce_sync = old.enforce_sync;
  effects_.no_multiline_responses = old.no_multiline_responses;
  effects_.no_pipelining = old.no_pipelining;
  effects_.no_delay_flush = old.no_delay_flush;
  effects_.no_callout_flush = old.no_callout_flush;
  effects_.dkim_disable_verify = dkim_off_;
  effects_.allow_auth_unadvertised = old.allow_auth_unadvertised;
  effects_.debug = old.debug;
  envelope_.queue_name = queue_name_;
  effects_.dmarc_disable_verify = dmarc_off_;
  scope_.memory.reset();
  if (scope_.rates != nullptr) {
    scope_.rates->message.clear();
    scope_.rates->command.clear();
  }
  scope_.sender_data = scope_.recipient_data = scope_.acl_domain_data = scope_.acl_local_part_data = Text();
  scope_.verify_address_data = scope_.verify_sender_address_data = Text();
  scope_.extra.clear();
  know_caller();
  scope_.headers_added.clear();
}

void Session::finish(std::string_view reason) {
  (void)flush();
  if (config_->main.acl_smtp_notquit.is_set()) {
    state_.notquit_reason = std::string(reason);
    (void)run_acl(acl::Hook::notquit, config_->main.acl_smtp_notquit);
  }
}

/// smtp_connection and smtp_no_mail: how the connection ended.
void Session::tell_of_the_end() {
  const auto& m = config_->main;
  if (!opt_.is_tcp || opt_.stdio || server_.fake || host_matches(m.hosts_connection_nolog, "hosts_connection_nolog"))
    return;
  if (quit_ && server_.log->on(log::Selector::smtp_connection))
    log_line(log::kMain, fmt::format("SMTP connection from {} closed by QUIT", peer()));
  if (mail_commands_ > 0 || !server_.log->on(log::Selector::smtp_no_mail)) return;
  std::string commands;
  for (const std::string& h : state_.history) commands += (commands.empty() ? " C=" : ",") + h;
  std::string tls;
  if (!from_.tls_cipher.empty()) tls = " X=" + from_.tls_cipher;
  log_line(log::kMain,
           fmt::format("no MAIL in SMTP connection from {} D={}{}{}", peer(),
                       log::log_interval((wall_now() - started_).count(), server_.log->selectors()), tls, commands));
}

int Session::run() {
  std::string bug;
  try {
    return serve();
  } catch (const std::exception& e) {
    bug = e.what();  // nothing may wait inside a catch block
  }
  // A bug or exhausted memory ends this session, never the process.
  log_line(log::kMain | log::kPanic, fmt::format("SMTP session with {} ended by an internal error: {}", peer(), bug));
  out_.clear();
  reply(421, active_hostname_ + ": internal error - closing connection");
  (void)flush();
  stream_->abort();
  return accepted_messages_;
}

int Session::serve() {
  if (!connect()) {
    (void)flush();
    stream_->close();
    return 0;
  }
  bool busy = false;
  // Only the verb of a command: what follows may be a secret.
  const io::Activity activity([&] {
    const bool known = verb_ != Verb::unknown && !state_.history.empty();
    return fmt::format("handling incoming call from {}: {}", peer(),
                       receiving_ != nullptr ? "receiving a message"
                       : !busy               ? "waiting for a command"
                       : known               ? state_.history.back()
                                             : "a command");
  });
  for (;;) {
    busy = false;
    auto line = read_command();
    if (line && line->empty()) line = fail(ErrorKind::closed, "end of input");
    if (opt_.batched && line) ++batch_line_;
    if (opt_.batched && !line && line.error().kind == ErrorKind::closed) break;  // as after QUIT
    if (!line) {
      const Error& e = line.error();
      verb_ = Verb::unknown;
      if (e.kind == ErrorKind::failed && e.text == "line too long") {  // swallowed up to its end
        if (protocol_error(500, "line too long", "(long line)") == Next::close) break;
        continue;
      }
      const auto lasted = (wall_now() - started_).count() / 1000000;
      if (e.kind == ErrorKind::timed_out) {
        reply(421, active_hostname_ + ": SMTP command timeout - closing connection");
        log_line(log::kMain, fmt::format("SMTP command timeout on connection from {} D={}s", peer(), lasted));
        close_reason_ = "command-timeout";
      } else if (e.kind == ErrorKind::cancelled) {
        reply(421, active_hostname_ + ": server is shutting down - closing connection");
        close_reason_ = "signal-exit";
      } else {
        if (opt_.is_tcp && !opt_.stdio && server_.log->on(log::Selector::lost_incoming_connection))
          log_line(log::kMain,
                   fmt::format("unexpected disconnection while reading SMTP command from {} D={}s", peer(), lasted));
        if (!opt_.is_tcp && server_.log->on(log::Selector::lost_incoming_connection) && !server_.fake)
          log_line(log::kMain, fmt::format("unexpected EOF while reading SMTP command from {} D={}s", peer(), lasted));
        reply(421, active_hostname_ + " lost input connection");
        close_reason_ = "connection-lost";
      }
      break;
    }
    busy = true;
    if (command(*line) == Next::close) break;
    if (opt_.batched && batch_failed_) break;
  }
  bdat_.reset();
  if (!quit_) finish(close_reason_);
  tell_of_the_end();
  (void)flush();
  stream_->close();
  return accepted_messages_;
}

}  // namespace remex::smtp
