// The codings of a chunk's lists of pages.
//
// `translationList`: what the processor's TLB holds where the chunk begins, by ascending page.
//
//   column = varint size of `pages`, varint size of `frames`, pages, frames, spaces
//   pages  = { varint page - the page before - 1 (page at first) }
//   frames = { varint zigzag((frame - page) - (frame - page of the one before, 0 at first)) }
//   spaces = { varint address space }
//
// `pageList`: the pages that the chunk stores to.
//
//   column = byte complete, varint number of physical pages, keys of physical pages, keys of transferred
//   pages keys   = { varint key - the key before - 1 (key at first) } key of a physical page: address space
//   << 52 | frame; of a transferred one: memory block << 32 | page
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/bytes.h"
#include "trace/inner_event.h"
#include "trace/written_pages.h"

namespace panda::trace {

// translations: by ascending page, each page once, all within their limits.
Bytes encode_translations(std::span<const Translation> translations);
// Throws Error on malformed input.
std::vector<Translation> decode_translations(std::span<const std::byte> column, uint64_t count);

// Throws Error when the translation is beyond what a column can hold.
void check_translation(const Translation& translation);

Bytes encode_written_pages(const WrittenPages& pages);
// count: of pages, both kinds together. Throws Error on malformed input.
WrittenPages decode_written_pages(std::span<const std::byte> column, uint64_t count);

}  // namespace panda::trace
