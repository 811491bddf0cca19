#include "analyzers/syscalls/json_writer.h"

#include "analyzers/osi/json.h"
#include "analyzers/syscalls/text.h"

namespace panda::syscalls {

void JsonWriter::end(const Call& call, const Return& result, const CallText& text) {
    nlohmann::ordered_json object = {{"kind", "syscall"}, {"instr", call.instr}};
    if (result.ending == Ending::returned)
        object["return_instr"] = result.instr;
    object["pc"] = hexadecimal_text(call.pc);
    object["pid"] = call.task.pid;
    object["tid"] = call.task.tid;
    object["name"] = call.task.name;
    object["abi"] = call.abi == Abi::x86_64 ? "x86_64" : "i386";
    object["call"] = call.name();
    object["number"] = call.number;
    object["arguments"] = text.arguments();
    object["registers"] = nlohmann::ordered_json::array();
    for (const uint64_t argument : call.arguments)
        object["registers"].push_back(hexadecimal_text(argument));
    if (result.ending == Ending::returned) {
        object["result"] = text.result();
        object["value"] = result.value;
        if (result.failed())
            object["error"] = errno_name(-result.value);
    } else {
        object["ending"] = result.ending == Ending::gone ? "gone" : "unfinished";
    }
    analyze_osi::write_line(out_, object);
}

}  // namespace panda::syscalls
