// Bounds that writers keep and readers enforce, so that no length in a hostile file is believed.
#pragma once

#include <cstdint>

#include "trace/record_layout.h"

namespace panda::trace {

inline constexpr uint64_t max_message_bytes = uint64_t{64} << 20;  // framed
inline constexpr uint32_t max_chunk_blocks = 1u << 22;
inline constexpr uint32_t max_chunk_events = 1u << 20;
inline constexpr uint32_t max_chunk_address_spaces = 256;          // listed in a chunk's summary
inline constexpr uint64_t max_column_bytes = uint64_t{128} << 20;  // before compression

inline constexpr uint32_t max_blocks = 1u << record_id_bits;  // definitions in a trace
inline constexpr uint32_t max_blocks_per_message = 1u << 14;  // definitions in a message
inline constexpr uint32_t max_block_instructions = 1u << 12;  // QEMU's own limit is TCG_MAX_INSNS, 512
inline constexpr uint32_t max_block_bytes = 1u << 13;         // two pages, as QEMU's blocks span

inline constexpr uint32_t max_block_operations = 1u << 12;  // memory operations
inline constexpr uint32_t max_block_tcg = 1u << 20;         // bytes of TCG operations
// Bytes of memory operations, or of TCG operations, in a message.
inline constexpr uint64_t max_operation_column_bytes = uint64_t{8} << 20;

inline constexpr uint32_t max_chunk_inner_events = 1u << 20;
inline constexpr uint32_t max_chunk_translations = 1u << 20;

inline constexpr uint32_t max_event_fields = 64;
inline constexpr uint32_t max_event_kinds = 256;
inline constexpr uint32_t max_event_data = 1u << 24;

inline constexpr uint32_t max_memory_blocks = 1u << 12;
inline constexpr uint64_t max_memory_block_size = uint64_t{1} << 44;  // page numbers fit 32 bits
inline constexpr uint32_t max_mapped_ranges = 1u << 16;
inline constexpr uint32_t max_memory_maps = 1u << 16;
inline constexpr uint32_t max_physical_address_spaces = 16;
inline constexpr uint32_t max_facts = 1u << 12;
inline constexpr uint32_t max_devices = 1u << 12;
inline constexpr uint32_t max_pages_per_message = 256;  // 1 MiB

}  // namespace panda::trace
