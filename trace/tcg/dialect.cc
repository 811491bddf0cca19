#include "trace/tcg/dialect.h"

#include <algorithm>
#include <array>

#include "common/error.h"
#include "common/numbers.h"

namespace panda::trace::tcg {
namespace {

constexpr size_t max_forms = 256;  // the opcode is a byte
constexpr size_t max_name = 64;
constexpr int64_t max_arguments = 16;

const std::string& fact(const TraceHeader& header, const std::string& name) {
    const auto found = header.facts.find(name);
    if (found == header.facts.end())
        throw Error("the trace has no TCG operations: it was made without memory");
    return found->second;
}

template <typename Take>
void for_each_word(std::string_view text, const Take& take) {
    while (!text.empty()) {
        const size_t end = std::min(text.find(' '), text.size());
        take(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

int64_t number_of(std::string_view text, std::string_view whole) {
    if (const auto value = read_number<int64_t>(text))
        return *value;
    throw Error("the trace's fact about TCG has the malformed item " +
                std::string(whole.substr(0, max_name)));
}

// name/number/number…: what stands before the first slash, and the numbers.
template <size_t count>
std::pair<std::string_view, std::array<int64_t, count>> parts_of(std::string_view whole) {
    std::array<int64_t, count> numbers{};
    std::string_view rest = whole;
    for (size_t i = count; i-- > 0;) {
        const size_t slash = rest.rfind('/');
        if (slash == std::string_view::npos || slash == 0)
            throw Error("the trace's fact about TCG has the malformed item " +
                        std::string(whole.substr(0, max_name)));
        numbers[i] = number_of(rest.substr(slash + 1), whole);
        rest = rest.substr(0, slash);
    }
    if (rest.size() > max_name)
        throw Error("the trace's fact about TCG has a name that is too long");
    return {rest, numbers};
}

bool fits(const OperationForm& form) {
    if (form.meaning.opcode == Opcode::insn_start)
        return form.outputs == 0 && form.inputs == 0;
    const Shape& shape = form.meaning.shape;
    return form.outputs == shape.outputs.size() && form.inputs == shape.inputs.size() &&
           form.constants == shape.constants.size();
}

}  // namespace

void Dialect::add_form(std::string_view text, bool x86) {
    const auto [name, counts] = parts_of<3>(text);
    if (forms_.size() == max_forms)
        throw Error("the trace names more TCG operations than there can be");
    for (const int64_t count : counts) {
        if (count < 0 || count > max_arguments)
            throw Error("the TCG operation " + std::string(name) + " cannot have so many arguments");
    }
    OperationForm form{.name = std::string(name),
                       .outputs = static_cast<uint8_t>(counts[0]),
                       .inputs = static_cast<uint8_t>(counts[1]),
                       .constants = static_cast<uint8_t>(counts[2])};
    if (const auto found = find_operation(name)) {
        form.meaning = *found;
        if (!fits(form))
            throw Error("the trace gives the TCG operation " + form.name +
                        " another shape than QEMU 10.0 does");
        // Older traces say one word here, as QEMU's table does, and have the two that x86 needs: pc and cc_op.
        if (found->opcode == Opcode::insn_start && x86 && form.constants == 1)
            form.constants = 2;
    }
    forms_.push_back(std::move(form));
}

void Dialect::add_global(std::string_view text) {
    const auto [name, numbers] = parts_of<2>(text);
    if (globals_.size() == max_globals)
        throw Error("the trace names more globals of TCG than there can be");
    if (numbers[0] < 0 || numbers[0] >= type_count)
        throw Error("the TCG global " + std::string(name) + " has an impossible type");
    globals_.push_back({std::string(name), static_cast<Type>(numbers[0]), numbers[1]});
}

Dialect Dialect::of(const TraceHeader& header, const std::string& path) {
    try {
        return of(header);
    } catch (const Error& error) {
        throw FileError(path, error.what());
    }
}

Dialect Dialect::of(const TraceHeader& header) {
    Dialect dialect;
    const bool x86 = header.architecture == "x86_64" || header.architecture == "i386";
    for_each_word(fact(header, "tcg-operations"),
                  [&](std::string_view text) { dialect.add_form(text, x86); });
    for_each_word(fact(header, "tcg-globals"), [&](std::string_view text) { dialect.add_global(text); });
    return dialect;
}

}  // namespace panda::trace::tcg
