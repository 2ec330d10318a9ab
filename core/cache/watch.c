#include "core/cache/watch.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/mem.h"
#include "core/cache/glance.h"

#define QUIET_MS 150
#define LATEST_MS 2000
#define WAITING_MS 5000 /* between looks for a root in a directory full of others' life */
#define POLL_MS 3000
#define PARTS 4 /* of glance_cache_parts */

/* After so many events within one burst an eye is closed until the burst is
 * over: libuv reads events until there are none, and who writes faster than
 * that, in a directory like /tmp, would hold up the loop for ever. */
#define PATIENCE 256

/* One watched directory. Lives until libuv has closed it. */
struct eye {
    uv_fs_event_t event;
    struct watch *watch;
    struct target *target; /* NULL: it is being closed */
    char *only;            /* tells of this name only; NULL: of all */
    uint64_t dev, ino;
    unsigned seen; /* events since it was last looked after */
    bool resting;  /* it has seen too many */
};

/* A root (name NULL) or a cache. */
struct target {
    struct target *next;
    char *root, *name, *path;
    struct eye *eyes[PARTS];
    bool polled;                /* can't be watched */
    uint64_t glance;            /* 0: none yet */
    uint64_t first_ms, last_ms; /* of a burst of events; 0: quiet */
    bool flooded;               /* an eye rests: the burst takes its full time */
    bool told;                  /* something of it has changed; else others' things have */
};

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

struct watch {
    uv_loop_t *loop;
    uv_timer_t burst, poll;
    watch_cb *on_change;
    void *arg;
    struct target *targets;
    size_t pending; /* handles and requests that libuv still knows */
    bool looking;
    bool freed;
};

static void release(struct watch *watch)
{
    if (--watch->pending == 0)
        free(watch);
}

/* ---- bursts */

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
    for (const struct target *target = watch->targets; target != NULL; target = target->next)
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
    for (struct target *target = watch->targets; target != NULL; target = target->next)
        if (target->first_ms != 0 && now >= due_at(target))
            return target;
    return NULL;
}

static void open_eyes(struct watch *watch, struct target *target);

/* For a root that is not there yet. */
static bool is_waiting(const struct target *target)
{
    return target->eyes[0] != NULL && target->eyes[0]->only != NULL;
}

/* The callback may add and remove targets, or free the watch. */
static void on_burst(uv_timer_t *timer)
{
    struct watch *watch = timer->data;
    struct target *target;
    watch->pending++;
    while (!watch->freed && (target = next_due(watch)) != NULL) {
        bool waited = is_waiting(target), told = target->told;
        target->first_ms = target->last_ms = 0;
        target->flooded = target->told = false;
        open_eyes(watch, target); /* parts may have come or been replaced */
        if (!told && waited && is_waiting(target))
            continue;
        char *root = mem_strdup(target->root);
        char *name = target->name != NULL ? mem_strdup(target->name) : NULL;
        watch->on_change(watch->arg, root, name);
        free(root);
        free(name);
    }
    if (!watch->freed)
        arm(watch);
    release(watch);
}

/* `told`: it is the target that has changed. */
static void note_event(struct watch *watch, struct target *target, bool told)
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

static void note_change(struct watch *watch, struct target *target)
{
    note_event(watch, target, true);
}

/* ---- eyes */

static void on_eye_closed(uv_handle_t *handle)
{
    struct eye *eye = handle->data;
    struct watch *watch = eye->watch;
    free(eye->only);
    free(eye);
    release(watch);
}

static void close_eye(struct eye **slot)
{
    struct eye *eye = *slot;
    if (eye == NULL)
        return;
    *slot = NULL;
    eye->target = NULL;
    uv_close((uv_handle_t *)&eye->event, on_eye_closed);
}

static void on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
    struct eye *eye = event->data;
    (void)events;
    if (eye->target == NULL || status < 0 || eye->resting)
        return;
    bool others = eye->only != NULL && (name == NULL || strcmp(name, eye->only) != 0);
    if (others || ++eye->seen > PATIENCE) {
        uv_fs_event_stop(event);
        eye->resting = eye->target->flooded = true;
        note_event(eye->watch, eye->target, !others);
        return;
    }
    /* Each reader of a cache makes that file and takes it away again. */
    if (name != NULL && strcmp(name, "index.json.lock") == 0)
        return;
    note_change(eye->watch, eye->target);
}

/* 0, -ENOENT when there is no such directory, or why it can't be watched. */
static int open_eye(struct watch *watch, struct target *target, struct eye **slot,
                    const char *path, const char *only)
{
    struct stat st;
    if (lstat(path, &st) < 0 || (target->name != NULL && !S_ISDIR(st.st_mode))) {
        close_eye(slot);
        return UV_ENOENT;
    }
    if (*slot != NULL && !(*slot)->resting && (*slot)->dev == st.st_dev &&
        (*slot)->ino == st.st_ino && ((*slot)->only == NULL) == (only == NULL)) {
        (*slot)->seen = 0;
        return 0;
    }
    close_eye(slot);
    struct eye *eye = mem_zalloc(sizeof *eye);
    eye->watch = watch;
    eye->target = target;
    eye->only = only != NULL ? mem_strdup(only) : NULL;
    eye->dev = st.st_dev;
    eye->ino = st.st_ino;
    int code = uv_fs_event_init(watch->loop, &eye->event);
    if (code < 0) {
        free(eye->only);
        free(eye);
        return code;
    }
    eye->event.data = eye;
    watch->pending++;
    *slot = eye;
    code = uv_fs_event_start(&eye->event, on_event, path, 0);
    if (code < 0)
        close_eye(slot);
    return code;
}

static void set_polled(struct watch *watch, struct target *target);

/* A root that is not there yet is waited for in the directory above it. */
static int open_root_eye(struct watch *watch, struct target *target)
{
    int code = open_eye(watch, target, &target->eyes[0], target->path, NULL);
    const char *slash = strrchr(target->path, '/');
    if (code != UV_ENOENT || slash == NULL || slash[1] == '\0')
        return code;
    char *above = slash == target->path ? mem_strdup("/")
                                        : mem_strndup(target->path, (size_t)(slash - target->path));
    code = open_eye(watch, target, &target->eyes[0], above, slash + 1);
    free(above);
    return code;
}

static void open_eyes(struct watch *watch, struct target *target)
{
    int worst = 0;
    if (target->name == NULL)
        worst = open_root_eye(watch, target);
    for (size_t i = 0; target->name != NULL && i < PARTS; i++) {
        char *path = mem_printf("%s%s", target->path, glance_cache_parts[i]);
        int code = open_eye(watch, target, &target->eyes[i], path, NULL);
        if (code < 0 && code != UV_ENOENT)
            worst = code;
        free(path);
    }
    if (worst < 0 || glance_is_needed(target->path))
        set_polled(watch, target);
}

/* ---- polling */

static void on_poll(uv_timer_t *timer);

static void set_polled(struct watch *watch, struct target *target)
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
        for (struct target *target = watch->targets; target != NULL && status == 0;
             target = target->next) {
            if (strcmp(target->path, look->items[i].path) != 0 ||
                (target->name != NULL) != look->items[i].is_cache)
                continue;
            if (target->glance != 0 && target->glance != look->items[i].glance)
                note_change(watch, target);
            target->glance = look->items[i].glance;
        }
        free(look->items[i].path);
    }
    free(look);
    release(watch);
}

static void on_poll(uv_timer_t *timer)
{
    struct watch *watch = timer->data;
    size_t len = 0;
    if (watch->looking)
        return;
    for (const struct target *target = watch->targets; target != NULL; target = target->next)
        len += target->polled;
    if (len == 0) {
        uv_timer_stop(timer);
        return;
    }
    struct look *look = mem_zalloc(sizeof *look + len * sizeof look->items[0]);
    look->work.data = look;
    look->watch = watch;
    for (const struct target *target = watch->targets; target != NULL; target = target->next) {
        if (!target->polled)
            continue;
        look->items[look->len].path = mem_strdup(target->path);
        look->items[look->len++].is_cache = target->name != NULL;
    }
    watch->looking = true;
    watch->pending++;
    uv_queue_work(watch->loop, &look->work, on_look, on_looked);
}

/* ---- targets */

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
    open_eyes(watch, *slot);
}

static void remove_target(struct target **slot)
{
    struct target *target = *slot;
    *slot = target->next;
    for (size_t i = 0; i < PARTS; i++)
        close_eye(&target->eyes[i]);
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
    release(handle->data);
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
