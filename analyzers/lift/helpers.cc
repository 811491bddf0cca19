#include "analyzers/lift/helpers.h"

#include <llvm/Bitcode/BitcodeReader.h>
#include <llvm/Support/Error.h>
#include <llvm/Support/MemoryBuffer.h>

#include <filesystem>

#include "common/error.h"

namespace panda::lift {

Helpers read_helpers(llvm::LLVMContext& context, const std::string& directory) {
    const std::string path = directory + "/helpers.bc";
    auto buffer = llvm::MemoryBuffer::getFile(path);
    if (!buffer)
        throw FileError(path, "cannot be read: " + buffer.getError().message());
    auto module = llvm::getOwningLazyBitcodeModule(std::move(*buffer), context);
    if (!module)
        throw FileError(path, "is not LLVM bitcode: " + llvm::toString(module.takeError()));
    return {std::move(*module), StateLayout::read(directory + "/state-layout")};
}

std::string default_helpers(const std::string& program_directory) {
    return (std::filesystem::path(program_directory).parent_path() / "libexec" / "panda" / "helpers")
        .string();
}

}  // namespace panda::lift
