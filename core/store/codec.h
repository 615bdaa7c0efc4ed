// The envelope and the header list as bytes: versioned, self-delimiting, checked when read back.
//
// Used by the store for its blobs. Decoding never trusts a length; a bad blob is an Error (kind failed) naming the
// message.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/mail/envelope.h"
#include "core/mail/message.h"

namespace remex::store {

std::string encode_envelope(const mail::Envelope& e);
/// The id is not in the blob (it is the key of the row) and is left alone.
Status decode_envelope(std::string_view bytes, mail::Envelope& e);

std::string encode_headers(const mail::HeaderList& h);
Status decode_headers(std::string_view bytes, mail::HeaderList& h);

}  // namespace remex::store
