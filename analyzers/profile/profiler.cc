#include "analyzers/profile/profiler.h"

namespace panda::profile {
namespace {

// Names of code that has none, by what it is.
constexpr uint32_t nameless_program = 0;
constexpr uint32_t nameless_kernel = 1;  // firmware, and a kernel that unpacks itself

}  // namespace

void Scene::on_start(const osi::EventPoint& at, const osi::Provider& provider) {
    provider_ = &provider;
    if (const auto thread = provider.current_thread(at.point))
        run(at, *thread);
}

void Scene::on_task_change(const osi::EventPoint& at, const osi::Thread& thread) {
    run(at, thread);
}

void Scene::on_exec(const osi::EventPoint& at, const osi::Process& process) {
    symbolizer_.forget(process.handle);
    if (const auto thread = provider_->current_thread(at.point))
        run(at, *thread);
}

void Scene::on_finished_process(const osi::EventPoint&, const osi::Process& process) {
    symbolizer_.forget(process.handle);
}

void Scene::on_stop() {
    owner = 0;
    process = {};
}

void Scene::run(const osi::EventPoint& at, const osi::Thread& thread) {
    const Owner wanted{thread.pid, thread.tid, thread.name};
    const auto [entry, fresh] = owners_.try_emplace(wanted, static_cast<uint32_t>(profile_.owners.size()));
    if (fresh)
        profile_.owners.push_back(wanted);
    owner = entry->second;
    process = provider_->current_process_handle(at.point).value_or(osi::ProcessHandle{});
}

Profiler::Profiler(const trace::PassState& state, Profile& profile, Scene& scene, osi::Symbolizer& symbolizer,
                   osi::EventFollower::System system)
    : state_(&state),
      profile_(&profile),
      scene_(&scene),
      symbolizer_(&symbolizer),
      provider_(system.provider),
      follower_(state, &scene),
      events_(state, scene, std::move(system)) {
    profile.functions = {"[unknown]", "[firmware]"};
    profile.owners = {Owner{}};
}

uint32_t Profiler::name(const trace::BlockExecution& block) {
    const trace::BlockView view = state_->blocks()[block.id];
    const bool user = (view.flags & 3) == 3;  // the privilege level
    uint32_t number = user ? nameless_program : nameless_kernel;
    if (provider_ && state_->memory_known()) {
        const trace::CpuState cpu = state_->cpu();
        const osi::Point point{&state_->memory(), &cpu};
        const auto found =
            symbolizer_->locate(*provider_, point, user ? scene_->process : osi::ProcessHandle{}, view.pc);
        if (found.function != 0) {
            const auto [entry, fresh] =
                by_function_.try_emplace(found.function, static_cast<uint32_t>(profile_->functions.size()));
            if (fresh)
                profile_->functions.push_back(osi::function_text(symbolizer_->function(found.function)));
            number = entry->second;
        }
    }
    if (block.id >= functions_.size())
        functions_.resize(state_->blocks().size(), unknown);
    return functions_[block.id] = number;
}

void Profiler::go_to(uint32_t caller, uint32_t function) {
    caller_ = caller;
    function_ = function;
    owner_ = scene_->owner;
    scene_->path = profile_->paths.child(caller, function);
    count_ = &sums_[uint64_t{owner_} << 32 | scene_->path];
}

void Profiler::finish() {
    for (const auto& [key, instructions] : sums_) {
        const auto path = static_cast<uint32_t>(key);
        profile_->counts[{static_cast<uint32_t>(key >> 32), path}] += instructions;
        if (path != 0 && profile_->paths[path].function <= nameless_kernel)
            profile_->unnamed += instructions;
    }
    sums_.clear();
    caller_ = unknown;
}

}  // namespace panda::profile
