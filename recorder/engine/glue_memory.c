/* Blocks of guest memory, and what the processor sees of them. */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qapi/error.h"
#include "cpu.h"
#include "exec/address-spaces.h"
#include "exec/cputlb.h"
#include "exec/memory.h"
#include "exec/ramblock.h"
#include "hw/core/cpu.h"
#include "exec/panda-hooks.h"
#include "glue_internal.h"
#include "recorder/engine/glue.h"
#include "recorder/format/kinds.h"

enum { address_spaces = 2 };

static GArray *blocks;       /* of GlueBlock */
static GArray *block_regions; /* of MemoryRegion *, parallel to it */

/* ---- Record: look ---- */

static int add_block(RAMBlock *block, void *opaque)
{
    GlueBlock entry = {
        .name = qemu_ram_get_idstr(block),
        .size = qemu_ram_get_used_length(block),
        .host = qemu_ram_get_host_addr(block),
    };

    entry.size = QEMU_ALIGN_UP(entry.size, TARGET_PAGE_SIZE);
    g_array_append_val(blocks, entry);
    g_array_append_val(block_regions, block->mr);
    return 0;
}

size_t glue_blocks(const GlueBlock **out)
{
    if (!blocks) {
        blocks = g_array_new(false, false, sizeof(GlueBlock));
        block_regions = g_array_new(false, false, sizeof(MemoryRegion *));
    }
    g_array_set_size(blocks, 0);
    g_array_set_size(block_regions, 0);
    qemu_ram_foreach_block(add_block, NULL);
    *out = (const GlueBlock *)blocks->data;
    return blocks->len;
}

uint32_t glue_block_index(MemoryRegion *mr)
{
    for (guint i = 0; i < block_regions->len; i++) {
        MemoryRegion *region = g_array_index(block_regions, MemoryRegion *, i);
        if (region == mr || (mr->ram_block && region->ram_block == mr->ram_block)) {
            return i;
        }
    }
    return UINT32_MAX;
}

typedef struct Watch {
    MemoryListener listener;
    GArray *ranges; /* of GlueRange */
} Watch;

static Watch watches[address_spaces];

static void watch_begin(MemoryListener *listener)
{
    g_array_set_size(container_of(listener, Watch, listener)->ranges, 0);
}

/* Called for each range of the new map, in ascending order, whether it is new or was there before. */
static void watch_range(MemoryListener *listener, MemoryRegionSection *section)
{
    MemoryRegion *mr = section->mr;
    const bool rom_device = memory_region_is_romd(mr);
    GlueRange range;

    if (!memory_region_is_ram(mr) && !rom_device) {
        return;
    }
    range = (GlueRange){
        .address = section->offset_within_address_space,
        .size = int128_get64(section->size),
        .block_offset = section->offset_within_region,
        .block = glue_block_index(mr),
        .kind = rom_device          ? recording_range_rom_device
                : section->readonly ? recording_range_rom
                                    : recording_range_ram,
    };
    if (range.block != UINT32_MAX) {
        g_array_append_val(container_of(listener, Watch, listener)->ranges, range);
    }
}

size_t glue_address_spaces(void)
{
    return MIN(first_cpu->num_ases, address_spaces);
}

void glue_watch_memory_maps(void)
{
    for (size_t i = 0; i < glue_address_spaces(); i++) {
        Watch *watch = &watches[i];

        if (watch->ranges) {
            memory_listener_unregister(&watch->listener);
            g_array_free(watch->ranges, true);
        }
        watch->ranges = g_array_new(false, false, sizeof(GlueRange));
        watch->listener = (MemoryListener){
            .name = "panda-map",
            .priority = MEMORY_LISTENER_PRIORITY_MIN,
            .begin = watch_begin,
            .region_add = watch_range,
            .region_nop = watch_range,
        };
        memory_listener_register(&watch->listener, cpu_get_address_space(first_cpu, i));
    }
}

size_t glue_memory_map(int index, const GlueRange **ranges)
{
    *ranges = (const GlueRange *)watches[index].ranges->data;
    return watches[index].ranges->len;
}

/* ---- Replay: make ---- */

static AddressSpace *block_spaces; /* each block as an address space of its own */

void glue_make_blocks(GlueBlock *wanted, size_t count)
{
    block_regions = g_array_new(false, false, sizeof(MemoryRegion *));
    block_spaces = g_new0(AddressSpace, count);
    for (size_t i = 0; i < count; i++) {
        MemoryRegion *mr = g_new0(MemoryRegion, 1);
        g_autofree char *name = g_strdup_printf("panda.%zu", i);

        memory_region_init_ram_nomigrate(mr, NULL, name, wanted[i].size, &error_fatal);
        wanted[i].host = memory_region_get_ram_ptr(mr);
        address_space_init(&block_spaces[i], mr, name);
        g_array_append_val(block_regions, mr);
    }
}

void glue_write_block(uint32_t block, uint64_t offset, const uint8_t *data, size_t size)
{
    address_space_write(&block_spaces[block], offset, MEMTXATTRS_UNSPECIFIED, data, size);
}

static uint64_t never_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0;
}

static void never_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
}

static const MemoryRegionOps device_ops = { .read = never_read, .write = never_write };

typedef struct Layout {
    MemoryRegion container;
    MemoryRegion devices; /* what lies behind all that is not RAM; hides what the machine put there */
    GPtrArray *aliases;
} Layout;

static Layout layouts[address_spaces];

static void layout_make(Layout *layout, MemoryRegion *root)
{
    memory_region_init(&layout->container, NULL, "panda", UINT64_MAX);
    memory_region_init_io(&layout->devices, NULL, &device_ops, NULL, "panda-devices", UINT64_MAX);
    memory_region_add_subregion_overlap(&layout->container, 0, &layout->devices, 0);
    memory_region_add_subregion_overlap(root, 0, &layout->container, 0x10000);
    layout->aliases = g_ptr_array_new();
}

static void layout_clear(Layout *layout)
{
    for (guint i = 0; i < layout->aliases->len; i++) {
        MemoryRegion *alias = g_ptr_array_index(layout->aliases, i);

        memory_region_del_subregion(&layout->container, alias);
        object_unparent(OBJECT(alias));
        g_free(alias);
    }
    g_ptr_array_set_size(layout->aliases, 0);
}

void glue_set_memory_map(int index, const GlueRange *ranges, size_t count)
{
    Layout *layout = &layouts[index];
    const bool locked = bql_locked();

    if (!locked) {
        bql_lock();
    }
    memory_region_transaction_begin();
    if (!layout->aliases) {
        layout_make(layout, index == 0 ? get_system_memory() : X86_CPU(first_cpu)->cpu_as_root);
    }
    layout_clear(layout);
    for (size_t i = 0; i < count; i++) {
        MemoryRegion *alias = g_new0(MemoryRegion, 1);
        MemoryRegion *block = g_array_index(block_regions, MemoryRegion *, ranges[i].block);

        memory_region_init_alias(alias, NULL, "panda-range", block, ranges[i].block_offset, ranges[i].size);
        /* Writes to a ROM device are writes to a device: as those to a ROM, they change nothing at replay. */
        memory_region_set_readonly(alias, ranges[i].kind != recording_range_ram);
        memory_region_add_subregion_overlap(&layout->container, ranges[i].address, alias, 1);
        g_ptr_array_add(layout->aliases, alias);
    }
    memory_region_transaction_commit();
    if (!locked) {
        bql_unlock();
    }
    tlb_flush(first_cpu);
}
