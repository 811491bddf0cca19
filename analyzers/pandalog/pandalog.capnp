# Entries of a pandalog: facts that an analyzer found in a trace, one message each, in ordinary stream framing.
#
# capnp decode pandalog.capnp Entry < FILE prints one. Fields and members of the union are appended, never changed.
@0xc3d0a6f1b2e94d57;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("panda::pandalog");

struct Entry {
  instr @0 :UInt64;  # guest instructions executed since the recording began
  pc @1 :UInt64;     # linear address; 0 where it says nothing

  union {
    nothing @2 :Void;
    systemCall @3 :SystemCall;  # instr and pc: of the call
  }
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
  value @9 :Int64;        # that the call returned
  result @10 :Text;       # as strace writes it
  returnInstr @11 :UInt64;

  enum Abi { x8664 @0; i386 @1; }
  enum Ending {
    returned @0;    # value and returnInstr are valid
    gone @1;        # its task ended in the call
    unfinished @2;  # the trace ends before it
  }
}
