// See queue_import.h. Messages are taken by several fibers, so that one commit serves many of them.
#include "core/cli/queue_import.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>

#include "core/base/strings.h"
#include "core/cli/exim_spool_source.h"
#include "core/cli/modes.h"
#include "core/io/fiber.h"
#include "core/mail/exim_spool.h"

namespace remex::cli {

namespace {

constexpr const char* kUsage =
    "Usage: remex queue [-C FILE] import [--dry-run] [--move-to DIRECTORY] EXIM-SPOOL-DIRECTORY\n"
    "  --dry-run   read everything and say what is wrong, take nothing\n"
    "  --move-to   move the files of each message that is in this queue now to DIRECTORY (same file system)\n";
constexpr int kFibers = 32;
constexpr std::uint64_t kHeaderFileMax = 64 * 1024 * 1024;  ///< octets of a -H or -J file
constexpr std::size_t kPiece = 64 * 1024;

struct ImportOptions {
  std::string folder, aside;
  bool dry_run = false;
};

/// nullopt: not understood.
std::optional<ImportOptions> parse(const std::vector<std::string>& words) {
  ImportOptions o;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--dry-run") {
      o.dry_run = true;
    } else if (words[i] == "--move-to" && i + 1 < words.size()) {
      o.aside = words[++i];
    } else if (words[i].starts_with('-') || !o.folder.empty()) {
      return std::nullopt;
    } else {
      o.folder = words[i];
    }
  }
  return o.folder.empty() ? std::nullopt : std::optional(o);
}

/// Reads the descriptor from its beginning in pieces.
Status each_piece(int fd, const std::function<Status(std::string_view)>& sink) {
  std::string piece(kPiece, '\0');
  for (off_t at = 0;;) {
    const ssize_t n = ::pread(fd, piece.data(), piece.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(errno, "reading");
    if (n == 0) return {};
    REMEX_CHECK(sink(std::string_view(piece).substr(0, static_cast<std::size_t>(n))));
    at += n;
  }
}

Result<std::string> small_file(int fd) {
  std::string out;
  REMEX_CHECK(each_piece(fd, [&](std::string_view piece) -> Status {
    if (out.size() + piece.size() > kHeaderFileMax) return fail("the file is too long");
    out += piece;
    return {};
  }));
  return out;
}

/// A -D file on its way into a body: the first line goes, line ends become LF (they are CRLF when spool_wireformat was
/// on), and what the envelope says about the body is counted.
class BodyCopy {
 public:
  BodyCopy(store::BodyWriter& out, mail::Envelope& e, const std::string& first_line)
      : out_(out), e_(e), first_line_(first_line + "\n") {}

  Status feed(std::string_view piece) {
    while (!piece.empty() && matched_ < first_line_.size()) {
      if (piece.front() != first_line_[matched_]) return fail("1: the first line is not the name of the file");
      ++matched_;
      piece.remove_prefix(1);
    }
    if (piece.empty()) return {};
    // Line ends become LF. A bare CR becomes a space, as when a message is received.
    std::string text;
    text.reserve(piece.size() + 1);
    for (const char c : piece) {
      if (held_cr_ && c != '\n') text += ' ';
      held_cr_ = c == '\r';
      if (!held_cr_) text += c;
    }
    return put(text);
  }

  Status finish() {
    if (matched_ < first_line_.size()) return fail("1: the first line is not the name of the file");
    if (held_cr_) REMEX_CHECK(put(" "));
    e_.max_line = std::max(e_.max_line, line_);
    return {};
  }

 private:
  Status put(std::string_view text) {
    for (const char c : text) {
      if (c == '\n') {
        ++e_.body_lines;
        e_.max_line = std::max(e_.max_line, line_);
        line_ = 0;
        continue;
      }
      ++line_;
      if (c == '\0') ++e_.body_zeros;
      if (static_cast<unsigned char>(c) > 127) e_.body_8bit = true;
    }
    return out_.write(text);
  }

  store::BodyWriter& out_;
  mail::Envelope& e_;
  std::string first_line_;
  bool held_cr_ = false;
  std::size_t matched_ = 0;
  std::uint64_t line_ = 0;
};

class Import {
 public:
  Import(daemon::Process& p, EximSpoolSource& source, const ImportOptions& o, std::string who)
      : p_(p), source_(source), o_(o), who_(std::move(who)) {}

  int run() {
    io::Nursery nursery;
    for (int i = 0; i < kFibers; ++i)
      nursery.spawn("import", [this] {
        while (!stop_ && one()) {
        }
      });
    if (auto st = nursery.join(); !st) trouble(st.error().text);
    summary();
    return refused_ + locked_ > 0 ? 1 : 0;
  }

 private:
  void trouble(const std::string& text) {
    ++refused_;
    complain(1, printable(text));
  }

  /// False: there is nothing more.
  bool one() {
    auto next = source_.next();
    if (!next) {
      trouble(next.error().text);
      stop_ = stop_ || next.error().kind == ErrorKind::closed;
      return !stop_;
    }
    if (!*next) {
      stop_ = true;
      return false;
    }
    const SpoolFiles& f = **next;
    switch (f.state) {
      case SpoolFiles::State::gone: break;
      case SpoolFiles::State::refused: trouble(f.why); break;
      case SpoolFiles::State::locked:
        ++locked_;
        complain(1, fmt::format("{}/{}-D is locked by a running Exim: left alone", printable(f.directory), f.id));
        break;
      case SpoolFiles::State::ready:
        if (auto st = take(f); !st) {
          trouble(st.error().text);
          // A spool that cannot be written says so once, not for every message.
          stop_ = stop_ || st.error().kind == ErrorKind::defer;
        }
        break;
    }
    return true;
  }

  static std::unexpected<Error> in_file(const SpoolFiles& f, const char* kind, const Error& e) {
    // "12: text" becomes "FILE:12: text".
    const auto digits = e.text.find_first_not_of("0123456789");
    const bool line = digits != std::string::npos && digits > 0 && e.text[digits] == ':';
    return std::unexpected(
        Error{e.kind, fmt::format("{}/{}{}:{}{}", f.directory, f.id, kind, line ? "" : " ", e.text), e.sys_errno});
  }

  Result<mail::EximSpoolMessage> read(const SpoolFiles& f) {
    auto text = small_file(f.header.get());
    if (!text) return in_file(f, "-H", text.error());
    auto m = mail::parse_exim_header_file(*text, f.id);
    if (!m) return in_file(f, "-H", m.error());
    if (f.journal) {
      auto journal = small_file(f.journal.get());
      if (!journal) return in_file(f, "-J", journal.error());
      if (auto st = mail::apply_exim_journal(*journal, *m); !st) return in_file(f, "-J", st.error());
    }
    m->envelope.queue_name = f.queue;
    return m;
  }

  Result<std::shared_ptr<const mail::Body>> body_of(const SpoolFiles& f, mail::EximSpoolMessage& m) {
    auto writer = p_.engine.store->new_body();
    BodyCopy copy(*writer, m.envelope, f.id + "-D");
    Status disk;
    auto st = each_piece(f.data.get(), [&](std::string_view piece) { return copy.feed(piece); });
    if (st) st = copy.finish();
    if (st && m.body_lines && *m.body_lines != m.envelope.body_lines)
      st = fail(fmt::format("{} lines, where {}-H says {}: damaged, or changed by hand", m.envelope.body_lines, f.id,
                            *m.body_lines));
    if (!st) return in_file(f, "-D", st.error());
    return writer->finish();
  }

  Status take(const SpoolFiles& f) {
    REMEX_TRY(auto m, read(f));
    auto& e = m.envelope;
    struct stat data{};
    if (::fstat(f.data.get(), &data) != 0) return fail_errno(errno, f.id + "-D");
    const std::string mark = fmt::format("{} {}", e.received.time_since_epoch().count(), data.st_size);
    REMEX_TRY(const auto noted, p_.engine.store->get_hint("imported", f.id));
    if (noted && *noted == mark) return before(f);
    if (std::all_of(e.recipients.begin(), e.recipients.end(), [](const auto& r) { return r.done; })) {
      ++finished_;
      complain(0, fmt::format("{}/{}-H: every recipient is finished, nothing to take", printable(f.directory), f.id));
      return {};
    }
    for (const auto& word : m.unused) ++unused_[word];
    REMEX_TRY(auto body, body_of(f, m));
    e.size = m.headers.size_bytes() + body->size() + 1;
    if (o_.dry_run) {
      ++taken_;
      return {};
    }
    const std::string id = e.id;
    auto fresh = p_.engine.store->import({std::move(e), std::move(m.headers), std::move(body)}, mark);
    if (!fresh)
      return std::unexpected(
          Error{fresh.error().kind, fmt::format("{}/{}-H: {}", f.directory, f.id, fresh.error().text), 0});
    if (!*fresh) return before(f);
    ++taken_;
    p_.engine.log->write(log::kMain, id, fmt::format("imported from {} by {}", printable(f.directory), who_));
    fmt::print("{}\n", id);
    return aside(f);
  }

  Status before(const SpoolFiles& f) {
    ++before_;
    return aside(f);
  }

  Status aside(const SpoolFiles& f) { return o_.aside.empty() || o_.dry_run ? Status() : source_.set_aside(f); }

  void summary() const {
    std::string text =
        fmt::format("{} message{} {}", taken_, taken_ == 1 ? "" : "s", o_.dry_run ? "can be imported" : "imported");
    const auto also = [&](std::size_t n, const char* what) {
      if (n > 0) text += fmt::format(", {} {}", n, what);
    };
    also(before_, "imported before");
    also(finished_, "finished");
    also(locked_, "locked");
    also(refused_, "refused");
    fmt::print(stderr, "{}\n", text);
    for (const auto& [word, n] : unused_)
      fmt::print(stderr, "not kept, since it has no meaning here: {} ({} times)\n", printable(word), n);
    if (taken_ + before_ > 0 && o_.aside.empty() && !o_.dry_run)
      fmt::print(stderr, "The files are still in {}: an Exim that runs there would deliver these messages again.\n",
                 o_.folder);
  }

  daemon::Process& p_;
  EximSpoolSource& source_;
  const ImportOptions& o_;
  std::string who_;
  bool stop_ = false;
  std::size_t taken_ = 0, before_ = 0, finished_ = 0, locked_ = 0, refused_ = 0;
  std::map<std::string, std::size_t> unused_;
};

}  // namespace

int run_queue_import(const Options& o, const std::shared_ptr<const lang::Config>& config,
                     const std::vector<std::string>& words) {
  const auto options = parse(words);
  if (!options) return complain(EX_USAGE, kUsage);
  auto source = EximSpoolSource::open(options->folder, options->aside);
  if (!source) return complain(EX_NOINPUT, source.error().text);
  const std::string who = find_caller(*config).login;  // before the rights are given up
  return with_process(o, config, false, [&](daemon::Process& p) { return Import(p, **source, *options, who).run(); });
}

}  // namespace remex::cli
