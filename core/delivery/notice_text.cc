// See notice_text.h. Template files are small; they are read for each notice, so that an edit needs no reload.

#include "core/delivery/notice_text.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "core/base/strings.h"
#include "lang/list.h"

namespace remex::delivery {
namespace {

constexpr std::size_t kTemplateMax = 256 * 1024;

void complain(Engine& eng, const std::string& text) { eng.log->write(log::kMain | log::kPanic, "", text); }

Result<std::string> read_template(const std::string& path) {
  if (!path.starts_with('/')) return fail("not an absolute path");
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(strerror(errno));
  std::string text(kTemplateMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kTemplateMax) return fail(fmt::format("larger than {} KiB", kTemplateMax / 1024));
  return text;
}

std::vector<std::string> cut(const std::string& text) {
  std::vector<std::string> items(1);
  for (auto line : split(text, '\n')) {
    if (trim_right(line) == "****")
      items.emplace_back();
    else
      (items.back() += line) += '\n';
  }
  // split() sees an empty line behind the last newline.
  if (!items.back().empty() && text.ends_with('\n')) items.back().pop_back();
  return items;
}

/// A pattern and what follows it; a pattern with blanks stands in double quotes.
std::pair<std::string, std::string> pattern_and_rest(std::string_view item) {
  item = trim(item);
  if (item.starts_with('"')) {
    const auto end = item.find('"', 1);
    if (end != std::string_view::npos)
      return {std::string(item.substr(1, end - 1)), std::string(trim(item.substr(end + 1)))};
  }
  const auto end = item.find_first_of(" \t\n");
  if (end == std::string_view::npos) return {std::string(item), ""};
  return {std::string(item.substr(0, end)), std::string(trim(item.substr(end)))};
}

}  // namespace

std::vector<std::string> template_items(Engine& eng, const lang::Expansion& file, std::size_t count,
                                        lang::Scope& scope) {
  std::vector<std::string> out(count);
  if (!file.is_set()) return out;
  auto path = file.eval(scope);
  if (!path) {
    complain(eng, fmt::format("expansion of \"{}\" failed: {}; the built-in text is used", file.source_text(),
                              path.error().text));
    return out;
  }
  if (path->empty()) return out;
  if (path->is_tainted()) {
    complain(eng, fmt::format("tainted template file name \"{}\"; the built-in text is used", printable(path->view())));
    return out;
  }
  auto text = read_template(path->str());
  if (!text) {
    complain(eng, fmt::format("cannot use the template file {}: {}; the built-in text is used", path->str(),
                              text.error().text));
    return out;
  }
  const auto items = cut(*text);
  for (std::size_t i = 0; i < count && i < items.size(); ++i) {
    if (trim(items[i]).empty()) continue;
    auto v = lang::expand_once(items[i], scope);
    if (v)
      out[i] = std::move(*v).str();
    else
      complain(eng, fmt::format("item {} of {}: {}; the built-in text is used", i + 1, path->str(), v.error().text));
  }
  return out;
}

bool add_template_headers(Engine& eng, const std::string& item, mail::HeaderList& headers) {
  bool subject = false;
  std::string line;
  const auto take = [&] {
    if (line.empty()) return;
    const auto colon = line.find(':');
    const std::string_view name = trim_right(std::string_view(line).substr(0, colon));
    const bool good = colon != std::string::npos && !name.empty() &&
                      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
                          std::string_view::npos;
    if (good) {
      subject = subject || iequals(name, "Subject");
      headers.add(line + "\n");
    } else {
      complain(eng, fmt::format("\"{}\" in a template file is not a header line and is left out", printable(line)));
    }
    line.clear();
  };
  for (const auto part : split(item, '\n')) {
    if (!line.empty() && (part.starts_with(' ') || part.starts_with('\t'))) {
      line += "\n" + std::string(part);
      continue;
    }
    take();
    line = part;
  }
  take();
  return subject;
}

std::vector<std::string> copies_for(Engine& eng, const std::string& recipient) {
  std::vector<std::string> out;
  const auto& option = eng.config->main.errors_copy;
  if (!option.is_set()) return out;
  lang::Scope scope;
  scope.config = eng.config.get();
  scope.services = eng.services;
  lang::AddressState who;
  const auto at = recipient.rfind('@');
  who.address = recipient;
  who.local_part = recipient.substr(0, at);
  who.domain = at == std::string::npos ? "" : recipient.substr(at + 1);
  scope.address = &who;
  for (const auto& item : lang::split_list(option.source_text())) {
    const auto [pattern, addresses] = pattern_and_rest(item);
    if (pattern.empty() || addresses.empty()) continue;
    auto m = lang::match_list_text(scope, lang::ListKind::address, Text(replace_all(pattern, ":", "::")),
                                   Text::tainted(recipient));
    if (!m) {
      complain(eng, fmt::format("errors_copy: \"{}\": {}", pattern, m.error().text));
      continue;
    }
    if (!m->matched) continue;
    auto list = lang::expand_once(addresses, scope);
    if (!list) {
      complain(eng, fmt::format("errors_copy: \"{}\": {}", addresses, list.error().text));
      return out;
    }
    for (const auto& a : split(list->str(), ','))
      if (const auto t = trim(a); !t.empty() && t.find('@') != std::string_view::npos) out.emplace_back(t);
    return out;
  }
  return out;
}

}  // namespace remex::delivery
