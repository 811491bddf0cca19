// What introspection has to know about a kernel: addresses of its variables and the layout of its structs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace panda::kernelinfo {

using Address = std::optional<uint64_t>;  // virtual, at link time: before KASLR moves the kernel
using Offset = std::optional<int64_t>;    // bytes: a member's place in its struct, or a size

// One group of a kernelinfo.conf. Members have the names of the keys, with _ for the dot; those that begin
// with panda_ are this project's own (keys.cc says what each one is). What a kernel does not have, or a group
// does not say, is empty: users probe, and call need() for what they cannot do without.
struct KernelInfo {
    std::string source;  // the file that the group comes from, for errors
    std::string group;
    std::string name;  // "release|version|machine", as uname gives them

    Offset version_a, version_b, version_c;

    // per_cpu_offset_0_addr is not an address but the value of __per_cpu_offset[0], which depends on the
    // boot; 0 = read it from guest memory. per_cpu_offsets_addr is the address of __per_cpu_offset, and
    // current_task_addr is that of the per-CPU variable before __per_cpu_offset is added to it.
    Address task_init_addr, task_per_cpu_offsets_addr, task_per_cpu_offset_0_addr, task_current_task_addr,
        task_switch_task_hook_addr;
    Offset task_size, task_tasks_offset, task_pid_offset, task_tgid_offset, task_group_leader_offset,
        task_thread_group_offset, task_real_parent_offset, task_parent_offset, task_mm_offset,
        task_stack_offset, task_real_cred_offset, task_cred_offset, task_comm_offset, task_comm_size,
        task_files_offset, task_start_time_offset;
    Offset task_p_opptr_offset, task_p_pptr_offset, task_next_task_offset;  // Linux 2.4
    Offset cred_uid_offset, cred_gid_offset, cred_euid_offset, cred_egid_offset;
    Offset mm_size, mm_mmap_offset, mm_pgd_offset, mm_arg_start_offset, mm_start_brk_offset, mm_brk_offset,
        mm_start_stack_offset;
    Offset vma_size, vma_vm_mm_offset, vma_vm_start_offset, vma_vm_end_offset, vma_vm_next_offset,
        vma_vm_flags_offset, vma_vm_file_offset;
    Offset fs_f_path_dentry_offset, fs_f_path_mnt_offset, fs_f_pos_offset, fs_fdt_offset, fs_fdtab_offset,
        fs_fd_offset;
    Offset fs_f_dentry_offset, fs_f_vfsmnt_offset;  // Linux 2.4
    Offset qstr_size, qstr_name_offset;
    Offset path_d_name_offset, path_d_iname_offset, path_d_parent_offset, path_d_op_offset,
        path_d_dname_offset, path_mnt_root_offset, path_mnt_parent_offset, path_mnt_mountpoint_offset;

    Address panda_entry_syscall_64_addr, panda_entry_sysenter_32_addr, panda_int80_addr,
        panda_page_fault_addr, panda_linux_banner_addr, panda_init_mm_addr, panda_modules_addr,
        panda_special_mapping_vmops_addr;
    Address panda_get_signal_addr, panda_dequeue_signal_addr, panda_do_exit_addr;
    Offset panda_task_pending_offset, panda_task_blocked_offset, panda_task_exit_code_offset,
        panda_task_exit_state_offset, panda_signal_shared_pending_offset, panda_sigqueue_info_offset;
    Offset panda_signal_flags_offset, panda_signal_group_exit_code_offset, panda_task_sighand_offset,
        panda_sighand_action_offset;
    Address panda_tk_core_addr;
    Offset panda_timekeeper_xtime_sec_offset, panda_timekeeper_xtime_nsec_offset,
        panda_timekeeper_shift_offset, panda_task_exec_start_offset;
    Offset panda_task_signal_offset, panda_task_thread_node_offset, panda_task_fs_offset,
        panda_task_flags_offset, panda_task_worker_private_offset, panda_task_start_boottime_offset;
    Offset panda_signal_thread_head_offset, panda_kthread_full_name_offset, panda_kthread_data_offset,
        panda_worker_desc_offset, panda_worker_current_work_offset, panda_worker_pool_offset,
        panda_worker_rescue_wq_offset, panda_workqueue_name_offset;
    Offset panda_mm_arg_end_offset, panda_mm_env_start_offset, panda_mm_env_end_offset,
        panda_mm_exe_file_offset, panda_mm_mm_mt_offset;
    Offset panda_vma_vm_pgoff_offset, panda_vma_vm_ops_offset, panda_vma_vm_private_data_offset,
        panda_special_mapping_name_offset, panda_vma_anon_name_offset, panda_anon_vma_name_name_offset;
    Offset panda_maple_ma_root_offset, panda_maple_node_slot_offset, panda_maple_node_size,
        panda_maple_range_pivot_offset, panda_maple_range_slot_offset, panda_maple_arange_pivot_offset,
        panda_maple_arange_slot_offset;
    Offset panda_fs_root_offset, panda_fs_pwd_offset, panda_path_dentry_offset, panda_path_mnt_offset,
        panda_qstr_len_offset, panda_mount_mnt_offset, panda_fdtable_max_fds_offset;
    Offset panda_dentry_d_hash_pprev_offset, panda_dentry_d_inode_offset, panda_dentry_d_sb_offset,
        panda_inode_i_ino_offset, panda_inode_i_private_offset, panda_ns_common_ops_offset,
        panda_ns_operations_name_offset, panda_super_s_type_offset, panda_fstype_name_offset;
    Offset panda_module_list_offset, panda_module_name_offset, panda_module_name_size,
        panda_module_base_offset, panda_module_size_offset, panda_module_mem_size, panda_module_memory_size;
    Offset panda_module_kallsyms_offset, panda_mod_kallsyms_symtab_offset,
        panda_mod_kallsyms_num_symtab_offset, panda_mod_kallsyms_strtab_offset,
        panda_mod_kallsyms_typetab_offset;
    Offset panda_task_thread_pid_offset, panda_pid_level_offset, panda_pid_numbers_offset,
        panda_upid_nr_offset;
    Offset panda_file_f_mode_offset, panda_backing_file_user_path_offset, panda_file_private_data_offset;
    // Sockets.
    Offset panda_socket_sk_offset, panda_socket_alloc_inode_offset, panda_sock_family_offset,
        panda_sock_state_offset, panda_sock_num_offset, panda_sock_dport_offset, panda_sock_daddr_offset,
        panda_sock_rcv_saddr_offset, panda_sock_v6_daddr_offset, panda_sock_v6_rcv_saddr_offset,
        panda_sock_bound_dev_if_offset, panda_sock_type_offset, panda_sock_protocol_offset,
        panda_sock_socket_offset, panda_sock_rmem_alloc_offset, panda_sock_wmem_alloc_offset,
        panda_sock_ack_backlog_offset, panda_sock_max_ack_backlog_offset, panda_sock_receive_queue_offset,
        panda_tcp_rcv_nxt_offset, panda_tcp_copied_seq_offset, panda_tcp_write_seq_offset,
        panda_tcp_snd_una_offset, panda_udp_forward_deficit_offset, panda_unix_addr_offset,
        panda_unix_peer_offset, panda_unix_address_len_offset, panda_unix_address_name_offset,
        panda_skb_next_offset, panda_skb_len_offset, panda_skb_cb_offset, panda_unix_skb_consumed_offset,
        panda_skb_head_qlen_offset, panda_netlink_portid_offset, panda_packet_type_dev_offset,
        panda_packet_type_priv_offset, panda_net_device_name_offset, panda_net_device_ifindex_offset,
        panda_sock_size;
    // Namespaces.
    Offset panda_task_nsproxy_offset, panda_nsproxy_uts_ns_offset, panda_nsproxy_ipc_ns_offset,
        panda_nsproxy_mnt_ns_offset, panda_nsproxy_pid_ns_for_children_offset, panda_nsproxy_net_ns_offset,
        panda_nsproxy_time_ns_offset, panda_nsproxy_time_ns_for_children_offset,
        panda_nsproxy_cgroup_ns_offset, panda_cred_user_ns_offset, panda_upid_ns_offset,
        panda_uts_namespace_inum_offset, panda_ipc_namespace_inum_offset, panda_mnt_namespace_inum_offset,
        panda_pid_namespace_inum_offset, panda_net_inum_offset, panda_time_namespace_inum_offset,
        panda_cgroup_namespace_inum_offset, panda_user_namespace_inum_offset;
    // Tables of sockets.
    Address panda_net_namespace_list_addr, panda_tcp_hashinfo_addr, panda_udp_table_addr,
        panda_raw_v4_hashinfo_addr, panda_raw_v6_hashinfo_addr, panda_unix_socket_table_addr,
        panda_nl_table_addr;
    Offset panda_net_list_offset, panda_net_dev_base_head_offset, panda_net_device_dev_list_offset,
        panda_net_unx_buckets_offset, panda_net_packet_sklist_offset, panda_sock_net_offset,
        panda_sock_node_offset, panda_inet_hashinfo_ehash_offset, panda_inet_hashinfo_ehash_mask_offset,
        panda_inet_hashinfo_lhash2_offset, panda_inet_hashinfo_lhash2_mask_offset,
        panda_inet_hashinfo_listening_hash_offset, panda_listen_bucket_head_offset, panda_listen_bucket_size,
        panda_timewait_substate_offset, panda_udp_table_hash_offset, panda_udp_table_mask_offset,
        panda_udp_hslot_head_offset, panda_udp_hslot_size, panda_raw_hashinfo_ht_offset,
        panda_netlink_table_tbl_offset, panda_netlink_table_size, panda_bucket_table_size_offset,
        panda_bucket_table_buckets_offset, panda_netlink_node_offset;

    // The value of a member that the caller cannot do without, as in info.need(&KernelInfo::task_pid_offset).
    // If it is empty, throws an Error that names file, group and key.
    uint64_t need(Address KernelInfo::* member) const;
    int64_t need(Offset KernelInfo::* member) const;

    // The parts of `name`; empty when it has fewer.
    std::string release() const { return name_part(0); }  // 6.1.0-56-cloud-amd64
    std::string version() const {
        return name_part(1);
    }  // #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)
    std::string machine() const { return name_part(2); }  // x86_64, i686
    // The size of this kernel's pointers in bytes, 4 or 8. Throws Error when the machine is not an x86.
    unsigned pointer_size() const;

  private:
    std::string name_part(unsigned index) const;
};

using Field = std::variant<Address KernelInfo::*, Offset KernelInfo::*>;

}  // namespace panda::kernelinfo
