#include "bench/measure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/change.h"
#include "bench/context.h"
#include "bench/frozen.h"
#include "bench/recognise.h"
#include "bench/report.h"
#include "bench/traces.h"
#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/base/path.h"
#include "core/base/process.h"
#include "core/builds/log/logsave.h"
#include "core/builds/run/compat.h"
#include "core/cache/unlink.h"

#define FILE_MAX_BYTES (8 * 1024 * 1024)
#define LOOK_MS 1000
/* The engine may let go of records by itself while a plan is made. */
#define PLAN_TRIES 3
#define WAIT_MS 500
#define WAITS_MAX 20
#define DOCKER_DEADLINE_MS (2 * 60 * 1000)
#define DOCKER_MAX_BYTES (16 * 1024 * 1024)

enum { FILE_CODE, FILE_DEPENDENCIES };

/* -------------------------------------------------------------------- waiting */

/* No more builds. The first error stays. */
static void fail(struct bench *bench, const struct err *err)
{
    if (bench->err.code == 0)
        bench->err = *err;
}

static void interrupt(struct measure *measure)
{
    struct bench *bench = &measure->bench;
    struct bilge *bilge = measure->session->bilge;
    if (bench->build_id != 0) {
        bilge_build_stop(bilge, bench->build_id);
    } else if (bench->err.code != 0) {
        measure->impatient = true;
        bilge_execute_cancel(bilge);
    }
    struct err err;
    err_set(&err, ERR_CANCELLED, "interrupted");
    fail(bench, &err);
}

/* Starts an asynchronous call; its callback calls arrive(). */
static void begin(struct measure *measure)
{
    measure->over = false;
    err_clear(&measure->err);
}

static void arrive(struct measure *measure, const struct err *err)
{
    measure->over = true;
    if (err != NULL)
        measure->err = *err;
}

static bool is_over(void *arg)
{
    const struct measure *measure = arg;
    return measure->over;
}

static void wait_until(struct measure *measure, session_until *until)
{
    uint64_t look_ms = isatty(STDERR_FILENO) && measure->traces != NULL ? LOOK_MS : 0;
    enum session_end end;
    while ((end = session_wait(measure->session, until, measure, look_ms)) != SESSION_REACHED) {
        if (end == SESSION_INTERRUPTED)
            interrupt(measure);
        else
            report_now(&measure->bench, measure->session->store, stderr);
    }
}

static void pause_ms(struct measure *measure, uint64_t milliseconds)
{
    begin(measure);
    if (session_wait(measure->session, is_over, measure, milliseconds) == SESSION_INTERRUPTED)
        interrupt(measure);
}

/* Asked while files are copied. */
static bool is_stopped(void *arg)
{
    struct measure *measure = arg;
    if (session_interrupted(measure->session))
        interrupt(measure);
    return measure->bench.err.code != 0;
}

/* -------------------------------------------------------------------- reading */

static const struct compose_service *find(const struct compose_project *project, const char *name)
{
    for (size_t i = 0; i < project->services_len; i++)
        if (strcmp(project->services[i].name, name) == 0)
            return &project->services[i];
    return NULL;
}

static void choose_services(struct bench *bench, const struct compose_project *original,
                            const struct compose_project *optimised)
{
    bench->services =
        mem_realloc(bench->services, (original->services_len + 1) * sizeof *bench->services);
    for (size_t i = 0; i < original->services_len; i++)
        if (find(optimised, original->services[i].name) != NULL)
            bench->services[bench->services_len++] =
                (struct bench_service){.name = mem_strdup(original->services[i].name)};
}

/* "FILE" is for all services, "SERVICE=FILE" for one; the last word counts. */
static char *given_file(const struct option_list *files, const char *service)
{
    const char *found = NULL;
    size_t name = strlen(service);
    for (size_t i = 0; i < files->len; i++) {
        const char *given = files->items[i], *equals = strchr(given, '=');
        if (equals == NULL)
            found = given;
        else if ((size_t)(equals - given) == name && strncmp(given, service, name) == 0)
            found = equals + 1;
    }
    return found != NULL ? mem_strdup(found) : NULL;
}

static char *place(const struct bench *bench, enum bench_variant variant, const char *what)
{
    return mem_printf("%s/%s%s", bench->directory, bench_variants[variant], what);
}

/* The compose file of a step. */
static int freeze(const struct measure *measure, const struct bench_step *step, char **ret_json,
                  struct err *err)
{
    const struct bench *bench = &measure->bench;
    const struct bench_service *service = &bench->services[step->service];
    const struct bench_source *source = &service->sources[step->variant];
    char *copy = place(bench, step->variant, ""), *image = bench_image(bench, step);
    char *caches = place(bench, step->variant, "-caches");
    const struct frozen_spec spec = {
        .config = measure->configs[step->variant],
        .service = service->name,
        .context = source->context,
        .copy = copy,
        .dockerfile = source->dockerfile,
        .image = image,
        .caches = caches,
    };
    int code = frozen_make(&spec, ret_json, err);
    free(copy);
    free(image);
    free(caches);
    return code;
}

/* Whatever stands in the way of the builds is found before the first of them. */
static int fill_source(struct measure *measure, const struct compose_project *project,
                       const struct bench_step *step, struct err *err)
{
    struct bench *bench = &measure->bench;
    struct bench_service *service = &bench->services[step->service];
    struct bench_source *source = &service->sources[step->variant];
    const struct compose_service *found = find(project, service->name);
    char *json = NULL;
    if (found == NULL)
        return err_set(err, ERR_USAGE, "%s has no service \"%s\" that builds",
                       bench->files[step->variant], service->name);
    if (found->context == NULL || found->context[0] != '/')
        return err_set(err, ERR_UNSUPPORTED,
                       "%s in %s is built from %s: only a directory can be copied and changed",
                       service->name, bench->files[step->variant],
                       found->context != NULL ? found->context : "no context");
    char *dockerfile = compose_dockerfile(found);
    source->context = path_plain(found->context);
    /* "../Dockerfile" lies outside, though its path begins with the context's. */
    source->dockerfile = dockerfile != NULL ? path_plain(dockerfile) : NULL;
    free(dockerfile);
    if (bench->wanted[BENCH_CODE])
        source->code_file = given_file(measure->code_files, service->name);
    if (bench->wanted[BENCH_DEPENDENCIES])
        source->dependency_file = given_file(measure->dependency_files, service->name);
    int code = freeze(measure, step, &json, err);
    free(json);
    return code;
}

static int read_source(const struct bench *bench, const char *service, struct bench_source *source,
                       struct err *err)
{
    struct buf text = {0};
    if (source->dockerfile != NULL &&
        fs_read_path(source->dockerfile, FILE_MAX_BYTES, &text, NULL) == 0)
        source->dockerfile_text = buf_take(&text);
    buf_done(&text);
    int code = context_measure(source->context, source->dockerfile, &source->context_bytes,
                               &source->context_files, err);
    return code < 0 ? code
                    : recognise(service, source, bench->wanted[BENCH_CODE],
                                bench->wanted[BENCH_DEPENDENCIES], err);
}

static int read_services(struct measure *measure, const struct compose_project *const *projects,
                         struct err *err)
{
    struct bench *bench = &measure->bench;
    for (int variant = 0; variant < BENCH_VARIANTS; variant++)
        mem_replace(&measure->configs[variant], projects[variant]->text);
    mem_replace(&bench->project, projects[BENCH_OPTIMISED]->name);
    if (bench->services_len == 0)
        choose_services(bench, projects[BENCH_ORIGINAL], projects[BENCH_OPTIMISED]);
    if (bench->services_len == 0)
        return err_set(err, -ENOENT, "%s and %s have no service in common that builds",
                       bench->files[BENCH_ORIGINAL], bench->files[BENCH_OPTIMISED]);
    int code = 0;
    for (size_t i = 0; i < bench->services_len * BENCH_VARIANTS && code == 0; i++) {
        const struct bench_step step = {.service = i / BENCH_VARIANTS,
                                        .variant = i % BENCH_VARIANTS};
        code = fill_source(measure, projects[step.variant], &step, err);
    }
    for (size_t i = 0; i < bench->services_len * BENCH_VARIANTS && code == 0; i++) {
        struct bench_service *service = &bench->services[i / BENCH_VARIANTS];
        code = read_source(bench, service->name, &service->sources[i % BENCH_VARIANTS], err);
    }
    return code;
}

/* A benchmark that could not remove its records afterwards must not start. */
static int check_builder(struct measure *measure, struct err *err)
{
    const struct builder *builder = store_selected_builder(measure->session->store);
    if (builder == NULL)
        return err_set(err, -ENOENT, "there is no builder");
    if (!builder->reachable)
        return err_set(err, ERR_PEER, "builder %s: %s", builder->name,
                       session_builder_error(builder));
    mem_replace(&measure->bench.builder, builder->id);
    measure->bench.forgets_steps = builder_forgets_steps(builder);
    return 0;
}

static void on_original(void *arg, struct compose_project *project, const struct err *err)
{
    ((struct measure *)arg)->project = project;
    arrive(arg, err);
}

static int load_original(struct measure *measure, struct err *err)
{
    struct bench *bench = &measure->bench;
    struct compose_load *load;
    if (bench->files[BENCH_ORIGINAL] == NULL)
        bench->files[BENCH_ORIGINAL] = bench->found_file =
            compat_original_file(bench->files[BENCH_OPTIMISED], NULL);
    if (bench->files[BENCH_ORIGINAL] == NULL)
        return err_set(err, ERR_USAGE, "there is no original beside %s: --original FILE",
                       bench->files[BENCH_OPTIMISED]);
    begin(measure);
    int code = compose_load(&measure->session->loop, bench->files[BENCH_ORIGINAL], NULL,
                            on_original, measure, &load, err);
    if (code < 0)
        return code;
    if (session_wait(measure->session, is_over, measure, 0) == SESSION_INTERRUPTED) {
        if (!measure->over)
            compose_load_cancel(load);
        return err_set(err, ERR_CANCELLED, "interrupted");
    }
    return measure->err.code == 0 ? 0
                                  : err_set(err, measure->err.code, "%s: %s",
                                            bench->files[BENCH_ORIGINAL], measure->err.text);
}

int measure_read(struct measure *measure, struct err *err)
{
    struct bench *bench = &measure->bench;
    const struct store *store = measure->session->store;
    const char *parent = getenv("TMPDIR");
    bench->mark = mark_make(&measure->token);
    bench->parent = path_plain(parent != NULL && parent[0] == '/' ? parent : "/tmp");
    bench->directory = path_join(bench->parent, bench->mark);
    int code = check_builder(measure, err);
    if (code == 0)
        code = load_original(measure, err);
    if (code == 0 && store->project == NULL)
        code = err_set(err, -ENOENT, "%s: %s", bench->files[BENCH_OPTIMISED],
                       store->project_error != NULL ? store->project_error
                                                    : "there is no compose project");
    if (code < 0)
        return code;
    bench->leftovers = leftovers_find(bench->parent, &bench->leftovers_len);
    const struct compose_project *const projects[] = {measure->project, store->project};
    return read_services(measure, projects, err);
}

/* --------------------------------------------------------------------- staging */

static int remove_from(const char *directory, const char *name, struct err *err)
{
    int fd = -1, code = fs_open_root(directory, &fd, err);
    if (code < 0)
        return code == -ENOENT ? 0 : code;
    code = unlink_tree(fd, name, NULL, NULL, err);
    close(fd);
    return code;
}

/* Relative to the context; NULL: it is not changed. */
static const char *file_of(const struct bench_source *source, int which)
{
    return which == FILE_CODE ? source->code_file : source->dependency_file;
}

static int copy_variant(struct measure *measure, size_t service, enum bench_variant variant,
                        struct err *err)
{
    const struct bench *bench = &measure->bench;
    const struct bench_source *source = &bench->services[service].sources[variant];
    char *copy = place(bench, variant, "");
    int code = remove_from(bench->directory, bench_variants[variant], err);
    if (code == 0)
        code = context_copy(source->context, source->dockerfile, copy, is_stopped, measure, err);
    for (int which = 0; which < 2 && code == 0; which++) {
        struct buf *pristine = &measure->pristine[variant][which];
        buf_clear(pristine);
        if (file_of(source, which) == NULL)
            continue;
        char *path = path_join(copy, file_of(source, which));
        code = fs_read_path(path, FILE_MAX_BYTES, pristine, err);
        free(path);
    }
    free(copy);
    return code;
}

static int put_file(struct measure *measure, const struct bench_step *step, int which, bool changed,
                    struct err *err)
{
    const struct bench_source *source =
        &measure->bench.services[step->service].sources[step->variant];
    const struct buf *pristine = &measure->pristine[step->variant][which];
    const char *file = file_of(source, which);
    char *copy = place(&measure->bench, step->variant, ""), *path = path_join(copy, file);
    struct buf text = {0};
    struct stat st;
    int code = stat(path, &st) < 0 ? err_sys(err, -errno, "looking at %s", path) : 0;
    if (code == 0 && changed)
        code = change_make(file, pristine, ++measure->token,
                           which == FILE_DEPENDENCIES ? source->dependency : NULL, &text, err);
    else
        buf_append(&text, pristine->data, pristine->len);
    if (code == 0)
        code = fs_write_path(path, text.data, text.len, st.st_mode & 07777, err);
    buf_done(&text);
    free(path);
    free(copy);
    return code;
}

static bool begins_round(const struct bench_step *step)
{
    return step->scenario == BENCH_FIRST || step->scenario == BENCH_PREPARATION;
}

/* A round begins with everything as it was; what is changed in it stays so. */
static int edit(struct measure *measure, const struct bench_step *step, struct err *err)
{
    const struct bench_source *source =
        &measure->bench.services[step->service].sources[step->variant];
    int code = 0;
    for (int which = 0; which < 2 && code == 0; which++) {
        bool meant = step->scenario == (which == FILE_CODE ? BENCH_CODE : BENCH_DEPENDENCIES);
        if (file_of(source, which) != NULL && (meant || (begins_round(step) && step->round > 0)))
            code = put_file(measure, step, which, meant, err);
    }
    return code;
}

/* Copies, edits, the compose file, whose path the caller frees. */
static int stage(struct measure *measure, const struct bench_step *step, char **ret_file,
                 struct err *err)
{
    const struct bench *bench = &measure->bench;
    int code = 0;
    if (measure->lock < 0)
        code = leftover_make_directory(bench->parent, bench->mark, &measure->lock, err);
    for (int variant = 0; variant < BENCH_VARIANTS && step->starts_service && code == 0; variant++)
        code = copy_variant(measure, step->service, (enum bench_variant)variant, err);
    if (code == 0)
        code = edit(measure, step, err);
    char *json = NULL;
    if (code == 0)
        code = freeze(measure, step, &json, err);
    *ret_file = place(bench, step->variant, ".json");
    if (code == 0)
        code = fs_write_path(*ret_file, json, strlen(json), 0600, err);
    free(json);
    return code;
}

/* ------------------------------------------------------------------- one build */

static const struct build *build_of(const struct measure *measure)
{
    return store_build(measure->session->store, measure->bench.build_id);
}

static bool build_has_ended(void *arg)
{
    const struct build *build = build_of(arg);
    return build == NULL || build_is_over(build);
}

static bool is_work(const struct step *step)
{
    static const char *const words[] = {"RUN ", "COPY ", "ADD "};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strncasecmp(step->instruction, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

static struct bench_run run_of(const struct build *build)
{
    struct bench_run run = {.started_at = build->started_at, .duration_ms = build->duration_ms};
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct step *step = &build->steps[i];
        if (step->index == 0 || strncasecmp(step->instruction, "FROM ", 5) == 0 ||
            step->state == STEP_WAITING)
            continue;
        run.steps_over += step_is_over(step);
        run.steps_cached += step->state == STEP_CACHED;
        run.work_cached += step->state == STEP_CACHED && is_work(step);
    }
    return run;
}

/* The first build of a round is the one that sends its context whole. */
static void note_traces(struct traces *traces, const struct bench_step *step,
                        const struct build *build)
{
    traces_add_window(traces, build->started_at, clock_now(), begins_round(step));
    for (size_t i = 0; i < build->steps_len; i++)
        if (build->steps[i].index > 0)
            traces_add_step(traces, build->steps[i].instruction);
}

static void on_saved(void *arg, const struct logsave_result *result, const struct err *err)
{
    (void)result;
    arrive(arg, err);
}

/* Beside the directory, which goes. */
static void keep_log(struct measure *measure, const struct build *build)
{
    struct bench *bench = &measure->bench;
    bench->log_path = mem_printf("%s.log", bench->directory);
    begin(measure);
    logsave_start(&measure->session->loop, build->log, bench->log_path, NULL, on_saved, measure);
    wait_until(measure, is_over);
    if (measure->err.code == 0)
        return;
    strlist_add(&bench->left, measure->err.text);
    mem_replace(&bench->log_path, NULL);
}

static void explain_failure(struct measure *measure, const struct bench_step *step,
                            const struct build *build)
{
    struct err err;
    const char *service = measure->bench.services[step->service].name;
    if (build->state == BUILD_CANCELLED)
        err_set(&err, ERR_CANCELLED, "interrupted");
    else if (build->state == BUILD_DONE)
        err_set(&err, ERR_UNSUPPORTED, "%s: the optimised build can't be measured here: %s",
                service, build->way);
    else
        err_set(&err, ERR_PEER, "%s, %s, %s, run %zu: the build failed: %s", service,
                bench_variants[step->variant], bench_scenarios[step->scenario].title,
                step->round + 1, build->error != NULL ? build->error : "no reason was given");
    fail(&measure->bench, &err);
    if (build->state == BUILD_FAILED)
        keep_log(measure, build);
}

static void judge(struct measure *measure, const struct bench_step *step, const struct build *build)
{
    struct bench *bench = &measure->bench;
    note_traces(measure->traces, step, build);
    mem_replace(&bench->tools, build->tool);
    /* The traditional way has neither local caches nor cache mounts. */
    if (build->state == BUILD_DONE && (step->variant == BENCH_ORIGINAL || !build->traditional)) {
        struct bench_run run = run_of(build);
        bench_add_run(&bench->services[step->service], step, &run);
        bench->next++;
        report_run(bench, step, &run, stderr);
    } else {
        explain_failure(measure, step, build);
    }
}

static void build(struct measure *measure, const struct bench_step *step, const char *file)
{
    struct bench *bench = &measure->bench;
    const char *const services[] = {bench->services[step->service].name};
    char *mounts = bench_mounts(bench, step), *kind = bench_kind(step);
    char *argument = mem_printf("BUILDKIT_CACHE_MOUNT_NS=%s", mounts);
    const char *const arguments[] = {argument};
    const struct bilge_build_options options = {
        .no_cache = step->scenario == BENCH_FIRST,
        .build_args = arguments,
        .build_args_len = 1,
        .compose_file = file,
        .kind = kind,
    };
    struct err err;
    measure->built = true;
    if (bilge_build(measure->session->bilge, services, 1, &options, &bench->build_id, &err) < 0) {
        fail(bench, &err);
    } else {
        wait_until(measure, build_has_ended);
        const struct build *ended = build_of(measure);
        bench->build_id = 0;
        if (ended != NULL)
            judge(measure, step, ended);
        else if (bench->err.code == 0)
            interrupt(measure);
    }
    free(argument);
    free(kind);
    free(mounts);
}

/* -------------------------------------------------------------------- cleaning */

static void note_left(struct bench *bench, const char *what, const char *why)
{
    char *line = mem_printf("%s: %s", what, why);
    if (!strlist_has(&bench->left, line))
        strlist_add(&bench->left, line);
    free(line);
}

static void on_answer(void *arg, const struct process_result *result, const struct err *err)
{
    struct measure *measure = arg;
    arrive(measure, err);
    if (err == NULL && result->status != 0)
        err_set(&measure->err, ERR_PEER, "docker: %s",
                result->err.len > 0 ? result->err.data : "no reason was given");
    else if (err == NULL)
        buf_append(&measure->output, result->out.data, result->out.len);
}

/* Runs docker and waits. Afterwards measure->output holds what docker printed. */
static int ask_docker(struct measure *measure, const char *const *argv)
{
    const struct process_spec spec = {.argv = argv, .deadline_ms = DOCKER_DEADLINE_MS};
    struct process_capture *capture;
    begin(measure);
    buf_clear(&measure->output);
    if (process_capture(&measure->session->loop, &spec, DOCKER_MAX_BYTES, on_answer, measure,
                        &capture, &measure->err) == 0)
        wait_until(measure, is_over);
    return measure->err.code;
}

static bool has_mark(const char *name, const char *mark)
{
    size_t len = strlen(mark);
    return strncmp(name, mark, len) == 0 && name[len] == '-';
}

static bool is_own_image(const struct bench *bench, const char *name)
{
    bool own = has_mark(name, bench->mark);
    for (size_t i = 0; i < bench->leftovers_len && !own; i++)
        own = has_mark(name, bench->leftovers[i].mark);
    return own;
}

static void remove_images(struct measure *measure)
{
    static const char *const list[] = {
        "docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", NULL};
    struct bench *bench = &measure->bench;
    if (!measure->built && bench->leftovers_len == 0)
        return;
    if (ask_docker(measure, list) < 0) {
        char *images = mem_printf("%s-... (images)", bench->mark);
        note_left(bench, images, measure->err.text);
        free(images);
        return;
    }
    char *names = buf_take(&measure->output), *rest = names;
    for (char *name; (name = strsep(&rest, "\n")) != NULL;) {
        const char *const removal[] = {"docker", "image", "rm", name, NULL};
        if (!is_own_image(bench, name))
            continue;
        if (ask_docker(measure, removal) < 0)
            note_left(bench, name, measure->err.text);
        else
            bench->images_removed++;
    }
    free(names);
}

static void on_plan(void *arg, struct plan *plan, const struct err *err)
{
    ((struct measure *)arg)->plan = plan;
    arrive(arg, err);
}

/* A plan for these records. It looks at all of them anew, so one for none (NULL) does
 * just that. */
static int make_plan(struct measure *measure, const char *const *ids, size_t len)
{
    struct query query;
    query_init(&query);
    query.records = true;
    query.builder = measure->bench.builder;
    query.ids = ids;
    query.ids_len = len;
    if (ids == NULL)
        query.larger_than_bytes = INT64_MAX;
    begin(measure);
    if (bilge_plan(measure->session->bilge, &query, on_plan, measure, &measure->err) == 0)
        wait_until(measure, is_over);
    return measure->err.code;
}

static const struct records *look_at_records(struct measure *measure)
{
    static const struct records none = {0};
    if (make_plan(measure, NULL, 0) == 0)
        plan_free(measure->plan);
    const struct builder *builder = store_builder(measure->session->store, measure->bench.builder);
    return builder != NULL ? &builder->records : &none;
}

static bool prune_has_ended(void *arg)
{
    const struct measure *measure = arg;
    return measure->session->store->prune.state == PRUNE_OVER;
}

/* Carries the plan out, as every prune is. */
static void prune(struct measure *measure)
{
    struct bench *bench = &measure->bench;
    struct plan *plan = measure->plan;
    const struct prune_status *status = &measure->session->store->prune;
    struct err err;
    if (plan->kept_len == 1) {
        note_left(bench, plan->kept[0].title, plan->kept[0].reason);
    } else if (plan->kept_len > 1) {
        char *what = mem_printf("%zu records, such as %s", plan->kept_len, plan->kept[0].title);
        note_left(bench, what, plan->kept[0].reason);
        free(what);
    }
    if (plan->items_len == 0 || bilge_execute(measure->session->bilge, plan, &err) < 0) {
        if (plan->items_len > 0)
            note_left(bench, "records of the builds", err.text);
        plan_free(plan);
        return;
    }
    wait_until(measure, prune_has_ended);
    size_t failed = status->failures_len < status->items_done ? status->failures_len : 0;
    bench->records_removed += status->items_done - failed;
    bench->freed_bytes += status->freed_bytes;
    for (size_t i = 0; i < status->failures_len && i < 5; i++)
        note_left(bench, status->failures[i].id, status->failures[i].error);
}

/* The engine lets go of what an interrupted build had only after a moment. */
static void remove_records(struct measure *measure)
{
    struct bench *bench = &measure->bench;
    for (unsigned tries = 0, waits = 0;;) {
        size_t len, held;
        const char **ids = traces_find(measure->traces, look_at_records(measure), &len, &held);
        if (held > 0 && !measure->impatient && waits++ < WAITS_MAX) {
            free(ids);
            pause_ms(measure, WAIT_MS);
            continue;
        }
        if (held > 0)
            note_left(bench, "records of the builds", "some are still in use");
        int code = len > 0 && !measure->impatient ? make_plan(measure, ids, len) : 0;
        free(ids);
        if (code < 0 && ++tries < PLAN_TRIES)
            continue;
        if (code < 0)
            note_left(bench, "records of the builds", measure->err.text);
        else if (len > 0 && measure->impatient)
            note_left(bench, "records of the builds", "interrupted");
        else if (len > 0)
            prune(measure);
        return;
    }
}

/* The local caches of a round, and what others left: as long as its directory is there,
 * the next benchmark tries again. */
static int remove_caches(struct measure *measure, struct err *err)
{
    struct bench *bench = &measure->bench;
    int code = 0;
    for (int variant = 0; variant < BENCH_VARIANTS && code == 0; variant++) {
        char *name = mem_printf("%s-caches", bench_variants[variant]);
        code = remove_from(bench->directory, name, err);
        free(name);
    }
    for (size_t i = 0; i < bench->leftovers_len && code == 0 && bench->left.len == 0; i++)
        code = remove_from(bench->parent, bench->leftovers[i].mark, err);
    return code;
}

static void clean(struct measure *measure)
{
    struct bench *bench = &measure->bench;
    struct err err;
    bench->cleaning = true;
    remove_images(measure);
    remove_records(measure);
    if (remove_caches(measure, &err) < 0)
        note_left(bench, bench->directory, err.text);
    bench->cleaning = false;
}

/* When something stays with the engine, an empty directory tells the next one. */
static void remove_directory(struct measure *measure)
{
    struct bench *bench = &measure->bench;
    struct err err;
    if (remove_from(bench->parent, bench->mark, &err) < 0)
        note_left(bench, bench->directory, err.text);
    else if (bench->left.len > 0 && measure->lock >= 0)
        mkdir(bench->directory, 0700);
}

/* ------------------------------------------------------------------------- all */

static void run_step(struct measure *measure, const struct bench_step *step)
{
    struct bench *bench = &measure->bench;
    struct err err;
    char *file = NULL;
    if (stage(measure, step, &file, &err) < 0)
        fail(bench, &err);
    else
        build(measure, step, file);
    free(file);
    if (step->ends_round || bench->err.code != 0)
        clean(measure);
}

void measure_run(struct measure *measure)
{
    struct bench *bench = &measure->bench;
    measure->traces = traces_new(bench->mark);
    for (size_t i = 0; i < bench->services_len; i++)
        for (int variant = 0; variant < BENCH_VARIANTS; variant++)
            traces_add_dockerfile(measure->traces,
                                  bench->services[i].sources[variant].dockerfile_text);
    for (size_t i = 0; i < bench->leftovers_len; i++)
        traces_add_mark(measure->traces, bench->leftovers[i].mark);
    bench->started_at = clock_now();
    traces_know(measure->traces, look_at_records(measure));
    if (bench->leftovers_len > 0)
        clean(measure);
    while (bench->err.code == 0 && bench->next < bench_steps(bench)) {
        const struct bench_step step = bench_step(bench, bench->next);
        run_step(measure, &step);
    }
    remove_directory(measure);
    bench->ended_at = clock_now();
}

void measure_done(struct measure *measure)
{
    for (int variant = 0; variant < BENCH_VARIANTS; variant++) {
        free(measure->configs[variant]);
        for (int which = 0; which < 2; which++)
            buf_done(&measure->pristine[variant][which]);
    }
    if (measure->lock >= 0)
        close(measure->lock);
    compose_project_free(measure->project);
    traces_free(measure->traces);
    buf_done(&measure->output);
    bench_done(&measure->bench);
}
