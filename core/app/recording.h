/* Private to core/bilge/builds: one that waits or runs, and what is written
 * down of one that is over. */
#ifndef BILGE_APP_RECORDING_H
#define BILGE_APP_RECORDING_H

#include "core/app/builds.h"

struct recording;

/* A build that waits or runs. */
struct running {
    struct running *next;
    struct bilge *bilge;
    struct build *build; /* the store's */
    struct runner *runner; /* NULL: it waits */
    struct recording *recording;
    void (*on_output)(void *arg, const char *data, size_t len);
    void *arg;
};

void running_add(struct running **list, struct running *running);
void running_remove(struct running **list, const struct running *running);
struct running *running_find(struct running *list, uint64_t build_id);
size_t running_count(const struct running *list);

/* What is to be run for this build. Borrows from both. */
struct runner_spec running_spec(const struct bilge *bilge, const struct build *build);
/* Starts it; it is in none of the lists yet, and then in bilge->running. Else
 * it is freed, but for the build. */
int running_begin(struct running *running, struct err *err);

/* Lets the log have its file. */
void builds_spill(const struct bilge *bilge, struct buildlog *log);

/* ---- recording */
/* NULL: nothing is remembered. */
struct recording *recording_start(struct bilge *bilge, const struct build *build);
/* The build is over; NULL is fine. It frees itself when it has been written,
 * also while the object is closing. */
void recording_end(struct bilge *bilge, struct recording *recording, const struct build *build);

/* ---- excerpts */
/* The build has failed: finds the lines of the Dockerfile. */
void excerpts_look(struct bilge *bilge, const struct build *build);

#endif
