#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/build/run/runner_private.h"

static void add_file(struct words *words, const char *path)
{
    words_add(words, "-f");
    words_put(words, path_as_word(path));
}

/* The copies lie elsewhere: compose is told what it would have read from the
 * place and from the text of the files. */
static void add_bare(struct words *words, const struct bare *bare)
{
    const char *named = getenv("COMPOSE_PROJECT_NAME");
    for (size_t i = 0; i < bare->files_len; i++)
        add_file(words, bare->files[i]);
    words_add_option(words, "--project-directory", bare->project);
    if (bare->name != NULL && (named == NULL || named[0] == '\0'))
        words_add_option(words, bare->name[0] == '-' ? "--project-name" : "-p", bare->name);
}

struct words runner_arguments(const struct runner_spec *spec)
{
    struct words words = {0};
    if (spec->bare != NULL) {
        add_bare(&words, spec->bare);
    } else if (spec->compose_file != NULL) {
        add_file(&words, spec->compose_file);
    }
    for (size_t i = 0; i < spec->profiles_len; i++)
        words_add_option(&words, "--profile", spec->profiles[i]);
    words_add(&words, "build");
    if (spec->no_cache)
        words_add(&words, "--no-cache");
    if (spec->pull)
        words_add(&words, "--pull");
    for (size_t i = 0; i < spec->build_args_len; i++)
        words_add_option(&words, "--build-arg", spec->build_args[i]);
    words_add_operands(&words, spec->services, spec->services_len);
    return words;
}

struct words runner_environment(const struct runner_spec *spec)
{
    struct words words = {0};
    words_add(&words, spec->traditional ? "DOCKER_BUILDKIT=0" : "DOCKER_BUILDKIT=1");
    words_add(&words,
              spec->traditional ? "COMPOSE_DOCKER_CLI_BUILD=0" : "COMPOSE_DOCKER_CLI_BUILD=1");
    if (spec->builder != NULL && spec->builder_is_context) {
        char *context = mem_printf("DOCKER_CONTEXT=%s", spec->builder);
        words_add(&words, context);
        words_add(&words, "DOCKER_HOST=");
        words_add(&words, "BUILDX_BUILDER=");
        free(context);
    } else if (spec->builder != NULL) {
        char *builder = mem_printf("BUILDX_BUILDER=%s", spec->builder);
        words_add(&words, builder);
        free(builder);
    }
    return words;
}

char *runner_command_of(const struct runner_spec *spec, const char *tool)
{
    struct words words = runner_arguments(spec);
    struct buf command = {0};
    buf_append_str(&command, tool);
    for (size_t i = 0; i < words.len; i++)
        buf_printf(&command, " %s", words.items[i]);
    words_done(&words);
    return buf_take(&command);
}

char *runner_command(const struct runner_spec *spec)
{
    return runner_command_of(spec, "docker compose");
}
