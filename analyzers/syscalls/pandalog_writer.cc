#include "analyzers/syscalls/pandalog_writer.h"

#include <capnp/message.h>

#include "analyzers/pandalog/pandalog.capnp.h"

namespace panda::syscalls {
namespace {

capnp::Text::Reader text_of(const std::string& text) {
    return {text.c_str(), text.size()};
}

void fill(pandalog::Entry::Builder entry, const Call& call, const Return& result, const CallText& text) {
    entry.setInstr(call.instr);
    entry.setPc(call.pc);
    auto fact = entry.initSystemCall();
    fact.setPid(call.task.pid);
    fact.setTid(call.task.tid);
    fact.setName(text_of(call.task.name));
    fact.setAbi(call.abi == Abi::x86_64 ? pandalog::SystemCall::Abi::X8664 : pandalog::SystemCall::Abi::I386);
    fact.setNumber(static_cast<uint32_t>(call.number));
    fact.setCall(text_of(call.name()));
    auto registers = fact.initRegisters(call.arguments.size());
    for (unsigned i = 0; i < registers.size(); ++i)
        registers.set(i, call.arguments[i]);
    auto arguments = fact.initArguments(static_cast<unsigned>(text.arguments().size()));
    for (unsigned i = 0; i < arguments.size(); ++i)
        arguments.set(i, text_of(text.arguments()[i]));
    fact.setEnding(result.ending == Ending::returned ? pandalog::SystemCall::Ending::RETURNED
                   : result.ending == Ending::gone   ? pandalog::SystemCall::Ending::GONE
                                                     : pandalog::SystemCall::Ending::UNFINISHED);
    fact.setResult(text_of(text.result()));
    if (result.ending == Ending::returned) {
        fact.setValue(result.value);
        fact.setReturnInstr(result.instr);
    }
}

}  // namespace

void PandalogWriter::end(const Call& call, const Return& result, const CallText& text) {
    capnp::MallocMessageBuilder message;
    fill(message.initRoot<pandalog::Entry>(), call, result, text);
    file_.write(message);
}

}  // namespace panda::syscalls
