#include "analyzers/memory/history.h"

#include <algorithm>

#include "analyzers/names/place_json.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace panda::analyze_memory {
namespace {

// Goes through one piece.
void search_piece(trace::TraceReader& reader, const HistoryQuery& query, const trace::MemoryPiece& piece,
                  SearchEffort& effort, const std::function<void(const trace::PieceAccess&)>& visit) {
    trace::AccessSearch search(reader, piece, query.what);
    if (query.previous) {
        if (const auto found = search.previous(query.range.to))
            visit(*found);
    } else {
        search.forward(query.range, [&](const trace::PieceAccess& access) {
            visit(access);
            return !query.next;
        });
    }
    effort.chunks_passed += search.chunks_passed();
    effort.chunks_decoded += search.chunks_decoded();
    effort.saw_gap |= search.saw_gap();
}

std::string value_text(const trace::Write& write) {
    return write.size > 8 ? hex(write.value_high) + hex_digits(write.value, 16) : hex(write.value);
}

}  // namespace

SearchEffort search_history(trace::TraceReader& reader, const HistoryQuery& query,
                            const std::function<void(const trace::PieceAccess&)>& visit) {
    SearchEffort effort;
    if (query.pieces.size() == 1) {
        search_piece(reader, query, query.pieces.front(), effort, visit);
        return effort;
    }
    std::vector<trace::PieceAccess> found;
    for (const trace::MemoryPiece& piece : query.pieces)
        search_piece(reader, query, piece, effort,
                     [&](const trace::PieceAccess& access) { found.push_back(access); });
    const auto earlier = [](const trace::PieceAccess& a, const trace::PieceAccess& b) {
        return a.access.instr < b.access.instr;
    };
    std::stable_sort(found.begin(), found.end(), earlier);
    if (query.next && !found.empty())
        found.resize(1);
    if (query.previous && !found.empty())
        found.erase(found.begin(), found.end() - 1);
    std::for_each(found.begin(), found.end(), visit);
    return effort;
}

const HistoryWriter::Who& HistoryWriter::who(const trace::PieceAccess& found) {
    const trace::Write& access = found.access;
    const auto [place, fresh] = known_.try_emplace({found.asid, access.pc});
    if (fresh && names_ != nullptr && names_->available()) {
        if (access.pc != 0)
            place->second.place = names_->find({access.instr, found.asid, access.pc});
        if (const auto process = names_->process_at(access.instr)) {
            place->second.process = process->name;
            place->second.pid = process->pid;
        }
    }
    return place->second;
}

void HistoryWriter::write(const trace::PieceAccess& access) {
    json_ ? write_json(access) : write_text(access);
}

void HistoryWriter::write_text(const trace::PieceAccess& found) {
    const trace::Write& access = found.access;
    out_ << "instr " << access.instr << (found.load ? "  read   " : "  write  ");
    if (access.kind == trace::WriteKind::transfer) {
        const trace::Device* device = device_of(access, header_);
        out_ << "device" << (device == nullptr ? "" : " " + device->model) << "  " << access.size
             << " bytes\n";
        return;
    }
    const Who& who = this->who(found);
    out_ << hex(access.address) << "  " << access.size << " bytes  value "
         << (found.value_known ? value_text(access) : "?") << "  pc " << hex(access.pc)
         << (who.place ? "  " + osi::to_text(*who.place) : "");
    if (access.kind != trace::WriteKind::store)
        out_ << "  " << kind_name(access.kind);
    if (!who.process.empty())
        out_ << "  " << who.process << " (" << who.pid << ')';
    out_ << '\n';
}

void HistoryWriter::write_json(const trace::PieceAccess& found) {
    const trace::Write& access = found.access;
    Json object = {{"kind", "access"},
                   {"instr", access.instr},
                   {"access", found.load ? "read" : "write"},
                   {"by", kind_name(access.kind)}};
    if (access.kind != trace::WriteKind::transfer) {
        object.update({{"pc", hex(access.pc)}, {"asid", hex(found.asid)}, {"address", hex(access.address)}});
        if (found.value_known) {
            object["value"] = hex(access.value);
            if (access.size > 8)
                object["value_high"] = hex(access.value_high);
        }
    } else if (const trace::Device* device = device_of(access, header_)) {
        object.update({{"device_model", device->model}, {"device_place", device->place}});
    }
    object["size"] = access.size;
    if (access.kind != trace::WriteKind::transfer) {
        const Who& who = this->who(found);
        if (!who.process.empty())
            object.update({{"process", who.process}, {"pid", who.pid}});
        if (who.place)
            analyzers::add_place(object, *who.place);
    }
    write_json_line(out_, object);
}

}  // namespace panda::analyze_memory
