// Reading one rewriting rule; see rewrite.h. Used for the rewrite section and for headers_rewrite of transports.
#include <algorithm>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/diagnostics.h"
#include "lang/reader.h"
#include "lang/rewrite.h"

namespace remex::lang {
namespace {

constexpr std::uint8_t bit(RewriteField f) { return static_cast<std::uint8_t>(1U << static_cast<unsigned>(f)); }

constexpr std::uint8_t kHeaders = bit(RewriteField::sender) | bit(RewriteField::from) | bit(RewriteField::to) |
                                  bit(RewriteField::cc) | bit(RewriteField::bcc) | bit(RewriteField::reply_to);
constexpr std::uint8_t kEnvelope = bit(RewriteField::env_from) | bit(RewriteField::env_to);

struct Flag {
  char letter;
  std::uint8_t fields;
  bool RewriteRule::* member;
};
constexpr Flag kFlags[] = {
    {'E', kEnvelope, nullptr},
    {'F', bit(RewriteField::env_from), nullptr},
    {'T', bit(RewriteField::env_to), nullptr},
    {'b', bit(RewriteField::bcc), nullptr},
    {'c', bit(RewriteField::cc), nullptr},
    {'f', bit(RewriteField::from), nullptr},
    {'h', kHeaders, nullptr},
    {'r', bit(RewriteField::reply_to), nullptr},
    {'s', bit(RewriteField::sender), nullptr},
    {'t', bit(RewriteField::to), nullptr},
    {'S', 0, &RewriteRule::smtp},
    {'Q', 0, &RewriteRule::unqualified_ok},
    {'q', 0, &RewriteRule::quit},
    {'R', 0, &RewriteRule::repeat},
    {'w', 0, &RewriteRule::whole},
};

bool parse_flags(const SourceText& line, std::size_t at, Diagnostics& diag, bool transport, RewriteRule& rule) {
  std::uint8_t fields = 0;
  for (std::size_t i = at; i < line.text().size(); ++i) {
    const char c = line.text()[i];
    if (c == ' ' || c == '\t') continue;
    const auto* flag = std::find_if(std::begin(kFlags), std::end(kFlags), [c](const Flag& f) { return f.letter == c; });
    if (flag == std::end(kFlags)) {
      diag.error("rewrite-flag", line.at(i), 1, fmt::format("rewrite rule: unknown flag \"{}\"", c),
                 "a replacement with blanks needs quotes");
      return false;
    }
    if (transport && (c == 'S' || (flag->fields & kEnvelope) != 0)) {
      diag.error("rewrite-flag", line.at(i), 1,
                 fmt::format("headers_rewrite: flag \"{}\" is not for headers, which is all a transport rewrites", c));
      return false;
    }
    fields |= flag->fields;
    if (flag->member != nullptr) rule.*(flag->member) = true;
  }
  rule.flags = std::string(trim(std::string_view(line.text()).substr(std::min(at, line.text().size()))));
  rule.fields = fields != 0 ? fields : rule.smtp ? std::uint8_t{0} : transport ? kHeaders : std::uint8_t{0xFF};
  return true;
}

}  // namespace

bool parse_rewrite_rule(const SourceText& line, const CompileContext& ctx, bool transport, RewriteRule& rule) {
  Diagnostics& diag = *ctx.diagnostics;
  rule.pos = line.at(0);
  std::size_t at = 0;
  SourceText pattern;
  if (!next_word(diag, line, at, pattern)) return false;
  rule.pattern_text = pattern.text();
  if (at >= line.text().size()) {
    diag.error("rewrite-replacement", line.at(0), 1, fmt::format("{}: the replacement is missing", ctx.where));
    return false;
  }
  if (!next_word(diag, line, at, rule.replacement_source)) return false;
  if (!parse_flags(line, at, diag, transport, rule)) return false;
  const bool regex = rule.pattern_text.starts_with('^') || rule.pattern_text.starts_with("\\N^");
  if (rule.smtp && !regex) {
    diag.error("rewrite-flag", pattern.at(0),
               static_cast<std::uint32_t>(std::max<std::size_t>(pattern.text().size(), 1)),
               "rewrite rule: flag \"S\" needs a regular expression as pattern");
    return false;
  }
  auto list = MatchList::compile(ListKind::address, pattern, ctx);
  if (!list) return false;
  rule.pattern = std::move(*list);
  if (rule.replacement_source.text() == "*") return true;
  auto made = Expansion::compile(rule.replacement_source, ctx);
  if (!made) return false;
  rule.replacement = std::move(*made);
  return true;
}

bool next_word(Diagnostics& diag, const SourceText& line, std::size_t& at, SourceText& out) {
  const std::string& t = line.text();
  std::size_t end = at;
  if (at < t.size() && t[at] == '"') {
    for (end = at + 1; end < t.size() && t[end] != '"'; ++end)
      if (t[end] == '\\') ++end;
    end = std::min(end + 1, t.size());
    if (!unquote(diag, line.substr(at, end - at), "rule", out)) return false;
  } else {
    while (end < t.size() && t[end] != ' ' && t[end] != '\t') ++end;
    out = line.substr(at, end - at);
  }
  while (end < t.size() && (t[end] == ' ' || t[end] == '\t')) ++end;
  at = end;
  return true;
}

}  // namespace remex::lang
