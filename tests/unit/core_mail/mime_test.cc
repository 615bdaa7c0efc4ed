// MIME structure, headers of parts, decoding: good ones, odd ones, hostile ones.
#include <boost/test/unit_test.hpp>

#include "core/mail/mime.h"

using namespace remex::mail;

namespace {

/// "begin-end" of each part's content as text, one line each; "+" in front of a cover letter part.
std::string shape(std::string_view top, std::string_view body, MimeScanner::Limits limits = {}, std::size_t step = 0) {
  MimeScanner s(parse_mime_header(top), limits);
  for (std::size_t i = 0; i < body.size(); i += step == 0 ? body.size() : step)
    s.feed(body.substr(i, step == 0 ? body.size() : step));
  s.finish();
  std::string out;
  for (const MimePart& p : s.parts()) {
    out += p.cover ? "+[" : "[";
    out += std::string(body.substr(p.body_begin, p.body_end - p.body_begin)) + "]";
  }
  if (s.trouble() == MimeScanner::Trouble::too_deep) out += " too deep";
  if (s.trouble() == MimeScanner::Trouble::too_many) out += " too many";
  return out;
}

std::string decoded(TransferEncoding e, std::string_view in, bool* broken = nullptr) {
  MimeDecoder d(e);
  std::string out;
  for (const char c : in) d.feed({&c, 1}, out);
  d.finish(out);
  if (broken != nullptr) *broken = d.broken();
  MimeDecoder whole(e);
  std::string again;
  whole.feed(in, again);
  whole.finish(again);
  BOOST_TEST(out == again);
  return out;
}

constexpr std::string_view kMixed = "Content-Type: multipart/mixed; boundary=X\n";

}  // namespace

BOOST_AUTO_TEST_SUITE(mime)

BOOST_AUTO_TEST_CASE(structure) {
  const std::string body = "pre\n--X\nContent-Type: text/plain\n\none\n--X\n\ntwo\n--X--\nepi\n";
  for (const std::size_t step : {0, 1, 2, 7})
    BOOST_TEST(shape(kMixed, body, {}, step) == "+[" + body + "]+[one\n][two\n]");
  BOOST_TEST(shape("Content-Type: text/plain\n", "--X\n\na\n") == "+[--X\n\na\n]");
  BOOST_TEST(shape("Content-Type: multipart/mixed\n", "--X\n\na\n") == "+[--X\n\na\n]");
  BOOST_TEST(shape(kMixed, "") == "+[]");
  BOOST_TEST(shape(kMixed, "--X") == "+[--X]+[]");
  BOOST_TEST(shape(kMixed, "--X\nA: b") == "+[--X\nA: b]+[]");
  BOOST_TEST(shape(kMixed, "--X\nA: b\n--X\n\nc") == "+[--X\nA: b\n--X\n\nc]+[][c]");
  BOOST_TEST(shape(kMixed, "--X  \r\n\r\na\r\n--X-- \t\r\n") == "+[--X  \r\n\r\na\r\n--X-- \t\r\n]+[a\r\n]");
}

BOOST_AUTO_TEST_CASE(boundaries_that_resemble) {
  const std::string inner = "Content-Type: multipart/mixed; boundary=XY\n\n--XY\n\na\n--XY--\n";
  BOOST_TEST(shape(kMixed, "--X\n" + inner + "--X\n\nb\n--X--\n") ==
             "+[--X\n" + inner + "--X\n\nb\n--X--\n]+[--XY\n\na\n--XY--\n]+[a\n][b\n]");
  // and the other way round: the outer is the longer one
  const std::string other = "Content-Type: multipart/mixed; boundary=X\n\n--X\n\na\n--X--\n";
  BOOST_TEST(shape("Content-Type: multipart/mixed; boundary=XY\n", "--XY\n" + other + "--XY\n\nb\n--XY--\n") ==
             "+[--XY\n" + other + "--XY\n\nb\n--XY--\n]+[--X\n\na\n--X--\n]+[a\n][b\n]");
  // what only begins like a delimiter is one all the same (RFC 2046 5.1.1)
  BOOST_TEST(shape(kMixed, "--Xfoo\n\na\n") == "+[--Xfoo\n\na\n]+[a\n]");
  BOOST_TEST(shape("Content-Type: multipart/mixed; boundary=\"X y \"\n", "--X y \n\na\n--X y --\n") ==
             "+[--X y \n\na\n--X y --\n]+[a\n]");
  const std::string big(3000, 'b');
  BOOST_TEST(
      shape("Content-Type: multipart/mixed; boundary=" + big + "\n", "--" + big + "\n\na\n").ends_with("+[a\n]"));
}

BOOST_AUTO_TEST_CASE(cover_letters) {
  const std::string alternative = "Content-Type: multipart/alternative; boundary=A\n\n--A\n\n1\n--A\n\n2\n--A--\n";
  const std::string got = shape(kMixed, "--X\n" + alternative + "--X\n" + alternative + "--X--\n");
  BOOST_TEST(got.ends_with("]+[--A\n\n1\n--A\n\n2\n--A--\n]+[1\n]+[2\n][--A\n\n1\n--A\n\n2\n--A--\n][1\n][2\n]"), got);
}

BOOST_AUTO_TEST_CASE(limits) {
  std::string nested, end;
  for (int i = 0; i < 1000; ++i)
    nested +=
        "--B" + std::to_string(i) + "\nContent-Type: multipart/mixed; boundary=B" + std::to_string(i + 1) + "\n\n";
  MimeScanner deep(parse_mime_header("Content-Type: multipart/mixed; boundary=B0\n"), {});
  deep.feed(nested);
  deep.finish();
  BOOST_TEST((deep.trouble() == MimeScanner::Trouble::too_deep));
  BOOST_TEST(deep.parts().size() == 51U);
  std::string many;
  for (int i = 0; i < 100; ++i) many += "--X\n\n";
  BOOST_TEST(shape(kMixed, many, {.max_parts = 20}).ends_with("too many"));
  BOOST_TEST(!shape(kMixed, many, {.max_parts = 200}).ends_with("too many"));
  MimeScanner long_head{parse_mime_header(kMixed), {}};
  long_head.feed("--X\n" + std::string(100, 'x') + ": y\n");
  for (int i = 0; i < 3000; ++i) long_head.feed("X-Filler: " + std::string(30, 'y') + "\n");
  long_head.feed("\nbody\n");
  long_head.finish();
  BOOST_TEST(long_head.parts().at(1).head_cut);
  BOOST_TEST(long_head.parts().at(1).body_end - long_head.parts().at(1).body_begin == 5U);
}

BOOST_AUTO_TEST_CASE(attached_message) {
  MimeScanner s{MimeScanner::Limits()};
  const std::string text = "Subject: x\nContent-Type: multipart/mixed; boundary=Q\n\n--Q\n\na\n";
  s.feed(text);
  s.finish();
  BOOST_REQUIRE(s.parts().size() == 2U);
  BOOST_TEST(text.substr(s.parts()[1].body_begin) == "a\n");
  MimeScanner digest(parse_mime_header("Content-Type: multipart/digest; boundary=Q\n"), {});
  digest.feed("--Q\n\nSubject: a\n\nb\n--Q\nContent-Type: text/plain\n\nc\n--Q--\n");
  digest.finish();
  BOOST_REQUIRE(digest.parts().size() == 3U);
  BOOST_TEST(digest.parts()[1].message_by_digest);
  BOOST_TEST(!digest.parts()[2].message_by_digest);
}

BOOST_AUTO_TEST_CASE(headers) {
  const MimeHeader h = parse_mime_header(
      "content-type: Text/HTML (c);\n\tcharset=\"ISO-8859-1\" ; name=one\nCONTENT-DISPOSITION: ATTACHMENT; "
      "filename=\"t\\\"w;o.txt\"\nContent-ID: <A@b>\nContent-Description: Some Thing\nContent-Transfer-Encoding: "
      "BASE64\n");
  BOOST_TEST(h.content_type == "text/html");
  BOOST_TEST(h.charset == "ISO-8859-1");
  BOOST_TEST(h.disposition == "attachment");
  BOOST_TEST(h.filename == "t\"w;o.txt");
  BOOST_TEST(h.id == "<a@b>");
  BOOST_TEST(h.description == "some thing");
  BOOST_TEST((h.encoding() == TransferEncoding::base64));
  BOOST_TEST(h.anomaly_level == 0);
  BOOST_TEST(parse_mime_header("").content_type.empty());
  BOOST_TEST(parse_mime_header("Content-Type\n:\nContent-Type: ;;=;a\n").filename.empty());
}

BOOST_AUTO_TEST_CASE(file_names) {
  const auto name = [](std::string_view parameters) {
    return parse_mime_header("Content-Disposition: attachment; " + std::string(parameters) + "\n").filename;
  };
  BOOST_TEST(name("filename=a.exe") == "a.exe");
  BOOST_TEST(name("filename=\"a b.exe\"; x=y") == "a b.exe");
  BOOST_TEST(name("filename*=utf-8'en'F%c3%b6o%2Etxt") == "F\xc3\xb6o.txt");
  BOOST_TEST(name("filename*=iso-8859-1''F%F6o") == "F\xc3\xb6o");
  BOOST_TEST(name("filename*0*=iso-8859-1''%E4; filename*1*=%20x; filename*2=\".txt\"") == "\xc3\xa4 x.txt");
  BOOST_TEST(name("filename*1=b; filename*0=a; filename*10=c") == "abc");
  BOOST_TEST(name("filename*=x-no-such-charset''a%20b") == "a b");
  BOOST_TEST(name("filename*=../../etc/passwd''a") == "a");
  BOOST_TEST(name("filename=\"=?utf-8?B?w6Q=?= =?utf-8?Q?=C3=A4?=.exe\"") == "\xc3\xa4\xc3\xa4.exe");
  BOOST_TEST(name("filename=plain; filename*=utf-8''extended") == "extended");
  BOOST_TEST(name("filename=\"unterminated; x") == "unterminated; x");
  BOOST_TEST(name("filename*=broken%2") == "broken%2");
  BOOST_TEST(name("filename*99999999999999999999=a").empty());
  BOOST_TEST(name("FileName=") == "");
  BOOST_TEST(parse_mime_header("Content-Type: text/plain; name=x\n").filename == "x");
}

BOOST_AUTO_TEST_CASE(anomalies) {
  BOOST_TEST(parse_mime_header("Content-Type: a/b\nContent-Type: c/d\n").anomaly_level == 2);
  BOOST_TEST(parse_mime_header("Content-Type: a/b\nContent-Type: c/d\n").content_type == "c/d");
  BOOST_TEST(parse_mime_header("Content-Transfer-Encoding: 8bit\nContent-Transfer-Encoding: base64\n").anomaly_level ==
             2);
  BOOST_TEST(parse_mime_header("Content-Type: multipart/mixed\n").anomaly_text == "Multipart without a boundary");
}

BOOST_AUTO_TEST_CASE(base64) {
  bool broken = false;
  const auto b64 = [&](std::string_view s) { return decoded(TransferEncoding::base64, s, &broken); };
  BOOST_TEST(b64("SGVsbG8gV29y\r\nbGQ=\n") == "Hello World");
  BOOST_TEST(!broken);
  BOOST_TEST(b64("SGVsbG8=SGVsbG8=") == "HelloHello");
  BOOST_TEST(!broken);
  BOOST_TEST(b64("SGVsbG8") == "Hello");
  BOOST_TEST(!broken);
  BOOST_TEST(b64("SGVs*bG8=") == "Hello");
  BOOST_TEST(broken);
  BOOST_TEST(b64("A") == "");
  BOOST_TEST(broken);
  BOOST_TEST(b64("====") == "");
  BOOST_TEST(!broken);
  BOOST_TEST(b64("") == "");
}

BOOST_AUTO_TEST_CASE(quoted_printable) {
  bool broken = false;
  const auto qp = [&](std::string_view s) { return decoded(TransferEncoding::quoted_printable, s, &broken); };
  BOOST_TEST(qp("a=3Db=\nc\n") == "a=bc\n");
  BOOST_TEST(qp("a=c3=A4b=  \r\nc  \n") ==
             "a\xc3\xa4"
             "bc\n");
  BOOST_TEST(qp("end=20\n") == "end \n");
  BOOST_TEST(!broken);
  BOOST_TEST(qp("a=ZZb\n") == "a=ZZb\n");
  BOOST_TEST(broken);
  BOOST_TEST(qp("=4\n") == "=4\n");
  BOOST_TEST(qp("==41") == "=A");
  BOOST_TEST(qp("x=4") == "x=4");
  BOOST_TEST(broken);
  BOOST_TEST(qp("x=") == "x");
  BOOST_TEST(!broken);
  BOOST_TEST(qp(std::string(100000, '=')).size() == 99999U);
  BOOST_TEST(qp("a" + std::string(5000, ' ') + "b").size() == 5002U);
}

BOOST_AUTO_TEST_SUITE_END()
