// TLS sessions in a connection: what a secret can be tested with.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analyzers/keyfind/capture.h"

namespace panda::keyfind {

enum class Cipher : uint8_t {
    cbc,
    gcm,
    ccm,
    ccm8,
    chacha
};  // AES but for the last; ccm8 has tags of 8 bytes

// What a cipher suite is made of.
struct CipherSuite {
    uint16_t id = 0;
    const char* name = "";
    Cipher cipher = Cipher::cbc;
    uint32_t key_size = 0;
    uint32_t mac_key_size = 0;  // of CBC
    bool sha384 = false;        // the hash of the PRF (TLS 1.2) or of HKDF (1.3); else it is SHA-256
};

// The suite with this number, for this version; null if it is not known here.
const CipherSuite* find_suite(uint16_t id, bool tls13);

// An encrypted record.
struct Record {
    std::array<uint8_t, 5> header{};
    Octets body;
};

struct TlsSession {
    std::string name;  // of the connection
    std::array<uint8_t, 32> client_random{};
    std::array<uint8_t, 32> server_random{};
    bool tls13 = false;
    const CipherSuite* suite = nullptr;
    // The first encrypted records of each end: enough to find where the handshake's end.
    std::vector<Record> client;
    std::vector<Record> server;
};

// The session in a connection; nothing if it does not begin with a handshake of TLS 1.2 or 1.3 that is encrypted in the
// end, or its cipher suite is not known here (`why` then says so, and is empty where there is no TLS at all).
std::optional<TlsSession> find_session(const Connection& connection, std::string& why);

}  // namespace panda::keyfind
