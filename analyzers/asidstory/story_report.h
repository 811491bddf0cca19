// Writes the story of processes as text, JSON, entries of a pandalog, or a timeline.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>

#include "analyzers/asidstory/story.h"
#include "analyzers/pandalog/pandalog_file.h"
#include "analyzers/shared/timeline_file.h"

namespace panda::asidstory {

// Columns: COUNT INSTRUCTIONS PID PPID ASID FIRST LAST NAMES/TIDS. The processes that ran for the most
// instructions come first.
void write_table(std::ostream& out, const Story& story);

// One row per process, in the order in which they first ran. It has the process's name and, for each of
// `width` equal parts of the time, how much of it the process ran: '#' half or more, '+' a tenth, '-' a
// hundredth, '.' less, ' ' not at all.
void write_picture(std::ostream& out, const Story& story, unsigned width);

// {"kind": "process-story", "pid", "ppid", "create_ns", "asid": "0x…", "names", "tids", "start_instr",
// "end_instr", "count", "instructions"}, one object per line, in the order in which they first ran.
void write_json(std::ostream& out, const Story& story);
void write_pandalog(pandalog::PandalogFile& file, const Story& story);

// Written along the way: {"kind": "running", "instr", "pid", "tid", "name", "asid"}.
class JsonRunning final : public StoryListener {
  public:
    explicit JsonRunning(std::ostream& out) : out_(out) {}
    void on_running(const osi::EventPoint& at, const ProcessStory& story, const osi::Thread& thread) override;

  private:
    std::ostream& out_;
};

// Written along the way: an entry `asidstory` whenever the process, the address space or the name changes.
class PandalogRunning final : public StoryListener {
  public:
    explicit PandalogRunning(pandalog::PandalogFile& file) : file_(file) {}
    void on_running(const osi::EventPoint& at, const ProcessStory& story, const osi::Thread& thread) override;

  private:
    pandalog::PandalogFile& file_;
};

// Written along the way: each thread's runs as slices, and execs and exits as marks. The idle task is left
// out.
class Timeline final : public StoryListener {
  public:
    explicit Timeline(analyzers::TimelineFile& file) : file_(file) {}
    void on_run(const Run& run, const ProcessStory& story, const std::string& name) override;
    void on_exec(const osi::EventPoint& at, const osi::Process& process) override;
    void on_exit(const osi::EventPoint& at, const osi::Process& process) override;

  private:
    void mark(const char* what, const osi::EventPoint& at, const osi::Process& process);

    analyzers::TimelineFile& file_;
    std::map<std::pair<int64_t, int64_t>, std::string> names_;  // by pid and tid, as the timeline shows them
};

}  // namespace panda::asidstory
