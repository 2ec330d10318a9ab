#include "core/builds/progress/reason.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum rank { RANK_NONE, RANK_LINE, RANK_ERROR, RANK_SOLVE };

static const struct {
    const char *text;
    enum rank rank;
} prefixes[] = {
    {"failed to solve: ", RANK_SOLVE},
    {"failed to build: ", RANK_SOLVE}, /* buildx puts it before the other */
    {"ERROR: ", RANK_ERROR},
    {"Error: ", RANK_ERROR},
    {"Error response from daemon: ", RANK_ERROR},
};

/* What stderr holds that is no failure. */
static const char *const notes[] = {
    "time=\"",
    "WARN",
    "Warning",
    "DEPRECATED",
    "Building ",
    "canceled",
    "View build details",
    "[+] ",
    " ",
    "\t",
    "------",
    "Dockerfile",
    "Traceback (",
    "During handling of the above exception", /* compose 1: its end tells */
    "#",
    "{", /* progress */
};

static bool starts_with(const char *line, size_t len, const char *prefix)
{
    size_t prefix_len = strlen(prefix);
    return len >= prefix_len && memcmp(line, prefix, prefix_len) == 0;
}

/* "target api: " and "[target api: ]", which bake puts before the message. */
static size_t skip_target(const char *line, size_t len)
{
    size_t bracket = len > 0 && line[0] == '[';
    if (!starts_with(line + bracket, len - bracket, "target "))
        return 0;
    const char *colon = memmem(line, len, ": ", 2);
    if (colon == NULL)
        return 0;
    size_t at = (size_t)(colon - line) + 2;
    return at + (bracket && at < len && line[at] == ']');
}

/* "Service 'api' failed to build : ", which compose 1 puts before it. */
static size_t skip_service(const char *line, size_t len)
{
    static const char text[] = " failed to build : ";
    const char *found = NULL;
    if (starts_with(line, len, "Service '"))
        found = memmem(line, len, text, sizeof text - 1);
    return found != NULL ? (size_t)(found - line) + sizeof text - 1 : 0;
}

static enum rank strip_prefix(const char **line, size_t *len)
{
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (!starts_with(*line, *len, prefixes[i].text))
            continue;
        *line += strlen(prefixes[i].text);
        *len -= strlen(prefixes[i].text);
        return prefixes[i].rank;
    }
    return RANK_NONE;
}

static enum rank rank_line(const char **line, size_t *len)
{
    enum rank best = RANK_NONE, rank;
    size_t target = skip_target(*line, *len) + skip_service(*line, *len);
    *line += target;
    *len -= target;
    while ((rank = strip_prefix(line, len)) != RANK_NONE) /* "ERROR: failed to solve: …" */
        best = rank > best ? rank : best;
    return best;
}

/* buildx colours its warnings on a pipe, too. */
static void skip_colours(const char **line, size_t *len)
{
    const char *end;
    while (starts_with(*line, *len, "\x1b[") && (end = memchr(*line, 'm', *len)) != NULL) {
        *len -= (size_t)(end + 1 - *line);
        *line = end + 1;
    }
}

static bool is_note(const char *line, size_t len)
{
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++)
        if (starts_with(line, len, notes[i]))
            return true;
    return false;
}

void reason_look(struct reason *reason, int stream, const char *line, size_t len)
{
    if (len > 0 && line[len - 1] == '\r')
        len--;
    skip_colours(&line, &len);
    enum rank rank = rank_line(&line, &len);
    if (rank == RANK_NONE && stream == 2 && len > 0 && !is_note(line, len))
        rank = RANK_LINE;
    /* Of several lines that stand together the first one says it best: "Cache
     * export is not supported …", "Switch to …", "Learn more at …". */
    bool continues = rank == RANK_LINE && reason->in_paragraph;
    if (len > 0)
        reason->in_paragraph = rank != RANK_NONE;
    if (rank == RANK_NONE || continues || (int)rank < reason->rank || len == 0)
        return;
    free(reason->text);
    reason->text = mem_strndup(line, len < STEP_TEXT_MAX ? len : STEP_TEXT_MAX);
    reason->rank = (int)rank;
}

void reason_settle(struct reason *reason, struct build *build)
{
    const char *text = reason->text;
    for (size_t i = 0; i < build->steps_len && reason->rank < RANK_ERROR; i++) {
        if (build->steps[i].state != STEP_FAILED || build->steps[i].error == NULL)
            continue;
        text = build->steps[i].error;
        break;
    }
    if (text != NULL)
        build_set_error(build, text, strlen(text));
}

void reason_done(struct reason *reason)
{
    free(reason->text);
    *reason = (struct reason){0};
}

/* "   5 | >>> RUN make" */
static bool is_marked(const char *line, size_t len)
{
    return len > 0 && line[0] == ' ' && memmem(line, len < 16 ? len : 16, " | >>>", 6) != NULL;
}

enum log_kind reason_line_kind(const char *line, size_t len)
{
    static const char *const errors[] = {"failed to solve", "ERROR: ", "Error: ", "Error response"};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (starts_with(line, len, errors[i]))
            return LOG_ERROR;
    return is_marked(line, len) ? LOG_ERROR : LOG_OTHER;
}

bool reason_is_clip(const char *line, size_t len)
{
    static const char start[] = "[output clipped, log limit ", end[] = " reached]";
    const size_t start_len = sizeof start - 1, end_len = sizeof end - 1;
    len -= len > 0 && line[len - 1] == '\r';
    if (len <= start_len + end_len || !starts_with(line, len, start) ||
        memcmp(line + len - end_len, end, end_len) != 0)
        return false;
    return memchr(line + start_len, ' ', len - start_len - end_len) == NULL;
}
