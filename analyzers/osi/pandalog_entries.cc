#include "analyzers/osi/pandalog_entries.h"

#include <span>

#include "analyzers/pandalog/pandalog.capnp.h"

namespace panda::analyze_osi {
namespace {

capnp::Text::Reader text_of(const std::string& text) {
    return {text.c_str(), text.size()};
}

// Writes one entry, which `fill` completes first.
template <typename Fill>
void write(pandalog::PandalogFile& file, uint64_t instr, uint64_t pc, Fill&& fill) {
    capnp::MallocMessageBuilder message;
    auto entry = message.initRoot<pandalog::Entry>();
    entry.setInstr(instr);
    entry.setPc(pc);
    fill(entry);
    file.write(message);
}

template <typename List>
void set_texts(List list, const std::vector<std::string>& texts) {
    for (unsigned i = 0; i < list.size(); ++i)
        list.set(i, text_of(texts[i]));
}

void set_details(pandalog::Process::Details::Builder to, const osi::ProcessDetails& details) {
    if (details.uid && details.gid && details.euid && details.egid) {
        auto owner = to.initOwner().initKnown();
        owner.setUid(*details.uid);
        owner.setGid(*details.gid);
        owner.setEuid(*details.euid);
        owner.setEgid(*details.egid);
    }
    to.setStartTime(details.start_time.value_or(0));
    to.setExecutable(text_of(details.executable));
    to.setWorkingDirectory(text_of(details.working_directory));
}

void set_task(pandalog::Task::Builder to, const osi::Thread& thread, uint64_t asid) {
    to.setPid(thread.pid);
    to.setTid(thread.tid);
    to.setName(text_of(thread.name));
    to.setTask(thread.task);
    to.setAsid(asid);
}

void set_process(pandalog::Process::Builder to, const ProcessEntry& entry, const ProcessOptions& options) {
    const osi::Process& process = entry.process;
    to.setPid(process.pid);
    to.setPpid(process.ppid);
    to.setName(text_of(process.name));
    to.setTitle(text_of(process.title));
    to.setTask(process.handle.task);
    to.setAsid(process.handle.asid);
    if (options.details)
        set_details(to.initDetails(), entry.details);
    set_texts(to.initArguments(static_cast<unsigned>(entry.arguments.size())), entry.arguments);
    set_texts(to.initEnvironment(static_cast<unsigned>(entry.environment.size())), entry.environment);
    auto threads = to.initThreads(static_cast<unsigned>(entry.threads.size()));
    for (unsigned i = 0; i < threads.size(); ++i)
        set_task(threads[i], entry.threads[i], process.handle.asid);
}

}  // namespace

void write_pandalog(pandalog::PandalogFile& file, const ProcessReport& report, uint64_t pc) {
    for (const ProcessEntry& process : report.entries)
        write(file, report.instr, pc, [&](pandalog::Entry::Builder entry) {
            set_process(entry.initProcess(), process, report.options);
        });
}

void write_pandalog(pandalog::PandalogFile& file, const MappingReport& report, uint64_t pc) {
    for (const auto& [pid, mappings] : report.processes)
        for (const osi::Mapping& mapping : mappings)
            write(file, report.instr, pc, [&, pid = pid](pandalog::Entry::Builder entry) {
                auto to = entry.initMapping();
                to.setPid(pid);
                to.setStart(mapping.start);
                to.setEnd(mapping.end);
                to.setPermissions(text_of(mapping.permissions));
                to.setOffset(mapping.offset);
                to.setName(text_of(mapping.name));
            });
}

void write_pandalog(pandalog::PandalogFile& file, const FileReport& report, uint64_t pc) {
    for (const auto& [pid, files, tid] : report.processes)
        for (const osi::OpenFile& open : files)
            write(file, report.instr, pc, [&, pid = pid](pandalog::Entry::Builder entry) {
                auto to = entry.initOpenFile();
                to.setPid(pid);
                to.setFd(open.fd);
                to.setPosition(open.position);
                to.setName(text_of(open.name));
                to.setFile(open.descriptor);
            });
}

// A socket that no process has open has pid 0 and fd -1.
void write_pandalog(pandalog::PandalogFile& file, const SocketReport& report, uint64_t pc) {
    const SocketUser nobody = {0, -1, {}};
    for (const auto& [socket, users] : report.sockets)
        for (const SocketUser& user : users.empty() ? std::span(&nobody, 1) : std::span(users))
            file.write_fact(report.instr, pc, "osi-socket",
                            {{"pid", user.pid},
                             {"fd", user.fd},
                             {"inode", socket.inode},
                             {"netid", netid(socket)},
                             {"state", socket.state},
                             {"local", socket.local},
                             {"peer", socket.peer},
                             {"receive_queue", socket.receive_queue},
                             {"send_queue", socket.send_queue}});
}

void write_pandalog(pandalog::PandalogFile& file, const ModuleReport& report, uint64_t pc) {
    for (const osi::Module& module : report.modules)
        write(file, report.instr, pc, [&](pandalog::Entry::Builder entry) {
            auto to = entry.initKernelModule();
            to.setName(text_of(module.name));
            to.setBase(module.base);
            to.setSize(module.size);
        });
}

void write_pandalog(pandalog::PandalogFile& file, EventKind kind, const osi::EventPoint& at,
                    const ProcessEntry& process, const ProcessOptions& options) {
    write(file, at.instr, at.pc, [&](pandalog::Entry::Builder entry) {
        set_process(kind == EventKind::new_process        ? entry.initNewProcess()
                    : kind == EventKind::finished_process ? entry.initFinishedProcess()
                                                          : entry.initExecution(),
                    process, options);
    });
}

void write_pandalog(pandalog::PandalogFile& file, EventKind kind, const osi::EventPoint& at,
                    const osi::Thread& thread, uint64_t asid) {
    write(file, at.instr, at.pc, [&](pandalog::Entry::Builder entry) {
        set_task(kind == EventKind::task_change  ? entry.initTaskChange()
                 : kind == EventKind::new_thread ? entry.initNewThread()
                                                 : entry.initFinishedThread(),
                 thread, asid);
    });
}

}  // namespace panda::analyze_osi
