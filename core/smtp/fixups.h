// Header fixups of reception: the Received: line, removal of delivery headers, and what a message from a local caller
// or a submission client may lack (RFC 6409 8).
#pragma once

#include "acl/acl.h"
#include "lang/scope.h"

namespace remex::smtp {

/// Adds our Received: at the start (received_header_text; the date is appended). Failure to expand: a minimal one,
/// logged.
void add_received_header(lang::Scope& scope, const std::string& primary_hostname);
/// Drops Return-path:, Delivery-date: and Envelope-to: as the options say.
void remove_delivery_headers(lang::Scope& scope);
/// Date:, Message-ID:, From:, Sender: for local and submission messages.
void local_fixups(lang::Scope& scope, const acl::Effects& effects, const std::string& primary_hostname);
/// qualify_domain / qualify_recipient, or the host name.
const std::string& qualify_domain(const lang::Config& config, const std::string& primary_hostname);
const std::string& qualify_recipient(const lang::Config& config, const std::string& primary_hostname);

}  // namespace remex::smtp
