#include "analyzers/callstack/shadow_stacks.h"

#include <utility>

namespace panda::callstack {
namespace {

// How far from a stack's last call the next one may be on pages that belong to no stack yet. Functions of the kernel
// have frames of at most 2 KiB (CONFIG_FRAME_WARN), and behind a stack comes a page that is not mapped.
constexpr uint64_t near_in_kernel = 4096;
constexpr uint64_t near_in_user = uint64_t{1} << 20;
// How far back an address is looked for that a return goes to, though it was taken from elsewhere.
constexpr size_t max_by_address = 10;
// How far the frame that an iret takes may be above the lowest address that the interrupt pushed to: an error code,
// and the copies that the handler of NMIs makes (arch/x86/entry/entry_64.S, asm_exc_nmi).
constexpr uint64_t max_iret_distance = 512;

}  // namespace

ShadowStacks::Stack* ShadowStacks::owner_of(uint64_t slot) {
    const auto found = pages().find(slot >> page_bits);
    return found == pages().end() ? nullptr : found->second;
}

ShadowStacks::Stack& ShadowStacks::new_stack(uint64_t slot) {
    auto& stacks = user_ && thread_ != nullptr ? thread_->stacks : kernel_stacks_;
    stacks.push_back(std::make_unique<Stack>());
    Stack& stack = *stacks.back();
    stack.number = next_number_++;
    pages()[slot >> page_bits] = &stack;
    return stack;
}

bool ShadowStacks::is_near(const Stack& stack, uint64_t slot) const {
    if (&stack == nowhere_.get() || &stack == entered_.get())
        return false;
    const uint64_t limit = user_ ? near_in_user : near_in_kernel;
    const bool calls = !stack.frames.empty() && !stack.frames.back().is_entry();
    const uint64_t last = calls ? stack.frames.back().slot : stack.highest;
    return last - slot < limit || slot - last < limit;
}

void ShadowStacks::switch_to(Stack& stack, uint64_t instr) {
    current_ = &stack;
    if (user_ && thread_ != nullptr)
        thread_->current = &stack;
    if (listener_ != nullptr)
        listener_->on_switch(instr);
}

void ShadowStacks::link(Stack& stack) {
    stack.below = current_ == nowhere_.get() ? nullptr : current_;
    stack.below_depth = current_->frames.size();
    stack.thread = nullptr;
    stack.unproven = 0;
}

// The first code after an entry may have a small stack of its own, which it leaves for its thread's.
bool ShadowStacks::is_just_entered(const Stack& stack) const {
    return stack.frames.size() == 1 && stack.frames[0].is_entry() && stack.thread != nullptr;
}

void ShadowStacks::move_entry(Stack& from, Stack& to) {
    to.frames = std::exchange(from.frames, {});
    to.thread = std::exchange(from.thread, nullptr);
    to.below = std::exchange(from.below, nullptr);
    to.below_depth = from.below_depth;
    to.unproven = 0;
}

// The stack to which the kernel has been entered shows with the first call. Whatever was on it is over, because a
// thread's stack is empty whenever its program runs.
ShadowStacks::Stack& ShadowStacks::place_entered(uint64_t slot, uint64_t instr) {
    Stack* const owner = owner_of(slot);
    Stack& stack = owner != nullptr ? *owner : new_stack(slot);
    pop_to(stack, 0, instr);
    if (stack.thread != nullptr && stack.thread != entered_->thread)
        forget_thread(stack.thread);
    move_entry(*entered_, stack);
    stack.page = slot >> page_bits;
    stack.highest = slot;
    current_ = &stack;
    return stack;
}

ShadowStacks::Stack& ShadowStacks::place(uint64_t slot, uint64_t instr) {
    if (current_ == entered_.get())
        return place_entered(slot, instr);
    Stack* const owner = owner_of(slot);
    const bool near = is_near(*current_, slot);
    if ((owner != nullptr && owner == current_) || (near && (owner == nullptr || owner->frames.empty()))) {
        pages()[slot >> page_bits] = current_;
        current_->page = slot >> page_bits;
        return *current_;
    }
    Stack& stack = owner != nullptr ? *owner : new_stack(slot);
    pop_below(stack, slot + 1, instr);
    if (!stack.frames.empty()) {
        stack.unproven = stack.frames.size() + 1;
    } else if (is_just_entered(*current_)) {
        move_entry(*current_, stack);
        stack.highest = slot;
    } else {
        link(stack);
        stack.highest = slot;
    }
    stack.page = slot >> page_bits;
    switch_to(stack, instr);
    return stack;
}

void ShadowStacks::entered(uint64_t pc, uint64_t instr) {
    if (current_->frames.empty())
        return;
    Frame& frame = current_->frames.back();
    frame.function = pc;
    if (listener_ != nullptr) [[unlikely]]
        listener_->on_call(frame, instr);
}

// Ends calls that pushed below `slot`. An entry ends by an iret alone.
void ShadowStacks::pop_below(Stack& stack, uint64_t slot, uint64_t instr) {
    while (!stack.frames.empty() && !stack.frames.back().is_entry() && stack.frames.back().slot < slot)
        pop(stack, instr);
    if (stack.unproven > stack.frames.size() + 1)
        stack.unproven = 0;
}

void ShadowStacks::pop_to(Stack& stack, size_t depth, uint64_t instr) {
    while (stack.frames.size() > depth)
        pop(stack, instr);
    if (stack.unproven > depth + 1)
        stack.unproven = 0;
}

// The stack belongs to another thread from here on.
void ShadowStacks::begin_anew(Stack& stack, uint64_t instr) {
    pop_to(stack, 0, instr);
    stack.unproven = 0;
    stack.below = nullptr;
    if (stack.thread != nullptr)
        forget_thread(stack.thread);
    stack.thread = nullptr;
    stack.number = next_number_++;
}

void ShadowStacks::find_return(uint64_t slot, uint64_t instr) {
    if (current_ == entered_.get())
        place_entered(slot, instr);
    return_slot_ = slot;
    return_stack_ = owner_of(slot);
    if (return_stack_ == nullptr && is_near(*current_, slot)) {
        pages()[slot >> page_bits] = current_;
        return_stack_ = current_;
    }
    state_ = ReturnState::unknown;
    if (return_stack_ == nullptr)
        return;
    Stack& stack = *return_stack_;
    size_t depth = stack.frames.size();
    while (depth != 0 && (stack.frames[depth - 1].slot != slot || stack.frames[depth - 1].is_entry()))
        --depth;
    if (depth == 0) {
        if (&stack == current_)
            pop_below(stack, slot, instr);
        return;
    }
    const bool resumed = &stack != current_ || depth < stack.unproven;
    // A signal's handler returns to code that the kernel chose.
    const Frame& frame = stack.frames[depth - 1];
    expected_ = frame.kind == FrameKind::signal ? 0 : frame.return_address;
    pop_to(stack, depth - 1, instr);
    stack.page = slot >> page_bits;
    if (&stack != current_)
        switch_to(stack, instr);
    state_ = resumed ? ReturnState::resumed : ReturnState::exact;
}

void ShadowStacks::judge_return(uint64_t pc, uint64_t instr) {
    switch (std::exchange(state_, ReturnState::none)) {
        case ReturnState::none:
            return;
        case ReturnState::exact:
            ++(pc == expected_ || expected_ == 0 ? counts_.matched : counts_.redirected);
            return;
        case ReturnState::resumed:
            current_->unproven = 0;
            if (pc == expected_ || expected_ == 0) {
                ++counts_.matched;
                return;
            }
            begin_anew(*current_, instr);
            ++counts_.fresh;
            return;
        case ReturnState::unknown:
            judge_unknown(pc, instr);
            return;
    }
}

void ShadowStacks::judge_unknown(uint64_t pc, uint64_t instr) {
    if (returns_by_address(pc, instr)) {
        ++counts_.matched;
        return;
    }
    if (return_stack_ != nullptr && return_stack_ == current_ && current_->unproven == 0) {
        if (return_slot_ <= current_->highest) {
            ++counts_.jumps;
            return;
        }
        current_->highest = return_slot_;
        // What a call has switched to without a call from there is not called by what ran before: a new thread, in whose
        // name the kernel has already called (__switch_to).
        const bool linked = current_->below != nullptr && current_->thread == nullptr;
        if (linked)
            begin_anew(*current_, instr);
        ++(linked ? counts_.fresh : counts_.before);
        return;
    }
    const bool first = current_ == nowhere_.get();
    Stack& stack = return_stack_ != nullptr ? *return_stack_ : new_stack(return_slot_);
    begin_anew(stack, instr);
    stack.page = return_slot_ >> page_bits;
    stack.highest = return_slot_;
    switch_to(stack, instr);
    ++(first ? counts_.before : counts_.fresh);
}

// Code may move its stack: the kernel's entry code does, with the return address of the function that does so.
bool ShadowStacks::returns_by_address(uint64_t pc, uint64_t instr) {
    const std::vector<Frame>& frames = current_->frames;
    for (size_t steps = 1; steps <= std::min(max_by_address, frames.size()); ++steps) {
        const Frame& frame = frames[frames.size() - steps];
        if (frame.is_entry())
            return false;
        if (frame.return_address == pc) {
            pop_to(*current_, frames.size() - steps, instr);
            return true;
        }
    }
    return false;
}

void ShadowStacks::return_unseen() {
    const ReturnState state = std::exchange(state_, ReturnState::none);
    if (state == ReturnState::exact || state == ReturnState::resumed)
        ++counts_.matched;
}

void ShadowStacks::enter_from_user(const Entry& entry, uint64_t instr) {
    if (thread_ == nullptr)
        thread_ = &new_thread(0);
    thread_->entry = entry;
    thread_->waiting = true;
    if (entry.may_fork)
        remember_fork();
    pop_to(*entered_, 0, instr);
    entered_->thread = thread_;
    entered_->below = current_;
    entered_->below_depth = current_->frames.size();
    entered_->page = no_page;
    user_ = false;
    thread_ = nullptr;
    push(*entered_, {Frame::no_slot, entry.pc, 0, instr, entry.kind, entry.vector, false});
    switch_to(*entered_, instr);
}

void ShadowStacks::enter_from_kernel(const Entry& entry, uint64_t instr) {
    push(*current_, {entry.frame, entry.pc, 0, instr, entry.kind, entry.vector, false});
}

void ShadowStacks::leave_to_kernel(uint64_t slot, uint64_t instr) {
    Stack* stack = current_;
    for (unsigned steps = 0; stack != nullptr && steps < max_chain; ++steps) {
        size_t depth = stack->frames.size();
        while (depth != 0 && !stack->frames[depth - 1].is_entry())
            --depth;
        if (depth != 0) {
            const uint64_t pushed = stack->frames[depth - 1].slot;
            // An iret with a frame that no interrupt pushed goes on below (iret_to_self() of asm/sync_core.h). No iret to
            // the kernel ends what a program has entered.
            if (slot != 0 && (pushed == Frame::no_slot || slot - pushed >= max_iret_distance))
                return;
            for (Stack* left = current_; left != stack; left = left->below)
                pop_to(*left, 0, instr);
            pop_to(*stack, depth - 1, instr);
            if (stack != current_)
                switch_to(*stack, instr);
            return;
        }
        stack = stack->below;
    }
}

ShadowStacks::Thread* ShadowStacks::leave_chain(uint64_t instr) {
    Stack* stack = current_;
    for (unsigned steps = 0; stack != nullptr && steps < max_chain; ++steps) {
        pop_to(*stack, 0, instr);
        if (stack->thread != nullptr)
            return std::exchange(stack->thread, nullptr);
        stack = stack->below;
    }
    return nullptr;
}

ShadowStacks::Thread& ShadowStacks::new_thread(uint64_t asid) {
    auto thread = std::make_unique<Thread>();
    thread->number = next_number_++;
    thread->asid = asid;
    thread->current = nowhere_.get();
    Thread& result = *thread;
    threads_.emplace(result.number, std::move(thread));
    return result;
}

void ShadowStacks::forget_thread(Thread* thread) {
    const auto forget = [&](Stack& stack) {
        if (stack.thread == thread)
            stack.thread = nullptr;
        for (const auto& own : thread->stacks)
            if (stack.below == own.get())
                stack.below = nullptr;
    };
    forget(*entered_);
    // Threads are rare enough to look at all stacks of the kernel.
    for (const auto& stack : kernel_stacks_)
        forget(*stack);
    return_stack_ = nullptr;
    threads_.erase(thread->number);
}

// The thread that goes on, if only that is known.
ShadowStacks::Thread* ShadowStacks::waiting_thread(uint64_t asid, uint64_t stack_pointer) {
    for (const auto& [number, thread] : threads_)
        if (thread->waiting && thread->asid == asid && thread->entry.stack_pointer == stack_pointer)
            return thread.get();
    for (const auto& [number, thread] : threads_)
        if (thread->waiting && thread->asid == asid && thread->pages.contains(stack_pointer >> page_bits))
            return thread.get();
    return nullptr;
}

void ShadowStacks::remember_fork() {
    if (current_ == nowhere_.get())
        return;
    if (forks_.size() == max_forks)
        forks_.pop_front();
    Fork& fork = forks_.emplace_back(Fork{thread_->entry, *current_, {}});
    for (const auto& [page, stack] : thread_->pages)
        if (stack == current_)
            fork.pages.push_back(page);
}

// A thread that has not run yet goes on where another one has called fork: its stack is the same.
void ShadowStacks::copy_stack(Thread& to, uint64_t pc, uint64_t stack_pointer) {
    const auto fork = std::find_if(forks_.rbegin(), forks_.rend(), [&](const Fork& one) {
        return one.entry.stack_pointer == stack_pointer && (one.entry.pc == pc || one.entry.pc == 0);
    });
    if (fork == forks_.rend())
        return;
    to.stacks.push_back(std::make_unique<Stack>(fork->stack));
    Stack& copy = *to.stacks.back();
    copy.number = next_number_++;
    copy.below = nullptr;
    for (const uint64_t page : fork->pages)
        to.pages.emplace(page, &copy);
    to.pages.emplace(stack_pointer >> page_bits, &copy);
    to.current = &copy;
    to.entry = fork->entry;
}

void ShadowStacks::leave_to_user(uint64_t asid, uint64_t pc, uint64_t stack_pointer, uint64_t instr) {
    if (user_)
        return;                                      // code that is not in the trace went there and back
    const bool unseen = current_ == entered_.get();  // no code of the kernel is in the trace
    Thread* thread = leave_chain(instr);
    if (unseen)
        thread = waiting_thread(asid, stack_pointer);
    if (thread == nullptr) {
        thread = &new_thread(asid);
        copy_stack(*thread, pc, stack_pointer);
    } else if (thread->asid != asid && thread->asid != 0) {
        // Another program, in memory of its own.
        forget_thread(thread);
        thread = &new_thread(asid);
    }
    thread->asid = asid;
    thread->waiting = false;
    thread_ = thread;
    user_ = true;
    current_ = thread->current;
    resume(*thread, pc, stack_pointer, instr);
}

// Whether a handler of a signal ends: the stack pointer is the one from before it.
bool ShadowStacks::ends_handler(Thread& thread, uint64_t stack_pointer) {
    std::vector<uint64_t>& interrupted = thread.interrupted;
    const auto found = std::find(interrupted.rbegin(), interrupted.rend(), stack_pointer);
    if (found == interrupted.rend())
        return false;
    interrupted.erase(std::prev(found.base()), interrupted.end());
    return true;
}

void ShadowStacks::resume(Thread& thread, uint64_t pc, uint64_t stack_pointer, uint64_t instr) {
    const Entry& entry = thread.entry;
    const bool same_place =
        entry.stack_pointer == 0 || stack_pointer == 0 || stack_pointer == entry.stack_pointer;
    if (same_place && thread.current != nullptr && thread.current != nowhere_.get()) {
        switch_to(*thread.current, instr);
        return;
    }
    if (thread.stacks.size() > max_stacks) {
        thread.pages.clear();
        thread.stacks.clear();
        current_ = thread.current = nowhere_.get();
    }
    Stack* stack = owner_of(stack_pointer);
    if (stack == nullptr && is_near(*current_, stack_pointer))
        stack = current_;
    // A handler's frame is below what it interrupts, or on a stack of its own.
    const bool handler = thread.current != nowhere_.get() && !ends_handler(thread, stack_pointer) &&
                         (stack != thread.current || stack_pointer < entry.stack_pointer);
    if (handler && thread.interrupted.size() < max_handlers)
        thread.interrupted.push_back(entry.stack_pointer);
    if (stack == nullptr) {
        stack = &new_stack(stack_pointer);
        stack->highest = stack_pointer;
    }
    if (handler && stack != current_ && stack->frames.empty())
        link(*stack);
    switch_to(*stack, instr);
    stack->page = no_page;
    pop_below(*stack, stack_pointer, instr);
    if (!handler)
        return;
    pages()[stack_pointer >> page_bits] = stack;
    push(*stack, {stack_pointer, entry.pc, pc, instr, FrameKind::signal, 0, true});
    if (listener_ != nullptr)
        listener_->on_call(stack->frames.back(), instr);
}

void ShadowStacks::settle(uint64_t stack_pointer, uint64_t instr) {
    Stack* const owner = owner_of(stack_pointer);
    if (owner != nullptr && owner != current_ && !owner->frames.empty() && current_ != entered_.get()) {
        pop_below(*owner, stack_pointer, instr);
        switch_to(*owner, instr);
        owner->page = no_page;
    } else if ((owner != nullptr && owner == current_) || is_near(*current_, stack_pointer)) {
        pop_below(*current_, stack_pointer, instr);
    }
}

void ShadowStacks::start(bool user, uint64_t asid) {
    clear();
    user_ = user;
    if (user)
        thread_ = &new_thread(asid);
}

void ShadowStacks::clear() {
    kernel_pages_.clear();
    kernel_stacks_.clear();
    threads_.clear();
    forks_.clear();
    *entered_ = {};
    current_ = nowhere_.get();
    *nowhere_ = {};
    thread_ = nullptr;
    user_ = false;
    state_ = ReturnState::none;
    return_stack_ = nullptr;
}

const Frame* ShadowStacks::find_innermost() const {
    const Frame* found = nullptr;
    walk([&](const Frame& frame) {
        if (frame.user != user_)
            return false;
        if (!frame.is_entry())
            found = &frame;
        return found == nullptr;
    });
    return found;
}

uint64_t ShadowStacks::thread() const {
    if (user_ && thread_ != nullptr)
        return thread_->number;
    const Stack* stack = current_;
    for (unsigned steps = 0; stack != nullptr && steps < max_chain; ++steps) {
        if (stack->thread != nullptr)
            return stack->thread->number;
        if (stack->below == nullptr)
            return stack->number;
        stack = stack->below;
    }
    return 0;
}

}  // namespace panda::callstack
