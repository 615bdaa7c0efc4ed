// The retry and rewrite sections (manual chapters 32 and 31): one rule a line.
#include <algorithm>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/reader.h"

namespace remex::lang {
namespace {

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

}  // namespace

bool is_retry_error(std::string_view w) {
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

std::string retry_error_as_happened(std::string_view w) {
  if (w.starts_with("quota_"))
    if (const auto t = parse_time(w.substr(6))) return fmt::format("quota_{}", *t);
  return std::string(w);
}

std::string format_retry_step(const RetryRule::Step& s) {
  std::string out = fmt::format("{},{},{}", s.kind, format_time(s.cutoff), format_time(s.interval));
  if (s.kind == 'F') return out;
  std::string factor = fmt::format("{}.{:03}", s.factor / 1000, s.factor % 1000);
  while (factor.ends_with('0') && factor[factor.size() - 2] != '.') factor.pop_back();
  return out + "," + factor;
}

namespace {

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
  if (!next_word(st.diag, line, at, pattern)) return;
  rule.pattern_text = pattern.text();
  auto list = MatchList::compile(ListKind::address, pattern, st.context("retry rule"));
  if (list) rule.pattern = std::move(*list);
  if (at >= line.text().size()) {
    st.diag.error("retry-error", line.at(line.text().size() - 1), 1, "retry rule: the error field is missing",
                  "\"*\" means any error");
    return;
  }
  const std::size_t error_at = at;
  if (!next_word(st.diag, line, at, error)) return;
  rule.error = error.text();
  if (!is_retry_error(rule.error)) {
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
    if (!next_word(st.diag, line, at, senders)) return;
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
  if (parse_rewrite_rule(line, st.context("rewrite rule"), false, rule)) st.config.rewrite.push_back(std::move(rule));
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
