/* Free bytes of a file system, and of several right before and after a build. */
#ifndef BILGE_APP_SPACE_H
#define BILGE_APP_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/fs.h"
#include "core/store/store.h"

struct history;

/* The file system below a path. */
struct space {
    char *path; /* absolute; need not exist, then what lies above it counts */
    bool known; /* the rest is filled in */
    uint64_t dev;
    char *mount;
    struct fs_space space;
};
/* The network may be below: on a lane. */
void space_look(struct space *space);
/* The same by an open directory, which `path` leads to. */
void space_see(struct space *space, int fd, const char *path);
void space_done(struct space *space);

/* ---- spots */
struct spots;

/* The disks that the store knows. */
struct spots *spots_new(const struct store *store);
/* And the one below this path; NULL is fine. */
void spots_add(struct spots *spots, const char *path);
void spots_free(struct spots *spots);

/* On the pool: writes down what is free on them, as of `at`. */
void spots_note(const struct spots *spots, struct history *history, int64_t at);

#endif
