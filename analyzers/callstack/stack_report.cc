#include "analyzers/callstack/stack_report.h"

#include <capnp/message.h>

#include "analyzers/names/place_json.h"
#include "analyzers/pandalog/pandalog.capnp.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace panda::callstack {
namespace {

const char* kind_name(FrameKind kind) {
    switch (kind) {
        case FrameKind::call:
            return "call";
        case FrameKind::system_call:
            return "system-call";
        case FrameKind::interrupt:
            return "interrupt";
        case FrameKind::exception:
            return "exception";
        case FrameKind::signal:
            return "signal";
    }
    return "";
}

std::string name_text(const std::optional<osi::Place>& name) {
    return name ? " " + osi::to_text(*name) : std::string();
}

}  // namespace

PassNames::PassNames(std::shared_ptr<const osi::Provider> provider,
                     const std::vector<std::string>& directories)
    : provider_(std::move(provider)),
      lines_(!directories.empty()),
      symbolizer_(std::make_unique<osi::Symbolizer>(directories)) {}

void PassNames::go_to(const trace::PassState& state) {
    memory_ = nullptr;
    if (!provider_ || !state.memory_known())
        return;
    cpu_ = state.cpu();
    memory_ = &state.memory();
    process_ = provider_->current_process_handle({memory_, &cpu_}).value_or(osi::ProcessHandle{});
}

std::optional<osi::Place> PassNames::find(uint64_t address) {
    if (memory_ == nullptr)
        return std::nullopt;
    osi::Place place = symbolizer_->place(*provider_, {memory_, &cpu_}, process_, address, lines_);
    return place.module.empty() ? std::nullopt : std::optional(std::move(place));
}

std::optional<osi::Place> PassNames::find_caller(uint64_t return_address) {
    if (return_address == 0)
        return std::nullopt;
    auto place = find(return_address - 1);
    if (place)
        ++place->offset;
    return place;
}

StackSample take_sample(const trace::PassState& state, const ShadowStacks& stacks, uint64_t pc, size_t depth,
                        PassNames& names) {
    names.go_to(state);
    StackSample sample{state.instr(), pc, state.asid(), stacks.thread(), names.find(pc)};
    stacks.walk([&](const Frame& frame) {
        if (sample.frames.size() == depth)
            return false;
        // Entries and signals lead back to the instruction itself, not to one behind a call.
        sample.frames.push_back({frame, frame.kind == FrameKind::call
                                            ? names.find_caller(frame.return_address)
                                            : names.find(frame.return_address)});
        return true;
    });
    return sample;
}

void write_text(std::ostream& out, const StackSample& sample) {
    out << "instr " << sample.instr << "  pc " << hex(sample.pc) << name_text(sample.name) << "  asid "
        << hex(sample.asid) << "  thread " << sample.thread;
    if (sample.mark)
        out << "  mark " << *sample.mark;
    out << '\n';
    size_t number = 0;
    for (const NamedFrame& named : sample.frames) {
        out << "  #" << number++ << "  " << hex(named.frame.return_address) << name_text(named.name);
        if (named.frame.kind != FrameKind::call)
            out << "  (" << kind_name(named.frame.kind) << ")";
        out << '\n';
    }
}

void write_json(std::ostream& out, const StackSample& sample) {
    Json frames = Json::array();
    for (const auto& [frame, name] : sample.frames) {
        Json object = {{"kind", kind_name(frame.kind)},
                       {"return", hex(frame.return_address)},
                       {"called", hex(frame.function)},
                       {"instr", frame.instr}};
        if (frame.slot != Frame::no_slot)
            object["slot"] = hex(frame.slot);
        if (frame.kind == FrameKind::interrupt || frame.kind == FrameKind::exception)
            object["vector"] = frame.vector;
        if (name)
            analyzers::add_place(object, *name);
        frames.push_back(std::move(object));
    }
    Json object = {{"kind", "stack"},
                   {"instr", sample.instr},
                   {"pc", hex(sample.pc)},
                   {"asid", hex(sample.asid)},
                   {"thread", sample.thread}};
    if (sample.mark)
        object["mark"] = *sample.mark;
    if (sample.name)
        analyzers::add_place(object, *sample.name);
    object["frames"] = std::move(frames);
    write_json_line(out, object);
}

void write_pandalog(pandalog::PandalogFile& file, const StackSample& sample) {
    capnp::MallocMessageBuilder message;
    auto entry = message.initRoot<pandalog::Entry>();
    entry.setInstr(sample.instr);
    entry.setPc(sample.pc);
    auto stack = entry.initCallStack();
    stack.setThread(sample.thread);
    stack.setAsid(sample.asid);
    if (sample.name)
        stack.setName(osi::to_text(*sample.name));
    auto frames = stack.initFrames(static_cast<unsigned>(sample.frames.size()));
    for (unsigned i = 0; i < frames.size(); ++i) {
        const NamedFrame& named = sample.frames[i];
        frames[i].setKind(static_cast<pandalog::CallStack::Kind>(named.frame.kind));
        frames[i].setSlot(named.frame.slot);
        frames[i].setReturnAddress(named.frame.return_address);
        frames[i].setFunction(named.frame.function);
        frames[i].setInstr(named.frame.instr);
        if (named.name)
            frames[i].setName(osi::to_text(*named.name));
    }
    file.write(message);
}

}  // namespace panda::callstack
