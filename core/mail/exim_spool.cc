// Parser of -H and -J files; see exim_spool.h.
#include "core/mail/exim_spool.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/base/ids.h"
#include "core/base/strings.h"
#include "core/mail/address.h"

namespace remex::mail {
namespace {

constexpr std::size_t kAddressesMax = 1000000;  ///< recipients, and finished addresses: each costs memory

/// Lines and counted pieces of a file, with the number of the line that was read last.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}

  /// A line without its end; nullopt when there is no whole line left.
  std::optional<std::string_view> line() {
    const auto nl = rest_.find('\n');
    if (nl == std::string_view::npos) return std::nullopt;
    const auto out = rest_.substr(0, nl);
    rest_.remove_prefix(nl + 1);
    at_ = next_++;
    return out;
  }
  /// Exactly `n` octets.
  std::optional<std::string_view> take(std::uint64_t n) {
    if (n > rest_.size()) return std::nullopt;
    const auto out = rest_.substr(0, static_cast<std::size_t>(n));
    rest_.remove_prefix(out.size());
    at_ = next_;
    next_ += static_cast<std::size_t>(std::count(out.begin(), out.end(), '\n'));
    return out;
  }
  bool starts_with(char c) const { return !rest_.empty() && rest_.front() == c; }
  bool at_end() const { return rest_.empty(); }
  std::size_t left() const { return rest_.size(); }

  /// An error at the line that was read last, or at the one that was to come.
  std::unexpected<Error> wrong(std::string_view what) const { return fail(fmt::format("{}: {}", at_, what)); }
  std::unexpected<Error> missing(std::string_view what) const { return fail(fmt::format("{}: {}", next_, what)); }

 private:
  std::string_view rest_;
  std::size_t at_ = 1, next_ = 1;
};

/// Seconds since the epoch, perhaps with a fraction; nothing before 1970 or after the year 9999.
std::optional<std::int64_t> seconds(std::string_view s) {
  const auto n = parse_int(s.substr(0, s.find('.')));
  constexpr std::int64_t kLast = 253402300799;
  return n && *n >= 0 && *n <= kLast ? n : std::nullopt;
}

/// ".123456" or "123456": microseconds.
std::optional<std::int64_t> fraction(std::string_view s) {
  if (s.starts_with('.')) s.remove_prefix(1);
  if (s.empty() || s.size() > 6 || !std::all_of(s.begin(), s.end(), is_digit)) return std::nullopt;
  std::string digits(s);
  digits.resize(6, '0');
  return parse_int(digits);
}

/// "[192.0.2.1]:25", or in older releases "192.0.2.1.25".
bool host_port(std::string_view value, std::string& address, int& port) {
  std::string_view host = value, number;
  if (value.starts_with('[')) {
    const auto close = value.find(']');
    if (close == std::string_view::npos) return false;
    host = value.substr(1, close - 1);
    number = value.substr(close + 1);
    if (!number.empty() && number.front() != ':') return false;
    if (!number.empty()) number.remove_prefix(1);
  } else if (!is_ip_address(value)) {
    const auto dot = value.rfind('.');
    if (dot == std::string_view::npos) return false;
    host = value.substr(0, dot);
    number = value.substr(dot + 1);
  }
  if (!is_ip_address(host)) return false;
  const auto n = number.empty() ? std::optional<std::int64_t>(0) : parse_int(number);
  if (!n || *n < 0 || *n > 65535) return false;
  address = host;
  port = static_cast<int>(*n);
  return true;
}

bool count_of(std::string_view s, std::uint64_t& out) {
  const auto n = parse_uint(s);
  if (!n || *n > (std::uint64_t{1} << 50)) return false;
  out = *n;
  return true;
}

/// What one item ("-name value") does to the message. False: the value cannot be.
struct Item {
  std::string_view name;
  bool (*set)(EximSpoolMessage& m, std::string_view value);
};

template <std::string ReceivedFrom::* Field>
bool from_text(EximSpoolMessage& m, std::string_view value) {
  m.envelope.from.*Field = value;
  return true;
}
template <std::string Envelope::* Field>
bool text(EximSpoolMessage& m, std::string_view value) {
  m.envelope.*Field = value;
  return true;
}
template <bool Envelope::* Field>
bool flag(EximSpoolMessage& m, std::string_view value) {
  m.envelope.*Field = true;
  return value.empty();
}
template <std::size_t N>
struct Name {
  char text[N];
  constexpr Name(const char (&s)[N]) { std::copy_n(s, N, text); }  // NOLINT(google-explicit-constructor)
};
template <Name Key>
bool saved(EximSpoolMessage& m, std::string_view value) {
  m.envelope.saved[Key.text] = value;
  return true;
}

/// What nothing after the reception asks for here.
bool nothing(EximSpoolMessage&, std::string_view) { return true; }

constexpr Item kItems[] = {
    {"active_hostname", from_text<&ReceivedFrom::active_hostname>},
    {"allow_unqualified_recipient", nothing},
    {"allow_unqualified_sender", nothing},
    {"auth_id", from_text<&ReceivedFrom::authenticated_id>},
    {"auth_sender", from_text<&ReceivedFrom::authenticated_sender>},
    {"body_linecount", [](EximSpoolMessage& m, std::string_view v) { return count_of(v, m.body_lines.emplace()); }},
    {"body_zerocount", [](EximSpoolMessage&, std::string_view v) { return parse_uint(v).has_value(); }},
    {"deliver_firsttime", flag<&Envelope::deliver_first_time>},
    {"dsn_envid", text<&Envelope::dsn_envid>},
    {"dsn_ret",
     [](EximSpoolMessage& m, std::string_view v) {
       m.envelope.dsn_ret = v == "1" ? "FULL" : v == "2" ? "HDRS" : "";
       return v == "0" || v == "1" || v == "2";
     }},
    {"frozen",
     [](EximSpoolMessage& m, std::string_view v) {
       const auto when = seconds(v);
       m.envelope.frozen = true;
       m.envelope.frozen_at = when.value_or(0);
       return when.has_value();
     }},
    {"helo_name", from_text<&ReceivedFrom::helo_name>},
    {"host_address",
     [](EximSpoolMessage& m, std::string_view v) {
       return host_port(v, m.envelope.from.host_address, m.envelope.from.host_port);
     }},
    {"host_auth", from_text<&ReceivedFrom::authenticator>},
    {"host_lookup_deferred", nothing},
    {"host_lookup_failed", nothing},
    {"host_name", from_text<&ReceivedFrom::host_name>},
    {"ident", from_text<&ReceivedFrom::ident>},
    {"interface_address",
     [](EximSpoolMessage& m, std::string_view v) {
       return host_port(v, m.envelope.from.interface_address, m.envelope.from.interface_port);
     }},
    {"local", [](EximSpoolMessage&, std::string_view v) { return v.empty(); }},  // told by the host address
    {"localerror", flag<&Envelope::local_error_message>},
    {"manual_thaw", flag<&Envelope::manual_thaw>},
    {"max_received_linelength",
     [](EximSpoolMessage& m, std::string_view v) { return count_of(v, m.envelope.max_line); }},
    {"received_protocol", from_text<&ReceivedFrom::protocol>},
    {"received_time_complete",
     [](EximSpoolMessage& m, std::string_view v) {
       const auto s = seconds(v);
       const auto dot = v.find('.');
       const auto us = dot == std::string_view::npos ? std::optional<std::int64_t>(0) : fraction(v.substr(dot));
       if (!s || !us) return false;
       m.envelope.received_complete_us = *s * 1000000 + *us;  // made a span when the file is read
       return true;
     }},
    {"received_time_usec",
     [](EximSpoolMessage& m, std::string_view v) {
       const auto us = fraction(v);
       if (us) m.envelope.received += std::chrono::microseconds(*us);
       return us.has_value();
     }},
    {"sender_set_untrusted", nothing},
    {"smtputf8", flag<&Envelope::smtputf8>},
    {"spam_bar", saved<"spam_bar">},
    {"spam_score", saved<"spam_score">},
    {"spam_score_int", saved<"spam_score_int">},
    {"spool_file_wireformat",
     [](EximSpoolMessage&, std::string_view v) { return v.empty(); }},  // the -D file's line ends are CRLF
    {"tls_certificate_verified",
     [](EximSpoolMessage& m, std::string_view v) {
       m.envelope.from.tls_certificate_verified = true;
       return v.empty();
     }},
    {"tls_cipher", from_text<&ReceivedFrom::tls_cipher>},
    {"tls_peerdn", from_text<&ReceivedFrom::tls_peer_dn>},
    {"tls_resumption", nothing},
    {"tls_sni", from_text<&ReceivedFrom::tls_sni>},
    {"tls_ver", from_text<&ReceivedFrom::tls_version>},
    {"utf8_downcvt",
     [](EximSpoolMessage& m, std::string_view v) {
       m.envelope.saved["utf8_downconvert"] = "1";
       return v.empty();
     }},
    {"utf8_optdowncvt",
     [](EximSpoolMessage& m, std::string_view v) {
       m.envelope.saved["utf8_downconvert"] = "-1";
       return v.empty();
     }},
};

class HeaderFile {
 public:
  HeaderFile(std::string_view bytes, std::string_view id) : in_(bytes), id_(id) {}

  Result<EximSpoolMessage> run() {
    m_.envelope.deliver_first_time = false;
    REMEX_CHECK(start());
    while (in_.starts_with('-')) REMEX_CHECK(item());
    REMEX_CHECK(finished_addresses());
    REMEX_CHECK(recipients());
    REMEX_CHECK(headers());
    settle();
    return std::move(m_);
  }

 private:
  Status start() {
    const auto name = in_.line();
    if (!name || *name != fmt::format("{}-H", id_)) return in_.wrong("the first line is not the name of the file");
    const auto who = in_.line();
    if (!who) return in_.missing("the line of the caller is missing");
    const auto gid = who->rfind(' '), uid = gid == std::string_view::npos || gid == 0 ? gid : who->rfind(' ', gid - 1);
    if (uid == std::string_view::npos || has_control(*who)) return in_.wrong("not a login with a user and a group id");
    const auto u = parse_int(who->substr(uid + 1, gid - uid - 1)), g = parse_int(who->substr(gid + 1));
    if (!u || !g) return in_.wrong("not a login with a user and a group id");
    m_.envelope.login = who->substr(0, uid);
    m_.envelope.caller_uid = *u;
    m_.envelope.caller_gid = *g;
    const auto sender = in_.line();
    if (!sender) return in_.missing("the sender is missing");
    if (sender->size() < 2 || !sender->starts_with('<') || !sender->ends_with('>'))
      return in_.wrong("the sender is not in angle brackets");
    m_.envelope.sender = sender->substr(1, sender->size() - 2);
    if (!m_.envelope.sender.empty()) REMEX_CHECK(good_address(m_.envelope.sender, "sender"));
    const auto times = in_.line();
    if (!times) return in_.missing("the time is missing");
    const auto blank = times->find(' ');
    const auto when = seconds(times->substr(0, blank));
    const auto warned = blank == std::string_view::npos ? std::nullopt : parse_int(times->substr(blank + 1));
    if (!when || !warned || *warned < 0 || *warned > 1000000) return in_.wrong("not a time and a count of warnings");
    m_.envelope.received = WallTime(std::chrono::seconds(*when));
    m_.envelope.warnings_sent = static_cast<int>(*warned);
    return {};
  }

  Status good_address(std::string_view address, std::string_view role) const {
    PathOptions o;
    o.allow_unqualified = o.allow_domain_literal = o.allow_utf8 = o.allow_underscore = true;
    o.role = role;
    if (has_control(address)) return in_.wrong(fmt::format("control characters in the {}", role));
    if (auto a = parse_path(address, o); !a) return in_.wrong(fmt::format("{}: {}", role, a.error().text));
    return {};
  }

  /// "-name value", "--name value" (tainted), "--(lookup)name value" (tainted, quoted for that lookup).
  Status item() {
    const auto whole = in_.line();
    if (!whole) return in_.missing("the line has no end");
    std::string_view line = whole->substr(1);
    const bool tainted = line.starts_with('-');
    if (tainted) line.remove_prefix(1);
    if (line.starts_with('(')) {
      const auto close = line.find(')');
      if (close == std::string_view::npos) return in_.wrong("a parenthesis is not closed");
      line.remove_prefix(close + 1);  // what was quoted counts as tainted only: a query quotes it again
    }
    const auto blank = line.find(' ');
    const std::string_view name = line.substr(0, blank),
                           value = blank == std::string_view::npos ? std::string_view() : line.substr(blank + 1);
    if (name == "aclc" || name == "aclm" || name == "acl") return acl_variable(name, value, tainted);
    if (name == "N") return in_.wrong("-N: a message whose delivery is only simulated");
    const auto* known =
        std::find_if(std::begin(kItems), std::end(kItems), [&](const Item& i) { return i.name == name; });
    if (known == std::end(kItems)) {
      if (name.empty() || name.size() > 64 || has_control(name)) return in_.wrong("an item without a name");
      m_.unused.push_back(fmt::format("-{}", name));
      return {};
    }
    if (has_control(value) || !known->set(m_, value))
      return in_.wrong(fmt::format("-{} cannot be \"{}\"", name, printable(value)));
    return {};
  }

  /// "-aclm _foo 12", then 12 octets and a line end. "-acl 13 5" is the form before 4.61: 0 to 9 acl_c, 10 to 19 acl_m.
  Status acl_variable(std::string_view kind, std::string_view value, bool tainted) {
    const auto blank = value.rfind(' ');
    const auto length = blank == std::string_view::npos ? std::nullopt : parse_uint(value.substr(blank + 1));
    std::string name(value.substr(0, blank));
    if (!length || name.empty() || name.size() > 64 ||
        !std::all_of(name.begin(), name.end(), [](char c) { return is_alnum(c) || c == '_'; }))
      return in_.wrong(fmt::format("-{} wants a name and a length", kind));
    char where = kind == "aclc" ? 'c' : 'm';
    if (kind == "acl") {
      const auto n = parse_uint(name);
      if (!n || *n > 19) return in_.wrong("-acl wants a number from 0 to 19");
      where = *n < 10 ? 'c' : 'm';
      name = std::to_string(*n % 10);
    }
    const auto data = in_.take(*length);
    const auto end = data ? in_.take(1) : std::nullopt;
    if (!end || *end != "\n") return in_.wrong(fmt::format("-{}: the value is not as long as it says", kind));
    auto& vars = where == 'c' ? m_.envelope.acl_c : m_.envelope.acl_m;
    vars[where + name] = Text(std::string(*data), tainted ? Taint::tainted : Taint::clean);
    return {};
  }

  /// The tree in the order node, left branch, right branch: each node says which branches follow, so counting what is
  /// still to come is enough.
  Status finished_addresses() {
    auto line = in_.line();
    if (!line) return in_.missing("the list of finished addresses is missing");
    if (*line == "XX") return {};
    for (std::uint64_t expected = 1;;) {
      const auto yes_no = [](char c) { return c == 'Y' || c == 'N'; };
      if (line->size() < 4 || !yes_no((*line)[0]) || !yes_no((*line)[1]) || (*line)[2] != ' ' ||
          has_control(line->substr(3)))
        return in_.wrong("not a node of the finished addresses");
      if (finished_.size() >= kAddressesMax) return in_.wrong("too many finished addresses");
      finished_.emplace(line->substr(3));
      expected += static_cast<std::uint64_t>((*line)[0] == 'Y') + static_cast<std::uint64_t>((*line)[1] == 'Y') - 1;
      if (expected == 0) return {};
      if (line = in_.line(); !line) return in_.missing("the finished addresses end too early");
    }
  }

  Status recipients() {
    const auto count = in_.line();
    if (!count) return in_.missing("the count of recipients is missing");
    const auto n = parse_uint(*count);
    // A recipient takes two octets at least.
    if (!n || *n > in_.left() / 2)
      return in_.wrong(fmt::format("\"{}\" cannot be the count of recipients", printable(*count)));
    if (*n > kAddressesMax)
      return in_.wrong(fmt::format("{} recipients are more than the {} that can be taken", *n, kAddressesMax));
    for (std::uint64_t i = 0; i < *n; ++i) {
      const auto line = in_.line();
      if (!line) return in_.missing("the recipients end too early");
      REMEX_CHECK(recipient(*line));
    }
    for (const Recipient& r : m_.envelope.recipients)
      if (r.parent >= static_cast<int>(m_.envelope.recipients.size()))
        return in_.wrong("the parent of a recipient is none of them");
    return {};
  }

  /// Cuts the last word off, with the blank before it.
  static std::string_view last_word(std::string_view& line) {
    const auto blank = line.rfind(' ');
    if (blank == std::string_view::npos) return {};
    const auto out = line.substr(blank + 1);
    line = line.substr(0, blank);
    return out;
  }
  /// Cuts " TEXT" of `length` octets off the end.
  static std::optional<std::string_view> last_text(std::string_view& line, std::uint64_t length) {
    if (length >= line.size() || line[line.size() - length - 1] != ' ') return std::nullopt;
    const auto out = line.substr(line.size() - length);
    line = line.substr(0, line.size() - length - 1);
    return out;
  }
  /// "A,B": two numbers.
  static bool two_numbers(std::string_view s, std::uint64_t& a, std::int64_t& b) {
    const auto comma = s.find(',');
    const auto first = parse_uint(s.substr(0, comma));
    const auto second = comma == std::string_view::npos ? std::nullopt : parse_int(s.substr(comma + 1));
    if (!first || !second || *second < -1 || *second > 1000000000) return false;
    a = *first;
    b = *second;
    return true;
  }

  /// "ADDRESS", or read from its end: "ADDRESS[ ORCPT LENGTH,NOTIFY][ ERRORS-TO LENGTH,PARENT#BITS]".
  Status recipient(std::string_view line) {
    Recipient r;
    const auto hash = line.rfind('#'), last = line.rfind(' ');
    if (hash != std::string_view::npos && last != std::string_view::npos && last < hash && is_digit(line[last + 1])) {
      const auto bits = parse_uint(line.substr(hash + 1));
      line = line.substr(0, hash);
      if (!bits || *bits > 3) return in_.wrong("a recipient with unknown bits behind #");
      std::uint64_t length = 0;
      std::int64_t number = 0;
      if ((*bits & 1) != 0) {
        const auto errors_to = two_numbers(last_word(line), length, number) ? last_text(line, length) : std::nullopt;
        if (!errors_to) return in_.wrong("a recipient's parent and errors_to cannot be read");
        r.errors_to = *errors_to;
        r.parent = static_cast<int>(number);
        if (!r.errors_to.empty()) REMEX_CHECK(good_address(r.errors_to, "errors_to"));
      }
      if ((*bits & 2) != 0) {
        const auto orcpt = two_numbers(last_word(line), length, number) ? last_text(line, length) : std::nullopt;
        if (!orcpt || has_control(*orcpt)) return in_.wrong("a recipient's DSN parameters cannot be read");
        r.orcpt = *orcpt;
        // NEVER 2, SUCCESS 4, FAILURE 8, DELAY 16
        if (number < 0 || (number & ~0x1e) != 0) return in_.wrong("a recipient's DSN parameters cannot be read");
        r.dsn_notify = static_cast<std::uint32_t>(number) >> 1;
      }
    }
    REMEX_CHECK(good_address(line, "recipient"));
    r.address = line;
    m_.envelope.recipients.push_back(std::move(r));
    return {};
  }

  /// "049F From: ...": length, letter, blank, text with its folds and its end.
  Status headers() {
    if (const auto empty = in_.line(); !empty || !empty->empty()) return in_.wrong("no empty line before the headers");
    while (!in_.at_end()) {
      std::uint64_t length = 0;
      std::size_t digits = 0;
      std::string_view c;
      while (true) {
        const auto next = in_.take(1);
        if (!next) return in_.wrong("a header ends too early");
        c = *next;
        if (!is_digit(c.front())) break;
        length = length * 10 + static_cast<std::uint64_t>(c.front() - '0');
        if (++digits > 9) return in_.wrong("the length of a header is no length");
      }
      const char type = c.front();
      const auto blank = in_.take(1), body = blank && *blank == " " ? in_.take(length) : std::nullopt;
      if (digits < 3 || !body) return in_.wrong("not a header with its length and letter");
      if (type == '*') continue;
      // One header, whole: an open end would make the next one part of it, a line in it another header or the body.
      HeaderList one;
      if (split_headers(*body, one) != body->size() || one.all().size() != 1 || !body->ends_with('\n'))
        return in_.wrong("the text of a header is not one header");
      // Exim's letter stands for what it takes the header for (a Resent- field counts only in a resent message).
      if (type != ' ' && (type < 'A' || type > 'Z')) return in_.wrong("unknown letter of a header");
      one.all().front().type = type;
      m_.headers.all().push_back(std::move(one.all().front()));
    }
    return {};
  }

  void settle() {
    auto& e = m_.envelope;
    e.id = id_;
    e.from.is_local = e.from.host_address.empty();
    if (e.smtputf8 && e.from.protocol.starts_with("utf8"))
      e.from.protocol.erase(0, 4);  // $received_protocol has it again
    e.from.is_smtp = e.from.protocol.find("smtp") != std::string::npos;
    const auto began = std::chrono::duration_cast<std::chrono::microseconds>(e.received.time_since_epoch()).count();
    e.received_complete_us = std::clamp<std::int64_t>(e.received_complete_us - began, 0, std::int64_t{86400} * 1000000);
    if (const auto* h = m_.headers.find("Message-ID"); h != nullptr) {
      std::string_view v = trim(h->value());
      if (v.starts_with('<')) v.remove_prefix(1);
      e.user_message_id = v.substr(0, v.find('>'));
    }
    e.non_recipients.assign(finished_.begin(), finished_.end());
  }

  Cursor in_;
  std::string id_;
  EximSpoolMessage m_;
  std::set<std::string> finished_;
};

/// Sets the flags of recipients that are finished addresses. The names stay in the list: the same address may be
/// another one's child.
void mark_finished(Envelope& e) {
  const auto key = [](std::string_view address) {  // domains in any case
    const Address a = split_address(address);
    return a.domain.empty() ? a.local_part : a.local_part + "@" + to_lower(a.domain);
  };
  std::set<std::string> names;
  for (const auto& n : e.non_recipients) {
    if (const auto at = n.rfind('@'); at != std::string::npos && n.find('/', at) != std::string::npos)
      e.saved[kEximNames] = "1";
    names.insert(key(n));
  }
  for (auto& r : e.recipients)
    if (names.contains(key(r.address))) r.done = true;
}

}  // namespace

Result<EximSpoolMessage> parse_exim_header_file(std::string_view bytes, std::string_view id) {
  REMEX_TRY(auto m, HeaderFile(bytes, id).run());
  mark_finished(m.envelope);
  return m;
}

Status apply_exim_journal(std::string_view bytes, EximSpoolMessage& message) {
  Cursor in(bytes);
  auto& list = message.envelope.non_recipients;
  while (const auto line = in.line()) {
    if (line->empty() || has_control(*line)) return in.wrong("not an address");
    if (list.size() >= 2 * kAddressesMax) return in.wrong("too many finished addresses");
    list.emplace_back(*line);
  }
  mark_finished(message.envelope);
  return {};
}

}  // namespace remex::mail
