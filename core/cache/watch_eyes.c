#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/cache/glance.h"
#include "core/cache/watch_parts.h"

/* After so many events within one burst an eye is closed until the burst is
 * over: libuv reads events until there are none, and who writes faster than
 * that, in a directory like /tmp, would hold up the loop for ever. */
#define PATIENCE 256

static void on_eye_closed(uv_handle_t *handle)
{
    struct eye *eye = handle->data;
    struct watch *watch = eye->watch;
    free(eye->only);
    free(eye);
    watch_release(watch);
}

void eye_close(struct eye **slot)
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
        bursts_note(eye->watch, eye->target, !others);
        return;
    }
    /* Each reader of a cache makes that file and takes it away again. */
    if (name != NULL && strcmp(name, "index.json.lock") == 0)
        return;
    bursts_note_change(eye->watch, eye->target);
}

/* 0, -ENOENT when there is no such directory, or why it can't be watched. */
static int open_eye(struct watch *watch, struct target *target, struct eye **slot,
                    const char *path, const char *only)
{
    struct stat st;
    if (lstat(path, &st) < 0 || (target->name != NULL && !S_ISDIR(st.st_mode))) {
        eye_close(slot);
        return UV_ENOENT;
    }
    if (*slot != NULL && !(*slot)->resting && (*slot)->dev == st.st_dev &&
        (*slot)->ino == st.st_ino && ((*slot)->only == NULL) == (only == NULL)) {
        (*slot)->seen = 0;
        return 0;
    }
    eye_close(slot);
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
        eye_close(slot);
    return code;
}

/* A root that is not there yet is waited for in the directory above it. */
static int open_root_eye(struct watch *watch, struct target *target)
{
    int code = open_eye(watch, target, &target->eyes[0], target->path, NULL);
    if (code != UV_ENOENT || path_name(target->path)[0] == '\0')
        return code;
    char *above = path_parent(target->path);
    code = open_eye(watch, target, &target->eyes[0], above, path_name(target->path));
    free(above);
    return code;
}

void eyes_open(struct watch *watch, struct target *target)
{
    int worst = 0;
    if (target->name == NULL)
        worst = open_root_eye(watch, target);
    for (size_t i = 0; target->name != NULL && i < WATCH_PARTS; i++) {
        char *path = mem_printf("%s%s", target->path, glance_cache_parts[i]);
        int code = open_eye(watch, target, &target->eyes[i], path, NULL);
        if (code < 0 && code != UV_ENOENT)
            worst = code;
        free(path);
    }
    if (worst < 0 || glance_is_needed(target->path))
        polls_add(watch, target);
}

bool eyes_wait(const struct target *target)
{
    return target->eyes[0] != NULL && target->eyes[0]->only != NULL;
}
