/* A plain main() for a fuzz target: replays its corpus, one TAP case a file.
 *
 *     fuzz_text                  replays $BILGE_TEST_CORPUS/text/
 *     fuzz_text FILE...          replays these, such as a crash that was found
 *
 * With --enable-fuzzers libFuzzer's main() takes this one's place. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"

#define LIMIT_SECONDS 60

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads into memory of exactly the file's size, so that a sanitizer sees a
 * target that reads past its input. NULL when it can't be read. */
static uint8_t *read_exactly(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return NULL;
    struct buf buf = {0};
    char piece[4096];
    for (size_t got; (got = fread(piece, 1, sizeof piece, file)) > 0;)
        buf_append(&buf, piece, got);
    fclose(file);
    uint8_t *data = mem_alloc(buf.len);
    if (buf.len > 0)
        memcpy(data, buf.data, buf.len);
    *ret_size = buf.len;
    buf_done(&buf);
    return data;
}

static int replay(int number, const char *path)
{
    size_t size;
    uint8_t *data = read_exactly(path, &size);
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    if (data == NULL) {
        printf("not ok %d - %s can't be read\n", number, name);
        return 1;
    }
    alarm(LIMIT_SECONDS);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    printf("ok %d - %s\n", number, name);
    fflush(stdout);
    return 0;
}

static int is_seed(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int replay_corpus(const char *directory)
{
    struct dirent **entries;
    int len = scandir(directory, &entries, is_seed, alphasort), failed = 0;
    if (len <= 0) {
        printf("1..1\nnot ok 1 - there is no corpus in %s\n", directory);
        return 1;
    }
    printf("1..%d\n", len);
    for (int i = 0; i < len; i++) {
        char *path = mem_printf("%s/%s", directory, entries[i]->d_name);
        failed += replay(i + 1, path);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return failed > 0;
}

int main(int argc, char **argv)
{
    const char *corpus = getenv("BILGE_TEST_CORPUS"), *name = strstr(argv[0], "fuzz_");
    if (argc > 1) {
        int failed = 0;
        printf("1..%d\n", argc - 1);
        for (int i = 1; i < argc; i++)
            failed += replay(i, argv[i]);
        return failed > 0;
    }
    while (name != NULL && strstr(name + 1, "fuzz_") != NULL)
        name = strstr(name + 1, "fuzz_");
    if (corpus == NULL || name == NULL) {
        printf("1..0 # SKIP BILGE_TEST_CORPUS is not set\n");
        return 0;
    }
    char *directory = mem_printf("%s/%s", corpus, name + strlen("fuzz_"));
    int result = replay_corpus(directory);
    free(directory);
    return result;
}
