// Writes the packets of an interface to a pcap file until it is told to end. usage: sniff INTERFACE FILE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static volatile sig_atomic_t over;

static void end(int number) {
    (void)number;
    over = 1;
}

int main(int count, char **words) {
    if (count != 3)
        return 2;
    int from = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    struct sockaddr_ll where = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    where.sll_ifindex = (int)if_nametoindex(words[1]);
    FILE *file = fopen(words[2], "w");
    if (from < 0 || file == NULL || bind(from, (struct sockaddr *)&where, sizeof(where)) != 0) {
        perror("sniff");
        return 1;
    }
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGTERM, &action, NULL);
    const struct {
        uint32_t magic;
        uint16_t major, minor;
        uint32_t zone, precision, longest, link;
    } header = {0xa1b2c3d4, 2, 4, 0, 0, 65535, 1};
    fwrite(&header, sizeof(header), 1, file);
    static char packet[65536];
    printf("ready\n");
    fflush(stdout);
    while (!over) {
        struct sockaddr_ll sender;
        socklen_t length = sizeof(sender);
        const ssize_t size = recvfrom(from, packet, sizeof(packet), 0, (struct sockaddr *)&sender, &length);
        // Each packet of the loopback interface goes out and comes in.
        if (size < 0 || sender.sll_pkttype == PACKET_OUTGOING)
            continue;
        const uint32_t record[4] = {0, 0, (uint32_t)size, (uint32_t)size};
        fwrite(record, sizeof(record), 1, file);
        fwrite(packet, (size_t)size, 1, file);
    }
    return fclose(file) != 0;
}
