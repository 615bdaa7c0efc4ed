// Shared parts of SMTP sessions: the TLS context and session-flavoured services.

#include "core/smtp/server.h"

#include <fmt/core.h>

#include "core/base/file_stamp.h"
#include "core/base/strings.h"
#include "lang/list.h"

namespace remex::smtp {

namespace {
/// Another text when the file is another or has been written to. Of a directory: when files came or went.
std::string file_state(const std::string& path) {
  return path.starts_with('/') ? " " + FileStamp::of(path).text() : std::string();
}
constexpr std::size_t kMaxTlsContexts = 256;  ///< kept: one for each certificate chosen by server name

/// The lists of tls_certificate and tls_privatekey as pairs; without keys the certificate files hold them.
Status set_key_pairs(io::TlsServerConfig& c, std::string_view certificates, std::string_view keys) {
  const auto files = [](std::string_view list) {
    std::vector<std::string> out;
    for (std::string& item : lang::split_list(list))
      if (!item.empty()) out.push_back(std::move(item));
    return out;
  };
  const auto certificate = files(certificates), key = files(keys);
  if (certificate.empty() && !key.empty()) c.private_key_file = key.front();  // create() says what is missing
  if (!certificate.empty() && !key.empty() && key.size() != certificate.size())
    return fail(ErrorKind::config, fmt::format("tls_certificate has {} files and tls_privatekey {}: each needs its own",
                                               certificate.size(), key.size()));
  for (std::size_t i = 0; i < certificate.size(); ++i) {
    const std::string private_key = key.empty() ? "" : key[i];
    if (i > 0) {
      c.more_key_pairs.emplace_back(certificate[i], private_key);
      continue;
    }
    c.certificate_file = certificate[i];
    c.private_key_file = private_key;
  }
  return {};
}

/// The files of tls_ocsp_file. "PEM " or "DER " in front tells Exim the format (manual, tls_ocsp_file), which is found
/// out here.
std::vector<std::string> ocsp_files(const std::string& list) {
  std::vector<std::string> out = lang::split_list(list);
  for (std::string& file : out)
    if (file.starts_with("PEM ") || file.starts_with("DER ")) file = std::string(trim(file.substr(4)));
  return out;
}
}  // namespace

Result<std::shared_ptr<io::TlsServerContext>> Server::tls_context(lang::Scope& scope) {
  io::TlsServerConfig c;
  c.hostname = primary_hostname;
  const auto& m = config->main;
  const auto text = [&](const lang::Expansion& e, std::string& out, std::string_view name) -> Status {
    if (!e.is_set()) return {};
    auto v = e.eval(scope);
    if (!v) {
      if (v.error().kind == ErrorKind::forced_fail) return {};
      return defer(fmt::format("expansion of {} failed: {}", name, v.error().text));
    }
    if (v->is_tainted()) return fail(ErrorKind::taint, fmt::format("tainted value for {}", name));
    out = std::string(trim(v->view()));
    return {};
  };
  std::string certificates, keys, proofs;
  REMEX_CHECK(text(m.tls_certificate, certificates, "tls_certificate"));
  REMEX_CHECK(text(m.tls_privatekey, keys, "tls_privatekey"));
  REMEX_CHECK(text(m.tls_require_ciphers, c.priority, "tls_require_ciphers"));
  REMEX_CHECK(text(m.tls_verify_certificates, c.verify_certificates, "tls_verify_certificates"));
  REMEX_CHECK(text(m.tls_crl, c.crl_file, "tls_crl"));
  REMEX_CHECK(text(m.tls_ocsp_file, proofs, "tls_ocsp_file"));
  REMEX_CHECK(set_key_pairs(c, certificates, keys));
  if (!certificates.empty() && !proofs.empty()) c.ocsp_files = ocsp_files(proofs);
  c.request_client_certificate = m.tls_verify_hosts.is_set() || m.tls_try_verify_hosts.is_set();
  const std::string key =
      c.priority + "\n" + certificates + "\n" + keys + "\n" + c.verify_certificates + "\n" + c.crl_file + "\n" + proofs;
  std::string state = file_state(c.certificate_file) + file_state(c.private_key_file) +
                      file_state(c.verify_certificates) + file_state(c.crl_file);
  for (const auto& [certificate, private_key] : c.more_key_pairs)
    state += file_state(certificate) + file_state(private_key);
  for (const std::string& proof : c.ocsp_files) state += file_state(proof);
  const auto known = tls.find(key);
  if (known != tls.end() && known->second.state == state) return known->second.context;
  auto made = io::TlsServerContext::create(c);
  if (!made && !c.ocsp_files.empty()) {
    const std::string why = made.error().text;
    c.ocsp_files.clear();
    made = io::TlsServerContext::create(c);
    if (made)  // a certificate without its status is better than no TLS
      log->write(log::kMain | log::kPanic, "", fmt::format("TLS: tls_ocsp_file is not used: {}", why));
  }
  if (!made && known != tls.end()) {  // in the middle of a renewal, or after one that went wrong
    log->write(log::kMain | log::kPanic, "",
               fmt::format("TLS: the changed certificate or key cannot be used, clients get the one before: {}",
                           made.error().text));
    known->second.state = std::move(state);
    return known->second.context;
  }
  if (!made) return std::unexpected(made.error());
  if (known == tls.end() && tls.size() >= kMaxTlsContexts) tls.erase(tls.begin());
  tls[key] = {*made, std::move(state)};
  return *made;
}

void SessionServices::log(int targets, std::string_view line) {
  const int with_host = static_cast<int>(lang::LogTarget::with_host);
  const int rewriting = static_cast<int>(lang::LogTarget::address_rewrite);
  if ((targets & rewriting) != 0 && !server_.log->on(log::Selector::address_rewrite)) return;
  targets &= ~rewriting;
  std::string text;
  if ((targets & with_host) != 0) {
    text = log::host_and_ident(from_, server_.log->selectors(), true);
    if (!text.empty()) text += ' ';
    targets &= ~with_host;
  }
  text += line;
  server_.log->write(targets, envelope_.id, text);
  if ((targets & log::kPanic) != 0) panicked();
}

Result<bool> SessionServices::run_acl(lang::Scope& s, const Text& name, const std::vector<Text>& args, Text& message) {
  acl::Effects lost;
  auto answer = acl::as_expansion(
      acl::run_named(acl::Hook::unknown, name, args, s, effects_ != nullptr ? *effects_ : lost), name, message);
  message.set_taint(Taint::tainted);
  return answer;
}

void SessionServices::follow_debug() {
  if (effects_ != nullptr) debug_file_.follow(effects_->debug, *server_.config, *server_.log);
}

void SessionServices::panicked() {
  if (effects_ == nullptr || !effects_->debug.on || effects_->debug.triggered) return;
  effects_->debug.triggered = true;
  debug_file_.trigger();
}

void SessionServices::debug(std::string_view line) {
  if (effects_ != nullptr && effects_->debug.on) {
    debug_file_.follow(effects_->debug, *server_.config, *server_.log);
    debug_file_.write(effects_->debug, line);
  }
  base_.debug(line);
}

void SessionServices::trace(std::string_view line) {
  if (server_.explain) server_.explain(line);
}

}  // namespace remex::smtp
