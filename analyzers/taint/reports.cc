#include "analyzers/taint/reports.h"

#include <algorithm>

#include "analyzers/syscalls/transfer.h"
#include "analyzers/taint/user_buffers.h"

namespace panda::taint {

using syscalls::Call;
using syscalls::Ending;
using syscalls::Return;

// --- Places ---

PlaceList::PlaceList(TaintPass& pass, bool all) : pass_(pass), all_(all) {
    pass.keep_tags([this](const std::function<void(Tag)>& mark) {
        for (const TaintedPlace& place : places_)
            mark(place.tag);
    });
}

void PlaceList::add(const TaintPlace& place, Tag tag) {
    const Where where = pass_.where(place);
    Tags& tags = pass_.engine()->tags();
    const auto task = pass_.task();
    const int64_t pid = task ? task->pid : 0;
    if (!all_) {
        const auto [found, added] = numbers_.try_emplace({where.asid, where.pc, pid}, places_.size());
        if (!added) {
            TaintedPlace& known = places_[found->second];
            ++known.count;
            known.tag = tags.unite(known.tag, tag);
            known.depth = std::max(known.depth, tags.depth(tag));
            known.last_instr = where.instr;
            return;
        }
    }
    places_.push_back({where, pid, task ? task->name : "", 1, tag, tags.depth(tag), where.instr});
}

PlaceReport::PlaceReport(TaintPass& pass, unsigned what, bool all)
    : what_(what), branches_(pass, all), jumps_(pass, all), pointers_(pass, all), instructions_(pass, all) {
    pass.add_listener(*this);
}

void PlaceReport::on_branch(const TaintPlace& place, Tag tag) {
    if ((what_ & branches) != 0)
        branches_.add(place, tag);
}
void PlaceReport::on_jump(const TaintPlace& place, Tag tag) {
    if ((what_ & jumps) != 0)
        jumps_.add(place, tag);
}
void PlaceReport::on_pointer(const TaintPlace& place, const trace::Access&, Tag tag) {
    if ((what_ & pointers) != 0)
        pointers_.add(place, tag);
}
void PlaceReport::on_instruction(const TaintPlace& place, Tag tag, bool changes) {
    if ((what_ & instructions) != 0 && (changes || (what_ & changes_only) == 0))
        instructions_.add(place, tag);
}

// --- Liveness ---

Liveness::Liveness(TaintPass& pass) : pass_(pass) {
    pass.add_listener(*this);
    pass.keep_tags([this](const std::function<void(Tag)>& mark) {
        for (const auto& [tag, count] : branches_)
            mark(tag);
    });
}

void Liveness::on_branch(const TaintPlace&, Tag tag) {
    ++branches_[tag];
}

std::vector<Liveness::Count> Liveness::counts() {
    // By source, how many branches begin or cease to depend on a position.
    std::map<uint32_t, std::map<uint64_t, int64_t>> changes;
    for (const auto& [tag, count] : branches_) {
        for (const SourceRange& range : pass_.labels().ranges(pass_.engine()->tags(), tag)) {
            changes[range.source][range.first] += static_cast<int64_t>(count);
            changes[range.source][range.last + 1] -= static_cast<int64_t>(count);
        }
    }
    std::vector<Count> counts;
    for (const SourceRange& range : pass_.labels().all()) {
        int64_t count = 0;
        uint64_t from = range.first;
        for (const auto& [position, change] : changes[range.source]) {
            if (position > range.last)
                break;
            if (position > from && change != 0) {
                counts.push_back({{range.source, from, position - 1}, static_cast<uint64_t>(count)});
                from = position;
            }
            count += change;
        }
        counts.push_back({{range.source, from, range.last}, static_cast<uint64_t>(count)});
    }
    return counts;
}

// --- What leaves ---

void Leaving::attach(syscalls::CallTracker& tracker, syscalls::LinuxGuest& guest) {
    guest_ = &guest;
    tracker.on_all_sys_enter([this](const Call& call) { enter(call); });
    tracker.on_all_sys_return([this](const Call& call, const Return& result) { leave(call, result); });
}

void Leaving::enter(const Call& call) {
    if (pass_.engine() == nullptr || !pass_.engine()->memory().any())
        return;
    const auto transfer = syscalls::transfer_of(call);
    if (!transfer || !transfer->to || transfer->from)
        return;
    const auto file = guest_->file(*transfer->to);
    Writing writing{file ? file->name : "", named_position(call), *transfer->to};
    if (file && !file->name.empty() && file->name.front() == '/' && !writing.position)
        writing.position = file->position;
    if (const auto socket = guest_->socket(*transfer->to); socket && !socket->local.empty())
        writing.to = socket->local + " to " + socket->peer;
    writings_[&call] = std::move(writing);
}

void Leaving::leave(const Call& call, const Return& result) {
    const auto found = writings_.find(&call);
    if (found == writings_.end())
        return;
    Writing writing = std::move(found->second);
    writings_.erase(found);
    const auto moved = result.ending == Ending::returned
                           ? syscalls::moved_bytes(call, result, guest_->user_memory())
                           : std::nullopt;
    if (!moved)
        return;
    // A file that was opened to append to has its position behind what was written.
    if (writing.position && !named_position(call))
        if (const auto file = guest_->file(writing.fd);
            file && file->name == writing.to && file->position >= *moved)
            writing.position = file->position - *moved;
    uint64_t& stream = stream_positions_[writing.to];
    uint64_t position = writing.position.value_or(stream);
    last_tag_ = clean;
    for (const UserBuffer& buffer : user_buffers(call, *moved, guest_->user_memory())) {
        for (uint64_t i = 0; i < buffer.size; ++i)
            add(call, writing, position + i, pass_.get_byte(buffer.address + i));
        position += buffer.size;
    }
    stream = position;
}

void Leaving::add(const Call& call, const Writing& writing, uint64_t position, ByteTaint taint) {
    const Tag tag = tag_of(taint);
    const Tag before = std::exchange(last_tag_, tag);
    if (tag == clean)
        return;
    Left* run = left_.empty() ? nullptr : &left_.back();
    const bool follows =
        before != clean && run != nullptr && run->last + 1 == position && run->to == writing.to;
    if (follows && tag == before && !run->in_step) {
        run->last = position;
        return;
    }
    std::vector<SourceRange> labels = pass_.labels().ranges(pass_.engine()->tags(), tag);
    const bool one = labels.size() == 1 && labels[0].first == labels[0].last;
    const bool may_step = follows && one && run->from.size() == 1 &&
                          (run->in_step || run->first == run->last) &&
                          run->from[0].source == labels[0].source && run->from[0].last + 1 == labels[0].first;
    if (may_step) {
        run->in_step = true;
        run->last = position;
        run->from[0].last = labels[0].first;
        return;
    }
    const Where where{call.instr, call.pc, pass_.asid(), false};
    left_.push_back({where, call.task.pid, call.task.name, call.name(), writing.to, position, position,
                     std::move(labels), false});
}

// --- Questions ---

Queries::Queries(TaintPass& pass, const std::vector<RangeAt>& ranges) : pass_(pass) {
    for (const RangeAt& range : ranges)
        answers_.push_back({range, {}, 0, false});
    for (QueryAnswer& answer : answers_)
        pass.at(answer.asked.instr, [this, &answer] { ask(answer); });
}

void Queries::ask(QueryAnswer& answer) {
    if (pass_.engine() == nullptr)
        return;
    answer.answered = true;
    ByteTaint before = 0;
    for (uint64_t i = 0; i < answer.asked.length; ++i) {
        const uint64_t address = answer.asked.address + i;
        const uint64_t flat = answer.asked.physical ? pass_.flat_physical(address) : pass_.flat(address);
        const ByteTaint taint = flat == Reach::nowhere ? 0 : pass_.engine()->memory().get(flat);
        answer.nowhere += flat == Reach::nowhere;
        if (taint != 0 && taint == before)
            answer.runs.back().last = i;
        else if (taint != 0)
            answer.runs.push_back(
                {i, i, pass_.labels().ranges(pass_.engine()->tags(), tag_of(taint)), mask_of(taint)});
        before = taint;
    }
}

}  // namespace panda::taint
