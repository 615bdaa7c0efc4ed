// Answers from a program instead of the DNS: Resolver::of_program(), for test mode. A program that cannot be run, or
// says what is no DNS message, is a failing server: try again.
#include <fmt/format.h>

#include "core/base/strings.h"
#include "core/dns/resolver.h"
#include "core/dns/wire.h"
#include "core/io/fiber.h"
#include "core/io/process.h"

namespace remex::dns {
namespace {

constexpr Millis kLimit{30000};

std::string type_name(Type type) {
  switch (type) {
    case Type::a: return "A";
    case Type::ns: return "NS";
    case Type::cname: return "CNAME";
    case Type::soa: return "SOA";
    case Type::ptr: return "PTR";
    case Type::mx: return "MX";
    case Type::txt: return "TXT";
    case Type::aaaa: return "AAAA";
    case Type::srv: return "SRV";
    case Type::tlsa: return "TLSA";
    case Type::any: return "ANY";
  }
  return fmt::format("TYPE{}", static_cast<int>(type));
}

class ProgramResolver final : public Resolver {
 public:
  ProgramResolver(std::string program, std::string directory, std::shared_ptr<Resolver> otherwise)
      : program_(std::move(program)), directory_(std::move(directory)), otherwise_(std::move(otherwise)) {}

  Answer query(std::string_view name, Type type) override {
    while (name.ends_with('.')) name.remove_suffix(1);
    std::string asked = to_lower(name);
    Answer a = ask(asked, type);
    bool secure = a.secure;
    for (int hop = 0; a.outcome == Outcome::no_data && !a.canonical.empty() && a.canonical != asked && hop < kMaxCnames;
         ++hop) {
      asked = a.canonical;
      a = ask(asked, type);
      secure = secure && a.secure;
    }
    a.secure = secure;
    return a;
  }

 private:
  Answer ask(const std::string& name, Type type) {
    Answer a;
    if (name.empty() || name.front() == '-' || name.find('\0') != std::string::npos) {
      a.outcome = Outcome::no_name;
      return a;
    }
    io::ProcessSpec spec;
    spec.argv = {program_, directory_, name, type_name(type)};
    spec.environment = {"PATH=/usr/local/bin:/usr/bin:/bin"};
    spec.merge_stderr = false;
    const io::DeadlineScope limit{kLimit};
    const auto r = io::run_process(spec);
    if (!r) {
      a.why = r.error().text;
      return a;
    }
    switch (r->exit_code) {
      case 0: break;
      case 1: a.outcome = Outcome::no_name; return a;
      case 4: a.outcome = Outcome::no_data; return a;
      case 5:
        if (otherwise_) return otherwise_->query(name, type);
        a.outcome = Outcome::no_name;
        return a;
      default: a.why = r->exit_code == 2 ? "try again" : "the name server failed"; return a;
    }
    const auto m = decode_message(r->output);
    if (!m) {
      a.why = "undecodable DNS answer";
      return a;
    }
    a.secure = m->authentic;
    collect(*m, name, type, a);
    a.outcome = a.records.empty() ? Outcome::no_data : Outcome::found;
    return a;
  }

  std::string program_, directory_;
  std::shared_ptr<Resolver> otherwise_;
};

}  // namespace

std::shared_ptr<Resolver> Resolver::of_program(std::string program, std::string directory,
                                               std::shared_ptr<Resolver> otherwise) {
  return std::make_shared<ProgramResolver>(std::move(program), std::move(directory), std::move(otherwise));
}

}  // namespace remex::dns
