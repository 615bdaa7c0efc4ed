// -v: the dialogue with another server on standard error, as Exim shows it. One object belongs to one connection; there
// is none where nobody asked. Whoever has the connection calls it; never parks. Private to transports/; core/daemon
// switches it on.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace remex::transports {

class SmtpDialogue {
 public:
  /// For this process, before the first connection.
  static void show(bool on);
  static bool shown();
  /// For a new connection; null when it is not to be shown.
  static std::unique_ptr<SmtpDialogue> begin();
  /// "Connecting to HOST [IP]:PORT from ADDRESS ...  connected"; `trouble` says why not, `from` may be empty.
  static void connecting(std::string_view host, std::string_view ip, int port, std::string_view from,
                         std::string_view trouble);

  /// Commands that go out in one write, each with CRLF: all but the last wait for no answer. Of a secret only the
  /// length is shown.
  void sent(std::string_view commands, bool secret);
  void text_begins();
  void text_ends();
  /// One line of an answer, without its end.
  void heard(std::string_view line, bool first);
  /// The server ended the connection.
  void lost();
  /// So do we; only the first call counts.
  void close();

 private:
  void note(std::string_view word);
  std::string log_;  ///< what was said in short, bounded
  bool greeted_ = false, chunks_ = false, any_ = false, quiet_ = false, closed_ = false;
};

}  // namespace remex::transports
