#include "core/build/dockerfile/recipe_reader.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/mem.h"

#define FROM_EXEC "mount / from exec "

static void add_step(struct reader *reader, char *takes_description, bool run)
{
    struct recipe *recipe = reader->recipe;
    const struct stage *stage = reader_stage(reader);
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

void reader_run(struct reader *reader, const struct dockerfile_line *line)
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

void reader_copy(struct reader *reader, const struct dockerfile_line *line)
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

void reader_shell(struct reader *reader, const struct dockerfile_line *line)
{
    char *words = words_of_json(line->rest);
    if (words != NULL)
        mem_replace(&reader_stage(reader)->shell, words);
    free(words);
}
