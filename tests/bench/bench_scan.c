/* A scan against `du -s` of the same tree:
 *
 *     bench_scan DIR [ROUNDS]     9 rounds; makes its trees below DIR, or finds them there
 *     bench_scan --scan ROOT      one scan, as it is measured
 *
 * oci:  12 caches of 2,000 blobs in some 400 generations each
 * big:  1,000,000 files in 21,000 nested directories
 * flat: 500,000 files in one directory
 *
 * Prints the median wall and processor time of the scan as a multiple of du's,
 * and its peak memory. System calls are counted by
 * `strace -fc bench_scan --scan ROOT`. "again": one cache of oci, nothing new,
 * against `du -s` of all of oci. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/cache/scan.h"
#include "tests/bench/trees.h"

#define ROUNDS_MOST 99

struct sum {
    bool done; /* first: on_done() sets it */
    int64_t bytes;
};

static void on_cache(void *arg, struct cache *cache)
{
    struct sum *sum = arg;
    sum->bytes += cache->size_bytes;
    cache_free(cache);
}

static void on_root(void *arg, const struct err *err)
{
    (void)arg;
    if (err != NULL)
        fprintf(stderr, "%s\n", err->text);
}

static void on_done(void *arg)
{
    *(bool *)arg = true;
}

static int scan(const char *path)
{
    static const struct scan_ops ops = {on_cache, on_root, on_done};
    struct root_found found;
    uv_loop_t loop;
    if (root_find(path, geteuid(), &found) < 0) {
        fprintf(stderr, "%s\n", found.err.text);
        return 1;
    }
    uv_loop_init(&loop);
    const struct scan_spec spec = {.root = found.root, .lane = lane_new(&loop, NULL, NULL)};
    struct sum sum = {0};
    scan_start(&spec, &ops, &sum);
    while (!sum.done)
        uv_run(&loop, UV_RUN_ONCE);
    while (!lane_is_idle(spec.lane))
        uv_run(&loop, UV_RUN_ONCE);
    lane_close(spec.lane);
    uv_run(&loop, UV_RUN_DEFAULT);
    root_found_done(&found);
    printf("%lld\n", (long long)sum.bytes);
    return uv_loop_close(&loop);
}

static void compare(const char *self, const char *path, const char *name, size_t rounds)
{
    const char *du[] = {"du", "-s", path, NULL}, *ours[] = {self, "--scan", path, NULL};
    struct cost theirs[ROUNDS_MOST], mine[ROUNDS_MOST];
    cost_of(du);
    for (size_t i = 0; i < rounds; i++) {
        theirs[i] = cost_of(du);
        mine[i] = cost_of(ours);
    }
    struct cost a = cost_median(theirs, rounds), b = cost_median(mine, rounds);
    printf("%-6s du %7.1f ms   scan %7.1f ms   wall %.2f   CPU %.2f   peak %.1f MiB\n", name,
           a.wall_s * 1e3, b.wall_s * 1e3, b.wall_s / a.wall_s, b.cpu_s / a.cpu_s,
           (double)b.peak_kib / 1024);
}

/* Nothing has changed since the scan before. */
static void compare_again(const char *path, size_t rounds)
{
    const char *du[] = {"du", "-s", path, NULL};
    struct cost theirs[ROUNDS_MOST];
    int fd;
    if (fs_open_root(path, &fd, NULL) < 0)
        return;
    struct cache *cache = scan_cache(fd, path, "service0", NULL);
    int64_t start = clock_now();
    for (size_t i = 0; i < rounds; i++) {
        struct cache *next = scan_cache(fd, path, "service0", cache);
        cache_free(cache);
        cache = next;
    }
    double mine = (double)(clock_now() - start) / 1e9 / (double)rounds;
    for (size_t i = 0; i < rounds; i++)
        theirs[i] = cost_of(du);
    struct cost a = cost_median(theirs, rounds);
    printf("%-6s du %7.1f ms   scan %7.1f ms   wall %.3f\n", "again", a.wall_s * 1e3, mine * 1e3,
           mine / a.wall_s);
    cache_free(cache);
    close(fd);
}

static bool is_new(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0)
        return false;
    printf("making %s ...\n", path);
    return true;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--scan") == 0)
        return scan(argv[2]);
    size_t rounds = argc == 3 ? strtoul(argv[2], NULL, 10) : 9;
    if (argc < 2 || argc > 3 || rounds < 1 || rounds > ROUNDS_MOST) {
        fprintf(stderr, "usage: bench_scan DIR [ROUNDS]\n");
        return 2;
    }
    char *oci = mem_printf("%s/oci", argv[1]), *big = mem_printf("%s/big", argv[1]);
    char *flat = mem_printf("%s/flat", argv[1]), *below;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < 12; i++) {
        below = mem_printf("%s/service%d", oci, i);
        if (is_new(below))
            tree_cache(below, 2000);
        free(below);
    }
    below = mem_printf("%s/tree", big);
    if (is_new(below))
        tree_nested(below, 1000000, 48);
    free(below);
    below = mem_printf("%s/tree", flat);
    if (is_new(below))
        tree_flat(below, 500000);
    free(below);
    compare(argv[0], oci, "oci", rounds);
    compare_again(oci, rounds);
    compare(argv[0], flat, "flat", rounds);
    compare(argv[0], big, "big", rounds);
    free(oci);
    free(big);
    free(flat);
    return 0;
}
