#include "core/builds/build.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"

const char *build_state_name(enum build_state state)
{
    static const char *const names[] = {
        [BUILD_RUNNING] = "running", [BUILD_STOPPING] = "stopping",   [BUILD_DONE] = "done",
        [BUILD_FAILED] = "failed",   [BUILD_CANCELLED] = "cancelled", [BUILD_QUEUED] = "queued",
    };
    return names[state];
}

struct build *build_new(uint64_t id, const char *const *services, size_t services_len,
                        const char *command, size_t log_max_bytes)
{
    struct build *build = mem_zalloc(sizeof *build);
    build->id = id;
    build->services = mem_zalloc(services_len * sizeof *build->services);
    for (size_t i = 0; i < services_len; i++)
        build->services[i] = mem_strdup(services[i]);
    build->services_len = services_len;
    build->command = mem_strdup(command);
    build->exit_status = -1;
    build->started_at = clock_now();
    build->started_mono_ms = clock_mono_ms();
    build->log = buildlog_new(log_max_bytes);
    return build;
}

static void step_done(struct step *step)
{
    free(step->name);
    free(step->service);
    free(step->platform);
    free(step->stage);
    free(step->instruction);
    free(step->transfer);
    for (size_t i = 0; i < step->transfers_len; i++)
        free(step->transfers[i].name);
    free(step->transfers);
    free(step->error);
}

void build_excerpt_done(struct build_excerpt *excerpt)
{
    free(excerpt->file);
    free(excerpt->text);
    *excerpt = (struct build_excerpt){0};
}

bool build_excerpt_is_line(const char *text, size_t len)
{
    static const char rule[] = "--------------------";
    size_t at = 0;
    if (len == sizeof rule - 1 && memcmp(text, rule, len) == 0)
        return true;
    while (at < len && text[at] == ' ')
        at++;
    size_t digits = at;
    while (at < len && text[at] >= '0' && text[at] <= '9')
        at++;
    return at > digits && len - at >= 2 && memcmp(text + at, " |", 2) == 0;
}

static void warning_done(struct build_warning *warning)
{
    free(warning->text);
    free(warning->url);
    free(warning->file);
}

void build_free(struct build *build)
{
    if (build == NULL)
        return;
    for (size_t i = 0; i < build->services_len; i++)
        free(build->services[i]);
    for (size_t i = 0; i < build->steps_len; i++)
        step_done(&build->steps[i]);
    for (size_t i = 0; i < build->warnings_len; i++)
        warning_done(&build->warnings[i]);
    build_excerpt_done(&build->excerpt);
    free(build->warnings);
    strlist_done(&build->build_args);
    strlist_done(&build->profiles);
    free(build->compose_file);
    free(build->kind);
    free(build->services);
    free(build->steps);
    free(build->command);
    free(build->error);
    free(build->way);
    free(build->tool);
    buildlog_free(build->log);
    free(build);
}

void build_begin(struct build *build)
{
    build->state = BUILD_RUNNING;
    build->place = 0;
    build->started_at = clock_now();
    build->started_mono_ms = clock_mono_ms();
    build->revision++;
}

void build_end(struct build *build, enum build_state state, int exit_status, int64_t now_mono_ms)
{
    build->state = state;
    build->exit_status = exit_status;
    build->duration_ms = now_mono_ms - build->started_mono_ms;
    build->revision++;
    if (state != BUILD_FAILED) {
        free(build->error);
        build->error = NULL;
    }
    for (size_t i = 0; i < build->steps_len; i++)
        if (build->steps[i].state == STEP_RUNNING)
            step_end(&build->steps[i], state == BUILD_DONE ? STEP_DONE : STEP_CANCELLED, -1,
                     now_mono_ms);
}

void build_set_error(struct build *build, const char *text, size_t len)
{
    struct buf clean = {0};
    text_clean(&clean, text, len < STEP_TEXT_MAX ? len : STEP_TEXT_MAX);
    free(build->error);
    build->error = buf_take(&clean);
    build->revision++;
}

/* Where the step with this number stands, or would stand. */
static size_t step_position(const struct build *build, int number)
{
    /* Numbers mostly come without gaps. */
    size_t guess = (size_t)number - 1;
    if (guess < build->steps_len && build->steps[guess].number == number)
        return guess;
    size_t low = 0, high = build->steps_len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (build->steps[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct step *build_step(struct build *build, int number)
{
    if (number < 1 || number > BUILD_STEPS_MAX)
        return NULL;
    size_t at = step_position(build, number);
    if (at < build->steps_len && build->steps[at].number == number)
        return &build->steps[at];
    mem_reserve((void **)&build->steps, &build->steps_cap, build->steps_len + 1,
                sizeof *build->steps);
    memmove(&build->steps[at + 1], &build->steps[at],
            (build->steps_len - at) * sizeof *build->steps);
    build->steps_len++;
    build->steps[at] = (struct step){
        .number = number,
        .name = mem_strdup(""),
        .instruction = mem_strdup(""),
        .internal = true,
    };
    return &build->steps[at];
}

const struct step *build_find_step(const struct build *build, int number)
{
    if (number < 1)
        return NULL;
    size_t at = step_position(build, number);
    return at < build->steps_len && build->steps[at].number == number ? &build->steps[at] : NULL;
}

bool build_has_service(const struct build *build, const char *service)
{
    for (size_t i = 0; i < build->services_len; i++)
        if (strcmp(build->services[i], service) == 0)
            return true;
    return build->services_len == 0;
}

/* -------------------------------------------------------------- counting */

static bool same_or_null(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_stage(const struct step *a, const struct step *b)
{
    return a->total == b->total && same_or_null(a->stage, b->stage) &&
           same_or_null(a->service, b->service) && same_or_null(a->platform, b->platform);
}

/* An instruction of the Dockerfile; `service` NULL: of any. */
static bool is_counted(const struct step *step, const char *service)
{
    return !step->internal && (service == NULL || same_or_null(step->service, service));
}

/* What the names promise: the sum of n over all stages with steps "i/n". Few
 * stages are remembered; steps beyond those count for themselves. */
static size_t promised_total(const struct build *build, const char *service)
{
    const struct step *stages[64];
    size_t stages_len = 0, total = 0;
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct step *step = &build->steps[i];
        if (!is_counted(step, service))
            continue;
        size_t known = 0;
        while (known < stages_len && !same_stage(stages[known], step))
            known++;
        if (known < stages_len)
            continue;
        if (stages_len < sizeof stages / sizeof stages[0]) {
            stages[stages_len++] = step;
            total += (size_t)step->total;
        } else {
            total++;
        }
    }
    return total;
}

static void count_step(const struct step *step, struct build_counts *counts)
{
    counts->total++;
    counts->over += step_is_over(step);
    counts->running += step->state == STEP_RUNNING;
    counts->failed += step->state == STEP_FAILED;
    if (strncmp(step->instruction, "FROM ", 5) == 0)
        return;
    counts->cached += step->state == STEP_CACHED;
    counts->uncached += step->state == STEP_DONE || step->state == STEP_FAILED;
}

static struct build_counts count(const struct build *build, const char *service)
{
    struct build_counts counts = {0};
    for (size_t i = 0; i < build->steps_len; i++)
        if (is_counted(&build->steps[i], service))
            count_step(&build->steps[i], &counts);
    size_t promised = promised_total(build, service);
    if (!build_is_over(build) && promised > counts.total)
        counts.total = promised;
    return counts;
}

struct build_counts build_count(const struct build *build)
{
    return count(build, NULL);
}

struct build_counts build_count_service(const struct build *build, const char *service)
{
    return count(build, service);
}

const char *step_state_name(enum step_state state)
{
    static const char *const names[] = {
        [STEP_WAITING] = "waiting", [STEP_RUNNING] = "running", [STEP_DONE] = "done",
        [STEP_CACHED] = "cached",   [STEP_FAILED] = "failed",   [STEP_CANCELLED] = "cancelled",
    };
    return names[state];
}

void step_start(struct step *step, int64_t now_mono_ms)
{
    if (step->started_mono_ms == 0)
        step->started_mono_ms = now_mono_ms;
    step->state = STEP_RUNNING;
}

static void set_text(char **slot, const char *text, size_t len)
{
    free(*slot);
    *slot = mem_strndup(text, len < STEP_TEXT_MAX ? len : STEP_TEXT_MAX);
}

void step_end(struct step *step, enum step_state state, int64_t duration_ms, int64_t now_mono_ms)
{
    if (step->started_mono_ms == 0)
        step->started_mono_ms = now_mono_ms;
    step->duration_ms = duration_ms >= 0 ? duration_ms : now_mono_ms - step->started_mono_ms;
    if (state == STEP_CACHED && duration_ms < 0)
        step->duration_ms = 0;
    step->state = state;
    step_end_transfers(step);
}

/* ------------------------------------------------------------------ names
 *
 * The brackets hold, each of them optional, in this order:
 *     [service platform stage index/total] INSTRUCTION
 *     [service internal] load build definition from Dockerfile
 * Source: compose's and bake's prefix, then buildkit's
 * frontend/dockerfile/dockerfile2llb (prefixCommand). */

struct word {
    const char *text;
    size_t len;
};

static bool word_is(struct word word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.text, text, word.len) == 0;
}

#define WORDS_MAX 6

static size_t split_words(const char *text, size_t len, struct word words[WORDS_MAX])
{
    size_t count = 0;
    const char *end = text + len;
    while (text < end && count < WORDS_MAX) {
        const char *space = memchr(text, ' ', (size_t)(end - text));
        const char *stop = space != NULL ? space : end;
        if (stop > text)
            words[count++] = (struct word){text, (size_t)(stop - text)};
        text = stop + 1;
    }
    return count;
}

/* "4/6", both small numbers. */
static bool parse_ordinal(struct word word, int *ret_index, int *ret_total)
{
    int numbers[2] = {0, 0}, which = 0;
    for (size_t i = 0; i < word.len; i++) {
        if (word.text[i] == '/' && which == 0 && i > 0 && i + 1 < word.len)
            which = 1;
        else if (isdigit((unsigned char)word.text[i]) && numbers[which] < BUILD_STEPS_MAX)
            numbers[which] = numbers[which] * 10 + (word.text[i] - '0');
        else
            return false;
    }
    if (which == 0 || numbers[1] > BUILD_STEPS_MAX)
        return false;
    *ret_index = numbers[0];
    *ret_total = numbers[1];
    return true;
}

static void replace(char **slot, struct word word)
{
    set_text(slot, word.text, word.len);
}

/* The words in the brackets, from the outside in. */
static void read_words(struct build *build, struct step *step, struct word *words, size_t count)
{
    bool internal = count > 0 && word_is(words[count - 1], "internal");
    if (internal && count == 2)
        build->names_services = true;
    if (internal || (count == 1 && word_is(words[0], "auth")))
        count--;
    else if (count > 0 && parse_ordinal(words[count - 1], &step->index, &step->total))
        count--;
    if (build->names_services && count > 0) {
        replace(&step->service, words[0]);
        words++;
        count--;
    }
    if (step->total == 0)
        return;
    if (count > 0 && memchr(words[0].text, '/', words[0].len) != NULL) {
        replace(&step->platform, words[0]);
        words++;
        count--;
    }
    if (count > 0)
        replace(&step->stage, words[0]);
}

static void forget_name(struct step *step)
{
    free(step->service);
    free(step->platform);
    free(step->stage);
    step->service = step->platform = step->stage = NULL;
    step->index = step->total = 0;
}

void build_name_step(struct build *build, struct step *step, const char *name, size_t len)
{
    forget_name(step);
    set_text(&step->name, name, len);
    const char *instruction = name;
    const char *bracket = len > 0 && name[0] == '[' ? memchr(name, ']', len) : NULL;
    if (bracket != NULL) {
        struct word words[WORDS_MAX];
        size_t count = split_words(name + 1, (size_t)(bracket - name) - 1, words);
        read_words(build, step, words, count);
        instruction = bracket + 1;
        while (instruction < name + len && *instruction == ' ')
            instruction++;
    }
    set_text(&step->instruction, instruction, (size_t)(name + len - instruction));
    step->internal = step->total == 0;
    if (!build->names_services && build->services_len == 1)
        mem_replace(&step->service, build->services[0]);
    build->revision++;
}

/* ------------------------------------------------------------------ output */

bool step_error_line(const struct build *build, const struct step *step,
                     struct buildlog_line *ret_line)
{
    return step->error_line > 0 && buildlog_glance(build->log, step->error_line - 1, ret_line) == 0;
}

bool step_last_line(const struct build *build, const struct step *step,
                    struct buildlog_line *ret_line)
{
    return step->last_line > 0 && buildlog_glance(build->log, step->last_line - 1, ret_line) == 0;
}

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
