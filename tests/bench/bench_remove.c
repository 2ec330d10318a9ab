/* Removing a service against `rm -rf` of the same tree:
 *
 *     bench_remove DIR [ROUNDS]       5 rounds
 *     bench_remove --remove ROOT      removes ROOT/service, as it is measured
 *
 * nested: 100,000 files in 2,100 directories; flat: 100,000 blobs in one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/cache/remove.h"
#include "tests/bench/trees.h"

#define ROUNDS_MOST 99
#define FILES 100000

static int remove_it(const char *root)
{
    struct remove_context context = {.root_path = root, .name = "service", .now = true};
    struct fs_stat stat;
    struct err err = {0};
    int64_t freed = 0;
    int code = fs_open_root(root, &context.root_fd, &err);
    if (code == 0)
        code = fs_stat_at(context.root_fd, "service", &stat, &err);
    if (code == 0) {
        context.dev = stat.dev;
        context.ino = stat.ino;
        code = remove_service(&context, &freed, &err);
    }
    if (code < 0)
        fprintf(stderr, "%s\n", err.text);
    return code < 0;
}

/* Everything lies where a cache has it: else it would not be removed. */
static void make(const char *root, bool nested)
{
    char *blobs = mem_printf("%s/service/blobs/sha256", root);
    char *ingest = mem_printf("%s/service/ingest/tree", root);
    tree_flat(blobs, nested ? 1 : FILES);
    if (nested)
        tree_nested(ingest, FILES, 48);
    sync(); /* each begins with an idle disk */
    free(blobs);
    free(ingest);
}

static void compare(const char *self, const char *root, bool nested, size_t rounds)
{
    char *service = mem_printf("%s/service", root);
    const char *rm[] = {"rm", "-rf", service, NULL}, *ours[] = {self, "--remove", root, NULL};
    struct cost theirs[ROUNDS_MOST], mine[ROUNDS_MOST];
    for (size_t i = 0; i < rounds; i++) {
        make(root, nested);
        theirs[i] = cost_of(rm);
        make(root, nested);
        mine[i] = cost_of(ours);
    }
    struct cost a = cost_median(theirs, rounds), b = cost_median(mine, rounds);
    printf("%-6s rm -rf %7.1f ms   ours %7.1f ms   wall %.2f   CPU %.2f\n",
           nested ? "nested" : "flat", a.wall_s * 1e3, b.wall_s * 1e3, b.wall_s / a.wall_s,
           b.cpu_s / a.cpu_s);
    free(service);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--remove") == 0)
        return remove_it(argv[2]);
    size_t rounds = argc == 3 ? strtoul(argv[2], NULL, 10) : 5;
    if (argc < 2 || argc > 3 || rounds < 1 || rounds > ROUNDS_MOST) {
        fprintf(stderr, "usage: bench_remove DIR [ROUNDS]\n");
        return 2;
    }
    compare(argv[0], argv[1], true, rounds);
    compare(argv[0], argv[1], false, rounds);
    return 0;
}
