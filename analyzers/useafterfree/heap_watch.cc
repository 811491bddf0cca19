#include "analyzers/useafterfree/heap_watch.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "analyzers/useafterfree/leaks.h"

namespace panda::useafterfree {
namespace {

// Bits of a block's flags: HF_CPL_MASK and HF_CS64_MASK in QEMU's target/i386/cpu.h.
constexpr uint64_t privilege_mask = 3;
constexpr uint64_t code64_mask = uint64_t{1} << 15;

// A word of a program's memory; 0 if it is not there.
uint64_t read_word(const trace::AddressSpace& space, uint64_t address, unsigned size) {
    uint64_t word = 0;
    return space.read(address, std::as_writable_bytes(std::span(&word, 1)).first(size)) ? word : 0;
}

// Linux's munmap and mremap, whose first arguments are an address and a length (arch/x86/entry/syscalls/*.tbl).
bool unmaps(const trace::SystemCall& call) {
    if (call.gate == trace::CallGate::syscall)
        return call.number == 11 || call.number == 25;
    return call.number == 91 || call.number == 163;
}

}  // namespace

void HeapWatch::start(const trace::PassState& state) {
    state_ = &state;
    stacks_.emplace(state);
}

void HeapWatch::on_start(const osi::EventPoint& at, const osi::Provider& provider) {
    provider_ = &provider;
    // The provider lives as long as the pass.
    names_.emplace(std::shared_ptr<const osi::Provider>(std::shared_ptr<void>(), &provider),
                   options_->directories);
    if (const auto thread = provider.current_thread(at.point))
        run(at, *thread);
}

void HeapWatch::on_stop() {
    provider_ = nullptr;
    program_ = nullptr;
    names_.reset();
    programs_.clear();
}

bool HeapWatch::wants(const osi::Process& process) const {
    return process.handle.asid != 0 && (options_->process.empty() || process.name == options_->process) &&
           (!options_->pid || process.pid == *options_->pid) &&
           (!options_->asid || state_->asid_of(*options_->asid) == process.handle.asid);
}

Program* HeapWatch::make_program(const osi::Process& process) {
    if (!wants(process))
        return nullptr;
    const auto [entry, fresh] = programs_.try_emplace(process.handle.asid);
    if (fresh) {
        entry->second.pid = process.pid;
        entry->second.name = process.name;
        entry->second.asid = process.handle.asid;
    }
    return &entry->second;
}

void HeapWatch::run(const osi::EventPoint& at, const osi::Thread& thread) {
    program_ = nullptr;
    tid_ = thread.tid;
    const auto handle = provider_->current_process_handle(at.point);
    if (!handle || handle->asid == 0)
        return;
    if (const auto found = programs_.find(handle->asid); found != programs_.end())
        program_ = &found->second;
    else if (const auto process = provider_->process(at.point, *handle))
        program_ = make_program(*process);
}

void HeapWatch::on_task_change(const osi::EventPoint& at, const osi::Thread& thread) {
    run(at, thread);
}

void HeapWatch::on_new_process(const osi::EventPoint&, const osi::Process& process) {
    // fork() copies the heap. A child of vfork() shares it.
    if (program_ == nullptr || process.handle.asid == 0 || process.handle.asid == program_->asid)
        return;
    Program copy = *program_;
    copy.pid = process.pid;
    copy.name = process.name;
    copy.asid = process.handle.asid;
    copy.calls.clear();
    programs_.insert_or_assign(process.handle.asid, std::move(copy));
}

void HeapWatch::on_exec(const osi::EventPoint& at, const osi::Process& process) {
    std::erase_if(programs_, [&](const auto& entry) {
        return entry.second.pid == process.pid || entry.first == process.handle.asid;
    });
    program_ = nullptr;
    if (const auto thread = provider_->current_thread(at.point))
        run(at, *thread);
}

void HeapWatch::on_finished_process(const osi::EventPoint& at, const osi::Process& process) {
    const auto found = programs_.find(process.handle.asid);
    if (found == programs_.end() || found->second.pid != process.pid)
        return;
    if (options_->leaks && program_ == &found->second)
        find_leaks(at, process);
    if (program_ == &found->second)
        program_ = nullptr;
    programs_.erase(found);
}

void HeapWatch::on_event(const trace::Event& event) {
    stacks_->on_event(event);
    const auto* call = std::get_if<trace::SystemCall>(&event.detail);
    if (call == nullptr || program_ == nullptr || !unmaps(*call))
        return;
    const uint64_t start = call->arguments[0];
    const uint64_t end = start + call->arguments[1];
    program_->heap.unmap(start, end);
    // realloc's block is freed when the call is over.
    if (const auto pending = program_->calls.find(tid_); pending != program_->calls.end())
        pending->second.unmapped.emplace_back(start, end);
}

void HeapWatch::on_block(const trace::BlockExecution& block) {
    stacks_->on_block(block);
    if (program_ == nullptr)
        return;
    const trace::BlockView view = state_->blocks()[block.id];
    if ((view.flags & privilege_mask) != 3)
        return;
    program_->registers = state_->registers();
    program_->wide = (view.flags & code64_mask) != 0;
    const uint64_t stack_pointer = program_->registers[trace::rsp];
    if (const auto call = program_->calls.find(tid_); call != program_->calls.end()) {
        const uint64_t behind = call->second.stack_pointer + (call->second.wide ? 8 : 4);
        if (stack_pointer < behind)
            return;  // still in the allocator
        const Program::Call over = call->second;
        program_->calls.erase(call);
        // Some 32-bit calls take their arguments off the stack.
        if (view.pc == over.return_address)
            leave(over, program_->registers[trace::rax]);
    }
    if (const Allocator* function = role_of(block, view.pc))
        enter(block, *function, program_->wide);
}

const Allocator* HeapWatch::role_of(const trace::BlockExecution& block, uint64_t pc) {
    std::vector<uint8_t>& roles = program_->roles;
    if (block.id >= roles.size()) [[unlikely]]
        roles.resize(state_->blocks().size());
    uint8_t& role = roles[block.id];
    if (role >= Program::resolved) [[likely]]
        return role == Program::resolved ? nullptr : &program_->functions[role - Program::resolved - 1u];
    // Symbols may not be in memory yet: ask again, less and less often.
    const bool ask = std::has_single_bit(++role);
    const Allocator* found = options_->allocators.find(pc);
    bool known = found != nullptr || !options_->allocators.has_names();
    if (!known && ask && names_) {
        names_->go_to(*state_);
        const auto place = names_->find(pc);
        known = place && !place->function.empty();
        if (known && place->offset == 0)
            found = options_->allocators.find(place->function);
    }
    if (!known && role + 1 < Program::resolved)
        return nullptr;
    role = Program::resolved;
    constexpr size_t most = 255 - Program::resolved;
    if (found == nullptr || program_->functions.size() == most)
        return nullptr;
    program_->functions.push_back(*found);
    role = static_cast<uint8_t>(Program::resolved + program_->functions.size());
    return &program_->functions.back();
}

void HeapWatch::enter(const trace::BlockExecution& block, const Allocator& function, bool wide) {
    if (!state_->memory_known())
        return;
    const trace::BlockRegisters& registers = state_->registers();
    const trace::AddressSpace space = state_->address_space();
    Program::Call call{.function = function, .stack_pointer = registers[trace::rsp], .wide = wide};
    call.return_address = read_word(space, call.stack_pointer, wide ? 8 : 4);
    if (wide) {
        // System V ABI for x86-64, section 3.2.3.
        call.arguments = {registers[trace::rdi], registers[trace::rsi], registers[trace::rdx]};
    } else {
        for (unsigned i = 0; i < call.arguments.size(); ++i)
            call.arguments[i] = read_word(space, call.stack_pointer + 4 + 4 * i, 4);
    }
    call.when = moment(block.instr);
    if (function.old != 0) {
        const uint64_t old = call.arguments[function.old - 1u];
        if (!function.hands_out()) {
            if (old != 0)
                release(old, call.when);
        } else if (const Block* moved = program_->heap.live_at(old)) {
            call.moved = *moved;
        } else if (old != 0) {
            release(old, call.when);  // says what is wrong with it
        }
    }
    program_->calls[tid_] = call;
}

void HeapWatch::leave(const Program::Call& call, uint64_t result) {
    const Allocator& function = call.function;
    if (!function.hands_out())
        return;
    const unsigned word = call.wide ? 8 : 4;
    if (!call.wide)
        result &= 0xffff'ffff;
    if (function.result != 0) {
        if (static_cast<uint32_t>(result) != 0 || !state_->memory_known())
            return;
        result = read_word(state_->address_space(), call.arguments[function.result - 1u], word);
    }
    const uint64_t size = bytes_of(function, call.arguments);
    if (call.moved && (result != 0 || size == 0))
        program_->heap.release(call.moved->start, call.when);
    for (const auto& [start, end] : call.unmapped)
        program_->heap.unmap(start, end);
    if (result == 0)
        return;
    program_->heap.allocate({result, size, call.when});
    ++allocated_;
}

void HeapWatch::release(uint64_t address, const Moment& when) {
    const Release how = program_->heap.release(address, when);
    if (how == Release::done)
        return;
    const Block* block = how == Release::twice ? program_->heap.freed_at(address, 1) : nullptr;
    NamedStack place = named(when.stack, false);
    if (is_housekeeping(place))
        return;
    const auto& stack = table_[when.stack];
    Finding& finding = add(how == Release::twice ? Problem::double_free : Problem::invalid_free,
                           stack.empty() ? 0 : stack[0], block);
    if (finding.times != 1)
        return;
    finding.instr = when.instr;
    finding.address = address;
    finding.place = std::move(place);
}

void HeapWatch::on_accesses(const trace::BlockExecution& block, std::span<const trace::Access> accesses) {
    stacks_->on_accesses(block, accesses);
    if (program_ == nullptr || program_->calls.contains(tid_))
        return;
    const bool kernel = (state_->blocks()[block.id].flags & privilege_mask) != 3;
    for (const trace::Access& access : accesses)
        if (access.kind != trace::AccessKind::fill && access.kind != trace::AccessKind::table_write &&
            program_->heap.freed_at(access.address, access.size) != nullptr) [[unlikely]]
            check(block, access, kernel);
}

void HeapWatch::check(const trace::BlockExecution& block, const trace::Access& access, bool kernel) {
    const Block freed = *program_->heap.freed_at(access.address, access.size);
    const trace::BlockView view = state_->blocks()[block.id];
    const uint64_t pc = view.pc + view.instruction_offsets[access.instruction];
    const uint64_t instr = block.instr + access.instruction;
    NamedStack place = named(moment(instr, pc).stack, true);
    if (!kernel && is_housekeeping(place))
        return;
    Finding& finding =
        add(access.is_store() ? Problem::write_after_free : Problem::read_after_free, pc, &freed);
    if (finding.times != 1)
        return;
    finding.instr = instr;
    finding.bytes = access.size;
    finding.kernel = kernel;
    finding.address = access.address;
    finding.place = std::move(place);
}

Moment HeapWatch::moment(uint64_t instr, std::optional<uint64_t> pc) {
    StackTable::Stack stack;
    if (pc)
        stack.push_back(*pc);
    stacks_->stacks().walk([&](const callstack::Frame& frame) {
        if (stack.size() == options_->depth)
            return false;
        // What the kernel called itself tells little about the program.
        if (frame.user || frame.is_entry())
            stack.push_back(frame.return_address);
        return true;
    });
    return {instr, table_.number(std::move(stack))};
}

// When a thread ends, glibc gives back what its cache holds, blocks that the program has freed already
// (tcache_thread_shutdown in malloc/malloc.c). Without symbols of its own all that can be told is that no program's code
// is on the stack.
bool HeapWatch::is_housekeeping(const NamedStack& stack) const {
    const auto named_so = [](const NamedPlace& place) {
        return place.name && (place.name->function == "tcache_thread_shutdown" ||
                              place.name->function == "__malloc_arena_thread_freeres" ||
                              place.name->function == "__libc_thread_freeres");
    };
    const auto in_libc = [](const NamedPlace& place) {
        const std::string file = place.name ? osi::short_name(place.name->module) : std::string();
        return file.starts_with("libc.so") || file.starts_with("libc-");
    };
    return std::any_of(stack.begin(), stack.end(), named_so) ||
           (stack.size() < options_->depth && std::all_of(stack.begin(), stack.end(), in_libc));
}

NamedStack HeapWatch::named(uint32_t stack, bool with_pc) {
    NamedStack result;
    names_->go_to(*state_);
    for (const uint64_t address : table_[stack]) {
        const bool exact = with_pc && result.empty();
        result.push_back({address, exact ? names_->find(address) : names_->find_caller(address)});
    }
    return result;
}

Finding& HeapWatch::add(Problem problem, uint64_t place, const Block* block) {
    const auto [entry, fresh] = program_->known.try_emplace(
        {problem, place, block == nullptr ? ~uint32_t{0} : block->allocated.stack}, findings_.size());
    if (!fresh) {
        ++findings_[entry->second].times;
        return findings_[entry->second];
    }
    Finding finding{
        .problem = problem, .pid = program_->pid, .process = program_->name, .asid = program_->asid};
    if (block != nullptr) {
        finding.block = *block;
        finding.allocated = named(block->allocated.stack, false);
        if (problem != Problem::leak)
            finding.freed = named(block->freed.stack, false);
    }
    findings_.push_back(std::move(finding));
    return findings_.back();
}

void HeapWatch::find_leaks(const osi::EventPoint& at, const osi::Process& process) {
    if (program_->heap.live().empty())
        return;
    const auto mappings = provider_->mappings(at.point, process.handle).entries;
    const trace::AddressSpace space(*at.point.memory, process.handle.asid, trace::paging_of(*at.point.cpu));
    const Roots roots{.mappings = mappings,
                      .registers = program_->registers,
                      .stack_pointer = program_->registers[trace::rsp],
                      .word = program_->wide ? 8u : 4u};
    for (const Block* block : unreachable(program_->heap, space, roots)) {
        Finding& finding = add(Problem::leak, 0, block);
        finding.bytes += block->size;
        if (finding.times == 1) {
            finding.instr = at.instr;
            finding.address = block->start;
        }
    }
}

}  // namespace panda::useafterfree
