// Address verification and -bt: routing without delivery; see delivery.h.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <utility>

#include "core/base/strings.h"
#include "core/delivery/attempt.h"
#include "core/delivery/callout.h"
#include "core/hooks/hooks.h"
#include "lang/list_trace.h"
#include "transports/callout.h"

namespace remex::delivery {
namespace {

using Kind = lang::VerifyOutcome::Kind;

/// What routing changes in the scope, put back at the end.
class KeptScope {
 public:
  KeptScope(lang::Scope& s, const char* mode)
      : scope_(s), address_(s.address), captures_(s.captures), mode_(s.verify_mode) {
    s.verify_mode = mode;
  }
  ~KeptScope() {
    scope_.address = address_;
    scope_.captures = std::move(captures_);
    scope_.verify_mode = std::move(mode_);
  }
  KeptScope(const KeptScope&) = delete;
  KeptScope& operator=(const KeptScope&) = delete;

 private:
  lang::Scope& scope_;
  lang::AddressState* address_;
  std::vector<Text> captures_;
  std::string mode_;
};

constexpr int kGenerations = 100;

std::string qualified(const Engine& eng, const std::string& address, bool sender) {
  if (address.find('@') != std::string::npos) return address;
  const auto& main = eng.config->main;
  return address + "@" + (!sender && !main.qualify_recipient.empty() ? main.qualify_recipient : qualify_domain(eng));
}

/// Status lines of one address for -bt, and its generations.
struct TestReport {
  std::string out;
  int failed = 0, deferred = 0;
  std::vector<std::string> seen{};  ///< addresses that would be delivered to, each once
};

void parents(TestReport& t, const Addr& a) {
  for (const Addr* p = a.parent; p != nullptr; p = p->parent) t.out += fmt::format("\n    <-- {}", p->state.address);
  t.out += '\n';
}

void hosts(TestReport& t, const Addr& a) {
  std::size_t name = 0, ip = 0;
  for (const auto& h : a.hosts) name = std::max(name, h.name.size()), ip = std::max(ip, h.ip.size());
  for (const auto& h : a.hosts) {
    std::string line = fmt::format("  host {:<{}} ", h.name, name);
    if (!h.ip.empty()) line += fmt::format("{:<{}}", fmt::format("[{}]", h.ip), ip + 2);
    if (h.mx >= 0) line += fmt::format(" MX={}", h.mx);
    if (h.port > 0) line += fmt::format(" port={}", h.port);
    if (h.mx_secure && hooks::active()) line += " AD";
    while (line.ends_with(' ')) line.pop_back();
    t.out += line + "\n";
  }
}

/// A file, command or reply of a redirection.
bool is_special(const Addr& a) { return a.is_pipe || a.is_file || a.is_directory || a.reply != nullptr; }

void report_special(TestReport& t, const Addr& a, const std::string& name) {
  const bool forbidden = a.status == Addr::Status::failed;
  t.out += fmt::format("{} -> {}{}\n", a.parent != nullptr ? a.parent->state.address : "",
                       a.reply                               ? "mail " + name.substr(1)
                       : a.is_pipe && !name.starts_with('|') ? "|" + name
                                                             : name,
                       forbidden ? " *** forbidden ***" : "");
  if (forbidden) return;
  t.out += a.transport != nullptr ? fmt::format("  transport = {}\n", a.transport->name)
                                  : fmt::format("*** Error in setting up pipe, file, or autoreply:\n{}\n", a.message);
}

void report(TestReport& t, const Addr& a) {
  const std::string name = a.special.empty() ? a.state.address : a.special.str();
  switch (a.status) {
    case Addr::Status::failed:
      if (is_special(a)) return report_special(t, a, name);
      t.out += fmt::format("{} is undeliverable: {}", name, a.message);
      parents(t, a);
      ++t.failed;
      break;
    case Addr::Status::deferred:
      if (is_special(a)) return report_special(t, a, name);
      [[fallthrough]];
    case Addr::Status::pending:
      t.out += fmt::format("{} cannot be resolved at this time: {}", name, a.message);
      t.out += '\n';
      ++t.deferred;
      break;
    case Addr::Status::discarded:
      if (is_special(a)) return report_special(t, a, name);
      t.out += fmt::format("mail to {} is discarded\n", name);
      break;
    case Addr::Status::redirected: break;
    case Addr::Status::routed:
    case Addr::Status::delivered:
      if (is_special(a)) return report_special(t, a, name);
      t.out += name;
      if (std::find(t.seen.begin(), t.seen.end(), name) != t.seen.end())
        t.out += " [duplicate, would not be delivered]";
      else
        t.seen.push_back(name);
      parents(t, a);
      t.out += fmt::format("  router = {}, transport = {}\n", a.router != nullptr ? a.router->name : "unset",
                           a.transport != nullptr ? a.transport->name : "unset");
      hosts(t, a);
      break;
  }
}

/// What the transport's options say about its destination.
std::string limits_text(Engine& eng, lang::Scope& scope, Addr& a) {
  if (!transports::can_call_out(*a.transport)) return {};
  mail::Envelope envelope;
  const mail::HeaderList headers;
  transports::Job job{envelope, headers, nullptr};
  lang::AddressState* const address = std::exchange(scope.address, &a.state);
  lang::DeliveryState state;
  lang::DeliveryState* const delivery = std::exchange(scope.delivery, &state);
  transports::DeliverContext ctx{*eng.config, scope, job, {}, {}};
  std::string out = transports::destination_text(ctx, *a.transport, a);
  scope.address = address;
  scope.delivery = delivery;
  return out;
}

}  // namespace

namespace {
/// -bh: an address of a redirection is asked about named lists anew.
void trace_generation(lang::Scope& scope, int generation) {
  if (scope.trace == nullptr) return;
  lang::trace_line(scope, std::string(35, '>'));
  if (generation > 0)
    std::erase_if(scope.trace->asked, [](const std::string& key) { return key.front() == 'd' || key.front() == 'l'; });
}
}  // namespace

lang::VerifyOutcome verify_address(Engine& eng, lang::Scope& scope, const std::string& address, bool sender,
                                   std::string_view options) {
  lang::VerifyOutcome v;
  if (sender && address.empty()) return v;
  std::vector<std::string> words;
  for (const std::string_view w : split(options, '/')) words.emplace_back(w);
  auto callout = lang::parse_callout(words);
  if (!callout) {
    v.kind = Kind::defer;
    v.log_message = callout.error().text;
    return v;
  }
  const bool stop_at_redirect = std::find(words.begin(), words.end(), "success_on_redirect") != words.end();
  KeptScope kept(scope, sender ? "S" : "R");
  routers::RouteContext ctx{*eng.config, scope,
                            sender ? routers::RouteMode::verify_sender : routers::RouteMode::verify_recipient};
  std::string target = qualified(eng, address, sender);
  // The envelope sender stays rewritten, any other address only for this verification (manual 31.2).
  if (sender && scope.envelope != nullptr && scope.envelope->sender == address) {
    lang::rewrite_sender(scope, *scope.envelope);
    target = scope.envelope->sender;
  } else {
    lang::Rewriter rewriter(scope, eng.config->rewrite);
    target = rewriter.address(target, sender ? lang::RewriteField::env_from : lang::RewriteField::env_to);
  }
  auto top = routers::make_top_address(target, 0);
  Addr* a = top.get();
  for (int i = 0; i < kGenerations; ++i) {
    if (a->status == Addr::Status::pending) {
      trace_generation(scope, i);
      routers::route_address(ctx, *a);
    }
    // A redirection to one address is followed; one to several, or to a file or command, is good by itself.
    if (a->status != Addr::Status::redirected || a->children.size() != 1 || stop_at_redirect) break;
    Addr* child = a->children.front().get();
    // One without a transport, and a forbidden one: the address is good.
    if (is_special(*child) && child->status != Addr::Status::routed) break;
    a = child;
    if (is_special(*child)) break;
  }
  lang::trace_line(scope, "----------- end verify ------------");
  v.address_data = a->state.address_data;
  if (a->status == Addr::Status::failed) {
    v.kind = Kind::fail;
    v.failure = "route";
  } else if (a->status == Addr::Status::deferred || (a->status == Addr::Status::pending && !is_special(*a))) {
    v.kind = Kind::defer;
  } else {
    if (!callout->wanted || a->status != Addr::Status::routed) return v;
    const Text data = std::move(v.address_data);
    v = call_out(eng, scope, *a, a == top.get() ? qualified(eng, address, sender) : a->state.address, sender, *callout);
    v.address_data = data;
    return v;
  }
  v.log_message = a->message;
  v.user_message = a->user_message.empty() ? a->message : a->user_message;
  return v;
}

AddressExpansion expand_address(Engine& eng, lang::Scope& scope, const std::string& address) {
  KeptScope kept(scope, "");
  routers::RouteContext ctx{*eng.config, scope, routers::RouteMode::expn};
  auto top = routers::make_top_address(qualified(eng, address, false), 0);
  routers::route_address(ctx, *top);
  AddressExpansion out;
  switch (top->status) {
    case Addr::Status::failed:
      out.kind = Kind::fail;
      out.message = top->user_message.empty() ? top->message : top->user_message;
      break;
    case Addr::Status::deferred:
    case Addr::Status::pending: out.kind = Kind::defer; break;
    case Addr::Status::routed:
    case Addr::Status::delivered:
    case Addr::Status::discarded: out.addresses.push_back(top->state.address); break;
    case Addr::Status::redirected:
      for (const auto& child : top->children)
        if (!is_special(*child) && out.addresses.size() < 1000) out.addresses.push_back(child->state.address);
      break;
  }
  return out;
}

int test_address(Engine& eng, lang::Scope& scope, const std::string& address, std::string& out) {
  KeptScope kept(scope, "");
  routers::RouteContext ctx{*eng.config, scope, routers::RouteMode::test};
  auto top = routers::make_top_address(qualified(eng, address, false), 0);
  TestReport t;
  std::vector<Addr*> stack{top.get()};
  int budget = 10000;
  while (!stack.empty() && --budget > 0) {
    Addr* a = stack.back();
    stack.pop_back();
    if (a->status == Addr::Status::pending) routers::route_address(ctx, *a);
    report(t, *a);
    if (a->status == Addr::Status::routed && a->transport != nullptr)
      if (const std::string limits = limits_text(eng, scope, *a); !limits.empty()) t.out += "  " + limits + "\n";
    // As in Exim: files and commands in their order, then addresses, the last one first.
    for (auto& c : a->children)
      if (!is_special(*c)) stack.push_back(c.get());
    for (auto& c : std::views::reverse(a->children))
      if (is_special(*c)) stack.push_back(c.get());
  }
  out += t.out;
  return t.failed > 0 ? 2 : t.deferred > 0 ? 1 : 0;
}

}  // namespace remex::delivery
