#include "analyzers/keyfind/tls_session.h"

#include <algorithm>
#include <iterator>

#include "analyzers/keyfind/octets.h"
#include "common/hex.h"

namespace panda::keyfind {
namespace {

// RFC 5246 and RFC 8446.
constexpr uint8_t type_change_cipher = 20;
constexpr uint8_t type_handshake = 22;
constexpr uint8_t type_application = 23;
constexpr uint8_t client_hello = 1;
constexpr uint8_t server_hello = 2;
constexpr uint16_t extension_versions = 43;
constexpr uint16_t version_12 = 0x0303;
constexpr uint16_t version_13 = 0x0304;
constexpr size_t max_record = (1 << 14) + 2048;
constexpr size_t max_records = 12;  // of an end that are kept

// A server's hello with this random asks for another client's hello (RFC 8446, 4.1.3).
constexpr std::array<uint8_t, 32> retry_random = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

const std::vector<CipherSuite>& suites(bool tls13) {
    using enum Cipher;
    constexpr bool sha256 = false;
    constexpr bool sha384 = true;
    // https://www.iana.org/assignments/tls-parameters
    static const std::vector<CipherSuite> of_13 = {
        {0x1301, "TLS_AES_128_GCM_SHA256", gcm, 16, 0, sha256},
        {0x1302, "TLS_AES_256_GCM_SHA384", gcm, 32, 0, sha384},
        {0x1303, "TLS_CHACHA20_POLY1305_SHA256", chacha, 32, 0, sha256},
        {0x1304, "TLS_AES_128_CCM_SHA256", ccm, 16, 0, sha256},
        {0x1305, "TLS_AES_128_CCM_8_SHA256", ccm8, 16, 0, sha256},
    };
    static const std::vector<CipherSuite> of_12 = {
        {0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256", gcm, 16, 0, sha256},
        {0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384", gcm, 32, 0, sha384},
        {0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", gcm, 16, 0, sha256},
        {0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", gcm, 32, 0, sha384},
        {0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", gcm, 16, 0, sha256},
        {0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", gcm, 32, 0, sha384},
        {0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", gcm, 16, 0, sha256},
        {0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", gcm, 32, 0, sha384},
        {0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", chacha, 32, 0, sha256},
        {0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", chacha, 32, 0, sha256},
        {0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", chacha, 32, 0, sha256},
        {0xc09c, "TLS_RSA_WITH_AES_128_CCM", ccm, 16, 0, sha256},
        {0xc09d, "TLS_RSA_WITH_AES_256_CCM", ccm, 32, 0, sha256},
        {0xc09e, "TLS_DHE_RSA_WITH_AES_128_CCM", ccm, 16, 0, sha256},
        {0xc09f, "TLS_DHE_RSA_WITH_AES_256_CCM", ccm, 32, 0, sha256},
        {0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", ccm, 16, 0, sha256},
        {0xc0ad, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM", ccm, 32, 0, sha256},
        {0xc0a0, "TLS_RSA_WITH_AES_128_CCM_8", ccm8, 16, 0, sha256},
        {0xc0a1, "TLS_RSA_WITH_AES_256_CCM_8", ccm8, 32, 0, sha256},
        {0xc0a2, "TLS_DHE_RSA_WITH_AES_128_CCM_8", ccm8, 16, 0, sha256},
        {0xc0a3, "TLS_DHE_RSA_WITH_AES_256_CCM_8", ccm8, 32, 0, sha256},
        {0xc0ae, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", ccm8, 16, 0, sha256},
        {0xc0af, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", ccm8, 32, 0, sha256},
        {0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA", cbc, 16, 20, sha256},
        {0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA", cbc, 16, 20, sha256},
        {0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA", cbc, 32, 20, sha256},
        {0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA", cbc, 32, 20, sha256},
        {0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256", cbc, 16, 32, sha256},
        {0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256", cbc, 32, 32, sha256},
        {0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", cbc, 16, 32, sha256},
        {0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", cbc, 32, 32, sha256},
        {0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", cbc, 16, 20, sha256},
        {0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", cbc, 32, 20, sha256},
        {0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", cbc, 16, 20, sha256},
        {0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", cbc, 32, 20, sha256},
        {0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", cbc, 16, 32, sha256},
        {0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", cbc, 32, 48, sha384},
        {0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", cbc, 16, 32, sha256},
        {0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", cbc, 32, 48, sha384},
    };
    return tls13 ? of_13 : of_12;
}

struct Hello {
    std::array<uint8_t, 32> random{};
    uint16_t suite = 0;  // of a server's
    bool tls13 = false;
};

// A hello message without its header of 4 bytes; nothing if it is damaged.
std::optional<Hello> parse_hello(std::span<const uint8_t> body, bool server) {
    Hello hello;
    OctetReader reader(body);
    if (reader.number(2) != version_12)
        return std::nullopt;
    std::ranges::copy(reader.take(hello.random.size()), hello.random.begin());
    reader.counted(1);  // session id
    if (!server)
        return reader.ok() ? std::optional(hello) : std::nullopt;
    hello.suite = static_cast<uint16_t>(reader.number(2));
    reader.take(1);
    if (!reader.ok())
        return std::nullopt;
    if (reader.left() == 0)
        return hello;  // without extensions
    OctetReader extensions(reader.counted(2));
    while (extensions.left() != 0) {
        const uint32_t kind = extensions.number(2);
        OctetReader content(extensions.counted(2));
        if (kind == extension_versions)
            hello.tls13 = content.number(2) == version_13;
    }
    return reader.ok() && extensions.ok() ? std::optional(hello) : std::nullopt;
}

// One end's records.
struct End {
    Octets plain;  // handshake messages that are not encrypted
    std::vector<Record> encrypted;
    bool changed = false;  // the cipher
};

End take_records(const Stream& stream) {
    End end;
    OctetReader reader(stream.bytes);
    while (reader.left() >= 5 && end.encrypted.size() < max_records) {
        Record record;
        std::ranges::copy(reader.take(5), record.header.begin());
        const size_t size = size_t{record.header[3]} << 8 | record.header[4];
        const uint8_t type = record.header[0];
        if (record.header[1] != 3 || type < type_change_cipher || type > type_application ||
            size > max_record)
            break;  // not TLS, or not any more
        const auto body = reader.take(size);
        if (!reader.ok())
            break;
        record.body.assign(body.begin(), body.end());
        if (type == type_change_cipher)
            end.changed = true;
        else if (type == type_application || end.changed)
            end.encrypted.push_back(std::move(record));
        else if (type == type_handshake)
            end.plain.insert(end.plain.end(), body.begin(), body.end());
    }
    return end;
}

// The last hello among an end's messages: the first one may have been refused.
std::optional<Hello> last_hello(const End& end, uint8_t kind) {
    std::optional<Hello> found;
    OctetReader reader(end.plain);
    while (reader.left() >= 4) {
        const uint32_t type = reader.number(1);
        const auto body = reader.counted(3);
        if (!reader.ok())
            break;
        if (type != kind)
            continue;
        const auto hello = parse_hello(body, kind == server_hello);
        if (!hello || hello->random != retry_random)
            found = hello;
    }
    return found;
}

}  // namespace

const CipherSuite* find_suite(uint16_t id, bool tls13) {
    for (const CipherSuite& suite : suites(tls13))
        if (suite.id == id)
            return &suite;
    return nullptr;
}

std::optional<TlsSession> find_session(const Connection& connection, std::string& why) {
    why.clear();
    End client = take_records(connection.client);
    End server = take_records(connection.server);
    const auto asked = last_hello(client, client_hello);
    const auto answered = last_hello(server, server_hello);
    if (!asked || !answered)
        return std::nullopt;
    TlsSession session;
    session.name = connection.name;
    session.client_random = asked->random;
    session.server_random = answered->random;
    session.tls13 = answered->tls13;
    session.suite = find_suite(answered->suite, answered->tls13);
    session.client = std::move(client.encrypted);
    session.server = std::move(server.encrypted);
    if (session.suite == nullptr) {
        why = "cipher suite " + hex(answered->suite, 4) + " is not known";
        return std::nullopt;
    }
    if (session.client.empty() && session.server.empty()) {
        why = "the capture has no encrypted record of it";
        return std::nullopt;
    }
    return session;
}

}  // namespace panda::keyfind
