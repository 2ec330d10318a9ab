#include "core/bilge/memory/note.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/mem.h"

#define IMPORTED "imported sha256:"

/* ------------------------------------------------- gathering, on the loop */

/* Takes the name of the series. */
static void add_sample(struct note *note, char *series, int64_t bytes)
{
    mem_reserve((void **)&note->samples, &note->samples_cap, note->samples_len + 1,
                sizeof *note->samples);
    note->samples[note->samples_len++] = (struct sample){series, bytes};
}

static void gather_disks(struct note *note, const struct store *store)
{
    for (size_t i = 0; i < store->disks_len; i++) {
        const struct disk *disk = &store->disks[i];
        add_sample(note, outlook_disk_series(disk->mount, disk->path), disk->free_bytes);
    }
}

static void gather_caches(struct note *note, const struct store *store)
{
    note->trends = mem_zalloc((store->services_len + 1) * sizeof *note->trends);
    for (size_t i = 0; i < store->services_len; i++) {
        const struct cache *cache = store->services[i].cache;
        if (cache == NULL || cache->state == CACHE_MISSING)
            continue;
        note->trends[note->trends_len++].id = mem_strdup(cache->path);
        add_sample(note, mem_printf("cache:%s", cache->path), cache->size_bytes);
        for (size_t j = 0; j < cache->blobs_len; j++) {
            if (cache->blobs[j].created_at == 0)
                continue;
            mem_reserve((void **)&note->wanted, &note->wanted_cap, note->wanted_len + 1,
                        sizeof *note->wanted);
            note->wanted[note->wanted_len++] = cache->blobs[j].created_at;
        }
    }
}

static void gather_records(struct note *note, const struct store *store)
{
    for (size_t i = 0; i < store->builders_len; i++) {
        const struct builder *builder = &store->builders[i];
        if (builder->load != LOAD_DONE)
            continue;
        add_sample(note, mem_printf("builder:%s", builder->id), builder->records.size_bytes);
        for (size_t j = 0; j < builder->records.len; j++) {
            const struct record *record = &builder->records.items[j];
            if (record->created_at == 0 || record->description[0] == '\0' ||
                strncmp(record->description, IMPORTED, sizeof IMPORTED - 1) == 0)
                continue;
            mem_reserve((void **)&note->layers, &note->layers_cap, note->layers_len + 1,
                        sizeof *note->layers);
            note->layers[note->layers_len++] =
                (struct history_layer){record->created_at, mem_strdup(record->description)};
        }
    }
}

void note_gather(struct note *note, const struct store *store)
{
    note->outlook = outlook_new(store);
    gather_disks(note, store);
    gather_caches(note, store);
    gather_records(note, store);
}

/* ------------------------------------------------------------ on the pool */

/* A full disk, or a place that can't be written, is said where it matters. */
static void check(struct note *note, int code, const struct err *err)
{
    if (code == 0)
        return;
    log_note("%s", err->text);
    if (note->error == NULL && (err->code == ERR_FORMAT || err->code == ERR_FOREIGN))
        note->error = mem_strdup(err->text);
}

static void open_file(struct note *note)
{
    struct err err;
    if (note->history == NULL && (!note->read_only || access(note->path, F_OK) == 0))
        check(note, history_open(note->path, &note->history, &err), &err);
}

static void write_down(struct note *note)
{
    struct history_sample *samples = mem_alloc((note->samples_len + 1) * sizeof *samples);
    struct err err = {0};
    for (size_t i = 0; i < note->samples_len; i++)
        samples[i] =
            (struct history_sample){note->samples[i].series, note->now, note->samples[i].bytes};
    int code = history_add_samples(note->history, samples, note->samples_len, &err);
    if (code == 0)
        code = history_add_layers(note->history, note->layers, note->layers_len, &err);
    check(note, code, &err);
    free(samples);
}

static int by_time(const void *a, const void *b)
{
    const struct history_layer *x = a, *y = b;
    return (x->created_at > y->created_at) - (x->created_at < y->created_at);
}

/* The text of each wanted layer: of the record while it lives, else what is
 * remembered. */
static void find_texts(struct note *note)
{
    char **remembered = mem_zalloc((note->wanted_len + 1) * sizeof *remembered);
    struct err err;
    if (note->history != NULL)
        check(note,
              history_find_layers(note->history, note->wanted, note->wanted_len, remembered, &err),
              &err);
    if (note->layers_len > 0)
        qsort(note->layers, note->layers_len, sizeof *note->layers, by_time);
    note->texts = mem_alloc((note->wanted_len + 1) * sizeof *note->texts);
    for (size_t i = 0; i < note->wanted_len; i++) {
        const struct history_layer wanted = {.created_at = note->wanted[i]};
        const struct history_layer *live =
            note->layers_len > 0
                ? bsearch(&wanted, note->layers, note->layers_len, sizeof wanted, by_time)
                : NULL;
        if (live != NULL)
            mem_replace(&remembered[i], live->text);
        if (remembered[i] != NULL)
            note->texts[note->texts_len++] = (struct layer_text){note->wanted[i], remembered[i]};
    }
    free(remembered);
    if (note->texts_len > 0)
        qsort(note->texts, note->texts_len, sizeof *note->texts, layer_text_compare);
}

void note_run(struct job *job)
{
    struct note *note = (struct note *)job;
    struct err err;
    open_file(note);
    if (note->history != NULL && !note->read_only)
        write_down(note);
    if (note->history != NULL && note->thin)
        check(note, history_thin(note->history, note->now, &err), &err);
    if (note->history != NULL) {
        outlook_read(note->outlook, note->history, note->now);
        for (size_t i = 0; i < note->trends_len; i++)
            trend_read(&note->trends[i], note->history, note->now);
        check(note, history_step_times(note->history, &note->times, &note->times_len, &err), &err);
    }
    if (note->history != NULL && note->want_past)
        note->past = history_load_past(note->history, HISTORY_PAST_MAX, &note->past_len);
    find_texts(note);
}

void note_free(struct note *note)
{
    for (size_t i = 0; i < note->samples_len; i++)
        free(note->samples[i].series);
    for (size_t i = 0; i < note->layers_len; i++)
        free((char *)note->layers[i].text);
    for (size_t i = 0; i < note->trends_len; i++)
        free(note->trends[i].id);
    free(note->trends);
    for (size_t i = 0; i < note->texts_len; i++)
        free(note->texts[i].text);
    for (size_t i = 0; i < note->times_len; i++)
        free(note->times[i].instruction);
    history_builds_free(note->past, note->past_len);
    outlook_free(note->outlook);
    free(note->path);
    free(note->error);
    free(note->times);
    free(note->samples);
    free(note->layers);
    free(note->wanted);
    free(note->texts);
    free(note);
}
