// Parsing of the command line. Sendmail options that mean nothing here are taken silently, as Exim takes them.

#include "core/cli/options.h"

#include <fmt/core.h>

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
    if (o_.program == "remex" && argc_ > 1 && subcommand()) return o_;
    bool only_arguments = false;
    for (at_ = 1; at_ < argc_; ++at_) {
      const std::string_view a = argv_[at_];
      if (only_arguments || a.size() < 2 || a.front() != '-') {
        o_.arguments.emplace_back(a);
      } else if (a == "--") {
        only_arguments = true;
      } else {
        REMEX_CHECK(option(a.substr(1)));
      }
    }
    return o_;
  }

 private:
  bool subcommand() {
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
      else if (a.starts_with("-D"))
        (void)macro(a.substr(2));
      else
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

  Status macro(std::string_view text) {
    const auto eq = text.find('=');
    const std::string_view name = trim(text.substr(0, eq));
    if (name.empty() || !(name.front() >= 'A' && name.front() <= 'Z'))
      return fail(fmt::format("{}: option -D{}: macro names begin with an upper-case letter", o_.program, text));
    o_.macros[std::string(name)] = eq == std::string_view::npos ? "" : std::string(trim(text.substr(eq + 1)));
    return {};
  }

  Status option(std::string_view a) {
    const std::string_view rest = a.substr(1);
    switch (a.front()) {
      case 'b': return b_option(a);
      case 'B':
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
      case 'R': return select_option(a, rest, o_.select_recipient);
      case 'S': return select_option(a, rest, o_.select_sender);
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
        REMEX_TRY(o_.log_text, value(a, rest));
        return {};
      }
      case 'p':
        if (a == "ps" || a == "pd") return {};  // Perl runs beside the process; there is nothing to start
        if (rest.empty()) return bad(a);
        o_.protocol = rest.substr(0, rest.find(':'));
        if (const auto colon = rest.find(':'); colon != std::string_view::npos) o_.host_name = rest.substr(colon + 1);
        return {};
      case 'A':
      case 'm':
      case 'U':
      case 'x':
      case 'G': return {};
      case 'e': return {};  // -ex: forms of -oe; the default is right
      case 'X':
        if (rest.empty()) REMEX_CHECK(value(a, rest));
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
      REMEX_TRY(o_.bi_argument, value(a, rest.substr(1)));
    } else if (rest == "B") {  // the number may be left out
      if (at_ + 1 < argc_ && parse_uint(argv_[at_ + 1])) ++at_;
    } else if (rest.starts_with("B")) {
      if (!parse_uint(rest.substr(1))) return bad(a);
    } else if (rest.starts_with("s")) {
      REMEX_TRY(const std::string time, value(a, rest.substr(1)));
      if (!parse_interval(time, o_.smtp_timeout)) return bad(a);
    } else if (rest.starts_with("r")) {
      REMEX_TRY(const std::string time, value(a, rest.substr(1)));
      if (!parse_interval(time, o_.receive_timeout)) return bad(a);
    } else if (rest.starts_with("X")) {
      REMEX_TRY(o_.listen_override, value(a, rest.substr(1)));
    } else if (rest.starts_with("P")) {
      REMEX_TRY(o_.pid_file, value(a, rest.substr(1)));
    } else if (rest.starts_with("M")) {
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
      if (where == nullptr) return bad(a);
      REMEX_TRY(*where, value(a, ""));
      if ((rest == "Ma" || rest == "Mi") && !is_host(*where))
        return fail(fmt::format("{} abandoned: \"{}\" is not an IP address", o_.program, printable(*where)));
      if (rest == "Mm" && !is_message_id(*where)) return fail("-oMm must be a valid message ID");
    } else {
      return bad(a);
    }
    return {};
  }

  /// ADDRESS or ADDRESS.PORT.
  static bool is_host(const std::string& s) {
    const auto dot = s.rfind('.');
    return mail::is_ip_address(s) ||
           (dot != std::string::npos && mail::is_ip_address(s.substr(0, dot)) && parse_uint(s.substr(dot + 1)));
  }

  /// -R[r][f[f]] TEXT and -S: one queue run over the messages whose recipients or sender contain it.
  Status select_option(std::string_view a, std::string_view rest, Options::Select& s) {
    std::string_view flags = rest;
    const bool all_flags = flags == "f" || flags == "ff" || flags == "r" || flags == "rf" || flags == "rff";
    if (all_flags || flags.empty()) {
      s.is_regex = flags.starts_with("r");
      if (s.is_regex) flags.remove_prefix(1);
      o_.queue_force = o_.queue_force || flags.starts_with("f");
      o_.queue_force_frozen = o_.queue_force_frozen || flags == "ff";
      REMEX_TRY(s.text, value(a, ""));
    } else {
      s.text = rest;
    }
    s.given = true;
    if (o_.mode != Mode::daemon) o_.mode = Mode::queue_run;
    return {};
  }

  Status q_option(std::string_view a, std::string_view rest) {
    if (rest.starts_with("q")) o_.queue_two_stage = true, rest.remove_prefix(1);
    if (rest.starts_with("R")) return select_option(a, rest.substr(1), o_.select_recipient);
    if (rest.starts_with("S")) return select_option(a, rest.substr(1), o_.select_sender);
    if (rest.starts_with("i")) o_.queue_first_only = true, rest.remove_prefix(1);
    if (rest.starts_with("f")) o_.queue_force = true, rest.remove_prefix(1);
    if (rest.starts_with("f")) o_.queue_force_frozen = true, rest.remove_prefix(1);
    if (rest.starts_with("l")) o_.queue_local = true, rest.remove_prefix(1);
    if (rest.starts_with("G")) {
      const auto slash = rest.find('/');
      o_.queue_name = rest.substr(1, slash == std::string_view::npos ? slash : slash - 1);
      rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
      if (o_.mode == Mode::list_queue || o_.mode == Mode::message) return {};  // which queue, not a run
      if (slash != std::string_view::npos && rest.empty()) return bad(a);
    }
    if (rest.empty()) {
      if (o_.mode == Mode::submit) o_.mode = Mode::queue_run;
      return {};
    }
    if (!parse_interval(rest, o_.queue_interval) || o_.queue_interval <= 0) return bad(a);
    if (o_.mode == Mode::submit) o_.mode = Mode::daemon;
    return {};
  }

  int argc_;
  char** argv_;
  int at_ = 1;
  Options o_;
};

}  // namespace

Result<Options> parse_command_line(int argc, char** argv) { return Parser(argc, argv).run(); }

}  // namespace remex::cli
