#include "analyzers/taint/hypercalls.h"

#include <algorithm>
#include <array>

#include "common/hex.h"

namespace panda::taint {
namespace {

enum Register { rax, rbx, rcx, rdx, rdi, rsi };  // as Cpuid::before has them
constexpr uint64_t most_bytes = uint64_t{1} << 26;
constexpr uint64_t most_logged = 256;

// QEMU's order of general registers.
constexpr std::array register_names = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                       "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

const char* const source_name = "hypercall";

}  // namespace

Hypercalls::Hypercalls(TaintPass& pass) : pass_(pass) {
    pass.on_any_event([this](const trace::Event& event) {
        if (const auto* call = std::get_if<trace::Cpuid>(&event.detail))
            take(event, *call);
    });
}

// Labels are compared as numbers of 32 bits.
Tag Hypercalls::tag(uint64_t label) {
    LabelNames& labels = pass_.labels();
    return pass_.engine()->tags().of_label(
        labels.label(labels.source({source_name, source_name}), label & 0xffff'ffff));
}

void Hypercalls::label(uint64_t address, uint64_t size, uint64_t label, bool positions) {
    for (uint64_t i = 0; i < std::min(size, most_bytes); ++i)
        pass_.set_byte(address + i, tag(positions ? label + i : label));
}

std::optional<int64_t> Hypercalls::register_byte(const trace::Cpuid& call) {
    if (call.before[rbx] >= register_names.size())
        return std::nullopt;
    const ShadowState& state = pass_.engine()->state();
    const std::string name = register_names[call.before[rbx]];
    auto range = state.find(name);
    if (!range)
        range = state.find("e" + name.substr(1));
    if (!range || call.before[rcx] >= range->size)
        return std::nullopt;
    return range->offset + static_cast<int64_t>(call.before[rcx]);
}

void Hypercalls::ask(const trace::Event& event, const trace::Cpuid& call, ByteTaint taint,
                     const std::string& what) {
    LabelNames& labels = pass_.labels();
    const Label wanted =
        labels.label(labels.source({source_name, source_name}), call.before[rdi] & 0xffff'ffff);
    bool has = false;
    pass_.engine()->tags().for_each(tag_of(taint), [&](Label label) { has = has || label == wanted; });
    const bool must = call.before[rdx] != 0;
    answers_.push_back({event.instr, call.pc, false, has != must,
                        what + (has ? " has" : " does not have") + " label " +
                            std::to_string(call.before[rdi] & 0xffff'ffff) + ": " +
                            labels.text(labels.ranges(pass_.engine()->tags(), tag_of(taint)))});
}

bool Hypercalls::take_packet(const trace::Event& event, const trace::Cpuid& call) {
    struct Packet {
        uint32_t magic, action, buffer, size, label, column, file, line, node, info, point;
    };
    constexpr uint32_t magic = 0xabcd;
    Packet packet{};
    if (!pass_.guest().user_memory().read(call.before[rax], std::as_writable_bytes(std::span(&packet, 1))) ||
        packet.magic != magic)
        return false;
    if (packet.action == 7 || packet.action == 8) {
        label(packet.buffer, packet.size, packet.label, packet.action == 8);
        return true;
    }
    for (uint32_t i = 0; i < std::min<uint64_t>(packet.size, most_bytes); ++i) {
        LabelNames& labels = pass_.labels();
        const Tag found = tag_of(pass_.get_byte(uint64_t{packet.buffer} + i));
        if (found != clean)
            answers_.push_back({event.instr, call.pc, true, false,
                                "line " + std::to_string(packet.line) + ": byte " + std::to_string(i) +
                                    " has " + labels.text(labels.ranges(pass_.engine()->tags(), found))});
    }
    return true;
}

void Hypercalls::take(const trace::Event& event, const trace::Cpuid& call) {
    const uint64_t command = call.before[rax];
    constexpr uint64_t lowest_pointer = 0x1000;
    if (command >= lowest_pointer && take_packet(event, call))
        return;
    if (command == 6)
        enabled_ = true;
    if (!enabled_)
        return;
    switch (command) {
        case 7:
        case 8:
            label(call.before[rbx], call.before[rcx], call.before[rdi], command == 8);
            break;
        case 9:
            ask(event, call, pass_.get_byte(call.before[rbx] + call.before[rcx]),
                "byte at " + hex(call.before[rbx] + call.before[rcx]));
            break;
        case 10:
            if (const auto place = register_byte(call))
                pass_.engine()->state().set(*place, byte_taint(tag(call.before[rdi]), 0xff));
            break;
        case 11:
            if (const auto place = register_byte(call))
                ask(event, call, pass_.engine()->state().get(*place),
                    "byte " + std::to_string(call.before[rcx]) + " of " + register_names[call.before[rbx]]);
            break;
        case 12: {
            std::string text(
                std::min(call.before[rbx] - std::min<uint64_t>(call.before[rbx], 1), most_logged), '\0');
            if (pass_.guest().user_memory().read(call.before[rcx], std::as_writable_bytes(std::span(text))))
                answers_.push_back({event.instr, call.pc, true, false, text});
            break;
        }
        default:
            break;
    }
}

}  // namespace panda::taint
