// The shared object that QEMU loads to replay: `-panda panda-replay.so,replay=FILE[,…]`. Options:
//   replay=FILE        the recording
//   trace=FILE|-       write a trace; trace-force=on overwrites
//   stop-at=INSTR      end there
//   status-fd=N        report to this descriptor (status.h)
//   serial-fd=N        write there what the guest sends over its first serial port; serial2-fd=N: the second
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>

#include "recorder/engine/options.h"
#include "replayer/engine/replayer.h"
#include "replayer/engine/serial_tap.h"
#include "replayer/engine/status.h"
#include "replayer/engine/tracer.h"

namespace {

using panda::engine::SerialTap;
using panda::recording::Entry;
using panda::recording::EntryKind;

// What panda_engine_init() made; QEMU has one processor and loads this object once.
struct Engine : panda::engine::ReplayObserver {
    std::unique_ptr<panda::engine::Replayer> replayer;
    std::unique_ptr<panda::engine::Tracer> tracer;
    panda::engine::Status status{-1};
    uint64_t total = 0;
    struct Serial {
        SerialTap tap;
        int descriptor;
    } serials[2] = {{SerialTap(0x3f8), -1}, {SerialTap(0x2f8), -1}};

    void applying(const Entry&) override {}
    void checked(uint64_t instr) override { status.progress(instr, total); }
} engine;

[[noreturn]] void leave(int exit_status) {
    // Nothing of the machine needs to be put in order: no device ran, no disk was open.
    ::_exit(exit_status);
}

[[noreturn]] void failed(const std::exception& error) {
    engine.status.error(error.what());
    glue_complain(error.what());
    leave(EXIT_FAILURE);
}

// Callbacks are called by C: nothing may be thrown through it.
template <typename Body>
auto guarded(const Body& body) -> decltype(body()) {
    try {
        return body();
    } catch (const std::exception& error) {
        failed(error);
    }
}

bool start() {
    return guarded([] {
        engine.replayer->set_up();
        if (engine.tracer)
            engine.tracer->start();
        return true;
    });
}

void ended() {
    guarded([] {
        if (engine.replayer->whole())
            engine.replayer->check_memory();
        if (engine.tracer)
            engine.tracer->finish();
        engine.status.done(glue_instr());
    });
    leave(EXIT_SUCCESS);
}

void port_write(unsigned port, unsigned size, uint32_t value) {
    for (auto& serial : engine.serials) {
        const auto byte = size == 1 ? serial.tap.write(port, value) : std::nullopt;
        if (byte && serial.descriptor >= 0 && ::write(serial.descriptor, &*byte, 1) != 1)
            guarded([] { throw panda::Error("cannot write what the guest printed"); });
    }
}

GlueReplayer callbacks = {
    .take = [](int kind, unsigned size, uint64_t* value2) -> uint64_t {
        return guarded([&] { return engine.replayer->take(static_cast<EntryKind>(kind), size, value2); });
    },
    .vector = [] { return engine.replayer->vector(); },
    .wake = [] { return guarded([] { return engine.replayer->wake(); }); },
    .between_blocks = [] { guarded([] { engine.replayer->between_blocks(); }); },
    .start = start,
    .running = [] { return !engine.replayer->ended(); },
    .ended = ended,
    .port_write = port_write,
    .exception = nullptr,
    .block_id = nullptr,
    .block_translated = nullptr,
    .control_changed = nullptr,
    .block_abandoned = nullptr,
    .ring_full = nullptr,
};

void trace_callbacks() {
    callbacks.exception = [](int number, int error_code, uint64_t address) {
        guarded([&] { engine.tracer->exception(number, error_code, address); });
    };
    callbacks.block_id = [] { return engine.tracer->block_id(); };
    callbacks.block_translated = [](const GlueTranslation* translation) {
        guarded([&] { engine.tracer->translated(*translation); });
    };
    callbacks.block_abandoned = [](int left) { guarded([&] { engine.tracer->abandoned(left); }); };
    callbacks.ring_full = [] { guarded([] { engine.tracer->drain(); }); };
    callbacks.control_changed = [] { guarded([] { engine.tracer->control_changed(); }); };
}

int descriptor(panda::engine::Options& options, const char* name) {
    const uint64_t number = options.take_number(name, UINT64_MAX);
    return number == UINT64_MAX ? -1 : static_cast<int>(number);
}

void configure(const char* text) {
    panda::engine::Options options(text);
    const std::string file = options.take("replay");
    const uint64_t stop_at = options.take_number("stop-at", UINT64_MAX);
    engine.status = panda::engine::Status(descriptor(options, "status-fd"));
    engine.serials[0].descriptor = descriptor(options, "serial-fd");
    engine.serials[1].descriptor = descriptor(options, "serial2-fd");
    const std::string trace = options.take("trace");
    const bool force = options.take_flag("trace-force");
    options.expect_empty();

    engine.replayer = std::make_unique<panda::engine::Replayer>(file, stop_at);
    engine.replayer->observe(&engine);
    engine.total = engine.replayer->last_instr();
    if (!trace.empty()) {
        engine.tracer = std::make_unique<panda::engine::Tracer>(
            trace, force ? panda::IfExists::overwrite : panda::IfExists::refuse, *engine.replayer);
        engine.replayer->observe(engine.tracer.get());
        trace_callbacks();
    }
}

}  // namespace

// Called by QEMU once, while it reads its command line; returns its hooks, or null after a message.
extern "C" __attribute__((visibility("default"))) const void* panda_engine_init(const char* text) {
    try {
        configure(text);
    } catch (const std::exception& error) {
        engine.status.error(error.what());
        glue_complain(error.what());
        return nullptr;
    }
    return glue_install_replayer(&callbacks);
}
