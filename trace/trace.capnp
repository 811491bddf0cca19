@0xd51d54c5c4c6f1a3;
# A trace: what the replay of a recording saw.
#
# This file, the headers in trace/coding/ that it names, and trace/README.md are the format's description; they are
# enough to read a trace without this project's code, and a test does that (tests/house/trace_from_text).
#
# The file is a stream of `Message`s in Cap'n Proto's ordinary stream framing, each of one segment and at most
# 64 MiB, so `capnp decode trace.capnp Message < FILE` prints it. Order:
#
#   header, then any of { definitions | memoryMap | chunk | snapshot pages* snapshotEnd }, then index*, end
#
# What a message refers to stands before it, so one pass over a pipe is enough. A file without `end` was cut short
# (a crash, a kill): its whole messages are valid. With `end`, a reader that can seek starts from the file's last 16
# bytes, see `End.locator`.
#
# Integrity: see Message.checksum. Bulk bytes are outside of it and have checksums of their own, so that a reader pays
# only for the columns that it uses.
#
# instr is the number of guest instructions executed since the recording began. It is the only axis of time.
#
# Rules for changes: fields, enumerants and union members are appended, never changed. `Header.version` rises
# when an old reader would misread a new file; a reader refuses a higher version than its own. An old reader skips
# columns and events that it does not know; a column whose coding it does not know is an error if it needs it.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("panda::trace::schema");

struct Message {
  checksum @0 :UInt64;
  # XXH3 (64 bit, seed 0) of the first `checkedBytes` bytes of the framed message, in which this field counts as zero.
  # The field is 16 bytes into the message (segment table 8, root pointer 8).
  checkedBytes @1 :UInt64;
  # All bytes but the `Data` of columns and `End.locator`, which writers put at the message's end.

  union {
    header @2 :Header;
    definitions @3 :Definitions;
    memoryMap @4 :MemoryMap;
    chunk @5 :Chunk;
    snapshot @6 :Snapshot;
    pages @7 :Pages;
    snapshotEnd @8 :SnapshotEnd;
    index @9 :Index;
    end @10 :End;
  }
}

struct Header {
  magic @0 :UInt64;           # "pandatrc", read as a little-endian number
  version @1 :UInt32;         # 2; in version 1 no block follows registers
  architecture @2 :Text;      # "x86_64" or "i386"
  facts @3 :List(Fact);       # about the recording, by ascending name
  memoryBlocks @4 :List(MemoryBlock);
  firstInstr @5 :UInt64;      # instr where the trace starts
  devices @6 :List(Device);   # the event `transfer` refers to them by 1 + index

  struct Fact {
    name @0 :Text;
    value @1 :Text;
  }
  struct MemoryBlock {
    name @0 :Text;
    size @1 :UInt64;          # bytes, a multiple of 4096
  }
  struct Device {
    model @0 :Text;           # QEMU's name of its type
    place @1 :Text;           # its id, or its place on its bus, or nothing
    kind @2 :Text;            # "disk", "network", "display", "usb", "sound", "input" or "other"
  }
}

# --- Columns ---------------------------------------------------------------------------------------------------

# A column is a list of records, which is coded in one of the ways below and then compressed. A column without records
# may be missing. So are the columns that the trace was made without (see Chunk.memory; `registers` is optional too).

enum ColumnId {
  # Each line says what the column holds, after the colon what one record is, and then the coding.
  #
  # Columns of a chunk.
  blocks @0;           # the ids of the executed blocks: an execution                        successors
  cuts @1;             # executions that stopped early: one of them                          cutList
  events @2;           # see EventKind: an event                                             eventList
  shapes @3;           # which conditional memory operations ran: a mask of 64 operations    shapeList
  addresses @4;        # virtual addresses of memory operations: an address                  addressPredictions
  values @5;           # stored values: a word of up to 8 bytes                              valuePredictions
  registers @6;        # where each execution starts: an execution                           registerPredictions
  inner @7;            # what else happens to memory, see InnerKind: an inner event          innerList
  transfers @8;        # reserved; the bytes of device writes to memory are in their events
  pagesWritten @9;     # the pages that the chunk stores to, so that searches skip: a page   pageList
  # Columns of definitions. A record is a block.
  blockRecords @10;    # pc, sizes, instruction boundaries                                   definitionList
  code @11;            # guest code, block after block                                       raw
  memoryOperations @12;  # and changes of followed registers                                 followingList
  operations @13;      # TCG operations before optimisation, see trace/README.md             blobList
  # Columns of snapshots.
  pages @14;           # page contents: a page of 4096 bytes                                 raw
  # More columns of a chunk.
  translations @15;    # what the processor's TLB holds where the chunk starts: a page       translationList
}

enum Coding {
  raw @0;              # the bytes themselves
  successors @1;       # trace/coding/block_codec.h
  cutList @2;          # trace/coding/cut_codec.h
  eventList @3;        # trace/coding/event_codec.h
  definitionList @4;   # trace/coding/definition_codec.h
  shapeList @5;        # trace/coding/shape_codec.h
  addressPredictions @6;  # trace/coding/address_codec.h
  valuePredictions @7; # trace/coding/value_codec.h
  innerList @8;        # trace/coding/inner_codec.h
  translationList @9;  # trace/coding/page_codec.h
  pageList @10;        # trace/coding/page_codec.h
  operationList @11;   # trace/coding/operation_codec.h; in traces of version 1
  blobList @12;        # trace/coding/operation_codec.h
  followingList @13;   # trace/coding/operation_codec.h
  registerPredictions @14;  # trace/coding/register_codec.h
}
# trace/README.md (Numbers), trace/coding/streams.h and trace/coding/symbol_stream.h say what several codings share.

enum Compression {
  none @0;
  zstd @1;             # one frame; writers use `none` where the frame would not be shorter
}

struct Column {
  id @0 :ColumnId;
  coding @1 :Coding;
  compression @2 :Compression;
  records @3 :UInt64;
  rawSize @4 :UInt64;  # bytes, before compression
  checksum @5 :UInt64; # XXH3 (64 bit, seed 0) of `data`
  data @6 :Data;
}

# --- Code ------------------------------------------------------------------------------------------------------

struct Definitions {
  # Blocks firstId, firstId + 1, … Ids are dense over the whole trace. A block is a translation block of QEMU: guest
  # code that is entered only at its first instruction, and left before its end only by a fault or the like.
  firstId @0 :UInt32;
  count @1 :UInt32;
  columns @2 :List(Column);
}

# --- Execution -------------------------------------------------------------------------------------------------

struct Chunk {
  # A piece of the execution that opens alone: no coder carries state from one chunk into the next.
  firstInstr @0 :UInt64;        # that of the chunk before + its instrCount, or Header.firstInstr
  instrCount @1 :UInt64;        # instructions that were executed, plus those that gaps left out
  blockCount @2 :UInt32;        # executions, partial ones included
  definitionCount @3 :UInt32;   # only blocks below this id occur
  addressSpaces @4 :List(UInt64);
  # The values that CR3 had during the chunk, each once. The first is its value at the chunk's start (0 if unknown).
  addressSpacesComplete @5 :Bool;
  # False when there were too many to list.
  firstMemoryMaps @6 :List(UInt32);
  # By physical address space: 1 + number of the memory map that is in force at the start; 0 if there is no map.
  columns @7 :List(Column);
  eventCount @8 :UInt32;
  memory @9 :MemoryColumns;
  # How much the columns tell of memory.
  cpu @10 :CpuState;
  # The processor's state where the chunk starts; `none` if it is not known.
}

enum MemoryColumns {
  none @0;             # blocks and events only
  addresses @1;        # shapes, addresses, inner, translations, pagesWritten; see "Memory" in trace/README.md
  values @2;           # and values
}

# --- Events ----------------------------------------------------------------------------------------------------

enum EventKind {
  # The kinds of events in the column `events`. Below each kind are its fields, by their number in the column. There all
  # fields are numbers of 64 bits (trace/coding/event_codec.h). "u32" means that larger numbers than 32 bits are an
  # error; "bool" means that 0 is false and 1 is true. `data` is the bytes that come after the fields. Addresses are
  # virtual unless the text says otherwise. They are linear: the segment's base is already added.

  interrupt @0;
  # The processor takes an interrupt: what runs next is the handler.
  #   0 vector             u32; valid only if source is `hardware`
  #   1 source             InterruptSource

  exception @1;
  # The processor raises an exception, or executes a software interrupt.
  #   0 vector             u32
  #   1 error_code         u32; 0 for vectors that have no error code
  #   2 cr2                for page faults the faulting address, otherwise CR2 as it was
  #   3 pc                 address of the instruction that raised it

  addressSpace @2;
  # CR3 has another value.
  #   0 cr3                the new value

  mode @3;
  # CR0, CR4 or EFER has another value, or the processor enters or leaves system management mode. The fields are the
  # new values.
  #   0 cr0
  #   1 cr4
  #   2 efer
  #   3 system_management  bool

  memoryMap @4;
  # From here on physical addresses lead elsewhere, in the address space that the map names.
  #   0 map                u32; MemoryMap.number

  gap @5;
  # The trace leaves out instructions here, because only a part of the replay was asked for. They still count in instr.
  #   0 instructions       how many

  transfer @6;
  # Memory changes by other means than the processor's loads and stores: a device's DMA, mostly.
  #   0 block              u32; index into Header.memoryBlocks
  #   1 offset             bytes, in the block
  #   2 source             TransferSource
  #   3 device             u32; 1 + index into Header.devices; 0: not known, or the processor
  #   data                 the bytes that memory gets

  portAccess @7;
  # The processor reads or writes an I/O port.
  #   0 port               u32; its number
  #   1 size               u32; bytes
  #   2 write              bool
  #   3 value              the value read or written

  deviceAccess @8;
  # The processor loads from a device or stores to it (MMIO). The memory columns have the access too.
  #   0 address            guest physical
  #   1 size               u32; bytes
  #   2 write              bool
  #   3 value              the value loaded or stored; of loads in traces before 2026-12 with its bytes reversed

  systemCall @9;
  # A program calls its kernel. number and arguments are the registers at the call: rax and rdi rsi rdx r10 r8 r9
  # for the gate `syscall`, eax and ebx ecx edx esi edi ebp for the others.
  #   0 gate               CallGate
  #   1 number             the call's number
  #   2 argument0
  #   3 argument1
  #   4 argument2
  #   5 argument3
  #   6 argument4
  #   7 argument5
  #   8 stack_pointer
  #   9 pc                 address of the instruction

  systemReturn @10;
  # The kernel returns to a program: from a system call, an interrupt or an exception, or for the first time.
  #   0 gate               ReturnGate
  #   1 value              rax
  #   2 stack_pointer      the program's
  #   3 pc                 address where the program goes on

  cpuid @11;
  # The processor executes CPUID. PANDA's hypercalls are CPUIDs with a command in rax and arguments in the other
  # registers.
  #   0 rax                the value before it, as for the next five fields
  #   1 rbx
  #   2 rcx
  #   3 rdx
  #   4 rdi
  #   5 rsi
  #   6 rax_after          the value after it, as for the next three fields
  #   7 rbx_after
  #   8 rcx_after
  #   9 rdx_after
  #   10 pc                address of the instruction

  serialOutput @12;
  # The guest wrote to a serial port.
  #   0 port               u32; 0 is COM1
  #   data                 the bytes

  reset @13;
  # The machine is reset, and the processor starts again. No fields.

  input @14;
  # The processor takes a value from outside of it and of memory, other than by a port or from a device's memory.
  #   0 source             InputSource
  #   1 number             u32; of the register for `msr`, otherwise 0
  #   2 value
}

enum InputSource {
  timeStamp @0;        # rdtsc and rdtscp; the offset that the processor adds is in it
  msr @1;              # rdmsr of a register that is not the processor's own: those of the interrupt controller
  taskPriority @2;     # CR8
  random @3;           # rdrand and rdseed
}

enum InterruptSource {
  hardware @0;         # through the interrupt controller
  nmi @1;
  smi @2;              # entry to system management mode
  init @3;
  virtualIrq @4;
  other @5;
}

enum TransferSource {
  device @0;
  processor @1;        # state that the processor saves by physical address (system management mode)
  disk @2;
  network @3;
}

enum CallGate {
  syscall @0;
  sysenter @1;
  interrupt @2;        # int 0x80; returns by iret
  syscall32 @3;        # syscall executed by 32-bit code
}

enum ReturnGate {
  sysret @0;
  sysexit @1;
  iret @2;
}

# --- Memory ----------------------------------------------------------------------------------------------------

enum InnerKind {
  # The kinds of events in the column `inner`: what happens to memory inside an execution, or right before it, other
  # than the operations of the block's own code. trace/coding/inner_codec.h has the layout. trace/README.md (Memory)
  # says how these events and the operations are put in order.
  fill @0;             # from here on a virtual page leads to this physical page: an entry of the processor's TLB
  tableWrite @1;       # the page walker marks a table's entry; has a physical address of address space 0 and a value
  helperLoad @2;       # a helper of QEMU loads: interrupt frames, fxsave, segment loads; has a virtual address
  helperStore @3;      # a helper of QEMU stores; has a virtual address and a value
  registerValue @4;    # a followed register has this value where the block starts
}

enum FollowedRegister {
  stackPointer @0;     # rsp
  fsBase @1;
  gsBase @2;
}

struct MemoryMap {
  # Numbered from 0 in order of appearance; the event `memoryMap`, chunks and snapshots refer to the number.
  number @0 :UInt32;
  addressSpace @1 :UInt32;      # x86: 0 outside, 1 inside system management mode
  ranges @2 :List(MappedRange); # ascending, disjoint
}

struct MappedRange {
  # Guest physical addresses that lead to a memory block. Addresses outside all ranges lead to a device, or nowhere.
  address @0 :UInt64;
  size @1 :UInt64;              # bytes
  blockOffset @2 :UInt64;       # bytes
  block @3 :UInt32;             # index into Header.memoryBlocks
  kind @4 :RangeKind;
}

enum RangeKind {
  ram @0;              # loads and stores reach the block
  rom @1;              # stores are ignored
  romDevice @2;        # loads reach the block, stores go to a device
}

# --- Snapshots -------------------------------------------------------------------------------------------------

struct Snapshot {
  # After it come `Pages` messages with its number, and then a `SnapshotEnd`. Snapshots stand between chunks.
  number @0 :UInt32;            # from 0
  instr @1 :UInt64;
  kind @2 :Kind;
  cpu @3 :CpuState;
  memoryMaps @4 :List(UInt32);  # like Chunk.firstMemoryMaps

  enum Kind {
    full @0;                    # pages that it does not list are zero
    changed @1;                 # pages that it does not list are as in the snapshot before
  }
}

struct Pages {
  # At most 256 pages of one memory block, including those that are zero.
  snapshot @0 :UInt32;
  block @1 :UInt32;
  pages @2 :List(UInt32);       # the numbers within the block of the pages in `content`, ascending
  content @3 :List(Column);     # at most one column: the pages, 4096 bytes each
  zeroPages @4 :List(UInt32);   # pages that became zero, ascending; in changed snapshots only
}

struct SnapshotEnd {
  snapshot @0 :UInt32;
  pageCount @1 :UInt64;         # in all its Pages messages, zero pages included
  messageCount @2 :UInt32;      # Pages messages
}

struct CpuState {
  union {
    none @0 :Void;
    x86 @1 :X86State;
  }
}

struct X86State {
  general @0 :List(UInt64);     # rax rcx rdx rbx rsp rbp rsi rdi r8 … r15
  rip @1 :UInt64;               # relative to the base of cs
  rflags @2 :UInt64;
  segments @3 :List(Segment);   # es cs ss ds fs gs
  ldt @4 :Segment;
  task @5 :Segment;
  gdtBase @6 :UInt64;
  gdtLimit @7 :UInt32;
  idtBase @8 :UInt64;
  idtLimit @9 :UInt32;
  cr0 @10 :UInt64;
  cr2 @11 :UInt64;
  cr3 @12 :UInt64;
  cr4 @13 :UInt64;
  efer @14 :UInt64;
  star @15 :UInt64;
  lstar @16 :UInt64;
  cstar @17 :UInt64;
  fmask @18 :UInt64;
  kernelGsBase @19 :UInt64;
  sysenterCs @20 :UInt64;
  sysenterEsp @21 :UInt64;
  sysenterEip @22 :UInt64;
  tscAux @23 :UInt64;
  systemManagement @24 :Bool;
  floating @25 :FloatingState;  # traces before 2026-12 do not have it

  struct Segment {
    selector @0 :UInt32;
    base @1 :UInt64;
    limit @2 :UInt32;
    flags @3 :UInt32;           # bits 8 to 23 as in the descriptor's second word
  }
}

struct FloatingState {
  # Floating point and vectors.
  control @0 :UInt16;           # x87: FCW
  status @1 :UInt16;            # FSW without TOP
  top @2 :UInt8;                # FSW.TOP: which register is st(0), 0 to 7
  empty @3 :UInt8;              # a bit for each register, by its number, that is set if the register is empty
  registers @4 :Data;           # 10 bytes for each of the 8 registers, by number; MMX registers are their lower 8
  mxcsr @5 :UInt32;
  xcr0 @6 :UInt64;
  vectorSize @7 :UInt8;         # 16, 32 or 64: higher bytes of all vector registers are 0
  vectors @8 :Data;             # vectorSize bytes for each of the registers 0 to 31
  pkru @9 :UInt32;
}

# --- The end ---------------------------------------------------------------------------------------------------

struct Index {
  # A part of the index, which lists what a scan of the messages before it would find. Offsets are bytes from the file's
  # start.
  chunks @0 :List(ChunkEntry);
  definitions @1 :List(DefinitionsEntry);
  memoryMaps @2 :List(UInt64);  # offsets
  snapshots @3 :List(SnapshotEntry);

  struct ChunkEntry {
    offset @0 :UInt64;
    firstInstr @1 :UInt64;
    instrCount @2 :UInt64;
    blockCount @3 :UInt32;
    eventCount @4 :UInt32;
  }
  struct DefinitionsEntry {
    offset @0 :UInt64;
    firstId @1 :UInt32;
    count @2 :UInt32;
  }
  struct SnapshotEntry {
    offset @0 :UInt64;
    instr @1 :UInt64;
    kind @2 :Snapshot.Kind;
  }
}

struct End {
  # The last message. It says that the trace is complete.
  instrEnd @0 :UInt64;          # instr at its end
  indexes @1 :List(UInt64);     # offsets of the Index messages, in order
  locator @2 :Data;
  # The last 16 bytes of this message and of the file: the offset of this message (u64, little-endian), then "pandaend".
  # It needs no checksum: a wrong offset does not lead to an `End` message.
}
