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
ValueNotation device;     // makedev(0x1, 0x3)
ValueNotation rlim;       // a limit: multiples of 1024, RLIM64_INFINITY
ValueNotation magic, magic_command, personality, sysv_key, shm_flags, lx_plain, page_offset, load_averages;
ValueNotation file_system_id, statfs_flags;
ArgumentNotation offset64, lx_offset, llseek_offset, llseek_omitted, out_llseek;
ArgumentNotation mmap_flags, mremap_address, old_mmap;

// --- texts and buffers (buffers.cc) ---
ValueNotation path;    // the whole string
ValueNotation string;  // up to TextOptions::string_limit
ValueNotation text;    // an array of characters in a structure
ArgumentNotation in_bytes, out_bytes, out_random, out_text, out_path, in_strings, in_environment;
ArgumentNotation in_vectors, out_vectors;

// --- descriptors and files (files.cc) ---
ValueNotation fd, dirfd, open_flags;
ArgumentNotation open_mode, openat2_how, mknod_mode, mknod_device, statx_flags, out_fds, fcntl_argument,
    out_dirents;
ArgumentNotation inout_offset, mount_flags, mount_data;

// --- structures and arrays (structures.cc) ---
ValueNotation struct_in;  // a structure in a structure
ArgumentNotation in_struct, out_struct, out_struct_shortened, in_struct_list, out_struct_list, in_array2,
    in_times;
ArgumentNotation out_number, out_number_list, out_time, out_groups, in_groups, in_cpu_set, out_cpu_set;
ArgumentNotation out_remaining;

// --- processes (processes.cc) ---
ArgumentNotation clone_flags, clone_stack, clone_parent, clone_child, clone_tls, clone3_arguments,
    in_user_desc, resumed;
ArgumentNotation out_wait_status, arch_prctl_argument, prctl_argument, lx_prctl;
ArgumentNotation futex_operation, futex_timeout, futex_address2, futex_value3;

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

// --- ioctl (ioctl.cc) ---
ArgumentNotation ioctl_command, ioctl_argument;

// --- results ---
ResultNotation result_number, result_address, result_octal, result_fd, result_fcntl, result_ioctl,
    result_prctl;
ResultNotation result_signal;
ResultNotation result_poll, result_ppoll, result_select, result_pselect, result_futex, result_sigreturn,
    result_sched_policy, result_thread_area;

}  // namespace panda::syscalls::notation
