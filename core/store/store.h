// The spool: accepted messages and hints, durable before they are acknowledged (SQLite, WAL, group commit).
//
// One Store object per process opens the database below spool_directory. Writers in one process share a batching
// thread: all operations queued while a commit is under way go into the next one. A call parks the fiber until its
// commit is synced (outside a fiber it blocks). Several processes may have the store open (-bp and -M… while the daemon
// runs). Errors: kind defer (disk full, busy, I/O) with an operator-readable text; nothing half done.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/mail/envelope.h"
#include "core/mail/message.h"

namespace remex::store {

struct StoreOptions {
  std::string directory;  ///< spool_directory; made when missing (mode 0750)
  std::uint64_t body_in_database_max = 256 * 1024;
  bool read_only = false;
  /// The process stays and takes mail from many: the log gets its room in advance, it is copied into the database by a
  /// thread of its own, and body files are written over instead of deleted.
  bool server = false;
};

/// A message as kept.
struct StoredMessage {
  mail::Envelope envelope;
  mail::HeaderList headers;
  std::shared_ptr<const mail::Body> body;
};

/// One line of a queue listing, without loading the message.
struct QueueEntry {
  std::string id;
  std::string sender;
  std::uint64_t size = 0;
  std::int64_t received = 0;      ///< epoch seconds
  bool frozen = false;            ///< also when it is damaged
  bool damaged = false;           ///< set aside: it could not be loaded
  std::int64_t next_attempt = 0;  ///< epoch seconds, 0 = as soon as possible
  std::string queue_name;
  std::string login;  ///< of a local submitter, empty when it came over TCP (only when asked, as what follows)
  struct Recipient {
    std::string address;
    bool done = false;
  };
  std::vector<Recipient> recipients;  ///< the envelope's, in its order
  std::vector<std::string> children;  ///< finished addresses that redirection made
};

/// Receives a large body while it arrives: memory first, then a file in the spool's body directory.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;  ///< removes an unfinished file
  /// Errors: defer (disk full).
  virtual Status write(std::string_view bytes) = 0;
  virtual std::uint64_t size() const = 0;
  /// The finished body. When it is in a file the file is synced (group or offload) before this returns.
  virtual Result<std::shared_ptr<const mail::Body>> finish() = 0;
};

/// A retry hint. Keys as in Exim: "T:host:ip[:port]", "R:domain", "R:local@domain", "T:address", "T:host:ip:msgid".
struct RetryRecord {
  std::string key;
  std::string error_text;
  std::string error;  ///< retry-rule error word
  std::int64_t first_failed = 0, last_try = 0, next_try = 0;
  bool expired = false;
  std::string told;  ///< what senders may know of the error; often nothing
};

/// Exclusive right to work on a message, across processes. Released on destruction.
class Claim {
 public:
  virtual ~Claim() = default;
  /// Not released on destruction, but when this process and all that hold lock_descriptor() have ended.
  virtual void keep() = 0;
};

class Store {
 public:
  static Result<std::shared_ptr<Store>> open(const StoreOptions& opt);
  virtual ~Store() = default;

  virtual std::unique_ptr<BodyWriter> new_body() = 0;
  /// Durable when it returns: envelope, headers and body, all recipients. This is what 250 after DATA means.
  virtual Status insert(const StoredMessage& m) = 0;
  /// As insert, for a message out of another program's queue, with a note that it was taken (kept for ten years,
  /// whatever becomes of the message). `mark` tells it from others of the same id. False, with nothing stored: this
  /// very message was taken before. Errors: failed when another message has, or had, its id.
  virtual Result<bool> import(const StoredMessage& m, const std::string& mark) = 0;
  /// Errors: not_found; defer (too many open files, the disk); failed when what is kept of it is damaged.
  virtual Result<StoredMessage> load(const std::string& id) = 0;
  /// A damaged message is set aside, without loading it: listings show it as frozen and damaged, and nobody is offered
  /// it any more until load() and update() have taken it again. It can be removed. Where the database refuses even that
  /// mark, this process leaves it alone for an hour. False: it was set aside before.
  virtual Result<bool> set_aside(const std::string& id) = 0;
  /// due() and ids() of this process pass it over for that long: looking at it again at once would be of no use.
  virtual void leave_alone(const std::string& id, Millis time) = 0;
  /// The message is in the store as it is here (envelope and headers; bodies never change). False also when there is no
  /// such message, and when that cannot be told.
  virtual bool unchanged(const StoredMessage& m) = 0;
  /// Durable update of the changeable part: recipients' done flags, non_recipients, frozen, warnings, next attempt.
  virtual Status update(const mail::Envelope& e, std::int64_t next_attempt) = 0;
  /// As update, for sender/recipient edits and header changes too.
  virtual Status replace(const StoredMessage& m, std::int64_t next_attempt) = 0;
  /// For what update() (`with_headers`: replace()) could not write: queued, and tried until the disk takes it or this
  /// process ends. Then `done` (any thread): false when it cannot be written for a reason of its own, as when the
  /// message is gone. Whoever holds the message's claim in `done` keeps others from it until then.
  virtual Status record_later(const StoredMessage& m, bool with_headers, std::int64_t next_attempt,
                              std::function<void(bool)> done) = 0;
  /// Deletes rows and body file. `wait_for_disk` false: queued with the next commit (after delivery, where a repeat is
  /// harmless); any thread may ask for that.
  virtual Status remove(const std::string& id, bool wait_for_disk) = 0;
  /// A removal of this message that was not waited for is on the disk when this returns; most have been for long, and
  /// then it costs nothing. Error: the disk refuses it so far. Parks.
  virtual Status await_removal(const std::string& id) = 0;
  /// Of a long queue only what is asked for is kept in memory.
  using Wanted = std::function<bool(const QueueEntry&)>;
  /// The queue in the order of the ids: what is `wanted` (empty: everything), which may not use the store.
  virtual Result<std::vector<QueueEntry>> list(bool with_recipients, const Wanted& wanted) = 0;
  Result<std::vector<QueueEntry>> list(bool with_recipients) { return list(with_recipients, nullptr); }
  virtual Result<std::int64_t> count() = 0;
  /// Which frozen messages a search for due ones finds: all, none, or those that came at these times or before (epoch
  /// seconds).
  struct Frozen {
    bool all = false;
    std::int64_t came = -1;          ///< of any sender
    std::int64_t bounces_came = -1;  ///< of those without a sender
    // NOLINTNEXTLINE(google-explicit-constructor): yes and no are what most ask for
    Frozen(bool every = false) : all(every) {}
    bool any() const { return all || came >= 0 || bounces_came >= 0; }
  };
  /// Where a search for due messages goes on.
  struct DuePlace {
    std::int64_t next_attempt = 0;
    std::string id;
    bool begun = false, frozen = false;
  };
  /// Ids whose next attempt is due, at most n, not frozen (unless asked), not set aside, not claimed, in the order in
  /// which they fell due; frozen ones come last, oldest first. `retries_only`: only those that were given a time by an
  /// attempt, not those that wait for a queue run. `place`: goes on behind it, and moves it; fewer than n then mean the
  /// end.
  virtual Result<std::vector<std::string>> due(std::int64_t now, std::size_t n, Frozen frozen,
                                               const std::string& queue_name, bool retries_only = false,
                                               DuePlace* place = nullptr) = 0;
  /// Where a walk through the queue goes on, and where it ends.
  struct Walk {
    std::string id, last;
    bool begun = false;
  };
  /// The next ids of a walk over the messages that were there when it began, oldest first, at most n, not set aside,
  /// not claimed; fewer than n mean the end.
  virtual Result<std::vector<std::string>> ids(std::size_t n, bool include_frozen, const std::string& queue_name,
                                               Walk& walk) = 0;
  /// nullptr when another process or fiber has it.
  virtual Result<std::unique_ptr<Claim>> claim(const std::string& id) = 0;
  /// What this process's claims hang on: whoever gets a copy keeps those that were not given back when the process
  /// died, until it dies itself. The store's; -1: there are none.
  virtual int lock_descriptor() const = 0;

  /// Per-message log (-Mvl). Appended without waiting for the disk.
  virtual void message_log(const std::string& id, std::string_view line) = 0;
  virtual Result<std::string> read_message_log(const std::string& id) = 0;

  virtual Result<std::optional<RetryRecord>> get_retry(const std::string& key) = 0;
  virtual Status put_retry(const RetryRecord& r) = 0;  ///< no wait for the disk: hints may be lost
  virtual Status delete_retry(const std::string& key) = 0;
  virtual Result<std::vector<RetryRecord>> all_retry() = 0;

  /// Generic hints (callout cache, ratelimit, seen): table name, key → value, expiry by the caller.
  virtual Result<std::optional<std::string>> get_hint(const std::string& table, const std::string& key) = 0;
  virtual Status put_hint(const std::string& table, const std::string& key, const std::string& value) = 0;
  /// As put_hint for what must not be forgotten before `until` (epoch seconds).
  virtual Status keep_hint(const std::string& table, const std::string& key, const std::string& value,
                           std::int64_t until) = 0;
  /// Forgets retry records last tried before `retry_before` and hints last written (or to be kept until) before
  /// `hints_before`, epoch seconds. Works in small pieces and parks between them.
  virtual Status tidy(std::int64_t retry_before, std::int64_t hints_before) = 0;
  /// Strangers choose many keys, so that age alone is no bound: beyond so many records of the retry hints, and of each
  /// other table of hints, the oldest are forgotten (at least 16 are kept). Looked at after some writes, so a table may
  /// be larger by a tenth for a while. Any thread.
  virtual void set_hints_max(std::size_t records) = 0;
  /// How many records went for that reason since the last call, by table ("retry", "callout" ...). Any thread.
  virtual std::vector<std::pair<std::string, std::uint64_t>> take_hints_dropped() = 0;
  /// Everything in a table of hints, by key (exim_dumpdb).
  virtual Result<std::vector<std::pair<std::string, std::string>>> all_hints(const std::string& table) = 0;

  /// PRAGMA integrity_check; error text names the damage.
  virtual Status check() = 0;
  /// list(), ids() and due() go around damaged pages of envelopes, without the messages on them: what they met, for the
  /// operator, at most once an hour; else empty.
  virtual std::string take_damage() = 0;
};

}  // namespace remex::store
