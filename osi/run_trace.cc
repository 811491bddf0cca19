// osi_run_trace(): the callbacks of osi.h along a trace.
#include <exception>

#include "common/error.h"
#include "kernelinfo/key_file.h"
#include "osi/cpu_point.h"
#include "osi/event_follower.h"
#include "osi/linux/select.h"

namespace panda::osi {
namespace {

using linux_guest::OsiLinux;

// Hands events to the callbacks of an Osi.
class CallbackListener final : public EventListener {
  public:
    explicit CallbackListener(Osi& osi) : osi_(osi) {}

    void on_task_change(const EventPoint& at, const Thread&) override {
        CPUState cpu = state(at);
        notify_task_change(&cpu);
    }
    void on_new_process(const EventPoint& at, const Process& process) override {
        tell(at, process, notify_new_process);
    }
    void on_finished_process(const EventPoint& at, const Process& process) override {
        tell(at, process, notify_finished_process);
    }
    void on_exec(const EventPoint& at, const Process& process) override { tell(at, process, notify_exec); }
    void on_new_thread(const EventPoint& at, const Thread& thread) override {
        CPUState cpu = state(at);
        OsiThread told = to_c(thread);
        notify_new_thread(&cpu, &told);
    }

  private:
    CPUState state(const EventPoint& at) const { return {at.point, &osi_, at.instr}; }
    void tell(const EventPoint& at, const Process& process, void (*notify)(CPUState*, OsiProc*)) const {
        CPUState cpu = state(at);
        OsiProc told = to_c(process);
        notify(&cpu, &told);
        free_osiproc_contents(&told);
    }

    Osi& osi_;
};

void run(Osi& osi, const std::string& path, const OsiRun& wanted) {
    std::optional<kernelinfo::KeyFile> file;
    if (wanted.kconf != nullptr)
        file.emplace(kernelinfo::KeyFile::open(wanted.kconf));
    else if (wanted.kconf_group != nullptr)
        throw UsageError("a kernelinfo group was given without its file");
    const std::string group = wanted.kconf_group != nullptr ? wanted.kconf_group : "";
    const OpenProvider open = [&](const Point& point) {
        auto provider =
            std::make_shared<const OsiLinux>(file ? linux_guest::open_kernel(*file, group, point)
                                                  : linux_guest::open_unknown_kernel(nullptr, point, path));
        register_provider(osi, provider);
        return provider;
    };
    trace::TraceReader reader(path);
    CallbackListener listener(osi);
    const EventFollower::System system{find_in_snapshots(reader, wanted.from, open), open};
    trace::PassOptions options;
    options.range = {wanted.from, wanted.to != 0 ? wanted.to : ~uint64_t{0}};
    options.in_order = true;
    const auto result = trace::run_pass(reader, options, [&](const trace::PassState& state) {
        return EventFollower(state, listener, system);
    });
    result.require_whole(reader);
    result.analyzer.require_started();
}

}  // namespace
}  // namespace panda::osi

bool osi_run_trace(Osi* osi, const char* path, const OsiRun* run, GError** error) {
    try {
        panda::osi::run(*osi, path, run != nullptr ? *run : OsiRun{});
        return true;
    } catch (const std::exception& failure) {
        g_set_error(error, g_quark_from_static_string("panda-osi"), 1, "%s", failure.what());
        return false;
    }
}
