// DATA framing: only CRLF.CRLF ends a message, whatever else the bytes try.
#include <boost/test/unit_test.hpp>

#include "core/smtp/data_reader.h"

using remex::smtp::DataReader;
using remex::smtp::DataSink;

namespace {
struct Sink : DataSink {
  std::string text;
  void write(std::string_view b) override { text += b; }
};

struct Case {
  const char* what;
  std::string input;
  bool finished;
  std::string text;
  std::size_t left = 0;  ///< bytes not consumed
};

void run(const Case& c, std::size_t step) {
  Sink sink;
  DataReader r(sink, {});
  std::size_t pos = 0;
  while (pos < c.input.size() && !r.finished()) {
    const std::size_t n = std::min(step, c.input.size() - pos);
    const std::size_t used = r.feed(std::string_view(c.input).substr(pos, n));
    pos += used;
    if (used < n) break;
  }
  BOOST_TEST_CONTEXT(c.what << " step " << step) {
    BOOST_TEST(r.finished() == c.finished);
    if (c.finished || c.text != "-") BOOST_TEST(sink.text == c.text);
    BOOST_TEST(c.input.size() - pos == c.left);
  }
}

const Case kCases[] = {
    {"plain", "A: b\r\n\r\nhello\r\n.\r\n", true, "A: b\n\nhello\n"},
    {"rest stays", "A: b\r\n\r\nx\r\n.\r\nMAIL", true, "A: b\n\nx\n", 4},
    {"dot stuffed", "A: b\r\n\r\n..\r\n..x\r\n.y\r\n.\r\n", true, "A: b\n\n.\n.x\ny\n"},
    {"empty message", ".\r\n", true, ""},
    {"LF dot LF first line LF", "one\n.\nMAIL FROM:<e@x>\r\n.\r\n", true, "one\n.\nMAIL FROM:<e@x>\n"},
    {"LF dot CRLF", "A: b\r\n\r\none\n.\r\nMAIL\r\n.\r\n", true, "A: b\n\none .\nMAIL\n"},
    {"CRLF dot LF", "A: b\r\n\r\none\r\n.\nMAIL\r\n.\r\n", true, "A: b\n\none\n. MAIL\n"},
    {"CR dot CRLF", "A: b\r\n\r\none\r.\r\nMAIL\r\n.\r\n", true, "A: b\n\none .\nMAIL\n"},
    {"CRLF dot CR", "A: b\r\n\r\none\r\n.\rMAIL\r\n.\r\n", true, "A: b\n\none\n. MAIL\n"},
    {"dot CR CR LF", "A: b\r\n\r\nx\r\n.\r\r\ny\r\n.\r\n", true, "A: b\n\nx\n. \ny\n"},
    {"NUL before dot", std::string("A: b\r\n\r\nx\r\n\0.\r\ny\r\n.\r\n", 21), true,
     std::string("A: b\n\nx\n\0.\ny\n", 13)},
    {"bare LF in header folds", "A: b\r\nB: c\nd\r\n\r\nx\r\n.\r\n", true, "A: b\nB: c\n d\n\nx\n"},
    {"LF first line, CRLF end", "A: b\n\nx\n.\r\ny\r\n.\r\n", true, "A: b\n\nx\n.\ny\n"},
    {"not ended", "A: b\r\n\r\nx\r\n.", false, "-"},
    {"ended without last LF", "A: b\r\n\r\nx\r\n.\r", false, "-"},
};
}  // namespace

BOOST_AUTO_TEST_SUITE(data_reader)

BOOST_AUTO_TEST_CASE(framing_in_any_segmentation) {
  for (const Case& c : kCases)
    for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{1000}}) {
      if (c.left > 0 && step < 1000) continue;
      run(c, step);
    }
}

BOOST_AUTO_TEST_CASE(counts) {
  Sink sink;
  DataReader r(sink, {});
  r.feed("A: b\r\n\r\none\r\nlonger line\r\n\xc3\xa4\r\n.\r\n");
  BOOST_TEST(r.finished());
  BOOST_TEST(r.body_lines() == 3U);
  BOOST_TEST(r.lines() == 5U);
  BOOST_TEST(r.longest_line() == 11U);
  BOOST_TEST(r.has_8bit());
  BOOST_TEST(!r.has_bare());
}

BOOST_AUTO_TEST_CASE(local_input) {
  Sink sink;
  DataReader::Options o;
  o.lf_ends_data = true;
  DataReader r(sink, o);
  r.feed("A: b\n\nhello\n.\nnot this");
  BOOST_TEST(r.finished());
  BOOST_TEST(sink.text == "A: b\n\nhello\n");
}

BOOST_AUTO_TEST_CASE(local_input_without_dot) {
  Sink sink;
  DataReader::Options o;
  o.dots = false;
  DataReader r(sink, o);
  r.feed("A: b\n\nhello\n.\nworld");
  r.finish();
  BOOST_TEST(sink.text == "A: b\n\nhello\n.\nworld\n");
}

BOOST_AUTO_TEST_SUITE_END()
