// See obsolete_names.h. Main options of Exim 3 that became ACLs and named lists, and names removed since.
#include "lang/obsolete_names.h"

#include <algorithm>
#include <iterator>

namespace remex::lang {
namespace {

struct Old {
  std::string_view name, now;
};

constexpr Old kOld[] = {
    {"local_domains", "a named list now: domainlist local_domains = ..., used by routers and ACLs"},
    {"local_domains_include_host", "\"@\" in a domain list is the host's name now"},
    {"local_domains_include_host_literals", "\"@[]\" in a domain list now"},
    {"relay_domains", "a named list now: domainlist relay_to_domains = ..., used in acl_smtp_rcpt"},
    {"relay_domains_include_local_mx", "\"@mx_any\" in a domain list now"},
    {"host_accept_relay", "\"accept hosts = ...\" in acl_smtp_rcpt now"},
    {"host_auth_accept_relay", "\"accept authenticated = *\" in acl_smtp_rcpt now"},
    {"sender_address_relay", "\"accept senders = ...\" in acl_smtp_rcpt now"},
    {"tls_host_accept_relay", "\"accept encrypted = *\" in acl_smtp_rcpt now"},
    {"tls_hosts", "\"encrypted\" in an ACL now"},
    {"auth_hosts", "\"authenticated\" in an ACL now"},
    {"auth_over_tls_hosts", "auth_advertise_hosts with a condition on $tls_in_cipher now"},
    {"auth_always_advertise", "auth_advertise_hosts now"},
    {"host_reject", "\"deny hosts = ...\" in an ACL now"},
    {"host_reject_recipients", "\"deny hosts = ...\" in acl_smtp_rcpt now"},
    {"rbl_domains", "\"deny dnslists = ...\" in acl_smtp_rcpt now"},
    {"rbl_hosts", "\"hosts\" in an ACL now"},
    {"rbl_reject_recipients", "\"dnslists\" in acl_smtp_rcpt now"},
    {"rbl_warn_header", "\"warn dnslists = ...\" with add_header in an ACL now"},
    {"recipients_reject_except", "\"accept\" in acl_smtp_rcpt now"},
    {"sender_reject", "\"deny senders = ...\" in an ACL now"},
    {"sender_reject_recipients", "\"deny senders = ...\" in acl_smtp_rcpt now"},
    {"sender_verify", "\"require verify = sender\" in an ACL now"},
    {"sender_verify_reject", "\"require verify = sender\" in an ACL now"},
    {"sender_verify_hosts", "\"verify = sender\" in an ACL now"},
    {"sender_try_verify", "\"warn !verify = sender\" in an ACL now"},
    {"sender_verify_hosts_callback", "\"verify = sender/callout\" in an ACL now"},
    {"receiver_verify", "\"require verify = recipient\" in acl_smtp_rcpt now"},
    {"receiver_verify_hosts", "\"verify = recipient\" in acl_smtp_rcpt now"},
    {"receiver_try_verify", "\"warn !verify = recipient\" in an ACL now"},
    {"receiver_unqualified_hosts", "recipient_unqualified_hosts now"},
    {"headers_check_syntax", "\"require verify = header_syntax\" in acl_smtp_data now"},
    {"headers_sender_verify", "\"require verify = header_sender\" in acl_smtp_data now"},
    {"log_level", "log_selector now"},
    {"log_all_parents", "log_selector = +all_parents now"},
    {"log_arguments", "log_selector = +arguments now"},
    {"log_received_recipients", "log_selector = +received_recipients now"},
    {"log_received_sender", "log_selector = +received_sender now"},
    {"log_refused_recipients", "always logged now"},
    {"log_rewrites", "log_selector = +address_rewrite now"},
    {"log_smtp_connections", "log_selector = +smtp_connection now"},
    {"log_smtp_confirmation", "log_selector = +smtp_confirmation now"},
    {"log_smtp_syntax_errors", "log_selector = +smtp_syntax_error now"},
    {"log_subject", "log_selector = +subject now"},
    {"log_incoming_port", "log_selector = +incoming_port now"},
    {"log_interface", "log_selector = +incoming_interface now"},
    {"log_queue_run_level", "log_selector = +queue_run now"},
    {"smtp_verify", "acl_smtp_vrfy now"},
    {"smtp_expn_hosts", "acl_smtp_expn now"},
    {"smtp_etrn_hosts", "acl_smtp_etrn now"},
    {"refuse_ip_options", "the kernel refuses them now"},
    {"kill_ip_options", "the kernel refuses them now"},
    {"log_ip_options", "the kernel refuses them now"},
    {"forbid_domain_literals", "allow_domain_literals now, off by default"},
    {"errors_address", "mail to \"postmaster\" is routed like any other now"},
    {"errmsg_text", "bounce_message_text now"},
    {"errmsg_file", "bounce_message_file now"},
    {"warnmsg_file", "warn_message_file now"},
    {"freeze_tell_mailmaster", "freeze_tell now"},
    {"timestamps_utc", "timezone = UTC now"},
    {"message_size_limit_count_recipients", "a limit on $message_size in acl_smtp_data now"},
    {"queue_remote", "queue_domains or \"control = queue_only\" now"},
    {"queue_remote_domains", "queue_domains now"},
    {"queue_smtp", "queue_smtp_domains = * now"},
    {"remote_sort", "remote_sort_domains now"},
    {"security", "deliver_drop_privilege now"},
    {"ignore_errmsg_errors", "ignore_bounce_errors_after now"},
    {"ignore_errmsg_errors_after", "ignore_bounce_errors_after now"},
    {"tls_verify_ciphers", "tls_require_ciphers now"},
    {"daemon_smtp_service", "daemon_smtp_ports now"},
    {"dkim_verify_hosts", "dkim_verify_signers, or \"control = dkim_disable_verify\" now"},
    {"spf_smtp_comment", "spf_smtp_comment_template now"},
    {"debug_transport", "debug_print in the driver now"},
    {"require_owners", "check_owner and owners now"},
    {"prefix", "local_part_prefix now"},
    {"prefix_optional", "local_part_prefix_optional now"},
    {"suffix", "local_part_suffix now"},
    {"suffix_optional", "local_part_suffix_optional now"},
    {"new_director", "redirect_router now"},
    {"self_router", "pass_router with self = pass now"},
    {"host_find_failed_router", "pass_router with host_find_failed = pass now"},
    {"current_director", "the routers are one list now"},
    {"file_directory", "directory now"},
    {"maildir", "maildir_format now"},
    {"bsmtp", "use_bsmtp with message_prefix and message_suffix now"},
    {"batch", "batch_max now"},
    {"from_hack", "check_string and escape_string now"},
    {"prefix_text", "message_prefix now"},
    {"suffix_text", "message_suffix now"},
    {"authenticate_hosts", "hosts_require_auth or hosts_try_auth now"},
    {"service", "port now"},
    {"batch_max_messages", "connection_max_messages now"},
};

}  // namespace

std::string_view replacement_for(std::string_view option) {
  const auto* it = std::find_if(std::begin(kOld), std::end(kOld), [&](const Old& o) { return o.name == option; });
  return it == std::end(kOld) ? std::string_view() : it->now;
}

}  // namespace remex::lang
