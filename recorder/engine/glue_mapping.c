/* RAM that devices map while the machine is recorded.
 *
 * A device may write to what it has mapped at any time while the guest runs, on a thread of its own. So it gets another
 * place in its stead, the shadow, and RAM changes when the device unmaps it, at a known instruction.
 *
 * What a device and the guest see must be what they see without recording:
 * - Each block has one shadow, as large as the block, so whatever maps the same bytes at the same time shares them
 *   (virtio-scsi's request and the transfer of its data do). A page's content comes from RAM with its first mapping.
 * - A mapping gives back what was written to it, and never what was in RAM before: another device, or the guest, may
 *   have written there in the meantime.
 * - A device that only reads sees RAM itself, because it may look at what the guest writes meanwhile (a screen does).
 *   Some write all the same (megasas to its frames). So what has changed when they unmap counts as written; if it was
 *   the guest, the log has it twice, which does no harm.
 *
 * Everything here is called with QEMU's exclusion held. */
#include "qemu/osdep.h"
#include <sys/mman.h>
#include "qemu/main-loop.h"
#include "cpu.h"
#include "exec/memory.h"
#include "exec/ramblock.h"
#include "exec/panda-hooks.h"
#include "glue_internal.h"

typedef struct Shadow {
    MemoryRegion *region;
    uint8_t *ram;
    uint8_t *bytes;
    uint64_t size; /* of both */
} Shadow;

/* A page that is mapped; by its address in the shadow. */
typedef struct MappedPage {
    unsigned mappings;
    bool given_back;                 /* by a mapping that is gone, since the page was mapped */
    uint8_t before[TARGET_PAGE_SIZE]; /* what the device did not write: as it came from RAM, or went there */
} MappedPage;

/* RAM that a device has mapped to read it. */
typedef struct Reading {
    MemoryRegion *region;
    uint64_t offset, size;
    uint8_t before[];
} Reading;

enum { most_read = 256 << 20 }; /* bytes of readings; what is mapped beyond is not watched */

static GArray *shadows;          /* of Shadow */
static GHashTable *mapped_pages; /* of MappedPage */
static GHashTable *readings;     /* of GSList of Reading, by the address in RAM */
static uint64_t bytes_read;      /* of all readings */

static Shadow *shadow_with(const uint8_t *address)
{
    for (guint i = 0; shadows && i < shadows->len; i++) {
        Shadow *shadow = &g_array_index(shadows, Shadow, i);

        if (address >= shadow->bytes && address < shadow->bytes + shadow->size) {
            return shadow;
        }
    }
    return NULL;
}

static Shadow *shadow_of(MemoryRegion *region)
{
    uint8_t *ram = memory_region_get_ram_ptr(region);
    Shadow new = {
        .region = region,
        .ram = ram,
        .size = QEMU_ALIGN_UP(memory_region_size(region), TARGET_PAGE_SIZE),
    };

    if (!shadows) {
        shadows = g_array_new(false, false, sizeof(Shadow));
        mapped_pages = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
        readings = g_hash_table_new(g_direct_hash, g_direct_equal);
    }
    for (guint i = 0; i < shadows->len; i++) {
        Shadow *shadow = &g_array_index(shadows, Shadow, i);

        if (shadow->ram == ram && shadow->size == new.size) {
            return shadow;
        }
    }
    new.bytes = mmap(NULL, new.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (new.bytes == MAP_FAILED) {
        return NULL;
    }
    g_array_append_val(shadows, new);
    return &g_array_index(shadows, Shadow, shadows->len - 1);
}

static MappedPage *mapped_page(const Shadow *shadow, uint64_t offset)
{
    return g_hash_table_lookup(mapped_pages, shadow->bytes + (offset & TARGET_PAGE_MASK));
}

static bool any_mapped(const Shadow *shadow, uint64_t offset, uint64_t end)
{
    for (uint64_t page = offset & TARGET_PAGE_MASK; page < end; page += TARGET_PAGE_SIZE) {
        if (mapped_page(shadow, page)) {
            return true;
        }
    }
    return false;
}

/* What the guest has written to a mapped page since shows there too, but for bytes that the device has written. */
static void refresh(const uint8_t *ram, uint8_t *bytes, uint8_t *before)
{
    if (memcmp(ram, before, TARGET_PAGE_SIZE) == 0) {
        return;
    }
    for (size_t i = 0; i < TARGET_PAGE_SIZE; i++) {
        if (ram[i] != before[i] && bytes[i] == before[i]) {
            bytes[i] = before[i] = ram[i];
        }
    }
}

static void map_page(const Shadow *shadow, uint64_t offset)
{
    MappedPage *page = mapped_page(shadow, offset);

    if (page) {
        refresh(shadow->ram + offset, shadow->bytes + offset, page->before);
    } else {
        page = g_new(MappedPage, 1);
        page->mappings = 0;
        page->given_back = false;
        memcpy(page->before, shadow->ram + offset, TARGET_PAGE_SIZE);
        memcpy(shadow->bytes + offset, page->before, TARGET_PAGE_SIZE);
        g_hash_table_insert(mapped_pages, shadow->bytes + offset, page);
    }
    page->mappings++;
}

static void *map_to_read(const Shadow *shadow, uint64_t offset, uint64_t size)
{
    uint8_t *ram = shadow->ram + offset;
    Reading *reading;

    if (size > most_read - bytes_read) {
        return NULL;
    }
    reading = g_malloc(sizeof(Reading) + size);
    *reading = (Reading){ .region = shadow->region, .offset = offset, .size = size };
    memcpy(reading->before, ram, size);
    bytes_read += size;
    g_hash_table_insert(readings, ram, g_slist_prepend(g_hash_table_lookup(readings, ram), reading));
    return ram;
}

typedef struct Run {
    uint64_t start, end; /* end: behind its last byte; 0 before the first run */
} Run;

/* Moves `run` to the next run of bytes that differ among `size` of them; false if there is none any more. */
static bool next_changed(Run *run, const uint8_t *bytes, const uint8_t *before, uint64_t size)
{
    run->start = run->end;
    while (run->start < size && bytes[run->start] == before[run->start]) {
        run->start++;
    }
    run->end = run->start;
    while (run->end < size && bytes[run->end] != before[run->end]) {
        run->end++;
    }
    return run->end > run->start;
}

static void report_changed(const Reading *reading, const uint8_t *ram)
{
    for (Run run = { 0 }; next_changed(&run, ram, reading->before, reading->size);) {
        panda_ram_written(reading->region, reading->offset + run.start, run.end - run.start);
    }
}

static MemoryRegion *unmap_read(uint8_t *ram)
{
    GSList *list = readings ? g_hash_table_lookup(readings, ram) : NULL;
    Reading *reading;
    MemoryRegion *region;

    if (!list) {
        return NULL;
    }
    reading = list->data;
    region = reading->region;
    if (memcmp(ram, reading->before, reading->size) != 0) {
        report_changed(reading, ram);
    }
    list = g_slist_delete_link(list, list);
    if (list) {
        g_hash_table_insert(readings, ram, list);
    } else {
        g_hash_table_remove(readings, ram);
    }
    bytes_read -= reading->size;
    g_free(reading);
    return region;
}

void *glue_map_ram(MemoryRegion *region, hwaddr offset, hwaddr *size, bool is_write)
{
    Shadow *shadow = shadow_of(region);

    if (!shadow || offset >= shadow->size || *size > shadow->size - offset) {
        return NULL;
    }
    /* Something may be written there that RAM does not have yet. */
    if (!is_write && !any_mapped(shadow, offset, offset + *size)) {
        return map_to_read(shadow, offset, *size);
    }
    for (uint64_t page = offset & TARGET_PAGE_MASK; page < offset + *size; page += TARGET_PAGE_SIZE) {
        map_page(shadow, page);
    }
    return shadow->bytes + offset;
}

/* The part of [offset, offset + size) that lies in the page of `offset`. */
static uint64_t part_in_page(uint64_t offset, uint64_t size)
{
    return MIN(size, TARGET_PAGE_SIZE - (offset & ~TARGET_PAGE_MASK));
}

static void write_ram(Shadow *shadow, uint64_t offset, uint64_t size)
{
    memcpy(shadow->ram + offset, shadow->bytes + offset, size);
    for (uint64_t done = 0; done < size;) {
        const uint64_t part = part_in_page(offset + done, size - done);
        MappedPage *page = mapped_page(shadow, offset + done);

        if (page) {
            memcpy(page->before + ((offset + done) & ~TARGET_PAGE_MASK), shadow->bytes + offset + done, part);
        }
        done += part;
    }
    panda_ram_written(shadow->region, offset, size);
}

/* What was at `offset` before the device wrote; what is there now if nobody has mapped the page. */
static const uint8_t *bytes_before(const Shadow *shadow, const MappedPage *page, uint64_t offset)
{
    return page ? page->before + (offset & ~TARGET_PAGE_MASK) : shadow->bytes + offset;
}

typedef struct Changes {
    bool alone;     /* nobody but the devices wrote there since */
    bool news;      /* what the device wrote has not been given back yet */
    uint64_t end;   /* behind the last byte that was changed, from the start */
} Changes;

static Changes find_changes(const Shadow *shadow, uint64_t offset, uint64_t size)
{
    Changes changes = { .alone = true };

    for (uint64_t done = 0; done < size;) {
        const uint64_t at = offset + done, part = part_in_page(at, size - done);
        const MappedPage *page = mapped_page(shadow, at);
        const uint8_t *before = bytes_before(shadow, page, at);

        if (memcmp(before, shadow->bytes + at, part) != 0) {
            changes.end = done + part;
            while (before[changes.end - done - 1] == shadow->bytes[offset + changes.end - 1]) {
                changes.end--;
            }
        }
        changes.alone = changes.alone && memcmp(before, shadow->ram + at, part) == 0;
        changes.news = changes.news || (page && !page->given_back);
        done += part;
    }
    return changes;
}

/* Gives back the bytes that were changed, and no others. */
static void write_changed(Shadow *shadow, uint64_t offset, uint64_t size)
{
    for (uint64_t done = 0; done < size;) {
        const uint64_t at = offset + done, part = part_in_page(at, size - done);
        const uint8_t *before = bytes_before(shadow, mapped_page(shadow, at), at);

        for (Run run = { 0 }; next_changed(&run, shadow->bytes + at, before, part);) {
            write_ram(shadow, at + run.start, run.end - run.start);
        }
        done += part;
    }
}

static void unmap_pages(Shadow *shadow, uint64_t offset, uint64_t size)
{
    for (uint64_t at = offset & TARGET_PAGE_MASK; at < offset + size; at += TARGET_PAGE_SIZE) {
        MappedPage *page = mapped_page(shadow, at);

        if (page && --page->mappings == 0) {
            g_hash_table_remove(mapped_pages, shadow->bytes + at);
            madvise(shadow->bytes + at, TARGET_PAGE_SIZE, MADV_DONTNEED);
        } else if (page) {
            page->given_back = true;
        }
    }
}

MemoryRegion *glue_unmap_ram(void *buffer, hwaddr size, hwaddr written)
{
    Shadow *shadow = shadow_with(buffer);
    uint64_t offset;
    Changes changes;

    if (!shadow) {
        return unmap_read(buffer);
    }
    offset = (uint8_t *)buffer - shadow->bytes;
    size = MIN(size, shadow->size - offset);
    changes = find_changes(shadow, offset, size);
    if (!changes.alone) {
        write_changed(shadow, offset, size);
    } else if (changes.end > 0 || changes.news) {
        /* All that was written, also where that is what had been there before: it came from the device. */
        const uint64_t end = MAX(changes.end, MIN(written, size));

        if (end > 0) {
            write_ram(shadow, offset, end);
        }
    }
    unmap_pages(shadow, offset, size);
    return shadow->region;
}
