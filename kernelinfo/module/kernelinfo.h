/* What the files of this module have of one another. */
#ifndef KERNELINFO_H
#define KERNELINFO_H

#include <linux/types.h>

/* print.c: one line of the group each. */
void kernelinfo_print_offset(const char *key, long value);
void kernelinfo_print_address(const char *key, unsigned long value);

/* members.c: the value of a key that members.list gives; -1 when this kernel does not have it. */
long kernelinfo_member(const char *key);
/* Prints them all, but for those that only this module asks for (export:...). */
void kernelinfo_print_members(void);

/* symbols.c: prints the addresses of variables and functions, as linked. 0, or an error. */
int kernelinfo_print_symbols(void);
/* private.c: prints the layout of structs that no header shows. What cannot be found is left out. */
void kernelinfo_print_private(void);

#endif
