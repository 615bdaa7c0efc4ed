// -bp and its kin: what they show, and that they end when nobody takes more of it.
#include <stdlib.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "core/base/ids.h"
#include "core/daemon/queue_view.h"

using namespace remex;
using namespace remex::daemon;

BOOST_AUTO_TEST_SUITE(queue_view)

namespace {

/// A queue of some messages with many recipients each.
struct Queue {
  Queue() {
    BOOST_REQUIRE(::mkdtemp(path.data()) != nullptr);
    store::StoreOptions o;
    o.directory = path;
    store = store::Store::open(o).value();
    for (int i = 0; i < 4; ++i) {
      store::StoredMessage m;
      m.envelope.id = new_message_id();
      m.envelope.sender = "a@b.test";
      m.envelope.received = wall_now();
      for (int r = 0; r < 5000; ++r)
        m.envelope.recipients.emplace_back().address = "recipient" + std::to_string(r) + "@c.test";
      m.body = mail::Body::from_string("x\n");
      BOOST_REQUIRE(store->insert(m).has_value());
      ids.push_back(m.envelope.id);
    }
  }
  ~Queue() {
    store.reset();
    std::error_code ec;
    std::filesystem::remove_all(path, ec);
  }

  std::string path = "/tmp/remex-view-test-XXXXXX";
  std::shared_ptr<store::Store> store;
  std::vector<std::string> ids;
};

}  // namespace

BOOST_AUTO_TEST_CASE(messages_by_their_ids) {
  const Queue queue;
  SubmitRequest request;
  request.list_kind = "i";
  const std::string unknown = new_message_id();
  request.arguments = {queue.ids[2], unknown, queue.ids[0], queue.ids[2]};
  std::string text;
  BOOST_TEST(list_queue(*queue.store, request, true, "", [&text](std::string_view piece) {
               text += piece;
               return Status();
             }).has_value());
  BOOST_TEST(text == queue.ids[2] + "\n      " + unknown +
                         "\n    *** spool read error: No such file or directory ***\n\n" + queue.ids[0] + "\n" +
                         queue.ids[2] + "\n");
}

BOOST_AUTO_TEST_CASE(it_ends_when_nobody_takes_more) {
  const Queue queue;
  for (const bool by_id : {false, true}) {
    SubmitRequest request;
    if (by_id) request.arguments = queue.ids;
    int pieces = 0;
    const Status st = list_queue(*queue.store, request, true, "", [&pieces](std::string_view) {
      return ++pieces < 2 ? Status() : Status(fail("it is too long"));
    });
    BOOST_TEST(pieces == 2);
    BOOST_REQUIRE(!st);
    BOOST_TEST(st.error().text == "it is too long");
  }
}

BOOST_AUTO_TEST_SUITE_END()
