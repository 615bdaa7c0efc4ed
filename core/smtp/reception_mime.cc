// The MIME ACLs in reception: after the DKIM ACL, before the DATA or non-SMTP ACL.

#include "acl/mime.h"
#include "core/smtp/reception.h"

namespace remex::smtp {

Reply Reception::mime_acl(acl::Hook hook, bool& stop, bool& discarded) {
  stop = false;
  const auto& m = scope_.config->main;
  const bool smtp = hook == acl::Hook::data;
  scope_.headers_added.clear();
  const acl::Outcome o = acl::run_mime_acl(smtp ? m.acl_smtp_mime : m.acl_not_smtp_mime, scope_, effects_);
  switch (o.verdict) {
    case acl::Verdict::accept: return {};
    case acl::Verdict::discard:
      discard("MIME", o);
      discarded = true;
      return {};
    case acl::Verdict::deny:
    case acl::Verdict::defer:
    case acl::Verdict::drop: break;
  }
  log_rejection(smtp ? "during MIME ACL checks" : "by non-SMTP MIME ACL", o);
  stop = true;
  return reply_from_acl(o, 250, "OK", *server_.log);
}

}  // namespace remex::smtp
