// PCRE2 behind Regex. A pattern becomes machine code only when it is used again: for a single match interpreting is
// cheaper.
//
// Limits: 1 000 000 match steps, depth 10 000, 16 MiB of heap; a JIT stack of at most 1 MiB per thread, so that the
// small stack of a fiber does not matter.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "lang/regex.h"

#include <fmt/format.h>
#include <pcre2.h>

#include <atomic>
#include <list>
#include <unordered_map>

namespace remex::lang {
namespace {

constexpr std::uint32_t kMatchLimit = 1'000'000;
constexpr std::uint32_t kDepthLimit = 10'000;
constexpr std::uint32_t kHeapLimitKib = 16 * 1024;
constexpr std::size_t kMaxPattern = 64 * 1024;
constexpr int kUsesBeforeJit = 3;
constexpr std::uint32_t kSharedGroups = 32;  ///< patterns with more make their own match block

struct Context {
  pcre2_match_context* match = pcre2_match_context_create(nullptr);
  pcre2_jit_stack* stack = nullptr;
  pcre2_match_data* data = pcre2_match_data_create(kSharedGroups, nullptr);  ///< no search calls another
  Context() {
    pcre2_set_match_limit(match, kMatchLimit);
    pcre2_set_depth_limit(match, kDepthLimit);
    pcre2_set_heap_limit(match, kHeapLimitKib);
  }
  ~Context() {
    pcre2_match_context_free(match);
    pcre2_match_data_free(data);
    if (stack != nullptr) pcre2_jit_stack_free(stack);
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  void need_stack() {
    if (stack != nullptr) return;
    stack = pcre2_jit_stack_create(32 * 1024, 1024 * 1024, nullptr);
    pcre2_jit_stack_assign(match, nullptr, stack);
  }
};

Context& context() {
  thread_local Context c;
  return c;
}

std::string error_text(int code) {
  PCRE2_UCHAR buffer[256];
  pcre2_get_error_message(code, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

}  // namespace

struct Regex::Impl {
  pcre2_code* code = nullptr;
  std::uint32_t groups = 1;          ///< the whole match included
  mutable std::atomic<int> uses{0};  ///< counted until the pattern is machine code
  /// A copy: other threads may be matching with `code` while one compiles.
  mutable std::atomic<pcre2_code*> machine_code{nullptr};
  ~Impl() {
    pcre2_code_free(code);
    pcre2_code_free(machine_code.load());
  }
  /// Called once. Null: this pattern is interpreted for ever.
  const pcre2_code* make_machine_code() const {
    pcre2_code* copy = pcre2_code_copy(code);
    if (copy == nullptr || pcre2_jit_compile(copy, PCRE2_JIT_COMPLETE) != 0) {
      pcre2_code_free(copy);
      return nullptr;
    }
    machine_code.store(copy, std::memory_order_release);
    return copy;
  }
};

Regex::Regex(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Regex::~Regex() = default;

Result<std::shared_ptr<const Regex>> Regex::compile(std::string_view pattern, bool caseless) {
  if (pattern.size() > kMaxPattern) return fail("regular expression is too long");
  int code = 0;
  PCRE2_SIZE offset = 0;
  auto impl = std::make_unique<Impl>();
  impl->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                             PCRE2_NEVER_BACKSLASH_C | (caseless ? PCRE2_CASELESS : 0), &code, &offset, nullptr);
  if (impl->code == nullptr) {
    return fail(fmt::format("regular expression error in \"{}\": {} at offset {}", pattern, error_text(code), offset));
  }
  pcre2_pattern_info(impl->code, PCRE2_INFO_CAPTURECOUNT, &impl->groups);
  ++impl->groups;
  return std::shared_ptr<const Regex>(new Regex(std::move(impl)));
}

Result<std::shared_ptr<const Regex>> Regex::cached(std::string_view pattern, bool caseless) {
  constexpr std::size_t kEntries = 200;
  struct Entry {
    std::string key;
    std::shared_ptr<const Regex> regex;
  };
  thread_local std::list<Entry> order;  // most recently used first
  thread_local std::unordered_map<std::string_view, std::list<Entry>::iterator> index;
  std::string key = (caseless ? "i" : "c") + std::string(pattern);
  if (const auto found = index.find(key); found != index.end()) {
    order.splice(order.begin(), order, found->second);
    return found->second->regex;
  }
  REMEX_TRY(std::shared_ptr<const Regex> regex, compile(pattern, caseless));
  order.push_front({std::move(key), regex});
  index.emplace(order.front().key, order.begin());
  if (order.size() > kEntries) {
    index.erase(order.back().key);
    order.pop_back();
  }
  return regex;
}

Result<bool> Regex::search(std::string_view subject, Spans* spans, std::size_t start, bool not_empty) const {
  Context& ctx = context();
  const pcre2_code* fast = impl_->machine_code.load(std::memory_order_acquire);
  if (fast == nullptr && impl_->uses.load(std::memory_order_relaxed) <= kUsesBeforeJit &&
      impl_->uses.fetch_add(1, std::memory_order_relaxed) == kUsesBeforeJit)
    fast = impl_->make_machine_code();
  if (fast != nullptr) ctx.need_stack();
  const bool own = impl_->groups > kSharedGroups;
  pcre2_match_data* data = own ? pcre2_match_data_create(impl_->groups, nullptr) : ctx.data;
  const std::uint32_t flags = not_empty ? PCRE2_NOTEMPTY_ATSTART : 0U;
  const auto* bytes = reinterpret_cast<PCRE2_SPTR>(subject.data() != nullptr ? subject.data() : "");
  // pcre2_jit_match leaves out checks of its arguments only.
  const int rc = fast != nullptr ? pcre2_jit_match(fast, bytes, subject.size(), start, flags, data, ctx.match)
                                 : pcre2_match(impl_->code, bytes, subject.size(), start, flags, data, ctx.match);
  const bool matched = rc > 0;
  if (matched && spans != nullptr) {
    const PCRE2_SIZE* ovector = pcre2_get_ovector_pointer(data);
    const std::uint32_t groups = impl_->groups;
    spans->clear();
    spans->reserve(groups);
    for (std::uint32_t i = 0; i < groups; ++i) {
      const bool set = i < static_cast<std::uint32_t>(rc) && ovector[std::size_t{2} * i] != PCRE2_UNSET;
      // \K in a lookahead may end before it starts.
      const std::size_t from = set ? ovector[std::size_t{2} * i] : std::string_view::npos;
      const std::size_t to = set ? ovector[std::size_t{2} * i + 1] : std::string_view::npos;
      spans->emplace_back(std::min(from, to), std::max(from, to));
    }
  }
  if (own) pcre2_match_data_free(data);
  if (matched || rc == PCRE2_ERROR_NOMATCH) return matched;
  return fail(fmt::format("regular expression could not be matched: {}", error_text(rc)));
}

}  // namespace remex::lang
