#include "analyzers/keyfind/capture.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>

#include "analyzers/keyfind/octets.h"
#include "common/error.h"

namespace panda::keyfind {
namespace {

constexpr uint32_t ethertype_ipv4 = 0x0800;
constexpr uint32_t ethertype_vlan = 0x8100;
constexpr uint32_t ethertype_ipv6 = 0x86dd;
constexpr uint32_t protocol_tcp = 6;
constexpr uint32_t flag_syn = 2;

struct Endpoint {
    std::array<uint8_t, 16> address{};
    bool v6 = false;
    uint16_t port = 0;
    auto operator<=>(const Endpoint&) const = default;
};

struct Segment {
    Endpoint from;
    Endpoint to;
    uint32_t sequence = 0;
    bool syn = false;
    std::span<const uint8_t> data;  // until the next packet is read
};

// The IP packet in a captured frame; empty if it holds none.
std::span<const uint8_t> packet_in(uint32_t link, std::span<const uint8_t> frame) {
    OctetReader reader(frame);
    uint32_t type = ethertype_ipv4;
    switch (link) {
        case DLT_NULL:
            reader.take(4);
            break;
        case DLT_EN10MB:
            reader.take(12);
            type = reader.number(2);
            while (type == ethertype_vlan) {
                reader.take(2);
                type = reader.number(2);
            }
            break;
        case DLT_LINUX_SLL:
            reader.take(14);
            type = reader.number(2);
            break;
        case DLT_LINUX_SLL2:
            type = reader.number(2);
            reader.take(18);
            break;
        default:
            break;
    }
    if (!reader.ok() || (type != ethertype_ipv4 && type != ethertype_ipv6))
        return {};
    return reader.take(reader.left());
}

// The TCP part of an IP packet, which says how long it is, because Ethernet pads; empty if it has none, or is a fragment.
std::span<const uint8_t> tcp_in(std::span<const uint8_t> packet, Endpoint& from, Endpoint& to) {
    OctetReader reader(packet);
    const uint32_t first = reader.number(1);
    if (first >> 4 == 6) {
        from.v6 = to.v6 = true;
        reader.take(3);
        const uint32_t length = reader.number(2);
        const bool tcp = reader.number(1) == protocol_tcp;
        reader.take(1);
        for (Endpoint* end : {&from, &to})
            std::ranges::copy(reader.take(end->address.size()), end->address.begin());
        return tcp ? reader.take(length) : std::span<const uint8_t>();
    }
    const size_t header = size_t{first & 15} * 4;
    reader.take(1);
    const uint32_t length = reader.number(2);
    reader.take(2);
    const uint32_t fragment = reader.number(2) & 0x3fff;  // more fragments, or not the first
    reader.take(1);
    const bool tcp = reader.number(1) == protocol_tcp;
    reader.take(2);
    for (Endpoint* end : {&from, &to})
        std::ranges::copy(reader.take(4), end->address.begin());
    if (first >> 4 != 4 || !tcp || fragment != 0 || header < 20 || length < header)
        return {};
    reader.take(header - 20);
    return reader.take(length - header);
}

std::optional<Segment> segment_in(uint32_t link, std::span<const uint8_t> frame) {
    Segment segment;
    OctetReader reader(tcp_in(packet_in(link, frame), segment.from, segment.to));
    segment.from.port = static_cast<uint16_t>(reader.number(2));
    segment.to.port = static_cast<uint16_t>(reader.number(2));
    segment.sequence = reader.number(4);
    reader.take(4);
    const uint32_t header = (reader.number(1) >> 4) * 4;
    segment.syn = (reader.number(1) & flag_syn) != 0;
    if (!reader.ok() || header < 20)
        return std::nullopt;
    reader.take(header - 14);
    segment.data = reader.take(reader.left());
    return reader.ok() ? std::optional(segment) : std::nullopt;
}

// Puts segments in order.
class Direction {
  public:
    void add(const Segment& segment) {
        if (!next_)
            next_ = first_ = segment.sequence + (segment.syn ? 1 : 0);
        constexpr size_t max_waiting = 1024;
        if (!segment.syn && !segment.data.empty() && waiting_.size() < max_waiting)
            waiting_.try_emplace(segment.sequence, segment.data.begin(), segment.data.end());
        advance();
    }
    // Whether the segment is the first of another connection.
    bool is_over(const Segment& segment) const {
        return segment.syn && next_ && segment.sequence + 1 != first_;
    }
    Octets take() { return std::move(bytes_); }

  private:
    // Sequence numbers wrap around, so what is before and after is told by a difference.
    void advance() {
        for (bool moved = true; moved;) {
            moved = false;
            for (auto one = waiting_.begin(); one != waiting_.end();) {
                const auto behind = static_cast<int32_t>(*next_ - one->first);
                if (behind < 0) {
                    ++one;
                    continue;
                }
                if (static_cast<size_t>(behind) < one->second.size()) {
                    const auto fresh = std::span(one->second).subspan(static_cast<size_t>(behind));
                    bytes_.insert(bytes_.end(), fresh.begin(), fresh.end());
                    *next_ += static_cast<uint32_t>(fresh.size());
                    moved = true;
                }
                one = waiting_.erase(one);
            }
        }
    }

    std::optional<uint32_t> next_;
    uint32_t first_ = 0;
    std::map<uint32_t, Octets> waiting_;  // by sequence number
    Octets bytes_;
};

std::string text_of(const Endpoint& end) {
    std::string text;
    char part[8];
    for (size_t i = 0; i < (end.v6 ? 16u : 4u); i += end.v6 ? 2 : 1) {
        if (end.v6)
            std::snprintf(part, sizeof(part), "%s%x", i == 0 ? "[" : ":",
                          end.address[i] << 8 | end.address[i + 1]);
        else
            std::snprintf(part, sizeof(part), "%s%u", i == 0 ? "" : ".", end.address[i]);
        text += part;
    }
    return text + (end.v6 ? "]:" : ":") + std::to_string(end.port);
}

// The packets of a file, one after the other.
class PacketReader {
  public:
    PacketReader(std::span<const std::byte> bytes, const std::string& name) : name_(name) {
        std::array<char, PCAP_ERRBUF_SIZE> error{};
        // It is only read from, though fmemopen() takes no const.
        std::FILE* const file =
            bytes.empty() ? nullptr : ::fmemopen(const_cast<std::byte*>(bytes.data()), bytes.size(), "rb");
        if (file == nullptr)
            throw FileError(name_, "is not a capture of packets");
        pcap_.reset(::pcap_fopen_offline(file, error.data()));
        if (!pcap_) {
            std::fclose(file);
            throw FileError(name_, std::string("is not a capture of packets: ") + error.data());
        }
        link_ = static_cast<uint32_t>(::pcap_datalink(pcap_.get()));
    }
    uint32_t link() const { return link_; }
    // Nothing at the end. A last packet that was cut short does not count: the capture may go on.
    std::optional<std::span<const uint8_t>> next() {
        pcap_pkthdr* header = nullptr;
        const u_char* data = nullptr;
        const int result = ::pcap_next_ex(pcap_.get(), &header, &data);
        if (result == 1)
            return std::span<const uint8_t>(data, header->caplen);
        const std::string why = ::pcap_geterr(pcap_.get());
        if (result == PCAP_ERROR && why.find("truncated") == std::string::npos)
            throw FileError(name_, why);
        return std::nullopt;
    }

  private:
    struct Close {
        void operator()(pcap_t* pcap) const { ::pcap_close(pcap); }  // the file as well
    };
    const std::string& name_;
    std::unique_ptr<pcap_t, Close> pcap_;
    uint32_t link_ = 0;
};

// A connection whose ports are used again begins anew.
struct Open {
    Endpoint client;
    Endpoint server;
    Direction from_client;
    Direction from_server;
};

}  // namespace

std::vector<Connection> read_capture(std::span<const std::byte> bytes, const std::string& name) {
    PacketReader packets(bytes, name);
    std::vector<Open> all;
    std::map<std::pair<Endpoint, Endpoint>, size_t> numbers;  // by both ends, the lower first
    while (const auto packet = packets.next()) {
        const auto segment = segment_in(packets.link(), *packet);
        if (!segment)
            continue;
        const auto key = std::minmax(segment->from, segment->to);
        const auto known = numbers.find(key);
        const bool anew = known != numbers.end() && all[known->second].client == segment->from &&
                          all[known->second].from_client.is_over(*segment);
        if (known == numbers.end() || anew) {
            numbers[key] = all.size();
            all.push_back({segment->from, segment->to, {}, {}});
        }
        Open& open = all[numbers[key]];
        (open.client == segment->from ? open.from_client : open.from_server).add(*segment);
    }
    std::vector<Connection> connections;
    for (Open& open : all)
        connections.push_back({text_of(open.client) + "-" + text_of(open.server),
                               {open.from_client.take()},
                               {open.from_server.take()}});
    return connections;
}

}  // namespace panda::keyfind
