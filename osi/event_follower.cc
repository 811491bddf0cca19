#include "osi/event_follower.h"

#include <algorithm>

#include "common/error.h"
#include "trace/moment/moment.h"

namespace panda::osi {

std::shared_ptr<const Provider> find_in_snapshots(trace::TraceReader& reader, uint64_t from,
                                                  const OpenProvider& open, bool later, std::string* reason) {
    if (!reader.seekable())
        return nullptr;
    const auto& snapshots = reader.contents().snapshots;
    const size_t first = std::max<size_t>(reader.contents().snapshots_up_to(from), 1) - 1;
    for (size_t i = first; i < snapshots.size() && (later || i == first); ++i) {
        const trace::Moment moment(reader, snapshots[i].instr);
        try {
            return open({&moment.memory(), &moment.cpu()});
        } catch (const Error& error) {
            // The system is not there yet, or never will be. The first reason is the one to report.
            if (reason != nullptr && reason->empty())
                *reason = error.what();
        }
    }
    return nullptr;
}

EventPoint EventFollower::moment(uint64_t instr, uint64_t pc) {
    cpu_ = state_->cpu();
    return {{&state_->memory(), &cpu_}, instr, pc};
}

void EventFollower::look_at(const trace::BlockExecution& block) {
    if (!state_->memory_known())
        return;
    const EventPoint at = moment(block.instr, state_->blocks()[block.id].pc);
    if (!watch_) {
        attentive_ = false;
        try_start(at, false);
        return;
    }
    watch_->on_block(at);
    attentive_ = watch_->wants_blocks();
}

void EventFollower::note(const trace::BlockExecution& block, const trace::Access& access) {
    if (watch_->addresses().find(access.address) == nullptr)
        return;
    const trace::BlockView view = state_->blocks()[block.id];
    const uint64_t offset = access.instruction < view.instruction_offsets.size()
                                ? view.instruction_offsets[access.instruction]
                                : 0;
    WatchedStore store;
    store.at.instr = block.instr + access.instruction + 1;
    store.at.pc = view.pc + offset;
    store.address = access.address;
    store.value = access.value;
    store.size = access.size;
    stores_.push_back(store);
}

void EventFollower::tell_stores() {
    for (WatchedStore& store : stores_) {
        store.at = moment(store.at.instr, store.at.pc);
        watch_->on_store(store);
    }
    stores_.clear();
    attentive_ = watch_->wants_blocks();
}

void EventFollower::on_event(const trace::Event& event) {
    if (std::holds_alternative<trace::Gap>(event.detail)) {
        stop();
        return;
    }
    if (epoch_ && epoch_->ends_at(event, [this] { return state_->cpu(); }))
        forget_system();
    if (!state_->memory_known())
        return;
    const auto* const back = std::get_if<trace::SystemReturn>(&event.detail);
    if (watch_) {
        if (back == nullptr)
            return;
        watch_->on_user_mode(moment(event.instr, back->pc));
        attentive_ = watch_->wants_blocks();
        return;
    }
    const auto* const call = std::get_if<trace::SystemCall>(&event.detail);
    if (call != nullptr || std::holds_alternative<trace::AddressSpaceChange>(event.detail))
        try_start(moment(event.instr, call != nullptr ? call->pc : 0), call != nullptr);
}

void EventFollower::try_start(const EventPoint& at, bool system_call) {
    if (system_.provider) {
        start(at);
        return;
    }
    const bool first = failure_.empty();
    if (!system_.open || (!first && !system_call))
        return;
    if (!first && wait_ > 0) {
        --wait_;
        return;
    }
    try {
        system_.provider = system_.open(at.point);
    } catch (const Error& error) {
        failure_ = error.what();
        wait_ = next_wait_;
        next_wait_ *= 2;
        return;
    }
    start(at);
}

void EventFollower::start(const EventPoint& at) {
    auto watch = system_.provider->watch(*listener_);
    if (!watch->start(at))
        return;
    watch_ = std::move(watch);
    if (!epoch_)
        epoch_.emplace(cpu_);
    started_ = true;
    attentive_ = watch_->wants_blocks();
}

// Another kernel may run from here on, or the same one somewhere else.
void EventFollower::forget_system() {
    stop();
    system_.provider.reset();
    epoch_.reset();
    failure_.clear();
    wait_ = 0;
    next_wait_ = 1;
}

void EventFollower::stop() {
    if (watch_)
        listener_->on_stop();
    watch_.reset();
    stores_.clear();
    attentive_ = true;  // until memory is known again
}

void EventFollower::require_started() const {
    if (started_)
        return;
    throw Error(!failure_.empty() ? failure_
                                  : "the guest's kernel does not run in this part of the trace, or memory is "
                                    "not known there");
}

}  // namespace panda::osi
