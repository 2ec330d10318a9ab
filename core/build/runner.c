#include "core/build/runner.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/process.h"
#include "core/build/progress.h"
#include "core/build/tool.h"

#define PATIENCE_MS 10000
/* After SIGKILL only somebody outside the group can still hold the pipes. */
#define LAST_PATIENCE_MS 2000

static const int signals[] = {SIGINT, SIGTERM, SIGKILL};
#define SIGNALS_LEN (sizeof signals / sizeof signals[0])

struct words {
    char **items; /* NULL-terminated */
    size_t len, cap;
};

struct runner {
    uv_loop_t *loop;
    struct build *build;
    const struct runner_ops *ops;
    void *arg;
    struct words arguments; /* what follows the tool's name */
    struct words environment;
    char *directory;
    bool traditional;
    struct tool_search *search; /* until the tool is known */
    struct process *process;
    const struct progress_ops *progress_ops;
    void *progress;
    uint64_t shown; /* lines of the log that on_output has got */
    uv_timer_t patience;
    size_t signals_sent;
    bool over;
};

static void words_add(struct words *words, const char *text)
{
    mem_reserve((void **)&words->items, &words->cap, words->len + 2, sizeof *words->items);
    words->items[words->len++] = mem_strdup(text);
    words->items[words->len] = NULL;
}

static void words_free(struct words *words)
{
    for (size_t i = 0; i < words->len; i++)
        free(words->items[i]);
    free(words->items);
}

static struct words make_arguments(const struct runner_spec *spec)
{
    struct words words = {0};
    if (spec->compose_file != NULL) {
        words_add(&words, "-f");
        words_add(&words, spec->compose_file);
    }
    words_add(&words, "build");
    if (spec->no_cache)
        words_add(&words, "--no-cache");
    for (size_t i = 0; i < spec->services_len; i++)
        words_add(&words, spec->services[i]);
    return words;
}

/* All by the environment: flags differ from version to version, and an older
 * tool stops at a flag that it does not know. */
static struct words make_environment(const struct runner_spec *spec)
{
    struct words words = {0};
    words_add(&words, spec->traditional ? "DOCKER_BUILDKIT=0" : "DOCKER_BUILDKIT=1");
    words_add(&words,
              spec->traditional ? "COMPOSE_DOCKER_CLI_BUILD=0" : "COMPOSE_DOCKER_CLI_BUILD=1");
    if (spec->builder != NULL) {
        char *builder = mem_printf("BUILDX_BUILDER=%s", spec->builder);
        words_add(&words, builder);
        free(builder);
    }
    return words;
}

char *runner_command(const struct runner_spec *spec)
{
    struct words words = make_arguments(spec);
    struct buf command = {0};
    buf_append_str(&command, "docker compose");
    for (size_t i = 0; i < words.len; i++)
        buf_printf(&command, " %s", words.items[i]);
    words_free(&words);
    return buf_take(&command);
}

/* ------------------------------------------------------------------ output */

/* The parser has made lines for people: hands on those that are new. */
static void show_lines(struct runner *runner)
{
    struct buildlog_line line;
    struct buf text = {0};
    uint64_t end = buildlog_end(runner->build->log);
    for (; runner->shown < end; runner->shown++) {
        if (buildlog_get(runner->build->log, runner->shown, &line) < 0)
            continue;
        buf_append(&text, line.text, line.len);
        buf_append(&text, "\n", 1);
    }
    if (text.len > 0)
        runner->ops->on_output(runner->arg, text.data, text.len);
    buf_done(&text);
}

static void on_output(void *arg, enum process_stream stream, const char *data, size_t len)
{
    struct runner *runner = arg;
    runner->progress_ops->feed(runner->progress, stream, data, len, clock_mono_ms());
    if (runner->ops->on_output != NULL) {
        if (runner->progress_ops->readable)
            runner->ops->on_output(runner->arg, data, len);
        else
            show_lines(runner);
    }
    runner->ops->on_progress(runner->arg);
}

/* ------------------------------------------------------------------ ending */

static void finish(struct runner *runner, int status)
{
    struct build *build = runner->build;
    int64_t now = clock_mono_ms();
    bool stopped = runner->signals_sent > 0 || status == 128 + SIGINT;
    if (runner->over)
        return;
    runner->over = true;
    uv_timer_stop(&runner->patience);
    if (runner->progress != NULL) {
        runner->progress_ops->end(runner->progress, now);
        if (runner->ops->on_output != NULL && !runner->progress_ops->readable)
            show_lines(runner);
    }
    if (status != 0 && !stopped && build->error == NULL) {
        char *text = status > 128 ? mem_printf("%s was killed: %s", build->command,
                                               strsignal(status - 128))
                                  : mem_printf("%s ended with status %d", build->command, status);
        build_set_error(build, text, strlen(text));
        free(text);
    }
    enum build_state state = status == 0 ? BUILD_DONE : stopped ? BUILD_CANCELLED : BUILD_FAILED;
    build_end(build, state, status, now);
    runner->ops->on_end(runner->arg);
}

static void on_child_exit(void *arg, int status, const struct err *err)
{
    (void)err; /* there is no deadline */
    finish(arg, status);
}

static const struct process_ops process_ops = {.on_output = on_output, .on_exit = on_child_exit};

static void fail(struct runner *runner, const struct err *err)
{
    build_set_error(runner->build, err->text, strlen(err->text));
    finish(runner, 127);
}

/* ---------------------------------------------------------------- starting */

/* The best that the tool can do. With rawjson, compose must be left to choose
 * by itself, for it does not know that word; and "never" for ANSI, too, would
 * mean plain to it. */
static void choose_progress(struct runner *runner, const struct tool *tool)
{
    bool rawjson = tool_knows_rawjson(tool) && !runner->traditional;
    runner->progress_ops = runner->traditional ? &progress_legacy
                           : rawjson           ? &progress_rawjson
                                               : &progress_plain;
    words_add(&runner->environment,
              rawjson ? "BUILDKIT_PROGRESS=rawjson" : "BUILDKIT_PROGRESS=plain");
    words_add(&runner->environment, rawjson ? "COMPOSE_PROGRESS=auto" : "COMPOSE_PROGRESS=plain");
    words_add(&runner->environment, rawjson ? "COMPOSE_ANSI=auto" : "COMPOSE_ANSI=never");
    runner->progress = runner->progress_ops->open(runner->build);
}

static void on_tool(void *arg, const struct tool *tool, const struct err *err)
{
    struct runner *runner = arg;
    runner->search = NULL;
    if (runner->signals_sent > 0) {
        finish(runner, 128 + SIGINT);
        return;
    }
    if (tool == NULL) {
        fail(runner, err);
        return;
    }
    choose_progress(runner, tool);
    struct words argv = {0};
    words_add(&argv, tool->standalone ? "docker-compose" : "docker");
    if (!tool->standalone)
        words_add(&argv, "compose");
    for (size_t i = 0; i < runner->arguments.len; i++)
        words_add(&argv, runner->arguments.items[i]);
    struct process_spec spec = {
        .argv = (const char *const *)argv.items,
        .environment = (const char *const *)runner->environment.items,
        .directory = runner->directory,
    };
    struct err start;
    if (process_spawn(runner->loop, &spec, &process_ops, runner, &runner->process, &start) < 0)
        fail(runner, &start);
    words_free(&argv);
}

int runner_start(uv_loop_t *loop, const struct runner_spec *spec, struct build *build,
                 const struct runner_ops *ops, void *arg, struct runner **ret_runner,
                 struct err *err)
{
    struct runner *runner = mem_zalloc(sizeof *runner);
    int code = tool_find(loop, on_tool, runner, &runner->search, err);
    if (code < 0) {
        free(runner);
        return code;
    }
    runner->loop = loop;
    runner->build = build;
    runner->ops = ops;
    runner->arg = arg;
    runner->arguments = make_arguments(spec);
    runner->environment = make_environment(spec);
    runner->traditional = spec->traditional;
    runner->directory = spec->directory != NULL ? mem_strdup(spec->directory) : NULL;
    uv_timer_init(loop, &runner->patience);
    runner->patience.data = runner;
    *ret_runner = runner;
    return 0;
}

/* ---------------------------------------------------------------- stopping */

static void on_patience(uv_timer_t *timer)
{
    struct runner *runner = timer->data;
    if (runner->signals_sent < SIGNALS_LEN)
        runner_stop(runner);
    else
        finish(runner, 128 + SIGKILL);
}

void runner_stop(struct runner *runner)
{
    if (runner->over || runner->signals_sent == SIGNALS_LEN)
        return;
    runner->build->state = BUILD_STOPPING;
    runner->build->revision++;
    int signal = signals[runner->signals_sent++];
    if (runner->process != NULL)
        process_signal(runner->process, signal);
    uv_timer_start(&runner->patience, on_patience,
                   signal == SIGKILL ? LAST_PATIENCE_MS : PATIENCE_MS, 0);
}

int runner_session(const struct runner *runner)
{
    return runner->process != NULL ? process_pid(runner->process) : 0;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void runner_free(struct runner *runner)
{
    if (runner == NULL)
        return;
    if (runner->search != NULL)
        tool_find_cancel(runner->search);
    process_free(runner->process);
    if (runner->progress != NULL)
        runner->progress_ops->close(runner->progress);
    words_free(&runner->arguments);
    words_free(&runner->environment);
    free(runner->directory);
    runner->ops = NULL;
    uv_close((uv_handle_t *)&runner->patience, on_closed);
}
