// TLS secrets: the sessions of tests/samples/tls, which OpenSSL made with its key log, and files that nobody made.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "analyzers/keyfind/capture.h"
#include "analyzers/keyfind/key_finder.h"
#include "analyzers/keyfind/secret_test.h"
#include "common/error.h"
#include "tests/unit/tap_stream.h"

using namespace panda;
using namespace panda::keyfind;

namespace {

std::string read_sample(const std::string& name) {
    std::ifstream file(TLS_SAMPLES + name, std::ios::binary);
    REQUIRE(file);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::vector<Connection> connections_of(const std::string& capture) {
    return read_capture(std::as_bytes(std::span(capture)), "capture");
}

TlsSession session_of(const std::string& name) {
    const auto connections = connections_of(read_sample(name + ".pcap"));
    REQUIRE(connections.size() == 1);
    CHECK(connections[0].name == "10.0.0.1:40000-10.0.0.2:4433");
    std::string why;
    const auto session = find_session(connections[0], why);
    INFO(why);
    REQUIRE(session);
    return *session;
}

std::string from_hex(const std::string& digits) {
    std::string bytes;
    for (size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
    return bytes;
}

// The secrets of a key log, by label, without those that no record shows.
std::map<std::string, std::string> secrets_of(const std::string& name) {
    std::istringstream lines(read_sample(name + ".keys"));
    std::map<std::string, std::string> secrets;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string label, random, secret;
        words >> label >> random >> secret;
        if (label != "#" && label != "EXPORTER_SECRET")
            secrets[label] = from_hex(secret);
    }
    return secrets;
}

constexpr const char* samples[] = {
    "tls12_aes128_gcm", "tls12_aes256_gcm",  "tls12_chacha", "tls12_aes256_cbc", "tls12_aes128_cbc",
    "tls12_aes128_ccm", "tls12_aes256_ccm8", "tls13",        "tls13_ccm",        "tls13_ccm8"};

std::span<const uint8_t> octets(const std::string& text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

TEST_CASE("a pcapng file has the same connections") {
    const auto plain = connections_of(read_sample("tls13_ccm.pcap"));
    const auto next_generation = connections_of(read_sample("tls13_ccm.pcapng"));
    REQUIRE(plain.size() == 1);
    REQUIRE(next_generation.size() == 1);
    CHECK(plain[0].client.bytes == next_generation[0].client.bytes);
    CHECK(plain[0].server.bytes == next_generation[0].server.bytes);
    CHECK(plain[0].client.bytes.size() > 100);
}

TEST_CASE("the secrets of OpenSSL's key log pass, each for what it is, and no others") {
    for (const char* name : samples) {
        INFO(name);
        const TlsSession session = session_of(name);
        const auto secrets = secrets_of(name);
        CHECK(secrets.size() == size_t{session.tls13 ? 4u : 1u});
        std::string log;
        for (const auto& [label, secret] : secrets) {
            REQUIRE(secret.size() == secret_size(session));
            const auto kinds = test_secret(session, octets(secret));
            REQUIRE(kinds.size() == 1);
            CHECK(label_of(kinds[0]) == label);
            log += key_log_line(session, kinds[0], octets(secret));
            for (const size_t byte : {size_t{0}, secret.size() - 1}) {
                std::string wrong = secret;
                wrong[byte] = static_cast<char>(wrong[byte] ^ 1);
                CHECK(test_secret(session, octets(wrong)).empty());
            }
        }
        const std::string sample = read_sample(std::string(name) + ".keys");
        for (std::istringstream lines(log); std::getline(lines, log);)
            CHECK(sample.find(log) != std::string::npos);
    }
}

TEST_CASE("secrets are found in streams and in memory, and told with their taps") {
    std::mt19937 random(1);
    const std::vector<TlsSession> sessions = {session_of("tls12_aes256_gcm"), session_of("tls13")};
    KeyFinder finder(sessions);
    TapStream stream;
    const std::string master = secrets_of("tls12_aes256_gcm").begin()->second;
    const auto secrets = secrets_of("tls13");
    std::string noise(1 << 12, '\0');
    for (char& byte : noise)
        byte = static_cast<char>(random());
    stream.give_all(finder, 1, false, noise, 1);
    stream.give_all(finder, 1, false, master + noise.substr(0, 5), 1);
    // As an unrolled copy loads it: each instruction sees a part.
    const std::string& traffic = secrets.at("CLIENT_TRAFFIC_SECRET_0");
    for (size_t i = 0; i < traffic.size(); i += 16)
        stream.give(finder, static_cast<uint32_t>(10 + i), false, traffic.substr(i, 16), 0x5000 + i);
    stream.give_all(finder, 7, true, noise.substr(0, 8) + secrets.at("SERVER_HANDSHAKE_TRAFFIC_SECRET"), 8);
    stream.give_all(finder, 8, true, master, 4);
    const auto found = finder.found();
    REQUIRE(found.size() == 3);
    CHECK(found[0].kind == SecretKind::master);
    CHECK(found[0].taps.size() == 2);
    CHECK(found[0].taps.contains({1, false}));
    CHECK(found[0].taps.contains({8, true}));
    CHECK(found[1].kind == SecretKind::server_handshake);
    CHECK(found[1].taps.contains({7, true}));
    CHECK(found[2].kind == SecretKind::client_traffic);
    CHECK(found[2].taps.contains({static_cast<uint32_t>(10 + traffic.size() - 16), false}));
    CHECK(finder.tried() > 4000);
}

TEST_CASE("bytes that repeat are not tried") {
    std::mt19937 random(2);
    CHECK_FALSE(looks_random(octets(std::string(48, 'x'))));
    CHECK_FALSE(looks_random(octets("this is a text in some language, as texts are; 48")));
    for (int i = 0; i < 10'000; ++i) {
        std::string bytes(i % 2 == 0 ? 32 : 48, '\0');
        for (char& byte : bytes)
            byte = static_cast<char>(random());
        REQUIRE(looks_random(octets(bytes)));
    }
}

TEST_CASE("damaged captures are errors or fewer sessions") {
    const std::string sample = read_sample("tls13.pcap");
    CHECK_THROWS_AS(connections_of(""), FileError);
    CHECK_THROWS_AS(connections_of("not a capture, and long enough for one's header"), FileError);
    CHECK_THROWS_WITH(connections_of("\x0a\x0d\x0d\x0a" + std::string(40, '\0')),
                      Catch::Matchers::ContainsSubstring("not a capture"));
    std::mt19937 random(4);
    for (int round = 0; round < 3000; ++round) {
        std::string damaged = sample;
        for (int i = 0; i < 5; ++i)
            damaged[24 + random() % (damaged.size() - 24)] = static_cast<char>(random());
        damaged.resize(24 + random() % (damaged.size() - 24));
        std::string why;
        try {
            for (const Connection& connection : connections_of(damaged))
                if (const auto session = find_session(connection, why))
                    test_secret(*session, octets(std::string(secret_size(*session), 'x')));
        } catch (const FileError&) {
        }
    }
    const auto whole = connections_of(sample);
    REQUIRE(whole.size() == 1);
    CHECK(whole[0].client.bytes.size() > 300);
}
