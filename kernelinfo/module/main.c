// SPDX-License-Identifier: GPL-2.0
/*
 * Prints what introspection from outside has to know of the running kernel, as a group for kernelinfo.conf without its
 * heading, between two marks, to the kernel's log; then fails to load, for it has nothing more to do.
 */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/utsname.h>
#include <linux/version.h>

#include "headers.h"
#include "kernelinfo.h"

struct member {
	const char *key;
	long value;
};

/* The first of several with the same key counts. */
static const struct member members[] = {
#define MEMBER(key, value) { key, (long)(value) },
#include "members.h"
#undef MEMBER
};

long kernelinfo_member(const char *key)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(members); i++)
		if (strcmp(members[i].key, key) == 0)
			return members[i].value;
	return -1;
}

void kernelinfo_print_offset(const char *key, long value)
{
	printk(KERN_INFO "%s = %ld\n", key, value);
}

void kernelinfo_print_address(const char *key, unsigned long value)
{
	printk(KERN_INFO "%s = %lu\n", key, value);
	printk(KERN_INFO "#%s = 0x%08lX\n", key, value);
}

static void print_members(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(members); i++) {
		const bool first = i == 0 || strcmp(members[i].key, members[i - 1].key) != 0;

		if (first && strstarts(members[i].key, "export:") == 0)
			kernelinfo_print_offset(members[i].key, members[i].value);
	}
}

static int __init kernelinfo_init(void)
{
	int error;

	printk(KERN_INFO "--KERNELINFO-BEGIN--\n");
	printk(KERN_INFO "name = %s|%s|%s\n", utsname()->release, utsname()->version, utsname()->machine);
	kernelinfo_print_offset("version.a", LINUX_VERSION_CODE >> 16);
	kernelinfo_print_offset("version.b", (LINUX_VERSION_CODE >> 8) & 0xff);
	kernelinfo_print_offset("version.c", LINUX_VERSION_CODE & 0xff);
	error = kernelinfo_print_symbols();
	print_members();
	kernelinfo_print_private();
	printk(KERN_INFO "---KERNELINFO-END---\n");
	return error ? error : -EPERM;
}

module_init(kernelinfo_init);
MODULE_DESCRIPTION("Prints a group for kernelinfo.conf, and fails to load on purpose");
MODULE_LICENSE("GPL");
