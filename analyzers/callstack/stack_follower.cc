#include "analyzers/callstack/stack_follower.h"

#include <array>

namespace panda::callstack {
namespace {

using trace::Access;
using trace::AccessKind;

constexpr uint64_t call_size = 2;  // bytes of syscall and int 0x80

// Linux's fork, vfork, clone and clone3 (arch/x86/entry/syscalls/syscall_64.tbl and syscall_32.tbl).
bool may_fork(const trace::SystemCall& call) {
    if (call.gate == trace::CallGate::syscall)
        return (call.number >= 56 && call.number <= 58) || call.number == 435;
    return call.number == 2 || call.number == 120 || call.number == 190 || call.number == 435;
}

bool is_load(const Access& access) {
    return access.kind == AccessKind::load || access.kind == AccessKind::helper_load;
}

// What the processor pushes for an interrupt (Intel SDM volume 3, figures 6-4 and 6-9), the first push first: 64-bit code
// always ss, rsp, flags, cs and rip; other code the first two only if the privilege changes. An error code may follow.
struct Pushed {
    std::array<Access, 6> stores;
    size_t count = 0;
    uint64_t lowest = Frame::no_slot;
};

Pushed pushed_before(std::span<const Access> accesses) {
    Pushed pushed;
    for (const Access& access : accesses) {
        if (access.kind == AccessKind::load || access.kind == AccessKind::store)
            break;  // the handler's own
        if (access.kind != AccessKind::helper_store || pushed.count == pushed.stores.size())
            continue;
        pushed.stores[pushed.count++] = access;
        pushed.lowest = access.address;
    }
    return pushed;
}

}  // namespace

void StackFollower::apply_flow(uint64_t instr) {
    const FlowKind kind = kind_;
    kind_ = FlowKind::plain;
    if (kind == FlowKind::interrupt_return) {
        stacks_.leave_to_kernel(slot_ == no_slot ? 0 : slot_, instr);
        return;
    }
    if (slot_ == no_slot)
        return;
    if (kind == FlowKind::call) {
        stacks_.call(slot_, flow_->return_address, instr);
        target_ = Target::of_call;
    } else if (kind == FlowKind::ret) {
        stacks_.ret(slot_, instr);
        target_ = Target::of_return;
    }
}

void StackFollower::tell_target(uint64_t pc, uint64_t instr) {
    if (target_ == Target::of_call)
        stacks_.entered(pc, instr);
    else if (target_ == Target::of_return && pc != 0)
        stacks_.returned(pc, instr);
    else if (target_ == Target::of_return)
        stacks_.return_unseen();
    target_ = Target::known;
}

void StackFollower::arrive(const trace::BlockExecution& block) {
    const uint64_t pc = state_->blocks().pc(block.id);
    if (!started_) [[unlikely]] {
        stacks_.start(flows_[block.id].user, state_->asid());
        started_ = true;
        kind_ = FlowKind::plain;
    }
    if (kind_ == FlowKind::indirect_jump) {
        kind_ = FlowKind::plain;
        jumped_ = attentive_ = true;
    } else if (kind_ != FlowKind::plain) {
        apply_flow(block.instr);
    }
    if (!arriving_) [[likely]] {
        tell_target(pc, block.instr);
        return;
    }
    arriving_ = false;
    if (entry_) {
        attentive_ = true;  // its accesses say where the code was that it interrupts
        return;
    }
    tell_target(pc, block.instr);
    // The trace says nothing of some ways: the end of system management mode, chosen parts of a replay.
    const bool user = flows_[block.id].user;
    if (user && !stacks_.in_user())
        stacks_.leave_to_user(state_->asid(), pc, 0, block.instr);
    else if (!user && stacks_.in_user())
        stacks_.enter_from_user({}, block.instr);
}

void StackFollower::look_at(const trace::BlockExecution& block, std::span<const Access> accesses) {
    if (attentive_) {
        attentive_ = false;
        if (entry_)
            enter(block, accesses);
        else if (jumped_)
            settle(block, accesses);
        jumped_ = false;
    }
    if (kind_ > FlowKind::indirect_jump)
        find_slot(accesses);
}

// A call stores its return address last. A return loads its target first; what a far one loads lies above.
void StackFollower::find_slot(std::span<const Access> accesses) {
    for (size_t i = accesses.size(); i != 0 && accesses[i - 1].instruction == flow_->last; --i) {
        const Access& access = accesses[i - 1];
        if (kind_ != FlowKind::call) {
            if (is_load(access))
                slot_ = access.address;
        } else if (access.is_store()) {
            slot_ = access.address;
            return;
        }
    }
}

// The block's first access that is counted from the stack pointer shows it.
void StackFollower::settle(const trace::BlockExecution& block, std::span<const Access> accesses) {
    constexpr uint16_t base = trace::base_register(trace::FollowedRegister::stack_pointer);
    size_t before = 0;  // accesses of the block's code before the operation
    for (const trace::MemoryOperation& operation : state_->blocks()[block.id].operations) {
        if (operation.conditional)
            return;
        if (!operation.is_access())
            continue;
        if (operation.base != base) {
            ++before;
            continue;
        }
        for (const Access& access : accesses) {
            if (access.kind != AccessKind::load && access.kind != AccessKind::store)
                continue;
            if (before-- != 0)
                continue;
            const uint64_t pointer = access.address - static_cast<uint64_t>(operation.delta);
            stacks_.settle(operation.narrow ? pointer & 0xffff'ffff : pointer, block.instr);
            return;
        }
        return;
    }
}

void StackFollower::begin_entry(FrameKind kind, uint8_t vector, uint64_t instr) {
    apply_flow(instr);
    entry_.emplace();
    entry_->kind = kind;
    entry_->vector = vector;
    entry_from_user_ = user_;
    arriving_ = true;
}

void StackFollower::enter(const trace::BlockExecution& block, std::span<const Access> accesses) {
    const Pushed pushed = pushed_before(accesses);
    const bool has_stack_pointer = pushed.count >= 5;
    const size_t counter = has_stack_pointer ? 4 : 2;
    if (pushed.count > counter) {
        entry_->pc = pushed.stores[counter].value;
        entry_->frame = pushed.lowest;
        if (has_stack_pointer)
            entry_->stack_pointer = pushed.stores[1].value;
    }
    // Where a call or return goes that was interrupted right away.
    tell_target(pushed.count > counter ? entry_->pc : 0, block.instr);
    if (entry_from_user_)
        stacks_.enter_from_user(*entry_, block.instr);
    else
        stacks_.enter_from_kernel(*entry_, block.instr);
    stacks_.entered(state_->blocks().pc(block.id), block.instr);
    entry_.reset();
}

void StackFollower::on_event(const trace::Event& event) {
    if (const auto* interrupt = std::get_if<trace::Interrupt>(&event.detail)) {
        begin_entry(FrameKind::interrupt, static_cast<uint8_t>(interrupt->vector), event.instr);
    } else if (const auto* exception = std::get_if<trace::Exception>(&event.detail)) {
        if (entry_ && entry_->kind == FrameKind::system_call)
            return;  // int 0x80 is both
        begin_entry(FrameKind::exception, static_cast<uint8_t>(exception->vector), event.instr);
        if (target_ != Target::known)
            tell_target(exception->pc, event.instr);  // it cannot be fetched
    } else if (const auto* call = std::get_if<trace::SystemCall>(&event.detail)) {
        begin_entry(FrameKind::system_call, 0, event.instr);
        // The vdso has the place where sysenter goes on.
        entry_->pc = call->gate == trace::CallGate::sysenter ? 0 : call->pc + call_size;
        entry_->stack_pointer = call->stack_pointer;
        entry_->may_fork = may_fork(*call);
        entry_from_user_ = true;
    } else if (const auto* back = std::get_if<trace::SystemReturn>(&event.detail)) {
        if (!started_)
            stacks_.start(false, 0);
        started_ = true;
        kind_ = FlowKind::plain;
        target_ = Target::known;
        entry_.reset();
        stacks_.leave_to_user(state_->asid(), back->pc, back->stack_pointer, event.instr);
        user_ = true;
    } else if (std::holds_alternative<trace::Gap>(event.detail) ||
               std::holds_alternative<trace::Reset>(event.detail)) {
        stacks_.clear();
        entry_.reset();
        kind_ = FlowKind::plain;
        target_ = Target::known;
        started_ = false;
        arriving_ = true;
    }
}

}  // namespace panda::callstack
