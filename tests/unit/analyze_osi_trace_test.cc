// Introspection along a trace of known content, by the C API and by panda-analyze osi's own parts.
#include <capnp/serialize.h>
#include <fcntl.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fstream>
#include <sstream>

#include "analyzers/memdump/kernel_image.h"
#include "analyzers/osi/event_report.h"
#include "analyzers/osi/open_provider.h"
#include "analyzers/osi/passes.h"
#include "analyzers/pandalog/pandalog.capnp.h"
#include "common/error.h"
#include "kernelinfo/key_file.h"
#include "osi/cpu_point.h"
#include "osi_fake_guest.h"
#include "tests/unit/trace_generator.h"

using namespace panda;
using namespace panda::analyze_osi;
using Catch::Matchers::ContainsSubstring;
using panda::osi::test::FakeGuest;
using panda::trace_tests::TemporaryFile;

namespace {

using Texts = std::vector<std::string>;

// Process 30 is made at instr 4, runs from 6, executes a program at 8, stops running at 10, and exits at 12.
// An execution is two instructions, of which the second stores.
struct Sample {
    FakeGuest guest{0x2da00000};
    TemporaryFile trace;
    TemporaryFile conf;

    Sample() {
        guest.info.panda_task_flags_offset = 104;
        guest.memory.put(FakeGuest::init_task + 24, guest.task_address(0) + 16);
        guest.add_process(1, 0, "init", true);
        const unsigned last = guest.add_process(2, 0, "kthreadd", false);
        guest.memory.put(FakeGuest::init_task + 24, guest.task_address(last) + 16);
        const unsigned child = guest.add_process(30, 1, "sh", true);
        guest.memory.put(FakeGuest::init_task + last * 0x200 + 16, guest.task_address(0) + 16);
        guest.memory.put(FakeGuest::init_task + child * 0x200 + 24, guest.task_address(last) + 16);
        std::ofstream file(conf.path());
        kernelinfo::write_group(file, guest.info);
        file.close();

        trace::TraceHeader header;
        header.architecture = "x86_64";
        header.memory_blocks = {{"ram", guest.memory.bytes.size()}};
        trace::WriterOptions options;
        options.memory = trace::MemoryColumns::values;
        trace::TraceWriter writer(trace.path(), header, options);
        writer.memory_map({0, {{0, guest.memory.bytes.size(), 0, 0, trace::RangeKind::ram}}});
        writer.snapshot(
            guest.cpu, [this](uint32_t) { return std::span<const std::byte>(guest.memory.bytes); },
            trace::SnapshotKind::full);
        const auto page = [](uint64_t address) { return address / trace::page_size; };
        const uint64_t slot = FakeGuest::direct_base + FakeGuest::per_cpu_area + 0x80;
        writer.begin_chunk({guest.cpu,
                            {{page(guest.task_address(1)), FakeGuest::init_task / trace::page_size, 0},
                             {page(slot), FakeGuest::per_cpu_area / trace::page_size, 0},
                             {page(guest.task_address(0)), FakeGuest::init_task / trace::page_size, 0}}});
        trace::BlockDefinition block;
        block.pc = FakeGuest::image_base + guest.slide + 0x1000;
        block.guest_size = 6;
        block.instruction_offsets = {0, 3};
        block.operations.resize(1);
        block.operations[0].instruction = 1;
        block.operations[0].store = true;
        const uint32_t id = writer.define_block(block);
        const auto store = [&](uint64_t address, uint64_t value) {
            const uint64_t words[] = {address, value};
            writer.append(id, words);
        };
        store(guest.task_address(last) + 16, guest.task_address(child) + 16);
        store(guest.task_address(0) + 24, guest.task_address(child) + 16);
        store(slot, guest.task_address(child));
        store(guest.task_address(child) + 56, FakeGuest::direct_base + FakeGuest::spaces + 0x40);
        writer.event({8, trace::SystemReturn{trace::ReturnGate::sysret, 0, 0, 0x401000}});
        store(slot, guest.task_address(1));
        store(guest.task_address(child) + 104, 4);
        writer.finish();
    }

    ProviderOptions provider_options() const {
        ProviderOptions options;
        options.kconf = conf.path();
        return options;
    }
    PassSystem system() const { return {provider_opener(provider_options(), trace.path()), false}; }
};

Texts told;  // global, because C callbacks have no argument for it

void tell(CPUState* cpu, const char* what, int pid) {
    told.push_back(std::to_string(osi_instr(cpu)) + " " + what + " " + std::to_string(pid));
}

osi::OsiOwner listening_osi() {
    osi::OsiOwner osi(osi_new());
    osi_on_task_change(osi.get(), [](CPUState* cpu) {
        OsiThread* thread = get_current_thread(cpu);
        OsiProc* process = get_current_process(cpu);
        tell(cpu, "runs", process != nullptr && thread != nullptr ? thread->tid : -1);
        free_osithread(thread);
        free_osiproc(process);
    });
    osi_on_new_process(osi.get(), [](CPUState* cpu, OsiProc* process) { tell(cpu, "new", process->pid); });
    osi_on_finished_process(osi.get(),
                            [](CPUState* cpu, OsiProc* process) { tell(cpu, "end", process->pid); });
    osi_on_new_thread(osi.get(), [](CPUState* cpu, OsiThread* thread) { tell(cpu, "thread", thread->tid); });
    osi_on_exec(osi.get(), [](CPUState* cpu, OsiProc* process) { tell(cpu, "exec", process->pid); });
    return osi;
}

}  // namespace

TEST_CASE("C callbacks along a trace") {
    const Sample sample;
    const auto osi = listening_osi();
    OsiRun run{};
    const std::string conf = sample.conf.path();
    run.kconf = conf.c_str();
    told.clear();
    GError* error = nullptr;
    REQUIRE(osi_run_trace(osi.get(), sample.trace.path().c_str(), &run, &error));
    CHECK(told == Texts{"4 new 30", "6 runs 30", "8 exec 30", "10 runs 1", "12 end 30"});
    told.clear();
    run.from = 4;
    run.to = 8;
    REQUIRE(osi_run_trace(osi.get(), sample.trace.path().c_str(), &run, nullptr));
    CHECK(told == Texts{"6 runs 30"});
    run.kconf_group = "none";
    CHECK_FALSE(osi_run_trace(osi.get(), sample.trace.path().c_str(), &run, &error));
    CHECK_THAT(error->message, ContainsSubstring("[none]"));
    g_clear_error(&error);
    CHECK_FALSE(osi_run_trace(osi.get(), "/no/such/trace", nullptr, nullptr));
}

TEST_CASE("any instr is a moment") {
    const Sample sample;
    trace::TraceReader reader(sample.trace.path());
    for (const auto& [instr, pid] : {std::pair<uint64_t, int64_t>{5, 0}, {6, 30}, {9, 30}, {10, 1}}) {
        const trace::Moment moment(reader, instr, reads_for(reader, instr));
        const osi::Point point{&moment.memory(), &moment.cpu()};
        const auto provider = open_provider(sample.system().open, false, reader, moment);
        CHECK(provider->current_thread(point)->pid == pid);
        CHECK(provider->processes(point).entries.size() == 4);
    }
}

TEST_CASE("events as rows, as JSON and as entries of a pandalog") {
    const Sample sample;
    const auto report = [&](Query query, const std::string& events, const std::string& log_path) {
        std::ostringstream out;
        std::ostringstream errors;
        pandalog::PandalogFile log(log_path);
        query.repeated = true;
        Reporter reporter(out, errors, query, &log);
        EventReport listener(out, parse_events(events), reporter, &log);
        trace::TraceReader reader(sample.trace.path());
        CHECK(follow_events(reader, {}, sample.system(), listener).empty());
        log.finish();
        CHECK(errors.str().empty());
        return out.str();
    };
    const TemporaryFile log;
    CHECK(report({}, "all", log.path()) ==
          "         INSTR  EVENT            PID     TID  NAME\n"
          "             4  new-process       30      30  sh\n"
          "             6  task-change       30      30  sh\n"
          "             8  exec              30      30  sh\n"
          "            10  task-change        1       1  init\n"
          "            12  thread-exit       30      30  sh\n"
          "            12  exit              30      30  sh\n");
    const int file = ::open(log.path().c_str(), O_RDONLY);
    REQUIRE(file >= 0);
    std::vector<pandalog::Entry::Which> kinds;
    {
        kj::FdInputStream stream{kj::AutoCloseFd(file)};
        kj::BufferedInputStreamWrapper buffered(stream);
        for (uint64_t number = 0; number < 6; ++number) {
            capnp::InputStreamMessageReader message(buffered);
            const auto entry = message.getRoot<pandalog::Entry>();
            kinds.push_back(entry.which());
            if (entry.isTaskChange() && number == 1) {
                CHECK(entry.getInstr() == 6);
                CHECK(entry.getPc() == FakeGuest::image_base + sample.guest.slide + 0x1003);
                CHECK(entry.getTaskChange().getTid() == 30);
            }
        }
        CHECK(buffered.tryGetReadBuffer().size() == 0);
    }
    using Which = pandalog::Entry::Which;
    CHECK(kinds == std::vector{Which::NEW_PROCESS, Which::TASK_CHANGE, Which::EXECUTION, Which::TASK_CHANGE,
                               Which::FINISHED_THREAD, Which::FINISHED_PROCESS});
    const TemporaryFile other;
    Query query;
    query.json = true;
    CHECK(
        report(query, "exit", other.path()) ==
        "{\"kind\":\"exit\",\"instr\":12,\"pid\":30,\"ppid\":1,\"tgid\":30,\"name\":\"sh\",\"title\":\"sh\","
        "\"asid\":\"0x81000\",\"task\":\"0xffff888000020600\"}\n");
    CHECK_THROWS_WITH(parse_events("exit,birth"), ContainsSubstring("birth"));
    CHECK_THROWS_AS(parse_events(""), UsageError);
    CHECK(parse_events("all").size() == 6);
}

TEST_CASE("the same report at every so many instructions") {
    const Sample sample;
    std::ostringstream out;
    std::ostringstream errors;
    Query query;
    query.repeated = true;
    Reporter reporter(out, errors, query, nullptr);
    trace::TraceReader reader(sample.trace.path());
    trace::PassOptions options;
    options.range = {1, 9};
    report_every(reader, options, sample.system(), 3, reporter);
    CHECK(reporter.reports() == 2);
    const std::string text = out.str();
    CHECK(text.find("instr 4:\n") == 0);
    CHECK(text.find("instr 6:\n") != std::string::npos);
    options.range = {13, 20};
    Reporter nothing(out, errors, query, nullptr);
    CHECK_THROWS_AS(report_every(reader, options, sample.system(), 5, nothing), Error);
}

TEST_CASE("where the kernel's image is, for a core's readers") {
    const FakeGuest guest(0x2da00000);
    // Physical = virtual - 0xffffffff80000000 + phys_base.
    const std::string info =
        "OSRELEASE=6.1.0\nSYMBOL(swapper_pg_dir)=ffffffffaea10000\n"
        "SYMBOL(_stext)=ffffffffaea00000\nNUMBER(phys_base)=-782237696\n";
    const auto find = [&](const std::string& text) {
        return analyze_memdump::find_kernel_image(guest.memory, guest.cpu, text);
    };
    const auto image = find(info);
    REQUIRE(image);
    CHECK(*image == analyze_memdump::KernelImage{0xffffffffaea00000, 0, 0x200000});
    CHECK_FALSE(find("OSRELEASE=6.1.0\n"));
    std::string wrong = info;
    wrong.replace(wrong.find("-782237696"), 10, "-782233600");  // a page further
    CHECK_FALSE(find(wrong));
}
