#include "tests/bench/trees.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/cache/cache.h"

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static void make_dirs(const char *path)
{
    char *copy = mem_strdup(path);
    for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(copy, 0755);
        *slash = '/';
    }
    if (mkdir(copy, 0755) < 0 && errno != EEXIST)
        give_up(path);
    free(copy);
}

static void write_file(const char *dir, const char *name, const void *data, size_t len,
                       int64_t seconds)
{
    char *path = mem_printf("%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, data, len) != (ssize_t)len)
        give_up(path);
    if (seconds != 0)
        futimens(fd, (const struct timespec[]){{.tv_sec = seconds}, {.tv_sec = seconds}});
    close(fd);
    free(path);
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 16;
}

static void random_digest(char out[DIGEST_TEXT_SIZE], uint64_t *state)
{
    struct digest digest;
    for (size_t i = 0; i < sizeof digest.bytes; i++)
        digest.bytes[i] = (uint8_t)next_random(state);
    digest_text(out, &digest);
}

/* Ten layers a generation, of which six are those of the one before. */
enum { LAYERS = 10, KEPT = 6 };

static void add_layer(struct buf *manifest, const char *digest)
{
    buf_printf(manifest,
               "%s{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":"
               "\"%s\",\"size\":3000,\"annotations\":{\"buildkit/createdat\":"
               "\"2026-01-02T03:04:05.678901234Z\"}}",
               manifest->data[manifest->len - 1] == '[' ? "" : ",", digest);
}

void tree_cache(const char *dir, size_t blobs)
{
    static const char config[] = "{\"layers\":[],\"records\":[]}";
    char *sha256 = mem_printf("%s/blobs/sha256", dir), *ingest = mem_printf("%s/ingest", dir);
    char layers[LAYERS][DIGEST_TEXT_SIZE], digest[DIGEST_TEXT_SIZE], bytes[3000];
    uint64_t state = (uint64_t)time(NULL) ^ (uint64_t)(uintptr_t)dir;
    int64_t at = time(NULL) - 10000000;
    make_dirs(sha256);
    make_dirs(ingest);
    write_file(dir, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}", 30, at);
    memset(bytes, 0x1f, sizeof bytes);
    for (size_t made = 0; made < blobs; at += 60) {
        struct buf manifest = {0};
        buf_append_str(&manifest, "{\"schemaVersion\":2,\"manifests\":[");
        for (int i = made == 0 ? 0 : KEPT; i < LAYERS; i++, made++) {
            random_digest(layers[i], &state);
            write_file(sha256, layers[i] + 7, bytes, sizeof bytes, at);
        }
        for (int i = 0; i < LAYERS; i++)
            add_layer(&manifest, layers[i]);
        random_digest(digest, &state);
        write_file(sha256, digest + 7, config, sizeof config - 1, at);
        made++;
        buf_printf(&manifest,
                   ",{\"mediaType\":\"application/vnd.buildkit.cacheconfig.v0\",\"digest\":\"%s\","
                   "\"size\":%zu}]}",
                   digest, sizeof config - 1);
        random_digest(digest, &state);
        write_file(sha256, digest + 7, manifest.data, manifest.len, at + 1);
        made++;
        size_t size = manifest.len;
        buf_clear(&manifest);
        buf_printf(&manifest,
                   "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":"
                   "\"application/vnd.oci.image.index.v1+json\",\"digest\":\"%s\",\"size\":%zu}]}",
                   digest, size);
        write_file(dir, "index.json", manifest.data, manifest.len, at + 2);
        buf_done(&manifest);
    }
    free(sha256);
    free(ingest);
}

static void make_empty(int dirfd, const char *name)
{
    int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        give_up(name);
    close(fd);
}

static void fill(const char *dir, size_t files)
{
    char name[32];
    make_dirs(dir);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < files; i++) {
        snprintf(name, sizeof name, "file%05zu", i);
        make_empty(fd, name);
    }
    close(fd);
}

void tree_nested(const char *dir, size_t files, size_t per_directory)
{
    char **queue = mem_alloc((files / per_directory + 8) * sizeof *queue);
    size_t first = 0, last = 1, made = 0;
    queue[0] = mem_strdup(dir);
    while (made < files) {
        char *path = queue[first++];
        fill(path, per_directory);
        made += per_directory;
        for (int i = 0; i < 6 && last * per_directory < files; i++)
            queue[last++] = mem_printf("%s/d%d", path, i);
        free(path);
    }
    while (first < last)
        free(queue[first++]);
    free(queue);
}

void tree_flat(const char *dir, size_t files)
{
    char digest[DIGEST_TEXT_SIZE];
    uint64_t state = (uint64_t)time(NULL);
    make_dirs(dir);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < files; i++) {
        random_digest(digest, &state);
        make_empty(fd, digest + 7);
    }
    close(fd);
}

static double seconds(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

struct cost cost_of(const char *const *argv)
{
    struct timespec start, end;
    struct rusage usage;
    int status;
    clock_gettime(CLOCK_MONOTONIC, &start);
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, STDOUT_FILENO);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    if (wait4(child, &status, 0, &usage) != child || status != 0) {
        fprintf(stderr, "%s failed\n", argv[0]);
        exit(1);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    return (struct cost){
        .wall_s = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9,
        .cpu_s = seconds(&usage.ru_utime) + seconds(&usage.ru_stime),
        .peak_kib = usage.ru_maxrss,
    };
}

static int by_wall(const void *a, const void *b)
{
    const struct cost *one = a, *two = b;
    return one->wall_s < two->wall_s ? -1 : one->wall_s > two->wall_s;
}

static int by_cpu(const void *a, const void *b)
{
    const struct cost *one = a, *two = b;
    return one->cpu_s < two->cpu_s ? -1 : one->cpu_s > two->cpu_s;
}

struct cost cost_median(struct cost *costs, size_t len)
{
    struct cost median;
    qsort(costs, len, sizeof *costs, by_wall);
    median = costs[len / 2];
    qsort(costs, len, sizeof *costs, by_cpu);
    median.cpu_s = costs[len / 2].cpu_s;
    return median;
}
