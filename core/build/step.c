#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/build/build.h"

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

bool step_last_line(const struct build *build, const struct step *step,
                    struct buildlog_line *ret_line)
{
    struct buildlog_line line;
    if (step->last_line == 0 || buildlog_glance(build->log, step->last_line - 1, &line) != 0)
        return false;
    buildlog_strip_line(&line);
    *ret_line = line;
    return true;
}
