// panda-recording's commands, on a good recording and on bad ones.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <sstream>

#include "common/json_value.h"
#include "tests/unit/recording_helpers.h"
#include "tools/recording/commands.h"

using namespace panda;
using namespace panda::recording;
using namespace panda::recording::test;
using Catch::Matchers::ContainsSubstring;

namespace {

std::string info_of(const std::string& path, bool json) {
    std::ostringstream out;
    print_info(path, json, out);
    return out.str();
}

std::string verify_quietly(const std::string& path) {
    std::ostringstream out;
    verify(path, false, out);
    return out.str();
}

}  // namespace

TEST_CASE("info says what is in a recording") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("info.panda");
    const auto entries = sample_entries(3000, 20);
    write_sample(path, entries, 3);
    std::map<std::string, uint64_t> counts = {{"end", 1}};
    for (const Entry& entry : entries)
        ++counts[entry_kind_name(entry.kind)];
    uint64_t network_writes = 0;
    uint64_t network_bytes = 0;
    for (const Entry& entry : entries) {
        if (entry.device != 2)
            continue;
        ++network_writes;
        network_bytes += entry.data.size();
    }
    const uint64_t instr = entries.back().position.instr + 1;

    const auto json = nlohmann::json::parse(info_of(path, true));
    CHECK(json["instr"] == instr);
    CHECK(json["complete"] == true);
    CHECK(json["facts"]["cpu-model"] == "qemu64");
    CHECK(json["memory_blocks"]["pc.bios"] == 256 << 10);
    CHECK(json["checks"] == counts["check"]);
    CHECK(json["bytes"] == read_file(path).size());
    CHECK(json["log"]["chunks"] == 4);
    REQUIRE(json["inputs"].size() == counts.size());
    for (const auto& [kind, count] : counts)
        CHECK(json["inputs"][kind]["entries"] == count);

    REQUIRE(json["devices"].size() == sample_devices.size());
    CHECK(json["devices"][1] == nlohmann::json{{"model", "e1000"},
                                               {"place", "net0"},
                                               {"kind", "network"},
                                               {"writes", network_writes},
                                               {"written_bytes", network_bytes}});
    CHECK(json["devices"][2]["writes"] == 0);

    const std::string text = info_of(path, false);
    CHECK_THAT(text, ContainsSubstring("\n    e1000 net0"));
    CHECK_THAT(text, !ContainsSubstring("idle"));
    CHECK_THAT(text, ContainsSubstring("CPU model             qemu64\n"));
    CHECK_THAT(text, ContainsSubstring("memory                8.0 MiB\n"));
    CHECK_THAT(text, ContainsSubstring(" instr, complete\n"));
    CHECK_THAT(text, ContainsSubstring("port-read"));
}

TEST_CASE("info shows hostile facts harmlessly") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("hostile.panda");
    {
        RecordingWriter writer(path, {{"command", "\x1b[2J\n\xff\""}}, sample_blocks);
        write_sample_snapshot(writer);
    }
    CHECK_THAT(info_of(path, false), ContainsSubstring("?[2J?"));
    CHECK_THAT(info_of(path, false), ContainsSubstring("0 instr, cut short\n"));
    const auto json = nlohmann::json::parse(info_of(path, true));
    CHECK(json["facts"]["command"] == "\x1b[2J\n\xef\xbf\xbd\"");
}

TEST_CASE("verify passes a whole recording and no other") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("verify.panda");
    const auto entries = sample_entries(3000, 21);
    write_sample(path, entries, 3);
    const size_t chunks = RecordingReader(path).container().chunks().size();
    CHECK(verify_quietly(path) == path + ": " + std::to_string(entries.back().position.instr + 1) +
                                      " instr, " + std::to_string(chunks) + " chunks, whole\n");

    const Bytes whole = read_file(path);
    write_file(path, std::span(whole).first(whole.size() - 1));
    CHECK_THROWS_WITH(verify_quietly(path),
                      ContainsSubstring("cut short after chunk " + std::to_string(chunks - 2)));

    std::mt19937_64 random(22);
    for (int i = 0; i < 50; ++i) {
        Bytes flipped = whole;
        flipped[random() % flipped.size()] ^= static_cast<std::byte>(1 << (random() % 8));
        write_file(path, flipped);
        CHECK_THROWS_AS(verify_quietly(path), FileError);
    }
}

TEST_CASE("verify compares the log with the trailer's counts") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("counts.panda");
    write_sample(path, sample_entries(100, 23), 1);
    const RecordingReader reader(path);
    const ChunkPlace& place = reader.container().chunks().back();
    Trailer trailer = decode_trailer(reader.container().read(place), sample_blocks, sample_devices.size());
    ++trailer.kinds[static_cast<size_t>(EntryKind::wake)].entries;

    Bytes file = read_file(path);
    file.resize(place.offset);
    append_chunk(file, ChunkType::trailer, place.header.number, encode_trailer(trailer));
    write_file(path, file);
    CHECK_THROWS_WITH(verify_quietly(path), ContainsSubstring("entries of kind wake, the trailer says"));
}
