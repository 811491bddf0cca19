// The shared object that QEMU loads to record: `-panda panda-record.so[,OPTION=VALUE…]`. Options:
//   record=FILE       record from power-on; without it begin_record and end_record (HMP, QMP) say when
//   force=on          overwrite FILE
//   check-interval=N  check the processor's state about every N instructions (default: 1 million)
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>

#include "recorder/engine/options.h"
#include "recorder/engine/recorder.h"

namespace {

using panda::IfExists;
using panda::recording::EntryKind;

// What panda_engine_init() made; QEMU has one machine and loads this object once. It is never destroyed, because QEMU
// calls its exit notifiers after this object's destructors.
struct Engine {
    std::unique_ptr<panda::engine::Recorder> recorder;
    std::string power_on_file;
    bool force = false;
};
Engine& engine = *std::make_unique<Engine>().release();

// Runs `body`; on an exception returns false, with its sentence in *message for the caller to free.
template <typename Body>
bool guarded(char** message, const Body& body) {
    try {
        body();
        return true;
    } catch (const std::exception& error) {
        *message = strdup(error.what());
        return false;
    }
}

bool begin_when(bool at_power_on, const char* file, bool force, const char* const* facts, char** message) {
    return guarded(message, [&] {
        panda::recording::Facts all;
        for (size_t i = 0; facts != nullptr && facts[i] != nullptr; i += 2)
            all[facts[i]] = facts[i + 1];
        engine.recorder->begin(file, force ? IfExists::overwrite : IfExists::refuse, all, at_power_on);
    });
}

bool begin_on_command(const char* file, bool force, const char* const* facts, char** message) {
    if (!force && ::access(file, F_OK) == 0) {
        const panda::FileError error(file,
                                     "already exists (begin_record -f, or force in QMP, overwrites it)");
        *message = strdup(error.what());
        return false;
    }
    return begin_when(false, file, force, facts, message);
}

bool end_on_command(char** message) {
    return guarded(message, [] { engine.recorder->end(); });
}

void begin_at_power_on() {
    if (engine.power_on_file.empty())
        return;
    char* message = nullptr;
    if (!begin_when(true, engine.power_on_file.c_str(), engine.force, nullptr, &message)) {
        glue_complain(message);
        std::exit(EXIT_FAILURE);
    }
}

void end_at_shutdown() {
    char* message = nullptr;
    if (engine.recorder->active() && !end_on_command(&message))
        glue_complain(message);
    std::free(message);
}

void give_input(int kind, unsigned size, uint64_t value, uint64_t value2) {
    const auto entry = static_cast<EntryKind>(kind);
    const bool sized = entry == EntryKind::mmio_read || entry == EntryKind::port_read;
    engine.recorder->give(entry, value, sized ? size : value2);
}

const GlueRecorder callbacks = {
    .begin = begin_on_command,
    .end = end_on_command,
    .give = give_input,
    .interrupt =
        [](int request, int vector) {
            engine.recorder->give(EntryKind::interrupt, static_cast<uint64_t>(request),
                                  static_cast<uint64_t>(vector));
        },
    .wake = [] { engine.recorder->give(EntryKind::wake, 0); },
    .written =
        [](uint32_t block, uint64_t offset, const uint8_t* data, uint64_t size, uint32_t device) {
            engine.recorder->give(EntryKind::memory_write, block, offset,
                                  std::as_bytes(std::span(data, size)), device);
        },
    .memory_map = [](int address_space) { engine.recorder->give_map(address_space); },
    .a20 = [](bool enabled) { engine.recorder->give(EntryKind::a20, enabled); },
    .budget = [] { engine.recorder->budget(); },
    .power_on = begin_at_power_on,
    .shutting_down = end_at_shutdown,
    .reset = [](bool before) { engine.recorder->reset(before); },
    .registers_written = [] { engine.recorder->give_processor(EntryKind::processor_write); },
    .register_written =
        [](unsigned index, uint64_t value) {
            engine.recorder->give(EntryKind::processor_write, index + 1, value);
        },
    .impossible = [](const char* reason) { engine.recorder->fail(reason); },
};

}  // namespace

// Called by QEMU once, while it reads its command line; returns its hooks, or null after a message.
extern "C" __attribute__((visibility("default"))) const void* panda_engine_init(const char* text) {
    char* message = nullptr;
    const bool made = guarded(&message, [text] {
        constexpr uint64_t default_check_interval = 1000000;
        panda::engine::Options options(text);
        engine.power_on_file = options.take("record");
        engine.force = options.take_flag("force");
        engine.recorder = std::make_unique<panda::engine::Recorder>(
            options.take_number("check-interval", default_check_interval));
        options.expect_empty();
    });
    if (!made) {
        glue_complain(message);
        return nullptr;
    }
    return glue_install_recorder(&callbacks);
}
