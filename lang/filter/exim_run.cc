// Obeys the commands of an Exim filter; see exim_run.h and filter.h. Deliveries are only noted; headers and counters
// change at once; logwrite writes at once, as whoever runs this.
#include "lang/filter/exim_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/mail/address.h"
#include "core/mail/address_items.h"
#include "lang/config.h"
#include "lang/confinement.h"
#include "lang/node.h"

namespace remex::lang::filter {
namespace {

constexpr std::size_t kMaxActions = 10000;
constexpr std::int64_t kPureSteps = 20000, kMaxSteps = 5000000;

constexpr std::string_view kLabels[MailPart::parts] = {
    "", "cc", "bcc", "from", "reply_to", "subject", "extra_headers", "text", "file", "log", "once", "once_repeat"};

/// "1d12h" in seconds; nullopt for anything else.
std::optional<std::int64_t> interval(std::string_view s) {
  std::int64_t total = 0, n = -1;
  for (const char c : trim(s)) {
    if (is_digit(c)) {
      n = (n < 0 ? 0 : n) * 10 + (c - '0');
      if (n > 1000000000) return std::nullopt;
      continue;
    }
    const std::int64_t unit = c == 's' ? 1 : c == 'm' ? 60 : c == 'h' ? 3600 : c == 'd' ? 86400 : c == 'w' ? 604800 : 0;
    if (unit == 0 || n < 0) return std::nullopt;
    total += n * unit;
    n = -1;
  }
  return n < 0 ? std::optional(total) : std::nullopt;
}

/// Blocking: one line into the user's log.
Status append_line(const std::string& file, std::int64_t mode, std::string_view line) {
  const auto bits = static_cast<mode_t>(mode < 0 ? 0600 : mode);
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  int fd = ::open(file.c_str(), kFlags | O_CREAT | O_EXCL, bits);
  if (fd >= 0)
    (void)::fchmod(fd, bits);  // the umask is the process's, not the user's
  else if (errno == EEXIST)
    fd = ::open(file.c_str(), kFlags);
  if (fd < 0)
    return fail(fmt::format("failed to open filter log file \"{}\": {} (euid={} egid={})", file, std::strerror(errno),
                            ::geteuid(), ::getegid()));
  const ssize_t n = ::write(fd, line.data(), line.size());
  const int error = errno;
  ::close(fd);
  if (n != static_cast<ssize_t>(line.size()))
    return fail(fmt::format("write error on file \"{}\": {}", file, std::strerror(error)));
  return {};
}

/// Words that a tainted piece of a path would make of it.
bool is_bad_piece(std::string_view path, std::string_view piece) {
  const bool begins_name = path.empty() || path.ends_with('/');
  if (piece.empty()) return false;
  if (piece.find('/') != std::string_view::npos || (begins_name && piece.front() == '.')) return true;
  for (const char c : piece)
    if (static_cast<unsigned char>(c) < 32 || c == 127) return true;
  return path.ends_with('.') && piece.front() == '.';
}

}  // namespace

std::string shown(std::string_view s) {
  std::string out;
  std::size_t from = 0;
  for (std::size_t tab = s.find('\t'); tab != std::string_view::npos; tab = s.find('\t', from)) {
    out += replace_all(printable(s.substr(from, tab - from)), "\\\\", "\\") + "\t";
    from = tab + 1;
  }
  return out + replace_all(printable(s.substr(from)), "\\\\", "\\");
}

std::string Runner::name_of(const Command& c, std::string_view name, bool by_default) {
  if (c.seen < 0 || (c.seen == 1) == by_default) {
    std::string capital(name);
    capital[0] = ascii_upper(capital[0]);
    return capital;
  }
  return fmt::format("{} {}", c.seen == 1 ? "Seen" : "Unseen", name);
}

void Runner::print(std::string line) const {
  if (opt_.testing && opt_.print) opt_.print(line + "\n");
}

Status Runner::step() {
  ++steps_;
  // In the serving process others wait meanwhile.
  const bool late = scope_.confined != nullptr && monotonic_now() > scope_.confined->until;
  if (opt_.pure && (late || steps_ > kPureSteps)) {
    out_.needs_user = true;
    return fail("the filter is a long one");
  }
  if (late || steps_ > kMaxSteps) return fail("the filter takes too long");
  return {};
}

Result<Text> Runner::expand(const Argument& a, std::string_view where) {
  const auto mistake = [&](const std::string& why) {
    return fail(fmt::format("failed to expand \"{}\" in {}: {}", shown(a.text), where, why));
  };
  if (!a.error.empty()) return mistake(a.error);
  auto value = a.compiled.eval(scope_);
  if (opt_.pure && scope_.confined != nullptr && scope_.confined->left) {
    out_.needs_user = true;
    return fail("the filter needs its user");
  }
  if (value) return value;
  if (value.error().kind == ErrorKind::forced_fail) return std::unexpected(value.error());
  return mistake(value.error().text);
}

Result<std::string> Runner::path(const Argument& a, std::string_view where) {
  const Node* root = a.compiled.root();
  if (!a.error.empty() || root == nullptr || root->kind != NodeKind::sequence) {
    REMEX_TRY(const Text whole, expand(a, where));
    if (whole.is_tainted() && is_bad_piece({}, whole.view()))
      return fail(fmt::format("Tainted '{}' (file name in {}) not permitted", shown(whole.view()), where));
    return whole.str();
  }
  std::string out;
  for (const NodePtr& piece : root->children) {
    auto value = eval_node(piece.get(), scope_);
    if (!value || (scope_.confined != nullptr && scope_.confined->left)) {
      REMEX_CHECK(expand(a, where));
      return fail("unexpected");
    }
    if (value->is_tainted() && is_bad_piece(out, value->view()))
      return fail(fmt::format("Tainted '{}' (part of the file name in {}) not permitted", shown(value->view()), where));
    out += value->view();
  }
  return out;
}

std::string Runner::in_home(std::string name) const {
  if (name.empty() || name.starts_with('/') || opt_.system || scope_.address == nullptr || scope_.address->home.empty())
    return name;
  return scope_.address->home + "/" + name;
}

Status Runner::run(const Program& program) {
  for (const Command& c : program) {
    REMEX_CHECK(step());
    if (out_.actions.size() >= kMaxActions) return fail("the filter sets up too many deliveries");
    REMEX_CHECK(obey(c));
    if (stopped_) return {};
  }
  return {};
}

Status Runner::obey(const Command& c) {
  switch (c.verb) {
    case Verb::if_: return branch(c);
    case Verb::add: return add(c);
    case Verb::deliver: return deliver(c);
    case Verb::save: return save(c);
    case Verb::pipe: return pipe(c);
    case Verb::mail:
    case Verb::vacation: return mail(c);
    case Verb::headers: return headers(c);
    case Verb::fail:
    case Verb::defer:
    case Verb::freeze: return verdict(c);
    case Verb::logwrite: return logwrite(c);
    case Verb::finish:
      print(name_of(c, "finish", false));
      if (is_seen(c, false)) out_.significant = true;
      stopped_ = true;
      return {};
    case Verb::logfile: {
      REMEX_TRY(log_file_, path(c.args[0], "logfile command"));
      log_mode_ = c.mode;
      print(fmt::format("{} {}", name_of(c, "logfile", false), shown(log_file_)));
      return {};
    }
    case Verb::testprint: {
      if (!opt_.testing) return {};
      REMEX_TRY(const Text text, expand(c.args[0], "testprint command"));
      print("Testprint: " + shown(text.view()));
      return {};
    }
  }
  return {};
}

Status Runner::branch(const Command& c) {
  const auto before = scope_.extra.find("thisaddress");
  const std::string this_address = before == scope_.extra.end() ? std::string() : before->second;
  const Program* chosen = &c.otherwise;
  for (const Branch& b : c.branches) {
    REMEX_TRY(const bool truth, test(b.condition));
    trace(b.condition, true, truth);
    if (!truth) continue;
    chosen = &b.then;
    break;
  }
  ++depth_;
  const Status done = run(*chosen);
  --depth_;
  scope_.extra["thisaddress"] = this_address;
  return done;
}

Status Runner::add(const Command& c) {
  REMEX_TRY(const Text number, expand(c.args[0], "add command"));
  REMEX_TRY(const Text name, expand(c.args[1], "add command"));
  std::string_view digits = trim(number.view());
  if (digits.starts_with('+')) digits.remove_prefix(1);
  const auto value = parse_int(digits);
  if (!value) return fail(fmt::format("malformed number \"{}\" in \"add\" command", shown(number.view())));
  const std::string_view v = name.view();
  if (v.size() != 2 || v[0] != 'n' || !is_digit(v[1]))
    return fail(fmt::format("unknown variable \"{}\" in \"add\" command", shown(v)));
  print(fmt::format("Add {} to {}", *value, v));
  std::string& counter = scope_.extra[std::string(v)];
  std::int64_t sum = 0;
  if (__builtin_add_overflow(parse_int(counter).value_or(0), *value, &sum)) return fail("a counter is too large");
  counter = std::to_string(sum);
  return {};
}

Result<std::string> Runner::address(std::string_view text) const {
  const auto items = mail::address_items(text);
  const std::string_view bare = trim(text);
  const bool words =
      bare.find_first_of(" \t\n") != std::string_view::npos && bare.find_first_of("<@\"(:,") == std::string_view::npos;
  const auto malformed = [&](std::string_view why) {
    return fail(fmt::format("malformed address \"{}\" in filter file: {}", shown(text), why));
  };
  if (bare.empty() || items.empty()) return malformed("empty address");
  if (words) return malformed("missing or malformed local part (expected word or \"<\")");
  const std::string& error = items.front().error;
  if (!error.empty()) return malformed(error.substr(0, error.find(" (in \"")));
  if (items.size() > 1 || !trim(text.substr(items.front().end)).empty())
    return malformed(fmt::format("malformed address: {} may not follow {}", shown(text.substr(items.front().end)),
                                 shown(text.substr(items.front().begin, items.front().end - items.front().begin))));
  return items.front().address.str();
}

Status Runner::deliver(const Command& c) {
  Action a;
  REMEX_TRY(const Text to, expand(c.args[0], "deliver command"));
  REMEX_TRY(a.target, address(to.view()));
  if (c.args.size() > 1) {
    REMEX_TRY(const Text errors, expand(c.args[1], "deliver command"));
    REMEX_TRY(a.errors_to, address(errors.view()));
    a.has_errors_to = true;
    const AddressState* own = scope_.address;
    if (!opt_.system && !opt_.testing && own != nullptr) {
      const std::string_view domain = scope_.config == nullptr ? "" : scope_.config->main.qualify_domain;
      const std::string given =
          a.errors_to.find('@') == std::string::npos ? fmt::format("{}@{}", a.errors_to, domain) : a.errors_to;
      if (!iequals(given, own->local_part + "@" + own->domain) &&
          !iequals(given, own->cased_local_part + "@" + own->domain))
        return fail("errors_to must point to the caller's address");
      a.errors_to = given;
    }
  }
  a.ignore_errors = c.noerror;
  if (is_seen(c, true)) out_.significant = true;
  if (opt_.testing) {
    std::string shown_to = a.target;
    if (shown_to.find('@') == std::string::npos && scope_.config != nullptr) {
      const auto& m = scope_.config->main;
      shown_to += "@" + (!m.qualify_recipient.empty() ? m.qualify_recipient
                         : !m.qualify_domain.empty()  ? m.qualify_domain
                                                      : m.primary_hostname);
    }
    print(fmt::format("{} message to: {}{}{}", name_of(c, "deliver", true), shown(shown_to),
                      c.noerror ? " (noerror)" : "", a.has_errors_to ? " errors_to " + shown(a.errors_to) : ""));
  }
  out_.actions.push_back(std::move(a));
  return {};
}

Status Runner::save(const Command& c) {
  Action a;
  a.kind = Action::Kind::file;
  REMEX_TRY(a.target, path(c.args[0], "save command"));
  if (a.target.find('\0') != std::string::npos) return fail("NUL in the file name of a save command");
  a.mode = c.mode;
  a.ignore_errors = c.noerror;
  if (is_seen(c, true)) out_.significant = true;
  print(fmt::format("{} message to: {}{}{}", name_of(c, "save", true), shown(a.target),
                    c.mode < 0 ? std::string() : fmt::format(" {:04o}", c.mode), c.noerror ? " (noerror)" : ""));
  if (opt_.prepend_home) a.target = in_home(std::move(a.target));
  out_.actions.push_back(std::move(a));
  return {};
}

Status Runner::pipe(const Command& c) {
  Action a;
  a.kind = Action::Kind::pipe;
  a.target = std::string(trim(c.args[0].text));
  a.ignore_errors = c.noerror;
  a.captures = scope_.captures;
  if (const auto at = scope_.extra.find("thisaddress"); at != scope_.extra.end()) a.this_address = at->second;
  if (is_seen(c, true)) out_.significant = true;
  print(fmt::format("{} message to: {}{}", name_of(c, "pipe", true), shown(c.args[0].text),
                    c.noerror ? " (noerror)" : ""));
  out_.actions.push_back(std::move(a));
  return {};
}

Status Runner::fill_reply(const Command& c, Reply& r, std::vector<std::string>& lines) {
  std::string* const parts[MailPart::parts] = {&r.to,      &r.cc,   &r.bcc,  &r.from, &r.reply_to, &r.subject,
                                               &r.headers, &r.text, &r.file, &r.log,  &r.once,     nullptr};
  for (std::size_t i = 0; i < MailPart::parts; ++i) {
    if ((c.given >> i & 1U) == 0) continue;
    std::string value;
    if (i == MailPart::file || i == MailPart::log || i == MailPart::once) {
      REMEX_TRY(value, path(c.args[i], "mail command"));
    } else {
      REMEX_TRY(const Text text, expand(c.args[i], "mail command"));
      value = text.str();
    }
    if (i <= MailPart::subject)
      for (std::size_t nl = value.find('\n'); nl != std::string::npos; nl = value.find('\n', nl + 1))
        if (nl + 1 >= value.size() || (value[nl + 1] != ' ' && value[nl + 1] != '\t'))
          return fail(fmt::format("\\n not followed by space in \"{}\" in mail command", shown(value)));
    if (i == MailPart::once_repeat) {
      const auto seconds = interval(value);
      if (!seconds && !opt_.testing)
        return fail(fmt::format("failed to decode time value \"{}\" in mail command", shown(value)));
      r.once_repeat = seconds.value_or(0);
      lines.push_back(fmt::format("once_repeat: {}", shown(value)));
    } else {
      if (i != MailPart::to)
        lines.push_back(fmt::format("{:>7}: {}{}", kLabels[i], shown(value),
                                    i == MailPart::file && c.expand_file ? " (expanded)" : ""));
      *parts[i] = std::move(value);
    }
  }
  r.file_expand = c.expand_file;
  r.return_message = c.return_message;
  return {};
}

/// The value of a variable that is not an argument.
std::string Runner::variable(std::string_view name) {
  const VariableDef* def = registries_of(scope_).find_variable(name);
  auto value = def == nullptr || def->get == nullptr ? Result<Text>() : def->get(scope_, name);
  return value ? value->str() : std::string();
}

Status Runner::mail(const Command& c) {
  const bool seen = is_seen(c, false);
  // A bounce is never answered.
  if (seen) out_.significant = true;
  if (variable("return_path").empty()) {
    print(fmt::format("{} command ignored because return_path is empty", c.verb == Verb::mail ? "mail" : "vacation"));
    return {};
  }
  Action a;
  a.kind = Action::Kind::reply;
  a.ignore_errors = true;  // nobody is told that a notice could not be sent
  std::vector<std::string> lines;
  REMEX_CHECK(fill_reply(c, a.reply, lines));
  const bool to_given = (c.given & 1U << MailPart::to) != 0;
  print(fmt::format("{} to: {}{}{}", name_of(c, "mail", false), to_given ? shown(a.reply.to) : "<default>",
                    c.verb == Verb::vacation ? " (vacation)" : "", c.noerror ? " (noerror)" : ""));
  for (std::string& line : lines) print(std::move(line));
  if (c.return_message) print("Return original message");
  Reply& r = a.reply;
  if (!to_given) r.to = variable("reply_address");
  std::vector<std::string> names;
  for (const std::string* header : {&r.to, &r.cc, &r.bcc})
    for (const auto& item : mail::address_items(*header)) {
      if (item.error.empty()) names.push_back(item.address.str());
      a.bad = a.bad || !item.error.empty();
    }
  a.bad = a.bad || names.empty();
  a.target = a.bad ? "**bad-reply**" : join(names, ",");
  r.file = in_home(std::move(r.file));
  r.log = in_home(std::move(r.log));
  r.once = in_home(std::move(r.once));
  out_.actions.push_back(std::move(a));
  return {};
}

Status Runner::headers(const Command& c) {
  auto text = expand(c.args[0], "headers command");
  if (!text && text.error().kind == ErrorKind::forced_fail && c.word == "add") return {};
  if (!text) return std::unexpected(text.error());
  print(fmt::format("Headers {} \"{}\"", c.word, shown(text->view())));
  if (c.word == "charset") {
    scope_.extra["headers_charset"] = text->str();
    return {};
  }
  if (scope_.headers == nullptr) return {};
  if (c.word == "remove") {
    for (std::string_view name : split(text->str(), ':'))
      if (!trim(name).empty()) scope_.headers->remove(trim(name));
    out_.edits.push_back({true, text->str()});
    return {};
  }
  const std::string lines(trim_left(text->view()));
  if (lines.empty()) return {};
  scope_.headers->add(lines);
  out_.edits.push_back({false, lines});
  return {};
}

Status Runner::logwrite(const Command& c) {
  REMEX_TRY(const Text text, expand(c.args[0], "logwrite command"));
  std::string line = text.str();
  if (!line.ends_with('\n')) line += '\n';
  if (is_seen(c, false)) out_.significant = true;
  if (opt_.testing) {
    print(fmt::format("{} \"{}\"", name_of(c, "logwrite", false), shown(line)));
    return {};
  }
  if (opt_.forbid_logwrite) return fail("logwrite command forbidden");
  if (log_file_.empty()) return fail("attempt to obey \"logwrite\" command without a previous \"logfile\"");
  if (opt_.pure) {
    out_.needs_user = true;
    return fail("the filter needs its user");
  }
  if (!log_file_.starts_with('/'))
    return fail(fmt::format("filter log file \"{}\" is not an absolute path", shown(log_file_)));
  return io::Loop::exists() ? io::offload([&] { return append_line(log_file_, log_mode_, line); })
                            : append_line(log_file_, log_mode_, line);
}

Status Runner::verdict(const Command& c) {
  const std::string_view name = c.verb == Verb::fail ? "fail" : c.verb == Verb::defer ? "defer" : "freeze";
  std::string text;
  if (!c.args.empty()) {
    REMEX_TRY(const Text value, expand(c.args[0], fmt::format("{} command", name)));
    text = value.str();
  }
  // A message that somebody thawed by hand is not frozen again.
  if (c.verb == Verb::freeze && scope_.envelope != nullptr && scope_.envelope->manual_thaw) return {};
  print(fmt::format("{} text \"{}\"", name_of(c, name, false), shown(text)));
  out_.verdict = c.verb == Verb::fail    ? Outcome::Verdict::fail
                 : c.verb == Verb::defer ? Outcome::Verdict::defer
                                         : Outcome::Verdict::freeze;
  out_.text = std::move(text);
  stopped_ = true;
  return {};
}

}  // namespace remex::lang::filter
