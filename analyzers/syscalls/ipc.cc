// System V semaphores, messages and shared memory; POSIX message queues.
#include <algorithm>

#include "analyzers/syscalls/notation.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"
#include "common/hex.h"

namespace panda::syscalls::notation {
namespace {

constexpr uint64_t ipc_64 = 0x100;  // ipc/util.h: the layout of the structures

// struct msgbuf { long mtype; char mtext[]; }
std::string message_at(const Context& context, uint64_t place, uint64_t size) {
    const unsigned word = context.word_size();
    const auto type = context.read_signed(place, word);
    if (place == 0 || !type)
        return address_text(place);
    return "{mtype=" + std::to_string(*type) + ", mtext=" + bytes_at(context, place + word, size) + "}";
}

}  // namespace

// Flags for making something, and its permissions: IPC_CREAT|0600.
std::optional<std::string> resource_flags(Context& context, const Notation& notation) {
    const uint64_t value = context.argument(notation) & 0xffff'ffff;
    std::string permissions = mode_text(value & 0777);
    if ((value & ~uint64_t{0777}) == 0)
        return permissions;
    const std::string flags = flags_text(*notation.families[0], context.abi(), value & ~uint64_t{0777});
    return flags.substr(0, flags.find(" /* ")) + "|" + permissions;
}

std::optional<std::string> ipc_command(Context& context, const Notation& notation) {
    const uint64_t value = context.argument(notation) & 0xffff'ffff;
    const std::string before = (value & ipc_64) != 0 ? "IPC_64|" : "";
    return before + one_text(*notation.families[0], context.abi(), value & ~ipc_64);
}

// What IPC_SET is given and IPC_STAT writes. Nothing if the command takes another structure, or none.
const Layout* ipc_layout(uint64_t command, const Layout& set, const Layout& stat) {
    constexpr uint64_t ipc_set = 1, ipc_stat = 2;
    command &= 0xffff'ffff & ~ipc_64;
    return command == ipc_set ? &set : command == ipc_stat ? &stat : nullptr;
}

std::optional<std::string> ipc_structure(Context& context, uint64_t place, const Layout* layout,
                                         const Layout& stat) {
    if (layout == &stat && context.at_entry())
        return std::nullopt;
    if (layout == nullptr || place == 0 || (layout == &stat && context.without_output()))
        return address_text(place);
    return structure_at(context, place, *layout);
}

std::optional<std::string> ipc_argument(Context& context, const Notation& notation) {
    const bool memory = context.call().name() == "shmctl";
    const Layout& stat = memory ? shm_stat_layout() : msg_stat_layout();
    const Layout& set = memory ? shm_set_layout() : msg_set_layout();
    return ipc_structure(context, context.argument(notation),
                         ipc_layout(context.argument_at(notation.numbers[0]), set, stat), stat);
}

// union semun: the value itself, or an address. Multiplexed calls have the address of it.
std::optional<std::string> semctl_argument(Context& context, const Notation& notation) {
    const uint64_t value = context.argument(notation);
    const Layout& stat = sem_stat_layout();
    if (!context.call().multiplexed)
        return ipc_structure(context, value,
                             ipc_layout(context.argument_at(notation.numbers[0]), sem_set_layout(), stat),
                             stat);
    const auto word = context.read_word(value);
    return value == 0 || !word ? address_text(value) : "[" + address_text(*word) + "]";
}

std::optional<std::string> in_sysv_message(Context& context, const Notation& notation) {
    return message_at(context, context.argument(notation), context.argument_at(notation.numbers[0]));
}

std::optional<std::string> out_sysv_message(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    const uint64_t place = context.argument(notation);
    return context.without_output()
               ? address_text(place)
               : message_at(context, place, static_cast<uint64_t>(context.result().value));
}

constexpr uint64_t o_creat = 0100;

std::optional<std::string> mq_mode(Context& context, const Notation& notation) {
    return (context.argument_at(notation.numbers[0]) & o_creat) == 0
               ? ""
               : mode_text(context.argument(notation) & 0xffff);
}

std::optional<std::string> mq_attributes(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    if ((context.argument_at(notation.numbers[0]) & o_creat) == 0)
        return "";
    return place == 0 ? "NULL" : structure_at(context, place, mq_attr_layout());
}

}  // namespace panda::syscalls::notation
