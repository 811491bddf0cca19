#include "trace/proof/block_registers_check.h"

#include <array>
#include <bit>
#include <variant>

namespace panda::trace {

void BlockRegistersCheck::start(const Chunk& chunk) {
    active_ = chunk.summary().registers;
    if (!active_)
        return;
    cursor_.start(chunk);
    if (chunk.summary().cpu) {
        expected_ = (1u << block_registers) - 1;
        values_ = block_registers_of(*chunk.summary().cpu);
    }
}

void BlockRegistersCheck::end() const {
    if (active_)
        cursor_.check_end();
}

void BlockRegistersCheck::expect(unsigned number, uint64_t value) {
    expected_ |= 1u << number;
    values_[number] = value;
}

void BlockRegistersCheck::on_event(const Event& event) {
    // The registers of SystemCall::arguments, in their order. syscall leaves them as they were. (It takes rcx
    // for the return address, so the fourth argument is in r10.)
    static constexpr std::array<unsigned, 6> arguments = {rdi, rsi, rdx, r10, r8, r9};
    const EventDetail& detail = event.detail;
    if (const auto* call = std::get_if<SystemCall>(&detail); call != nullptr) {
        expected_ = 0;
        if (call->gate != CallGate::syscall)
            return;
        expect(rax, call->number);
        expect(rsp, call->stack_pointer);
        for (size_t i = 0; i < arguments.size(); ++i)
            expect(arguments[i], call->arguments[i]);
    } else if (const auto* back = std::get_if<SystemReturn>(&detail); back != nullptr) {
        expected_ = 0;
        expect(rax, back->value);
        expect(rsp, back->stack_pointer);
    } else if (std::holds_alternative<Interrupt>(detail) || std::holds_alternative<Exception>(detail) ||
               std::holds_alternative<Reset>(detail) || std::holds_alternative<Gap>(detail)) {
        expected_ = 0;
    }
}

bool BlockRegistersCheck::check(const BlockExecution& block) {
    const BlockRegisters& found = cursor_.next(block.id);
    bool same = true;
    for (unsigned number = 0; expected_ != 0 && number < block_registers; ++number)
        same = same && ((expected_ >> number & 1) == 0 || found[number] == values_[number]);
    checked_ += static_cast<unsigned>(std::popcount(expected_));
    expected_ = 0;
    return same;
}

}  // namespace panda::trace
