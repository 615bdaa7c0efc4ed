// Which fiber runs: for code that must know itself again when it is entered from what it called.
#pragma once

namespace remex::io {

/// Tells the running fiber from others that live; null outside fibers.
const void* current_fiber();

}  // namespace remex::io
