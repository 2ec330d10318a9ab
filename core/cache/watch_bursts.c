#include <stdlib.h>

#include "core/base/mem.h"
#include "core/cache/watch_parts.h"

#define QUIET_MS 150
#define LATEST_MS 2000
#define WAITING_MS 5000 /* between looks for a root in a directory full of others' life */

static void on_burst(uv_timer_t *timer);

/* When a burst is told of. */
static uint64_t due_at(const struct target *target)
{
    uint64_t quiet = target->last_ms + QUIET_MS;
    uint64_t latest = target->first_ms + (target->told ? LATEST_MS : WAITING_MS);
    return quiet < latest && !target->flooded ? quiet : latest;
}

static void arm(struct watch *watch)
{
    uint64_t now = uv_now(watch->loop), due = UINT64_MAX;
    for (const struct target *target = watch->targets; target != NULL; target = target->hh.next)
        if (target->first_ms != 0 && due_at(target) < due)
            due = due_at(target);
    if (due == UINT64_MAX)
        uv_timer_stop(&watch->burst);
    else
        uv_timer_start(&watch->burst, on_burst, due > now ? due - now : 0, 0);
}

static struct target *next_due(struct watch *watch)
{
    uint64_t now = uv_now(watch->loop);
    for (struct target *target = watch->targets; target != NULL; target = target->hh.next)
        if (target->first_ms != 0 && now >= due_at(target))
            return target;
    return NULL;
}

/* The callback may add and remove targets, or free the watch. */
static void on_burst(uv_timer_t *timer)
{
    struct watch *watch = timer->data;
    struct target *target;
    watch->pending++;
    while (!watch->freed && (target = next_due(watch)) != NULL) {
        bool waited = eyes_wait(target), told = target->told;
        target->first_ms = target->last_ms = 0;
        target->flooded = target->told = false;
        eyes_open(watch, target); /* parts may have come or been replaced */
        if (!told && waited && eyes_wait(target))
            continue;
        char *root = mem_strdup(target->root);
        char *name = target->name != NULL ? mem_strdup(target->name) : NULL;
        watch->on_change(watch->arg, root, name);
        free(root);
        free(name);
    }
    if (!watch->freed)
        arm(watch);
    watch_release(watch);
}

void bursts_note(struct watch *watch, struct target *target, bool told)
{
    uint64_t now = uv_now(watch->loop) | 1; /* 0 means quiet */
    bool sooner = target->first_ms == 0 || (told && !target->told);
    if (target->first_ms == 0)
        target->first_ms = now;
    target->last_ms = now;
    target->told |= told;
    /* A timer that runs out early looks again: not each event sets it anew. */
    if (sooner)
        arm(watch);
}

void bursts_note_change(struct watch *watch, struct target *target)
{
    bursts_note(watch, target, true);
}
