// Sockets, listeners, standard I/O and the buffered reader over loopback.
#include "core/io/stream.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "in_loop.h"

BOOST_TEST_DONT_PRINT_LOG_VALUE(remex::ErrorKind)

namespace remex::io {
namespace {

struct Pair {
  std::unique_ptr<Socket> a, b;
};

Pair socket_pair() {
  int fds[2];
  BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  return {Socket::adopt(fds[0]), Socket::adopt(fds[1])};
}

std::unique_ptr<Listener> listen_any(const std::string& ip = "127.0.0.1") { return must(Listener::tcp({ip, 0}, 64)); }

std::string temp_file(std::string_view content) {
  std::string path = "/tmp/remex_stream_test_XXXXXX";
  const int fd = ::mkstemp(path.data());
  BOOST_REQUIRE(fd >= 0);
  BOOST_REQUIRE(::write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
  ::close(fd);
  return path;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(stream)

BOOST_AUTO_TEST_CASE(tcp_echo_with_many_clients) {
  in_loop([] {
    auto listener = listen_any();
    const Endpoint at = listener->local();
    Nursery servers;
    servers.spawn("accept", [&] {
      Nursery sessions;
      for (;;) {
        auto c = listener->accept();
        if (!c) break;
        sessions.spawn("echo", [s = std::shared_ptr<Socket>(std::move(*c))] {
          Reader r(*s);
          for (;;) {
            auto line = r.read_line(1000);
            if (!line || line->empty()) break;
            must(s->write_all(*line));
          }
          s->close();
        });
      }
    });
    Nursery clients;
    int good = 0;
    for (int i = 0; i < 100; ++i) {
      clients.spawn("client", [&, i] {
        auto s = must(connect_tcp(at));
        BOOST_TEST(s->peer().port == at.port);
        BOOST_TEST(s->peer().ip == "127.0.0.1");
        Reader r(*s);
        for (int k = 0; k < 20; ++k) {
          const std::string text = std::to_string(i) + "-" + std::to_string(k) + "\n";
          must(s->write_all(text));
          BOOST_TEST(must(r.read_line(100)) == text);
        }
        s->close();
        ++good;
      });
    }
    must(clients.join());
    BOOST_TEST(good == 100);
    servers.cancel_all();
    must(servers.join());
  });
}

BOOST_AUTO_TEST_CASE(big_transfer_is_complete_in_both_directions) {
  in_loop([] {
    auto [a, b] = socket_pair();
    const std::string big(8 << 20, 'x');
    Nursery n;
    n.spawn("writer", [&] {
      must(a->write_all(big));
      a->close();
    });
    std::size_t got = 0;
    Reader r(*b);
    for (;;) {
      const auto v = must(r.peek());
      if (v.empty()) break;
      got += v.size();
      r.consume(v.size());
    }
    BOOST_TEST(got == big.size());
    must(n.join());
  });
}

BOOST_AUTO_TEST_CASE(slow_peer_runs_into_the_deadline) {
  in_loop([] {
    auto [a, b] = socket_pair();
    char c;
    {
      const DeadlineScope d(Millis(20));
      BOOST_CHECK(kind_of(a->read_some({&c, 1})) == ErrorKind::timed_out);
    }
    {
      const DeadlineScope d(Millis(20));
      BOOST_CHECK(kind_of(a->wait_readable()) == ErrorKind::timed_out);
    }
    {
      // One byte every 5 ms never completes a line; the scope is for the whole line.
      Nursery drip;
      drip.spawn("drip", [&] {
        while (b->write_all("x") && sleep_for(Millis(5))) {
        }
      });
      const DeadlineScope d(Millis(60));
      Reader r(*a);
      BOOST_CHECK(kind_of(r.read_line(10000)) == ErrorKind::timed_out);
    }
    const DeadlineScope d(Millis(20));
    BOOST_CHECK(kind_of(a->write_all(std::string(16 << 20, 'x'))) == ErrorKind::timed_out);
  });
}

BOOST_AUTO_TEST_CASE(fast_peer_cannot_outrun_the_deadline) {
  in_loop([] {
    auto [a, b] = socket_pair();
    Nursery n;
    n.spawn("flood", [&] {
      const std::string block(4096, 'x');
      while (b->write_all(block)) {
      }
    });
    const DeadlineScope d(Millis(50));
    Reader r(*a);
    BOOST_CHECK(kind_of(r.read_line(1000)) == ErrorKind::timed_out);
    n.cancel_all();
  });
}

BOOST_AUTO_TEST_CASE(cancellation_ends_a_read) {
  in_loop([] {
    auto [a, b] = socket_pair();
    Nursery n;
    ErrorKind seen{};
    n.spawn("reader", [&] {
      char c;
      seen = kind_of(a->read_some({&c, 1}));
    });
    yield_fiber();
    n.cancel_all();
    must(n.join());
    BOOST_CHECK(seen == ErrorKind::cancelled);
  });
}

BOOST_AUTO_TEST_CASE(closing_ends_the_wait_of_another_fiber) {
  in_loop([] {
    auto listener = listen_any();
    auto [a, b] = socket_pair();
    Nursery n;
    std::vector<ErrorKind> seen;
    n.spawn("accept", [&] { seen.push_back(kind_of(listener->accept())); });
    n.spawn("read", [&] { seen.push_back(kind_of(a->wait_readable())); });
    yield_fiber();
    listener->close();
    a->abort();
    must(n.join());
    BOOST_TEST(seen.size() == 2u);
    for (const ErrorKind k : seen) BOOST_CHECK(k == ErrorKind::closed);
    BOOST_TEST(a->fd() == -1);
    BOOST_CHECK(kind_of(a->write_all("x")) == ErrorKind::closed);
  });
}

BOOST_AUTO_TEST_CASE(end_and_reset_are_told_apart) {
  in_loop([] {
    auto listener = listen_any();
    auto c1 = must(connect_tcp(listener->local()));
    auto s1 = must(listener->accept());
    char c;
    c1->close();
    BOOST_TEST(must(s1->read_some({&c, 1})) == 0u);
    auto c2 = must(connect_tcp(listener->local()));
    auto s2 = must(listener->accept());
    c2->abort();
    BOOST_CHECK(kind_of(s2->read_some({&c, 1})) == ErrorKind::closed);
  });
}

BOOST_AUTO_TEST_CASE(the_last_reply_survives_unread_input) {
  in_loop([] {
    auto listener = listen_any();
    auto c = must(connect_tcp(listener->local()));
    auto s = must(listener->accept());
    must(c->write_all("unwanted pipelined input\r\n"));
    must(s->wait_readable());
    must(s->write_all("421 bye\r\n"));
    Nursery n;
    n.spawn("close", [&] { s->close(); });
    yield_fiber();
    Reader r(*c);
    BOOST_TEST(must(r.read_line(100)) == "421 bye\r\n");
    BOOST_TEST(must(r.read_line(100)).empty());
    c->close();
    must(n.join());
  });
}

BOOST_AUTO_TEST_CASE(connect_failures_keep_errno) {
  in_loop([] {
    auto listener = listen_any();
    const Endpoint at = listener->local();
    listener->close();
    const auto refused = connect_tcp(at);
    BOOST_CHECK(kind_of(refused) == ErrorKind::failed);
    BOOST_TEST(refused.error().sys_errno == ECONNREFUSED);
    BOOST_CHECK(kind_of(connect_tcp({"not an address", 25})) == ErrorKind::failed);
    BOOST_CHECK(kind_of(connect_tcp(at, "203.0.113.9")) == ErrorKind::failed);
    BOOST_TEST(connect_unix("/nonexistent/socket").error().sys_errno == ENOENT);
    BOOST_CHECK(kind_of(connect_unix(std::string(300, 'x'))) == ErrorKind::failed);
    // A backlog that is full never answers: the deadline must.
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_storage unused{};
    (void)unused;
    auto full = must(Listener::tcp({"127.0.0.1", 0}, 0));
    std::vector<std::unique_ptr<Socket>> held;
    ErrorKind last = ErrorKind::failed;
    for (int i = 0; i < 4; ++i) {
      const DeadlineScope d(Millis(50));
      auto c = connect_tcp(full->local());
      if (c) {
        held.push_back(std::move(*c));
      } else {
        last = c.error().kind;
      }
    }
    BOOST_CHECK(last == ErrorKind::timed_out);
    ::close(fd);
  });
}

BOOST_AUTO_TEST_CASE(listen_failures) {
  in_loop([] {
    auto l = listen_any();
    BOOST_TEST(Listener::tcp(l->local(), 5).error().sys_errno == EADDRINUSE);
    BOOST_CHECK(kind_of(Listener::tcp({"nonsense", 0}, 5)) == ErrorKind::failed);
    BOOST_CHECK(kind_of(Listener::unix_socket("/nonexistent/dir/s", 0600)) == ErrorKind::failed);
    auto v6 = Listener::tcp({"::1", 0}, 5);
    if (v6) {
      auto c = must(connect_tcp((*v6)->local(), "::1"));
      BOOST_TEST(must((*v6)->accept())->peer().ip == "::1");
      BOOST_TEST(c->local().is_v6());
    }
  });
}

BOOST_AUTO_TEST_CASE(unix_listener_replaces_a_stale_socket) {
  in_loop([] {
    const std::string path = temp_file("");
    ::unlink(path.c_str());
    {
      auto l = must(Listener::unix_socket(path, 0600));
      BOOST_CHECK(!Listener::unix_socket(path, 0600));  // in use; found out by connecting
      (void)must(l->accept());
      auto c = must(connect_unix(path));
      must(must(l->accept())->write_all("hi\n"));
      Reader r(*c);
      BOOST_TEST(must(r.read_line(10)) == "hi\n");
    }
    BOOST_TEST(::access(path.c_str(), F_OK) != 0);
  });
}

BOOST_AUTO_TEST_CASE(accept_pauses_when_descriptors_run_out) {
  in_loop([] {
    auto listener = listen_any();
    auto c = must(connect_tcp(listener->local()));
    struct rlimit old{};
    ::getrlimit(RLIMIT_NOFILE, &old);
    const struct rlimit none{3, old.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    const auto r = listener->accept();
    ::setrlimit(RLIMIT_NOFILE, &old);
    BOOST_CHECK(kind_of(r) == ErrorKind::defer);
    BOOST_TEST(r.error().sys_errno == EMFILE);
    must(listener->accept());  // still there
  });
}

BOOST_AUTO_TEST_CASE(reader_lines) {
  in_loop([] {
    auto [a, b] = socket_pair();
    must(a->write_all("one\r\ntwo\n\nrest"));
    Reader r(*b);
    BOOST_TEST(must(r.read_line(100)) == "one\r\n");
    BOOST_TEST(r.has_pending());
    BOOST_TEST(must(r.read_line(4)) == "two\n");  // exactly the limit
    BOOST_TEST(must(r.read_line(100)) == "\n");
    a->close();
    BOOST_TEST(must(r.read_line(100)) == "rest");
    BOOST_TEST(must(r.read_line(100)).empty());
    BOOST_TEST(must(r.peek()).empty());
  });
}

BOOST_AUTO_TEST_CASE(reader_swallows_a_line_that_is_too_long) {
  in_loop([] {
    auto [a, b] = socket_pair();
    Nursery n;
    n.spawn("writer", [&] {
      must(a->write_all(std::string(3 << 20, 'y').append("\nnext\n12345\n")));
      a->close();
    });
    Reader r(*b);
    const auto bad = r.read_line(1000);
    BOOST_CHECK(kind_of(bad) == ErrorKind::failed);
    BOOST_TEST(bad.error().text == "line too long");
    BOOST_TEST(must(r.read_line(1000)) == "next\n");
    BOOST_CHECK(kind_of(r.read_line(5)) == ErrorKind::failed);  // one over
    BOOST_TEST(must(r.read_line(5)).empty());
    must(n.join());
  });
}

BOOST_AUTO_TEST_CASE(reader_discard_drops_pipelined_plaintext) {
  in_loop([] {
    auto [a, b] = socket_pair();
    must(a->write_all("STARTTLS\r\nMAIL FROM:<evil@example.org>\r\n"));
    Reader r(*b);
    BOOST_TEST(must(r.read_line(100)) == "STARTTLS\r\n");
    BOOST_TEST(r.discard() == 30u);
    BOOST_TEST(!r.has_pending());
    const DeadlineScope d(Millis(10));
    BOOST_CHECK(kind_of(r.read_line(100)) == ErrorKind::timed_out);
  });
}

BOOST_AUTO_TEST_CASE(pending_input_is_seen_without_waiting) {
  in_loop([] {
    auto [a, b] = socket_pair();
    BOOST_TEST(!b->has_pending_input());
    must(a->write_all("x"));
    BOOST_TEST(b->has_pending_input());
    must(b->wait_readable());
    char c;
    BOOST_TEST(must(b->read_some({&c, 1})) == 1u);
    BOOST_TEST(!b->has_pending_input());
    a->close();
    must(b->wait_readable());  // the end counts as readable
    BOOST_TEST(!b->has_pending_input());
  });
}

BOOST_AUTO_TEST_CASE(stdio_over_regular_files) {
  const std::string in_path = temp_file("MAIL\r\nRCPT\r\n");
  const std::string out_path = temp_file("");
  const auto body = [&] {
    const int in = ::open(in_path.c_str(), O_RDONLY);
    const int out = ::open(out_path.c_str(), O_WRONLY | O_TRUNC);
    auto s = Socket::from_stdio(in, out);
    Reader r(*s);
    BOOST_TEST(must(r.read_line(100)) == "MAIL\r\n");
    BOOST_TEST(r.has_pending());
    must(s->wait_readable());
    BOOST_TEST(must(r.read_line(100)) == "RCPT\r\n");
    BOOST_TEST(must(r.read_line(100)).empty());
    must(s->write_all(std::string(10000, 'z')));
    s->close();
    BOOST_TEST(::lseek(out, 0, SEEK_END) == 10000);  // still open, and ours
    ::close(in);
    ::close(out);
  };
  in_loop(body);
  body();  // without a loop it simply blocks
  ::unlink(in_path.c_str());
  ::unlink(out_path.c_str());
}

BOOST_AUTO_TEST_CASE(stdio_over_pipes_leaves_their_flags_alone) {
  in_loop([] {
    int p[2];
    int q[2];
    BOOST_REQUIRE(::pipe(p) == 0 && ::pipe(q) == 0);
    auto s = Socket::from_stdio(p[0], q[1]);
    Nursery n;
    const std::string big(300000, 'b');
    n.spawn("writer", [&] { must(s->write_all(big)); });
    n.spawn("reader", [&] {
      std::array<char, 5000> block;
      std::size_t got = 0;
      while (got < big.size()) {
        must(wait_fd(q[0], false));
        got += static_cast<std::size_t>(::read(q[0], block.data(), block.size()));
      }
      BOOST_REQUIRE(::write(p[1], "done\n", 5) == 5);
    });
    Reader r(*s);
    BOOST_TEST(must(r.read_line(10)) == "done\n");
    must(n.join());
    BOOST_TEST((::fcntl(p[0], F_GETFL) & O_NONBLOCK) == 0);
    ::close(p[1]);
    BOOST_TEST(must(r.read_line(10)).empty());
    ::close(q[0]);
    BOOST_CHECK(kind_of(s->write_all("x")) == ErrorKind::closed);  // EPIPE, and no SIGPIPE
    ::close(p[0]);
    ::close(q[1]);
  });
}

BOOST_AUTO_TEST_CASE(descriptors_are_close_on_exec_and_nodelay) {
  in_loop([] {
    auto listener = listen_any();
    auto c = must(connect_tcp(listener->local()));
    auto s = must(listener->accept());
    for (const int fd : {listener->fd(), c->fd(), s->fd()}) BOOST_TEST((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  });
}

BOOST_AUTO_TEST_CASE(fd_watch_calls_back_and_may_outlive_the_loop) {
  int p[2];
  BOOST_REQUIRE(::pipe(p) == 0);
  std::unique_ptr<FdWatch> watch;
  in_loop([&] {
    Event e;
    watch = std::make_unique<FdWatch>(p[0], [&] {
      char c;
      BOOST_CHECK(::read(p[0], &c, 1) == 1);
      e.set();
    });
    BOOST_REQUIRE(::write(p[1], "x", 1) == 1);
    must(e.wait());
  });
  watch.reset();
  ::close(p[0]);
  ::close(p[1]);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remex::io
