// Calls of any kind and both ABIs, with any arguments, over memory of any content; signals; signal frames.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "analyzers/syscalls/call_text.h"
#include "analyzers/syscalls/pairing.h"
#include "analyzers/syscalls/signal_frame.h"
#include "analyzers/syscalls/text.h"

namespace {

using namespace panda::syscalls;

// Memory repeats the input again and again, so every address leads somewhere into it, except in pages that
// are not there. So what the program takes for a pointer in it leads on: nested vectors, messages, lists of
// strings.
class FuzzMemory final : public UserMemory {
  public:
    FuzzMemory(std::span<const uint8_t> content, uint8_t missing) : content_(content), missing_(missing) {}
    bool read(uint64_t address, std::span<std::byte> out) const override {
        if (content_.empty() || out.size() > UINT64_MAX - address)
            return false;
        for (uint64_t page = address >> 12; page <= (address + out.size()) >> 12; ++page)
            if ((missing_ >> page % 8 & 1) != 0)
                return false;
        for (std::byte& byte : out)
            byte = static_cast<std::byte>(content_[address++ % content_.size()]);
        return true;
    }
    // Now other pages are there.
    void change(uint8_t missing) { missing_ = missing; }

  private:
    std::span<const uint8_t> content_;
    uint8_t missing_;
};

struct Input {
    uint8_t
        flags;  // 1: i386; 2: with descriptors; 4: by its name's arguments; 8, 16: ending; 32: known; 64: netlink sockets
    uint8_t limit;
    uint16_t number;
    uint8_t missing[2];  // pages, at the entry and at the return
    uint16_t small[6];   // if not 0, the argument: flags, lengths and places at the start of memory
    int64_t value;
    uint64_t arguments[6];
};

Ending ending_of(uint8_t flags) {
    return (flags & 8) == 0 ? Ending::returned : (flags & 16) == 0 ? Ending::gone : Ending::unfinished;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Input input;
    if (size < sizeof input)
        return 0;
    std::memcpy(&input, data, sizeof input);
    FuzzMemory memory({data + sizeof input, size - sizeof input}, input.missing[0]);
    Call call;
    call.abi = (input.flags & 1) != 0 ? Abi::i386 : Abi::x86_64;
    const auto all = calls(call.abi);
    call.description = &all[input.number % all.size()];
    call.number = call.description->number;
    for (size_t i = 0; i < call.arguments.size(); ++i)
        call.arguments[i] = input.small[i] != 0 ? input.small[i] : input.arguments[i];
    call.stack_pointer = input.arguments[0];
    unpack_multiplexed(call, memory);
    TextOptions options;
    options.string_limit = input.limit;
    if ((input.flags & 2) != 0)
        options.describe_fd = [&](int64_t fd) {
            return std::string(reinterpret_cast<const char*>(data), static_cast<size_t>(fd) % sizeof input);
        };
    if ((input.flags & 64) != 0) {
        // Of routes or of socket diagnosis.
        options.socket = [](int64_t fd) { return SocketKind{16, static_cast<uint32_t>(fd) & 4}; };
        options.interface_name = [](uint32_t number) { return std::optional(std::string(number % 16, 'x')); };
    }
    CallText text(call, memory, options);
    memory.change(input.missing[1]);
    if (text.incomplete())
        text.retry();
    text.finish({ending_of(input.flags), input.value, 0, (input.flags & 32) != 0});
    const std::string line = with_result(text.whole(), text.result());
    // What one call shows is bounded, whatever its memory holds: lists by counts, strings by their limit.
    if (line.empty() || line.size() > size_t{64} << 20)
        std::abort();
    saved_at_handler(memory, call.abi, call.stack_pointer);
    saved_at_sigreturn(memory, call.abi, (input.flags & 4) != 0, call.stack_pointer);
    Signal signal;
    signal.abi = call.abi;
    std::memcpy(signal.info.data(), input.arguments, sizeof input.arguments);
    siginfo_text(signal);
    return 0;
}
