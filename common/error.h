// The one family of exceptions of this project. They are thrown where something goes wrong, with what a
// person needs to find the place, and caught once, in main (see command_line.h).
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace panda {

// Something that the program cannot recover from. what() is one plain sentence without a final full stop.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// The command line asks for something that does not exist or does not fit together: exit status 2.
class UsageError : public Error {
  public:
    using Error::Error;
};

// A file that cannot be opened, read or written, or does not hold what it should.
class FileError : public Error {
  public:
    // file: path as the user gave it; reason: what is wrong, without the file's name.
    FileError(const std::string& file, const std::string& reason);
    // place: where in the file, for people, for example "chunk 12 at offset 4096".
    FileError(const std::string& file, const std::string& place, const std::string& reason);
};

// The text of an errno value, without its number. Thread-safe.
std::string errno_text(int error_number);

}  // namespace panda
