#include "analyzers/taint/sources.h"

#include <algorithm>

#include "analyzers/syscalls/transfer.h"
#include "analyzers/taint/user_buffers.h"
#include "common/error.h"

namespace panda::taint {

using syscalls::Call;
using syscalls::Ending;
using syscalls::Return;

namespace {

constexpr uint64_t page_size = trace::page_size;
constexpr uint64_t most_string = 1 << 20;  // bytes of an argument
constexpr size_t most_strings = 1 << 16;
constexpr uint32_t af_inet = 2;
constexpr uint32_t af_inet6 = 10;

}  // namespace

Sources::Sources(TaintPass& pass, SourceOptions options)
    : pass_(pass),
      options_(std::move(options)),
      stdin_processes_(options_.stdin_of, false),
      programs_(options_.programs, false) {
    for (const RangeAt& range : options_.ranges)
        pass_.at(range.instr, [this, &range] { label_range(range); });
    for (const RegisterAt& which : options_.registers)
        pass_.at(which.instr, [this, &which] { label_register(which); });
    if (!options_.files.empty())
        pass_.on_any_fill([this](uint64_t page, uint64_t flat) { filled(page, flat); });
    if (!options_.strings.empty())
        pass_.on_any_access([this](const trace::BlockExecution&, std::span<const trace::Access> accesses) {
            accessed(accesses);
        });
    pass_.on_any_event([this](const trace::Event& event) {
        if (const auto* back = std::get_if<trace::SystemReturn>(&event.detail))
            returned_to_program(*back);
    });
}

bool Sources::needs_kernel() const {
    return !options_.files.empty() || !options_.stdin_of.empty() || options_.network || options_.arguments ||
           options_.environment;
}

void Sources::attach(syscalls::CallTracker& tracker, syscalls::LinuxGuest& guest) {
    guest_ = &guest;
    if (!needs_kernel())
        return;
    tracker.on_all_sys_enter([this](const Call& call) { enter(call); });
    tracker.on_all_sys_return([this](const Call& call, const Return& result) { leave(call, result); });
    tracker.on_exit([this](const syscalls::Task& task, uint32_t, uint64_t) {
        if (task.tid == task.pid)
            unmap(task.pid, 0, ~uint64_t{0});
    });
}

bool Sources::wants_file(const std::string& name) const {
    return std::ranges::any_of(options_.files,
                               [&](const std::string& wanted) { return name.ends_with(wanted); });
}

// --- Labels ---

std::optional<Tag> Sources::tag_for(uint32_t source, uint64_t position) {
    if (position < options_.start || position >= options_.end)
        return std::nullopt;
    const uint64_t labelled = options_.positions ? position : options_.label;
    if (pass_.labels().labels_of(source) >= options_.most_labels) {
        ++left_out_;
        return std::nullopt;
    }
    return pass_.engine()->tags().of_label(pass_.labels().label(source, labelled));
}

void Sources::note(const std::string& how, uint64_t address, const SourceRange& range) {
    const auto task = pass_.task();
    labelled_.push_back({pass_.instr(), task ? task->pid : 0, task ? task->name : "", how, address, range});
}

void Sources::label_bytes(const std::string& how, uint32_t source, uint64_t position, uint64_t address,
                          uint64_t size) {
    std::optional<SourceRange> done;
    for (uint64_t i = 0; i < size; ++i) {
        const auto tag = tag_for(source, position + i);
        if (!tag)
            continue;
        if (!pass_.set_byte(address + i, *tag)) {
            ++nowhere_;
            continue;
        }
        if (!done)
            done = SourceRange{source, position + i, position + i};
        done->last = position + i;
    }
    if (done)
        note(how, address + (done->first - position), *done);
}

// --- System calls that read ---

void Sources::enter(const Call& call) {
    const auto transfer = syscalls::transfer_of(call);
    const std::string name = call.name();
    if (name == "mmap" || name == "mmap2") {
        const int64_t fd = syscalls::fd_argument(call, 4);
        const bool old = name == "mmap" && call.abi != syscalls::Abi::x86_64;  // with its arguments in memory
        if (options_.files.empty() || fd < 0 || old)
            return;
        if (const std::string file = guest_->describe_fd(fd); wants_file(file))
            mappings_[&call] = pass_.labels().source({"file", file});
        return;
    }
    if (!transfer || !transfer->from || transfer->to)
        return;
    if (!options_.files.empty()) {
        const auto file = guest_->file(*transfer->from);
        if (file && wants_file(file->name)) {
            const uint64_t position = named_position(call).value_or(file->position);
            readings_[&call] = {pass_.labels().source({"file", file->name}), position, name};
            return;
        }
    }
    if (!options_.stdin_of.empty() && *transfer->from == 0 && stdin_processes_.selects(call.task)) {
        readings_[&call] = {pass_.labels().source({"stdin", "stdin of " + call.task.name}), std::nullopt,
                            name};
        return;
    }
    if (!options_.network)
        return;
    const auto socket = guest_->socket(*transfer->from);
    if (!socket || (socket->family != af_inet && socket->family != af_inet6) ||
        socket->peer.find(options_.peer) == std::string::npos)
        return;
    readings_[&call] = {pass_.labels().source({"net", socket->peer + " to " + socket->local}), std::nullopt,
                        name};
}

void Sources::leave(const Call& call, const Return& result) {
    if (const auto found = readings_.find(&call); found != readings_.end()) {
        const Reading reading = std::move(found->second);
        readings_.erase(found);
        transferred(call, result, reading);
    } else if (const auto mapping = mappings_.find(&call); mapping != mappings_.end()) {
        const uint32_t source = mapping->second;
        mappings_.erase(mapping);
        mapped(call, result, source);
    }
    if (result.ending != Ending::returned || result.failed())
        return;
    const std::string name = call.name();
    if (name == "munmap") {
        unmap(call.task.pid, call.arguments[0], call.arguments[0] + call.arguments[1]);
    } else if (name == "execve" || name == "execveat") {
        unmap(call.task.pid, 0, ~uint64_t{0});
        if ((options_.arguments || options_.environment))
            executed_ = pass_.task();
    }
}

void Sources::transferred(const Call& call, const Return& result, const Reading& reading) {
    const auto moved = result.ending == Ending::returned
                           ? syscalls::moved_bytes(call, result, guest_->user_memory())
                           : std::nullopt;
    if (!moved)
        return;
    uint64_t& stream = stream_positions_[reading.source];
    uint64_t position = reading.position.value_or(stream);
    for (const UserBuffer& buffer : user_buffers(call, *moved, guest_->user_memory())) {
        label_bytes(reading.how, reading.source, position, buffer.address, buffer.size);
        position += buffer.size;
    }
    stream = position;
}

// --- Files in memory ---

void Sources::mapped(const Call& call, const Return& result, uint32_t source) {
    if (result.ending != Ending::returned || result.failed() || call.arguments[1] == 0)
        return;
    const auto begin = static_cast<uint64_t>(result.value) &
                       (call.abi == syscalls::Abi::x86_64 ? ~uint64_t{0} : 0xffff'ffff);
    const uint64_t pages = (call.arguments[1] + page_size - 1) / page_size;
    constexpr uint64_t most_pages = uint64_t{1} << 28;
    if (pages > most_pages)
        return;
    unmap(call.task.pid, begin, begin + pages * page_size);
    mapped_.push_back({call.task.pid, pass_.asid(), begin, begin + pages * page_size,
                       call.name() == "mmap2" ? call.arguments[5] * page_size : call.arguments[5], source,
                       std::vector<bool>(pages)});
    // Some pages may be there already (MAP_POPULATE).
    for (uint64_t page = begin; page < begin + pages * page_size && pages <= 4096; page += page_size)
        if (const uint64_t flat = pass_.flat(page); flat != Reach::nowhere)
            label_page(mapped_.back(), page, flat);
}

void Sources::unmap(int64_t pid, uint64_t begin, uint64_t end) {
    for (Mapped& mapping : mapped_) {
        if (mapping.pid != pid || mapping.begin >= end || mapping.end <= begin)
            continue;
        for (uint64_t page = std::max(begin, mapping.begin); page < std::min(end, mapping.end);
             page += page_size)
            mapping.done[(page - mapping.begin) / page_size] = true;
    }
    std::erase_if(mapped_,
                  [](const Mapped& mapping) { return std::ranges::all_of(mapping.done, std::identity{}); });
}

// A page of a mapping appears: it is the file's, or a copy that the process is about to change.
void Sources::filled(uint64_t page, uint64_t flat) {
    if (mapped_.empty() || flat == Reach::nowhere)
        return;
    const uint64_t address = page * page_size;
    const uint64_t asid = pass_.asid();
    for (Mapped& mapping : mapped_)
        if (mapping.asid == asid && address >= mapping.begin && address < mapping.end)
            label_page(mapping, address, flat);
}

void Sources::label_page(Mapped& mapping, uint64_t page, uint64_t flat) {
    const uint64_t number = (page - mapping.begin) / page_size;
    if (mapping.done[number])
        return;
    mapping.done[number] = true;
    ShadowMemory& memory = pass_.engine()->memory();
    const uint64_t position = mapping.offset + number * page_size;
    std::optional<SourceRange> labelled;
    for (uint64_t i = 0; i < page_size; ++i) {
        const auto tag = tag_for(mapping.source, position + i);
        if (!tag)
            continue;
        memory.set(flat + i, byte_taint(*tag, 0xff));
        if (!labelled)
            labelled = SourceRange{mapping.source, position + i, position + i};
        labelled->last = position + i;
    }
    if (labelled)
        note("mmap", page + (labelled->first - position), *labelled);
}

// --- Arguments ---

// A program starts: its stack has the number of arguments, pointers to them, 0, pointers to the environment, 0.
void Sources::returned_to_program(const trace::SystemReturn& back) {
    if (!executed_)
        return;
    const syscalls::Task task = *executed_;
    executed_.reset();
    if (!programs_.selects(task))
        return;
    const uint64_t word = pass_.guest().cpu().long_mode() ? 8 : 4;
    uint64_t count = 0;
    if (!guest_->user_memory().read(back.stack_pointer,
                                    std::as_writable_bytes(std::span(&count, 1)).first(word)))
        return;
    const uint64_t list = back.stack_pointer + word;
    if (options_.arguments)
        label_strings(list, "argument", task.name);
    if (options_.environment && count < most_strings)
        label_strings(list + (count + 1) * word, "environment", task.name);
}

void Sources::label_strings(uint64_t list, const char* kind, const std::string& name) {
    const uint64_t word = pass_.guest().cpu().long_mode() ? 8 : 4;
    for (size_t i = 0; i < most_strings; ++i) {
        uint64_t address = 0;
        if (!guest_->user_memory().read(list + i * word,
                                        std::as_writable_bytes(std::span(&address, 1)).first(word)) ||
            address == 0)
            return;
        uint64_t size = 0;
        for (char byte = 1; size < most_string; ++size)
            if (!guest_->user_memory().read(address + size, std::as_writable_bytes(std::span(&byte, 1))) ||
                byte == 0)
                break;
        label_bytes(
            kind, pass_.labels().source({kind, std::string(kind) + " " + std::to_string(i) + " of " + name}),
            0, address, size);
    }
}

// --- Bytes and registers at a moment ---

std::vector<std::string> Sources::waiting() const {
    std::vector<std::string> texts;
    const auto add = [&](const auto& moments) {
        for (const auto& moment : moments)
            if (!moments_done_.contains(&moment.text))
                texts.push_back(moment.text);
    };
    add(options_.ranges);
    add(options_.registers);
    return texts;
}

void Sources::label_range(const RangeAt& range) {
    moments_done_.insert(&range.text);
    if (pass_.engine() == nullptr)
        throw Error("memory is not known at " + range.text);
    const uint32_t source = pass_.labels().source({"range", range.text});
    if (!range.physical)
        return label_bytes("range", source, 0, range.address, range.length);
    for (uint64_t i = 0; i < range.length; ++i) {
        const uint64_t flat = pass_.flat_physical(range.address + i);
        const auto tag = tag_for(source, i);
        if (flat == Reach::nowhere)
            ++nowhere_;
        else if (tag)
            pass_.engine()->memory().set(flat, byte_taint(*tag, 0xff));
    }
    note("range", range.address, {source, 0, range.length - 1});
}

void Sources::label_register(const RegisterAt& which) {
    moments_done_.insert(&which.text);
    if (pass_.engine() == nullptr)
        throw Error("the processor is not known at " + which.text);
    const auto range = pass_.engine()->state().find(which.name);
    if (!range)
        throw UsageError("there is no register " + which.name);
    const uint32_t source = pass_.labels().source({"register", which.text});
    for (uint32_t i = 0; i < range->size; ++i)
        if (const auto tag = tag_for(source, i))
            pass_.engine()->state().set(range->offset + i, byte_taint(*tag, 0xff));
    note("register", 0, {source, 0, range->size - 1});
}

// --- Strings ---

// A string appears when its last byte is read or written. Memory is looked at when it has what was written, before the
// next execution.
void Sources::accessed(std::span<const trace::Access> accesses) {
    find_strings();
    for (const trace::Access& access : accesses) {
        if (access.kind == trace::AccessKind::fill || access.kind == trace::AccessKind::table_write)
            continue;
        for (uint32_t i = 0; i < access.size; ++i) {
            for (size_t text = 0; text < options_.strings.size(); ++text) {
                if (access.is_store()) {
                    const uint64_t half = i < 8 ? access.value : access.value_high;
                    if (static_cast<char>(half >> (i % 8 * 8) & 0xff) != options_.strings[text].back())
                        continue;
                }
                candidates_.push_back({access.address + i, text});
            }
        }
    }
}

void Sources::find_strings() {
    for (const Candidate& candidate : candidates_) {
        const std::string& text = options_.strings[candidate.text];
        const uint64_t begin = candidate.address - (text.size() - 1);
        std::string found(text.size(), '\0');
        if (!guest_->user_memory().read(begin, std::as_writable_bytes(std::span(found))) || found != text)
            continue;
        if (pass_.get_byte(begin) == 0)  // else it is known already
            label_bytes("string", pass_.labels().source({"string", text}), 0, begin, text.size());
    }
    candidates_.clear();
}

}  // namespace panda::taint
