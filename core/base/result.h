// Result<T>: an expected outcome as a value. Used by every layer.
//
// Errors are for what can happen in operation. Broken invariants throw (std::logic_error) and are
// caught in three places only: session, delivery, control command.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace remex {

/// What a caller can do about an error. "not_found" is never a failure to look, and "defer" is never "not found".
enum class ErrorKind : std::uint8_t {
  failed,       ///< the operation cannot succeed as asked (bad input, permission, expansion failure)
  forced_fail,  ///< an expansion said `fail`; every option documents what that means
  defer,        ///< temporary: try later (DNS, lookup server, disk full)
  not_found,    ///< looked, and it is not there
  timed_out,    ///< the deadline passed
  cancelled,    ///< the fiber was told to stop (client gone, shutdown)
  closed,       ///< the peer closed the stream
  taint,        ///< tainted data reached a place that refuses it
  config,       ///< the configuration is wrong
};

/// An error with a complete, operator-readable text (no trailing full stop, no newline).
struct Error {
  ErrorKind kind = ErrorKind::failed;
  std::string text;
  int sys_errno = 0;  ///< errno when the cause was a system call, else 0
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

/// `return fail("cannot open {}", path)` is spelled with fmt at the call site: `return fail(fmt::format(...))`.
inline std::unexpected<Error> fail(std::string text) {
  return std::unexpected(Error{ErrorKind::failed, std::move(text)});
}
inline std::unexpected<Error> fail(ErrorKind kind, std::string text) {
  return std::unexpected(Error{kind, std::move(text)});
}
inline std::unexpected<Error> defer(std::string text) {
  return std::unexpected(Error{ErrorKind::defer, std::move(text)});
}
/// `what: strerror(err)`; keeps err. Use right after a system call: `return fail_errno(errno, "open /x")`.
std::unexpected<Error> fail_errno(int err, std::string_view what);

std::string_view to_string(ErrorKind kind);

}  // namespace remex

#define REMEX_CONCAT2(a, b) a##b
#define REMEX_CONCAT(a, b) REMEX_CONCAT2(a, b)
/// REMEX_TRY(auto n, stream.read(buf));  -- declares n, or returns the error. A declaration, not an expression.
#define REMEX_TRY(decl, expr) REMEX_TRY_(decl, expr, REMEX_CONCAT(remex_try_, __COUNTER__))
#define REMEX_TRY_(decl, expr, tmp)                                     \
  auto tmp = (expr);                                                    \
  if (!tmp.has_value()) return std::unexpected(std::move(tmp).error()); \
  decl = std::move(*tmp)
/// REMEX_CHECK(status_expr);  -- returns the error of a Status (or drops the value of a Result).
#define REMEX_CHECK(expr) REMEX_CHECK_(expr, REMEX_CONCAT(remex_try_, __COUNTER__))
#define REMEX_CHECK_(expr, tmp) \
  if (auto tmp = (expr); !tmp.has_value()) return std::unexpected(std::move(tmp).error())
