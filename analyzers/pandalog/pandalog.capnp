# Entries of a pandalog: facts that an analyzer found in a trace, one message for each, in ordinary stream framing.
#
# capnp decode pandalog.capnp Entry < FILE prints them. Fields and members of the union are appended and never changed.
@0xc3d0a6f1b2e94d57;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("panda::pandalog");

struct Entry {
  instr @0 :UInt64;  # guest instructions executed since the recording began
  pc @1 :UInt64;     # linear address; 0 where it would say nothing

  union {
    nothing @2 :Void;
    systemCall @3 :SystemCall;  # instr and pc: of the call

    # What there is at instr: items of a list.
    process @4 :Process;
    mapping @5 :Mapping;
    openFile @6 :OpenFile;
    kernelModule @7 :KernelModule;

    # What happens right before instr.
    taskChange @8 :Task;         # the processor runs this one from here on
    newProcess @9 :Process;
    finishedProcess @10 :Process;
    newThread @11 :Task;
    finishedThread @12 :Task;
    execution @13 :Process;      # it is about to run another program

    asidstory @14 :Task;         # another process, address space or name runs from here on
    processStory @15 :ProcessStory;

    fact @16 :Fact;              # of an analyzer that has no member of its own here
    callStack @17 :CallStack;    # which calls are not over at pc, right before instr
  }
}

struct CallStack {
  thread @0 :UInt64;         # a number for what runs, within this trace
  asid @1 :UInt64;           # physical address of the top page table
  frames @2 :List(Frame);    # the innermost first
  name @3 :Text;             # of pc: "main+0x4 [demo]"; empty if it is not known

  struct Frame {
    kind @0 :Kind;
    slot @1 :UInt64;           # where the return address is on the stack; all bits are set if that is not known
    returnAddress @2 :UInt64;  # of an entry, where the code goes on that it interrupted; 0 if that is not known
    function @3 :UInt64;       # the code that was entered; 0 if it is not known
    instr @4 :UInt64;          # when
    name @5 :Text;             # of the code that called
  }
  enum Kind {
    call @0;
    systemCall @1;
    interrupt @2;
    exception @3;
    signal @4;  # a program's handler
  }
}

struct Fact {
  # What it says is the analyzer's to document.
  analyzer @0 :Text;       # "example"
  values @1 :List(Value);

  struct Value {
    name @0 :Text;
    union {
      number @1 :UInt64;
      text @2 :Text;
      integer @3 :Int64;
    }
  }
}

struct Task {
  pid @0 :Int64;   # of the process
  tid @1 :Int64;
  name @2 :Text;
  task @3 :UInt64; # virtual address of its descriptor
  asid @4 :UInt64; # physical address of the top page table; 0 for kernel threads
}

struct Process {
  pid @0 :Int64;
  ppid @1 :Int64;
  name @2 :Text;   # as the task descriptor has it
  title @3 :Text;  # as the guest's own tools show it
  task @4 :UInt64;
  asid @5 :UInt64;
  details @6 :Details;  # this and the following fields, if they were asked for
  arguments @7 :List(Text);
  environment @8 :List(Text);
  threads @9 :List(Task);

  struct Details {
    owner :union {
      unknown @0 :Void;
      known @1 :Owner;
    }
    startTime @2 :UInt64;  # nanoseconds since the system's start; 0 if unknown
    executable @3 :Text;
    workingDirectory @4 :Text;
  }
  struct Owner {
    uid @0 :UInt32;
    gid @1 :UInt32;
    euid @2 :UInt32;
    egid @3 :UInt32;
  }
}

struct Mapping {
  pid @0 :Int64;
  start @1 :UInt64;
  end @2 :UInt64;
  permissions @3 :Text;  # "r-xp"
  offset @4 :UInt64;     # bytes, into the file
  name @5 :Text;
}

struct OpenFile {
  pid @0 :Int64;
  fd @1 :Int64;
  position @2 :UInt64;  # bytes
  name @3 :Text;
  file @4 :UInt64;      # virtual address of its descriptor
}

struct KernelModule {
  name @0 :Text;
  base @1 :UInt64;
  size @2 :UInt64;  # bytes
}

struct ProcessStory {
  # All of a process's time in the trace.
  pid @0 :Int64;
  ppid @1 :Int64;
  createTime @2 :UInt64;     # nanoseconds since the system's start
  asid @3 :UInt64;           # the last one
  names @4 :List(Text);      # in the order in which it had them
  tids @5 :List(Int64);      # ascending
  startInstr @6 :UInt64;     # when it first ran
  endInstr @7 :UInt64;       # when it last stopped running
  count @8 :UInt64;          # how often it got the processor
  instructions @9 :UInt64;   # for how many it had the processor
}

struct SystemCall {
  pid @0 :Int64;   # of the process
  tid @1 :Int64;
  name @2 :Text;   # of the task
  abi @3 :Abi;
  number @4 :UInt32;
  call @5 :Text;   # "openat"
  registers @6 :List(UInt64);  # arguments as they were in registers
  arguments @7 :List(Text);    # as strace writes them
  ending @8 :Ending;
  value @9 :Int64;        # what the call returned
  result @10 :Text;       # as strace writes it
  returnInstr @11 :UInt64;

  enum Abi { x8664 @0; i386 @1; }
  enum Ending {
    returned @0;    # value and returnInstr are valid
    gone @1;        # its task ended in the call
    unfinished @2;  # the trace ends before it
  }
}
