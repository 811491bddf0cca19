#include <stdlib.h>
#include <unistd.h>

#include "traffic.h"

int main(int count, char** arguments) {
    char bytes[100];
    /* Executed by a process of files.c, which says which descriptor it has left. */
    map_counts(count > 1);
    if (count > 1) {
        const int inherited = atoi(arguments[1]);
        have_read(inherited, read(inherited, bytes, sizeof bytes));
        return 0;
    }
    use_files();
    use_sockets();
    print_counts();
    return 0;
}
