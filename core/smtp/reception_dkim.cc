// DKIM in reception: verify all signatures, then run acl_smtp_dkim once per signer (dkim_verify_signers).

#include <fmt/core.h>

#include <set>

#include "acl/sender_policy.h"
#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/msgauth/dkim.h"
#include "core/smtp/reception.h"

namespace remex::smtp {

namespace {

msgauth::KeyAnswer fetch_key(dns::Resolver& resolver, const std::string& name) {
  msgauth::KeyAnswer k;
  const dns::Answer a = resolver.query(name, dns::Type::txt);
  switch (a.outcome) {
    case dns::Outcome::found:
      k.kind = msgauth::KeyAnswer::Kind::found;
      for (const auto& r : a.records) k.records.push_back(r.text);
      break;
    case dns::Outcome::no_name:
    case dns::Outcome::no_data: k.kind = msgauth::KeyAnswer::Kind::not_found; break;
    case dns::Outcome::try_again: k.kind = msgauth::KeyAnswer::Kind::temporary; break;
  }
  return k;
}

constexpr std::uint64_t kHashInPlace = 64 * 1024;  // larger bodies are hashed on the thread pool

}  // namespace

Reply Reception::verify_dkim(bool& stop) {
  stop = false;
  Reply ok;
  scope_.dkim = &dkim_;
  if (scope_.config->main.dmarc_tld_file.is_set()) acl::note_authors(scope_);
  if (effects_.dkim_disable_verify) return ok;
  const auto& m = scope_.config->main;
  msgauth::DkimVerifyOptions opt;
  opt.hashes = m.dkim_verify_hashes;
  opt.keytypes = m.dkim_verify_keytypes;
  opt.minimal = m.dkim_verify_minimal;
  opt.now = wall_seconds();
  (void)msgauth::parse_min_keysizes(join(m.dkim_verify_min_keysizes, " "), opt);
  msgauth::DkimVerifier verifier(headers_, opt);
  if (verifier.wanted()) {
    const auto hash = [&] {
      return body_->for_each([&](std::string_view piece) -> Status {
        verifier.body(piece);
        return {};
      });
    };
    const Status read = body_->size() > kHashInPlace ? io::offload(hash) : hash();
    if (!read) {
      stop = true;
      store_failed(read.error());
      return failure_;
    }
    dkim_.results =
        verifier.finish([&](const std::string& name) { return fetch_key(scope_.services->resolver(), name); });
    dkim_.signers = msgauth::dkim_signers(dkim_.results);
  }
  std::set<std::string> passed;
  for (const auto& s : dkim_.results) {
    if (server_.log->on(log::Selector::dkim_verbose)) server_.log->write(log::kMain, scope_.envelope->id, s.log_line());
    if (s.status == msgauth::DkimStatus::pass) passed.insert(s.domain);
  }
  if (!passed.empty()) scope_.envelope->saved["dkim_log"] = join({passed.begin(), passed.end()}, ",");

  return ok;
}

Reply Reception::dkim_acl(bool& stop) {
  stop = false;
  if (effects_.dkim_disable_verify) return {};
  const auto& m = scope_.config->main;
  // Whom to run the ACL for: dkim_verify_signers, by default everyone who signed.
  std::string wanted = dkim_.signers;
  if (m.dkim_verify_signers.is_set()) {
    auto v = m.dkim_verify_signers.expansion().eval(scope_);
    if (!v && v.error().kind != ErrorKind::forced_fail) {
      server_.log->write(log::kMain | log::kPanic, scope_.envelope->id,
                         fmt::format("expansion of dkim_verify_signers option failed: {}", v.error().text));
      stop = true;
      return {451, "Temporary local problem - please try later", false};
    }
    wanted = v ? std::move(*v).str() : std::string();
  }
  if (m.acl_smtp_dkim.is_set()) {
    std::set<std::string> done;
    for (const std::string& signer : lang::split_list(wanted)) {
      if (signer.empty() || !done.insert(to_lower(signer)).second) continue;
      std::vector<const msgauth::DkimSignature*> mine;
      for (const auto& s : dkim_.results)
        if (iequals(signer.find('@') == std::string::npos ? s.domain : s.identity, signer)) mine.push_back(&s);
      if (mine.empty()) mine.push_back(nullptr);
      for (const auto* s : mine) {
        dkim_.current = s;
        dkim_.cur_signer = signer;
        dkim_.verify_status = s != nullptr ? std::string(msgauth::to_string(s->status)) : "none";
        dkim_.verify_reason = s != nullptr ? s->reason : "";
        const acl::Outcome o = acl::run_hook(acl::Hook::dkim, m.acl_smtp_dkim, scope_, effects_);
        if (o.verdict == acl::Verdict::discard) {
          discard("DKIM", o);
        } else if (o.verdict != acl::Verdict::accept) {
          log_rejection("DKIM : " + printable(signer), o);
          stop = true;
          return reply_from_acl(o, 250, "OK", *server_.log);
        }
      }
    }
  }
  dkim_.current = nullptr;
  dkim_.cur_signer.clear();
  std::vector<std::string> statuses;
  for (const auto& s : dkim_.results) statuses.emplace_back(msgauth::to_string(s.status));
  dkim_.verify_status = statuses.empty() ? "none" : join(statuses, ":");
  dkim_.verify_reason.clear();
  return {};
}

}  // namespace remex::smtp
