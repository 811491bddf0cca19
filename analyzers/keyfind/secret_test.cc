#include "analyzers/keyfind/secret_test.h"

#include <nettle/aes.h>
#include <nettle/ccm.h>
#include <nettle/chacha-poly1305.h>
#include <nettle/gcm.h>
#include <nettle/hmac.h>
#include <nettle/nettle-meta.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "common/hex.h"

namespace panda::keyfind {
namespace {

constexpr size_t nonce_size = 12;
constexpr size_t block_size = 16;
constexpr size_t master_size = 48;
constexpr uint8_t message_finished = 20;

// HMAC with one of two hashes.
class Hmac {
  public:
    Hmac(bool sha384, std::span<const uint8_t> key) : sha384_(sha384) {
        if (sha384_)
            hmac_sha384_set_key(&large_, key.size(), key.data());
        else
            hmac_sha256_set_key(&small_, key.size(), key.data());
    }
    size_t size() const { return sha384_ ? SHA384_DIGEST_SIZE : SHA256_DIGEST_SIZE; }
    void add(std::span<const uint8_t> bytes) {
        if (sha384_)
            hmac_sha384_update(&large_, bytes.size(), bytes.data());
        else
            hmac_sha256_update(&small_, bytes.size(), bytes.data());
    }
    // Writes size() bytes, and begins anew with the same key.
    void finish(uint8_t* out) {
        if (sha384_)
            hmac_sha384_digest(&large_, SHA384_DIGEST_SIZE, out);
        else
            hmac_sha256_digest(&small_, SHA256_DIGEST_SIZE, out);
    }

  private:
    bool sha384_;
    union {
        hmac_sha256_ctx small_;
        hmac_sha384_ctx large_;
    };
};

std::span<const uint8_t> octets(std::string_view text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// TLS 1.2's "key expansion" (RFC 5246, 5 and 6.3).
Octets key_block(const TlsSession& session, std::span<const uint8_t> master, size_t size) {
    Hmac hmac(session.suite->sha384, master);
    const auto add_seed = [&] {
        hmac.add(octets("key expansion"));
        hmac.add(session.server_random);
        hmac.add(session.client_random);
    };
    Octets a(hmac.size());
    add_seed();
    hmac.finish(a.data());
    Octets block;
    while (block.size() < size) {
        block.resize(block.size() + hmac.size());
        hmac.add(a);
        add_seed();
        hmac.finish(block.data() + block.size() - hmac.size());
        hmac.add(a);
        hmac.finish(a.data());
    }
    return block;
}

// HKDF-Expand-Label without context (RFC 8446, 7.1), for at most one hash of output. hmac: with the secret as its key.
Octets expand_label(Hmac& hmac, std::string_view label, size_t size) {
    const std::string whole = "tls13 " + std::string(label);
    const std::array<uint8_t, 3> head = {0, static_cast<uint8_t>(size), static_cast<uint8_t>(whole.size())};
    constexpr std::array<uint8_t, 2> tail = {0, 1};  // no context; the first block
    hmac.add(head);
    hmac.add(octets(whole));
    hmac.add(tail);
    Octets out(hmac.size());
    hmac.finish(out.data());
    out.resize(size);
    return out;
}

// A cipher that says whether what it opens is whole, with one key.
class Aead {
  public:
    Aead(const CipherSuite& suite, std::span<const uint8_t> key)
        : ccm_(suite.cipher == Cipher::ccm || suite.cipher == Cipher::ccm8),
          wide_(suite.key_size == AES256_KEY_SIZE),
          tag_size_(tag_size(suite)),
          how_(suite.cipher == Cipher::chacha ? nettle_chacha_poly1305
               : wide_                        ? nettle_gcm_aes256
                                              : nettle_gcm_aes128) {
        if (!ccm_)
            how_.set_decrypt_key(&context_, key.data());
        else if (wide_)
            ccm_aes256_set_key(&context_.ccm256, key.data());
        else
            ccm_aes128_set_key(&context_.ccm128, key.data());
    }
    static size_t tag_size(const CipherSuite& suite) { return suite.cipher == Cipher::ccm8 ? 8 : 16; }

    // The content of a record; empty if the tag is wrong. sealed: content and tag.
    Octets open(std::span<const uint8_t> nonce, std::span<const uint8_t> header,
                std::span<const uint8_t> sealed) {
        if (sealed.size() <= tag_size_)
            return {};
        Octets content(sealed.size() - tag_size_);
        if (!(ccm_ ? open_ccm(nonce, header, sealed, content) : open_stream(nonce, header, sealed, content)))
            content.clear();
        return content;
    }

  private:
    bool open_stream(std::span<const uint8_t> nonce, std::span<const uint8_t> header,
                     std::span<const uint8_t> sealed, Octets& content) {
        how_.set_nonce(&context_, nonce.data());
        how_.update(&context_, header.size(), header.data());
        how_.decrypt(&context_, content.size(), content.data(), sealed.data());
        std::array<uint8_t, 16> tag{};
        how_.digest(&context_, tag_size_, tag.data());
        return std::ranges::equal(std::span(tag).first(tag_size_), sealed.last(tag_size_));
    }
    bool open_ccm(std::span<const uint8_t> nonce, std::span<const uint8_t> header,
                  std::span<const uint8_t> sealed, Octets& content) {
        const auto open = [&](auto* decrypt, auto* context) {
            return decrypt(context, nonce.size(), nonce.data(), header.size(), header.data(), tag_size_,
                           content.size(), content.data(), sealed.data()) != 0;
        };
        return wide_ ? open(&ccm_aes256_decrypt_message, &context_.ccm256)
                     : open(&ccm_aes128_decrypt_message, &context_.ccm128);
    }

    bool ccm_;
    bool wide_;
    size_t tag_size_;
    const nettle_aead& how_;  // but for CCM, which has to know all sizes first
    union {
        gcm_aes128_ctx gcm128;
        gcm_aes256_ctx gcm256;
        chacha_poly1305_ctx chacha;
        ccm_aes128_ctx ccm128;
        ccm_aes256_ctx ccm256;
    } context_;
};

bool is_finished(std::span<const uint8_t> content, size_t size) {
    const std::array<uint8_t, 4> begin = {message_finished, 0, 0, static_cast<uint8_t>(size)};
    return content.size() >= begin.size() && std::ranges::equal(content.first(begin.size()), begin);
}

// Whether a TLS 1.2 record is the first that an end has encrypted, its Finished message. mac_key is not needed.
bool opens_12(const CipherSuite& suite, std::span<const uint8_t> key, std::span<const uint8_t> iv,
              const Record& record) {
    constexpr size_t verify_size = 12;
    const std::span<const uint8_t> body(record.body);
    if (suite.cipher == Cipher::cbc) {
        // Of CBC the first block shows it: with the explicit IV before it, it is the whole message.
        if (body.size() < 3 * block_size)
            return false;
        std::array<uint8_t, block_size> block;
        if (suite.key_size == AES128_KEY_SIZE) {
            aes128_ctx context;
            aes128_set_decrypt_key(&context, key.data());
            aes128_decrypt(&context, block.size(), block.data(), body.data() + block_size);
        } else {
            aes256_ctx context;
            aes256_set_decrypt_key(&context, key.data());
            aes256_decrypt(&context, block.size(), block.data(), body.data() + block_size);
        }
        for (size_t i = 0; i < block.size(); ++i)
            block[i] ^= body[i];
        return is_finished(block, verify_size);
    }
    std::array<uint8_t, nonce_size> nonce{};
    std::ranges::copy(iv, nonce.begin());
    const size_t explicit_size = nonce_size - iv.size();
    if (body.size() <= explicit_size + Aead::tag_size(suite))
        return false;
    std::ranges::copy(body.first(explicit_size), nonce.begin() + static_cast<std::ptrdiff_t>(iv.size()));
    const auto sealed = body.subspan(explicit_size);
    const size_t size = sealed.size() - Aead::tag_size(suite);
    // The sequence number is 0, and the length is that of the content.
    const std::array<uint8_t, 13> header = {0,
                                            0,
                                            0,
                                            0,
                                            0,
                                            0,
                                            0,
                                            0,
                                            record.header[0],
                                            record.header[1],
                                            record.header[2],
                                            static_cast<uint8_t>(size >> 8),
                                            static_cast<uint8_t>(size)};
    return is_finished(Aead(suite, key).open(nonce, header, sealed), verify_size);
}

bool is_master(const TlsSession& session, std::span<const uint8_t> bytes) {
    const CipherSuite& suite = *session.suite;
    const bool cbc = suite.cipher == Cipher::cbc;
    const size_t iv_size = cbc ? 0 : suite.cipher == Cipher::chacha ? nonce_size : 4;
    const size_t keys = 2 * size_t{suite.mac_key_size};
    const Octets block = key_block(session, bytes, keys + 2 * suite.key_size + 2 * iv_size);
    const std::span<const uint8_t> all(block);
    const auto opens = [&](const std::vector<Record>& records, size_t end) {
        return opens_12(suite, all.subspan(keys + end * suite.key_size, suite.key_size),
                        all.subspan(keys + 2 * suite.key_size + end * iv_size, iv_size), records.front());
    };
    if (session.client.empty())
        return opens(session.server, 1);
    // Four bytes of a block are not much of a proof, so CBC has to open what both ends sent.
    return opens(session.client, 0) && (!cbc || session.server.empty() || opens(session.server, 1));
}

// Which of an end's records is the first under this key; nothing if none is.
std::optional<size_t> opens_13(Aead& aead, std::span<const uint8_t> iv, const std::vector<Record>& records) {
    for (size_t i = 0; i < records.size(); ++i)
        if (!aead.open(iv, records[i].header, records[i].body).empty())  // the sequence number is 0
            return i;
    return std::nullopt;
}

}  // namespace

const char* label_of(SecretKind kind) {
    switch (kind) {
        case SecretKind::master:
            return "CLIENT_RANDOM";
        case SecretKind::client_handshake:
            return "CLIENT_HANDSHAKE_TRAFFIC_SECRET";
        case SecretKind::server_handshake:
            return "SERVER_HANDSHAKE_TRAFFIC_SECRET";
        case SecretKind::client_traffic:
            return "CLIENT_TRAFFIC_SECRET_0";
        case SecretKind::server_traffic:
            return "SERVER_TRAFFIC_SECRET_0";
    }
    return "";
}

size_t secret_size(const TlsSession& session) {
    return !session.tls13 ? master_size : session.suite->sha384 ? SHA384_DIGEST_SIZE : SHA256_DIGEST_SIZE;
}

std::vector<SecretKind> test_secret(const TlsSession& session, std::span<const uint8_t> bytes) {
    if (!session.tls13)
        return is_master(session, bytes) ? std::vector{SecretKind::master} : std::vector<SecretKind>();
    Hmac hmac(session.suite->sha384, bytes);
    const Octets key = expand_label(hmac, "key", session.suite->key_size);
    const Octets iv = expand_label(hmac, "iv", nonce_size);
    Aead aead(*session.suite, key);
    std::vector<SecretKind> kinds;
    // An end's first record is the handshake's; the traffic's come after that.
    if (const auto first = opens_13(aead, iv, session.client))
        kinds.push_back(*first == 0 ? SecretKind::client_handshake : SecretKind::client_traffic);
    if (const auto first = opens_13(aead, iv, session.server))
        kinds.push_back(*first == 0 ? SecretKind::server_handshake : SecretKind::server_traffic);
    return kinds;
}

std::string key_log_line(const TlsSession& session, SecretKind kind, std::span<const uint8_t> secret) {
    return std::string(label_of(kind)) + " " + hex_bytes(std::as_bytes(std::span(session.client_random))) +
           " " + hex_bytes(std::as_bytes(secret)) + "\n";
}

}  // namespace panda::keyfind
