// How arguments, members of structures and results are written: strace's notation. knowledge/*.table refer to
// these functions by their names. Each bounds what it reads, and shows an address if memory cannot be read.
#pragma once

#include "analyzers/syscalls/context.h"
#include "analyzers/syscalls/description.h"

namespace panda::syscalls::notation {

using ValueNotation = std::string(const Context&, const Value&, const Notation&);
using ArgumentNotation = std::optional<std::string>(Context&, const Notation&);
using ResultNotation = std::string(Context&);

// --- numbers (numbers.cc) ---
ValueNotation decimal, unsigned_decimal, hexadecimal, octal;
ValueNotation address;    // NULL or 0x…
ValueNotation mode;       // octal, at least three digits: 0644
ValueNotation file_mode;  // S_IFREG|0644
ValueNotation flags;      // a set of the family's constants
ValueNotation one;        // one of the family's constants
ValueNotation id;         // of a user or a group; -1 means none
ValueNotation id16;       // the same of 16 bits, as the first calls of i386 have them
ValueNotation device;     // makedev(0x1, 0x3)
ValueNotation rlim;       // a limit: multiples of 1024, RLIM64_INFINITY
ValueNotation magic, magic_command, personality, sysv_key, shm_flags, lx_plain, page_offset, load_averages;
ValueNotation file_system_id, statfs_flags;
ValueNotation clock_ticks;  // 216 /* 2.16 s */
ValueNotation one_or_d;     // one of the family's constants, or a decimal number
ValueNotation verbose_one;  // 0x1 /* PIDTYPE_TGID */
ValueNotation decimal_one;  // 2 /* SYSLOG_ACTION_READ */
ArgumentNotation offset_pair, flags64, unsigned64, huge_flags;
ArgumentNotation offset64, lx_offset, llseek_offset, omitted, out_llseek;
ArgumentNotation mmap_flags, mremap_address, old_mmap, reboot_argument;

// --- texts and buffers (buffers.cc) ---
ValueNotation path;    // the whole string
ValueNotation string;  // up to TextOptions::string_limit
ValueNotation text;    // an array of characters in a structure
ArgumentNotation in_bytes, out_bytes, out_random, out_text, out_path, in_strings, in_environment;
ArgumentNotation in_vectors, out_vectors;
ArgumentNotation out_bytes_within, out_text_within, in_binary, in_name, out_name, in_xattr;

// --- values and lists in memory (lists.cc) ---
ArgumentNotation pointed_in, pointed_out;  // of the notation's own value
ArgumentNotation in_structs, out_structs, in_sized_struct, in_address_vectors, in_fds, in_vector;

// --- descriptors and files (files.cc) ---
ValueNotation fd, dirfd, open_flags;
ArgumentNotation open_mode, openat2_how, mknod_mode, mknod_device, statx_flags, out_fds, fcntl_argument,
    out_dirents;
ArgumentNotation inout_offset, mount_flags, mount_type, mount_data;

// --- structures and arrays (structures.cc) ---
ValueNotation struct_in;  // a structure in a structure
ArgumentNotation in_struct, out_struct, out_struct_shortened, in_struct_list, out_struct_list, in_array2,
    in_times;
ArgumentNotation in_file_times, membarrier_cpu;
ArgumentNotation out_number, out_number_list, out_time, out_groups, in_groups, in_cpu_set, out_cpu_set;
ArgumentNotation out_remaining, in_scheduling, out_scheduling;

// --- processes (processes.cc) ---
ArgumentNotation clone_flags, clone_stack, clone_parent, clone_child, clone_tls, clone3_arguments,
    in_user_desc, ldt_entry, resumed;
ArgumentNotation out_wait_status, arch_prctl_argument;
ArgumentNotation futex_operation, futex_timeout, futex_address2, futex_value3;

// --- privileges, filters, keys (security.cc) ---
ArgumentNotation in_capabilities, out_capabilities, ambient_capability, mce_kill_policy, seccomp_filter,
    seccomp_rest, sched_core_cookie, out_key_capabilities, landlock_ruleset;

// --- handles and notification of files (handles.cc) ---
ArgumentNotation out_file_handle, in_file_handle, fanotify_flags, swap_flags;
ValueNotation mark_dirfd;

// --- memory of machines with several nodes, and of new kernels (nodes.cc) ---
ValueNotation memory_policy;
ArgumentNotation node_mask, out_node_mask, in_addresses, in_numbers, out_errors, out_residence;
ArgumentNotation in_kexec_segments, kexec_flags;

// --- System V and POSIX messages, semaphores (ipc.cc) ---
ArgumentNotation resource_flags, ipc_command, ipc_argument, semctl_argument, in_sysv_message,
    out_sysv_message, mq_mode, mq_attributes;

// --- asynchronous requests (requests.cc) ---
ArgumentNotation in_iocbs, in_iocb, out_io_event, io_uring_parameters;

// --- measuring and BPF (perf.cc, bpf.cc) ---
ArgumentNotation perf_attributes, io_priority_value, bpf_attributes, bpf_next;
ValueNotation kernel_version;

// --- signals (signals.cc) ---
ValueNotation signal, handler;
ArgumentNotation in_sigaction, out_sigaction, in_signals, out_signals, in_old_signals, out_old_signals,
    out_siginfo, in_siginfo, in_sigevent;
ArgumentNotation signal_frame;

// --- waiting for descriptors (polling.cc) ---
ValueNotation epoll_data;
ArgumentNotation poll_list, fd_set, inout_timeout, pselect_mask, epoll_ctl_event, out_epoll_events;

// --- sockets (sockets.cc) ---
ArgumentNotation in_address, out_address, out_length, socket_type, socket_protocol, socket_option,
    in_socket_option, out_socket_option, in_message, out_message, in_messages, out_messages;

// --- netlink (netlink.cc, netlink_values.cc) ---
ValueNotation interface, route_table, cookie;
ValueNotation inet_socket;  // its number says how many bytes before it the family of addresses is
ArgumentNotation in_sent, out_received;  // of the descriptor that is the first argument

// --- ioctl (ioctl.cc) ---
ArgumentNotation ioctl_command, ioctl_argument;

// --- results ---
ResultNotation result_number, result_address, result_octal, result_fd, result_fcntl, result_ioctl;
ResultNotation result_named;        // 1 (SUID_DUMP_USER), by the form's family
ResultNotation result_named_flags;  // 0x1 (SECBIT_NOROOT)
ResultNotation result_personality, result_landlock_ruleset, result_io_priority;
ResultNotation result_signal;
ResultNotation result_poll, result_or_timeout, result_ppoll, result_select, result_pselect, result_futex,
    result_sigreturn, result_sched_policy, result_thread_area;

}  // namespace panda::syscalls::notation
