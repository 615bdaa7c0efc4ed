// One switch for the process: do log texts show bytes above 127 as they are (print_topbitchars)?
#pragma once

namespace remex {

/// Set once at start, before other threads exist. Default: such bytes are shown as \ooo.
void show_high_bytes(bool on);

}  // namespace remex
