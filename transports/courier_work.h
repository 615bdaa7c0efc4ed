// What a courier's child (or thread) does for transports: writing mailboxes and running commands as the user it has
// become. Blocking code; nothing here knows configuration, fibers or the loop. The asking side is in courier_util.cc,
// the check of requests and the change of user in core/daemon/courier.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/courier.h"

namespace remex::transports {

/// Does the request `f` whose message (if it has one) follows on `fd`; gives the answer. Nullopt: not a transport's
/// request. The answer has "error" (and "errno", "retry") when it failed, and is empty when it was given already.
std::optional<io::Fields> perform_request(const io::Fields& f, int fd);

/// "0" or missing is 0; never throws.
std::int64_t number(const io::Fields& f, const std::string& name, std::int64_t fallback = 0);
std::string text(const io::Fields& f, const std::string& name);
std::vector<std::string> texts(const io::Fields& f, const std::string& stem);  ///< stem0, stem1, ...
io::Fields failure(const Error& e, std::string_view retry = {});

/// Reads the chunks of a message until the empty one. Kind closed: it did not come whole.
Result<std::string> read_message(int fd);

// One function per kind of request. `message` is complete.
/// op=mbox. `tell` gives the answer that it is done, while the mailbox is still locked; when that fails nobody knows of
/// the message, and it is taken out of the mailbox again. The result has "error", or is empty: the answer has been
/// given.
io::Fields append_to_mailbox(const io::Fields& f, std::string_view message,
                             const std::function<Status(const io::Fields&)>& tell);
io::Fields deliver_to_directory(const io::Fields& f, std::string_view message);  ///< op=maildir, plain, mailstore
io::Fields write_queue_files(const io::Fields& f, std::string_view message);     ///< op=queuefile
/// op=command. `asker`: the socket of who waits for the answer; when that has gone, the command has to end soon.
io::Fields run_command(const io::Fields& f, std::string_view message, int asker);
/// op=lmtp: the command gets the socket as its standard input and output after an empty answer; returns at its end.
void run_conversation(const io::Fields& f, int fd);
io::Fields once_or_log(const io::Fields& f);  ///< op=once, log, read (autoreply)

// Quotas.
struct QuotaState {
  std::int64_t size = 0, count = 0;
};
/// maildirsize (Maildir++): the limits of its first line and the sums of the others.
struct MaildirSize {
  std::int64_t quota_size = 0, quota_count = 0;
  QuotaState used;
  int lines = 0;  ///< after the first
};
/// Nullopt: not a maildirsize file, or its sums are negative.
std::optional<MaildirSize> parse_maildirsize(std::string_view text);

}  // namespace remex::transports
