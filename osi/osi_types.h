/* The data types of the OSI API, as PANDA's osi_types.h has them, for C and C++.
 *
 * Ownership: a caller that gets a struct by pointer frees it with free_osi…(). Structs in a GArray are freed
 * with it by g_array_free(array, true), because providers set the clear function. Text is GLib's: use
 * g_free().
 */
#ifndef PANDA_OSI_OSI_TYPES_H
#define PANDA_OSI_OSI_TYPES_H

#include <glib.h>
#include <stdint.h>
#include <string.h>

typedef uint64_t target_ptr_t; /* guest virtual or physical address */
typedef uint64_t target_ulong;
typedef int32_t target_pid_t;

G_BEGIN_DECLS

/* Enough to identify a process and to ask for more. */
typedef struct osi_prochandle_struct {
    target_ptr_t taskd; /* virtual address of the task descriptor; Linux: struct task_struct */
    target_ptr_t asid;  /* physical address of the top page table; 0 for kernel threads, which have none */
} OsiProcHandle;

typedef struct osi_thread_struct {
    target_pid_t pid; /* of the process */
    target_pid_t tid;
} OsiThread;

/* A page of memory. As in PANDA, no provider fills these in. */
typedef struct osi_page_struct {
    target_ptr_t start;
    target_ulong len;
} OsiPage;

/* A module of the kernel, or a file mapped into a process. */
typedef struct osi_module_struct {
    target_ptr_t modd; /* virtual address of its descriptor; Linux: struct module or struct vm_area_struct */
    target_ptr_t base; /* virtual address */
    target_ptr_t size; /* bytes */
    char* file;        /* path; may be NULL */
    char* name;
} OsiModule;

typedef struct osi_proc_struct {
    target_ptr_t taskd;
    target_ptr_t asid;
    target_pid_t pid;
    target_pid_t ppid;
    char* name;
    OsiPage* pages; /* NULL */
} OsiProc;

/* The ..._contents functions free what a struct owns, but not the struct; they are for
 * g_array_set_clear_func(). All functions take NULL. */
void free_osiprochandle(OsiProcHandle* handle);
void free_osithread(OsiThread* thread);
void free_osipage(OsiPage* page);
void free_osimodule_contents(OsiModule* module);
void free_osimodule(OsiModule* module);
void free_osiproc_contents(OsiProc* proc);
void free_osiproc(OsiProc* proc);

/* Copies *from into *to, whose contents are freed first, or into a new struct if to is NULL. Returns the
 * copy, or NULL if from is NULL. The copy has its own copies of texts. */
OsiProcHandle* copy_osiprochandle(const OsiProcHandle* from, OsiProcHandle* to);
OsiProc* copy_osiproc(const OsiProc* from, OsiProc* to);
OsiModule* copy_osimod(const OsiModule* from, OsiModule* to);

G_END_DECLS

#endif
