// Examples that follow from types, and the configurations, the session and the message the examples are tried in.
//
// Used by core/cli/reference.cc (remex help, docs/reference) and by the tests: tests/unit/core_cli/examples_test.cc
// loads the examples of options and drivers, tests/golden/examples.py runs those of variables, ACL words and lookups.
#include "lang/examples.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace remex::lang {

const std::string_view kExampleSurroundings = R"(domainlist local_domains = example.com : *.example.com
domainlist relay_to_domains = example.net
hostlist relay_from_hosts = 192.168.0.0/16
@main@
begin acl
acl_check:
  accept
begin routers
@routers@
last_resort:
  driver = redirect
  data = postmaster@example.com
begin transports
remote_smtp:
  driver = smtp
local_delivery:
  driver = appendfile
  file = /var/mail/$local_part_data
address_file:
  driver = appendfile
address_reply:
  driver = autoreply
auto_reply:
  driver = autoreply
address_pipe:
  driver = pipe
@transports@
begin authenticators
@authenticators@
begin retry
*  *  F,2h,15m; F,4d,6h
)";

namespace {

constexpr std::string_view kSession = R"(primary_hostname = mail.example.com
qualify_domain = example.com
domainlist local_domains = example.com
hostlist relay_from_hosts = 192.168.0.0/16
host_lookup = *
dns_local_data = 7.2.0.192.in-addr.arpa. PTR client.example.net. : \
  client.example.net. A 192.0.2.7 : \
  mx.example.org. A 198.51.100.99 : \
  7.2.0.192.bl.example.org. A 127.0.0.2 : \
  7.2.0.192.bl.example.org. TXT "listed since Monday" : \
  mail2026._domainkey.example.net. TXT "v=DKIM1; k=ed25519; n=mail; s=email; t=s; \
p=d8Vvjhkq0/EVWpRbeQ6sbuNk/YiJpeFQtGis5EYOgGg="
begin acl
from_us:
  accept hosts = +relay_from_hosts
arguments:
  accept message = ${sg{$acl_narg: $acl_arg1 $acl_arg2 $acl_arg3 $acl_arg4 $acl_arg5 \
                        $acl_arg6 $acl_arg7 $acl_arg8 $acl_arg9}{\N +$\N}{}}
set_c:
  accept set acl_c_client = $sender_host_name
set_m:
  accept set acl_m_score = ${eval:3+4}
listed:
  accept dnslists = bl.example.org
known_host:
  accept hosts = 10.0.0.0/8 : 192.0.2.0/24
known_sender:
  accept senders = jane@example.net
known_recipient:
  accept recipients = joe@example.com
good_sender:
  accept verify = sender
bad_sender:
  require message = $acl_verify_message
          verify = sender=nobody.there@example.com
tag:
  accept add_header = X-Tag: seen
rate:
  accept ratelimit = 0 / 1h / strict / per_cmd / jane
subject:
  accept regex = \N^(S)ub(j)(e)(c)(t):: (\w+) (\w+) (\w+) (\w+)$\N
begin routers
aliases:
  driver = redirect
  domains = +local_domains
  data = ${if eq{$local_part}{joe}{list+minutes@$domain}}
partners:
  driver = manualroute
  domains = example.net : example.org
  address_data = partner
  route_list = * mx.example.org
  transport = remote_smtp
local:
  driver = accept
  domains = +local_domains
  check_local_user
  local_part_suffix = +*
  local_part_suffix_optional
  address_data = shelf=3 lang=en
  set = r_quota = 50M
  transport = local_delivery
begin transports
remote_smtp:
  driver = smtp
local_delivery:
  driver = appendfile
  file = /var/mail/$local_part_data
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${if and{{eq{$auth2}{jane}}{eq{$auth3}{secret}}}}
  server_set_id = $auth2
)";

constexpr std::string_view kDialogue = R"(EHLO client.example.net
AUTH PLAIN AGphbmUAc2VjcmV0
MAIL FROM:<jane@example.net> SIZE=1000 AUTH=jane@example.net
VRFY joe@example.com
RCPT TO:<joe@example.com>
DATA
QUIT
)";

constexpr std::string_view kMessage =
    R"(DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.net; s=mail2026;
 t=1700000000; x=4102444800; i=jane@example.net;
 h=from:to:subject:date:message-id;
 z=Subject:Minutes=20of=20the=20meeting;
 bh=H3gEvNnJ/6rZZXukQwDM+tr2OtY8NihST1CnXnPb8vU=;
 b=Z2DUVIwCIOlZ8SL/ZJ02qGJjgeQ52OQ5p4ZsF8EKHzi+MF3xkrsc0ZqlVh+aSFGNLqkqx8wF0hfEk1SPuKyPAQ==
From: Jane Doe <jane@example.net>
To: Joe <joe@example.com>
Reply-To: Minutes <minutes@example.net>
Subject: Minutes of the meeting
Date: Tue, 14 Nov 2023 22:13:20 +0000
Message-ID: <minutes.1@example.net>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Disposition: inline; filename="minutes.txt"

Hello Joe,

the minutes are on the server.
Jane
)";

/// In the system filter each counter gets a number of its own; the user's filter begins with other ones.
constexpr std::string_view kSystemFilter = R"(# Exim filter
add 10 to n0  add 11 to n1  add 12 to n2  add 13 to n3  add 14 to n4
add 15 to n5  add 16 to n6  add 17 to n7  add 18 to n8  add 19 to n9
)";
constexpr std::string_view kUserFilter = R"(# Exim filter
add 1 to n0  add 2 to n1  add 3 to n2  add 4 to n3  add 5 to n4
add 6 to n5  add 7 to n6  add 8 to n7  add 9 to n8  add -1 to n9
)";

struct Situation {
  Where where;
  std::string_view word, phrase;
};
constexpr Situation kSituations[] = {
    {Where::usual, "", ""},
    {Where::anywhere, "anywhere", ""},
    {Where::connect, "connect", "in the connect ACL"},
    {Where::helo, "helo", "in the HELO ACL"},
    {Where::auth, "auth", "in server_condition"},
    {Where::starttls, "starttls", "in the STARTTLS ACL"},
    {Where::mail, "mail", "in the MAIL ACL"},
    {Where::mailauth, "mailauth", "in the ACL of AUTH= on MAIL"},
    {Where::rcpt, "rcpt", "in the RCPT ACL"},
    {Where::predata, "predata", "in the predata ACL"},
    {Where::data, "data", "in the DATA ACL"},
    {Where::mime, "mime", "in the MIME ACL"},
    {Where::dkim, "dkim", "in the DKIM ACL"},
    {Where::quit, "quit", "in the QUIT ACL"},
    {Where::notquit, "notquit", "in the notquit ACL"},
    {Where::vrfy, "vrfy", "in the VRFY ACL"},
    {Where::scanned, "scanned", "in the DATA ACL, when the scanner found something"},
    {Where::tls, "tls", "in the RCPT ACL, inside TLS"},
    {Where::submitted, "submitted", "in the non-SMTP ACL"},
    {Where::router, "router", "in a router"},
    {Where::transport, "transport", "in a local transport"},
    {Where::remote, "remote", "in an smtp transport"},
    {Where::bounce, "bounce", "in a bounce"},
    {Where::warning, "warning", "in a delay warning"},
    {Where::filter, "filter", "in a user's filter"},
    {Where::file_name, "file_name", "as the file of a transport"},
};

const Situation& situation(Where where) {
  return *std::find_if(std::begin(kSituations), std::end(kSituations),
                       [&](const Situation& s) { return s.where == where; });
}

bool has_failure(const ExampleSet& set) {
  return std::any_of(set.list.begin(), set.list.end(), [](const Example& e) { return e.error != nullptr; });
}

/// Where a variable's value would become a file name: "/var/mail/$local_part". Kept for as long as the program runs.
std::string_view file_name_with(std::string_view variable) {
  static std::map<std::string, std::string, std::less<>> made;
  std::string name(variable);
  if (name.ends_with('*')) name.back() = 'x';
  return made.try_emplace(name, fmt::format("/var/mail/${}", name)).first->second;
}

}  // namespace

std::string_view where_phrase(Where where) { return situation(where).phrase; }
std::string_view where_word(Where where) { return situation(where).word; }

Example refused_value(OptionType type) {
  using T = OptionType;
  switch (type) {
    case T::boolean: return {"maybe", "", "E0209"};
    case T::expanded_boolean: return {"${if eq{$domain}{", "", "E0301"};
    case T::integer: return {"many", "", "E0210"};
    case T::octal: return {"0888", "", "E0211"};
    case T::fixed: return {"high", "", "E0212"};
    case T::time: return {"5 minutes", "", "E0213"};
    case T::time_list: return {"4h : soon", "", "E0213"};
    case T::expanded_integer:
    case T::expanded_time:
    case T::expanded:
    case T::dollar_expanded:
    case T::expanded_list:
    case T::repeated_expanded: return {"${lc:$primary_hostname", "", "E0301"};
    case T::domain_list:
    case T::host_list:
    case T::address_list:
    case T::local_part_list: return {"+no_such_list", "", "E0404"};
    case T::user:
    case T::user_list: return {"no-such-user", "", "E0215"};
    case T::group:
    case T::group_list: return {"no-such-group", "", "E0216"};
    case T::string:
    case T::string_list:
    case T::special: break;
  }
  return {};
}

ExampleSet examples_of(const OptionDef& option) {
  ExampleSet set;
  for (const Example& e : option.examples.list())
    if (e.input.data() != nullptr) set.list.push_back(e);
  if (set.list.empty() || has_failure(set)) return set;
  const Example refused = refused_value(option.type);
  if (refused.input.data() == nullptr) {
    set.cannot_fail = "any text is taken";
    return set;
  }
  set.list.push_back(refused);
  set.list.back().setup = set.list.front().setup;
  return set;
}

ExampleSet examples_of(const VariableDef& variable) {
  ExampleSet set;
  for (const Example& e : variable.examples.list()) {
    if (e.input.data() == nullptr) continue;
    set.list.push_back(e);
    if (e.where == Where::usual) set.list.back().where = variable.where;
  }
  if (set.list.empty()) return set;
  if (variable.taint == TaintRule::taints)
    set.list.push_back({.input = file_name_with(variable.name), .error = "E0801", .where = Where::file_name});
  else if (!has_failure(set))
    set.cannot_fail = "a variable without a value is empty";
  return set;
}

std::string examples_markdown() {
  return fmt::format(
      "## Examples\n\nEvery example is run by the tests. Expansions stand with their result. Examples of options and "
      "drivers are loaded in this configuration, an option inside the first example of its driver; the refused ones "
      "stand with the code of the [diagnostic](../diagnostics.md):\n\n```surroundings\n{}```\n\n"
      "Examples of variables and ACL words that speak of a session or a delivery belong to this one; the client is "
      "192.0.2.7 port 40000, the server's address 198.51.100.25 port "
      "587:\n\n```session\n{}```\n\n```dialogue\n{}```\n\n"
      "DATA sends this message:\n\n```message\n{}```\n\n"
      "Examples that speak of a filter stand behind the commands of the user's, for that message; before it ran the "
      "system filter:\n\n```system\n{}```\n\n```user\n{}```\n",
      kExampleSurroundings, kSession, kDialogue, kMessage, kSystemFilter, kUserFilter);
}

}  // namespace remex::lang
