// The MIME ACL: acl_smtp_mime and acl_not_smtp_mime run once for every part of a message (manual chapter 45).
// Used by core/smtp (reception) and by the conditions decode, mime_regex and regex (acl/words/mime.cc).
//
// Structure is found in one pass over the body; parts are decoded only when asked for, into the spool's scan directory,
// in the thread pool. A message with too many parts, nested too deeply, or whose decoded parts would fill the disk is
// refused: what nobody looked at is not accepted.
#pragma once

#include <cstdint>
#include <string>

#include "acl/word.h"
#include "core/mail/mime.h"

namespace remex::acl {

/// What all parts of one message share.
struct MimeWalk {
  std::uint64_t decoded = 0, decode_limit = 0;  ///< octets written by decoding, and how many may be
  int files = 0;                                ///< sequence number of decoded files
  std::size_t parts = 0;                        ///< seen so far, attached messages included
};

/// The part a MIME ACL looks at now.
struct MimeContext {
  const mail::Body* body = nullptr;
  std::uint64_t begin = 0, end = 0;  ///< its raw content in `body`
  mail::MimeHeader header;
  std::string decoded_path;  ///< after decode
  MimeWalk* walk = nullptr;
};

/// Runs the ACL for all parts. An accepted message gives Verdict::accept; anything else is the verdict that ended it.
/// Does nothing when the option is unset or the message has no Content-Type: header. Parks.
Outcome run_mime_acl(const lang::Expansion& option, lang::Scope& scope, Effects& effects);

/// Decodes the current part into `path`, or into a numbered file below `directory` when `path` is empty; sets the
/// $mime_ variables. Kind defer: no space, no permission, or the limit of decoded octets. Parks.
Status decode_part(lang::Scope& scope, MimeContext& part, const std::string& directory, std::string path);

/// Calls `sink` with consecutive pieces of a range of a body; stops at its first error. Blocking.
Status read_range(const mail::Body& body, std::uint64_t begin, std::uint64_t end,
                  const std::function<Status(std::string_view)>& sink);

}  // namespace remex::acl
