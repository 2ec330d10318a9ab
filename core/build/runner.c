#include "core/build/runner.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/process.h"
#include "core/build/compat.h"
#include "core/build/diagnose.h"
#include "core/build/progress.h"
#include "core/build/tool.h"

/* The engine stops its work at the first signal; a client that stays longer has
 * nothing to do that matters, and its end stops the engine, too. */
#define PATIENCE_MS 2500
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
    struct runner_spec spec; /* its strings are ours */
    struct words services, profiles, build_args;
    bool automatic_off; /* DOCKER_BUILDKIT=0 in our environment */
    char *original;     /* compose file of the original Dockerfiles; NULL: none */
    struct words environment;
    struct tool_search *search; /* until the tool is known */
    struct tool tool;
    struct compat_probe *probe; /* until docker has said what it can do */
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

static char *copy_text(const char *text)
{
    return text != NULL ? mem_strdup(text) : NULL;
}

static struct words make_arguments(const struct runner_spec *spec)
{
    struct words words = {0};
    if (spec->compose_file != NULL) {
        words_add(&words, "-f");
        words_add(&words, spec->compose_file);
    }
    for (size_t i = 0; i < spec->profiles_len; i++) {
        words_add(&words, "--profile");
        words_add(&words, spec->profiles[i]);
    }
    words_add(&words, "build");
    if (spec->no_cache)
        words_add(&words, "--no-cache");
    if (spec->pull)
        words_add(&words, "--pull");
    for (size_t i = 0; i < spec->build_args_len; i++) {
        words_add(&words, "--build-arg");
        words_add(&words, spec->build_args[i]);
    }
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

static char *make_command(const struct runner_spec *spec, const char *tool)
{
    struct words words = make_arguments(spec);
    struct buf command = {0};
    buf_append_str(&command, tool);
    for (size_t i = 0; i < words.len; i++)
        buf_printf(&command, " %s", words.items[i]);
    words_free(&words);
    return buf_take(&command);
}

char *runner_command(const struct runner_spec *spec)
{
    return make_command(spec, "docker compose");
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
    build->diagnosis = diagnose_build(build);
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
static void choose_progress(struct runner *runner)
{
    bool traditional = runner->spec.traditional;
    bool rawjson = tool_knows_rawjson(&runner->tool) && !traditional;
    runner->progress_ops = traditional ? &progress_legacy
                           : rawjson   ? &progress_rawjson
                                       : &progress_plain;
    words_add(&runner->environment,
              rawjson ? "BUILDKIT_PROGRESS=rawjson" : "BUILDKIT_PROGRESS=plain");
    words_add(&runner->environment, rawjson ? "COMPOSE_PROGRESS=auto" : "COMPOSE_PROGRESS=plain");
    words_add(&runner->environment, rawjson ? "COMPOSE_ANSI=auto" : "COMPOSE_ANSI=never");
    runner->progress = runner->progress_ops->open(runner->build);
}

static void spawn(struct runner *runner)
{
    const struct tool *tool = &runner->tool;
    runner->environment = make_environment(&runner->spec);
    choose_progress(runner);
    struct words arguments = make_arguments(&runner->spec), argv = {0};
    words_add(&argv, tool->standalone ? "docker-compose" : "docker");
    if (!tool->standalone)
        words_add(&argv, "compose");
    for (size_t i = 0; i < arguments.len; i++)
        words_add(&argv, arguments.items[i]);
    struct process_spec spec = {
        .argv = (const char *const *)argv.items,
        .environment = (const char *const *)runner->environment.items,
        .directory = runner->spec.directory,
    };
    struct err start;
    if (process_spawn(runner->loop, &spec, &process_ops, runner, &runner->process, &start) < 0)
        fail(runner, &start);
    words_free(&arguments);
    words_free(&argv);
}

/* Goes the way that is chosen. */
static void set_out(struct runner *runner, const struct compat_facts *facts)
{
    struct runner_spec *spec = &runner->spec;
    struct build *build = runner->build;
    const struct compat_wish wish = {
        .traditional = spec->traditional,
        .switched_off = runner->automatic_off,
        .wants_caches = spec->wants_caches,
        .original = runner->original,
    };
    struct compat_choice choice = compat_choose(&runner->tool, facts, &wish);
    spec->traditional = choice.traditional;
    if (choice.traditional && runner->original != NULL) {
        free((char *)spec->compose_file);
        spec->compose_file = runner->original;
        runner->original = NULL;
    }
    free(build->way);
    build->way = choice.why;
    build->traditional = choice.traditional;
    free(build->command);
    build->command = make_command(spec, tool_name(&runner->tool));
    free(build->tool);
    build->tool = mem_printf("%s%s%scompose %s%s", facts->engine[0] != '\0' ? "docker " : "",
                             facts->engine, facts->engine[0] != '\0' ? ", " : "",
                             runner->tool.version, choice.traditional ? ", traditional" : "");
    build->revision++;
    runner->ops->on_progress(runner->arg);
    spawn(runner);
}

static void on_facts(void *arg, const struct compat_facts *facts)
{
    struct runner *runner = arg;
    runner->probe = NULL;
    if (runner->signals_sent > 0)
        finish(runner, 128 + SIGINT);
    else
        set_out(runner, facts);
}

static void on_tool(void *arg, const struct tool *tool, const struct err *err)
{
    static const struct compat_facts nothing = {.free_bytes = -1};
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
    runner->tool = *tool;
    if (!runner->spec.automatic || compat_probe(runner->loop, runner->spec.builder, on_facts,
                                                runner, &runner->probe, NULL) < 0)
        set_out(runner, &nothing);
}

/* The strings of a spec live as long as the call that has it. */
static void keep_spec(struct runner *runner, const struct runner_spec *spec)
{
    struct runner_spec *kept = &runner->spec;
    const char *buildkit = getenv("DOCKER_BUILDKIT");
    *kept = *spec;
    kept->compose_file = copy_text(spec->compose_file);
    kept->directory = copy_text(spec->directory);
    kept->builder = copy_text(spec->builder);
    for (size_t i = 0; i < spec->services_len; i++)
        words_add(&runner->services, spec->services[i]);
    for (size_t i = 0; i < spec->profiles_len; i++)
        words_add(&runner->profiles, spec->profiles[i]);
    for (size_t i = 0; i < spec->build_args_len; i++)
        words_add(&runner->build_args, spec->build_args[i]);
    kept->profiles = (const char *const *)runner->profiles.items;
    kept->services = (const char *const *)runner->services.items;
    kept->build_args = (const char *const *)runner->build_args.items;
    runner->automatic_off = spec->automatic && buildkit != NULL && strcmp(buildkit, "0") == 0;
    if (spec->automatic)
        runner->original = compat_original_file(spec->compose_file, spec->directory);
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
    keep_spec(runner, spec);
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
    if (runner->probe != NULL)
        compat_probe_cancel(runner->probe);
    process_free(runner->process);
    if (runner->progress != NULL)
        runner->progress_ops->close(runner->progress);
    words_free(&runner->services);
    words_free(&runner->profiles);
    words_free(&runner->build_args);
    words_free(&runner->environment);
    free(runner->original);
    free((char *)runner->spec.compose_file);
    free((char *)runner->spec.directory);
    free((char *)runner->spec.builder);
    runner->ops = NULL;
    uv_close((uv_handle_t *)&runner->patience, on_closed);
}
