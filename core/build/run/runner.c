#include "core/build/run/runner.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/build/diagnose.h"
#include "core/build/run/runner_private.h"

/* The engine stops its work at the first signal; a client that stays longer has
 * nothing to do that matters, and its end stops the engine, too. */
#define PATIENCE_MS 2500
/* After SIGKILL only somebody outside the group can still hold the pipes. */
#define LAST_PATIENCE_MS 2000

static const int signals[] = {SIGINT, SIGTERM, SIGKILL};
#define SIGNALS_LEN (sizeof signals / sizeof signals[0])

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
    runner_output_end(runner);
    if (status != 0 && !stopped && build->error == NULL) {
        bool killed = status > 128 && status < 128 + NSIG;
        char *text = killed ? mem_printf("%s was killed: %s", build->command,
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

static const struct process_ops process_ops = {.on_output = runner_output_feed,
                                               .on_exit = on_child_exit};

static void fail(struct runner *runner, const struct err *err)
{
    build_set_error(runner->build, err->text, strlen(err->text));
    finish(runner, 127);
}

/* ---------------------------------------------------------------- starting */

static void spawn(struct runner *runner)
{
    const struct tool *tool = &runner->tool;
    runner->environment = runner_environment(&runner->spec);
    runner_output_open(runner);
    struct strlist arguments = runner_arguments(&runner->spec), argv = {0};
    strlist_add(&argv, tool->standalone ? "docker-compose" : "docker");
    if (!tool->standalone)
        strlist_add(&argv, "compose");
    strlist_add_all(&argv, strlist_texts(&arguments), arguments.len);
    struct process_spec spec = {
        .argv = strlist_texts(&argv),
        .environment = strlist_texts(&runner->environment),
        .directory = runner->spec.directory,
    };
    struct err start;
    /* What the build takes is what it takes, without our questions before it. */
    runner->build->started_mono_ms = clock_mono_ms();
    if (process_spawn(runner->loop, &spec, &process_ops, runner, &runner->process, &start) < 0)
        fail(runner, &start);
    strlist_done(&arguments);
    strlist_done(&argv);
}

/* Copies without caches, if these tools need them and they can be made; else
 * the tool itself will say what it does not know. */
static bool make_bare(struct runner *runner, const struct compat_facts *facts,
                      const struct compat_wish *wish)
{
    const struct runner_spec *spec = &runner->spec;
    struct err err;
    if (!spec->automatic || !compat_wants_bare(&runner->tool, facts, wish))
        return false;
    if (bare_make(spec->compose_file, spec->directory, runner->tool.major == 1, &runner->bare,
                  &err) < 0)
        log_note("%s", err.text);
    return runner->bare.files_len > 0;
}

static struct compat_choice choose(struct runner *runner, const struct compat_facts *facts)
{
    struct compat_wish wish = {
        .traditional = runner->spec.traditional,
        .switched_off = runner->automatic_off,
        .wants_caches = runner->spec.wants_caches,
        .original = runner->original,
    };
    wish.bare = make_bare(runner, facts, &wish);
    return compat_choose(&runner->tool, facts, &wish);
}

/* Goes the way that is chosen. */
static void set_out(struct runner *runner, const struct compat_facts *facts)
{
    struct runner_spec *spec = &runner->spec;
    struct build *build = runner->build;
    struct compat_choice choice = choose(runner, facts);
    spec->traditional = choice.traditional;
    spec->bare = choice.bare ? &runner->bare : NULL;
    if (choice.traditional && runner->original != NULL) {
        free((char *)spec->compose_file);
        spec->compose_file = runner->original;
        runner->original = NULL;
    }
    free(build->way);
    build->way = choice.why;
    build->traditional = choice.traditional;
    free(build->command);
    build->command = runner_command_of(spec, tool_name(&runner->tool));
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

static char *copy(const char *text)
{
    return text != NULL ? mem_strdup(text) : NULL;
}

/* The strings of a spec live as long as the call that has it. */
static void keep_spec(struct runner *runner, const struct runner_spec *spec)
{
    struct runner_spec *kept = &runner->spec;
    const char *buildkit = getenv("DOCKER_BUILDKIT");
    *kept = *spec;
    kept->compose_file = copy(spec->compose_file);
    kept->directory = copy(spec->directory);
    kept->builder = copy(spec->builder);
    strlist_add_all(&runner->services, spec->services, spec->services_len);
    strlist_add_all(&runner->build_args, spec->build_args, spec->build_args_len);
    strlist_add_all(&runner->profiles, spec->profiles, spec->profiles_len);
    kept->profiles = strlist_texts(&runner->profiles);
    kept->services = strlist_texts(&runner->services);
    kept->build_args = strlist_texts(&runner->build_args);
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
    runner_output_close(runner);
    strlist_done(&runner->services);
    strlist_done(&runner->build_args);
    strlist_done(&runner->profiles);
    strlist_done(&runner->environment);
    bare_done(&runner->bare);
    free(runner->original);
    free((char *)runner->spec.compose_file);
    free((char *)runner->spec.directory);
    free((char *)runner->spec.builder);
    runner->ops = NULL;
    uv_close((uv_handle_t *)&runner->patience, on_closed);
}
