// See worker_link.h.
#include "core/daemon/worker_link.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

namespace remex::daemon {

Result<WorkerLink> make_worker_link() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
    return fail_errno(errno, "socketpair");
  return WorkerLink{fds[0], fds[1]};
}

namespace {

/// One byte, and room for one descriptor.
struct Packet {
  char byte = 0;
  iovec io{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  Packet() {
    header.msg_iov = &io;
    header.msg_iovlen = 1;
  }
  Packet(const Packet&) = delete;
  Packet& operator=(const Packet&) = delete;
  void with_control() {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
  }
};

}  // namespace

void send_report(int fd, Report what, int descriptor) {
  Packet p;
  p.byte = static_cast<char>(what);
  if (descriptor >= 0) {
    p.with_control();
    cmsghdr* c = CMSG_FIRSTHDR(&p.header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(c), &descriptor, sizeof descriptor);
  }
  (void)!::sendmsg(fd, &p.header, MSG_NOSIGNAL | MSG_DONTWAIT);
}

std::optional<Report> receive_report(int fd, int* descriptor) {
  for (;;) {
    Packet p;
    if (descriptor != nullptr) p.with_control();
    const ssize_t n = ::recvmsg(fd, &p.header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0 && errno == EINTR) continue;
    if (n != 1) return std::nullopt;
    if (descriptor != nullptr)
      for (cmsghdr* c = CMSG_FIRSTHDR(&p.header); c != nullptr; c = CMSG_NXTHDR(&p.header, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
          std::memcpy(descriptor, CMSG_DATA(c), sizeof *descriptor);
    switch (static_cast<Report>(p.byte)) {
      case Report::ready:
      case Report::alive:
      case Report::reloaded:
      case Report::refused:
      case Report::replace:
      case Report::left:
      case Report::look:
      case Report::sandbox: return static_cast<Report>(p.byte);
    }
  }
}

}  // namespace remex::daemon
