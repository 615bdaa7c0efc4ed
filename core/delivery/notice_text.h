// Texts of bounces and warnings that the administrator changed: template files and copies (bounce_message_file,
// warn_message_file, errors_copy). Private to core/delivery.
#pragma once

#include <string>
#include <vector>

#include "core/delivery/delivery.h"
#include "core/mail/message.h"
#include "lang/expand.h"

namespace remex::delivery {

/// The items of a template file (separated by lines of four asterisks), each expanded, exactly `count` of them. An
/// empty one means: use the built-in text. When the file cannot be used at all that is said in the main and panic logs
/// and all are empty. Parks (expansion, and reading a small file).
std::vector<std::string> template_items(Engine& eng, const lang::Expansion& file, std::size_t count,
                                        lang::Scope& scope);

/// Adds the header lines of a template's first item; lines that are none are left out and reported to the panic log.
/// False when there is no Subject: among them.
bool add_template_headers(Engine& eng, const std::string& item, mail::HeaderList& headers);

/// errors_copy: who gets a copy of a bounce to `recipient` (the first pattern that matches it decides). Parks.
std::vector<std::string> copies_for(Engine& eng, const std::string& recipient);

}  // namespace remex::delivery
