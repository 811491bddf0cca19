/* The OSI API of PANDA by its own names, for C and C++ (C++ has a richer one in provider.h).
 *
 * A CPUState is an opaque moment of a guest, which an analyzer hands over. It belongs to an Osi, which has a
 * provider (which knows the guest's operating system) and the callbacks that want to be told of changes.
 * There is no global state, so two guests, or two providers for one guest, do not meet.
 *
 * Every get_... function allocates what it returns; see osi_types.h for who frees it and how. Each returns
 * NULL when there is no provider, when the provider does not implement the call, or when it has no answer. If
 * something is wrong, there is a g_warning() first.
 */
#ifndef PANDA_OSI_OSI_H
#define PANDA_OSI_OSI_H

#include <stdbool.h>

#include "osi/osi_types.h"

G_BEGIN_DECLS

typedef struct CPUState CPUState;
typedef struct Osi Osi;

/* ---- For users ---- */

GArray* get_processes(CPUState* cpu);       /* of OsiProc */
GArray* get_process_handles(CPUState* cpu); /* of OsiProcHandle */
OsiProc* get_current_process(CPUState* cpu);
OsiProcHandle* get_current_process_handle(CPUState* cpu);
OsiProc* get_process(CPUState* cpu, const OsiProcHandle* handle);
OsiThread* get_current_thread(CPUState* cpu);
GArray* get_modules(CPUState* cpu);                     /* of OsiModule: the kernel's */
GArray* get_mappings(CPUState* cpu, OsiProc* process);  /* of OsiModule: files mapped into the process */
GArray* get_libraries(CPUState* cpu, OsiProc* process); /* the older name of get_mappings */
target_pid_t get_process_pid(CPUState* cpu, const OsiProcHandle* handle);  /* -1 when unknown */
target_pid_t get_process_ppid(CPUState* cpu, const OsiProcHandle* handle); /* -1 when unknown */

/* Elements of the arrays above; NULL beyond their ends. The array still owns them. */
OsiProc* get_one_proc(GArray* processes, unsigned int index);
OsiModule* get_one_module(GArray* modules, unsigned int index);
void cleanup_garray(GArray* array); /* frees an array and what its elements own; takes NULL */

typedef void (*on_task_change_t)(CPUState*);
typedef void (*on_new_process_t)(CPUState*, OsiProc*);
typedef void (*on_finished_process_t)(CPUState*, OsiProc*);
typedef void (*on_new_thread_t)(CPUState*, OsiThread*);
typedef void (*on_exec_t)(CPUState*, OsiProc*);

/* Adds a callback. It is called once for each time that it was added, in that order. The caller still owns
 * what the callback gets. */
void osi_on_task_change(Osi* osi, on_task_change_t callback);
void osi_on_new_process(Osi* osi, on_new_process_t callback);
void osi_on_finished_process(Osi* osi, on_finished_process_t callback);
void osi_on_new_thread(Osi* osi, on_new_thread_t callback);
void osi_on_exec(Osi* osi, on_exec_t callback);

/* Where on the time axis the moment is: guest instructions executed since the recording began. */
uint64_t osi_instr(CPUState* cpu);

/* Which part of a trace osi_run_trace() goes over, and how it finds the kernel; all zero for the defaults. */
typedef struct OsiRun {
    uint64_t from;     /* instr */
    uint64_t to;       /* instr to stop before; 0: to the end */
    const char* kconf; /* path of a kernelinfo.conf; NULL: take what the kernel in memory says of itself */
    const char* kconf_group; /* in that file; NULL: the one whose kernel is found */
} OsiRun;

/* Goes over the trace of a Linux guest ("-": standard input), in order, in this thread, and runs osi's
 * callbacks as things happen:
 *
 *   task change       the processor runs another thread: at task.switch_task_hook_addr if the kernelinfo
 *                     group has it, otherwise when the kernel stores its current task
 *   new process       the process is on the process list from here on; kernel threads too
 *   finished process  its last thread begins to exit; its memory and files are still there. Once per process
 *   new thread        a process gets a thread beside its first one
 *   exec              the first instruction of another program is next
 *
 * What is there already when the run begins is not new. Makes osi_linux the provider of `osi` when it finds
 * the kernel. run: NULL for the defaults. Returns false, with *error set (unless error is NULL), when it
 * failed; then not all callbacks have run. */
bool osi_run_trace(Osi* osi, const char* path, const OsiRun* run, GError** error);

/* Whether `os` names an operating system as PANDA's -os does: "linux-64-debian", "windows-32-7" ... */
bool osi_os_is_valid(const char* os);
/* The regular expressions that decide, ending with NULL. */
extern const char* const valid_os_re[];

/* ---- For providers ---- */

/* A callback that gets `GArray **out` makes an array and sets its clear function if *out is NULL; otherwise
 * it appends to the array that is there. After an error it frees the array and sets *out to NULL. */
typedef void (*on_get_processes_t)(CPUState*, GArray**);
typedef void (*on_get_process_handles_t)(CPUState*, GArray**);
typedef void (*on_get_current_process_t)(CPUState*, OsiProc**);
typedef void (*on_get_current_process_handle_t)(CPUState*, OsiProcHandle**);
typedef void (*on_get_process_t)(CPUState*, const OsiProcHandle*, OsiProc**);
typedef void (*on_get_current_thread_t)(CPUState*, OsiThread**);
typedef void (*on_get_modules_t)(CPUState*, GArray**);
typedef void (*on_get_mappings_t)(CPUState*, OsiProc*, GArray**);
/* For osi_linux.h; a name is g_malloc'ed. */
typedef void (*on_fd_to_filename_t)(CPUState*, const OsiProc*, int, char**);
typedef void (*on_fd_to_pos_t)(CPUState*, const OsiProc*, int, unsigned long long*);

/* What a provider implements; NULL for what it does not implement. */
typedef struct OsiProvider {
    on_get_processes_t on_get_processes;
    on_get_process_handles_t on_get_process_handles;
    on_get_current_process_t on_get_current_process;
    on_get_current_process_handle_t on_get_current_process_handle;
    on_get_process_t on_get_process;
    on_get_current_thread_t on_get_current_thread;
    on_get_modules_t on_get_modules;
    on_get_mappings_t on_get_mappings;
    on_fd_to_filename_t on_fd_to_filename;
    on_fd_to_pos_t on_fd_to_pos;
} OsiProvider;

Osi* osi_new(void);
void osi_free(Osi* osi); /* takes NULL */

/* Makes this the provider, in place of the one before, whose data is freed. data: for the callbacks, which
 * get it from osi_provider_data(); free_data (or NULL) frees it at the end. */
void osi_register_provider(Osi* osi, const OsiProvider* provider, void* data, GDestroyNotify free_data);
void* osi_provider_data(CPUState* cpu);

/* These run the callbacks. The provider calls them after the guest has switched to another task, made a
 * process, or ended one. */
void notify_task_change(CPUState* cpu);
void notify_new_process(CPUState* cpu, OsiProc* process);
void notify_finished_process(CPUState* cpu, OsiProc* process);
void notify_new_thread(CPUState* cpu, OsiThread* thread);
void notify_exec(CPUState* cpu, OsiProc* process);

G_END_DECLS

#endif
