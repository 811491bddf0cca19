/* The host for which QEMU's front end makes operations while a trace is made.
 *
 * The front end asks what the host's processor can do before it chooses an operation (TCG_TARGET_HAS_…,
 * tcg_can_emit_vec_op()), so that the operations of a block would depend on the machine that replays. */
#ifndef PANDA_REPLAYER_ENGINE_TRACE_HOST_H
#define PANDA_REPLAYER_ENGINE_TRACE_HOST_H

/* From now on the front end sees the one host of all traces, if this one has what that needs. Code that was translated
 * before stays valid. */
void trace_fix_host(void);
/* The name of the host that trace_fix_host() gives, for the fact `tcg-host`. */
const char* trace_host_name(void);
/* For tests: QEMU does not see features of the host but these, bits of CPUINFO_…. */
void trace_mask_host(unsigned features);

#endif
