#include "osi/osi_types.h"

void free_osiprochandle(OsiProcHandle* handle) {
    g_free(handle);
}

void free_osithread(OsiThread* thread) {
    g_free(thread);
}

void free_osipage(OsiPage* page) {
    g_free(page);
}

void free_osimodule_contents(OsiModule* module) {
    if (module == NULL)
        return;
    g_free(module->file);
    g_free(module->name);
}

void free_osimodule(OsiModule* module) {
    free_osimodule_contents(module);
    g_free(module);
}

void free_osiproc_contents(OsiProc* proc) {
    if (proc == NULL)
        return;
    g_free(proc->name);
    g_free(proc->pages);
}

void free_osiproc(OsiProc* proc) {
    free_osiproc_contents(proc);
    g_free(proc);
}

OsiProcHandle* copy_osiprochandle(const OsiProcHandle* from, OsiProcHandle* to) {
    if (from == NULL)
        return NULL;
    if (to == NULL)
        to = g_new0(OsiProcHandle, 1);
    *to = *from;
    return to;
}

OsiProc* copy_osiproc(const OsiProc* from, OsiProc* to) {
    if (from == NULL || from == to)
        return to;
    if (to == NULL)
        to = g_new0(OsiProc, 1);
    else
        free_osiproc_contents(to);
    *to = *from;
    to->name = g_strdup(from->name);
    to->pages = NULL;
    return to;
}

OsiModule* copy_osimod(const OsiModule* from, OsiModule* to) {
    if (from == NULL || from == to)
        return to;
    if (to == NULL)
        to = g_new0(OsiModule, 1);
    else
        free_osimodule_contents(to);
    *to = *from;
    to->name = g_strdup(from->name);
    to->file = g_strdup(from->file);
    return to;
}
