// Fuzz target: a whole SMTP session over a small configuration with ACLs, authentication and header checks; no store. A
// NUL-free way to cut segments: octet 0xFF ends a segment. Properties: no crash, every reply line is well formed, the
// session ends, counters return to 0. links: core/smtp
#include <cstdlib>

#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "tests/unit/core_smtp/session_fixture.h"

using namespace remex;

namespace {

constexpr const char* kConfig = R"(
tls_advertise_hosts =
host_lookup =
auth_advertise_hosts = *
message_size_limit = 20000
header_maxsize = 10000
smtp_accept_max_nonmail = 50
allow_domain_literals = true
acl_smtp_helo = accept
acl_smtp_mail = m
acl_smtp_rcpt = r
acl_smtp_data = d
acl_smtp_vrfy = accept
begin acl
m:
  deny senders = deny@x.example
       message = $sender_address may not
  discard senders = discard@x.example
  accept set acl_m_s = $sender_address
r:
  require verify = sender
  warn local_parts = hdr
       add_header = X-To: $local_part at $domain
       remove_header = X-Gone
  discard local_parts = disc
  deny local_parts = ^d
       message = ${uc:$local_part@$domain} $acl_m_s $smtp_command
  accept control = submission
d:
  deny !verify = header_syntax
       message = bad header
  deny verify = not_blind
  warn logwrite = $h_subject: $rh_from: $message_size $message_body
  deny condition = ${if match{$h_subject:}{\N^no\N}}
       message = $h_subject:\n$h_from:
  accept message = ${length_40:$h_subject:}
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if eq{$auth2}{$auth3}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = User: : Pass
  server_condition = ${if eq{$auth1}{$auth2}}
  server_set_id = $auth1
)";

void require(bool ok) {
  if (!ok) std::abort();
}

/// "250-text\r\n" or "250 text\r\n", nothing else.
void check_replies(std::string_view out) {
  while (!out.empty()) {
    const std::size_t end = out.find("\r\n");
    require(end != std::string_view::npos && end >= 4);
    const std::string_view line = out.substr(0, end);
    require(is_digit(line[0]) && is_digit(line[1]) && is_digit(line[2]) && (line[3] == ' ' || line[3] == '-'));
    require(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    require(line.size() < 1000);
    out.remove_prefix(end + 2);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static smtp::test::World* world = [] {
    auto* w = new smtp::test::World(kConfig);
    if (!w->errors.empty()) {
      std::fputs(w->errors.c_str(), stderr);
      std::abort();
    }
    return w;
  }();
  if (size > 64 * 1024) return 0;
  std::deque<std::string> segments(1);
  for (std::size_t i = 0; i < size; ++i) {
    if (data[i] == 0xFF)
      segments.emplace_back();
    else
      segments.back() += static_cast<char>(data[i]);
  }
  std::erase_if(segments, [](const std::string& s) { return s.empty(); });
  world->log->lines.clear();
  world->services.lines.clear();
  world->services.hints.clear();
  std::vector<std::string> replies;
  io::run_loop([&] {
    replies = world->talk(std::move(segments));
    return 0;
  });
  for (const std::string& r : replies) check_replies(r);
  for (const std::string& l : world->log->lines) require(!l.starts_with("SMTP session with "));
  require(world->counters.sessions == 0 && world->counters.per_host.empty());
  return 0;
}
