/* What one look at the history takes along and brings back: gathered from the
 * store, worked on by the pool, put into the store by memory.c. */
#ifndef BILGE_BILGE_NOTE_H
#define BILGE_BILGE_NOTE_H

#include "core/bilge/memory/memory.h"
#include "core/store/history.h"

struct sample {
    char *series;
    int64_t bytes;
};

struct note {
    struct job job;
    char *path; /* of the file */
    bool read_only, thin;
    struct history *history; /* handed from note to note by the object */
    int64_t now;
    struct sample *samples;
    size_t samples_len, samples_cap;
    struct history_layer *layers; /* what the records tell; texts owned */
    size_t layers_len, layers_cap;
    int64_t *wanted; /* creation times of the caches' layers */
    size_t wanted_len, wanted_cap;
    struct trend *trends;
    size_t trends_len;
    struct outlook *outlook;
    struct layer_text *texts; /* out: for the store */
    size_t texts_len;
    struct history_step_time *times; /* out: for the store */
    size_t times_len;
    char *error; /* out: why a history that is there can't be used; NULL: it can */
    bool want_past;
    struct history_build *past;
    size_t past_len;
};

/* On the loop: what is to be written down and looked up. */
void note_gather(struct note *note, const struct store *store);
/* On the pool; the job is a note. Without a history the texts of layers come
 * from the records alone. */
void note_run(struct job *job);
/* All but the history. */
void note_free(struct note *note);

#endif
