/* bilge build: runs the build, streams it, says in the end why it failed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/session.h"
#include "cli/stream.h"
#include "core/base/escape.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/store/store.h"

enum { ERROR_LINE_MAX = 500 }; /* bytes */

/* The JSON of `bilge build`; its shape is in the manual page. */

static void build_print_json(const struct store *store, const struct build *build);

struct build_values {
    bool no_cache, cache, pull, no_pull, traditional, fallback, notify;
    struct option_list build_args, profiles;
};

struct building {
    struct session session;
    struct stream stream;
    uint64_t id;
    bool way_told; /* which way was chosen */
    bool failure_told;
};

static const struct build *building_build(const struct building *building)
{
    return store_build(building->session.store, building->id);
}

/* ---------------------------------------------------------------- start */

static bool builds(const struct compose_project *project, const char *service)
{
    for (size_t i = 0; i < project->services_len; i++)
        if (strcmp(project->services[i].name, service) == 0)
            return true;
    return false;
}

static int check_services(const struct store *store, const struct option_list *services,
                          struct err *err)
{
    const struct compose_project *project = store->project;
    if (store->project_load == LOAD_PENDING)
        return err_set(err, ERR_TIMEOUT, "nothing to build: docker compose does not answer");
    if (project == NULL && store->project_unreadable)
        return 0; /* its tool will know */
    if (project == NULL)
        return err_set(err, -ENOENT, "nothing to build: %s",
                       store->project_error != NULL ? store->project_error
                                                    : "there is no compose project");
    for (size_t i = 0; i < services->len; i++)
        if (!builds(project, services->items[i]))
            return err_set(err, ERR_USAGE, "project %s has no service \"%s\" that builds",
                           project->name, services->items[i]);
    if (project->services_len == 0)
        return err_set(err, -ENOENT, "project %s has no service that builds", project->name);
    return 0;
}

static void tell_way(struct building *building)
{
    const struct build *build = building_build(building);
    if (building->way_told || build == NULL || build->way == NULL)
        return;
    building->way_told = true;
    complain("%s", build->way);
}

static void on_output(void *arg, const char *data, size_t len)
{
    struct building *building = arg;
    tell_way(building);
    stream_write(&building->stream, data, len);
}

static int start(struct building *building, const struct build_values *values, bool traditional,
                 const struct option_list *services, struct err *err)
{
    struct bilge_build_options options = {
        .no_cache = values->no_cache,
        .pull = values->pull,
        .build_args = values->build_args.items,
        .build_args_len = values->build_args.len,
        .traditional = traditional,
        .on_output = on_output,
        .arg = building,
    };
    building->way_told = false;
    return bilge_build(building->session.bilge, services->items, services->len, &options,
                       &building->id, err);
}

static int start_first(struct building *building, const struct build_values *values,
                       const struct option_list *services, struct err *err)
{
    int code = session_settle(&building->session, err);
    if (code == 0)
        code = check_services(building->session.store, services, err);
    return code == 0 ? start(building, values, values->traditional, services, err) : code;
}

/* ----------------------------------------------------------------- wait */

static bool is_over(void *arg)
{
    return build_is_over(building_build(arg));
}

static bool is_over_or_unread(void *arg)
{
    const struct building *building = arg;
    return building->stream.code != 0 || is_over(arg);
}

/* Every interrupt asks the build to stop, each time harder. Nobody reads the
 * output any more: that stops it too. */
static enum exit_code wait_for_end(struct building *building)
{
    struct session *session = &building->session;
    while (session_wait(session, is_over_or_unread, building, 0) == SESSION_INTERRUPTED)
        bilge_build_stop(session->bilge, building->id);
    tell_way(building);
    stream_end(&building->stream);
    if (building->stream.code != 0) {
        complain("writing the build's output: %s", err_reason(building->stream.code));
        if (!is_over(building))
            bilge_build_stop(session->bilge, building->id);
        while (session_wait(session, is_over, building, 0) == SESSION_INTERRUPTED)
            bilge_build_stop(session->bilge, building->id);
        return EXIT_FAILED;
    }
    switch (building_build(building)->state) {
    case BUILD_DONE:
        return EXIT_DONE;
    case BUILD_CANCELLED:
        return EXIT_INTERRUPTED;
    default:
        return EXIT_FAILED;
    }
}

/* --------------------------------------------------------------- report */

/* Has it failed of what the traditional way would not have? */
static bool could_fall_back(const struct build *build)
{
    return build->state == BUILD_FAILED && !build->traditional && build->diagnosis != NULL &&
           build->diagnosis->traditional_helps;
}

/* Of each failed step the line that most likely says why. */
static void complain_error_lines(const struct build *build)
{
    for (size_t i = 0; i < build->steps_len; i++) {
        struct buildlog_line line;
        struct buf plain = {0}, clean = {0};
        if (!step_error_line(build, &build->steps[i], &line))
            continue;
        escape_strip(&plain, line.text, line.len);
        text_clean(&clean, plain.data, plain.len);
        complain("first error in step %d: %.*s", build->steps[i].number, ERROR_LINE_MAX,
                 clean.data);
        buf_done(&plain);
        buf_done(&clean);
    }
}

static void complain_failure(const struct build *build)
{
    complain_error_lines(build);
    if (build->error != NULL)
        complain("the build failed: %s", build->error);
    else
        complain("the build failed with exit status %d", build->exit_status);
    if (build->diagnosis != NULL)
        complain("cause: %s Fix: %s%s", build->diagnosis->cause, build->diagnosis->fix,
                 could_fall_back(build) ? " (or bilge build --traditional)" : "");
}

static void report(const struct building *building, bool json_wanted)
{
    const struct build *build = building_build(building);
    if (json_wanted)
        build_print_json(building->session.store, build);
    if (build->state == BUILD_CANCELLED)
        complain("the build was interrupted");
    else if (build->state == BUILD_FAILED && !building->failure_told)
        complain_failure(build);
}

/* ------------------------------------------------------------- fallback */

/* Goes the traditional way if that helps, and is asked for or agreed to. */
static int fall_back(struct building *building, const struct build_values *values,
                     const struct option_list *services, bool json, bool *ret_again,
                     struct err *err)
{
    const struct build *build = building_build(building);
    bool asked = !values->fallback && !json && ask_possible(stderr);
    bool again = values->fallback;
    if (!could_fall_back(build) || !(again || asked))
        return 0;
    building->failure_told = true;
    complain_failure(build);
    int code =
        asked ? ask_yes(&building->session, stderr, "Build it the traditional way?", &again, err)
              : 0;
    if (code == 0 && again) {
        code = start(building, values, true, services, err);
        building->failure_told = false;
    }
    *ret_again = again;
    return code;
}

/* A bell, and the notice that many terminals show (OSC 9). The text is ours. */
static void notify(const struct building *building, const struct settings *settings, bool both)
{
    int wish = both ? SETTINGS_NOTIFY_BOTH : settings->build_notify;
    if (!isatty(STDERR_FILENO))
        return;
    if (wish == SETTINGS_NOTIFY_BELL || wish == SETTINGS_NOTIFY_BOTH)
        fputs("\a", stderr);
    if (wish == SETTINGS_NOTIFY_OSC9 || wish == SETTINGS_NOTIFY_BOTH)
        fprintf(stderr, "\x1b]9;bilge: build %s\a",
                build_state_name(building_build(building)->state));
}

static enum exit_code build(struct building *building, const struct globals *globals,
                            const struct build_values *values, const struct option_list *services)
{
    struct err err;
    bool again = false;
    if (start_first(building, values, services, &err) < 0)
        return complain_err(&err);
    enum exit_code code = wait_for_end(building);
    if (code == EXIT_FAILED && building->stream.code == 0 &&
        fall_back(building, values, services, globals->json, &again, &err) < 0)
        return complain_err(&err);
    if (again)
        code = wait_for_end(building);
    report(building, globals->json);
    notify(building, &globals->settings, values->notify);
    return code;
}

/* The command line goes before the settings. */
static int override(struct bilge_options *options, const struct build_values *values,
                    struct err *err)
{
    if (values->cache && values->no_cache)
        return err_set(err, ERR_USAGE, "--cache and --no-cache contradict each other");
    if (values->pull && values->no_pull)
        return err_set(err, ERR_USAGE, "--pull and --no-pull contradict each other");
    options->build_no_cache &= !values->cache;
    options->build_pull &= !values->no_pull;
    if (values->profiles.len > 0) {
        options->build_profiles = values->profiles.items;
        options->build_profiles_len = values->profiles.len;
    }
    return 0;
}

static enum exit_code run(const struct globals *globals, const void *values,
                          const struct option_list *operands)
{
    struct bilge_options options = globals_options(globals);
    struct building building = {0};
    struct err err;
    if (override(&options, values, &err) < 0)
        return complain_err(&err);
    options.skip_caches = options.skip_engine = true;
    if (globals->read_only) {
        err_set(&err, ERR_USAGE, "--read-only: nothing is built");
        return complain_err(&err);
    }
    if (session_open(&building.session, &options, &err) < 0)
        return complain_err(&err);
    /* With --json the standard output is for the object alone. */
    stream_init(&building.stream, globals->json ? STDERR_FILENO : STDOUT_FILENO,
                !globals->no_color);
    enum exit_code code = build(&building, globals, values, operands);
    session_close(&building.session);
    stream_done(&building.stream);
    return code;
}

static const struct option_spec build_options[] = {
    {"no-cache", 0, OPTION_FLAG, offsetof(struct build_values, no_cache), NULL,
     "run every step anew"},
    {"cache", 0, OPTION_FLAG, offsetof(struct build_values, cache), NULL,
     "use the cache, whatever the settings say"},
    {"pull", 0, OPTION_FLAG, offsetof(struct build_values, pull), NULL,
     "look for newer base images"},
    {"no-pull", 0, OPTION_FLAG, offsetof(struct build_values, no_pull), NULL,
     "take the base images that are there, whatever the settings say"},
    {"profile", 0, OPTION_LIST, offsetof(struct build_values, profiles), "NAME",
     "profile of the compose project (repeatable)"},
    {"build-arg", 0, OPTION_LIST, offsetof(struct build_values, build_args), "NAME=VALUE",
     "set a build argument (repeatable)"},
    {"traditional", 0, OPTION_FLAG, offsetof(struct build_values, traditional), NULL,
     "build without BuildKit, from the original Dockerfiles"},
    {"fallback", 0, OPTION_FLAG, offsetof(struct build_values, fallback), NULL,
     "go the traditional way when the optimised build can't work here"},
    {"notify", 0, OPTION_FLAG, offsetof(struct build_values, notify), NULL,
     "ring the terminal's bell at the end, and show a notice"},
    {0},
};

const struct command command_build = {
    .name = "build",
    .operands = "[SERVICE...]",
    .summary = "Build services of the compose project, and stream the output.",
    .details = "Without a SERVICE all that build are built.\n",
    .options = build_options,
    .values_size = sizeof(struct build_values),
    .run = run,
};

static void services_json(struct json *json, const struct store *store, const struct build *build)
{
    json_put_array(json, "services");
    for (size_t i = 0; i < build->services_len; i++)
        json_put_text(json, NULL, build->services[i]);
    for (size_t i = 0;
         build->services_len == 0 && store->project != NULL && i < store->project->services_len;
         i++)
        json_put_text(json, NULL, store->project->services[i].name);
    json_put_array_end(json);
}

static void step_json(struct json *json, const struct step *step)
{
    json_put_object(json, NULL);
    json_put_int(json, "number", step->number);
    json_put_text(json, "name", step->name);
    json_put_text(json, "service", step->service);
    json_put_text(json, "stage", step->stage);
    json_put_int(json, "index", step->index);
    json_put_int(json, "total", step->total);
    json_put_text(json, "instruction", step->instruction);
    json_put_bool(json, "internal", step->internal);
    json_put_text(json, "state", step_state_name(step->state));
    json_put_int(json, "duration_ms", step->duration_ms);
    json_put_int(json, "warnings", (int64_t)step->warnings);
    json_put_text(json, "error", step->error);
    json_put_object_end(json);
}

static void remarks_json(struct json *json, const struct build *build)
{
    json_put_array(json, "warnings");
    for (size_t i = 0; i < build->warnings_len; i++) {
        const struct build_warning *warning = &build->warnings[i];
        json_put_object(json, NULL);
        json_put_int(json, "step", warning->step);
        json_put_text(json, "text", warning->text);
        json_put_text(json, "url", warning->url);
        json_put_text(json, "file", warning->file);
        json_put_int(json, "line", warning->line);
        json_put_object_end(json);
    }
    json_put_array_end(json);
    json_put_object(json, "excerpt");
    json_put_int(json, "step", build->excerpt.step);
    json_put_text(json, "file", build->excerpt.file);
    json_put_int(json, "line", build->excerpt.line);
    json_put_text(json, "text", build->excerpt.text);
    json_put_object_end(json);
}

/* The services are the project's when the build named none. */
static void build_print_json(const struct store *store, const struct build *build)
{
    struct json json = {.out = stdout};
    json_put_object(&json, NULL);
    services_json(&json, store, build);
    json_put_text(&json, "command", build->command);
    json_put_text(&json, "way", build->traditional ? "traditional" : "optimised");
    json_put_text(&json, "why", build->way);
    json_put_text(&json, "state", build_state_name(build->state));
    json_put_int(&json, "exit_status", build->exit_status);
    json_put_time(&json, "started_at", build->started_at);
    json_put_int(&json, "duration_ms", build->duration_ms);
    json_put_array(&json, "steps");
    for (size_t i = 0; i < build->steps_len; i++)
        step_json(&json, &build->steps[i]);
    json_put_array_end(&json);
    remarks_json(&json, build);
    json_put_text(&json, "error", build->error);
    const struct diagnosis *diagnosis = build->diagnosis;
    json_put_text(&json, "diagnosis", diagnosis != NULL ? diagnosis->name : NULL);
    json_put_text(&json, "cause", diagnosis != NULL ? diagnosis->cause : NULL);
    json_put_text(&json, "fix", diagnosis != NULL ? diagnosis->fix : NULL);
    json_put_object_end(&json);
    putchar('\n');
}
