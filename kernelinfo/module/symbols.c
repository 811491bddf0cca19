// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses of the kernel's variables and functions. kallsyms_lookup_name() is not exported since 5.7 (commit
 * 0bd476e6c671), but a kprobe can be set on it, and then has its address. Kernels without CONFIG_KALLSYMS_ALL (Debian's
 * for i386) have only functions in their symbol table. Their variables are found in other ways.
 */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/utsname.h>
#include <asm/page.h>

#include "kernelinfo.h"

typedef unsigned long (*lookup_function)(const char *name);

static lookup_function lookup;

static int find_lookup(void)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };
	const int error = register_kprobe(&probe);

	if (error) {
		printk(KERN_INFO "# no symbols: kallsyms_lookup_name cannot be found (error %d)\n", error);
		return error;
	}
	lookup = (lookup_function)probe.addr;
	unregister_kprobe(&probe);
	return 0;
}

/* By how much KASLR has moved the kernel (arch/x86/boot/compressed/kaslr.c): its text is linked at PHYSICAL_START. */
static unsigned long slide(void)
{
	const unsigned long linked = ALIGN(CONFIG_PHYSICAL_START, CONFIG_PHYSICAL_ALIGN);

#ifdef CONFIG_X86_64
	return lookup("_text") - (linked + __START_KERNEL_map);
#else
	return lookup("_text") - (linked + PAGE_OFFSET);
#endif
}

/* Per-CPU variables of x86_64 are linked at 0 and do not move. */
static unsigned long as_linked(unsigned long address)
{
	return address >= PAGE_OFFSET ? address - slide() : address;
}

/* Prints the address unless it is 0. Returns whether it printed it. */
static bool print_if_any(const char *key, unsigned long address)
{
	if (address != 0)
		kernelinfo_print_address(key, as_linked(address));
	return address != 0;
}

/* The banner lies after the functions. Another text of the kernel that starts the same way is a format string. */
static unsigned long find_banner(void)
{
	const unsigned long start = lookup("_etext");
	const unsigned long end = start + (16UL << 20);
	char wanted[80];
	unsigned long at;

	if (start == 0)
		return 0;
	snprintf(wanted, sizeof(wanted), "Linux version %s (", utsname()->release);
	for (at = start; at < end && virt_addr_valid(at + PAGE_SIZE); at++)
		if (*(const char *)at == 'L' && strncmp((const char *)at, wanted, strlen(wanted)) == 0 &&
		    strnstr((const char *)at, utsname()->version, 512))
			return at;
	return 0;
}

/* This module is on the list of modules. The list's head is the only element that lies in the kernel's own memory,
 * because modules have other memory. */
static unsigned long find_modules(void)
{
	const struct list_head *node = &THIS_MODULE->list;

	do {
		node = node->next;
		if (virt_addr_valid((unsigned long)node))
			return (unsigned long)node;
	} while (node != &THIS_MODULE->list);
	return 0;
}

/* Every process has a vDSO, whose area has these operations. */
static unsigned long find_special_mapping_vmops(void)
{
	const unsigned long vdso = current->mm ? (unsigned long)current->mm->context.vdso : 0;
	const struct vm_area_struct *area;
	unsigned long operations = 0;

	if (vdso == 0)
		return 0;
	mmap_read_lock(current->mm);
	area = find_vma(current->mm, vdso);
	if (area && area->vm_start == vdso)
		operations = (unsigned long)area->vm_ops;
	mmap_read_unlock(current->mm);
	return operations;
}

/* See the end of members.list. */
static unsigned long find_exported(const char *name)
{
	char key[40];
	long address;

	snprintf(key, sizeof(key), "export:%s", name);
	address = kernelinfo_member(key);
	return address == -1 ? 0 : address;
}

/* Prints the address of a function to whose name the compiler may have added a suffix. */
static void print_function(const char *key, const char *name)
{
	static const char *const kinds[] = { "isra", "constprop", "part" };
	char full[80];
	size_t kind;
	int number;

	if (print_if_any(key, lookup(name)))
		return;
	for (kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		for (number = 0; number < 10; number++) {
			snprintf(full, sizeof(full), "%s.%s.%d", name, kinds[kind], number);
			if (print_if_any(key, lookup(full)))
				return;
		}
	}
}

static const struct {
	const char *key;
	const char *names[2]; /* older and newer */
	unsigned long (*otherwise)(void);
} variables[] = {
	{ "task.init_addr", { "init_task" } },
	{ "task.per_cpu_offsets_addr", { "__per_cpu_offset" } },
	/* At the start of struct pcpu_hot from 6.2 (commit e57ef2ed97c1) to 6.14. */
	{ "task.current_task_addr", { "current_task", "pcpu_hot" } },
	{ "panda.entry_syscall_64_addr", { "entry_SYSCALL_64" } },
	{ "panda.entry_sysenter_32_addr", { "entry_SYSENTER_32" } },
	{ "panda.int80_addr", { "entry_INT80_32" } },
	{ "panda.page_fault_addr", { "asm_exc_page_fault", "page_fault" } },
	{ "panda.linux_banner_addr", { "linux_banner" }, find_banner },
	{ "panda.init_mm_addr", { "init_mm" } },
	/* In newer kernels the first of an array (kernel/time/timekeeping.c). */
	{ "panda.tk_core_addr", { "tk_core", "timekeeper_data" } },
	{ "panda.modules_addr", { "modules" }, find_modules },
	{ "panda.special_mapping_vmops_addr", { "special_mapping_vmops" }, find_special_mapping_vmops },
	{ "panda.net_namespace_list_addr", { "net_namespace_list" } },
	{ "panda.tcp_hashinfo_addr", { "tcp_hashinfo" } },
	{ "panda.udp_table_addr", { "udp_table" } },
	{ "panda.raw_v4_hashinfo_addr", { "raw_v4_hashinfo" } },
	{ "panda.raw_v6_hashinfo_addr", { "raw_v6_hashinfo" } },
	{ "panda.unix_socket_table_addr", { "unix_socket_table" } },
	{ "panda.nl_table_addr", { "nl_table" } },
};

static unsigned long find_variable(size_t row)
{
	unsigned long address = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(variables[row].names) && address == 0; i++)
		if (variables[row].names[i])
			address = lookup(variables[row].names[i]);
	for (i = 0; i < ARRAY_SIZE(variables[row].names) && address == 0; i++)
		if (variables[row].names[i])
			address = find_exported(variables[row].names[i]);
	if (address == 0 && variables[row].otherwise)
		address = variables[row].otherwise();
	return address;
}

int kernelinfo_print_symbols(void)
{
	const int error = find_lookup();
	size_t i;

	if (error)
		return error;
	for (i = 0; i < ARRAY_SIZE(variables); i++)
		print_if_any(variables[i].key, find_variable(i));
	print_function("task.switch_task_hook_addr", "finish_task_switch");
	print_function("panda.get_signal_addr", "get_signal");
	print_function("panda.dequeue_signal_addr", "dequeue_signal");
	print_function("panda.do_exit_addr", "do_exit");
	/* The value of this boot. Readers that know the address above read it from there instead. */
	kernelinfo_print_address("task.per_cpu_offset_0_addr", per_cpu_offset(0));
	return 0;
}
