#include "core/builds/errorline.h"

#include <string.h>

#include "core/base/escape.h"
#include "core/base/mem.h"

#define LOOKED_AT_MAX 4096 /* bytes of a line */
#define INDENT_MAX 8

/* The first form that fits counts. Space before the text is skipped for `starts`,
 * up to INDENT_MAX; all that are given must fit. */
static const struct form {
    const char *starts, *contains, *ends;
    enum errorline rank;
} forms[] = {
    /* that say nothing by themselves */
    {"error: subprocess-exited-with-error", NULL, NULL, ERRORLINE_NONE}, /* pip */
    {"error: could not compile", NULL, NULL, ERRORLINE_WEAK},            /* cargo */
    {"collect2: error: ", NULL, NULL, ERRORLINE_WEAK},                   /* gcc */
    {"error: aborting due to ", NULL, NULL, ERRORLINE_WEAK},             /* rustc */
    {"error: test failed", NULL, NULL, ERRORLINE_WEAK},                  /* cargo */
    {"[ERROR] COMPILATION ERROR", NULL, NULL, ERRORLINE_WEAK},           /* maven */
    {"npm error code ", NULL, NULL, ERRORLINE_NONE},
    {"npm ERR! code ", NULL, NULL, ERRORLINE_NONE},
    /* compilers */
    {"error[E", NULL, NULL, ERRORLINE_STRONG},                   /* rustc */
    {"error: ", NULL, NULL, ERRORLINE_STRONG},                   /* rustc, cargo */
    {NULL, ": error: ", NULL, ERRORLINE_STRONG},                 /* gcc, clang */
    {NULL, ": fatal error: ", NULL, ERRORLINE_STRONG},           /* gcc */
    {NULL, ": undefined reference to ", NULL, ERRORLINE_STRONG}, /* ld */
    {NULL, "): error TS", NULL, ERRORLINE_STRONG},               /* tsc */
    {NULL, " - error TS", NULL, ERRORLINE_STRONG},               /* tsc --pretty */
    {"[ERROR] /", ":[", NULL, ERRORLINE_STRONG},                 /* maven */
    {"CMake Error", NULL, NULL, ERRORLINE_STRONG},
    /* test runners and programs that end */
    {"E   ", NULL, NULL, ERRORLINE_STRONG},                 /* pytest */
    {"--- FAIL: ", NULL, NULL, ERRORLINE_STRONG},           /* go test */
    {"panic: ", NULL, NULL, ERRORLINE_STRONG},              /* go */
    {"thread '", "panicked at", NULL, ERRORLINE_STRONG},    /* rust */
    {"Exception in thread ", NULL, NULL, ERRORLINE_STRONG}, /* java */
    {"Fatal error: ", NULL, NULL, ERRORLINE_STRONG},
    {"not ok ", NULL, NULL, ERRORLINE_WEAK}, /* TAP */
    {"FAILED", NULL, NULL, ERRORLINE_WEAK},  /* pytest, ninja */
    {"FAIL ", NULL, NULL, ERRORLINE_WEAK},   /* jest */
    {"FAIL\t", NULL, NULL, ERRORLINE_WEAK},  /* go test */
    /* package managers */
    {"npm error ", NULL, NULL, ERRORLINE_WEAK},
    {"npm ERR! ", NULL, NULL, ERRORLINE_WEAK},
    {"[ERROR] ", NULL, NULL, ERRORLINE_WEAK}, /* maven */
    {"ERROR: ", NULL, NULL, ERRORLINE_WEAK},  /* pip, BuildKit */
    {"ERROR ", NULL, NULL, ERRORLINE_WEAK},
    {"Error: ", NULL, NULL, ERRORLINE_STRONG}, /* node */
    {"error ", NULL, NULL, ERRORLINE_WEAK},    /* yarn */
    {"E: ", NULL, NULL, ERRORLINE_WEAK},       /* apt */
    {"fatal: ", NULL, NULL, ERRORLINE_WEAK},   /* git */
    {"curl: (", NULL, NULL, ERRORLINE_WEAK},
    /* shells, make, BuildKit */
    {NULL, NULL, ": command not found", ERRORLINE_WEAK},
    {NULL, ": line ", ": Permission denied", ERRORLINE_WEAK},
    {NULL, ": line ", ": unbound variable", ERRORLINE_WEAK},
    {NULL, ": line ", ": not found", ERRORLINE_WEAK},
    {NULL, ": line ", ": parameter not set", ERRORLINE_WEAK},
    {NULL, ": syntax error", NULL, ERRORLINE_WEAK},
    {"sh: ", NULL, ": not found", ERRORLINE_WEAK},
    {"/bin/sh: ", NULL, ": not found", ERRORLINE_WEAK},
    {NULL, ": cannot ", ": No such file or directory", ERRORLINE_WEAK}, /* coreutils */
    {NULL, NULL, ": No such file or directory", ERRORLINE_WEAK},
    {NULL, NULL, ": No space left on device", ERRORLINE_WEAK},
    {"make", ": *** ", NULL, ERRORLINE_WEAK},
    {"failed to solve: ", NULL, NULL, ERRORLINE_WEAK},
};

static bool fits(const struct form *form, const char *text, size_t len, size_t indent)
{
    size_t starts = form->starts != NULL ? strlen(form->starts) : 0;
    size_t ends = form->ends != NULL ? strlen(form->ends) : 0;
    if (starts > len - indent ||
        memcmp(text + indent, form->starts != NULL ? form->starts : "", starts) != 0)
        return false;
    if (form->contains != NULL && memmem(text, len, form->contains, strlen(form->contains)) == NULL)
        return false;
    return ends <= len &&
           memcmp(text + len - ends, form->ends != NULL ? form->ends : "", ends) == 0;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* "json.decoder.JSONDecodeError: …": a type named so, alone or with a message. */
static bool is_exception(const char *text, size_t len)
{
    static const char *const ends[] = {"Error", "Exception"};
    size_t name = 0;
    while (name < len && (is_letter(text[name]) || text[name] == '.' ||
                          (name > 0 && text[name] >= '0' && text[name] <= '9')))
        name++;
    if (name < len && (text[name] != ':' || (name + 1 < len && text[name + 1] != ' ')))
        return false;
    for (size_t i = 0; i < 2; i++) {
        size_t end = strlen(ends[i]);
        if (name > end && memcmp(text + name - end, ends[i], end) == 0)
            return true;
    }
    return false;
}

static size_t skip_number(const char *text, size_t len, size_t at)
{
    size_t start = at;
    while (at < len && text[at] >= '0' && text[at] <= '9')
        at++;
    return at > start && at < len && text[at] == ':' ? at + 1 : 0;
}

/* "./main.go:6:14: undefined: total": go says no more than the place. */
static bool is_go_place(const char *text, size_t len)
{
    const char *found = memmem(text, len, ".go:", 4);
    if (found == NULL || memchr(text, ' ', (size_t)(found - text)) != NULL)
        return false;
    size_t at = skip_number(text, len, (size_t)(found - text) + 4);
    return at > 0 && (skip_number(text, len, at) > 0 || text[at] == ' ');
}

enum errorline errorline_of(const char *text, size_t len)
{
    size_t indent = 0;
    len = len < LOOKED_AT_MAX ? len : LOOKED_AT_MAX;
    while (len > 0 && (text[len - 1] == '\r' || text[len - 1] == ' '))
        len--;
    if (len == 0)
        return ERRORLINE_NONE;
    while (indent < len && indent < INDENT_MAX && text[indent] == ' ')
        indent++;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (fits(&forms[i], text, len, indent))
            return forms[i].rank;
    return is_exception(text, len) || is_go_place(text, len) ? ERRORLINE_STRONG : ERRORLINE_NONE;
}

/* From the end back, so that of two that are as good the first one stays. */
static void settle_step(const struct build *build, struct step *step)
{
    struct logfilter filter = {0};
    struct buildlog_line line;
    struct buf plain = {0};
    enum errorline best = ERRORLINE_NONE;
    uint64_t at = buildlog_end(build->log);
    logfilter_add(&filter, step->number);
    for (int i = 0; i < ERRORLINE_LINES && at > 0; i++) {
        if (buildlog_seek(build->log, &filter, at - 1, -1, &at) != 0 ||
            buildlog_get(build->log, at, &line) != 0)
            break;
        if (!logline_is_output(&line))
            continue;
        buf_clear(&plain);
        escape_strip(&plain, line.text, line.len < LOOKED_AT_MAX ? line.len : LOOKED_AT_MAX);
        enum errorline rank = errorline_of(plain.data, plain.len);
        if (rank == ERRORLINE_NONE || rank < best)
            continue;
        best = rank;
        step->error_line = at + 1;
    }
    buf_done(&plain);
    logfilter_done(&filter);
}

void errorline_settle(struct build *build)
{
    for (size_t i = 0; i < build->steps_len; i++)
        if (build->steps[i].state == STEP_FAILED && build->steps[i].last_line > 0)
            settle_step(build, &build->steps[i]);
}

/* The last place in the text; NULL: none. */
static const char *find_last(const char *text, size_t len, const char *part)
{
    size_t part_len = strlen(part);
    const char *last = NULL, *found;
    for (const char *at = text; (found = memmem(at, len - (size_t)(at - text), part, part_len));
         at = found + 1)
        last = found;
    return last;
}

size_t errorline_find_command(const char *text, size_t len, size_t *ret_end)
{
    static const struct {
        const char *open, *close;
    } quotes[] = {
        {"process \"", "\" did not complete successfully: "},
        {"executor failed running [", "]: "}, /* BuildKit of docker 20.10 */
        {"The command '", "' returned a non-zero code: "},
    };
    for (size_t i = 0; i < sizeof quotes / sizeof quotes[0]; i++) {
        const char *open = memmem(text, len, quotes[i].open, strlen(quotes[i].open));
        size_t start = open != NULL ? (size_t)(open - text) : len;
        const char *close = find_last(text + start, len - start, quotes[i].close);
        if (close == NULL)
            continue;
        *ret_end = (size_t)(close - text) + strlen(quotes[i].close);
        return start;
    }
    *ret_end = len;
    return len;
}
