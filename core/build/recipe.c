#include "core/build/recipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "core/build/recipe_lines.h"
#include "core/build/recipe_vars.h"

#define STAGES_MAX 200
#define FROM_EXEC "mount / from exec "
#define SHELL "/bin/sh -c"

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

static struct stage *current(struct reader *reader)
{
    return reader->stages_len > 0 ? &reader->stages[reader->stages_len - 1] : NULL;
}

static char *expanded(struct reader *reader, const char *text)
{
    static const struct recipe_vars none;
    const struct stage *stage = current(reader);
    return recipe_expand(text, reader->escape, stage != NULL ? &stage->env : &none,
                             stage != NULL ? &stage->args : &reader->globals);
}

/* ------------------------------------------------------------------- stages */

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

static void need_stage(struct reader *reader, const char *name)
{
    size_t self = reader->stages_len - 1;
    size_t other = find_stage(reader, self, name);
    if (other != SIZE_MAX)
        reader->stages[self].needs[other] = true;
}

/* "--from=x" gives "x" for "--from="; NULL: another word. */
static const char *after(const char *word, const char *beginning)
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

static void read_from(struct reader *reader, const struct recipe_line *line)
{
    if (reader->stages_len == STAGES_MAX)
        return;
    const char *at = line->rest;
    char *image = recipe_word(&at, reader->escape);
    while (image != NULL && after(image, "--") != NULL) {
        free(image);
        image = recipe_word(&at, reader->escape);
    }
    char *as = recipe_word(&at, reader->escape);
    char *name = as != NULL && strcasecmp(as, "as") == 0 ? recipe_word(&at, reader->escape)
                                                         : NULL;
    static const struct recipe_vars none;
    char *base = recipe_expand(image != NULL ? image : "", reader->escape, &none,
                                   &reader->globals);
    size_t parent = find_stage(reader, reader->stages_len, base);
    struct stage *stage = &reader->stages[reader->stages_len++];
    *stage = (struct stage){.name = name, .needs = mem_zalloc(STAGES_MAX)};
    mem_replace(&stage->shell, SHELL);
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
static void mark_needed(struct reader *reader, const char *target)
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

/* ---------------------------------------------------------------- variables */

static const char *given_arg(const struct reader *reader, const char *name)
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
        if (after(name, beginnings[i]) != NULL)
            return true;
    return false;
}

static void read_arg(struct reader *reader, const struct recipe_line *line)
{
    static const char any[] = {RECIPE_ANY, '\0'};
    struct stage *stage = current(reader);
    struct recipe_vars *vars = stage != NULL ? &stage->args : &reader->globals;
    const char *at = line->rest;
    char *word;
    while ((word = recipe_word(&at, reader->escape)) != NULL) {
        char *equals = strchr(word, '=');
        char *value = equals != NULL ? expanded(reader, equals + 1) : NULL;
        if (equals != NULL)
            *equals = '\0';
        const char *given = given_arg(reader, word);
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
static void read_env(struct reader *reader, const struct recipe_line *line)
{
    struct stage *stage = current(reader);
    const char *at = line->rest;
    char *word = stage != NULL ? recipe_word(&at, reader->escape) : NULL;
    if (word != NULL && strchr(word, '=') == NULL) {
        char *value = expanded(reader, at + strspn(at, " \t"));
        recipe_vars_set(&stage->env, word, value);
        free(value);
        free(word);
        return;
    }
    for (; word != NULL; word = recipe_word(&at, reader->escape)) {
        char *equals = strchr(word, '=');
        if (equals != NULL) {
            *equals = '\0';
            char *value = expanded(reader, equals + 1);
            recipe_vars_set(&stage->env, word, value);
            free(value);
        }
        free(word);
    }
}

/* --------------------------------------------------------------------- steps */

static void add_step(struct reader *reader, char *takes_description, bool run)
{
    struct recipe *recipe = reader->recipe;
    const struct stage *stage = current(reader);
    mem_reserve((void **)&recipe->steps, &recipe->steps_cap, recipe->steps_len + 1,
                sizeof *recipe->steps);
    mem_reserve((void **)&reader->stage_of_step, &reader->step_stages_cap,
                recipe->steps_len + 1, sizeof *reader->stage_of_step);
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
static char *command_of(const struct recipe_line *line, const char *rest)
{
    const struct recipe_heredoc *first = &line->heredocs[0];
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
    char *all = expanded(reader, text), *rest = all, *field;
    while ((field = strsep(&rest, ",")) != NULL) {
        const char *value;
        if ((value = after(field, "type=")) != NULL)
            mem_replace(&ret_mount->type, value);
        else if ((value = after(field, "id=")) != NULL)
            mem_replace(&ret_mount->id, value);
        else if ((value = after(field, "from=")) != NULL)
            mem_replace(&ret_mount->from, value);
        else if ((value = after(field, "target=")) != NULL ||
                 (value = after(field, "dst=")) != NULL ||
                 (value = after(field, "destination=")) != NULL)
            mem_replace(&ret_mount->target, value);
    }
    free(all);
}

static void add_mount(struct reader *reader, const struct mount *mount)
{
    struct recipe *recipe = reader->recipe;
    const char *space = given_arg(reader, "BUILDKIT_CACHE_MOUNT_NS");
    char *own = mount->id != NULL && *mount->id != '\0' ? mem_strdup(mount->id)
                                                        : clean_path(mount->target);
    mem_reserve((void **)&recipe->mounts, &recipe->mounts_cap, recipe->mounts_len + 1,
                sizeof *recipe->mounts);
    mem_reserve((void **)&reader->stage_of_mount, &reader->mount_stages_cap,
                recipe->mounts_len + 1, sizeof *reader->stage_of_mount);
    reader->stage_of_mount[recipe->mounts_len] = reader->stages_len - 1;
    recipe->mounts[recipe->mounts_len++] = (struct recipe_mount){
        .id = mem_printf("%s/%s", space != NULL ? space : "", own),
        .target = mem_strdup(mount->target),
    };
    free(own);
}

static void read_run_flag(struct reader *reader, const char *word)
{
    const char *text = after(word, "--mount=");
    struct mount mount = {0};
    if (text == NULL)
        return;
    read_mount(reader, text, &mount);
    if (mount.from != NULL)
        need_stage(reader, mount.from);
    if (mount.type != NULL && strcmp(mount.type, "cache") == 0 && mount.target != NULL &&
        reader->recipe->mounts_len < RECIPE_STEPS_MAX)
        add_mount(reader, &mount);
    free(mount.type);
    free(mount.id);
    free(mount.target);
    free(mount.from);
}

static void read_run(struct reader *reader, const struct recipe_line *line)
{
    const char *rest = line->rest, *at = rest;
    char *word;
    while (strncmp(rest, "--", 2) == 0 && (word = recipe_word(&at, reader->escape)) != NULL) {
        read_run_flag(reader, word);
        free(word);
        at += strspn(at, " \t");
        rest = at;
    }
    char *exec = line->heredocs_len == 0 ? words_of_json(rest) : NULL;
    char *command = exec == NULL ? command_of(line, rest) : NULL;
    add_step(reader,
             exec != NULL ? mem_printf(FROM_EXEC "%s", exec)
                          : mem_printf(FROM_EXEC "%s %s", current(reader)->shell, command),
             true);
    free(exec);
    free(command);
}

static void read_copy(struct reader *reader, const struct recipe_line *line)
{
    const char *at = line->rest;
    char *word;
    while ((word = recipe_word(&at, reader->escape)) != NULL && after(word, "--") != NULL) {
        if (after(word, "--from=") != NULL)
            need_stage(reader, after(word, "--from="));
        free(word);
    }
    free(word);
    char *text = expanded(reader, line->rest);
    add_step(reader, mem_printf("%s %s", line->keyword, text), false);
    free(text);
}

static void read_shell(struct reader *reader, const struct recipe_line *line)
{
    char *words = words_of_json(line->rest);
    if (words != NULL)
        mem_replace(&current(reader)->shell, words);
    free(words);
}

typedef void read_cb(struct reader *reader, const struct recipe_line *line);

/* Of the others none leaves a record. */
static const struct keyword {
    const char *keyword;
    read_cb *read;
    bool in_stage;
} keywords[] = {
    {"FROM", read_from, false}, {"ARG", read_arg, false},      {"ENV", read_env, true},
    {"RUN", read_run, true},    {"COPY", read_copy, true},     {"ADD", read_copy, true},
    {"SHELL", read_shell, true}, {"WORKDIR", read_copy, true},
};

static void read_line(struct reader *reader, const struct recipe_line *line)
{
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
        if (strcmp(keywords[i].keyword, line->keyword) == 0 &&
            (!keywords[i].in_stage || reader->stages_len > 0))
            keywords[i].read(reader, line);
}

/* ----------------------------------------------------------------- the whole */

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

int recipe_parse(const char *text, size_t len, const char *target,
                     const struct recipe_arg *args, size_t args_len,
                     struct recipe **ret_recipe, struct err *err)
{
    if (len > RECIPE_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "a Dockerfile of more than %d bytes", RECIPE_BYTES_MAX);
    struct reader reader = {
        .recipe = mem_zalloc(sizeof *reader.recipe),
        .given = args,
        .given_len = args_len,
        .stages = mem_zalloc(STAGES_MAX * sizeof *reader.stages),
    };
    struct recipe_lines lines;
    struct recipe_line line;
    recipe_lines_init(&lines, text, len);
    while (reader.recipe->steps_len <= RECIPE_STEPS_MAX &&
           recipe_lines_next(&lines, &line)) {
        reader.escape = lines.escape;
        read_line(&reader, &line);
        recipe_line_done(&line);
    }
    bool fits = reader.recipe->steps_len <= RECIPE_STEPS_MAX;
    if (reader.stages_len > 0)
        mark_needed(&reader, target);
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
    int code = fstat(fd, &stat) < 0 ? -errno : S_ISREG(stat.st_mode) ? read_all(fd, &text) : -EINVAL;
    close(fd);
    if (code < 0)
        err_sys(err, code, "reading %s", path);
    else
        code = recipe_parse(text.len > 0 ? text.data : "", text.len, target, args, args_len,
                                ret_recipe, err);
    buf_done(&text);
    return code;
}
