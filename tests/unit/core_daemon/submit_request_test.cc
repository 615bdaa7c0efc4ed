// What a caller hands over to the daemon: everything arrives, and nothing else is taken.
#include <boost/test/unit_test.hpp>

#include "core/daemon/submit_request.h"
#include "core/daemon/submit_stream.h"
#include "core/io/fiber.h"

using namespace remex;
using namespace remex::daemon;

BOOST_AUTO_TEST_SUITE(submit_request)

namespace {

SubmitRequest full() {
  SubmitRequest r;
  r.kind = SubmitRequest::Kind::batch;
  r.arguments = {"a@b.test", "", "c@d.test, e@f.test"};
  r.sender = "<>";
  r.sender_given = r.recipients_from_headers = r.dot_is_data = r.delivery_given = r.errors_to_stderr = true;
  r.errors_mailed_are_success = r.no_qualify = r.no_delivery = r.queue_smtp = true;
  r.full_name = "J\xc3\xb6rg";
  r.delivery = SubmitRequest::Delivery::queue;
  r.receive_timeout = 0;
  r.smtp_timeout = 77;
  r.message_reference = "ref";
  r.host_address = "192.0.2.1.25";
  r.interface_address = "192.0.2.2";
  r.host_name = "h";
  r.ident = "i";
  r.authenticated_id = "ai";
  r.authenticator = "a";
  r.authenticated_sender = "as";
  r.protocol = "p";
  r.list_kind = "ru";
  r.queue_name = "slow";
  return r;
}

/// Everything that a request holds, so that one that lost something differs.
auto parts(const SubmitRequest& r) {
  std::string out = std::to_string(static_cast<int>(r.kind)) + std::to_string(static_cast<int>(r.delivery));
  for (const bool b : {r.sender_given, r.recipients_from_headers, r.dot_is_data, r.delivery_given, r.errors_to_stderr,
                       r.errors_mailed_are_success, r.no_qualify, r.no_delivery, r.queue_smtp})
    out += b ? "y" : "n";
  for (const auto n : {r.receive_timeout, r.smtp_timeout}) out += "|" + std::to_string(n);
  for (const auto* s :
       {&r.sender, &r.full_name, &r.message_reference, &r.host_address, &r.interface_address, &r.host_name, &r.ident,
        &r.authenticated_id, &r.authenticator, &r.authenticated_sender, &r.protocol, &r.list_kind, &r.queue_name})
    out += "|" + *s;
  for (const auto& a : r.arguments) out += "|" + a;
  return out;
}

std::string field(char tag, std::string_view value) {
  std::string out(std::size_t{1}, tag);
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value.size() >> shift & 0xFF));
  return out.append(value);
}

const std::string kVersion = "remex submission 2\n";

}  // namespace

BOOST_AUTO_TEST_CASE(everything_arrives) {
  for (const SubmitRequest& r : {SubmitRequest(), full()}) {
    const auto octets = encode_request(r);
    BOOST_REQUIRE(octets.has_value());
    const auto back = decode_request(*octets);
    BOOST_REQUIRE_MESSAGE(back.has_value(), (back ? std::string() : back.error().text));
    BOOST_TEST(parts(*back) == parts(r));
  }
}

BOOST_AUTO_TEST_CASE(what_is_cut_off_is_refused) {
  const std::string whole = *encode_request(full());
  std::size_t taken = 0;
  for (std::size_t n = 0; n < whole.size(); ++n) taken += decode_request(whole.substr(0, n)).has_value() ? 1 : 0;
  // Only at the ends of fields: the version and each field.
  std::size_t fields = 0;
  for (std::size_t at = kVersion.size(); at < whole.size(); ++fields) {
    std::size_t n = 0;
    for (int i = 1; i <= 4; ++i) n = n << 8 | static_cast<unsigned char>(whole[at + static_cast<std::size_t>(i)]);
    at += 5 + n;
  }
  BOOST_TEST(taken == fields);
}

BOOST_AUTO_TEST_CASE(nonsense_is_refused) {
  for (const std::string& bad :
       {std::string(), std::string("remex submission 1\n"), std::string("remex submission 3\n"), kVersion + "x",
        kVersion + field('?', ""), kVersion + field('k', "\x05"), kVersion + field('k', ""),
        kVersion + field('d', "\x03"), kVersion + field('1', "y"), kVersion + field('r', "-1"),
        kVersion + field('r', "99999999999"), kVersion + field('f', std::string_view("a\0b", 3)),
        kVersion + field('f', std::string(kMaxRequestText + 1, 'x')), kVersion + "f\xff\xff\xff\xff"})
    BOOST_TEST(!decode_request(bad).has_value(), bad.substr(0, 60));
}

BOOST_AUTO_TEST_CASE(there_are_bounds) {
  SubmitRequest r;
  r.arguments.assign(kMaxRequestArguments, "a");
  BOOST_TEST(encode_request(r).has_value());
  r.arguments.emplace_back("b");
  BOOST_TEST(!encode_request(r).has_value());
  std::string many = kVersion;
  for (std::size_t i = 0; i <= kMaxRequestArguments; ++i) many += field('a', "");
  BOOST_TEST(!decode_request(many).has_value());
  r.arguments = {std::string(kMaxRequestText + 1, 'x')};
  BOOST_TEST(!encode_request(r).has_value());
  BOOST_TEST(!decode_request(kVersion + std::string(kMaxRequest, 'x')).has_value());
}

BOOST_AUTO_TEST_CASE(frames) {
  const auto head = decode_frame_head(encode_frame(FrameKind::input, "abc").substr(0, kFrameHead));
  BOOST_REQUIRE(head.has_value());
  BOOST_TEST((head->kind == FrameKind::input && head->size == 3));
  for (const FrameKind kind : {FrameKind::ready, FrameKind::taken, FrameKind::busy, FrameKind::end})
    BOOST_TEST((decode_frame_head(encode_frame(kind, "")).value_or(FrameHead{FrameKind::go, 1}).kind == kind));
  BOOST_TEST(!decode_frame_head(std::string_view("I\0\0\0", 4)).has_value());
  BOOST_TEST(!decode_frame_head(std::string_view("?\0\0\0\0", 5)).has_value());
  BOOST_TEST(!decode_frame_head(std::string_view("I\0\1\0\1", 5)).has_value());
  BOOST_TEST(decode_frame_head(std::string_view("I\0\1\0\0", 5)).has_value());
  BOOST_CHECK_THROW((void)encode_frame(FrameKind::input, std::string(kMaxFrame + 1, 'x')), std::logic_error);
}

namespace {

/// A stream that has been written: gives its octets in small pieces, and keeps what is written to it.
class Written : public io::Stream {
 public:
  explicit Written(std::string octets) : octets_(std::move(octets)) {}
  Result<std::size_t> read_some(std::span<char> into) override {
    const std::size_t n = octets_.copy(into.data(), std::min<std::size_t>(into.size(), 3), at_);
    at_ += n;
    return n;
  }
  Status write_all(std::string_view bytes) override {
    out += bytes;
    return {};
  }
  bool has_pending_input() override { return at_ < octets_.size(); }
  Status wait_readable() override { return {}; }
  void close() override { closed = true; }
  void abort() override { closed = true; }
  int fd() const override { return -1; }
  std::string out;
  bool closed = false;

 private:
  std::string octets_;
  std::size_t at_ = 0;
};

/// What a submission reads, and how it ends: "end", or the kind of the error.
std::pair<std::string, std::string> read_all(const std::string& octets) {
  Written below(octets);
  SubmitStream stream(below);
  std::string text, end = "end";
  char block[7];
  for (;;) {
    const auto n = stream.read_some(block);
    if (!n) end = to_string(n.error().kind);
    if (!n || *n == 0) break;
    text.append(block, *n);
  }
  BOOST_TEST(!below.closed);
  return {text, end};
}

}  // namespace

BOOST_AUTO_TEST_CASE(input_ends_when_the_caller_says_so) {
  const std::string a = encode_frame(FrameKind::input, "hello "), b = encode_frame(FrameKind::input, "world\n"),
                    end = encode_frame(FrameKind::end, "");
  BOOST_TEST((read_all(a + b + end) == std::pair<std::string, std::string>("hello world\n", "end")));
  BOOST_TEST((read_all(end + a) == std::pair<std::string, std::string>("", "end")));
  // Who vanishes has not ended his message.
  BOOST_TEST((read_all(a + b) == std::pair<std::string, std::string>("hello world\n", "closed")));
  BOOST_TEST(read_all(a + b.substr(0, 7)).second == "closed");
  BOOST_TEST(read_all(a + encode_frame(FrameKind::status, "x")).second == "failed");
  // Without an end and without a line they would cost nobody but the reader.
  BOOST_TEST((read_all(a + encode_frame(FrameKind::input, "") + b + end) ==
              std::pair<std::string, std::string>("hello ", "failed")));
}

namespace {

/// Gives its octets one by one, each after a time.
class Slow : public Written {
 public:
  Slow(const std::string& octets, Millis each) : Written(octets), each_(each) {}
  Result<std::size_t> read_some(std::span<char> into) override {
    REMEX_CHECK(io::sleep_for(each_));
    return Written::read_some(into.first(1));
  }
  Status wait_readable() override { return io::sleep_for(each_); }

 private:
  Millis each_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(input_has_a_time) {
  constexpr Millis kLong{3600'000}, kShort{100};
  std::string frames;
  for (int i = 0; i < 20000; ++i) frames += encode_frame(FrameKind::input, "x");
  (void)io::run_loop([&] {
    char block[10];
    const auto end_of = [&block](TimedInput&& input, bool waits) {
      for (int pieces = 0;; ++pieces) {
        if (waits)
          if (const Status st = input.wait_readable(); !st) return std::pair(st.error().kind, pieces);
        if (const auto n = input.read_some(block); !n) return std::pair(n.error().kind, pieces);
      }
    };
    // Piece after piece, but not for ever.
    for (const bool waits : {false, true}) {
      Slow drips(frames, Millis(1)), silent(frames, kLong);
      const auto [kind, pieces] = end_of(TimedInput(drips, kShort, kLong), waits);
      BOOST_TEST((kind == ErrorKind::timed_out && pieces > 0 && pieces < 20000));
      BOOST_TEST((end_of(TimedInput(silent, kLong, kShort), waits) == std::pair(ErrorKind::timed_out, 0)));
    }
    return 0;
  });
}

BOOST_AUTO_TEST_CASE(output_is_cut_into_frames) {
  Written below("");
  SubmitStream stream(below);
  BOOST_TEST(stream.write_all(std::string(kMaxFrame + 5, 'x')).has_value());
  BOOST_TEST(below.out.size() == kMaxFrame + 5 + 2 * kFrameHead);
  Written back(below.out);
  BOOST_TEST(read_frame(back)->content.size() == kMaxFrame);
  const auto rest = read_frame(back);
  BOOST_TEST((rest->kind == FrameKind::output && rest->content == "xxxxx"));
  BOOST_TEST((read_frame(back).error().kind == ErrorKind::closed));
}

BOOST_AUTO_TEST_SUITE_END()
