// DKIM signing: what is signed, how the header reads, which keys and options are refused; every signature is verified
// again.
#include "core/msgauth/dkim_sign.h"

#include <gnutls/x509.h>

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "core/base/strings.h"
#include "core/msgauth/dkim.h"

using namespace remex;
using namespace remex::msgauth;

namespace {

constexpr std::string_view kEdPrivate = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";

std::string make_key(gnutls_pk_algorithm_t algorithm, unsigned bits) {
  gnutls_x509_privkey_t key;
  BOOST_REQUIRE(remex::gnutls_x509_privkey_init(&key) >= 0);
  BOOST_REQUIRE(remex::gnutls_x509_privkey_generate(key, algorithm, bits, 0) >= 0);
  gnutls_datum_t out{};
  BOOST_REQUIRE(remex::gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &out) >= 0);
  std::string pem(reinterpret_cast<char*>(out.data), out.size);
  remex::gnutls_free(out.data);
  remex::gnutls_x509_privkey_deinit(key);
  return pem;
}

const std::string& rsa_key() {
  static const std::string key = make_key(GNUTLS_PK_RSA, 1024);
  return key;
}

DkimSignOptions options(std::string key, std::string sign_headers = {}) {
  DkimSignOptions o;
  o.domain = "example.org";
  o.selector = "sel";
  o.private_key = std::move(key);
  o.sign_headers = std::move(sign_headers);
  return o;
}

constexpr std::string_view kMessage =
    "Received: x\nFrom: a@example.org\nTo: b@example.net,\n\tc@example.net\nSubject: one  two \nX-A: 1\nX-A: 2\nX-A: "
    "3\n";

mail::HeaderList parsed(std::string_view text) {
  mail::HeaderList list;
  mail::split_headers(text, list);
  return list;
}

std::string h_tag(const std::string& header) {
  const std::size_t at = header.find("h=") + 2;
  std::string names;
  for (char c : header.substr(at, header.find(';', at) - at)) {
    if (!is_space(c)) names += c;
  }
  return names;
}

DkimSignature verify(const std::string& text, std::string_view body, const std::string& private_key) {
  const mail::HeaderList list = parsed(text);
  DkimVerifier v(list, {});
  v.body(body);
  const auto key = PrivateKey::import(private_key);
  BOOST_REQUIRE(key.has_value());
  const std::string record = std::string("v=DKIM1; k=") + (key->kind() == KeyKind::rsa ? "rsa" : "ed25519") +
                             "; p=" + key->dns_public_key().value();
  return v.finish([&](const std::string&) { return KeyAnswer{KeyAnswer::Kind::found, {record}}; }).at(0);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dkim_signing)

BOOST_AUTO_TEST_CASE(round_trips) {
  const std::string big = "line of text \t with  blanks \n\n" + std::string(300000, 'x') + "\n\n\n";
  for (const std::string& key : {rsa_key(), std::string(kEdPrivate)}) {
    for (const std::string canon : {"", "relaxed", "simple"}) {
      for (const std::string hash : {"", "sha256", "sha512"}) {
        if (hash == "sha512" && key == kEdPrivate) continue;
        for (const std::string& body : {std::string(), std::string("hi\n"), big}) {
          DkimSignOptions o = options(key);
          o.canon = canon;
          o.hash = hash;
          auto r = dkim_sign(parsed(kMessage), *mail::Body::from_string(body), o);
          BOOST_REQUIRE_MESSAGE(r.has_value(), (r ? "" : r.error().text));
          const DkimSignature s = verify(*r + std::string(kMessage), body, key);
          BOOST_TEST(s.log_line().ends_with("[verification succeeded]"), s.log_line());
          for (std::string_view line : split(*r, '\n')) BOOST_TEST(line.size() <= 72u + 6);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(which_headers) {
  struct Case {
    std::string_view list, h;
  };
  static constexpr Case cases[] = {
      {"From:X-A", "X-A:From"},
      {"From:X-A:X-A", "X-A:X-A:From"},
      {"=From:=X-A:=Cc", "X-A:X-A:X-A:From"},
      {"+From:+X-A:+Cc", "X-A:X-A:X-A:From:From:X-A:Cc"},
      {"From:Cc:Cc", "From:Cc:Cc"},
      {" from : x-a ", "x-a:from"},
  };
  for (const Case& c : cases) {
    const DkimSignOptions o = options(std::string(kEdPrivate), std::string(c.list));
    const auto r = dkim_sign(parsed(kMessage), *mail::Body::from_string("x\n"), o);
    BOOST_TEST_CONTEXT(c.list) {
      BOOST_REQUIRE(r.has_value());
      BOOST_TEST(h_tag(*r) == c.h);
      BOOST_TEST(verify(*r + std::string(kMessage), "x\n", o.private_key).log_line().ends_with("succeeded]"));
    }
  }
  // Oversigning: a second From: breaks the signature; with "=" it does not.
  for (auto [list, intact] :
       std::initializer_list<std::pair<std::string_view, bool>>{{"+From", false}, {"=From", true}}) {
    const DkimSignOptions o = options(std::string(kEdPrivate), std::string(list));
    const auto r = dkim_sign(parsed(kMessage), *mail::Body::from_string("x\n"), o);
    BOOST_TEST((verify(*r + "From: evil@example.com\n" + std::string(kMessage), "x\n", o.private_key).status ==
                DkimStatus::pass) == intact);
  }
}

BOOST_AUTO_TEST_CASE(form_of_the_header) {
  DkimSignOptions o = options(std::string(kEdPrivate), "From:To");
  o.identity = "u@example.org";
  o.timestamps = 10;
  o.now = 1700000000;
  const auto r = dkim_sign(parsed(kMessage), *mail::Body::from_string(""), o);
  BOOST_TEST(
      r.value().starts_with(
          "DKIM-Signature: v=1; a=ed25519-sha256; q=dns/txt; c=relaxed/relaxed;\n\td=example.org; s=sel; h=To:From; "
          "i=u@example.org; t=1700000000;\n\tx=1700000010; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b="),
      r.value());
  o.timestamps = 0;
  BOOST_TEST(dkim_sign(parsed(kMessage), *mail::Body::from_string(""), o).value().find(" x=") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(refusals_name_the_option_and_hide_the_key) {
  const auto error = [](DkimSignOptions o) {
    const auto r = dkim_sign(parsed(kMessage), *mail::Body::from_string("x"), o);
    BOOST_REQUIRE(!r.has_value());
    return r.error().text;
  };
  const std::string ed(kEdPrivate);
  DkimSignOptions o = options(ed);
  o.hash = "sha1";
  BOOST_TEST(error(o) == "dkim_hash sha1 is refused (RFC 8301)");
  o.hash = "md5";
  BOOST_TEST(error(o) == "unknown dkim_hash \"md5\"");
  o.hash = "sha512";
  BOOST_TEST(error(o) == "an Ed25519 key needs dkim_hash sha256 (RFC 8463)");
  o = options(ed);
  o.canon = "nofws";
  BOOST_TEST(error(o) == "unknown dkim_canon \"nofws\"");
  o = options(ed);
  o.domain = "example.org; x=1\nFoo: bar";
  BOOST_TEST(error(o) == "dkim_domain \"example.org; x=1\\nFoo: bar\" is not a domain");
  o = options(ed);
  o.selector = "a/b";
  BOOST_TEST(error(o) == "dkim_selector \"a/b\" is not a name");
  BOOST_TEST(error(options(ed, "To:Subject")) == "dkim_sign_headers does not sign From: (RFC 6376 5.4)");
  BOOST_TEST(error(options(ed, "From:a b")) == "dkim_sign_headers: bad header name \"a b\"");
  BOOST_TEST(error(options("/nonexistent/key")).find("/nonexistent/key") != std::string::npos);
  BOOST_TEST(error(options("garbage")).starts_with("private key: "));
  BOOST_TEST(error(options("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")).find("password") != std::string::npos);
  BOOST_TEST(error(options(make_key(GNUTLS_PK_RSA, 768))) == "RSA private key is shorter than 1024 bits (RFC 8301)");
  BOOST_TEST(error(options(make_key(GNUTLS_PK_ECDSA, 256))) == "private key is neither RSA nor Ed25519");
  for (std::string_view off : {"", "0", "false"}) BOOST_TEST(dkim_key_disabled(off));
  BOOST_TEST(!dkim_key_disabled("/k"));
}

BOOST_AUTO_TEST_CASE(key_files_and_two_signatures_at_once) {
  const std::string path = "/tmp/remex_dkim_key_" + std::to_string(getpid());
  std::ofstream(path) << rsa_key();
  const auto both = dkim_sign(parsed(kMessage), *mail::Body::from_string("x\n"),
                              std::vector{options(path), options(std::string(kEdPrivate)), options("bad")});
  BOOST_REQUIRE(both.size() == 3u);
  BOOST_TEST(verify(both[0].value() + std::string(kMessage), "x\n", rsa_key()).log_line().ends_with("succeeded]"));
  BOOST_TEST(verify(both[1].value() + std::string(kMessage), "x\n", std::string(kEdPrivate))
                 .log_line()
                 .ends_with("succeeded]"));
  BOOST_TEST(!both[2]);
  std::remove(path.c_str());
}

BOOST_AUTO_TEST_SUITE_END()
