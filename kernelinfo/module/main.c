// SPDX-License-Identifier: GPL-2.0
/*
 * Prints what introspection from outside has to know of the running kernel, as a group for kernelinfo.conf without its
 * heading, between two marks, to the kernel's log; then fails to load, for it has nothing more to do.
 */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/utsname.h>
#include <linux/version.h>

#include "kernelinfo.h"

static int __init kernelinfo_init(void)
{
	int error;

	printk(KERN_INFO "--KERNELINFO-BEGIN--\n");
	printk(KERN_INFO "name = %s|%s|%s\n", utsname()->release, utsname()->version, utsname()->machine);
	kernelinfo_print_offset("version.a", LINUX_VERSION_CODE >> 16);
	kernelinfo_print_offset("version.b", (LINUX_VERSION_CODE >> 8) & 0xff);
	kernelinfo_print_offset("version.c", LINUX_VERSION_CODE & 0xff);
	error = kernelinfo_print_symbols();
	kernelinfo_print_members();
	kernelinfo_print_private();
	printk(KERN_INFO "---KERNELINFO-END---\n");
	return error ? error : -EPERM;
}

module_init(kernelinfo_init);
MODULE_DESCRIPTION("Prints a group for kernelinfo.conf, and fails to load on purpose");
MODULE_LICENSE("GPL");
