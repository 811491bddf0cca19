#include "analyzers/syscalls/json_writer.h"

#include "analyzers/syscalls/text.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace panda::syscalls {

void JsonWriter::end(const Call& call, const Return& result, const CallText& text) {
    Json object = {{"kind", "syscall"}, {"instr", call.instr}};
    if (result.ending == Ending::returned)
        object["return_instr"] = result.instr;
    object["pc"] = hex(call.pc);
    object["pid"] = call.task.pid;
    object["tid"] = call.task.tid;
    object["name"] = call.task.name;
    object["abi"] = call.abi == Abi::x86_64 ? "x86_64" : "i386";
    object["call"] = call.name();
    object["number"] = call.number;
    object["arguments"] = text.arguments();
    object["registers"] = Json::array();
    for (const uint64_t argument : call.arguments)
        object["registers"].push_back(hex(argument));
    if (result.ending == Ending::returned) {
        object["result"] = text.result();
        object["value"] = result.value;
        if (result.failed())
            object["error"] = errno_name(-result.value);
    } else {
        object["ending"] = result.ending == Ending::gone ? "gone" : "unfinished";
    }
    if (call.in_progress)
        object["in_progress"] = true;
    write_json_line(out_, object);
}

void JsonWriter::signal(const Task& task, const Signal& signal, const std::string& info, uint64_t instr) {
    write_json_line(out_, {{"kind", "signal"},
                           {"instr", instr},
                           {"pid", task.pid},
                           {"tid", task.tid},
                           {"name", task.name},
                           {"signal", signal_text(signal.number)},
                           {"number", signal.number},
                           {"info", info}});
}

void JsonWriter::ended(const Task& task, uint32_t code, uint64_t instr) {
    const ExitCode end(code);
    Json object = {
        {"kind", "exit"}, {"instr", instr}, {"pid", task.pid}, {"tid", task.tid}, {"name", task.name}};
    if (end.signal == 0)
        object["status"] = end.status;
    else
        object.update({{"signal", signal_text(end.signal)}, {"number", end.signal}});
    if (end.core)
        object["core_dumped"] = true;
    write_json_line(out_, object);
}

void JsonWriter::superseded(const Task& leader, const Call& call, uint64_t instr) {
    write_json_line(out_, {{"kind", "superseded"},
                           {"instr", instr},
                           {"pid", leader.pid},
                           {"tid", leader.tid},
                           {"name", leader.name},
                           {"by_tid", call.task.tid}});
}

}  // namespace panda::syscalls
