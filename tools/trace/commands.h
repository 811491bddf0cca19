// The commands of panda-trace. Each takes the arguments that follow its name on the command line and returns
// the exit status. Throws UsageError for wrong arguments, FileError for files.
#pragma once

#include <string>
#include <vector>

namespace panda::trace_tool {

int info(const std::vector<std::string>& arguments);
int dump(const std::vector<std::string>& arguments);
int verify(const std::vector<std::string>& arguments);
int cut(const std::vector<std::string>& arguments);
int recover(const std::vector<std::string>& arguments);
int diff(const std::vector<std::string>& arguments);

}  // namespace panda::trace_tool
