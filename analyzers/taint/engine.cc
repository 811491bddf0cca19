#include "analyzers/taint/engine.h"

#include "analyzers/taint/block_run.h"

namespace panda::taint {

Engine::Engine(const trace::tcg::Dialect& dialect, const trace::BlockTable& blocks, const std::string& path,
               std::span<const std::byte> memory, const EngineOptions& options, const SetLimits& limits)
    : dialect_(dialect),
      blocks_(blocks),
      guest_(memory),
      options_(options),
      tags_(limits),
      rules_(tags_),
      state_(dialect),
      memory_(memory.size()),
      codes_(dialect, blocks, state_, path),
      limited_(limits.max_labels != 0),
      follows_instructions_(limited_),
      run_(std::make_unique<BlockRun>(*this)) {}

Engine::~Engine() = default;

void Engine::run(const Piece& piece) {
    run_->run(piece);
}

void Engine::mark_and_sweep() {
    memory_.for_each([this](uint64_t, ByteTaint taint) { tags_.mark(tag_of(taint)); });
    state_.for_each([this](int64_t, ByteTaint taint) { tags_.mark(tag_of(taint)); });
    tags_.sweep();
}

}  // namespace panda::taint
