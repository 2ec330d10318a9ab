/* Gives disks that have too little free space some back: one plan after the
 * other for each of them, the cheapest things first, until there is enough or
 * nothing more may go. What is done is told line by line. */
#ifndef BILGE_CLI_RELIEF_H
#define BILGE_CLI_RELIEF_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/guard_acts.h"
#include "cli/session.h"
#include "core/base/err.h"
#include "core/prune/plan.h"

struct relief {
    /* The caller's. */
    struct session *session;
    struct {
        int64_t keep_free_bytes;
        int64_t older_than_s; /* only what is older may go; -1: no matter */
        bool live;            /* this project's current caches may go, too */
        const char *builder;  /* its records alone; NULL: of the one on the disk */
    } wants;

    /* To be read. */
    struct acts acts;
    bool busy; /* something could go, were nobody exporting */
    int64_t planned_bytes, freed_bytes;

    /* Its own. */
    struct plan *plan;
    struct err err; /* why there is no plan */
    bool answered;
    bool begun;        /* the disks have been looked at once */
    char *said;        /* the last complaint: not said again and again */
    int64_t looked_at; /* when a look at the disks was asked for */
};

/* Looks at all disks, once, and relieves those that are short. */
int relief_run(struct relief *relief, struct err *err);

/* What this disk lacks, as it was last looked at. Bytes. */
int64_t relief_missing(const struct relief *relief, const struct disk *disk);
bool relief_is_short(const struct relief *relief);

/* Says it, unless it was the last thing that was said. Takes the text. */
void relief_say(struct relief *relief, char *takes);

void relief_done(struct relief *relief);

#endif
