#include "analyzers/pandalog/pandalog_file.h"

#include <capnp/serialize.h>

#include <span>

#include "analyzers/pandalog/pandalog.capnp.h"

namespace panda::pandalog {
namespace {

constexpr size_t buffer_size = size_t{1} << 16;

void set(Fact::Value::Builder to, uint64_t value) {
    to.setNumber(value);
}
void set(Fact::Value::Builder to, int64_t value) {
    to.setInteger(value);
}
void set(Fact::Value::Builder to, const std::string& value) {
    to.setText(value);
}

}  // namespace

void PandalogFile::write(capnp::MessageBuilder& entry) {
    const auto words = capnp::messageToFlatArray(entry);
    const auto bytes = std::as_bytes(std::span(words.begin(), words.end()));
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    if (buffer_.size() >= buffer_size)
        flush();
}

void PandalogFile::write_fact(uint64_t instr, uint64_t pc, const char* analyzer,
                              std::span<const FactValue> values) {
    capnp::MallocMessageBuilder message;
    auto entry = message.initRoot<Entry>();
    entry.setInstr(instr);
    entry.setPc(pc);
    auto fact = entry.initFact();
    fact.setAnalyzer(analyzer);
    auto list = fact.initValues(static_cast<unsigned>(values.size()));
    unsigned number = 0;
    for (const auto& [name, value] : values) {
        auto place = list[number++];
        place.setName(name);
        std::visit([&place](const auto& held) { set(place, held); }, value);
    }
    write(message);
}

void PandalogFile::flush() {
    file_.write(buffer_);
    buffer_.clear();
}

void PandalogFile::finish() {
    flush();
    file_.close();
}

}  // namespace panda::pandalog
