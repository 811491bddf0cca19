#include "osi/osi.h"

#include <vector>

#include "osi/cpu_point.h"
#include "osi/osi_linux.h"

struct Osi {
    OsiProvider provider{};
    void* data = nullptr;
    GDestroyNotify free_data = nullptr;
    std::vector<on_task_change_t> task_change;
    std::vector<on_new_process_t> new_process;
    std::vector<on_finished_process_t> finished_process;
    std::vector<on_new_thread_t> new_thread;
    std::vector<on_exec_t> exec;

    Osi() = default;
    ~Osi() { drop_provider(); }
    Osi(const Osi&) = delete;
    Osi& operator=(const Osi&) = delete;

    void drop_provider() {
        if (free_data != nullptr)
            free_data(data);
        provider = {};
        data = nullptr;
        free_data = nullptr;
    }
};

namespace {

// Asks the provider's callback `member`. arguments: what goes between the CPUState and the result.
template <typename Result, typename Callback, typename... Arguments>
Result* ask(CPUState* cpu, Callback OsiProvider::* member, Arguments... arguments) {
    Result* result = nullptr;
    if (cpu != nullptr && cpu->osi != nullptr && cpu->osi->provider.*member != nullptr)
        (cpu->osi->provider.*member)(cpu, arguments..., &result);
    return result;
}

// Callbacks may add callbacks; those are called from the next time on.
template <typename Callback, typename... Arguments>
void notify(std::vector<Callback> callbacks, Arguments... arguments) {
    for (const Callback callback : callbacks)
        callback(arguments...);
}

template <typename T>
T* element(GArray* array, unsigned int index) {
    return array != nullptr && index < array->len ? &g_array_index(array, T, index) : nullptr;
}

}  // namespace

const char* const valid_os_re[] = {
    "windows[-_]32[-_]xpsp[23]", "windows[-_]32[-_]7", "windows[-_]32[-_]2000",
    "linux[-_]32[-_].+",         "linux[-_]64[-_].+",  nullptr,
};

bool osi_os_is_valid(const char* os) {
    if (os == nullptr)
        return false;
    for (const char* const* pattern = valid_os_re; *pattern != nullptr; ++pattern) {
        gchar* whole = g_strdup_printf("^(?:%s)$", *pattern);
        const bool matches = g_regex_match_simple(whole, os, G_REGEX_DOLLAR_ENDONLY, GRegexMatchFlags{}) != 0;
        g_free(whole);
        if (matches)
            return true;
    }
    return false;
}

GArray* get_processes(CPUState* cpu) {
    return ask<GArray>(cpu, &OsiProvider::on_get_processes);
}

GArray* get_process_handles(CPUState* cpu) {
    return ask<GArray>(cpu, &OsiProvider::on_get_process_handles);
}

OsiProc* get_current_process(CPUState* cpu) {
    return ask<OsiProc>(cpu, &OsiProvider::on_get_current_process);
}

OsiProcHandle* get_current_process_handle(CPUState* cpu) {
    return ask<OsiProcHandle>(cpu, &OsiProvider::on_get_current_process_handle);
}

OsiProc* get_process(CPUState* cpu, const OsiProcHandle* handle) {
    return handle == nullptr ? nullptr : ask<OsiProc>(cpu, &OsiProvider::on_get_process, handle);
}

OsiThread* get_current_thread(CPUState* cpu) {
    return ask<OsiThread>(cpu, &OsiProvider::on_get_current_thread);
}

GArray* get_modules(CPUState* cpu) {
    return ask<GArray>(cpu, &OsiProvider::on_get_modules);
}

GArray* get_mappings(CPUState* cpu, OsiProc* process) {
    return process == nullptr ? nullptr : ask<GArray>(cpu, &OsiProvider::on_get_mappings, process);
}

GArray* get_libraries(CPUState* cpu, OsiProc* process) {
    return get_mappings(cpu, process);
}

target_pid_t get_process_pid(CPUState* cpu, const OsiProcHandle* handle) {
    OsiProc* process = get_process(cpu, handle);
    const target_pid_t pid = process != nullptr ? process->pid : -1;
    free_osiproc(process);
    return pid;
}

target_pid_t get_process_ppid(CPUState* cpu, const OsiProcHandle* handle) {
    OsiProc* process = get_process(cpu, handle);
    const target_pid_t ppid = process != nullptr ? process->ppid : -1;
    free_osiproc(process);
    return ppid;
}

char* osi_linux_fd_to_filename(CPUState* cpu, OsiProc* process, int fd) {
    return process == nullptr
               ? nullptr
               : ask<char>(cpu, &OsiProvider::on_fd_to_filename, static_cast<const OsiProc*>(process), fd);
}

unsigned long long osi_linux_fd_to_pos(CPUState* cpu, OsiProc* process, int fd) {
    unsigned long long position = ~0ULL;
    if (process != nullptr && cpu != nullptr && cpu->osi != nullptr &&
        cpu->osi->provider.on_fd_to_pos != nullptr)
        cpu->osi->provider.on_fd_to_pos(cpu, process, fd, &position);
    return position;
}

OsiProc* get_one_proc(GArray* processes, unsigned int index) {
    return element<OsiProc>(processes, index);
}

OsiModule* get_one_module(GArray* modules, unsigned int index) {
    return element<OsiModule>(modules, index);
}

void cleanup_garray(GArray* array) {
    if (array != nullptr)
        g_array_free(array, TRUE);
}

void osi_on_task_change(Osi* osi, on_task_change_t callback) {
    osi->task_change.push_back(callback);
}

void osi_on_new_process(Osi* osi, on_new_process_t callback) {
    osi->new_process.push_back(callback);
}

void osi_on_finished_process(Osi* osi, on_finished_process_t callback) {
    osi->finished_process.push_back(callback);
}

void osi_on_new_thread(Osi* osi, on_new_thread_t callback) {
    osi->new_thread.push_back(callback);
}

void osi_on_exec(Osi* osi, on_exec_t callback) {
    osi->exec.push_back(callback);
}

uint64_t osi_instr(CPUState* cpu) {
    return cpu->instr;
}

Osi* osi_new(void) {
    return new Osi;
}

void osi_free(Osi* osi) {
    delete osi;
}

void osi_register_provider(Osi* osi, const OsiProvider* provider, void* data, GDestroyNotify free_data) {
    osi->drop_provider();
    osi->provider = *provider;
    osi->data = data;
    osi->free_data = free_data;
}

void* osi_provider_data(CPUState* cpu) {
    return cpu != nullptr && cpu->osi != nullptr ? cpu->osi->data : nullptr;
}

void notify_task_change(CPUState* cpu) {
    notify(cpu->osi->task_change, cpu);
}

void notify_new_process(CPUState* cpu, OsiProc* process) {
    notify(cpu->osi->new_process, cpu, process);
}

void notify_finished_process(CPUState* cpu, OsiProc* process) {
    notify(cpu->osi->finished_process, cpu, process);
}

void notify_new_thread(CPUState* cpu, OsiThread* thread) {
    notify(cpu->osi->new_thread, cpu, thread);
}

void notify_exec(CPUState* cpu, OsiProc* process) {
    notify(cpu->osi->exec, cpu, process);
}
