#include "core/cache/watch.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/base/hashtable.h"
#include "core/base/mem.h"
#include "core/oci/layout.h"

/* A look at a directory that is to be followed: what to watch in it, and one
 * number that changes with it where nothing tells of changes. Blocking, for ever
 * where a file system hangs: not on the loop. */

/* What changes in a cache directory: index.json is written in place, blobs are
 * renamed into blobs/sha256, an export begins in ingest/. */
#define GLANCE_PARTS 4

struct glance_part {
    int fd; /* only to be watched by; -1: not there */
    uint64_t dev, ino;
};

struct glance {
    struct glance_part parts[GLANCE_PARTS]; /* the directory itself first */
    uint64_t sum;                           /* of inodes and times; never 0 */
    int64_t modified_at;                    /* the newest of these times */
    bool remote; /* its file system does not tell of all changes, or might hang when asked to */
    bool layout; /* an OCI layout lies in it */
};

#ifdef O_PATH
#define DIR_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#else
#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#endif

static uint64_t mix(uint64_t sum, uint64_t value)
{
    return (sum ^ value) * UINT64_C(0x100000001B3);
}

static void add_times(struct glance *glance, const struct stat *st)
{
    glance->sum = mix(glance->sum, st->st_ino);
    glance->sum = mix(glance->sum, (uint64_t)st->st_mtim.tv_sec);
    glance->sum = mix(glance->sum, (uint64_t)st->st_mtim.tv_nsec);
    /* Whoever writes can set the time of it back, but not this one. */
    glance->sum = mix(glance->sum, (uint64_t)st->st_ctim.tv_sec);
    glance->sum = mix(glance->sum, (uint64_t)st->st_ctim.tv_nsec);
    glance->sum = mix(glance->sum, (uint64_t)st->st_size);
    int64_t modified_at = clock_of_file(st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
    if (modified_at > glance->modified_at)
        glance->modified_at = modified_at;
}

/* One of nothing. */
static void glance_init(struct glance *glance)
{
    *glance = (struct glance){.sum = UINT64_C(0xCBF29CE484222325)};
    for (size_t i = 0; i < GLANCE_PARTS; i++)
        glance->parts[i].fd = -1;
}

/* Takes the descriptor; -1: there is no such part. */
static void add_part(struct glance *glance, size_t index, int fd)
{
    struct stat st;
    glance->sum = mix(glance->sum, 1);
    if (fd < 0)
        return;
    if (fstat(fd, &st) < 0) {
        close(fd);
        return;
    }
    add_times(glance, &st);
    glance->parts[index] = (struct glance_part){fd, st.st_dev, st.st_ino};
}

static void finish(struct glance *glance)
{
    glance->remote = glance->parts[0].fd >= 0 && !fs_is_local(glance->parts[0].fd);
    glance->sum = glance->sum != 0 ? glance->sum : 1;
}

/* Of a directory alone, and of a cache directory in a root with its parts. */
static void glance_directory(int fd, struct glance *ret_glance)
{
    glance_init(ret_glance);
    add_part(ret_glance, 0, openat(fd, ".", DIR_FLAGS));
    finish(ret_glance);
}

static void glance_cache(int root_fd, const char *name, struct glance *ret_glance)
{
    enum { CACHE, BLOBS, SHA256, INGEST };
    static const struct {
        size_t in; /* the part that it lies in */
        const char *name;
    } below[GLANCE_PARTS] = {
        [BLOBS] = {CACHE, "blobs"}, [SHA256] = {BLOBS, "sha256"}, [INGEST] = {CACHE, "ingest"}};
    struct stat st;
    glance_init(ret_glance);
    add_part(ret_glance, CACHE, openat(root_fd, name, DIR_FLAGS));
    for (size_t i = BLOBS; i < GLANCE_PARTS; i++) {
        int above = ret_glance->parts[below[i].in].fd;
        add_part(ret_glance, i, above >= 0 ? openat(above, below[i].name, DIR_FLAGS) : -1);
    }
    int fd = ret_glance->parts[CACHE].fd;
    if (fd >= 0 && fstatat(fd, "index.json", &st, AT_SYMLINK_NOFOLLOW) == 0)
        add_times(ret_glance, &st);
    ret_glance->layout = fd >= 0 && cache_has_layout(fd);
    finish(ret_glance);
}

static void glance_done(struct glance *glance)
{
    for (size_t i = 0; i < GLANCE_PARTS; i++) {
        if (glance->parts[i].fd >= 0)
            close(glance->parts[i].fd);
        glance->parts[i].fd = -1;
    }
}

/*   targets   what is watched: the root's list, caches, what is to come
 *   looks     find their directories, on the lane ──► eyes
 *   eyes      libuv's watches on these directories ──► bursts
 *   polls     looks at the times of what has no eyes ──► bursts
 *   bursts    tell of a target once it has been quiet for a moment, after one
 *             more look: parts of it may have come or been replaced */

#define QUIET_MS 150
#define LATEST_MS 2000
#define WAITING_MS 5000 /* between looks for a root in a directory full of others' life */
#define POLL_MS 3000
/* After so many events within one burst an eye is closed until the burst is
 * over: libuv reads events until there are none, and who writes faster than
 * that, in a directory like /tmp, would hold up the loop for ever. */
#define PATIENCE 256
/* Files' times are those of the kernel's last tick. */
#define TIMES_LAG_NS INT64_C(20000000)
/* Targets looked at in one job: each holds a few descriptors for a moment. */
#define LOOK_MAX 8

enum kind { KIND_LIST = 'l', KIND_CACHE = 'c', KIND_COMING = 'n', KIND_WAY = 'w' };

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

struct target {
    UT_hash_handle hh; /* by the key */
    char *key;         /* its kind, then its name */
    enum kind kind;
    const char *name; /* part of the key */
    struct eye *eyes[GLANCE_PARTS];
    struct target *next_wanted; /* it is to be looked at */
    bool wanted;
    bool polled; /* can't be watched */
    bool looked_at;
    uint64_t sum;               /* of the last look; before that, of its scan; 0: not known */
    int64_t since;              /* what was modified later is told of at the first look */
    uint64_t first_ms, last_ms; /* of a burst of events; 0: quiet */
    bool flooded;               /* an eye rests: the burst takes its full time */
    bool told;                  /* something of it has changed; else others' things have */
    bool telling;               /* its burst is over: the next look tells of it */
};

struct watch {
    uv_loop_t *loop;
    struct lane *lane;
    uv_timer_t burst, poll;
    watch_cb *on_change;
    void *arg;
    struct root *root; /* NULL: it is waited for */
    char *path;        /* on whose way something is to come */
    uid_t invoker;
    struct target *targets; /* a table: there may be very many */
    struct target *wanted, **wanted_end;
    struct look *look; /* under way */
    size_t pending;    /* handles and looks that others still know */
    bool freed;
};

/* What a look saw of one target. */
struct sight {
    enum kind kind;
    char *name;
    struct glance glance;
    char *only; /* wait for this name in it; NULL: look for all that happens */
    bool come;  /* what was waited for is there */
};

struct look {
    struct lane_job job; /* first: each is the other */
    struct watch *watch;
    struct root *root;
    char *path;
    uid_t invoker;
    size_t len;
    struct sight sights[LOOK_MAX];
};

static void release(struct watch *watch)
{
    if (--watch->pending > 0)
        return;
    root_release(watch->root);
    free(watch->path);
    free(watch);
}

/* ----------------------------------------------------------------- bursts */

static void on_burst(uv_timer_t *timer);
static void want_look(struct watch *watch, struct target *target);

/* When a burst is over. */
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

static void on_burst(uv_timer_t *timer)
{
    struct watch *watch = timer->data;
    uint64_t now = uv_now(watch->loop);
    for (struct target *target = watch->targets; target != NULL; target = target->hh.next) {
        if (target->first_ms == 0 || now < due_at(target))
            continue;
        target->first_ms = target->last_ms = 0;
        target->flooded = false;
        target->telling = true;
        want_look(watch, target);
    }
    arm(watch);
}

/* `told`: it is the target that has changed. */
static void note(struct watch *watch, struct target *target, bool told)
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

/* ------------------------------------------------------------------- eyes */

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
        note(eye->watch, eye->target, !others);
        return;
    }
    /* Each reader of a cache makes that file and takes it away again. */
    if (name != NULL && strcmp(name, "index.json.lock") == 0)
        return;
    note(eye->watch, eye->target, true);
}

/* A name for an open directory that leads to it without any way to it. */
static int name_of(int fd, char path[PATH_MAX])
{
#if defined(__linux__)
    snprintf(path, PATH_MAX, "/proc/self/fd/%d", fd);
    return 0;
#elif defined(F_GETPATH)
    return fcntl(fd, F_GETPATH, path) < 0 ? UV_ENOSYS : 0;
#else
    (void)fd, (void)path;
    return UV_ENOSYS;
#endif
}

static bool is_same_name(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* 0, or why it can't be watched. *ret_new: it has been watched only from now on. */
static int open_eye(struct watch *watch, struct target *target, struct eye **slot,
                    const struct glance_part *part, const char *only, bool *ret_new)
{
    char path[PATH_MAX];
    struct eye *eye = *slot;
    if (eye != NULL && part->fd >= 0 && !eye->resting && eye->dev == part->dev &&
        eye->ino == part->ino && is_same_name(eye->only, only)) {
        eye->seen = 0;
        return 0;
    }
    close_eye(slot);
    int code = part->fd >= 0 ? name_of(part->fd, path) : 0;
    if (part->fd < 0 || code < 0)
        return code;
    eye = mem_zalloc(sizeof *eye);
    code = uv_fs_event_init(watch->loop, &eye->event);
    if (code < 0) {
        free(eye);
        return code;
    }
    eye->watch = watch;
    eye->target = target;
    eye->only = only != NULL ? mem_strdup(only) : NULL;
    eye->dev = part->dev;
    eye->ino = part->ino;
    eye->event.data = eye;
    watch->pending++;
    *slot = eye;
    code = uv_fs_event_start(&eye->event, on_event, path, 0);
    if (code < 0)
        close_eye(slot);
    else
        *ret_new = true;
    return code;
}

/* ------------------------------------------------- looks, on the lane */

static void see_way(const struct look *look, struct sight *sight)
{
    struct root_found found;
    sight->come = root_find(look->path, look->invoker, &found) == 0;
    if (sight->come)
        glance_directory(found.root->fd, &sight->glance);
    else if (found.above_fd >= 0)
        glance_directory(found.above_fd, &sight->glance);
    if (found.missing != NULL)
        sight->only = mem_strdup(found.missing);
    root_found_done(&found);
}

static void see(const struct look *look, struct sight *sight)
{
    struct stat st;
    switch (sight->kind) {
    case KIND_WAY:
        see_way(look, sight);
        break;
    case KIND_COMING:
        sight->come = fstatat(look->root->fd, sight->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
        sight->only = mem_strdup(sight->name);
        glance_directory(look->root->fd, &sight->glance);
        break;
    case KIND_LIST:
        glance_directory(look->root->fd, &sight->glance);
        break;
    case KIND_CACHE:
        glance_cache(look->root->fd, sight->name, &sight->glance);
        break;
    }
}

static void run_look(struct lane_job *job)
{
    struct look *look = (struct look *)job;
    for (size_t i = 0; i < look->len; i++)
        see(look, &look->sights[i]);
}

/* -------------------------------------------------- looks, on the loop */

static char *make_key(enum kind kind, const char *name)
{
    return mem_printf("%c%s", kind, name != NULL ? name : "");
}

static struct target *find_target(const struct watch *watch, enum kind kind, const char *name)
{
    struct target *target;
    char *key = make_key(kind, name);
    HASH_FIND_STR(watch->targets, key, target);
    free(key);
    return target;
}

static void on_poll(uv_timer_t *timer)
{
    struct watch *watch = timer->data;
    bool any = false;
    for (struct target *target = watch->targets; target != NULL; target = target->hh.next) {
        any |= target->polled;
        if (target->polled)
            want_look(watch, target);
    }
    if (!any)
        uv_timer_stop(timer);
}

static void set_polled(struct watch *watch, struct target *target, bool polled)
{
    target->polled = polled;
    if (polled && !uv_is_active((uv_handle_t *)&watch->poll))
        uv_timer_start(&watch->poll, on_poll, POLL_MS, POLL_MS);
}

static void open_eyes(struct watch *watch, struct target *target, const struct sight *sight)
{
    bool blind = sight->glance.remote, new = false;
    for (size_t i = 0; i < GLANCE_PARTS; i++) {
        if (sight->glance.remote)
            close_eye(&target->eyes[i]);
        else if (open_eye(watch, target, &target->eyes[i], &sight->glance.parts[i], sight->only,
                          &new) < 0)
            blind = true;
    }
    set_polled(watch, target, blind);
    if (new) /* what happened since it was looked at was seen by nobody */
        want_look(watch, target);
}

/* The callback may add and remove targets, or free the watch. */
static void put_sight(struct watch *watch, struct target *target, const struct sight *sight)
{
    bool waits = target->kind == KIND_WAY || target->kind == KIND_COMING;
    bool moved = (target->sum != 0 && target->sum != sight->glance.sum) ||
                 (!target->looked_at && sight->glance.modified_at >= target->since);
    open_eyes(watch, target, sight);
    target->looked_at = true;
    target->sum = sight->glance.sum;
    bool told = target->telling && target->told;
    bool tell = waits ? sight->come || told : target->telling;
    if (target->telling)
        target->told = target->telling = false;
    if (moved && !tell && !waits)
        note(watch, target, true);
    if (tell)
        watch->on_change(watch->arg, target->kind == KIND_CACHE ? sight->name : NULL,
                         sight->glance.layout);
}

static void look_free(struct look *look)
{
    for (size_t i = 0; i < look->len; i++) {
        glance_done(&look->sights[i].glance);
        free(look->sights[i].name);
        free(look->sights[i].only);
    }
    root_release(look->root);
    free(look->path);
    free(look);
}

static void start_look(struct watch *watch);

static void on_looked(struct lane_job *job, bool cancelled)
{
    struct look *look = (struct look *)job;
    struct watch *watch = look->watch;
    watch->look = NULL;
    for (size_t i = 0; i < look->len && !cancelled && !watch->freed; i++) {
        const struct sight *sight = &look->sights[i];
        struct target *target = watch->root == look->root && (watch->path == NULL ||
                                                              strcmp(watch->path, look->path) == 0)
                                    ? find_target(watch, sight->kind, sight->name)
                                    : NULL;
        if (target != NULL)
            put_sight(watch, target, sight);
    }
    if (!watch->freed)
        start_look(watch);
    look_free(look);
    release(watch);
}

/* At those that wait for it, if none is under way. */
static void start_look(struct watch *watch)
{
    if (watch->look != NULL || watch->wanted == NULL)
        return;
    struct look *look = mem_zalloc(sizeof *look);
    look->job.run = run_look;
    look->job.done = on_looked;
    look->watch = watch;
    look->root = watch->root != NULL ? root_hold(watch->root) : NULL;
    mem_replace(&look->path, watch->path);
    look->invoker = watch->invoker;
    while (watch->wanted != NULL && look->len < LOOK_MAX) {
        struct target *target = watch->wanted;
        watch->wanted = target->next_wanted;
        target->wanted = false;
        struct sight *sight = &look->sights[look->len++];
        *sight = (struct sight){.kind = target->kind, .name = mem_strdup(target->name)};
        glance_init(&sight->glance);
    }
    if (watch->wanted == NULL)
        watch->wanted_end = &watch->wanted;
    watch->look = look;
    watch->pending++;
    lane_add(watch->lane, &look->job);
}

static void want_look(struct watch *watch, struct target *target)
{
    if (!target->wanted) {
        target->wanted = true;
        target->next_wanted = NULL;
        *watch->wanted_end = target;
        watch->wanted_end = &target->next_wanted;
    }
    start_look(watch);
}

/* ---------------------------------------------------------------- targets */

static void add_target(struct watch *watch, enum kind kind, const char *name, int64_t since,
                       uint64_t sum)
{
    struct target *target = find_target(watch, kind, name);
    if (target == NULL) {
        target = mem_zalloc(sizeof *target);
        target->since = since;
        target->sum = sum;
        target->kind = kind;
        target->key = make_key(kind, name);
        target->name = target->key + 1;
        HASH_ADD_KEYPTR(hh, watch->targets, target->key, strlen(target->key), target);
    }
    want_look(watch, target);
}

static void forget_wanted(struct watch *watch, struct target *target)
{
    struct target **at = &watch->wanted;
    while (target->wanted && *at != target)
        at = &(*at)->next_wanted;
    if (!target->wanted)
        return;
    *at = target->next_wanted;
    if (*at == NULL)
        watch->wanted_end = at;
}

static void remove_target(struct watch *watch, struct target *target)
{
    if (target == NULL)
        return;
    forget_wanted(watch, target);
    HASH_DEL(watch->targets, target);
    for (size_t i = 0; i < GLANCE_PARTS; i++)
        close_eye(&target->eyes[i]);
    free(target->key);
    free(target);
}

static void remove_all(struct watch *watch)
{
    for (struct target *target = watch->targets; target != NULL; target = target->hh.next)
        target->wanted = false;
    watch->wanted = NULL;
    watch->wanted_end = &watch->wanted;
    while (watch->targets != NULL)
        remove_target(watch, watch->targets);
}

/* --------------------------------------------------------------- the door */

void watch_enter(struct watch *watch, struct root *root)
{
    if (watch->root == root)
        return;
    remove_all(watch);
    root_release(watch->root);
    watch->root = root_hold(root);
    mem_replace(&watch->path, NULL);
}

void watch_wait(struct watch *watch, const char *path)
{
    if (watch->root != NULL || watch->path == NULL || strcmp(watch->path, path) != 0)
        remove_all(watch);
    root_release(watch->root);
    watch->root = NULL;
    mem_replace(&watch->path, path);
    add_target(watch, KIND_WAY, NULL, INT64_MAX, 0);
}

void watch_add_list(struct watch *watch)
{
    if (watch->root != NULL)
        add_target(watch, KIND_LIST, NULL, 0, 0);
}

void watch_add_cache(struct watch *watch, const char *name, int64_t since, uint64_t mark)
{
    if (watch->root != NULL)
        add_target(watch, KIND_CACHE, name, since - TIMES_LAG_NS, mark);
}

uint64_t watch_mark(int root_fd, const char *name)
{
    struct glance glance;
    glance_cache(root_fd, name, &glance);
    glance_done(&glance);
    return glance.sum;
}

void watch_add_coming(struct watch *watch, const char *name)
{
    if (watch->root != NULL)
        add_target(watch, KIND_COMING, name, INT64_MAX, 0);
}

void watch_remove_cache(struct watch *watch, const char *name)
{
    remove_target(watch, find_target(watch, KIND_CACHE, name));
}

void watch_remove_coming(struct watch *watch, const char *name)
{
    remove_target(watch, find_target(watch, KIND_COMING, name));
}

struct watch *watch_new(uv_loop_t *loop, struct lane *lane, watch_cb *on_change, void *arg)
{
    struct watch *watch = mem_zalloc(sizeof *watch);
    watch->loop = loop;
    watch->lane = lane;
    watch->on_change = on_change;
    watch->arg = arg;
    watch->invoker = root_invoker();
    watch->wanted_end = &watch->wanted;
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
    remove_all(watch);
    if (watch->look != NULL)
        lane_cancel(watch->lane, &watch->look->job);
    uv_close((uv_handle_t *)&watch->burst, on_timer_closed);
    uv_close((uv_handle_t *)&watch->poll, on_timer_closed);
}
