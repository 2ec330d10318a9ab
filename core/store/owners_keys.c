/* What steps are known by: records, recipes and builds say it in different
 * ways. Words are those of layer_words(); the quotes in them that BuildKit takes
 * away from a COPY are taken away everywhere. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/store/layer_words.h"
#include "core/store/owners_private.h"

#define MOUNT "cached mount "
#define FROM_EXEC " from exec "
#define WITH_ID " with id \""

static void drop_quotes(char *words)
{
    char *to = words;
    for (const char *from = words; *from != '\0'; from++)
        if (*from != '"' && *from != '\'')
            *to++ = *from;
    *to = '\0';
}

/* "[linux/amd64 builder 4/6] COPY a b": the last of the words before the number
 * that is no platform; gives where the words behind the brackets begin. */
static const char *read_brackets(const char *text, char **ret_stage)
{
    const char *end = *text == '[' ? strstr(text, "] ") : NULL;
    if (end == NULL)
        return text;
    for (const char *at = text + 1; at < end;) {
        size_t len = strcspn(at, " ]");
        const char *slash = memchr(at, '/', len);
        if (len > 0 && slash == NULL) {
            free(*ret_stage);
            *ret_stage = mem_strndup(at, len);
        }
        at += len + 1;
    }
    return end + 2;
}

static struct owner_key key_of_text(const char *text)
{
    struct owner_key key = {.run = strncmp(text, LAYER_STEP, strlen(LAYER_STEP)) == 0};
    const char *bare = key.run ? text : read_brackets(text, &key.stage);
    key.words = layer_words(bare);
    if (key.words != NULL && !key.run)
        drop_quotes(key.words);
    return key;
}

/* cached mount /target from exec /bin/sh -c make with id "/target" */
static struct owner_key key_of_mount(const char *text)
{
    struct owner_key key = {.run = true, .mount = true};
    const char *target = text + strlen(MOUNT), *step = strstr(target, FROM_EXEC), *id = NULL;
    if (step == NULL)
        return key;
    key.target = mem_strndup(target, (size_t)(step - target));
    step += strlen(FROM_EXEC);
    for (const char *at = strstr(step, WITH_ID); at != NULL; at = strstr(at + 1, WITH_ID))
        id = at;
    size_t len = id != NULL ? (size_t)(id - step) : strlen(step);
    if (id != NULL) {
        id += strlen(WITH_ID);
        key.id = mem_strndup(id, strlen(id) > 0 ? strlen(id) - 1 : 0);
    }
    char *quoted = mem_printf(LAYER_STEP "%.*s", (int)len, step);
    key.words = layer_words(quoted);
    free(quoted);
    return key;
}

static int compare_texts(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "");
}

/* Mounts stand with the step that they quote. */
static int compare(const struct owner_key *a, const struct owner_key *b)
{
    int order = compare_texts(a->words, b->words);
    return order != 0 ? order : compare_texts(a->stage, b->stage);
}

struct sortable {
    const struct owner_key *key;
    size_t record;
};

static int by_key(const void *a, const void *b)
{
    return compare(((const struct sortable *)a)->key, ((const struct sortable *)b)->key);
}

static void sort_records(struct finder *finder)
{
    size_t len = finder->records->len;
    struct sortable *sorted = mem_alloc((len + 1) * sizeof *sorted);
    finder->order = mem_alloc((len + 1) * sizeof *finder->order);
    finder->first = mem_alloc((len + 1) * sizeof *finder->first);
    for (size_t i = 0; i < len; i++)
        sorted[i] = (struct sortable){&finder->keys[i], i};
    if (len > 0)
        qsort(sorted, len, sizeof *sorted, by_key);
    for (size_t i = 0; i < len; i++) {
        bool same = i > 0 && by_key(&sorted[i - 1], &sorted[i]) == 0;
        finder->order[i] = sorted[i].record;
        finder->first[sorted[i].record] =
            same ? finder->first[sorted[i - 1].record] : sorted[i].record;
    }
    free(sorted);
}

void owner_keys_make(struct finder *finder)
{
    const struct records *records = finder->records;
    finder->keys = mem_zalloc((records->len + 1) * sizeof *finder->keys);
    for (size_t i = 0; i < records->len; i++) {
        const char *text = finder->sources->texts != NULL ? finder->sources->texts[i]
                                                          : records->items[i].description;
        finder->keys[i] = strncmp(text, MOUNT, strlen(MOUNT)) == 0 ? key_of_mount(text)
                                                                   : key_of_text(text);
    }
    finder->known = mem_zalloc((records->len + 1) * finder->words * sizeof *finder->known);
    sort_records(finder);
}

/* What was only mounted while a step ran is no record of the step. */
void owner_keys_note(struct finder *finder)
{
    for (size_t i = 0; i < finder->records->len; i++)
        if (finder->keys[i].words != NULL && !finder->keys[i].mount)
            set_join(finder, set_at(finder, finder->known, finder->first[i]),
                     set_at(finder, finder->sure, i));
}

void owner_key_done(struct owner_key *key)
{
    free(key->words);
    free(key->stage);
    free(key->id);
    free(key->target);
}

void owner_keys_done(struct finder *finder)
{
    for (size_t i = 0; i < finder->records->len; i++)
        owner_key_done(&finder->keys[i]);
    free(finder->keys);
    free(finder->order);
    free(finder->first);
    free(finder->known);
}

/* ------------------------------------------------------------------- steps */

struct owner_key owner_key_of_recipe(const struct recipe_step *step)
{
    struct owner_key key = key_of_text(step->description);
    if (!step->run)
        mem_replace(&key.stage, step->stage);
    return key;
}

struct owner_key owner_key_of_step(const char *stage, const char *instruction)
{
    struct buf text = {0};
    bool run = strncmp(instruction, "RUN ", 4) == 0;
    if (run) {
        instruction += 4;
        instruction += strspn(instruction, " ");
        while (strncmp(instruction, "--", 2) == 0) {
            instruction += strcspn(instruction, " ");
            instruction += strspn(instruction, " ");
        }
        buf_append_str(&text, LAYER_STEP);
    }
    buf_append_str(&text, instruction);
    struct owner_key key = key_of_text(text.data);
    if (!run)
        mem_replace(&key.stage, stage);
    buf_done(&text);
    return key;
}

/* Of the variable at `text`; 0: it is none. */
static size_t variable_len(const char *text)
{
    size_t len = 1;
    if (text[0] != '$')
        return 0;
    if (text[1] == '{')
        return strcspn(text, "}") + (strchr(text, '}') != NULL);
    while (isalnum((unsigned char)text[len]) || text[len] == '_')
        len++;
    return len > 1 ? len : 0;
}

static size_t any_len(const char *text, bool loose)
{
    return *text == RECIPE_ANY ? 1 : loose ? variable_len(text) : 0;
}

/* The usual way with one that may be anything: remember the last, and let it
 * take one byte more whenever the rest does not fit. */
static bool fits(const char *pattern, const char *text, bool loose)
{
    const char *after_any = NULL, *retry = NULL;
    while (*text != '\0') {
        size_t any = any_len(pattern, loose);
        if (any > 0) {
            after_any = pattern += any;
            retry = text;
        } else if (*pattern == *text && *pattern != '\0') {
            pattern++;
            text++;
        } else if (after_any != NULL) {
            pattern = after_any;
            text = ++retry;
        } else {
            return false;
        }
    }
    for (size_t any; (any = any_len(pattern, loose)) > 0;)
        pattern += any;
    return *pattern == '\0';
}

bool owner_key_fits(const struct owner_key *pattern, const struct owner_key *key, bool loose)
{
    return pattern->words != NULL && key->words != NULL && pattern->run == key->run &&
           (pattern->stage == NULL || key->stage == NULL ||
            strcmp(pattern->stage, key->stage) == 0) &&
           fits(pattern->words, key->words, loose);
}
