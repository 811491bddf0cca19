/* The machine's devices, and which of them is at work. */
#include "qemu/osdep.h"
#include "hw/core/cpu.h"
#include "hw/qdev-core.h"
#include "hw/virtio/virtio-bus.h"
#include "qom/object.h"
#include "glue_internal.h"
#include "recorder/engine/glue.h"
#include "recorder/format/kinds.h"

static GArray *devices;     /* of GlueDevice */
static GHashTable *indexes; /* of a DeviceState, referenced so that its address stays its own: 1 + index */

/* QEMU's categories in order of precedence, and what they are called here. */
static uint32_t kind_of(DeviceState *device)
{
    static const struct {
        DeviceCategory category;
        uint32_t kind;
    } kinds[] = {
        { DEVICE_CATEGORY_STORAGE, recording_device_disk },    { DEVICE_CATEGORY_NETWORK, recording_device_network },
        { DEVICE_CATEGORY_DISPLAY, recording_device_display }, { DEVICE_CATEGORY_USB, recording_device_usb },
        { DEVICE_CATEGORY_SOUND, recording_device_sound },     { DEVICE_CATEGORY_INPUT, recording_device_input },
    };

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (test_bit(kinds[i].category, DEVICE_GET_CLASS(device)->categories)) {
            return kinds[i].kind;
        }
    }
    return recording_device_other;
}

static int add_device(Object *object, void *opaque)
{
    DeviceState *device = (DeviceState *)object_dynamic_cast(object, TYPE_DEVICE);

    if (device && device->realized && !object_dynamic_cast(object, TYPE_CPU)) {
        const GlueDevice entry = {
            .model = g_strdup(object_get_typename(object)),
            .place = device->id ? g_strdup(device->id) : qdev_get_dev_path(device),
            .kind = kind_of(device),
        };

        g_array_append_val(devices, entry);
        g_hash_table_insert(indexes, object_ref(object), GUINT_TO_POINTER(devices->len));
    }
    return 0;
}

static void free_device(void *device)
{
    GlueDevice *entry = device;

    g_free((char *)entry->model);
    g_free((char *)entry->place);
}

size_t glue_devices(const GlueDevice **out)
{
    if (!devices) {
        devices = g_array_new(false, false, sizeof(GlueDevice));
        g_array_set_clear_func(devices, free_device);
        indexes = g_hash_table_new_full(NULL, NULL, object_unref, NULL);
    }
    g_array_set_size(devices, 0);
    g_hash_table_remove_all(indexes);
    object_child_foreach_recursive(object_get_root(), add_device, NULL);
    *out = (const GlueDevice *)devices->data;
    return devices->len;
}

uint32_t glue_device_index(Object *object)
{
    DeviceState *device = object ? (DeviceState *)object_dynamic_cast(object, TYPE_DEVICE) : NULL;

    /* A virtio device is the back of the one that the guest sees. */
    while (device && device->parent_bus && object_dynamic_cast(OBJECT(device->parent_bus), TYPE_VIRTIO_BUS)) {
        device = device->parent_bus->parent;
    }
    return device ? GPOINTER_TO_UINT(g_hash_table_lookup(indexes, device)) : 0;
}
