// The shared object that QEMU loads to replay: `-panda panda-replay.so,replay=FILE[,…]`. Options:
//   replay=FILE           the recording
//   stop-at=INSTR         end the replay there
//   trace=FILE|-          write a trace
//   trace-force=on        overwrite FILE
//   trace-columns=C       blocks; memory: addresses of accesses too; full (the default): values of stores too
//   trace-registers=on    write also the registers at the start of every block's execution
//   trace-snapshots=N     a snapshot about every N instructions (default: see Tracer); 0: at both ends only
//   trace-level=N         zstd's compression level (default: 3)
//   trace-from=INSTR      start the trace there
//   trace-asid=CR3        only what runs with this CR3
//   trace-user=on         only what runs in user mode
//   trace-kernel=on       only what runs in kernel mode
//   cut=FILE              write a part of the recording as a recording of its own
//   cut-force=on          overwrite FILE
//   cut-from=INSTR        start the part there
//   cut-to=INSTR          end it there; default: at the recording's end
//   host-features=MASK    for tests: QEMU takes the host to have no more than these (bits of host/cpuinfo.h)
//   status-fd=N           report to this descriptor (status.h)
//   serial-fd=N           write to this descriptor what the guest sends over its first serial port
//   serial2-fd=N          the same for its second serial port
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>

#include "recorder/engine/options.h"
#include "replayer/engine/cutter.h"
#include "replayer/engine/replayer.h"
#include "replayer/engine/serial_tap.h"
#include "replayer/engine/stall_watch.h"
#include "replayer/engine/status.h"
#include "replayer/engine/tracer.h"

namespace {

using panda::engine::SerialTap;
using panda::engine::tracer_callbacks;
using panda::recording::Entry;
using panda::recording::EntryKind;

// What panda_engine_init() made; QEMU has one processor and loads this object once.
struct Engine : panda::engine::ReplayObserver {
    std::unique_ptr<panda::engine::Replayer> replayer;
    std::unique_ptr<panda::engine::Tracer> tracer;
    panda::engine::Status status{-1};
    panda::engine::TraceOptions trace;
    bool tracing = false;
    panda::engine::CutOptions cut;
    std::unique_ptr<panda::engine::Cutter> cutter;
    std::unique_ptr<panda::engine::StallWatch> watch;
    uint64_t total = 0;
    struct Serial {
        SerialTap tap;
        int descriptor;
    } serials[2] = {{SerialTap(0x3f8), -1}, {SerialTap(0x2f8), -1}};

    void applying(const Entry&) override {}
    void checked(uint64_t instr) override { status.progress(instr, total); }
    void reached() override;
} engine;

[[noreturn]] void leave(int exit_status) {
    // The machine needs no shutdown: no device ran, and no disk was open.
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

void start_tracing() {
    glue_trace_start(&tracer_callbacks(*engine.tracer, failed), engine.tracer->columns());
    engine.tracer->start();
    engine.replayer->observe(engine.tracer.get());
    engine.tracing = true;
}

void Engine::reached() {
    if (tracer)
        start_tracing();
}

// A processor that runs into a loop inside of QEMU calls nothing that could notice.
void watch() {
    constexpr auto longest_step = std::chrono::seconds(20);
    constexpr uint64_t snapshot_rate = uint64_t{256} << 20;  // bytes of memory a second, at the least
    uint64_t memory = 0;
    for (const auto& block : engine.replayer->recording().blocks())
        memory += block.size;
    engine.watch = std::make_unique<panda::engine::StallWatch>(
        engine.replayer->steps(), longest_step + std::chrono::seconds(memory / snapshot_rate), [] {
            failed(panda::engine::Divergence("the replay diverges from the recording after instruction " +
                                             std::to_string(engine.replayer->last_check()) +
                                             ": the processor works and gets nowhere"));
        });
}

bool start() {
    return guarded([] {
        engine.replayer->set_up();
        if (!engine.trace.file.empty())
            engine.tracer = std::make_unique<panda::engine::Tracer>(engine.trace, *engine.replayer);
        if (engine.tracer && engine.trace.first_instr == 0)
            start_tracing();
        if (!engine.cut.file.empty()) {
            engine.cutter = std::make_unique<panda::engine::Cutter>(engine.cut, *engine.replayer);
            engine.replayer->observe(engine.cutter.get());
        }
        watch();
        return true;
    });
}

void ended() {
    guarded([] {
        engine.watch.reset();
        // A part's memory may have other marks of access than the whole one's, and has hashes of its own.
        if (engine.replayer->whole() && !engine.cutter)
            engine.replayer->check_memory();
        if (engine.cutter)
            engine.cutter->finish();
        if (engine.tracer && glue_instr() < engine.trace.first_instr)
            throw panda::Error("the replay ended before the trace was to begin");
        if (engine.tracer)
            engine.tracer->finish();
        engine.status.done(engine.replayer->position().instr);
    });
    leave(EXIT_SUCCESS);
}

void port_write(unsigned port, unsigned size, uint32_t value) {
    if (engine.tracer && engine.tracing)
        guarded([&] { engine.tracer->port_write(port, size, value); });
    for (auto& serial : engine.serials) {
        const auto byte = size == 1 ? serial.tap.write(port, value) : std::nullopt;
        if (byte && serial.descriptor >= 0 && ::write(serial.descriptor, &*byte, 1) != 1)
            guarded([] { throw panda::Error("cannot write what the guest printed"); });
    }
}

GlueReplayer callbacks = {
    .take = [](int kind, unsigned size, uint64_t address, uint64_t* value2) -> uint64_t {
        return guarded(
            [&] { return engine.replayer->take(static_cast<EntryKind>(kind), size, address, value2); });
    },
    .vector = [] { return engine.replayer->vector(); },
    .wake = [] { return guarded([] { return engine.replayer->wake(); }); },
    .between_blocks = [] { guarded([] { engine.replayer->between_blocks(); }); },
    .start = start,
    .running = [] { return guarded([] { return engine.replayer->running(); }); },
    .ended = ended,
    .port_write = port_write,
};

int descriptor(panda::engine::Options& options, const char* name) {
    const uint64_t number = options.take_number(name, UINT64_MAX);
    return number == UINT64_MAX ? -1 : static_cast<int>(number);
}

panda::trace::MemoryColumns columns(const std::string& name) {
    using panda::trace::MemoryColumns;
    if (name == "blocks")
        return MemoryColumns::none;
    if (name == "memory")
        return MemoryColumns::addresses;
    if (name == "full" || name.empty())
        return MemoryColumns::values;
    throw panda::Error("trace-columns is blocks, memory or full, not " + name);
}

panda::engine::TraceOptions trace_options(panda::engine::Options& options) {
    panda::engine::TraceOptions trace;
    trace.file = options.take("trace");
    if (options.take_flag("trace-force"))
        trace.if_exists = panda::IfExists::overwrite;
    trace.memory = columns(options.take("trace-columns"));
    trace.registers = options.take_flag("trace-registers");
    const uint64_t interval = options.take_number("trace-snapshots", UINT64_MAX);
    if (interval != UINT64_MAX)
        trace.snapshot_interval = interval;
    trace.compression_level = static_cast<int>(options.take_number("trace-level", 3));
    trace.first_instr = options.take_number("trace-from", 0);
    const uint64_t address_space = options.take_number("trace-asid", UINT64_MAX);
    if (address_space != UINT64_MAX)
        trace.filter.address_space = address_space;
    const bool user = options.take_flag("trace-user");
    const bool kernel = options.take_flag("trace-kernel");
    trace.filter.user = user || !kernel;
    trace.filter.kernel = kernel || !user;
    return trace;
}

void configure(const char* text) {
    panda::engine::Options options(text);
    const std::string file = options.take("replay");
    const uint64_t stop_at = options.take_number("stop-at", UINT64_MAX);
    engine.status = panda::engine::Status(descriptor(options, "status-fd"));
    engine.serials[0].descriptor = descriptor(options, "serial-fd");
    engine.serials[1].descriptor = descriptor(options, "serial2-fd");
    engine.trace = trace_options(options);
    engine.cut.file = options.take("cut");
    if (options.take_flag("cut-force"))
        engine.cut.if_exists = panda::IfExists::overwrite;
    engine.cut.from = options.take_number("cut-from", 0);
    const uint64_t cut_to = options.take_number("cut-to", UINT64_MAX);
    if (cut_to != UINT64_MAX)
        engine.cut.to = cut_to;
    if (!engine.cut.file.empty() && !engine.trace.file.empty())
        throw panda::Error("a replay that cuts does not trace");
    const uint64_t host_features = options.take_number("host-features", UINT64_MAX);
    options.expect_empty();

    glue_trace_mask_host(host_features);
    engine.replayer = std::make_unique<panda::engine::Replayer>(file, stop_at);
    engine.replayer->observe(&engine);
    engine.total = engine.replayer->last_instr();
    if (!engine.trace.file.empty() && engine.trace.first_instr != 0)
        engine.replayer->call_at(engine.trace.first_instr);
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
    return glue_install_replayer(&callbacks, glue_trace_hooks);
}
