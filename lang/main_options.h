// The main options: one member per option, named like the option, with Exim's default. The rows that bind them are in
// lang/options/. Who needs a setting says config.main.<name>.
//
// Expansions and match lists that have a default get it when a configuration is loaded (a default-constructed
// MainOptions has them unset). daemon_smtp_port and return_size_limit are old names bound to daemon_smtp_ports and
// bounce_return_size_limit. Strings and lists Exim expands "once, right after the configuration is read"
// (spool_directory, log_file_path, pid_file_path, never_users, ...) hold the expanded text. Fixed-point and load
// options: -1 is unset. spool_directory and friends: an empty pid_file_path, log_file_path, process_log_path means the
// place below the spool.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lang/expand.h"
#include "lang/list.h"

namespace remex::lang {

struct MainOptions {
  // hooks: which ACL judges which event
  Expansion acl_not_smtp;
  Expansion acl_not_smtp_mime;
  Expansion acl_not_smtp_start;
  Expansion acl_smtp_atrn;
  Expansion acl_smtp_auth;
  Expansion acl_smtp_connect;
  Expansion acl_smtp_data;
  Expansion acl_smtp_data_prdr;
  Expansion acl_smtp_dkim;
  Expansion acl_smtp_etrn;
  Expansion acl_smtp_expn;
  Expansion acl_smtp_helo;
  Expansion acl_smtp_mail;
  Expansion acl_smtp_mailauth;
  Expansion acl_smtp_mime;
  Expansion acl_smtp_notquit;
  Expansion acl_smtp_predata;
  Expansion acl_smtp_quit;
  Expansion acl_smtp_rcpt;
  Expansion acl_smtp_starttls;
  Expansion acl_smtp_vrfy;
  Expansion acl_smtp_wellknown;

  // TLS on the listening side
  bool gnutls_allow_auto_pkcs11 = false;
  bool gnutls_compat_mode = false;
  Expansion gnutls_require_kx;
  Expansion gnutls_require_mac;
  Expansion gnutls_require_protocols;
  std::vector<std::string> openssl_options{"+no_sslv2", "+no_sslv3", "+single_dh_use", "+no_ticket",
                                           "+no_renegotiation"};
  MatchList tls_advertise_hosts;
  Expansion tls_alpn;
  Expansion tls_certificate;
  Expansion tls_crl;
  std::int64_t tls_dh_max_bits = 2236;
  Expansion tls_dhparam;
  MatchList tls_early_banner_hosts;
  Expansion tls_eccurve;
  Expansion tls_ocsp_file;
  std::vector<std::string> tls_on_connect_ports;
  Expansion tls_privatekey;
  bool tls_remember_esmtp = false;
  Expansion tls_require_ciphers;
  MatchList tls_resumption_hosts;
  MatchList tls_try_verify_hosts;
  Expansion tls_verify_certificates;
  MatchList tls_verify_hosts;

  // DKIM, DMARC and SPF
  std::vector<std::string> dkim_verify_hashes{"sha256", "sha512"};
  std::vector<std::string> dkim_verify_keytypes{"ed25519", "rsa"};
  std::vector<std::string> dkim_verify_min_keysizes{"rsa=1024", "ed25519=250"};
  bool dkim_verify_minimal = false;
  MatchList dkim_verify_signers;
  Expansion dmarc_forensic_sender;
  Expansion dmarc_history_file;
  Expansion dmarc_tld_file;
  std::string spf_guess = "v=spf1 a/24 mx/24 ptr ?all";
  Expansion spf_smtp_comment_template;

  // name resolution
  bool allow_mx_to_ip = false;
  bool disable_ipv6 = false;
  MatchList dns_again_means_nonexist;
  std::string dns_check_names_pattern = "(?i)^(?>(?(1)\\.|())[^\\W](?>[a-z0-9/_-]*[^\\W])?)+(\\.?)$";
  std::int64_t dns_cname_loops = 1;
  std::int64_t dns_csa_search_limit = 5;
  bool dns_csa_use_reverse = true;
  std::int64_t dns_dane_ok = -1;
  std::int64_t dns_dnssec_ok = -1;
  MatchList dns_ipv4_lookup;
  std::int64_t dns_retrans = 0;
  std::int64_t dns_retry = 0;
  MatchList dns_trust_aa;
  std::int64_t dns_use_edns0 = -1;
  MatchList helo_lookup_domains;
  MatchList host_lookup;
  std::vector<std::string> host_lookup_order{"bydns", "byaddr"};
  MatchList rfc1413_hosts;
  std::int64_t rfc1413_query_timeout = 0;
  std::int64_t rfc1413_port = 113;

  // lookup drivers
  std::int64_t finduser_retries = 0;
  std::string ldap_ca_cert_dir;
  std::string ldap_ca_cert_file;
  std::string ldap_cert_file;
  std::string ldap_cert_key;
  std::string ldap_cipher_suite;
  std::vector<std::string> ldap_default_servers;
  std::string ldap_require_cert;
  bool ldap_start_tls = false;
  std::int64_t ldap_version = -1;
  std::int64_t lookup_open_max = 25;
  std::vector<std::string> mysql_servers;
  std::vector<std::string> oracle_servers;
  std::vector<std::string> pgsql_servers;
  std::vector<std::string> redis_servers;
  Expansion sqlite_dbfile;
  std::int64_t sqlite_lock_timeout = 5;

  // logs
  bool debug_store = false;
  MatchList hosts_connection_nolog;
  std::vector<std::string> log_file_path;
  std::vector<std::string> log_ports{"*"};
  std::string log_selector;
  bool log_timezone = false;
  bool message_logs = true;
  bool panic_coredump = false;
  bool preserve_message_logs = false;
  bool print_topbitchars = false;
  std::string process_log_path;
  std::int64_t slow_lookup_log = 0;
  std::int64_t smtp_backlog_monitor = 0;
  bool syslog_duplication = true;
  std::string syslog_facility;
  bool syslog_pid = true;
  std::string syslog_processname = "remex";
  bool syslog_timestamp = true;
  std::string timezone;
  bool write_rejectlog = true;

  // content scanning, filters, embedded Perl
  Expansion av_scanner;
  bool check_rfc2047_length = true;
  bool dcc_direct_add_header = false;
  std::string dccifd_address;
  Expansion event_action;
  std::string headers_charset = "UTF-8";
  std::int64_t local_scan_timeout = 300;
  MatchList percent_hack_domains;
  bool perl_at_start = false;
  std::string perl_startup;
  bool perl_taintmode = false;
  Expansion spamd_address;
  Expansion system_filter;
  Expansion system_filter_directory_transport;
  Expansion system_filter_file_transport;
  std::string system_filter_group;
  Expansion system_filter_pipe_transport;
  Expansion system_filter_reply_transport;
  std::string system_filter_user;

  // bounces, warnings and frozen messages
  std::int64_t auto_thaw = 0;
  Expansion bounce_message_file;
  std::string bounce_message_text;
  bool bounce_return_body = true;
  std::int64_t bounce_return_linesize_limit = 998;
  bool bounce_return_message = true;
  std::int64_t bounce_return_size_limit = 100 * 1024;
  std::string bounce_sender_authentication;
  std::vector<std::int64_t> delay_warning{86400};
  Expansion delay_warning_condition;
  Expansion dsn_from;
  Expansion errors_copy;
  std::string errors_reply_to;
  std::vector<std::string> freeze_tell;
  std::int64_t ignore_bounce_errors_after = 6048000;
  bool move_frozen_messages = false;
  std::int64_t timeout_frozen_after = 0;
  Expansion warn_message_file;

  // verification and callouts
  std::int64_t callout_domain_negative_expire = 10800;
  std::int64_t callout_domain_positive_expire = 604800;
  std::int64_t callout_negative_expire = 7200;
  std::int64_t callout_positive_expire = 86400;
  Expansion callout_random_local_part;
  MatchList helo_try_verify_hosts;
  MatchList helo_verify_hosts;
  MatchList host_reject_connection;

  // queue, spool and delivery
  std::int64_t check_log_inodes = 100;
  std::int64_t check_log_space = 10 * 1024 * 1024;
  std::int64_t check_spool_inodes = 100;
  std::int64_t check_spool_space = 10 * 1024 * 1024;
  bool deliver_drop_privilege = false;
  std::int64_t deliver_queue_load_max = -1;
  bool disable_fsync = false;
  MatchList hold_domains;
  std::int64_t keep_malformed = 345600;
  Expansion notifier_socket;
  bool prod_requires_admin = true;
  MatchList queue_domains;
  bool queue_fast_ramp = true;
  bool queue_list_requires_admin = true;
  bool queue_only = false;
  std::vector<std::string> queue_only_file;
  std::int64_t queue_only_load = -1;
  bool queue_only_load_latch = true;
  bool queue_only_override = true;
  bool queue_run_in_order = false;
  Expansion queue_run_max;
  MatchList queue_smtp_domains;
  std::int64_t remote_max_parallel = 6;
  MatchList remote_sort_domains;
  std::int64_t retry_data_expire = 604800;
  std::int64_t retry_interval_max = 86400;
  bool smtp_check_spool_space = true;
  Expansion smtp_etrn_command;
  bool smtp_etrn_serialize = true;
  bool split_spool_directory = false;
  std::string spool_directory = "/var/spool/remex";
  bool spool_wireformat = false;

  // messages from local callers and address syntax
  bool allow_domain_literals = false;
  bool allow_utf8_domains = false;
  std::string bi_command;
  bool extract_addresses_remove_arguments = true;
  Expansion gecos_name;
  std::string gecos_pattern;
  MatchList ignore_fromline_hosts;
  bool ignore_fromline_local = false;
  bool local_from_check = true;
  std::string local_from_prefix;
  std::string local_from_suffix;
  bool local_sender_retain = false;
  Expansion message_id_header_domain;
  Expansion message_id_header_text;
  bool mua_wrapper = false;
  std::string qualify_domain;
  std::string qualify_recipient;
  std::int64_t receive_timeout = 0;
  MatchList recipient_unqualified_hosts;
  MatchList sender_unqualified_hosts;
  bool strip_excess_angle_brackets = false;
  bool strip_trailing_dot = false;
  Expansion unknown_login;
  std::string unknown_username;
  MatchList untrusted_set_sender;
  std::string uucp_from_pattern =
      "^From\\s+(\\S+)\\s+(?:[a-zA-Z]{3},?\\s+)?(?:[a-zA-Z]{3}\\s+\\d?\\d|\\d?\\d\\s+[a-zA-Z]{3}\\s+\\d\\d(?:\\d\\d)?)"
      "\\s+\\d\\d?:\\d\\d?";
  Expansion uucp_from_sender;

  // headers and sizes
  bool delivery_date_remove = true;
  bool envelope_to_remove = true;
  std::int64_t header_line_maxsize = 0;
  std::int64_t header_maxsize = 1 * 1024 * 1024;
  bool message_body_newlines = false;
  std::int64_t message_body_visible = 500;
  Expansion message_size_limit;
  Expansion received_header_text;
  std::int64_t received_headers_max = 30;
  Expansion recipients_max;
  bool recipients_max_reject = false;
  bool return_path_remove = true;
  MatchList smtputf8_advertise_hosts;

  // identity, privileges and listeners
  std::vector<std::string> add_environment;
  std::vector<std::string> admin_groups;
  bool allow_insecure_tainted_data = false;
  bool commandline_checks_require_admin = false;
  std::vector<std::string> daemon_modules_load;
  std::vector<std::string> daemon_smtp_ports{"smtp"};
  std::int64_t daemon_startup_retries = 9;
  std::int64_t daemon_startup_sleep = 30;
  std::string exim_group = "remex";
  std::string exim_path = "/usr/sbin/remex";
  std::string exim_user = "remex";
  std::string exim_version;
  std::vector<std::string> extra_local_interfaces;
  MatchList hosts_treat_as_local;
  std::vector<std::string> keep_environment;
  std::vector<std::string> local_interfaces{"::0", "0.0.0.0"};
  std::string localhost_number;
  std::int64_t max_username_length = 0;
  std::vector<std::string> never_users;
  std::string pid_file_path;
  std::string primary_hostname;
  Expansion tcp_wrappers_daemon_name;
  std::vector<std::string> trusted_groups;
  std::vector<std::string> trusted_users;

  // the SMTP server
  bool accept_8bitmime = true;
  MatchList auth_advertise_hosts;
  MatchList chunking_advertise_hosts;
  MatchList dsn_advertise_hosts;
  MatchList helo_accept_junk_hosts;
  std::string helo_allow_chars;
  MatchList hosts_proxy;
  MatchList hosts_require_alpn;
  MatchList hosts_require_helo;
  MatchList hosts_xclient;
  MatchList limits_advertise_hosts;
  MatchList pipelining_advertise_hosts;
  MatchList pipelining_connect_advertise_hosts;
  bool prdr_enable = false;
  std::int64_t proxy_protocol_timeout = 3;
  bool smtp_accept_keepalive = true;
  std::int64_t smtp_accept_max = 20;
  std::int64_t smtp_accept_max_nonmail = 10;
  MatchList smtp_accept_max_nonmail_hosts;
  Expansion smtp_accept_max_per_connection;
  Expansion smtp_accept_max_per_host;
  std::int64_t smtp_accept_queue = 0;
  std::int64_t smtp_accept_queue_per_connection = 10;
  std::int64_t smtp_accept_reserve = 0;
  Expansion smtp_active_hostname;
  Expansion smtp_banner;
  std::int64_t smtp_connect_backlog = 20;
  bool smtp_enforce_sync = true;
  std::int64_t smtp_load_reserve = -1;
  std::int64_t smtp_max_synprot_errors = 3;
  std::int64_t smtp_max_unknown_commands = 3;
  MatchList smtp_ratelimit_hosts;
  std::string smtp_ratelimit_mail;
  std::string smtp_ratelimit_rcpt;
  Expansion smtp_receive_timeout;
  MatchList smtp_reserve_hosts;
  bool smtp_return_error_details = false;
  bool strict_acl_vars = false;
  bool tcp_nodelay = true;
  MatchList wellknown_advertise_hosts;

  // remex's own
  std::int64_t lookup_timeout = 30;
  std::int64_t worker_watchdog = 60;
  bool sandbox = true;
  std::vector<std::string> sandbox_writable_directories;
  std::int64_t hints_max_records = 100000;
  std::vector<std::string> dns_resolvers;
  std::vector<std::string> dns_local_data;
  std::string dns_trust_anchor_file;
  MatchList enhanced_status_codes_advertise_hosts;

  /// Names set in the file, sorted: tells "unset" from "set to the default". See Config::main_given for places.
  bool local_interfaces_set = false;
  bool keep_environment_set = false;
};

}  // namespace remex::lang
