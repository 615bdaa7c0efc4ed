// The one HTTPS request of MTA-STS; see mta_sts.h. libcurl is opened at the first policy, so that nothing pays for it
// at start.
#include <dlfcn.h>
#include <fmt/format.h>

#include <mutex>

#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "transports/mta_sts.h"

#ifdef REMEX_LIB_CURL
#include <curl/curl.h>
#endif

namespace remex::transports {

#ifndef REMEX_LIB_CURL
bool mta_sts_is_built() { return false; }

Result<std::string> fetch_mta_sts(const std::string&, const std::vector<std::string>&, const std::string&) {
  return defer("this build cannot fetch MTA-STS policies");
}
#else
bool mta_sts_is_built() { return true; }

namespace {

constexpr std::size_t kMaxPolicy = 64 * 1024;
constexpr long kConnectMs = 10000, kTotalMs = 20000;
constexpr std::size_t kAtOnce = 2;  ///< of the thread pool, which others need too

struct Api {
  decltype(&curl_global_init) global_init = nullptr;
  decltype(&curl_easy_init) easy_init = nullptr;
  decltype(&curl_easy_setopt) easy_setopt = nullptr;
  decltype(&curl_easy_perform) easy_perform = nullptr;
  decltype(&curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&curl_easy_strerror) easy_strerror = nullptr;
  decltype(&curl_slist_append) slist_append = nullptr;
  decltype(&curl_slist_free_all) slist_free_all = nullptr;
};

/// Any thread. A library that is not installed is looked for again at the next policy.
Result<const Api*> api() {
  static std::mutex mutex;
  static Api functions;
  static bool ready = false;
  const std::lock_guard lock(mutex);
  if (ready) return &functions;
  void* handle = ::dlopen(REMEX_LIB_CURL, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    const char* why = ::dlerror();
    return defer(fmt::format("MTA-STS needs {}, which cannot be opened: {}", REMEX_LIB_CURL,
                             why != nullptr ? why : "unknown reason"));
  }
  const char* missing = nullptr;
  const auto bind = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle, name));
    if (function == nullptr) missing = name;
  };
  bind(functions.global_init, "curl_global_init");
  bind(functions.easy_init, "curl_easy_init");
  bind(functions.easy_setopt, "curl_easy_setopt");
  bind(functions.easy_perform, "curl_easy_perform");
  bind(functions.easy_getinfo, "curl_easy_getinfo");
  bind(functions.easy_cleanup, "curl_easy_cleanup");
  bind(functions.easy_strerror, "curl_easy_strerror");
  bind(functions.slist_append, "curl_slist_append");
  bind(functions.slist_free_all, "curl_slist_free_all");
  if (missing != nullptr) return defer(fmt::format("MTA-STS: {} has no {}", REMEX_LIB_CURL, missing));
  if (functions.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return defer("MTA-STS: libcurl cannot be initialised");
  ready = true;
  return &functions;
}

std::size_t take(char* data, std::size_t size, std::size_t count, void* to) {
  auto& text = *static_cast<std::string*>(to);
  if (text.size() + size * count > kMaxPolicy) return 0;  // the request fails
  text.append(data, size * count);
  return size * count;
}

Result<std::string> request(const std::string& host, const std::string& resolved, const std::string& ca) {
  REMEX_TRY(const Api* c, api());
  const std::unique_ptr<CURL, decltype(c->easy_cleanup)> curl(c->easy_init(), c->easy_cleanup);
  const std::unique_ptr<curl_slist, decltype(c->slist_free_all)> names(c->slist_append(nullptr, resolved.c_str()),
                                                                       c->slist_free_all);
  if (curl == nullptr || names == nullptr) return defer("out of memory");
  std::string text;
  char error[CURL_ERROR_SIZE] = {};
  const std::string url = fmt::format("https://{}/.well-known/mta-sts.txt", host);
  bool set = true;
  const auto option = [&](CURLoption o, auto value) { set = set && c->easy_setopt(curl.get(), o, value) == CURLE_OK; };
  option(CURLOPT_URL, url.c_str());
  option(CURLOPT_RESOLVE, names.get());
  option(CURLOPT_PROTOCOLS_STR, "https");
  option(CURLOPT_PROXY, "");  // whatever the environment says
  option(CURLOPT_FOLLOWLOCATION, 0L);
  option(CURLOPT_NOSIGNAL, 1L);
  option(CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  option(CURLOPT_TIMEOUT_MS, kTotalMs);
  option(CURLOPT_SSL_VERIFYPEER, 1L);
  option(CURLOPT_SSL_VERIFYHOST, 2L);
  option(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!ca.empty() && ca != "system") option(CURLOPT_CAINFO, ca.c_str());
  option(CURLOPT_USERAGENT, "remex (MTA-STS, RFC 8461)");
  option(CURLOPT_ERRORBUFFER, static_cast<char*>(error));
  option(CURLOPT_WRITEFUNCTION, &take);
  option(CURLOPT_WRITEDATA, static_cast<void*>(&text));
  if (!set) return defer("libcurl does not know what is asked of it");
  const CURLcode rc = c->easy_perform(curl.get());
  if (rc == CURLE_WRITE_ERROR) return defer("the answer is larger than 64 KiB");
  if (rc != CURLE_OK) return defer(printable(error[0] != '\0' ? error : c->easy_strerror(rc)));
  long status = 0;
  const char* type = nullptr;
  (void)c->easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  (void)c->easy_getinfo(curl.get(), CURLINFO_CONTENT_TYPE, &type);
  if (status != 200) return defer(fmt::format("the web server answered {}", status));
  if (type != nullptr && !istarts_with(trim(type), "text/plain"))
    return defer(fmt::format("the answer is {}, not text/plain", printable(std::string_view(type).substr(0, 60))));
  return text;
}

}  // namespace

Result<std::string> fetch_mta_sts(const std::string& host, const std::vector<std::string>& addresses,
                                  const std::string& ca) {
  std::string resolved = host + ":443:";
  for (std::size_t i = 0; i < addresses.size() && i < 8; ++i) {
    const bool v6 = addresses[i].find(':') != std::string::npos;
    resolved += fmt::format("{}{}{}{}", i > 0 ? "," : "", v6 ? "[" : "", addresses[i], v6 ? "]" : "");
  }
  thread_local io::Semaphore turns(kAtOnce);
  REMEX_CHECK(turns.acquire());
  auto out = io::offload([&] { return request(host, resolved, ca); });
  turns.release();
  return out;
}
#endif

}  // namespace remex::transports
