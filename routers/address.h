// The address tree of a delivery: top-level recipients and what routers made of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lang/driver.h"
#include "lang/filter/filter.h"
#include "lang/scope.h"

namespace remex::routers {

/// A host to try, in order. `ips` empty: look the name up when needed (by name).
struct HostItem {
  std::string name;
  std::string ip;          ///< one address per item; empty only for an unresolved name
  int mx = -1;             ///< MX preference, -1 = not from MX
  int port = -1;           ///< -1: the transport's
  int place = 0;           ///< in a list of hosts: those of one place and preference are tried in any order
  bool mx_secure = false;  ///< found with DNSSEC
  bool is_self = false;
};

/// An automatic reply a filter asked for; the autoreply transport uses it instead of its own options.
using ReplySpec = lang::filter::Reply;

/// What a filter's command is expanded with, word by word, when it runs.
struct CommandValues {
  std::vector<Text> captures;
  std::string this_address;
  bool of_user = false;         ///< the text is that of somebody who is not this process's user
  std::uint32_t forbidden = 0;  ///< lang::Confinement bits
};

/// One address in routing or delivery. Owned by the delivery (std::deque / unique_ptr); pointers to parents stay valid.
struct Addr {
  lang::AddressState state;  ///< what expansions see; state.parent points to parent->state
  Addr* parent = nullptr;
  int top_index = -1;                               ///< index of the top-level recipient in the envelope
  std::vector<std::string> router_trail;            ///< routers that handled it, for the loop rule
  const lang::DriverInstance* router = nullptr;     ///< that accepted it
  const lang::DriverInstance* transport = nullptr;  ///< chosen; null for a redirected parent
  std::vector<HostItem> hosts, fallback_hosts;
  bool hosts_randomized = false;  ///< by the router: the transport does not do it again
  std::string start_router;       ///< redirect_router / reroute: name of the first router to run, empty = first
  // generic results
  std::string errors_to;  ///< bounce address, with has_errors_to
  bool has_errors_to = false;
  std::string headers_add;  ///< header lines to add, LF separated
  std::vector<std::string> headers_remove;
  std::string user, group;  ///< expanded, may be empty
  bool initgroups = false;
  Text home_directory;  ///< for the transport; keeps its taint, as $home shows it
  std::string current_directory;
  bool log_as_local = false;
  bool is_child_of_redirect = false;
  // redirect specials
  bool is_file = false, is_pipe = false, is_directory = false;  ///< "/file", "|command", "/dir/"
  Text special;                                                 ///< the path or command
  std::shared_ptr<const ReplySpec> reply;                       ///< for the autoreply transport
  std::shared_ptr<const CommandValues> command_values;          ///< of a filter's command; null: it is not expanded
  std::int64_t file_mode = -1;                                  ///< a filter's; -1: the transport's
  bool own_errors_to = false;                                   ///< errors_to is the filter's, not the router's
  bool ignore_errors = false;                                   ///< noerror: nobody is told of a failure
  bool one_time = false;
  bool hide_child = false;
  // outcome
  enum class Status : std::uint8_t {
    pending,
    routed,
    delivered,
    failed,
    deferred,
    discarded,
    redirected
  } status = Status::pending;
  std::string message;       ///< reason for failed/deferred (log text)
  std::string user_message;  ///< for SMTP verification replies and bounces, empty = message
  int basic_errno = 0;       ///< error kind for retry rules; see core/delivery/retry.h
  int more_errno = 0;
  std::string retry_error;             ///< word for retry rules of a routing deferral ("lookup"); empty: any other
  bool timed_out = false;              ///< deferral after the last retry time: it fails
  bool freeze = false;                 ///< deferral that freezes the message
  std::string notice_to, notice_text;  ///< a message a router wants sent (syntax errors in a list); empty: none
  std::string smtp_reply;              ///< remote server's answer
  std::string output;                  ///< of a failed command, for the bounce
  std::vector<std::unique_ptr<Addr>> children;
  std::string unique;  ///< duplicate key: transport-independent delivery identity
};

}  // namespace remex::routers
