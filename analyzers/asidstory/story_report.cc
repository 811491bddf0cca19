#include "analyzers/asidstory/story_report.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <numeric>
#include <ostream>

#include "analyzers/osi/text.h"
#include "analyzers/pandalog/pandalog.capnp.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace panda::asidstory {
namespace {

using analyze_osi::printable;

constexpr size_t max_listed = 8;  // names and threads in a table's row

// "sh,ls / 7,8"
std::string names_and_tids(const ProcessStory& story) {
    std::string text;
    for (size_t i = 0; i < story.names.size() && i <= max_listed; ++i)
        text += (i == 0 ? "" : ",") + (i == max_listed ? std::string("…") : printable(story.names[i]));
    text += " / ";
    size_t number = 0;
    for (const int64_t tid : story.tids) {
        if (number == max_listed) {
            text += ",…";
            break;
        }
        text += (number++ == 0 ? "" : ",") + std::to_string(tid);
    }
    return text;
}

capnp::Text::Reader text_of(const std::string& text) {
    return {text.c_str(), text.size()};
}

char sign(uint64_t part, uint64_t whole) {
    return part == 0             ? ' '
           : part * 2 >= whole   ? '#'
           : part * 10 >= whole  ? '+'
           : part * 100 >= whole ? '-'
                                 : '.';
}

}  // namespace

void write_table(std::ostream& out, const Story& story) {
    std::vector<size_t> order(story.processes().size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        return story.processes()[a].instructions > story.processes()[b].instructions;
    });
    out << "   COUNT   INSTRUCTIONS     PID    PPID  ASID                 FIRST            LAST  NAMES / "
           "TIDS\n";
    for (const size_t index : order) {
        const ProcessStory& process = story.processes()[index];
        char row[160];
        std::snprintf(row, sizeof row,
                      "%8" PRIu64 " %14" PRIu64 " %7" PRId64 " %7" PRId64 "  %010" PRIx64 " %15" PRIu64
                      " %15" PRIu64 "  ",
                      process.count, process.instructions, process.pid, process.ppid, process.asid,
                      process.start_instr, process.end_instr);
        out << row << names_and_tids(process) << '\n';
    }
}

void write_picture(std::ostream& out, const Story& story, unsigned width) {
    const uint64_t start = story.start_instr();
    const uint64_t length = std::max<uint64_t>(story.end_instr() - start, 1);
    const uint64_t cell = (length + width - 1) / width;
    std::vector<std::vector<uint64_t>> cells(story.processes().size(), std::vector<uint64_t>(width));
    for (const Run& run : story.runs())
        for (uint64_t at = run.from; at < run.to;) {
            const uint64_t number = std::min<uint64_t>((at - start) / cell, width - 1);
            const uint64_t end = std::min(run.to, start + (number + 1) * cell);
            cells[run.story][number] += end - at;
            at = end;
        }
    size_t longest = 0;
    std::vector<std::string> names;
    for (const ProcessStory& process : story.processes()) {
        names.push_back(printable(process.names.back()) + " " + std::to_string(process.pid));
        longest = std::max(longest, names.back().size());
    }
    for (size_t i = 0; i < names.size(); ++i) {
        out << std::string(longest - names[i].size(), ' ') << names[i] << " [";
        for (unsigned number = 0; number < width; ++number) {
            const uint64_t begin = std::min<uint64_t>(number * cell, length);
            out << sign(cells[i][number], std::max<uint64_t>(std::min(cell, length - begin), 1));
        }
        out << "]\n";
    }
}

void write_json(std::ostream& out, const Story& story) {
    for (const ProcessStory& process : story.processes()) {
        Json line = {{"kind", "process-story"}, {"pid", process.pid}, {"ppid", process.ppid}};
        if (process.create_time)
            line["create_ns"] = *process.create_time;
        line["asid"] = hex(process.asid);
        line["names"] = process.names;
        line["tids"] = process.tids;
        line["start_instr"] = process.start_instr;
        line["end_instr"] = process.end_instr;
        line["count"] = process.count;
        line["instructions"] = process.instructions;
        write_json_line(out, line);
    }
}

void write_pandalog(pandalog::PandalogFile& file, const Story& story) {
    for (const ProcessStory& process : story.processes()) {
        capnp::MallocMessageBuilder message;
        auto entry = message.initRoot<pandalog::Entry>();
        entry.setInstr(story.end_instr());
        auto to = entry.initProcessStory();
        to.setPid(process.pid);
        to.setPpid(process.ppid);
        to.setCreateTime(process.create_time.value_or(0));
        to.setAsid(process.asid);
        auto names = to.initNames(static_cast<unsigned>(process.names.size()));
        for (unsigned i = 0; i < names.size(); ++i)
            names.set(i, text_of(process.names[i]));
        auto tids = to.initTids(static_cast<unsigned>(process.tids.size()));
        unsigned number = 0;
        for (const int64_t tid : process.tids)
            tids.set(number++, tid);
        to.setStartInstr(process.start_instr);
        to.setEndInstr(process.end_instr);
        to.setCount(process.count);
        to.setInstructions(process.instructions);
        file.write(message);
    }
}

void JsonRunning::on_running(const osi::EventPoint& at, const ProcessStory& story,
                             const osi::Thread& thread) {
    write_json_line(out_, {{"kind", "running"},
                           {"instr", at.instr},
                           {"pid", thread.pid},
                           {"tid", thread.tid},
                           {"name", thread.name},
                           {"asid", hex(story.asid)}});
}

void PandalogRunning::on_running(const osi::EventPoint& at, const ProcessStory& story,
                                 const osi::Thread& thread) {
    capnp::MallocMessageBuilder message;
    auto entry = message.initRoot<pandalog::Entry>();
    entry.setInstr(at.instr);
    entry.setPc(at.pc);
    auto to = entry.initAsidstory();
    to.setPid(thread.pid);
    to.setTid(thread.tid);
    to.setName(text_of(thread.name));
    to.setTask(thread.task);
    to.setAsid(story.asid);
    file_.write(message);
}

void Timeline::on_run(const Run& run, const ProcessStory& story, const std::string& name) {
    if (story.pid == 0)
        return;
    std::string& known = names_[{story.pid, run.tid}];
    if (known != name) {
        known = name;
        if (story.pid == run.tid)
            file_.name_process(story.pid, name);
        file_.name_thread(story.pid, run.tid, name);
    }
    file_.add({{"ph", "X"},
               {"name", name},
               {"pid", story.pid},
               {"tid", run.tid},
               {"ts", analyzers::timeline_time(run.from)},
               {"dur", analyzers::timeline_time(run.to - run.from)},
               {"args", {{"instr", run.from}, {"asid", hex(story.asid)}}}});
}

void Timeline::mark(const char* what, const osi::EventPoint& at, const osi::Process& process) {
    file_.add({{"ph", "i"},
               {"s", "p"},
               {"name", std::string(what) + " " + process.name},
               {"pid", process.pid},
               {"tid", process.pid},
               {"ts", analyzers::timeline_time(at.instr)}});
}

void Timeline::on_exec(const osi::EventPoint& at, const osi::Process& process) {
    mark("exec", at, process);
}
void Timeline::on_exit(const osi::EventPoint& at, const osi::Process& process) {
    mark("exit", at, process);
}

}  // namespace panda::asidstory
