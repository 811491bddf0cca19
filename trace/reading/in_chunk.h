// Adds the place in the trace to an error. Internal.
#pragma once

#include <string>
#include <utility>

#include "common/error.h"
#include "trace/reading/chunk.h"

namespace panda::trace {

// Calls function(), which works on `chunk` of the trace at `path`, and returns what it returns. An Error that
// names no file yet becomes a FileError that names the trace and the chunk.
template <typename Function>
auto in_chunk(const std::string& path, const Chunk& chunk, Function&& function) {
    try {
        return std::forward<Function>(function)();
    } catch (const FileError&) {
        throw;
    } catch (const Error& error) {
        throw FileError(path, "chunk at instr " + std::to_string(chunk.summary().first_instr), error.what());
    }
}

}  // namespace panda::trace
