#include "analyzers/lift/runner.h"

#include <llvm/ExecutionEngine/Orc/CompileOnDemandLayer.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/Support/TargetSelect.h>

#include <csetjmp>
#include <cstring>
#include <map>
#include <optional>
#include <set>

#include "common/error.h"

namespace panda::lift {
namespace {

// For the thread that runs a block: what the functions of the door, which are called from compiled code, work on.
struct Running {
    Guest* guest = nullptr;
    std::string missing;
    std::jmp_buf leave;  // longjmp(…, 1 + Left)
};
thread_local Running running;

constexpr int after_leaving(Left left) {
    return 1 + static_cast<int>(left);
}

[[noreturn]] void leave(Left left) {
    std::longjmp(running.leave, after_leaving(left));
}

unsigned size_of(uint32_t packed) {
    return trace::tcg::MemoryAccess{packed}.size();
}

// --- What compiled code calls: recorder/qemu/helpers/door.h ---

uint64_t load(void*, uint64_t address, uint32_t packed) {
    return running.guest->load(address, size_of(packed));
}

void store(void*, uint64_t address, uint64_t value, uint32_t packed) {
    running.guest->store(address, value, size_of(packed));
}

void load_wide(void*, uint64_t address, uint32_t, uint64_t* value) {
    const std::array<uint64_t, 2> halves = running.guest->load_wide(address);
    value[0] = halves[0];
    value[1] = halves[1];
}

void store_wide(void*, uint64_t address, uint64_t low, uint64_t high, uint32_t) {
    running.guest->store_wide(address, {low, high});
}

uint64_t input(int kind, unsigned size, uint64_t address, uint64_t* second) {
    uint64_t ignored = 0;
    return running.guest->input(kind, size, address, second == nullptr ? ignored : *second);
}

void branch(uint32_t taken) {
    running.guest->branch(taken != 0);
}

void leave_block() {
    leave(Left::by_exception);
}

void missing_named(const char* name) {
    // GLib's g_assert_not_reached() has no text.
    running.missing = name == nullptr ? "a way that the emulator never goes" : name;
    leave(Left::at_missing);
}

// Stands for the emulator's variables that the bitcode lacks.
alignas(16) std::byte missing_variable[4096];

// Has the functions of a module call lift_branch() at each conditional branch.
void tell_branches(llvm::Module& module) {
    llvm::IRBuilder<> builder(module.getContext());
    const auto tell = module.getOrInsertFunction("lift_branch", builder.getVoidTy(), builder.getInt32Ty());
    for (llvm::Function& function : module)
        for (llvm::BasicBlock& block : function) {
            auto* branch = llvm::dyn_cast<llvm::BranchInst>(block.getTerminator());
            if (branch == nullptr || !branch->isConditional())
                continue;
            builder.SetInsertPoint(branch);
            builder.CreateCall(tell, {builder.CreateZExt(branch->getCondition(), builder.getInt32Ty())});
        }
}

template <typename T>
T checked(llvm::Expected<T> result) {
    if (!result)
        throw Error("LLVM: " + llvm::toString(result.takeError()));
    return std::move(*result);
}

void check(llvm::Error error) {
    if (error)
        throw Error("LLVM: " + llvm::toString(std::move(error)));
}

template <typename Function>
llvm::orc::ExecutorSymbolDef symbol(Function* function) {
    return {llvm::orc::ExecutorAddr::fromPtr(function), llvm::JITSymbolFlags::Exported};
}

// Where floating point and vectors lie in QEMU's state.
struct FloatingPlaces {
    FloatingPlaces() = default;
    explicit FloatingPlaces(const StateLayout& layout)
        : top(layout.offset("fpstt")),
          status(layout.offset("fpus")),
          control(layout.offset("fpuc")),
          empty(layout.offset("fptags[0]")),
          registers(layout.offset("fpregs[0].d.low")),
          register_step(layout.offset("fpregs[1].d.low") - registers),
          vectors(layout.offset("xmm_regs[0]._q_ZMMReg[0]")),
          vector_step(layout.offset("xmm_regs[1]._q_ZMMReg[0]") - vectors),
          xcr0(layout.offset("xcr0")),
          pkru(layout.offset("pkru")) {}
    int64_t top = 0, status = 0, control = 0, empty = 0, registers = 0, register_step = 0, vectors = 0,
            vector_step = 0, xcr0 = 0, pkru = 0;
};

}  // namespace

class Runner::Impl {
  public:
    Impl(LiftedBlocks& blocks, Level level, bool branches)
        : blocks_(blocks), level_(level), branches_(branches) {
        llvm::InitializeNativeTarget();
        llvm::InitializeNativeTargetAsmPrinter();
        llvm::InitializeNativeTargetAsmParser();  // QEMU asks the processor for wide division
        auto machine = checked(llvm::orc::JITTargetMachineBuilder::detectHost());
        machine.setCodeGenOptLevel(level == Level::none ? llvm::CodeGenOptLevel::None
                                                        : llvm::CodeGenOptLevel::Less);
        jit_ = checked(llvm::orc::LLLazyJITBuilder().setJITTargetMachineBuilder(std::move(machine)).create());
        jit_->setPartitionFunction(llvm::orc::CompileOnDemandLayer::compileRequested);
        add_door();
        add_helpers();
        object_.resize(object_size_());
        state_ = static_cast<std::byte*>(state_of_(object_.data()));
        initialize_(state_);
        floating_ = FloatingPlaces(blocks.layout());
        flags_form_ = blocks.layout().offset("cc_op");
    }

    void compile(std::span<const uint32_t> ids) {
        std::vector<uint32_t> fresh;
        for (const uint32_t id : ids) {
            if (id >= functions_.size())
                functions_.resize(id + 1);
            if (functions_[id] == nullptr)
                fresh.push_back(id);
        }
        if (fresh.empty())
            return;
        auto module = blocks_.lift(fresh);
        add(std::move(module));
        for (const uint32_t id : fresh)
            functions_[id] = look_up<uint32_t(void*)>(block_name(id));
    }

    uint32_t (*function(uint32_t id))(void*) { return functions_[id]; }

    // The first instructions of a block, and the form of the flags after them.
    struct Cut {
        uint32_t (*function)(void*) = nullptr;
        std::optional<uint32_t> flags_form;
    };
    const Cut& cut(uint32_t id, uint32_t instructions) {
        Cut& cut = cuts_[{id, instructions}];
        if (cut.function == nullptr) {
            auto module = blocks_.lift_cut(id, instructions);
            add(std::move(module));
            cut.flags_form = blocks_.flags_form(id, instructions);
            cut.function = look_up<uint32_t(void*)>(cut_name(id, instructions));
        }
        return cut;
    }

    std::byte* state_ = nullptr;
    uint64_t (*get_flags_)(const void*) = nullptr;
    void (*set_flags_)(void*, uint64_t) = nullptr;
    void (*set_mode_)(void*, uint64_t) = nullptr;
    int (*exception_)(const void*) = nullptr;
    void (*set_floating_control_)(void*, uint32_t, uint32_t) = nullptr;
    uint32_t (*get_mxcsr_)(void*) = nullptr;
    FloatingPlaces floating_;
    int64_t flags_form_ = 0;  // where cc_op is

  private:
    void add(std::unique_ptr<llvm::Module> module) {
        if (branches_)
            tell_branches(*module);
        optimize(*module, level_);
        check(jit_->addIRModule(llvm::orc::ThreadSafeModule(std::move(module), blocks_.shared_context())));
    }

    template <typename Function>
    Function* look_up(const std::string& name) {
        return checked(jit_->lookup(name)).template toPtr<Function*>();
    }

    void define(llvm::orc::SymbolMap symbols) {
        check(jit_->getMainJITDylib().define(llvm::orc::absoluteSymbols(std::move(symbols))));
    }

    void add_door() {
        const auto name = [this](const char* text) { return jit_->mangleAndIntern(text); };
        define({{name("lift_load"), symbol(load)},
                {name("lift_store"), symbol(store)},
                {name("lift_load_wide"), symbol(load_wide)},
                {name("lift_store_wide"), symbol(store_wide)},
                {name("lift_input"), symbol(input)},
                {name("lift_branch"), symbol(branch)},
                {name("lift_leave"), symbol(leave_block)},
                {name("lift_missing"), symbol(missing_named)}});
    }

    // Gives what the bitcode declares, and neither it nor the C library has, a body that says so.
    void add_missing(llvm::Module& module) {
        static const std::set<std::string> of_library = {"sin",   "cos",    "tan",    "sqrt",
                                                         "sqrtf", "memset", "memcpy", "memmove"};
        llvm::IRBuilder<> builder(module.getContext());
        const auto tell = module.getOrInsertFunction("lift_missing", builder.getVoidTy(), builder.getPtrTy());
        llvm::orc::SymbolMap symbols;
        for (llvm::Function& function : module) {
            const std::string name = function.getName().str();
            if (!function.isDeclaration() || function.isIntrinsic() || name.starts_with("lift_") ||
                of_library.contains(name))
                continue;
            builder.SetInsertPoint(llvm::BasicBlock::Create(module.getContext(), "", &function));
            builder.CreateCall(tell, {builder.CreateGlobalString(name)});
            builder.CreateUnreachable();
        }
        for (const llvm::GlobalVariable& variable : module.globals()) {
            if (variable.isDeclaration())
                symbols[jit_->mangleAndIntern(variable.getName())] = symbol(&missing_variable[0]);
        }
        define(std::move(symbols));
    }

    void add_helpers() {
        auto& library = jit_->getMainJITDylib();
        library.addGenerator(checked(llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
            jit_->getDataLayout().getGlobalPrefix())));
        Helpers helpers = blocks_.read_helpers_again();
        check(helpers.module->materializeAll());
        add_missing(*helpers.module);
        check(jit_->addLazyIRModule(
            llvm::orc::ThreadSafeModule(std::move(helpers.module), blocks_.shared_context())));
        object_size_ = look_up<uint64_t()>("lift_object_size");
        state_of_ = look_up<void*(void*)>("lift_state_of");
        initialize_ = look_up<void(void*)>("lift_initialize");
        get_flags_ = look_up<uint64_t(const void*)>("lift_get_flags");
        set_flags_ = look_up<void(void*, uint64_t)>("lift_set_flags");
        set_mode_ = look_up<void(void*, uint64_t)>("lift_set_mode");
        exception_ = look_up<int(const void*)>("lift_exception");
        get_mxcsr_ = look_up<uint32_t(void*)>("lift_get_mxcsr");
        set_floating_control_ = look_up<void(void*, uint32_t, uint32_t)>("lift_set_floating_control");
    }

    LiftedBlocks& blocks_;
    Level level_;
    bool branches_;
    std::unique_ptr<llvm::orc::LLLazyJIT> jit_;
    uint64_t (*object_size_)() = nullptr;
    void* (*state_of_)(void*) = nullptr;
    void (*initialize_)(void*) = nullptr;
    std::vector<std::byte> object_;
    std::vector<uint32_t (*)(void*)> functions_;         // by block
    std::map<std::pair<uint32_t, uint32_t>, Cut> cuts_;  // by block and number of instructions
};

Runner::Runner(LiftedBlocks& blocks, Level level, bool branches)
    : impl_(std::make_unique<Impl>(blocks, level, branches)), state_(impl_->state_) {}
Runner::~Runner() = default;

uint64_t Runner::flags() const {
    return impl_->get_flags_(impl_->state_);
}

void Runner::set_flags(uint64_t flags) {
    impl_->set_flags_(impl_->state_, flags);
}

void Runner::set_mode(uint64_t flags) {
    impl_->set_mode_(impl_->state_, flags);
}

trace::FloatingState Runner::floating() {
    const FloatingPlaces& places = impl_->floating_;
    trace::FloatingState floating;
    floating.control = get<uint16_t>(places.control);
    floating.status = get<uint16_t>(places.status);
    floating.top = static_cast<uint8_t>(get<uint32_t>(places.top) & 7);
    floating.empty = 0;
    for (size_t i = 0; i < floating.registers.size(); ++i) {
        const auto at = static_cast<int64_t>(i);
        floating.empty |= static_cast<uint8_t>((get<uint8_t>(places.empty + at) & 1) << i);
        std::memcpy(floating.registers[i].data(), state() + places.registers + at * places.register_step,
                    floating.registers[i].size());
    }
    floating.mxcsr = impl_->get_mxcsr_(impl_->state_);
    floating.xcr0 = get<uint64_t>(places.xcr0);
    floating.pkru = get<uint32_t>(places.pkru);
    for (size_t i = 0; i < floating.vectors.size(); ++i)
        std::memcpy(floating.vectors[i].data(),
                    state() + places.vectors + static_cast<int64_t>(i) * places.vector_step,
                    floating.vectors[i].size());
    return floating;
}

void Runner::set_floating(const trace::FloatingState& floating) {
    const FloatingPlaces& places = impl_->floating_;
    impl_->set_floating_control_(impl_->state_, floating.control, floating.mxcsr);
    set<uint16_t>(places.status, floating.status);
    set<uint32_t>(places.top, floating.top);
    for (size_t i = 0; i < floating.registers.size(); ++i) {
        const auto at = static_cast<int64_t>(i);
        set<uint8_t>(places.empty + at, floating.empty >> i & 1);
        std::memcpy(state() + places.registers + at * places.register_step, floating.registers[i].data(),
                    floating.registers[i].size());
    }
    set<uint64_t>(places.xcr0, floating.xcr0);
    set<uint32_t>(places.pkru, floating.pkru);
    for (size_t i = 0; i < floating.vectors.size(); ++i)
        std::memcpy(state() + places.vectors + static_cast<int64_t>(i) * places.vector_step,
                    floating.vectors[i].data(), floating.vectors[i].size());
}

void Runner::compile(std::span<const uint32_t> ids) {
    impl_->compile(ids);
}

namespace {

Left run_function(uint32_t (*function)(void*), std::byte* state, Guest& guest) {
    running.guest = &guest;
    // From here on nothing has a destructor, as longjmp demands.
    if (const int left = setjmp(running.leave); left != 0)
        return static_cast<Left>(left - 1);
    function(state);
    return Left::normally;
}

// PAUSE and HLT leave the loop that runs blocks as an exception does, with a number that no processor has (EXCP_INTERRUPT
// and EXCP_HLT of QEMU's exec/cpu-common.h). The instruction is over then.
constexpr int first_of_emulator = 0x10000;

}  // namespace

Left Runner::run(uint32_t id, Guest& guest) {
    const Left left = run_function(impl_->function(id), impl_->state_, guest);
    return left == Left::by_exception && impl_->exception_(impl_->state_) >= first_of_emulator
               ? Left::normally
               : left;
}

Left Runner::run_cut(uint32_t id, uint32_t instructions, Guest& guest) {
    const Impl::Cut& cut = impl_->cut(id, instructions);
    const Left left = run_function(cut.function, impl_->state_, guest);
    if (left == Left::normally && cut.flags_form)
        set<uint32_t>(impl_->flags_form_, *cut.flags_form);
    return left;
}

void Runner::stop() {
    leave(Left::stopped);
}

const std::string& Runner::missing() const {
    return running.missing;
}

}  // namespace panda::lift
