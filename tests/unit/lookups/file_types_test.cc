// File lookups: cdb (its reader, whole and damaged), json, psl, sqlite; options, memory of answers, named lists
// remembered.
#include <sqlite3.h>

#include <boost/test/unit_test.hpp>

#include "lang/message_memory.h"
#include "lookups/cdb_file.h"
#include "policy_fixture.h"

using namespace remex;
using namespace remex::lang;

namespace {

void put32(std::string& out, std::uint32_t v) {
  for (int i = 0; i < 4; ++i) out += static_cast<char>(v >> (8 * i));
}

/// A constant database as the format's description has it.
std::string make_cdb(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> tables[256];
  std::string body;
  for (const auto& [key, data] : pairs) {
    std::uint32_t h = 5381;
    for (const char c : key) h = ((h << 5U) + h) ^ static_cast<unsigned char>(c);
    tables[h & 255U].emplace_back(h, static_cast<std::uint32_t>(2048 + body.size()));
    put32(body, static_cast<std::uint32_t>(key.size()));
    put32(body, static_cast<std::uint32_t>(data.size()));
    body += key + data;
  }
  std::string header, slots;
  for (const auto& t : tables) {
    const auto n = static_cast<std::uint32_t>(2 * t.size());
    put32(header, static_cast<std::uint32_t>(2048 + body.size() + slots.size()));
    put32(header, n);
    std::vector<std::pair<std::uint32_t, std::uint32_t>> places(n);
    for (const auto& entry : t) {
      std::uint32_t i = (entry.first >> 8U) % n;
      while (places[i].second != 0) i = (i + 1) % n;
      places[i] = entry;
    }
    for (const auto& [h, p] : places) {
      put32(slots, h);
      put32(slots, p);
    }
  }
  return header + body + slots;
}

struct SqlFile {
  explicit SqlFile(const std::string& path, const char* sql) {
    sqlite3* db = nullptr;
    sqlite3_open(path.c_str(), &db);
    sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
    sqlite3_close(db);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(file_types, PolicyFixture)

BOOST_AUTO_TEST_CASE(cdb_finds_what_is_there) {
  std::vector<std::pair<std::string, std::string>> pairs{{"a", "one"}, {"a", "second"}, {"empty", ""}, {"*", "star"}};
  for (int i = 0; i < 2000; ++i)
    pairs.emplace_back("key" + std::to_string(i), std::string(static_cast<std::size_t>(i), 'd'));
  pairs.emplace_back(std::string(3000, 'k'), "long key");
  const std::string f = write("f.cdb", make_cdb(pairs));
  BOOST_TEST(look("cdb", "a", f) == "[one]");
  BOOST_TEST(look("cdb", "A", f) == "absent");
  BOOST_TEST(look("cdb", "empty", f) == "[]");
  BOOST_TEST(look("cdb", "none", f) == "absent");
  BOOST_TEST(look("cdb*", "none", f) == "[star]");
  BOOST_TEST(look("cdb,ret=key", "a", f) == "[a]");
  BOOST_TEST(look("cdb", std::string(3000, 'k'), f) == "[long key]");
  for (int i = 0; i < 2000; i += 37)
    BOOST_TEST(look("cdb", "key" + std::to_string(i), f) == "[" + std::string(static_cast<std::size_t>(i), 'd') + "]");
}

BOOST_AUTO_TEST_CASE(a_damaged_cdb_defers) {
  const std::string good = make_cdb({{"a", "one"}, {"b", "two"}});
  BOOST_TEST(look("cdb", "a", dir + "/none") ==
             "defer: failed to open " + dir + "/none for cdb lookup: No such file or directory");
  BOOST_TEST(look("cdb", "a", "relative").starts_with("defer: "));
  BOOST_TEST(look("cdb", "a", write("short", good.substr(0, 100))).starts_with("defer: "));
  for (std::size_t cut = 2048; cut < good.size(); ++cut)
    BOOST_TEST(look("cdb", "a", write("cut" + std::to_string(cut), good.substr(0, cut))).starts_with("defer: "));
  std::string bad = good;
  bad.replace(2052, 4, "\xff\xff\xff\xff");  // the length of the first record's data
  BOOST_TEST(look("cdb", "a", write("long", bad)).starts_with("defer: "));
  BOOST_TEST(look("cdb", "b", write("long", bad)) == "[two]");
  // A table full of one hash ends after one round.
  BOOST_TEST(look("cdb", "zz", write("ones", std::string(2048, '\1') + good)).starts_with("defer: "));
}

BOOST_AUTO_TEST_CASE(a_replaced_cdb_is_opened_again) {
  const std::string f = write("f.cdb", make_cdb({{"a", "old"}}));
  BOOST_TEST(look("cdb", "a", f) == "[old]");
  write("new", make_cdb({{"a", "new"}}));
  std::filesystem::rename(dir + "/new", f);
  BOOST_TEST(look("cdb", "a", f) == "[new]");
}

BOOST_AUTO_TEST_CASE(json_selects_elements) {
  const std::string f =
      write("f.json", R"({"a": [1, "two", {"b": null}], "s": "x\"y\u00e9", "t": true, "z": {"k": 1.5, "a": []}})");
  BOOST_TEST(look("json", "a:1", f) == "[two]");
  BOOST_TEST(look("json", "a:0", f) == "[1]");
  BOOST_TEST(look("json", "a", f) == "[[1, \"two\", {\"b\": null}]]");
  BOOST_TEST(look("json", "z", f) == "[{\"k\": 1.5, \"a\": []}]");
  BOOST_TEST(look("json", "s", f) == "[x\"yé]");
  BOOST_TEST(look("json", "t", f) == "[true]");
  BOOST_TEST(look("json", "<;z;k", f) == "[1.5]");
  for (const char* key : {"a:3", "a:x", "b", "s:0", "0", "a:1:0", "a:-1"})
    BOOST_TEST(look("json", key, f) == "absent", key);
  BOOST_TEST(look("json", "a", write("bad", "{\"a\": ")).starts_with("defer: "));
  BOOST_TEST(look("json", "a", write("deep", std::string(100000, '['))).starts_with("defer: "));
  BOOST_TEST(look("json", "a", dir + "/none").starts_with("defer: failed to open"));
}

BOOST_AUTO_TEST_CASE(public_suffixes) {
  const std::string f = write("psl", "// list\ncom\nco.uk\nuk\n*.ck\n!www.ck\n");
  BOOST_TEST(look("psl", "WWW.Example.co.uk", f) == "[co.uk]");
  BOOST_TEST(look("regdom", "a.b.Example.co.uk", f) == "[example.co.uk]");
  BOOST_TEST(look("regdom", "co.uk", f) == "absent");
  BOOST_TEST(look("psl", "a", dir + "/none").starts_with("defer: "));
}

BOOST_AUTO_TEST_CASE(sqlite_answers) {
  const std::string f = dir + "/f.db";
  const SqlFile made(f, "create table t(id, name); insert into t values(1,'one'),(2,'two words'),(3,''),(4,null)");
  const std::string spec = "sqlite,file=" + f;
  const auto ask = [&](const std::string& sql) { return look(spec, Text(sql), Text()); };
  BOOST_TEST(ask("select name from t where id=1") == "[one]");
  BOOST_TEST(ask("select * from t where id=2") == "[id=2 name=\"two words\" ]");
  BOOST_TEST(ask("select id from t order by id") == "[1\n2\n3\n4]");
  BOOST_TEST(ask("select name from t where id=3") == "[]");
  BOOST_TEST(ask("select name from t where id=4") == "[<NULL>]");
  BOOST_TEST(ask("select name from t where id=9") == "absent");
  BOOST_TEST(ask("selec").starts_with("defer: "));
  BOOST_TEST(ask("attach '/tmp/x' as y").starts_with("defer: "));
  BOOST_TEST(look("sqlite", Text(f + " select 5"), Text()) == "[5]");
  BOOST_TEST(look("sqlite", Text("select 5"), Text()) == "defer: absolute file name expected for \"sqlite\" lookup");
  BOOST_TEST(look("sqlite,file=" + dir + "/none.db", Text("select 1"), Text()).starts_with("defer: "));
  BOOST_TEST(!std::filesystem::exists(dir + "/none.db"));
  BOOST_TEST(look("sqlite,file=" + write("text", "no database at all, but long enough to be read as one"),
                  Text("select 1 from t"), Text())
                 .starts_with("defer: "));
  // A tainted query must be quoted, and cannot bring its file along.
  BOOST_TEST(look(spec, Text::tainted("select 1"), Text()).starts_with("taint: "));
  Text quoted("select 1");
  quoted.set_taint(Taint::tainted);
  quoted.set_quoter(quoter_id(*config.registries, *config.registries->find_lookup("sqlite")));
  BOOST_TEST(look(spec, quoted, Text()) == "[1]");
  Text with_file = quoted.with(f + " select 1");
  BOOST_TEST(look("sqlite", with_file, Text()).starts_with("taint: "));
}

// An answer is remembered by what the lookup says; sqlite_dbfile may expand to another file for the next address.
BOOST_AUTO_TEST_CASE(answers_of_another_sqlite_dbfile_are_not_mixed_up) {
  const SqlFile one(dir + "/one.db", "create table t(a); insert into t values('one')");
  const SqlFile two(dir + "/two.db", "create table t(a); insert into t values('two')");
  CompileContext ctx;
  ctx.registries = config.registries.get();
  lang::AddressState address;
  address.local_part_data = Text("one");
  scope.address = &address;
  config.main.sqlite_dbfile = Expansion::compile(SourceText(dir + "/$local_part_data.db"), ctx).value();
  const auto ask = [&] { return look("sqlite", Text("select a from t"), Text()); };
  BOOST_TEST(ask() == "[one]");
  address.local_part_data = Text("two");
  BOOST_TEST(ask() == "[two]");
  // a constant name is no such case: its answers are remembered
  config.main.sqlite_dbfile = Expansion::compile(SourceText(dir + "/one.db"), ctx).value();
  BOOST_TEST(ask() == "[one]");
  const SqlFile changed(dir + "/one.db", "update t set a = 'new'");
  BOOST_TEST(ask() == "[one]");
  scope.address = nullptr;
}

BOOST_AUTO_TEST_CASE(answers_are_remembered_for_the_message_and_changes_are_not) {
  const std::string f = dir + "/f.db";
  {
    const SqlFile made(f, "create table t(a); insert into t values(1)");
  }
  const std::string spec = "sqlite,file=" + f;
  const auto ask = [&](const std::string& s, const std::string& sql) { return look(s, Text(sql), Text()); };
  BOOST_TEST(ask(spec, "select a from t") == "[1]");
  {
    const SqlFile changed(f, "update t set a = 2");
  }
  BOOST_TEST(ask(spec, "select a from t") == "[1]");
  BOOST_TEST(ask(spec + ",cache=no_rd", "select a from t") == "[2]");
  BOOST_TEST(ask(spec, "select a from t") == "[2]");
  {
    const SqlFile changed(f, "update t set a = 3");
  }
  scope.memory.reset();  // the next message
  BOOST_TEST(ask(spec, "select a from t") == "[3]");
  ask(spec, "insert into t values(9)");
  ask(spec, "insert into t values(9)");
  BOOST_TEST(ask(spec, "select count(*) from t") == "[3]");
}

BOOST_AUTO_TEST_CASE(memory_is_bounded) {
  MessageMemory memory(10);
  for (int i = 0; i < 100; ++i) memory.store(std::to_string(i), Text("x"));
  BOOST_TEST(memory.size() == 10U);
  BOOST_TEST(!memory.answer("0").has_value());
  BOOST_TEST(memory.answer("99").has_value());
  memory.store("absent", std::nullopt);
  BOOST_TEST(memory.answer("absent").has_value());
  BOOST_TEST(!memory.answer("absent")->has_value());
  memory.store("large", Text(std::string(1U << 20U, 'x')));
  BOOST_TEST(!memory.answer("large").has_value());
}

BOOST_AUTO_TEST_CASE(named_lists_with_lookups_are_remembered) {
  const std::string f = write("domains", "a.test: yes\n");
  define(ListKind::domain, "files", "lsearch;" + f);
  define(ListKind::domain, "outer", "x.test : +files");
  define(ListKind::domain, "plain", "x.test : *.y.test");
  BOOST_TEST(match(ListKind::domain, "+outer", "a.test") == "[yes]");
  BOOST_TEST(match(ListKind::domain, "+outer", "b.test") == "n");
  write("domains", "b.test: now\n");
  BOOST_TEST(match(ListKind::domain, "+outer", "a.test") == "[yes]");
  BOOST_TEST(match(ListKind::domain, "+outer", "b.test") == "n");
  BOOST_TEST(match(ListKind::domain, "lsearch;" + f, "b.test") == "[now]");  // no name, no memory
  scope.memory.reset();
  BOOST_TEST(match(ListKind::domain, "+outer", "b.test") == "[now]");
  scope.memory.reset();
  BOOST_TEST(match(ListKind::domain, "+plain", "x.test") == "[x.test]");
  BOOST_TEST((!scope.memory || scope.memory->size() == 0U));  // cheaper asked than remembered
}

BOOST_AUTO_TEST_CASE(cache_keyword_remembers_lists_with_insertions) {
  scope.acl_m = nullptr;
  write("d", "a.test: yes\n");
  define(ListKind::domain, "varying", "${if exists{@DIR@/d}{lsearch;@DIR@/d}{none}}");
  BOOST_TEST(match(ListKind::domain, "+varying", "a.test") == "[yes]");
  write("d", "b.test: yes\n");
  BOOST_TEST(match(ListKind::domain, "+varying", "a.test") == "n");
  config.named_lists[static_cast<std::size_t>(ListKind::domain)]["varying"].force_cache = true;
  BOOST_TEST(match(ListKind::domain, "+varying", "a.test") == "n");
  write("d", "a.test: yes\n");
  BOOST_TEST(match(ListKind::domain, "+varying", "a.test") == "n");
  scope.memory.reset();
  BOOST_TEST(match(ListKind::domain, "+varying", "a.test") == "[yes]");
}

BOOST_AUTO_TEST_SUITE_END()
