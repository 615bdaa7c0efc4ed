// GnuTLS, loaded at the first call. Include this instead of <gnutls/...>; inside namespace remex a call finds the
// object below, not the library's own function. A function that is missing here still works, but then the whole program
// is linked with GnuTLS again and every start pays for it: add a line.
#pragma once

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "core/base/late_library.h"

namespace remex {

namespace io {
extern const LateLibrary gnutls_library;
}

// clang-format off
#define REMEX_LATE(name) inline constinit const io::LateFunction<decltype(&::name)> name{io::gnutls_library, #name};
REMEX_LATE(gnutls_alert_get)
REMEX_LATE(gnutls_alert_get_name)
REMEX_LATE(gnutls_alert_send)
REMEX_LATE(gnutls_alert_send_appropriate)
REMEX_LATE(gnutls_bye)
REMEX_LATE(gnutls_certificate_allocate_credentials)
REMEX_LATE(gnutls_certificate_free_credentials)
REMEX_LATE(gnutls_certificate_get_ours)
REMEX_LATE(gnutls_certificate_get_peers)
REMEX_LATE(gnutls_certificate_server_set_request)
REMEX_LATE(gnutls_certificate_set_flags)
REMEX_LATE(gnutls_certificate_set_ocsp_status_request_file2)
REMEX_LATE(gnutls_certificate_set_verify_flags)
REMEX_LATE(gnutls_certificate_set_x509_crl_file)
REMEX_LATE(gnutls_certificate_set_x509_key)
REMEX_LATE(gnutls_certificate_set_x509_key_file)
REMEX_LATE(gnutls_certificate_set_x509_system_trust)
REMEX_LATE(gnutls_certificate_set_x509_trust_dir)
REMEX_LATE(gnutls_certificate_set_x509_trust_file)
REMEX_LATE(gnutls_certificate_verification_status_print)
REMEX_LATE(gnutls_certificate_verify_peers)
REMEX_LATE(gnutls_cipher_get)
REMEX_LATE(gnutls_cipher_get_key_size)
REMEX_LATE(gnutls_ciphersuite_get)
REMEX_LATE(gnutls_credentials_set)
REMEX_LATE(gnutls_deinit)
REMEX_LATE(gnutls_dh_set_prime_bits)
REMEX_LATE(gnutls_error_is_fatal)
REMEX_LATE(gnutls_ext_raw_parse)
REMEX_LATE(gnutls_handshake)
REMEX_LATE(gnutls_handshake_set_hook_function)
REMEX_LATE(gnutls_handshake_set_post_client_hello_function)
REMEX_LATE(gnutls_handshake_set_timeout)
REMEX_LATE(gnutls_hash)
REMEX_LATE(gnutls_hash_copy)
REMEX_LATE(gnutls_hash_deinit)
REMEX_LATE(gnutls_hash_fast)
REMEX_LATE(gnutls_hash_get_len)
REMEX_LATE(gnutls_hash_init)
REMEX_LATE(gnutls_init)
REMEX_LATE(gnutls_memset)
REMEX_LATE(gnutls_ocsp_status_request_is_checked)
REMEX_LATE(gnutls_priority_deinit)
REMEX_LATE(gnutls_priority_init)
REMEX_LATE(gnutls_priority_set)
REMEX_LATE(gnutls_privkey_deinit)
REMEX_LATE(gnutls_privkey_get_pk_algorithm)
REMEX_LATE(gnutls_privkey_import_x509_raw)
REMEX_LATE(gnutls_privkey_init)
REMEX_LATE(gnutls_privkey_sign_data2)
REMEX_LATE(gnutls_privkey_sign_hash2)
REMEX_LATE(gnutls_protocol_get_name)
REMEX_LATE(gnutls_protocol_get_version)
REMEX_LATE(gnutls_pubkey_deinit)
REMEX_LATE(gnutls_pubkey_export2)
REMEX_LATE(gnutls_pubkey_export_ecc_raw)
REMEX_LATE(gnutls_pubkey_get_pk_algorithm)
REMEX_LATE(gnutls_pubkey_import)
REMEX_LATE(gnutls_pubkey_import_ecc_raw)
REMEX_LATE(gnutls_pubkey_import_privkey)
REMEX_LATE(gnutls_pubkey_import_x509)
REMEX_LATE(gnutls_pubkey_init)
REMEX_LATE(gnutls_pubkey_verify_data2)
REMEX_LATE(gnutls_pubkey_verify_hash2)
REMEX_LATE(gnutls_record_recv)
REMEX_LATE(gnutls_record_send)
REMEX_LATE(gnutls_rnd)
REMEX_LATE(gnutls_server_name_get)
REMEX_LATE(gnutls_server_name_set)
REMEX_LATE(gnutls_session_get_desc)
REMEX_LATE(gnutls_sign_get_name)
REMEX_LATE(gnutls_strerror)
REMEX_LATE(gnutls_transport_get_ptr)
REMEX_LATE(gnutls_transport_set_errno)
REMEX_LATE(gnutls_transport_set_ptr)
REMEX_LATE(gnutls_transport_set_pull_function)
REMEX_LATE(gnutls_transport_set_pull_timeout_function)
REMEX_LATE(gnutls_transport_set_push_function)
REMEX_LATE(gnutls_x509_crt_check_hostname)
REMEX_LATE(gnutls_x509_crt_check_issuer)
REMEX_LATE(gnutls_x509_crt_deinit)
REMEX_LATE(gnutls_x509_crt_export2)
REMEX_LATE(gnutls_x509_crt_get_activation_time)
REMEX_LATE(gnutls_x509_crt_get_authority_info_access)
REMEX_LATE(gnutls_x509_crt_get_crl_dist_points)
REMEX_LATE(gnutls_x509_crt_get_dn3)
REMEX_LATE(gnutls_x509_crt_get_expiration_time)
REMEX_LATE(gnutls_x509_crt_get_issuer_dn3)
REMEX_LATE(gnutls_x509_crt_get_serial)
REMEX_LATE(gnutls_x509_crt_get_signature)
REMEX_LATE(gnutls_x509_crt_get_signature_algorithm)
REMEX_LATE(gnutls_x509_crt_get_subject_alt_name2)
REMEX_LATE(gnutls_x509_crt_get_version)
REMEX_LATE(gnutls_x509_crt_import)
REMEX_LATE(gnutls_x509_crt_init)
REMEX_LATE(gnutls_x509_crt_list_verify)
REMEX_LATE(gnutls_x509_crt_set_activation_time)
REMEX_LATE(gnutls_x509_crt_set_basic_constraints)
REMEX_LATE(gnutls_x509_crt_set_dn_by_oid)
REMEX_LATE(gnutls_x509_crt_set_expiration_time)
REMEX_LATE(gnutls_x509_crt_set_key)
REMEX_LATE(gnutls_x509_crt_set_key_usage)
REMEX_LATE(gnutls_x509_crt_set_serial)
REMEX_LATE(gnutls_x509_crt_set_subject_alt_name)
REMEX_LATE(gnutls_x509_crt_set_version)
REMEX_LATE(gnutls_x509_crt_sign2)
REMEX_LATE(gnutls_x509_crt_verify)
REMEX_LATE(gnutls_x509_privkey_deinit)
REMEX_LATE(gnutls_x509_privkey_export2)
REMEX_LATE(gnutls_x509_privkey_generate)
REMEX_LATE(gnutls_x509_privkey_init)
#undef REMEX_LATE
// clang-format on

/// A variable of the library, not a function.
inline void gnutls_free(void* p) { (*static_cast<gnutls_free_function*>(io::gnutls_library.symbol("gnutls_free")))(p); }

}  // namespace remex
