// What the store's tests share: a fresh spool directory and sample messages.
#pragma once

#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "core/base/ids.h"
#include "core/store/store.h"

namespace remex::store::testing {

struct Spool {
  Spool() {
    std::string t = "/tmp/remex-store-test-XXXXXX";
    path = ::mkdtemp(t.data());
  }
  ~Spool() {
    std::error_code ec;
    std::filesystem::remove_all(path, ec);
  }
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;
  Result<std::shared_ptr<Store>> open(bool read_only = false) const {
    StoreOptions o;
    o.directory = path;
    o.read_only = read_only;
    return Store::open(o);
  }
  std::string database() const { return path + "/db/spool.sqlite"; }
  std::string path;
};

inline StoredMessage sample(const std::string& id, std::size_t body_size = 4096, int recipients = 1) {
  StoredMessage m;
  m.envelope.id = id;
  m.envelope.sender = "sender@example.org";
  for (int i = 0; i < recipients; ++i)
    m.envelope.recipients.emplace_back().address = "user" + std::to_string(i) + "@example.org";
  m.envelope.received = wall_now();
  m.envelope.size = body_size + 300;
  m.envelope.from.protocol = "esmtp";
  m.envelope.from.host_address = "192.0.2.1";
  m.headers.all().push_back(
      {'P', "Received: from client (192.0.2.1)\n\tby mx.example.org; Sat, 21 Nov 2026 03:36:18 +0000\n"});
  m.headers.all().push_back({'F', "From: sender@example.org\n"});
  m.body = mail::Body::from_string(std::string(body_size, 'x'));
  return m;
}
inline StoredMessage sample(std::size_t body_size = 4096, int recipients = 1) {
  return sample(new_message_id(), body_size, recipients);
}

/// Until the child at the other end has said that much: however busy the machine is, what is killed has begun its work.
inline void wait_until_said(int pipe, int bytes) {
  for (int ready = 0; ::ioctl(pipe, FIONREAD, &ready) == 0 && ready < bytes;) {
    pollfd p{pipe, POLLIN, 0};
    if (::poll(&p, 1, 60000) <= 0 || (p.revents & POLLHUP) != 0) break;
    ::usleep(1000);
  }
}

}  // namespace remex::store::testing
