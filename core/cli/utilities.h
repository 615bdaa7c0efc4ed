// The small programs around the queue that administrators of Exim know, as names this one binary answers to:
// exim_dumpdb, exim_msgdate, exinext, exim_lock, exim_dbmbuild, exiwhat, exiqgrep, exigrep, exim_id_update. Their
// output is Exim's where there is something to compare with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace remex::cli {

struct Utility {
  std::string_view name;
  std::string_view summary;
  /// `args` without the program's name. Returns the exit status; text goes to stdout and stderr.
  int (*run)(const std::vector<std::string>& args);
};

/// The utility called `name`, or null.
const Utility* find_utility(std::string_view name);

int run_dumpdb(const std::vector<std::string>& args);
int run_msgdate(const std::vector<std::string>& args);
int run_next(const std::vector<std::string>& args);
int run_lock(const std::vector<std::string>& args);
int run_dbmbuild(const std::vector<std::string>& args);
int run_what(const std::vector<std::string>& args);
int run_queue_grep(const std::vector<std::string>& args);
int run_log_grep(const std::vector<std::string>& args);
int run_id_update(const std::vector<std::string>& args);

/// The two numbers of a retry record in exim_dumpdb's form: an errno (or Exim's negative number) and what qualifies it.
struct RetryNumbers {
  int basic = 0, more = 0;
};
RetryNumbers retry_numbers(std::string_view error_word, std::string_view text);

}  // namespace remex::cli
