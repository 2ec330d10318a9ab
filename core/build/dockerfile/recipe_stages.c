#include "core/build/dockerfile/recipe_reader.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"

struct stage *reader_stage(struct reader *reader)
{
    return reader->stages_len > 0 ? &reader->stages[reader->stages_len - 1] : NULL;
}

char *reader_expanded(struct reader *reader, const char *text)
{
    static const struct recipe_vars none;
    const struct stage *stage = reader_stage(reader);
    return recipe_expand(text, reader->escape, stage != NULL ? &stage->env : &none,
                             stage != NULL ? &stage->args : &reader->globals);
}

/* By name or number; SIZE_MAX: an image. */
static size_t find_stage(const struct reader *reader, size_t before, const char *name)
{
    char *end;
    for (size_t i = before; i-- > 0;)
        if (reader->stages[i].name != NULL && strcasecmp(reader->stages[i].name, name) == 0)
            return i;
    errno = 0;
    unsigned long number = strtoul(name, &end, 10);
    return *name >= '0' && *name <= '9' && *end == '\0' && errno == 0 && number < before
               ? (size_t)number
               : SIZE_MAX;
}

void reader_need_stage(struct reader *reader, const char *name)
{
    size_t self = reader->stages_len - 1;
    size_t other = find_stage(reader, self, name);
    if (other != SIZE_MAX)
        reader->stages[self].needs[other] = true;
}

/* "--from=x" gives "x" for "--from="; NULL: another word. */
const char *reader_after(const char *word, const char *beginning)
{
    size_t len = strlen(beginning);
    return strncmp(word, beginning, len) == 0 ? word + len : NULL;
}

static void inherit(struct stage *stage, const struct stage *parent)
{
    recipe_vars_copy(&stage->env, &parent->env);
    recipe_vars_copy(&stage->args, &parent->args);
    mem_replace(&stage->shell, parent->shell);
}

void reader_from(struct reader *reader, const struct dockerfile_line *line)
{
    if (reader->stages_len == RECIPE_STAGES_MAX)
        return;
    const char *at = line->rest;
    char *image = dockerfile_word(&at, reader->escape);
    while (image != NULL && reader_after(image, "--") != NULL) {
        free(image);
        image = dockerfile_word(&at, reader->escape);
    }
    char *as = dockerfile_word(&at, reader->escape);
    char *name = as != NULL && strcasecmp(as, "as") == 0 ? dockerfile_word(&at, reader->escape)
                                                         : NULL;
    static const struct recipe_vars none;
    char *base = recipe_expand(image != NULL ? image : "", reader->escape, &none,
                                   &reader->globals);
    size_t parent = find_stage(reader, reader->stages_len, base);
    struct stage *stage = &reader->stages[reader->stages_len++];
    *stage = (struct stage){.name = name, .needs = mem_zalloc(RECIPE_STAGES_MAX)};
    mem_replace(&stage->shell, RECIPE_SHELL);
    for (char *letter = name; letter != NULL && *letter != '\0'; letter++)
        if (*letter >= 'A' && *letter <= 'Z')
            *letter = (char)(*letter - 'A' + 'a');
    if (parent != SIZE_MAX) {
        stage->needs[parent] = true;
        inherit(stage, &reader->stages[parent]);
    }
    free(base);
    free(as);
    free(image);
}

/* A stage needs what stands before it alone, so one pass backwards is enough. */
void reader_mark_needed(struct reader *reader, const char *target)
{
    size_t wanted = reader->stages_len - 1;
    if (target != NULL)
        wanted = find_stage(reader, reader->stages_len, target);
    for (size_t i = reader->stages_len; i-- > 0;) {
        struct stage *stage = &reader->stages[i];
        stage->needed |= i == wanted || wanted == SIZE_MAX;
        for (size_t j = 0; j < i && stage->needed; j++)
            reader->stages[j].needed |= stage->needs[j];
    }
}

const char *reader_given_arg(const struct reader *reader, const char *name)
{
    for (size_t i = 0; i < reader->given_len; i++)
        if (strcmp(reader->given[i].name, name) == 0)
            return reader->given[i].value;
    return NULL;
}

/* Those that BuildKit sets by itself are as good as unknown. */
static bool is_predefined(const char *name)
{
    static const char *const beginnings[] = {"TARGET", "BUILD", "SOURCE_DATE_EPOCH"};
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
        if (reader_after(name, beginnings[i]) != NULL)
            return true;
    return false;
}

void reader_arg(struct reader *reader, const struct dockerfile_line *line)
{
    static const char any[] = {RECIPE_ANY, '\0'};
    struct stage *stage = reader_stage(reader);
    struct recipe_vars *vars = stage != NULL ? &stage->args : &reader->globals;
    const char *at = line->rest;
    char *word;
    while ((word = dockerfile_word(&at, reader->escape)) != NULL) {
        char *equals = strchr(word, '=');
        char *value = equals != NULL ? reader_expanded(reader, equals + 1) : NULL;
        if (equals != NULL)
            *equals = '\0';
        const char *given = reader_given_arg(reader, word);
        if (given == NULL)
            given = value;
        if (given == NULL && stage != NULL)
            given = recipe_vars_get(&reader->globals, word);
        if (given == NULL && is_predefined(word))
            given = any;
        recipe_vars_set(vars, word, given != NULL ? given : "");
        free(value);
        free(word);
    }
}

/* "A=1 B=2", or the old "A 1". */
void reader_env(struct reader *reader, const struct dockerfile_line *line)
{
    struct stage *stage = reader_stage(reader);
    const char *at = line->rest;
    char *word = stage != NULL ? dockerfile_word(&at, reader->escape) : NULL;
    if (word != NULL && strchr(word, '=') == NULL) {
        char *value = reader_expanded(reader, at + strspn(at, " \t"));
        recipe_vars_set(&stage->env, word, value);
        free(value);
        free(word);
        return;
    }
    for (; word != NULL; word = dockerfile_word(&at, reader->escape)) {
        char *equals = strchr(word, '=');
        if (equals != NULL) {
            *equals = '\0';
            char *value = reader_expanded(reader, equals + 1);
            recipe_vars_set(&stage->env, word, value);
            free(value);
        }
        free(word);
    }
}
