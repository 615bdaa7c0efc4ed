// The asking side of local deliveries: requests to the courier, the text they write, homes and directories.
#include <fmt/core.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/mail/address.h"
#include "transports/internal.h"

namespace remex::transports {
namespace {

constexpr std::size_t kChunk = 64 * 1024;

/// A chunk of read_message(): length and bytes.
Status send_chunk(io::Stream& to, std::string& bytes, bool last) {
  std::string out;
  const auto head = [&out](std::size_t n) {
    for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(n >> shift & 0xffU);
  };
  if (!bytes.empty()) {
    head(bytes.size());
    out += bytes;
    bytes.clear();
  }
  if (last) head(0);
  return to.write_all(out);
}

Status send_message(io::Stream& to, const MessageText& m) {
  LineEncoder encoder(m);
  std::string out = m.prefix;
  encoder.encode(m.head, out);
  const std::uint64_t size = m.body ? m.body->size() : 0;
  for (std::uint64_t at = 0; at < size;) {
    const std::string* memory = m.body->in_memory();
    if (memory != nullptr) {
      const auto piece = std::string_view(*memory).substr(at, kChunk);
      encoder.encode(piece, out);
      at += piece.size();
    } else {
      auto piece = io::offload([&] { return m.body->read(at, kChunk); });
      if (!piece) return std::unexpected(piece.error());
      if (piece->empty()) return fail("the message body is shorter than recorded");
      encoder.encode(*piece, out);
      at += piece->size();
    }
    if (out.size() >= kChunk) REMEX_CHECK(send_chunk(to, out, false));
  }
  encoder.finish(out);
  out += m.suffix;
  return send_chunk(to, out, true);
}

}  // namespace

void LineEncoder::encode(std::string_view in, std::string& out) {
  if (m_.check.empty() && !m_.crlf) {
    if (!in.empty()) at_start_ = in.back() == '\n';
    out += in;
    return;
  }
  for (const char c : in) {
    if (at_start_ && !m_.check.empty()) {
      if (c == m_.check[held_.size()]) {
        held_ += c;
        if (held_.size() < m_.check.size()) continue;
        out += m_.escape;
        at_start_ = held_.back() == '\n';
        held_.clear();
        continue;
      }
      out += held_;
      held_.clear();
    }
    if (c == '\n' && m_.crlf) out += '\r';
    out += c;
    at_start_ = c == '\n';
  }
}

void LineEncoder::finish(std::string& out) {
  out += held_;
  if (!held_.empty()) at_start_ = false;
  held_.clear();
}

io::Fields courier_request(std::string_view op, const Identity& id, const lang::DriverInstance& t) {
  return {{"op", std::string(op)},
          {"transport", t.name},
          {"uid", std::to_string(id.uid)},
          {"gid", std::to_string(id.gid)},
          {"initgroups", id.initgroups ? "1" : "0"}};
}

Result<io::Fields> ask_courier(DeliverContext& ctx, const io::Fields& request, Seconds limit,
                               const MessageText* message) {
  io::Courier* courier = ctx.scope.services != nullptr ? ctx.scope.services->courier() : nullptr;
  if (courier == nullptr) return defer("this process cannot do local deliveries of this kind");
  auto answer = courier->call(
      request, limit, [&](io::Stream& to) { return message != nullptr ? send_message(to, *message) : Status(); });
  if (answer) return answer;
  const std::string why = fmt::format("local delivery process failed: {}", answer.error().text);
  ctx.scope.services->log(lang::LogTarget::main_log | lang::LogTarget::panic_log,
                          fmt::format("{} {}", ctx.job.envelope.id, why));
  return defer(why);
}

AddrResult courier_failure(const io::Fields& answer) {
  const auto get = [&](const char* name) {
    const auto it = answer.find(name);
    return it == answer.end() ? std::string() : it->second;
  };
  return deferred_result(get("error"), Trouble::of_mailbox(get("retry")),
                         static_cast<int>(parse_int(get("errno")).value_or(0)));
}

namespace {

std::string name_of_transport(const DeliverContext& ctx) {
  return ctx.scope.delivery != nullptr ? ctx.scope.delivery->transport_name : std::string();
}

}  // namespace

Result<bool> expand_bool(DeliverContext& ctx, const lang::DriverInstance& t, const lang::ExpandedBool& option,
                         std::string_view name) {
  auto value = option.eval(ctx.scope);
  if (!value)
    return misconfigured(fmt::format("failed to expand \"{}\" in {} transport: {}", name, t.name, value.error().text));
  return value;
}

Result<Text> expand_tainted(DeliverContext& ctx, const lang::Expansion& e, const ExpansionTrouble& trouble) {
  if (!e.is_set()) return Text();
  auto text = e.eval(ctx.scope);
  if (!text) return expansion_failed(e, name_of_transport(ctx), text.error(), trouble);
  return text;
}

Result<std::string> expand_text(DeliverContext& ctx, const lang::Expansion& e, const ExpansionTrouble& trouble) {
  REMEX_TRY(const Text text, expand_tainted(ctx, e, trouble));
  return text.str();
}

std::optional<SizeLimit> parse_size(std::string_view text, bool modifiers) {
  SizeLimit out;
  std::string_view s = trim(text);
  constexpr std::string_view kNoCheck = "/no_check";
  if (modifiers && s.ends_with(kNoCheck)) {
    out.checked = false;
    s.remove_suffix(kNoCheck.size());
    if (s.empty()) return std::nullopt;
  }
  if (s.empty()) return out;
  std::int64_t unit = 1;
  const char last = ascii_upper(s.back());
  if (last == 'K' || last == 'M' || last == 'G') {
    unit = last == 'K' ? 1024 : last == 'M' ? 1024 * 1024 : 1024LL * 1024 * 1024;
    s.remove_suffix(1);
  }
  const auto point = s.find('.');
  const auto n = parse_uint(s.substr(0, point));
  if (!n || *n > static_cast<std::uint64_t>(INT64_MAX / unit - 1)) return std::nullopt;
  out.bytes = static_cast<std::int64_t>(*n) * unit;
  if (point == std::string_view::npos) return out;
  std::string_view decimals = s.substr(point + 1);
  if (decimals.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  decimals = decimals.substr(0, 9);  // finer than a byte of a gigabyte
  std::int64_t part = 0, whole = 1;
  for (const char c : decimals) part = part * 10 + (c - '0'), whole *= 10;
  out.bytes += part * unit / whole;
  return out;
}

Result<SizeLimit> expand_size(DeliverContext& ctx, const lang::Expansion& e, bool modifiers) {
  REMEX_TRY(const std::string value, expand_text(ctx, e));
  if (auto size = parse_size(value, modifiers)) return *size;
  return misconfigured(fmt::format("Malformed value \"{}\" (expansion of \"{}\") in {} transport", printable(value),
                                   e.source_text(), name_of_transport(ctx)));
}

namespace {

std::unexpected<Error> directory_failed(DeliverContext& ctx, const lang::DriverInstance& t, std::string_view which,
                                        const lang::Expansion& e, const Error& why) {
  return misconfigured_from_start(ctx,
                                  fmt::format("{} directory \"{}\" failed to expand for {} transport: {}", which,
                                              e.source_text(), t.name, why.text),
                                  kExpansionFailed);
}

std::unexpected<Error> directory_not_absolute(DeliverContext& ctx, const lang::DriverInstance& t,
                                              std::string_view which, std::string_view path) {
  return misconfigured_from_start(
      ctx, fmt::format("{} directory path \"{}\" is not absolute for {} transport", which, printable(path), t.name),
      kNotAbsolute);
}

}  // namespace

Result<std::string> home_directory(DeliverContext& ctx, const lang::DriverInstance& t, routers::Addr& a) {
  Text home = a.home_directory;
  if (generic(t).home_directory.is_set()) {
    auto own = generic(t).home_directory.eval(ctx.scope);
    if (!own) return directory_failed(ctx, t, "home", generic(t).home_directory, own.error());
    home = std::move(*own);
  }
  if (!home.empty()) {
    if (!home.view().starts_with('/')) return directory_not_absolute(ctx, t, "home", home.view());
    a.state.home = home.str();
    a.state.home_tainted = home.is_tainted();
  }
  return home.str();
}

Result<std::string> current_directory(DeliverContext& ctx, const lang::DriverInstance& t, const routers::Addr& a,
                                      const std::string& home) {
  std::string dir = a.current_directory;
  if (generic(t).current_directory.is_set()) {
    auto own = generic(t).current_directory.eval(ctx.scope);
    if (!own) return directory_failed(ctx, t, "current", generic(t).current_directory, own.error());
    dir = own->str();
  }
  if (dir.empty()) dir = home.empty() ? "/" : home;
  if (!dir.starts_with('/')) return directory_not_absolute(ctx, t, "current", dir);
  return dir;
}

Result<MessageText> message_text(DeliverContext& ctx, const lang::DriverInstance& t,
                                 std::span<routers::Addr* const> batch) {
  MessageText m;
  REMEX_TRY(const bool body_only, expand_bool(ctx, t, generic(t).body_only, "body_only"));
  REMEX_TRY(const bool headers_only, expand_bool(ctx, t, generic(t).headers_only, "headers_only"));
  if (!body_only) {
    REMEX_TRY(m.head, build_headers(ctx, t, batch));
    m.head += '\n';
  }
  if (!headers_only) m.body = ctx.job.body;
  return m;
}

Status make_bsmtp(DeliverContext& ctx, const lang::DriverInstance& t, std::span<routers::Addr* const> batch,
                  MessageText& m) {
  const std::string end = m.crlf ? "\r\n" : "\n";
  REMEX_TRY(const std::string sender, return_path(ctx, t, *batch.front()));
  m.prefix += fmt::format("MAIL FROM:<{}>{}", sender, end);
  for (const routers::Addr* a : batch) m.prefix += fmt::format("RCPT TO:<{}>{}", rcpt_address(t, *a), end);
  m.prefix += "DATA" + end;
  m.check = ".";
  m.escape = "..";
  m.suffix += "." + end;
  return {};
}

std::string from_line(const DeliverContext& ctx) {
  const std::string path = ctx.scope.delivery != nullptr && ctx.scope.delivery->return_path_set
                               ? ctx.scope.delivery->return_path.str()
                               : ctx.job.envelope.sender;
  const std::time_t now = static_cast<std::time_t>(wall_seconds());
  std::tm tm{};
  localtime_r(&now, &tm);
  char date[40];
  (void)std::strftime(date, sizeof date, "%a %b %e %H:%M:%S %Y", &tm);
  return fmt::format("From {} {}\n", path.empty() ? "MAILER-DAEMON" : path, date);
}

}  // namespace remex::transports
