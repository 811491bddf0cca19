/* Codes a file in ways of which it is known which byte of the output depends on which bytes of the input: base64, hexadecimal, and a
 * CRC-32 by table. coding FILE DIRECTORY writes DIRECTORY/base64, /hex and /crc, each with one write(). */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static unsigned char in[4096], out[16384];

static void save(const char *directory, const char *name, const void *bytes, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int file = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (file < 0 || write(file, bytes, size) != (ssize_t)size)
        _exit(1);
    close(file);
}

static size_t base64(const unsigned char *from, size_t size)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = 0;
    for (size_t i = 0; i + 2 < size; i += 3) {
        out[n++] = letters[from[i] >> 2];
        out[n++] = letters[(from[i] & 3) << 4 | from[i + 1] >> 4];
        out[n++] = letters[(from[i + 1] & 15) << 2 | from[i + 2] >> 6];
        out[n++] = letters[from[i + 2] & 63];
    }
    return n;
}

static size_t hexadecimal(const unsigned char *from, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[from[i] >> 4];
        out[2 * i + 1] = digits[from[i] & 15];
    }
    return 2 * size;
}

static uint32_t crc32(const unsigned char *from, size_t size)
{
    static uint32_t table[256];
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] & 1 ? table[i] >> 1 ^ 0xedb88320 : table[i] >> 1;
    }
    uint32_t crc = ~0u;
    for (size_t i = 0; i < size; i++)
        crc = table[(crc ^ from[i]) & 255] ^ crc >> 8;
    return ~crc;
}

int main(int count, char **arguments)
{
    if (count != 3)
        return 2;
    int file = open(arguments[1], O_RDONLY);
    ssize_t size = read(file, in, sizeof in);
    if (size <= 0)
        return 1;
    save(arguments[2], "base64", out, base64(in, (size_t)size));
    for (ssize_t i = 0; i < 10; i++)
        if (in[i] & 1)
            puts("odd");
    /* The same bytes by a mapping and by pread. */
    const unsigned char *mapped = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, file, 0);
    if (mapped == MAP_FAILED)
        return 1;
    save(arguments[2], "hex", out, hexadecimal(mapped, (size_t)size));
    if (pread(file, in, 100, 50) != 100)
        return 1;
    uint32_t crc = crc32(in, 100);
    save(arguments[2], "crc", &crc, sizeof crc);
    return 0;
}
