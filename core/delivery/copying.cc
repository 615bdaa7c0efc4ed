// The envelope of a message that another program goes on with (the queuefile transport); see attempt.h.
#include <fmt/format.h>

#include <algorithm>

#include "core/delivery/attempt.h"

namespace remex::delivery {
namespace {

using Addresses = std::unordered_set<const Addr*>;

/// What may not be a finished address in the copy: whoever reads it takes a recipient of that name for finished, or
/// drops the address when the recipient is routed again.
class Unfinished {
 public:
  explicit Unfinished(const Addresses& handed) {
    for (const Addr* a : handed) {
      add(finished_name(*a));
      add(homonym_name(*a));
      for (const Addr* up = a; up != nullptr; up = up->parent) add(up->state.address);
    }
  }
  bool contains(const std::string& name) const { return names_.contains(with_lower_domain(name)); }

 private:
  void add(const std::string& name) {
    if (!name.empty()) names_.insert(with_lower_domain(name));
  }
  std::unordered_set<std::string> names_;
};

/// What is redirected, or goes on as its children, is finished with them. A clone behind an unseen router is not.
bool is_delivered_itself(const Addr& a) {
  return a.transport != nullptr || (a.parent != nullptr && a.children.empty());
}

/// The recipients that do not stay are finished; the name of one that must not be named so is left out.
void finish_others(std::vector<mail::Recipient>& recipients, const std::vector<bool>& stays, const Unfinished& taken) {
  std::vector<mail::Recipient> out;
  std::vector<std::int64_t> place(recipients.size(), -1);
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    if (!stays[i] && taken.contains(recipients[i].address)) continue;
    place[i] = static_cast<std::int64_t>(out.size());
    out.push_back(std::move(recipients[i]));
    out.back().done = out.back().done || !stays[i];
  }
  for (auto& r : out)
    if (r.parent >= 0 && static_cast<std::size_t>(r.parent) < place.size())
      r.parent = static_cast<decltype(r.parent)>(place[static_cast<std::size_t>(r.parent)]);
  recipients = std::move(out);
}

}  // namespace

Result<mail::Envelope> Attempt::envelope_of_copy(const std::vector<Addr*>& batch) const {
  Addresses handed(batch.begin(), batch.end());
  for (const Addr* a : all_)
    if (const Addr* other = delivered_for(*a); other != nullptr && handed.contains(other)) handed.insert(a);
  const Unfinished taken(handed);
  mail::Envelope copy = msg_.envelope;
  std::vector<bool> stays(copy.recipients.size(), false);
  for (const Addr* a : handed)
    if (a->top_index >= 0) stays[static_cast<std::size_t>(a->top_index)] = true;
  finish_others(copy.recipients, stays, taken);
  std::erase_if(copy.non_recipients, [&](const std::string& name) { return taken.contains(name); });
  for (const Addr* a : all_) {
    if (handed.contains(a)) {
      if (a->top_index >= 0) continue;
      mail::Recipient added;  // by the system filter
      added.address = a->state.address;
      copy.recipients.push_back(std::move(added));
      continue;
    }
    if (a->top_index < 0 || !stays[static_cast<std::size_t>(a->top_index)] || !is_delivered_itself(*a)) continue;
    std::string name = finished_name(*a);  // the recipient's other way is this attempt's business
    if (taken.contains(name)) name = homonym_name(*a);
    if (name.empty() || taken.contains(name))
      return fail(ErrorKind::defer,
                  fmt::format("{} goes another way, and cannot be a finished address in the copy: an address that this "
                              "transport gets has the same name, or comes from one",
                              a->state.address));
    copy.non_recipients.push_back(std::move(name));
  }
  return copy;
}

}  // namespace remex::delivery
