#include "common/error.h"

#include <system_error>

namespace panda {

FileError::FileError(const std::string& file, const std::string& reason) : Error(file + ": " + reason) {}

FileError::FileError(const std::string& file, const std::string& place, const std::string& reason)
    : Error(file + ": " + place + ": " + reason) {}

std::string errno_text(int error_number) {
    return std::generic_category().message(error_number);
}

}  // namespace panda
