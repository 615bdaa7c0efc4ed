// See smtp_dialogue.h. The forms are those of Exim's -v (tests/oracle/surface/verbose.t compares).
#include "transports/smtp_dialogue.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <cstdio>

#include "core/base/strings.h"

namespace remex::transports {
namespace {

constexpr std::size_t kMaxLog = 2000;

std::atomic<bool> wanted{false};

void tell(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

/// AUTH and its mechanism may be seen, the rest is stars.
std::string starred(std::string_view line) {
  std::size_t open = 0;
  if (istarts_with(line, "AUTH ")) open = std::min(line.find(' ', 5), line.size());
  if (open > 0 && open < line.size()) ++open;
  return std::string(line.substr(0, open)) + std::string(line.size() - open, '*');
}

}  // namespace

void SmtpDialogue::show(bool on) { wanted = on; }

bool SmtpDialogue::shown() { return wanted; }

std::unique_ptr<SmtpDialogue> SmtpDialogue::begin() { return shown() ? std::make_unique<SmtpDialogue>() : nullptr; }

void SmtpDialogue::connecting(std::string_view host, std::string_view ip, int port, std::string_view from,
                              std::string_view trouble) {
  if (!shown()) return;
  tell(fmt::format("Connecting to {} [{}]:{}{}{} ...  {}{}\n", host.empty() ? ip : host, ip, port,
                   from.empty() ? "" : " from ", from, trouble.empty() ? "connected" : "failed: ", trouble));
}

void SmtpDialogue::note(std::string_view word) {
  if (log_.size() + word.size() >= kMaxLog) return;
  if (!log_.empty()) log_ += ':';
  log_ += word;
}

void SmtpDialogue::sent(std::string_view commands, bool secret) {
  while (!commands.empty()) {
    const std::size_t end = std::min(commands.find("\r\n"), commands.size());
    const std::string_view line = commands.substr(0, end);
    commands.remove_prefix(std::min(end + 2, commands.size()));
    const bool more = !commands.empty();
    const bool farewell = line == "QUIT" && greeted_, chunk = line.starts_with("BDAT ");
    const std::string shown = secret ? starred(line) : printable(line);
    if (chunk && !chunks_) tell("         will write message using CHUNKING\n");
    chunks_ = chunks_ || chunk;
    tell(fmt::format("  SMTP{}> {}\n", more ? '|' : farewell || chunk ? '+' : '>', shown));
    note(fmt::format("{}{}", std::string_view(shown).substr(0, shown.find(' ')), more ? "|" : ""));
    if (farewell) tell("  SMTP(shutdown)>>\n");
    quiet_ = line == "QUIT" && !greeted_;
  }
}

void SmtpDialogue::text_begins() { tell("  SMTP>> (writing message)\n"); }

void SmtpDialogue::text_ends() {
  tell("  SMTP>> .\n");
  note(".");
}

void SmtpDialogue::heard(std::string_view line, bool first) {
  if (quiet_) return;
  if (!any_) greeted_ = line.starts_with('2');
  any_ = true;
  tell(fmt::format("{}{}\n", first ? "  SMTP<< " : "         ", printable(line)));
  if (first) note(line.substr(0, line.size() > 3 && line[3] == '-' ? 4 : 3));
}

void SmtpDialogue::lost() {
  if (!quiet_) tell("  SMTP(closed)<<\n");
}

void SmtpDialogue::close() {
  if (closed_) return;
  closed_ = true;
  tell(fmt::format("  SMTP(close)>>\ncmdlog: '{}'\n", log_));
}

}  // namespace remex::transports
