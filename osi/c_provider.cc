// A C++ provider behind the callbacks of osi.h.
#include <exception>

#include "osi/cpu_point.h"

namespace panda::osi {

OsiProc to_c(const Process& process) {
    return {process.handle.task,
            process.handle.asid,
            static_cast<target_pid_t>(process.pid),
            static_cast<target_pid_t>(process.ppid),
            g_strdup(process.name.c_str()),
            nullptr};
}

OsiThread to_c(const Thread& thread) {
    return {static_cast<target_pid_t>(thread.pid), static_cast<target_pid_t>(thread.tid)};
}

namespace {

using Shared = std::shared_ptr<const Provider>;

const Provider& provider_of(CPUState* cpu) {
    return **static_cast<Shared*>(osi_provider_data(cpu));
}

// C callers cannot catch exceptions, so what a provider throws becomes a warning and no result.
template <typename Body>
bool guarded(const char* call, Body&& body) {
    try {
        body();
        return true;
    } catch (const std::exception& error) {
        g_warning("%s: %s", call, error.what());
        return false;
    }
}

OsiProcHandle to_c(const ProcessHandle& handle) {
    return {handle.task, handle.asid};
}

OsiModule to_c(const Module& module) {
    return {module.descriptor, module.base, module.size, nullptr, g_strdup(module.name.c_str())};
}

// As in PANDA, file is the path, and name is its last part or its stand-in.
OsiModule to_c(const Mapping& mapping) {
    const std::string name =
        mapping.has_file ? mapping.name.substr(mapping.name.rfind('/') + 1) : mapping.name;
    return {mapping.descriptor, mapping.start, mapping.end - mapping.start,
            mapping.has_file ? g_strdup(mapping.name.c_str()) : nullptr,
            g_strdup(name.empty() ? "[???]" : name.c_str())};
}

template <typename T>
T* in_new(const T& value) {
    return static_cast<T*>(g_memdup2(&value, sizeof value));
}

template <typename T>
GDestroyNotify clear_function() {
    return nullptr;
}
template <>
GDestroyNotify clear_function<OsiProc>() {
    return [](gpointer proc) { free_osiproc_contents(static_cast<OsiProc*>(proc)); };
}
template <>
GDestroyNotify clear_function<OsiModule>() {
    return [](gpointer module) { free_osimodule_contents(static_cast<OsiModule*>(module)); };
}

// Appends what `get` lists to *out by the rules of osi.h.
template <typename T, typename Get>
void give_list(const char* call, GArray** out, Get&& get) {
    const bool done = guarded(call, [&] {
        const auto list = get();
        if (!list.warning.empty())
            g_warning("%s: %s", call, list.warning.c_str());
        if (*out == nullptr) {
            *out = g_array_sized_new(FALSE, FALSE, sizeof(T), static_cast<guint>(list.entries.size()));
            g_array_set_clear_func(*out, clear_function<T>());
        }
        for (const auto& entry : list.entries) {
            const T value = to_c(entry);
            g_array_append_val(*out, value);
        }
    });
    if (!done && *out != nullptr) {
        g_array_free(*out, TRUE);
        *out = nullptr;
    }
}

void on_processes(CPUState* cpu, GArray** out) {
    give_list<OsiProc>("get_processes", out, [&] { return provider_of(cpu).processes(cpu->point); });
}

void on_process_handles(CPUState* cpu, GArray** out) {
    give_list<OsiProcHandle>("get_process_handles", out,
                             [&] { return provider_of(cpu).process_handles(cpu->point); });
}

void on_modules(CPUState* cpu, GArray** out) {
    give_list<OsiModule>("get_modules", out, [&] { return provider_of(cpu).modules(cpu->point); });
}

void on_mappings(CPUState* cpu, OsiProc* process, GArray** out) {
    give_list<OsiModule>("get_mappings", out, [&] {
        return provider_of(cpu).mappings(cpu->point, {process->taskd, process->asid});
    });
}

void on_process(CPUState* cpu, const OsiProcHandle* handle, OsiProc** out) {
    guarded("get_process", [&] {
        if (const auto process = provider_of(cpu).process(cpu->point, {handle->taskd, handle->asid}))
            *out = in_new(to_c(*process));
    });
}

void on_current_process_handle(CPUState* cpu, OsiProcHandle** out) {
    guarded("get_current_process_handle", [&] {
        if (const auto handle = provider_of(cpu).current_process_handle(cpu->point))
            *out = in_new(to_c(*handle));
    });
}

void on_current_process(CPUState* cpu, OsiProc** out) {
    guarded("get_current_process", [&] {
        const auto handle = provider_of(cpu).current_process_handle(cpu->point);
        const auto process = handle ? provider_of(cpu).process(cpu->point, *handle) : std::nullopt;
        if (process)
            *out = in_new(to_c(*process));
    });
}

void on_current_thread(CPUState* cpu, OsiThread** out) {
    guarded("get_current_thread", [&] {
        if (const auto thread = provider_of(cpu).current_thread(cpu->point))
            *out = in_new(to_c(*thread));
    });
}

std::optional<OpenFile> open_file(CPUState* cpu, const OsiProc* process, int fd) {
    return provider_of(cpu).file(cpu->point, {process->taskd, process->asid}, fd);
}

void on_file_name(CPUState* cpu, const OsiProc* process, int fd, char** out) {
    guarded("osi_linux_fd_to_filename", [&] {
        if (const auto file = open_file(cpu, process, fd); file && !file->name.empty())
            *out = g_strdup(file->name.c_str());
    });
}

void on_file_position(CPUState* cpu, const OsiProc* process, int fd, unsigned long long* out) {
    guarded("osi_linux_fd_to_pos", [&] {
        if (const auto file = open_file(cpu, process, fd))
            *out = file->position;
    });
}

}  // namespace

void register_provider(Osi& osi, std::shared_ptr<const Provider> provider) {
    OsiProvider callbacks{};
    callbacks.on_get_processes = on_processes;
    callbacks.on_get_process_handles = on_process_handles;
    callbacks.on_get_current_process = on_current_process;
    callbacks.on_get_current_process_handle = on_current_process_handle;
    callbacks.on_get_process = on_process;
    callbacks.on_get_current_thread = on_current_thread;
    callbacks.on_get_modules = on_modules;
    callbacks.on_get_mappings = on_mappings;
    callbacks.on_fd_to_filename = on_file_name;
    callbacks.on_fd_to_pos = on_file_position;
    osi_register_provider(&osi, &callbacks, new Shared(std::move(provider)),
                          [](gpointer data) { delete static_cast<Shared*>(data); });
}

}  // namespace panda::osi
