// SPDX-License-Identifier: GPL-2.0
/*
 * Structs that no header for modules has: struct mount (fs/mount.h), struct kthread (kernel/kthread.c), struct worker
 * and struct workqueue_struct (kernel/workqueue*), struct netlink_sock and struct netlink_table
 * (net/netlink/af_netlink.h), struct mnt_namespace (fs/mount.h). So this makes an object whose members have known values, and looks for these values in it.
 */
#include <linux/completion.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <net/net_namespace.h>

#include "headers.h"
#include "kernelinfo.h"

/* How much of an object is searched, in bytes. The objects are larger, or there is more memory behind them. */
#define KTHREAD_BYTES 256
#define WORKER_BYTES 256
#define WORKQUEUE_BYTES 512
#define MOUNT_BYTES 128 /* before its vfsmount */

static unsigned long word_at(const void *base, long offset)
{
	return *(const unsigned long *)((const char *)base + offset);
}

static bool is_object(unsigned long address)
{
	return address % sizeof(long) == 0 && virt_addr_valid(address);
}

/* The place of the first word with this value, from `from` on and before `to`; -1 when there is none. */
static long find_word(const void *base, long from, long to, unsigned long value)
{
	long offset;

	for (offset = from; offset < to; offset += sizeof(long))
		if (word_at(base, offset) == value)
			return offset;
	return -1;
}

static long find_text(const void *base, long size, const char *text)
{
	const size_t length = strlen(text) + 1;
	long offset;

	for (offset = 0; offset + (long)length <= size; offset++)
		if (memcmp((const char *)base + offset, text, length) == 0)
			return offset;
	return -1;
}

static void print_if_found(const char *key, long offset)
{
	if (offset != -1)
		kernelinfo_print_offset(key, offset);
}

/* A struct mount points to the mount that it is on, and to the place there. follow_up() returns both. */
static void print_mount(void)
{
	struct path below, above;
	long parent, point;

	if (kern_path("/proc", LOOKUP_FOLLOW, &below))
		return;
	above = below;
	path_get(&above);
	if (follow_up(&above)) {
		const unsigned long mnt = (unsigned long)above.mnt;

		point = find_word(below.mnt, -MOUNT_BYTES, 0, (unsigned long)above.dentry);
		for (parent = -MOUNT_BYTES; parent < 0; parent += sizeof(long)) {
			const unsigned long word = word_at(below.mnt, parent);

			if (word < mnt && mnt - word < MOUNT_BYTES)
				break;
		}
		if (point != -1 && parent < 0) {
			kernelinfo_print_offset("path.mnt_parent_offset", parent);
			kernelinfo_print_offset("path.mnt_mountpoint_offset", point);
			kernelinfo_print_offset("panda.mount.mnt_offset", mnt - word_at(below.mnt, parent));
		}
	}
	path_put(&above);
	path_put(&below);
}

/* Longer than a task's comm may be, so that the kernel keeps the whole name elsewhere. */
#define LONG_NAME "kernelinfo-looks-for-this-name"

static int idle_thread(void *data)
{
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ);
	return 0;
}

static void print_kthread(void)
{
	const long place = kernelinfo_member("panda.task.worker_private_offset");
	struct task_struct *task;
	const void *kthread;
	long offset;
	int marker;

	if (place == -1)
		return;
	task = kthread_run(idle_thread, &marker, LONG_NAME);
	if (IS_ERR(task))
		return;
	kthread = (const void *)word_at(task, place);
	for (offset = 0; offset < KTHREAD_BYTES; offset += sizeof(long)) {
		const unsigned long word = word_at(kthread, offset);

		if (virt_addr_valid(word) && strncmp((const char *)word, LONG_NAME, sizeof(LONG_NAME)) == 0)
			kernelinfo_print_offset("panda.kthread.full_name_offset", offset);
	}
	print_if_found("panda.kthread.data_offset", find_word(kthread, 0, KTHREAD_BYTES, (unsigned long)&marker));
	kthread_stop(task);
}

#define QUEUE_NAME "kinfo_wq"
#define WORK_TEXT "kernelinfo at work"

struct probe {
	struct work_struct work;
	struct workqueue_struct *queue;
	long desc, current_work, pool;
};

/* Runs in a worker and looks at it. A pool_workqueue starts with its pool and its workqueue. */
static void look_at_worker(struct work_struct *work)
{
	struct probe *probe = container_of(work, struct probe, work);
	const void *worker = kthread_data(current);
	long offset;

	set_worker_desc(WORK_TEXT);
	probe->desc = find_text(worker, WORKER_BYTES, WORK_TEXT);
	probe->current_work = find_word(worker, 0, WORKER_BYTES, (unsigned long)work);
	for (offset = 0; offset < WORKER_BYTES; offset += sizeof(long)) {
		const unsigned long word = word_at(worker, offset);

		if (is_object(word) && word_at((const void *)word, sizeof(long)) == (unsigned long)probe->queue)
			probe->pool = find_word(worker, 0, WORKER_BYTES, word_at((const void *)word, 0));
	}
}

/* WQ_MEM_RECLAIM gives the queue a rescuer. Its thread has the queue's name, since 6.9 with "kworker/R-" before it. */
static long find_rescue_queue(const struct workqueue_struct *queue)
{
	struct task_struct *task;
	long offset = -1;

	rcu_read_lock();
	for_each_process(task) {
		if ((task->flags & PF_KTHREAD) == 0 || strstr(task->comm, "kinfo") == NULL)
			continue;
		offset = find_word(kthread_data(task), 0, WORKER_BYTES, (unsigned long)queue);
		if (offset != -1)
			break;
	}
	rcu_read_unlock();
	return offset;
}

static void print_workqueue(void)
{
	struct probe probe = { .desc = -1, .current_work = -1, .pool = -1 };

	probe.queue = alloc_workqueue(QUEUE_NAME, WQ_UNBOUND | WQ_MEM_RECLAIM, 1);
	if (!probe.queue)
		return;
	INIT_WORK_ONSTACK(&probe.work, look_at_worker);
	queue_work(probe.queue, &probe.work);
	flush_work(&probe.work);
	print_if_found("panda.worker.desc_offset", probe.desc);
	print_if_found("panda.worker.current_work_offset", probe.current_work);
	print_if_found("panda.worker.pool_offset", probe.pool);
	print_if_found("panda.worker.rescue_wq_offset", find_rescue_queue(probe.queue));
	print_if_found("panda.workqueue.name_offset", find_text(probe.queue, WORKQUEUE_BYTES, QUEUE_NAME));
	destroy_work_on_stack(&probe.work);
	destroy_workqueue(probe.queue);
}

/* A netlink socket's number is behind what all sockets have. */
#define PORT 0x7a6b5c4d
#define NETLINK_BYTES 128

static void print_netlink(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_pid = PORT };
	struct socket *socket;
	long offset;
	u32 word;

	if (sock_create_kern(&init_net, PF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &socket))
		return;
	if (!kernel_bind(socket, (struct sockaddr *)&address, sizeof(address)))
		for (offset = sizeof(struct sock); offset < (long)sizeof(struct sock) + NETLINK_BYTES; offset += 4) {
			memcpy(&word, (const char *)socket->sk + offset, sizeof(word));
			if (word == PORT) {
				kernelinfo_print_offset("panda.netlink_sock.portid_offset", offset);
				break;
			}
		}
	sock_release(socket);
}

/* A struct netlink_table begins with a hash table. All have the same parameters, so their distance shows. */
#define NETLINK_TABLE_BYTES 1024

static void print_netlink_table(void)
{
	const struct rhashtable *first = (const void *)nl_table;
	long offset;

	kernelinfo_print_offset("panda.netlink_table.tbl_offset", offsetof(struct rhashtable, tbl));
	kernelinfo_print_offset("panda.netlink_sock.node_offset", first->p.head_offset);
	for (offset = sizeof(*first); offset < NETLINK_TABLE_BYTES; offset += sizeof(long)) {
		const struct rhashtable *next = (const void *)((const char *)first + offset);

		if (memcmp(&first->p, &next->p, sizeof(first->p)) == 0) {
			kernelinfo_print_offset("panda.netlink_table.size", offset);
			break;
		}
	}
}

/* Its number is that of the file which stands for it. */
#define MNT_NAMESPACE_BYTES 128

static void print_mnt_namespace(void)
{
	const void *namespace = current->nsproxy->mnt_ns;
	struct path path;
	long offset;
	u32 number, word;

	if (kern_path("/proc/self/ns/mnt", LOOKUP_FOLLOW, &path))
		return;
	number = d_inode(path.dentry)->i_ino;
	path_put(&path);
	for (offset = 0; offset < MNT_NAMESPACE_BYTES; offset += sizeof(word)) {
		memcpy(&word, (const char *)namespace + offset, sizeof(word));
		if (word == number) {
			kernelinfo_print_offset("panda.mnt_namespace.inum_offset", offset);
			break;
		}
	}
}

void kernelinfo_print_private(void)
{
	print_netlink();
	print_netlink_table();
	print_mnt_namespace();
	print_mount();
	print_kthread();
	print_workqueue();
}
