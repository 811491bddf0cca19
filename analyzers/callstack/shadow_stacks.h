// The stacks of a machine: which calls are not over, in every thread and in the kernel.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

namespace panda::callstack {

enum class FrameKind : uint8_t {
    call,
    system_call,  // this and the next two are entries of the kernel

    interrupt,
    exception,
    signal,  // a handler of a program, as if the code that was left had called it
};

struct Frame {
    static constexpr uint64_t no_slot = ~uint64_t{0};
    // Where the return address is on the stack. If the kernel was entered from the kernel, the lowest address that the
    // processor pushed to; no_slot if it was entered from a program.
    uint64_t slot = no_slot;
    // Linear. For an entry or a signal: where the code that was left goes on; 0: not known.
    uint64_t return_address = 0;
    uint64_t function = 0;  // linear address of the code that was entered; 0: not known yet
    uint64_t instr = 0;     // when
    FrameKind kind = FrameKind::call;
    uint8_t vector = 0;  // of an interrupt or exception
    bool user = false;   // whether the frame is on a program's stack
    uint32_t note = 0;   // the listener's own, to be set in on_call

    bool is_entry() const { return kind != FrameKind::call && kind != FrameKind::signal; }
};

// Is told what happens to stacks. Each function does nothing unless it is overridden.
class StackListener {
  public:
    virtual ~StackListener() = default;
    // The frame has just been pushed, and its function is known.
    virtual void on_call(Frame&, uint64_t /*instr*/) {}
    // The frame is gone: its function has returned, or was left in another way.
    virtual void on_return(const Frame&, uint64_t /*instr*/) {}
    // Another stack runs from here on.
    virtual void on_switch(uint64_t /*instr*/) {}
};

// How returns ended. What stacks are for is that `unmatched` stays small.
struct ReturnCounts {
    uint64_t matched = 0;     // to where the call of that place on the stack came from
    uint64_t redirected = 0;  // the place was a call's, but another address was there: retpolines, unwinding
    // No call is known for the place on the stack:
    uint64_t fresh = 0;   // a new thread or coroutine begins, by a return to its first function
    uint64_t before = 0;  // of calls from before the trace began
    uint64_t jumps = 0;   // an address that was pushed by hand, used as a jump
    uint64_t total() const { return matched + redirected + fresh + before + jumps; }
    uint64_t unmatched() const { return fresh + before + jumps; }
};

// Follows calls and returns by where their return addresses are on the stack: a return from some place ends the call
// that pushed there, and everything that was pushed below it. So longjmp, exceptions and tail calls need no knowledge
// of their own. A stack is a range of pages. A call or return on the pages of another stack is a switch to it, and
// that is how the kernel changes from thread to thread (__switch_to_asm), and coroutines from one to the next.
//
// The kernel's stacks lead to programs' stacks: a stack that was entered from a program has an entry as its first frame,
// with the thread that was left. When the kernel goes back to the program from that stack, it is that thread which goes
// on. So threads are told apart without knowing the operating system. A new thread goes on from the kernel's stack that
// no program has entered yet. If it has the stack pointer and the pc of a system call that is going on, it is a copy of
// the caller: fork.
class ShadowStacks {
  public:
    explicit ShadowStacks(StackListener* listener = nullptr) : listener_(listener) {}
    ShadowStacks(ShadowStacks&&) = default;
    ShadowStacks& operator=(ShadowStacks&&) = default;
    ~ShadowStacks() = default;

    // A call has pushed its return address. entered() must follow when its target is known.
    void call(uint64_t slot, uint64_t return_address, uint64_t instr) {
        Stack& stack = current_->page == slot >> page_bits ? *current_ : place(slot, instr);
        if (!stack.frames.empty() && stack.frames.back().slot <= slot) [[unlikely]]
            pop_below(stack, slot + 1, instr);
        push(stack, {slot, return_address, 0, instr, FrameKind::call, 0, user_});
    }
    // The call that came last leads to `pc`.
    void entered(uint64_t pc, uint64_t instr);

    // A return has loaded its target from the stack. returned() must follow when the target is known.
    void ret(uint64_t slot, uint64_t instr) {
        if (current_->page == slot >> page_bits && !current_->frames.empty() &&
            current_->frames.back().slot == slot && current_->frames.back().kind == FrameKind::call &&
            current_->unproven == 0) [[likely]] {
            expected_ = current_->frames.back().return_address;
            pop(*current_, instr);
            state_ = ReturnState::exact;
            return;
        }
        find_return(slot, instr);
    }
    // The return that came last has gone to `pc`.
    void returned(uint64_t pc, uint64_t instr) {
        if (state_ == ReturnState::exact && pc == expected_) [[likely]] {
            ++counts_.matched;
            return;
        }
        judge_return(pc, instr);
    }
    // The return that came last was interrupted before its target ran.
    void return_unseen();

    // Where code left for the kernel.
    struct Entry {
        FrameKind kind = FrameKind::interrupt;
        uint8_t vector = 0;
        uint64_t pc = 0;                  // linear, of the instruction that goes on afterwards; 0: not known
        uint64_t stack_pointer = 0;       // linear; 0: not known
        uint64_t frame = Frame::no_slot;  // the lowest address that the processor pushed to
        bool may_fork = false;            // a system call that may go on in a copy of its thread as well
    };
    // A program was left for the kernel.
    void enter_from_user(const Entry& entry, uint64_t instr);
    // The kernel (or firmware) was interrupted.
    void enter_from_kernel(const Entry& entry, uint64_t instr);
    // An iret or rsm has left the kernel for the kernel. slot: where it took its target from; 0: not known.
    void leave_to_kernel(uint64_t slot, uint64_t instr);
    // The kernel has left for a program, which goes on at `pc`.
    void leave_to_user(uint64_t asid, uint64_t pc, uint64_t stack_pointer, uint64_t instr);

    // The stack pointer is this: what was pushed below it is gone. For code that went on after an indirect jump.
    void settle(uint64_t stack_pointer, uint64_t instr);
    // The first code that is seen runs here.
    void start(bool user, uint64_t asid);
    // Nothing is known any more.
    void clear();

    // Calls visit(const Frame&) from the innermost frame outwards, through entries into what they interrupted, until it
    // returns false.
    template <typename Visit>
    void walk(const Visit& visit) const {
        size_t depth = current_->frames.size();
        unsigned steps = 0;
        for (const Stack* stack = current_; stack != nullptr && steps < max_chain; ++steps) {
            for (; depth != 0; --depth)
                if (!visit(stack->frames[depth - 1]))
                    return;
            const Stack* const below = stack->below;
            depth = below != nullptr ? std::min(stack->below_depth, below->frames.size()) : 0;
            stack = below;
        }
    }
    // The innermost call in the privilege level that runs; null: none is known.
    const Frame* innermost() const {
        if (current_->frames.empty() || current_->frames.back().is_entry()) [[unlikely]]
            return find_innermost();
        return &current_->frames.back();
    }
    // The innermost frame, of whatever kind; null: none is known.
    const Frame* top() const {
        if (!current_->frames.empty()) [[likely]]
            return &current_->frames.back();
        const Frame* found = nullptr;
        walk([&](const Frame& frame) {
            found = &frame;
            return false;
        });
        return found;
    }
    // Whether a program runs.
    bool in_user() const { return user_; }
    const ReturnCounts& counts() const { return counts_; }
    // A number for what runs: a program's thread, or a stack of the kernel that belongs to none. Numbers are not used
    // again.
    uint64_t thread() const;

  private:
    static constexpr unsigned page_bits = 12;
    static constexpr unsigned max_chain = 16;              // stacks below each other
    static constexpr size_t max_depth = size_t{1} << 20;   // frames of a stack
    static constexpr size_t max_stacks = size_t{1} << 14;  // of a thread
    static constexpr size_t max_handlers = 64;             // of a thread, that interrupt each other
    static constexpr size_t max_forks = 256;

    struct Thread;
    struct Stack {
        std::vector<Frame> frames;  // by descending slot
        uint64_t page = no_page;    // of the last call or return
        uint64_t highest = 0;       // slot of any call or return
        Stack* below = nullptr;     // what it interrupted
        size_t below_depth = 0;     // how many frames of that
        Thread* thread = nullptr;   // the program that entered the kernel on this stack
        // If it is not 0, a call has switched here when the stack had this many frames, less 1. The first return
        // from one of them shows whether they are still there, or whether another thread has this stack now.
        size_t unproven = 0;
        uint64_t number = 0;
    };
    using Pages = std::unordered_map<uint64_t, Stack*>;
    // The stacks of a program's thread.
    struct Thread {
        Stack* current = nullptr;
        Entry entry;           // into the kernel
        bool waiting = false;  // it is in the kernel
        std::vector<uint64_t>
            interrupted;  // stack pointers of the code that handlers of signals have interrupted
        uint64_t number = 0;
        uint64_t asid = 0;
        Pages pages;
        std::vector<std::unique_ptr<Stack>> stacks;
    };
    static constexpr uint64_t no_page = ~uint64_t{0};

    enum class ReturnState : uint8_t {
        none,
        exact,    // a call is known for its place
        resumed,  // likewise, on a stack that was left; the target decides whether the stack is still the same
        unknown,  // no call is known for its place
    };

    void push(Stack& stack, const Frame& frame) {
        if (stack.frames.empty())
            stack.highest = std::max(stack.highest, frame.slot);
        if (stack.frames.size() < max_depth) [[likely]]
            stack.frames.push_back(frame);
    }
    void pop(Stack& stack, uint64_t instr) {
        if (listener_ != nullptr) [[unlikely]]
            listener_->on_return(stack.frames.back(), instr);
        stack.frames.pop_back();
    }
    Pages& pages() { return user_ && thread_ != nullptr ? thread_->pages : kernel_pages_; }
    Stack* owner_of(uint64_t slot);
    Stack& place(uint64_t slot, uint64_t instr);
    Stack& place_entered(uint64_t slot, uint64_t instr);
    Stack& new_stack(uint64_t slot);
    bool is_near(const Stack& stack, uint64_t slot) const;
    void switch_to(Stack& stack, uint64_t instr);
    void link(Stack& stack);
    bool ends_handler(Thread& thread, uint64_t stack_pointer);
    bool is_just_entered(const Stack& stack) const;
    void move_entry(Stack& from, Stack& to);
    void find_return(uint64_t slot, uint64_t instr);
    void judge_return(uint64_t pc, uint64_t instr);
    void judge_unknown(uint64_t pc, uint64_t instr);
    bool returns_by_address(uint64_t pc, uint64_t instr);
    void pop_below(Stack& stack, uint64_t slot, uint64_t instr);
    void pop_to(Stack& stack, size_t depth, uint64_t instr);
    void begin_anew(Stack& stack, uint64_t instr);
    Thread& new_thread(uint64_t asid);
    void forget_thread(Thread* thread);
    void remember_fork();
    void copy_stack(Thread& to, uint64_t pc, uint64_t stack_pointer);
    Thread* waiting_thread(uint64_t asid, uint64_t stack_pointer);
    void resume(Thread& thread, uint64_t pc, uint64_t stack_pointer, uint64_t instr);
    Thread* leave_chain(uint64_t instr);
    const Frame* find_innermost() const;

    StackListener* listener_;
    ReturnCounts counts_;
    Pages kernel_pages_;
    std::vector<std::unique_ptr<Stack>> kernel_stacks_;
    std::unordered_map<uint64_t, std::unique_ptr<Thread>> threads_;  // by number
    // Stacks of threads when they called fork, the latest last. A child may run long after.
    struct Fork {
        Entry entry;
        Stack stack;
        std::vector<uint64_t> pages;
    };
    std::deque<Fork> forks_;
    // Pointers lead to these two as well, so they stay where they are when this is moved.
    std::unique_ptr<Stack> entered_ =
        std::make_unique<Stack>();  // a stack of the kernel that is not placed yet
    std::unique_ptr<Stack> nowhere_ = std::make_unique<Stack>();  // before anything is known
    Stack* current_ = nowhere_.get();
    Thread* thread_ = nullptr;  // that runs; null in the kernel, and before it is known
    bool user_ = false;
    uint64_t next_number_ = 1;

    ReturnState state_ = ReturnState::none;
    uint64_t expected_ = 0;
    uint64_t return_slot_ = 0;
    Stack* return_stack_ = nullptr;  // whose page the return used; null: of none
};

}  // namespace panda::callstack
