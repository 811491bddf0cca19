// Threads that work, wait for one another, and sleep.
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int ready;

static void* work(void* argument) {
    struct timespec pause = {0, 3000000};
    char line[64];
    nanosleep(&pause, NULL);
    pthread_mutex_lock(&mutex);
    ++ready;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    write(1, line, (size_t)snprintf(line, sizeof line, "thread %ld\n", (long)argument));
    return NULL;
}

int main(void) {
    pthread_t threads[4];
    for (long i = 0; i < 4; ++i)
        pthread_create(&threads[i], NULL, work, (void*)i);
    pthread_mutex_lock(&mutex);
    while (ready < 4)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < 4; ++i)
        pthread_join(threads[i], NULL);
    return 0;
}
