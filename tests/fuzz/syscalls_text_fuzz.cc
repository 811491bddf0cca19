// Calls of any kind, with any arguments, over memory of any content.
#include <cstdint>
#include <cstring>

#include "analyzers/syscalls/call_text.h"
#include "analyzers/syscalls/signal_frame.h"

namespace {

using namespace panda::syscalls;

// The input, again and again: every address leads somewhere into it, but for a page in eight.
class FuzzMemory final : public UserMemory {
  public:
    explicit FuzzMemory(std::span<const uint8_t> content) : content_(content) {}
    bool read(uint64_t address, std::span<std::byte> out) const override {
        if (content_.empty() || (address >> 12) % 8 == 7)
            return false;
        for (std::byte& byte : out)
            byte = static_cast<std::byte>(content_[address++ % content_.size()]);
        return true;
    }

  private:
    std::span<const uint8_t> content_;
};

struct Input {
    uint8_t abi;
    uint8_t limit;
    uint16_t number;
    int64_t value;
    uint64_t arguments[6];
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Input input;
    if (size < sizeof input)
        return 0;
    std::memcpy(&input, data, sizeof input);
    const FuzzMemory memory({data + sizeof input, size - sizeof input});
    Call call;
    call.abi = (input.abi & 1) != 0 ? Abi::i386 : Abi::x86_64;
    const auto all = calls(call.abi);
    call.description = &all[input.number % all.size()];
    call.number = call.description->number;
    std::memcpy(call.arguments.data(), input.arguments, sizeof input.arguments);
    call.stack_pointer = input.arguments[0];
    TextOptions options;
    options.string_limit = input.limit;
    if ((input.abi & 2) != 0)
        options.describe_fd = [](int64_t fd) { return std::to_string(fd); };
    CallText text(call, memory, options);
    if (text.incomplete())
        text.retry();
    text.finish({Ending::returned, input.value, 0});
    saved_at_handler(memory, call.abi, call.stack_pointer);
    saved_at_sigreturn(memory, call.abi, (input.abi & 4) != 0, call.stack_pointer);
    return with_result(text.whole(), text.result()).empty() ? 1 : 0;
}
