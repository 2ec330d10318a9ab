/* The builder of before BuildKit (DOCKER_BUILDKIT=0):
 *
 *     Step 3/9 : WORKDIR /app
 *      ---> Using cache
 *      ---> 6eb3c86b0b8b
 *
 * One step after the other, each service from 1 again. What a step's command
 * prints comes among these lines, and may look like any of them; but the builder
 * says " ---> Running in ID" before it and "Removing intermediate container ID"
 * (or " ---> Removed …") after it, and nothing between. Of compose, version 1
 * alone names the service, "Building api", and does so on the other stream: it
 * may come before or after the steps, so headings and first steps are counted.
 * Times are ours, for it tells none. */
#include "core/builds/progress/progress.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/builds/progress/reason.h"
#include "core/builds/progress/remarks.h"
#include "core/builds/progress/streams.h"

#define SERVICES_MAX 1000
#define CONTAINER_LEN 12 /* of its id, as the builder shows it */

struct legacy {
    struct build *build;
    struct streams streams;
    int64_t now_mono_ms;
    int current;                       /* the step that runs; 0: none */
    char container[CONTAINER_LEN + 1]; /* in which its command runs; "": none does */
    struct {                           /* the last line of each stream */
        int step;
        enum log_kind kind;
    } last[2];
    int *firsts; /* the first step of each service */
    size_t firsts_len, firsts_cap;
    char **headings; /* the service of each */
    size_t headings_len, headings_cap;
    struct reason reason;
};

static bool starts_with(const char *line, size_t len, const char *prefix)
{
    size_t prefix_len = strlen(prefix);
    return len >= prefix_len && memcmp(line, prefix, prefix_len) == 0;
}

/* "Step 3/9 : ": the bytes of it, 0 when it is something else. */
static size_t parse_step(const char *line, size_t len, int *ret_index, int *ret_total)
{
    int numbers[2] = {0, 0};
    size_t at = 5;
    if (!starts_with(line, len, "Step "))
        return 0;
    for (int i = 0; i < 2; i++) {
        size_t digits = at;
        for (; at < len && line[at] >= '0' && line[at] <= '9'; at++)
            if ((numbers[i] = numbers[i] * 10 + (line[at] - '0')) > BUILD_STEPS_MAX)
                return 0;
        if (at == digits || (i == 0 && (at == len || line[at++] != '/')))
            return 0;
    }
    if (!starts_with(line + at, len - at, " : ") || numbers[0] < 1 || numbers[0] > numbers[1])
        return 0;
    *ret_index = numbers[0];
    *ret_total = numbers[1];
    return at + 3;
}

/* ------------------------------------------------------------------ services */

/* The steps from firsts[which] on, up to those of the next service. */
static void name_service(struct legacy *progress, size_t which)
{
    struct build *build = progress->build;
    int first = progress->firsts[which];
    int next = which + 1 < progress->firsts_len ? progress->firsts[which + 1] : 0;
    for (size_t i = 0; i < build->steps_len; i++) {
        struct step *step = &build->steps[i];
        if (step->number >= first && (next == 0 || step->number < next))
            mem_replace(&step->service, progress->headings[which]);
    }
}

/* "Building api" */
static void read_heading(struct legacy *progress, const char *name, size_t len)
{
    size_t which = progress->headings_len;
    if (len == 0 || len > 255 || memchr(name, ' ', len) != NULL || which == SERVICES_MAX)
        return;
    mem_reserve((void **)&progress->headings, &progress->headings_cap, which + 1,
                sizeof *progress->headings);
    progress->headings[which] = mem_strndup(name, len);
    progress->headings_len++;
    if (which < progress->firsts_len)
        name_service(progress, which);
}

static void set_service(struct legacy *progress, struct step *step)
{
    size_t which = progress->firsts_len - 1;
    if (which < progress->headings_len)
        mem_replace(&step->service, progress->headings[which]);
    else if (progress->build->services_len == 1)
        mem_replace(&step->service, progress->build->services[0]);
}

/* --------------------------------------------------------------------- steps */

static struct step *current_step(struct legacy *progress)
{
    return progress->current > 0 ? build_step(progress->build, progress->current) : NULL;
}

static void end_current(struct legacy *progress, enum step_state state)
{
    struct step *step = current_step(progress);
    if (step != NULL && !step_is_over(step))
        step_end(step, state, -1, progress->now_mono_ms);
}

static void begin_step(struct legacy *progress, int index, int total, const char *text, size_t len)
{
    struct build *build = progress->build;
    int last = build->steps_len > 0 ? build->steps[build->steps_len - 1].number : 0;
    end_current(progress, STEP_DONE);
    struct step *step = build_step(build, last + 1);
    progress->current = step != NULL ? step->number : 0;
    if (step == NULL)
        return;
    if ((index == 1 || progress->firsts_len == 0) && progress->firsts_len < SERVICES_MAX) {
        mem_reserve((void **)&progress->firsts, &progress->firsts_cap, progress->firsts_len + 1,
                    sizeof *progress->firsts);
        progress->firsts[progress->firsts_len++] = step->number;
    }
    build_name_step(build, step, text, len);
    step->index = index;
    step->total = total;
    step->internal = false;
    set_service(progress, step);
    step_start(step, progress->now_mono_ms);
}

/* A text, the id of an image or a container, and nothing more. */
static bool is_text_and_id(const char *line, size_t len, const char *text)
{
    size_t text_len = strlen(text);
    if (len != text_len + CONTAINER_LEN || !starts_with(line, len, text))
        return false;
    for (size_t i = text_len; i < len; i++)
        if (line[i] == '\0' || strchr("0123456789abcdef", line[i]) == NULL)
            return false;
    return true;
}

/* Does the line say that the container has gone? Output without a newline may
 * stand before that: *ret_output tells. */
static bool is_removal(const struct legacy *progress, const char *line, size_t len,
                       bool *ret_output)
{
    static const char *const texts[] = {"Removing intermediate container ",
                                        " ---> Removed intermediate container "};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t said = strlen(texts[i]) + CONTAINER_LEN;
        if (len < said || !is_text_and_id(line + len - said, said, texts[i]) ||
            memcmp(line + len - CONTAINER_LEN, progress->container, CONTAINER_LEN) != 0)
            continue;
        *ret_output = len > said;
        return true;
    }
    return false;
}

/* The builder's own word. */
static enum log_kind read_own(struct legacy *progress, const char *line, size_t len)
{
    int index, total;
    size_t prefix = parse_step(line, len, &index, &total);
    if (prefix > 0) {
        begin_step(progress, index, total, line + prefix, len - prefix);
        return LOG_NAME;
    }
    if (is_text_and_id(line, len, " ---> Running in ")) {
        memcpy(progress->container, line + len - CONTAINER_LEN, CONTAINER_LEN);
    } else if (starts_with(line, len, " ---> Using cache")) {
        end_current(progress, STEP_CACHED);
    } else if (is_text_and_id(line, len, " ---> ")) {
        end_current(progress, STEP_DONE);
    } else if (is_text_and_id(line, len, "Successfully built ") ||
               starts_with(line, len, "Sending build context to ")) {
        end_current(progress, STEP_DONE);
        progress->current = 0;
    }
    return reason_line_kind(line, len);
}

/* Said by the builder or by compose, and not by a command. */
static enum log_kind read_said(struct legacy *progress, int stream, const char *line, size_t len)
{
    enum log_kind kind = stream == 1 ? read_own(progress, line, len) : reason_line_kind(line, len);
    if (starts_with(line, len, "Building "))
        read_heading(progress, line + 9, len - 9);
    if (starts_with(line, len, "[Warning] "))
        build_add_warning(progress->build, progress->current, line + 10, len - 10, NULL, NULL, 0);
    else
        reason_look(&progress->reason, stream, line, len);
    return kind;
}

/* What a step that runs no command tells: how its image is fetched. */
static bool is_news(enum log_kind kind, int stream, const char *line, size_t len)
{
    return stream == 1 && kind != LOG_NAME && len > 0 && !starts_with(line, len, " ---> ") &&
           !starts_with(line, len, "Successfully built ") &&
           !starts_with(line, len, "Sending build context to ");
}

/* Printed by a command, or the end of it. */
static enum log_kind read_output(struct legacy *progress, const char *line, size_t len,
                                 bool *ret_output)
{
    *ret_output = true;
    if (is_removal(progress, line, len, ret_output))
        progress->container[0] = '\0';
    return *ret_output ? LOG_OUTPUT : LOG_OTHER;
}

static void on_line(void *arg, int stream, const char *text, size_t len, bool continues)
{
    struct legacy *progress = arg;
    struct build *build = progress->build;
    bool output = false;
    struct buildlog_line line = {.text = text, .len = len, .stream = stream};
    if (stream == 1 && progress->container[0] != '\0') { /* commands print there alone */
        line.kind = read_output(progress, text, len, &output);
        line.step = progress->current;
    } else if (continues) { /* the rest of a very long line, whatever it looks like */
        line.kind = progress->last[stream == 2].kind;
        line.step = progress->last[stream == 2].step;
    } else {
        line.kind = read_said(progress, stream, text, len);
        line.step = progress->current;
        output = is_news(line.kind, stream, text, len);
    }
    buildlog_add(build->log, &line);
    progress->last[stream == 2].step = line.step;
    progress->last[stream == 2].kind = line.kind;
    struct step *step = current_step(progress);
    if (output && step != NULL)
        step->last_line = buildlog_end(build->log);
}

/* ---------------------------------------------------------------- life cycle */

static void *legacy_open(struct build *build)
{
    struct legacy *progress = mem_zalloc(sizeof *progress);
    progress->build = build;
    streams_init(&progress->streams, on_line, progress);
    return progress;
}

static void legacy_feed(void *arg, int stream, const char *data, size_t len, int64_t now_mono_ms)
{
    struct legacy *progress = arg;
    progress->now_mono_ms = now_mono_ms;
    streams_feed(&progress->streams, stream, data, len);
    progress->build->revision++;
}

/* The step that was under way when the reason came is the one that failed. */
static void legacy_end(void *arg, int64_t now_mono_ms)
{
    struct legacy *progress = arg;
    progress->now_mono_ms = now_mono_ms;
    streams_end(&progress->streams);
    reason_settle(&progress->reason, progress->build);
    struct step *step = current_step(progress);
    if (step != NULL && !step_is_over(step) && progress->build->error != NULL) {
        mem_replace(&step->error, progress->build->error);
        end_current(progress, STEP_FAILED);
    }
    progress->build->revision++;
}

static void legacy_close(void *arg)
{
    struct legacy *progress = arg;
    streams_done(&progress->streams);
    for (size_t i = 0; i < progress->headings_len; i++)
        free(progress->headings[i]);
    free(progress->headings);
    free(progress->firsts);
    reason_done(&progress->reason);
    free(progress);
}

const struct progress_ops progress_legacy = {
    .name = "legacy",
    .readable = true,
    .open = legacy_open,
    .feed = legacy_feed,
    .end = legacy_end,
    .close = legacy_close,
};
