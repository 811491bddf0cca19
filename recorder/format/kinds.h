/* Numbers of a recording that the glue (C, compiled against QEMU's headers) and the format (C++) both use.
 * They are part of the file format: append only. */
#ifndef PANDA_RECORDER_FORMAT_KINDS_H
#define PANDA_RECORDER_FORMAT_KINDS_H

/* Entries that an instruction asks for (recording.h, EntryKind). */
enum {
    recording_mmio_read = 0,
    recording_port_read = 1,
    recording_time_stamp = 2,
    recording_msr_read = 3,
    recording_task_priority_read = 4,
    recording_random = 5,
    recording_cpuid = 6,
};

/* The request of an interrupt's entry: bits as in QEMU's interrupt_request (include/exec/cpu-interrupt.h,
 * target/i386/cpu.h). Other bits occur, and have no name here. */
enum {
    recording_interrupt_hard = 0x0002,
    recording_interrupt_smi = 0x0040,
    recording_interrupt_nmi = 0x0200,
    recording_interrupt_init = 0x0400,
};

/* Ranges of guest physical addresses (recording.h, RangeKind). */
enum {
    recording_range_ram = 0,
    recording_range_rom = 1,
    recording_range_rom_device = 2,
};

/* Devices (recording.h, DeviceKind). */
enum {
    recording_device_other = 0,
    recording_device_disk = 1,
    recording_device_network = 2,
    recording_device_display = 3,
    recording_device_usb = 4,
    recording_device_sound = 5,
    recording_device_input = 6,
};

#endif
