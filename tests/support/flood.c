/* What a build tool prints when a step prints far too much:
 *
 *     flood FORM KIND COUNT [MARK]
 *
 * FORM   plain or rawjson
 * KIND   numbered   COUNT lines, each with its number
 *        empty      COUNT empty lines
 *        nul        COUNT lines with NULs in them
 *        long       one line of COUNT bytes
 * MARK   after COUNT lines it makes MARK.walks and goes on, at a walk, until
 *        MARK is there, and then writes into MARK.count how many it was
 *
 * As fast as the pipe goes, in large writes. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/mem.h"

#define CHUNK 32768 /* as the engine hands on what a process prints */
#define WALK_LINES 500
#define WALK_MS 5

static struct buf out, chunk;
static bool rawjson;

static void flush(size_t from)
{
    size_t done = 0;
    if (out.len < from)
        return;
    while (done < out.len) {
        ssize_t written = write(STDOUT_FILENO, out.data + done, out.len - done);
        if (written <= 0)
            exit(1);
        done += (size_t)written;
    }
    buf_clear(&out);
}

static void put_base64(const char *data, size_t len)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        unsigned bits = 0;
        char four[4] = {'=', '=', '=', '='};
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (i + k < len ? (unsigned char)data[i + k] : 0);
        for (size_t k = 0; k <= 3 && k <= len - i; k++)
            four[k] = letters[bits >> (18 - 6 * k) & 63];
        buf_append(&out, four, 4);
    }
}

static void put_vertex(const char *name, bool over)
{
    buf_printf(&out,
               "{\"vertexes\":[{\"digest\":\"sha256:f100d\",\"name\":\"%s\","
               "\"started\":\"2026-11-22T08:00:00Z\"%s}]}\n",
               name, over ? ",\"completed\":\"2026-11-22T08:00:01Z\"" : "");
}

static void put_chunk(void)
{
    if (chunk.len == 0)
        return;
    buf_append_str(&out, "{\"logs\":[{\"vertex\":\"sha256:f100d\",\"stream\":1,\"data\":\"");
    put_base64(chunk.data, chunk.len);
    buf_append_str(&out, "\",\"timestamp\":\"2026-11-22T08:00:00.5Z\"}]}\n");
    buf_clear(&chunk);
    flush(65536);
}

static void put_line(const char *text, size_t len)
{
    struct buf *to = rawjson ? &chunk : &out;
    if (!rawjson)
        buf_append_str(to, "#1 0.500 ");
    buf_append(to, text, len);
    buf_append(to, "\n", 1);
    if (rawjson && chunk.len >= CHUNK)
        put_chunk();
    else
        flush(65536);
}

static void put_numbered(uint64_t number)
{
    char text[128];
    int len =
        snprintf(text, sizeof text, "line %09llu of the flood, of which there is no end in sight",
                 (unsigned long long)number);
    put_line(text, (size_t)len);
}

static void put_nul(uint64_t number)
{
    char text[64];
    int len = snprintf(text, sizeof text, "line %09llu of nothing", (unsigned long long)number);
    text[14] = '\0';
    put_line(text, (size_t)len);
}

static void put_long(uint64_t bytes)
{
    char piece[CHUNK];
    memset(piece, 'x', sizeof piece);
    if (!rawjson)
        buf_append_str(&out, "#1 0.500 ");
    for (uint64_t done = 0; done < bytes; done += sizeof piece) {
        size_t len = bytes - done < sizeof piece ? (size_t)(bytes - done) : sizeof piece;
        buf_append(rawjson ? &chunk : &out, piece, len);
        if (rawjson)
            put_chunk();
        else
            flush(65536);
    }
    buf_append(rawjson ? &chunk : &out, "\n", 1);
}

/* Others have something to do, too: this may last. */
static void write_mark(const char *mark, const char *what, uint64_t number)
{
    char *path = mem_printf("%s.%s", mark, what);
    FILE *file = fopen(path, "w");
    if (file == NULL || fprintf(file, "%llu\n", (unsigned long long)number) < 0 ||
        fclose(file) != 0)
        exit(1);
    free(path);
}

static void walk(uint64_t number, const char *mark)
{
    const struct timespec pause = {.tv_nsec = WALK_MS * 1000000L};
    flush(0);
    write_mark(mark, "walks", number);
    while (access(mark, F_OK) != 0) {
        for (int i = 0; i < WALK_LINES; i++)
            put_numbered(number++);
        put_chunk();
        flush(0);
        nanosleep(&pause, NULL);
    }
    write_mark(mark, "count", number);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    rawjson = strcmp(argv[1], "rawjson") == 0;
    uint64_t count = strtoull(argv[3], NULL, 10);
    if (rawjson)
        put_vertex("[orchestration 1/1] RUN flood", false);
    else
        buf_append_str(&out, "#1 [orchestration 1/1] RUN flood\n");
    if (strcmp(argv[2], "long") == 0)
        put_long(count);
    for (uint64_t i = 0; i < count && strcmp(argv[2], "long") != 0; i++) {
        if (strcmp(argv[2], "numbered") == 0)
            put_numbered(i);
        else if (strcmp(argv[2], "nul") == 0)
            put_nul(i);
        else
            put_line("", 0);
    }
    if (argc > 4)
        walk(count, argv[4]);
    put_chunk();
    if (rawjson)
        put_vertex("[orchestration 1/1] RUN flood", true);
    else
        buf_append_str(&out, "#1 DONE 1.0s\n");
    flush(0);
    return 0;
}
