#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/cache/glance.h"
#include "core/cache/watch_parts.h"

#define POLL_MS 3000

/* A look at the times of what can't be watched, on a thread. */
struct look {
    uv_work_t work;
    struct watch *watch;
    size_t len;
    struct {
        char *path;
        bool is_cache;
        uint64_t glance;
    } items[];
};

static void on_poll(uv_timer_t *timer);

void polls_add(struct watch *watch, struct target *target)
{
    target->polled = true;
    if (!uv_is_active((uv_handle_t *)&watch->poll))
        uv_timer_start(&watch->poll, on_poll, POLL_MS, POLL_MS);
}

static void on_look(uv_work_t *work)
{
    struct look *look = work->data;
    for (size_t i = 0; i < look->len; i++)
        look->items[i].glance = glance(look->items[i].path, look->items[i].is_cache);
}

static void on_looked(uv_work_t *work, int status)
{
    struct look *look = work->data;
    struct watch *watch = look->watch;
    watch->looking = false;
    for (size_t i = 0; i < look->len; i++) {
        struct target *target =
            status == 0 ? watch_target(watch, look->items[i].is_cache, look->items[i].path) : NULL;
        if (target != NULL) {
            if (target->glance != 0 && target->glance != look->items[i].glance)
                bursts_note_change(watch, target);
            target->glance = look->items[i].glance;
        }
        free(look->items[i].path);
    }
    free(look);
    watch_release(watch);
}

static void on_poll(uv_timer_t *timer)
{
    struct watch *watch = timer->data;
    size_t len = 0;
    if (watch->looking)
        return;
    for (const struct target *target = watch->targets; target != NULL; target = target->hh.next)
        len += target->polled;
    if (len == 0) {
        uv_timer_stop(timer);
        return;
    }
    struct look *look = mem_zalloc(sizeof *look + len * sizeof look->items[0]);
    look->work.data = look;
    look->watch = watch;
    for (const struct target *target = watch->targets; target != NULL; target = target->hh.next) {
        if (!target->polled)
            continue;
        look->items[look->len].path = mem_strdup(target->path);
        look->items[look->len++].is_cache = target->name != NULL;
    }
    watch->looking = true;
    watch->pending++;
    uv_queue_work(watch->loop, &look->work, on_look, on_looked);
}
