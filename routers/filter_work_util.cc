// See filter_work.h. A filter is tried in this process first, with everything but looking at the message refused: most
// filters need no more. One that meets a refusal is run again from its beginning by the user.
#include "routers/filter_work.h"

#include <fmt/core.h>
#include <unistd.h>

#include <utility>

#include "core/base/strings.h"
#include "core/store/codec.h"
#include "lang/config.h"
#include "routers/courier_work.h"
#include "routers/internal.h"

namespace remex::routers {
namespace {

constexpr int kMaxParents = 20;
constexpr std::size_t kMaxWindow = 4 * 1024 * 1024;

/// Beginning and end of a body: what expansions can see of it.
class WindowBody final : public mail::Body {
 public:
  WindowBody(std::uint64_t size, std::string head, std::string tail)
      : size_(size), head_(std::move(head)), tail_(std::move(tail)) {}
  std::uint64_t size() const override { return size_; }
  Status for_each(const std::function<Status(std::string_view)>&) const override {
    return fail("only a part of the body is known here");
  }
  Result<std::string> read(std::uint64_t offset, std::size_t n) const override {
    if (offset < head_.size()) return head_.substr(static_cast<std::size_t>(offset), n);
    const std::uint64_t tail_at = size_ - tail_.size();
    if (offset < tail_at) return fail("only a part of the body is known here");
    return tail_.substr(static_cast<std::size_t>(offset - tail_at), n);
  }
  const std::string* in_memory() const override { return nullptr; }
  const std::string& path() const override {
    static const std::string kNone;
    return kNone;
  }

 private:
  std::uint64_t size_;
  std::string head_, tail_;
};

std::string tagged(const Text& t) { return (t.is_tainted() ? "t" : "c") + t.str(); }

Text untagged(const std::string& s) {
  if (s.empty()) return {};
  return Text(s.substr(1), s.front() == 't' ? Taint::tainted : Taint::clean);
}

using Strings = std::pair<const char*, std::string lang::AddressState::*>;
constexpr Strings kStrings[] = {
    {"address", &lang::AddressState::address},    {"local_part", &lang::AddressState::local_part},
    {"domain", &lang::AddressState::domain},      {"cased", &lang::AddressState::cased_local_part},
    {"prefix", &lang::AddressState::prefix},      {"prefix_v", &lang::AddressState::prefix_v},
    {"suffix", &lang::AddressState::suffix},      {"suffix_v", &lang::AddressState::suffix_v},
    {"home", &lang::AddressState::home},          {"router_name", &lang::AddressState::router_name},
    {"self", &lang::AddressState::self_hostname},
};
using Texts = std::pair<const char*, Text lang::AddressState::*>;
constexpr Texts kTexts[] = {{"lp_data", &lang::AddressState::local_part_data},
                            {"d_data", &lang::AddressState::domain_data},
                            {"s_data", &lang::AddressState::sender_data},
                            {"r_data", &lang::AddressState::recipient_data},
                            {"a_data", &lang::AddressState::address_data}};

void put_address(io::Fields& f, const std::string& prefix, const lang::AddressState& a) {
  for (const auto& [name, member] : kStrings) f[prefix + name] = a.*member;
  for (const auto& [name, member] : kTexts) f[prefix + name] = tagged(a.*member);
  f[prefix + "taints"] =
      fmt::format("{}{}{}", a.prefix_tainted ? 1 : 0, a.suffix_tainted ? 1 : 0, a.home_tainted ? 1 : 0);
  f[prefix + "uid"] = std::to_string(a.local_user_uid);
  f[prefix + "gid"] = std::to_string(a.local_user_gid);
}

std::string get(const io::Fields& f, const std::string& name) {
  const auto it = f.find(name);
  return it == f.end() ? std::string() : it->second;
}

void get_address(const io::Fields& f, const std::string& prefix, lang::AddressState& a) {
  for (const auto& [name, member] : kStrings) a.*member = get(f, prefix + name);
  for (const auto& [name, member] : kTexts) a.*member = untagged(get(f, prefix + name));
  const std::string taints = get(f, prefix + "taints");
  if (taints.size() == 3) {
    a.prefix_tainted = taints[0] == '1';
    a.suffix_tainted = taints[1] == '1';
    a.home_tainted = taints[2] == '1';
  }
  a.local_user_uid = parse_int(get(f, prefix + "uid")).value_or(-1);
  a.local_user_gid = parse_int(get(f, prefix + "gid")).value_or(-1);
}

void put_body(io::Fields& f, const lang::Scope& scope) {
  if (scope.body == nullptr) return;
  const std::uint64_t size = scope.body->size();
  const auto wanted = scope.config == nullptr ? std::int64_t{500} : scope.config->main.message_body_visible;
  const auto n =
      std::min<std::uint64_t>({size, kMaxWindow, static_cast<std::uint64_t>(std::max<std::int64_t>(0, wanted))});
  f["body_size"] = std::to_string(size);
  if (auto head = scope.body->read(0, static_cast<std::size_t>(n))) f["body_head"] = std::move(*head);
  if (auto tail = scope.body->read(size - n, static_cast<std::size_t>(n))) f["body_tail"] = std::move(*tail);
}

}  // namespace

lang::filter::Options system_filter_options() {
  lang::filter::Options options;
  options.system = true;
  options.prepend_home = false;
  return options;
}

io::Fields filter_request(const lang::Scope& scope, const std::string& text, const lang::filter::Options& options) {
  io::Fields f{{"op", "filter"}, {"text", text}, {"options", lang::filter::encode(options)}};
  if (scope.envelope != nullptr) {
    f["id"] = scope.envelope->id;
    f["envelope"] = store::encode_envelope(*scope.envelope);
  }
  if (scope.headers != nullptr) f["headers"] = store::encode_headers(*scope.headers);
  put_body(f, scope);
  int n = 0;
  for (const lang::AddressState* a = scope.address; a != nullptr && n < kMaxParents; a = a->parent, ++n)
    put_address(f, fmt::format("a{}.", n), *a);
  f["addresses"] = std::to_string(n);
  if (scope.address != nullptr) {
    int i = 0;
    for (const auto& [name, value] : scope.address->router_variables) {
      if (i == 200) break;
      f[fmt::format("v{}", i)] = name;
      f[fmt::format("w{}", i++)] = tagged(value);
    }
  }
  for (int i = 0; i < 10; ++i)
    if (const auto sn = scope.extra.find(fmt::format("sn{}", i)); sn != scope.extra.end()) f[sn->first] = sn->second;
  if (scope.delivery != nullptr) {
    f["return_path"] = tagged(scope.delivery->return_path);
    f["return_path_set"].assign(1, scope.delivery->return_path_set ? '1' : '0');
  }
  return f;
}

io::Fields perform_filter(const io::Fields& f, const lang::Config& config, lang::Services& services) {
  auto options = lang::filter::decode_options(get(f, "options"));
  if (!options) return {{"error", options.error().text}};
  mail::Envelope envelope;
  mail::HeaderList headers;
  if (Status ok = store::decode_envelope(get(f, "envelope"), envelope); !ok) return {{"error", ok.error().text}};
  if (f.contains("headers"))
    if (Status ok = store::decode_headers(get(f, "headers"), headers); !ok) return {{"error", ok.error().text}};
  envelope.id = get(f, "id");
  const WindowBody body(parse_uint(get(f, "body_size")).value_or(0), get(f, "body_head"), get(f, "body_tail"));
  const auto n = std::clamp<std::int64_t>(parse_int(get(f, "addresses")).value_or(0), 0, kMaxParents);
  std::vector<lang::AddressState> addresses(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    get_address(f, fmt::format("a{}.", i), addresses[i]);
    if (i + 1 < addresses.size()) addresses[i].parent = &addresses[i + 1];
  }
  lang::DeliveryState delivery;
  delivery.return_path = untagged(get(f, "return_path"));
  delivery.return_path_set = get(f, "return_path_set") == "1";
  lang::Scope scope;
  scope.config = &config;
  scope.services = &services;
  scope.envelope = &envelope;
  scope.from = &envelope.from;
  scope.acl_c = &envelope.acl_c;
  scope.acl_m = &envelope.acl_m;
  scope.headers = &headers;
  scope.body = &body;
  scope.delivery = &delivery;
  if (!addresses.empty()) {
    scope.address = addresses.data();
    for (int i = 0; f.contains(fmt::format("v{}", i)); ++i)
      addresses.front().router_variables[get(f, fmt::format("v{}", i))] = untagged(get(f, fmt::format("w{}", i)));
  }
  for (int i = 0; i < 10; ++i)
    if (const auto sn = f.find(fmt::format("sn{}", i)); sn != f.end()) scope.extra[sn->first] = sn->second;
  return {{"outcome", lang::filter::encode(lang::filter::run(get(f, "text"), scope, *options))}};
}

Result<lang::filter::Outcome> run_filter(RouteContext& ctx, const lang::DriverInstance& r, const Addr& addr,
                                         const std::string& text, const lang::filter::Options& options) {
  REMEX_TRY(const Ids id, file_identity(ctx, r, addr));
  if (id.uid < 0) return defer(fmt::format("{} router: there is no user to run the filter as", r.name));
  const bool own = static_cast<uid_t>(id.uid) == ::geteuid();
  const io::Courier* courier = ctx.scope.services != nullptr ? ctx.scope.services->courier() : nullptr;
  const bool asks = courier != nullptr && courier->privileged();
  lang::filter::Options here = options;
  here.pure = !own || asks;  // this process may be in a sandbox
  lang::filter::Outcome out = lang::filter::run(text, ctx.scope, here);
  out.of_user = !own;
  if (!out.needs_user) return out;
  if (!asks)
    return defer(
        fmt::format("{} router: the filter must be run as uid {}, which this process cannot become", r.name, id.uid));
  debug_line(ctx, fmt::format("{} router: the filter is run as uid {}", r.name, id.uid));
  REMEX_TRY(io::Fields answer, ask_as_user(ctx, r, static_cast<uid_t>(id.uid), static_cast<gid_t>(id.gid),
                                           filter_request(ctx.scope, text, options)));
  if (const auto error = answer.find("error"); error != answer.end())
    return defer(fmt::format("filter: {}", error->second));
  REMEX_TRY(out, lang::filter::decode_outcome(answer["outcome"]));
  out.of_user = !own;
  return out;
}

}  // namespace remex::routers
