#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/base/process.h"
#include "core/build/compose/compose.h"

#define OUTPUT_MAX_BYTES (32 * 1024 * 1024)
#define DEADLINE_MS 30000

struct compose_load {
    uv_loop_t *loop;
    char *file; /* NULL: compose's own search */
    char *directory;
    compose_done_cb *on_done;
    void *arg;
    struct process_capture *capture;
    bool standalone; /* docker-compose is asked now */
};

static void load_free(struct compose_load *load)
{
    free(load->file);
    free(load->directory);
    free(load);
}

static void finish(struct compose_load *load, struct compose_project *project,
                   const struct err *err)
{
    load->on_done(load->arg, project, err);
    load_free(load);
}

/* ------------------------------------------------------------ what it said */

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* What a docker without the plugin says to "docker compose --profile … ". */
static bool is_plugin_missing(const struct process_result *result)
{
    static const char *const signs[] = {"'compose' is not a docker command",
                                        "unknown command: docker compose", "unknown flag: --",
                                        "unknown shorthand flag:"};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (strstr(result->err.data, signs[i]) != NULL)
            return true;
    return false;
}

/* The last line that is no warning; it tells the reason. */
static char *last_words(const char *text)
{
    char *found = NULL;
    while (*text != '\0') {
        size_t len = strcspn(text, "\r\n");
        bool told = len > 0 && !starts_with(text, "time=\"") && !starts_with(text, "WARN");
        if (told) {
            free(found);
            found = mem_strndup(text, len);
        }
        text += len;
        text += strspn(text, "\r\n");
    }
    return found;
}

static int no_compose_file(const char *directory, struct err *err)
{
    return err_set(err, -ENOENT, "no compose file in %s or above it", directory);
}

/* compose's words in ours, where theirs leave the reader alone. */
static void explain(const struct compose_load *load, const struct process_result *result,
                    struct err *err)
{
    char *words = last_words(result->err.data);
    const char *tool = load->standalone ? "docker-compose" : "docker compose";
    if (words == NULL)
        err_set(err, ERR_PEER, "%s config ended with status %d", tool, result->status);
    else if (starts_with(words, "no configuration file provided"))
        no_compose_file(load->directory, err);
    else if (starts_with(words, "empty compose file"))
        err_set(err, ERR_PEER, "the compose file in %s is empty", load->directory);
    else
        err_set(err, ERR_PEER, "%s: %s", tool, words);
    free(words);
}

/* docker-compose 1 knows no JSON: its usage text (with status 0), or a
 * complaint about cache_to, is all that comes. */
static bool is_version_1(const struct process_result *result)
{
    return strstr(result->err.data, "Usage: config") != NULL ||
           strstr(result->out.data, "Usage: config") != NULL ||
           strstr(result->err.data, "Define and run multi-container applications") != NULL ||
           strstr(result->err.data, "unsupported option: 'cache_to'") != NULL;
}

/* ------------------------------------------------------------------- asking */

static int ask(struct compose_load *load, struct err *err);

static void on_config(void *arg, const struct process_result *result, const struct err *err)
{
    struct compose_load *load = arg;
    struct compose_project *project = NULL;
    struct err reason;
    if (err != NULL) {
        err_set(&reason, err->code, "docker compose config: %s", err->text);
    } else if (load->standalone && is_version_1(result)) {
        err_set(&reason, ERR_UNSUPPORTED,
                "docker-compose is version 1: it builds, but it does not tell the project as "
                "JSON, and it knows no cache_to (install docker-compose version 2)");
    } else if (result->status == 0) {
        if (compose_parse(result->out.data, result->out.len, load->directory, &project,
                          &reason) == 0) {
            finish(load, project, NULL);
            return;
        }
    } else if (!load->standalone && is_plugin_missing(result)) {
        load->standalone = true;
        if (ask(load, NULL) == 0)
            return;
        err_set(&reason, ERR_UNSUPPORTED,
                "docker has no compose plugin: the project is not readable, and nothing can be "
                "built (install docker-compose version 2)");
    } else {
        explain(load, result, &reason);
    }
    finish(load, NULL, &reason);
}

/* Services of all profiles: a cache of one that is switched off now is no
 * stranger. */
static int ask(struct compose_load *load, struct err *err)
{
    const char *argv[12];
    size_t len = 0;
    if (load->standalone) {
        argv[len++] = "docker-compose";
    } else {
        argv[len++] = "docker";
        argv[len++] = "compose";
    }
    if (load->file != NULL) {
        argv[len++] = "-f";
        argv[len++] = load->file;
    }
    argv[len++] = "--profile";
    argv[len++] = "*";
    argv[len++] = "config";
    argv[len++] = "--format";
    argv[len++] = "json";
    argv[len] = NULL;
    const char *const environment[] = {"COMPOSE_ANSI=never", "COMPOSE_PROGRESS=plain", NULL};
    struct process_spec spec = {
        .argv = argv,
        .environment = environment,
        .directory = load->directory,
        .deadline_ms = DEADLINE_MS,
    };
    return process_capture(load->loop, &spec, OUTPUT_MAX_BYTES, on_config, load, &load->capture,
                           err);
}

static char *absolute_directory(const char *directory)
{
    if (directory != NULL && directory[0] == '/')
        return mem_strdup(directory);
    char *here = getcwd(NULL, 0);
    char *path = directory == NULL ? mem_strdup(here != NULL ? here : "/")
                                   : mem_printf("%s/%s", here != NULL ? here : "", directory);
    free(here);
    return path;
}

int compose_load(uv_loop_t *loop, const char *file, const char *directory,
                 compose_done_cb *on_done, void *arg, struct compose_load **ret_load,
                 struct err *err)
{
    /* A missing directory would look like a missing program. */
    if (directory != NULL && access(directory, X_OK) < 0)
        return err_sys(err, -errno, "entering %s", directory);
    char *absolute = absolute_directory(directory);
    if (file == NULL && !compose_in_sight(absolute)) {
        int code = no_compose_file(absolute, err);
        free(absolute);
        return code;
    }
    struct compose_load *load = mem_zalloc(sizeof *load);
    load->loop = loop;
    load->file = file != NULL ? path_as_word(file) : NULL;
    load->directory = absolute;
    load->on_done = on_done;
    load->arg = arg;
    int code = ask(load, err);
    if (code == -ENOENT) {
        load->standalone = true;
        code = ask(load, NULL);
        if (code == -ENOENT)
            code = err_set(err, ERR_PEER, "there is neither docker nor docker-compose in PATH");
    }
    if (code < 0) {
        load_free(load);
        return code;
    }
    *ret_load = load;
    return 0;
}

void compose_load_cancel(struct compose_load *load)
{
    process_capture_cancel(load->capture);
    load_free(load);
}
