/* The headers whose structs members.list names. */
#include <linux/binfmts.h>
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mm_types.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/path.h>
#include <linux/pid.h>
#include <linux/proc_ns.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/workqueue.h>
#include <net/af_unix.h>
#include <net/sock.h>
/* Not all kernels have these structs, and the kernels that do have them in different headers. */
#if __has_include(<linux/maple_tree.h>)
#include <linux/maple_tree.h>
#endif
#if __has_include(<linux/timekeeper_internal.h>)
#include <linux/timekeeper_internal.h>
#endif
#if __has_include(<linux/ns_common.h>)
#include <linux/ns_common.h>
#endif

#define at(type, member) offsetof(struct type, member)
