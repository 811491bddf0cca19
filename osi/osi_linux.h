/* What PANDA's osi_linux adds to the OSI API, by its own names, for C and C++. */
#ifndef PANDA_OSI_OSI_LINUX_H
#define PANDA_OSI_OSI_LINUX_H

#include "osi/osi.h"

G_BEGIN_DECLS

/* The name of the file that the process has open under this number, as /proc/PID/fd shows it: a full path, or
 * "pipe:[1234]" and the like. NULL if none is open under that number or it cannot be read. Free it with
 * g_free(). */
char* osi_linux_fd_to_filename(CPUState* env, OsiProc* p, int fd);

/* The position in that file, in bytes; all bits set if none is open under that number or it cannot be read.
 * */
unsigned long long osi_linux_fd_to_pos(CPUState* env, OsiProc* p, int fd);

G_END_DECLS

#endif
