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

static bool same_name(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static struct target **find_target(struct watch *watch, const char *root, const char *name)
{
    struct target **slot = &watch->targets;
    while (*slot != NULL &&
           !(strcmp((*slot)->root, root) == 0 && same_name((*slot)->name, name)))
        slot = &(*slot)->next;
    return slot;
}

static void add_target(struct watch *watch, const char *root, const char *name)
{
    struct target **slot = find_target(watch, root, name);
    if (*slot == NULL) {
        struct target *target = mem_zalloc(sizeof *target);
        target->root = mem_strdup(root);
        target->name = name != NULL ? mem_strdup(name) : NULL;
        target->path = name != NULL ? mem_printf("%s/%s", root, name) : mem_strdup(root);
        size_t len = strlen(target->path);
        while (len > 1 && target->path[len - 1] == '/')
            target->path[--len] = '\0';
        *slot = target;
    }
    eyes_open(watch, *slot);
}

static void remove_target(struct target **slot)
{
    struct target *target = *slot;
    *slot = target->next;
    for (size_t i = 0; i < WATCH_PARTS; i++)
        eye_close(&target->eyes[i]);
    free(target->root);
    free(target->name);
    free(target->path);
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
    struct target **slot = find_target(watch, root, name);
    if (*slot != NULL)
        remove_target(slot);
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
        remove_target(&watch->targets);
    uv_close((uv_handle_t *)&watch->burst, on_timer_closed);
    uv_close((uv_handle_t *)&watch->poll, on_timer_closed);
}
