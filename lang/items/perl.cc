// ${perl{subroutine}{argument}...}: a Perl interpreter beside the process, never inside it.
//
// Interpreters are started when first needed, run perl_startup once, and wait for the next call; each call has one for
// itself. Talk is length-prefixed over a socket, so no value needs quoting. Exim::expand_string, Exim::log_write and
// Exim::debug_write work. A call that dies fails the expansion with Perl's text, undef is a forced failure; one that
// takes longer than a minute, or breaks the protocol, loses its interpreter and fails the expansion.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/io/stream.h"
#include "lang/config.h"
#include "lang/expand.h"
#include "lang/node.h"
#include "lang/scope.h"

namespace remex::lang {
namespace {

constexpr std::string_view kInterpreter = "/usr/bin/perl";
constexpr Millis kCallTime{60'000};
constexpr std::size_t kIdleInterpreters = 8;

/// What the interpreter runs. Messages both ways: a letter, a length, a newline, the bytes.
constexpr const char* kBootstrap = R"perl(
package Exim;
my $s; open($s, '+<&=', 3) or exit 1; binmode $s; select((select($s), $| = 1)[0]);
sub Exim::Link::put { my ($k, $t) = @_; $t = '' unless defined $t; utf8::encode($t) if utf8::is_utf8($t);
  my $m = $k . length($t) . "\n" . $t; while (length $m) { my $n = syswrite($s, $m); exit 0 unless $n; substr($m, 0, $n) = ''; } }
my $in = '';
sub Exim::Link::get { for (;;) { if ($in =~ /^(.)(\d+)\n/s and length($in) >= length($&) + $2) { my ($k, $t) = ($1, substr($in, length($&), $2));
  substr($in, 0, length($&) + $2) = ''; return ($k, $t); } my $n = sysread($s, $in, 65536, length $in); exit 0 unless $n; } }
sub Exim::expand_string { Exim::Link::put('X', $_[0]); my ($k, $t) = Exim::Link::get(); die "expansion failed: $t\n" if $k ne 'V'; return $t; }
sub Exim::log_write { Exim::Link::put('L', $_[0]); return; }
sub Exim::debug_write { Exim::Link::put('G', join('', @_)); return; }
package main;
my (undef, $startup) = Exim::Link::get();
eval $startup; if ($@) { Exim::Link::put('D', $@); exit 0; }
Exim::Link::put('R', '');
for (;;) { my (undef, $n) = Exim::Link::get(); my @a = map { (Exim::Link::get())[1] } 1 .. $n; my $f = shift @a;
  my $r = eval { no strict 'refs'; &{"main::$f"}(@a) };
  if (my $e = $@) { $e =~ s/ at -e line \d+//; Exim::Link::put("D", $e) } elsif (defined $r) { Exim::Link::put('R', $r) } else { Exim::Link::put('U', '') } }
)perl";

struct Message {
  char kind = 0;
  std::string text;
};

/// One child process and the socket to it. Ends it when destroyed.
class Interpreter {
 public:
  Interpreter(pid_t pid, std::unique_ptr<io::Socket> socket, std::string startup)
      : pid_(pid), socket_(std::move(socket)), startup_(std::move(startup)) {}
  ~Interpreter() {
    socket_.reset();
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  /// The code it began with; a configuration that was read anew may have another.
  const std::string& startup() const { return startup_; }

  Status send(char kind, std::string_view text) {
    return socket_->write_all(fmt::format("{}{}\n{}", kind, text.size(), text));
  }

  Result<Message> receive() {
    for (;;) {
      const std::size_t line = buffer_.find('\n');
      if (line != std::string::npos) {
        const auto size = parse_uint(std::string_view(buffer_).substr(1, line - 1));
        if (!size || *size > kMaxExpanded) return fail("answer of the Perl interpreter is malformed or too long");
        if (buffer_.size() - line - 1 >= *size) {
          Message m{buffer_[0], buffer_.substr(line + 1, *size)};
          buffer_.erase(0, line + 1 + *size);
          return m;
        }
      }
      std::string piece(16384, '\0');
      REMEX_TRY(const std::size_t n, socket_->read_some(piece));
      if (n == 0) return fail(ErrorKind::closed, "the Perl interpreter ended");
      buffer_.append(piece, 0, n);
    }
  }

 private:
  pid_t pid_;
  std::unique_ptr<io::Socket> socket_;
  std::string startup_;
  std::string buffer_;
};

std::string without_newline(std::string s) {
  while (!s.empty() && s.back() == '\n') s.pop_back();
  return s;
}

/// Starts a child with the socket as descriptor 3; nothing else of this process is open in it.
Result<std::unique_ptr<Interpreter>> start(const MainOptions& options) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return fail_errno(errno, "socketpair for Perl");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int fd : {0, 1, 2}) posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&actions, pair[1], 3);
  posix_spawn_file_actions_addclosefrom_np(&actions, 4);
  std::string path(kInterpreter), taint("-T"), flag("-e"), program(kBootstrap), where("PATH=/bin:/usr/bin");
  char* with_taint[] = {path.data(), taint.data(), flag.data(), program.data(), nullptr};
  char* plain[] = {path.data(), flag.data(), program.data(), nullptr};
  char* environment[] = {where.data(), nullptr};
  pid_t pid = 0;
  const int error =
      posix_spawn(&pid, path.c_str(), &actions, nullptr, options.perl_taintmode ? with_taint : plain, environment);
  posix_spawn_file_actions_destroy(&actions);
  close(pair[1]);
  if (error != 0) {
    close(pair[0]);
    return fail_errno(error, fmt::format("start {}", kInterpreter));
  }
  auto made = std::make_unique<Interpreter>(pid, io::Socket::adopt(pair[0]), options.perl_startup);
  REMEX_CHECK(made->send('S', options.perl_startup));
  REMEX_TRY(const Message ready, made->receive());
  if (ready.kind == 'R') return made;
  return fail(ErrorKind::config, without_newline(ready.text));
}

std::vector<std::unique_ptr<Interpreter>>& idle() {
  thread_local std::vector<std::unique_ptr<Interpreter>> all;
  return all;
}

/// What the subroutine asks for while it runs; then its result.
Result<Message> converse(Interpreter& perl, Scope& scope) {
  for (;;) {
    REMEX_TRY(Message m, perl.receive());
    switch (m.kind) {
      case 'X': {
        auto value = expand_once(m.text, scope);
        REMEX_CHECK(value ? perl.send('V', value->view()) : perl.send('F', value.error().text));
        break;
      }
      case 'L':
        if (scope.services != nullptr) scope.services->log(static_cast<int>(LogTarget::main_log), m.text);
        break;
      case 'G':
        if (scope.services != nullptr && scope.services->debugging()) scope.services->debug(m.text);
        break;
      default: return m;
    }
  }
}

Result<Message> call(Scope& scope, const std::vector<Text>& words) {
  const io::DeadlineScope deadline(kCallTime);
  std::erase_if(idle(), [&](const auto& i) { return i->startup() != scope.config->main.perl_startup; });
  std::unique_ptr<Interpreter> perl;
  if (!idle().empty()) {
    perl = std::move(idle().back());
    idle().pop_back();
  } else {
    REMEX_TRY(perl, start(scope.config->main));
  }
  REMEX_CHECK(perl->send('C', std::to_string(words.size())));
  for (const Text& w : words) REMEX_CHECK(perl->send('A', w.view()));
  REMEX_TRY(Message answer, converse(*perl, scope));
  if (idle().size() < kIdleInterpreters) idle().push_back(std::move(perl));
  return answer;
}

Status eval_perl(const Node& node, Scope& scope, Text& out) {
  if (scope.config == nullptr || scope.config->main.perl_startup.empty())
    return fail("a setting of perl_startup is needed when using the Perl interpreter");
  std::vector<Text> words;
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    REMEX_TRY(Text t, eval_arg(node, i, scope));
    words.push_back(std::move(t));
  }
  REMEX_CHECK(refuse_tainted(words[0], "name of a Perl subroutine"));
  if (scope.depth >= kMaxEvalDepth) return fail("expansion is nested too deeply");
  ++scope.depth;
  auto answer = call(scope, words);
  --scope.depth;
  if (!answer) {
    Error e = std::move(answer).error();
    if (e.kind == ErrorKind::timed_out) e.text = fmt::format("Perl subroutine \"{}\" took too long", words[0].view());
    return std::unexpected(std::move(e));
  }
  if (answer->kind == 'D') return fail(without_newline(std::move(answer->text)));
  if (answer->kind == 'U') {
    return fail(ErrorKind::forced_fail,
                fmt::format("Perl subroutine \"{}\" returned undef to force failure", words[0].view()));
  }
  return append_limited(out, Text(std::move(answer->text)));
}

constexpr Example kPerl[] = {
    {"${perl}", "", "Not enough arguments for 'perl' (min is 1)"},
    {"${perl{f}}", "", "a setting of perl_startup is needed when using the Perl interpreter"},
};

constexpr ItemDef defs[] = {
    {.name = "perl",
     .arguments = "{subroutine}{arg}...",
     .summary = "Call a subroutine of perl_startup",
     .doc =
         "In a Perl process of its own. undef is a forced failure, die a failure with its text. The subroutine's value "
         "is trusted: it is the administrator's code that decides what comes out; its name may not be tainted.",
     .taint = TaintRule::cleans,
     .cost = Cost::waits,
     .examples = kPerl,
     .tier = 2,
     .eval = eval_perl,
     .min_args = 1,
     .max_args = 9}};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::items {
extern const std::span<const ItemDef> perl;
constinit const std::span<const ItemDef> perl{lang::defs};
}  // namespace remex::registry::items
