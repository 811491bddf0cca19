// Writes a part of a recording as a recording of its own, while the whole one is replayed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "recorder/format/writer.h"
#include "replayer/engine/replayer.h"

namespace panda::engine {

struct CutOptions {
    std::string file;  // empty: nothing is cut
    IfExists if_exists = IfExists::refuse;
    uint64_t from = 0;                // instr
    std::optional<uint64_t> to = {};  // nothing: to the recording's end
};

// At `from` the replay starts over as the replay of the part will, so that the two do the same to the last bit: empty
// TLBs, for example, mark pages as accessed that the whole recording's did not mark again. From there on the entries that
// the replay takes are those of the part. What stands at `to` itself belongs to what comes after the part.
class Cutter final : public ReplayObserver {
  public:
    // replayer: must outlive this, and has this as an observer. Throws FileError when the file cannot be created.
    Cutter(const CutOptions& options, Replayer& replayer);

    void applying(const recording::Entry&) override {}
    void checked(uint64_t) override {}
    void reached() override;
    // The replay is over. Throws Error when it ended before the part's end, and FileError when the file cannot be
    // written.
    void finish();

  private:
    void begin();
    void end();
    recording::Facts facts() const;

    const CutOptions options_;
    Replayer& replayer_;
    std::unique_ptr<recording::RecordingWriter> writer_;
    recording::Position begin_;
    uint64_t first_ = 0;  // number of the part's first entry in the log
    bool begun_ = false;
    bool ended_ = false;
};

}  // namespace panda::engine
