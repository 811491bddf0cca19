// A system call as strace writes it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analyzers/syscalls/context.h"

namespace panda::syscalls {

// Reads what the call takes when it is made, and what it returns in memory when it returns.
class CallText {
  public:
    // Create it when the call is made. All three must outlive this, and `memory` follows the guest.
    CallText(const Call& call, const UserMemory& memory, const TextOptions& options);
    CallText(const Call&, const UserMemory&, TextOptions&&) = delete;

    // Whether something could not be read. What the call takes may be in pages that are not there until the
    // kernel reads them. Then it is read again at the return; but when an execve returns, that memory no
    // longer exists.
    bool incomplete() const;
    // Tries again to read what could not be read, before the program's memory goes away. More of the beginning
    // may be known then.
    void retry();

    // Call it at the return, or when it is known that there will be none.
    void finish(Return result);

    // The texts of the arguments that are known; after finish() of all of them.
    const std::vector<std::string>& arguments() const { return known_; }
    // After "= ": "3", "-1 ENOENT (No such file or directory)", "?". After finish().
    const std::string& result() const { return result_; }

    // "read(3, ", as far as the arguments are known without the call's return, or "close(3" if all are. It is
    // the same before and after finish().
    const std::string& beginning() const { return beginning_; }
    // "read(3, "text", 10)", without the result.
    std::string whole() const;

  private:
    struct Argument {
        std::optional<std::string> text;  // nothing: it is known only at the return
        bool missed = false;              // something could not be read, but may be readable later
    };
    Argument argument(const Notation& notation);
    std::optional<std::string> argument_text(const Notation& notation);
    // An argument's text at the return: read then, unless the entry's text is as good.
    std::string final_text(const Argument& at_entry, const Notation& notation);
    void add_argument(std::string text);
    void write_beginning();
    std::string joined() const;

    Context context_;
    std::vector<Argument> at_entry_;
    std::vector<std::string> known_;
    std::string beginning_;
    std::string result_;
    bool complete_ = false;
};

// A return value without its call: "-1 EBADF (Bad file descriptor)", "? ERESTARTSYS (…)".
std::string error_text(int64_t value);
// The name of an errno value, "EBADF"; the number if it has no name.
std::string errno_name(int64_t error);

// A result where strace writes it: `before`, padded to column 40, then "= " and the result.
std::string with_result(std::string before, const std::string& result);

}  // namespace panda::syscalls
