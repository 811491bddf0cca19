@0xd51d54c5c4c6f1a3;
# A trace: what the replay of a recording saw.
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
# Rules for changes: fields, enumerants and union members are appended, never changed. `Header.version` rises
# when an old reader would misread a new file; a reader refuses a higher version than its own. An old reader skips
# columns and events that it does not know; a column whose coding it does not know is an error if it needs it.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("panda::trace::schema");

struct Message {
  checksum @0 :UInt64;
  # XXH3 (64 bit, seed 0) of the first `checkedBytes` bytes of the framed message, this field taken as zero. It stands
  # 16 bytes into the message (segment table 8, root pointer 8).
  checkedBytes @1 :UInt64;
  # All but the `Data` of columns, which writers put at the message's end.

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
  firstInstr @5 :UInt64;      # the trace's first instruction, counted from the recording's begin
  devices @6 :List(Device);   # that the event `transfer` refers to, from 1 on

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

enum ColumnId {
  # Of a chunk.
  blocks @0;           # ids of the executed blocks
  cuts @1;             # which of them stopped early
  events @2;           # see trace/event.h for the kinds
  shapes @3;           # which of an execution's conditional memory operations ran, and those of a cut block
  addresses @4;        # virtual addresses of memory operations; records: addresses
  values @5;           # stored values; records: value words
  registers @6;        # registers at the begin of each execution, where they were asked for; records: executions
  inner @7;            # what happens to memory beside the blocks' own operations, see trace/inner_event.h
  transfers @8;        # reserved; the bytes of device writes to memory are in their events
  pagesWritten @9;     # pages that the chunk stores to: a summary for "who wrote this last"
  # Of definitions.
  blockRecords @10;    # pc, sizes, instruction boundaries
  code @11;            # guest code bytes, block after block
  memoryOperations @12;  # static memory operations, see MemoryOperation in trace/types.h
  operations @13;      # TCG operations before optimisation
  # Of snapshots.
  pages @14;           # page contents
  # Of a chunk.
  translations @15;    # what the processor's TLB holds at the chunk's begin
}

enum Coding {
  raw @0;              # the records themselves
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
  operationList @11;   # trace/coding/operation_codec.h; of traces of version 1
  blobList @12;        # trace/coding/operation_codec.h
  followingList @13;   # trace/coding/operation_codec.h
  registerPredictions @14;  # trace/coding/register_codec.h
}

enum Compression {
  none @0;
  zstd @1;             # one frame
}

struct Column {
  id @0 :ColumnId;
  coding @1 :Coding;
  compression @2 :Compression;
  records @3 :UInt64;
  rawSize @4 :UInt64;  # bytes, before compression
  checksum @5 :UInt64; # XXH3 of `data`
  data @6 :Data;
}

# --- Code ------------------------------------------------------------------------------------------------------

struct Definitions {
  # Blocks firstId, firstId + 1, … Ids are dense over the whole trace.
  firstId @0 :UInt32;
  count @1 :UInt32;
  columns @2 :List(Column);
}

# --- Execution -------------------------------------------------------------------------------------------------

struct Chunk {
  # A stretch of execution that opens alone: no coder carries state from one chunk into the next.
  firstInstr @0 :UInt64;
  instrCount @1 :UInt64;        # gaps included
  blockCount @2 :UInt32;        # executions, partial ones included
  definitionCount @3 :UInt32;   # only blocks below this id occur
  addressSpaces @4 :List(UInt64);
  # Values of CR3 in force during the chunk, the first being that at its start (0 when unknown), each once.
  addressSpacesComplete @5 :Bool;
  # False when there were too many to list.
  firstMemoryMaps @6 :List(UInt32);
  # By physical address space: 1 + number of the memory map in force at the start, 0 for none.
  columns @7 :List(Column);
  eventCount @8 :UInt32;
  memory @9 :MemoryColumns;
  # How much of memory the columns hold.
  cpu @10 :CpuState;
  # The processor where the chunk begins; `none` where it is not known.
}

enum MemoryColumns {
  none @0;             # blocks and events only
  addresses @1;        # shapes, addresses, inner, translations, pagesWritten
  values @2;           # and values
}

struct MemoryMap {
  # Numbered from 0 in order of appearance; the event `memory map change` and snapshots refer to the number.
  number @0 :UInt32;
  addressSpace @1 :UInt32;      # x86: 0 outside, 1 inside system management mode
  ranges @2 :List(MappedRange); # ascending, disjoint
}

struct MappedRange {
  address @0 :UInt64;
  size @1 :UInt64;
  blockOffset @2 :UInt64;
  block @3 :UInt32;             # index into Header.memoryBlocks
  kind @4 :RangeKind;
}

enum RangeKind {
  ram @0;
  rom @1;
  romDevice @2;
}

# --- Snapshots -------------------------------------------------------------------------------------------------

struct Snapshot {
  # Followed by `Pages` with its number, and `SnapshotEnd`. Stands between chunks.
  number @0 :UInt32;            # from 0
  instr @1 :UInt64;
  kind @2 :Kind;
  cpu @3 :CpuState;
  memoryMaps @4 :List(UInt32);  # as Chunk.firstMemoryMaps

  enum Kind {
    full @0;                    # pages that it does not list are zero
    changed @1;                 # pages that it does not list are as in the snapshot before
  }
}

struct Pages {
  # At most 256 pages of one memory block.
  snapshot @0 :UInt32;
  block @1 :UInt32;
  pages @2 :List(UInt32);       # page numbers within the block, ascending, of the pages in `content`
  content @3 :List(Column);     # none or one: the pages, 4096 bytes each
  zeroPages @4 :List(UInt32);   # pages that became zero, ascending; in changed snapshots only
}

struct SnapshotEnd {
  snapshot @0 :UInt32;
  pageCount @1 :UInt64;         # in all its Pages messages, zero pages included
  messageCount @2 :UInt32;      # of Pages
}

struct CpuState {
  union {
    none @0 :Void;
    x86 @1 :X86State;
  }
}

struct X86State {
  general @0 :List(UInt64);     # rax rcx rdx rbx rsp rbp rsi rdi r8 … r15
  rip @1 :UInt64;
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

  struct Segment {
    selector @0 :UInt32;
    base @1 :UInt64;
    limit @2 :UInt32;
    flags @3 :UInt32;           # descriptor bits 8-23 in place
  }
}

# --- The end ---------------------------------------------------------------------------------------------------

struct Index {
  # A part of the index: all that a pass over the messages before would find. Offsets are from the file's begin.
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
  # The trace was finished in order.
  instrEnd @0 :UInt64;          # instructions executed at its end
  indexes @1 :List(UInt64);     # offsets of the Index messages, in order
  locator @2 :Data;
  # The message's, and the file's, last 16 bytes: the offset of this message, then "pandaend". Not checksummed: a
  # reader finds the message with it and then knows.
}
