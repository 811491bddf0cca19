// Whether some bytes are a TLS session's secret.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "analyzers/keyfind/tls_session.h"

namespace panda::keyfind {

// What a secret is for, by the names of NSS's key log
// (https://www.ietf.org/archive/id/draft-ietf-tls-keylogfile-02.html).
enum class SecretKind : uint8_t {
    master,            // TLS 1.2: CLIENT_RANDOM
    client_handshake,  // the others are TLS 1.3
    server_handshake,
    client_traffic,
    server_traffic,
};

const char* label_of(SecretKind kind);

// How many bytes a session's secrets have.
size_t secret_size(const TlsSession& session);

// The kinds of secret that the bytes are: those whose keys decrypt the session's records. bytes: secret_size() of them.
// At most one kind, unless a session uses a secret twice. Takes 1 to 10 µs.
std::vector<SecretKind> test_secret(const TlsSession& session, std::span<const uint8_t> bytes);

// The key log's line: label, client random and secret.
std::string key_log_line(const TlsSession& session, SecretKind kind, std::span<const uint8_t> secret);

}  // namespace panda::keyfind
