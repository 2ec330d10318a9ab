#include "core/build/dockerfile/recipe_vars.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/build/dockerfile/recipe.h"

/* More variables, longer values and deeper nesting are nobody's Dockerfile. */
#define VARS_MAX 1000
#define VALUE_MAX 4096
#define DEPTH_MAX 8
#define TEXT_MAX 65536

const char *recipe_vars_get(const struct recipe_vars *vars, const char *name)
{
    for (size_t i = 0; i < vars->len; i++)
        if (strcmp(vars->items[i].name, name) == 0)
            return vars->items[i].value;
    return NULL;
}

void recipe_vars_set(struct recipe_vars *vars, const char *name, const char *value)
{
    static const char any[] = {RECIPE_ANY, '\0'};
    if (strlen(value) > VALUE_MAX)
        value = any;
    for (size_t i = 0; i < vars->len; i++) {
        if (strcmp(vars->items[i].name, name) != 0)
            continue;
        mem_replace(&vars->items[i].value, value);
        return;
    }
    if (vars->len == VARS_MAX)
        return;
    mem_reserve((void **)&vars->items, &vars->cap, vars->len + 1, sizeof *vars->items);
    vars->items[vars->len++] = (struct recipe_var){mem_strdup(name), mem_strdup(value)};
}

void recipe_vars_copy(struct recipe_vars *vars, const struct recipe_vars *from)
{
    for (size_t i = 0; i < from->len; i++)
        recipe_vars_set(vars, from->items[i].name, from->items[i].value);
}

void recipe_vars_done(struct recipe_vars *vars)
{
    for (size_t i = 0; i < vars->len; i++) {
        free(vars->items[i].name);
        free(vars->items[i].value);
    }
    free(vars->items);
    *vars = (struct recipe_vars){0};
}

/* --------------------------------------------------------------- expansion */

struct expansion {
    char escape;
    const struct recipe_vars *env, *args;
    int depth;
};

static void append_any(struct buf *out)
{
    const char any = RECIPE_ANY;
    if (out->len == 0 || out->data[out->len - 1] != any)
        buf_append(out, &any, 1);
}

static const char *value_of(const struct expansion *expansion, const char *name)
{
    const char *value = recipe_vars_get(expansion->env, name);
    return value != NULL ? value : recipe_vars_get(expansion->args, name);
}

static void append_value(struct buf *out, const char *value)
{
    if (value == NULL)
        append_any(out);
    for (const char *at = value; at != NULL && *at != '\0'; at++) {
        if (*at == RECIPE_ANY)
            append_any(out);
        else
            buf_append(out, at, 1);
    }
}

static size_t name_len(const char *text)
{
    size_t len = 0;
    while (isalnum((unsigned char)text[len]) || text[len] == '_')
        len++;
    return len;
}

static void expand(struct expansion *expansion, const char *text, size_t len, struct buf *out);

/* NAME, NAME:-word, NAME-word, NAME:+word, NAME+word; others may be anything. What
 * is not set here is hardly set by a base image. */
static void expand_braces(struct expansion *expansion, const char *inside, size_t len,
                          struct buf *out)
{
    size_t name = name_len(inside);
    if (name > len)
        name = len;
    char *text = mem_strndup(inside, name);
    const char *value = value_of(expansion, text);
    const char *rest = inside + name;
    size_t rest_len = len - name;
    bool colon = rest_len > 0 && *rest == ':';
    char sign = rest_len > (size_t)colon ? rest[colon] : '\0';
    bool set = value != NULL && (!colon || *value != '\0');
    free(text);
    rest += (size_t)colon + 1;
    if (rest_len == 0) {
        append_value(out, value);
    } else if (sign == '-' && set) {
        append_value(out, value);
    } else if (sign == '-' || (sign == '+' && set)) {
        expand(expansion, rest, rest_len - (size_t)colon - 1, out);
    } else if (sign != '+') {
        append_any(out);
    }
}

/* Of "{…}" with what is nested in it; 0: it is not closed. */
static size_t braces_len(const char *text, size_t len)
{
    size_t depth = 0;
    for (size_t i = 0; i < len; i++) {
        depth += text[i] == '{';
        if (text[i] == '}' && --depth == 0)
            return i + 1;
    }
    return 0;
}

/* Behind a '$'; returns how many bytes belong to it. */
static size_t expand_variable(struct expansion *expansion, const char *text, size_t len,
                              struct buf *out)
{
    size_t braces = len > 0 && *text == '{' ? braces_len(text, len) : 0;
    if (braces > 0) {
        expand_braces(expansion, text + 1, braces - 2, out);
        return braces;
    }
    size_t name = name_len(text);
    if (name > len)
        name = len;
    if (name == 0) {
        buf_append(out, "$", 1);
        return 0;
    }
    char *word = mem_strndup(text, name);
    append_value(out, value_of(expansion, word));
    free(word);
    return name;
}

static void expand(struct expansion *expansion, const char *text, size_t len, struct buf *out)
{
    char quote = '\0';
    if (expansion->depth == DEPTH_MAX) {
        append_any(out);
        return;
    }
    expansion->depth++;
    for (size_t i = 0; i < len && out->len < TEXT_MAX; i++) {
        char c = text[i];
        if (c == quote)
            quote = '\0';
        else if (quote == '\0' && (c == '"' || c == '\''))
            quote = c;
        if (c == '$' && quote != '\'')
            i += expand_variable(expansion, text + i + 1, len - i - 1, out);
        else if (c == expansion->escape && quote != '\'' && i + 1 < len)
            buf_append(out, &text[++i], 1);
        else
            buf_append(out, &c, 1);
    }
    expansion->depth--;
}

char *recipe_expand(const char *text, char escape, const struct recipe_vars *env,
                        const struct recipe_vars *args)
{
    struct expansion expansion = {.escape = escape, .env = env, .args = args};
    struct buf out = {0};
    expand(&expansion, text, strlen(text), &out);
    return buf_take(&out);
}
