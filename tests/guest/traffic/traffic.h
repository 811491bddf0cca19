/* What the guest test of panda-analyze files and net runs in its guest: a program that uses files and sockets
 * in every way, and counts what it does with each, as the kernel names it (/proc/self/fd). */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include <sys/socket.h>
#include <sys/types.h>

/* Ends the process with a message when `result` is negative; returns it otherwise. */
long check(long result, const char* what);

/* The counts are in a file that all processes map. A process that has executed this program joins. */
void map_counts(int join);
/* Writes them to standard output, as lines of JSON with the names that the analyzers use. */
void print_counts(void);

/* Results of calls; each must be good. They return the result. */
int opened(int fd);
void failed_to_open(const char* name);
void executes(const char* name);
void mapped(int fd, void* place);
long have_read(int fd, long bytes);
long have_written(int fd, long bytes);

/* This process has made a socket. */
int made_socket(int fd, int family, int type, const char* role);
/* What calls told about a socket; null: nothing new. */
void told_of_socket(int fd, const char* role, const struct sockaddr* local, const struct sockaddr* peer);
void failed_to_connect(int fd, const char* error);
/* An accepted socket is like its listener. */
int accepted_socket(int fd, int listener, const struct sockaddr* peer);

void use_files(void);
void use_sockets(void);

#endif
