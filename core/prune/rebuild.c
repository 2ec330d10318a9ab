#include "core/prune/rebuild.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/store/description.h"

#define MB 1e6
#define DAY_SECONDS 86400.0

/* A restore of an older generation is hardly ever wanted. */
#define GENERATION_WANTED 0.001
#define ABANDONED_WANTED 0.2
#define LIVE_SERVICE_WEIGHT 10
#define STEP_RATE (10 * MB)

/* --------------------------------------------------------- what steps took */

struct timed {
    char *instruction; /* as records name it */
    int64_t duration_ms;
};

struct step_times {
    struct timed *items;
    size_t len, cap;
};

static int by_instruction(const void *a, const void *b)
{
    return strcmp(((const struct timed *)a)->instruction, ((const struct timed *)b)->instruction);
}

static void add_time(struct step_times *times, const char *instruction, int64_t duration_ms)
{
    mem_reserve((void **)&times->items, &times->cap, times->len + 1, sizeof *times->items);
    times->items[times->len++] = (struct timed){record_step_summary(instruction), duration_ms};
}

static void add_build(struct step_times *times, const struct build *build)
{
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct step *step = &build->steps[i];
        if (step->state == STEP_DONE && step->instruction != NULL)
            add_time(times, step->instruction, step->duration_ms);
    }
}

struct step_times *step_times_new(const struct store *store)
{
    struct step_times *times = mem_zalloc(sizeof *times);
    for (size_t i = 0; i < store->builds_len; i++)
        add_build(times, store->builds[i]);
    for (size_t i = 0; i < store->step_times_len; i++)
        add_time(times, store->step_times[i].instruction, store->step_times[i].duration_ms);
    if (times->len > 0)
        qsort(times->items, times->len, sizeof *times->items, by_instruction);
    return times;
}

void step_times_free(struct step_times *times)
{
    for (size_t i = 0; times != NULL && i < times->len; i++)
        free(times->items[i].instruction);
    if (times != NULL)
        free(times->items);
    free(times);
}

/* "[builder 4/6] COPY src ." is told without the brackets by a build's step. */
static const char *step_of(const char *words)
{
    const char *end = words[0] == '[' ? strstr(words, "] ") : NULL;
    return end != NULL ? end + strlen("] ") : words;
}

/* The longest of those with this text; -1: never seen to run. */
static int64_t find_ms(const struct step_times *times, const char *name)
{
    const struct timed wanted = {(char *)name, 0};
    const struct timed *found =
        times != NULL && times->len > 0
            ? bsearch(&wanted, times->items, times->len, sizeof wanted, by_instruction)
            : NULL;
    if (found == NULL)
        return -1;
    while (found > times->items && by_instruction(found - 1, &wanted) == 0)
        found--;
    int64_t longest = 0;
    for (; found < times->items + times->len && by_instruction(found, &wanted) == 0; found++)
        longest = found->duration_ms > longest ? found->duration_ms : longest;
    return longest;
}

/* ---------------------------------------------------------------- seconds */

static double seconds_of(int64_t bytes, double rate)
{
    return bytes > 0 ? (double)bytes / rate : 0;
}

/* Of what no step has been seen to make. */
static double guess_seconds(const struct record *record)
{
    static const struct {
        const char *type;
        double rate;
    } table[] = {
        {"exec.cachemount", 2 * MB},     {"source.local", 100 * MB}, {"frontend", 5 * MB},
        {"source.git.checkout", 5 * MB}, {"internal", 100 * MB},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(record->type, table[i].type) == 0)
            return seconds_of(record->size_bytes, table[i].rate);
    if (record->description[0] == '\0') /* a layer of a base image: loaded, unpacked */
        return seconds_of(record->size_bytes, 20 * MB);
    return 1 + seconds_of(record->size_bytes, STEP_RATE);
}

static double seconds_of_service(const struct store *store, const struct plan_item *item)
{
    const struct service *row = store_service(store, item->service_id);
    return row != NULL && row->cache != NULL ? seconds_of(row->cache->live_bytes, STEP_RATE) : 0;
}

/* ------------------------------------------------------------------- loss */

static double wanted(const struct store *store, const struct plan_item *item, int64_t now)
{
    double days = item->age_s > 0 ? (double)item->age_s / DAY_SECONDS : 0;
    double weight = 1;
    if (item->kind == ITEM_GENERATION)
        weight = GENERATION_WANTED;
    if (item->kind == ITEM_SERVICE) {
        const struct service *row = store_service(store, item->service_id);
        bool abandoned = row != NULL && service_is_abandoned(store, row, now);
        weight = abandoned ? ABANDONED_WANTED : LIVE_SERVICE_WEIGHT;
    }
    return weight / (1 + days);
}

void rebuild_fill(const struct store *store, struct plan_item *item, int64_t now)
{
    if (item->kind == ITEM_SERVICE)
        item->rebuild_s = seconds_of_service(store, item);
    else if (item->kind == ITEM_GENERATION && item->loses != NULL)
        item->rebuild_s = seconds_of(item->size_bytes, STEP_RATE);
    item->loss = item->rebuild_s * wanted(store, item, now);
}

/* ---------------------------------------------------------------- records */

static char *step_loses(const struct store *store, const struct record *record, int64_t took_ms)
{
    char took[TEXT_AGE_SIZE];
    char *name = record_name(store, record);
    char *text = took_ms < 0 ? mem_printf("this step runs again: %s", name)
                             : mem_printf("this step runs again: %s (took %s)", name,
                                          text_duration(took, took_ms));
    free(name);
    return text;
}

static char *record_loses(const struct store *store, const struct record *record, int64_t took_ms)
{
    static const struct {
        const char *type, *text;
    } table[] = {
        {"exec.cachemount", "the content of this cache mount: no export has it"},
        {"source.local", "the next build sends these files to the engine again"},
        {"source.git.checkout", "the next build fetches this repository again"},
        {"frontend", "the next build loads the Dockerfile frontend again"},
        {"internal", NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(record->type, table[i].type) == 0)
            return table[i].text != NULL ? mem_strdup(table[i].text) : NULL;
    if (record->description[0] == '\0')
        return mem_strdup("the next build unpacks this layer of a base image again");
    return step_loses(store, record, took_ms);
}

void rebuild_fill_record(const struct store *store, const struct step_times *times,
                         const struct record *record, struct plan_item *item)
{
    bool step = strcmp(record->type, "regular") == 0 && record->description[0] != '\0';
    char *words = record_summary(store, record);
    int64_t took_ms = step ? find_ms(times, step_of(words)) : -1;
    item->timed = took_ms >= 0;
    item->rebuild_s = item->timed ? (double)took_ms / 1000 : guess_seconds(record);
    item->loses = record_loses(store, record, took_ms);
    free(words);
}
