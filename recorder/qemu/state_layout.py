"""Runs in gdb: prints where what lies in QEMU's state of an x86 processor, from debugging information.

The first lines have sizes in bytes, then comes a line for each field that is no structure itself:

    size CPUX86State BYTES      the state, to which translated code has a pointer
    size ArchCPU BYTES          the object in which it lies
    offset env BYTES            where in that object
    OFFSET SIZE COUNT NAME      COUNT values of SIZE bytes each, from OFFSET on: "segs[0].base", "regs"

Of a union, all members are listed, so that lines may overlap. Fields of bits are left out.
"""
import gdb


def leaves(kind, offset, name):
    kind = kind.strip_typedefs()
    if kind.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
        for field in kind.fields():
            if not field.bitsize and hasattr(field, "bitpos"):
                inner = name + ("." if name and field.name else "") + (field.name or "")
                yield from leaves(field.type, offset + field.bitpos // 8, inner)
    elif kind.code == gdb.TYPE_CODE_ARRAY:
        element = kind.target().strip_typedefs()
        low, high = kind.range()
        count = high - low + 1
        if element.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION, gdb.TYPE_CODE_ARRAY):
            for i in range(count):
                yield from leaves(element, offset + i * element.sizeof, f"{name}[{i}]")
        elif count > 0:
            yield offset, element.sizeof, count, name
    else:
        yield offset, kind.sizeof, 1, name


gdb.execute("file " + object_file)  # noqa: F821: bitcode.sh sets it
state = gdb.lookup_type("CPUX86State").strip_typedefs()
cpu = gdb.lookup_type("struct ArchCPU").strip_typedefs()
offset_of_state = next(field.bitpos // 8 for field in cpu.fields() if field.name == "env")
print(f"size CPUX86State {state.sizeof}")
print(f"size ArchCPU {cpu.sizeof}")
print(f"offset env {offset_of_state}")
for leaf in leaves(state, 0, ""):
    print(*leaf)
