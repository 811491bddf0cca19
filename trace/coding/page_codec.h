// The codings of a chunk's lists of pages.
//
// `translationList`: what the processor's TLB holds where the chunk starts, by ascending page.
//
//   column = the streams of streams.h: pages, frames, spaces
//   pages  = { varint page - (the page before + 1), the one before the first being -1 }
//   frames = { varint zigzag((frame - page) - that of the one before, 0 at first) }
//   spaces = { varint physical address space }
//
// page, frame: address >> 12, virtual and guest physical.
//
// `pageList`: the pages that the chunk stores to.
//
//   column = byte complete, varint number of physical pages, their keys, keys of transferred pages
//   keys   = { varint key - (the key before + 1), the one before the first being -1 }, each list by itself
//   key    : of a physical page: physical address space << 52 | frame
//            of a transferred page: memory block << 32 | page, counted from the block's start
//
// complete: 1, or 0 when there was a store to a page whose translation the trace does not tell.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/bytes.h"
#include "trace/inner_event.h"
#include "trace/written_pages.h"

namespace panda::trace {

// Returns the column. translations: by ascending page, each page once, each checked (check_translation).
Bytes encode_translations(std::span<const Translation> translations);
// Decodes `count` translations. Throws Error on malformed input.
std::vector<Translation> decode_translations(std::span<const std::byte> column, uint64_t count);

// Throws Error when a number of the translation is too large for a column.
void check_translation(const Translation& translation);

// Returns the column.
Bytes encode_written_pages(const WrittenPages& pages);
// Decodes a column. count: pages in it, both kinds together. Throws Error on malformed input.
WrittenPages decode_written_pages(std::span<const std::byte> column, uint64_t count);

}  // namespace panda::trace
