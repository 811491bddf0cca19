#include "trace/edit/recover.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "common/checksum.h"
#include "trace/contents.h"
#include "trace/format/message_source.h"
#include "trace/format/schema_values.h"
#include "trace/reading/chunk.h"
#include "trace/reading/definition_reader.h"
#include "trace/reading/index_reader.h"
#include "trace/reading/snapshot_reader.h"
#include "trace/writing/index_writer.h"

namespace panda::trace {
namespace {

// Without this check, the new file could be opened, and reading the column would fail.
void check_columns(capnp::List<schema::Column>::Reader columns) {
    for (const ColumnView& column : read_columns(columns))
        if (checksum(column.data) != column.checksum)
            throw Error("column " + std::to_string(column.id) + " is damaged (its checksum is wrong)");
}

MessageView read_header_message(MessageSource& source) {
    const auto frame = source.next();
    if (!frame)
        throw FileError(source.path(), "does not hold the header of a trace, so nothing can be recovered");
    return {*frame, source.path()};
}

TraceHeader parse_header(const MessageView& view) {
    return view.parse([](schema::Message::Reader message) {
        if (!message.isHeader())
            throw Error("is not the header of a trace");
        return get_header(message.getHeader());
    });
}

class Recoverer {
  public:
    Recoverer(MessageSource& source, const std::string& output, IfExists if_exists)
        : source_(source),
          header_view_(read_header_message(source)),
          header_(parse_header(header_view_)),
          definitions_(header_),
          file_(output, if_exists) {
        result_.first_instr = result_.end_instr = header_.first_instr;
    }

    Recovery run() {
        copy({header_view_.frame()});
        // A failure of the source ends the recovery; a failure to write (a full disk) makes it fail.
        while (const auto frames = next())
            copy(*frames);
        write_index_and_end(file_, contents_, result_.end_instr);
        result_.bytes_written = file_.offset();
        file_.close();
        result_.chunks = contents_.chunks.size();
        result_.snapshots = contents_.snapshots.size();
        result_.definitions = definitions_.blocks().size();
        return std::move(result_);
    }

  private:
    using Frames = std::vector<Frame>;

    // Reads the next message, and returns the frames that can be copied now; nothing if there are no more.
    std::optional<Frames> next() {
        try {
            const auto frame = source_.next();
            if (frame && !ended_)
                return take(MessageView(*frame, source_.path()));
            if (!ended_)
                result_.flaw = describe_flaw(source_);
        } catch (const FileError& error) {
            result_.flaw = error.what();
        }
        return std::nullopt;
    }

    Frames take(const MessageView& view) {
        if (snapshot_)
            return take_snapshot_part(view);
        switch (view.which()) {
            case schema::Message::HEADER:
            case schema::Message::PAGES:
            case schema::Message::SNAPSHOT_END:
                throw misplaced(view);
            case schema::Message::DEFINITIONS:
            case schema::Message::MEMORY_MAP:
                take_definitions(view);
                break;
            case schema::Message::CHUNK:
                take_chunk(view);
                break;
            case schema::Message::SNAPSHOT:
                snapshot_.emplace(view, source_.path(), header_, definitions_.memory_maps(), false);
                snapshot_frames_ = {view.frame()};
                return {};
            case schema::Message::INDEX:
                return {};  // its offsets are those of the old file
            case schema::Message::END:
                take_end(view);
                return {};
            default:  // a message of a newer version
                break;
        }
        return {view.frame()};
    }

    void take_definitions(const MessageView& view) {
        definitions_.add(view);
        view.parse([&](schema::Message::Reader message) {
            if (message.isDefinitions())
                contents_.definitions.push_back({file_.offset(), message.getDefinitions().getFirstId(),
                                                 message.getDefinitions().getCount()});
            else
                contents_.memory_maps.push_back(file_.offset());
        });
    }

    void take_chunk(const MessageView& view) {
        const ChunkSummary summary = Chunk(view, source_.path()).summary();
        view.parse([&](schema::Message::Reader message) {
            if (summary.definition_count > definitions_.blocks().size())
                throw Error("needs blocks that are not defined before it");
            if (summary.first_instr < result_.end_instr ||
                summary.first_instr + summary.instr_count < summary.first_instr)
                throw Error("goes back in time");
            check_columns(message.getChunk().getColumns());
        });
        contents_.chunks.push_back({file_.offset(), summary.first_instr, summary.instr_count,
                                    summary.block_count, summary.event_count});
        result_.end_instr = summary.first_instr + summary.instr_count;
    }

    void take_end(const MessageView& view) {
        ended_ = true;
        view.parse([this](schema::Message::Reader message) {
            result_.end_instr = std::max(result_.end_instr, message.getEnd().getInstrEnd());
        });
    }

    Frames take_snapshot_part(const MessageView& view) {
        const bool whole = snapshot_->add(view);
        if (view.which() == schema::Message::PAGES)
            view.parse(
                [](schema::Message::Reader message) { check_columns(message.getPages().getContent()); });
        snapshot_frames_.push_back(view.frame());
        if (!whole)
            return {};
        const Snapshot snapshot = snapshot_->take();
        snapshot_.reset();
        if (snapshot.number != contents_.snapshots.size())
            throw misplaced(view);
        contents_.snapshots.push_back({file_.offset(), snapshot.instr, snapshot.kind});
        return std::exchange(snapshot_frames_, {});
    }

    void copy(const Frames& frames) {
        for (const Frame& frame : frames) {
            file_.write(frame.bytes);
            result_.bytes_read = frame.offset + frame.bytes.size();
        }
    }

    FileError misplaced(const MessageView& view) const {
        return {source_.path(), "message at offset " + std::to_string(view.frame().offset),
                "is out of place"};
    }

    MessageSource& source_;
    MessageView header_view_;
    TraceHeader header_;
    DefinitionReader definitions_;
    OutputFile file_;
    Contents contents_;  // of the new file
    std::optional<SnapshotReader> snapshot_;
    Frames snapshot_frames_;  // of snapshot_
    bool ended_ = false;
    Recovery result_;
};

}  // namespace

Recovery recover(const std::string& path, const std::string& output, IfExists if_exists) {
    const auto source = MessageSource::open(path);
    return Recoverer(*source, output, if_exists).run();
}

}  // namespace panda::trace
