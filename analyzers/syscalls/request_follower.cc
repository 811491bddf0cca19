#include "analyzers/syscalls/request_follower.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "analyzers/syscalls/iocb.h"
#include "analyzers/syscalls/pairing.h"
#include "analyzers/syscalls/transfer.h"

namespace panda::syscalls {
namespace {

constexpr uint32_t max_entries = 1 << 16;  // of a ring: IORING_MAX_CQ_ENTRIES is twice this
constexpr uint64_t max_pending =
    1 << 18;  // a program does not ask for more: what is in memory is something else

// include/uapi/linux/io_uring.h.
constexpr uint32_t setup_sqpoll = 1 << 1, setup_sqe128 = 1 << 10, setup_cqe32 = 1 << 11,
                   setup_no_mmap = 1 << 14, setup_no_array = 1 << 16;
constexpr uint32_t feature_single_map = 1 << 0;
constexpr uint64_t offset_submissions = 0, offset_completions = 0x8000000, offset_requests = 0x10000000;
constexpr uint8_t request_fixed_file = 1 << 0, request_no_success = 1 << 6;
constexpr uint32_t result_more = 1 << 1, result_notification = 1 << 3;
constexpr uint32_t register_files = 2, unregister_files = 3, register_files_update = 6, register_files2 = 13,
                   register_files_update2 = 14;

// struct io_uring_params: u32 sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features, wq_fd,
// resv[3], then struct io_sqring_offsets and struct io_cqring_offsets, ten words each.
constexpr uint64_t params_flags = 8, params_features = 20, params_submission = 40, params_completion = 80;
enum SubmissionOffset : uint8_t { sq_head, sq_tail, sq_mask, sq_entries, sq_flags, sq_dropped, sq_array };
enum CompletionOffset : uint8_t { cq_head, cq_tail, cq_mask, cq_entries, cq_overflow, cq_results };
constexpr size_t offset_words = 10;
constexpr uint64_t user_address = 32;  // in either

// The first part of struct io_uring_sqe.
struct Entry {
    uint8_t opcode;
    uint8_t flags;
    uint16_t priority;
    int32_t fd;
    uint64_t offset;
    uint64_t address;
    uint32_t length;
    uint32_t operation_flags;
    uint64_t user_data;
    uint16_t buffer;
    uint16_t personality;
    int32_t second_fd;
};
static_assert(sizeof(Entry) == 48);
constexpr uint64_t entry_size = 64;

struct Result {
    uint64_t user_data;
    int32_t value;
    uint32_t flags;
};
static_assert(sizeof(Result) == 16);

// IORING_OP_… that move bytes between a descriptor and memory.
constexpr uint8_t reading[] = {1, 4, 10, 22, 27, 49, 58, 60};     // READV … READ, RECV, READ_MULTISHOT, …
constexpr uint8_t writing[] = {2, 5, 9, 23, 26, 47, 48, 59, 61};  // WRITEV … WRITE, SEND, SEND_ZC, …
constexpr uint8_t opcode_splice = 30;
constexpr uint32_t splice_fixed_source = 1u << 31;

bool is_in(std::span<const uint8_t> list, uint8_t opcode) {
    return std::find(list.begin(), list.end(), opcode) != list.end();
}

// struct aio_ring of fs/aio.c, which libaio reads as well: unsigned id, nr, head, tail, magic, …, then
// its events.
constexpr uint64_t aio_count = 4, aio_tail = 12, aio_magic_place = 16, aio_header_length = 28;
constexpr uint32_t aio_magic = 0xa10a10a1;
constexpr uint64_t event_size = 32;

}  // namespace

template <typename T>
std::optional<T> RequestFollower::read(uint64_t address) const {
    T value;
    return guest_->user_memory().read(address, std::as_writable_bytes(std::span(&value, 1)))
               ? std::optional(value)
               : std::nullopt;
}

void RequestFollower::attach(CallTracker& tracker, const Guest& guest, Describe describe, Done done) {
    guest_ = &guest;
    describe_ = std::move(describe);
    done_ = std::move(done);
    tracker.on_all_sys_enter([this](const Call& call) { enter(call); });
    tracker.on_all_sys_return([this](const Call& call, const Return& result) { leave(call, result); });
}

void RequestFollower::enter(const Call& call) {
    if (is_one_of(call, {"io_submit"}))
        submit_aio(call, call.arguments[1]);
    if (rings_.empty() && contexts_.empty())
        return;
    if (is_one_of(call, {"io_uring_enter"})) {
        const auto ring = rings_.find({call.task.pid, fd_argument(call, 0)});
        if (ring != rings_.end())
            take(call, ring->second, call.arguments[1] & 0xffff'ffff);
    }
    look(call, call.instr);
}

void RequestFollower::leave(const Call& call, const Return& result) {
    if (result.ending != Ending::returned)
        return;
    if (!result.failed() && is_one_of(call, {"io_uring_setup"}))
        made_ring(call, result.value);
    if (rings_.empty() && contexts_.empty())
        return;
    if (!result.failed() && is_one_of(call, {"mmap", "mmap2"}))
        mapped(call, call.abi == Abi::i386 ? static_cast<uint32_t>(result.value)
                                           : static_cast<uint64_t>(result.value));
    if (!result.failed() && is_one_of(call, {"io_uring_register"}))
        registered(call);
    if (!result.failed() && is_one_of(call, {"io_getevents", "io_pgetevents", "io_pgetevents_time64"}))
        got_events(call, result.value, result.instr);
    look(call, result.instr);
}

void RequestFollower::made_ring(const Call& call, int64_t fd) {
    const uint64_t params = call.arguments[1];
    const auto flags = read<uint32_t>(params + params_flags);
    const auto features = read<uint32_t>(params + params_features);
    const auto submission = read<std::array<uint32_t, offset_words>>(params + params_submission);
    const auto completion = read<std::array<uint32_t, offset_words>>(params + params_completion);
    if (!flags || !features || !submission || !completion)
        return;
    Ring ring;
    ring.flags = *flags;
    ring.single_map = (*features & feature_single_map) != 0;
    ring.submission_offsets.assign(submission->begin(), submission->end());
    ring.completion_offsets.assign(completion->begin(), completion->end());
    if ((*flags & setup_no_mmap) != 0) {
        ring.requests = read<uint64_t>(params + params_submission + user_address).value_or(0);
        ring.submission_map = ring.completion_map =
            read<uint64_t>(params + params_completion + user_address).value_or(0);
    }
    rings_.insert_or_assign({call.task.pid, fd}, std::move(ring));
}

void RequestFollower::mapped(const Call& call, uint64_t address) {
    const auto found = rings_.find({call.task.pid, fd_argument(call, 4)});
    if (found == rings_.end())
        return;
    Ring& ring = found->second;
    const bool in_pages = is_one_of(call, {"mmap2"});
    switch (in_pages ? call.arguments[5] << 12 : call.arguments[5]) {
        case offset_submissions:
            ring.submission_map = address;
            if (ring.single_map)
                ring.completion_map = address;
            break;
        case offset_completions:
            ring.completion_map = address;
            if (ring.single_map)
                ring.submission_map = address;
            break;
        case offset_requests:
            ring.requests = address;
            break;
        default:
            break;
    }
}

// Registered files are known by their place in a table.
void RequestFollower::registered(const Call& call) {
    const auto found = rings_.find({call.task.pid, fd_argument(call, 0)});
    if (found == rings_.end())
        return;
    const auto operation = static_cast<uint32_t>(call.arguments[1]);
    const uint64_t argument = call.arguments[2];
    uint64_t list = 0, count = call.arguments[3] & 0xffff'ffff, first = 0;
    switch (operation) {
        case register_files:
            list = argument;
            break;
        case register_files_update:  // struct io_uring_files_update { offset, resv, fds }
            first = read<uint32_t>(argument).value_or(0);
            list = read<uint64_t>(argument + 8).value_or(0);
            break;
        case register_files2:  // struct io_uring_rsrc_register { nr, flags, resv2, data, tags }
            count = read<uint32_t>(argument).value_or(0);
            list = read<uint64_t>(argument + 16).value_or(0);
            break;
        case register_files_update2:  // struct io_uring_rsrc_update2 { offset, resv, data, tags, nr, resv2 }
            first = read<uint32_t>(argument).value_or(0);
            list = read<uint64_t>(argument + 8).value_or(0);
            count = read<uint32_t>(argument + 24).value_or(0);
            break;
        case unregister_files:
            found->second.files.clear();
            return;
        default:
            return;
    }
    auto& files = found->second.files;
    for (uint64_t i = 0; list != 0 && i < std::min<uint64_t>(count, max_entries); ++i) {
        const auto fd = read<int32_t>(list + i * sizeof(int32_t));
        if (!fd || first + i >= max_entries)
            break;
        files.resize(std::max<size_t>(files.size(), first + i + 1));
        constexpr int32_t skip = -2;  // IORING_REGISTER_FILES_SKIP
        if (*fd != skip)
            files[first + i] = *fd >= 0 ? describe_(*fd) : "";
    }
}

void RequestFollower::submit_aio(const Call& call, uint64_t count) {
    const unsigned word = word_size(call.abi);
    Context& context = contexts_[{call.task.pid, call.arguments[0]}];
    if (context.pending.empty())
        context.seen = read<uint32_t>(call.arguments[0] + aio_tail).value_or(context.seen);
    for (uint64_t i = 0; i < std::min<uint64_t>(count, max_entries); ++i) {
        uint64_t place = 0;
        const uint64_t at = call.arguments[2] + i * word;
        if (!guest_->user_memory().read(at, std::as_writable_bytes(std::span(&place, 1)).first(word)))
            break;
        const auto iocb = read<Iocb>(place);
        if (!iocb || context.pending.size() >= max_pending)
            break;
        Pending pending;
        pending.request.task = call.task;
        pending.request.instr = call.instr;
        const std::string file = describe_(static_cast<int32_t>(iocb->fd));
        const bool reads = iocb->command == iocb_command::pread || iocb->command == iocb_command::preadv;
        const bool writes = iocb->command == iocb_command::pwrite || iocb->command == iocb_command::pwritev;
        (reads ? pending.request.from : pending.request.to) = file;
        pending.moves = reads || writes;
        context.pending[place].push_back(std::move(pending));
    }
}

// Takes up to `count` requests that the program has put between head and tail.
void RequestFollower::take(const Call& call, Ring& ring, uint64_t count) {
    const auto at = [&ring](SubmissionOffset offset) {
        return ring.submission_map + ring.submission_offsets[offset];
    };
    if (ring.submission_map == 0 || ring.requests == 0)
        return;
    const auto tail = read<uint32_t>(at(sq_tail));
    const auto mask = read<uint32_t>(at(sq_mask));
    // The kernel's thread may have moved the head on already.
    const auto head = (ring.flags & setup_sqpoll) != 0 ? ring.taken : read<uint32_t>(at(sq_head));
    if (!tail || !mask || !head || *mask >= max_entries || *tail - *head > *mask + 1)
        return;
    const uint64_t step = (ring.flags & setup_sqe128) != 0 ? 2 * entry_size : entry_size;
    uint32_t index = *head;
    for (uint64_t i = 0; index != *tail && i < count; ++i, ++index) {
        uint32_t slot = index & *mask;
        if ((ring.flags & setup_no_array) == 0)
            slot = read<uint32_t>(at(sq_array) + slot * sizeof(uint32_t)).value_or(UINT32_MAX);
        if (slot > *mask)
            continue;
        const uint64_t place = ring.requests + slot * step;
        const auto entry = read<Entry>(place);
        if (entry && ring.pending.size() < max_pending && (entry->flags & request_no_success) == 0)
            ring.pending[entry->user_data].push_back(pending_of(call, ring, place));
    }
    ring.taken = index;
}

std::string RequestFollower::file_of(const Ring& ring, int32_t fd, bool is_registered) const {
    if (!is_registered)
        return describe_(fd);
    const auto place = static_cast<size_t>(fd);
    return fd >= 0 && place < ring.files.size() ? ring.files[place] : "";
}

RequestFollower::Pending RequestFollower::pending_of(const Call& call, const Ring& ring,
                                                     uint64_t place) const {
    const Entry entry = read<Entry>(place).value_or(Entry{});
    Pending pending;
    pending.request.task = call.task;
    pending.request.instr = call.instr;
    const bool is_registered = (entry.flags & request_fixed_file) != 0;
    if (is_in(reading, entry.opcode)) {
        pending.request.from = file_of(ring, entry.fd, is_registered);
        pending.moves = true;
    } else if (is_in(writing, entry.opcode)) {
        pending.request.to = file_of(ring, entry.fd, is_registered);
        pending.moves = true;
    } else if (entry.opcode == opcode_splice) {
        pending.request.from =
            file_of(ring, entry.second_fd, (entry.operation_flags & splice_fixed_source) != 0);
        pending.request.to = file_of(ring, entry.fd, is_registered);
        pending.moves = true;
    }
    return pending;
}

// Takes what the rings of the call's process have now.
void RequestFollower::look(const Call& call, uint64_t instr) {
    for (auto place = rings_.lower_bound({call.task.pid, INT64_MIN});
         place != rings_.end() && place->first.first == call.task.pid; ++place) {
        if ((place->second.flags & setup_sqpoll) != 0)
            take(call, place->second, max_entries);
        if (!place->second.pending.empty())
            look_at_ring(place->second, instr);
    }
    for (auto place = contexts_.lower_bound({call.task.pid, 0});
         place != contexts_.end() && place->first.first == call.task.pid; ++place)
        if (!place->second.pending.empty())
            look_at_context(place->first.second, place->second, instr);
}

void RequestFollower::look_at_ring(Ring& ring, uint64_t instr) {
    const auto at = [&ring](CompletionOffset offset) {
        return ring.completion_map + ring.completion_offsets[offset];
    };
    const auto tail = read<uint32_t>(at(cq_tail));
    const auto mask = read<uint32_t>(at(cq_mask));
    if (ring.completion_map == 0 || !tail || !mask || *mask >= 2 * max_entries)
        return;
    if (*tail - ring.seen > *mask + 1)
        ring.seen = *tail - *mask - 1;
    const uint64_t step = (ring.flags & setup_cqe32) != 0 ? 2 * sizeof(Result) : sizeof(Result);
    for (; ring.seen != *tail; ++ring.seen) {
        const auto result = read<Result>(at(cq_results) + (ring.seen & *mask) * step);
        if (!result)
            continue;
        const bool is_notification = (result->flags & result_notification) != 0;
        finish(ring.pending, result->user_data,
               is_notification ? std::nullopt : std::optional<int64_t>(result->value),
               (result->flags & result_more) != 0, instr);
    }
}

// Returns whether the ring could be read. It is not in the program's page tables before the program has read
// it.
bool RequestFollower::look_at_context(uint64_t address, Context& context, uint64_t instr) {
    const auto count = read<uint32_t>(address + aio_count);
    const auto tail = read<uint32_t>(address + aio_tail);
    const auto magic = read<uint32_t>(address + aio_magic_place);
    const auto header = read<uint32_t>(address + aio_header_length);
    if (!count || !tail || magic != aio_magic || !header || *count == 0 || *count > max_entries ||
        *tail >= *count)
        return false;
    for (context.seen %= *count; context.seen != *tail; context.seen = (context.seen + 1) % *count)
        take_event(context, address + *header + context.seen * event_size, instr);
    return true;
}

// struct io_event { data, obj, res, res2 }.
void RequestFollower::take_event(Context& context, uint64_t event, uint64_t instr) {
    const auto object = read<uint64_t>(event + 8);
    const auto result = read<int64_t>(event + 16);
    if (object && result)
        finish(context.pending, *object, *result, false, instr);
}

// What io_getevents has returned, where the ring itself cannot be read.
void RequestFollower::got_events(const Call& call, int64_t count, uint64_t instr) {
    const auto found = contexts_.find({call.task.pid, call.arguments[0]});
    if (found == contexts_.end() || look_at_context(found->first.second, found->second, instr))
        return;
    for (int64_t i = 0; i < std::min<int64_t>(count, max_entries); ++i)
        take_event(found->second, call.arguments[3] + static_cast<uint64_t>(i) * event_size, instr);
}

// result: nothing if this only says that a buffer is free again. more: further results of the request follow.
void RequestFollower::finish(PendingByKey& pending, uint64_t key, std::optional<int64_t> result, bool more,
                             uint64_t instr) {
    const auto found = pending.find(key);
    if (found == pending.end())
        return;
    Pending& first = found->second.front();
    if (first.moves && result && *result >= 0) {
        first.request.bytes = static_cast<uint64_t>(*result);
        first.request.done_instr = instr;
        done_(first.request);
    }
    if (more)
        return;
    found->second.pop_front();
    if (found->second.empty())
        pending.erase(found);
}

}  // namespace panda::syscalls
