// What is labelled, and when: files as programs read them, standard input, sockets, arguments, any bytes at any moment.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "analyzers/syscalls/selection.h"
#include "analyzers/syscalls/tracker.h"
#include "analyzers/taint/taint_pass.h"

namespace panda::taint {

// Some bytes at some moment, as --range and --query name them: ADDRESS:LENGTH@INSTR.
struct RangeAt {
    uint64_t address = 0;
    uint64_t length = 0;
    uint64_t instr = 0;
    bool physical =
        false;         // a guest physical address ("phys:" before it), else one of the current address space
    std::string text;  // as it was given
};
// REGISTER@INSTR.
struct RegisterAt {
    std::string name;
    uint64_t instr = 0;
    std::string text;
};

struct SourceOptions {
    std::vector<std::string> files;     // paths, or what they end in
    std::vector<std::string> stdin_of;  // processes, by number or name
    bool network = false;
    std::string peer;  // only sockets whose peer contains this
    bool arguments = false;
    bool environment = false;
    std::vector<std::string> programs;  // whose arguments; empty: all
    std::vector<RangeAt> ranges;
    std::vector<RegisterAt> registers;
    std::vector<std::string> strings;
    bool hypercalls = false;
    // Positions of a source that are labelled, and how: each with its own label, or all with one.
    uint64_t start = 0;
    uint64_t end = ~uint64_t{0};
    bool positions = true;
    uint64_t label = 0;
    uint64_t most_labels = ~uint64_t{0};
};

// Something that was labelled.
struct Labelled {
    uint64_t instr = 0;
    int64_t pid = 0;
    std::string process;
    std::string how;       // "read", "mmap", "range", …
    uint64_t address = 0;  // virtual; of the first byte
    SourceRange range;
};

class Sources {
  public:
    Sources(TaintPass& pass, SourceOptions options);
    Sources(const Sources&) = delete;
    Sources& operator=(const Sources&) = delete;

    // Adds itself to the tracker. Both must outlive the pass.
    void attach(syscalls::CallTracker& tracker, syscalls::LinuxGuest& guest);
    // Whether it needs to know the guest's kernel.
    bool needs_kernel() const;

    const std::vector<Labelled>& labelled() const { return labelled_; }
    // Positions that were not labelled, because there were more than --max-labels.
    uint64_t left_out() const { return left_out_; }
    // Bytes that should have been labelled where there was no memory.
    uint64_t nowhere() const { return nowhere_; }
    // Ranges and registers whose moment has not come, as the user wrote them; after the pass, those to which the trace does
    // not come.
    std::vector<std::string> waiting() const;

  private:
    struct Reading {
        uint32_t source = 0;
        std::optional<uint64_t> position;  // nothing: where the last reading of the stream ended
        std::string how;
    };
    struct Mapped {
        int64_t pid;
        uint64_t asid;
        uint64_t begin, end;
        uint64_t offset;  // in the file, of `begin`
        uint32_t source;
        std::vector<bool> done;  // by page
    };

    void enter(const syscalls::Call& call);
    void leave(const syscalls::Call& call, const syscalls::Return& result);
    void transferred(const syscalls::Call& call, const syscalls::Return& result, const Reading& reading);
    void mapped(const syscalls::Call& call, const syscalls::Return& result, uint32_t source);
    void unmap(int64_t pid, uint64_t begin, uint64_t end);
    void filled(uint64_t page, uint64_t flat);
    void label_page(Mapped& mapping, uint64_t page, uint64_t flat);
    void returned_to_program(const trace::SystemReturn& back);
    void label_strings(uint64_t list, const char* kind, const std::string& name);
    void label_range(const RangeAt& range);
    void label_register(const RegisterAt& which);
    void accessed(std::span<const trace::Access> accesses);
    void find_strings();
    bool wants_file(const std::string& name) const;
    std::optional<Tag> tag_for(uint32_t source, uint64_t position);
    void label_bytes(const std::string& how, uint32_t source, uint64_t position, uint64_t address,
                     uint64_t size);
    void note(const std::string& how, uint64_t address, const SourceRange& range);

    TaintPass& pass_;
    SourceOptions options_;
    syscalls::ProcessSelection stdin_processes_;
    syscalls::ProcessSelection programs_;
    syscalls::LinuxGuest* guest_ = nullptr;
    std::map<const syscalls::Call*, Reading> readings_;
    std::map<const syscalls::Call*, uint32_t> mappings_;  // calls of mmap: of which source
    std::map<uint32_t, uint64_t> stream_positions_;       // by source
    std::vector<Mapped> mapped_;
    std::optional<syscalls::Task> executed_;  // a program that is about to start
    struct Candidate {
        uint64_t address;  // of the last byte
        size_t text;
    };
    std::vector<Candidate> candidates_;
    std::vector<Labelled> labelled_;
    std::set<const std::string*> moments_done_;  // texts of options_
    uint64_t left_out_ = 0;
    uint64_t nowhere_ = 0;
};

}  // namespace panda::taint
