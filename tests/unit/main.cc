// Boost.Test entry of every unit test program.
#define BOOST_TEST_MODULE remex
#include <boost/test/unit_test.hpp>
