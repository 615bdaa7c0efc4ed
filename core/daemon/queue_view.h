// How queue entries and stored messages look on standard output: Exim's -bp form, and times for people.
//
// Used by the modes that show the queue. Foreign bytes are escaped.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/daemon/submit_request.h"
#include "core/store/store.h"

namespace remex::daemon {

/// "25m", "3h", "12d": the age column of -bp.
std::string age_text(std::int64_t seconds);
/// " 1.2K", "  345", " 3.4M": the size column of -bp.
std::string size_text(std::uint64_t octets);
/// "3m", "2h5m", "1d4h": a span for people, at most two units; negative spans as zero.
std::string span_text(std::int64_t seconds);

/// What -bp shows below the first line.
enum class Recipients : std::uint8_t {
  all,          ///< -bp: finished ones marked D
  undelivered,  ///< -bpu
  generated,    ///< -bpa: with finished children, marked +D
};

/// -bp and its kin, as `request` asks for them, to `out` in pieces, until it fails. `everything`: also what is not
/// `login`'s. Error, kind failed: it may not be listed, an id is none, or that of `out`. Parks, or blocks outside a
/// fiber.
Status list_queue(store::Store& store, const SubmitRequest& request, bool everything, const std::string& login,
                  const std::function<Status(std::string_view)>& out);

/// One entry of -bp, with the empty line behind it.
std::string queue_entry(const store::QueueEntry& e, std::int64_t now, Recipients which);

}  // namespace remex::daemon
