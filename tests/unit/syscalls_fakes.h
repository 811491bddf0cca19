// A program's memory and a guest, made up.
#pragma once

#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "analyzers/syscalls/call_text.h"
#include "analyzers/syscalls/guest.h"

namespace panda::syscalls {

// A program's memory, in pages: what was put into a page, with zeros around it. Other pages cannot be read.
class FakeMemory final : public UserMemory {
  public:
    void put(uint64_t address, const void* data, size_t size) {
        const auto* bytes = static_cast<const std::byte*>(data);
        for (size_t i = 0; i < size; ++i)
            pages_[(address + i) / page][(address + i) % page] = bytes[i];
    }
    void put_text(uint64_t address, const std::string& text) { put(address, text.c_str(), text.size() + 1); }
    template <typename T>
    void put_values(uint64_t address, std::initializer_list<T> values) {
        for (const T value : values) {
            put(address, &value, sizeof value);
            address += sizeof value;
        }
    }
    bool read(uint64_t address, std::span<std::byte> out) const override {
        for (std::byte& byte : out) {
            const auto found = pages_.find(address / page);
            if (found == pages_.end())
                return false;
            byte = found->second[address++ % page];
        }
        return true;
    }

  private:
    static constexpr uint64_t page = 4096;
    std::map<uint64_t, std::array<std::byte, page>> pages_;
};

class FakeGuest final : public Guest {
  public:
    std::optional<Task> current_task() override { return task; }
    bool is_alive(const Task& of) override { return dead.count(of.tid) == 0; }
    const UserMemory& user_memory() const override { return memory; }

    std::optional<Task> task;
    std::set<int64_t> dead;
    FakeMemory memory;
};

// A call and what it returned, as one line without padding.
inline std::string line_of(const FakeMemory& memory, Abi abi, const std::string& name,
                           const std::vector<uint64_t>& arguments, int64_t value,
                           const TextOptions& options = {}) {
    Call call;
    call.abi = abi;
    call.description = find_call(abi, name);
    if (call.description == nullptr)
        return "no call " + name;
    call.number = call.description->number;
    std::copy(arguments.begin(), arguments.end(), call.arguments.begin());
    CallText text(call, memory, options);
    text.finish({Ending::returned, value, 0});
    return text.whole() + " = " + text.result();
}

}  // namespace panda::syscalls
