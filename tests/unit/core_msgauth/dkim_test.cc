// DKIM verification: the RFCs' own messages, each way a signature can be wrong, and hostile sizes.
#include "core/msgauth/dkim.h"

#include <boost/test/unit_test.hpp>
#include <ctime>
#include <map>

#include "core/base/strings.h"
#include "core/msgauth/dkim_sign.h"

using namespace remex;
using namespace remex::msgauth;

namespace {

using Zone = std::map<std::string, KeyAnswer>;

KeyAnswer txt(std::string record) { return {KeyAnswer::Kind::found, {std::move(record)}}; }

constexpr std::string_view kEdRecord = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
constexpr std::string_view kRsaRecord =
    "v=DKIM1; k=rsa; "
    "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/b"
    "yYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/"
    "K4w3QIDAQAB";

/// RFC 8463 appendix A.
constexpr std::string_view kHeaders8463 =
    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\n"
    " d=football.example.com; i=@football.example.com;\n"
    " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\n"
    " subject : date : message-id : from : subject : date;\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\n"
    " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\n"
    " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\n"
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\n"
    " d=football.example.com; i=@football.example.com;\n"
    " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\n"
    " date : message-id : from : subject : date;\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\n"
    " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\n"
    " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\n"
    " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\n"
    "From: Joe SixPack <joe@football.example.com>\n"
    "To: Suzie Q <suzie@shopping.example.net>\n"
    "Subject: Is dinner ready?\n"
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\n"
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>\n";
constexpr std::string_view kBody8463 = "Hi.\n\nWe lost the game.  Are you hungry yet?\n\nJoe.\n";

Zone zone8463() {
  return {{"brisbane._domainkey.football.example.com", txt(std::string(kEdRecord))},
          {"test._domainkey.football.example.com", txt(std::string(kRsaRecord))}};
}

std::vector<DkimSignature> verify(std::string_view headers, std::string_view body, const Zone& zone,
                                  DkimVerifyOptions opt = {}, std::size_t piece = 0) {
  mail::HeaderList list;
  mail::split_headers(headers, list);
  DkimVerifier v(list, opt);
  if (piece == 0) piece = body.size() + 1;
  for (std::size_t i = 0; i < body.size(); i += piece) v.body(body.substr(i, piece));
  return v.finish([&](const std::string& name) {
    const auto it = zone.find(name);
    return it == zone.end() ? KeyAnswer{} : it->second;
  });
}

std::string verdict(const DkimSignature& s) {
  return std::string(to_string(s.status)) + (s.reason.empty() ? "" : " " + s.reason);
}

/// An Ed25519 key of our own (RFC 8410 PKCS#8 around RFC 8032 test 1), the private half of kEdRecord.
constexpr std::string_view kEdPrivate = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";

DkimSignOptions ed_options() {
  DkimSignOptions o;
  o.domain = "Example.ORG";
  o.selector = "sel";
  o.private_key = kEdPrivate;
  return o;
}
Zone own_zone(std::string record = std::string(kEdRecord)) {
  return {{"sel._domainkey.example.org", txt(std::move(record))}};
}

constexpr std::string_view kPlain = "From: a@example.org\nTo: b@example.net\nSubject: first\nSubject: second\n";

std::string sign(std::string_view headers, std::string_view body, const DkimSignOptions& o) {
  mail::HeaderList list;
  mail::split_headers(headers, list);
  auto r = dkim_sign(list, *mail::Body::from_string(std::string(body)), o);
  BOOST_REQUIRE_MESSAGE(r.has_value(), (r ? "" : r.error().text));
  return *r;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dkim)

BOOST_AUTO_TEST_CASE(rfc8463_appendix_a) {
  for (std::size_t piece : {0, 1, 7}) {
    const auto r = verify(kHeaders8463, kBody8463, zone8463(), {}, piece);
    BOOST_REQUIRE(r.size() == 2u);
    BOOST_TEST(verdict(r[0]) == "pass");
    BOOST_TEST(verdict(r[1]) == "pass");
    BOOST_TEST(r[0].log_line() ==
               "DKIM: d=football.example.com s=brisbane c=relaxed/relaxed a=ed25519-sha256 b=256 "
               "i=@football.example.com t=1528637909 "
               "[verification succeeded]");
    BOOST_TEST(r[1].key_bits == 1024u);
    BOOST_TEST(dkim_signers(r) == "football.example.com:@football.example.com");
    BOOST_TEST(r[0].signs("FROM"));
    BOOST_TEST(!r[0].signs("cc"));
  }
}

BOOST_AUTO_TEST_CASE(rfc6376_appendix_a) {
  // Simple canonicalisation keeps every blank of the example, as printed in the RFC.
  static constexpr std::string_view headers =
      "DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\n"
      "      c=simple/simple; q=dns/txt; i=joe@football.example.com;\n"
      "      h=Received : From : To : Subject : Date : Message-ID;\n"
      "      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\n"
      "      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\n"
      "        4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\n"
      "        KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\n"
      "        4bmp/YzhwvcubU4=;\n"
      "Received: from client1.football.example.com  [192.0.2.1]\n"
      "      by submitserver.example.com with SUBMISSION;\n"
      "      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\n"
      "From: Joe SixPack <joe@football.example.com>\n"
      "To: Suzie Q <suzie@shopping.example.net>\n"
      "Subject: Is dinner ready?\n"
      "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\n"
      "Message-ID: <20030712040037.46341.5F8J@football.example.com>\n";
  const Zone zone{
      {"brisbane._domainkey.example.com", txt("v=DKIM1; "
                                              "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/"
                                              "DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5"
                                              "ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/"
                                              "NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB")}};
  const auto r = verify(headers, "Hi.\n\nWe lost the game. Are you hungry yet?\n\nJoe.\n", zone);
  BOOST_REQUIRE(r.size() == 1u);
  BOOST_TEST(verdict(r[0]) == "pass");
  BOOST_TEST(r[0].identity == "joe@football.example.com");
}

BOOST_AUTO_TEST_CASE(tampering) {
  std::string body(kBody8463);
  body[0] = 'X';
  BOOST_TEST(verdict(verify(kHeaders8463, body, zone8463())[0]) == "fail bodyhash_mismatch");
  BOOST_TEST(verdict(verify(kHeaders8463, "", zone8463())[1]) == "fail bodyhash_mismatch");
  const std::string header = replace_all(kHeaders8463, "dinner", "supper");
  BOOST_TEST(verdict(verify(header, kBody8463, zone8463())[0]) == "fail signature_incorrect");
  BOOST_TEST(verdict(verify(header, kBody8463, zone8463())[1]) == "fail signature_incorrect");
  // h= names Subject twice: a second one added above is caught.
  BOOST_TEST(verdict(verify(std::string(kHeaders8463) + "Subject: more\n", kBody8463, zone8463())[0]) ==
             "fail signature_incorrect");
  // What relaxed forgives.
  const std::string spaced =
      replace_all(replace_all(kHeaders8463, "Subject: Is dinner", "SUBJECT :\t Is \n  dinner"), "ready?", "ready?  ");
  BOOST_TEST(verdict(verify(spaced, "Hi. \n\nWe lost the game. \tAre you hungry yet?\n\nJoe.\t \n \n\n",
                            zone8463())[0]) == "pass");
  BOOST_TEST(verdict(verify(kHeaders8463, "Hi.\n\nWe lost the game. Are you hungry yet?\n\nJoe.", zone8463())[1]) ==
             "pass");
}

BOOST_AUTO_TEST_CASE(keys_that_do_not_serve) {
  const std::string ours = sign(kPlain, "body\n", ed_options()) + std::string(kPlain);
  struct Case {
    std::string record;
    std::string_view verdict;
  };
  const std::string p = "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
  const Case cases[] = {
      {"k=ed25519; " + p, "pass"},
      {"v=DKIM1; k=ed25519; h=sha1:sha256; s=*; t=y; n=a=20note; " + p + ";", "pass"},
      {"v=DKIM1; k=ed25519; s=email; " + p, "pass"},
      {"v=DKIM1; k=ed25519; p=", "invalid pubkey_revoked"},
      {"v=DKIM1; k=ed25519; h=sha1; " + p, "invalid pubkey_unusable"},
      {"v=DKIM1; k=ed25519; s=tlsrpt; " + p, "invalid pubkey_unusable"},
      {std::string(kRsaRecord), "invalid pubkey_unusable"},
      {"v=DKIM1; k=dsa; " + p, "invalid pubkey_syntax"},
      {"v=DKIM2; k=ed25519; " + p, "invalid pubkey_syntax"},
      {"k=ed25519; v=DKIM1; " + p, "invalid pubkey_syntax"},
      {"v=DKIM1; k=ed25519", "invalid pubkey_syntax"},
      {"v=DKIM1; k=ed25519; k=rsa; " + p, "invalid pubkey_syntax"},
      {"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHUQ==", "invalid pubkey_syntax"},
      {"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURoA", "invalid pubkey_syntax"},
      {"v=DKIM1; k=ed25519; p=*", "invalid pubkey_syntax"},
      {"v=DKIM1; k=ed25519; n=" + std::string(100 * 1024, 'x') + ";" + p, "invalid pubkey_syntax"},
      {"v=spf1 -all", "invalid pubkey_syntax"},
      {"v=DKIM1; k=ed25519; p=1+Ps3fvGGdmsM2AsmhBh9Kc0VQ3cXfKBzYWYvX2dO5A=", "fail signature_incorrect"},
  };
  for (const Case& c : cases) {
    BOOST_TEST_CONTEXT(c.record.substr(0, 100)) {
      const auto r = verify(ours, "body\n", own_zone(c.record));
      BOOST_REQUIRE(r.size() == 1u);
      BOOST_TEST(
          (verdict(r[0]) == c.verdict || (c.verdict == "fail signature_incorrect" && r[0].status != DkimStatus::pass)));
    }
  }
  const auto noted = verify(ours, "body\n", own_zone(cases[1].record))[0];
  BOOST_TEST(noted.key_testing);
  BOOST_TEST(noted.key_notes == "a note");
  // Nothing there, no answer now, and a record beside a foreign one.
  BOOST_TEST(verdict(verify(ours, "body\n", {})[0]) == "invalid pubkey_unavailable");
  const Zone late{{"sel._domainkey.example.org", {KeyAnswer::Kind::temporary, {}}}};
  BOOST_TEST(verify(ours, "body\n", late)[0].temporary);
  BOOST_TEST(verdict(verify(ours, "body\n", late)[0]) == "invalid pubkey_unavailable");
  const std::string record(kEdRecord);
  BOOST_TEST(verdict(verify(ours, "body\n",
                            {{"sel._domainkey.example.org", {KeyAnswer::Kind::found, {"v=spf1 -all", record}}}})[0]) ==
             "pass");
  BOOST_TEST(verdict(verify(ours, "body\n",
                            {{"sel._domainkey.example.org", {KeyAnswer::Kind::found, {record, record}}}})[0]) ==
             "invalid pubkey_syntax");
  // Key sizes and options.
  DkimVerifyOptions strong;
  BOOST_REQUIRE(parse_min_keysizes("rsa=2048 ed25519=250", strong));
  const auto r = verify(kHeaders8463, kBody8463, zone8463(), strong);
  BOOST_TEST(verdict(r[0]) == "pass");
  BOOST_TEST(verdict(r[1]) == "invalid pubkey_too_short");
  BOOST_TEST(!parse_min_keysizes("dsa=1", strong));
  BOOST_TEST(!parse_min_keysizes("rsa", strong));
}

BOOST_AUTO_TEST_CASE(bad_signature_headers) {
  const std::string good =
      "v=1; a=rsa-sha256; d=example.org; s=sel; h=from:to; bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; b=AAAA";
  struct Case {
    std::string value;
    std::string_view detail;
  };
  const Case cases[] = {
      {good + "; d=other.org", "signature tag missing or invalid"},
      {replace_all(good, "v=1; ", ""), "signature tag missing or invalid"},
      {replace_all(good, "v=1", "v=2"), "unsupported DKIM version"},
      {replace_all(good, "rsa-sha256", "rsa-sha1"), "hash sha1 is not accepted (RFC 8301)"},
      {replace_all(good, "rsa-sha256", "ed25519-sha512"), "unsupported signature algorithm"},
      {replace_all(good, "rsa-sha256", "rsa"), "unsupported signature algorithm"},
      {replace_all(good, "from:to", "to:subject"), "From: is not signed"},
      {replace_all(good, "from:to", "from:t o"), "signature tag missing or invalid"},
      {good + "; c=nofws", "unsupported canonicalization"},
      {good + "; l=-1", "signature tag missing or invalid"},
      {good + "; l=99999999999999999999", "signature tag missing or invalid"},
      {good + "; t=99999999999999999999", "signature tag missing or invalid"},
      {good + "; x=1x", "signature tag missing or invalid"},
      {good + "; t=2; x=1", "signature expires before it was made"},
      {good + "; i=joe@example.net", "identity is outside the signing domain"},
      {good + "; i=joe@badexample.org", "identity is outside the signing domain"},
      {good + "; i=joe", "signature tag missing or invalid"},
      {good + "; q=http", "unsupported query method"},
      {good + ";;x=1", "signature tag missing or invalid"},
      {good + "; novalue", "signature tag missing or invalid"},
      {replace_all(good, "d=example.org", "d=exa\x01mple.org"), "signature tag missing or invalid"},
      {replace_all(good, "s=sel", "s=../x"), "signature tag missing or invalid"},
      {replace_all(good, "b=AAAA", "b=A*"), "signature tag missing or invalid"},
      {replace_all(good, "b=AAAA", "b="), "signature tag missing or invalid"},
      {replace_all(good, "b=AAAA", "b=" + std::string(1 << 20, 'A')), "signature tag missing or invalid"},
      {"", "signature tag missing or invalid"},
  };
  for (const Case& c : cases) {
    BOOST_TEST_CONTEXT(c.value.substr(0, 200)) {
      bool asked = false;
      mail::HeaderList list;
      mail::split_headers("DKIM-Signature: " + c.value + "\nFrom: a@example.org\n", list);
      DkimVerifier v(list, {});
      BOOST_TEST(!v.wanted());
      const auto& r = v.finish([&](const std::string&) { return asked = true, KeyAnswer{}; });
      BOOST_REQUIRE(r.size() == 1u);
      BOOST_TEST(verdict(r[0]) == "invalid signature_invalid");
      BOOST_TEST(r[0].detail == c.detail);
      BOOST_TEST(!asked);
      BOOST_TEST(dkim_signers(r) == "");
    }
  }
}

BOOST_AUTO_TEST_CASE(body_length_limit) {
  // Made with l= by rewriting what the signer wrote: signing has no l= on purpose, so hash by hand.
  BodyHashes h;
  h.want(Canon::simple, HashKind::sha256, 4);
  h.want(Canon::simple, HashKind::sha256, 0);
  h.want(Canon::simple, HashKind::sha256, 100);
  h.want(Canon::simple, HashKind::sha256, BodyHashes::kNoLimit);
  for (char c : std::string_view("ab\ncd\n\n\n")) h.add(std::string_view(&c, 1));
  h.finish();
  const auto sha = [](std::string_view s) {
    Hash x(HashKind::sha256);
    x.add(s);
    return x.snapshot();
  };
  BOOST_TEST((h.digest(Canon::simple, HashKind::sha256, 4) == sha("ab\r\n")));
  BOOST_TEST((h.digest(Canon::simple, HashKind::sha256, 0) == sha("")));
  BOOST_TEST((h.digest(Canon::simple, HashKind::sha256, BodyHashes::kNoLimit) == sha("ab\r\ncd\r\n")));
  BOOST_TEST(h.digest(Canon::simple, HashKind::sha256, 100).empty());
  BOOST_TEST(h.length(Canon::simple) == 8u);
}

BOOST_AUTO_TEST_CASE(canonical_bodies) {
  struct Case {
    std::string_view in, simple, relaxed;
  };
  static constexpr Case cases[] = {
      {"", "\r\n", ""},
      {"\n\n\n", "\r\n", ""},
      {"a", "a\r\n", "a\r\n"},
      {" \n\t\n", " \r\n\t\r\n", ""},
      {" C \nD \t E\n\n\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"},
      {"a\n\n \nb  ", "a\r\n\r\n \r\nb  \r\n", "a\r\n\r\n\r\nb\r\n"},
      {"a\rb\n", "a\rb\r\n", "a\rb\r\n"},
      {"  two", "  two\r\n", " two\r\n"},
  };
  for (const Case& c : cases) {
    for (std::size_t piece : {1, 2, 3, 100}) {
      for (Canon canon : {Canon::simple, Canon::relaxed}) {
        std::string out;
        BodyCanon b(canon, [&](std::string_view s) { out += s; });
        for (std::size_t i = 0; i < c.in.size(); i += piece) b.add(c.in.substr(i, piece));
        b.finish();
        BOOST_TEST(out == (canon == Canon::simple ? c.simple : c.relaxed));
      }
    }
  }
  std::string header;
  canon_header(Canon::relaxed, "SubJect \t:  a \n\t b  \n", header);
  canon_header(Canon::relaxed, "X:\n", header);
  canon_header(Canon::simple, "B : x\n  y \n", header);
  BOOST_TEST(header == "subject:a b\r\nx:\r\nB : x\r\n  y \r\n");
}

BOOST_AUTO_TEST_CASE(expiry_and_minimal) {
  DkimSignOptions o = ed_options();
  o.timestamps = 100;
  o.now = 1000;
  o.identity = "joe smith@mail.example.org";
  const std::string ours = sign(kPlain, "body\n", o) + std::string(kPlain);
  DkimVerifyOptions opt;
  opt.now = 1100;
  const auto r = verify(ours, "body\n", own_zone(), opt)[0];
  BOOST_TEST(verdict(r) == "pass");
  BOOST_TEST(r.created == 1000);
  BOOST_TEST(r.expires == 1100);
  BOOST_TEST(r.identity == "joe smith@mail.example.org");
  BOOST_TEST(verdict(verify(ours, "body\n",
                            own_zone("v=DKIM1; k=ed25519; t=s; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
                            opt)[0]) == "invalid pubkey_unusable");
  opt.now = 1101;
  BOOST_TEST(verdict(verify(ours, "body\n", own_zone(), opt)[0]) == "fail signature_expired");
  opt = {};
  opt.minimal = true;
  const auto two = verify(kHeaders8463, kBody8463, zone8463(), opt);
  BOOST_TEST(verdict(two[1]) == "none");
}

BOOST_AUTO_TEST_CASE(hostile_sizes) {
  const std::clock_t begin = std::clock();  // the processor's time: other tests may run beside this one
  // 1000 signatures: 20 are looked at, each name is asked for once.
  std::string many;
  const std::string one(kHeaders8463.substr(0, kHeaders8463.find("DKIM", 5)));
  for (int i = 0; i < 1000; ++i) many += one;
  mail::HeaderList list;
  mail::split_headers(many + std::string(kHeaders8463), list);
  DkimVerifier v(list, {});
  v.body(kBody8463);
  int asked = 0;
  const auto& r = v.finish([&](const std::string&) { return ++asked, txt(std::string(kEdRecord)); });
  BOOST_TEST(r.size() == 20u);
  BOOST_TEST(v.ignored() == 982u);
  BOOST_TEST(asked == 1);
  BOOST_TEST(v.key_names().size() == 1u);
  // h= of 10,000 names, 10,000 tags, and 16 MiB of blank lines in few steps of memory.
  std::string names = "from", tags = "v=1";
  for (int i = 0; i < 10000; ++i) names += ":x", tags += ";t" + std::to_string(i) + "=1";
  const std::string rest = "; a=rsa-sha256; d=a.org; s=b; bh=AAAA; b=AAAA; h=";
  BOOST_TEST(verify("DKIM-Signature: v=1" + rest + names + "\n", "", {})[0].detail == "too many names in h=");
  BOOST_TEST(verify("DKIM-Signature: " + tags + rest + "from\n", "", {})[0].detail ==
             "signature tag missing or invalid");
  BodyHashes h;
  h.want(Canon::relaxed, HashKind::sha256, BodyHashes::kNoLimit);
  h.want(Canon::simple, HashKind::sha256, BodyHashes::kNoLimit);
  const std::string blank(1 << 20, '\n');
  for (int i = 0; i < 16; ++i) h.add(blank);
  h.add("x");
  h.finish();
  BOOST_TEST(h.length(Canon::simple) == 2u * 16 * (1 << 20) + 3);
  BOOST_TEST(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC < 60.0);
}

BOOST_AUTO_TEST_SUITE_END()
