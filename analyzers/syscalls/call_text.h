// A system call as strace writes it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analyzers/syscalls/context.h"

namespace panda::syscalls {

// Reads what the call takes when it is made, and what it gives when it returns.
class CallText {
  public:
    // At the call. All three must outlive this, and `memory` follows the guest.
    CallText(const Call& call, const UserMemory& memory, const TextOptions& options);
    CallText(const Call&, const UserMemory&, TextOptions&&) = delete;

    // What the call takes may lie in pages that are not there until the kernel reads them. Then it is read
    // again at the return; but an execve has no such memory any more when it returns. Whether something could
    // not be read:
    bool incomplete() const;
    // Tries again to read what could not be read, before the program's memory goes away.
    void retry();

    // At the return, or when it is known that there will be none.
    void finish(const Return& result);

    // The arguments that are known; all of them after finish().
    const std::vector<std::string>& arguments() const { return known_; }
    // After "= ": "3", "-1 ENOENT (No such file or directory)", "?". After finish().
    const std::string& result() const { return result_; }

    // "read(3, " as far as the arguments are known without the call's return; "close(3" when all are. The
    // same after finish() as before.
    const std::string& beginning() const { return beginning_; }
    // "read(3, "text", 10)", without the result.
    std::string whole() const;

  private:
    struct Argument {
        std::optional<std::string> text;  // nothing: known at the return
        bool missed = false;              // something could not be read, so it may be better known later
    };
    Argument argument(const Notation& notation);
    std::optional<std::string> argument_text(const Notation& notation);
    // What is known of an argument at the return: read then, unless the entry's text is as good.
    std::string final_text(const Argument& at_entry, const Notation& notation);
    void add_argument(std::string text);
    std::string joined() const;

    Context context_;
    std::vector<Argument> at_entry_;
    std::vector<std::string> known_;
    std::string beginning_;
    std::string result_;
    bool complete_ = false;
};

// What a return value is, without a call: "-1 EBADF (Bad file descriptor)", "? ERESTARTSYS (…)".
std::string error_text(int64_t value);
// The name of an errno value: "EBADF"; the number for those that have none.
std::string errno_name(int64_t error);

// A result where strace has it: after `before`, padded to column 40, "= " and the result.
std::string with_result(std::string before, const std::string& result);

}  // namespace panda::syscalls
