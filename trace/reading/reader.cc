#include "trace/reading/reader.h"

#include "trace/format/message_source.h"
#include "trace/format/schema_values.h"
#include "trace/reading/definition_reader.h"
#include "trace/reading/index_reader.h"
#include "trace/reading/snapshot_reader.h"

namespace panda::trace {
namespace {

TraceHeader read_header(MessageSource& source) {
    const auto frame = source.next();
    if (!frame)
        throw FileError(source.path(), source.cut_short().empty()
                                           ? "is empty, not a trace"
                                           : "is not a trace, or only the beginning of one");
    const MessageView view(*frame, source.path());
    return view.parse([](schema::Message::Reader message) {
        if (!message.isHeader())
            throw Error("is not the header of a trace");
        return get_header(message.getHeader());
    });
}

}  // namespace

class TraceReader::Impl {
  public:
    Impl(std::unique_ptr<MessageSource> source, const ReaderOptions& options)
        : options_(options),
          source_(std::move(source)),
          file_(dynamic_cast<const MappedSource*>(source_.get())),
          header_(read_header(*source_)),
          definitions_(header_, options.tcg) {
        if (file_ != nullptr) {
            found_ = read_index(*file_);
            has_index_ = found_.has_value();
        }
    }

    std::optional<TraceItem> next() {
        while (const auto frame = source_->next()) {
            const MessageView view(*frame, source_->path());
            if (ended_)
                throw place(view, "stands behind the end of the trace");
            switch (view.which()) {
                case schema::Message::HEADER:
                    throw place(view, "is a second header");
                case schema::Message::DEFINITIONS:
                case schema::Message::MEMORY_MAP:
                    definitions_.add(view);
                    break;
                case schema::Message::CHUNK:
                    return Chunk(view, source_->path());
                case schema::Message::SNAPSHOT:
                    if (auto snapshot = read_snapshot(*source_, view, options_.snapshots)) {
                        if (options_.snapshots)
                            return std::move(*snapshot);
                    }
                    break;
                case schema::Message::PAGES:
                case schema::Message::SNAPSHOT_END:
                    throw place(view, "belongs to a snapshot that is not before it");
                case schema::Message::INDEX:
                    break;
                case schema::Message::END:
                    ended_ = true;
                    break;
                default:  // a message of a newer version
                    break;
            }
        }
        exhausted_ = true;
        return std::nullopt;
    }

    // What next() found is more reliable than the index: a damaged length can hide the messages after it.
    std::string flaw() {
        if (exhausted_)
            return ended_ ? std::string() : describe_flaw(*source_);
        if (file_ == nullptr)
            throw Error("whether a trace from a pipe is whole is known only at its end");
        return found().flaw;
    }

    const FileContents& found() {
        if (!found_)
            found_ = scan(file(), header_.first_instr);
        return *found_;
    }

    Chunk chunk(size_t number) {
        const ChunkEntry& entry = at(found().contents.chunks, number, "chunk");
        const MessageView view(file().at(entry.offset), source_->path());
        if (view.which() != schema::Message::CHUNK)
            throw place(view, "should be a chunk, but is not");
        Chunk chunk(view, source_->path());
        const ChunkSummary& summary = chunk.summary();
        if (summary.first_instr != entry.first_instr || summary.instr_count != entry.instr_count)
            throw place(view, "is not the chunk that the index says it is");
        load_blocks(summary.definition_count);
        return chunk;
    }

    Snapshot snapshot(size_t number) {
        const SnapshotEntry& entry = at(found().contents.snapshots, number, "snapshot");
        load_memory_maps();
        MappedSource source(file());
        source.seek(entry.offset);
        const auto frame = source.next();
        if (!frame)
            throw FileError(source_->path(), "the index names a snapshot behind the end of the file");
        const MessageView view(*frame, source_->path());
        if (view.which() != schema::Message::SNAPSHOT)
            throw place(view, "should be a snapshot, but is not");
        auto snapshot = read_snapshot(source, view, true);
        if (!snapshot || snapshot->number != number || snapshot->instr != entry.instr ||
            snapshot->kind != entry.kind)
            throw place(view, "is not the snapshot that the index says it is, or is not whole");
        return std::move(*snapshot);
    }

    // Reads definitions until there are `count` blocks, or no more definitions.
    void load_blocks(uint32_t count) {
        std::vector<Frame> frames;
        uint32_t size = blocks().size();
        for (const DefinitionsEntry& entry : found().contents.definitions) {
            if (size >= count)
                break;
            if (uint64_t{entry.first_id} + entry.count > size) {
                frames.push_back(file().at(entry.offset));
                size = entry.first_id + entry.count;
            }
        }
        constexpr size_t many = 64;
        if (frames.size() >= many) {
            definitions_.add_all(frames, source_->path(), size);
            return;
        }
        for (const Frame& frame : frames)
            definitions_.add(MessageView(frame, source_->path()));
    }

    void load_memory_maps() {
        const auto& offsets = found().contents.memory_maps;
        while (memory_maps().size() < offsets.size()) {
            const size_t before = memory_maps().size();
            definitions_.add(MessageView(file().at(offsets[before]), source_->path()));
            if (memory_maps().size() == before)
                throw FileError(source_->path(), "the index names a memory map where there is none");
        }
    }

    const MappedSource& file() const {
        if (file_ == nullptr)
            throw FileError(source_->path(), "comes from a pipe, which can only be read in order");
        return *file_;
    }

    const TraceHeader& header() const { return header_; }
    const BlockTable& blocks() const { return definitions_.blocks(); }
    const std::vector<MemoryMap>& memory_maps() const { return definitions_.memory_maps(); }
    const std::string& path() const { return source_->path(); }
    bool seekable() const { return file_ != nullptr; }
    bool has_index() const { return has_index_; }

  private:
    FileError place(const MessageView& view, const std::string& reason) const {
        return {source_->path(), "message at offset " + std::to_string(view.frame().offset), reason};
    }

    template <typename Entry>
    const Entry& at(const std::vector<Entry>& entries, size_t number, const char* what) const {
        if (number >= entries.size())
            throw FileError(source_->path(), "has no " + std::string(what) + " " + std::to_string(number));
        return entries[number];
    }

    // Reads the snapshot that starts with `view`, from the messages that follow; nothing if it is cut short.
    std::optional<Snapshot> read_snapshot(MessageSource& source, const MessageView& view,
                                          bool keep_pages) const {
        SnapshotReader reader(view, source_->path(), header_, memory_maps(), keep_pages);
        while (const auto frame = source.next()) {
            if (reader.add(MessageView(*frame, source_->path())))
                return reader.take();
        }
        return std::nullopt;
    }

    ReaderOptions options_;
    std::unique_ptr<MessageSource> source_;
    const MappedSource* file_;  // source_ if it is a file, else null
    TraceHeader header_;
    DefinitionReader definitions_;
    std::optional<FileContents> found_;
    bool has_index_ = false;
    bool ended_ = false;      // next() has read the end message
    bool exhausted_ = false;  // next() has returned nothing
};

TraceReader::TraceReader(const std::string& path, const ReaderOptions& options)
    : impl_(std::make_unique<Impl>(MessageSource::open(path), options)) {}
TraceReader::TraceReader(std::string name, std::span<const std::byte> bytes, const ReaderOptions& options)
    : impl_(
          std::make_unique<Impl>(std::make_unique<MappedSource>(std::move(name), bytes, nullptr), options)) {}
TraceReader::~TraceReader() = default;

const std::string& TraceReader::path() const {
    return impl_->path();
}
const TraceHeader& TraceReader::header() const {
    return impl_->header();
}
const BlockTable& TraceReader::blocks() const {
    return impl_->blocks();
}
const std::vector<MemoryMap>& TraceReader::memory_maps() const {
    return impl_->memory_maps();
}
std::optional<TraceItem> TraceReader::next() {
    return impl_->next();
}
bool TraceReader::whole() {
    return impl_->flaw().empty();
}
std::string TraceReader::flaw() {
    return impl_->flaw();
}
void TraceReader::require_whole() {
    if (const std::string flaw = impl_->flaw(); !flaw.empty())
        throw FileError(impl_->path(), flaw);
}
bool TraceReader::seekable() const {
    return impl_->seekable();
}
bool TraceReader::has_index() const {
    return impl_->has_index();
}
const Contents& TraceReader::contents() {
    return impl_->found().contents;
}
uint64_t TraceReader::end_instr() {
    return impl_->found().end_instr;
}
Chunk TraceReader::chunk(size_t number) {
    return impl_->chunk(number);
}
Snapshot TraceReader::snapshot(size_t number) {
    return impl_->snapshot(number);
}
GuestMemory TraceReader::memory_at(size_t snapshot_number) {
    size_t first = snapshot_number;
    const auto& snapshots = contents().snapshots;
    while (first > 0 && first < snapshots.size() && snapshots[first].kind == SnapshotKind::changed)
        --first;
    GuestMemory memory(header(), GuestMemory::Source::mapped);
    for (; first <= snapshot_number; ++first)
        memory.apply(impl_->snapshot(first));
    return memory;
}
void TraceReader::load_blocks() {
    impl_->load_blocks(~uint32_t{0});
    impl_->load_memory_maps();
}

}  // namespace panda::trace
