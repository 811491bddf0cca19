// The functions of recorder/engine/glue.h, on the fake machine that there is.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "tests/unit/fake_glue.h"

namespace panda::engine::test {
namespace {

// What glue_processor_save() makes.
struct Saved {
    uint64_t magic;
    uint64_t halted;
    GlueProcessor processor;
};
constexpr uint64_t saved_magic = 0x70616e6461;

}  // namespace

struct Door {
    static constexpr FakeMachine*& current = FakeMachine::current;

    static uint64_t instr() { return current->limit_ - current->low_ - current->extra_; }
    static uint32_t exceptions() { return instr() == current->exception_instr_ ? current->exceptions_ : 0; }
    static void count(bool on) {
        current->counting_ = on;
        current->limit_ = current->extra_ = 0;
        current->low_ = 0;
        current->exceptions_ = 0;
        current->exception_instr_ = UINT64_MAX;
        current->path_.clear();
    }
    static void grant(uint64_t instructions) {
        if (current->replayer_ == nullptr)
            instructions = std::min(instructions, current->budget);
        current->limit_ = instr() + instructions;
        current->low_ = static_cast<uint32_t>(std::min<uint64_t>(instructions, glue_counter_limit));
        current->extra_ = instructions - current->low_;
    }
    static void registers(uint64_t* values) {
        constexpr int stack_pointer = 4, fs = 4, gs = 5;
        const GlueProcessor& processor = current->processor_;
        values[0] = processor.general[stack_pointer];
        values[1] = processor.segmentation.segments[fs].base;
        values[2] = processor.segmentation.segments[gs].base;
    }
    static uint8_t* save(size_t* size) {
        const Saved saved = {saved_magic, current->halted_, current->processor_};
        auto* data = static_cast<uint8_t*>(std::malloc(sizeof(saved)));
        std::memcpy(data, &saved, sizeof(saved));
        *size = sizeof(saved);
        return data;
    }
    static const char* load(const uint8_t* data, size_t size) {
        Saved saved;
        if (size != sizeof(saved))
            return "the toy's state has another size";
        std::memcpy(&saved, data, sizeof(saved));
        if (saved.magic != saved_magic)
            return "the toy's state is something else";
        current->halted_ = saved.halted != 0;
        current->processor_ = saved.processor;
        current->hidden_ = 0;
        current->tlb_ = {0, 5};  // loading leaves something there, which the caller must reset
        return nullptr;
    }
    static size_t blocks(const GlueBlock** out) {
        auto& list = current->blocks_;
        list.clear();
        for (size_t i = 0; i < current->memory_.size(); i++)
            list.push_back(
                {current->names_[i].c_str(), current->memory_[i].size(), current->memory_[i].data()});
        *out = list.data();
        return list.size();
    }
    static void make_blocks(GlueBlock* blocks, size_t count) {
        for (size_t i = 0; i < count; i++) {
            current->names_.push_back(blocks[i].name);
            current->memory_.emplace_back(blocks[i].size);
            blocks[i].host = current->memory_.back().data();
        }
    }
    static size_t map(int index, const GlueRange** ranges) {
        *ranges = current->maps_.at(index).data();
        return current->maps_.at(index).size();
    }
    static void set_map(int index, const GlueRange* ranges, size_t count) {
        current->maps_[index].assign(ranges, ranges + count);
        current->tlb_.clear();
    }
    static void write_block(uint32_t block, uint64_t offset, const uint8_t* data, size_t size) {
        std::copy(data, data + size, current->memory_.at(block).begin() + static_cast<ptrdiff_t>(offset));
        current->translations_.clear();
        if (current->tracing_)
            current->tracer_->memory_written(block, offset, {data, size});
    }
    static void set_register(unsigned index, uint64_t value) { current->processor_.general[index] = value; }
    static void tlb_reset() { current->tlb_.clear(); }
    static bool pause() { return std::exchange(current->running_, false); }
    static void resume() { current->running_ = true; }
    static void set_recording(bool on) { current->recording_ = on; }
    static void defer(void (*function)(void*), void* argument) {
        current->deferred_.emplace_back(function, argument);
    }
    static void request(int request) { current->requested_ = request; }
    static void set_a20(bool enabled) {
        current->processor_.control.a20 = enabled;
        current->tlb_.clear();
    }
    static void leave() { current->leave_ = true; }
    static void** ring() { return &current->ring_; }
    template <typename Function>
    static void tlb(const Function& function) {
        for (const uint64_t page : current->tlb_)
            function(page << 12, current->a20(page << 12));
    }
    static bool halted() { return current->halted_; }
};

}  // namespace panda::engine::test

using panda::engine::test::Door;
using panda::engine::test::FakeMachine;

extern "C" {

uint64_t glue_instr(void) {
    return Door::instr();
}
uint32_t glue_exceptions(void) {
    return Door::exceptions();
}
void glue_count_start(void) {
    Door::count(true);
}
void glue_count_stop(void) {
    Door::count(false);
}
void glue_grant(uint64_t instructions) {
    Door::grant(instructions);
}
void glue_processor(GlueProcessor* out) {
    *out = FakeMachine::current->processor();
}
uint8_t* glue_processor_save(size_t* size) {
    return Door::save(size);
}
const char* glue_processor_load(const uint8_t* data, size_t size) {
    return Door::load(data, size);
}
void glue_set_register(unsigned index, uint64_t value) {
    Door::set_register(index, value);
}
void glue_tlb_reset(void) {
    Door::tlb_reset();
}
bool glue_halted(void) {
    return Door::halted();
}
size_t glue_blocks(const GlueBlock** blocks) {
    return Door::blocks(blocks);
}
size_t glue_devices(const GlueDevice** devices) {
    static constexpr GlueDevice list[] = {{"fake-disk", "0000:00:01.0", 1}, {"fake-network", nullptr, 2}};
    *devices = list;
    return std::size(list);
}
size_t glue_address_spaces(void) {
    return 2;
}
size_t glue_memory_map(int index, const GlueRange** ranges) {
    return Door::map(index, ranges);
}
void glue_watch_memory_maps(void) {}
void glue_make_blocks(GlueBlock* blocks, size_t count) {
    Door::make_blocks(blocks, count);
}
void glue_set_memory_map(int index, const GlueRange* ranges, size_t count) {
    Door::set_map(index, ranges, count);
}
void glue_write_block(uint32_t block, uint64_t offset, const uint8_t* data, size_t size) {
    Door::write_block(block, offset, data, size);
}
void glue_machine(GlueMachine* out) {
    *out = FakeMachine::current->description;
}
void glue_set_recording(bool on) {
    Door::set_recording(on);
}
bool glue_pause(void) {
    return Door::pause();
}
void glue_resume(void) {
    Door::resume();
}
void glue_defer(void (*function)(void*), void* argument) {
    Door::defer(function, argument);
}
void glue_complain(const char* message) {
    FakeMachine::current->complaints.push_back(message);
}
void glue_request_interrupt(int request) {
    Door::request(request);
}
void glue_set_a20(bool enabled) {
    Door::set_a20(enabled);
}
void glue_leave_loop(void) {
    Door::leave();
}
void** glue_trace_ring(void) {
    return Door::ring();
}
uint64_t glue_trace_pc(uintptr_t position) {
    return position == glue_between_blocks ? uint64_t{glue_between_blocks} : position - 1;
}
char* glue_trace_tcg_operations(void) {
    return strdup("nop/0/0/0");
}
char* glue_trace_tcg_host() {
    return strdup("none");
}
char* glue_trace_tcg_globals(void) {
    return strdup("");
}
void glue_trace_registers(uint64_t* values) {
    Door::registers(values);
}
void glue_trace_tlb(void (*entry)(void* context, uint64_t page, uint64_t frame, unsigned address_space),
                    void* context) {
    Door::tlb([&](uint64_t page, uint64_t frame) { entry(context, page, frame, 0); });
}
}  // extern "C"
