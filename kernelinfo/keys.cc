#include "kernelinfo/keys.h"

#include <cstring>

namespace panda::kernelinfo {
namespace {

using K = KernelInfo;
using Kind = Origin::Kind;

constexpr Origin symbol(const char* name) {
    return {Kind::symbol, name};
}
constexpr Origin function(const char* name) {
    return {Kind::function, name};
}
constexpr Origin symbol_member(const char* name, const char* type, const char* member) {
    return {Kind::symbol_member, name, type, member};
}
constexpr Origin size_of(const char* type) {
    return {Kind::struct_size, type};
}
constexpr Origin member(const char* type, const char* path) {
    return {Kind::member, type, path};
}
constexpr Origin size_of_member(const char* type, const char* path) {
    return {Kind::member_size, type, path};
}
constexpr Origin distance(const char* type, const char* from, const char* to) {
    return {Kind::member_distance, type, from, to};
}
constexpr Origin zero() {
    return {Kind::constant_zero};
}

// First the keys of PANDA's osi_linux, in about the order in which its kernel module prints them.
const Key all_keys[] = {
    {"version.a", &K::version_a, {}},
    {"version.b", &K::version_b, {}},
    {"version.c", &K::version_c, {}},
    {"task.init_addr", &K::task_init_addr, {symbol("init_task")}},
    {"task.per_cpu_offsets_addr", &K::task_per_cpu_offsets_addr, {symbol("__per_cpu_offset")}},
    {"task.per_cpu_offset_0_addr", &K::task_per_cpu_offset_0_addr, {zero()}},
    // In struct pcpu_hot from 6.2 (commit e57ef2ed97c1) to 6.14.
    {"task.current_task_addr",
     &K::task_current_task_addr,
     {symbol("current_task"), symbol_member("pcpu_hot", "pcpu_hot", "current_task")}},
    {"task.switch_task_hook_addr", &K::task_switch_task_hook_addr, {function("finish_task_switch")}},
    {"task.size", &K::task_size, {size_of("task_struct")}},
    {"task.tasks_offset", &K::task_tasks_offset, {member("task_struct", "tasks")}},
    {"task.pid_offset", &K::task_pid_offset, {member("task_struct", "pid")}},
    {"task.tgid_offset", &K::task_tgid_offset, {member("task_struct", "tgid")}},
    {"task.group_leader_offset", &K::task_group_leader_offset, {member("task_struct", "group_leader")}},
    // Gone in 6.7 (commit 8e1f385104ac); threads are on signal->thread_head since 3.14 (commit 0c740d0afc3b).
    {"task.thread_group_offset", &K::task_thread_group_offset, {member("task_struct", "thread_group")}},
    {"task.real_parent_offset", &K::task_real_parent_offset, {member("task_struct", "real_parent")}},
    {"task.parent_offset", &K::task_parent_offset, {member("task_struct", "parent")}},
    {"task.mm_offset", &K::task_mm_offset, {member("task_struct", "mm")}},
    {"task.stack_offset", &K::task_stack_offset, {member("task_struct", "stack")}},
    {"task.real_cred_offset", &K::task_real_cred_offset, {member("task_struct", "real_cred")}},
    {"task.cred_offset", &K::task_cred_offset, {member("task_struct", "cred")}},
    {"task.comm_offset", &K::task_comm_offset, {member("task_struct", "comm")}},
    {"task.comm_size", &K::task_comm_size, {size_of_member("task_struct", "comm")}},
    {"task.files_offset", &K::task_files_offset, {member("task_struct", "files")}},
    {"task.start_time_offset", &K::task_start_time_offset, {member("task_struct", "start_time")}},
    {"task.p_opptr_offset", &K::task_p_opptr_offset, {member("task_struct", "p_opptr")}},
    {"task.p_pptr_offset", &K::task_p_pptr_offset, {member("task_struct", "p_pptr")}},
    {"task.next_task_offset", &K::task_next_task_offset, {member("task_struct", "next_task")}},
    {"cred.uid_offset", &K::cred_uid_offset, {member("cred", "uid")}},
    {"cred.gid_offset", &K::cred_gid_offset, {member("cred", "gid")}},
    {"cred.euid_offset", &K::cred_euid_offset, {member("cred", "euid")}},
    {"cred.egid_offset", &K::cred_egid_offset, {member("cred", "egid")}},
    {"mm.size", &K::mm_size, {size_of("mm_struct")}},
    // Gone in 6.1 (commit 763ecb035029), for the maple tree mm_mt.
    {"mm.mmap_offset", &K::mm_mmap_offset, {member("mm_struct", "mmap")}},
    {"mm.pgd_offset", &K::mm_pgd_offset, {member("mm_struct", "pgd")}},
    {"mm.arg_start_offset", &K::mm_arg_start_offset, {member("mm_struct", "arg_start")}},
    {"mm.start_brk_offset", &K::mm_start_brk_offset, {member("mm_struct", "start_brk")}},
    {"mm.brk_offset", &K::mm_brk_offset, {member("mm_struct", "brk")}},
    {"mm.start_stack_offset", &K::mm_start_stack_offset, {member("mm_struct", "start_stack")}},
    {"vma.size", &K::vma_size, {size_of("vm_area_struct")}},
    {"vma.vm_mm_offset", &K::vma_vm_mm_offset, {member("vm_area_struct", "vm_mm")}},
    {"vma.vm_start_offset", &K::vma_vm_start_offset, {member("vm_area_struct", "vm_start")}},
    {"vma.vm_end_offset", &K::vma_vm_end_offset, {member("vm_area_struct", "vm_end")}},
    {"vma.vm_next_offset", &K::vma_vm_next_offset, {member("vm_area_struct", "vm_next")}},
    {"vma.vm_flags_offset", &K::vma_vm_flags_offset, {member("vm_area_struct", "vm_flags")}},
    {"vma.vm_file_offset", &K::vma_vm_file_offset, {member("vm_area_struct", "vm_file")}},
    {"fs.f_path_dentry_offset", &K::fs_f_path_dentry_offset, {member("file", "f_path.dentry")}},
    {"fs.f_path_mnt_offset", &K::fs_f_path_mnt_offset, {member("file", "f_path.mnt")}},
    {"fs.f_pos_offset", &K::fs_f_pos_offset, {member("file", "f_pos")}},
    {"fs.fdt_offset", &K::fs_fdt_offset, {member("files_struct", "fdt")}},
    {"fs.fdtab_offset", &K::fs_fdtab_offset, {member("files_struct", "fdtab")}},
    {"fs.fd_offset", &K::fs_fd_offset, {member("fdtable", "fd")}},
    {"fs.f_dentry_offset", &K::fs_f_dentry_offset, {member("file", "f_dentry")}},
    {"fs.f_vfsmnt_offset", &K::fs_f_vfsmnt_offset, {member("file", "f_vfsmnt")}},
    {"qstr.size", &K::qstr_size, {size_of("qstr")}},
    {"qstr.name_offset", &K::qstr_name_offset, {member("qstr", "name")}},
    {"path.d_name_offset", &K::path_d_name_offset, {member("dentry", "d_name")}},
    // d_shortname since 6.14 (commit 58cf9c383c5c).
    {"path.d_iname_offset",
     &K::path_d_iname_offset,
     {member("dentry", "d_iname"), member("dentry", "d_shortname")}},
    {"path.d_parent_offset", &K::path_d_parent_offset, {member("dentry", "d_parent")}},
    {"path.d_op_offset", &K::path_d_op_offset, {member("dentry", "d_op")}},
    {"path.d_dname_offset", &K::path_d_dname_offset, {member("dentry_operations", "d_dname")}},
    {"path.mnt_root_offset", &K::path_mnt_root_offset, {member("vfsmount", "mnt_root")}},
    // Relative to mount.mnt since struct mount came in 3.3 (commit 7d6fec45a513), because f_path.mnt points
    // there.
    {"path.mnt_parent_offset",
     &K::path_mnt_parent_offset,
     {distance("mount", "mnt", "mnt_parent"), member("vfsmount", "mnt_parent")}},
    {"path.mnt_mountpoint_offset",
     &K::path_mnt_mountpoint_offset,
     {distance("mount", "mnt", "mnt_mountpoint"), member("vfsmount", "mnt_mountpoint")}},

    // From here on, the keys are this project's own. First what the processor's registers point to, which
    // gives the KASLR slide.
    {"panda.entry_syscall_64_addr", &K::panda_entry_syscall_64_addr, {symbol("entry_SYSCALL_64")}},
    {"panda.entry_sysenter_32_addr", &K::panda_entry_sysenter_32_addr, {symbol("entry_SYSENTER_32")}},
    {"panda.int80_addr", &K::panda_int80_addr, {symbol("entry_INT80_32")}},
    // Renamed in 5.8 (commit 91eeafea1e4b).
    {"panda.page_fault_addr",
     &K::panda_page_fault_addr,
     {symbol("asm_exc_page_fault"), symbol("page_fault")}},
    {"panda.linux_banner_addr", &K::panda_linux_banner_addr, {symbol("linux_banner")}},
    {"panda.init_mm_addr", &K::panda_init_mm_addr, {symbol("init_mm")}},
    {"panda.modules_addr", &K::panda_modules_addr, {symbol("modules")}},
    {"panda.special_mapping_vmops_addr",
     &K::panda_special_mapping_vmops_addr,
     {symbol("special_mapping_vmops")}},
    // Where signals are delivered (kernel/signal.c) and tasks end (kernel/exit.c).
    {"panda.get_signal_addr", &K::panda_get_signal_addr, {function("get_signal")}},
    {"panda.dequeue_signal_addr", &K::panda_dequeue_signal_addr, {function("dequeue_signal")}},
    {"panda.do_exit_addr", &K::panda_do_exit_addr, {function("do_exit")}},
    {"panda.task.signal_offset", &K::panda_task_signal_offset, {member("task_struct", "signal")}},
    {"panda.task.thread_node_offset",
     &K::panda_task_thread_node_offset,
     {member("task_struct", "thread_node")}},
    {"panda.task.fs_offset", &K::panda_task_fs_offset, {member("task_struct", "fs")}},
    {"panda.task.flags_offset", &K::panda_task_flags_offset, {member("task_struct", "flags")}},
    // Where a kernel thread keeps its struct kthread: in worker_private since 5.17 (commit e32cf5dfbe22), and
    // in set_child_tid before that.
    {"panda.task.worker_private_offset",
     &K::panda_task_worker_private_offset,
     {member("task_struct", "worker_private"), member("task_struct", "set_child_tid")}},
    // real_start_time until 5.5 (commit cf25e24db61c).
    {"panda.task.start_boottime_offset",
     &K::panda_task_start_boottime_offset,
     {member("task_struct", "start_boottime"), member("task_struct", "real_start_time")}},
    {"panda.task.pending_offset", &K::panda_task_pending_offset, {member("task_struct", "pending")}},
    {"panda.task.blocked_offset", &K::panda_task_blocked_offset, {member("task_struct", "blocked")}},
    {"panda.task.exit_code_offset", &K::panda_task_exit_code_offset, {member("task_struct", "exit_code")}},
    {"panda.task.exit_state_offset", &K::panda_task_exit_state_offset, {member("task_struct", "exit_state")}},
    {"panda.signal.shared_pending_offset",
     &K::panda_signal_shared_pending_offset,
     {member("signal_struct", "shared_pending")}},
    {"panda.sigqueue.info_offset", &K::panda_sigqueue_info_offset, {member("sigqueue", "info")}},
    {"panda.signal.flags_offset", &K::panda_signal_flags_offset, {member("signal_struct", "flags")}},
    {"panda.signal.group_exit_code_offset",
     &K::panda_signal_group_exit_code_offset,
     {member("signal_struct", "group_exit_code")}},
    {"panda.task.sighand_offset", &K::panda_task_sighand_offset, {member("task_struct", "sighand")}},
    {"panda.sighand.action_offset", &K::panda_sighand_action_offset, {member("sighand_struct", "action")}},
    // In newer kernels the first of an array, timekeeper_data (kernel/time/timekeeping.c).
    {"panda.tk_core_addr", &K::panda_tk_core_addr, {symbol("tk_core"), symbol("timekeeper_data")}},
    {"panda.timekeeper.xtime_sec_offset",
     &K::panda_timekeeper_xtime_sec_offset,
     {member("timekeeper", "xtime_sec")}},
    {"panda.timekeeper.xtime_nsec_offset",
     &K::panda_timekeeper_xtime_nsec_offset,
     {member("timekeeper", "tkr_mono.xtime_nsec")}},
    {"panda.timekeeper.shift_offset",
     &K::panda_timekeeper_shift_offset,
     {member("timekeeper", "tkr_mono.shift")}},
    {"panda.task.exec_start_offset",
     &K::panda_task_exec_start_offset,
     {member("task_struct", "se.exec_start")}},
    {"panda.signal.thread_head_offset",
     &K::panda_signal_thread_head_offset,
     {member("signal_struct", "thread_head")}},
    // Names that are longer than comm, since 5.17 (commit d6986ce24fc0).
    {"panda.kthread.full_name_offset", &K::panda_kthread_full_name_offset, {member("kthread", "full_name")}},
    {"panda.kthread.data_offset", &K::panda_kthread_data_offset, {member("kthread", "data")}},
    {"panda.worker.desc_offset", &K::panda_worker_desc_offset, {member("worker", "desc")}},
    {"panda.worker.current_work_offset",
     &K::panda_worker_current_work_offset,
     {member("worker", "current_work")}},
    {"panda.worker.pool_offset", &K::panda_worker_pool_offset, {member("worker", "pool")}},
    {"panda.worker.rescue_wq_offset", &K::panda_worker_rescue_wq_offset, {member("worker", "rescue_wq")}},
    {"panda.workqueue.name_offset", &K::panda_workqueue_name_offset, {member("workqueue_struct", "name")}},
    {"panda.mm.arg_end_offset", &K::panda_mm_arg_end_offset, {member("mm_struct", "arg_end")}},
    {"panda.mm.env_start_offset", &K::panda_mm_env_start_offset, {member("mm_struct", "env_start")}},
    {"panda.mm.env_end_offset", &K::panda_mm_env_end_offset, {member("mm_struct", "env_end")}},
    {"panda.mm.exe_file_offset", &K::panda_mm_exe_file_offset, {member("mm_struct", "exe_file")}},
    {"panda.mm.mm_mt_offset", &K::panda_mm_mm_mt_offset, {member("mm_struct", "mm_mt")}},
    {"panda.vma.vm_pgoff_offset", &K::panda_vma_vm_pgoff_offset, {member("vm_area_struct", "vm_pgoff")}},
    {"panda.vma.vm_ops_offset", &K::panda_vma_vm_ops_offset, {member("vm_area_struct", "vm_ops")}},
    {"panda.vma.vm_private_data_offset",
     &K::panda_vma_vm_private_data_offset,
     {member("vm_area_struct", "vm_private_data")}},
    // Names that programs give to anonymous memory, if configured, since 5.17 (commit 9a10064f5625).
    {"panda.vma.anon_name_offset", &K::panda_vma_anon_name_offset, {member("vm_area_struct", "anon_name")}},
    {"panda.anon_vma_name.name_offset",
     &K::panda_anon_vma_name_name_offset,
     {member("anon_vma_name", "name")}},
    {"panda.special_mapping.name_offset",
     &K::panda_special_mapping_name_offset,
     {member("vm_special_mapping", "name")}},
    // The maple tree, since 6.1 (commit 54a611b60590).
    {"panda.maple.ma_root_offset", &K::panda_maple_ma_root_offset, {member("maple_tree", "ma_root")}},
    {"panda.maple_node.slot_offset", &K::panda_maple_node_slot_offset, {member("maple_node", "slot")}},
    {"panda.maple_node.size", &K::panda_maple_node_size, {size_of("maple_node")}},
    {"panda.maple_range_64.pivot_offset",
     &K::panda_maple_range_pivot_offset,
     {member("maple_range_64", "pivot")}},
    {"panda.maple_range_64.slot_offset",
     &K::panda_maple_range_slot_offset,
     {member("maple_range_64", "slot")}},
    {"panda.maple_arange_64.pivot_offset",
     &K::panda_maple_arange_pivot_offset,
     {member("maple_arange_64", "pivot")}},
    {"panda.maple_arange_64.slot_offset",
     &K::panda_maple_arange_slot_offset,
     {member("maple_arange_64", "slot")}},
    {"panda.fs.root_offset", &K::panda_fs_root_offset, {member("fs_struct", "root")}},
    {"panda.fs.pwd_offset", &K::panda_fs_pwd_offset, {member("fs_struct", "pwd")}},
    {"panda.path.dentry_offset", &K::panda_path_dentry_offset, {member("path", "dentry")}},
    {"panda.path.mnt_offset", &K::panda_path_mnt_offset, {member("path", "mnt")}},
    {"panda.qstr.len_offset", &K::panda_qstr_len_offset, {member("qstr", "len")}},
    {"panda.mount.mnt_offset", &K::panda_mount_mnt_offset, {member("mount", "mnt")}},
    {"panda.fdtable.max_fds_offset", &K::panda_fdtable_max_fds_offset, {member("fdtable", "max_fds")}},
    {"panda.dentry.d_hash_pprev_offset",
     &K::panda_dentry_d_hash_pprev_offset,
     {member("dentry", "d_hash.pprev")}},
    {"panda.dentry.d_inode_offset", &K::panda_dentry_d_inode_offset, {member("dentry", "d_inode")}},
    {"panda.dentry.d_sb_offset", &K::panda_dentry_d_sb_offset, {member("dentry", "d_sb")}},
    {"panda.inode.i_ino_offset", &K::panda_inode_i_ino_offset, {member("inode", "i_ino")}},
    {"panda.inode.i_private_offset", &K::panda_inode_i_private_offset, {member("inode", "i_private")}},
    {"panda.ns_common.ops_offset", &K::panda_ns_common_ops_offset, {member("ns_common", "ops")}},
    {"panda.ns_operations.name_offset",
     &K::panda_ns_operations_name_offset,
     {member("proc_ns_operations", "name")}},
    {"panda.super.s_type_offset", &K::panda_super_s_type_offset, {member("super_block", "s_type")}},
    {"panda.fstype.name_offset", &K::panda_fstype_name_offset, {member("file_system_type", "name")}},
    {"panda.module.list_offset", &K::panda_module_list_offset, {member("module", "list")}},
    {"panda.module.name_offset", &K::panda_module_name_offset, {member("module", "name")}},
    {"panda.module.name_size", &K::panda_module_name_size, {size_of_member("module", "name")}},
    // mem[MOD_TEXT] since 6.4 (commit ac3b43283923), core_layout since 4.5 (commit 7523e4dc5057). The array's
    // first element is MOD_TEXT, so the members of its struct are at the array's start.
    {"panda.module.base_offset",
     &K::panda_module_base_offset,
     {member("module", "mem.base"), member("module", "core_layout.base"), member("module", "module_core")}},
    {"panda.module.size_offset",
     &K::panda_module_size_offset,
     {member("module", "mem.size"), member("module", "core_layout.size"), member("module", "core_size")}},
    // The module has the size of all of mem[], an array of struct module_memory.
    {"panda.module.mem_size", &K::panda_module_mem_size, {size_of_member("module", "mem")}},
    {"panda.module_memory.size", &K::panda_module_memory_size, {size_of("module_memory")}},
    // A module's symbols; in a struct of their own since 4.5 (commit 8244062ef1e5).
    {"panda.module.kallsyms_offset", &K::panda_module_kallsyms_offset, {member("module", "kallsyms")}},
    {"panda.mod_kallsyms.symtab_offset",
     &K::panda_mod_kallsyms_symtab_offset,
     {member("mod_kallsyms", "symtab")}},
    {"panda.mod_kallsyms.num_symtab_offset",
     &K::panda_mod_kallsyms_num_symtab_offset,
     {member("mod_kallsyms", "num_symtab")}},
    {"panda.mod_kallsyms.strtab_offset",
     &K::panda_mod_kallsyms_strtab_offset,
     {member("mod_kallsyms", "strtab")}},
    // Since 5.2 (commit 1c7651f43777); before, the type is in the symbol's st_info.
    {"panda.mod_kallsyms.typetab_offset",
     &K::panda_mod_kallsyms_typetab_offset,
     {member("mod_kallsyms", "typetab")}},
    // In pids[PIDTYPE_PID] until 4.19 (commit 2c4704756cab).
    {"panda.task.thread_pid_offset",
     &K::panda_task_thread_pid_offset,
     {member("task_struct", "thread_pid"), member("task_struct", "pids.pid")}},
    {"panda.pid.level_offset", &K::panda_pid_level_offset, {member("pid", "level")}},
    {"panda.pid.numbers_offset", &K::panda_pid_numbers_offset, {member("pid", "numbers")}},
    {"panda.upid.nr_offset", &K::panda_upid_nr_offset, {member("upid", "nr")}},
    // Files of stacked file systems, since 6.7 (commit def3ae83da02).
    {"panda.file.f_mode_offset", &K::panda_file_f_mode_offset, {member("file", "f_mode")}},
    {"panda.backing_file.user_path_offset",
     &K::panda_backing_file_user_path_offset,
     {member("backing_file", "user_path")}},
    // Sockets.
    {"panda.file.private_data_offset", &K::panda_file_private_data_offset, {member("file", "private_data")}},
    {"panda.socket.sk_offset", &K::panda_socket_sk_offset, {member("socket", "sk")}},
    {"panda.socket_alloc.vfs_inode_offset",
     &K::panda_socket_alloc_inode_offset,
     {member("socket_alloc", "vfs_inode")}},
    {"panda.sock.skc_family_offset",
     &K::panda_sock_family_offset,
     {member("sock", "__sk_common.skc_family")}},
    {"panda.sock.skc_state_offset", &K::panda_sock_state_offset, {member("sock", "__sk_common.skc_state")}},
    {"panda.sock.skc_num_offset", &K::panda_sock_num_offset, {member("sock", "__sk_common.skc_num")}},
    {"panda.sock.skc_dport_offset", &K::panda_sock_dport_offset, {member("sock", "__sk_common.skc_dport")}},
    {"panda.sock.skc_daddr_offset", &K::panda_sock_daddr_offset, {member("sock", "__sk_common.skc_daddr")}},
    {"panda.sock.skc_rcv_saddr_offset",
     &K::panda_sock_rcv_saddr_offset,
     {member("sock", "__sk_common.skc_rcv_saddr")}},
    {"panda.sock.skc_v6_daddr_offset",
     &K::panda_sock_v6_daddr_offset,
     {member("sock", "__sk_common.skc_v6_daddr")}},
    {"panda.sock.skc_v6_rcv_saddr_offset",
     &K::panda_sock_v6_rcv_saddr_offset,
     {member("sock", "__sk_common.skc_v6_rcv_saddr")}},
    {"panda.sock.skc_bound_dev_if_offset",
     &K::panda_sock_bound_dev_if_offset,
     {member("sock", "__sk_common.skc_bound_dev_if")}},
    {"panda.sock.sk_type_offset", &K::panda_sock_type_offset, {member("sock", "sk_type")}},
    {"panda.sock.sk_protocol_offset", &K::panda_sock_protocol_offset, {member("sock", "sk_protocol")}},
    {"panda.sock.sk_socket_offset", &K::panda_sock_socket_offset, {member("sock", "sk_socket")}},
    {"panda.sock.rmem_alloc_offset",
     &K::panda_sock_rmem_alloc_offset,
     {member("sock", "sk_backlog.rmem_alloc")}},
    {"panda.sock.sk_wmem_alloc_offset", &K::panda_sock_wmem_alloc_offset, {member("sock", "sk_wmem_alloc")}},
    {"panda.sock.sk_ack_backlog_offset",
     &K::panda_sock_ack_backlog_offset,
     {member("sock", "sk_ack_backlog")}},
    {"panda.sock.sk_max_ack_backlog_offset",
     &K::panda_sock_max_ack_backlog_offset,
     {member("sock", "sk_max_ack_backlog")}},
    {"panda.sock.sk_receive_queue_offset",
     &K::panda_sock_receive_queue_offset,
     {member("sock", "sk_receive_queue")}},
    {"panda.tcp_sock.rcv_nxt_offset", &K::panda_tcp_rcv_nxt_offset, {member("tcp_sock", "rcv_nxt")}},
    {"panda.tcp_sock.copied_seq_offset", &K::panda_tcp_copied_seq_offset, {member("tcp_sock", "copied_seq")}},
    {"panda.tcp_sock.write_seq_offset", &K::panda_tcp_write_seq_offset, {member("tcp_sock", "write_seq")}},
    {"panda.tcp_sock.snd_una_offset", &K::panda_tcp_snd_una_offset, {member("tcp_sock", "snd_una")}},
    {"panda.udp_sock.forward_deficit_offset",
     &K::panda_udp_forward_deficit_offset,
     {member("udp_sock", "forward_deficit")}},
    {"panda.unix_sock.addr_offset", &K::panda_unix_addr_offset, {member("unix_sock", "addr")}},
    {"panda.unix_sock.peer_offset", &K::panda_unix_peer_offset, {member("unix_sock", "peer")}},
    {"panda.unix_address.len_offset", &K::panda_unix_address_len_offset, {member("unix_address", "len")}},
    {"panda.unix_address.name_offset", &K::panda_unix_address_name_offset, {member("unix_address", "name")}},
    {"panda.sk_buff.next_offset", &K::panda_skb_next_offset, {member("sk_buff", "next")}},
    {"panda.sk_buff.len_offset", &K::panda_skb_len_offset, {member("sk_buff", "len")}},
    {"panda.sk_buff.cb_offset", &K::panda_skb_cb_offset, {member("sk_buff", "cb")}},
    {"panda.unix_skb_parms.consumed_offset",
     &K::panda_unix_skb_consumed_offset,
     {member("unix_skb_parms", "consumed")}},
    {"panda.sk_buff_head.qlen_offset", &K::panda_skb_head_qlen_offset, {member("sk_buff_head", "qlen")}},
    {"panda.netlink_sock.portid_offset", &K::panda_netlink_portid_offset, {member("netlink_sock", "portid")}},
    {"panda.packet_type.dev_offset", &K::panda_packet_type_dev_offset, {member("packet_type", "dev")}},
    {"panda.packet_type.af_packet_priv_offset",
     &K::panda_packet_type_priv_offset,
     {member("packet_type", "af_packet_priv")}},
    {"panda.net_device.name_offset", &K::panda_net_device_name_offset, {member("net_device", "name")}},
    {"panda.net_device.ifindex_offset",
     &K::panda_net_device_ifindex_offset,
     {member("net_device", "ifindex")}},
    {"panda.sock.size", &K::panda_sock_size, {size_of("sock")}},
};

// Names in groups that older versions of PANDA's module made.
struct Alias {
    const char* old_name;
    const char* name;
};
constexpr Alias aliases[] = {{"task.per_cpu_offset_0", "task.per_cpu_offset_0_addr"}};

}  // namespace

std::span<const Key> keys() {
    return all_keys;
}

const Key* find_key(const char* name) {
    for (const Alias& alias : aliases)
        if (std::strcmp(alias.old_name, name) == 0)
            name = alias.name;
    for (const Key& key : keys())
        if (std::strcmp(key.name, name) == 0)
            return &key;
    return nullptr;
}

}  // namespace panda::kernelinfo
