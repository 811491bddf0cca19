#include "analyzers/syscalls/selection.h"

#include <regex>

#include "analyzers/syscalls/text.h"
#include "common/error.h"
#include "common/numbers.h"

namespace panda::syscalls {
namespace {

constexpr uint32_t max_signal = 64;  // _NSIG

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    size_t begin = 0;
    for (size_t end = text.find(','); end != std::string::npos; end = text.find(',', begin)) {
        parts.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    parts.push_back(text.substr(begin));
    return parts;
}

bool exists(const std::string& name) {
    return find_call(Abi::x86_64, name) != nullptr || find_call(Abi::i386, name) != nullptr;
}

}  // namespace

CallSelection::CallSelection(const std::string& expression) : all_(false) {
    std::string text = expression;
    if (const size_t sign = text.find('='); sign != std::string::npos) {
        const std::string kind = text.substr(0, sign);
        if (kind != "trace" && kind != "t")
            throw UsageError("-e takes trace=..., not \"" + expression + "\"");
        text.erase(0, sign + 1);
    }
    if (!text.empty() && text.front() == '!') {
        inverted_ = true;
        text.erase(0, 1);
    }
    for (const std::string& what : split(text))
        add(what);
}

void CallSelection::add(const std::string& what) {
    if (what == "all") {
        all_ = true;
    } else if (what == "none") {
        inverted_ = !inverted_;
        all_ = true;
    } else if (!what.empty() && what.front() == '/') {
        try {
            const std::regex pattern(what.substr(1), std::regex::extended);
            for (const Abi abi : {Abi::x86_64, Abi::i386})
                for (const CallDescription& call : calls(abi))
                    if (std::regex_search(call.name, pattern))
                        names_.insert(call.name);
        } catch (const std::regex_error&) {
            throw UsageError("\"" + what.substr(1) + "\" is not a regular expression");
        }
    } else if (!what.empty() && what.front() == '?') {
        names_.insert(what.substr(1));
    } else if (const uint32_t bit = group_bit(what.starts_with('%') ? what.substr(1) : what); bit != 0) {
        groups_ |= bit;
    } else if (exists(what)) {
        names_.insert(what);
    } else {
        throw UsageError("there is no system call or group \"" + what + "\"");
    }
}

bool CallSelection::selects(const Call& call) const {
    const bool named = all_ || (call.description != nullptr && ((call.description->groups & groups_) != 0 ||
                                                                names_.count(call.description->name) != 0));
    return named != inverted_;
}

SignalSelection::SignalSelection(const std::string& expression) : inverted_(false) {
    std::string text = expression;
    if (!text.empty() && text.front() == '!') {
        inverted_ = true;
        text.erase(0, 1);
    }
    if (text == "none" || text == "all") {
        inverted_ = inverted_ != (text == "all");
        return;
    }
    for (const std::string& what : split(text)) {
        uint32_t found = 0;
        for (uint32_t number = 1; number <= max_signal; ++number)
            if (const std::string name = signal_text(number);
                what == name || "SIG" + what == name || what == std::to_string(number))
                found = number;
        if (found == 0)
            throw UsageError("there is no signal \"" + what + "\"");
        signals_.insert(found);
    }
}

bool SignalSelection::selects(uint32_t signal) const {
    return (signals_.count(signal) != 0) != inverted_;
}

ProcessSelection::ProcessSelection(const std::vector<std::string>& wanted, bool follow)
    : all_(wanted.empty()), follow_(follow) {
    for (const std::string& list : wanted)
        for (const std::string& text : split(list)) {
            if (const auto pid = read_number<uint32_t>(text))
                pids_.insert(*pid);
            else
                names_.insert(text);
        }
}

bool ProcessSelection::selects(const Task& task) {
    if (all_ || pids_.count(task.pid) != 0 || pids_.count(task.tid) != 0)
        return true;
    if (names_.count(task.name) == 0)
        return false;
    pids_.insert(task.pid);
    return true;
}

void ProcessSelection::add_child(int64_t parent, int64_t child) {
    if (follow_ && pids_.count(parent) != 0)
        pids_.insert(child);
}

}  // namespace panda::syscalls
