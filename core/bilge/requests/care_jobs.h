/* Private to core/bilge/requests/care*: what a request for care works with, and its
 * jobs. */
#ifndef BILGE_BILGE_CARE_JOBS_H
#define BILGE_BILGE_CARE_JOBS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/bilge/parts.h"
#include "core/cache/dedupe.h"
#include "core/cache/root.h"
#include "core/cache/verify.h"

/* A cache directory as a job sees it. */
struct place {
    char *id; /* of the row: its path */
    struct root *root;
    struct lane *lane;
    char *name;
    uint64_t dev, ino;
};

struct care {
    struct job job; /* first: each is the other */
    struct bilge_care_ops ops;
    void *arg;
    struct place *places;
    size_t places_len, next; /* next: the one that the job works on */
    struct lane *lane;       /* that the job runs on */
    bool given_up;           /* it hangs: nobody waits for it any more */
    pid_t *own_sessions;
    atomic_bool cancel;
    atomic_llong done_bytes, total_bytes;

    /* verify */
    bool repair;
    struct verify_result verified;
    enum repair_act act;
    char *detail;
    /* restore */
    struct digest generation;
    /* dedupe */
    struct dedupe_plan plan;
    int *codes;
    bool across_users;

    int code; /* of the job */
    struct err err;
};

/* They see the job only, which is a struct care; what became of it is in
 * `code` and `err`. care_verify() does the one cache that is `next`. */
void care_verify(struct job *job);
void care_restore(struct job *job);
void care_dedupe(struct job *job);

#endif
