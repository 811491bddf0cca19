// SPDX-License-Identifier: GPL-2.0
/*
 * Lines of the group, to the kernel's log.
 */
#include <linux/kernel.h>
#include <linux/printk.h>

#include "kernelinfo.h"

void kernelinfo_print_offset(const char *key, long value)
{
	printk(KERN_INFO "%s = %ld\n", key, value);
}

void kernelinfo_print_address(const char *key, unsigned long value)
{
	printk(KERN_INFO "%s = %lu\n", key, value);
	printk(KERN_INFO "#%s = 0x%08lX\n", key, value);
}
