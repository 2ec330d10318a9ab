#include "core/cache/watch.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/cache/watch_parts.h"

void watch_release(struct watch *watch)
{
    if (--watch->pending == 0)
        free(watch);
}

static char *make_key(bool is_cache, const char *path)
{
    char *key = mem_printf("%c%s", is_cache ? 'c' : 'r', path);
    size_t len = strlen(key);
    while (len > 2 && key[len - 1] == '/')
        key[--len] = '\0';
    return key;
}

struct target *watch_target(const struct watch *watch, bool is_cache, const char *path)
{
    struct target *target;
    char *key = make_key(is_cache, path);
    HASH_FIND_STR(watch->targets, key, target);
    free(key);
    return target;
}

static char *path_of(const char *root, const char *name)
{
    return name != NULL ? mem_printf("%s/%s", root, name) : mem_strdup(root);
}

static void add_target(struct watch *watch, const char *root, const char *name)
{
    char *path = path_of(root, name);
    struct target *target = watch_target(watch, name != NULL, path);
    if (target == NULL) {
        target = mem_zalloc(sizeof *target);
        target->key = make_key(name != NULL, path);
        target->path = target->key + 1;
        target->root = mem_strdup(root);
        target->name = name != NULL ? mem_strdup(name) : NULL;
        HASH_ADD_KEYPTR(hh, watch->targets, target->key, strlen(target->key), target);
    }
    free(path);
    eyes_open(watch, target);
}

static void remove_target(struct watch *watch, struct target *target)
{
    HASH_DEL(watch->targets, target);
    for (size_t i = 0; i < WATCH_PARTS; i++)
        eye_close(&target->eyes[i]);
    free(target->root);
    free(target->name);
    free(target->key);
    free(target);
}

void watch_add_root(struct watch *watch, const char *root)
{
    add_target(watch, root, NULL);
}

void watch_add_cache(struct watch *watch, const char *root, const char *name)
{
    add_target(watch, root, name);
}

void watch_remove_cache(struct watch *watch, const char *root, const char *name)
{
    char *path = path_of(root, name);
    struct target *target = watch_target(watch, true, path);
    if (target != NULL)
        remove_target(watch, target);
    free(path);
}

struct watch *watch_new(uv_loop_t *loop, watch_cb *on_change, void *arg)
{
    struct watch *watch = mem_zalloc(sizeof *watch);
    watch->loop = loop;
    watch->on_change = on_change;
    watch->arg = arg;
    uv_timer_init(loop, &watch->burst);
    uv_timer_init(loop, &watch->poll);
    watch->burst.data = watch->poll.data = watch;
    watch->pending = 2;
    return watch;
}

static void on_timer_closed(uv_handle_t *handle)
{
    watch_release(handle->data);
}

void watch_free(struct watch *watch)
{
    if (watch == NULL)
        return;
    watch->freed = true;
    while (watch->targets != NULL)
        remove_target(watch, watch->targets);
    uv_close((uv_handle_t *)&watch->burst, on_timer_closed);
    uv_close((uv_handle_t *)&watch->poll, on_timer_closed);
}
