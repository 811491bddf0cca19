// Introspection along a trace of known content, by the C API and by panda-analyze osi's own parts.
#include <capnp/serialize.h>
#include <fcntl.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <sstream>

#include "analyzers/memdump/kernel_image.h"
#include "analyzers/osi/event_report.h"
#include "analyzers/osi/open_provider.h"
#include "analyzers/osi/passes.h"
#include "analyzers/pandalog/pandalog.capnp.h"
#include "common/error.h"
#include "osi/cpu_point.h"
#include "tests/unit/osi_sample_trace.h"

using namespace panda;
using namespace panda::analyze_osi;
using Catch::Matchers::ContainsSubstring;
using panda::osi::test::FakeGuest;
using panda::trace_tests::TemporaryFile;

namespace {

using Texts = std::vector<std::string>;

struct Sample : tests::SampleTrace {
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
        const trace::Moment moment(reader, instr);
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
        const Followed followed = follow_events(reader, {}, sample.system(), listener);
        CHECK(followed.warning.empty());
        CHECK(followed.flaw.empty());
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
    CHECK(report_every(reader, options, sample.system(), 3, reporter).empty());
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
