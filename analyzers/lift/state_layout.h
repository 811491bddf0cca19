// What lies where in QEMU's CPUX86State: the file state-layout that recorder/qemu/bitcode.sh makes beside the helpers
// (recorder/qemu/state_layout.py describes it).
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace panda::lift {

class StateLayout {
  public:
    StateLayout() = default;
    // Throws FileError when the file cannot be read, or is malformed.
    static StateLayout read(const std::string& path);

    // The field of so many bytes at this offset from the state's start: "regs[3]", "segs[2].base"; null if there is
    // none.
    const std::string* name(int64_t offset, unsigned size) const;
    // Where the field of this name is. Throws Error if the state has no such field.
    int64_t offset(const std::string& name) const;
    uint64_t state_size() const { return state_size_; }

  private:
    void add_line(const std::string& line);

    std::map<std::pair<int64_t, unsigned>, std::string> names_;
    std::map<std::string, int64_t> offsets_;
    uint64_t state_size_ = 0;
};

}  // namespace panda::lift
