// Content-Type, Content-Disposition and their kin as data: unfolding, parameters, RFC 2231 continuations and charsets.
// Nothing fails: what cannot be understood is left as it was written.

#include <algorithm>
#include <map>

#include "core/base/strings.h"
#include "core/mail/mime.h"
#include "core/mail/rfc2047.h"

namespace remex::mail {
namespace {

constexpr std::size_t kMaxSections = 1000;  ///< of one RFC 2231 parameter

struct Parameter {
  std::string name, value;  ///< name in lower case
};

/// "text/plain; a=b" taken apart. Quoted strings lose their quotes and escapes; comments before and after go.
struct Field {
  std::string value;
  std::vector<Parameter> parameters;
};

/// Behind blanks and (nested comments) from `i`.
std::size_t skip_comments(std::string_view s, std::size_t i) {
  int depth = 0;
  for (; i < s.size(); ++i) {
    if (s[i] == '(')
      ++depth;
    else if (s[i] == ')' && depth > 0)
      --depth;
    else if (s[i] == '\\' && depth > 0)
      ++i;
    else if (depth == 0 && !is_space(s[i]))
      break;
  }
  return std::min(i, s.size());
}

std::string take_value(std::string_view s, std::size_t& i) {
  std::string out;
  if (i < s.size() && s[i] == '"') {
    for (++i; i < s.size() && s[i] != '"'; ++i) {
      if (s[i] == '\\' && i + 1 < s.size()) ++i;
      out += s[i];
    }
    i = std::min(s.find(';', i), s.size());
    return out;
  }
  const std::size_t end = std::min(s.find(';', i), s.size());
  out = trim(s.substr(i, end - i));
  i = end;
  return out;
}

Field parse_field(std::string_view s) {
  Field f;
  std::size_t i = skip_comments(s, 0);
  const std::size_t end = std::min(s.find_first_of("; \t(", i), s.size());
  f.value = to_lower(s.substr(i, end - i));
  i = std::min(s.find(';', end), s.size());
  while (i < s.size()) {
    i = skip_comments(s, i + 1);
    const std::size_t stop = std::min(s.find_first_of("=;", i), s.size());
    if (stop >= s.size() || s[stop] == ';') {
      i = stop;
      continue;
    }
    Parameter p;
    p.name = to_lower(trim(s.substr(i, stop - i)));
    i = stop + 1;
    while (i < s.size() && is_space(s[i])) ++i;
    p.value = take_value(s, i);
    f.parameters.push_back(std::move(p));
  }
  return f;
}

std::string percent_decode(std::string_view s) {
  std::string out;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '%' && i + 2 < s.size() && hex_decode(s.substr(i + 1, 2))) {
      out += *hex_decode(s.substr(i + 1, 2));
      i += 2;
    } else {
      out += s[i];
    }
  }
  return out;
}

std::string as_utf8(std::string bytes, std::string_view charset) {
  if (charset.empty() || iequals(charset, "utf-8") || iequals(charset, "us-ascii")) return bytes;
  auto converted = convert_charset(bytes, charset, "UTF-8");
  return converted ? std::move(*converted) : bytes;
}

/// The sections name*0*=, name*1= ... in their order, put together and decoded (RFC 2231 3, 4).
struct Sections {
  struct One {
    std::string value;
    bool encoded = false;
  };
  std::map<std::size_t, One> all;

  std::string text() const {
    std::string out, charset;
    for (const auto& [index, s] : all) {
      std::string_view v = s.value;
      if (s.encoded && index == 0) {
        const std::size_t one = v.find('\''), two = one == std::string_view::npos ? one : v.find('\'', one + 1);
        if (two != std::string_view::npos) {
          charset = v.substr(0, one);
          v = v.substr(two + 1);
        }
      }
      out += s.encoded ? percent_decode(v) : std::string(v);
    }
    return as_utf8(std::move(out), charset);
  }
};

/// A parameter in whichever form it came; the extended form is preferred. Empty: not there.
std::string parameter(const Field& f, std::string_view name) {
  Sections sections;
  std::string plain;
  for (const Parameter& p : f.parameters) {
    if (p.name == name) {
      plain = p.value;
      continue;
    }
    if (!p.name.starts_with(name) || p.name.size() <= name.size() || p.name[name.size()] != '*') continue;
    std::string_view rest = std::string_view(p.name).substr(name.size() + 1);
    const bool encoded = rest.empty() || rest.ends_with('*');
    if (rest.ends_with('*')) rest.remove_suffix(1);
    const auto index = rest.empty() ? std::optional<std::uint64_t>(0) : parse_uint(rest);
    if (index && *index < kMaxSections) sections.all[*index] = {p.value, encoded};
  }
  if (!sections.all.empty()) return sections.text();
  if (plain.find("=?") != std::string::npos)
    if (auto decoded = decode_rfc2047(plain)) return std::move(*decoded);
  return plain;
}

void anomaly(MimeHeader& h, int level, std::string_view text) {
  if (h.anomaly_level >= level) return;
  h.anomaly_level = level;
  h.anomaly_text = text;
}

/// Collects the fields of one part.
class Collector {
 public:
  void add(std::string_view name, std::string_view folded) {
    if (!istarts_with(name, "content-")) return;
    std::string value;
    for (const char c : folded)
      if (c != '\n' && c != '\r') value += c == '\t' || c == '\0' ? ' ' : c;
    const std::string_view v = trim(value);
    if (iequals(name, "content-type")) {
      repeated(seen_type_, "Content-Type header repeated");
      const Field f = parse_field(v);
      h_.content_type = f.value;
      h_.boundary = parameter(f, "boundary");
      h_.charset = parameter(f, "charset");
      type_name_ = parameter(f, "name");
    } else if (iequals(name, "content-disposition")) {
      repeated(seen_disposition_, "Content-Disposition header repeated");
      const Field f = parse_field(v);
      h_.disposition = f.value;
      disposition_name_ = parameter(f, "filename");
    } else if (iequals(name, "content-transfer-encoding")) {
      repeated(seen_encoding_, "Content-Transfer-Encoding header repeated");
      h_.transfer_encoding = parse_field(v).value;
    } else if (iequals(name, "content-id")) {
      h_.id = to_lower(v);
    } else if (iequals(name, "content-description")) {
      h_.description = to_lower(v);
    }
  }

  MimeHeader done() {
    h_.filename = disposition_name_.empty() ? std::move(type_name_) : std::move(disposition_name_);
    if (h_.is_multipart() && h_.boundary.empty()) anomaly(h_, 2, "Multipart without a boundary");
    return std::move(h_);
  }

 private:
  void repeated(bool& seen, std::string_view text) {
    if (seen) anomaly(h_, 2, text);
    seen = true;
  }
  MimeHeader h_;
  std::string type_name_, disposition_name_;
  bool seen_type_ = false, seen_disposition_ = false, seen_encoding_ = false;
};

}  // namespace

TransferEncoding MimeHeader::encoding() const {
  if (transfer_encoding == "base64") return TransferEncoding::base64;
  if (transfer_encoding == "quoted-printable") return TransferEncoding::quoted_printable;
  return TransferEncoding::identity;
}

MimeHeader parse_mime_header(std::string_view block) {
  Collector c;
  while (!block.empty()) {
    // one field with its folds
    std::size_t end = 0;
    do {
      const std::size_t nl = block.find('\n', end);
      end = nl == std::string_view::npos ? block.size() : nl + 1;
    } while (end < block.size() && (block[end] == ' ' || block[end] == '\t'));
    const std::string_view field = block.substr(0, end);
    block.remove_prefix(end);
    const std::size_t colon = field.find(':');
    if (colon != std::string_view::npos) c.add(trim(field.substr(0, colon)), field.substr(colon + 1));
  }
  return c.done();
}

MimeHeader parse_mime_header(const HeaderList& headers) {
  Collector c;
  for (const Header& h : headers.all())
    if (h.type != '*') c.add(h.name(), h.value());
  return c.done();
}

}  // namespace remex::mail
