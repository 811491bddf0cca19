#include "analyzers/lift/runner.h"

#include <llvm/ExecutionEngine/Orc/CompileOnDemandLayer.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/Support/TargetSelect.h>

#include <csetjmp>
#include <cstring>
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

void leave_block() {
    leave(Left::by_exception);
}

void missing_named(const char* name) {
    running.missing = name;
    leave(Left::at_missing);
}

// Stands for each function of QEMU that the bitcode lacks.
void missing_function() {
    missing_named("a function of the emulator");
}

// Stands for its variables.
alignas(16) std::byte missing_variable[4096];

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

}  // namespace

class Runner::Impl {
  public:
    Impl(LiftedBlocks& blocks, Level level) : blocks_(blocks), level_(level) {
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
        optimize(*module, level_);
        check(jit_->addIRModule(llvm::orc::ThreadSafeModule(std::move(module), blocks_.shared_context())));
        for (const uint32_t id : fresh)
            functions_[id] = look_up<uint32_t(void*)>(block_name(id));
    }

    uint32_t (*function(uint32_t id))(void*) { return functions_[id]; }

    std::byte* state_ = nullptr;
    uint64_t (*get_flags_)(const void*) = nullptr;
    void (*set_flags_)(void*, uint64_t) = nullptr;
    void (*set_mode_)(void*, uint64_t) = nullptr;

  private:
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
                {name("lift_leave"), symbol(leave_block)},
                {name("lift_missing"), symbol(missing_named)}});
    }

    // What the bitcode declares and neither it nor the C library has.
    void add_missing(const llvm::Module& module) {
        static const std::set<std::string> of_library = {"sin",   "cos",    "tan",    "sqrt",
                                                         "sqrtf", "memset", "memcpy", "memmove"};
        llvm::orc::SymbolMap symbols;
        for (const llvm::Function& function : module) {
            const std::string name = function.getName().str();
            if (function.isDeclaration() && !function.isIntrinsic() && !name.starts_with("lift_") &&
                !of_library.contains(name))
                symbols[jit_->mangleAndIntern(name)] = symbol(missing_function);
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
    }

    LiftedBlocks& blocks_;
    Level level_;
    std::unique_ptr<llvm::orc::LLLazyJIT> jit_;
    uint64_t (*object_size_)() = nullptr;
    void* (*state_of_)(void*) = nullptr;
    void (*initialize_)(void*) = nullptr;
    std::vector<std::byte> object_;
    std::vector<uint32_t (*)(void*)> functions_;  // by block
};

Runner::Runner(LiftedBlocks& blocks, Level level) : impl_(std::make_unique<Impl>(blocks, level)) {}
Runner::~Runner() = default;

std::byte* Runner::state() {
    return impl_->state_;
}

uint64_t Runner::flags() const {
    return impl_->get_flags_(impl_->state_);
}

void Runner::set_flags(uint64_t flags) {
    impl_->set_flags_(impl_->state_, flags);
}

void Runner::set_mode(uint64_t flags) {
    impl_->set_mode_(impl_->state_, flags);
}

void Runner::compile(std::span<const uint32_t> ids) {
    impl_->compile(ids);
}

Left Runner::run(uint32_t id, Guest& guest) {
    const auto function = impl_->function(id);
    running.guest = &guest;
    // From here on nothing has a destructor, as longjmp demands.
    if (const int left = setjmp(running.leave); left != 0)
        return static_cast<Left>(left - 1);
    function(impl_->state_);
    return Left::normally;
}

void Runner::stop() {
    leave(Left::stopped);
}

const std::string& Runner::missing() const {
    return running.missing;
}

}  // namespace panda::lift
