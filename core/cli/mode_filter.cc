// -bf and -bF: runs a filter over a message from standard input and tells what it would do, in Exim's words. A file
// that is no filter is tested as a list of addresses.
// Exit status: 0, or 1 for a mistake in the filter, the list or the command line. Nothing is delivered or written.

#include <fmt/core.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "core/base/ids.h"
#include "core/base/strings.h"
#include "core/cli/modes.h"
#include "core/io/fiber.h"
#include "core/mail/address.h"
#include "core/smtp/fixups.h"
#include "lang/filter/filter.h"
#include "lang/regex.h"
#include "routers/redirect_list_util.h"

namespace remex::cli {
namespace {

constexpr std::size_t kMaxMessage = 50U << 20U, kMaxFilter = 4U << 20U;

/// The whole file, no more than `limit`. Error: the text for the caller.
Result<std::string> read_all(std::FILE* f, const std::string& name, std::size_t limit) {
  std::string out;
  char buf[65536];
  std::size_t n = 0;
  while ((n = std::fread(buf, 1, sizeof buf, f)) > 0) {
    out.append(buf, n);
    if (out.size() > limit) return fail(fmt::format("{} is too big", name));
  }
  if (std::ferror(f) != 0) return fail(fmt::format("error while reading {}: {}", name, std::strerror(errno)));
  return out;
}

class FilterTest {
 public:
  FilterTest(const Options& o, const lang::Config& config, daemon::Process& p)
      : o_(o), config_(config), process_(p), local_(p), caller_(find_caller(config)) {}

  int run(std::FILE* system, std::FILE* user) {
    if (Status ok = read_message(); !ok) return complain(1, ok.error().text);
    set_recipient();
    show_envelope();
    if (system != nullptr) {
      if (const int rc = test_file(system, o_.system_filter_file, true); rc != 0) return rc;
      for (int i = 0; i < 10; ++i)
        local_.scope.extra[fmt::format("sn{}", i)] = local_.scope.extra[fmt::format("n{}", i)];
    }
    return user == nullptr ? 0 : test_file(user, o_.filter_file, false);
  }

 private:
  Status read_message();
  void set_recipient();
  void show_envelope();
  int test_file(std::FILE* f, const std::string& name, bool system);
  int test_filter(const std::string& text, lang::filter::Kind kind, bool system);
  int test_list(const std::string& text);
  std::string qualified(const std::string& local_part, const std::string& host_domain) const {
    return local_part.find('@') == std::string::npos ? local_part + "@" + host_domain : local_part;
  }

  const Options& o_;
  const lang::Config& config_;
  daemon::Process& process_;
  LocalScope local_;
  Caller caller_;
  mail::HeaderList headers_;
  std::shared_ptr<const mail::Body> body_;
  lang::AddressState address_;
  lang::DeliveryState delivery_;
  bool from_line_ = false, from_header_ = false;
};

/// "From address date" of a mailbox file: the address.
std::string mailbox_sender(const lang::Config& config, std::string_view line) {
  lang::Regex::Spans spans;
  auto re = lang::Regex::cached(config.main.uucp_from_pattern);
  auto hit = re ? (*re)->search(line, &spans) : Result<bool>(false);
  if (!hit || !*hit || spans.size() < 2 || spans[1].first == std::string::npos) return {};
  return std::string(line.substr(spans[1].first, spans[1].second - spans[1].first));
}

Status FilterTest::read_message() {
  REMEX_TRY(std::string text, read_all(stdin, "standard input", kMaxMessage));
  text = replace_all(text, "\r\n", "\n");
  mail::Envelope& env = local_.envelope;
  const std::string domain = smtp::qualify_domain(config_, process_.primary_hostname);
  env.id = new_message_id();
  env.received = wall_now();
  env.login = caller_.login;
  env.sender = caller_.login + "@" + domain;
  local_.from.ident = caller_.login;
  local_.from.protocol = "local";
  local_.scope.extra["originator_name"] = caller_.gecos;
  local_.scope.extra["trusted_caller"] = "1";
  std::string_view rest = text;
  if (rest.starts_with("From ")) {
    const std::size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
    const std::string sender = mailbox_sender(config_, rest.substr(0, end));
    if (!sender.empty() && !o_.sender_given) {
      env.sender = qualified(sender, domain);
      from_line_ = true;
    }
    rest.remove_prefix(end);
  }
  if (o_.sender_given) env.sender = o_.sender == "<>" || o_.sender.empty() ? "" : qualified(o_.sender, domain);
  rest.remove_prefix(mail::split_headers(rest, headers_));
  if (headers_.all().empty()) fmt::print("Warning: no message headers read\n");
  body_ = mail::Body::from_string(std::string(rest));
  env.body_lines = static_cast<std::uint64_t>(std::count(rest.begin(), rest.end(), '\n'));
  env.body_zeros = static_cast<std::uint64_t>(std::count(rest.begin(), rest.end(), '\0'));
  local_.scope.headers = &headers_;
  local_.scope.body = body_.get();
  local_.scope.delivery = &delivery_;
  local_.scope.testing = true;
  delivery_.return_path = Text::tainted(env.sender);
  if (const auto* path = headers_.find("Return-Path")) {
    delivery_.return_path = Text::tainted(mail::extract_address(path->value()));
    from_header_ = true;
    headers_.remove("Return-Path");
  }
  delivery_.return_path_set = true;
  smtp::local_fixups(local_.scope, {}, process_.primary_hostname);
  env.size = headers_.size_bytes() + 1 + rest.size();
  return {};
}

void FilterTest::set_recipient() {
  lang::AddressState& a = address_;
  a.local_part = a.cased_local_part = o_.filter_local_part.empty() ? caller_.login : o_.filter_local_part;
  a.domain = o_.filter_domain.empty() ? smtp::qualify_recipient(config_, process_.primary_hostname) : o_.filter_domain;
  a.prefix = o_.filter_prefix;
  a.suffix = o_.filter_suffix;
  a.cased_local_part = a.prefix + a.local_part + a.suffix;
  a.address = a.cased_local_part + "@" + a.domain;
  if (const passwd* pw = getpwuid(getuid()); pw != nullptr) a.home = pw->pw_dir;
  local_.scope.address = &address_;
  local_.envelope.recipients.emplace_back().address = a.address;
}

void FilterTest::show_envelope() {
  if (from_line_) fmt::print("Sender taken from \"From \" line\n");
  if (from_header_)
    fmt::print("Return-path taken from \"Return-path:\" header line\nReturn-path = {}\n",
               delivery_.return_path.empty() ? "<>" : delivery_.return_path.str());
  else
    fmt::print("Return-path copied from sender\n");
  fmt::print("Sender      = {}\n", local_.envelope.sender.empty() ? "<>" : local_.envelope.sender);
  fmt::print("Recipient   = {}\n", address_.address);
  if (!address_.prefix.empty()) fmt::print("Prefix    = {}\n", address_.prefix);
  if (!address_.suffix.empty()) fmt::print("Suffix    = {}\n", address_.suffix);
}

int FilterTest::test_file(std::FILE* f, const std::string& name, bool system) {
  auto text = read_all(f, name, kMaxFilter);
  if (!text) return complain(1, text.error().text);
  const auto kind = lang::filter::detect(*text);
  fmt::print("Testing {} file \"{}\"\n\n",
             kind == lang::filter::Kind::exim    ? "Exim filter"
             : kind == lang::filter::Kind::sieve ? "Sieve filter"
                                                 : "forward file",
             name);
  if (kind == lang::filter::Kind::none)
    return system ? complain(1, "a system filter begins with \"# Exim filter\"") : test_list(*text);
  if (system && kind == lang::filter::Kind::sieve) return complain(1, "the system filter cannot be a Sieve filter");
  return test_filter(*text, kind, system);
}

int FilterTest::test_filter(const std::string& text, lang::filter::Kind kind, bool system) {
  using V = lang::filter::Outcome::Verdict;
  lang::filter::Options opt;
  opt.system = system;
  opt.testing = true;
  opt.prepend_home = false;
  opt.has_vacation = true;
  opt.print = [](std::string_view line) { fmt::print("{}", line); };
  if (o_.verbose) {
    opt.trace = [](std::string_view line) {
      std::fflush(stdout);
      fmt::print(stderr, "{}\n", line);
    };
  }
  const auto out = lang::filter::run(text, local_.scope, opt);
  if (kind == lang::filter::Kind::sieve) {
    if (!out.text.empty()) fmt::print("Sieve error: {}\n", out.text);
    return 0;
  }
  switch (out.verdict) {
    case V::error: fmt::print("Filter error: {}\n", out.text); return 1;
    case V::fail: fmt::print("Filtering ended by \"fail\".\n"); return 0;
    case V::defer: fmt::print("Filtering ended by \"defer\".\n"); return 0;
    case V::freeze: fmt::print("Filtering ended by \"freeze\".\n"); return 0;
    case V::done: break;
  }
  if (out.significant)
    fmt::print(
        "Filtering set up at least one significant delivery or other action.\nNo other deliveries will occur.\n");
  else
    fmt::print("Filtering did not set up a significant delivery.\nNormal delivery will occur.\n");
  return 0;
}

int FilterTest::test_list(const std::string& text) {
  using routers::RedirectItem;
  using routers::RedirectList;
  const RedirectList list = routers::parse_redirect_list(text);
  const auto wrong = [](const std::string& why) {
    fmt::print("exim: error in forward file: {}\n", why);
    return 1;
  };
  switch (list.verdict) {
    case RedirectList::Verdict::fail: return wrong(fmt::format("\":fail: {}\" is not permitted", list.text));
    case RedirectList::Verdict::defer: return wrong(fmt::format("\":defer: {}\" is not permitted", list.text));
    case RedirectList::Verdict::blackhole: fmt::print("exim: forwardfile contains \":blackhole:\"\n"); break;
    default: break;
  }
  if (!list.errors.empty()) return wrong(list.errors.front());
  std::string lines;
  for (const RedirectItem& item : list.items) {
    if (item.kind == RedirectItem::Kind::address)
      lines += "  " + qualified(item.text, smtp::qualify_recipient(config_, process_.primary_hostname)) + "\n";
    else if (item.kind != RedirectItem::Kind::include)
      lines += fmt::format("  {}{}\n", item.kind == RedirectItem::Kind::pipe ? "|" : "", item.text);
    else
      lines += fmt::format("  :include:{}\n", item.text);
  }
  if (lines.empty())
    fmt::print("exim: no addresses generated from forward file\n");
  else
    fmt::print("exim: forward file generated:\n{}", lines);
  return 0;
}

}  // namespace

int run_filter_test(const Options& o, std::shared_ptr<const lang::Config> config) {
  if (!o.arguments.empty()) return complain(1, "incompatible command-line options or arguments");
  std::FILE* files[2] = {nullptr, nullptr};
  const std::string* names[2] = {&o.system_filter_file, &o.filter_file};
  for (int i = 0; i < 2; ++i) {
    if (names[i]->empty()) continue;
    files[i] = std::fopen(names[i]->c_str(), "re");
    if (files[i] == nullptr) return complain(1, fmt::format("failed to open {}: {}", *names[i], std::strerror(errno)));
  }
  return io::run_loop([&]() -> int {
    daemon::ProcessOptions po;
    po.want_store = false;
    po.log_to_stderr_only = true;
    auto process = daemon::Process::create(config, po);
    if (!process) return complain(1, process.error().text);
    enable_debug(o, **process);
    const int rc = FilterTest(o, *config, **process).run(files[0], files[1]);
    std::fflush(stdout);
    return rc;
  });
}

}  // namespace remex::cli
