// Random programs that load and store, written through a TraceWriter, with an account of what they did.
#pragma once

#include <map>
#include <set>

#include "tests/unit/trace_generator.h"
#include "trace/coding/memory_plan.h"

namespace panda::trace_tests {

struct Executed {
    uint32_t id = 0;
    uint32_t executed = 0;
    std::vector<Access> accesses;
};

struct MemoryModel {
    std::vector<BlockDefinition> blocks;
    std::vector<Executed> executions;
};

inline bool same_access(const Access& a, const Access& b) {
    return a.address == b.address && a.value == b.value && a.value_high == b.value_high &&
           a.instruction == b.instruction && a.size == b.size && a.kind == b.kind;
}

// The pages of a chunk's Transfer events.
inline std::vector<BlockPage> transferred_pages(ChunkCursor& cursor, const Chunk& chunk) {
    std::set<BlockPage> pages;
    cursor.start(chunk);
    for (auto step = cursor.next(); step != ChunkCursor::Step::end; step = cursor.next()) {
        const auto* transfer =
            step == ChunkCursor::Step::event ? std::get_if<Transfer>(&cursor.event().detail) : nullptr;
        if (transfer == nullptr || transfer->data.empty())
            continue;
        for (uint64_t page = transfer->offset >> 12;
             page <= (transfer->offset + transfer->data.size() - 1) >> 12; ++page)
            pages.insert({transfer->block, page});
    }
    return {pages.begin(), pages.end()};
}

class MemoryGenerator {
  public:
    explicit MemoryGenerator(uint64_t seed) : random_(seed) {}

    MemoryModel write(const std::string& path, WriterOptions options, unsigned steps) {
        options.if_exists = IfExists::overwrite;
        memory_ = options.memory;
        follows_ = memory_ != MemoryColumns::none && !one_in(4);
        TraceHeader header;
        header.memory_blocks = {{"ram", 1024 * page_size}};
        TraceWriter writer(path, header, options);
        begin_chunk(writer);
        for (unsigned i = 0; i < steps; ++i)
            step(writer);
        writer.finish();
        return std::move(model_);
    }

  private:
    uint64_t below(uint64_t bound) { return random_() % bound; }
    bool one_in(uint64_t n) { return below(n) == 0; }

    void step(TraceWriter& writer) {
        if (model_.blocks.size() < 4 || one_in(60))
            define(writer);
        if (one_in(150))
            begin_chunk(writer);
        if (one_in(40))
            transfer(writer);
        // Loops over a few blocks, so that predictions have a chance.
        if (one_in(12))
            current_ = static_cast<uint32_t>(below(model_.blocks.size()));
        else
            current_ = (current_ + 1) % std::min<uint32_t>(3, static_cast<uint32_t>(model_.blocks.size()));
        execute(writer, current_);
    }

    MemoryOperation operation(const std::vector<MemoryOperation>& before, uint16_t instruction) {
        MemoryOperation result;
        result.instruction = instruction;
        if (follows_ && one_in(20)) {
            result.size = 0;
            result.told = static_cast<FollowedRegister>(below(followed_registers));
            return result;
        }
        result.size = static_cast<uint8_t>(1u << below(5));
        result.store = one_in(2);
        result.conditional = one_in(5);
        if (result.store && result.size <= 8 && one_in(5)) {
            result.constant_value = true;
            result.constant = random_() >> below(64);
        }
        if (!result.conditional && one_in(2))
            result.base = some_base(before);
        if (!result.has_address_word()) {
            result.delta = static_cast<int64_t>(below(200)) - 100;
            result.narrow = one_in(4);
        }
        return result;
    }

    // A base for what comes after these operations; sometimes base_none.
    uint16_t some_base(const std::vector<MemoryOperation>& before) {
        if (follows_ && one_in(3))
            return one_in(6) ? base_constant : base_register(static_cast<FollowedRegister>(below(3)));
        const uint64_t base = before.empty() ? 0 : below(before.size());
        if (before.empty() || !before[base].has_address_word() || before[base].conditional)
            return base_none;
        return static_cast<uint16_t>(base);
    }

    void add_changes(BlockDefinition& block) {
        for (unsigned i = 0; follows_ && i < followed_registers; ++i) {
            const uint16_t own = base_register(static_cast<FollowedRegister>(i));
            const uint16_t base = one_in(2) ? own : some_base(block.operations);
            if (one_in(2) && base != base_none)
                block.changes.push_back({static_cast<FollowedRegister>(i), one_in(8), base,
                                         static_cast<int64_t>(below(200)) - 100});
        }
    }

    void define(TraceWriter& writer) {
        BlockDefinition block;
        block.pc = 0x1000 * model_.blocks.size();
        const auto instructions = static_cast<uint16_t>(1 + below(12));
        block.guest_size = instructions * 3u;
        for (uint16_t i = 0; i < instructions; ++i)
            block.instruction_offsets.push_back(static_cast<uint16_t>(3 * i));
        const uint64_t busy = one_in(10) ? 30 : 2;
        for (uint16_t i = 0; i < instructions; ++i) {
            for (uint64_t count = below(busy); count > 0; --count) {
                block.operations.push_back(operation(block.operations, i));
                if (!block.operations.back().has_address_word())
                    break;  // the last of its instruction
            }
        }
        add_changes(block);
        if (!one_in(4))
            block.tcg = Bytes(below(100), static_cast<std::byte>(below(256)));
        writer.define_block(block);
        model_.blocks.push_back(block);
    }

    uint64_t some_address() {
        switch (below(4)) {
            case 0:
                return stack_ -= below(3) * 8;
            case 1:
                return heap_ += 1 + below(16);
            case 2:
                return 0xffffffff81000000 + below(1 << 16);
            default:
                return below(20) == 0 ? random_() : 0x7000 + below(0x2000);
        }
    }
    uint64_t some_value() {
        switch (below(5)) {
            case 0:
                return 0;
            case 1:
                return counter_++;
            case 2:
                return stack_ + below(64);
            case 3:
                return random_();
            default:
                return random_() >> below(64);
        }
    }

    // A word of the execution, and what it means if the operation ran.
    struct Step {
        const MemoryOperation* operation;
        bool ran;
        Access access;
    };

    std::vector<Step> run(const BlockDefinition& block, uint32_t executed, std::vector<uint64_t>& words) {
        std::vector<Step> steps;
        bool stopped = false;
        for (const MemoryOperation& operation : block.operations) {
            Step step{&operation, true, {}};
            if (operation.conditional)
                step.ran = !one_in(6);
            if (operation.instruction == executed) {
                stopped = stopped || one_in(2) || !operation.has_address_word();
                step.ran = step.ran && !stopped && operation.is_access();
            }
            step.ran = step.ran && operation.instruction <= executed;
            step.access = access_of(operation, steps);
            if (operation.has_address_word())
                words.push_back(step.ran ? step.access.address : MemoryOperation::not_run);
            if (memory_ == MemoryColumns::values && operation.value_words() > 0)
                words.push_back(step.access.value);
            if (memory_ == MemoryColumns::values && operation.value_words() > 1)
                words.push_back(step.access.value_high);
            if (memory_ == MemoryColumns::addresses)
                step.access.value = step.access.value_high = 0;
            step.access.value &= size_mask(operation.size);
            steps.push_back(step);
        }
        return steps;
    }

    // From a base: the constant 0, a register where the block begins, or an operation.
    uint64_t counted(uint16_t base, int64_t delta, bool narrow, const std::vector<Step>& steps) {
        const uint64_t start = base == base_constant ? 0
                               : base >= base_register(FollowedRegister{})
                                   ? registers_[base - base_register(FollowedRegister{})]
                                   : steps[base].access.address;
        const uint64_t value = start + static_cast<uint64_t>(delta);
        return narrow ? static_cast<uint32_t>(value) : value;
    }

    void change_registers(const BlockDefinition& block, const std::vector<Step>& steps) {
        FollowedValues after = registers_;
        for (const RegisterChange& change : block.changes)
            after[static_cast<size_t>(change.which)] =
                counted(change.base, change.delta, change.narrow, steps);
        registers_ = after;
    }

    // Now and then something else changes a register, or its value is told again.
    void tell_registers(TraceWriter& writer) {
        if (!follows_ || !one_in(15))
            return;
        const auto which = below(followed_registers);
        if (!one_in(4))
            registers_[which] = some_address();
        writer.inner(register_value(static_cast<FollowedRegister>(which), registers_[which]));
    }

    Access access_of(const MemoryOperation& operation, const std::vector<Step>& steps) {
        Access access;
        access.instruction = operation.instruction;
        access.size = operation.size;
        access.kind = operation.store ? AccessKind::store : AccessKind::load;
        access.address = operation.has_address_word()
                             ? some_address()
                             : counted(operation.base, operation.delta, operation.narrow, steps);
        if (!operation.store)
            return access;
        access.value = operation.constant_value ? operation.constant : some_value();
        if (operation.size == 16)
            access.value_high = some_value();
        return access;
    }

    std::vector<InnerEvent> inner_events(uint32_t instructions) {
        std::vector<InnerEvent> events;
        if (!one_in(4))
            return events;
        uint32_t place = 0;
        for (uint64_t count = below(6); count > 0; --count) {
            place = std::min(place + static_cast<uint32_t>(below(4)), 2 * instructions);
            InnerEvent event{place,
                             static_cast<InnerKind>(below(4)),
                             static_cast<uint8_t>(1u << below(5)),
                             some_address(),
                             0,
                             0};
            if (event.kind == InnerKind::fill) {
                event.address &= ~uint64_t{0xfff};
                event.value = below(16) << 12 | below(2);
                event.size = 0;
            } else if (event.kind != InnerKind::helper_load) {
                event.value = some_value() & size_mask(event.size);
                if (event.size == 16 && event.kind == InnerKind::helper_store)
                    event.value_high = some_value();
            }
            events.push_back(event);
        }
        return events;
    }

    // Adds the event to what is expected; a fill that says nothing new is not.
    void expect(const InnerEvent& event, std::vector<Access>& accesses) {
        static constexpr AccessKind kinds[] = {AccessKind::fill, AccessKind::table_write,
                                               AccessKind::helper_load, AccessKind::helper_store};
        if (event.kind == InnerKind::fill) {
            const auto [place, is_new] = known_.try_emplace(event.address, event.value);
            if (!is_new && std::exchange(place->second, event.value) == event.value)
                return;
        }
        accesses.push_back({event.address, event.value, event.value_high,
                            static_cast<uint16_t>(event.place == 0 ? 0 : (event.place - 1) / 2), event.size,
                            kinds[static_cast<size_t>(event.kind)]});
    }

    void execute(TraceWriter& writer, uint32_t id) {
        const BlockDefinition& block = model_.blocks[id];
        const uint32_t instructions = block.instruction_count();
        const uint32_t executed = one_in(10) ? static_cast<uint32_t>(below(instructions + 1)) : instructions;
        std::vector<uint64_t> words;
        tell_registers(writer);
        const std::vector<Step> steps = run(block, executed, words);
        const std::vector<InnerEvent> events = inner_events(instructions);
        Executed execution{id, executed, {}};
        auto event = events.begin();
        for (const Step& step : steps) {
            for (; event != events.end() && event->place <= 1 + 2u * step.operation->instruction; ++event)
                expect(*event, execution.accesses);
            if (step.ran && step.operation->is_access())
                execution.accesses.push_back(step.access);
        }
        for (; event != events.end(); ++event)
            expect(*event, execution.accesses);
        model_.executions.push_back(std::move(execution));
        if (executed == instructions)
            change_registers(block, steps);
        for (const InnerEvent& inner : events)
            writer.inner(inner);
        if (executed == instructions && one_in(2))
            writer.append(id, words.data());
        else
            writer.append_cut(id, executed, words.data());
    }

    void begin_chunk(TraceWriter& writer) {
        ChunkStart start;
        known_.clear();
        for (const uint64_t page : std::set<uint64_t>{below(10), below(16), stack_ >> 12, heap_ >> 12}) {
            const Translation translation{page, below(16), static_cast<uint32_t>(below(2))};
            start.translations.push_back(translation);
            known_[page << 12] = translation.frame << 12 | translation.address_space;
        }
        if (follows_) {
            if (one_in(3))
                registers_ = {some_address(), some_address(), some_address()};
            start.followed = registers_;
        }
        writer.begin_chunk(start);
    }

    void transfer(TraceWriter& writer) {
        writer.event({writer.instr(), Transfer{0, below(1 << 16), TransferSource::disk, Bytes(below(9000))}});
    }

    std::mt19937_64 random_;
    MemoryModel model_;
    MemoryColumns memory_ = MemoryColumns::values;
    std::map<uint64_t, uint64_t> known_;  // address of a page to the fill's value
    uint32_t current_ = 0;
    uint64_t stack_ = 0x7ffd'0000'8000;
    uint64_t heap_ = 0x5555'0000'0000;
    uint64_t counter_ = 0;
    bool follows_ = false;  // the trace's blocks follow registers
    FollowedValues registers_{};
};

}  // namespace panda::trace_tests
