/* The headers whose structs members.list names. */
#include <linux/binfmts.h>
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/ipc_namespace.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mm_types.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/netlink.h>
#include <linux/nsproxy.h>
#include <linux/path.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_ns.h>
#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/user_namespace.h>
#include <linux/utsname.h>
#include <linux/workqueue.h>
#include <net/af_unix.h>
#include <net/inet_hashtables.h>
#include <net/inet_timewait_sock.h>
#include <net/net_namespace.h>
#include <net/raw.h>
#include <net/rawv6.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <net/udp.h>
/* Not all kernels have these structs, and the kernels that do have them in different headers. */
#if __has_include(<linux/maple_tree.h>)
#include <linux/maple_tree.h>
#endif
#if __has_include(<linux/timekeeper_internal.h>)
#include <linux/timekeeper_internal.h>
#endif
#if __has_include(<linux/time_namespace.h>)
#include <linux/time_namespace.h>
#endif
#if __has_include(<linux/ns_common.h>)
#include <linux/ns_common.h>
#endif

/* Of net/netlink/af_netlink.h; its struct is known only there. */
struct netlink_table;
extern struct netlink_table *nl_table;

#define at(type, member) offsetof(struct type, member)
