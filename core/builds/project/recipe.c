#include "core/builds/project/recipe.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "core/base/mem.h"
#include "core/builds/project/dockerfile.h"

/* the variables of a Dockerfile's stage. */

/* a Dockerfile that is being read.
 *
 *   dockerfile_lines   instructions ──► recipe.c, which hands each to
 *   recipe_stages  FROM, ARG, ENV: which stages there are, and what is in their variables
 *   recipe_steps   RUN, COPY, ADD, WORKDIR, SHELL: what they leave in the cache */

struct recipe_var {
    char *name, *value; /* RECIPE_ANY: not known */
};

struct recipe_vars {
    struct recipe_var *items;
    size_t len, cap;
};

#define RECIPE_SHELL "/bin/sh -c"
#define RECIPE_STAGES_MAX 200

struct stage {
    char *name; /* in lower case; NULL: none */
    char *shell;
    struct recipe_vars env, args;
    bool *needs; /* the stages before this one */
    bool needed; /* for the target */
};

struct reader {
    struct recipe *recipe;
    const struct recipe_arg *given;
    size_t given_len;
    struct recipe_vars globals; /* of the ARGs before the first FROM */
    struct stage *stages;
    size_t stages_len;
    size_t *stage_of_step, *stage_of_mount;
    size_t step_stages_cap, mount_stages_cap;
    char escape;
};

static void reader_mark_needed(struct reader *reader, const char *target);
static void reader_from(struct reader *reader, const struct dockerfile_line *line);
static void reader_arg(struct reader *reader, const struct dockerfile_line *line);
static void reader_env(struct reader *reader, const struct dockerfile_line *line);
static void reader_run(struct reader *reader, const struct dockerfile_line *line);
static void reader_copy(struct reader *reader, const struct dockerfile_line *line);
static void reader_shell(struct reader *reader, const struct dockerfile_line *line);
static void recipe_vars_done(struct recipe_vars *vars);

typedef void read_cb(struct reader *reader, const struct dockerfile_line *line);

/* Of the others none leaves a record. */
static const struct keyword {
    const char *keyword;
    read_cb *read;
    bool in_stage;
} keywords[] = {
    {"FROM", reader_from, false},  {"ARG", reader_arg, false},     {"ENV", reader_env, true},
    {"RUN", reader_run, true},     {"COPY", reader_copy, true},    {"ADD", reader_copy, true},
    {"SHELL", reader_shell, true}, {"WORKDIR", reader_copy, true},
};

static void read_line(struct reader *reader, const struct dockerfile_line *line)
{
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
        if (strcmp(keywords[i].keyword, line->keyword) == 0 &&
            (!keywords[i].in_stage || reader->stages_len > 0))
            keywords[i].read(reader, line);
}

static void step_done(struct recipe_step *step)
{
    free(step->stage);
    free(step->description);
}

static void mount_done(struct recipe_mount *mount)
{
    free(mount->id);
    free(mount->target);
}

static void drop_needless(struct reader *reader)
{
    struct recipe *recipe = reader->recipe;
    size_t left = 0;
    for (size_t i = 0; i < recipe->steps_len; i++) {
        if (reader->stages[reader->stage_of_step[i]].needed)
            recipe->steps[left++] = recipe->steps[i];
        else
            step_done(&recipe->steps[i]);
    }
    recipe->steps_len = left;
    left = 0;
    for (size_t i = 0; i < recipe->mounts_len; i++) {
        if (reader->stages[reader->stage_of_mount[i]].needed)
            recipe->mounts[left++] = recipe->mounts[i];
        else
            mount_done(&recipe->mounts[i]);
    }
    recipe->mounts_len = left;
}

static void reader_done(struct reader *reader)
{
    for (size_t i = 0; i < reader->stages_len; i++) {
        struct stage *stage = &reader->stages[i];
        free(stage->name);
        free(stage->shell);
        free(stage->needs);
        recipe_vars_done(&stage->env);
        recipe_vars_done(&stage->args);
    }
    free(reader->stages);
    free(reader->stage_of_step);
    free(reader->stage_of_mount);
    recipe_vars_done(&reader->globals);
}

int recipe_parse(const char *text, size_t len, const char *target, const struct recipe_arg *args,
                 size_t args_len, struct recipe **ret_recipe, struct err *err)
{
    if (len > RECIPE_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "a Dockerfile of more than %d bytes", RECIPE_BYTES_MAX);
    struct reader reader = {
        .recipe = mem_zalloc(sizeof *reader.recipe),
        .given = args,
        .given_len = args_len,
        .stages = mem_zalloc(RECIPE_STAGES_MAX * sizeof *reader.stages),
    };
    struct dockerfile_lines lines;
    struct dockerfile_line line;
    dockerfile_lines_init(&lines, text, len);
    while (reader.recipe->steps_len <= RECIPE_STEPS_MAX && dockerfile_lines_next(&lines, &line)) {
        reader.escape = lines.escape;
        read_line(&reader, &line);
        dockerfile_line_done(&line);
    }
    bool fits = reader.recipe->steps_len <= RECIPE_STEPS_MAX;
    if (reader.stages_len > 0)
        reader_mark_needed(&reader, target);
    drop_needless(&reader);
    reader_done(&reader);
    if (!fits) {
        recipe_free(reader.recipe);
        return err_set(err, ERR_LIMIT, "a Dockerfile of more than %d steps", RECIPE_STEPS_MAX);
    }
    *ret_recipe = reader.recipe;
    return 0;
}

void recipe_free(struct recipe *recipe)
{
    if (recipe == NULL)
        return;
    for (size_t i = 0; i < recipe->steps_len; i++)
        step_done(&recipe->steps[i]);
    for (size_t i = 0; i < recipe->mounts_len; i++)
        mount_done(&recipe->mounts[i]);
    free(recipe->steps);
    free(recipe->mounts);
    free(recipe);
}

static int read_all(int fd, struct buf *buf)
{
    char chunk[16384];
    ssize_t got;
    while ((got = read(fd, chunk, sizeof chunk)) > 0 && buf->len <= RECIPE_BYTES_MAX)
        buf_append(buf, chunk, (size_t)got);
    return got < 0 ? -errno : 0;
}

/* A FIFO of that name must not hold anybody up. */
int recipe_read(const char *path, const char *target, const struct recipe_arg *args,
                size_t args_len, struct recipe **ret_recipe, struct err *err)
{
    struct buf text = {0};
    struct stat stat;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return err_sys(err, -errno, "reading %s", path);
    int code = fstat(fd, &stat) < 0    ? -errno
               : S_ISREG(stat.st_mode) ? read_all(fd, &text)
                                       : -EINVAL;
    close(fd);
    if (code < 0)
        err_sys(err, code, "reading %s", path);
    else
        code = recipe_parse(text.len > 0 ? text.data : "", text.len, target, args, args_len,
                            ret_recipe, err);
    buf_done(&text);
    return code;
}

/* More variables, longer values and deeper nesting are nobody's Dockerfile. */
#define VARS_MAX 1000
#define VALUE_MAX 4096
#define DEPTH_MAX 8
#define TEXT_MAX 65536

/* NULL when there is none of this name. */
static const char *recipe_vars_get(const struct recipe_vars *vars, const char *name)
{
    for (size_t i = 0; i < vars->len; i++)
        if (strcmp(vars->items[i].name, name) == 0)
            return vars->items[i].value;
    return NULL;
}

static void recipe_vars_set(struct recipe_vars *vars, const char *name, const char *value)
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

static void recipe_vars_copy(struct recipe_vars *vars, const struct recipe_vars *from)
{
    for (size_t i = 0; i < from->len; i++)
        recipe_vars_set(vars, from->items[i].name, from->items[i].value);
}

static void recipe_vars_done(struct recipe_vars *vars)
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

/* $NAME, ${NAME}, ${NAME:-word} and its like put in; what is in neither list is
 * RECIPE_ANY, since it may come from the base image. The first list goes
 * before the second. Quotes stay. The caller frees it. */
static char *recipe_expand(const char *text, char escape, const struct recipe_vars *env,
                           const struct recipe_vars *args)
{
    struct expansion expansion = {.escape = escape, .env = env, .args = args};
    struct buf out = {0};
    expand(&expansion, text, strlen(text), &out);
    return buf_take(&out);
}

/* The one that instructions belong to now; NULL: before the first FROM. */
static struct stage *reader_stage(struct reader *reader)
{
    return reader->stages_len > 0 ? &reader->stages[reader->stages_len - 1] : NULL;
}

/* With its variables replaced; the caller frees it. */
static char *reader_expanded(struct reader *reader, const char *text)
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

/* The current stage needs what this names: a stage, or (nothing then) an image. */
static void reader_need_stage(struct reader *reader, const char *name)
{
    size_t self = reader->stages_len - 1;
    size_t other = find_stage(reader, self, name);
    if (other != SIZE_MAX)
        reader->stages[self].needs[other] = true;
}

/* "--from=x" gives "x" for "--from="; NULL: another word. */
static const char *reader_after(const char *word, const char *beginning)
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

/* One for each instruction. */
static void reader_from(struct reader *reader, const struct dockerfile_line *line)
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
    char *name =
        as != NULL && strcasecmp(as, "as") == 0 ? dockerfile_word(&at, reader->escape) : NULL;
    static const struct recipe_vars none;
    char *base = recipe_expand(image != NULL ? image : "", reader->escape, &none, &reader->globals);
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
static void reader_mark_needed(struct reader *reader, const char *target)
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

/* As the build was given it; NULL: it was not. */
static const char *reader_given_arg(const struct reader *reader, const char *name)
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

static void reader_arg(struct reader *reader, const struct dockerfile_line *line)
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
static void reader_env(struct reader *reader, const struct dockerfile_line *line)
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

#define FROM_EXEC "mount / from exec "

static void add_step(struct reader *reader, char *takes_description, bool run)
{
    struct recipe *recipe = reader->recipe;
    const struct stage *stage = reader_stage(reader);
    mem_reserve((void **)&recipe->steps, &recipe->steps_cap, recipe->steps_len + 1,
                sizeof *recipe->steps);
    mem_reserve((void **)&reader->stage_of_step, &reader->step_stages_cap, recipe->steps_len + 1,
                sizeof *reader->stage_of_step);
    reader->stage_of_step[recipe->steps_len] = reader->stages_len - 1;
    recipe->steps[recipe->steps_len++] = (struct recipe_step){
        .stage = stage->name != NULL ? mem_strdup(stage->name)
                                     : mem_printf("stage-%zu", reader->stages_len - 1),
        .description = takes_description,
        .run = run,
    };
}

/* The words of a JSON list of strings, with blanks between them; NULL when it is
 * none. */
static char *words_of_json(const char *text)
{
    cJSON *list = *text == '[' ? cJSON_Parse(text) : NULL;
    const cJSON *item;
    struct buf words = {0};
    bool sound = cJSON_IsArray(list);
    cJSON_ArrayForEach(item, list)
    {
        sound = sound && cJSON_IsString(item);
        if (sound)
            buf_printf(&words, "%s%s", words.len > 0 ? " " : "", item->valuestring);
    }
    cJSON_Delete(list);
    char *result = sound ? buf_take(&words) : NULL;
    buf_done(&words);
    return result;
}

static void append_chomped(struct buf *buf, const char *text)
{
    for (const char *at = text; *at != '\0';) {
        at += strspn(at, "\t");
        size_t len = strcspn(at, "\n");
        len += at[len] == '\n';
        buf_append(buf, at, len);
        at += len;
    }
}

/* What is run: a heredoc alone is the script itself; one among other words is
 * left to the shell. */
static char *command_of(const struct dockerfile_line *line, const char *rest)
{
    const struct dockerfile_heredoc *first = &line->heredocs[0];
    struct buf command = {0};
    if (line->heredocs_len == 1 && rest[strcspn(rest, " \t")] == '\0') {
        if (strncmp(first->text.data, "#!", 2) == 0)
            buf_printf(&command, "/dev/pipes/%s", first->name);
        else if (first->chomp)
            append_chomped(&command, first->text.data);
        else
            buf_append(&command, first->text.data, first->text.len);
        return buf_take(&command);
    }
    buf_append_str(&command, rest);
    for (size_t i = 0; i < line->heredocs_len; i++)
        buf_printf(&command, "\n%s%s", line->heredocs[i].text.data, line->heredocs[i].name);
    return buf_take(&command);
}

/* "/a/../b/" is "/b", as Go's path.Clean() says it; of what climbs above its
 * root nothing is left. */
static char *clean_path(const char *path)
{
    struct buf clean = {0};
    buf_append_str(&clean, *path == '/' ? "/" : "");
    for (const char *at = path; *at != '\0';) {
        at += strspn(at, "/");
        size_t len = strcspn(at, "/");
        bool up = len == 2 && strncmp(at, "..", 2) == 0;
        while (up && clean.len > 0 && clean.data[clean.len - 1] != '/')
            clean.data[--clean.len] = '\0';
        if (up && clean.len > 1)
            clean.data[--clean.len] = '\0';
        if (!up && len > 0 && !(len == 1 && *at == '.')) {
            if (clean.len > 0 && clean.data[clean.len - 1] != '/')
                buf_append_str(&clean, "/");
            buf_append(&clean, at, len);
        }
        at += len;
    }
    return buf_take(&clean);
}

struct mount {
    char *type, *id, *target, *from;
};

/* "type=cache,id=x,target=/y"; quotes are gone already. */
static void read_mount(struct reader *reader, const char *text, struct mount *ret_mount)
{
    char *all = reader_expanded(reader, text), *rest = all, *field;
    while ((field = strsep(&rest, ",")) != NULL) {
        const char *value;
        if ((value = reader_after(field, "type=")) != NULL)
            mem_replace(&ret_mount->type, value);
        else if ((value = reader_after(field, "id=")) != NULL)
            mem_replace(&ret_mount->id, value);
        else if ((value = reader_after(field, "from=")) != NULL)
            mem_replace(&ret_mount->from, value);
        else if ((value = reader_after(field, "target=")) != NULL ||
                 (value = reader_after(field, "dst=")) != NULL ||
                 (value = reader_after(field, "destination=")) != NULL)
            mem_replace(&ret_mount->target, value);
    }
    free(all);
}

static void add_mount(struct reader *reader, const struct mount *mount)
{
    struct recipe *recipe = reader->recipe;
    const char *space = reader_given_arg(reader, "BUILDKIT_CACHE_MOUNT_NS");
    char *own =
        mount->id != NULL && *mount->id != '\0' ? mem_strdup(mount->id) : clean_path(mount->target);
    mem_reserve((void **)&recipe->mounts, &recipe->mounts_cap, recipe->mounts_len + 1,
                sizeof *recipe->mounts);
    mem_reserve((void **)&reader->stage_of_mount, &reader->mount_stages_cap, recipe->mounts_len + 1,
                sizeof *reader->stage_of_mount);
    reader->stage_of_mount[recipe->mounts_len] = reader->stages_len - 1;
    recipe->mounts[recipe->mounts_len++] = (struct recipe_mount){
        .id = mem_printf("%s/%s", space != NULL ? space : "", own),
        .target = mem_strdup(mount->target),
    };
    free(own);
}

static void read_run_flag(struct reader *reader, const char *word)
{
    const char *text = reader_after(word, "--mount=");
    struct mount mount = {0};
    if (text == NULL)
        return;
    read_mount(reader, text, &mount);
    if (mount.from != NULL)
        reader_need_stage(reader, mount.from);
    if (mount.type != NULL && strcmp(mount.type, "cache") == 0 && mount.target != NULL &&
        reader->recipe->mounts_len < RECIPE_STEPS_MAX)
        add_mount(reader, &mount);
    free(mount.type);
    free(mount.id);
    free(mount.target);
    free(mount.from);
}

static void reader_run(struct reader *reader, const struct dockerfile_line *line)
{
    const char *rest = line->rest, *at = rest;
    char *word;
    while (strncmp(rest, "--", 2) == 0 && (word = dockerfile_word(&at, reader->escape)) != NULL) {
        read_run_flag(reader, word);
        free(word);
        at += strspn(at, " \t");
        rest = at;
    }
    char *exec = line->heredocs_len == 0 ? words_of_json(rest) : NULL;
    char *command = exec == NULL ? command_of(line, rest) : NULL;
    add_step(reader,
             exec != NULL ? mem_printf(FROM_EXEC "%s", exec)
                          : mem_printf(FROM_EXEC "%s %s", reader_stage(reader)->shell, command),
             true);
    free(exec);
    free(command);
}

static void reader_copy(struct reader *reader, const struct dockerfile_line *line)
{
    const char *at = line->rest;
    char *word;
    while ((word = dockerfile_word(&at, reader->escape)) != NULL &&
           reader_after(word, "--") != NULL) {
        if (reader_after(word, "--from=") != NULL)
            reader_need_stage(reader, reader_after(word, "--from="));
        free(word);
    }
    free(word);
    char *text = reader_expanded(reader, line->rest);
    add_step(reader, mem_printf("%s %s", line->keyword, text), false);
    free(text);
}

static void reader_shell(struct reader *reader, const struct dockerfile_line *line)
{
    char *words = words_of_json(line->rest);
    if (words != NULL)
        mem_replace(&reader_stage(reader)->shell, words);
    free(words);
}
