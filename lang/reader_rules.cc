// The retry and rewrite sections (manual chapters 32 and 31): one rule a line.
#include <algorithm>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/reader.h"

namespace remex::lang {
namespace {

/// False until somebody applies rewrite rules; a rule is then an error instead of being ignored.
constexpr bool kRewritingWorks = false;

// The next word: quoted (escapes resolved) or up to a blank. `at` moves behind it and the blanks that follow.
bool next_word(ReaderState& st, const SourceText& line, std::size_t& at, SourceText& out) {
  const std::string& t = line.text();
  std::size_t end = at;
  if (at < t.size() && t[at] == '"') {
    for (end = at + 1; end < t.size() && t[end] != '"'; ++end)
      if (t[end] == '\\') ++end;
    end = std::min(end + 1, t.size());
    if (!unquote(st, line.substr(at, end - at), "rule", out)) return false;
  } else {
    while (end < t.size() && t[end] != ' ' && t[end] != '\t') ++end;
    out = line.substr(at, end - at);
  }
  while (end < t.size() && (t[end] == ' ' || t[end] == '\t')) ++end;
  at = end;
  return true;
}

constexpr std::string_view kRetryErrors[] = {"*",
                                             "auth_failed",
                                             "lost_connection",
                                             "lookup",
                                             "refused_MX",
                                             "refused_A",
                                             "refused",
                                             "timeout_connect_MX",
                                             "timeout_connect_A",
                                             "timeout_connect",
                                             "timeout_MX",
                                             "timeout_A",
                                             "timeout_DNS",
                                             "timeout",
                                             "tls_required",
                                             "quota"};

bool known_error(std::string_view w) {
  for (const std::string_view e : kRetryErrors)
    if (e == w) return true;
  if (w.starts_with("quota_")) return parse_time(w.substr(6)).has_value();
  for (const std::string_view p : {"mail_4", "rcpt_4", "data_4"})
    if (w.starts_with(p) && w.size() == 8) {
      const std::string_view d = w.substr(6);
      return (d[0] == 'x' || is_digit(d[0])) && (d[1] == 'x' || is_digit(d[1])) && !(d[0] == 'x' && d[1] != 'x');
    }
  return false;
}

// "F,2h,15m" into a step. False with a diagnostic.
bool parse_step(ReaderState& st, const SourceText& text, RetryRule::Step& step) {
  const auto parts = split(text.text(), ',');
  const auto bad = [&](const char* code, const std::string& message, const char* hint) {
    st.diag.error(code, text.at(0), static_cast<std::uint32_t>(text.text().size()), "retry rule: " + message, hint);
    return false;
  };
  const std::string_view letter = trim(parts[0]);
  if (letter != "F" && letter != "G" && letter != "H")
    return bad("retry-letter", fmt::format("\"{}\" is not a kind of retry interval", letter), "F, G or H");
  step.kind = letter[0];
  const std::size_t want = step.kind == 'F' ? 3 : 4;
  const char* shape = step.kind == 'F' ? "F,cutoff,interval" : "G,cutoff,first interval,factor";
  if (parts.size() != want)
    return bad("retry-parameters", fmt::format("{} parameters stand where {} are needed", parts.size() - 1, want - 1),
               shape);
  const auto cutoff = parse_time(trim(parts[1])), interval = parse_time(trim(parts[2]));
  if (!cutoff || !interval)
    return bad("bad-time", fmt::format("\"{}\" is not a time", trim(cutoff ? parts[2] : parts[1])),
               "like 15m or 1d12h");
  step.cutoff = *cutoff;
  step.interval = *interval;
  step.factor = 1000;
  if (step.interval == 0) return bad("retry-parameters", "an interval of zero", shape);
  if (want == 4) {
    const std::string_view f = trim(parts[3]);
    const std::size_t dot = f.find('.');
    const auto whole = parse_uint(f.substr(0, dot));
    const std::string_view part = dot == std::string_view::npos ? std::string_view("0") : f.substr(dot + 1);
    const auto fraction = parse_uint(part);
    if (!whole || !fraction || *whole > 1000 || part.size() > 3)
      return bad("bad-fixed", fmt::format("\"{}\" is not a factor", f), "like 1.5");
    std::uint64_t thousandths = *fraction;
    for (std::size_t i = part.size(); i < 3; ++i) thousandths *= 10;
    step.factor = static_cast<std::int64_t>(*whole * 1000 + thousandths);
    if (step.factor < 1000) return bad("retry-parameters", "a factor below 1", shape);
  }
  return true;
}

void retry_rule(ReaderState& st, const SourceText& line) {
  RetryRule rule;
  rule.pos = line.at(0);
  std::size_t at = 0;
  SourceText pattern, error;
  if (!next_word(st, line, at, pattern)) return;
  rule.pattern_text = pattern.text();
  auto list = MatchList::compile(ListKind::address, pattern, st.context("retry rule"));
  if (list) rule.pattern = std::move(*list);
  if (at >= line.text().size()) {
    st.diag.error("retry-error", line.at(line.text().size() - 1), 1, "retry rule: the error field is missing",
                  "\"*\" means any error");
    return;
  }
  const std::size_t error_at = at;
  if (!next_word(st, line, at, error)) return;
  rule.error = error.text();
  if (!known_error(rule.error)) {
    const auto best = nearest(rule.error, {std::begin(kRetryErrors), std::end(kRetryErrors)});
    const std::string meant = best.empty() ? std::string() : fmt::format("did you mean \"{}\"?", best);
    st.diag.error("retry-error", line.at(error_at), static_cast<std::uint32_t>(rule.error.size()),
                  fmt::format("retry rule: unknown error \"{}\"", rule.error), meant);
    return;
  }
  const std::string& t = line.text();
  if (std::string_view(t).substr(at).starts_with("senders=")) {
    SourceText senders;
    at += 8;
    if (!next_word(st, line, at, senders)) return;
    auto l = MatchList::compile(ListKind::address, senders, st.context("retry rule: senders"));
    if (l) rule.senders = std::move(*l);
  }
  while (at < t.size()) {
    std::size_t end = t.find(';', at);
    if (end == std::string::npos) end = t.size();
    std::size_t b = at, e = end;
    while (b < e && is_space(t[b])) ++b;
    while (e > b && is_space(t[e - 1])) --e;
    RetryRule::Step step{};
    if (e > b) {
      if (!parse_step(st, line.substr(b, e - b), step)) return;
      rule.steps.push_back(step);
    }
    at = end + 1;
  }
  st.config.retry.push_back(std::move(rule));
}

void rewrite_rule(ReaderState& st, const SourceText& line) {
  RewriteRule rule;
  rule.pos = line.at(0);
  std::size_t at = 0;
  SourceText pattern, flags;
  if (!next_word(st, line, at, pattern)) return;
  rule.pattern_text = pattern.text();
  if (at >= line.text().size()) {
    st.diag.error("rewrite-replacement", line.at(0), 1, "rewrite rule: the replacement is missing");
    return;
  }
  if (!next_word(st, line, at, rule.replacement_source)) return;
  const std::size_t flags_at = at;
  if (at < line.text().size()) flags = line.substr(at);
  rule.flags = flags.text();
  for (std::size_t i = 0; i < rule.flags.size(); ++i)
    if (std::string_view("EFTbcfhrstSQqRw \t").find(rule.flags[i]) == std::string_view::npos) {
      st.diag.error("rewrite-flag", line.at(flags_at + i), 1,
                    fmt::format("rewrite rule: unknown flag \"{}\"", rule.flags[i]),
                    "a replacement with blanks needs quotes");
      return;
    }
  if (!kRewritingWorks) {
    if (st.config.rewrite.empty())
      st.diag.error("not-supported", line.at(0), static_cast<std::uint32_t>(rule.pattern_text.size()),
                    "address rewriting is known but this version cannot do it");
    st.config.rewrite.push_back(std::move(rule));
    return;
  }
  if (auto l = MatchList::compile(ListKind::address, pattern, st.context("rewrite rule"))) rule.pattern = std::move(*l);
  if (auto e = Expansion::compile(rule.replacement_source, st.context("rewrite rule")))
    rule.replacement = std::move(*e);
  st.config.rewrite.push_back(std::move(rule));
}

template <class Rule>
std::optional<SourceText> read_rules(ReaderState& st, Rule rule) {
  while (auto line = st.lines.next()) {
    if (is_begin(line->text())) return line;
    rule(st, *line);
  }
  return std::nullopt;
}

}  // namespace

std::optional<SourceText> read_retry(ReaderState& st) { return read_rules(st, retry_rule); }
std::optional<SourceText> read_rewrite(ReaderState& st) { return read_rules(st, rewrite_rule); }

}  // namespace remex::lang
