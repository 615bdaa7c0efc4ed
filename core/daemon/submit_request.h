// What a caller of the command hands to the daemon: a request, then what is on standard input, in frames over the
// socket of submissions (submit_socket.h). Nothing in it is believed about who calls: that is the kernel's to say.
//
// Both directions are frames: one octet that says what it is, four with the length (big-endian), the octets. A request
// is a version, then fields: a tag, a length of four octets, the value. An unknown tag is an error, not passed over.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace remex::daemon {

/// Of a caller's command line, all that has to do with the messages he hands over. Given to the daemon or obeyed by the
/// command itself.
struct SubmitRequest {
  enum class Kind : std::uint8_t {
    message,  ///< -bm, -t
    smtp,     ///< -bs
    batch,    ///< -bS
    list,     ///< -bp...
    remove,   ///< -Mrm
  } kind = Kind::message;
  std::vector<std::string> arguments;  ///< what is not an option
  std::string sender;                  ///< -f
  bool sender_given = false;
  std::string full_name;                 ///< -F
  bool recipients_from_headers = false;  ///< -t
  bool dot_is_data = false;              ///< -oi, -i
  enum class Delivery : std::uint8_t {
    background,
    foreground,
    queue
  } delivery = Delivery::background;       ///< -odb -odf -odq
  bool delivery_given = false;             ///< one of -odX was there
  bool errors_to_stderr = false;           ///< -oep, -oeq
  bool errors_mailed_are_success = false;  ///< -oee
  bool no_qualify = false;                 ///< -bnq
  bool no_delivery = false;                ///< -N
  bool queue_smtp = false;                 ///< -odqs: what goes over SMTP waits for a queue run
  std::int64_t receive_timeout = -1;       ///< -or, seconds
  std::int64_t smtp_timeout = -1;          ///< -os, seconds
  std::string message_reference;           ///< -oMm
  std::string host_address, interface_address, host_name, ident, authenticated_id, authenticator, authenticated_sender,
      protocol;            ///< -oM*
  std::string list_kind;   ///< letters after -bp
  std::string queue_name;  ///< -qG: the named queue, empty is the default one
};

inline constexpr std::size_t kMaxRequest = 1u << 20;        ///< octets of a request
inline constexpr std::size_t kMaxRequestText = 64u << 10;   ///< octets of one of its values
inline constexpr std::size_t kMaxRequestArguments = 50000;  ///< of the command line
inline constexpr std::size_t kMaxList = 64u << 20;          ///< octets of a list of the queue

/// Error: it is larger than a daemon takes.
Result<std::string> encode_request(const SubmitRequest& request);
/// Error: what is wrong with it, for the caller. Whatever the octets are.
Result<SubmitRequest> decode_request(std::string_view octets);

/// What a frame holds.
enum class FrameKind : char {
  request = 'R',  ///< to the daemon: a part of the request
  go = 'G',       ///< the request is whole
  input = 'I',    ///< a part of standard input
  end = 'Z',      ///< standard input has ended: without it nothing of a message is taken
  ready = 'W',    ///< to the caller: there is a place for him; before it no standard input is read or sent
  taken = 'T',    ///< the message is in the queue, whatever becomes of this connection; the delivery may last
  output = 'O',   ///< for standard output
  error = 'E',    ///< for standard error
  status = 'X',   ///< the last one: one octet, the exit status
  busy = 'B',     ///< instead of anything else: too many submissions now, come again
};

inline constexpr std::size_t kFrameHead = 5;
inline constexpr std::size_t kMaxFrame = 64u << 10;  ///< octets in one frame

struct FrameHead {
  FrameKind kind = FrameKind::end;
  std::size_t size = 0;
};
/// Of kFrameHead octets. Error: no such kind, or longer than kMaxFrame.
Result<FrameHead> decode_frame_head(std::string_view octets);
/// A frame with `content`, which is at most kMaxFrame long.
std::string encode_frame(FrameKind kind, std::string_view content);

}  // namespace remex::daemon
