/* Code of every shape that lines can have, for gcov and lcov to agree about. gcov counts a function at its name and a case at
 * its label, where there may be no code; so braces and labels stand on lines that have some. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int never(int value) {
    if (value > 3) {
        return value * 2;
    }
    return value;
}

static unsigned factorial(unsigned n) {
    return n < 2 ? 1 : n * factorial(n - 1);
}

static int loops(int n) {
    int sum = 0;

    for (int i = 0; i < n; i++) {
        for (int j = 0; j < i; j++) {
            if ((i ^ j) & 1 && i > 3) {
                continue;
            }
            sum += i * j;
        }
    }
    while (sum > 100) {
        sum -= 7;
    }
    do {
        sum++;
    } while (sum % 5 != 0);
    return sum;
}

static int chosen(int value) {
    switch (value % 4) {
    case 0: value += 1;
        break;
    case 1: value += 2;
        /* fall through */
    case 2: value += 3;
        break;
    default: goto out;
    }
    value *= 2;
out: return value;
}

static const char *with_argument(const char *text) {
    return strchr(text, 'x');
}

static int compare(const void *a, const void *b) {
    const int left = *(const int *)a;
    const int right = *(const int *)b;

    return left < right ? -1 : left > right;
}

int main(int argc, char **argv) {
    int values[40];
    unsigned total = factorial(6);

    for (int i = 0; i < 40; i++) {
        values[i] = chosen(i * 37 % 41) + loops(i % 9);
    }
    qsort(values, 40, sizeof(values[0]), compare);
    if (argc > 1 && with_argument(argv[1]) != NULL) {
        total += 1000;
    }
    if (values[0] > values[39] || total == 0) {
        return never(values[0]);
    }
    printf("covered %u %d %d\n", total, values[0], values[39]);
    return 0;
}
