/* What bilge remembers from run to run: samples of sizes, the texts of layers,
 * and from the samples the outlook. Reads the store when it has settled, and
 * again when it has moved, a minute later at the earliest, or now and then; all
 * work with the file is a job on the pool, one at a time.
 *
 * Without the file (a full disk, no home, read-only) everything else goes on:
 * the texts of layers then come from the engine's records alone. */
#include "core/app/memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/app/disks.h"
#include "core/app/hub.h"
#include "core/app/outlook.h"
#include "core/app/owning.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/history/history.h"

struct memory {
    struct hub *hub;
    struct store *store;
    struct disks *disks;
    bool want_past; /* whoever opened it shows or uses earlier builds */
    char *path;     /* NULL: nothing */
    struct history *history;
    bool under_way;        /* a job has the history */
    int64_t noted_mono_ms; /* 0: not yet */
    int64_t thinned_mono_ms;
    uint64_t revision; /* of the store, when its results were put in */
};

/* What one look at the history takes along and brings back: gathered from the
 * store, worked on by the pool, put into the store. */

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

static void note_gather(struct note *note, const struct store *store);
static void note_run(struct job *job);
static void note_free(struct note *note);

#define INTERVAL_MS 60000
/* Also when nothing has moved: then it is known that nothing has. */
#define QUIET_INTERVAL_MS (15 * 60000)
#define THIN_INTERVAL_MS (6 * 3600000)

static void put(struct memory *memory, struct note *note)
{
    struct store *store = memory->store;
    if (note->history != NULL)
        outlook_put(note->outlook, store);
    for (size_t i = 0; i < note->trends_len; i++)
        trend_put(&note->trends[i], store);
    store_set_layer_texts(store, note->texts, note->texts_len);
    note->texts = NULL;
    note->texts_len = 0;
    store_set_step_times(store, note->times, note->times_len);
    note->times = NULL;
    note->times_len = 0;
    if (note->past != NULL && store->past == NULL) {
        store_set_past(store, note->past, note->past_len);
        note->past = NULL;
        note->past_len = 0;
    }
    /* Builds tell whose records are: who waits for the history waits for that. */
    owning_refresh(store, store->scanning);
    store->history_load = note->history != NULL ? LOAD_DONE : LOAD_FAILED;
    mem_replace(&store->history_error, note->error);
    hub_moved(memory->hub);
    memory->revision = store->revision;
}

static void note_done(struct job *job, bool cancelled)
{
    struct note *note = (struct note *)job;
    struct memory *memory = job->owner;
    memory_give(memory, note->history);
    if (!cancelled && !hub_is_closing(memory->hub))
        put(memory, note);
    note_free(note);
}

static bool is_due(const struct memory *memory, int64_t now_mono_ms)
{
    int64_t since = now_mono_ms - memory->noted_mono_ms;
    return memory->noted_mono_ms == 0 || since >= QUIET_INTERVAL_MS ||
           (since >= INTERVAL_MS && memory->revision != memory->store->revision);
}

/* Writes down what the store has, and reads what is known of it, when that is due. */
static void turn(void *owner)
{
    struct memory *memory = owner;
    struct store *store = memory->store;
    int64_t now = clock_mono_ms();
    if (memory->path == NULL || memory->under_way || disks_are_looked_at(memory->disks) ||
        !store_gathered(store) || !is_due(memory, now))
        return;
    struct note *note = mem_zalloc(sizeof *note);
    note->job.run = note_run;
    note->job.done = note_done;
    note->job.owner = memory;
    note->path = mem_strdup(memory->path);
    note->read_only = store->read_only;
    memory_take(memory, &note->history);
    note->now = clock_now();
    note->want_past = memory->want_past && store->past == NULL;
    note_gather(note, store);
    note->thin = !note->read_only && (memory->thinned_mono_ms == 0 ||
                                      now - memory->thinned_mono_ms >= THIN_INTERVAL_MS);
    if (note->thin)
        memory->thinned_mono_ms = now;
    memory->noted_mono_ms = now;
    job_start(memory->hub, &note->job);
}

const char *memory_path(const struct memory *memory)
{
    return memory->path;
}

bool memory_take(struct memory *memory, struct history **ret_history)
{
    if (memory->under_way)
        return false;
    memory->under_way = true;
    *ret_history = memory->history;
    return true;
}

void memory_give(struct memory *memory, struct history *history)
{
    memory->under_way = false;
    memory->history = history;
}

struct memory *memory_new(struct hub *hub, struct disks *disks, const struct bilge_options *options)
{
    struct memory *memory = mem_zalloc(sizeof *memory);
    memory->hub = hub;
    memory->store = hub_store(hub);
    memory->disks = disks;
    memory->want_past = options->watch || !options->skip_engine;
    mem_replace(&memory->path, options->history_path);
    memory->store->history_load = memory->path != NULL ? LOAD_PENDING : LOAD_DONE;
    hub_set_turn(hub, TURN_REMEMBER, turn, memory);
    return memory;
}

void memory_free(struct memory *memory)
{
    if (!memory->under_way) /* else work that hangs still has it */
        history_close(memory->history);
    free(memory->path);
    free(memory);
}

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

/* On the loop: what is to be written down and looked up. */
static void note_gather(struct note *note, const struct store *store)
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

/* On the pool; the job is a note. Without a history the texts of layers come
 * from the records alone. */
static void note_run(struct job *job)
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

/* All but the history. */
static void note_free(struct note *note)
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

/* How the sizes of caches went: of what history has sampled, each size that
 * differs from the one before, which is about one for each build. */

#define SPAN (30 * 24 * 3600 * CLOCK_SECOND)

void trend_read(struct trend *trend, struct history *history, int64_t now)
{
    struct history_point *points = NULL;
    char *series = mem_printf("cache:%s", trend->id);
    size_t len = 0;
    if (history_points(history, series, now - SPAN, &points, &len, NULL) < 0)
        len = 0;
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && points[i].bytes == points[i - 1].bytes)
            continue;
        if (trend->len == SERVICE_TREND)
            memmove(trend->sizes, trend->sizes + 1, --trend->len * sizeof *trend->sizes);
        trend->sizes[trend->len++] = points[i].bytes;
    }
    free(points);
    free(series);
}

void trend_put(const struct trend *trend, struct store *store)
{
    struct service *service = store_get_service(store, trend->id);
    if (service == NULL)
        return;
    memcpy(service->trend, trend->sizes, sizeof service->trend);
    service->trend_len = trend->len;
}
