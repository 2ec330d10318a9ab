#include "core/builds/run/runner.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/base/process.h"
#include "core/base/strlist.h"
#include "core/builds/errorline.h"
#include "core/builds/progress/diagnose.h"
#include "core/builds/progress/progress.h"
#include "core/builds/project/plain_compose.h"
#include "core/builds/run/compat.h"
#include "core/builds/run/compose_tool.h"

/* see runner.h. */

struct runner {
    uv_loop_t *loop;
    struct build *build;
    const struct runner_ops *ops;
    void *arg;
    struct runner_spec spec; /* its strings are ours */
    struct strlist services, build_args, profiles;
    bool automatic_off; /* DOCKER_BUILDKIT=0 in our environment */
    struct bare bare;   /* copies of the compose files without caches, if needed */
    char *original;     /* compose file of the original Dockerfiles; NULL: none */
    struct strlist environment;
    struct tool_search *search; /* until the tool is known */
    struct tool tool;
    struct compat_probe *probe; /* until docker has said what it can do */
    struct process *process;
    const struct progress_ops *progress_ops;
    void *progress;
    uint64_t shown; /* lines of the log that on_output has got */
    bool paused;    /* the log has no room: the tool waits in its writes */
    uv_timer_t patience;
    size_t signals_sent;
    bool over;
};

/* ---- what it prints */

static struct strlist runner_arguments(const struct runner_spec *spec);
static struct strlist runner_environment(const struct runner_spec *spec);
static char *runner_command_of(const struct runner_spec *spec, const char *tool);
static void runner_output_open(struct runner *runner);
static void runner_output_feed(void *runner, enum process_stream stream, const char *data,
                               size_t len);
static void runner_output_end(struct runner *runner);
static void runner_output_close(struct runner *runner);

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
        char *text = killed
                         ? mem_printf("%s was killed: %s", build->command, strsignal(status - 128))
                         : mem_printf("%s ended with status %d", build->command, status);
        build_set_error(build, text, strlen(text));
        free(text);
    }
    enum build_state state = status == 0 ? BUILD_DONE : stopped ? BUILD_CANCELLED : BUILD_FAILED;
    build_end(build, state, status, now);
    build->diagnosis = diagnose_build(build);
    errorline_settle(build);
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

static void add_file(struct strlist *words, const char *path)
{
    strlist_add(words, "-f");
    strlist_put(words, path_as_word(path));
}

/* The copies lie elsewhere: compose is told what it would have read from the
 * place and from the text of the files. */
static void add_bare(struct strlist *words, const struct bare *bare)
{
    const char *named = getenv("COMPOSE_PROJECT_NAME");
    for (size_t i = 0; i < bare->files_len; i++)
        add_file(words, bare->files[i]);
    words_add_option(words, "--project-directory", bare->project);
    if (bare->name != NULL && (named == NULL || named[0] == '\0'))
        words_add_option(words, bare->name[0] == '-' ? "--project-name" : "-p", bare->name);
}

/* ---- what is run */
static struct strlist runner_arguments(const struct runner_spec *spec)
{
    struct strlist words = {0};
    if (spec->bare != NULL) {
        add_bare(&words, spec->bare);
    } else if (spec->compose_file != NULL) {
        add_file(&words, spec->compose_file);
    }
    for (size_t i = 0; i < spec->profiles_len; i++)
        words_add_option(&words, "--profile", spec->profiles[i]);
    strlist_add(&words, "build");
    if (spec->no_cache)
        strlist_add(&words, "--no-cache");
    if (spec->pull)
        strlist_add(&words, "--pull");
    for (size_t i = 0; i < spec->build_args_len; i++)
        words_add_option(&words, "--build-arg", spec->build_args[i]);
    words_add_operands(&words, spec->services, spec->services_len);
    return words;
}

/* All by the environment: flags differ from version to version, and an older
 * tool stops at a flag that it does not know. */
static struct strlist runner_environment(const struct runner_spec *spec)
{
    struct strlist words = {0};
    strlist_add(&words, spec->traditional ? "DOCKER_BUILDKIT=0" : "DOCKER_BUILDKIT=1");
    strlist_add(&words,
                spec->traditional ? "COMPOSE_DOCKER_CLI_BUILD=0" : "COMPOSE_DOCKER_CLI_BUILD=1");
    if (spec->builder != NULL && spec->builder_is_context) {
        char *context = mem_printf("DOCKER_CONTEXT=%s", spec->builder);
        strlist_add(&words, context);
        strlist_add(&words, "DOCKER_HOST=");
        strlist_add(&words, "BUILDX_BUILDER=");
        free(context);
    } else if (spec->builder != NULL) {
        char *builder = mem_printf("BUILDX_BUILDER=%s", spec->builder);
        strlist_add(&words, builder);
        free(builder);
    }
    return words;
}

/* `tool` and the arguments, for people. The caller frees it. */
static char *runner_command_of(const struct runner_spec *spec, const char *tool)
{
    struct strlist words = runner_arguments(spec);
    struct buf command = {0};
    buf_append_str(&command, tool);
    for (size_t i = 0; i < words.len; i++)
        buf_printf(&command, " %s", words.items[i]);
    strlist_done(&words);
    return buf_take(&command);
}

char *runner_command(const struct runner_spec *spec)
{
    return runner_command_of(spec, "docker compose");
}

/* What the tool prints: through the parser into the log, and on to whoever
 * wants to read it. When the log's file is slower than the tool, the tool waits. */

/* The parser has made lines for people: hands on those that are new. */
static void show_lines(void *arg)
{
    struct runner *runner = arg;
    struct buildlog_line line;
    struct buf text = {0};
    uint64_t end = buildlog_end(runner->build->log);
    for (; runner->shown < end; runner->shown++) {
        if (buildlog_get(runner->build->log, runner->shown, &line) < 0)
            continue;
        logline_append(&text, &line);
        buf_append(&text, "\n", 1);
    }
    if (text.len > 0)
        runner->ops->on_output(runner->arg, text.data, text.len);
    buf_done(&text);
}

/* Not the tool's own output, but the lines that the parser made of it? */
static bool wants_lines(const struct runner *runner)
{
    return runner->ops->on_output != NULL && !runner->progress_ops->readable;
}

static void on_room(void *arg)
{
    struct runner *runner = arg;
    if (!runner->paused)
        return;
    runner->paused = false;
    process_resume(runner->process);
}

/* The best that the tool can do. With rawjson, compose must be left to choose
 * by itself, for it does not know that word; and "never" for ANSI, too, would
 * mean plain to it. */
static void runner_output_open(struct runner *runner)
{
    bool traditional = runner->spec.traditional;
    bool rawjson = tool_knows_rawjson(&runner->tool) && !traditional;
    runner->progress_ops = traditional ? &progress_legacy
                           : rawjson   ? &progress_rawjson
                                       : &progress_plain;
    strlist_add(&runner->environment,
                rawjson ? "BUILDKIT_PROGRESS=rawjson" : "BUILDKIT_PROGRESS=plain");
    strlist_add(&runner->environment, rawjson ? "COMPOSE_PROGRESS=auto" : "COMPOSE_PROGRESS=plain");
    strlist_add(&runner->environment, rawjson ? "COMPOSE_ANSI=auto" : "COMPOSE_ANSI=never");
    runner->progress = runner->progress_ops->open(runner->build);
    buildlog_on_room(runner->build->log, on_room, runner);
    if (wants_lines(runner))
        buildlog_on_full(runner->build->log, show_lines, runner);
}

static void runner_output_feed(void *arg, enum process_stream stream, const char *data, size_t len)
{
    struct runner *runner = arg;
    runner->progress_ops->feed(runner->progress, (int)stream, data, len, clock_mono_ms());
    if (wants_lines(runner))
        show_lines(runner);
    else if (runner->ops->on_output != NULL)
        runner->ops->on_output(runner->arg, data, len);
    if (buildlog_is_behind(runner->build->log) && !runner->paused) {
        runner->paused = true;
        process_pause(runner->process);
    }
    runner->ops->on_progress(runner->arg);
}

/* All has been read: what the parser kept back counts too. */
static void runner_output_end(struct runner *runner)
{
    if (runner->progress == NULL)
        return;
    runner->progress_ops->end(runner->progress, clock_mono_ms());
    if (wants_lines(runner))
        show_lines(runner);
}

static void runner_output_close(struct runner *runner)
{
    if (runner->progress == NULL)
        return;
    buildlog_on_room(runner->build->log, NULL, NULL);
    buildlog_on_full(runner->build->log, NULL, NULL);
    runner->progress_ops->close(runner->progress);
    runner->progress = NULL;
}
