#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/build/build.h"

/* Finds or makes; NULL past the cap. */
static struct step_transfer *put_transfer(struct step *step, const char *name, size_t len)
{
    len = strnlen(name, len < STEP_TEXT_MAX ? len : STEP_TEXT_MAX);
    for (size_t i = step->transfers_len; i-- > 0;)
        if (strncmp(step->transfers[i].name, name, len) == 0 &&
            step->transfers[i].name[len] == '\0')
            return &step->transfers[i];
    if (step->transfers_len == STEP_TRANSFERS_MAX)
        return NULL;
    mem_reserve((void **)&step->transfers, &step->transfers_cap, step->transfers_len + 1,
                sizeof *step->transfers);
    struct step_transfer *made = &step->transfers[step->transfers_len++];
    *made = (struct step_transfer){.name = mem_strndup(name, len)};
    return made;
}

/* Which one the step shows: NULL, none. */
static void show_transfer(struct step *step, const struct step_transfer *transfer)
{
    step->current = transfer != NULL ? transfer->current : 0;
    step->goal = transfer != NULL ? transfer->goal : 0;
    if (transfer == NULL || step->transfer == NULL || strcmp(step->transfer, transfer->name) != 0)
        mem_replace(&step->transfer, transfer != NULL ? transfer->name : NULL);
}

void step_transfer(struct step *step, const char *name, size_t len, int64_t current, int64_t goal)
{
    struct step_transfer *transfer = put_transfer(step, name, len);
    if (transfer == NULL)
        return;
    transfer->current = current;
    transfer->goal = goal;
    transfer->over = false;
    show_transfer(step, transfer);
}

void step_transfer_over(struct step *step, const char *name, size_t len, int64_t bytes)
{
    struct step_transfer *transfer = put_transfer(step, name, len);
    const struct step_transfer *next = NULL;
    if (transfer == NULL)
        return;
    transfer->over = true;
    if (bytes > 0)
        transfer->current = transfer->goal = bytes;
    if (step->transfer == NULL || strcmp(step->transfer, transfer->name) != 0)
        return;
    for (size_t i = 0; i < step->transfers_len; i++)
        if (!step->transfers[i].over)
            next = &step->transfers[i];
    show_transfer(step, next);
}

void step_end_transfers(struct step *step)
{
    for (size_t i = 0; i < step->transfers_len; i++)
        step->transfers[i].over = true;
    show_transfer(step, NULL);
}

struct step_transfer_sum step_transfer_sum(const struct step *step)
{
    struct step_transfer_sum sum = {.len = step->transfers_len};
    for (size_t i = 0; i < step->transfers_len; i++) {
        const struct step_transfer *one = &step->transfers[i];
        sum.over += one->over;
        if (one->goal <= 0)
            continue;
        sum.goal += one->goal;
        sum.current += one->over || one->current > one->goal ? one->goal : one->current;
    }
    return sum;
}
