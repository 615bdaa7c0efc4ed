// Freezing a message and thawing it, with a note of who or what froze it (remex why).
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "core/mail/envelope.h"

namespace remex::mail {

/// Of Envelope::saved: what freeze() was told.
inline constexpr const char* kFrozenBy = "frozen_by";

/// `by`: who or what freezes it, "by root".
inline void freeze(Envelope& e, std::int64_t now, std::string by) {
  e.frozen = true;
  e.frozen_at = now;
  e.manual_thaw = false;
  e.saved[kFrozenBy] = std::move(by);
}

/// `by_hand`: by an operator.
inline void thaw(Envelope& e, bool by_hand) {
  e.frozen = false;
  e.frozen_at = 0;
  e.manual_thaw = by_hand;
  e.saved.erase(kFrozenBy);
}

}  // namespace remex::mail
