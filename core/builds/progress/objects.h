/* Finds the JSON objects in a byte stream: one on a line or pretty-printed over
 * many, with anything else between them. Pure and incremental. */
#ifndef BILGE_BUILDS_PROGRESS_OBJECTS_H
#define BILGE_BUILDS_PROGRESS_OBJECTS_H

#include <stddef.h>

#include "core/base/mem.h"

struct objects_ops {
    /* Something with balanced braces that began in the first column (or right
     * after another object): most likely JSON. Not NUL-terminated. */
    void (*on_object)(void *arg, const char *text, size_t len);
    /* The bytes between, as they were, but for the end of an object's line. */
    void (*on_other)(void *arg, const char *text, size_t len);
};

struct objects {
    struct buf pending; /* the object so far */
    enum { OBJECTS_LINE_START, OBJECTS_AFTER, OBJECTS_OTHER, OBJECTS_INSIDE } state;
    size_t depth;
    size_t max; /* what is longer is no object */
    char last;  /* the byte before */
    enum { OBJECTS_OPENED, OBJECTS_PLAIN, OBJECTS_STRING, OBJECTS_ESCAPE } where;
};

void objects_init(struct objects *objects, size_t max);
void objects_feed(struct objects *objects, const char *data, size_t len,
                  const struct objects_ops *ops, void *arg);
/* The stream has ended: an object that has not is handed on as other bytes. */
void objects_end(struct objects *objects, const struct objects_ops *ops, void *arg);
void objects_done(struct objects *objects);

#endif
