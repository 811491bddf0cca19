#include "analyzers/memory/memory_report.h"

#include <algorithm>

#include "analyzers/names/place_json.h"
#include "common/error.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace panda::analyze_memory {
namespace {

trace::AddressSpace space_of(const trace::Moment& moment, const Addressing& addressing) {
    return {moment.memory(), addressing.asid.value_or(moment.cpu().cr3), trace::paging_of(moment.cpu())};
}

// The physical address behind `address`.
uint64_t translate(const trace::Moment& moment, const Addressing& addressing, uint64_t address) {
    if (addressing.physical)
        return address;
    const auto physical = space_of(moment, addressing).translate(address);
    if (!physical)
        throw Error("no page is mapped at " + hex(address) + " at instr " + std::to_string(moment.instr()));
    return *physical;
}

}  // namespace

const char* kind_name(trace::WriteKind kind) {
    switch (kind) {
        case trace::WriteKind::store:
            return "store";
        case trace::WriteKind::helper:
            return "processor";  // an interrupt's frame, fxsave …
        case trace::WriteKind::table_write:
            return "page-walker";
        case trace::WriteKind::transfer:
            return "device";
    }
    return "";
}

namespace {

// Pieces of guest pages, from the lowest: function(address, size).
template <typename Function>
void for_each_page(uint64_t address, uint64_t size, const Function& function) {
    while (size != 0) {
        const uint64_t part = std::min(size, trace::page_size - address % trace::page_size);
        function(address, part);
        address += part;
        size -= part;
    }
}

}  // namespace

const trace::Device* device_of(const trace::Write& write, const trace::TraceHeader& header) {
    return write.device == 0 || write.device > header.devices.size() ? nullptr
                                                                     : &header.devices[write.device - 1];
}

Bytes read_memory(const trace::Moment& moment, const Addressing& addressing, uint64_t address,
                  uint64_t size) {
    constexpr uint64_t max_size = uint64_t{1} << 30;
    if (size > max_size)
        throw UsageError("at most 1 GiB can be read at once");
    Bytes bytes;
    for_each_page(address, size, [&](uint64_t page, uint64_t part) {
        const uint64_t physical = translate(moment, addressing, page);
        bytes.resize(bytes.size() + part);
        if (!moment.memory().read(physical, std::span(bytes).last(part)))
            throw Error("there is no memory at " + hex(page) +
                        (addressing.physical ? "" : " (physical " + hex(physical) + ")"));
    });
    return bytes;
}

void write_hex_dump(std::ostream& out, uint64_t address, std::span<const std::byte> bytes) {
    constexpr size_t width = 16;
    for (size_t begin = 0; begin < bytes.size(); begin += width) {
        const auto row = bytes.subspan(begin, std::min(width, bytes.size() - begin));
        out << hex_digits(address + begin, 16) << ' ';
        std::string characters;
        for (size_t i = 0; i < width; ++i) {
            out << (i == 8 ? "  " : " ") << (i < row.size() ? hex_bytes(row.subspan(i, 1)) : "  ");
            if (i < row.size()) {
                const auto byte = std::to_integer<unsigned>(row[i]);
                characters += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '.';
            }
        }
        out << "  |" << characters << "|\n";
    }
}

void write_json(std::ostream& out, uint64_t instr, uint64_t address, std::span<const std::byte> bytes) {
    write_json_line(
        out, {{"kind", "memory"}, {"instr", instr}, {"address", hex(address)}, {"data", hex_bytes(bytes)}});
}

std::vector<trace::MemoryPiece> pieces_at(const trace::Moment& moment, const Addressing& addressing,
                                          uint64_t address, uint64_t size) {
    if (size == 0)
        throw UsageError("the length must be at least 1");
    std::vector<trace::MemoryPiece> pieces;
    for_each_page(address, size, [&](uint64_t page, uint64_t part) {
        const uint64_t physical = translate(moment, addressing, page);
        const trace::MappedRange* range =
            moment.memory().maps().empty() ? nullptr : trace::find_range(moment.memory().maps()[0], physical);
        if (range == nullptr)
            throw Error("there is no memory at " + hex(page));
        const uint64_t offset = physical - range->address;
        pieces.push_back({range->block, range->block_offset + offset, std::min(part, range->size - offset)});
    });
    return pieces;
}

trace::LastWrite find_last_write(trace::TraceReader& reader, const Addressing& addressing, uint64_t address,
                                 uint64_t size, uint64_t before) {
    const trace::Moment moment(reader, before);
    std::optional<trace::LastWrite> last;
    for (const trace::MemoryPiece& piece : pieces_at(moment, addressing, address, size)) {
        const trace::LastWrite found = trace::find_last_write(reader, piece, before);
        if (!last || (found.write && (!last->write || last->write->instr <= found.write->instr)))
            last = found;
    }
    return *last;
}

void write_text(std::ostream& out, const trace::LastWrite& last, const trace::TraceHeader& header,
                const std::optional<osi::Place>& name) {
    if (!last.write) {
        out << "not written since instr " << last.searched_from << '\n';
        return;
    }
    const trace::Write& write = *last.write;
    if (write.kind == trace::WriteKind::transfer) {
        const trace::Device* device = device_of(write, header);
        out << "instr " << write.instr << "  device" << (device == nullptr ? "" : " " + device->model)
            << (device == nullptr || device->place.empty() ? "" : " " + device->place) << "  " << write.size
            << " bytes\n";
        return;
    }
    out << "instr " << write.instr << "  pc " << hex(write.pc) << (name ? "  " + osi::to_text(*name) : "")
        << "  " << kind_name(write.kind) << "  address " << hex(write.address) << "  " << write.size
        << " bytes  value "
        << (write.size > 8 ? hex(write.value_high) + hex_digits(write.value, 16) : hex(write.value)) << '\n';
}

void write_json(std::ostream& out, const trace::LastWrite& last, const trace::TraceHeader& header,
                const std::optional<osi::Place>& name) {
    Json object = {{"kind", "last_write"},
                   {"found", last.write.has_value()},
                   {"searched_from", last.searched_from},
                   {"chunks_passed", last.chunks_passed},
                   {"chunks_decoded", last.chunks_decoded}};
    if (last.write) {
        const trace::Write& write = *last.write;
        object["instr"] = write.instr;
        object["by"] = kind_name(write.kind);
        if (write.kind != trace::WriteKind::transfer) {
            object["pc"] = hex(write.pc);
            object["address"] = hex(write.address);
            object["value"] = hex(write.value);
            if (write.size > 8)
                object["value_high"] = hex(write.value_high);
        }
        if (const trace::Device* device = device_of(write, header))
            object.update({{"device_model", device->model},
                           {"device_place", device->place},
                           {"device_kind", device->kind}});
        object["size"] = write.size;
        if (name)
            analyzers::add_place(object, *name);
    }
    write_json_line(out, object);
}

}  // namespace panda::analyze_memory
