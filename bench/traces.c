#include "bench/traces.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/strlist.h"
#include "core/builds/project/dockerfile.h"

#define EXEC "mount / from exec "
/* Clocks of two machines, or of a machine and its engine, differ a little. */
#define SLACK (2 * CLOCK_SECOND)
/* A Dockerfile, a .dockerignore and a context. */
#define SOURCES_MAX 3
/* A shorter part of a heredoc proves nothing. */
#define PART_MIN 8

struct window {
    int64_t from, to;
    bool sends;
};

struct traces {
    struct strlist marks;    /* as a description has them: with id "bilge-bench-… */
    struct strlist known;    /* ids, sorted */
    struct strlist commands; /* of all RUN, squeezed */
    struct strlist scripts;  /* of those with a heredoc: a record has a part of it */
    struct strlist steps;
    struct window *windows;
    size_t windows_len;
};

struct traces *traces_new(const char *mark)
{
    struct traces *traces = mem_zalloc(sizeof *traces);
    traces_add_mark(traces, mark);
    return traces;
}

void traces_add_mark(struct traces *traces, const char *mark)
{
    strlist_put(&traces->marks, mem_printf("with id \"%s-", mark));
}

void traces_free(struct traces *traces)
{
    if (traces == NULL)
        return;
    strlist_done(&traces->marks);
    strlist_done(&traces->known);
    strlist_done(&traces->commands);
    strlist_done(&traces->scripts);
    strlist_done(&traces->steps);
    free(traces->windows);
    free(traces);
}

void traces_know(struct traces *traces, const struct records *records)
{
    for (size_t i = 0; i < records->len; i++)
        strlist_add(&traces->known, records->items[i].id);
    strlist_sort(&traces->known);
}

/* Without blanks, the backslashes of continued lines and the signs of an exec
 * form's list: how a command was written is not in a record. */
static char *squeeze(const char *text)
{
    char *out = mem_strdup(text), *to = out;
    for (const char *at = text; *at != '\0'; at++)
        if (!isspace((unsigned char)*at) && strchr("\\\",[]", *at) == NULL)
            *to++ = *at;
    *to = '\0';
    return out;
}

static void add_run(struct traces *traces, const struct dockerfile_line *line)
{
    const char *command = line->rest;
    struct buf text = {0};
    while (strncmp(command, "--", 2) == 0) {
        command += strcspn(command, " \t");
        command += strspn(command, " \t");
    }
    buf_append_str(&text, command);
    for (size_t i = 0; i < line->heredocs_len; i++)
        buf_append_str(&text, line->heredocs[i].text.data);
    strlist_put(line->heredocs_len > 0 ? &traces->scripts : &traces->commands, squeeze(text.data));
    buf_done(&text);
}

void traces_add_dockerfile(struct traces *traces, const char *text)
{
    struct dockerfile_lines lines;
    struct dockerfile_line line;
    if (text == NULL)
        return;
    dockerfile_lines_init(&lines, text, strlen(text));
    for (; dockerfile_lines_next(&lines, &line); dockerfile_line_done(&line))
        if (strcmp(line.keyword, "RUN") == 0)
            add_run(traces, &line);
}

void traces_add_window(struct traces *traces, int64_t from, int64_t to, bool sends)
{
    traces->windows =
        mem_realloc(traces->windows, (traces->windows_len + 1) * sizeof *traces->windows);
    traces->windows[traces->windows_len++] = (struct window){from, to, sends};
}

void traces_add_step(struct traces *traces, const char *instruction)
{
    if (!strlist_has(&traces->steps, instruction))
        strlist_add(&traces->steps, instruction);
}

/* -------------------------------------------------------------------- finding */

static bool in_a_window(const struct traces *traces, int64_t at)
{
    for (size_t i = 0; i < traces->windows_len; i++)
        if (at >= traces->windows[i].from - SLACK && at <= traces->windows[i].to + SLACK)
            return true;
    return false;
}

static bool has_command(const struct traces *traces, const char *command)
{
    char *squeezed = squeeze(command);
    bool found = strlist_has(&traces->commands, squeezed);
    for (size_t i = 0; i < traces->scripts.len && !found; i++)
        found = strlen(squeezed) >= PART_MIN && strstr(traces->scripts.items[i], squeezed) != NULL;
    free(squeezed);
    return found;
}

/* A RUN, whose text is as the Dockerfile has it, behind a shell or alone. */
static bool is_command(const struct traces *traces, const char *command)
{
    const char *after_shell = strstr(command, "-c ");
    return has_command(traces, command) ||
           (after_shell != NULL && has_command(traces, after_shell + 3));
}

/* "[builder 4/8] COPY src src", whose text is as the log has it. */
static bool is_step(const struct traces *traces, const char *description)
{
    const char *end = description[0] == '[' ? strstr(description, "] ") : NULL;
    for (size_t i = 0; end != NULL && i < traces->steps.len; i++)
        if (strcmp(traces->steps.items[i], end + 2) == 0)
            return true;
    return false;
}

/* Nobody else's has such a mark, however long it has been there. */
static bool has_mark(const struct traces *traces, const char *description)
{
    for (size_t i = 0; i < traces->marks.len; i++)
        if (strstr(description, traces->marks.items[i]) != NULL)
            return true;
    return false;
}

static bool is_trace(const struct traces *traces, const struct record *record)
{
    if (strcmp(record->type, "exec.cachemount") == 0)
        return has_mark(traces, record->description);
    if (strlist_find(&traces->known, record->id))
        return false;
    if (strcmp(record->type, "regular") != 0 || !in_a_window(traces, record->created_at))
        return false;
    if (strncmp(record->description, EXEC, sizeof EXEC - 1) == 0)
        return is_command(traces, record->description + sizeof EXEC - 1);
    return is_step(traces, record->description);
}

/* A layer of a base image is nobody's step. */
static bool is_base(const struct record *record)
{
    static const char *const starts[] = {"pulled from ", "from local ", "imported "};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        if (strncmp(record->description, starts[i], strlen(starts[i])) == 0)
            return true;
    return record->description[0] == '\0';
}

static bool is_source(const struct record *record)
{
    return strcmp(record->type, "source.local") == 0;
}

static bool lies_in(const struct window *window, const struct record *record)
{
    return record->created_at >= window->from && record->created_at <= window->to;
}

/* What was sent in this time was sent by us: see traces.h. */
static bool sent_alone(const struct traces *traces, const struct window *window,
                       const struct records *records)
{
    size_t sources = 0;
    for (size_t i = 0; i < records->len; i++) {
        const struct record *record = &records->items[i];
        if (!lies_in(window, record) || strlist_find(&traces->known, record->id))
            continue;
        if (is_source(record))
            sources += 1;
        else if (!is_base(record) && !is_trace(traces, record))
            return false;
    }
    return sources <= SOURCES_MAX;
}

static void put(const struct record *record, const char **ids, size_t *len, size_t *held)
{
    if (record->in_use)
        *held += 1;
    else
        ids[(*len)++] = record->id;
}

static size_t find_sources(const struct traces *traces, const struct records *records,
                           const char **ids, size_t len, size_t *ret_held)
{
    for (size_t w = 0; w < traces->windows_len; w++) {
        const struct window *window = &traces->windows[w];
        if (!window->sends || !sent_alone(traces, window, records))
            continue;
        for (size_t i = 0; i < records->len; i++) {
            const struct record *record = &records->items[i];
            if (is_source(record) && lies_in(window, record) &&
                !strlist_find(&traces->known, record->id))
                put(record, ids, &len, ret_held);
        }
    }
    return len;
}

const char **traces_find(const struct traces *traces, const struct records *records,
                         size_t *ret_len, size_t *ret_held)
{
    const char **ids = mem_alloc((records->len + 1) * sizeof *ids);
    size_t len = 0;
    *ret_held = 0;
    for (size_t i = 0; i < records->len; i++)
        if (is_trace(traces, &records->items[i]))
            put(&records->items[i], ids, &len, ret_held);
    *ret_len = find_sources(traces, records, ids, len, ret_held);
    return ids;
}
