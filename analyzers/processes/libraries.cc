#include "analyzers/processes/libraries.h"

#include <algorithm>

namespace panda::processes {

std::vector<MappedFile> files_of(const std::vector<osi::Mapping>& mappings) {
    std::map<std::string, MappedFile> files;
    for (const osi::Mapping& mapping : mappings) {
        if (!mapping.has_file || mapping.name.empty())
            continue;
        const auto [entry, fresh] = files.try_emplace(mapping.name);
        MappedFile& file = entry->second;
        if (fresh)
            file = {mapping.name, mapping.start, mapping.end - mapping.start};
        file.base = std::min(file.base, mapping.start);
        file.size = std::max(file.size, mapping.end - file.base);
    }
    std::vector<MappedFile> list;
    for (auto& [name, file] : files)
        list.push_back(std::move(file));
    std::sort(list.begin(), list.end(),
              [](const MappedFile& a, const MappedFile& b) { return a.base < b.base; });
    return list;
}

void LibraryWatch::on_start(const osi::EventPoint& at, const osi::Provider& provider) {
    provider_ = &provider;
    if (const auto thread = provider.current_thread(at.point))
        on_task_change(at, *thread);
}

void LibraryWatch::on_task_change(const osi::EventPoint& at, const osi::Thread&) {
    const auto handle = provider_->current_process_handle(at.point);
    if (!handle || handle->asid == 0)
        return;
    if (const auto process = provider_->process(at.point, *handle))
        look_at(at, *process);
}

void LibraryWatch::on_finished_process(const osi::EventPoint& at, const osi::Process& process) {
    look_at(at, process);
}

void LibraryWatch::look_at(const osi::EventPoint& at, const osi::Process& process) {
    if (process.handle.asid == 0 || (!only_.empty() && process.name != only_))
        return;
    std::vector<MappedFile> files = files_of(provider_->mappings(at.point, process.handle).entries);
    const auto [entry, fresh] = numbers_.try_emplace({process.handle.asid, process.name}, found_.size());
    if (fresh)
        found_.push_back({process.pid, process.name, process.handle.asid, at.instr, {}});
    Libraries& known = found_[entry->second];
    // An address space may belong to another process of that name, later.
    if (known.pid != process.pid || files.size() > known.files.size())
        known = {process.pid, process.name, process.handle.asid, at.instr, std::move(files)};
}

}  // namespace panda::processes
