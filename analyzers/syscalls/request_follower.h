// Follows transfers that programs ask for in memory, instead of by calls of their own: AIO and io_uring.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/syscalls/guest.h"
#include "analyzers/syscalls/tracker.h"

namespace panda::syscalls {

// A transfer that has been done.
struct Request {
    Task task;                // whose call handed it over
    uint64_t instr = 0;       // of that call
    std::string from, to;     // the files, as they were named then; empty: the program's memory
    uint64_t bytes = 0;       // moved
    uint64_t done_instr = 0;  // when a program could see that it was done
};

// Knows the results of AIO from its rings, which programs can read, or from io_getevents, and io_uring's rings
// from the calls that make and map them, so those must be in the trace. Requests are taken when a call hands them over; with
// IORING_SETUP_SQPOLL, at any call of the process. Results are taken from the rings at calls of the process.
class RequestFollower {
  public:
    using Done = std::function<void(const Request&)>;
    // Tells what a descriptor of the current task is.
    using Describe = std::function<std::string(int64_t)>;

    RequestFollower() = default;
    RequestFollower(const RequestFollower&) = delete;
    RequestFollower& operator=(const RequestFollower&) = delete;

    // Adds itself to the tracker. `done` is called for each transfer that has succeeded. All of them must
    // outlive the pass.
    void attach(CallTracker& tracker, const Guest& guest, Describe describe, Done done);

  private:
    struct Pending {
        Request request;
        bool moves = false;  // whether it moves bytes
    };
    using PendingByKey = std::map<uint64_t, std::deque<Pending>>;

    struct Ring {
        uint32_t flags = 0;
        bool single_map = false;
        std::vector<uint32_t> submission_offsets, completion_offsets;  // struct io_{s,c}qring_offsets
        uint64_t submission_map = 0, completion_map = 0, requests = 0;
        uint32_t taken = 0;              // requests up to this index have been taken
        uint32_t seen = 0;               // results up to this index have been seen
        std::vector<std::string> files;  // registered
        PendingByKey pending;            // by user_data
    };
    struct Context {
        uint32_t seen = 0;
        PendingByKey pending;  // by the address of the request
    };

    void enter(const Call& call);
    void leave(const Call& call, const Return& result);
    void made_ring(const Call& call, int64_t fd);
    void mapped(const Call& call, uint64_t address);
    void registered(const Call& call);
    void submit_aio(const Call& call, uint64_t count);
    void take(const Call& call, Ring& ring, uint64_t count);
    Pending pending_of(const Call& call, const Ring& ring, uint64_t request) const;
    std::string file_of(const Ring& ring, int32_t fd, bool is_registered) const;
    void look(const Call& call, uint64_t instr);
    void look_at_ring(Ring& ring, uint64_t instr);
    bool look_at_context(uint64_t address, Context& context, uint64_t instr);
    void got_events(const Call& call, int64_t count, uint64_t instr);
    void take_event(Context& context, uint64_t event, uint64_t instr);
    void finish(PendingByKey& pending, uint64_t key, std::optional<int64_t> result, bool more,
                uint64_t instr);
    template <typename T>
    std::optional<T> read(uint64_t address) const;

    const Guest* guest_ = nullptr;
    Describe describe_;
    Done done_;
    std::map<std::pair<int64_t, int64_t>, Ring> rings_;         // by process and descriptor
    std::map<std::pair<int64_t, uint64_t>, Context> contexts_;  // by process and address of AIO's ring
};

}  // namespace panda::syscalls
