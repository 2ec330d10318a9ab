#include "core/history/compare.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/builds/build.h"

#define NOISE_MS 50 /* would show as 0.0 s */

/* ------------------------------------------------------------------ compare */

static bool same_text(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

/* A shared base image is told under any one of its stages; a local cache is
 * known to the engine by the hash of what it holds. */
static bool same_step(const struct history_step *a, const struct history_step *b)
{
    static const char import[] = "importing cache manifest from local:";
    const size_t import_len = sizeof import - 1;
    if (strncmp(a->instruction, import, import_len) == 0)
        return same_text(a->service, b->service) &&
               strncmp(b->instruction, import, import_len) == 0;
    return same_text(a->instruction, b->instruction) &&
           (same_text(a->stage, b->stage) || strncasecmp(a->instruction, "FROM ", 5) == 0);
}

static const struct history_step *take_match(const struct history_build *build, bool *taken,
                                             const struct history_step *step)
{
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct history_step *other = &build->steps[i];
        if (taken[i] || !same_step(other, step))
            continue;
        taken[i] = true;
        return other;
    }
    return NULL;
}

void history_compare(const struct history_build *first, const struct history_build *second,
                     struct history_pair **ret_pairs, size_t *ret_len)
{
    bool *taken = mem_zalloc(first->steps_len + 1);
    struct history_pair *pairs =
        mem_zalloc((first->steps_len + second->steps_len + 1) * sizeof *pairs);
    size_t len = 0;
    for (size_t i = 0; i < second->steps_len; i++) {
        pairs[len].first = take_match(first, taken, &second->steps[i]);
        pairs[len++].second = &second->steps[i];
    }
    for (size_t i = 0; i < first->steps_len; i++)
        if (!taken[i])
            pairs[len++].first = &first->steps[i];
    free(taken);
    *ret_pairs = pairs;
    *ret_len = len;
}

static int64_t time_of(const struct history_step *step)
{
    return step == NULL || step->state == STEP_CACHED ? 0 : step->duration_ms;
}

int64_t history_pair_change_ms(const struct history_pair *pair)
{
    return time_of(pair->second) - time_of(pair->first);
}

static const char *how_before(const struct history_pair *pair)
{
    const struct history_step *step = pair->first;
    return step == NULL                 ? ", which the first did not have"
           : step->state == STEP_CACHED ? ", which the first took from the cache"
                                        : "";
}

static const char *how_after(const struct history_pair *pair)
{
    const struct history_step *step = pair->second;
    return step == NULL                 ? ", which the second does not have"
           : step->state == STEP_CACHED ? ", which the second took from the cache"
                                        : "";
}

char *history_summary(const struct history_build *first, const struct history_build *second,
                      const struct history_pair *pairs, size_t len)
{
    const struct history_pair *most = NULL;
    int64_t more = second->duration_ms - first->duration_ms, change = 0;
    char took[TEXT_AGE_SIZE], part[TEXT_AGE_SIZE];
    struct buf text = {0};
    for (size_t i = 0; i < len; i++) {
        int64_t of_step = history_pair_change_ms(&pairs[i]);
        if ((more > 0 && of_step > change) || (more < 0 && of_step < change)) {
            change = of_step;
            most = &pairs[i];
        }
    }
    if (more > -NOISE_MS && more < NOISE_MS)
        return mem_strdup("both took as long");
    buf_printf(&text, "the second took %s %s", text_duration(took, more < 0 ? -more : more),
               more < 0 ? "less" : "longer");
    if (most != NULL && (change >= NOISE_MS || change <= -NOISE_MS)) {
        const struct history_step *step = most->second != NULL ? most->second : most->first;
        buf_printf(&text, "; most of it: %.200s (%c%s)%s", step->instruction,
                   change < 0 ? '-' : '+', text_duration(part, change < 0 ? -change : change),
                   change < 0 ? how_after(most) : how_before(most));
    }
    return buf_take(&text);
}

/* ------------------------------------------------------------------ medians */

static int compare_builds(const void *left, const void *right)
{
    const struct history_build *a = *(const struct history_build *const *)left;
    const struct history_build *b = *(const struct history_build *const *)right;
    int order = strcmp(a->service, b->service);
    if (order == 0)
        order = strcmp(a->kind, b->kind);
    return order != 0 ? order
                      : (a->duration_ms > b->duration_ms) - (a->duration_ms < b->duration_ms);
}

static bool same_group(const struct history_build *a, const struct history_build *b)
{
    return strcmp(a->service, b->service) == 0 && strcmp(a->kind, b->kind) == 0;
}

void history_medians(const struct history_build *builds, size_t len,
                     struct history_median **ret_medians, size_t *ret_len)
{
    const struct history_build **order = mem_alloc((len + 1) * sizeof(struct history_build *));
    struct history_median *medians = mem_zalloc((len + 1) * sizeof *medians);
    size_t used = 0, groups = 0;
    for (size_t i = 0; i < len; i++)
        if (builds[i].kind != NULL && builds[i].state == BUILD_DONE)
            order[used++] = &builds[i];
    if (used > 0)
        qsort(order, used, sizeof(struct history_build *), compare_builds);
    for (size_t start = 0, end; start < used; start = end) {
        for (end = start + 1; end < used && same_group(order[start], order[end]); end++)
            continue;
        const struct history_build *low = order[start + (end - start - 1) / 2];
        const struct history_build *high = order[start + (end - start) / 2];
        medians[groups++] = (struct history_median){low->service, low->kind, end - start,
                                                    (low->duration_ms + high->duration_ms) / 2};
    }
    free(order);
    *ret_medians = medians;
    *ret_len = groups;
}
