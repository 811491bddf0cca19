#include "analyzers/taint/report_writer.h"

#include <algorithm>
#include <iostream>

#include "analyzers/names/place_json.h"
#include "analyzers/osi/text.h"
#include "common/hex.h"

namespace panda::taint {

using analyze_osi::printable;

void ReportWriter::write(const Row& row, const std::string& what,
                         const std::vector<std::pair<const char*, uint64_t>>& numbers,
                         const std::vector<std::pair<const char*, std::string>>& texts) {
    std::optional<osi::Place> place;
    if (row.pc != 0 && names_.available())
        place = names_.find({row.instr, row.asid, row.pc});
    const std::string labels = pass_.labels().text(row.labels);
    if (auto* log = run_.pandalog()) {
        std::vector<pandalog::FactValue> values = {{"kind", std::string(row.kind)},
                                                   {"asid", row.asid},
                                                   {"pid", row.pid},
                                                   {"process", row.process},
                                                   {"labels", labels}};
        if (place)
            values.emplace_back("name", osi::to_text(*place));
        for (const auto& [name, number] : numbers)
            values.emplace_back(name, number);
        for (const auto& [name, text] : texts)
            values.emplace_back(name, text);
        log->write_fact(row.instr, row.pc, analyzer_, values);
    }
    if (run_.json()) {
        Json object = {{"kind", row.kind}, {"instr", row.instr}};
        if (row.pc != 0)
            object["pc"] = hex(row.pc);
        if (row.asid != 0)
            object["asid"] = hex(row.asid);
        object["pid"] = row.pid;
        object["process"] = row.process;
        for (const auto& [name, number] : numbers)
            object[name] = number;
        for (const auto& [name, text] : texts)
            object[name] = text;
        if (place)
            analyzers::add_place(object, *place);
        object["labels"] = pass_.labels().json(row.labels);
        write_json_line(std::cout, object);
        return;
    }
    std::cout << row.kind << " instr " << row.instr;
    if (row.pc != 0)
        std::cout << " pc " << hex(row.pc);
    if (place)
        std::cout << " " << osi::to_text(*place);
    std::cout << " pid " << row.pid << " " << printable(row.process) << what;
    if (!labels.empty())
        std::cout << " labels " << printable(labels);
    std::cout << '\n';
}

void ReportWriter::write_labelled(const std::vector<Labelled>& rows) {
    for (const Labelled& row : rows)
        write({"labelled", row.instr, 0, 0, row.pid, row.process, {row.range}},
              " " + row.how + " address " + hex(row.address), {{"address", row.address}}, {{"how", row.how}});
}

void ReportWriter::write_answers(const std::vector<HypercallAnswer>& rows) {
    for (const HypercallAnswer& row : rows) {
        const std::string verdict = row.is_log ? "log" : row.failed ? "FAILED" : "ok";
        write({"hypercall", row.instr, row.pc, 0, 0, "", {}}, verdict + ": " + printable(row.text), {},
              {{"answer", verdict}, {"text", row.text}});
    }
}

void ReportWriter::write_queries(const std::vector<QueryAnswer>& rows) {
    for (const QueryAnswer& answer : rows) {
        if (!answer.answered)
            run_.warn("warning: the trace does not come to " + answer.asked.text);
        for (const QueryAnswer::Run& found : answer.runs)
            write({"query", answer.asked.instr, 0, 0, 0, "", found.labels},
                  answer.asked.text + " bytes " + std::to_string(found.first) + "-" +
                      std::to_string(found.last) + " mask " + hex(found.mask),
                  {{"first", found.first}, {"last", found.last}, {"mask", found.mask}},
                  {{"asked", answer.asked.text}});
        if (answer.nowhere != 0)
            run_.warn("warning: " + std::to_string(answer.nowhere) + " bytes of " + answer.asked.text +
                      " are not in memory");
    }
}

void ReportWriter::write_places(const char* kind, const PlaceList& places) {
    for (const TaintedPlace& place : places.places())
        write({kind, place.where.instr, place.where.pc, place.where.asid, place.pid, place.process,
               pass_.labels().ranges(pass_.engine()->tags(), place.tag)},
              " times " + std::to_string(place.count),
              {{"count", place.count}, {"last_instr", place.last_instr}}, {});
}

void ReportWriter::write_depths(const PlaceList& instructions, const PlaceList& branches) {
    uint32_t deepest = 0;
    for (const auto* list : {&instructions, &branches}) {
        for (const TaintedPlace& place : list->places()) {
            deepest = std::max(deepest, place.depth);
            write({list == &branches ? "branch" : "instruction", place.where.instr, place.where.pc,
                   place.where.asid, place.pid, place.process,
                   pass_.labels().ranges(pass_.engine()->tags(), place.tag)},
                  " times " + std::to_string(place.count) + " number " + std::to_string(place.depth),
                  {{"count", place.count}, {"number", place.depth}}, {});
        }
    }
    if (run_.json())
        write_json_line(std::cout, {{"kind", "highest"}, {"number", deepest}});
    else
        std::cout << "highest taint compute number " << deepest << '\n';
}

void ReportWriter::write_left(const std::vector<Left>& rows) {
    for (const Left& row : rows) {
        const std::string positions =
            std::to_string(row.first) + (row.last != row.first ? "-" + std::to_string(row.last) : "");
        write({"left", row.where.instr, row.where.pc, row.where.asid, row.pid, row.process, row.from},
              " " + row.call + " to " + printable(row.to) + ":" + positions +
                  (row.in_step ? " byte by byte" : ""),
              {{"first", row.first}, {"last", row.last}, {"in_step", uint64_t{row.in_step}}},
              {{"call", row.call}, {"to", row.to}});
    }
}

void ReportWriter::write_liveness(const std::vector<Liveness::Count>& rows) {
    uint64_t dead = 0;
    uint64_t all = 0;
    for (const Liveness::Count& row : rows) {
        const uint64_t count = row.labels.last - row.labels.first + 1;
        all += count;
        dead += row.branches == 0 ? count : 0;
        write({"liveness", 0, 0, 0, 0, "", {row.labels}},
              row.branches == 0 ? "dead" : std::to_string(row.branches) + " branches",
              {{"branches", row.branches}}, {});
    }
    if (run_.json())
        write_json_line(std::cout, {{"kind", "summary"}, {"labels", all}, {"dead", dead}});
    else
        std::cout << dead << " of " << all << " labels decide no branch\n";
}

}  // namespace panda::taint
