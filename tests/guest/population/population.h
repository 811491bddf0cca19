/* What the guest test of introspection runs in its guest: processes of every kind, and a witness. */
#ifndef POPULATION_H
#define POPULATION_H

/* Ends the process with a message when `result` is negative; returns it otherwise. */
int check(int result, const char* what);
/* Runs `body` in a child, which then waits for ever. Returns when the child waits. */
void populate(const char* name, void (*body)(void));

void open_files(void);
void open_sockets(void);
void open_pipe(void);
void map_memory(void);
void start_threads(void);
void change_root_and_mounts(void);
void start_container(void);
void start_other_container(void);

/* Prints what /proc says about all processes, and about the kernel's modules. */
void dump_proc(void);

#endif
