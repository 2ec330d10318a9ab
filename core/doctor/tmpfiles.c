#include "core/doctor/tmpfiles.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fs.h"
#include "core/base/mem.h"

enum { FILE_MAX = 1 << 20, FILES_MAX = 1000, FIELDS = 6 };

/* ----------------------------------------------------------------- parsing */

/* Moves *text past the next field and returns it, NULL at the end; quotes are
 * taken off. */
static char *next_field(const char **text, const char *end)
{
    struct buf field = {0};
    const char *at = *text;
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    if (at == end)
        return NULL;
    char quote = *at == '"' || *at == '\'' ? *at++ : '\0';
    while (at < end && (quote != '\0' ? *at != quote : *at != ' ' && *at != '\t')) {
        if (*at == '\\' && at + 1 < end)
            at++;
        buf_append(&field, at++, 1);
    }
    *text = at < end && quote != '\0' ? at + 1 : at;
    return buf_take(&field);
}

static bool unit_seconds(const char *unit, size_t len, int64_t *ret_seconds)
{
    static const struct {
        const char *name;
        int64_t seconds;
    } units[] = {
        {"s", 1},
        {"sec", 1},
        {"", 1},
        {"m", 60},
        {"min", 60},
        {"h", 3600},
        {"hr", 3600},
        {"d", 86400},
        {"day", 86400},
        {"days", 86400},
        {"w", 604800},
        {"week", 604800},
        {"weeks", 604800},
        {"month", 2629800},
        {"M", 2629800},
        {"months", 2629800},
        {"y", 31557600},
        {"year", 31557600},
        {"years", 31557600},
        {"ms", 0},
        {"us", 0},
    };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strlen(units[i].name) == len && memcmp(units[i].name, unit, len) == 0) {
            *ret_seconds = units[i].seconds;
            return true;
        }
    }
    return false;
}

/* "10d", "~1w", "12h30m", "bmA:7d"; -1 for "-" and what is none. */
static int64_t parse_age(const char *text, bool *ret_keep_first)
{
    int64_t seconds = 0;
    *ret_keep_first = *text == '~';
    text += *text == '~';
    const char *colon = strchr(text, ':');
    text = colon != NULL ? colon + 1 : text;
    if (!isdigit((unsigned char)*text))
        return -1;
    while (*text != '\0') {
        char *unit;
        long long number = strtoll(text, &unit, 10);
        int64_t each;
        size_t len = 0;
        while (isalpha((unsigned char)unit[len]))
            len++;
        if (unit == text || number < 0 || number > INT32_MAX || !unit_seconds(unit, len, &each))
            return -1;
        seconds += number * each;
        text = unit + len;
    }
    return seconds;
}

static void parse_line(struct tmpfiles *tmpfiles, const char *file, const char *line,
                       const char *end)
{
    char *fields[FIELDS] = {NULL};
    for (size_t i = 0; i < FIELDS; i++)
        if ((fields[i] = next_field(&line, end)) == NULL)
            break;
    /* Specifiers such as %h are another user's affair. */
    bool whole = fields[1] != NULL && fields[1][0] == '/' && strchr(fields[1], '%') == NULL;
    if (whole && fields[0][0] != '#') {
        struct tmpfiles_rule rule = {.type = fields[0][0], .age_s = -1};
        if (fields[5] != NULL && strchr("dDevqQC", rule.type) != NULL)
            rule.age_s = parse_age(fields[5], &rule.keep_first);
        size_t len = strlen(fields[1]);
        while (len > 1 && fields[1][len - 1] == '/')
            fields[1][--len] = '\0';
        rule.path = mem_strdup(fields[1]);
        rule.file = mem_strdup(file);
        mem_reserve((void **)&tmpfiles->rules, &tmpfiles->cap, tmpfiles->len + 1,
                    sizeof *tmpfiles->rules);
        tmpfiles->rules[tmpfiles->len++] = rule;
    }
    for (size_t i = 0; i < FIELDS; i++)
        free(fields[i]);
}

void tmpfiles_parse(struct tmpfiles *tmpfiles, const char *file, const char *text, size_t len)
{
    const char *end = text + len;
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline != NULL ? newline : end;
        parse_line(tmpfiles, file, text, stop);
        text = stop + (stop < end);
    }
}

void tmpfiles_done(struct tmpfiles *tmpfiles)
{
    for (size_t i = 0; i < tmpfiles->len; i++) {
        free(tmpfiles->rules[i].path);
        free(tmpfiles->rules[i].file);
    }
    free(tmpfiles->rules);
    *tmpfiles = (struct tmpfiles){0};
}

/* ----------------------------------------------------------------- finding */

static bool is_below(const char *path, const char *above)
{
    size_t len = strlen(above);
    return strcmp(above, "/") == 0 ||
           (strncmp(path, above, len) == 0 && (path[len] == '/' || path[len] == '\0'));
}

/* Does the pattern match the path, or a directory above it? Gives the length
 * of what it matched; 0: nothing. */
static size_t match_above(const char *pattern, const char *path)
{
    char *part = mem_strdup(path);
    size_t len = strlen(part);
    while (len > 1 && fnmatch(pattern, part, FNM_PATHNAME | FNM_PERIOD) != 0) {
        while (len > 1 && part[len - 1] != '/')
            len--;
        len -= len > 1;
        part[len] = '\0';
    }
    free(part);
    return len > 1 ? len : 0;
}

/* An entry of its own keeps a path from the cleaning of the directory above:
 * so the deepest one counts, and of equally deep ones the first, but "x". */
const struct tmpfiles_rule *tmpfiles_find(const struct tmpfiles *tmpfiles, const char *path)
{
    const struct tmpfiles_rule *found = NULL;
    size_t deepest = 0;
    for (size_t i = 0; i < tmpfiles->len; i++) {
        const struct tmpfiles_rule *rule = &tmpfiles->rules[i];
        bool glob = strchr("xe", rule->type) != NULL;
        bool directory = strchr("dDvqQC", rule->type) != NULL;
        size_t depth = glob                                      ? match_above(rule->path, path)
                       : directory && is_below(path, rule->path) ? strlen(rule->path)
                                                                 : 0;
        if (depth == 0 || depth < deepest || (depth == deepest && rule->type != 'x'))
            continue;
        deepest = depth;
        found = rule;
    }
    return found != NULL && found->type != 'x' && found->age_s >= 0 ? found : NULL;
}

/* ----------------------------------------------------------------- reading */

struct name {
    char *name, *directory;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->name, ((const struct name *)b)->name);
}

static bool is_known(const struct name *names, size_t len, const char *name)
{
    for (size_t i = 0; i < len; i++)
        if (strcmp(names[i].name, name) == 0)
            return true;
    return false;
}

struct listing {
    const char *directory;
    struct name *names;
    size_t len;
};

static int add_name(void *arg, const char *name, enum fs_type type)
{
    struct listing *listing = arg;
    size_t end = strlen(name);
    (void)type;
    if (end > 5 && strcmp(name + end - 5, ".conf") == 0 &&
        !is_known(listing->names, listing->len, name))
        listing->names[listing->len++] =
            (struct name){mem_strdup(name), mem_strdup(listing->directory)};
    return listing->len == FILES_MAX;
}

static void read_file(struct tmpfiles *tmpfiles, const struct name *name, size_t prefix_len)
{
    char *path = mem_printf("%s/%s", name->directory, name->name);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        char *text = mem_alloc(FILE_MAX);
        size_t len = fread(text, 1, FILE_MAX, file);
        tmpfiles_parse(tmpfiles, path + prefix_len, text, len);
        free(text);
        fclose(file);
    }
    free(path);
}

void tmpfiles_read(struct tmpfiles *tmpfiles, const char *prefix)
{
    static const char *const directories[] = {"/etc/tmpfiles.d", "/run/tmpfiles.d",
                                              "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d"};
    struct name *names = mem_alloc(FILES_MAX * sizeof *names);
    struct listing listing = {.names = names};
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        char *directory = mem_printf("%s%s", prefix, directories[i]);
        listing.directory = directory;
        if (listing.len < FILES_MAX)
            fs_each_path(directory, add_name, &listing, NULL);
        free(directory);
    }
    if (listing.len > 0)
        qsort(names, listing.len, sizeof *names, by_name);
    for (size_t i = 0; i < listing.len; i++) {
        read_file(tmpfiles, &names[i], strlen(prefix));
        free(names[i].name);
        free(names[i].directory);
    }
    free(names);
}
