/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 * SPDX-FileCopyrightText: 2026 The sandbox.network authors
 *
 * A runtime that does nothing but remember what it is told:
 *
 *     runtime kata-network VERB SANDBOX FILE
 *
 * appends a line of JSON to the file `record` beside itself, with the document. A file `behaviour` there, of lines
 * KEY VALUE, makes it slow (sleep MILLISECONDS), fail (fail TEXT: calls that hold the text; alternate yes: half of the
 * calls, each with the same words as the next that goes well; exit STATUS), hang for ever together with a child (hang TEXT), or print much (print BYTES).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char document[4 << 20], line[5 << 20], ignored[64];

/* Whether this is the first, third, ... call with just these words. */
static int is_odd(const char *verb)
{
    unsigned place = 5381;
    char odd = 0;
    for (const char *c = verb; *c; c++)
        place = place * 33 + (unsigned char)*c;
    for (const char *c = document; *c; c++)
        place = place * 33 + (unsigned char)*c;
    int calls = open("calls", O_RDWR | O_CREAT, 0644);
    if (pread(calls, &odd, 1, place % (1 << 20)) < 0)
        return 0;
    odd = !odd;
    if (pwrite(calls, &odd, 1, place % (1 << 20)) < 0)
        return 0;
    close(calls);
    return odd;
}

static void hang(void)
{
    FILE *pids = fopen("hanging.new", "w");
    pid_t child = fork();
    signal(SIGTERM, SIG_IGN);
    if (child) {
        fprintf(pids, "%d %d\n", getpid(), child);
        fclose(pids);
        rename("hanging.new", "hanging");
    }
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    struct timespec started;
    clock_gettime(CLOCK_MONOTONIC, &started);
    if (argc != 5)
        return 64;
    char here[4096] = "", text[512], key[32];
    if (readlink("/proc/self/exe", here, sizeof here - 1) < 0 || chdir(dirname(here)) != 0)
        return 65;

    struct stat status, above;
    int fd = open(argv[4], O_RDONLY | O_NOFOLLOW);
    long size = fd < 0 ? -1 : read(fd, document, sizeof document - 1);
    if (size < 0)
        return 66;
    fstat(fd, &status);
    stat(dirname(strdup(argv[4])), &above);

    FILE *self = fopen("/proc/self/status", "r");
    while (self && fgets(text, sizeof text, self))
        sscanf(text, "SigIgn: %63s", ignored);

    long sleeping = 0, code = 1, printing = 0;
    int failing = 0;
    FILE *behaviour = fopen("behaviour", "r");
    while (behaviour && fscanf(behaviour, "%31s %511[^\n]", key, text) == 2) {
        int meant = strstr(argv[2], text) || strstr(document, text);
        if (!strcmp(key, "sleep"))
            sleeping = atol(text);
        else if (!strcmp(key, "alternate"))
            failing |= is_odd(argv[2]);
        else if (!strcmp(key, "exit"))
            code = atol(text);
        else if (!strcmp(key, "print"))
            printing = atol(text);
        else if (!strcmp(key, "fail"))
            failing |= meant;
        else if (!strcmp(key, "hang") && meant)
            hang();
    }
    usleep(sleeping * 1000);
    for (; printing > 0; printing -= 10)
        printf("much text\n");

    int length = snprintf(line, sizeof line,
                          "{\"verb\": \"%s\", \"id\": \"%s\", \"at\": %ld%09ld, \"exit\": %ld, \"file\": \"%s\","
                          " \"mode\": %d, \"above\": %d, \"ignored\": \"%s\", \"document\": %s}\n",
                          argv[2], argv[3], (long)started.tv_sec, started.tv_nsec, failing ? code : 0, argv[4],
                          status.st_mode & 07777, above.st_mode & 07777, ignored, document);
    int record = open("record", O_WRONLY | O_APPEND | O_CREAT, 0644);
    if (write(record, line, length) != length)
        return 67;
    return failing ? code : 0;
}
