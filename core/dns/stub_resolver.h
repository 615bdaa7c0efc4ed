// A stub resolver for processes that ask little: command-line modes that test an address. It asks the servers directly
// (RFC 1035 4.2, EDNS0 of RFC 6891, TCP when an answer is cut) and loads no library and starts no thread for that.
//
// No cache, no validation: where validation or local data are configured, and when the questions become many, the full
// resolver is used. Trouble is Outcome::try_again, as everywhere.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/dns/resolver.h"
#include "core/io/stream.h"

namespace remex::dns {

/// The resolver for a process that asks little. Error: as Resolver::create(). core/dns/resolver.cc.
Result<std::shared_ptr<Resolver>> create_brief_resolver(const ResolverConfig& cfg);

/// The nameserver lines of a resolv.conf(5), port 53; empty when there is none that is an address.
std::vector<io::Endpoint> servers_in(const std::string& resolv_conf);

/// `otherwise` makes the full resolver; it is called at the first question the stub leaves to it.
std::shared_ptr<Resolver> make_stub_resolver(std::vector<io::Endpoint> servers, std::uint32_t timeout_ms,
                                             std::function<Result<std::shared_ptr<Resolver>>()> otherwise);

}  // namespace remex::dns
