#include "tests/unit/place_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/cache/busy.h"
#include "core/oci/layout.h"

/* Builds that run on this machine are none of these tests' business. */
const char *building_client;
void (*while_looking)(struct kit *kit);
static struct kit *waiting_kit;

char *busy_building_client(const pid_t *own_sessions)
{
    void (*step)(struct kit *) = while_looking;
    while_looking = NULL;
    (void)own_sessions;
    if (step != NULL)
        step(waiting_kit);
    return building_client != NULL ? mem_strdup(building_client) : NULL;
}

/* ---- a step into the middle of a removal: mkdirat() is called as it begins to
 * set aside, nanosleep() while it waits. These stand before libc's. */

int mkdir_errno;
void (*while_waiting)(struct kit *kit);
void (*before_rename)(struct kit *kit), (*after_rename)(struct kit *kit);

int mkdirat(int fd, const char *path, mode_t mode)
{
    if (mkdir_errno != 0) {
        errno = mkdir_errno;
        return -1;
    }
    return (int)syscall(SYS_mkdirat, fd, path, mode);
}

/* Around the rename that takes a whole cache aside. */
int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    bool aside = strncmp(to, CACHE_AWAY, strlen(CACHE_AWAY)) == 0;
    void (*before)(struct kit *) = aside ? before_rename : NULL;
    void (*after)(struct kit *) = aside ? after_rename : NULL;
    if (aside)
        before_rename = after_rename = NULL;
    if (before != NULL)
        before(waiting_kit);
    int code = (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
    if (after != NULL)
        after(waiting_kit);
    return code;
}

int nanosleep(const struct timespec *time, struct timespec *rest)
{
    void (*step)(struct kit *) = while_waiting;
    while_waiting = NULL;
    if (step != NULL)
        step(waiting_kit);
    return (int)syscall(SYS_nanosleep, time, rest);
}

void place_ingest(struct kit *kit, const char *name, int64_t age)
{
    char *data = mem_printf("ingest/%s/data", name), *dir = mem_printf("ingest/%s", name);
    kit_write(kit, data, "half a layer", 12);
    kit_set_age(kit, data, age);
    kit_set_age(kit, dir, age);
    free(data);
    free(dir);
}

void place_show(struct place *place)
{
    cache_free(place->cache);
    place->cache = kit_scan(&place->kit, NULL);
    place->context.dev = place->cache->dev;
    place->context.ino = place->cache->ino;
}

int place_setup(void **state)
{
    struct place *place = mem_zalloc(sizeof *place);
    struct kit *kit = &place->kit;
    kit_new(kit, false);
    kit_generation(kit, 100, 101, 1, 3); /* 1 2 3 */
    kit_generation(kit, 110, 111, 2, 3); /*   2 3 4 */
    kit_generation(kit, 120, 121, 3, 3); /*     3 4 5 */
    kit_layer(kit, 50, 9000);
    kit_index(kit, (unsigned[]){120}, 1);
    place_ingest(kit, "old", 100000);
    place->context = (struct remove_context){
        .root_fd = kit->root_fd, .root_path = kit->root, .name = kit->name, .settle_ms = 1};
    place_show(place);
    waiting_kit = kit;
    mkdir_errno = 0;
    building_client = NULL;
    while_waiting = while_looking = before_rename = after_rename = NULL;
    *state = place;
    return 0;
}

int place_teardown(void **state)
{
    struct place *place = *state;
    cache_free(place->cache);
    kit_free(&place->kit);
    free(place);
    return 0;
}

struct remove_item *want_blob(struct place *place, unsigned seed)
{
    const struct cache_blob *blob = kit_find(place->cache, seed);
    struct remove_item *item = &place->items[place->items_len++];
    *item = (struct remove_item){.kind = REMOVE_BLOB,
                                 .digest = kit_digest_value(seed),
                                 .ino = blob != NULL ? blob->ino : 1,
                                 .modified_at = blob != NULL ? blob->modified_at : 1,
                                 .code = 77};
    return item;
}

struct remove_item *want_ingest(struct place *place, size_t index)
{
    struct remove_item *item = &place->items[place->items_len++];
    *item = (struct remove_item){.kind = REMOVE_INGEST,
                                 .name = place->cache->leftovers[index].name + strlen("ingest/"),
                                 .ino = place->cache->leftovers[index].ino,
                                 .modified_at = place->cache->leftovers[index].modified_at,
                                 .code = 77};
    return item;
}

void want_garbage(struct place *place)
{
    static const unsigned garbage[] = {100, 101, 1, 110, 111, 2, 50};
    for (size_t i = 0; i < LEN(garbage); i++)
        want_blob(place, garbage[i]);
    want_ingest(place, 0);
}

int place_remove(struct place *place, struct err *err)
{
    return remove_items(&place->context, place->items, place->items_len, err);
}

bool has_blob(struct place *place, unsigned seed)
{
    return kit_exists(&place->kit, kit_blob_path(seed));
}

void assert_tidy(struct place *place)
{
    struct cache *cache = kit_check(&place->kit);
    for (size_t i = 0; i < cache->leftovers_len; i++)
        assert_int_equal(LEFTOVER_INGEST, cache->leftovers[i].kind);
    cache_free(cache);
    int fd = open(place->kit.dir, O_RDONLY | O_DIRECTORY);
    assert_int_equal(0, flock(fd, LOCK_EX | LOCK_NB));
    close(fd);
}

void assert_live_whole(struct place *place)
{
    struct cache *cache = kit_check(&place->kit);
    assert_true(cache->generations[0].live);
    assert_true(cache->generations[0].whole);
    assert_int_equal(0, cache->problems_total);
    cache_free(cache);
}
