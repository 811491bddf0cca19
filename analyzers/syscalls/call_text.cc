#include "analyzers/syscalls/call_text.h"

#include <algorithm>

#include "analyzers/syscalls/notation.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"
#include "common/error.h"
#include "common/hex.h"

namespace panda::syscalls {
namespace {

// strace's words for the kernel's own errors.
const char* restart_text(int64_t error) {
    switch (static_cast<Restart>(error)) {
        case Restart::never:
            break;
        case Restart::system:
            return "? ERESTARTSYS (To be restarted if SA_RESTART is set)";
        case Restart::no_intr:
            return "? ERESTARTNOINTR (To be restarted)";
        case Restart::no_hand:
            return "? ERESTARTNOHAND (To be restarted if no handler)";
        case Restart::block:
            return "? ERESTART_RESTARTBLOCK (Interrupted by signal)";
    }
    return nullptr;
}

constexpr size_t result_column = 40;

}  // namespace

std::string errno_name(int64_t error) {
    const char* name = constant_name(errno_constants(), Abi::x86_64, static_cast<uint64_t>(error));
    return name ? name : std::to_string(error);
}

std::string error_text(int64_t value) {
    if (value >= -516 && value <= -512)
        if (const char* text = restart_text(-value))
            return text;
    return "-1 " + errno_name(-value) + " (" + errno_text(static_cast<int>(-value)) + ")";
}

CallText::CallText(const Call& call, const UserMemory& memory, const TextOptions& options)
    : context_(call, memory, options) {
    if (call.description == nullptr) {
        for (const uint64_t argument : call.arguments)
            add_argument(argument == 0 ? "0" : hex(argument));
        complete_ = true;
        beginning_ = joined();
        return;
    }
    for (const Notation& notation : context_.notations())
        at_entry_.push_back(argument(notation));
    write_beginning();
}

void CallText::write_beginning() {
    known_.clear();
    complete_ = true;
    for (const Argument& argument : at_entry_) {
        if (!argument.text || argument.missed)
            complete_ = false;
        else if (complete_)
            add_argument(*argument.text);
    }
    beginning_ = joined();
    if (!complete_ && !known_.empty())
        beginning_ += ", ";
}

CallText::Argument CallText::argument(const Notation& notation) {
    context_.take_missed();
    Argument result{argument_text(notation), false};
    result.missed = context_.take_missed();
    return result;
}

bool CallText::incomplete() const {
    return std::any_of(at_entry_.begin(), at_entry_.end(),
                       [](const Argument& argument) { return argument.missed; });
}

void CallText::retry() {
    for (size_t i = 0; i < at_entry_.size(); ++i)
        if (at_entry_[i].missed)
            if (Argument again = argument(context_.notations()[i]); !again.missed)
                at_entry_[i] = std::move(again);
    if (!at_entry_.empty())
        write_beginning();
}

std::optional<std::string> CallText::argument_text(const Notation& notation) {
    if (notation.argument != nullptr)
        return notation.argument(context_, notation);
    const uint32_t size = notation.size == 0 ? word_size(context_.abi()) : notation.size;
    const uint64_t mask = size >= 8 ? UINT64_MAX : (uint64_t{1} << (8 * size)) - 1;
    return notation.value(context_, {context_.argument(notation) & mask, 0, size}, notation);
}

void CallText::add_argument(std::string text) {
    if (!text.empty())
        known_.push_back(std::move(text));
}

std::string CallText::final_text(const Argument& at_entry, const Notation& notation) {
    if (at_entry.text && !at_entry.missed)
        return *at_entry.text;
    const Argument now = argument(notation);
    return at_entry.text && (now.missed || !now.text) ? *at_entry.text : now.text.value_or("?");
}

void CallText::finish(Return result) {
    if (context_.call().result_place != 0 && result.ending == Ending::returned && !result.failed())
        if (const auto value = context_.read_word(context_.call().result_place))
            result.value = static_cast<int64_t>(*value);
    context_.set_return(result);
    const CallDescription* description = context_.call().description;
    if (description != nullptr && !complete_) {
        known_.clear();
        for (size_t i = 0; i < at_entry_.size(); ++i)
            add_argument(final_text(at_entry_[i], context_.notations()[i]));
    }
    complete_ = true;
    if (result.known)
        result_ = result.value < 0 ? error_text(result.value) : std::to_string(result.value);
    else if (result.ending != Ending::returned)
        result_ = "?";
    else if (result.failed())
        result_ = error_text(result.value);
    else
        result_ = description ? context_.form().result(context_) : std::to_string(result.value);
}

std::string CallText::joined() const {
    std::string text = context_.call().name() + "(";
    for (size_t i = 0; i < known_.size(); ++i)
        text += (i == 0 ? "" : ", ") + known_[i];
    return text;
}

std::string CallText::whole() const {
    return joined() + ")";
}

std::string with_result(std::string before, const std::string& result) {
    if (before.size() < result_column - 1)
        before.resize(result_column - 1, ' ');
    return before + " = " + result;
}

}  // namespace panda::syscalls
