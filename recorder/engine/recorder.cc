#include "recorder/engine/recorder.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include "common/checksum.h"
#include "common/file.h"
#include "recorder/engine/fingerprint.h"

namespace panda::engine {
namespace {

using recording::EntryKind;

// A chunk of the log is written out at the latest after so long or so much: what a kill can lose.
constexpr auto flush_interval = std::chrono::milliseconds(500);
constexpr uint64_t flush_bytes = uint64_t{1} << 20;
constexpr uint64_t page_size = 4096;
constexpr size_t least_constant = 64 << 10;  // bytes; what is smaller may as well stand in the log
// The machine is paused while its memory is written: zstd's fast levels halve the time of level 1 for a sixth
// more bytes.
constexpr int snapshot_level = -5;

std::string utc_now() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    char text[32];
    std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

std::unique_ptr<MappedFile> map_if_readable(const char* path) {
    try {
        return std::make_unique<MappedFile>(path);
    } catch (const FileError&) {
        return nullptr;
    }
}

// Whether a file is a Linux kernel (bzImage) for 32-bit processors: XLF_KERNEL_64 is not set
// (Documentation/arch/x86/boot.rst of Linux; protocol 2.12).
bool is_32_bit_kernel(const char* path) {
    constexpr size_t magic = 0x202;
    constexpr size_t version = 0x206;
    constexpr size_t flags = 0x236;
    if (path == nullptr || *path == '\0')
        return false;
    const std::unique_ptr<MappedFile> file = map_if_readable(path);
    if (file == nullptr || file->bytes().size() <= flags)
        return false;
    const auto* bytes = reinterpret_cast<const unsigned char*>(file->bytes().data());
    return std::memcmp(bytes + magic, "HdrS", 4) == 0 && bytes[version + 1] * 256 + bytes[version] >= 0x20c &&
           (bytes[flags] & 1) == 0;
}

// What the guest is, by the mode that its processor is in; before a kernel has begun, by the kernel that will.
std::string guest_architecture(const GlueMachine& machine) {
    constexpr uint64_t paging = uint64_t{1} << 31;            // CR0.PG
    constexpr uint64_t long_mode_active = uint64_t{1} << 10;  // EFER.LMA
    GlueProcessor processor;
    glue_processor(&processor);
    if ((processor.msr.efer & long_mode_active) != 0)
        return "x86_64";
    const bool runs = (processor.control.cr0 & paging) != 0;
    return runs || is_32_bit_kernel(machine.kernel) ? "i386" : "x86_64";
}

recording::Facts machine_facts(const GlueMachine& machine) {
    return {{"machine", machine.type},
            {"cpu-model", machine.processor},
            {"memory", std::to_string(machine.memory)},
            {"kernel-command-line", machine.kernel_command_line},
            {"qemu-version", machine.qemu_version},
            {"date", utc_now()}};
}

void require_recordable(const GlueMachine& machine) {
    if (machine.processors != 1)
        throw Error("a machine of " + std::to_string(machine.processors) +
                    " processors cannot be recorded: start it with -smp 1");
    if (!machine.one_thread)
        throw Error(
            "this machine cannot be recorded: start it with -accel tcg,thread=single and without -icount");
    if (machine.has_iothreads)
        throw Error(
            "a machine with -object iothread cannot be recorded: its disks write to memory at any time");
}

recording::MemoryMap current_map(int address_space) {
    const GlueRange* ranges = nullptr;
    const size_t count = glue_memory_map(address_space, &ranges);
    recording::MemoryMap map;
    map.address_space = static_cast<uint32_t>(address_space);
    for (size_t i = 0; i < count; i++)
        map.ranges.push_back({ranges[i].address, ranges[i].size, ranges[i].block_offset, ranges[i].block,
                              static_cast<recording::RangeKind>(ranges[i].kind)});
    return map;
}

std::span<const GlueBlock> blocks() {
    const GlueBlock* first = nullptr;
    const size_t count = glue_blocks(&first);
    return {first, count};
}

std::vector<recording::Device> devices() {
    const GlueDevice* first = nullptr;
    const size_t count = std::min(glue_devices(&first), recording::maximum_devices);
    std::vector<recording::Device> list;
    for (const GlueDevice& device : std::span(first, count))
        list.push_back({device.model, device.place == nullptr ? "" : device.place,
                        static_cast<recording::DeviceKind>(device.kind)});
    return list;
}

std::span<const std::byte> block_bytes(const GlueBlock& block) {
    return std::as_bytes(std::span(block.host, block.size));
}

struct Free {
    void operator()(uint8_t* data) const { std::free(data); }
};

// The processor's state, which it has been given anew: what the saved form cannot hold is gone from it, as
// from a replay's.
Bytes saved_processor() {
    size_t size = 0;
    const std::unique_ptr<uint8_t, Free> state(glue_processor_save(&size));
    if (const char* problem = glue_processor_load(state.get(), size))
        throw Error(problem);
    const auto bytes = std::as_bytes(std::span(state.get(), size));
    return Bytes(bytes.begin(), bytes.end());
}

}  // namespace

recording::Position Recorder::position() {
    return {glue_instr(), glue_exceptions()};
}

void Recorder::begin(const std::string& file, IfExists if_exists, const recording::Facts& facts,
                     bool at_power_on) {
    if (active())
        throw Error("a recording is under way already");
    GlueMachine machine{};
    glue_machine(&machine);
    require_recordable(machine);
    recording::Facts all = machine_facts(machine);
    for (const auto& [name, value] : facts)
        all[name] = value;

    const bool ran = glue_pause();
    try {
        all.emplace("architecture", guest_architecture(machine));
        write_snapshot(file, if_exists, all);
        if (at_power_on)
            write_constants(machine);
        writer_->begin_log();
    } catch (...) {
        writer_.reset();
        if (ran)
            glue_resume();
        throw;
    }
    failure_.clear();
    glue_count_start();
    glue_grant(glue_counter_limit);
    glue_set_recording(true);
    glue_tlb_reset();
    next_check_ = check_interval_;
    last_flush_ = Clock::now();
    if (ran)
        glue_resume();
}

void Recorder::write_snapshot(const std::string& file, IfExists if_exists, const recording::Facts& facts) {
    std::vector<recording::MemoryBlock> list;
    for (const GlueBlock& block : blocks())
        list.push_back({block.name, block.size});
    writer_ = std::make_unique<recording::RecordingWriter>(
        file, facts, list,
        recording::WriterOptions{.if_exists = if_exists, .snapshot_level = snapshot_level});
    glue_watch_memory_maps();
    for (size_t i = 0; i < glue_address_spaces(); i++)
        writer_->write_map(current_map(static_cast<int>(i)));

    writer_->write_devices(devices());
    writer_->write_processor(saved_processor());

    uint32_t index = 0;
    for (const GlueBlock& block : blocks())
        writer_->write_memory(index++, 0, block_bytes(block));
}

// Kernel and initrd, which the firmware has copied to memory by fw_cfg's DMA (QEMU hw/i386/x86-common.c,
// x86_load_linux()): the kernel from its second part on, at a multiple of 512, the initrd as it is. They are
// compressed, and would be nine tenths of a boot's log. A file that has changed
// since QEMU read it, or is gone, does no harm: nothing the device writes equals it, and the log holds that
// as any other write.
void Recorder::write_constants(const GlueMachine& machine) {
    uint64_t room = recording::maximum_constants;
    for (const auto& [name, path] :
         {std::pair("kernel", machine.kernel), std::pair("initrd", machine.initrd)}) {
        if (path == nullptr || *path == '\0')
            continue;
        const std::unique_ptr<MappedFile> file = map_if_readable(path);
        if (file == nullptr || file->bytes().size() < least_constant || file->bytes().size() > room)
            continue;
        writer_->write_constant(name, file->bytes());
        room -= file->bytes().size();
    }
}

void Recorder::give(EntryKind kind, uint64_t value, uint64_t value2, std::span<const std::byte> data,
                    uint32_t device) {
    if (!failure_.empty())
        return;
    try {
        // A device beyond the format's limit is one that is not known.
        writer_->append(kind, position(), value, value2, data,
                        device <= recording::maximum_devices ? device : 0);
    } catch (const std::exception& error) {
        fail(error.what());
    }
}

void Recorder::give_map(int address_space) {
    if (!failure_.empty())
        return;
    try {
        writer_->append_map(position(), current_map(address_space));
    } catch (const std::exception& error) {
        fail(error.what());
    }
}

void Recorder::give_processor(EntryKind kind) {
    try {
        give(kind, 0, 0, saved_processor());
    } catch (const std::exception& error) {
        fail(error.what());
    }
    glue_tlb_reset();
}

void Recorder::reset(bool before) {
    if (before)
        pages_before_reset_.clear();
    size_t page = 0;
    uint32_t index = 0;
    for (const GlueBlock& block : blocks()) {
        for (uint64_t offset = 0; offset < block.size; offset += page_size, page++) {
            const auto bytes = block_bytes(block).subspan(offset, page_size);
            if (before)
                pages_before_reset_.push_back(checksum(bytes));
            else if (page >= pages_before_reset_.size() || checksum(bytes) != pages_before_reset_[page])
                give(EntryKind::memory_write, index, offset, bytes);
        }
        index++;
    }
    if (!before)
        give_processor(EntryKind::reset);
}

void Recorder::budget() {
    if (glue_instr() < next_check_ || !failure_.empty())
        return;
    next_check_ = glue_instr() + check_interval_;
    check();
    const auto now = Clock::now();
    if (writer_->pending_bytes() < flush_bytes && now - last_flush_ < flush_interval)
        return;
    last_flush_ = now;
    try {
        writer_->flush();
    } catch (const std::exception& error) {
        fail(error.what());
    }
}

void Recorder::check() {
    GlueProcessor processor;
    glue_processor(&processor);
    give(EntryKind::check, 0, 0, Fingerprint::of(processor).bytes());
}

void Recorder::end() {
    if (!failure_.empty())
        abandon();
    if (!active()) {
        if (failure_.empty())
            throw Error("nothing is being recorded");
        const std::string failure = std::move(failure_);
        failure_.clear();
        throw Error("the recording ended early: " + failure);
    }
    glue_pause();
    finish();
}

void Recorder::finish() {
    check();
    std::vector<uint64_t> hashes;
    for (const GlueBlock& block : blocks()) {
        const auto more = recording::hash_memory(block_bytes(block));
        hashes.insert(hashes.end(), more.begin(), more.end());
    }
    const auto at = position();
    stop_counting();
    const auto writer = std::move(writer_);
    writer->finish(at, hashes);
}

void Recorder::stop_counting() {
    glue_set_recording(false);
    glue_count_stop();
}

void Recorder::fail(const std::string& reason) {
    if (!failure_.empty())
        return;
    failure_ = reason;
    glue_complain(("the recording ends here: " + reason).c_str());
    glue_defer([](void* recorder) { static_cast<Recorder*>(recorder)->abandon(); }, this);
}

void Recorder::abandon() {
    // end() may have been quicker, and another recording may have begun since.
    if (!active() || failure_.empty())
        return;
    const bool ran = glue_pause();
    stop_counting();
    writer_.reset();
    if (ran)
        glue_resume();
}

}  // namespace panda::engine
