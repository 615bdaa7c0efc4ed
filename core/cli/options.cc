// Parsing of the command line. Sendmail options that mean nothing here are taken silently, as Exim takes them.

#include "core/cli/options.h"

#include <fmt/core.h>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <set>

#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/strings.h"
#include "core/hooks/hooks.h"
#include "core/mail/address.h"

namespace remex::cli {

namespace {

class Parser {
 public:
  Parser(int argc, char** argv) : argc_(argc), argv_(argv) {}

  Result<Options> run() {
    std::string_view path = argc_ > 0 ? argv_[0] : "remex";
    o_.program = std::string(path.substr(path.rfind('/') + 1));
    if (o_.program == "mailq")
      o_.mode = Mode::list_queue;
    else if (o_.program == "runq")
      o_.mode = Mode::queue_run;
    else if (o_.program == "newaliases")
      o_.mode = Mode::aliases;
    else if (o_.program == "rsmtp")
      o_.mode = Mode::smtp_batch;
    else if (o_.program == "rmail")
      o_.dot_is_data = o_.errors_mailed_are_success = true;
    if (o_.program == "remex" && argc_ > 1) {
      REMEX_TRY(const bool done, subcommand());
      if (done) return o_;
    }
    for (at_ = 1; at_ < argc_; ++at_) {
      const std::string_view a = argv_[at_];
      if (only_arguments_ || a.size() < 2 || a.front() != '-') {
        o_.arguments.emplace_back(a);
      } else if (a == "--") {
        only_arguments_ = true;
      } else {
        REMEX_CHECK(option(a.substr(1)));
      }
    }
    if (contradictory()) return fail(fmt::format("{}: incompatible command-line options or arguments", o_.program));
    return o_;
  }

 private:
  /// Two things to do at once. What Exim takes together it does one of, and so do we.
  bool contradictory() const {
    const auto given = [this](std::initializer_list<Mode> modes) {
      return std::any_of(modes.begin(), modes.end(), [this](Mode m) { return modes_.contains(m); });
    };
    const bool daemon = given({Mode::daemon}), periodic = !o_.periodic.empty(),
               header_recipients = o_.recipients_from_headers;
    const bool smtp = given({Mode::smtp_stdin, Mode::smtp_batch}), once = o_.queue_run_once;
    const bool rehearsal = given({Mode::expand, Mode::smtp_test, Mode::rewrite_test});
    const bool routing = given({Mode::route_test}), verify = given({Mode::verify, Mode::verify_sender}),
               print = given({Mode::print_config}), aliases = given({Mode::aliases}),
               filter = given({Mode::filter_test});
    const int tests = int{routing} + int{verify} + int{print} + int{aliases} + int{filter} + int{header_recipients};
    if ((daemon || periodic) && (smtp || tests > 0 || rehearsal || o_.sender_given || given({Mode::list_queue})))
      return true;
    if (smtp && (tests > 0 || once || o_.sender_given || given({Mode::rewrite_test}))) return true;
    if (print && given({Mode::expand, Mode::smtp_test})) return true;
    if (header_recipients && (once || given({Mode::rewrite_test}))) return true;
    return tests > 1;
  }

  /// False: it is none.
  Result<bool> subcommand() {
    const std::string_view word = argv_[1];
    if (word == "check")
      o_.mode = Mode::check;
    else if (word == "help")
      o_.mode = Mode::help;
    else if (word == "status")
      o_.mode = Mode::status;
    else if (word == "queue" || word == "why" || word == "host")
      o_.mode = Mode::operate, o_.arguments.emplace_back(word);
    else
      return false;
    for (int i = 2; i < argc_; ++i) {
      const std::string_view a = argv_[i];
      if (a == "--strict")
        o_.strict = true;
      else if (a == "--json")
        o_.json = true;
      else if (a == "--diagnostics")
        o_.diagnostics_page = true;
      else if (a == "--explain" && i + 1 < argc_)
        o_.explain = argv_[++i];
      else if (a == "--markdown" && i + 1 < argc_)
        o_.markdown_dir = argv_[++i];
      else if (a == "-C" && i + 1 < argc_)
        o_.config_file = argv_[++i];
      else if (a.starts_with("-C") && a.size() > 2)
        o_.config_file = a.substr(2);
      else if (a.starts_with("-D")) {
        REMEX_CHECK(macro(a.substr(2)));
      } else
        o_.arguments.emplace_back(a);
    }
    return true;
  }

  std::unexpected<Error> bad(std::string_view option) const {
    return fail(fmt::format("{} abandoned: unknown, malformed, or incomplete option -{}", o_.program, option));
  }

  /// The option's value: the rest of the word, or the next word.
  Result<std::string> value(std::string_view option, std::string_view rest) {
    if (!rest.empty()) return std::string(rest);
    if (at_ + 1 >= argc_) return bad(option);
    return std::string(argv_[++at_]);
  }

  /// The same; `what` it should have been when there is none, and the option as it is named then.
  Result<std::string> value(std::string_view option, std::string_view rest, std::string_view what) {
    if (rest.empty() && at_ + 1 >= argc_)
      return fail(fmt::format("{}: {} expected after -{}", o_.program, what, option));
    return value(option, rest);
  }

  std::unexpected<Error> bad_time(std::string_view time) const {
    return fail(fmt::format("{}: bad time value {}: abandoned", o_.program, printable(time)));
  }

  Status macro(std::string_view text) {
    const auto eq = text.find('=');
    const std::string name(trim(text.substr(0, eq)));
    if (name.empty() || !(name.front() >= 'A' && name.front() <= 'Z'))
      return fail(fmt::format("{}: macro name set by -D must start with an upper case letter", o_.program));
    std::string text_of_it(eq == std::string_view::npos ? "" : trim(text.substr(eq + 1)));
    if (!o_.macros.emplace(name, std::move(text_of_it)).second)
      return fail(fmt::format("{}: duplicated -D in command line", o_.program));
    return {};
  }

  Status option(std::string_view a) {
    const std::string_view rest = a.substr(1);
    switch (a.front()) {
      case 'b':
        REMEX_CHECK(b_option(a));
        modes_.insert(o_.mode);
        return {};
      case 'B':
        if (rest.empty() && at_ + 1 < argc_) ++at_;
        return {};
      case 'O':
      case 'h':
        if (rest.empty()) REMEX_CHECK(value(a, rest));
        return {};
      case 'C': {
        REMEX_TRY(o_.config_file, value(a, rest));
        return {};
      }
      case 'D': return macro(rest);
      case 'd': o_.debug = o_.verbose = true; return {};
      case 'F': {
        REMEX_TRY(o_.full_name, value(a, rest));
        return {};
      }
      case 'f':
      case 'r': {
        REMEX_TRY(o_.sender, value(a, rest));
        o_.sender_given = true;
        return {};
      }
      case 'i': o_.dot_is_data = true; return {};
      case 'L': return syslog_option(a, rest);
      case 'M': return m_option(rest);
      case 'n': o_.terse = true; return {};
      case 'N': o_.no_delivery = o_.verbose = true; return {};
      case 'o': return o_option(a, rest);
      case 'q': return q_option(a, rest);
      case 'R': return select_option("R", rest, o_.select_recipient);
      case 'S': return select_option("S", rest, o_.select_sender);
      case 't':
        if (rest == "ls-on-connect")
          return fail(fmt::format("{}: -tls-on-connect is not supported; use tls_on_connect_ports", o_.program));
        o_.recipients_from_headers = true;
        if (rest == "i")
          o_.dot_is_data = true;
        else if (!rest.empty())
          return bad(a);
        return {};
      case 'v': o_.verbose = true; return {};
      case 'z': {
        o_.mode = Mode::write_log;
        REMEX_TRY(o_.log_text, value(a, rest, "file name"));
        return {};
      }
      case 'p':
        if (a == "ps" || a == "pd") return {};  // Perl runs beside the process; there is nothing to start
        if (rest.empty()) return bad(a);
        o_.protocol = rest.substr(0, rest.find(':'));
        if (const auto colon = rest.find(':'); colon != std::string_view::npos) o_.host_name = rest.substr(colon + 1);
        return {};
      case 'A': return a == "Am" || a == "Ac" ? Status() : bad(a);
      case 'm':
      case 'U':
      case 'x':
      case 'G': return {};
      case 'e': return rest.empty() ? Status(bad(a)) : Status();  // -ex: forms of -oe; the default is right
      case 'X':
        if (rest.empty()) REMEX_CHECK(value(a, rest, "string"));
        return {};
      case 'T': return test_option(a);
      case '-':
        if (a == "-help")
          o_.mode = Mode::help;
        else if (a == "-version")
          o_.mode = Mode::version;
        else
          return bad(a);
        return {};
      default: return bad(a);
    }
  }

  /// -Tqt T1/T2/...: only a build with hooks knows it, in test mode.
  Status test_option(std::string_view a) {
    if (a != "Tqt" || !hooks::active()) return bad(a);
    REMEX_TRY(const std::string times, value(a, ""));
    std::vector<std::int64_t> ages;
    for (const auto t : split(times, '/')) {
      std::int64_t seconds = 0;
      if (!parse_interval(t, seconds)) return bad(a);
      ages.push_back(seconds);
    }
    hooks::set_queue_times(std::move(ages));
    return {};
  }

  Status b_option(std::string_view a) {
    if (a == "bd")
      o_.mode = Mode::daemon, o_.listen = true;
    else if (a == "bdf")
      o_.mode = Mode::daemon, o_.listen = o_.foreground = true;
    else if (a == "be")
      o_.mode = Mode::expand;
    else if (a == "bem") {
      o_.mode = Mode::expand;
      REMEX_TRY(o_.message_file, value(a, ""));
    } else if (a.starts_with("bw")) {
      o_.mode = Mode::daemon;
      o_.listen = o_.foreground = o_.listener_on_stdin = true;
      if (a.size() > 2 && !parse_interval(a.substr(2), o_.idle_limit)) return bad(a);
    } else if (a.starts_with("bI:")) {
      o_.mode = Mode::inform;
      o_.arguments.emplace_back(a.substr(3));
    } else if (a == "bh" || a == "bhc") {
      o_.mode = Mode::smtp_test;
      o_.test_callouts = a == "bhc";
      REMEX_TRY(o_.test_host, value(a, ""));
      if (const auto host = host_and_port(o_.test_host)) o_.test_host = *host;
    } else if (a.starts_with("bf") || a == "bF") {
      return filter_option(a);
    } else if (a == "bi")
      o_.mode = Mode::aliases;
    else if (a == "bm")
      o_.mode = Mode::submit;
    else if (a == "bnq")
      o_.no_qualify = true;
    else if (a == "bP")
      o_.mode = Mode::print_config;
    else if (a.starts_with("bp") &&
             std::string_view(" a c i r ra ri ru u ").find(fmt::format(" {} ", a.substr(2))) != std::string_view::npos)
      o_.mode = Mode::list_queue, o_.list_kind = std::string(a.substr(2));
    else if (a == "bp")
      o_.mode = Mode::list_queue;
    else if (a == "brw")
      o_.mode = Mode::rewrite_test;
    else if (a == "brt")
      o_.mode = Mode::retry_test;
    else if (a == "bs")
      o_.mode = Mode::smtp_stdin;
    else if (a == "bS")
      o_.mode = Mode::smtp_batch;
    else if (a == "bt")
      o_.mode = Mode::route_test;
    else if (a == "bV")
      o_.mode = Mode::version;
    else if (a == "bv")
      o_.mode = Mode::verify;
    else if (a == "bvs")
      o_.mode = Mode::verify_sender;
    else
      return bad(a);
    return {};
  }

  Status filter_option(std::string_view a) {
    std::string* const target = a == "bf"    ? &o_.filter_file
                                : a == "bF"  ? &o_.system_filter_file
                                : a == "bfd" ? &o_.filter_domain
                                : a == "bfl" ? &o_.filter_local_part
                                : a == "bfp" ? &o_.filter_prefix
                                : a == "bfs" ? &o_.filter_suffix
                                             : nullptr;
    if (target == nullptr) return bad(a);
    const bool file = a == "bf" || a == "bF";
    if (file) o_.mode = Mode::filter_test;
    if (at_ + 1 >= argc_)
      return fail(fmt::format("{}: {} expected after -{}", o_.program, file ? "file name" : "string", a));
    *target = argv_[++at_];
    return {};
  }

  /// -L TAG: the length is Exim's limit.
  Status syslog_option(std::string_view a, std::string_view rest) {
    constexpr std::size_t kLongest = 32;
    REMEX_TRY(o_.syslog_tag, value(a, rest));
    if (o_.syslog_tag.empty()) return fail(fmt::format("{}: the -L syslog name is too short", o_.program));
    if (o_.syslog_tag.size() > kLongest)
      return fail(fmt::format("{}: the -L syslog name is too long: \"{}\"", o_.program, printable(o_.syslog_tag)));
    return {};
  }

  /// -MC and what goes with it: how Exim's processes hand an open connection over to each other. What only describes
  /// such a connection is taken, and describes nothing; -MCG names the queue.
  Status connection_option(std::string_view rest) {
    if (rest == "CG") {
      REMEX_TRY(o_.queue_name, value("MCG", ""));
      return {};
    }
    if (rest == "C") return connection();
    struct Description {
      std::string_view name;
      int words;  ///< that follow
    };
    static constexpr Description kDescriptions[] = {{"CA", 0}, {"CD", 0}, {"CK", 0}, {"CP", 0}, {"CS", 0},
                                                    {"CT", 0}, {"Cd", 1}, {"Cr", 1}, {"Cs", 1}, {"CQ", 2},
                                                    {"CL", 3}, {"Ct", 3}, {"Cp", 4}};
    for (const Description& d : kDescriptions) {
      if (rest != d.name) continue;
      if (argc_ - at_ <= d.words) return bad("M" + std::string(rest));
      at_ += d.words;
      return {};
    }
    if (rest == "Cq")
      return fail(
          fmt::format("{}: -MCq is how Exim's processes ask each other about a quota; remex has one process, "
                      "which looks itself (-bv ADDRESS tells whether it accepts one)",
                      o_.program));
    return bad("M" + std::string(rest));
  }

  /// -MC TRANSPORT HOST ADDRESS SEQUENCE ID, the last option.
  Status connection() {
    constexpr int kWords = 5;
    if (argc_ - at_ - 1 != kWords) return fail(fmt::format("{}: too many or too few arguments after -MC", o_.program));
    const std::string_view id = argv_[at_ + kWords];
    if (!is_message_id(id))
      return fail(fmt::format("{}: malformed message id {} after -MC option", o_.program, printable(id)));
    return fail(
        fmt::format("{}: -MC is how Exim's processes hand an open connection over to each other; remex has one "
                    "process, which keeps connections for the next message itself (-M {} delivers the message)",
                    o_.program, id));
  }

  Status m_option(std::string_view rest) {
    if (rest == "set") {
      if (at_ + 1 >= argc_) return fail(fmt::format("{}: no message ids given after -Mset option", o_.program));
      REMEX_TRY(o_.message_id, value("Mset", ""));
      return {};
    }
    if (rest.starts_with("C")) return connection_option(rest);
    static constexpr std::string_view known[] = {"",   "f",   "g",  "rm", "t",  "vb", "vc", "vh",
                                                 "vl", "mad", "md", "ar", "es", "c",  "G"};
    if (rest == "G") {
      REMEX_TRY(o_.queue_target, value("MG", ""));
      if (o_.queue_target.find_first_of("/ \t\n") != std::string::npos) return bad("MG " + printable(o_.queue_target));
    }
    for (const auto k : known)
      if (rest == k) {
        o_.mode = Mode::message;
        o_.message_action = std::string(rest);
        only_arguments_ = true;  // message ids, and what an action wants besides
        return {};
      }
    return bad("M" + std::string(rest));
  }

  Status o_option(std::string_view a, std::string_view rest) {
    if (rest.starts_with("d")) o_.delivery_given = true;
    if (rest == "i" || rest == "itrue")
      o_.dot_is_data = true;
    else if (rest == "v")
      o_.verbose = true;
    else if (rest == "db")
      o_.delivery = Options::Delivery::background;
    else if (rest == "df" || rest == "di")
      o_.delivery = Options::Delivery::foreground;
    else if (rest == "dq")
      o_.delivery = Options::Delivery::queue;
    else if (rest == "dqs")
      o_.queue_smtp = true;
    else if (rest == "ep" || rest == "eq")
      o_.errors_to_stderr = true, o_.errors_mailed_are_success = false;
    else if (rest == "ee" || rest == "em" || rest == "ew")
      o_.errors_to_stderr = false, o_.errors_mailed_are_success = rest == "ee";
    else if (rest == "m" || rest == "o" || rest == "Y") {
    } else if (rest.starts_with("A")) {
      REMEX_TRY(o_.bi_argument, value(a, rest.substr(1), "string"));
    } else if (rest == "B") {  // the number may be left out
      if (at_ + 1 < argc_ && parse_uint(argv_[at_ + 1])) ++at_;
    } else if (rest.starts_with("B")) {
      if (!parse_uint(rest.substr(1))) return fail(fmt::format("{}: number expected after -oB", o_.program));
    } else if (rest.starts_with("s") || rest.starts_with("r")) {
      return timeout_option(rest.substr(1), rest.starts_with("s") ? o_.smtp_timeout : o_.receive_timeout);
    } else if (rest.starts_with("X")) {
      REMEX_TRY(o_.listen_override, value(a, rest.substr(1)));
    } else if (rest.starts_with("P")) {
      REMEX_TRY(o_.pid_file, value(a, rest.substr(1)));
    } else if (rest.starts_with("M")) {
      return origin_option(a, rest);
    } else {
      return bad(a);
    }
    return {};
  }

  /// -os, -or.
  Status timeout_option(std::string_view rest, std::int64_t& seconds) {
    const std::string option = argv_[at_];
    if (rest.empty() && at_ + 1 >= argc_) return bad_time(option);
    REMEX_TRY(const std::string time, value(option, rest));
    return parse_interval(time, seconds) ? Status() : Status(bad_time(rest.empty() ? time : option));
  }

  /// -oM*: where a message came from.
  Status origin_option(std::string_view a, std::string_view rest) {
    std::string* where = rest == "Ma"    ? &o_.host_address
                         : rest == "Mi"  ? &o_.interface_address
                         : rest == "Ms"  ? &o_.host_name
                         : rest == "Mt"  ? &o_.ident
                         : rest == "Mai" ? &o_.authenticated_id
                         : rest == "Maa" ? &o_.authenticator
                         : rest == "Mas" ? &o_.authenticated_sender
                         : rest == "Mr"  ? &o_.protocol
                         : rest == "Mm"  ? &o_.message_reference
                                         : nullptr;
    REMEX_TRY(std::string text, value(a, "", "data"));
    if (where == nullptr) return bad(a);
    if (rest == "Mr" && !o_.protocol.empty()) return fail("received_protocol is set already");
    if (rest == "Ma" || rest == "Mi") {
      const auto host = host_and_port(text);
      if (!host) return fail(fmt::format("{} abandoned: \"{}\" is not an IP address", o_.program, printable(text)));
      text = *host;
    }
    if (rest == "Mm" && !is_message_id(text)) return fail("-oMm must be a valid message ID");
    if (rest == "Ma" && o_.mode == Mode::smtp_test) o_.test_host = text;  // the later one counts
    *where = std::move(text);
    return {};
  }

  /// ADDRESS, ADDRESS.PORT or [ADDRESS]:PORT as one of the first two.
  static std::optional<std::string> host_and_port(const std::string& s) {
    if (is_host(s)) return s;
    const auto end = s.find(']');
    if (!s.starts_with('[') || end == std::string::npos) return std::nullopt;
    const std::string port = s.substr(end + 1);
    if (!port.empty() && (port[0] != ':' || !parse_uint(port.substr(1)))) return std::nullopt;
    const std::string plain = s.substr(1, end - 1) + (port.empty() ? "" : "." + port.substr(1));
    return is_host(plain) ? std::optional(plain) : std::nullopt;
  }

  /// ADDRESS or ADDRESS.PORT.
  static bool is_host(const std::string& s) {
    const auto dot = s.rfind('.');
    return mail::is_ip_address(s) ||
           (dot != std::string::npos && mail::is_ip_address(s.substr(0, dot)) && parse_uint(s.substr(dot + 1)));
  }

  /// -R[r][f[f]] TEXT and -S: one queue run over the messages whose recipients or sender contain it.
  Status select_option(std::string_view letter, std::string_view rest, Options::Select& s) {
    std::string_view flags = rest;
    const bool all_flags = flags == "f" || flags == "ff" || flags == "r" || flags == "rf" || flags == "rff";
    if (all_flags || flags.empty()) {
      s.is_regex = flags.starts_with("r");
      if (s.is_regex) flags.remove_prefix(1);
      o_.queue_force = o_.queue_force || flags.starts_with("f");
      o_.queue_force_frozen = o_.queue_force_frozen || flags == "ff";
      REMEX_TRY(s.text, value(letter, "", "string"));
    } else {
      s.text = rest;
    }
    s.given = true;
    if (o_.mode != Mode::daemon) o_.mode = Mode::queue_run;
    return {};
  }

  /// -q[q][i][f[f]][l][G<name>][<time>], with a slash between a name and a time.
  Status q_option(std::string_view a, std::string_view rest) {
    Options::PeriodicRun run;
    const std::string_view all = rest;
    const auto flag = [&rest](char c, bool& is_set) {
      if (!rest.starts_with(c)) return;
      is_set = true;
      rest.remove_prefix(1);
    };
    flag('q', run.two_stage);
    if (rest.starts_with("R") || rest.starts_with("S")) {
      o_.queue_two_stage = o_.queue_two_stage || run.two_stage;
      return select_option(rest.substr(0, 1), rest.substr(1),
                           rest.starts_with("R") ? o_.select_recipient : o_.select_sender);
    }
    flag('i', run.first_only);
    flag('f', run.force);
    if (run.force) flag('f', run.force_frozen);
    flag('l', run.local);
    run.flags = all.substr(0, all.size() - rest.size());
    if (rest.starts_with("G")) {
      const auto slash = rest.find('/');
      run.queue_name = rest.substr(1, slash == std::string_view::npos ? slash : slash - 1);
      if (slash != std::string_view::npos && slash + 1 == rest.size()) return bad(a);
      rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
      if (run.queue_name.empty()) return bad(a);
    }
    if (!rest.empty()) {
      if (!parse_interval(rest, run.interval) || run.interval <= 0) return bad_time(fmt::format("-{}", a));
      o_.periodic.push_back(std::move(run));
      if (o_.mode == Mode::submit || o_.mode == Mode::queue_run) o_.mode = Mode::daemon;
      return {};
    }
    o_.queue_two_stage = o_.queue_two_stage || run.two_stage;
    o_.queue_first_only = o_.queue_first_only || run.first_only;
    o_.queue_force = o_.queue_force || run.force;
    o_.queue_force_frozen = o_.queue_force_frozen || run.force_frozen;
    o_.queue_local = o_.queue_local || run.local;
    if (!run.queue_name.empty()) o_.queue_name = std::move(run.queue_name);
    o_.queue_run_once = true;
    if (o_.mode == Mode::submit) o_.mode = Mode::queue_run;
    return {};
  }

  int argc_;
  char** argv_;
  int at_ = 1;
  bool only_arguments_ = false;
  std::set<Mode> modes_;  ///< that options asked for, beside the last one
  Options o_;
};

}  // namespace

Result<Options> parse_command_line(int argc, char** argv) { return Parser(argc, argv).run(); }

}  // namespace remex::cli
