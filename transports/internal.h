// Shared inside transports/: results, and the user a local delivery runs as. Not for other folders.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/io/settler.h"
#include "transports/transport.h"

namespace remex::transports {

std::vector<AddrResult> same_for_all(std::size_t n, const AddrResult& r);
AddrResult deferred_result(std::string message, std::string_view retry_error = {}, int sys_errno = 0);
AddrResult failed_result(std::string message);

/// Who writes the files of a local delivery.
struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  bool change = false;  ///< false: this process already is that user
};

/// Transport user, else router user, else (as root) exim_user. Kind defer, with the reason, when the process cannot
/// become that user or must not (never_users). Parks: the account database is asked in the thread pool.
Result<Identity> find_identity(DeliverContext& ctx, const lang::DriverInstance& t, const routers::Addr& addr);

/// Makes the calling thread act on files as `id` until the end of the block (setfsuid(2) and friends: per thread, so
/// other deliveries are not touched). Only on a thread of the pool, never on the loop's.
class FileIdentity {
 public:
  explicit FileIdentity(const Identity& id);
  ~FileIdentity();
  FileIdentity(const FileIdentity&) = delete;
  FileIdentity& operator=(const FileIdentity&) = delete;
  /// False: the kernel refused; nothing may be written.
  bool ok() const { return ok_; }

 private:
  bool changed_ = false, ok_ = true;
  std::vector<gid_t> saved_groups_;
};

/// One message into a maildir. Filled on the loop, used in a pool thread, so it owns or outlives all it points to.
struct MaildirJob {
  std::string directory;     ///< absolute, checked
  std::string name;          ///< final name in new/
  bool look_in_cur = false;  ///< a repeat: the earlier copy may have been moved there
  Identity identity;
  mode_t mode = 0600, directory_mode = 0700;
  bool create_directory = true;
  bool sync = true;
  bool settle_later = false;  ///< the directory is synced by the caller (MaildirOutcome::unsynced), not here
  std::string head;           ///< prefix and header section with its empty line, as written
  std::shared_ptr<const mail::Body> body;  ///< may be null (headers_only)
  std::string tail;                        ///< message_suffix
  bool crlf = false;
};
struct MaildirOutcome {
  bool repeated = false;  ///< an earlier run had already delivered it
  std::uint64_t bytes = 0;
  io::UnsyncedPtr unsynced;  ///< settle_later: new/, to be synced before the delivery counts
};
/// Writes, syncs, links into new/, syncs new/. When it returns, the message is durable (with settle_later: when
/// `unsynced` was synced too). Errors carry errno.
Result<MaildirOutcome> deliver_to_maildir(const MaildirJob& job);

}  // namespace remex::transports
