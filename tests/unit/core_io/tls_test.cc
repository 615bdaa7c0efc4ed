// TLS both sides over socket pairs: names, data, ends, failures, buffered plaintext.
#include "core/io/tls.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "in_loop.h"

BOOST_TEST_DONT_PRINT_LOG_VALUE(remex::ErrorKind)

namespace remex::io {
namespace {

struct Sides {
  Result<std::unique_ptr<TlsStream>> server = fail("not run");
  Result<std::unique_ptr<TlsStream>> client = fail("not run");
};

std::shared_ptr<TlsServerContext> server_context() {
  return must(TlsServerContext::create({.hostname = "mail.example.org"}));
}

Sides handshake(TlsServerContext& s, TlsClientContext& c, const std::string& sni = "mail.example.org") {
  int fds[2];
  BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  Sides out;
  Nursery n;
  n.spawn("server", [&] { out.server = s.accept(Socket::adopt(fds[0])); });
  n.spawn("client", [&] { out.client = c.connect(Socket::adopt(fds[1]), sni, "mail.example.org"); });
  must(n.join());
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tls)

BOOST_AUTO_TEST_CASE(handshake_names_and_data) {
  in_loop([] {
    auto sc = server_context();
    auto cc = must(TlsClientContext::create({}));
    Sides t = handshake(*sc, *cc);
    auto server = must(std::move(t.server));
    auto client = must(std::move(t.client));
    BOOST_TEST(server->info().version == "TLS1.3");
    BOOST_TEST(server->info().cipher == "TLS1.3:ECDHE_SECP256R1__ECDSA_SECP256R1_SHA256__AES_256_GCM:256");
    BOOST_TEST(server->info().cipher_std == "TLS_AES_256_GCM_SHA384");
    BOOST_TEST(server->info().bits == 256);
    BOOST_TEST(server->info().sni == "mail.example.org");
    BOOST_TEST(server->info().peer_dn.empty());
    BOOST_TEST(client->info().peer_dn == "CN=mail.example.org");
    BOOST_TEST(!client->info().peer_verified);
    BOOST_CHECK(client->info().peer_cert_pem.starts_with("-----BEGIN CERTIFICATE-----"));
    BOOST_TEST(!client->has_pending_input());  // session tickets are no input

    const std::string big(1 << 20, 'x');
    Nursery n;
    n.spawn("client", [&] {
      must(client->write_all(big));
      must(client->write_all("\nQUIT\n"));
    });
    Reader r(*server);
    BOOST_TEST(must(r.read_line(2 << 20)).size() == big.size() + 1);
    BOOST_TEST(must(r.read_line(100)) == "QUIT\n");
    must(n.join());
    client->close();
    BOOST_TEST(must(r.read_line(100)).empty());
  });
}

BOOST_AUTO_TEST_CASE(tls12_cipher_name) {
  in_loop([] {
    auto sc = must(TlsServerContext::create({.hostname = "h", .priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2"}));
    auto cc = must(TlsClientContext::create({}));
    Sides t = handshake(*sc, *cc, "");
    auto server = must(std::move(t.server));
    BOOST_CHECK(server->info().cipher.starts_with("TLS1.2:ECDHE_"));
    BOOST_CHECK(server->info().cipher.ends_with("__ECDSA_SHA256__AES_256_GCM:256") ||
                server->info().cipher.ends_with("AES_256_GCM:256"));
    BOOST_TEST(server->info().cipher_std.starts_with("TLS_ECDHE_ECDSA_WITH_AES_256_GCM"));
    BOOST_TEST(server->info().sni.empty());
  });
}

BOOST_AUTO_TEST_CASE(pending_and_waiting_see_through_records) {
  in_loop([] {
    auto sc = server_context();
    auto cc = must(TlsClientContext::create({}));
    Sides t = handshake(*sc, *cc);
    auto server = must(std::move(t.server));
    auto client = must(std::move(t.client));
    BOOST_TEST(!server->has_pending_input());
    must(client->write_all("hello"));
    must(server->wait_readable());
    BOOST_TEST(server->has_pending_input());
    char two[2];
    BOOST_TEST(must(server->read_some(two)) == 2u);
    BOOST_TEST(server->has_pending_input());  // now in the record buffer only
    must(server->wait_readable());
    char rest[10];
    BOOST_TEST(must(server->read_some(rest)) == 3u);
    BOOST_TEST(!server->has_pending_input());
    const DeadlineScope d(Millis(20));
    BOOST_CHECK(kind_of(server->wait_readable()) == ErrorKind::timed_out);
    BOOST_CHECK(kind_of(server->read_some(rest)) == ErrorKind::timed_out);
  });
}

BOOST_AUTO_TEST_CASE(failed_handshakes) {
  in_loop([] {
    auto sc = must(TlsServerContext::create({.hostname = "h", .priority = "NORMAL:-VERS-ALL:+VERS-TLS1.3"}));
    auto old = must(TlsClientContext::create({.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2"}));
    const Sides t = handshake(*sc, *old);
    BOOST_CHECK(kind_of(t.server) == ErrorKind::failed);
    BOOST_CHECK(kind_of(t.client) == ErrorKind::failed);
    BOOST_TEST(t.client.error().text == "A TLS fatal alert has been received: Handshake failed");
    BOOST_CHECK(t.server.error().text.find('\n') == std::string::npos);

    int fds[2];
    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    auto plain = Socket::adopt(fds[1]);
    must(plain->write_all("EHLO this is not TLS\r\n"));
    const auto junk = sc->accept(Socket::adopt(fds[0]));
    BOOST_CHECK(kind_of(junk) == ErrorKind::failed);

    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    auto gone = Socket::adopt(fds[1]);
    gone->close();
    BOOST_CHECK(kind_of(sc->accept(Socket::adopt(fds[0]))) == ErrorKind::closed);

    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    auto silent = Socket::adopt(fds[1]);
    const DeadlineScope d(Millis(30));
    BOOST_CHECK(kind_of(sc->accept(Socket::adopt(fds[0]))) == ErrorKind::timed_out);
  });
}

// RFC 3207 4.2: plaintext pipelined behind STARTTLS is dropped and never reaches the TLS side.
BOOST_AUTO_TEST_CASE(starttls_drops_buffered_plaintext) {
  in_loop([] {
    int fds[2];
    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    auto sc = server_context();
    auto cc = must(TlsClientContext::create({}));
    Nursery n;
    n.spawn("server", [&] {
      std::unique_ptr<Stream> s = Socket::adopt(fds[0]);
      Reader r(*s);
      BOOST_TEST(must(r.read_line(100)) == "STARTTLS\r\n");
      BOOST_TEST(r.discard() == 6u);
      must(s->write_all("220 go\r\n"));
      auto tls_stream = must(sc->accept(std::move(s)));
      r.rebind(*tls_stream);
      BOOST_TEST(must(r.read_line(100)) == "NOOP\r\n");
    });
    std::unique_ptr<Stream> c = Socket::adopt(fds[1]);
    must(c->write_all("STARTTLS\r\nRSET\r\n"));
    Reader r(*c);
    BOOST_TEST(must(r.read_line(100)) == "220 go\r\n");
    auto tls_stream = must(cc->connect(std::move(c), "", ""));
    must(tls_stream->write_all("NOOP\r\n"));
    must(n.join());
  });
}

BOOST_AUTO_TEST_CASE(certificate_from_a_file_is_verified) {
  in_loop([] {
    // The self-signed certificate of one handshake is the trust file of the next.
    auto sc = server_context();
    auto cc = must(TlsClientContext::create({}));
    const Sides t = handshake(*sc, *cc);
    BOOST_REQUIRE(t.client);
    const std::string pem = (*t.client)->info().peer_cert_pem;
    std::string path = "/tmp/remex_tls_test_XXXXXX";
    const int fd = ::mkstemp(path.data());
    BOOST_REQUIRE(::write(fd, pem.data(), pem.size()) == static_cast<ssize_t>(pem.size()));
    ::close(fd);
    auto trusting = must(TlsClientContext::create({.verify_certificates = path}));
    Sides good = handshake(*sc, *trusting);
    BOOST_TEST(must(std::move(good.client))->info().verify_error == "");
    auto other = server_context();  // same name, other key
    Sides bad = handshake(*other, *trusting);
    auto c = must(std::move(bad.client));
    BOOST_TEST(!c->info().peer_verified);
    BOOST_TEST(!c->info().verify_error.empty());
    const auto no_key = TlsServerContext::create({.certificate_file = path});
    BOOST_CHECK(kind_of(no_key) == ErrorKind::config);
    BOOST_CHECK(no_key.error().text.find(path) != std::string::npos);
    ::unlink(path.c_str());
  });
}

BOOST_AUTO_TEST_CASE(bad_files_and_priorities_are_named) {
  const auto missing = TlsServerContext::create({.certificate_file = "/nonexistent/cert.pem"});
  BOOST_REQUIRE(!missing);
  BOOST_TEST(missing.error().text == "cannot read certificate file /nonexistent/cert.pem: No such file or directory");
  BOOST_TEST(missing.error().sys_errno == ENOENT);
  const auto junk = TlsServerContext::create({.certificate_file = "/etc/passwd"});
  BOOST_REQUIRE(!junk);
  BOOST_CHECK(junk.error().text.starts_with("certificate /etc/passwd with key /etc/passwd: "));
  const auto priority = TlsClientContext::create({.priority = "NORMAL:+NO-SUCH"});
  BOOST_REQUIRE(!priority);
  BOOST_CHECK(priority.error().text.find("NO-SUCH") != std::string::npos);
  BOOST_CHECK(!TlsClientContext::create({.verify_certificates = "/nonexistent"}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remex::io
