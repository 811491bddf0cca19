#include "analyzers/osi/reporter.h"

#include <ostream>

#include "analyzers/osi/file_report.h"
#include "analyzers/osi/memory_report.h"
#include "analyzers/osi/pandalog_entries.h"
#include "analyzers/osi/select_processes.h"
#include "analyzers/osi/socket_report.h"

namespace panda::analyze_osi {

void Reporter::warn(const std::vector<std::string>& warnings, uint64_t instr) {
    for (const std::string& warning : warnings) {
        errors_ << "panda-analyze-osi: ";
        if (query_.repeated)
            errors_ << "instr " << instr << ": ";
        errors_ << warning << '\n';
        complete_ = false;
    }
}

template <typename Report>
void Reporter::write(Report report, const osi::EventPoint& at) {
    report.instr = at.instr;
    if (query_.json)
        write_json(out_, report);
    else
        write_table(out_, report);
    if (log_ != nullptr)
        write_pandalog(*log_, report, at.pc);
    warn(report.warnings, at.instr);
    ++reports_;
}

void Reporter::report(const osi::Provider& provider, const osi::EventPoint& at) {
    try {
        if (query_.repeated && !query_.json)
            out_ << "instr " << at.instr << ":\n";
        switch (query_.subject) {
            case Subject::processes:
                return write(make_process_report(provider, at.point, query_.processes), at);
            case Subject::mappings:
                return write(make_mapping_report(provider, at.point, query_.pid), at);
            case Subject::files:
                return write(make_file_report(provider, at.point, query_.pid, query_.processes.threads), at);
            case Subject::sockets:
                return write(make_socket_report(provider, at.point, query_.pid), at);
            case Subject::modules:
                return write(make_module_report(provider, at.point), at);
        }
    } catch (const NoSuchProcess&) {
        if (!query_.repeated)
            throw;
    }
}

void Reporter::report_of(const osi::Provider& provider, const osi::EventPoint& at,
                         const osi::Process& process) {
    if (query_.subject == Subject::mappings) {
        auto list = provider.mappings(at.point, process.handle);
        MappingReport report;
        report.processes.push_back({process.pid, std::move(list.entries)});
        add_warning(report.warnings, process.pid, list.warning);
        write(std::move(report), at);
    } else if (query_.subject == Subject::files) {
        auto list = provider.files(at.point, process.handle);
        FileReport report;
        report.processes.push_back({process.pid, std::move(list.entries)});
        add_warning(report.warnings, process.pid, list.warning);
        write(std::move(report), at);
    } else if (query_.subject == Subject::sockets) {
        SocketReport report;
        add_sockets(report, provider, at.point, process);
        write(std::move(report), at);
    }
}

}  // namespace panda::analyze_osi
