#include "core/builds/progress/objects.h"

#include <stdbool.h>
#include <string.h>

void objects_init(struct objects *objects, size_t max)
{
    *objects = (struct objects){.max = max};
}

void objects_done(struct objects *objects)
{
    buf_done(&objects->pending);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void open_object(struct objects *objects)
{
    objects->state = OBJECTS_INSIDE;
    objects->where = OBJECTS_OPENED;
    objects->depth = 1;
    buf_clear(&objects->pending);
    buf_append(&objects->pending, "{", 1);
}

/* What looked like an object is none. */
static void give_back(struct objects *objects, const struct objects_ops *ops, void *arg)
{
    struct buf *pending = &objects->pending;
    if (pending->len > 0)
        ops->on_other(arg, pending->data, pending->len);
    objects->state = pending->len > 0 && pending->data[pending->len - 1] == '\n'
                         ? OBJECTS_LINE_START
                         : OBJECTS_OTHER;
    buf_clear(pending);
}

enum verdict { VERDICT_ON, VERDICT_CLOSED, VERDICT_NONE };

/* The next byte of an object; the string and escape states of JSON. */
static enum verdict inside(struct objects *objects, char c)
{
    switch (objects->where) {
    case OBJECTS_ESCAPE:
        objects->where = OBJECTS_STRING;
        return c == '\n' ? VERDICT_NONE : VERDICT_ON;
    case OBJECTS_STRING:
        if (c == '\\')
            objects->where = OBJECTS_ESCAPE;
        else if (c == '"')
            objects->where = OBJECTS_PLAIN;
        return c == '\n' ? VERDICT_NONE : VERDICT_ON;
    case OBJECTS_OPENED: /* after the first brace comes a key, or the end */
        if (is_space(c))
            return VERDICT_ON;
        if (c != '"' && c != '}')
            return VERDICT_NONE;
        objects->where = OBJECTS_PLAIN;
        break;
    case OBJECTS_PLAIN:
        break;
    }
    if (c == '"')
        objects->where = OBJECTS_STRING;
    else if (c == '{')
        objects->depth++;
    else if (c == '}' && --objects->depth == 0)
        return VERDICT_CLOSED;
    return VERDICT_ON;
}

static void take_inside(struct objects *objects, char c, const struct objects_ops *ops, void *arg)
{
    /* Inner objects are indented, if they begin a line at all. */
    bool anew = c == '{' && objects->last == '\n';
    enum verdict verdict = anew ? VERDICT_NONE : inside(objects, c);
    if (anew) {
        give_back(objects, ops, arg);
        open_object(objects);
        return;
    }
    buf_append(&objects->pending, &c, 1);
    if (verdict == VERDICT_CLOSED) {
        objects->state = OBJECTS_AFTER;
        ops->on_object(arg, objects->pending.data, objects->pending.len);
    } else if (verdict == VERDICT_NONE || objects->pending.len >= objects->max) {
        give_back(objects, ops, arg);
    }
}

/* Bytes up to and with the end of the line are no object's. */
static size_t take_other(struct objects *objects, const char *data, size_t len,
                         const struct objects_ops *ops, void *arg)
{
    const char *newline = memchr(data, '\n', len);
    size_t used = newline != NULL ? (size_t)(newline - data) + 1 : len;
    objects->state = newline != NULL ? OBJECTS_LINE_START : OBJECTS_OTHER;
    ops->on_other(arg, data, used);
    return used;
}

void objects_feed(struct objects *objects, const char *data, size_t len,
                  const struct objects_ops *ops, void *arg)
{
    for (size_t i = 0; i < len;) {
        size_t used = 1;
        if (objects->state == OBJECTS_INSIDE)
            take_inside(objects, data[i], ops, arg);
        else if (objects->state != OBJECTS_OTHER && data[i] == '{')
            open_object(objects);
        else if (objects->state == OBJECTS_AFTER && is_space(data[i]))
            objects->state = data[i] == '\n' ? OBJECTS_LINE_START : OBJECTS_AFTER;
        else
            used = take_other(objects, data + i, len - i, ops, arg);
        i += used;
        objects->last = data[i - 1];
    }
}

void objects_end(struct objects *objects, const struct objects_ops *ops, void *arg)
{
    if (objects->state == OBJECTS_INSIDE)
        give_back(objects, ops, arg);
}
