// A resolver that answers from a table: "name TYPE" -> values. MX values are "10 host". The value "TRY" is a failure,
// a name that only occurs with other types has no data, any other does not exist.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/base/strings.h"
#include "core/dns/resolver.h"

namespace remex::test {

class TableResolver : public dns::Resolver {
 public:
  std::map<std::string, std::vector<std::string>> table;
  std::vector<std::string> asked;

  dns::Answer query(std::string_view name, dns::Type type) override {
    const std::string key = to_lower(name) + " " + std::string(word(type));
    asked.push_back(key);
    dns::Answer a;
    const auto it = table.find(key);
    if (it == table.end()) {
      const auto near = table.lower_bound(to_lower(name) + " ");
      const bool exists = near != table.end() && near->first.starts_with(to_lower(name) + " ");
      a.outcome = exists ? dns::Outcome::no_data : dns::Outcome::no_name;
      return a;
    }
    if (it->second == std::vector<std::string>{"TRY"}) {
      a.why = "no answer";
      return a;
    }
    a.outcome = dns::Outcome::found;
    for (const std::string& value : it->second) {
      dns::Record r;
      r.type = type;
      r.name = to_lower(name);
      r.text = value;
      if (type == dns::Type::mx) {
        r.preference = static_cast<std::uint16_t>(*parse_uint(std::string_view(value).substr(0, value.find(' '))));
        r.text = value.substr(value.find(' ') + 1);
      }
      r.strings = {r.text};
      a.records.push_back(std::move(r));
    }
    return a;
  }

 private:
  static std::string_view word(dns::Type t) {
    switch (t) {
      case dns::Type::a: return "A";
      case dns::Type::aaaa: return "AAAA";
      case dns::Type::mx: return "MX";
      case dns::Type::ptr: return "PTR";
      case dns::Type::txt: return "TXT";
      default: return "?";
    }
  }
};

}  // namespace remex::test
