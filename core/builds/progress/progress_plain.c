#include "core/builds/progress/progress.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/builds/progress/reason.h"
#include "core/builds/progress/remarks.h"
#include "core/builds/progress/span.h"
#include "core/builds/progress/streams.h"

struct plain;

/* What must be remembered of one stream between two lines. */
struct plain_view {
    struct plain *progress;
    int stream; /* 1 stdout, 2 stderr */
    struct excerpt_reader excerpt;
    bool after_blank; /* then "#5 text" names a step: the view moves to it */
    bool in_failure_block;
    int block_step;     /* the step that the failure block is about; 0: not known */
    int step;           /* of the last line; 0: none */
    enum log_kind kind; /* of the last line */
    /* The step that has just printed output: more of it mostly follows. */
    int hot_step;        /* 0: none */
    int hot_number;      /* as the tool calls it */
    char hot_prefix[16]; /* "#12 " */
    size_t hot_prefix_len;
};

struct plain {
    struct build *build;
    struct streams streams;
    struct plain_view views[2];
    int64_t now_mono_ms;
    int base;      /* added to "#N": compose 1 starts anew with each service */
    char *heading; /* the service of compose 1's "Building api"; NULL: none */
    struct reason reason;
};

/* ---------------------------------------------------------- a step's lines */

/* "sha256:… 1.05MB / 30.00MB 1.2s done" */
static void read_status(struct step *step, struct span rest, int64_t now_mono_ms)
{
    int64_t ms, current = 0, goal = 0, size;
    bool over = span_cut_end(&rest, " done");
    span_cut_seconds(&rest, &ms);
    if (span_cut_size(&rest, &size)) {
        current = size;
        if (span_cut_end(&rest, " /")) {
            goal = current;
            current = 0;
            if (span_cut_size(&rest, &size))
                current = size;
        }
    }
    if (over) {
        step_transfer_over(step, rest.text, rest.len, goal > 0 ? goal : current);
        return;
    }
    step_start(step, now_mono_ms);
    step_transfer(step, rest.text, rest.len, current, goal);
}

/* CACHED, DONE 1.2s, CANCELED, ERROR: …; false: none of these. */
static bool read_end(struct plain *progress, struct step *step, struct span rest)
{
    int64_t ms = -1, now = progress->now_mono_ms;
    if (span_is(rest, "CACHED")) {
        step_end(step, STEP_CACHED, ms, now);
    } else if (span_is(rest, "DONE")) {
        step_end(step, STEP_DONE, ms, now);
    } else if (span_starts(rest, "DONE ") && span_cut_seconds(&rest, &ms) && rest.len == 4) {
        step_end(step, STEP_DONE, ms, now);
    } else if (span_is(rest, "CANCELED")) {
        step_end(step, STEP_CANCELLED, ms, now);
    } else if (span_starts(rest, "ERROR: ") || span_is(rest, "ERROR")) {
        size_t cut = rest.len > 7 ? 7 : rest.len;
        size_t len = rest.len - cut;
        free(step->error);
        step->error = mem_strndup(rest.text + cut, len < STEP_TEXT_MAX ? len : STEP_TEXT_MAX);
        step_end(step, STEP_FAILED, ms, now);
    } else {
        return false;
    }
    return true;
}

static bool is_name_of(const struct step *step, struct span rest)
{
    size_t len = strlen(step->name);
    return rest.len >= len && memcmp(rest.text, step->name, len) == 0 &&
           (rest.len == len || len == STEP_TEXT_MAX);
}

/* "sha256:" and 64 digits alone: docker 20.10 says so which vertex it is. */
static bool is_vertex_digest(struct span rest)
{
    return rest.len == 7 + 64 && span_starts(rest, "sha256:");
}

/* A step's line that is no output. */
static void read_event(struct plain_view *view, struct step *step, struct span rest)
{
    struct plain *progress = view->progress;
    if (rest.len == 0 || span_is(rest, "...") || read_end(progress, step, rest))
        return;
    if (span_starts(rest, "WARN: ")) {
        build_add_warning(progress->build, step->number, rest.text + 6, rest.len - 6, NULL, NULL,
                          0);
    } else if (step->name[0] == '\0') {
        build_name_step(progress->build, step, rest.text, rest.len);
        if (progress->heading != NULL)
            mem_replace(&step->service, progress->heading);
        step_start(step, progress->now_mono_ms);
    } else if (!is_name_of(step, rest) && !is_vertex_digest(rest) && !view->after_blank) {
        read_status(step, rest, progress->now_mono_ms);
    }
}

/* ------------------------------------------- lines that belong to no step */

/* " > [api 2/2] RUN make:" */
static int find_step_named(const struct build *build, struct span name)
{
    for (size_t i = build->steps_len; i-- > 0;)
        if (is_name_of(&build->steps[i], name))
            return build->steps[i].number;
    return 0;
}

/* "Building api": compose 1 builds one service after the other, and each
 * counts its steps from 1. */
static void read_heading(struct plain *progress, struct span line)
{
    struct build *build = progress->build;
    struct span name = {line.text + 9, line.len - 9};
    if (name.len == 0 || name.len > 255 || memchr(name.text, ' ', name.len) != NULL)
        return;
    free(progress->heading);
    progress->heading = mem_strndup(name.text, name.len);
    progress->base = build->steps_len > 0 ? build->steps[build->steps_len - 1].number : 0;
    progress->views[0].hot_step = progress->views[1].hot_step = 0;
}

/* Whose the excerpt of the Dockerfile is; 0: nobody's. */
static int find_failed_step(const struct build *build)
{
    for (size_t i = build->steps_len; i-- > 0;)
        if (build->steps[i].state == STEP_FAILED)
            return build->steps[i].number;
    return 0;
}

/* Says which step the line belongs to; 0: none. */
static int read_other(struct plain_view *view, struct span line)
{
    struct plain *progress = view->progress;
    if (span_is(line, "------")) {
        int step = view->block_step;
        view->in_failure_block = !view->in_failure_block;
        view->block_step = 0;
        return step;
    }
    if (view->in_failure_block) {
        if (view->block_step == 0 && span_starts(line, " > ") && span_cut_end(&line, ":"))
            view->block_step =
                find_step_named(progress->build, (struct span){line.text + 3, line.len - 3});
        return view->block_step;
    }
    if (span_starts(line, "Building "))
        read_heading(progress, line);
    reason_look(&progress->reason, view->stream, line.text, line.len);
    return excerpt_look(&view->excerpt, progress->build, line.text, line.len)
               ? find_failed_step(progress->build)
               : 0;
}

static void heat(struct plain_view *view, int step, int number, const char *prefix, size_t len)
{
    view->hot_step = step;
    view->hot_number = number;
    view->hot_prefix_len = len;
    memcpy(view->hot_prefix, prefix, len);
}

static void add_other(struct plain_view *view, struct span text)
{
    struct plain *progress = view->progress;
    bool numbered =
        text.len > 1 && text.text[0] == '#' && text.text[1] >= '0' && text.text[1] <= '9';
    bool again = view->in_failure_block; /* what the failed step has printed, once more */
    struct buildlog_line line = {
        .text = text.text,
        .len = text.len,
        .step = numbered ? 0 : read_other(view, text),
        .stream = view->stream,
        .kind = numbered ? LOG_EVENT : reason_line_kind(text.text, text.len),
    };
    if (again && view->in_failure_block && plain_is_output(text))
        line.kind = LOG_OUTPUT;
    buildlog_add(progress->build->log, &line);
    view->step = line.step;
    view->kind = line.kind;
    view->after_blank = text.len == 0;
}

/* Output, or an event of the step. What is not written as BuildKit does is kept
 * as it came. */
static void add_of_step(struct plain_view *view, struct step *step, struct span text,
                        struct span rest)
{
    struct buildlog_line line = {.step = step->number, .stream = view->stream};
    struct span cut = text;
    bool output = plain_is_output(rest);
    bool known = plain_cut_number(&cut, &line.number) &&
                 (!output || plain_cut_time(&cut, &line.time, &line.decimals));
    if (!known) {
        line.number = 0;
        cut = text;
    }
    line.text = cut.text;
    line.len = cut.len;
    line.kind = !output                             ? plain_event_kind(rest)
                : reason_is_clip(cut.text, cut.len) ? LOG_CLIPPED
                                                    : LOG_OUTPUT;
    buildlog_add(view->progress->build->log, &line);
    view->step = line.step;
    view->kind = line.kind;
    view->hot_step = 0;
    if (known && output)
        heat(view, step->number, line.number, text.text, (size_t)(rest.text - text.text));
}

/* The rest of a very long line: never a step's own word, whatever it looks like. */
static void add_rest(struct plain_view *view, struct span text)
{
    buildlog_add(view->progress->build->log, &(struct buildlog_line){
                                                 .text = text.text,
                                                 .len = text.len,
                                                 .step = view->step,
                                                 .stream = view->stream,
                                                 .kind = view->kind,
                                             });
}

static void on_line(void *arg, int stream, const char *text, size_t len, bool continues)
{
    struct plain *progress = arg;
    struct plain_view *view = &progress->views[stream == 2];
    struct build *build = progress->build;
    struct span rest;
    if (continues) {
        add_rest(view, (struct span){text, len});
        return;
    }
    int number = plain_number(text, len, &rest);
    struct step *step = number > 0 ? build_step(build, progress->base + number) : NULL;
    if (step == NULL) {
        add_other(view, (struct span){text, len});
        return;
    }
    add_of_step(view, step, (struct span){text, len}, rest);
    if (plain_is_output(rest)) {
        step->last_line = buildlog_end(build->log);
        step->clipped = step->clipped || view->kind == LOG_CLIPPED;
        if (step->state == STEP_WAITING)
            step_start(step, progress->now_mono_ms);
    } else {
        read_event(view, step, rest);
    }
    view->after_blank = false;
}

/* --------------------------------------------------------------- in bulk */

/* Takes whole lines of output of one step from the front and says how many
 * bytes they were. This is where a flood goes through: one look and one copy. */
static size_t take_output(struct plain_view *view, const char *data, size_t len)
{
    struct buildlog_line lines[128];
    size_t count = 0, at = 0, prefix = view->hot_prefix_len;
    while (count < sizeof lines / sizeof lines[0] && at < len) {
        const char *newline = memchr(data + at, '\n', len - at);
        size_t whole = newline != NULL ? (size_t)(newline - data) - at : 0;
        if (whole <= prefix || whole > STREAMS_LINE_MAX_BYTES || newline[-1] == ']' ||
            memcmp(data + at, view->hot_prefix, prefix) != 0)
            break;
        struct span rest = {data + at + prefix, whole - prefix};
        struct buildlog_line *line = &lines[count];
        if (!plain_cut_time(&rest, &line->time, &line->decimals))
            break;
        line->text = rest.text;
        line->len = rest.len;
        line->step = view->hot_step;
        line->number = view->hot_number;
        line->stream = view->stream;
        line->kind = LOG_OUTPUT;
        count++;
        at += whole + 1;
    }
    if (count == 0)
        return 0;
    struct build *build = view->progress->build;
    buildlog_add_lines(build->log, lines, count);
    build_step(build, view->hot_step)->last_line = buildlog_end(build->log);
    return at;
}

/* ------------------------------------------------------------ life cycle */

static void *plain_open(struct build *build)
{
    struct plain *progress = mem_zalloc(sizeof *progress);
    progress->build = build;
    streams_init(&progress->streams, on_line, progress);
    for (int i = 0; i < 2; i++)
        progress->views[i] = (struct plain_view){.progress = progress, .stream = i + 1};
    return progress;
}

static void plain_feed(void *arg, int stream, const char *data, size_t len, int64_t now_mono_ms)
{
    struct plain *progress = arg;
    struct plain_view *view = &progress->views[stream == 2];
    progress->now_mono_ms = now_mono_ms;
    while (len > 0) {
        bool bulk = view->hot_step > 0 && streams_at_start(&progress->streams, stream);
        size_t used = bulk ? take_output(view, data, len) : 0;
        if (used == 0) {
            const char *newline = memchr(data, '\n', len);
            used = newline != NULL ? (size_t)(newline - data) + 1 : len;
            streams_feed(&progress->streams, stream, data, used);
        }
        data += used;
        len -= used;
    }
    progress->build->revision++;
}

static void plain_end(void *arg, int64_t now_mono_ms)
{
    struct plain *progress = arg;
    progress->now_mono_ms = now_mono_ms;
    streams_end(&progress->streams);
    reason_settle(&progress->reason, progress->build);
    excerpt_settle(progress->build);
    progress->build->revision++;
}

static void plain_close(void *arg)
{
    struct plain *progress = arg;
    for (int i = 0; i < 2; i++)
        excerpt_done(&progress->views[i].excerpt);
    streams_done(&progress->streams);
    reason_done(&progress->reason);
    free(progress->heading);
    free(progress);
}

const struct progress_ops progress_plain = {
    .name = "plain",
    .readable = true,
    .open = plain_open,
    .feed = plain_feed,
    .end = plain_end,
    .close = plain_close,
};
