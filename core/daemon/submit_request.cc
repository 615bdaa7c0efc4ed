// See submit_request.h.
#include "core/daemon/submit_request.h"

#include <fmt/core.h>

#include <algorithm>
#include <stdexcept>

#include "core/base/strings.h"

namespace remex::daemon {
namespace {

constexpr std::string_view kVersion = "remex submission 2\n";
constexpr std::size_t kLength = 4;
constexpr char kKind = 'k', kArgument = 'a', kDelivery = 'd';

template <class T>
struct Field {
  char tag;
  T SubmitRequest::* member;
};

constexpr Field<std::string> kTexts[] = {
    {'f', &SubmitRequest::sender},
    {'F', &SubmitRequest::full_name},
    {'m', &SubmitRequest::message_reference},
    {'A', &SubmitRequest::host_address},
    {'I', &SubmitRequest::interface_address},
    {'H', &SubmitRequest::host_name},
    {'t', &SubmitRequest::ident},
    {'U', &SubmitRequest::authenticated_id},
    {'M', &SubmitRequest::authenticator},
    {'S', &SubmitRequest::authenticated_sender},
    {'P', &SubmitRequest::protocol},
    {'l', &SubmitRequest::list_kind},
    {'q', &SubmitRequest::queue_name},
};
constexpr Field<bool> kFlags[] = {
    {'1', &SubmitRequest::sender_given},     {'2', &SubmitRequest::recipients_from_headers},
    {'3', &SubmitRequest::dot_is_data},      {'4', &SubmitRequest::delivery_given},
    {'5', &SubmitRequest::errors_to_stderr}, {'6', &SubmitRequest::errors_mailed_are_success},
    {'7', &SubmitRequest::no_qualify},       {'8', &SubmitRequest::no_delivery},
    {'9', &SubmitRequest::queue_smtp},
};
constexpr Field<std::int64_t> kTimes[] = {
    {'r', &SubmitRequest::receive_timeout},
    {'s', &SubmitRequest::smtp_timeout},
};

void put_length(std::string& out, std::size_t n) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>((n >> shift) & 0xFF));
}

std::size_t get_length(std::string_view octets) {
  std::size_t n = 0;
  for (std::size_t i = 0; i < kLength; ++i) n = n << 8 | static_cast<unsigned char>(octets[i]);
  return n;
}

void put(std::string& out, char tag, std::string_view value) {
  out.push_back(tag);
  put_length(out, value.size());
  out.append(value);
}

template <class T, std::size_t N>
const Field<T>* find(const Field<T> (&fields)[N], char tag) {
  const auto* found = std::find_if(std::begin(fields), std::end(fields), [tag](const auto& f) { return f.tag == tag; });
  return found == std::end(fields) ? nullptr : found;
}

/// One of the values of an enumeration, whose last one is `last`, as one octet.
template <class E>
bool take_choice(std::string_view value, E last, E& into) {
  if (value.size() != 1 || static_cast<unsigned char>(value.front()) > static_cast<unsigned char>(last)) return false;
  into = static_cast<E>(value.front());
  return true;
}

Status take(SubmitRequest& r, char tag, std::string_view value) {
  const auto bad = [tag] {
    return fail(fmt::format("the value of the field {} makes no sense", printable({&tag, 1})));
  };
  if (value.size() > kMaxRequestText) return fail(fmt::format("an argument is longer than {} octets", kMaxRequestText));
  if (value.find('\0') != std::string_view::npos) return bad();
  if (tag == kArgument) {
    if (r.arguments.size() >= kMaxRequestArguments)
      return fail(fmt::format("there are more than {} arguments", kMaxRequestArguments));
    r.arguments.emplace_back(value);
    return {};
  }
  if (const auto* text = find(kTexts, tag)) {
    r.*text->member = value;
    return {};
  }
  if (const auto* flag = find(kFlags, tag)) {
    if (!value.empty()) return bad();
    r.*flag->member = true;
    return {};
  }
  if (const auto* time = find(kTimes, tag)) {
    const auto n = parse_uint(value);
    if (!n || *n > 1000000000) return bad();
    r.*time->member = static_cast<std::int64_t>(*n);
    return {};
  }
  return fail(
      fmt::format("a field {} is unknown here: command and daemon are of different versions", printable({&tag, 1})));
}

}  // namespace

Result<std::string> encode_request(const SubmitRequest& r) {
  std::string out(kVersion);
  const auto choice = [](auto v) { return std::string(std::size_t{1}, static_cast<char>(v)); };
  put(out, kKind, choice(r.kind));
  put(out, kDelivery, choice(r.delivery));
  for (const auto& f : kTexts)
    if (!(r.*f.member).empty()) put(out, f.tag, r.*f.member);
  for (const auto& f : kFlags)
    if (r.*f.member) put(out, f.tag, {});
  for (const auto& f : kTimes)
    if (r.*f.member >= 0) put(out, f.tag, std::to_string(std::min<std::int64_t>(r.*f.member, 1000000000)));
  for (const auto& a : r.arguments) put(out, kArgument, a);
  const bool long_text =
      std::ranges::any_of(kTexts, [&r](const auto& f) { return (r.*f.member).size() > kMaxRequestText; }) ||
      std::ranges::any_of(r.arguments, [](const auto& a) { return a.size() > kMaxRequestText; });
  if (out.size() > kMaxRequest || r.arguments.size() > kMaxRequestArguments || long_text)
    return fail(
        "the command line is longer than a daemon takes: give the recipients in the headers (-t), or in several calls");
  return out;
}

Result<SubmitRequest> decode_request(std::string_view octets) {
  if (octets.size() > kMaxRequest) return fail("the request is too long");
  if (!octets.starts_with(kVersion)) return fail("the request is of another version of the command");
  octets.remove_prefix(kVersion.size());
  SubmitRequest r;
  while (!octets.empty()) {
    const char tag = octets.front();
    octets.remove_prefix(1);
    if (octets.size() < kLength || get_length(octets) > octets.size() - kLength) return fail("the request is cut off");
    const std::string_view value = octets.substr(kLength, get_length(octets));
    octets.remove_prefix(kLength + value.size());
    if (tag == kKind || tag == kDelivery) {
      if (!(tag == kKind ? take_choice(value, SubmitRequest::Kind::remove, r.kind)
                         : take_choice(value, SubmitRequest::Delivery::queue, r.delivery)))
        return fail("the request asks for something unknown: command and daemon are of different versions");
      continue;
    }
    REMEX_CHECK(take(r, tag, value));
  }
  return r;
}

Result<FrameHead> decode_frame_head(std::string_view octets) {
  if (octets.size() != kFrameHead) return fail("the head of a frame is cut off");
  FrameHead head;
  head.kind = static_cast<FrameKind>(octets.front());
  head.size = get_length(octets.substr(1));
  if (head.size > kMaxFrame) return fail("a frame is too long");
  // Many of them would keep the reader busy without an end.
  if (head.size == 0 && (head.kind == FrameKind::request || head.kind == FrameKind::input))
    return fail("a frame is empty");
  switch (head.kind) {
    case FrameKind::request:
    case FrameKind::go:
    case FrameKind::input:
    case FrameKind::end:
    case FrameKind::ready:
    case FrameKind::taken:
    case FrameKind::output:
    case FrameKind::error:
    case FrameKind::status:
    case FrameKind::busy: return head;
  }
  return fail("a frame is of an unknown kind");
}

std::string encode_frame(FrameKind kind, std::string_view content) {
  if (content.size() > kMaxFrame) throw std::logic_error("a frame is too long");
  std::string out;
  out.reserve(kFrameHead + content.size());
  put(out, static_cast<char>(kind), content);
  return out;
}

}  // namespace remex::daemon
