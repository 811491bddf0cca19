// What is written of a pass: branches, jumps, pointers and instructions that depend on labels, and labels on given bytes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "analyzers/taint/sources.h"
#include "analyzers/taint/taint_pass.h"

namespace panda::taint {

// An instruction that did something with labelled bytes, once or more often.
struct TaintedPlace {
    Where where;  // the first time
    int64_t pid = 0;
    std::string process;
    uint64_t count = 0;
    Tag tag = clean;     // of all times
    uint32_t depth = 0;  // the largest
    uint64_t last_instr = 0;
};

// Instructions by address space and address; or, with `all`, each time by itself.
class PlaceList {
  public:
    PlaceList(TaintPass& pass, bool all);
    void add(const TaintPlace& place, Tag tag);
    // In the order in which they were first seen.
    const std::vector<TaintedPlace>& places() const { return places_; }

  private:
    TaintPass& pass_;
    bool all_;
    std::map<std::tuple<uint64_t, uint64_t, int64_t>, size_t> numbers_;  // by asid, pc, process
    std::vector<TaintedPlace> places_;
};

// Listens for branches, jumps, pointers and instructions, each if it is wanted.
class PlaceReport final : public TaintListener {
  public:
    enum What : unsigned { branches = 1, jumps = 2, pointers = 4, instructions = 8, changes_only = 16 };
    PlaceReport(TaintPass& pass, unsigned what, bool all);

    const PlaceList& branch_places() const { return branches_; }
    const PlaceList& jump_places() const { return jumps_; }
    const PlaceList& pointer_places() const { return pointers_; }
    const PlaceList& instruction_places() const { return instructions_; }

  private:
    void on_branch(const TaintPlace& place, Tag tag) override;
    void on_jump(const TaintPlace& place, Tag tag) override;
    void on_pointer(const TaintPlace& place, const trace::Access& access, Tag tag) override;
    void on_instruction(const TaintPlace& place, Tag tag, bool changes) override;
    bool wants_instructions() const override { return (what_ & instructions) != 0; }

    unsigned what_;
    PlaceList branches_, jumps_, pointers_, instructions_;
};

// How many branches depended on each label: how alive it is.
class Liveness final : public TaintListener {
  public:
    explicit Liveness(TaintPass& pass);
    struct Count {
        SourceRange labels;  // positions that follow one another and have the same count
        uint64_t branches = 0;
    };
    // For all labels that were given out, ascending by source and position.
    std::vector<Count> counts();

  private:
    bool wants_instructions() const override { return false; }
    void on_branch(const TaintPlace& place, Tag tag) override;

    TaintPass& pass_;
    std::map<Tag, uint64_t> branches_;
};

// Bytes that a call wrote to a file, a pipe or a socket, with the labels that they had.
struct Left {
    Where where;
    int64_t pid = 0;
    std::string process;
    std::string call;
    std::string to;      // the file's name, or both ends of a socket
    uint64_t first = 0;  // position in it; of a stream, counted from the first write that the trace has
    uint64_t last = 0;
    std::vector<SourceRange> from;
    // Byte `first` has the first label of `from`, and each next byte the next one. Otherwise all bytes have all labels.
    bool in_step = false;
};

class Leaving {
  public:
    explicit Leaving(TaintPass& pass) : pass_(pass) {}
    Leaving(const Leaving&) = delete;
    Leaving& operator=(const Leaving&) = delete;
    void attach(syscalls::CallTracker& tracker, syscalls::LinuxGuest& guest);
    const std::vector<Left>& left() const { return left_; }

  private:
    struct Writing {
        std::string to;
        std::optional<uint64_t> position;
        int64_t fd = 0;
    };
    void enter(const syscalls::Call& call);
    void leave(const syscalls::Call& call, const syscalls::Return& result);
    void add(const syscalls::Call& call, const Writing& writing, uint64_t position, ByteTaint taint);

    TaintPass& pass_;
    syscalls::LinuxGuest* guest_ = nullptr;
    std::map<const syscalls::Call*, Writing> writings_;
    std::map<std::string, uint64_t> stream_positions_;
    std::vector<Left> left_;
    Tag last_tag_ = clean;  // of the last byte
};

// The labels on some bytes at some moment.
struct QueryAnswer {
    RangeAt asked;
    struct Run {
        uint64_t first, last;  // bytes
        std::vector<SourceRange> labels;
        uint32_t mask;  // tainted bits of each byte
    };
    std::vector<Run> runs;  // of tainted bytes
    uint64_t nowhere = 0;   // bytes without memory
    bool answered = false;
};

class Queries {
  public:
    Queries(TaintPass& pass, const std::vector<RangeAt>& ranges);
    Queries(const Queries&) = delete;
    Queries& operator=(const Queries&) = delete;
    const std::vector<QueryAnswer>& answers() const { return answers_; }

  private:
    void ask(QueryAnswer& answer);

    TaintPass& pass_;
    std::vector<QueryAnswer> answers_;
};

}  // namespace panda::taint
