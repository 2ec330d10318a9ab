/* A query in one line, as it is typed into a filter. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/prune/query.h"

struct reader {
    struct query_line *line;
    size_t services_cap, ids_cap;
    struct err *err;
};

typedef int read_cb(struct reader *reader, const char *name, const char *value);

static void add(const char ***items, size_t *len, size_t *cap, const char *value)
{
    mem_reserve((void **)items, cap, *len + 1, sizeof **items);
    (*items)[(*len)++] = value;
}

static int read_service(struct reader *reader, const char *name, const char *value)
{
    (void)name;
    add(&reader->line->services, &reader->line->query.services_len, &reader->services_cap, value);
    return 0;
}

static int read_id(struct reader *reader, const char *name, const char *value)
{
    (void)name;
    add(&reader->line->ids, &reader->line->query.ids_len, &reader->ids_cap, value);
    return 0;
}

static int twice(struct reader *reader, const char *name)
{
    return err_set(reader->err, ERR_USAGE, "%s: is given twice", name);
}

static int refuse(struct reader *reader, const char *name, char *takes_reason)
{
    err_set(reader->err, ERR_USAGE, "%s: %s", name, takes_reason);
    free(takes_reason);
    return ERR_USAGE;
}

static int read_age(struct reader *reader, const char *name, const char *value)
{
    if (reader->line->query.older_than_s >= 0)
        return twice(reader, name);
    return text_parse_age(value, &reader->line->query.older_than_s)
               ? 0
               : refuse(reader, name, text_age_refusal(value));
}

static int read_size(struct reader *reader, const char *name, const char *value)
{
    struct query *query = &reader->line->query;
    int64_t *slot = name[0] == 'l' ? &query->larger_than_bytes : &query->smaller_than_bytes;
    if (*slot != 0)
        return twice(reader, name);
    return text_parse_size(value, slot) && *slot > 0
               ? 0
               : refuse(reader, name, text_size_refusal(value));
}

static int read_flag(struct reader *reader, const char *name, const char *value)
{
    struct query *query = &reader->line->query;
    enum query_flag *slot = name[0] == 'i' ? &query->in_use : &query->shared;
    if (*slot != QUERY_EITHER)
        return twice(reader, name);
    *slot = strcmp(value, "yes") == 0 ? QUERY_YES : strcmp(value, "no") == 0 ? QUERY_NO : *slot;
    return *slot != QUERY_EITHER ? 0
                                 : err_set(reader->err, ERR_USAGE, "%s: is yes or no", name);
}

static int read_type(struct reader *reader, const char *name, const char *value)
{
    if (reader->line->query.type != NULL)
        return twice(reader, name);
    reader->line->query.type = value;
    return 0;
}

static int read_match(struct reader *reader, const char *name, const char *value)
{
    (void)name;
    reader->line->query.match = value;
    return 0;
}

/* The names are those of the options on the command line. */
static const struct name {
    const char *name;
    read_cb *read;
    bool rest; /* of the line, blanks and all */
} names[] = {
    {"service", read_service, false},    {"older-than", read_age, false},
    {"larger-than", read_size, false},   {"smaller-than", read_size, false},
    {"type", read_type, false},          {"id", read_id, false},
    {"in-use", read_flag, false},        {"shared", read_flag, false},
    {"match", read_match, true},
};

static const struct name *find_name(const char *word)
{
    size_t len = strcspn(word, ": ");
    for (size_t i = 0; word[len] == ':' && i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i].name) == len && strncmp(names[i].name, word, len) == 0)
            return &names[i];
    return NULL;
}

/* One word, or one condition; gives where the next one begins. */
static int read_word(struct reader *reader, char **at, struct buf *text)
{
    const struct name *name = find_name(*at);
    char *word = *at;
    size_t len = name != NULL && name->rest ? strlen(word) : strcspn(word, " ");
    *at += len + (word[len] != '\0');
    word[len] = '\0';
    if (name == NULL) {
        buf_printf(text, "%s%s", text->len > 0 ? " " : "", word);
        return 0;
    }
    const char *value = word + strlen(name->name) + 1;
    return *value != '\0' ? name->read(reader, name->name, value)
                          : err_set(reader->err, ERR_USAGE, "%s: what?", name->name);
}

int query_line_read(struct query_line *line, const char *typed, struct err *err)
{
    struct reader reader = {.line = line, .err = err};
    struct buf text = {0};
    *line = (struct query_line){.words = mem_strdup(typed)};
    query_init(&line->query);
    int code = 0;
    for (char *at = line->words; *at != '\0' && code == 0;) {
        if (*at == ' ')
            at++;
        else
            code = read_word(&reader, &at, &text);
    }
    line->query.services = line->services;
    line->query.ids = line->ids;
    line->text = text.len > 0 ? buf_take(&text) : NULL;
    line->query.text = line->text;
    buf_done(&text);
    if (code == 0)
        code = query_check_conditions(&line->query, err);
    if (code < 0)
        query_line_done(line);
    return code;
}

void query_line_done(struct query_line *line)
{
    free(line->services);
    free(line->ids);
    free(line->words);
    free(line->text);
    *line = (struct query_line){0};
}
