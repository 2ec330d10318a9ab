/* What is remembered from run to run, what is foreseen from it, and the disks
 * whose free bytes are among it. */
#ifndef BILGE_APP_KEEPING_H
#define BILGE_APP_KEEPING_H

#include "core/app/app.h"

struct outlook;

/* ---- disks */
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
void space_done(struct space *space);
void disks_open(struct bilge *bilge);
void disks_refresh(struct bilge *bilge);
/* One of those that were asked has answered, or is not waited for any more. */
void disks_answered(struct bilge *bilge);
void disks_close(struct bilge *bilge);

/* ---- memory */
void memory_open(struct bilge *bilge, const char *path);
void memory_step(struct bilge *bilge);
void memory_close(struct bilge *bilge);

/* ---- projects: which cache directories projects name */
/* Writes down what this one names, and reads what all do: soon. */
void projects_look(struct bilge *bilge);
bool projects_waited_for(const struct bilge *bilge);
/* True: the history is in use by it now. */
bool projects_step(struct bilge *bilge);

/* ---- outlook: gathered from the store, read on the pool, put into the store */
struct outlook *outlook_new(const struct store *store);
void outlook_read(struct outlook *outlook, struct history *history, int64_t now);
void outlook_put(struct outlook *outlook, struct store *store);
void outlook_free(struct outlook *outlook);
/* The name of the samples of free bytes: by where the file system is mounted
 * (NULL: not known), else by the path. The caller frees it. */
char *outlook_disk_series(const char *mount, const char *path);

/* ---- trends */
struct trend {
    char *id; /* of the row: its path */
    int64_t sizes[SERVICE_TREND];
    size_t len;
};
/* On the pool. */
void trend_read(struct trend *trend, struct history *history, int64_t now);
void trend_put(const struct trend *trend, struct store *store);

#endif
