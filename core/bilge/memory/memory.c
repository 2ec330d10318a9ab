/* What bilge remembers from run to run: samples of sizes, the texts of layers,
 * and from the samples the outlook. Reads the store when it has settled, and
 * again when it has moved, a minute later at the earliest, or now and then; all
 * work with the file is a job on the pool, one at a time (note.c).
 *
 * Without the file (a full disk, no home, read-only) everything else goes on:
 * the texts of layers then come from the engine's records alone. */
#include "core/bilge/memory/memory.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/bilge/engines/engines.h"
#include "core/bilge/memory/note.h"

#define INTERVAL_MS 60000
/* Also when nothing has moved: then it is known that nothing has. */
#define QUIET_INTERVAL_MS (15 * 60000)
#define THIN_INTERVAL_MS (6 * 3600000)

static void put(struct bilge *bilge, struct note *note)
{
    struct store *store = bilge->store;
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
    owning_refresh(bilge, store->scanning);
    store->history_load = note->history != NULL ? LOAD_DONE : LOAD_FAILED;
    mem_replace(&store->history_error, note->error);
    bilge_moved(bilge);
    bilge->memory.revision = store->revision;
}

static void note_done(struct job *job, bool cancelled)
{
    struct note *note = (struct note *)job;
    struct bilge *bilge = job->bilge;
    bilge->memory.under_way = false;
    bilge->memory.history = note->history;
    if (!cancelled && !bilge->closing)
        put(bilge, note);
    note_free(note);
}

static bool is_due(const struct bilge *bilge, int64_t now_mono_ms)
{
    const struct memory *memory = &bilge->memory;
    int64_t since = now_mono_ms - memory->noted_mono_ms;
    return memory->noted_mono_ms == 0 || since >= QUIET_INTERVAL_MS ||
           (since >= INTERVAL_MS && memory->revision != bilge->store->revision);
}

void memory_step(struct bilge *bilge)
{
    struct memory *memory = &bilge->memory;
    int64_t now = clock_mono_ms();
    if (projects_step(bilge) || memory->path == NULL || memory->under_way || bilge->disk_job || bilge->closing ||
        !store_gathered(bilge->store) || !is_due(bilge, now))
        return;
    struct note *note = mem_zalloc(sizeof *note);
    note->job.run = note_run;
    note->job.done = note_done;
    note->path = mem_strdup(memory->path);
    note->read_only = bilge->read_only;
    note->history = memory->history;
    note->now = clock_now();
    note->want_past = (bilge->watching || !bilge->skip_engine) && bilge->store->past == NULL;
    note_gather(note, bilge->store);
    note->thin = !note->read_only && (memory->thinned_mono_ms == 0 ||
                                      now - memory->thinned_mono_ms >= THIN_INTERVAL_MS);
    if (note->thin)
        memory->thinned_mono_ms = now;
    memory->under_way = true;
    memory->noted_mono_ms = now;
    job_start(bilge, &note->job);
}

void memory_open(struct bilge *bilge, const char *path)
{
    mem_replace(&bilge->memory.path, path);
    bilge->store->history_load = path != NULL ? LOAD_PENDING : LOAD_DONE;
    bilge->store->known_load = path != NULL && !bilge->skip_caches ? LOAD_PENDING : LOAD_DONE;
}

void memory_close(struct bilge *bilge)
{
    history_close(bilge->memory.history);
    free(bilge->memory.path);
}
