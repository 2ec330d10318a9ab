#include "core/build/dockerfile/recipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/build/dockerfile/recipe_reader.h"

typedef void read_cb(struct reader *reader, const struct dockerfile_line *line);

/* Of the others none leaves a record. */
static const struct keyword {
    const char *keyword;
    read_cb *read;
    bool in_stage;
} keywords[] = {
    {"FROM", reader_from, false}, {"ARG", reader_arg, false},      {"ENV", reader_env, true},
    {"RUN", reader_run, true},    {"COPY", reader_copy, true},     {"ADD", reader_copy, true},
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
        .stages = mem_zalloc(RECIPE_STAGES_MAX * sizeof *reader.stages),
    };
    struct dockerfile_lines lines;
    struct dockerfile_line line;
    dockerfile_lines_init(&lines, text, len);
    while (reader.recipe->steps_len <= RECIPE_STEPS_MAX &&
           dockerfile_lines_next(&lines, &line)) {
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
