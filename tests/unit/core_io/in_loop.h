// Runs a test body as the first fiber of a fresh loop, with a deadline that turns a hang into a failure. It is long: on
// a machine that is busy with other tests nothing else may depend on how fast things go.
#pragma once

#include <boost/test/unit_test.hpp>

#include "core/io/fiber.h"

namespace remex::io {

template <class F>
void in_loop(F body) {
  run_loop([&] {
    const DeadlineScope limit(Seconds(120));
    body();
    BOOST_CHECK(monotonic_now() < current_deadline());
    return 0;
  });
}

template <class T>
T must(Result<T> r) {
  if (!r) BOOST_FAIL(r.error().text);
  return std::move(*r);
}
inline void must(const Status& st) {
  if (!st) BOOST_FAIL(st.error().text);
}

template <class R>
ErrorKind kind_of(const R& r) {
  BOOST_REQUIRE(!r.has_value());
  return r.error().kind;
}

}  // namespace remex::io
