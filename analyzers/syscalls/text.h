// The pieces of strace's notation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analyzers/syscalls/context.h"
#include "analyzers/syscalls/guest.h"

namespace panda::syscalls {

// NULL or 0x…
std::string address_text(uint64_t address);
// A word of `size` bytes in hexadecimal, with zeros in front. As C's %#0*x has it, 0x takes two of the digits, and 0 has
// none.
std::string full_word_text(uint64_t value, unsigned size);
// Octal with a leading 0, at least three digits: 0644, 000.
std::string mode_text(uint64_t mode);

// Bytes between double quotes, escaped as in C, with octal for what is not ASCII text.
std::string quoted(std::span<const std::byte> bytes);
std::string quoted(const std::string& text);

// The constants of `family` in `value`, with | between them and the rest as a number; "0" if no bit is set.
std::string flags_text(const Family& family, Abi abi, uint64_t value);
// The same of flags that follow others: what has no name is a number without a comment.
std::string more_flags_text(const Family& family, Abi abi, uint64_t value);
// The constant that is `value`, or the number and the family's unknown text as a comment: 0x63 /* MADV_???
// */.
std::string one_text(const Family& family, Abi abi, uint64_t value);
// The constant that is `value`; null if there is none.
const char* constant_name(const Family& family, Abi abi, uint64_t value);

// A time as a comment, " /* 2009-02-13T23:31:30+0000 */", in UTC; empty for 0. part: of a second, in units of which it has
// 10^digits; shown unless it is 0. Empty if it is a second or more.
std::string time_comment(int64_t seconds, uint64_t part = 0, unsigned digits = 0);

// "SIGCHLD"; the number if it has no name; "SIGRT_1" for real-time signals.
std::string signal_text(uint64_t signal);

// A priority for input and output: IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 4).
std::string io_priority_text(Abi abi, uint64_t value);

// The items with ", " between them, `before` before them and `after` after them.
std::string list_text(char before, const std::vector<std::string>& items, char after);

// The items of an array at `place`: [item, …], with ... for those that strace does not show. item: returns the
// text of the one at an address; nothing if it cannot be read. An address if none can be read.
std::string array_at(const Context& context, uint64_t place, uint64_t count, uint32_t item_size,
                     const std::function<std::optional<std::string>(uint64_t)>& item);

// Bytes between double quotes, each in hexadecimal: "\x00\xff".
std::string hex_quoted(std::span<const std::byte> bytes);

// The string at `address`, up to its zero: at most `limit` bytes of it, and ... after the quote if there is
// more. An address if it cannot be read.
std::string string_at(const Context& context, uint64_t address, uint64_t limit);
// Netlink messages of the protocol (NETLINK_…) in `size` bytes at `address`: [{nlmsg_len=…, …}, payload], or several of
// these.
std::string netlink_at(const Context& context, uint32_t protocol, uint64_t address, uint64_t size);
// `size` bytes at `address` in hexadecimal, up to TextOptions::string_limit, and ... if there are more.
std::string hex_at(const Context& context, uint64_t address, uint64_t size);
// A network interface: if_nametoindex("lo"); the number if its name is not known.
std::string interface_text(const Context& context, uint32_t number);
// A table of routes: RT_TABLE_MAIN; the number if it has no name.
std::string route_table_text(const Context& context, uint64_t number);
// inet_addr("127.0.0.1") or inet_pton(AF_INET6, "::1"). bytes: 4 for AF_INET, 16 for AF_INET6.
std::string inet_address_text(uint32_t family, const std::byte* bytes);
// What is sent to or received from a descriptor: netlink messages, or bytes.
std::string sent_at(const Context& context, int64_t fd, uint64_t address, uint64_t size);
// `size` bytes at `address`, up to TextOptions::string_limit, and ... if there are more.
std::string bytes_at(const Context& context, uint64_t address, uint64_t size);

// The text of a value of `size` bytes in memory, by its notation. Nothing if it cannot be read.
std::optional<std::string> value_at(const Context& context, uint64_t address, uint32_t size,
                                    const Notation& notation);
// The structure at `address`, {member=value, …}; an address if it cannot be read.
std::string structure_at(const Context& context, uint64_t address, const Layout& layout);
// The set of signals at `address`, of `size` bytes: [INT CHLD], ~[KILL STOP], NULL, or an address.
std::string signal_set_at(const Context& context, uint64_t address, uint64_t size);
// What a signal tells: {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=7, …}.
std::string siginfo_text(const Signal& signal);
// What a descriptor is, to be put after its number: </etc/passwd>, </tmp/x>(deleted); empty for an empty
// text.
std::string described(const std::string& what);
// A descriptor: its number, and what it is if that is asked for.
std::string fd_text(const Context& context, int64_t fd);

}  // namespace panda::syscalls
