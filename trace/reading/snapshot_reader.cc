#include "trace/reading/snapshot_reader.h"

#include "trace/format/schema_values.h"
#include "trace/limits.h"

namespace panda::trace {
namespace {

// Reads page numbers, which must ascend. page_count: pages of their memory block.
std::vector<uint32_t> read_pages(capnp::List<uint32_t>::Reader list, uint64_t page_count) {
    if (list.size() > max_pages_per_message)
        throw Error("has more pages than a message can");
    std::vector<uint32_t> pages;
    for (const uint32_t page : list) {
        if (page >= page_count || (!pages.empty() && page <= pages.back()))
            throw Error("has a page that its memory block does not have, or has its pages out of order");
        pages.push_back(page);
    }
    return pages;
}

}  // namespace

Bytes PageGroup::load() const {
    return MessageView::guarded_parse(frame, path, [this] {
        if (pages.empty())
            return Bytes();
        if (content.raw_size != pages.size() * page_size)
            throw Error("does not hold the pages that it says");
        return decode_column(content, schema::Coding::RAW, content.raw_size);
    });
}

SnapshotReader::SnapshotReader(const MessageView& view, const std::string& path, const TraceHeader& header,
                               const std::vector<MemoryMap>& maps, bool keep_pages)
    : path_(path), header_(header), keep_pages_(keep_pages) {
    view.parse([&](schema::Message::Reader message) {
        const auto in = message.getSnapshot();
        snapshot_.number = in.getNumber();
        snapshot_.instr = in.getInstr();
        snapshot_.kind = get_snapshot_kind(in.getKind());
        snapshot_.cpu = get_cpu_state(in.getCpu());
        if (in.getMemoryMaps().size() > max_physical_address_spaces)
            throw Error("lists more address spaces than a snapshot can");
        for (const uint32_t number : in.getMemoryMaps()) {
            if (number > maps.size())
                throw Error("names a memory map that does not stand before it");
            MemoryMap none{static_cast<uint32_t>(snapshot_.memory_maps.size()), {}};
            snapshot_.memory_maps.push_back(number == 0 ? std::move(none) : maps[number - 1]);
        }
    });
    snapshot_.file_bytes = view.frame().bytes.size();
}

bool SnapshotReader::add(const MessageView& view) {
    snapshot_.file_bytes += view.frame().bytes.size();
    return view.parse([&](schema::Message::Reader message) {
        if (message.isPages()) {
            add_pages(message.getPages(), view.frame());
            return false;
        }
        if (!message.isSnapshotEnd())
            throw Error("stands inside a snapshot");
        check_end(message.getSnapshotEnd());
        return true;
    });
}

void SnapshotReader::add_pages(schema::Pages::Reader in, const Frame& frame) {
    if (in.getSnapshot() != snapshot_.number || in.getBlock() >= header_.memory_blocks.size())
        throw Error("belongs to another snapshot, or to no memory block");
    const uint64_t page_count = header_.memory_blocks[in.getBlock()].size / page_size;
    PageGroup group{frame,
                    path_,
                    in.getBlock(),
                    read_pages(in.getPages(), page_count),
                    read_pages(in.getZeroPages(), page_count),
                    {}};
    const auto columns = read_columns(in.getContent());
    const ColumnView* content = find_column(columns, schema::ColumnId::PAGES);
    if ((content == nullptr) != group.pages.empty())
        throw Error("does not hold the pages that it says");
    if (content != nullptr)
        group.content = *content;
    snapshot_.page_count += group.pages.size() + group.zero_pages.size();
    ++message_count_;
    if (keep_pages_)
        groups_.push_back(std::move(group));
}

void SnapshotReader::check_end(schema::SnapshotEnd::Reader end) const {
    if (end.getSnapshot() != snapshot_.number || end.getPageCount() != snapshot_.page_count ||
        end.getMessageCount() != message_count_)
        throw Error("ends a snapshot that lacks some of its pages");
}

Snapshot SnapshotReader::take() {
    snapshot_.groups_ = std::make_shared<const std::vector<PageGroup>>(std::move(groups_));
    return std::move(snapshot_);
}

}  // namespace panda::trace
